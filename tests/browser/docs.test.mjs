// The documentation pages: each shows the operations, complains of nothing and asks nobody else, which the harness sees to; and
// what can be tried out is.

import assert from "node:assert/strict";
import test from "node:test";

import { openPage, screenshot, startServer } from "./harness.mjs";

// The bundles are over a megabyte of script each: on a busy machine they take their time.
async function openDocs(t, server, path) {
  const page = await openPage(t, server, path);
  page.setDefaultTimeout(60_000);
  return page;
}

test("Swagger UI shows the operations, and tries one out", async (t) => {
  const server = await startServer(t);
  const page = await openDocs(t, server, "/swagger-ui");
  const time = page.locator("#operations-Live-time");
  await time.locator(".opblock-summary-control").click();
  await time.locator("button.execute").click();
  const answer = time.locator(".live-responses-table .response");
  await answer.locator(".response-col_status").filter({ hasText: "200" }).waitFor();
  assert.match(await answer.locator(".highlight-code").first().innerText(), /server_time/);
  await screenshot(page, "swagger-ui");
});

test("ReDoc shows the operations", async (t) => {
  const server = await startServer(t);
  const page = await openDocs(t, server, "/redoc");
  await page.locator("h2", { hasText: "Ask for a coupon" }).first().waitFor();
  await page.locator("h2", { hasText: "Redeem a coupon, or hold it for an order" }).waitFor();
  await screenshot(page, "redoc");
});

test("RapiDoc shows the operations", async (t) => {
  const server = await startServer(t);
  const page = await openDocs(t, server, "/rapidoc");
  await page.locator("rapi-doc").getByText("Ask for a coupon", { exact: true }).first().waitFor();
  await screenshot(page, "rapidoc");
});
