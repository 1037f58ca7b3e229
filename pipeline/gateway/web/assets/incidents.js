// The incidents of a session, to be gone through and decided about.
//
// Responsible for: their list, which one is selected, and the buttons. Not for: the question that is asked
// before a decision (review.js), nor for what follows from it: the score is computed again elsewhere.

import { classMark, h, keyed, setAttribute, setText } from "./dom.js";
import { may } from "./access.js";
import { ATTRIBUTIONS, CLASSES, COUNTS, REVIEWS, TYPES, classOf, clock, length } from "./words.js";

const GROUPS = [
  [
    "evidence",
    "What was seen",
    "Can cost points; what concerns identity only once a person has confirmed it.",
    (each) => each.class !== "coverage",
  ],
  [
    "coverage",
    "What could not be seen",
    "Technical trouble too. Never costs points.",
    (each) => each.class === "coverage",
  ],
];
/** What can be decided about an incident now. */
export const offered = ({ review }) =>
  ["confirmed", "dismissed"].includes(review.state) ? ["reopen"] : ["confirm", "dismiss"];
export const DECISIONS = { confirm: ["Confirm", "c"], dismiss: ["Dismiss", "d"], reopen: ["Reopen", "r"] };

export class Incidents {
  #incidents = [];
  #selected = null;
  #onSelect;
  #onDecide;
  #pictures;

