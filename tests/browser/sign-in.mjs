// Promise: proctors sign in at their identity provider, come back to where they were, keep their session for as long
// as the provider goes on, and leave when they want to. Nobody else gets in.
//
// Run by browser.rs, which starts broker, provider and gateway and says in INVIGILATOR_WHOLE: {origin}.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open } from "./browser.mjs";
import { isAccessible, until } from "./checks.mjs";

const { origin } = JSON.parse(process.env.INVIGILATOR_WHOLE);
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const button = (page, name) => page.getByRole("button", { name, exact: true });
const tokenOf = (page) => page.evaluate(() => sessionStorage.getItem("invigilator.token"));
const subject = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url")).sub;

/** The pages of the provider: a name, any password, and that the dashboard may know. */
async function signIn(page, name) {
  await button(page, "Sign in").click();
  await page.locator("input[name=login]").fill(name);
  await page.locator("input[name=password]").fill("any");
  await button(page, "Sign-in").click();
  await button(page, "Continue").click();
}

test("a proctor signs in, stays signed in, and signs out", async () => {
  const { page, complaints } = await open(browser);
  await page.goto(`${origin}/session/t1:e1:nobody`);
  await button(page, "Sign in").waitFor();
  await isAccessible(page, "the way in");
  await signIn(page, "reviewer-7");
  await page.locator('#connection[data-state="live"]').waitFor();
  assert.equal(page.url(), `${origin}/session/t1:e1:nobody`, "back where they were, and no code in the address");

  const first = await tokenOf(page);
  assert.equal(subject(first), "reviewer-7");
  await until(async () => (await tokenOf(page)) !== first, "another token before the first one ends");
  assert.equal(subject(await tokenOf(page)), "reviewer-7");

  await button(page, "Sign out").click();
  await button(page, "Sign in").waitFor();
  assert.equal(await tokenOf(page), null);
  assert.deepEqual(complaints, []);
});

test("who has no role here is told so", async () => {
  const { page } = await open(browser);
  await page.goto(origin);
  await signIn(page, "stranger");
  await page.getByText("The token is not accepted, or its role may not see sessions.").waitFor();
  assert.equal(await tokenOf(page), null);
});

test("a code that this tab did not ask for is not taken", async () => {
  const { page } = await open(browser);
  await page.goto(`${origin}/?code=somebody-elses&state=somebody-elses`);
  await page.getByText("this tab did not ask for it").waitFor();
  assert.equal(page.url(), `${origin}/`);
  assert.equal(await tokenOf(page), null);
});

test("who changes their mind at the provider comes back and may try again", async () => {
  const { page } = await open(browser);
  await page.goto(origin);
  await button(page, "Sign in").click();
  await page.getByRole("link", { name: /Cancel/ }).click();
  await page.getByText("You are not signed in:").waitFor();
  await signIn(page, "reviewer-8");
  await page.locator('#connection[data-state="live"]').waitFor();
});
