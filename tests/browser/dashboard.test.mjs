// Promise: a proctor works by keyboard alone, hears of everything as it happens, also after a lost connection,
// and no row moves under a hand.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { launch, open } from "./browser.mjs";
import { until } from "./checks.mjs";
import { Fake, token } from "./fake.mjs";

let fake, browser, view;
before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  fake = await new Fake(140).listen();
  view = await open(browser);
});
afterEach(async () => {
  await view.context.close();
  await fake.close();
  assert.deepEqual(view.complaints, []);
});

async function wall(claims) {
  await view.page.goto(`${fake.origin}/#token=${token(claims)}`);
  await view.page.locator(".rows .row").nth(5).waitFor();
  await until(() => fake.streams === 1);
}
const first = () => view.page.locator('.rows .row[aria-rowindex="2"]');
const of = (test) => [...fake.sessions.values()].find(test);
const focused = () =>
  view.page.evaluate(
    () => document.activeElement.dataset.id ?? document.activeElement.dataset.key ?? document.activeElement.id,
  );
/** Says something new of a session. */
function tell(one, change) {
  one.summary = { ...one.summary, ...change };
  fake.publish("session", one.summary);
}

test("the token leaves the address bar and stays in the tab", async () => {
  await wall();
  assert.equal(new URL(view.page.url()).hash, "");
  await view.page.reload();
  await view.page.locator(".rows .row").first().waitFor();
});

test("a token that is not accepted leads to the question for another", async () => {
  await view.page.goto(`${fake.origin}/#token=nonsense`);
  await view.page.getByText("not accepted").waitFor();
  await view.page.getByLabel("Access token").fill(token());
  await view.page.getByRole("button", { name: "Open" }).click();
  await view.page.locator(".rows .row").first().waitFor();
});

test("worst first, and each tab shows its queue", async () => {
  await wall();
  const priorities = await view.page.locator(".rows .row .word").allTextContents();
  assert.deepEqual([...new Set(priorities)][0], "High");
  for (const [name, test] of [
    ["Evidence queue", (each) => each.queues.evidence],
    ["Coverage queue", (each) => each.queues.coverage],
    ["Technical", (each) => each.technical.length > 0],
  ]) {
    await view.page.getByRole("tab", { name }).click();
    const expected = [...fake.sessions.values()].filter((one) => test(one.summary)).length;
    assert.equal(await view.page.getByRole("grid").getAttribute("aria-rowcount"), String(expected + 1), name);
  }
});

test("filters narrow the list and are kept in the address", async () => {
  await wall();
  await view.page.keyboard.press("/");
  await view.page.keyboard.type("s0007");
  await until(async () => (await view.page.getByRole("grid").getAttribute("aria-rowcount")) === "2");
  await view.page.reload();
  await until(async () => (await view.page.getByRole("grid").getAttribute("aria-rowcount")) === "2");
  await view.page.getByLabel("Find").fill("");
  await view.page.getByLabel("Exam").selectOption("physics-2");
  await until(async () => (await view.page.getByRole("grid").getAttribute("aria-rowcount")) === "36");
});

test("by keyboard: open a session, decide with a note, come back to the same row", async () => {
  await wall();
  const { page } = view;
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  await page.keyboard.press("j");
  const id = await focused();
  assert.equal(await page.locator(`.rows .row[data-id="${id}"]`).getAttribute("aria-rowindex"), "3");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: id.split(":").at(-1) }).waitFor();
  await page.locator(".incident").first().waitFor();

  await page.keyboard.press("j");
  const incident = await focused();
  await page.keyboard.press("Enter");
  await page.locator(`.incident[data-key="${incident}"] details[open]`).waitFor();
  await page.keyboard.press("d");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.type("A poster on the wall, not a face: <b>seen</b> twice");
  await page.keyboard.press("Enter");
  await page.locator(`.incident[data-key="${incident}"].review-dismissed`).waitFor();
  assert.equal(fake.sessions.get(id).reviews[0].note, "A poster on the wall, not a face: <b>seen</b> twice");
  assert.equal(fake.sessions.get(id).reviews[0].by, "reviewer-7");
  assert.equal(await focused(), incident, "the focus returns to the incident");
  assert.match(
    await page.locator(`.incident[data-key="${incident}"] .note`).textContent(),
    /<b>seen<\/b>/,
    "a note is text",
  );
  await until(async () => /dismissed/.test(await page.locator("#said").textContent()));

  await page.keyboard.press("r");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  assert.equal(fake.sessions.get(id).reviews.length, 1, "called off");

  await page.keyboard.press("Escape");
  await page.locator(".rows .row").first().waitFor();
  await until(async () => (await focused()) === id);
});

