// Promise: what the recorder gave arrives byte for byte, in order, under numbers without a hole: through cuts of
// the network, lost answers, refusals, full buffers and reloads; and what cannot be mended is told.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { launch, open } from "./browser.mjs";
import { until } from "./checks.mjs";
import { Fake, token } from "./fake.mjs";

const ID = "t1:algebra-1:s0001";
const HEADER = Buffer.from([0x1a, 0x45, 0xdf, 0xa3]);

let fake, browser, view, takes;
before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  fake = await new Fake().listen();
  view = await open(browser);
  takes = [];
  // What each recorder gave, outside of the page, so that it outlives reloads.
  await view.context.exposeFunction("recorded", (take, base64) =>
    (takes[take] ??= []).push(Buffer.from(base64, "base64")),
  );
  await view.context.exposeFunction("takesSoFar", () => takes.length);
  await view.context.addInitScript(() => {
    const Original = globalThis.MediaRecorder;
    let telling = Promise.resolve();
    globalThis.told = () => telling;
    globalThis.recorders = 0;
    globalThis.MediaRecorder = class extends Original {
      constructor(...settings) {
        super(...settings);
        globalThis.recorders += 1;
        const number = globalThis.takesSoFar();
        this.addEventListener("dataavailable", ({ data }) => {
          telling = telling.then(async () => {
            if (data.size === 0) return;
            const bytes = new Uint8Array(await data.arrayBuffer());
            let text = "";
            for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
            await globalThis.recorded(await number, btoa(text));
          });
        });
      }
    };
  });
});
afterEach(async () => {
  await view.context.close();
  await fake.close();
});

/** Opens a page with a client that records; `options` are those of the client. */
async function record(options = {}, page = view.page) {
  await page.goto(`${fake.origin}/candidate/`);
  return page.evaluate(
    async ([id, token, options]) => {
      const { Invigilator } = await import("/client/invigilator.js");
      const client = (globalThis.client = new Invigilator({
        id,
        token,
        expires_at: new Date(Date.now() + 900_000).toISOString(),
        ...options,
      }));
      globalThis.events = [];
      for (const type of ["full", "drained", "interrupted", "failed", "ended", "token"])
        client.addEventListener(type, ({ detail }) => globalThis.events.push([type, detail]));
      await client.open();
      if (client.state.phase === "ready")
        await client.start(await navigator.mediaDevices.getUserMedia({ video: Invigilator.CAMERA }));
      return client.state;
    },
    [ID, token({ roles: ["candidate"], session: ID }), options],
  );
}
const state = () => view.page.evaluate(() => globalThis.client.state);
const events = (type) =>
  view.page.evaluate((type) => globalThis.events.filter(([each]) => each === type).map(([, detail]) => detail), type);
const end = () =>
  view.page.evaluate(async () => {
    await globalThis.client.end();
    await globalThis.told();
  });
const upload = () => fake.uploads.get(ID) ?? { chunks: [] };
const arrived = (count) => until(() => upload().chunks.length >= count, `${count} chunks have arrived`);

/** The chunks by recorder: each begins with a header. */
function epochs() {
  const chunks = upload().chunks;
  assert.deepEqual(
    chunks.map((chunk) => chunk.n),
    chunks.map((_, i) => i),
    "in order, without a hole",
  );
  const parts = [];
  for (const { bytes } of chunks) {
    if (bytes.subarray(0, 4).equals(HEADER)) parts.push([]);
    parts.at(-1).push(bytes);
  }
  return parts.map((part) => Buffer.concat(part));
}
function assertSame(epoch, take, what) {
  assert.ok(
    epoch.equals(Buffer.concat(take)),
    `${what}: ${epoch.length} bytes arrived, ${Buffer.concat(take).length} were recorded`,
  );
}

test("every byte arrives through a network cut of 20 s", { timeout: 180_000 }, async () => {
  await record();
  await arrived(3);
  assert.equal(upload().chunks[0].type, "video/webm;codecs=vp8");
  await view.context.setOffline(true);
  const cutAt = Date.now();
  await until(
    async () => (await state()).buffered_chunks >= 15 && Date.now() - cutAt >= 20_000,
    "video waits for 20 s",
  );
  const before = upload().chunks.length;
  assert.equal((await state()).online, false);
  assert.ok(before < 8, "nothing came through the cut");
  await view.context.setOffline(false);
  await arrived(before + 15);
  await end();
  assert.equal(upload().ended, true);
  const [epoch, ...others] = epochs();
  assert.equal(others.length, 0);
  assertSame(epoch, takes[0], "through the cut");
  assert.equal((await state()).phase, "ended");
});

