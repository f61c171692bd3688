// The pictures of the shopper's page that the README shows, each on a phone in light and on a desktop in dark: a campaign that counts
// down, one whose stock melts, a coupon.

import test from "node:test";

import { fromNow, openPage, screenshot, startServer } from "./harness.mjs";
import { TYPES, crowd, openNow } from "./page_parts.mjs";

const LOOKS = {
  phone: { colorScheme: "light", viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 },
  desktop: { colorScheme: "dark", viewport: { width: 1280, height: 800 } },
};

test("the pictures of the README", async (t) => {
  const server = await startServer(t);
  const pages = {};
  for (const [look, options] of Object.entries(LOOKS)) pages[look] = await openPage(t, server, "/", { timezoneId: "Asia/Singapore", ...options });

  const name = "Midsummer coupons";
  await server.createCampaign({ id: "soon", name, schedule: { starts_at: fromNow(754_000), ends_at: fromNow(4_354_000) }, coupon_types: TYPES });
  await server.createCampaign({ id: "open", name, schedule: openNow(), coupon_types: TYPES });
  await crowd(server, "open", 163);
  await crowd(server, "open", 412, "claims", (place) => ({ user_id: `other-${place}`, coupon_type: "cash-5" }));
  await server.call("POST", "/v1/campaigns/open/claims", { user_id: "mei-417" });

  const views = { countdown: ["/c/soon?user=mei-417", "Opens in"], open: ["/c/open?user=ravi-88", "left"], coupon: ["/c/open?user=mei-417", "Copy code"] };
  for (const [view, [path, seen]] of Object.entries(views)) {
    for (const [look, page] of Object.entries(pages)) {
      await page.goto(path);
      await page.getByText(seen).first().waitFor();
      await page.evaluate(() => Promise.all(document.getAnimations().map(({ finished }) => finished)));
      await screenshot(page, `readme_${view}_${look}`);
    }
  }
});
