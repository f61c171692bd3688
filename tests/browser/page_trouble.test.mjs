// What may go wrong around the shopper's page: too many at once, no network, the last coupon gone, names that look like markup, no
// scripts, dead links.

import assert from "node:assert/strict";
import test from "node:test";

import { startGateway } from "./gateway.mjs";
import { openPage, startServer, until } from "./harness.mjs";
import { crowd, openCampaign } from "./page_parts.mjs";

test("too many at once is said and tried again, under one key", async (t) => {
  const server = await startServer(t);
  await server.createCampaign({ limit: { max: 2 } });
  const gateway = await startGateway(t, server);
  const page = await openCampaign(t, gateway, "spring-sale", { user: "u-1", allowed: [/status of 503/] });
  const keys = [];
  page.on("request", (request) => {
    if (request.method() === "POST" && request.url().endsWith("/claims")) keys.push(request.headers()["idempotency-key"]);
  });
  let refused = 0;
  gateway.refuse = (path) => (path.endsWith("/claims") && (refused += 1) <= 3 ? 503 : undefined);
  await page.getByRole("button", { name: "Get my coupon" }).click();
  await page.getByText("Many people at once.").waitFor();
  await page.locator(".ticket-code").waitFor();
  assert.deepEqual([keys.length, new Set(keys).size], [4, 1]);
  // Two are allowed: another press is another coupon, under another key.
  await page.getByRole("button", { name: "Get my coupon" }).click();
  await until(async () => (await page.locator(".ticket-code").count()) === 2, "a second coupon");
  assert.equal(new Set(keys).size, 2);
});

test("offline is said, and what happened meanwhile is shown when the network is back", async (t) => {
  const server = await startServer(t);
  await server.createCampaign();
  const page = await openCampaign(t, server, "spring-sale", { user: "u-1", allowed: [/ERR_INTERNET_DISCONNECTED/] });
  await page.getByText("10 of 10 left").waitFor();
  await page.context().setOffline(true);
  await page.getByText("No connection.").waitFor();
  await crowd(server, "spring-sale", 4);
  await page.context().setOffline(false);
  await page.getByText("6 of 10 left").waitFor();
  await page.getByText("No connection.").waitFor({ state: "detached" });
});

test("the last coupon going is told, and a press that comes too late is answered in words", async (t) => {
  const server = await startServer(t);
  await server.createCampaign({ coupon_types: [{ id: "a", name: "Tea", total_quota: 1 }] });
  const gateway = await startGateway(t, server);
  const page = await openCampaign(t, gateway, "spring-sale", { user: "u-1", allowed: [/status of (409|503)/, /ERR_(INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE|CONNECTION_RESET)/] });
  const button = page.getByRole("button", { name: "Get my coupon" });
  await page.getByText("1 of 1 left").waitFor();
  // The news are held up, so that the press is made in good faith.
  gateway.refuse = (path) => (path.endsWith("/events") || path.endsWith("/availability") ? 503 : undefined);
  gateway.cut();
  await crowd(server, "spring-sale", 1);
  await button.click();
  await page.getByText("Sold out: the last coupon has just gone.").waitFor();
  gateway.refuse = () => undefined;
  await page.getByText("All coupons are gone.").waitFor();
  assert.equal(await button.getAttribute("aria-disabled"), "true");
  await page.locator("#announcer", { hasText: "Sold out." }).waitFor();
});

test("names that look like markup are shown as they are, before scripts run and after", async (t) => {
  const server = await startServer(t);
  const name = `<script>globalThis.hurt = 1</script><img src=x onerror="hurt = 1"> & 'co' "{{main}}"`;
  await server.createCampaign({ name, coupon_types: [{ id: "a", name, total_quota: 1 }] });
  await server.call("POST", "/v1/campaigns/spring-sale/claims", { user_id: name });
  for (const javaScriptEnabled of [false, true]) {
    const page = await openPage(t, server, "/", { javaScriptEnabled });
    await page.getByRole("heading", { level: 2, name }).waitFor();
    await page.goto(`/c/spring-sale?user=${encodeURIComponent(name)}`);
    await page.getByRole("heading", { level: 1, name }).waitFor();
    await page.getByText(name).nth(1).waitFor();
    assert.match(await page.title(), /^<script>/);
    if (javaScriptEnabled) {
      await page.locator(".ticket-code").waitFor();
      assert.equal(await page.evaluate("globalThis.hurt"), undefined);
    }
  }
});

test("without scripts the campaigns, their states, times and what is left can be read", async (t) => {
  const server = await startServer(t);
  await server.createCampaign();
  await server.createCampaign({ id: "later", name: "Autumn sale", schedule: { starts_at: "2090-10-01T02:00:00Z", ends_at: "2090-10-02T02:00:00Z" } });
  const page = await openPage(t, server, "/", { javaScriptEnabled: false });
  await page.getByRole("listitem").filter({ hasText: "Spring sale" }).getByText("Open now").waitFor();
  const later = page.getByRole("listitem").filter({ hasText: "Autumn sale" });
  await later.getByText("Opens 2090-10-01 02:00 UTC").waitFor();
  assert.match(await page.locator("noscript").innerText(), /^To take part, allow scripts for this page\./);
  await page.getByRole("link", { name: "Spring sale" }).click();
  await page.getByText("10 of 10 left").waitFor();
});

test("a link that leads nowhere is answered by a page, and its status says so too", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server, null, { allowed: [/status of 404/] });
  const answer = await page.goto("/c/nowhere");
  assert.equal(answer.status(), 404);
  await page.getByText("There is no such campaign.").waitFor();
  await page.getByRole("link", { name: "See all campaigns" }).click();
  await page.getByText("There is no campaign yet.").waitFor();
});
