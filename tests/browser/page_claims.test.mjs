// What shoppers do on the page of a campaign that gives to the first who come, in a real browser against a real server.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import test from "node:test";

import { startGateway } from "./gateway.mjs";
import { fromNow, openPage, packageFile, startServer, until } from "./harness.mjs";
import { openCampaign } from "./page_parts.mjs";

const CODE = /^([0-9A-Z]{4}-?){4}$/;

test("the button lets itself be pressed when the server opens, and the press shows a coupon that a reload shows again", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server);
  const starts_at = fromNow(5_000);
  await server.createCampaign({ schedule: { starts_at, ends_at: fromNow(3_600_000) } });
  await page.goto("/c/spring-sale?user=u-1");
  const button = page.getByRole("button", { name: "Get my coupon" });
  await page.getByRole("timer").getByText("Opens in", { exact: true }).waitFor();
  assert.equal(await button.getAttribute("aria-disabled"), "true");
  await page.evaluate(() => {
    const button = document.querySelector("button[type=submit]");
    new MutationObserver(() => {
      if (!button.hasAttribute("aria-disabled")) globalThis.enabledAt ??= Date.now();
    }).observe(button, { attributes: true });
  });
  await page.waitForFunction(() => globalThis.enabledAt);
  const late = (await page.evaluate(() => globalThis.enabledAt)) - Date.parse(starts_at);
  console.log(`enabled ${late} ms after the opening`);
  assert.ok(late >= -150 && late <= 150, `enabled ${late} ms after the opening`);

  await button.click();
  const code = page.locator(".ticket-code");
  await code.waitFor();
  const given = await code.textContent();
  assert.match(given, CODE);
  await page.getByText("9 of 10 left").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Your coupon");
  assert.equal(new URL(page.url()).search, "", "the customer id does not stay in the address bar");

  await page.reload();
  await code.waitFor();
  assert.equal(await code.textContent(), given);
  assert.equal(await button.count(), 0, "nothing is left to press");
});

test("a tab that was hidden, whose timers slept, lets the button be pressed as soon as it is shown", async (t) => {
  const server = await startServer(t);
  const gateway = await startGateway(t, server);
  // Neither stream nor polling tells of the opening: only the clock does.
  gateway.refuse = (path) => (path.endsWith("/events") || path.endsWith("/availability") ? 503 : undefined);
  const page = await openPage(t, gateway, "/c/none", { allowed: [/status of (404|503)/] });
  const starts_at = fromNow(3_500);
  await server.createCampaign({ schedule: { starts_at, ends_at: fromNow(3_600_000) } });
  await page.goto("/c/spring-sale?user=u-1");
  await page.getByRole("timer").getByText("Opens in", { exact: true }).waitFor();
  const enabled = await page.evaluate(async (opening) => {
    const { promise, resolve } = Promise.withResolvers();
    const timeout = globalThis.setTimeout;
    // From here on the page's timers do not fire, as in a tab that nobody sees.
    globalThis.setTimeout = () => 0;
    dispatchEvent(new Event("focus"));
    timeout(resolve, opening - Date.now() + 300);
    await promise;
    const isEnabled = () => !document.querySelector("button[type=submit]").hasAttribute("aria-disabled");
    const before = isEnabled();
    document.dispatchEvent(new Event("visibilitychange"));
    return [before, isEnabled()];
  }, Date.parse(starts_at));
  assert.deepEqual(enabled, [false, true]);
});

test("what somebody takes falls on another's screen within a second", async (t) => {
  const server = await startServer(t);
  await server.createCampaign();
  const [first, second] = [
    await openCampaign(t, server, "spring-sale", { user: "u-1" }),
    await openCampaign(t, server, "spring-sale", { user: "u-2" }),
  ];
  await second.getByText("10 of 10 left").waitFor();
  const began = performance.now();
  await first.getByRole("button", { name: "Get my coupon" }).click();
  await second.getByText("9 of 10 left").waitFor();
  const took = performance.now() - began;
  console.log(`seen ${Math.round(took)} ms after the press`);
  assert.ok(took < 1_000, `${took} ms`);
});

