// A session over its media time: what was seen, incidents by type, and plots, under one another.
//
// Responsible for: lanes, the stretch that is shown, and a cursor. Not for: incidents as such (incidents.js):
// what the lanes show is in their list too, and the plots are there as a table.

import { classMark, h, s } from "./dom.js";
import { PLOTS, asTable, plot } from "./plot.js";
import { TYPES, UNSEEN, classOf, clock, length, plural } from "./words.js";

const LAST_MS = 600_000;
const AROUND_MS = 60_000;
/** Distances of ticks, the first that gives at most 9. */
const TICKS_MS = [5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200].map((seconds) => seconds * 1000);

export class Timeline {
  #data = null;
  #incidents = [];
  #selected = null;
  #onRange;
  #onPick;
  /** The stretch that is shown: "all", "last", or [from_ms, to_ms]. */
  range = "all";

  /** `onRange()`: another stretch is wanted; `onPick(incident_id)`: a bar was clicked. */
  constructor({ onRange, onPick }) {
    [this.#onRange, this.#onPick] = [onRange, onPick];
    const button = (text, range, key) =>
      h(
        "button",
        { type: "button", class: "quiet", "aria-pressed": "false", onclick: () => this.choose(range()) },
        text,
        key && h("kbd", { "aria-hidden": "true" }, key),
      );
    this.buttons = {
      all: button("Whole session", () => "all"),
      last: button("Last 10 minutes", () => "last"),
      around: button("Around the selected incident", () => this.#around(), "z"),
    };
    this.lanes = h("div", { class: "lanes" });
    this.readout = h("p", { class: "readout" }, "Point at the timeline to read values.");
    this.text = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Timeline as a table" });
    this.folded = h(
      "details",
      { class: "as-text", ontoggle: () => this.#drawText() },
      h("summary", {}, "Timeline as a table"),
      this.text,
    );
    this.element = h(
      "section",
      { class: "card timeline", "aria-labelledby": "timeline-title" },
      h(
        "div",
        { class: "timeline-head" },
        h("h2", { id: "timeline-title" }, "Timeline"),
        h("div", { class: "ranges", role: "group", "aria-label": "Stretch shown" }, Object.values(this.buttons)),
      ),
      this.lanes,
      h("div", { class: "timeline-foot" }, this.readout, this.#key()),
      this.folded,
    );
    this.lanes.addEventListener("pointermove", (event) => this.#point(event));
    this.lanes.addEventListener("pointerleave", () => this.lanes.classList.remove("pointed"));
    this.lanes.addEventListener("click", (event) => {
      const id = event.target.closest(".bar")?.dataset.id;
      if (id) this.#onPick(id);
    });
  }

  /** The stretch as the API wants it. */
  bounds(media_ms) {
    const end = Math.max(media_ms, 1000);
    if (this.range === "all") return [0, end];
    if (this.range === "last") return [Math.max(0, end - LAST_MS), end];
    return this.range;
  }
  choose(range) {
    if (!range) return;
    this.range = range;
    this.#onRange();
  }
  zoomToSelected() {
    this.choose(this.#around());
  }
  #around() {
    const each = this.#incidents.find((incident) => incident.incident_id === this.#selected);
    return each && [Math.max(0, each.start_ms - AROUND_MS), each.end_ms + AROUND_MS];
  }

  select(id) {
    this.#selected = id;
    for (const bar of this.lanes.querySelectorAll(".bar")) bar.classList.toggle("selected", bar.dataset.id === id);
    this.buttons.around.disabled = !this.#around();
  }

  show(data, incidents) {
    this.#data = data;
    this.#incidents = incidents.filter((each) => each.state !== "superseded");
    for (const [name, button] of Object.entries(this.buttons))
      button.setAttribute("aria-pressed", String(name === (Array.isArray(this.range) ? "around" : this.range)));
    const types = [...new Set(this.#incidents.map((each) => each.type))].sort(
      (a, b) => Object.keys(TYPES).indexOf(a) - Object.keys(TYPES).indexOf(b),
    );
    this.lanes.replaceChildren(
      this.#seen(),
      ...types.map((type) => this.#lane(type)),
      ...PLOTS.map((each) => this.#plot(each)),
      this.#axis(),
      h("span", { class: "cursor" }),
    );
    this.select(this.#selected);
    this.#drawText();
  }

  #share(ms) {
    return Math.min(Math.max((ms - this.#data.from_ms) / (this.#data.to_ms - this.#data.from_ms), 0), 1);
  }
  #place({ start_ms, end_ms }) {
    return { "--from": this.#share(start_ms), "--to": this.#share(end_ms) };
  }
  #isShown({ start_ms, end_ms }) {
    return end_ms > this.#data.from_ms && start_ms < this.#data.to_ms;
  }
  #unseen() {
    return this.#data.unseen
      .filter((each) => this.#isShown(each))
      .map((each) => h("span", { class: "unseen", ...this.#place(each) }));
  }
  #row(kind, label, ...strip) {
    return h(
      "div",
      { class: `lane ${kind}` },
      h("div", { class: "label" }, label),
      h("div", { class: "strip" }, strip),
    );
  }

  #seen() {
    const { from_ms, to_ms, samples, step_ms, unseen, breaks } = this.#data;
    const last = samples.at(-1)?.at_ms ?? from_ms;
    const shown = unseen.filter((each) => this.#isShown(each));
    const lost = shown.reduce((sum, each) => sum + Math.min(each.end_ms, to_ms) - Math.max(each.start_ms, from_ms), 0);
    const named = (each, name) =>
      this.#share(each.end_ms) - this.#share(each.start_ms) > 0.09 ? h("span", {}, name) : null;
    return this.#row(
      "seen",
      ["Seen", h("small", {}, lost ? `${length(lost)} not seen` : "without a gap")],
      h("span", {
        class: "seen-strip",
        ...this.#place({ start_ms: from_ms, end_ms: Math.min(last + step_ms, to_ms) }),
      }),
      shown.map((each) =>
        h(
          "span",
          {
            class: "unseen",
            title: `${UNSEEN[each.reason] ?? each.reason}, ${length(each.end_ms - each.start_ms)}`,
            ...this.#place(each),
          },
          named(each, UNSEEN[each.reason] ?? each.reason),
        ),
      ),
      breaks
        .filter((each) => this.#isShown(each))
        .map((each) => h("span", { class: "break", title: "Break", ...this.#place(each) }, named(each, "Break"))),
    );
  }
  #lane(type) {
    const mine = this.#incidents.filter((each) => each.type === type);
    const cls = classOf(mine[0]);
    const bars = mine
      .filter((each) => this.#isShown(each))
      .map((each) =>
        h("span", {
          class: `bar is-${cls} severity-${each.severity} review-${each.review.state}`,
          "data-id": each.incident_id,
          title: `${TYPES[type] ?? type}: ${clock(each.start_ms)} to ${clock(each.end_ms)}`,
          ...this.#place(each),
        }),
      );
    return this.#row(
      "incident-lane",
      [
        h("span", { class: "with-mark" }, classMark(cls), TYPES[type] ?? type),
        mine.length > 1 && h("small", {}, `${mine.length} times`),
      ],
      this.#unseen(),
      bars,
    );
  }
  #plot(each) {
    const label = [each.name, h("small", {}, each.unit)];
    const row = this.#row("plot-lane", label, this.#unseen(), plot(each, this.#data));
    row
      .querySelector(".label")
      .append(
        h(
          "span",
          { class: "scale", "aria-hidden": "true" },
          h("span", {}, String(each.most)),
          h("span", {}, String(each.least).replace("-", "−")),
        ),
      );
    return row;
  }
  #axis() {
    const { from_ms, to_ms } = this.#data;
    const step = TICKS_MS.find((each) => (to_ms - from_ms) / each <= 9) ?? TICKS_MS.at(-1);
    const ticks = [];
    for (let at = Math.ceil(from_ms / step) * step; at <= to_ms; at += step)
      ticks.push(h("span", { class: "tick", "--from": this.#share(at) }, clock(at)));
    return this.#row("axis", "", ticks);
  }
  #key() {
    const item = (i, text) =>
      h(
        "span",
        { class: "key" },
        s("svg", { viewBox: "0 0 24 6", "aria-hidden": "true" }, s("path", { class: `line${i}`, d: "M0 3H24" })),
        text,
      );
    return h(
      "p",
      { class: "keys" },
      item(0, "faces, sideways"),
      item(1, "persons, up and down"),
      h("span", { class: "key" }, h("span", { class: "unseen swatch", "aria-hidden": "true" }), "not seen"),
    );
  }

  /** A line under the pointer, and the values there. */
  #point(event) {
    const strip = this.lanes.querySelector(".strip")?.getBoundingClientRect();
    if (!strip || !this.#data) return;
    const share = (event.clientX - strip.left) / strip.width;
    this.lanes.classList.toggle("pointed", share >= 0 && share <= 1);
    if (share < 0 || share > 1) return;
    this.lanes.style.setProperty("--at", `${event.clientX - this.lanes.getBoundingClientRect().left}px`);
    const at = this.#data.from_ms + share * (this.#data.to_ms - this.#data.from_ms);
    const { samples, step_ms } = this.#data;
    const sample = samples.find((each) => Math.abs(each.at_ms - at) <= step_ms);
    const degrees = (value) =>
      Math.abs(value) < 1
        ? "straight"
        : `${Math.abs(value).toFixed(0)}° to the ${value < 0 ? "left" : "right"} of the picture`;
    const said = !sample
      ? "no sample"
      : !sample.seen
        ? `not seen: ${UNSEEN[sample.reason] ?? sample.reason}`
        : [
            sample.faces !== null && plural(sample.faces, "face"),
            sample.persons !== null && plural(sample.persons, "person"),
            sample.yaw !== null && `head ${degrees(sample.yaw)}`,
          ]
            .filter(Boolean)
            .join(" · ");
    this.readout.textContent = `${clock(at)} · ${said}`;
  }
  #drawText() {
    if (this.folded.open && this.#data) this.text.replaceChildren(asTable(this.#data));
  }
}
