// Every view of the operator's page, as people with other eyes and other screens meet it.

import assert from "node:assert/strict";
import test from "node:test";

import { claimFor, openAdmin, refused, users } from "./admin_page.mjs";
import { assertAccessible, screenshot, startServer } from "./harness.mjs";

test("every view can be used by a screen reader and on a phone, by day and by night", async (t) => {
  const server = await startServer(t);
  await server.createCampaign();
  await claimFor(server, "spring-sale", users(3));
  const views = {
    overview: "#/",
    campaigns: "#/campaigns",
    campaign: "#/campaigns/spring-sale",
    new: "#/new",
    "look-up": "#/look-up?user=u-2",
  };
  const phone = { viewport: { width: 390, height: 844 }, isMobile: true };
  for (const [looks, options] of Object.entries({
    desktop: { colorScheme: "light" },
    phone: { colorScheme: "dark", ...phone },
  })) {
    const page = await openAdmin(t, server, "#/", { ...options, allowed: refused(404) });
    for (const [name, hash] of Object.entries(views)) {
      await page.goto(`/admin${hash}`);
      await page.getByRole("heading", { level: 1 }).waitFor();
      if (name === "campaign") await page.getByRole("heading", { name: "Spring sale" }).waitFor();
      if (name === "look-up") await page.getByRole("region", { name: "Issued coupons" }).waitFor();
      await assertAccessible(page);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${name} is ${overflow} px wider than the ${looks}`);
      await screenshot(page, `admin-${name}-${looks}`, { fullPage: true });
    }
  }
});
