// Every state of the shopper's page: axe-core finds nothing serious in it, nothing is wider than the screen, and a picture of it is
// left below cargo's target for people to look at. A file for each look, so that each is done in its time.

import assert from "node:assert/strict";

import { assertAccessible, fromNow, openPage, screenshot, startServer } from "./harness.mjs";
import { TYPES, crowd, openNow } from "./page_parts.mjs";

/** Each state: its campaign, what is done to it, who looks, and what must then be seen. */
const STATES = {
  soon: {
    campaign: () => ({ schedule: { starts_at: fromNow(7_384_000), ends_at: fromNow(10_000_000) } }),
    seen: "Opens in",
  },
  open: {
    prepare: (server, id) => crowd(server, id, 62),
    user: "anna-417",
    seen: "Get my coupon",
  },
  coupon: {
    prepare: (server, id) => claim(server, id, "anna-417"),
    user: "anna-417",
    seen: "Copy code",
  },
  redeemed: {
    prepare: async (server, id) => {
      const { coupon } = await claim(server, id, "anna-417");
      await server.call("POST", `/v1/coupons/${coupon.code}/redemptions`, { order_id: "o-1" });
    },
    user: "anna-417",
    seen: "You have used your coupon",
  },
  sold_out: {
    campaign: () => ({ coupon_types: [{ ...TYPES[1], total_quota: 3 }] }),
    prepare: (server, id) => crowd(server, id, 3),
    seen: "All coupons are gone.",
  },
  daily_sold_out: {
    campaign: () => ({
      schedule: { starts_at: fromNow(-60_000), ends_at: fromNow(90 * 86_400_000) },
      coupon_types: [{ ...TYPES[1], daily_quota: 3 }],
    }),
    prepare: (server, id) => crowd(server, id, 3),
    seen: "Come back",
  },
  draw: {
    campaign: () => ({ mode: "draw", coupon_types: TYPES.map((type, place) => ({ ...type, probability: [0.01, 0.2][place] })) }),
    seen: "Try my luck",
  },
  no_coupon: {
    campaign: () => ({
      mode: "draw",
      schedule: { starts_at: fromNow(-60_000), ends_at: fromNow(90 * 86_400_000) },
      coupon_types: [{ ...TYPES[0], probability: 0 }],
    }),
    prepare: (server, id) => server.call("POST", `/v1/campaigns/${id}/draws`, { user_id: "anna-417" }),
    user: "anna-417",
    seen: "No coupon this time",
  },
  lottery: {
    campaign: () => ({ mode: "lottery" }),
    prepare: (server, id) => server.call("POST", `/v1/campaigns/${id}/entries`, { user_id: "anna-417" }),
    user: "anna-417",
    seen: "You are in",
  },
  bucketed: {
    campaign: () => ({ availability_display: "bucketed", phone_required: true, coupon_types: [TYPES[0], { ...TYPES[1], total_quota: 10 }] }),
    prepare: (server, id) => crowd(server, id, 9, "claims", (place) => ({ coupon_type: "cash-5", phone: `+659123451${place}` })),
    seen: "Few left",
  },
  paused: {
    prepare: (server, id) => server.call("POST", `/v1/campaigns/${id}/pause`, {}),
    seen: "The shop has paused this.",
  },
  cancelled: {
    prepare: (server, id) => server.call("POST", `/v1/campaigns/${id}/cancel`, {}),
    seen: "The shop has cancelled this.",
  },
};

function claim(server, id, user_id) {
  return server.call("POST", `/v1/campaigns/${id}/claims`, { user_id });
}

/** Brings the page into every state, under the `look` of Playwright's `newContext`; the pictures' names end in `name`. */
export async function lookAtAll(t, name, look) {
  const server = await startServer(t);
  const page = await openPage(t, server, "/", { timezoneId: "Asia/Singapore", allowed: [/status of 404/], ...look });
  for (const [state, { campaign, prepare, user, seen }] of Object.entries(STATES)) {
    const id = state.replaceAll("_", "-");
    await server.createCampaign({ id, name: "Spring sale", schedule: openNow(), coupon_types: TYPES, ...campaign?.() });
    await prepare?.(server, id);
    await page.evaluate(() => localStorage.clear());
    await page.goto(user === undefined ? `/c/${id}` : `/c/${id}?user=${user}`);
    await page.getByText(seen).first().waitFor();
    await looked(page, `page_${state}_${name}`);
  }
  await page.goto("/");
  await page.getByText("coupons left").first().waitFor();
  await looked(page, `page_list_${name}`);
  await page.goto("/c/no-such-campaign");
  await page.getByText("There is no such campaign.").waitFor();
  await looked(page, `page_none_${name}`);
}

async function looked(page, name) {
  // Bars slide to their places, colours fade: pictures and contrasts are of the end.
  await page.evaluate(() => Promise.all(document.getAnimations().map(({ finished }) => finished)));
  await assertAccessible(page);
  const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= screen, `${name} is ${content} wide on a screen of ${screen}`);
  await screenshot(page, name, { fullPage: true });
}
