// What is known of all sessions, and in which order a person should look at them.
//
// Responsible for: summaries by id, their order, filters and counts. Not for: showing them (wall.js).

import { get } from "./access.js";

/** As many as one dashboard keeps; more are left to the filters of the gateway. */
const MOST = 10_000;
const PAGE = 200;

const PRIORITY = { high: 0, medium: 1, low: 2, none: 3 };
const BAND = { red: 0, amber: 1 };

/** Lower is more urgent. */
export const rank = (summary) => PRIORITY[summary?.review_priority] ?? 4;
const waitsForIdentity = (each) => each.unreviewed.identity > 0 || each.identity === "pending_review";
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** Worst first, as the gateway sorts: identity, priority, band, concern, what began later; else the name decides. */
export function worstFirst(a, b) {
  return (
    waitsForIdentity(b) - waitsForIdentity(a) ||
    rank(a) - rank(b) ||
    (BAND[a.band] ?? 2) - (BAND[b.band] ?? 2) ||
    (b.concern_milli ?? -1) - (a.concern_milli ?? -1) ||
    compare(b.started_at ?? "", a.started_at ?? "") ||
    compare(a.session, b.session)
  );
}

/** The tabs, by what they let through. */
export const TABS = {
  all: () => true,
  evidence: (each) => each.queues.evidence,
  coverage: (each) => each.queues.coverage,
  technical: (each) => each.technical.length > 0,
};

export class Sessions {
  #byId = new Map();
  #touched = null;
  /** How many the gateway has in all. */
  total = 0;

  get(id) {
    return this.#byId.get(id);
  }
  get size() {
    return this.#byId.size;
  }

  /** Returns what was known before. */
  apply(summary) {
    const before = this.#byId.get(summary.id);
    this.#byId.set(summary.id, summary);
    this.#touched?.add(summary.id);
    return before;
  }

  /** Fetches everything, page by page, worst first. What events tell meanwhile is newer and stays. */
  async load(exam, onPage, signal) {
    const touched = (this.#touched = new Set());
    const fetched = new Set();
    let total = 0;
    for (let cursor = null, isMore = true; isMore;) {
      const query = new URLSearchParams({
        limit: PAGE,
        sort: "priority",
        ...(exam && { exam }),
        ...(cursor && { cursor }),
      });
      const page = await get(`/v1/sessions?${query}`, signal);
      for (const summary of page.items) {
        fetched.add(summary.id);
        if (!touched.has(summary.id)) this.#byId.set(summary.id, summary);
      }
      total = page.total;
      cursor = page.next_cursor;
      isMore = cursor !== null && fetched.size < MOST;
      onPage();
    }
    for (const id of this.#byId.keys()) if (!fetched.has(id) && !touched.has(id)) this.#byId.delete(id);
    this.#touched = null;
    this.total = total;
  }

  clear() {
    this.#byId.clear();
    this.total = 0;
  }

  /** Those that pass the filters, in order, and how many each tab would show. */
  view({ tab, state, band, text }) {
    const counts = { all: 0, evidence: 0, coverage: 0, technical: 0 };
    const bands = { green: 0, amber: 0, red: 0, grey: 0, none: 0 };
    const words = text.trim().toLowerCase();
    const items = [];
    for (const each of this.#byId.values()) {
      if (state && (state === "running" ? each.state === "ended" : each.state !== state)) continue;
      if (words && !each.name.toLowerCase().includes(words)) continue;
      bands[each.band ?? "none"] += 1;
      if (band && (each.band ?? "none") !== band) continue;
      for (const name in TABS) counts[name] += TABS[name](each);
      if (TABS[tab](each)) items.push(each);
    }
    return { items: items.sort(worstFirst), counts, bands };
  }
}
