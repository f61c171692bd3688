// The harness holds what it promises: a page that complains or speaks to others fails its test.

import assert from "node:assert/strict";
import test from "node:test";

import { openPage, screenshot, startServer } from "./harness.mjs";

// What has no page says nothing of its icon, and the browser asks for one of its own accord.
const NO_ICON = /favicon\.ico/;

/** A stand-in for a test's context, whose endings can be seen. */
function pretendedTest() {
  const endings = [];
  return {
    after: (end) => endings.push(end),
    async end() {
      for (const end of endings) await end();
    },
  };
}

test("a path of the server is loaded, and can be photographed", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server, "/livez", { allowed: [NO_ICON] });
  assert.equal(new URL(page.url()).origin, server.origin);
  assert.match(await screenshot(page, "harness"), /harness\.png$/);
});

test("a page that complains fails its test", async (t) => {
  const server = await startServer(t);
  for (const complain of ["console.error('ouch')", "setTimeout(() => { throw new Error('ouch') })"]) {
    const pretended = pretendedTest();
    const page = await openPage(pretended, server, "/livez");
    const heard = page.context().waitForEvent(complain.startsWith("console") ? "console" : "weberror");
    await page.evaluate(complain);
    await heard;
    await assert.rejects(pretended.end(), /ouch/);
  }
});

test("a page that asks another origin fails its test", async (t) => {
  const server = await startServer(t);
  const pretended = pretendedTest();
  const page = await openPage(pretended, server, "/livez");
  await page.evaluate(() => fetch("http://elsewhere.invalid/").catch(() => {}));
  await assert.rejects(pretended.end(), /leaves the origin/);
});

test("what is expected to be complained of is let pass", async (t) => {
  const server = await startServer(t);
  const pretended = pretendedTest();
  const page = await openPage(pretended, server, "/livez", { allowed: [/ouch/, NO_ICON] });
  await page.evaluate(() => console.error("ouch"));
  await pretended.end();
});