  /** `onSelect(incident)`; `onDecide(incident, decision)`; `pictures` of them, where any are kept. */
  constructor({ onSelect, onDecide, pictures }) {
    [this.#onSelect, this.#onDecide, this.#pictures] = [onSelect, onDecide, pictures];
    this.groups = GROUPS.map(([name, title, hint]) => {
      const list = h("ol", { class: "incidents" });
      const about = h("p", { class: "soft" });
      const element = h(
        "section",
        { class: "card", "aria-labelledby": `group-${name}` },
        h("h2", { id: `group-${name}` }, title),
        about,
        list,
      );
      return { list, about, hint, element };
    });
    this.elements = this.groups.map((group) => group.element);
    for (const { list } of this.groups) {
      list.addEventListener("focusin", (event) => this.#choose(event.target.closest(".incident").dataset.key));
      list.addEventListener("click", (event) => this.#choose(event.target.closest(".incident")?.dataset.key));
    }
  }

  get selected() {
    return this.#incidents.find((each) => each.incident_id === this.#selected) ?? null;
  }

  /** `isIncomplete`: old ones were left out because there are too many. */
  show(incidents, isIncomplete) {
    this.#incidents = incidents.filter((each) => each.state !== "superseded").sort((a, b) => a.start_ms - b.start_ms);
    GROUPS.forEach(([, , , belongs], i) => {
      const mine = this.#incidents.filter(belongs);
      const { about, hint } = this.groups[i];
      setText(
        about,
        mine.length === 0 ? "Nothing." : isIncomplete ? `${hint} Old ones are left out: there are too many.` : hint,
      );
      keyed(
        this.groups[i].list,
        mine,
        (each) => each.incident_id,
        () => h("li", { class: "incident", tabindex: -1 }),
        (item, each) => this.#fill(item, each),
      );
    });
    this.#mark();
  }

  /** Selects the one `step` further, in the order of the page, and moves the focus there. */
  move(step) {
    const all = this.#items();
    if (!all.length) return;
    const at = all.findIndex((item) => item.dataset.key === this.#selected);
    const to = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1);
    this.focus(all[to].dataset.key);
  }
  focus(id) {
    const item = this.#items().find((each) => each.dataset.key === id);
    item?.focus({ preventScroll: true });
    item?.scrollIntoView({ block: "nearest" });
  }
  /** Opens or closes the details of the selected one. */
  toggle() {
    const details = this.#items()
      .find((item) => item.dataset.key === this.#selected)
      ?.querySelector(".facts");
    if (details) details.open = !details.open;
  }

  #items() {
    return this.groups.flatMap(({ list }) => [...list.children]);
  }
  #choose(id) {
    if (!id || id === this.#selected) return;
    this.#selected = id;
    this.#mark();
    this.#onSelect(this.selected);
  }
  #mark() {
    const items = this.#items();
    const stop = items.find((item) => item.dataset.key === this.#selected) ?? items[0];
    for (const item of items) {
      setAttribute(item, "tabindex", item === stop ? 0 : -1);
      setAttribute(item, "aria-current", item.dataset.key === this.#selected ? "true" : null);
    }
  }

  #fill(item, incident) {
    const version = `${incident.rev} ${incident.end_ms} ${incident.review.state} ${incident.review.at} ${this.#pictures.names(incident)}`;
    if (item.dataset.version === version) return;
    item.dataset.version = version;
    const isOpen = item.querySelector(".facts")?.open ?? false;
    const focused = item.contains(document.activeElement) ? (document.activeElement.dataset.decision ?? "") : null;
    const name = `${TYPES[incident.type] ?? incident.type}, ${clock(incident.start_ms)}`;
    const cls = classOf(incident);
    item.className = `incident is-${cls} review-${incident.review.state}`;
    item.replaceChildren(
      ...[
        h(
          "p",
          { class: "line" },
          classMark(cls),
          h("b", {}, TYPES[incident.type] ?? incident.type),
          h(
            "span",
            { class: "when" },
            `${clock(incident.start_ms)} – ${incident.state === "closed" ? clock(incident.end_ms) : "now"}`,
          ),
          h("span", { class: "soft" }, length(incident.duration_ms)),
          h(
            "span",
            { class: "tags" },
            h("span", { class: "tag" }, CLASSES[cls]),
            incident.severity !== "info" &&
              h("span", { class: `tag severity-${incident.severity}` }, `Severity ${incident.severity}`),
            h("span", { class: `tag review-tag` }, REVIEWS[incident.review.state] ?? incident.review.state),
          ),
        ),
        h(
          "p",
          { class: "reason" },
          incident.reason.text,
          " ",
          h(
            "span",
            { class: "soft" },
            `${incident.counts ? "Counts" : "Does not count"}: ${COUNTS[incident.counts_reason] ?? incident.counts_reason}.`,
          ),
        ),
        incident.review.note &&
          h("p", { class: "note" }, `“${incident.review.note}” `, h("span", { class: "soft" }, incident.review.by)),
        this.#pictures.of(incident),
        h(
          "div",
          { class: "below" },
          this.#details(incident, isOpen),
          may("reviewer", "admin") && this.#buttons(incident, name),
        ),
      ]
        .flat()
        .filter(Boolean),
    );
    if (focused !== null) (item.querySelector(`[data-decision="${focused}"]`) ?? item).focus({ preventScroll: true });
  }

  #buttons(incident, name) {
    return h(
      "span",
      { class: "buttons" },
      offered(incident).map((decision) =>
        h(
          "button",
          { type: "button", "data-decision": decision, onclick: () => this.#onDecide(incident, decision) },
          DECISIONS[decision][0],
          h("span", { class: "hidden" }, `: ${name}`),
          h("kbd", { "aria-hidden": "true" }, DECISIONS[decision][1]),
        ),
      ),
    );
  }

  #details(incident, isOpen) {
    const { stats } = incident;
    const facts = [
      ["Samples", `${stats.true} of ${stats.valid} seen ones fit, ${stats.planned} were planned`],
      ["Confidence", incident.confidence.toFixed(2)],
      ["Lies with", ATTRIBUTIONS[incident.attribution]],
      ["Models", incident.models.join(", ") || "none: measured from the stream itself"],
      ["Policy", `${incident.policy.id}, version ${incident.policy.version}`],
      ["Incident", `${incident.incident_id}, revision ${incident.rev}`],
    ];
    return h(
      "details",
      { class: "facts", open: isOpen },
      h("summary", {}, "Details"),
      h(
        "dl",
        {},
        facts.filter(([, value]) => value).flatMap(([term, value]) => [h("dt", {}, term), h("dd", {}, value)]),
      ),
    );
  }
}
