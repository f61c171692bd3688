// A challenge that a provider sets, in a real browser: its script is played by a few lines of ours, and so is whom the server asks.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import test from "node:test";

import { atEnd, fromNow, openPage, startServer } from "./harness.mjs";

const SCRIPT = "https://challenges.cloudflare.com/turnstile/v0/api.js";

/** Does as the provider's script: a button in the widget's place, whose press gives a response. */
const WIDGET = `globalThis.turnstile = {
  render(place, options) {
    const button = document.createElement("button");
    button.textContent = "I am human (" + options.sitekey + ")";
    button.type = "button";
    button.addEventListener("click", () => options.callback("good"));
    place.append(button);
    return "widget-1";
  },
  reset() {},
  remove() {},
};
landrushWidgetReady();`;

/** A server whose provider answers each question with `status`, and passes what is "good". */
async function startGuarded(t, status, when_unavailable) {
  const provider = createServer(async (request, response) => {
    let form = "";
    for await (const part of request) form += part;
    response.statusCode = status;
    response.end(JSON.stringify({ success: new URLSearchParams(form).get("response") === "good" }));
  });
  await new Promise((resolve) => provider.listen(0, "127.0.0.1", resolve));
  atEnd(t, () => new Promise((resolve) => provider.close(resolve)));
  const url = `http://127.0.0.1:${provider.address().port}/`;
  const settings = `[challenge]\nturnstile_secret = "hush"\nturnstile_site_key = "site-1"\nturnstile_verify_url = "${url}"\n`;
  const server = await startServer(t, { settings });
  const schedule = { starts_at: fromNow(3_000), ends_at: fromNow(3_600_000) };
  await server.createCampaign({ schedule, protection: { challenge: { provider: "turnstile", when_unavailable } } });
  return server;
}

const LEAVES = /a request leaves the origin: GET https:\/\/challenges\.cloudflare\.com\/turnstile/;

test("the widget is met while one waits, is gone then, and the press bears what it gave", async (t) => {
  const server = await startGuarded(t, 200, "closed");
  const page = await openPage(t, server, null, { allowed: [LEAVES] });
  await page.route(`${SCRIPT}*`, (route) => route.fulfill({ contentType: "text/javascript", body: WIDGET }));
  await page.goto("/c/spring-sale?user=ann");
  const met = page.waitForResponse((response) => response.url().endsWith("/challenge") && response.status() === 201);
  await page.getByText("One short check before you can get a coupon.").waitFor();
  await page.getByRole("button", { name: "I am human (site-1)" }).click();
  await met;
  await page.locator(".widget").waitFor({ state: "hidden" });
  await page.waitForFunction(() => document.querySelector("button[type=submit]")?.hasAttribute("aria-disabled") === false);
  await page.getByRole("button", { name: "Get my coupon" }).click();
  await page.locator(".ticket-code").waitFor();
});

test("where script and provider are away, a campaign that says so lets people pass", async (t) => {
  const server = await startGuarded(t, 503, "open");
  const page = await openPage(t, server, null, { allowed: [LEAVES, /Failed to load resource/] });
  await page.route(`${SCRIPT}*`, (route) => route.abort());
  await page.goto("/c/spring-sale?user=ann");
  await page.waitForFunction(() => document.querySelector("button[type=submit]")?.hasAttribute("aria-disabled") === false);
  await page.getByRole("button", { name: "Get my coupon" }).click();
  await page.locator(".ticket-code").waitFor();
});

test("who blocks the script of a provider that is there is told that the check was not passed", async (t) => {
  const server = await startGuarded(t, 200, "open");
  const page = await openPage(t, server, null, { allowed: [LEAVES, /Failed to load resource/] });
  await page.route(`${SCRIPT}*`, (route) => route.abort());
  await page.goto("/c/spring-sale?user=ann");
  await page.waitForFunction(() => document.querySelector("button[type=submit]")?.hasAttribute("aria-disabled") === false);
  await page.getByRole("button", { name: "Get my coupon" }).click();
  await page.getByText("The check before the coupon was not passed.").waitFor();
  assert.equal(await page.locator(".ticket-code").count(), 0);
});
