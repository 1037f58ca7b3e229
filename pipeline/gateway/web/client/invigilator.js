/**
 * Reference client for exam pages: records a camera and brings every byte of it to the gateway.
 *
 *   import { Invigilator } from "https://gateway.example/client/invigilator.js";
 *   const client = new Invigilator({ base: "https://gateway.example", id, ...upload });
 *   client.addEventListener("state", ({ detail }) => show(detail));
 *   client.addEventListener("failed", ({ detail }) => tell(detail)); // {status, title}
 *   await client.open();              // goes on with what an earlier page left behind
 *   await client.start(await navigator.mediaDevices.getUserMedia({ video: Invigilator.CAMERA }));
 *   await client.end();               // resolves when the gateway has everything and knows that it is over
 *
 * `id` and `upload` ({token, expires_at, chunk_bytes, first_chunk}) are what POST /v1/sessions answered.
 *
 * Responsible for: one recorder; its bytes in numbered, hashed chunks, in IndexedDB until the gateway has them,
 * through network cuts and reloads. Not for: asking for the camera, what people see, time.
 *
 * The recorder's blobs are one byte stream, cut anywhere. A hole never falls into the middle of it: when the buffer
 * is full the recorder stops, and a new one (whose header begins a new chunk) starts once half of the buffer is free.
 * The same happens after a reload. Chunk numbers go on over all recorders; a browser that knows nothing of the session
 * begins at `first_chunk`, behind what another one may have sent. What has ended is never recorded again.
 *
 * Events: `state` (see there), `token` ({token, expires_at}: keep it for a reload), `full`, `drained`, `interrupted`
 * (the camera ended; call `start` with another stream), `ended`, and `failed`: trying again does not help. After 401
 * recording goes on into the buffer, for `resume`; after all else it stops.
 */

/** By preference. Browsers that cannot write WebM write H.264 in MP4. */
const TYPES = ["video/webm;codecs=vp8", "video/mp4;codecs=avc1.42E01E", "video/mp4", "video/webm"];
const RECORDER = { videoBitsPerSecond: 400_000, videoKeyFrameIntervalDuration: 2000 };
const TIMESLICE_MS = 1000, REQUEST_MS = 30_000, BACK_OFF_MS = { first: 500, most: 15_000 };
/** A token is renewed after half of its life, but within these bounds, whatever the clock says. */
const RENEW_MS = { least: 30_000, most: 300_000 };

const result = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

/** What waits for acknowledgement, and the numbers that must outlive the page. */
class Outbox {
  #database;