test("a review that fails loses nothing that was typed", async () => {
  await wall();
  const one = of((each) => each.summary.band === "red");
  await view.page.goto(`${fake.origin}/session/${one.id}`);
  await view.page.locator(".incident").first().waitFor();
  fake.instead.push({ match: /POST .*\/reviews/, status: 503 });
  await view.page
    .getByRole("button", { name: /^Confirm/ })
    .first()
    .click();
  await view.page.getByLabel("Note").fill("clearly");
  await view.page.getByRole("dialog").getByRole("button", { name: "Confirm" }).click();
  await view.page.getByText("Not saved").waitFor();
  assert.equal(await view.page.getByLabel("Note").inputValue(), "clearly");
  await view.page.getByRole("dialog").getByRole("button", { name: "Confirm" }).click();
  await until(() => one.reviews.length === 1);
});

test("a review on its way is neither sent twice nor called off", async () => {
  await wall();
  const one = of((each) => each.summary.band === "red");
  const { page } = view;
  await page.goto(`${fake.origin}/session/${one.id}`);
  await page.locator(".incident").first().waitFor();
  const posts = () => fake.log.filter((line) => line === `POST /v1/sessions/${one.id}/reviews`).length;
  const answer = fake.hold(/POST .*\/reviews/);
  await page.keyboard.press("j");
  await page.keyboard.press("d");
  await page.getByLabel("Note").fill("かお");
  // The Enter that ends an input of characters is not meant for the form.
  await page.getByLabel("Note").dispatchEvent("keydown", { key: "Enter", isComposing: true });
  assert.equal(await page.getByRole("dialog").getByRole("button", { name: "Dismiss" }).isEnabled(), true);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await until(() => posts() > 0);
  for (let i = 0; i < 3; i += 1) await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor();
  assert.equal(await page.getByRole("button", { name: "Cancel" }).isDisabled(), true);
  answer();
  await page.locator(".incident.review-dismissed").first().waitFor();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await until(async () => /dismissed/.test(await page.locator("#said").textContent()));
  assert.equal(posts(), 1);
  assert.equal(one.reviews.length, 1);
});

test("a picture is fetched when somebody opens it, once, and stays open", async () => {
  await wall();
  const one = of((each) => each.summary.band === "red");
  const { page } = view;
  await page.goto(`${fake.origin}/session/${one.id}`);
  const summary = page.locator(".incident .picture summary").first();
  await summary.waitFor();
  const looks = () => fake.log.filter((line) => /evidence\/./.test(line)).length;
  assert.equal(looks(), 0, "nothing is looked at before somebody does");
  await summary.focus();
  await page.keyboard.press("Enter");
  const picture = page.locator(".incident .picture img").first();
  await picture.waitFor();
  assert.match(await picture.getAttribute("alt"), /: what the camera showed at \d+:\d+/);
  await until(() => picture.evaluate((img) => img.naturalWidth > 0));
  for (const each of one.incidents) each.rev += 1;
  fake.publish("session", one.summary);
  await until(() => fake.log.filter((line) => line.endsWith(`${one.id}/evidence`)).length >= 2);
  assert.equal(await picture.isVisible(), true);
  assert.equal(looks(), 1);
});

test("a picture that cannot be had is told of, and asked for again when it is opened again", async () => {
  await wall();
  const one = of((each) => each.summary.band === "red");
  const { page } = view;
  fake.instead.push({ match: /evidence\/./, status: 503 });
  await page.goto(`${fake.origin}/session/${one.id}`);
  const summary = page.locator(".incident .picture summary").first();
  await summary.click();
  await page.getByText("Close and open it to try again").waitFor();
  await summary.click();
  await summary.click();
  await page.locator(".incident .picture img").first().waitFor();
});

test("proctors look and do not decide", async () => {
  await wall({ roles: ["proctor"] });
  const one = of((each) => each.summary.band === "red");
  await view.page.goto(`${fake.origin}/session/${one.id}`);
  await view.page.locator(".incident").first().waitFor();
  await view.page.getByText("Reviewers decide.").waitFor();
  assert.equal(await view.page.getByRole("button", { name: /^(Confirm|Dismiss)/ }).count(), 0);
  await view.page.keyboard.press("j");
  await view.page.keyboard.press("c");
  assert.equal(await view.page.getByRole("dialog").count(), 0);
});

