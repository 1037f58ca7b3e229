// Promise: a candidate sees what is recorded before anything is, hears plainly how it goes, and loses nothing by
// loading the page again.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { launch, open } from "./browser.mjs";
import { until } from "./checks.mjs";
import { Fake, NOTICE, token } from "./fake.mjs";

const ID = "t1:algebra-1:s0001";
let fake, browser, view;
before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  fake = await new Fake().listen();
  view = await open(browser, { viewport: { width: 390, height: 844 } });
});
afterEach(async () => {
  await view.context.close();
  await fake.close();
  assert.deepEqual(view.complaints, []);
});

const link = () =>
  `${fake.origin}/candidate/#id=${ID}&token=${token({ roles: ["candidate"], session: ID })}&policy=standard`;
const button = (name) => view.page.getByRole("button", { name, exact: true });
const chunks = () => fake.uploads.get(ID)?.chunks ?? [];
async function begin(more = "") {
  await view.page.goto(link() + more);
  await button("Turn the camera on").click();
  await view.page.getByText("The server is there and knows your session.").waitFor();
  await view.page.getByLabel("I have read what is recorded.").check();
  await button("Start recording").click();
  await until(() => chunks().length >= 2);
}

test(
  "the notice says all that the policy says, and nothing is sent before the start",
  { timeout: 60_000 },
  async () => {
    await view.page.goto(link());
    for (const text of [
      ...NOTICE.recorded,
      ...NOTICE.never,
      ...NOTICE.kept,
      ...NOTICE.looked_for.map((each) => `${each.text.slice(0, -1)}, ${each.when}`),
    ])
      await view.page.getByText(text).waitFor();
    assert.equal(new URL(view.page.url()).hash, "", "the token leaves the address");
    await button("Turn the camera on").click();
    await view.page.getByText("The light is fine.").waitFor();
    assert.equal(await button("Start recording").isDisabled(), true, "not before it was read");
    assert.equal(chunks().length, 0);
  },
);

test("from the check to the end, with a reload and a cut of the network between", { timeout: 120_000 }, async () => {
  await begin();
  fake.isCut = true;
  await view.page.getByText("of video, about").waitFor();
  await view.page.reload();
  fake.isCut = false;
  await view.page.getByText("Nothing that was recorded is lost.").waitFor();
  await button("Turn the camera on").click();
  await button("Go on recording").click();
  await view.page.getByText("Your exam is being recorded").waitFor();
  const before = chunks().length;
  await until(() => chunks().length >= before + 2);
  await button("Finish the exam").click();
  await button("Finish").click();
  await view.page.getByText("Everything has arrived.").waitFor();
  assert.equal(fake.uploads.get(ID).ended, true);
  assert.deepEqual(
    chunks().map((chunk) => chunk.n),
    chunks().map((_, i) => i),
  );
});

test("the notice is of the policy that judges; without it the link is incomplete", { timeout: 60_000 }, async () => {
  await view.page.goto(link().replace("policy=standard", "policy=strict"));
  await view.page.getByText(NOTICE.recorded[0]).waitFor();
  assert.deepEqual(
    fake.log.filter((line) => line.includes("/policies/")),
    ["GET /v1/policies/strict/notice"],
  );
  const other = await view.context.newPage();
  await other.goto(link().replace("&policy=standard", ""));
  await other.getByText("the link is incomplete").waitFor();
  assert.equal(await other.getByRole("button", { name: "Start recording" }).isDisabled(), true);
  assert.ok(!fake.log.some((line) => line.includes("standard")), "no other notice instead");
});

for (const number of ["0", "NaN", "-5", "1e3"]) {
  test(`a link that says chunk_bytes=${number} records as one without`, { timeout: 60_000 }, async () => {
    await begin(`&chunk_bytes=${number}&first_chunk=${number}`);
    await until(() => chunks().length >= 3);
    assert.deepEqual(
      chunks().map((chunk) => chunk.n),
      chunks().map((_, i) => i),
    );
    assert.ok(chunks()[0].bytes.length > 100, "not in crumbs");
  });
}

test("a link that is over says so; a new one opened in the same tab goes on", { timeout: 120_000 }, async () => {
  await begin();
  fake.instead.push({ match: /PUT .*/, status: 401 });
  await view.page.getByText("Your link is not valid any more.").waitFor();
  const before = chunks().length;
  await view.page.evaluate((hash) => {
    location.hash = hash;
  }, new URL(link()).hash);
  await until(() => chunks().length > before + 1);
});

test("dark and covered pictures are said, and keep nobody from starting", { timeout: 60_000 }, async () => {
  await view.context.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = async () => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
      const context = canvas.getContext("2d");
      setInterval(() => context.fillRect(0, 0, 640, 480), 60);
      return canvas.captureStream(15);
    };
  });
  await view.page.goto(link());
  await button("Turn the camera on").click();
  await view.page.getByText("Too dark.").waitFor();
  await view.page.getByText("The camera seems to be covered.").waitFor();
  await view.page.getByLabel("I have read what is recorded.").check();
  await until(() => button("Start recording").isEnabled());
});
