// What is recorded and judged, from the policy in force. Responsible for: a candidate reading what is true of
// their session, and not a text that somebody once wrote.

import { h } from "./dom.js";

/** Draws it into `place`; `false` if it could not be loaded. */
export async function drawNotice(place, policy) {
  const answer = await fetch(`/v1/policies/${encodeURIComponent(policy)}/notice`).catch(() => null);
  if (!answer?.ok) {
    place.replaceChildren(
      h("p", { class: "error" }, "What is recorded could not be loaded. Load this page again before you start."),
    );
    return false;
  }
  const { recorded, looked_for, never, kept } = await answer.json();
  const list = (title, items) => [
    h("h3", {}, title),
    h(
      "ul",
      {},
      items.map((item) => h("li", {}, item)),
    ),
  ];
  const looked = (canCost) =>
    looked_for
      .filter((each) => each.can_cost_points === canCost)
      .map(({ text, when }) => [text.replace(/\.$/, ""), h("span", { class: "soft" }, `, ${when}`)]);
  place.replaceChildren(
    ...list("Recorded", recorded),
    ...list("Looked for by a program; a person looks at what it noted", looked(true)),
    ...list("Noted too, and never costs points", looked(false)),
    ...list("Never", never),
    ...list("Kept", kept),
  );
  return true;
}
