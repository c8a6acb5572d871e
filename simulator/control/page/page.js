// The control page: keeps a picture of the station up to date, and turns clicks into requests.

import { morphChildren } from "./dom.js";
import { ask, follow, readToken } from "./link.js";
import { clockText } from "./parts.js";
import { draw } from "./view.js";
import { current, said, speak, t } from "./words.js";

const ENTRIES_KEPT = 300;
const LOOK_ANYWAY_MS = 5000; // counters move without anything being logged
const TOLD_MS = 6000;

const model = {
  state: null,
  kinds: [],
  kind: null,
  entries: [],
  seq: 0,
  selected: null,
  connection: "lost",
  busy: false,
  now: 0,
};
const app = document.getElementById("app");
const told = document.getElementById("told");
let fetchedAt = 0;
let looking = false;
let lookAgain = false;
let forgetting = 0;

function show() {
  if (!model.state) return;
  document.documentElement.lang = current();
  document.title = `${model.state.station} · ${t("title")}`;
  document.querySelector(".skip").textContent = t("skip");
  model.now = now();
  morphChildren(app, draw(model));
}

const now = () =>
  model.state.clock.at + (model.state.clock.kind === "virtual" ? 0 : (performance.now() - fetchedAt) / 1000);

/** Read everything anew; calls while that runs lead to one more reading after it. */
async function look() {
  if (looking) {
    lookAgain = true;
    return;
  }
  looking = true;
  try {
    do {
      lookAgain = false;
      const [state, faults] = await Promise.all([ask("GET", "/v1/state"), ask("GET", "/v1/faults")]);
      fetchedAt = performance.now();
      if (state.clock.at < model.state?.clock.at) forget(); // another simulator, started since
      model.state = state;
      model.kinds = faults.kinds;
      show();
    } while (lookAgain);
  } finally {
    looking = false;
  }
}

function forget() {
  model.entries = [];
  model.seq = 0;
}

function heard(entry) {
  if (entry.seq <= model.seq) return;
  model.seq = entry.seq;
  model.entries.push(entry);
  model.entries.splice(0, model.entries.length - ENTRIES_KEPT);
  look().catch(() => {});
}

function connectionIs(connection) {
  if (model.connection === connection) return;
  model.connection = connection;
  show();
  if (connection !== "lost") look().catch(() => {});
}

function tell(text, kind) {
  told.textContent = text;
  told.className = kind;
  clearTimeout(forgetting);
  forgetting = setTimeout(() => (told.className = ""), TOLD_MS);
}

// -- what can be done

const part = encodeURIComponent;
const setPath = (id) => `/v1/sets/${id.split("/").map(part).join("/")}`;
const carPath = (id) => `/v1/cars/${id.split("/").map(part).join("/")}`;
const cabinetPath = (data) => `/v1/cabinets/${part(data.cabinet)}`;
const boardPath = (data) => `${cabinetPath(data)}/boards/${part(data.board)}`;
const put = (data, by_override) => {
  const label = `${data.cabinet}-${data.slot.padStart(2, "0")}`;
  const set = document.getElementById(`put-${label}`).value;
  return ask("POST", `${setPath(set)}/put`, { cabinet: data.cabinet, slot: Number(data.slot), by_override });
};

