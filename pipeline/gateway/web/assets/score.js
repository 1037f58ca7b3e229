// The score of a session with its reasons. Responsible for: the number never standing without its words.

import { bandMark, h, priorityMark } from "./dom.js";
import {
  ACCOMMODATIONS,
  BANDS,
  BAND_MEANINGS,
  IDENTITIES,
  NOT_EVALUATED,
  PRIORITIES,
  PRIORITY_MEANINGS,
  TYPES,
  UNSEEN,
  clock,
  length,
  milli,
  percent,
  plural,
} from "./words.js";

/** The card at the top: number, band, and that a person decides. */
export function scoreCard({ summary, score }) {
  const band = summary.band;
  const isNumber = score !== null && score.integrity !== null;
  const figure = isNumber
    ? [h("b", {}, String(score.integrity)), h("span", {}, "of 100")]
    : [h("b", { class: "none" }, score === null ? "No score yet" : "No number")];
  return h(
    "section",
    { class: `card score is-${band ?? "none"}`, "aria-labelledby": "score-title" },
    h("h2", { id: "score-title" }, "Integrity score"),
    h("p", { class: "figure" }, figure),
    band && h("p", { class: "band-line" }, bandMark(band), h("b", {}, BANDS[band]), `: ${BAND_MEANINGS[band]}`),
    summary.review_priority &&
      h(
        "p",
        { class: "priority-line" },
        priorityMark(summary.review_priority),
        h(
          "span",
          {},
          "Review priority: ",
          h("b", {}, PRIORITIES[summary.review_priority].toLowerCase()),
          `, ${PRIORITY_MEANINGS[summary.review_priority]}`,
        ),
      ),
    score?.human_review_required !== false &&
      h(
        "p",
        { class: "human" },
        h("b", {}, "A person must review this."),
        " The number orders the work; it decides nothing.",
      ),
    score &&
      h("p", { class: "soft" }, `Revision ${score.rev}, ${score.status}, of video up to ${clock(score.watermark_ms)}`),
  );
}

/** Where the points went, in words. */
export function contributionsCard({ score, contributions }) {
  const rows = contributions.map((each) =>
    h(
      "li",
      {},
      h(
        "span",
        { class: "what" },
        h("b", {}, each.text.split(": ")[0]),
        h("span", {}, each.text.split(": ").slice(1).join(": ")),
      ),
      h("b", { class: "points" }, `−${milli(each.applied_milli)}`),
      h("span", { class: "share", "aria-hidden": "true", "--share": each.applied_milli / 100_000 }),
    ),
  );
  const concern = score?.concern_milli ?? 0;
  return h(
    "section",
    { class: "card", "aria-labelledby": "points-title" },
    h("h2", { id: "points-title" }, "Where points went"),
    rows.length
      ? h("ul", { class: "contributions" }, rows)
      : h("p", { class: "soft" }, score ? "Nowhere: nothing that was seen costs points." : "There is no score yet."),
    rows.length > 0 &&
      h(
        "p",
        { class: "sum" },
        `100 − ${milli(concern)} = ${milli(100_000 - concern)}`,
        score.integrity === null
          ? ", not shown as a number because too little was seen"
          : concern % 1000
            ? `, rounded down to ${score.integrity}`
            : "",
      ),
  );
}

/** What could be seen, who sat there, what was granted, by which rules. */
export function factsCard({ summary, score, identity }) {
  const facts = [];
  const fact = (name, ...value) => facts.push(h("dt", {}, name), h("dd", {}, ...value));
  if (score) {
    const { coverage } = score;
    const reasons = Object.entries(coverage.by_reason)
      .filter(([, ms]) => ms > 0)
      .map(([reason, ms]) => `${UNSEEN[reason] ?? reason}: ${length(ms)}`);
    fact(
      "Seen",
      h("b", {}, percent(coverage.ratio_milli)),
      ` of ${length(coverage.expected_ms)}`,
      score.evidence === "insufficient" ? h("b", { class: "block" }, "Too little to vouch for the session") : null,
      reasons.length > 0 && h("span", { class: "block soft" }, reasons.join(" · ")),
      coverage.longest_unseen_ms > 0 &&
        h("span", { class: "block soft" }, `Longest stretch not seen: ${length(coverage.longest_unseen_ms)}`),
    );
    for (const each of score.not_evaluated ?? [])
      fact(
        "Not looked for",
        `${TYPES[each.type] ?? each.type}, for ${length(each.duration_ms)}`,
        h("span", { class: "block soft" }, NOT_EVALUATED[each.reason] ?? each.reason),
      );
  }
  if (identity)
    fact(
      "Identity",
      IDENTITIES[identity.state] ?? identity.state,
      identity.state !== "not_required" &&
        h(
          "span",
          { class: "block soft" },
          `${identity.matched} of ${plural(identity.eligible, "usable comparison")} matched`,
        ),
    );
  const granted = score?.accommodations_honoured ?? summary.accommodations;
  if (granted.length) fact("Granted and honoured", granted.map((each) => ACCOMMODATIONS[each] ?? each).join(", "));
  fact("Policy", score ? `${score.policy.id}, version ${score.policy.version}` : (summary.policy ?? "–"));
  if (score?.models.length) fact("Models", score.models.join(", "));
  return h(
    "section",
    { class: "card", "aria-labelledby": "facts-title" },
    h("h2", { id: "facts-title" }, "What this rests on"),
    h("dl", {}, facts),
  );
}
