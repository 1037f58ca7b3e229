// Elements from values. Responsible for: text never becoming markup, and changes of what changed alone.
// Not for: state; views keep their own.

const SVG = "http://www.w3.org/2000/svg";

/** `h("p", { class: "note", onclick: f, "--from": "3%" }, "text", other)`; null and false are left out. */
export function h(name, attributes = {}, ...children) {
  return build(document.createElement(name), attributes, children);
}

/** The same for SVG. */
export function s(name, attributes = {}, ...children) {
  return build(document.createElementNS(SVG, name), attributes, children);
}

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith("--"))
      element.style.setProperty(name, value); // Style attributes are forbidden here.
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

/** Sets text only where it differs: rows are written many times a second. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets or removes an attribute, only where it differs. */
export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** Makes the children of `parent` those of `items`, in order; what stays keeps its focus and state. */
export function keyed(parent, items, key, create, update) {
  const before = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    const child = before.get(name) ?? create(item);
    child.dataset.key = name;
    before.delete(name);
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const child of before.values()) child.remove();
}

/** Calls `work` once in the next frame, however often it is asked for. */
export function perFrame(work) {
  let isAsked = false;
  return () => {
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(() => {
      isAsked = false;
      work();
    });
  };
}

// ---- Marks: bands, classes and priorities differ by shape and word, not by colour alone

const BANDS = {
  green: () => s("circle", { cx: 8, cy: 8, r: 5.5 }),
  amber: () => s("path", { d: "M8 2 14.500 13.500H1.500z" }),
  red: () => s("rect", { x: 2.5, y: 2.5, width: 11, height: 11, rx: 1 }),
  grey: () => s("circle", { cx: 8, cy: 8, r: 5.2, class: "hollow" }),
};
const CLASSES = {
  evidence: () => s("rect", { x: 3, y: 3, width: 10, height: 10, rx: 1.5 }),
  identity: () => s("circle", { cx: 8, cy: 8, r: 5.5 }),
  coverage: () => s("rect", { x: 3.5, y: 3.5, width: 9, height: 9, rx: 1, class: "hollow" }),
  technical: () => s("path", { d: "M8 1.500 14.500 8 8 14.500 1.500 8z" }),
};
const mark = (shapes, name, kind) =>
  s(
    "svg",
    { class: `mark ${kind}-${name}`, viewBox: "0 0 16 16", "aria-hidden": "true" },
    shapes[name]?.() ?? s("path", { d: "M4 8h8", class: "hollow" }),
  );

export const bandMark = (band) => mark(BANDS, band ?? "none", "band");
export const classMark = (name) => mark(CLASSES, name, "class");

/** Three bars; as many are full as it is urgent. */
export function priorityMark(priority) {
  const full = { low: 1, medium: 2, high: 3 }[priority] ?? 0;
  const bar = (i) =>
    s("rect", { x: 1 + i * 5, y: 10 - i * 4, width: 4, height: 5 + i * 4, rx: 1, class: i < full ? "full" : "empty" });
  return s(
    "svg",
    { class: `mark priority-${priority}`, viewBox: "0 0 16 16", "aria-hidden": "true" },
    [0, 1, 2].map(bar),
  );
}
