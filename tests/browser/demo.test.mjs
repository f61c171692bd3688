// What somebody sees who has just typed `serve --demo`: the countdown reaches zero, and the stock melts. The pictures are for the
// README, on a phone in light and on a desktop in dark.

import assert from "node:assert/strict";
import test from "node:test";

import { openPage, screenshot, startServer, until } from "./harness.mjs";

const LOOKS = {
  phone: { colorScheme: "light", viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 },
  desktop: { colorScheme: "dark", viewport: { width: 1280, height: 800 } },
};

test("a countdown reaches zero and the stock melts within a minute of one command", async (t) => {
  const server = await startServer(t, { data: false, args: ["--demo", "--demo-crowd", "1200", "--demo-opens-in", "12s"] });
  const left = async () => {
    const response = await fetch(`${server.origin}/v1/campaigns/demo-flash/availability`);
    if (!response.ok) return null;
    const { coupon_types } = await response.json();
    return coupon_types.reduce((sum, { remaining }) => sum + remaining, 0);
  };
  await until(async () => (await left()) !== null, "the demo's campaign is there");
  const stock = await left();
  const pages = {};
  for (const [look, options] of Object.entries(LOOKS)) {
    pages[look] = await openPage(t, server, "/c/demo-flash?user=you", { timezoneId: "UTC", ...options });
    await pages[look].getByText("Opens in").first().waitFor();
    await screenshot(pages[look], `demo_countdown_${look}`);
  }
  const claim = pages.phone.getByRole("button", { name: /coupon/i });
  await until(() => claim.isEnabled(), "the button at zero", 20_000);
  await until(async () => (await left()) < stock / 2, "half the stock is gone", 20_000);
  for (const [look, page] of Object.entries(pages)) await screenshot(page, `demo_melting_${look}`);
  await until(async () => (await left()) === 0, "all of it is gone", 30_000);
  await pages.desktop.getByText(/sold out/i).first().waitFor();
  assert.ok(stock > 700, `${stock} coupons for 1,200 shoppers`);
});
