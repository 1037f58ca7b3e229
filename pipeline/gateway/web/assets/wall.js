// The wall: all sessions, worst first, with tabs and filters.
//
// Responsible for: what is asked for, when the order changes, and what is said aloud. Not for: how sessions
// come here (app.js), rows (row.js), or which rows exist (list.js).

import { bandMark, h, perFrame, setAttribute, setText } from "./dom.js";
import { get, may } from "./access.js";
import { saveCsv } from "./export.js";
import { List } from "./list.js";
import { COLUMNS, createRow, fill } from "./row.js";
import { TABS, rank } from "./sessions.js";
import { BANDS, STATES, plural } from "./words.js";

const TITLES = { all: "All", evidence: "Evidence queue", coverage: "Coverage queue", technical: "Technical" };
const HINTS = {
  all: "",
  evidence: "Something was noted that a person has not reviewed yet.",
  coverage: "Too little was seen, or a long stretch was not. This says nothing against the candidate.",
  technical:
    "Something is wrong with picture or stream right now: a message to the candidate or the technician may help.",
};
/** Rows do not move under a hand: that long after it was last used. */
const HOLD_MS = 15_000;
const ORDER_MS = 1000;
const SAY_MS = 6000;

export class Wall {
  #sessions;
  #say;
  #onExam;
  #filter = { tab: "all", exam: "", state: "", band: "", text: "" };
  #usedAt = -Infinity;
  #orderedAt = 0;
  #risen = new Set();
  #toSay = new Map();
  #saidAt = -Infinity;
  #timer = null;

