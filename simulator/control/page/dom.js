// Elements from plain descriptions, and the difference between two trees applied to the page: what did not change keeps
// its focus, its selection and what somebody is typing into it.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "path", "circle", "rect"]);

/** h("button", {class: "x", disabled: false}, "text", [more]): null, undefined and false are left out. */
export function h(tag, attributes, ...children) {
  const element = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child);
  }
  return element;
}

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") : null);
const alike = (old, fresh) =>
  old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh);

/** Make `old` look like `fresh`, keeping its nodes where they fit. */
export function morph(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  morphChildren(old, [...fresh.childNodes]);
}

export function morphChildren(parent, wanted) {
  const keyed = new Map();
  for (const node of parent.childNodes) if (keyOf(node)) keyed.set(keyOf(node), node);
  let here = parent.firstChild;
  for (const fresh of wanted) {
    const known = keyOf(fresh) ? keyed.get(keyOf(fresh)) : null;
    if (known && known !== here && alike(known, fresh)) {
      parent.insertBefore(known, here);
      morph(known, fresh);
    } else if (here && alike(here, fresh)) {
      morph(here, fresh);
      here = here.nextSibling;
    } else {
      parent.insertBefore(fresh, here);
    }
  }
  while (here) {
    const next = here.nextSibling;
    here.remove();
    here = next;
  }
}

const ICONS = {
  locked: ["M5 7.5V5a3 3 0 0 1 6 0v2.5", "M3.5 7.5h9v6h-9z"],
  unlocked: ["M5 7.5V4.6a3 3 0 0 1 5.8-1", "M3.5 7.5h9v6h-9z"],
  warning: ["M8 2 14.5 13.5h-13z", "M8 6.5v3.2", "M8 11.6v.1"],
};

export function icon(name, title) {
  return h(
    "svg",
    { class: `icon ${name}`, viewBox: "0 0 16 16", role: "img", "aria-label": title },
    ICONS[name].map((d) => h("path", { d })),
  );
}
