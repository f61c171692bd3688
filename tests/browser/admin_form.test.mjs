// The form that makes a campaign: what it refuses itself, what the server refuses, what it previews, and what comes of it.

import assert from "node:assert/strict";
import test from "node:test";

import { openAdmin, refused } from "./admin_page.mjs";
import { assertAccessible, campaign, startServer } from "./harness.mjs";

/** Fills in what every campaign needs. */
async function fillIn(
  page,
  { id = "flash", starts = "2998-03-24T00:00", ends = "2998-03-27T00:00", zone = "Europe/Berlin" } = {},
) {
  await page.getByLabel("Name").first().fill("Flash sale");
  await page.getByLabel("Id", { exact: true }).first().fill(id);
  await page.getByLabel("Time zone").fill(zone);
  await page.getByLabel("Starts").fill(starts);
  await page.getByLabel("Ends").fill(ends);
  const type = page.getByRole("group", { name: "Coupon type 1" });
  await type.getByLabel("Id", { exact: true }).fill("cash-5");
  await type.getByLabel("Name").fill("$5 cash coupon");
  await type.getByLabel("How many in all").fill("10,000");
}

async function fillInWindows(page, times, duration) {
  await page.getByLabel("Only in windows that recur").check();
  await page.getByLabel("Opens at").fill(times);
  await page.getByLabel("Stays open for").fill(duration);
}

/** What is said to be wrong with a control, as a screen reader would find it. */
async function errorOf(control) {
  assert.equal(await control.getAttribute("aria-invalid"), "true");
  return control.evaluate((element) => {
    const ids = element.getAttribute("aria-describedby").split(" ");
    return ids.map((id) => document.getElementById(id)).find((each) => each.className === "error").textContent;
  });
}