  /** `onOpen(id)`; `onExam(exam)`: other sessions are wanted; `say(text)`: for screen readers. */
  constructor({ sessions, onOpen, onExam, say }) {
    [this.#sessions, this.#onExam, this.#say] = [sessions, onExam, say];
    const query = new URLSearchParams(location.search);
    for (const name in this.#filter) this.#filter[name] = query.get(name) ?? this.#filter[name];
    if (!(this.#filter.tab in TABS)) this.#filter.tab = "all";
    this.list = new List({
      label: "Sessions",
      columns: COLUMNS,
      of: (id) => sessions.get(id),
      create: createRow,
      fill,
      onOpen,
    });
    this.element = this.#build();
    for (const event of ["pointermove", "focusin", "keydown"]) {
      this.list.element.addEventListener(event, () => {
        this.#usedAt = performance.now();
      });
    }
    this.#draw = perFrame(() => this.#drawNow());
  }
  #draw;

  get exam() {
    return this.#filter.exam;
  }

  /** An event told of `summary`; `before` is what was known. */
  changed(summary, before) {
    if (rank(summary) < Math.min(rank(before), rank({ review_priority: "none" }))) {
      this.#risen.add(summary.id);
      if (summary.review_priority === "high") this.#toSay.set(summary.id, summary.name);
    }
    this.#draw();
  }
  stop() {
    clearTimeout(this.#timer);
    this.#draw = () => {};
  }

  /** Puts the rows in order now. */
  order() {
    this.#orderedAt = performance.now();
    this.#risen.clear();
    const { items, counts, bands } = this.#sessions.view(this.#filter);
    this.list.show(items.map((each) => each.id));
    for (const name in TABS) setText(this.tabs[name].lastChild, counts[name].toLocaleString("en"));
    this.#drawBands(bands);
    this.empty.hidden = items.length > 0;
    this.#showHint();
    setText(
      this.empty,
      this.#sessions.size
        ? "No session fits these filters."
        : "No sessions yet. They appear here as soon as the first one starts.",
    );
    this.held.hidden = true;
  }

  #drawNow() {
    this.list.render();
    const now = performance.now();
    const isHeld = now - this.#usedAt < HOLD_MS && (this.list.hasFocus || this.list.element.matches(":hover"));
    if (isHeld) {
      this.held.hidden = this.#risen.size === 0;
      setText(
        this.held.firstChild,
        `The order is held while you read: ${plural(this.#risen.size, "session")} moved up.`,
      );
    } else if (now - this.#orderedAt >= ORDER_MS) {
      this.order();
    }
    if (this.#toSay.size && now - this.#saidAt > SAY_MS) {
      const names = [...this.#toSay.values()];
      this.#say(
        names.length === 1
          ? `${names[0]}: review priority is now high`
          : `${names.length} sessions now have high review priority`,
      );
      this.#toSay.clear();
      this.#saidAt = now;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#draw, ORDER_MS); // For what has to wait now.
  }

  // ---- The page

  #build() {
    this.bands = h("ul", { class: "bands", "aria-label": "Sessions by band" });
    this.tabs = Object.fromEntries(
      Object.keys(TABS).map((tab) => [
        tab,
        h(
          "button",
          {
            type: "button",
            role: "tab",
            id: `tab-${tab}`,
            "aria-controls": "panel",
            class: `tab for-${tab}`,
            onclick: () => this.choose({ tab }),
          },
          h("span", {}, TITLES[tab]),
          h("span", { class: "count" }, "0"),
        ),
      ]),
    );
    const tabs = h(
      "div",
      { role: "tablist", "aria-label": "Queues", class: "tabs", onkeydown: (event) => this.#turnTabs(event) },
      Object.values(this.tabs),
    );
    this.search = h("input", {
      type: "search",
      id: "search",
      placeholder: "Session name",
      autocomplete: "off",
      value: this.#filter.text,
      oninput: () => this.choose({ text: this.search.value }),
    });
    const states = { running: "Not ended", ...STATES };
    this.exams = this.#select("Exam", "exam", { "": "All exams" });
    const filters = h(
      "div",
      { class: "filters", role: "search" },
      this.exams,
      this.#select("State", "state", { "": "All states", ...states }),
      this.#select("Band", "band", { "": "All bands", ...BANDS, none: "No score yet" }),
      h(
        "label",
        { class: "field" },
        h("span", { class: "name-of-field" }, "Find"),
        h("kbd", { "aria-hidden": "true" }, "/"),
        this.search,
      ),
      may("reviewer", "admin") &&
        h(
          "button",
          { type: "button", class: "quiet export", onclick: (event) => saveCsv(event.target, this.#filter) },
          "Export CSV",
        ),
    );
    this.held = h(
      "p",
      { class: "held", hidden: true },
      h("span"),
      h("button", { type: "button", onclick: () => this.order() }, "Update the order ", h("kbd", {}, "u")),
    );
    this.empty = h("p", { class: "empty", hidden: true });
    this.hint = h("p", { class: "hint" });
    const panel = h("div", { role: "tabpanel", id: "panel" }, this.hint, this.held, this.empty, this.list.element);
    const element = h(
      "section",
      { class: "wall" },
      h("div", { class: "wall-head" }, h("h1", {}, "Sessions"), this.bands),
      h("div", { class: "tools" }, tabs, filters),
      panel,
    );
    this.panel = panel;
    this.#showTab();
    return element;
  }

  #select(label, name, options) {
    const select = h(
      "select",
      { onchange: () => this.choose({ [name]: select.value }) },
      Object.entries(options).map(([value, text]) => h("option", { value }, text)),
    );
    select.value = this.#filter[name];
    return h("label", { class: "field" }, h("span", { class: "name-of-field" }, label), select);
  }

  /** Changes filters; they are kept in the address, to be shared or come back to. */
  choose(change) {
    Object.assign(this.#filter, change);
    const query = new URLSearchParams(
      Object.entries(this.#filter).filter(([name, value]) => value && !(name === "tab" && value === "all")),
    );
    history.replaceState(history.state, "", `/${query.size ? `?${query}` : ""}`);
    if ("tab" in change) this.#showTab();
    if ("exam" in change) this.#onExam(this.#filter.exam);
    this.order();
  }

  #showTab() {
    for (const [name, tab] of Object.entries(this.tabs)) {
      setAttribute(tab, "aria-selected", String(name === this.#filter.tab));
      setAttribute(tab, "tabindex", name === this.#filter.tab ? 0 : -1);
    }
    setAttribute(this.panel, "aria-labelledby", `tab-${this.#filter.tab}`);
  }
  #showHint() {
    const { size, total } = this.#sessions;
    const isAll = total <= size;
    const cut = `Only ${size.toLocaleString("en")} of ${total.toLocaleString("en")} sessions are shown: choose an exam. `;
    setText(this.hint, (isAll ? "" : cut) + HINTS[this.#filter.tab]);
  }
  #turnTabs(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const names = Object.keys(TABS);
    const tab = names[(names.indexOf(this.#filter.tab) + step + names.length) % names.length];
    this.choose({ tab });
    this.tabs[tab].focus();
  }

  #drawBands(bands) {
    const names = { red: "Red", amber: "Amber", grey: "Grey", green: "Green", none: "No score yet" };
    this.bands.replaceChildren(
      ...Object.entries(names).map(([band, name]) =>
        h("li", { class: `is-${band}` }, bandMark(band), h("b", {}, bands[band].toLocaleString("en")), name),
      ),
    );
  }

  /** Fills the choice of exams. */
  async loadExams() {
    const { items } = await get("/v1/exams");
    const select = this.exams.querySelector("select");
    const options = items.map(({ exam, live }) => h("option", { value: exam }, `${exam} (${live} live)`));
    select.replaceChildren(h("option", { value: "" }, "All exams"), ...options);
    select.value = this.#filter.exam;
  }
}
