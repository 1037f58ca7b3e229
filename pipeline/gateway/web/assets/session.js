// The page of one session.
//
// Responsible for: fetching it, and again when events say that it changed; which part shows what. Not for:
// what the parts look like.

import { get, may } from "./access.js";
import { bandMark, h, setText } from "./dom.js";
import { Incidents, offered } from "./incidents.js";
import { Pictures } from "./pictures.js";
import { health, history, revisions } from "./records.js";
import { askForReview } from "./review.js";
import { contributionsCard, factsCard, scoreCard } from "./score.js";
import { Timeline } from "./timeline.js";
import { STATES, TYPES, clock } from "./words.js";

/** Changes come in bursts: one fetch for each. The timeline grows slowly and is larger. */
const SETTLE_MS = 800;
const TIMELINE_MS = 10_000;
const SAID = { confirm: "confirmed", dismiss: "dismissed", reopen: "reopened" };

export class SessionPage {
  #id;
  #say;
  #detail = null;
  #timer = null;
  #timelineAt = -Infinity;
  #stopped = new AbortController();
  #drawn = new Map();

  /** `say(text)`: for screen readers. */
  constructor({ id, say }) {
    [this.#id, this.#say] = [id, say];
    this.timeline = new Timeline({
      onRange: () => this.#loadTimeline(),
      onPick: (incident) => this.incidents.focus(incident),
    });
    this.pictures = new Pictures(id);
    this.incidents = new Incidents({
      pictures: this.pictures,
      onSelect: (each) => this.timeline.select(each?.incident_id),
      onDecide: (incident, decision) => this.#decide(incident, decision),
    });
    this.title = h("h1", { tabindex: -1 }, id.split(":").at(-1));
    this.about = h("p", { class: "about" });
    this.error = h("p", { class: "error", role: "alert" });
    this.side = h("div", { class: "side" });
    this.below = h("div", { class: "below-fold" });
    const looks =
      !may("reviewer", "admin") && h("p", { class: "soft" }, "Your role may look at this session. Reviewers decide.");
    this.element = h(
      "article",
      { class: "session" },
      h(
        "header",
        { class: "session-head" },
        h(
          "a",
          { href: "/", "data-route": true, class: "back" },
          "← All sessions ",
          h("kbd", { "aria-hidden": "true" }, "Esc"),
        ),
        this.title,
        this.about,
        looks,
      ),
      this.error,
      h(
        "div",
        { class: "columns" },
        this.side,
        h("div", { class: "center" }, this.timeline.element, this.incidents.elements, this.below),
      ),
    );
    this.load();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#stopped.abort();
  }

  /** An event told of this session. */
  changed(type, data) {
    if (type === "session" && this.#detail) this.#head({ ...this.#detail, summary: data });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.load(), SETTLE_MS);
  }

  async load() {
    const { signal } = this.#stopped;
    const part = (name) => get(`/v1/sessions/${this.#id}${name}`, signal);
    try {
      const [detail, scores, stream] = await Promise.all([part(""), part("/scores"), part("/health")]);
      this.#detail = detail;
      setText(this.error, "");
      this.#head(detail);
      this.#draw(
        "side",
        this.side,
        [detail.summary.rev, detail.score, detail.contributions, detail.summary.review_priority],
        () => [scoreCard(detail), contributionsCard(detail), factsCard(detail)],
      );
      this.incidents.show(detail.incidents, detail.is_incomplete);
      // Later: a store of pictures may be slow, and nothing else waits for it.
      this.pictures.load(detail.incidents, signal).then(() => {
        if (!signal.aborted) this.incidents.show(this.#detail.incidents, this.#detail.is_incomplete);
      });
      this.#draw("below", this.below, [scores, detail.reviews, detail.lifecycle, stream], () => [
        revisions(scores.items),
        history(detail),
        health(stream),
      ]);
      if (performance.now() - this.#timelineAt > TIMELINE_MS) await this.#loadTimeline();
      else if (this.#samples) this.timeline.show(this.#samples, detail.incidents);
    } catch (problem) {
      if (signal.aborted) return;
      setText(
        this.error,
        problem.status === 404
          ? "There is no such session, or it is not yours to see."
          : `${problem.message}. It is tried again with the next change.`,
      );
    }
  }
  #samples;

  async #loadTimeline() {
    if (!this.#detail) return;
    this.#timelineAt = performance.now();
    const [from, to] = this.timeline.bounds(this.#detail.summary.media_ms);
    const points = Math.min(1000, Math.max(200, this.timeline.lanes.clientWidth || 600));
    this.#samples = await get(
      `/v1/sessions/${this.#id}/timeline?from_ms=${Math.floor(from)}&to_ms=${Math.ceil(to)}&points=${points}`,
      this.#stopped.signal,
    );
    this.timeline.show(this.#samples, this.#detail.incidents);
  }

  #head({ summary }) {
    setText(this.title, summary.name);
    document.title = `${summary.name} – Invigilator`;
    this.#draw("about", this.about, [summary.band, summary.integrity, summary.state, summary.media_ms], () => [
      h("span", {}, summary.exam),
      h("span", { class: "state", "data-state": summary.state }, STATES[summary.state]),
      h("span", {}, clock(summary.media_ms)),
      h(
        "span",
        { class: `band-chip is-${summary.band ?? "none"}` },
        bandMark(summary.band),
        summary.integrity === null ? (summary.band ?? "no score yet") : `${summary.integrity} ${summary.band}`,
      ),
    ]);
  }

  /** Draws a part anew if what it shows has changed; opened details stay open, the focus stays where it was. */
  #draw(name, place, shown, make) {
    const text = JSON.stringify(shown);
    if (this.#drawn.get(name) === text) return;
    this.#drawn.set(name, text);
    const open = [...place.querySelectorAll(":scope > details")].map((each) => each.open);
    const focusable = () => [...place.querySelectorAll("summary")];
    const focused = focusable().indexOf(document.activeElement);
    place.replaceChildren(...make());
    place.querySelectorAll(":scope > details").forEach((each, i) => {
      each.open = open[i] ?? false;
    });
    if (focused >= 0) focusable()[focused]?.focus({ preventScroll: true });
  }

  /** Decides about the selected incident, after asking, if that can be decided now. */
  decide(decision) {
    const { selected } = this.incidents;
    if (selected && may("reviewer", "admin") && offered(selected).includes(decision)) this.#decide(selected, decision);
  }
  async #decide(incident, decision) {
    const review = await askForReview(this.#id, incident, decision);
    this.incidents.focus(incident.incident_id);
    if (!review) return;
    this.#say(`${TYPES[incident.type] ?? incident.type}: ${SAID[decision]}`);
    this.load();
  }
}
