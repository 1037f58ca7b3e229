// Promise: each page can be used by everybody: WCAG 2.2 AA as far as axe sees it, in light and dark, wide and
// narrow, and nothing on it breaks the content security policy.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open } from "./browser.mjs";
import { isAccessible } from "./checks.mjs";
import { Fake, token } from "./fake.mjs";

let fake, browser;
before(async () => {
  [fake, browser] = await Promise.all([new Fake(140).listen(), launch()]);
});
after(() => Promise.all([browser.close(), fake.close()]));

const LOOKS = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  phone: { colorScheme: "light", viewport: { width: 390, height: 844 } },
};
const with_ = (test) => [...fake.sessions.values()].find(test);

for (const [look, options] of Object.entries(LOOKS)) {
  test(`all pages, ${look}`, { timeout: 180_000 }, async () => {
    const { context, page, complaints } = await open(browser, options);

    await page.goto(fake.origin);
    await page.getByLabel("Access token").waitFor();
    await isAccessible(page, "sign-in");

    await page.goto(`${fake.origin}/#token=${token()}`);
    await page.locator(".rows .row").first().waitFor();
    await isAccessible(page, "wall");
    for (const tab of look === "light" ? ["Evidence queue", "Coverage queue", "Technical"] : []) {
      await page.getByRole("tab", { name: tab }).click();
      await page.locator(".rows .row").first().waitFor();
      await isAccessible(page, tab);
    }

    for (const band of ["red", "grey"]) {
      const one = with_((each) => each.summary.band === band && each.incidents.length > 0);
      await page.goto(`${fake.origin}/session/${one.id}`);
      await page.locator(".incident").first().waitFor();
      await page.locator(".lanes .plot").first().waitFor();
      for (const summary of await page.locator("summary").all()) await summary.click();
      await isAccessible(page, `session, ${band}`);
    }
    await page
      .getByRole("button", { name: /^Dismiss/ })
      .first()
      .click();
    await page.getByRole("dialog").waitFor();
    await isAccessible(page, "review");

    await page.goto(`${fake.origin}/candidate/#id=t1:algebra-1:s0001&policy=standard&token=${token({ roles: ["candidate"] })}`);
    await page.getByRole("button", { name: "Turn the camera on" }).click();
    await page.getByText("The camera has a clear view.").waitFor();
    await isAccessible(page, "candidate");

    const isWide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert.equal(isWide, false, "the page is wider than the window");
    assert.deepEqual(complaints, []);
    await context.close();
  });
}