test("the QR code holds the code, and the button copies it", async (t) => {
  const server = await startServer(t);
  await server.createCampaign();
  await server.call("POST", "/v1/campaigns/spring-sale/claims", { user_id: "u-1" });
  const page = await openCampaign(t, server, "spring-sale", { user: "u-1", permissions: ["clipboard-read", "clipboard-write"] });
  const code = await page.locator(".ticket-code").textContent();
  assert.equal(await scanned(page, page.locator("svg.qr")), code);
  await page.getByRole("button", { name: "Copy code" }).click();
  await page.getByText("Copied", { exact: true }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), code);
});

/** What a scanner reads in the picture of `element`. */
async function scanned(page, element) {
  const { default: jsQR } = await import(packageFile("jsqr/dist/jsQR.js"));
  const picture = `data:image/png;base64,${(await element.screenshot()).toString("base64")}`;
  const { data, width, height } = await page.evaluate(async (source) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const pixels = context.getImageData(0, 0, image.width, image.height);
    return { data: Array.from(pixels.data), width: image.width, height: image.height };
  }, picture);
  return jsQR(Uint8ClampedArray.from(data), width, height)?.data;
}

test("with the keyboard alone: the id is typed, a kind is chosen, a coupon is got and its code copied", async (t) => {
  const server = await startServer(t);
  const coupon_types = [{ id: "a", name: "Tea", total_quota: 5 }, { id: "b", name: "Cake", total_quota: 5 }];
  await server.createCampaign({ coupon_types });
  const page = await openPage(t, server, "/", { permissions: ["clipboard-read", "clipboard-write"] });
  const { keyboard } = page;
  await page.getByText("10 coupons left").waitFor();
  const focused = () => page.evaluate(() => document.activeElement.textContent || document.activeElement.id);
  const tabTo = async (text) => {
    await until(async () => {
      await keyboard.press("Tab");
      return (await focused()) === text;
    }, `the keyboard reaches ${text}`);
  };
  await tabTo("Spring sale");
  await keyboard.press("Enter");
  await page.getByRole("button", { name: "Get my coupon" }).waitFor();
  await tabTo("user");
  await keyboard.press("Enter");
  await page.getByText("Please fill in your customer id.").waitFor();
  assert.equal(await focused(), "user");
  await keyboard.type("u-1");
  await keyboard.press("Tab");
  await keyboard.press("ArrowDown");
  await keyboard.press("ArrowDown");
  await tabTo("Get my coupon");
  await keyboard.press("Enter");
  await page.locator(".ticket-kind", { hasText: "Cake" }).waitFor();
  assert.equal(await focused(), "Your coupon");
  await tabTo("Copy code");
  await keyboard.press("Space");
  await page.getByText("Copied", { exact: true }).waitFor();
});

test("who waits on the button with the keyboard keeps it, and may press it at the opening", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server);
  await server.createCampaign({ schedule: { starts_at: fromNow(3_500), ends_at: fromNow(3_600_000) } });
  await page.goto("/c/spring-sale?user=u-1");
  const button = page.getByRole("button", { name: "Get my coupon" });
  await button.focus();
  await page.keyboard.press("Enter");
  assert.equal(await page.locator(".ticket-code").count(), 0);
  await page.waitForFunction(() => !document.querySelector("button[type=submit]").hasAttribute("aria-disabled"));
  await page.keyboard.press("Enter");
  await page.locator(".ticket-code").waitFor();
});

test("where the shop signs who its customers are, its token says it, and does not stay in the address bar", async (t) => {
  const secret = "a secret of at least thirty-two bytes";
  const settings = `[auth]\nusers = "jwt"\n[[auth.keys]]\nalg = "HS256"\nsecret = "${secret}"\n`;
  const server = await startServer(t, { settings });
  await server.createCampaign();
  const page = await openCampaign(t, server, "spring-sale", { user: "somebody-else" });
  const button = page.getByRole("button", { name: "Get my coupon" });
  await page.getByText("Please sign in at the shop, and open this page from there.").waitFor();
  assert.equal(await button.getAttribute("aria-disabled"), "true");
  assert.equal(await page.getByLabel("Your customer id at the shop").count(), 0);

  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub: "zoë", exp: Math.floor(Date.now() / 1_000) + 600 })}`;
  const token = `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
  await page.goto("/");
  await page.goto(`/c/spring-sale#token=${token}`);
  await page.getByText("You are customer zoë").waitFor();
  assert.equal(new URL(page.url()).hash, "");
  await button.click();
  await page.locator(".ticket-code").waitFor();
  await page.reload();
  await page.locator(".ticket-code").waitFor();
});
