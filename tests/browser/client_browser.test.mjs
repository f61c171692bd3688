// The client module in a real browser: under the server's own policy, through a shop's gateway, and as the documentation shows it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";

import { fromNow, openPage, projectFolder, startServer, until } from "./harness.mjs";
import { startGateway } from "./gateway.mjs";

// The shop's page and the paths of the API name no icon, and the browser asks for one of its own accord.
const NO_ICON = /favicon\.ico/;

/** Lets `page` watch the spring sale; what it is told is in its `told` and `connections`. */
async function watchIn(page) {
  await page.evaluate(async () => {
    const { createClient } = await import("/client.js");
    globalThis.told = [];
    globalThis.connections = [];
    createClient().watch("spring-sale", {
      onAvailability: ({ coupon_types: [{ remaining }] }) => told.push(remaining),
      onConnection: (connection) => connections.push(connection),
    });
  });
}

test("it runs under the pages' own Content-Security-Policy", async (t) => {
  const server = await startServer(t);
  await server.createCampaign();
  const page = await openPage(t, server, "/", { allowed: [NO_ICON] });
  const seen = await page.evaluate(async () => {
    const { createClient, Problem } = await import("/client.js");
    const client = createClient();
    await client.clock.sync();
    const error = client.clock.now() - Date.now();
    const { outcome } = await client.claim("spring-sale", { userId: "u" });
    return { error, uncertainty: client.clock.uncertainty, outcome, isError: new Problem({ code: "c" }) instanceof Error };
  });
  assert.ok(Math.abs(seen.error) < 50 && seen.uncertainty < 50, JSON.stringify(seen));
  assert.deepEqual([seen.outcome, seen.isError], ["won", true]);
});

test("without a stream it asks through caches, and is told by a tag that nothing is new", async (t) => {
  const server = await startServer(t);
  await server.createCampaign();
  const gateway = await startGateway(t, server);
  gateway.refuse = (path) => (path.endsWith("/events") ? 503 : undefined);
  const page = await openPage(t, gateway, "/", { allowed: [NO_ICON, /status of 503/] });
  await watchIn(page);
  const asked = () => gateway.passed.filter(({ path }) => path.endsWith("/availability"));
  const unchanged = ({ headers, status }) => headers["if-none-match"] !== undefined && status === 304;
  await until(() => asked().some(unchanged), "an answer without a body", 10_000);
  assert.deepEqual(await page.evaluate("told"), [10]);
  assert.deepEqual(await page.evaluate("connections"), ["polling"]);
  for (const { headers } of asked()) assert.equal(headers["cache-control"], undefined, "which would go past a shared cache");

  await server.call("POST", "/v1/campaigns/spring-sale/claims", { user_id: "u" });
  await page.waitForFunction("told.at(-1) === 9");
});

test("by the stream, two browsers see the stock fall within a second", async (t) => {
  const server = await startServer(t);
  await server.createCampaign();
  const pages = await Promise.all([1, 2].map(() => openPage(t, server, "/livez", { allowed: [NO_ICON] })));
  await Promise.all(pages.map(watchIn));
  for (const page of pages) await page.waitForFunction("told.at(-1) === 10 && connections.at(-1) === 'live'");
  const claimedAt = performance.now();
  await server.call("POST", "/v1/campaigns/spring-sale/claims", { user_id: "u" });
  await Promise.all(pages.map((page) => page.waitForFunction("told.at(-1) === 9")));
  const seen = performance.now() - claimedAt;
  assert.ok(seen < 1_000, `seen after ${seen} ms`);
  for (const page of pages) assert.deepEqual(await page.evaluate("connections"), ["live"]);
});

test("offline is noticed, and the stream resumes where it stopped when the network is back", async (t) => {
  const server = await startServer(t);
  await server.createCampaign();
  const gateway = await startGateway(t, server);
  const allowed = [NO_ICON, /net::ERR_/];
  const page = await openPage(t, gateway, "/", { allowed });
  await watchIn(page);
  await page.waitForFunction("told.at(-1) === 10 && connections.at(-1) === 'live'");
  await page.context().setOffline(true);
  gateway.cut();
  await page.waitForFunction("connections.at(-1) === 'offline'");
  await server.call("POST", "/v1/campaigns/spring-sale/claims", { user_id: "u" });
  await page.context().setOffline(false);
  await page.waitForFunction("told.at(-1) === 9 && connections.at(-1) === 'live'", null, { timeout: 20_000 });
  assert.deepEqual(await page.evaluate("told"), [10, 9]);
  const streams = gateway.passed.filter(({ path }) => path.endsWith("/events"));
  assert.ok(streams.length >= 2, "a stream before and a stream after");
  assert.ok(streams.at(-1).headers["last-event-id"], JSON.stringify(streams.map(({ headers }) => headers["last-event-id"])));
});

test("the example of the documentation counts down, opens in time, and gives a coupon", async (t) => {
  const server = await startServer(t);
  const documentation = await readFile(join(projectFolder, "src/web/client.md"), "utf8");
  const [, html] = documentation.match(/```html\n(.*?)```/s);
  const gateway = await startGateway(t, server, html);
  const starts_at = fromNow(5_000);
  await server.createCampaign({ schedule: { starts_at, ends_at: fromNow(3_600_000) } });
  const page = await openPage(t, gateway, null, { allowed: [NO_ICON, /status of 404/] });
  await page.addInitScript(() => {
    const note = ([{ target }]) => {
      if (!target.disabled) globalThis.enabledAt ??= Date.now();
    };
    new MutationObserver(note).observe(document, { attributes: true, attributeFilter: ["disabled"], subtree: true });
  });
  await page.goto("/?user=u-1");
  const button = page.getByRole("button", { name: "Get a coupon" });
  await page.getByText(/^Opens in \d s$/).waitFor();
  assert.equal(await button.isDisabled(), true);

  await page.waitForFunction("globalThis.enabledAt");
  const late = (await page.evaluate("enabledAt")) - Date.parse(starts_at);
  assert.ok(late >= -50 && late <= 150, `enabled ${late} ms after the opening`);
  console.log(`enabled ${late} ms after the opening`);
  await button.click();
  await page.getByText(/^Your coupon: ([0-9A-Z]{4}-?){4}$/).waitFor();
  await page.getByText("$5 cash coupon: 9 left").waitFor();
});
