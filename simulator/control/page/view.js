// Draws the state of the station. What a button does stands in its data-act and data-* attributes.

import { cars, faults, log, out } from "./aside.js";
import { h, icon } from "./dom.js";
import { button, clockText, pill } from "./parts.js";
import { LANGUAGES, current, said, t } from "./words.js";

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

// -- top

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
