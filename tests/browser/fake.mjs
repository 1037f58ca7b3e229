// A small gateway that speaks the HTTP API from made-up sessions, and can be told to misbehave.
//
// Responsible for: what tests of the pages and of the client need from a server, with the security headers
// of the real one. Not for: being right about roles, limits and scores; the real gateway has its own tests.
// Started by itself (`node fake.mjs [PORT] [SESSIONS]`) it prints a dashboard URL, for work on the pages.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { random } from "./random.mjs";
import { inWords, score } from "./scores.mjs";
import { make } from "./sessions.mjs";
import { timeline } from "./timeline.mjs";

const WEB = fileURLToPath(new URL("../../pipeline/gateway/web", import.meta.url));
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};
const SECURITY = {
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; media-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
};
const RANK = { high: 0, medium: 1, low: 2, none: 3 };
const RING = 2000;

export const NOTICE = {
  policy: "standard 3",
  recorded: [
    "The picture of your camera, from the start of the exam to its end.",
    "No sound, no screen, no keystrokes.",
  ],
  looked_for: [
    { type: "person_absent", text: "Nobody is at the desk.", when: "for 10 s or longer", can_cost_points: true },
    {
      type: "multiple_persons",
      text: "Two or more persons are in the picture.",
      when: "for 3 s or longer",
      can_cost_points: true,
    },
    { type: "camera_obstructed", text: "The camera is covered.", when: "for 5 s or longer", can_cost_points: false },
  ],
  never: [
    "The machine decides nothing: a person looks at what was noted before anything follows from it.",
    "Nothing is concluded about mood, honesty or health.",
  ],
  kept: ["Results and what they rest on: 90 days.", "Video: 2 days."],
};

/** Of what is evidence there is a picture each. */
const pictures = (one) =>
  one.incidents
    .filter((each) => each.class === "evidence")
    .map(({ incident_id, start_ms }) => ({
      name: `0-${Math.floor(start_ms / 2000)}-${start_ms + 500}`,
      media_ms: start_ms + 500,
      incidents: [incident_id],
    }));

