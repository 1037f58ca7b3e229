// Pictures that are kept of incidents.
//
// Responsible for: which incident has which, and one of them when somebody asks for it. Each look is written down by the
// gateway, so nothing is fetched before, and nothing twice. Not for: what is hidden in a picture; that was done long ago.

import { get, getBlob } from "./access.js";
import { h } from "./dom.js";
import { TYPES, clock } from "./words.js";

export class Pictures {
  #session;
  /** By incident. */
  #kept = new Map();
  #elements = new Map();
  #asked = "";

  constructor(session) {
    this.#session = session;
  }

  /** Looks which there are, if other incidents are known than before. Without an answer there are none to show. */
  async load(incidents, signal) {
    const known = incidents.map((each) => `${each.incident_id} ${each.rev}`).join();
    if (known === this.#asked || !incidents.length) return;
    const { items } = await get(`/v1/sessions/${this.#session}/evidence`, signal).catch(() => ({ items: null }));
    if (!items) return; // Asked again with the next change.
    this.#asked = known;
    this.#kept = new Map();
    for (const picture of items)
      for (const id of picture.incidents) this.#kept.set(id, [...(this.#kept.get(id) ?? []), picture]);
  }

  /** For telling whether something has changed. */
  names({ incident_id }) {
    return (this.#kept.get(incident_id) ?? []).map((each) => each.name).join();
  }

  /** The pictures of an incident, closed; those that were opened stay as they are. */
  of(incident) {
    return (this.#kept.get(incident.incident_id) ?? []).map((picture) => {
      const key = `${incident.incident_id} ${picture.name}`;
      if (!this.#elements.has(key)) this.#elements.set(key, this.#element(picture, incident));
      return this.#elements.get(key);
    });
  }

  #element({ name, media_ms }, incident) {
    const what = TYPES[incident.type] ?? incident.type;
    const at = clock(media_ms);
    const place = h("div", { class: "place", role: "status" });
    const details = h("details", { class: "picture" }, h("summary", {}, `Picture, ${at}`), place);
    let isAsked = false;
    details.addEventListener("toggle", async () => {
      if (!details.open || isAsked) return;
      isAsked = true;
      place.replaceChildren(h("p", { class: "soft" }, "The picture is opened …"));
      try {
        const url = URL.createObjectURL(await getBlob(`/v1/sessions/${this.#session}/evidence/${name}`));
        const alt = `${what}: what the camera showed at ${at}. Nobody but the candidate can be recognised.`;
        const shown = h("img", { src: url, alt });
        shown.addEventListener("load", () => URL.revokeObjectURL(url), { once: true });
        place.replaceChildren(shown, h("p", { class: "soft" }, "Faces of others are hidden. That you looked is in the audit log."));
      } catch (problem) {
        isAsked = false;
        const gone = problem.status === 404;
        place.replaceChildren(
          h("p", { class: "error" }, gone ? "The picture is not kept any more." : `${problem.message}. Close and open it to try again.`),
        );
      }
    });
    return details;
  }
}
