// What stands before the button, in a real browser against a real server: a waiting room, and the work of a challenge.

import assert from "node:assert/strict";
import test from "node:test";

import { fromNow, openPage, startServer } from "./harness.mjs";

const ROOM = { admit_per_second: 100, opens_before: "10m", admitted_for: "10m" };

test("who joins before the opening is told its turn, claims, and keeps its place over a reload", async (t) => {
  const server = await startServer(t);
  const schedule = { starts_at: fromNow(6_000), ends_at: fromNow(3_600_000) };
  await server.createCampaign({ schedule, protection: { waiting_room: ROOM } });
  const page = await openPage(t, server, "/c/spring-sale");
  const claim = page.getByRole("button", { name: "Get my coupon" });
  await page.getByRole("button", { name: "Join the waiting room" }).click();
  await page.getByText("Please fill in your customer id.").waitFor();
  await page.getByLabel("Your customer id at the shop").fill("ann");
  await page.getByRole("button", { name: "Join the waiting room" }).click();
  await page.locator(".gate").getByText("You are in. Places are drawn at the opening").waitFor();
  assert.equal(await claim.getAttribute("aria-disabled"), "true");
  await page.reload();
  await page.locator(".gate").getByText("You are in. Places are drawn at the opening").waitFor();
  await page.locator(".gate").getByText("It is your turn.").waitFor({ timeout: 20_000 });
  await page.waitForFunction(() => !document.querySelector("button[type=submit]").hasAttribute("aria-disabled"));
  await claim.click();
  await page.locator(".ticket-code").waitFor();
  await page.locator(".gate").getByText("It is your turn.").waitFor({ state: "hidden" });
});

/** The shopper at `first` is let in and takes the coupon that the one at `second` waits for. */
async function takeTheOnlyCoupon(first, second) {
  await first.getByRole("button", { name: "Join the waiting room" }).click();
  await first.locator(".gate").getByText("It is your turn.").waitFor();
  await second.getByRole("button", { name: "Join the waiting room" }).click();
  await second.locator(".gate").getByText("You are next.").waitFor();
  await first.getByRole("button", { name: "Get my coupon" }).click();
  await first.locator(".ticket-code").waitFor();
}

test("who comes when nothing is left is told so, and is not led to an empty shelf", async (t) => {
  const server = await startServer(t);
  const coupon_types = [{ id: "cash-5", name: "$5 cash coupon", total_quota: 1 }];
  await server.createCampaign({ coupon_types, protection: { waiting_room: ROOM } });
  const [first, second] = [
    await openPage(t, server, "/c/spring-sale?user=ann"),
    await openPage(t, server, "/c/spring-sale?user=bob"),
  ];
  await takeTheOnlyCoupon(first, second);
  await second.locator(".gate").getByText("The coupons are gone. Thank you for waiting.").waitFor();
});

test("who waits when the day has nothing left is told when there is more, and keeps the place", async (t) => {
  const server = await startServer(t);
  const coupon_types = [{ id: "cash-5", name: "$5 cash coupon", total_quota: 10, daily_quota: 1 }];
  const schedule = { starts_at: fromNow(-60_000), ends_at: fromNow(72 * 3_600_000) };
  await server.createCampaign({ coupon_types, schedule, protection: { waiting_room: ROOM } });
  const [first, second, late] = [
    await openPage(t, server, "/c/spring-sale?user=ann"),
    await openPage(t, server, "/c/spring-sale?user=bob"),
    await openPage(t, server, "/c/spring-sale?user=cyd"),
  ];
  await takeTheOnlyCoupon(first, second);
  await second.locator(".gate").getByText(/Today’s coupons are gone\. There are new ones .*\. Your place is kept\./).waitFor();
  await late.locator(".gate").getByText(/There are new ones .*\. Join the waiting room to get your place in line for them\./).waitFor();
  await late.getByRole("button", { name: "Join the waiting room" }).click();
  await late.locator(".gate").getByText("Your place is kept.").waitFor();
  await late.getByRole("button", { name: "Join the waiting room" }).waitFor({ state: "hidden" });
  // The same at a visit later.
  await second.reload();
  await second.locator(".gate").getByText("Your place is kept.").waitFor();
});

test("a pause takes no time from a shopper whose turn it is", async (t) => {
  const server = await startServer(t);
  await server.createCampaign({ protection: { waiting_room: { ...ROOM, admitted_for: "8s" } } });
  const page = await openPage(t, server, "/c/spring-sale?user=ann");
  const gate = page.locator(".gate");
  await page.getByRole("button", { name: "Join the waiting room" }).click();
  await gate.getByText("It is your turn.").waitFor();
  await server.call("PATCH", "/v1/campaigns/spring-sale", { accept_claims: false });
  // By the page's own reckoning it is over, until it has asked: for some seconds or for an instant, which only an observer surely sees.
  await gate.evaluate((node) => {
    globalThis.said = [];
    const note = () => globalThis.said.push(node.textContent);
    new MutationObserver(note).observe(node, { subtree: true, childList: true, characterData: true });
  });
  const hasPassed = () => globalThis.said.some((text) => text.includes("Your turn has passed."));
  await page.waitForFunction(hasPassed, null, { timeout: 12_000 });
  await gate.getByText("It is your turn.").waitFor({ timeout: 10_000 });
  await server.call("PATCH", "/v1/campaigns/spring-sale", { accept_claims: true });
  await page.waitForFunction(() => !document.querySelector("button[type=submit]").hasAttribute("aria-disabled"));
  await page.getByRole("button", { name: "Get my coupon" }).click();
  await page.locator(".ticket-code").waitFor();
});

test("the work of a challenge is done while one waits, and the press bears its pass", async (t) => {
  const server = await startServer(t);
  const schedule = { starts_at: fromNow(5_000), ends_at: fromNow(3_600_000) };
  await server.createCampaign({ schedule, protection: { challenge: { provider: "altcha" } } });
  const page = await openPage(t, server, null);
  const met = page.waitForResponse((response) => response.url().endsWith("/challenge") && response.status() === 201);
  await page.goto("/c/spring-sale?user=ann");
  await page.locator(".gate").getByText("Checking that nobody asks by machine…").or(page.getByText("The check is done.")).waitFor();
  await met;
  await page.locator(".gate").getByText("The check is done.").waitFor();
  const claim = page.getByRole("button", { name: "Get my coupon" });
  await page.waitForFunction(() => !document.querySelector("button[type=submit]").hasAttribute("aria-disabled"));
  await claim.click();
  await page.locator(".ticket-code").waitFor();
  await page.locator(".gate").getByText("The check is done.").waitFor({ state: "hidden" });
});

test("a shopper whose id is typed does the work at the press, with letters of any script", async (t) => {
  const server = await startServer(t);
  await server.createCampaign({ protection: { challenge: { provider: "altcha" } } });
  const page = await openPage(t, server, "/c/spring-sale");
  await page.getByLabel("Your customer id at the shop").fill("顧客-ä");
  await page.getByRole("button", { name: "Get my coupon" }).click();
  await page.locator(".ticket-code").waitFor();
});
