// Promise: what a browser records of a real face is a score on the dashboard, through a network cut of 20 s and a
// reload; and what a person decides there is a new revision.
//
// Run by browser.rs, which starts broker, workers and gateway and says in INVIGILATOR_WHOLE where they are:
// {origin, service, reviewer, camera}: tokens, and a clip for the webcam that shows a second person for a while.

import assert from "node:assert/strict";
import { test } from "node:test";
import { launch, open } from "./browser.mjs";
import { until } from "./checks.mjs";
import { Fake } from "./fake.mjs";

const given = JSON.parse(process.env.INVIGILATOR_WHOLE);
/** Sessions take as long as they take; results may wait for a busy machine. */
const PATIENCE_MS = 240_000;

/** What the exam client's back end does. */
async function createSession() {
  const answer = await fetch(`${given.origin}/v1/sessions`, {
    method: "POST",
    headers: { Authorization: `Bearer ${given.service}`, "Content-Type": "application/json" },
    body: JSON.stringify({ exam: "e1", name: "s1", policy: "standard" }),
  });
  assert.equal(answer.status, 201, await answer.clone().text());
  return answer.json();
}
/** The small gateway of the other tests says what the real one says, by the names of the fields. */
async function isLikeTheFake(id) {
  const fake = await new Fake(140).listen();
  const one = [...fake.sessions.values()].find((each) => each.summary.band === "amber");
  const get = async (origin, path) => {
    const answer = await fetch(origin + path, { headers: { Authorization: `Bearer ${given.reviewer}` } });
    assert.equal(answer.status, 200, path);
    return answer.json();
  };
  const first = (view) => (Array.isArray(view.items) ? view.items[0] : view);
  const parts = {
    "": (view) => ({
      view,
      summary: view.summary,
      score: view.score,
      incident: view.incidents[0],
      part: view.contributions[0],
    }),
    "/scores": (view) => ({ revision: first(view) }),
    "/health": (view) => ({ view }),
    "/timeline": (view) => ({ view, sample: view.samples[0] }),
  };
  for (const [path, take] of Object.entries(parts)) {
    const names = async (origin, id) =>
      Object.entries(take(await get(origin, `/v1/sessions/${id}${path}`))).map(([part, value]) => [
        part,
        Object.keys(value).sort(),
      ]);
    assert.deepEqual(await names(fake.origin, one.id), await names(given.origin, id), `GET /v1/sessions/{id}${path}`);
  }
  for (const path of ["/v1/exams", "/v1/sessions", "/v1/policies/standard/notice"]) {
    const names = async (origin) => Object.keys(first(await get(origin, path))).sort();
    assert.deepEqual(await names(fake.origin), await names(given.origin), path);
  }
  await fake.close();
}
const patiently = (what, message) => until(what, message, PATIENCE_MS);

test("from a camera to a score, and back from a person", { timeout: 15 * 60_000 }, async (t) => {
  const browser = await launch({ camera: given.camera });
  t.after(() => browser.close());
  const candidate = await open(browser);
  const proctor = await open(browser);
  const { id, upload } = await createSession();
  const api = async (path) => {
    const headers = { Authorization: `Bearer ${given.reviewer}` };
    const answer = await fetch(`${given.origin}/v1/sessions/${id}${path}`, { headers });
    return answer.ok ? answer.json() : null;
  };

  await proctor.page.goto(`${given.origin}/#token=${given.reviewer}`);
  await proctor.page.locator('#connection[data-state="live"]').waitFor();

  const { page } = candidate;
  const button = (label) => page.getByRole("button", { name: label, exact: true });
  const waits = () => page.locator("#status").textContent();
  const link = new URLSearchParams({ policy: "standard", id, ...upload });
  await page.goto(`${given.origin}/candidate/#${link}`);
  await button("Turn the camera on").click();
  await page.getByText("The server is there and knows your session.").waitFor();
  await page.getByLabel("I have read what is recorded.").check();
  await button("Start recording").click();
  await page.getByText("Your exam is being recorded").waitFor();

  const row = proctor.page.locator(".rows .row", { hasText: id.split(":").at(-1) });
  await row.getByText("Live", { exact: true }).waitFor({ timeout: PATIENCE_MS });
  const liveBefore = (await api("")).summary.media_ms;

  const cutAt = Date.now();
  await candidate.context.setOffline(true);
  await page.getByText("Offline: video waits in this browser").waitFor();
  await patiently(() => Date.now() - cutAt >= 20_000, "the cut lasts 20 s");
  await candidate.context.setOffline(false);
  await patiently(async () => /Waits to be sentNothing/.test(await waits()), "what waited is sent");

  await page.reload();
  await page.getByText("Nothing that was recorded is lost.").waitFor();
  await button("Turn the camera on").click();
  await button("Go on recording").click();
  await page.getByText("Your exam is being recorded").waitFor();
  await patiently(async () => ((await api(""))?.summary.unreviewed.evidence ?? 0) > 0, "the second person is noted");
  await row.getByText("Two or more persons", { exact: false }).first().waitFor({ timeout: PATIENCE_MS });

  await button("Finish the exam").click();
  await button("Finish").click();
  await page.getByText("Everything has arrived.").waitFor({ timeout: PATIENCE_MS });
  await patiently(async () => (await api(""))?.summary.status === "final", "the score is final");

  await isLikeTheFake(id);
  const { summary, score, incidents } = await api("");
  const timeline = await api(`/timeline?from_ms=0&to_ms=${summary.media_ms}&points=1000`);
  const seen = timeline.samples.filter((sample) => sample.seen);
  const withFace = seen.filter((sample) => sample.faces >= 1).length / seen.length;
  assert.ok(liveBefore > 0 && summary.media_ms > liveBefore + 20_000, "the time of the cut was recorded");
  assert.ok(withFace > 0.8, `a face in ${withFace} of the samples`);
  assert.ok(incidents.some((each) => each.type === "multiple_persons"));
  assert.equal(score.human_review_required, true);

  await row.getByText("Ended", { exact: true }).waitFor();
  await row.click();
  const incident = proctor.page.locator(".incident", { hasText: "Two or more persons" }).first();
  await incident.getByRole("button", { name: /^Dismiss/ }).click();
  await proctor.page.getByLabel(/^Note/).fill("A helper who was announced");
  await proctor.page.getByRole("dialog").getByRole("button", { name: "Dismiss" }).click();
  await proctor.page.locator(".incident.review-dismissed").first().waitFor({ timeout: PATIENCE_MS });
  await patiently(async () => (await api("")).score.rev > score.rev, "a new revision");
  const after = (await api("")).score;
  assert.ok(after.concern_milli < score.concern_milli, "what was dismissed costs nothing");
  assert.deepEqual([...candidate.complaints, ...proctor.complaints], []);
  console.log(
    `browser: ${summary.media_ms} ms of video, ${seen.length} samples seen, a face in ${(100 * withFace).toFixed(1)} %;` +
      ` ${score.integrity} ${score.band}, after review ${after.integrity} ${after.band}`,
  );
});
