// What operators do to a campaign that runs.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";

import { claimFor, openAdmin, refused, users } from "./admin_page.mjs";
import { ADMIN_KEY, assertAccessible, screenshot, startServer } from "./harness.mjs";

const SALE = "/v1/campaigns/spring-sale";

/** A server with a campaign of which `count` coupons are issued, and its page. */
async function openSale(t, { count = 0, members = {}, ...options } = {}) {
  const server = await startServer(t);
  await server.createCampaign(members);
  const claims = await claimFor(server, "spring-sale", users(count));
  const page = await openAdmin(t, server, "#/campaigns/spring-sale", { ...options });
  await page.getByRole("heading", { name: "Spring sale" }).waitFor();
  return { server, page, claims };
}

test("pausing shows, and resuming does, and claims follow", async (t) => {
  const { server, page } = await openSale(t);
  const head = page.locator(".head").first();
  await head.getByText("open", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await head.getByText("paused", { exact: true }).waitFor();
  await page.getByRole("status").getByText("no claims are taken").waitFor();
  assert.equal((await claimFor(server, "spring-sale", ["u-1"]))[0].code, "paused");
  await page.getByRole("button", { name: "Resume" }).click();
  await head.getByText("open", { exact: true }).waitFor();
  assert.equal((await claimFor(server, "spring-sale", ["u-1"]))[0].outcome, "won");
});

for (const colorScheme of ["light", "dark"]) {
  test(`the report on fraud says where coupons went, in ${colorScheme}`, async (t) => {
    const members = { protection: { rate_limit: { user: "1/1h" } } };
    const { server, page } = await openSale(t, { count: 3, members, colorScheme });
    assert.equal((await claimFor(server, "spring-sale", ["u-1"]))[0].code, "rate_limited");
    await page.getByRole("button", { name: "Show the report" }).click();
    const card = page.locator("section.card", { hasText: "Where coupons went" });
    await card.getByText("3 granted and 1 refused since").waitFor();
    await card.getByText("The gate refused: rate limited user 1.").waitFor();
    await card.getByText("1 IPv4 block (/24) took 100.0 % of what was granted").waitFor();
    const row = card.getByRole("row", { name: "127.0.0.0/24" });
    assert.deepEqual(await row.getByRole("cell").allTextContents(), ["3", "100.0 %", "1"]);
    // A claim that comes while it is shown is there when it is asked for again.
    await claimFor(server, "spring-sale", ["u-4"]);
    await page.getByRole("button", { name: "Show the report" }).click();
    await card.getByText("4 granted and 1 refused since").waitFor();
    await assertAccessible(page);
    await screenshot(page, `admin-fraud-${colorScheme}`, { fullPage: true });
  });
}

test("a quota is raised after it was seen what would happen", async (t) => {
  const { server, page } = await openSale(t, { count: 10, allowed: refused(400, 409) });
  await page.getByText("sold out", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Change…" }).click();
  const dialog = page.getByRole("dialog", { name: "Change Spring sale" });
  const total = dialog.getByLabel("$5 cash coupon: how many in all");
  await total.fill("5");
  await dialog.getByRole("button", { name: "See what would happen" }).click();
  await dialog
    .getByRole("alert")
    .getByText(/10 of the coupon type/)
    .waitFor();
  await total.fill("many");
  await dialog.getByRole("button", { name: "See what would happen" }).click();
  await dialog
    .getByRole("row", { name: /cash coupon/ })
    .getByText(/whole number/)
    .waitFor();

  await total.fill("25");
  await dialog.getByLabel("$5 cash coupon: how many a day").fill("20");
  await dialog.getByRole("button", { name: "See what would happen" }).click();
  const outcome = dialog.getByRole("table", { name: "What would happen" });
  await outcome.getByRole("row", { name: "State sold out open" }).waitFor();
  await outcome.getByRole("row", { name: "$5 cash coupon, left 0 15" }).waitFor();
  await assertAccessible(page);
  assert.equal((await server.call("GET", SALE)).coupon_types[0].total_quota, 10, "nothing has happened yet");
  await dialog.getByRole("button", { name: "Apply" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByText("10 / 25 (40 %)").waitFor();
  const [type] = (await server.call("GET", SALE)).coupon_types;
  assert.deepEqual([type.total_quota, type.daily_quota], [25, 20]);
});

test("a change of the end alone leaves all else as it is", async (t) => {
  const { server, page } = await openSale(t);
  await page.getByRole("button", { name: "Change…" }).click();
  await page.getByLabel("Ends").fill("2998-07-01T10:00");
  await page.getByRole("button", { name: "See what would happen" }).click();
  await page.getByRole("row", { name: /^Ends .* Sun, 1 Jul 2998, 10:00$/ }).waitFor();
  const [request] = await Promise.all([
    page.waitForRequest((request) => request.method() === "PATCH"),
    page.getByRole("button", { name: "Apply" }).click(),
  ]);
  assert.deepEqual(request.postDataJSON(), { schedule: { ends_at: "2998-07-01T02:00:00.000Z" } });
  await page.getByRole("status").getByText("The change is made.").waitFor();
  assert.equal((await server.call("GET", SALE)).schedule.ends_at, "2998-07-01T02:00:00.000Z");
});

test("cancelling says first what it would do, asks for the id, and then does it", async (t) => {
  const { server, page } = await openSale(t, { count: 4 });
  await page.getByRole("button", { name: "Cancel…" }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel Spring sale?" });
  await dialog.getByText("6 coupons that nobody has won will never be handed out.").waitFor();
  await dialog.getByText("4 issued coupons that are not redeemed can still be redeemed.").waitFor();
  await dialog.getByLabel("are voided, too").check();
  await dialog.getByText("4 issued coupons that are not redeemed become void.").waitFor();
  await assertAccessible(page);
  assert.equal((await server.call("GET", SALE)).state, "open", "nothing has happened yet");

  const cancel = dialog.getByRole("button", { name: "Cancel the campaign" });
  assert.ok(await cancel.isDisabled());
  await dialog.getByLabel(/to confirm/).fill("spring");
  assert.ok(await cancel.isDisabled());
  await dialog.getByLabel(/to confirm/).fill("spring-sale");
  await cancel.click();
  await page.locator(".head").first().getByText("cancelled", { exact: true }).waitFor();
  const cancelled = await server.call("GET", SALE);
  assert.deepEqual([cancelled.state, cancelled.revoked], ["cancelled", true]);
  // Now it can be put away.
  await page.getByRole("button", { name: "Archive…" }).click();
  await page.getByLabel(/to confirm/).fill("spring-sale");
  await page.getByRole("button", { name: "Archive the campaign" }).click();
  await page.getByText("No campaign yet").waitFor();
});

test("a campaign whose coupons still live is not archived, and the reason is said", async (t) => {
  const { server, page } = await openSale(t, { count: 1, allowed: refused(409) });
  await server.call("POST", `${SALE}/cancel`);
  await page.getByRole("button", { name: "Archive…" }).click();
  const dialog = page.getByRole("dialog", { name: /Archive/ });
  await dialog
    .getByRole("alert")
    .getByText(/last coupon expires/)
    .waitFor();
  assert.equal(await dialog.getByRole("button", { name: "Archive the campaign" }).count(), 0);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.ok(
    await page.getByRole("button", { name: "Archive…" }).evaluate((element) => element === document.activeElement),
    "focus is where it was",
  );
});

test("a coupon is looked up by its code, and its owner by id, and the coupon is voided", async (t) => {
  const { server, page, claims } = await openSale(t, { count: 2, allowed: refused(404) });
  await server.call("POST", "/v1/users", { user_id: "u-2", phone: "+65 9123 4567", name: "Ada <b>Tan</b>" });
  const { code } = claims[1].coupon;
  await page.getByRole("link", { name: "Look up" }).click();
  await page.getByLabel("Code").fill(code.toLowerCase());
  await page.keyboard.press("Enter");
  await page.getByText(code, { exact: true }).waitFor();
  await page.getByText("issued", { exact: true }).waitFor();
  await page.getByRole("link", { name: "u-2" }).click();
  await page.getByText("+6591234567").waitFor();
  await page.getByText("Ada <b>Tan</b>").waitFor();
  await page.getByRole("row", { name: /u-2/ }).getByText(code).waitFor();

  await page.getByRole("button", { name: "Void…" }).click();
  const dialog = page.getByRole("dialog", { name: "Void this coupon?" });
  await dialog.getByLabel("Its unit").selectOption("false");
  await dialog.getByLabel("The person may claim again").check();
  await dialog.getByRole("button", { name: "Void the coupon" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal((await server.call("GET", `/v1/coupons/${code}`)).state, "void");
  assert.equal((await server.call("GET", SALE)).coupon_types[0].remaining, 8, "the unit is gone, as was asked");

  await page.getByLabel("Code").fill("0000-0000-0000-0000");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("no such coupon").waitFor();
});

test("the download holds exactly what was issued", async (t) => {
  const { server, page, claims } = await openSale(t, {
    count: 60,
    members: { coupon_types: [{ id: "cash-5", name: "Cash", total_quota: 60, valid_for: "30d" }] },
  });
  const rows = claims.map((claim) =>
    [claim.claim_id, claim.user_id, "cash-5", claim.coupon.code, "issued", claim.decided_at, claim.coupon.expires_at].join(","),
  );
  const [csv] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download CSV" }).click()]);
  assert.equal(csv.suggestedFilename(), "spring-sale-coupons.csv");
  const [head, ...lines] = (await readFile(await csv.path(), "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => line.trimEnd());
  assert.equal(head, "claim_id,user_id,coupon_type,code,state,decided_at,expires_at");
  assert.deepEqual(lines.toSorted(), rows.toSorted());

  const [ndjson] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download NDJSON" }).click(),
  ]);
  const items = (await readFile(await ndjson.path(), "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(items.map((item) => item.coupon.code).toSorted(), claims.map((claim) => claim.coupon.code).toSorted());

  await page.getByRole("button", { name: "Show them (60)" }).click();
  await page.getByRole("button", { name: "Next page" }).click();
  const listed = page.getByRole("region", { name: "Issued coupons" }).locator("tbody tr");
  await page.getByRole("button", { name: "From the first" }).waitFor();
  assert.equal(await listed.count(), 10);
  await screenshot(page, "admin-campaign-issued");
  assert.ok(!page.url().includes(ADMIN_KEY) && server.origin !== "");
});

test("own codes are uploaded whole or not at all", async (t) => {
  const types = [{ id: "own", name: "Our own", total_quota: 100, codes: "imported" }];
  const { server, page } = await openSale(t, { members: { coupon_types: types }, allowed: refused(400, 409) });
  const upload = async (name, text) => {
    await page.getByRole("button", { name: "Upload codes…" }).click();
    await page.getByLabel("File").setInputFiles({ name, mimeType: "text/plain", buffer: Buffer.from(text) });
    await page.getByRole("button", { name: "Upload", exact: true }).click();
  };
  await upload("codes.csv", "code\nONE\nTWO\n");
  await page.getByRole("status").getByText("2 codes uploaded, 2 left to hand out.").waitFor();
  await page.getByText("2 uploaded").first().waitFor();
  await upload("more.txt", '{"code": "THREE"}\n{"code": "ONE"}\n');
  const dialog = page.getByRole("dialog", { name: /Upload codes/ });
  await dialog
    .getByRole("alert")
    .getByText(/line 2: the code ONE is there already/)
    .waitFor();
  assert.equal((await server.call("GET", SALE)).coupon_types[0].imported, 2);
});

test("a report says where coupons went", async (t) => {
  const { page } = await openSale(t, { count: 3 });
  await page.getByRole("button", { name: "Show the report" }).click();
  await page.getByText(/^3 granted and 0 refused since /).waitFor();
  await page.getByText("1 IPv4 block (/24) took 100.0 % of what was granted").waitFor();
  await page.getByRole("row", { name: "127.0.0.0/24 3 100.0 % 0" }).waitFor();
  await assertAccessible(page);
});