  static async open(id, first) {
    const request = indexedDB.open("invigilator", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("chunks", { keyPath: ["id", "n"] });
      request.result.createObjectStore("sessions", { keyPath: "id" });
    };
    const outbox = new Outbox(), database = (outbox.#database = await result(request));
    const known = await result(database.transaction("sessions").objectStore("sessions").get(id));
    outbox.record = known ?? { id, first, next: first, bytes: 0, chunks: 0, ending: 0, ended: 0 };
    return outbox;
  }
  get isNew() { return this.record.next === this.record.first; }
  begin(first) { if (this.isNew) this.record.first = this.record.next = first; } // No chunk has a number yet.
  /** The pieces of one blob get numbers and are kept, all of them or none. */
  push(type, pieces) {
    const { id, next } = this.record;
    const bytes = pieces.reduce((sum, piece) => sum + piece.bytes.byteLength, 0);
    const put = (chunks) => pieces.forEach((piece, i) => chunks.put({ id, n: next + i, type, ...piece }));
    return this.#write({ next: pieces.length, chunks: pieces.length, bytes }, put);
  }
  async oldest() {
    const mine = IDBKeyRange.bound([this.record.id, 0], [this.record.id, Infinity]);
    return (await result(this.#database.transaction("chunks").objectStore("chunks").getAll(mine, 1)))[0];
  }
  remove({ id, n, bytes }) {
    return this.#write({ chunks: -1, bytes: -bytes.byteLength }, (chunks) => chunks.delete([id, n]));
  }
  /** That the session is `ending` or has `ended` outlives the page. */
  mark(what) { return this.#write({ [what]: 1 }, () => {}); }
  /** Chunks and numbers change together. Numbers in memory change at once: transactions run in order. */
  #write(difference, work) {
    const add = (sign) => { for (const key in difference) this.record[key] += sign * difference[key]; };
    const transaction = this.#database.transaction(["chunks", "sessions"], "readwrite");
    work(transaction.objectStore("chunks"));
    add(1);
    transaction.objectStore("sessions").put({ ...this.record });
    return new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => { add(-1); reject(transaction.error); };
    });
  }
}

export class Invigilator extends EventTarget {
  /** What to ask the camera for. Sound is never recorded. */
  static CAMERA = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 15, max: 15 } };

  #base; #id; #token; #renewAt; #renew; #firstChunk = 0; #chunkBytes; #bufferBytes; #outbox;
  #phase = "new"; #failure = null; #acknowledged = null;
  #recorder = null; #stream = null; #overfull = null; #storing = Promise.resolve();
  #isPumping = false; #isMore = false; #wake = () => {};

  /**
   * `base`: origin of the gateway. `chunk_bytes`: the most that one request carries. `buffer_bytes`: how much may
   * wait (85 minutes). `renew`: asked when a token is refused (a cut longer than its life); gives another one.
   */
  constructor({ base = "", id, chunk_bytes = 1 << 18, buffer_bytes = 1 << 28, renew = null, ...upload }) {
    super();
    [this.#base, this.#id, this.#bufferBytes, this.#renew] = [base, id, buffer_bytes, renew];
    this.#accept({ chunk_bytes, ...upload });
    this.#renewAt = 0; // It may be from before a reload: renewed with the first upload.
  }

  /**
   * `phase`: new | ready | recording | full | ending | ended. `failure`: what `failed` told, until `resume`.
   * `next`: number of the next chunk. `acknowledged`: {n, at} of the last one that the gateway has.
   */
  get state() {
    const { bytes = 0, chunks = 0, next = 0 } = this.#outbox?.record ?? {};
    return { phase: this.#phase, failure: this.#failure, online: navigator.onLine, next,
      buffered_bytes: bytes, buffered_chunks: chunks, acknowledged: this.#acknowledged };
  }

  /** Takes up what is stored and begins to upload it. Rejects while another page holds the session. */
  async open() {
    await this.#lock();
    this.#outbox = await Outbox.open(this.#id, this.#firstChunk);
    navigator.storage?.persist?.();
    addEventListener("offline", () => this.#tell("state"));
    addEventListener("online", () => { this.#wake(); this.#tell("state"); });
    const { ending, ended } = this.#outbox.record;
    this.#enter(ended ? "ended" : ending ? "ending" : "ready");
    this.#pump();
    return this.state;
  }

  /** Records `stream` from now on. */
  async start(stream) {
    await this.#halt();
    if (!["ready", "recording", "full"].includes(this.#phase)) throw new Error(`cannot record while ${this.#phase}`);
    if (this.#outbox.isNew) this.#storing = this.#storing.then(() => this.#renewToken()); // Blobs wait for this.
    this.#stream = stream;
    this.#record();
  }

  /** Stops, uploads what is left, and tells the gateway that it is over. */
  async end() {
    if (this.#outbox.record.ended) return this.state;
    this.#enter("ending"); // At once: a buffer that drains from now on starts no recorder.
    await this.#halt().then(() => this.#storing);
    await this.#outbox.mark("ending").catch(() => { this.#outbox.record.ending = 1; }); // This page knows it anyway.
    const over = new Promise((resolve, reject) => {
      this.addEventListener("ended", () => resolve(this.state), { once: true });
      this.addEventListener("failed", ({ detail }) => reject(new Error(detail.title)), { once: true });
    });
    this.#pump();
    return over;
  }

  /** Goes on after `failed`, with a token that is accepted. */
  resume(upload) {
    this.#accept(upload);
    this.#failure = null;
    this.#tell("state");
    this.#pump();
  }

  // ---- Recording
  #record() {
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    const recorder = new MediaRecorder(this.#stream, { mimeType, ...RECORDER });
    this.#recorder = recorder;
    recorder.ondataavailable = ({ data }) => { this.#storing = this.#storing.then(() => this.#store(recorder, data)); };
    recorder.onstop = () => {
      if (this.#recorder !== recorder) return;
      this.#recorder = null; // Nobody stopped it: the camera was pulled out or taken away.
      this.#enter("ready");
      this.#tell("interrupted");
    };
    recorder.start(TIMESLICE_MS);
    this.#enter("recording");
  }

  /** Ends the recorder, if any. Its last bytes are on their way to be stored then. */
  async #halt() {
    const recorder = this.#recorder;
    this.#recorder = null;
    if (!recorder || recorder.state === "inactive") return;
    await new Promise((resolve) => { recorder.addEventListener("stop", resolve, { once: true }); recorder.stop(); });
  }

  async #store(recorder, blob) {
    if (recorder === this.#overfull || blob.size === 0) return;
    try {
      const isRoom = this.#outbox.record.bytes + blob.size <= this.#bufferBytes;
      if (!isRoom) throw new DOMException("the buffer is full", "QuotaExceededError");
      const whole = await blob.arrayBuffer();
      const pieces = [];
      for (let from = 0; from < whole.byteLength; from += this.#chunkBytes) {
        const bytes = whole.slice(from, from + this.#chunkBytes);
        const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
        pieces.push({ bytes, digest: `sha-256=:${btoa(String.fromCharCode(...hash))}:` });
      }
      await this.#outbox.push(recorder.mimeType, pieces);
    } catch ({ name, message }) {
      this.#overfull = recorder; // Nothing of this stream after the hole.
      if (name !== "QuotaExceededError") return this.#fail({ status: null, title: `cannot store: ${message}` });
      this.#halt();
      this.#enter("full");
      this.#tell("full");
    }
    this.#tell("state");
    this.#pump();
  }

  // ---- Uploading
  /** One loop, however often it is asked for. */
  async #pump() {
    this.#isMore = true;
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#isMore && !this.#failure) {
      this.#isMore = false;
      await this.#upload().catch((error) => this.#fail({ status: null, title: error.message }));
    }
    this.#isPumping = false;
  }

  async #upload() {
    for (let chunk; (chunk = await this.#outbox.oldest()); ) {
      if (!(await this.#send("PUT", `chunks/${chunk.n}`, chunk))) return;
      await this.#outbox.remove(chunk);
      this.#acknowledged = { n: chunk.n, at: new Date() };
      if (this.#phase === "full" && this.#outbox.record.bytes <= this.#bufferBytes / 2) {
        if (this.#stream?.active) this.#record(); else this.#enter("ready");
        this.#tell("drained");
      }
      this.#tell("state");
    }
    if (this.#phase !== "ending" || !this.#outbox.record.ending || !(await this.#send("POST", "end"))) return;
    await this.#outbox.mark("ended");
    this.#enter("ended");
    this.#tell("ended");
  }

  /** Tries until the gateway has it. `null`: it never will, and `failed` was told. */
  async #send(method, path, chunk) {
    for (let attempt = 0, isRenewed = false; ; attempt += 1) {
      if (performance.now() > this.#renewAt) await this.#renewToken();
      const answer = await this.#request(method, path, chunk);
      if (answer?.ok) return answer;
      const upload = answer?.status === 401 && !isRenewed && (await this.#renew?.().catch(() => null));
      if (upload) { isRenewed = true; this.#accept(upload); continue; }
      if (answer && answer.status < 500 && ![408, 425, 429].includes(answer.status)) {
        const problem = await answer.json().catch(() => ({}));
        return this.#fail({ status: answer.status, title: problem.title ?? answer.statusText });
      }
      // Exponential, with jitter so that a room full of browsers does not come back at once.
      const most = Math.min(BACK_OFF_MS.first * 2 ** attempt, BACK_OFF_MS.most);
      const asked = Number(answer?.headers.get("Retry-After")) * 1000 || 0;
      await new Promise((resolve) => { this.#wake = resolve; setTimeout(resolve, asked + Math.random() * most); });
    }
  }

  /** `null`: no answer. */
  #request(method, path, chunk) {
    const headers = { Authorization: `Bearer ${this.#token}` };
    if (chunk) Object.assign(headers, { "Content-Type": chunk.type, "Content-Digest": chunk.digest });
    if (chunk && chunk.n === this.#outbox.record.first) headers["Chunk-Begins"] = "?1"; // No lower number is to come.
    const options = { method, headers, body: chunk?.bytes, cache: "no-store", signal: AbortSignal.timeout(REQUEST_MS) };
    return fetch(`${this.#base}/v1/sessions/${this.#id}/${path}`, options).catch(() => null);
  }

  async #renewToken() { // If that fails, the old one may still do, for now.
    this.#renewAt = performance.now() + RENEW_MS.least;
    const answer = await this.#request("POST", "token");
    if (answer?.ok) this.#accept(await answer.json());
  }

  #accept({ token, expires_at, chunk_bytes = this.#chunkBytes, first_chunk = this.#firstChunk }) {
    const half = (new Date(expires_at) - Date.now()) / 2 || RENEW_MS.most;
    [this.#token, this.#chunkBytes, this.#firstChunk] = [token, chunk_bytes, first_chunk];
    this.#outbox?.begin(first_chunk);
    this.#renewAt = performance.now() + Math.min(Math.max(half, RENEW_MS.least), RENEW_MS.most);
    this.#tell("token", { token, expires_at });
  }

  /** Nothing but its end comes after `ending`. */
  #enter(phase) { if (this.#phase !== "ending" || phase === "ended") this.#phase = phase; this.#tell("state"); }
  #tell(type, detail = this.state) { this.dispatchEvent(new CustomEvent(type, { detail })); }
  #fail(failure) {
    const isOver = failure.status !== 401 && this.#recorder;
    if (isOver) this.#halt();
    this.#failure = failure;
    this.#enter(isOver ? "ready" : this.#phase);
    this.#tell("failed", failure);
    return null;
  }

  /** One page at a time: the lock goes with the page. One that is just being left gets some time. */
  #lock() {
    const forever = new Promise(() => {}), name = `invigilator ${this.#id}`;
    return new Promise((resolve, reject) => {
      navigator.locks.request(name, { signal: AbortSignal.timeout(5000) }, () => { resolve(); return forever; })
        .catch(() => reject(new Error("another page is recording this session")));
    });
  }
}