test("a campaign is made by keyboard alone, in every field that it has", async (t) => {
  const server = await startServer(t);
  const page = await openAdmin(t, server, "#/new");
  await fillIn(page);
  await fillInWindows(page, "10:00 15:00:30", "5m");
  await page.getByLabel("Sat").check();
  await page.getByLabel("Sun").check();
  const type = page.getByRole("group", { name: "Coupon type 1" });
  await type.getByLabel("How many a day").fill("500");
  await type.getByLabel("Valid for").fill("30d");
  await type.getByText("Metadata").first().click();
  await type.getByRole("textbox", { name: "Metadata" }).fill('{"discount": "500 cents"}');
  await page.getByRole("button", { name: "Add a coupon type" }).press("Enter");
  const second = page.getByRole("group", { name: "Coupon type 2" });
  await page.keyboard.type("own");
  await second.getByLabel("Name").fill("Our own");
  await second.getByLabel("How many in all").fill("7");
  await second.getByLabel("Codes").selectOption("imported");
  await page.getByLabel("How many a person").fill("2");
  await page.getByLabel("Counted over").selectOption("window");
  await page.getByLabel("A person is a").selectOption("phone");
  await page.getByLabel("A phone number is needed").check();
  await page.getByText("More: display, size, returns").click();
  await page.getByLabel("Shoppers see what is left as").selectOption("bucketed");
  await page.getByLabel("Claimants expected").fill("5000");
  await page.getByLabel("A voided coupon").selectOption("burn");
  await page.getByLabel("An expired coupon").selectOption("restock");
  await page.getByRole("button", { name: "Create campaign" }).press("Enter");
  await page.getByRole("heading", { name: "Flash sale" }).waitFor();
  assert.match(page.url(), /#\/campaigns\/flash$/);

  const made = await server.call("GET", "/v1/campaigns/flash");
  assert.deepEqual(made.schedule, {
    starts_at: "2998-03-23T23:00:00.000Z",
    ends_at: "2998-03-26T22:00:00.000Z",
    windows: { at: ["10:00", "15:00:30"], days: ["sat", "sun"], duration: "5m" },
  });
  assert.deepEqual(made.limit, { max: 2, per: "window", by: "phone" });
  assert.deepEqual(made.returns, { voided: "burn", expired: "restock" });
  assert.deepEqual([made.phone_required, made.availability_display, made.expected_claimants], [true, "bucketed", 5_000]);
  const [first, other] = made.coupon_types;
  assert.deepEqual(
    [first.total_quota, first.daily_quota, first.valid_for, first.metadata],
    [10_000, 500, "30d", { discount: "500 cents" }],
  );
  assert.deepEqual([other.id, other.total_quota, other.codes], ["own", 7, "imported"]);
});

test("windows are previewed by the clocks of the campaign and of the viewer, also over a night when clocks change", async (t) => {
  const server = await startServer(t);
  const page = await openAdmin(t, server, "#/new", { timezoneId: "Asia/Tokyo" });
  await fillIn(page);
  await fillInWindows(page, "02:30, 10:00", "1h");
  const region = page.getByRole("region", { name: "Windows" });
  const rows = region.locator("tbody tr");
  await region.getByText("clocks have changed").waitFor();
  const shown = await rows.evaluateAll((rows) =>
    rows.map((row) => [...row.cells].map((cell) => cell.innerText.replace(/\s+/g, " "))),
  );
  assert.deepEqual(shown.slice(1, 4), [
    ["Sat, 24 Mar 2998, 10:00 UTC+01:00", "11:00", "1 h", "Sat, 24 Mar 2998, 18:00–19:00"],
    // Half past two does not exist that night: it opens when clocks jump to three.
    ["Sun, 25 Mar 2998, 03:00 UTC+02:00 clocks have changed", "04:00", "1 h", "Sun, 25 Mar 2998, 10:00–11:00"],
    ["Sun, 25 Mar 2998, 10:00 UTC+02:00", "11:00", "1 h", "Sun, 25 Mar 2998, 17:00–18:00"],
  ]);
  assert.equal(shown.length, 6);
  // The form's own moments: an end that is skipped is the moment of the jump.
  await page.getByLabel("Ends").fill("2998-03-25T02:30");
  await page.getByText("Ends Sun, 25 Mar 2998, 03:00 UTC+02:00; for you Sun, 25 Mar 2998, 10:00").waitFor();
  await region
    .getByText("2 windows", { exact: false })
    .or(page.getByRole("heading", { name: "All 2 windows to come, in Europe/Berlin" }))
    .waitFor();
});

test("what is wrong is said at its field before anything is sent, and the focus goes to the first", async (t) => {
  const server = await startServer(t);
  const page = await openAdmin(t, server, "#/new");
  const sent = [];
  page.on("request", (request) => request.method() === "POST" && sent.push(request.url()));
  await page.getByRole("button", { name: "Create campaign" }).click();
  assert.equal(await errorOf(page.getByLabel("Name").first()), "Name: is needed");
  assert.ok(
    await page
      .getByLabel("Name")
      .first()
      .evaluate((element) => element === document.activeElement),
  );
  await assertAccessible(page);

  await fillIn(page, { id: "Not An Id", ends: "2998-03-23T00:00", zone: "Mars/Olympus" });
  await page.getByRole("group", { name: "Coupon type 1" }).getByLabel("How many in all").fill("1.5");
  await page.getByLabel("Draw", { exact: true }).check();
  await page.getByRole("button", { name: "Create campaign" }).click();
  assert.match(await errorOf(page.getByLabel("Id", { exact: true }).first()), /must be 1 to 64 of a-z/);
  assert.match(await errorOf(page.getByLabel("Time zone")), /IANA/);
  assert.match(await errorOf(page.getByLabel("Ends")), /after the start/);
  assert.match(await errorOf(page.getByLabel("How many in all")), /whole number/);
  assert.match(await errorOf(page.getByLabel("Probability of a draw")), /is needed in a draw/);
  assert.equal(await page.getByLabel("Name").first().getAttribute("aria-invalid"), null, "what is right now is no longer marked");
  assert.deepEqual(
    sent.filter((url) => !url.includes("dry_run")),
    [],
  );
});

test("what only the server knows is shown at its field, too", async (t) => {
  const server = await startServer(t);
  await server.createCampaign({ id: "taken" });
  const page = await openAdmin(t, server, "#/new", { allowed: refused(400, 409) });
  await fillIn(page, { id: "taken" });
  await fillInWindows(page, "10:00, 10:04", "5m");
  await page.getByRole("button", { name: "Create campaign" }).click();
  const windows = page.locator('[data-pointer="/schedule/windows"] > .error');
  await windows.getByText("still open when that of 10:04 opens").waitFor();

  await page.getByLabel("Opens at").fill("10:00");
  await page.getByRole("button", { name: "Check with the server" }).click();
  await page.getByText("Another campaign has this id").waitFor();
  assert.match(await errorOf(page.getByLabel("Id", { exact: true }).first()), /Another campaign has this id/);
  assert.ok(
    await page
      .getByLabel("Id", { exact: true })
      .first()
      .evaluate((element) => element === document.activeElement),
  );
  assert.equal(await windows.innerText(), "");

  await page.getByLabel("Id", { exact: true }).first().fill("free");
  await page.getByRole("button", { name: "Check with the server" }).click();
  await page.getByText("Nothing was made").waitFor();
  assert.equal((await server.call("GET", "/v1/campaigns")).items.length, 1);
});

test("a campaign is duplicated into the form, which shows the same as JSON", async (t) => {
  const server = await startServer(t);
  const original = campaign({
    mode: "draw",
    schedule: {
      starts_at: "2998-01-01T00:00:00Z",
      ends_at: "2998-02-01T00:00:00Z",
      windows: { at: ["10:00"], days: ["mon"], duration: "1h30m" },
    },
    limit: { max: 2, per: "day", by: "phone" },
    coupon_types: [
      { id: "a", name: "A", total_quota: 5, daily_quota: 2, probability: 0.000000001, valid_for: "12h", metadata: { b: [1] } },
    ],
  });
  const made = await server.call("POST", "/v1/campaigns", original);
  const page = await openAdmin(t, server, "#/campaigns/spring-sale");
  await page.getByRole("link", { name: "Duplicate" }).click();
  await page.getByText("As JSON").click();
  const json = JSON.parse(await page.getByLabel("The campaign as JSON").textContent());
  assert.equal(json.id, "spring-sale-2");
  const copy = await server.call("POST", "/v1/campaigns", json);
  for (const member of [
    "name",
    "time_zone",
    "mode",
    "schedule",
    "limit",
    "availability_display",
    "expected_claimants",
    "returns",
  ]) {
    assert.deepEqual(copy[member], made[member], member);
  }
  assert.deepEqual(copy.coupon_types, made.coupon_types);
});
