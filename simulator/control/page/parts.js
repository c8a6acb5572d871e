// Small parts of the page.

import { h } from "./dom.js";

export const button = (act, words, data = {}, more = {}) =>
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
export const pill = (words, kind = "") => h("span", { class: `pill ${kind}` }, words);

/** Seconds as hours, minutes and seconds, with days before them. */
export function clockText(seconds) {
  const whole = Math.floor(seconds);
  const days = Math.floor(whole / 86400);
  const two = (number) => String(number).padStart(2, "0");
  const time = `${two(Math.floor(whole / 3600) % 24)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return days ? `${days} d ${time}` : time;
}
