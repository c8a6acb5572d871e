// Draws the state of the station. What a button does stands in its data-act and data-* attributes.

import { h, icon } from "./dom.js";
import { LANGUAGES, current, said, t } from "./words.js";

const LOG_SHOWN = 60;

export function draw(model) {
  const { state } = model;
  return [
    header(model),
    model.connection === "lost" ? h("p", { class: "banner", role: "alert", "data-key": "lost" }, t("lostLong")) : null,
    h(
      "main",
      { "data-key": "main" },
      h(
        "section",
        { id: "cabinets", class: "cabinets", "aria-label": t("cabinets"), tabindex: "-1" },
        state.cabinets.map((each) => cabinet(each, model)),
        lines(state),
      ),
      h("div", { class: "side" }, out(state), cars(state)),
      h("div", { class: "more" }, faults(model), log(model)),
    ),
  ].filter(Boolean);
}

const button = (act, words, data = {}, more = {}) =>
  h(
    "button",
    {
      type: "button",
      "data-act": act,
      ...Object.fromEntries(Object.entries(data).map(([name, value]) => [`data-${name}`, value])),
      ...more,
    },
    words,
  );
const pill = (words, kind = "") => h("span", { class: `pill ${kind}` }, words);

// -- top

export function clockText(seconds) {
  const whole = Math.floor(seconds);
  const days = Math.floor(whole / 86400);
  const two = (number) => String(number).padStart(2, "0");
  const time = `${two(Math.floor(whole / 3600) % 24)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return days ? `${days} d ${time}` : time;
}

function header({ state, connection, now, busy }) {
  const steps = [
    ["minute", 60],
    ["hour", 3600],
    ["shift", 8 * 3600],
  ];
  return h(
    "header",
    { "data-key": "header" },
    h("h1", {}, h("img", { src: "/page/icon.svg", alt: "", width: 26, height: 26 }), h("span", {}, t("title"))),
    h("span", { class: "station" }, t("station", state.station)),
    h("span", { class: `connection ${connection}` }, t(connection)),
    h(
      "span",
      { class: "clock" },
      h("span", { class: "dim" }, t("elapsed")),
      " ",
      h("time", { id: "clock" }, clockText(now)),
    ),
    state.clock.can_advance
      ? h(
          "span",
          { class: "steps", role: "group", "aria-label": t("pass") },
          h("span", { class: "dim" }, t("pass")),
          steps.map(([words, seconds]) => button("advance", t(words), { seconds, words }, { disabled: busy })),
        )
      : null,
    h(
      "span",
      { class: "languages" },
      Object.entries(LANGUAGES).map(([code, name]) =>
        button("speak", name, { code }, { lang: code, "aria-pressed": String(code === current()) }),
      ),
    ),
  );
}

// -- cabinets

function cabinet(found, model) {
  const dark = found.faults.includes("mains_off") || found.faults.includes("battery_empty");
  const at = { cabinet: found.name };
  return h(
    "article",
    { class: "card cabinet", "data-key": `cabinet-${found.name}`, "data-cabinet": found.name },
    h(
      "div",
      { class: "title" },
      h("h2", {}, t("cabinet", found.name), " ", h("span", { class: "dim" }, said(found.place))),
      found.door ? pill(t(`door ${found.door}`), `door-${found.door}`) : pill(t("no door"), "quiet"),
      dark ? pill(t("onBattery"), "bad") : null,
      h(
        "span",
        { class: "actions" },
        found.door && found.door !== "open" ? button("openDoor", t("openDoor"), at) : null,
        found.door === "open" ? button("shutDoor", t("shutDoor"), at) : null,
        found.door && found.door !== "open" ? button("forceDoor", t("forceDoor"), at) : null,
        found.faults.includes("mains_off")
          ? button("restoreMains", t("restoreMains"), at)
          : button("cutMains", t("cutMains"), at),
      ),
    ),
    h("div", { class: "slots", role: "group", "aria-label": t("cabinet", found.name) }, slots(found, model)),
    inspector(found, model),
    h(
      "ul",
      { class: "boards", "aria-label": t("boards") },
      found.boards.map((each) => board(found, each)),
    ),
  );
}

function slots(found, { selected }) {
  const chosen = found.slots.find((each) => each.label === selected) ?? found.slots[0];
  return found.slots.map((each) => {
    const lock = !each.bolt ? t("doorOnly") : each.unlocked ? t("unlocked") : t("locked");
    const words = [each.label, each.set ? `${each.fleet_number}, ${t("present")}` : t("empty"), lock];
    if (each.lamp !== null) words.push(each.lamp ? t("lampOn") : t("lampOff"));
    return h(
      "button",
      {
        type: "button",
        class: `slot ${each.set ? "present" : "empty"} ${each.unlocked && each.bolt ? "unlocked" : ""}`,
        "data-act": "select",
        "data-key": each.label,
        "data-slot": each.label,
        "data-set": each.set,
        "aria-pressed": String(each.label === selected),
        "aria-label": [...words, ...each.faults].join(", "),
        title: words.join(", "),
        tabindex: each === chosen ? "0" : "-1",
      },
      h(
        "span",
        { class: "top" },
        h("span", { class: "label" }, each.label),
        each.lamp === null ? null : h("span", { class: `lamp ${each.lamp ? "lit" : ""}` }),
        each.faults.length ? icon("warning", each.faults.join(", ")) : null,
        each.bolt ? icon(each.unlocked ? "unlocked" : "locked", lock) : null,
      ),
      h("span", { class: "set" }, each.set ? each.fleet_number : "–"),
    );
  });
}

function inspector(found, { selected, state }) {
  const slot = found.slots.find((each) => each.label === selected);
  if (!slot) return h("p", { class: "inspector hint" }, t("choose"));
  const at = { cabinet: found.name, slot: slot.slot };
  const jammed = slot.faults.includes("latch_jammed");
  const outside = state.sets.filter((each) => each.cabinet === null);
  return h(
    "div",
    { class: "inspector", role: "group", "aria-label": slot.label, "data-inspected": slot.label },
    h("strong", {}, slot.label),
    h("span", { class: "dim what" }, slot.set ? `${slot.fleet_number} · ${slot.set}` : t("empty")),
    slot.set
      ? [
          button("pull", t("pull"), { set: slot.set }, { class: "main" }),
          button("override", t("override"), { set: slot.set }),
        ]
      : outside.length
        ? [
            h(
              "select",
              { id: `put-${slot.label}`, "aria-label": t("setToPut") },
              outside.map((each) =>
                h("option", { value: each.id, "data-key": each.id }, `${each.fleet_number} · ${each.id}`),
              ),
            ),
            button("put", t("put"), at, { class: "main" }),
            button("putOverride", t("putOverride"), at),
          ]
        : h("span", { class: "dim" }, t("noneOut")),
    slot.bolt ? (jammed ? button("free", t("free"), at) : button("jam", t("jam"), at)) : null,
  );
}

function board(found, each) {
  const at = { cabinet: found.name, board: each.name };
  return h(
    "li",
    { "data-key": each.name, "data-board": `${found.name}/${each.name}` },
    h("strong", {}, each.name),
    h("span", { class: "dim" }, `${each.profile}, ${t("address", each.address)}`),
    each.powered ? null : pill(t("unpowered"), "bad"),
    each.faults.includes("board_dead") ? button("boardOn", t("on"), at) : button("boardOff", t("off"), at),
  );
}

function lines(state) {
  return h(
    "article",
    { class: "card", "data-key": "lines" },
    h("h2", {}, t("lines")),
    h(
      "ul",
      { class: "lines" },
      state.lines.map((each) => {
        const cut = each.faults.some((kind) => ["line_cut", "tcp_refused"].includes(kind));
        return h(
          "li",
          { "data-key": each.name, "data-line": each.name },
          h("strong", {}, each.name),
          h("code", {}, each.url),
          h("span", { class: "dim" }, t("requests", each.requests, each.replies)),
          cut ? pill(t("isCut"), "bad") : null,
          cut
            ? button("restoreLine", t("restore"), { line: each.name })
            : button("cutLine", t("cut"), { line: each.name }),
        );
      }),
    ),
  );
}

// -- beside them

function out(state) {
  const outside = state.sets.filter((each) => each.cabinet === null);
  return h(
    "article",
    { class: "card", "data-key": "out" },
    h("h2", {}, t("out")),
    outside.length
      ? h(
          "ul",
          { class: "chips" },
          outside.map((each) =>
            h(
              "li",
              { "data-key": each.id, "data-out": each.id },
              h("strong", {}, each.fleet_number),
              h("span", { class: "dim" }, each.id),
            ),
          ),
        )
      : h("p", { class: "dim" }, t("noneOutLong")),
  );
}

function cars(state) {
  return h(
    "article",
    { class: "card", "data-key": "cars" },
    h("h2", {}, t("cars")),
    h("ul", { class: "cars" }, state.cars.map(car)),
  );
}

const kilometres = (km) =>
  km.toLocaleString(current(), { minimumFractionDigits: 1, maximumFractionDigits: 1 });

function car(each) {
  const at = { car: each.id };
  const toggle = (field, words) =>
    button("toggle", t(words), { ...at, field, to: String(!each[field]) }, { "aria-pressed": String(each[field]) });
  return h(
    "li",
    { class: "car", "data-key": each.id, "data-car": each.id },
    h(
      "div",
      { class: "title" },
      h("h3", {}, each.fleet_number, " ", h("span", { class: "dim" }, t(`class ${each.vehicle_class}`))),
      h("span", { class: "dim small" }, each.terminal ? t("terminal", each.terminal) : t("noTerminal")),
      each.faults.length ? icon("warning", each.faults.join(", ")) : null,
    ),
    h(
      "dl",
      {},
      h("div", {}, h("dt", {}, t("odometer")), h("dd", { class: "odometer" }, `${kilometres(each.odometer_km)} km`)),
      h(
        "div",
        {},
        h("dt", {}, t("fuel")),
        h(
          "dd",
          {},
          h("meter", { min: 0, max: 100, low: 20, value: each.fuel_percent.toFixed(0), "aria-hidden": "true" }),
          `${each.fuel_percent.toFixed(0)} %`,
        ),
      ),
      h(
        "div",
        {},
        h("dt", {}, t("battery")),
        h("dd", { class: each.battery_v < 11.8 ? "low" : "" }, `${each.battery_v.toFixed(1)} V`),
      ),
    ),
    h(
      "div",
      { class: "toggles" },
      toggle("engine_on", "engine"),
      each.terminal ? toggle("in_range", "inRange") : null,
      toggle("lights_on", "lights"),
      toggle("doors_open", "doorsOpen"),
    ),
    h(
      "div",
      { class: "codes" },
      each.stored_dtcs.map((code) => pill(code, "bad")),
      each.pending_dtcs.map((code) => pill(`${code} ${t("pending")}`, "warn")),
      each.stored_dtcs.length + each.pending_dtcs.length
        ? button("clearCodes", t("clearCodes"), at)
        : h("span", { class: "dim" }, t("noCodes")),
    ),
    h(
      "div",
      { class: "forms" },
      h(
        "form",
        { "data-act": "drive", "data-car": each.id },
        h("input", {
          name: "km",
          type: "number",
          min: 0,
          max: 100000,
          step: "any",
          value: 12,
          required: true,
          "aria-label": t("kmToDrive", each.fleet_number),
        }),
        h("span", { class: "dim" }, t("km")),
        h("button", { type: "submit" }, t("drive")),
      ),
      h(
        "form",
        { "data-act": "setCode", "data-car": each.id },
        h("input", {
          name: "code",
          placeholder: "P0301",
          pattern: "[PCBUpcbu][0-3][0-9A-Fa-f]{3}",
          required: true,
          maxlength: 5,
          spellcheck: "false",
          autocapitalize: "characters",
          "aria-label": t("code", each.fleet_number),
        }),
        h("button", { type: "submit" }, t("setCode")),
      ),
    ),
  );
}

// -- faults and log

function faults({ state, kinds, kind }) {
  const layers = [...new Set(kinds.map((each) => each.layer))];
  const chosen = kinds.find((each) => each.name === kind) ?? kinds[0];
  return h(
    "article",
    { class: "card", "data-key": "faults" },
    h("h2", {}, t("faults")),
    state.faults.length
      ? h("ul", { class: "faults" }, state.faults.map((each) => fault(each, state)))
      : h("p", { class: "dim" }, t("noFaults")),
    h(
      "form",
      { class: "inject", "data-act": "inject" },
      h(
        "label",
        {},
        t("faultKind"),
        h(
          "select",
          { name: "kind", id: "fault-kind" },
          layers.map((layer) =>
            h(
              "optgroup",
              { label: t(`layer ${layer}`), "data-key": layer },
              kinds
                .filter((each) => each.layer === layer)
                .map((each) => h("option", { value: each.name, "data-key": each.name }, said(each.text))),
            ),
          ),
        ),
      ),
      h(
        "label",
        {},
        t("faultTarget"),
        h(
          "select",
          { name: "target", id: "fault-target" },
          (chosen?.targets ?? []).map((each) =>
            h("option", { value: each, "data-key": each }, targetName(each, state)),
          ),
        ),
      ),
      h(
        "label",
        { class: "short" },
        t("faultFor"),
        h("input", { name: "for_s", type: "number", min: 1, step: "any", placeholder: t("untilCleared") }),
      ),
      h("button", { type: "submit", class: "main" }, t("inject")),
    ),
  );
}

const targetName = (target, state) => state.cars.find((each) => each.id === target)?.fleet_number ?? target;

function fault(each, state) {
  return h(
    "li",
    { "data-key": each.id, "data-fault": `${each.kind}@${each.target}` },
    icon("warning", ""),
    h(
      "span",
      { class: "what" },
      h("strong", {}, targetName(each.target, state)),
      " ",
      said(each.text),
      " ",
      h("span", { class: "dim" }, each.met ? t("met", each.met) : t("notMet")),
    ),
    button("clearFault", t("clear"), { fault: each.id }),
  );
}

function log({ entries }) {
  return h(
    "article",
    { class: "card", "data-key": "log" },
    h("h2", {}, t("log"), " ", h("a", { href: "/openapi.json" }, t("openapi"))),
    entries.length
      ? h(
          "ol",
          { class: "log", tabindex: "0", "aria-label": t("log") },
          entries
            .slice(-LOG_SHOWN)
            .reverse()
            .map((each) =>
              h("li", { "data-key": each.seq }, h("time", {}, clockText(each.at)), h("span", {}, said(each.text))),
            ),
        )
      : h("p", { class: "dim" }, t("noLog")),
  );
}
