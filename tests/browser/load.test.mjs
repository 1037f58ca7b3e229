// Promise: 2,000 live sessions that get 200 updates a second stay smooth. Prints what was measured.

import assert from "node:assert/strict";
import { test } from "node:test";
import { launch, open } from "./browser.mjs";
import { until } from "./checks.mjs";
import { Fake, token } from "./fake.mjs";

const SESSIONS = 2000,
  UPDATES_PER_S = 200,
  SECONDS = 10;

test("frames while 2,000 sessions get 200 updates a second", { timeout: 180_000 }, async (t) => {
  const [fake, browser] = await Promise.all([new Fake(SESSIONS).listen(), launch()]);
  t.after(() => Promise.all([browser.close(), fake.close()]));
  const { context, page, complaints } = await open(browser);
  const startedAt = Date.now();
  await page.goto(`${fake.origin}/#token=${token()}`);
  await until(async () => (await page.getByRole("grid").getAttribute("aria-rowcount")) === String(SESSIONS + 1));
  const loadedMs = Date.now() - startedAt;

  const stop = fake.agitate(UPDATES_PER_S);
  const devtools = await context.newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" }); // Processor time: neighbours do not count.
  const used = async () =>
    Object.fromEntries((await devtools.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value]));
  const before = await used();
  const eventsBefore = fake.published;
  const frames = await page.evaluate(async (seconds) => {
    const frames = [],
      end = performance.now() + seconds * 1000;
    for (let last = performance.now(); last < end;) {
      const now = await new Promise(requestAnimationFrame);
      frames.push(now - last);
      last = now;
      if (frames.length % 3 === 0) scrollBy(0, frames.length % 600 < 300 ? 40 : -40); // As somebody looks around.
    }
    return frames.slice(1).sort((a, b) => a - b);
  }, SECONDS);
  const after = await used();
  stop();
  const at = (share) => frames[Math.floor(frames.length * share)].toFixed(1);
  const busy = (name) => ((1000 * (after[name] - before[name])) / frames.length).toFixed(2);
  const rows = await page.locator(".rows .row").count();
  console.log(
    `browser: ${SESSIONS} sessions shown after ${loadedMs} ms; ${((fake.published - eventsBefore) / SECONDS).toFixed(0)} updates/s, scrolling, ${frames.length} frames in ${SECONDS} s:` +
      ` median ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, worst ${at(0.9999)} ms; per frame ${busy("TaskDuration")} ms of processor time, of which script ${busy("ScriptDuration")} ms, layout ${busy("LayoutDuration")} ms, style ${busy("RecalcStyleDuration")} ms; ${rows} rows exist`,
  );
  assert.ok(rows < 60, "only rows in view exist");
  assert.ok(
    (1000 * (after.TaskDuration - before.TaskDuration)) / frames.length < 16.7,
    "the work of a frame fits into a frame",
  );
  assert.deepEqual(complaints, []);
});
