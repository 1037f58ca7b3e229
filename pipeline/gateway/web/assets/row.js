// One session as a row of the wall. Responsible for: what a proctor sees of a session at a glance, with as
// few changes of the page as possible. Not for: which rows there are (list.js).

import { bandMark, classMark, h, priorityMark, setAttribute, setText } from "./dom.js";
import { BANDS, PRIORITIES, STATES, TYPES, clock, percent, plural } from "./words.js";

export const COLUMNS = ["Priority", "Score", "Session", "What was noted", "Seen", "State"];

/** An empty row with the places that `fill` writes to. */
export function createRow() {
  const part = (name, tag = "span") => h(tag, { class: name });
  const parts = {
    priority: part("priority"),
    word: part("word"),
    mark: part("shape"),
    number: part("number", "b"),
    band: part("band"),
    name: h("a", { class: "name", tabindex: -1, "data-route": true }),
    exam: part("exam"),
    headline: part("headline"),
    chips: part("chips"),
    seen: part("seen-share"),
    bar: part("seen-bar"),
    state: part("state"),
    media: part("media"),
  };
  const cell = (name, ...children) => h("div", { role: "gridcell", class: `cell ${name}` }, ...children);
  const element = h(
    "div",
    { role: "row", class: "row", tabindex: -1 },
    cell("for-priority", parts.priority, parts.word),
    cell("for-score", parts.mark, parts.number, parts.band),
    cell("for-session", parts.name, parts.exam),
    cell("for-noted", parts.headline, parts.chips),
    cell("for-seen", parts.seen, h("span", { class: "seen-track", "aria-hidden": "true" }, parts.bar)),
    cell("for-state", parts.state, parts.media),
  );
  return Object.assign(element, { parts, shown: null, drawn: {} });
}

/** Writes a summary into a row; does nothing if the row shows that very one. */
export function fill(row, summary) {
  if (row.shown === summary) return;
  row.shown = summary;
  const { parts, drawn } = row;
  const draw = (place, value, make) => {
    if (drawn[place] === value) return;
    drawn[place] = value;
    parts[place].replaceChildren(...make());
  };
  draw("priority", summary.review_priority, () => [priorityMark(summary.review_priority)]);
  setText(parts.word, PRIORITIES[summary.review_priority]);
  draw("mark", summary.band, () => [bandMark(summary.band)]);
  setText(parts.number, summary.integrity === null ? "–" : String(summary.integrity));
  setText(parts.band, summary.band === "grey" ? "Grey: too little seen" : (BANDS[summary.band] ?? "no score yet"));
  setText(parts.name, summary.name);
  setAttribute(parts.name, "href", `/session/${summary.id}`);
  setText(parts.exam, summary.exam);
  setText(parts.headline, summary.headline ?? (summary.state === "waiting" ? "No video yet" : "Nothing noted"));
  setAttribute(parts.headline, "title", summary.headline); // It may be cut off.
  parts.headline.classList.toggle("calm", summary.headline === null);
  draw("chips", chipsKey(summary), () => chips(summary));
  setText(parts.seen, summary.coverage_milli === null ? "–" : percent(summary.coverage_milli));
  parts.bar.style.setProperty("--share", (summary.coverage_milli ?? 0) / 1000);
  setText(parts.state, STATES[summary.state]);
  setAttribute(parts.state, "data-state", summary.state);
  setText(parts.media, summary.state === "waiting" ? "" : clock(summary.media_ms));
}

const MOST_CHIPS = 2;
const waiting = ({ unreviewed }) => unreviewed.evidence + unreviewed.identity;
const chipsKey = (each) =>
  `${waiting(each)} ${each.open.map((open) => open.incident_id)} ${each.technical} ${each.accommodations.length}`;

function chips(summary) {
  const classes = new Map(summary.open.map((each) => [each.type, each.class]));
  for (const type of summary.technical) classes.set(type, "technical");
  const all = [...classes];
  const chip = ([type, name]) =>
    h("span", { class: `chip is-${name}` }, classMark(name), `${TYPES[type] ?? type}, now`);
  return [
    waiting(summary) > 0 && h("span", { class: "chip" }, `${waiting(summary)} to review`),
    ...all.slice(0, MOST_CHIPS).map(chip),
    all.length > MOST_CHIPS && h("span", { class: "chip" }, `${all.length - MOST_CHIPS} more now`),
    summary.accommodations.length > 0 &&
      h("span", { class: "chip" }, plural(summary.accommodations.length, "accommodation")),
  ].filter(Boolean);
}