test(
  "after a reload the numbers go on, what was left is sent, and a new header begins a new chunk",
  { timeout: 180_000 },
  async () => {
    await record();
    await arrived(2);
    fake.isCut = true;
    await until(async () => (await state()).buffered_chunks >= 4);
    const { next } = await state();
    await view.page.evaluate(() => globalThis.told());
    const continued = record();
    await until(() => takes.length === 2 && takes[1]?.length > 0, "the new page records");
    fake.isCut = false;
    await continued;
    await arrived(next + 2);
    await end();
    const [first, second, ...others] = epochs();
    assert.equal(others.length, 0);
    const whole = Buffer.concat(takes[0]);
    assert.ok(whole.subarray(0, first.length).equals(first), "the beginning of what the first page recorded");
    assert.ok(
      first.length >= whole.length - takes[0].at(-1).length - (takes[0].at(-2)?.length ?? 0),
      "but for what was not stored when the page went",
    );
    assertSame(second, takes[1], "after the reload");
  },
);

test(
  "a browser that knows nothing of the session begins behind what another one sent, and says so",
  { timeout: 120_000 },
  async () => {
    fake.firstChunk = 20;
    await record();
    await arrived(3);
    fake.firstChunk = 600; // Now: what the link says is older.
    const other = await open(browser);
    await record({ first_chunk: 20 }, other.page);
    await arrived(upload().chunks.length + 3);
    await record({ first_chunk: 20 }, other.page);
    await until(() => upload().chunks.filter(({ n }) => n >= 600).length >= 5);
    await other.context.close();
    const numbers = (test) => upload().chunks.filter(test).map(({ n }) => n);
    const others = numbers(({ n }) => n >= 600);
    assert.deepEqual(
      others,
      others.map((_, i) => 600 + i),
      "after a reload the numbers go on",
    );
    assert.deepEqual(
      numbers(({ begins }) => begins),
      [20, 600],
    );
    assert.equal(upload().chunks[0].n, 20);
  },
);

test("without an answer about where to begin, what the link says is used", { timeout: 60_000 }, async () => {
  fake.firstChunk = 600;
  fake.instead.push({ match: /POST .*\/token/, status: 503 });
  await record({ first_chunk: 20 });
  await arrived(2);
  assert.deepEqual(
    upload().chunks.map(({ n, begins }) => [n, begins]).slice(0, 2),
    [
      [20, true],
      [21, false],
    ],
  );
});

test("what has ended is not recorded again", { timeout: 60_000 }, async () => {
  await record();
  await arrived(2);
  await end();
  const requests = () => fake.log.filter((line) => /chunks|end$/.test(line)).length;
  const before = requests();
  const { phase } = await record();
  assert.equal(phase, "ended");
  await assert.rejects(
    view.page.evaluate(async () => {
      const { Invigilator } = await import("/client/invigilator.js");
      await globalThis.client.start(await navigator.mediaDevices.getUserMedia({ video: Invigilator.CAMERA }));
    }),
    /cannot record while ended/,
  );
  await end();
  assert.equal(requests(), before);
});

test("when the page goes while it ends, the next one finishes", { timeout: 120_000 }, async () => {
  await record();
  await arrived(2);
  fake.isCut = true;
  await view.page.evaluate(() => {
    globalThis.client.end().catch(() => {});
  });
  await until(async () => (await state()).phase === "ending");
  fake.isCut = false;
  fake.instead.push({ match: /POST .*\/end/, status: 503 });
  await record();
  await until(() => upload().ended);
  await view.page.evaluate(
    () =>
      new Promise((resolve) => {
        if (globalThis.client.state.phase === "ended") resolve();
        else globalThis.client.addEventListener("ended", resolve);
      }),
  );
  assert.equal(epochs().length, 1);
});

test(
  "429 and 503 are tried again after the time that was asked for; lost answers cost nothing",
  { timeout: 120_000 },
  async () => {
    fake.instead.push(
      { match: /PUT .*chunks\/2$/, status: 429, headers: { "Retry-After": "2" } },
      { match: /PUT .*chunks\/4$/, status: 503, headers: { "Retry-After": "1" } },
      { match: /PUT .*chunks\/5$/, status: 500 },
    );
    await record();
    await arrived(2);
    await arrived(7);
    fake.lostAnswers = 2;
    await until(() => upload().repeated === 2);
    await end();
    const { chunks } = upload();
    assert.ok(chunks[2].at - chunks[1].at >= 2000, "Retry-After was kept");
    assertSame(epochs()[0], takes[0], "with retries");
  },
);

test("large blobs are cut into chunks that the gateway takes", { timeout: 120_000 }, async () => {
  await record({ chunk_bytes: 3000 });
  await arrived(20);
  await end();
  assert.ok(upload().chunks.every((chunk) => chunk.bytes.length <= 3000));
  assertSame(epochs()[0], takes[0], "in small chunks");
});

