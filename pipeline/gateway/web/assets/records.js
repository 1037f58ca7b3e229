// Revisions, reviews, life and stream of a session. Responsible for: what happened, in the order in which it
// did, for those who check later.

import { bandMark, h } from "./dom.js";
import { BANDS, EVENTS, STATES, TYPES, clock, length, milli, percent, time } from "./words.js";

/** Every revision of the score; the newest first. */
export function revisions(scores) {
  const rows = scores
    .toReversed()
    .map((score) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, String(score.rev)),
        h("td", {}, score.status),
        h("td", {}, bandMark(score.band), ` ${BANDS[score.band]}`),
        h("td", {}, score.integrity === null ? "–" : String(score.integrity)),
        h("td", {}, milli(score.concern_milli)),
        h("td", {}, percent(score.coverage_milli)),
        h("td", {}, clock(score.watermark_ms)),
        h("td", {}, time(score.at)),
      ),
    );
  return folded(
    "Revisions of the score",
    String(scores.length),
    table(
      ["Revision", "Status", "Band", "Score", "Concern", "Seen", "Video up to", "Known since"],
      rows,
      "Revisions of the score",
    ),
  );
}

const DECISIONS = { confirm: "Confirmed", dismiss: "Dismissed", reopen: "Reopened" };

/** Every decision of a person, and what befell the session. */
export function history({ reviews, lifecycle }) {
  const decided = reviews
    .toReversed()
    .map((each) =>
      h(
        "tr",
        {},
        h("td", {}, time(each.at)),
        h("td", {}, each.by),
        h("th", { scope: "row" }, DECISIONS[each.decision]),
        h("td", {}, `${TYPES[each.type] ?? each.type}, ${clock(each.start_ms)} to ${clock(each.end_ms)}`),
        h("td", {}, each.note ?? ""),
      ),
    );
  const lived = lifecycle.map((fact) =>
    h("li", {}, h("b", {}, clock(fact.media_ms)), ` ${EVENTS[fact.event] ?? fact.event}`),
  );
  return folded(
    "Reviews and life of the session",
    String(reviews.length),
    reviews.length
      ? table(["At", "By", "Decision", "About", "Note"], decided, "Reviews")
      : h("p", { class: "soft" }, "Nobody has reviewed anything yet."),
    h("ul", { class: "plain" }, lived),
  );
}

const FIGURES = {
  media_ms: ["Video looked at", clock],
  quiet_ms: ["Since it last moved on", length],
  heard_at: ["Last moved on at", time],
  segments: ["Pieces looked at", String],
  epochs: ["Starts of the recorder", String],
  undecodable: ["Pieces that could not be decoded", String],
  shed: ["Samples left out under our load", String],
  unseen_last_minute_ms: ["Not seen within the last minute", length],
};

/** How the stream is doing. */
export function health(figures) {
  const known = Object.entries(FIGURES).filter(([name]) => (figures[name] ?? null) !== null);
  const rows = known.map(([name, [label, write]]) =>
    h("div", {}, h("dt", {}, label), h("dd", {}, write(figures[name]))),
  );
  return folded("Stream", STATES[figures.state], h("dl", { class: "figures" }, rows));
}

function folded(title, count, ...content) {
  return h(
    "details",
    { class: "card folded" },
    h("summary", {}, h("h2", {}, title), h("span", { class: "count" }, count)),
    ...content,
  );
}
function table(heads, rows, label) {
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          heads.map((head) => h("th", { scope: "col" }, head)),
        ),
      ),
      h("tbody", {}, rows),
    ),
  );
}
