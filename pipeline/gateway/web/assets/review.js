// The question before a decision, and the decision's way to the gateway.
//
// Responsible for: nobody deciding by a slip of a key, and a failed request losing nothing that was typed.

import { post } from "./access.js";
import { h } from "./dom.js";
import { DECISIONS } from "./incidents.js";
import { TYPES, clock } from "./words.js";

const MEANINGS = {
  confirm: "It happened as described.",
  dismiss: "It did not happen, or it is fine. It costs no points.",
  reopen: "The earlier decision is taken back; it waits for review again.",
};
const MOST_CHARACTERS = 2000;

/** Asks, sends, and resolves to the review, or to null if it was called off. */
export function askForReview(session, incident, decision) {
  const [verb] = DECISIONS[decision];
  const note = h("textarea", { id: "note", rows: 3, maxlength: MOST_CHARACTERS });
  const error = h("p", { class: "error", role: "alert" });
  const submit = h("button", { type: "submit", class: "primary" }, verb);
  const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  /** From sending to the answer nothing is called off, and nothing sent again. */
  const isSending = () => submit.disabled;
  const setSending = (is) => {
    submit.disabled = cancel.disabled = is;
    note.focus(); // Keys stay in the dialog.
  };
  const form = h(
    "form",
    { method: "dialog" },
    h("h2", { id: "review-title" }, `${verb}: ${TYPES[incident.type] ?? incident.type}`),
    h("p", { class: "soft" }, `${clock(incident.start_ms)} to ${clock(incident.end_ms)}`),
    h("p", {}, MEANINGS[decision], " The score is computed again; nothing else follows by itself."),
    h("label", { for: "note" }, "Note, for those who check later"),
    note,
    error,
    h("p", { class: "actions" }, cancel, submit),
  );
  const dialog = h("dialog", { "aria-labelledby": "review-title" }, form);
  let resolve;
  const answer = new Promise((settle) => {
    resolve = settle;
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (isSending()) return;
    setSending(true);
    error.textContent = "";
    try {
      const { type, start_ms, end_ms } = incident;
      const review = await post(`/v1/sessions/${session}/reviews`, {
        type,
        start_ms,
        end_ms,
        decision,
        note: note.value.trim() || null,
      });
      resolve(review);
      setSending(false);
      dialog.close();
    } catch (problem) {
      const what = !problem.status ? "Perhaps not saved; trying again does no harm" : "Not saved";
      error.textContent = `${what}: ${problem.message}`;
      setSending(false);
    }
  });
  note.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isSending()) event.preventDefault();
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  dialog.addEventListener("close", () => {
    if (isSending()) return dialog.showModal(); // By a gesture: those cannot be prevented.
    dialog.remove();
    resolve(null);
  });
  document.body.append(dialog);
  dialog.showModal();
  note.focus();
  return answer;
}