test(
  "a full buffer stops the recorder and is told; it goes on with a new header when there is room",
  { timeout: 120_000 },
  async () => {
    await record({ buffer_bytes: 120_000 });
    await arrived(1);
    fake.isCut = true;
    await until(async () => (await events("full")).length === 1);
    assert.equal((await state()).phase, "full");
    assert.ok((await state()).buffered_bytes <= 120_000);
    fake.isCut = false;
    await until(async () => (await events("drained")).length === 1);
    await until(() => takes.length === 2 && takes[1].length > 1);
    await end();
    const [first, second] = epochs();
    assert.ok(Buffer.concat(takes[0]).subarray(0, first.length).equals(first));
    assert.ok(
      first.length < Buffer.concat(takes[0]).length,
      "something was lost, at the end of the first stream alone",
    );
    assertSame(second, takes[1], "after the buffer had room");
  },
);

test("an end while the buffer drains starts no recorder", { timeout: 120_000 }, async () => {
  const most = 120_000;
  await record({ buffer_bytes: most });
  await arrived(1);
  fake.isCut = true;
  await until(async () => (await events("full")).length === 1);
  // Ends while the chunk is being removed with whose removal there is room.
  await view.page.evaluate((most) => {
    const remove = IDBObjectStore.prototype.delete;
    IDBObjectStore.prototype.delete = function (key) {
      this.get(key).onsuccess = () => {
        const { phase, buffered_bytes } = globalThis.client.state;
        if (phase === "full" && buffered_bytes <= most / 2) globalThis.ending = globalThis.client.end();
      };
      return remove.call(this, key);
    };
  }, most);
  fake.isCut = false;
  await until(() => upload().ended);
  await view.page.evaluate(() => globalThis.ending);
  assert.equal(await view.page.evaluate(() => globalThis.recorders), 1);
  assert.equal((await state()).phase, "ended");
});

test("after an error of the storage nothing of the same stream is stored", { timeout: 120_000 }, async () => {
  await record();
  await arrived(2);
  await view.page.evaluate(() => {
    const { put } = IDBObjectStore.prototype;
    const digest = crypto.subtle.digest.bind(crypto.subtle);
    const slow = new Promise((resolve) => (globalThis.goOn = resolve));
    crypto.subtle.digest = (...given) => slow.then(() => digest(...given));
    IDBObjectStore.prototype.put = function (value) {
      if (this.name !== "chunks") return put.call(this, value);
      IDBObjectStore.prototype.put = put;
      throw new DOMException("broken", "UnknownError");
    };
  });
  const before = takes[0].length;
  await until(() => takes[0].length >= before + 4, "blobs wait");
  await view.page.evaluate(() => globalThis.goOn());
  await until(async () => (await events("failed")).length === 1);
  assert.match((await events("failed"))[0].title, /cannot store: broken/);
  await view.page.evaluate((token) => globalThis.client.resume({ token }), token());
  await end();
  const [first, ...others] = epochs();
  assert.equal(others.length, 0);
  const whole = Buffer.concat(takes[0]);
  assert.ok(first.length < whole.length && whole.subarray(0, first.length).equals(first), "the beginning, and no more");
});

for (const status of [404, 413, 415]) {
  test(`${status} cannot be mended: it is told and recording stops`, { timeout: 60_000 }, async () => {
    fake.instead.push({ match: /PUT .*chunks\/1$/, status });
    await record();
    await until(async () => (await events("failed")).length === 1);
    assert.equal((await events("failed"))[0].status, status);
    assert.equal((await state()).failure.status, status);
    await until(async () => (await state()).phase === "ready");
    assert.equal(upload().chunks.length, 1);
  });
}

test("after 401 recording goes on, and with a new token everything arrives", { timeout: 120_000 }, async () => {
  fake.instead.push({ match: /PUT .*chunks\/1$/, status: 401 });
  await record();
  await until(async () => (await events("failed")).length === 1);
  const { next } = await state();
  await until(async () => (await state()).next >= next + 2);
  await view.page.evaluate(
    (token) => globalThis.client.resume({ token, expires_at: new Date(Date.now() + 900_000).toISOString() }),
    token(),
  );
  await arrived(next + 2);
  await end();
  assertSame(epochs()[0], takes[0], "with two tokens");
});

test("the token is renewed with the first upload, and the new one is told", { timeout: 60_000 }, async () => {
  await record();
  await arrived(2);
  assert.equal(upload().tokens, 1);
  const [renewed] = await events("token");
  assert.match(renewed.token, /^ey/);
});

test("one page at a time", { timeout: 60_000 }, async () => {
  await record();
  const other = await view.context.newPage();
  await assert.rejects(record({}, other), /another page is recording/);
});