/** A token as the pages read it. Nobody checks its signature here. */
export function token(claims = {}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part({ sub: "reviewer-7", tenant: "t1", roles: ["reviewer"], exp: Math.floor(Date.now() / 1000) + 3600, ...claims })}.x`;
}

export class Fake {
  /** What comes for each upload session: every accepted request, in order. */
  uploads = new Map();
  /** Requests seen, as "METHOD path". */
  log = [];
  /** Network cut: connections are dropped without an answer. */
  isCut = false;
  /** What each request for events says that it has; null: nothing. */
  lastEventIds = [];
  /** What tokens come with: the number that a browser begins with which knows nothing of its session. */
  firstChunk = 0;
  /** So many chunks are taken whose answers then get lost. */
  lostAnswers = 0;
  /** Who signs people in. */
  provider = null;
  /** Answers to give instead, once each: {match: RegExp on "METHOD path", status, headers}. */
  instead = [];
  #held = null;
  #streams = new Set();
  #ring = [];
  #count = 0;

  constructor(sessions = 0, seed = 7) {
    this.sessions = new Map(Array.from({ length: sessions }, (_, i) => make(i, seed)).map((one) => [one.id, one]));
  }

  async listen(port = 0) {
    this.server = createServer((request, response) =>
      this.#serve(request, response).catch((error) => this.#problem(response, 500, error.stack)),
    );
    await new Promise((resolve) => this.server.listen(port, "127.0.0.1", resolve));
    this.origin = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }
  close() {
    this.dropStreams();
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  /** Requests that match wait for their answer until the function that this returns is called. */
  hold(match) {
    let release;
    this.#held = { match, until: new Promise((resolve) => (release = resolve)) };
    return () => {
      this.#held = null;
      release();
    };
  }
  publish(event, data) {
    this.publishText(`event: ${event}\ndata: ${JSON.stringify(data)}`);
  }
  /** The lines of an event as they are, but for its id. */
  publishText(lines) {
    this.#count += 1;
    this.#ring.push({ n: this.#count, text: `id: fake-${this.#count}\n${lines}\n\n` });
    if (this.#ring.length > RING) this.#ring.shift();
    for (const stream of this.#streams) stream.write(this.#ring.at(-1).text);
  }
  dropStreams() {
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
  }
  get streams() {
    return this.#streams.size;
  }
  /** How many events were published. */
  get published() {
    return this.#count;
  }
  /** Makes Last-Event-ID useless, as a restart does. */
  forgetEvents() {
    this.#ring = [];
    this.#count += 10_000;
  }

  async #serve(request, response) {
    const url = new URL(request.url, this.origin);
    const line = `${request.method} ${url.pathname}`;
    this.log.push(line);
    for (const [name, value] of Object.entries(SECURITY)) response.setHeader(name, value);
    if (this.isCut && url.pathname.startsWith("/v1/")) return request.socket.destroy();
    const body = await new Promise((resolve) => {
      const parts = [];
      request.on("data", (part) => parts.push(part)).on("end", () => resolve(Buffer.concat(parts)));
    });
    if (this.#held?.match.test(line)) await this.#held.until;
    const instead = this.instead.findIndex(({ match }) => match.test(line));
    if (instead >= 0) {
      const [{ status, headers = {} }] = this.instead.splice(instead, 1);
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      return this.#problem(response, status, "as the test asked for");
    }
    if (!url.pathname.startsWith("/v1/")) return this.#file(url.pathname, response);
    const notice = url.pathname.match(/^\/v1\/policies\/[^/]+\/notice$/);
    if (notice) return this.#json(response, 200, NOTICE);
    if (url.pathname === "/v1/sign-in") return this.#json(response, 200, { provider: this.provider });
    const claims = this.#claims(request);
    if (!claims) return this.#problem(response, 401, "no or bad token");
    const [, , first, id, rest, last] = url.pathname.split("/");
    if (first === "exams") return this.#json(response, 200, this.#exams());
    if (first === "events") return this.#events(request, response);
    if (first === "sessions" && id === undefined) return this.#list(url.searchParams, response);
    if (first !== "sessions") return this.#problem(response, 404, "no such thing");
    if (["chunks", "end", "token"].includes(rest)) return this.#upload(request, response, id, rest, last, body);
    const one = this.sessions.get(id);
    return one
      ? rest === "evidence" && last
        ? this.#picture(response, one, last)
        : this.#session(request, response, one, rest, url.searchParams, body, claims)
      : this.#problem(response, 404, "no such session");
  }

  #claims(request) {
    try {
      return JSON.parse(Buffer.from(request.headers.authorization.split(" ")[1].split(".")[1], "base64url"));
    } catch {
      return null;
    }
  }
  #json(response, status, value) {
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
  }
  #problem(response, status, detail) {
    response.writeHead(status, { "Content-Type": "application/problem+json" });
    response.end(JSON.stringify({ type: "about:blank", title: `Status ${status}`, status, detail }));
  }
  async #file(path, response) {
    const name =
      path === "/" || path.startsWith("/session/") ? "/index.html" : path.endsWith("/") ? `${path}index.html` : path;
    const bytes = await readFile(join(WEB, normalize(name))).catch(() => null);
    if (!bytes) return this.#problem(response, 404, "no such file");
    response.writeHead(200, { "Content-Type": TYPES[extname(name)] ?? "application/octet-stream" }).end(bytes);
  }

  #exams() {
    const exams = new Map();
    for (const { summary: each } of this.sessions.values()) {
      const exam = exams.get(each.exam) ?? {
        exam: each.exam,
        sessions: 0,
        live: 0,
        evidence: 0,
        coverage: 0,
        technical: 0,
        bands: { green: 0, amber: 0, red: 0, grey: 0, none: 0 },
      };
      exam.sessions += 1;
      exam.live += each.state === "live";
      exam.evidence += each.queue === "evidence";
      exam.coverage += each.queue === "coverage";
      exam.technical += each.technical.length > 0;
      exam.bands[each.band ?? "none"] += 1;
      exams.set(each.exam, exam);
    }
    return { items: [...exams.values()] };
  }
  #list(query, response) {
    const items = [...this.sessions.values()]
      .map((one) => one.summary)
      .filter((each) => !query.get("exam") || each.exam === query.get("exam"))
      .sort((a, b) => (RANK[a.review_priority] ?? 4) - (RANK[b.review_priority] ?? 4) || (a.id < b.id ? -1 : 1));
    const from = Number(query.get("cursor") ?? 0),
      limit = Math.min(Number(query.get("limit") ?? 50), 200);
    this.#json(response, 200, {
      items: items.slice(from, from + limit),
      total: items.length,
      next_cursor: from + limit < items.length ? String(from + limit) : null,
    });
  }
  #session(request, response, one, rest, query, body, claims) {
    if (rest === "reviews" && request.method === "POST") return this.#review(response, one, JSON.parse(body), claims);
    const contributions =
      one.score?.contributions.map((each) => ({
        type: each.type,
        applied_milli: each.applied_milli,
        text: inWords(each),
      })) ?? [];
    const revision = ({ run, coverage, policy, ...score }) => ({
      rev: score.rev,
      supersedes: score.supersedes,
      at: run.computed_at,
      status: score.status,
      integrity: score.integrity,
      band: score.band,
      concern_milli: score.concern_milli,
      review_priority: score.review_priority,
      evidence: score.evidence,
      coverage_milli: coverage.ratio_milli,
      watermark_ms: score.watermark_ms,
      policy: `${policy.id}@${policy.version}`,
    });
    const answers = {
      undefined: () => ({
        summary: one.summary,
        score: one.score,
        contributions,
        incidents: one.incidents,
        is_incomplete: false,
        reviews: one.reviews,
        identity: one.score?.identity ?? null,
        lifecycle: [
          {
            session: one.session,
            media_ms: 0,
            event: "started",
            policy: "standard",
            accommodations: [],
            expected: null,
          },
        ],
      }),
      scores: () => ({ items: one.revisions.map(revision) }),
      incidents: () => ({ items: one.incidents }),
      reviews: () => ({ items: one.reviews }),
      coverage: () => one.score?.coverage ?? null,
      evidence: () => ({ items: pictures(one) }),
      health: () => ({
        state: one.state,
        media_ms: one.media_ms,
        heard_at: new Date().toISOString(),
        quiet_ms: one.state === "silent" ? 75_000 : 1200,
        segments: Math.floor(one.media_ms / 2000),
        undecodable: 0,
        shed: 0,
        epochs: 1,
        unseen_last_minute_ms: 0,
        technical: one.summary.technical,
      }),
      timeline: () =>
        timeline(
          one,
          Number(query.get("from_ms") ?? 0),
          Number(query.get("to_ms") ?? one.media_ms),
          Number(query.get("points") ?? 600),
        ),
    };
    return answers[rest] ? this.#json(response, 200, answers[rest]()) : this.#problem(response, 404, "no such view");
  }
  /** An outline in place of a picture: browsers show it alike. */
  #picture(response, one, name) {
    if (!pictures(one).some((each) => each.name === name)) return this.#problem(response, 404, "no such picture");
    response.writeHead(200, { "Content-Type": "image/svg+xml", "Cache-Control": "no-store" });
    response.end(
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 480" width="640" height="480"><rect width="640" height="480" fill="#8a97a3"/><circle cx="240" cy="200" r="80" fill="#d9c3ad"/><rect x="140" y="290" width="200" height="190" fill="#39506b"/><path d="M430 130h120v150h-120z" fill="#b59f8c"/></svg>`,
    );
  }
  #review(response, one, { type, start_ms, end_ms, decision, note = null }, { sub, roles }) {
    if (!roles.some((role) => ["reviewer", "admin"].includes(role))) return this.#problem(response, 403, "role");
    const review = {
      session: one.session,
      review_id: `r-${one.reviews.length + 1}`,
      type,
      start_ms,
      end_ms,
      decision,
      by: sub,
      at: new Date().toISOString(),
      note,
    };
    one.reviews.push(review);
    const state = { confirm: "confirmed", dismiss: "dismissed", reopen: "reopened" }[decision];
    for (const each of one.incidents) {
      if (each.type === type && each.start_ms === start_ms)
        Object.assign(each, { rev: each.rev + 1, review: { state, by: sub, at: review.at, note } });
    }
    score(one);
    this.#json(response, 201, review);
    for (const each of one.incidents) if (each.type === type) this.publish("incident", each);
    this.publish("score", one.score);
    this.publish("session", one.summary);
  }

  #events(request, response) {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.write(": hello\n\n");
    this.lastEventIds.push(request.headers["last-event-id"] ?? null);
    const last = Number(request.headers["last-event-id"]?.replace("fake-", "") ?? NaN);
    if (!Number.isNaN(last)) {
      const isKnown = last <= this.#count && (last === this.#count || this.#ring[0]?.n <= last + 1);
      if (isKnown) this.#ring.filter((event) => event.n > last).forEach((event) => response.write(event.text));
      else response.write(`id: fake-${this.#count}\nevent: reset\ndata: {}\n\n`);
    }
    this.#streams.add(response);
    request.on("close", () => this.#streams.delete(response));
  }

  /** Takes chunks as the real one: any order, twice is once. */
  #upload(request, response, id, what, n, body) {
    const upload = this.uploads.get(id) ?? { chunks: [], repeated: 0, ended: false, tokens: 0 };
    this.uploads.set(id, upload);
    if (what === "token")
      return this.#json(response, 200, {
        token: token({ roles: ["candidate"], session: id, n: (upload.tokens += 1) }),
        expires_at: new Date(Date.now() + 900_000).toISOString(),
        first_chunk: this.firstChunk,
      });
    if (what === "end") {
      upload.ended = true;
      return this.#json(response, 202, {});
    }
    if (body.length === 0) return this.#problem(response, 422, "empty");
    const digest = `sha-256=:${createHash("sha256").update(body).digest("base64")}:`;
    if (request.headers["content-digest"] !== digest) return this.#problem(response, 422, "digest");
    if (upload.chunks.some((chunk) => chunk.n === Number(n))) upload.repeated += 1;
    else
      upload.chunks.push({
        n: Number(n),
        begins: request.headers["chunk-begins"] === "?1",
        type: request.headers["content-type"],
        bytes: body,
        at: Date.now(),
      });
    if (this.lostAnswers > 0) {
      this.lostAnswers -= 1;
      return request.socket.destroy();
    }
    response.writeHead(204).end();
  }

  /** One session of many says something new, as often as `perSecond`; returns how to stop that. */
  agitate(perSecond) {
    const next = random(3),
      all = [...this.sessions.values()];
    const timer = setInterval(() => {
      for (let i = 0; i < perSecond / 20; i += 1) {
        const one = all[Math.floor(next() * all.length)];
        const { summary } = one;
        if (summary.state === "waiting") continue;
        const coverage_milli = Math.min(1000, Math.max(0, summary.coverage_milli + Math.round(next() * 6 - 3)));
        const isWorse = next() < 0.02 && summary.review_priority === "none";
        one.summary = {
          ...summary,
          media_ms: summary.media_ms + 10_000,
          coverage_milli,
          updated_at: new Date().toISOString(),
          ...(isWorse && {
            review_priority: "low",
            queue: "evidence",
            queues: { evidence: true, coverage: false },
            headline: "Eyes away from the screen for 9 s",
          }),
        };
        this.publish("session", one.summary);
      }
    }, 50);
    return () => clearInterval(timer);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const fake = await new Fake(Number(process.argv[3] ?? 140)).listen(Number(process.argv[2] ?? 8787));
  fake.agitate(4);
  console.log(`${fake.origin}/#token=${token()}`);
  console.log(`${fake.origin}/candidate/#id=t1:algebra-1:s0001&policy=standard&token=${token({ roles: ["candidate"] })}`);
}