test("single keys can be turned off", async () => {
  await wall();
  await view.page.getByRole("button", { name: /^Keys/ }).click();
  await view.page.getByLabel("Single keys work").uncheck();
  await view.page.getByRole("button", { name: "Close" }).click();
  await view.page.keyboard.press("/");
  assert.notEqual(await focused(), "search");
});

test("after a lost connection the stream goes on behind the last event, without fetching anew", async () => {
  await wall();
  const calm = of((each) => each.summary.review_priority === "none" && each.state === "live");
  tell(calm, { review_priority: "low", headline: "before the drop" });
  await until(async () => fake.log.filter((line) => line === "GET /v1/events").length === 1);
  await view.page.getByLabel("Find").fill(calm.name);
  await view.page.getByText("before the drop").waitFor();
  const lists = () => fake.log.filter((line) => line === "GET /v1/sessions").length;
  const before = lists();
  fake.isCut = true;
  fake.dropStreams();
  await view.page.getByText("Connection lost, trying again").first().waitFor();
  tell(calm, { headline: "during the drop" });
  fake.isCut = false;
  await view.page.getByText("during the drop").waitFor();
  await view.page.locator('#connection[data-state="live"]').waitFor();
  assert.equal(lists(), before);
});

test("an event that cannot be read is left out, and separators of lines in a text are text", async () => {
  await wall();
  const calm = of((each) => each.summary.review_priority === "none" && each.state === "live");
  await view.page.getByLabel("Find").fill(calm.name);
  fake.publishText("event: session\ndata: {");
  fake.publishText('event: session\ndata: {"id": null}');
  tell(calm, { headline: "one\u2028two\u2029three" });
  await view.page.getByText("three").waitFor();
  assert.equal(fake.log.filter((line) => line === "GET /v1/events").length, 1, "over the same stream");
});

test("the stream goes on behind an id that came without data", async () => {
  await wall();
  const calm = of((each) => each.summary.review_priority === "none" && each.state === "live");
  await view.page.getByLabel("Find").fill(calm.name);
  const data = JSON.stringify({ ...calm.summary, headline: "just before" });
  fake.publishText(`event: session\ndata: ${data}\n\nid: fake-alone`);
  await view.page.getByText("just before").waitFor();
  fake.dropStreams();
  await until(() => fake.lastEventIds.length === 2);
  assert.deepEqual(fake.lastEventIds, [null, "fake-alone"]);
});

test("where the events are gone, everything is fetched anew", async () => {
  await wall();
  const calm = of((each) => each.summary.review_priority === "none" && each.state === "live");
  tell(calm, {});
  await view.page.getByLabel("Find").fill(calm.name);
  calm.summary = { ...calm.summary, headline: "not told in any event" };
  fake.forgetEvents();
  fake.dropStreams();
  await view.page.getByText("not told in any event").waitFor();
});

test("rows change in place at once, but keep their places under the hand; what rose is said aloud", async () => {
  await wall();
  const { page } = view;
  await page.keyboard.press("j");
  const top = await focused();
  const calm = of((each) => each.summary.review_priority === "none" && each.state === "live");
  tell(calm, {
    review_priority: "high",
    band: "red",
    integrity: 3,
    concern_milli: 97_000,
    unreviewed: { evidence: 1, coverage: 0, identity: 1 },
    headline: "the worst",
  });
  await page.getByText("1 session moved up").waitFor();
  assert.equal(await first().getAttribute("data-id"), top);
  const one = fake.sessions.get(top);
  tell(one, { headline: "in place" });
  await first().getByText("in place").waitFor();
  await until(async () => /review priority is now high/.test(await page.locator("#said").textContent()));
  await page.keyboard.press("u");
  await until(async () => (await first().getAttribute("data-id")) === calm.id);
});

test("a session's page follows what is told of it", async () => {
  await wall();
  const one = of((each) => each.summary.band === "amber" && each.state === "live");
  await view.page.goto(`${fake.origin}/session/${one.id}`);
  await view.page.locator(".incident").first().waitFor();
  const [incident] = one.incidents;
  incident.rev += 1;
  incident.reason = { ...incident.reason, text: "It was seen for longer." };
  fake.publish("incident", incident);
  await view.page.getByText("It was seen for longer.").waitFor();
});
