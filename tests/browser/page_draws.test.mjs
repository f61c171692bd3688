// Draws, lotteries, daily shares and ends on the shopper's page, in a real browser against a real server.

import assert from "node:assert/strict";
import test from "node:test";

import { assertAccessible, fromNow, openPage, startServer } from "./harness.mjs";
import { crowd, openCampaign, openNow } from "./page_parts.mjs";

const LONG = () => ({ starts_at: fromNow(-60_000), ends_at: fromNow(90 * 86_400_000) });

test("a draw that wins nothing says when to come back, in the viewer's zone, also after a reload", async (t) => {
  const server = await startServer(t);
  const coupon_types = [{ id: "a", name: "Tea", total_quota: 5, probability: 0 }];
  await server.createCampaign({ mode: "draw", schedule: LONG(), time_zone: "Asia/Singapore", coupon_types });
  // A day in Singapore begins at four in the afternoon, universal time.
  const page = await openCampaign(t, server, "spring-sale", { user: "u-1", timezoneId: "UTC" });
  await page.getByRole("button", { name: "Try my luck" }).click();
  await page.getByRole("heading", { name: "No coupon this time" }).waitFor();
  await page.getByText(/^Come back (today|tomorrow) at 16:00\.$/).waitFor();
  assert.equal(await page.getByRole("button", { name: "Try my luck" }).count(), 0);
  await page.reload();
  await page.getByText(/^Come back (today|tomorrow) at 16:00\.$/).waitFor();
});

test("a draw that wins shows its coupon, and how to check the draw", async (t) => {
  const server = await startServer(t);
  const coupon_types = [{ id: "a", name: "Tea", total_quota: 5, probability: 1 }];
  const { fairness } = await server.createCampaign({ mode: "draw", schedule: LONG(), coupon_types });
  const page = await openCampaign(t, server, "spring-sale", { user: "u-1" });
  await page.getByText("100 % chance a try").waitFor();
  await page.getByRole("button", { name: "Try my luck" }).click();
  await page.getByRole("heading", { name: "You have won" }).waitFor();
  await page.locator(".ticket-code").waitFor();
  await page.getByText("How you can check that this was fair").click();
  await page.getByText(fairness.commitment).waitFor();
  await page.getByText("published when it is over").waitFor();
});

test("a lottery: one enters, waits, and learns at the end who has won, with the facts to check it", async (t) => {
  const server = await startServer(t);
  const winner = await openPage(t, server);
  const loser = await openPage(t, server);
  const schedule = { starts_at: fromNow(-60_000), ends_at: fromNow(9_000) };
  await server.createCampaign({ mode: "lottery", schedule, coupon_types: [{ id: "a", name: "Tea", total_quota: 1 }] });
  const pages = [winner, loser];
  for (const [place, page] of pages.entries()) {
    await page.goto(`/c/spring-sale?user=u-${place}`);
    await page.getByRole("button", { name: "Enter the lottery" }).click();
    await page.getByText(`Your entry is number ${place + 1}.`).waitFor();
  }
  const told = [];
  for (const page of pages) {
    const outcome = page.locator(".outcome:not([data-outcome=pending])");
    await outcome.waitFor({ timeout: 20_000 });
    told.push([await outcome.getAttribute("data-outcome"), await outcome.locator(".outcome-text").textContent()].join(": "));
    await page.getByText("This ended today at").waitFor();
  }
  assert.deepEqual(told.sort(), ["no_coupon: Your rank is 2.", "won: Your rank is 1."]);
  await winner.getByText("How you can check that this was fair").click();
  await winner.waitForFunction(() => document.querySelectorAll(".fairness .hash").length === 3);
  assert.equal(await winner.getByText("Entries", { exact: true }).locator("+ dd").textContent(), "2");
  await assertAccessible(winner);
});

test("today's last coupon going is told with the moment of the next, and the button rests until then", async (t) => {
  const server = await startServer(t);
  const coupon_types = [{ id: "a", name: "Tea", total_quota: 50, daily_quota: 2 }];
  await server.createCampaign({ schedule: LONG(), time_zone: "Asia/Singapore", coupon_types });
  const page = await openCampaign(t, server, "spring-sale", { user: "u-1", timezoneId: "UTC" });
  await page.getByText("2 of 2 left today").waitFor();
  await crowd(server, "spring-sale", 2);
  await page.getByText(/^Today’s coupons are gone\. Come back (today|tomorrow) at 16:00: there will be new ones\.$/).waitFor();
  await page.getByText("More coupons in", { exact: true }).waitFor();
  await page.getByText("48 in all").waitFor();
  assert.equal(await page.getByRole("button", { name: "Get my coupon" }).getAttribute("aria-disabled"), "true");
});

test("a phone number is asked for where it is needed, and what is wrong with it is said at its field", async (t) => {
  const server = await startServer(t);
  await server.createCampaign({ phone_required: true });
  const page = await openCampaign(t, server, "spring-sale", { user: "u-1", allowed: [/status of 400/] });
  const phone = page.getByLabel("Your mobile number");
  const button = page.getByRole("button", { name: "Get my coupon" });
  await button.click();
  await page.getByText("Please fill in your mobile number.").waitFor();
  await phone.fill("12");
  await button.click();
  await page.getByText("This is not a mobile number with its country code.").waitFor();
  assert.equal(await phone.getAttribute("aria-invalid"), "true");
  await phone.fill("+65 9123 4567");
  await button.click();
  await page.locator(".ticket-code").waitFor();
});

test("pause, resume and cancel by the shop are followed at once", async (t) => {
  const server = await startServer(t);
  await server.createCampaign();
  const page = await openCampaign(t, server, "spring-sale", { user: "u-1" });
  const button = page.getByRole("button", { name: "Get my coupon" });
  await page.getByText("Open now", { exact: true }).waitFor();
  await server.call("POST", "/v1/campaigns/spring-sale/pause", {});
  await page.getByText("The shop has paused this.").waitFor();
  assert.equal(await button.getAttribute("aria-disabled"), "true");
  await server.call("POST", "/v1/campaigns/spring-sale/resume", {});
  await page.getByText("Open now", { exact: true }).waitFor();
  assert.equal(await button.getAttribute("aria-disabled"), null);
  await server.call("POST", "/v1/campaigns/spring-sale/cancel", {});
  await page.getByText("The shop has cancelled this.").waitFor();
  assert.equal(await button.count(), 0);
});

test("somebody else at the same device gets a page of their own", async (t) => {
  const server = await startServer(t);
  await server.createCampaign({ schedule: openNow() });
  await server.call("POST", "/v1/campaigns/spring-sale/claims", { user_id: "u-1" });
  const page = await openCampaign(t, server, "spring-sale", { user: "u-1" });
  await page.locator(".ticket-code").waitFor();
  await page.getByRole("button", { name: "Not you?" }).click();
  assert.equal(await page.locator(".ticket-code").count(), 0);
  await page.getByLabel("Your customer id at the shop").fill("u-2");
  await page.getByRole("button", { name: "Get my coupon" }).click();
  await page.locator(".ticket-code").waitFor();
  await page.getByText("8 of 10 left").waitFor();
});