const ACTS = {
  pull: (data) => ask("POST", `${setPath(data.set)}/pull`),
  override: (data) => ask("POST", `${setPath(data.set)}/override`),
  put: (data) => put(data, false),
  putOverride: (data) => put(data, true),
  openDoor: (data) => ask("POST", `${cabinetPath(data)}/door/open`),
  shutDoor: (data) => ask("POST", `${cabinetPath(data)}/door/shut`),
  forceDoor: (data) => ask("POST", `${cabinetPath(data)}/door/force`),
  jam: (data) => ask("POST", `${cabinetPath(data)}/slots/${data.slot}/jam`),
  free: (data) => ask("POST", `${cabinetPath(data)}/slots/${data.slot}/free`),
  boardOff: (data) => ask("POST", `${boardPath(data)}/off`),
  boardOn: (data) => ask("POST", `${boardPath(data)}/on`),
  cutLine: (data) => ask("POST", `/v1/lines/${part(data.line)}/cut`),
  restoreLine: (data) => ask("POST", `/v1/lines/${part(data.line)}/restore`),
  cutMains: (data) => ask("POST", "/v1/mains/cut", { cabinet: data.cabinet }),
  restoreMains: (data) => ask("POST", "/v1/mains/restore", { cabinet: data.cabinet }),
  toggle: (data) => ask("PATCH", carPath(data.car), { [data.field]: data.to === "true" }),
  clearCodes: (data) => ask("DELETE", `${carPath(data.car)}/dtcs`),
  drive: (data, form) => ask("POST", `${carPath(data.car)}/drive`, { km: Number(form.elements.km.value) }),
  setCode: (data, form) =>
    ask("POST", `${carPath(data.car)}/dtcs`, { code: form.elements.code.value.trim().toUpperCase() }),
  inject: (data, { elements: { kind, target, for_s } }) =>
    ask("POST", "/v1/faults", {
      kind: kind.value,
      target: target.value,
      for_s: for_s.value ? Number(for_s.value) : null,
    }),
  clearFault: (data) => ask("DELETE", `/v1/faults/${data.fault}`),
  advance: (data) => letPass(data),
};

async function letPass(data) {
  model.busy = true;
  show();
  try {
    const answer = await ask("POST", "/v1/time/advance", { seconds: Number(data.seconds) });
    tell(t("passed", t(data.words)), "good");
    return { ...answer, happened: [] };
  } finally {
    model.busy = false;
  }
}

async function act(name, data, form) {
  try {
    const answer = await ACTS[name](data, form);
    if (answer.happened.length) tell(answer.happened.map((each) => said(each.text)).join(" · "), "good");
    if (name === "setCode") form.reset();
  } catch (error) {
    tell(t("failed", error.problem ? said(error.problem.text) : error.message), "bad");
  }
  await look().catch(() => {});
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act]");
  if (!button || button.disabled) return;
  const { act: name, ...data } = button.dataset;
  if (name === "select") {
    model.selected = model.selected === data.slot ? null : data.slot;
    show();
  } else if (name === "speak") {
    speak(data.code);
    show();
  } else {
    act(name, data);
  }
});

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  const { act: name, ...data } = form.dataset;
  act(name, data, form);
});

document.addEventListener("change", (event) => {
  if (event.target.id !== "fault-kind") return;
  model.kind = event.target.value;
  show();
});

document.addEventListener("keydown", (event) => {
  const slot = event.target.closest?.(".slot");
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: "up", ArrowDown: "down", Home: "first", End: "last" };
  if (!slot || !(event.key in steps)) return;
  event.preventDefault();
  const all = [...slot.parentElement.children];
  const across = all.filter((each) => each.offsetTop === all[0].offsetTop).length;
  const here = all.indexOf(slot);
  const step = steps[event.key];
  const there = { up: here - across, down: here + across, first: 0, last: all.length - 1 }[step] ?? here + step;
  all[there]?.focus();
});

window.addEventListener("hashchange", () => {
  if (location.hash.startsWith("#token=")) location.reload();
});

// -- running

async function start() {
  readToken();
  try {
    await look();
  } catch (error) {
    const locked = error.problem?.status === 401;
    app.replaceChildren(
      Object.assign(document.createElement("p"), {
        className: "loading",
        textContent: locked ? t("unauthorized", `${location.origin}/`) : t("lostLong"),
      }),
    );
    if (!locked) setTimeout(start, LOOK_ANYWAY_MS);
    return;
  }
  const log = await ask("GET", `/v1/log?after=${Math.max(0, model.state.next - ENTRIES_KEPT)}&limit=1000`);
  log.entries.forEach(heard);
  show();
  follow(() => model.seq, heard, connectionIs);
  setInterval(() => look().catch(() => connectionIs("lost")), LOOK_ANYWAY_MS);
  setInterval(() => {
    const clock = document.getElementById("clock");
    if (clock && model.connection !== "lost") clock.textContent = clockText(now());
  }, 250);
}

start();
