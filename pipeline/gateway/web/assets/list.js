// A long list of which only what is in view exists as elements.
//
// Responsible for: which rows exist, where they are, which one is selected, focus and keys within the list.
// Not for: what rows look like (row.js), nor for the order (sessions.js).

import { h, perFrame, setAttribute } from "./dom.js";

/** Rows that are kept above and below the view. */
const SPARE = 6;

export class List {
  #ids = [];
  #indices = new Map();
  #rows = new Map();
  #pool = [];
  #height = 0;
  #selected = null;
  #of;
  #create;
  #fill;
  #body;

  /** `of(id)`: the present item; `create()`: an empty row; `fill(row, item)`; `onOpen(id)`. */
  constructor({ label, columns, of, create, fill, onOpen }) {
    [this.#of, this.#create, this.#fill] = [of, create, fill];
    const head = h(
      "div",
      { role: "row", class: "row head", "aria-rowindex": 1 },
      columns.map((name) => h("div", { role: "columnheader", class: "cell" }, name)),
    );
    this.#body = h("div", { class: "rows", role: "rowgroup" });
    this.element = h(
      "div",
      { class: "list", role: "grid", "aria-label": label },
      h("div", { role: "rowgroup", class: "heads" }, head),
      this.#body,
    );
    this.render = perFrame(() => this.#render());
    this.#body.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (!row || event.target.closest("a") || getSelection().toString()) return;
      this.select(row.dataset.id);
      onOpen(row.dataset.id);
    });
    this.#body.addEventListener("focusin", (event) => {
      this.#selected = event.target.closest(".row").dataset.id;
      this.#mark();
    });
    this.element.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }[event.key];
      if (step && !event.altKey && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        this.move(step);
      }
      if (event.key === "Enter" && this.#selected && event.target.matches(".row")) onOpen(this.#selected);
    });
    addEventListener("scroll", this.render, { passive: true });
    addEventListener("resize", () => {
      this.#height = 0;
      this.render();
    });
  }

  get selected() {
    return this.#selected;
  }
  get hasFocus() {
    return this.#body.contains(document.activeElement);
  }
  /** How many rows exist as elements. */
  get mounted() {
    return this.#rows.size;
  }

  /** Shows these, in this order. */
  show(ids) {
    this.#ids = ids;
    this.#indices = new Map(ids.map((id, index) => [id, index]));
    if (!this.#indices.has(this.#selected) && !this.hasFocus) this.#selected = null;
    setAttribute(this.element, "aria-rowcount", ids.length + 1);
    this.render();
  }

  /** Selects what lies `step` rows further and moves the focus there. */
  move(step) {
    if (!this.#ids.length) return;
    const from = this.#indices.get(this.#selected);
    const to =
      from === undefined
        ? step > 0
          ? 0
          : this.#ids.length - 1
        : Math.min(Math.max(from + step, 0), this.#ids.length - 1);
    this.select(this.#ids[to]);
    this.focus();
  }
  /** What lies `step` rows from `id`, for going through the list without seeing it. */
  neighbour(id, step) {
    return this.#ids[(this.#indices.get(id) ?? -Infinity) + step];
  }

  select(id) {
    this.#selected = id;
    this.#render();
  }
  focus() {
    const row = this.#rows.get(this.#selected);
    row?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "nearest" });
  }

  #render() {
    if (!this.element.isConnected) return;
    if (!this.#height) this.#measure();
    const { top } = this.#body.getBoundingClientRect();
    this.#body.style.setProperty("--count", this.#ids.length);
    const first = Math.max(0, Math.floor(-top / this.#height) - SPARE);
    const last = Math.min(this.#ids.length, Math.ceil((innerHeight - top) / this.#height) + SPARE);
    const wanted = new Set(this.#ids.slice(first, last));
    if (this.#indices.has(this.#selected)) wanted.add(this.#selected); // Focus must not be lost by scrolling.
    for (const [id, row] of this.#rows) {
      if (wanted.has(id)) continue;
      this.#rows.delete(id);
      this.#pool.push(row);
    }
    for (const id of wanted) {
      let row = this.#rows.get(id);
      if (!row) {
        row = this.#pool.pop() ?? this.#create();
        row.dataset.id = id;
        this.#rows.set(id, row);
        if (!row.isConnected) this.#body.append(row);
      }
      const index = this.#indices.get(id);
      if (row.index !== index) {
        row.index = index;
        row.style.setProperty("--index", index);
        row.setAttribute("aria-rowindex", index + 2);
      }
      const item = this.#of(id);
      if (item) this.#fill(row, item);
    }
    for (const row of this.#pool.splice(0)) row.remove();
    this.#mark();
  }

  #measure() {
    const probe = this.#create();
    this.#body.append(probe);
    this.#height = probe.offsetHeight || 1;
    probe.remove();
  }

  /** One row takes part in the tab order: the selected one, else the first. */
  #mark() {
    const stop = this.#rows.has(this.#selected) ? this.#selected : this.#ids.find((id) => this.#rows.has(id));
    for (const [id, row] of this.#rows) {
      setAttribute(row, "tabindex", id === stop ? 0 : -1);
      setAttribute(row, "aria-selected", id === this.#selected ? "true" : "false");
    }
  }
}
