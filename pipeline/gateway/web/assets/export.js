// The list of sessions as a file. Responsible for: fetching it with the token (a link cannot carry one).

import { authorized } from "./access.js";

/** Saves what the filters let through, as far as the gateway knows them; the button says if that does not work. */
export async function saveCsv(button, { tab, exam, state, band }) {
  const queue = ["evidence", "coverage"].includes(tab) ? tab : "";
  const chosen = { exam, state: state === "running" ? "" : state, band, queue };
  const query = new URLSearchParams(Object.entries(chosen).filter(([, value]) => value));
  const answer = await fetch(`/v1/sessions.csv?${query}`, { headers: authorized() }).catch(() => null);
  if (!answer?.ok) {
    button.textContent = "Export failed, try again";
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = "sessions.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
