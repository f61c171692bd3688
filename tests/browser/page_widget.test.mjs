// A challenge that a provider sets, in a real browser: its script is played by a few lines of ours, and so is whom the server asks.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import test from "node:test";

import { atEnd, fromNow, openPage, startServer } from "./harness.mjs";

/** Where the scripts of the providers come from, each an object that speaks in the same words. */
const SCRIPTS = {
  turnstile: "https://challenges.cloudflare.com/turnstile/v0/api.js",
  hcaptcha: "https://js.hcaptcha.com/1/api.js",
};

/** Does as the script of `provider`: a button in the widget's place, whose press gives a response. */
const widget = (provider) => `globalThis.${provider} = {
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

/** A server whose `provider` answers each question with `status`, and passes what is "good". */
async function startGuarded(t, provider, status, when_unavailable) {
  const verifier = createServer(async (request, response) => {
    let form = "";
    for await (const part of request) form += part;
    response.statusCode = status;
    response.end(JSON.stringify({ success: new URLSearchParams(form).get("response") === "good" }));
  });
  await new Promise((resolve) => verifier.listen(0, "127.0.0.1", resolve));
  atEnd(t, () => new Promise((resolve) => verifier.close(resolve)));
  const url = `http://127.0.0.1:${verifier.address().port}/`;
  const settings = `[challenge]\n${provider}_secret = "hush"\n${provider}_site_key = "site-1"\n${provider}_verify_url = "${url}"\n`;
  const server = await startServer(t, { settings });
  const schedule = { starts_at: fromNow(3_000), ends_at: fromNow(3_600_000) };
  await server.createCampaign({ schedule, protection: { challenge: { provider, when_unavailable } } });
  return server;
}

for (const [provider, script] of Object.entries(SCRIPTS)) {
  const leaves = new RegExp(`a request leaves the origin: GET ${script.replaceAll(".", "\\.")}`);

  test(`${provider}: the widget is met while one waits, is gone then, and the press bears what it gave`, async (t) => {
    const server = await startGuarded(t, provider, 200, "closed");
    const page = await openPage(t, server, null, { allowed: [leaves] });
    await page.route(`${script}*`, (route) => route.fulfill({ contentType: "text/javascript", body: widget(provider) }));
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

  test(`${provider}: where script and provider are away, a campaign that says so lets people pass`, async (t) => {
    const server = await startGuarded(t, provider, 503, "open");
    const page = await openPage(t, server, null, { allowed: [leaves, /Failed to load resource/] });
    await page.route(`${script}*`, (route) => route.abort());
    await page.goto("/c/spring-sale?user=ann");
    await page.waitForFunction(() => document.querySelector("button[type=submit]")?.hasAttribute("aria-disabled") === false);
    await page.getByRole("button", { name: "Get my coupon" }).click();
    await page.locator(".ticket-code").waitFor();
  });

  test(`${provider}: who blocks the script of a provider that is there is told that the check was not passed`, async (t) => {
    const server = await startGuarded(t, provider, 200, "open");
    const page = await openPage(t, server, null, { allowed: [leaves, /Failed to load resource/] });
    await page.route(`${script}*`, (route) => route.abort());
    await page.goto("/c/spring-sale?user=ann");
    await page.waitForFunction(() => document.querySelector("button[type=submit]")?.hasAttribute("aria-disabled") === false);
    await page.getByRole("button", { name: "Get my coupon" }).click();
    await page.getByText("The check before the coupon was not passed.").waitFor();
    assert.equal(await page.locator(".ticket-code").count(), 0);
  });
}
