// What several tests ask of a page. Responsible for: patience with a reason, and the checker of accessibility.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { AXE } from "./browser.mjs";

/** Longer than anything takes that works, on a busy machine. */
export const PATIENCE_MS = 60_000;

/** Waits until `what()` is true. */
export async function until(what, message = String(what), patience = PATIENCE_MS) {
  const end = Date.now() + patience;
  while (!(await what())) {
    assert.ok(Date.now() < end, `this did not happen in time: ${message}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** No violation of WCAG 2.2 AA, nor of the checker's best practices. */
export async function isAccessible(page, where) {
  // Evaluated and not added as a script: the policy of the pages forbids those.
  await page.evaluate(await readFile(AXE, "utf8"));
  const { violations, passes } = await page.evaluate(async () => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const { violations, passes } = await globalThis.axe.run(document, { runOnly: tags });
    const brief = ({ id, help, nodes }) => ({
      id,
      help,
      nodes: nodes.slice(0, 3).map((node) => `${node.html} ${node.failureSummary}`),
    });
    return { violations: violations.map(brief), passes: passes.length };
  });
  assert.deepEqual(violations, [], where);
  assert.ok(passes > 15, `${where}: the checker found little to check`);
}
