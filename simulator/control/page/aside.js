// Beside the cabinets: key sets that are out, cars, faults, and the log.

import { h, icon } from "./dom.js";
import { button, clockText, pill } from "./parts.js";
import { current, said, t } from "./words.js";

const LOG_SHOWN = 60;

export function out(state) {
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

export function cars(state) {
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

export function faults({ state, kinds, kind }) {
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

export function log({ entries }) {
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
