// The parts of the shopper's page that only compute: QR codes, spans and moments, and what a campaign is up to.

import assert from "node:assert/strict";
import { join } from "node:path";
import test from "node:test";

import { packageFile, projectFolder } from "./harness.mjs";

const part = (name) => import(join(projectFolder, "src/web/page", name));
const { qrModules } = await part("qr.js");
const { phaseAt } = await part("phase.js");
const { brief, digits, moment, nextChange, nextDay, spoken } = await part("times.js");
const { windowWords } = await part("words.js");
const { default: jsQR } = await import(packageFile("jsqr/dist/jsQR.js"));

/** What a reader makes of `modules`, four pixels each, in a quiet zone. */
function read(modules) {
  const [scale, quiet] = [4, 4];
  const size = (modules.length + 2 * quiet) * scale;
  const pixels = new Uint8ClampedArray(size * size * 4).fill(255);
  for (let place = 0; place < size * size; place += 1) {
    const [row, column] = [Math.floor(place / size), place % size].map((pixel) => Math.floor(pixel / scale) - quiet);
    if (modules[row]?.[column]) pixels.fill(0, place * 4, place * 4 + 3);
  }
  return jsQR(pixels, size, size);
}

test("QR codes of all versions are read back, and texts longer than 213 bytes have none", () => {
  const letters = "ABCDEFGHJKMNPQRSTVWXYZ0123456789-abcdefghij";
  for (let length = 1; length <= 213; length += 4) {
    const text = Array.from({ length }, (_, place) => letters[(place * 7 + length) % letters.length]).join("");
    assert.equal(read(qrModules(text))?.data, text, `${length} bytes`);
  }
  assert.equal(qrModules("x".repeat(214)), null);
});

test("a version is as small as its text lets it be, and umlauts are read as UTF-8", () => {
  const version = (text) => (qrModules(text).length - 17) / 4;
  // Bytes that versions 1 to 10 hold at level M, by the standard's table 7.
  for (const [index, bytes] of [14, 26, 42, 62, 84, 106, 122, 152, 180, 213].entries()) {
    assert.equal(version("x".repeat(bytes)), index + 1);
  }
  const text = "Gutschein für Äpfel ✓";
  assert.deepEqual(read(qrModules(text)).binaryData, Array.from(new TextEncoder().encode(text)));
});

test("the digits of a countdown reach zero at its moment, and change when they are said to", () => {
  const shown = (left) => digits(left).map(({ value, unit }) => `${value} ${unit}`).join(" ");
  for (const [left, expected] of [
    [1, "0.1 seconds"],
    [100, "0.1 seconds"],
    [101, "0.2 seconds"],
    [10_000, "10.0 seconds"],
    [10_001, "00 minutes 11 seconds"],
    [59_001, "01 minute 00 seconds"],
    [3_600_000, "01 hour 00 minutes 00 seconds"],
    [90_061_000, "1 day 01 hour 01 minute 01 second"],
    [100 * 86_400_000, "100 days 00 hours"],
  ]) {
    assert.equal(shown(left), expected);
  }
  const target = 1_000_000;
  for (let now = target - 25_000; now < target; now = nextChange(target, now)) {
    const next = nextChange(target, now);
    assert.ok(next > now && next <= target, `${now} ${next}`);
    assert.equal(shown(target - now), shown(target - next + 1), "nothing changes in between");
    if (next < target) assert.notEqual(shown(target - now), shown(target - next));
  }
});

test("spans are said and written as people do", () => {
  assert.deepEqual([10_000, 60_000, 300_000, 3_900_000, 86_400_000, 0].map(spoken), [
    "10 seconds", "1 minute", "5 minutes", "1 hour and 5 minutes", "1 day", "no time",
  ]);
  assert.deepEqual([7_000, 65_000, 3_661_000, 100_000_000].map(brief), ["7 s", "1:05", "1:01:01", "1 d 3 h"]);
});

test("moments are said from the viewer's day", () => {
  const now = Date.parse("2026-12-01T10:00:00Z");
  const at = (text) => moment(Date.parse(text), now, "Asia/Singapore");
  assert.equal(at("2026-12-01T12:00:00Z"), "today at 20:00");
  assert.equal(at("2026-12-01T16:00:00Z"), "tomorrow at 00:00");
  assert.equal(at("2026-12-01T10:00:30Z"), "today at 18:00:30");
  assert.equal(at("2026-12-04T02:00:30Z"), "Fri 4 Dec at 10:00");
  assert.equal(at("2028-12-04T02:00:00Z"), "Mon 4 Dec 2028 at 10:00");
});

test("days end where their zone says, also when the clocks are set", () => {
  const next = (text, zone) => new Date(nextDay(Date.parse(text), zone)).toISOString();
  assert.equal(next("2026-12-01T10:00:00Z", "Asia/Singapore"), "2026-12-01T16:00:00.000Z");
  assert.equal(next("2026-12-01T16:00:00Z", "Asia/Singapore"), "2026-12-02T16:00:00.000Z");
  // A day of 25 hours, and one of 23.
  assert.equal(next("2026-10-24T22:00:00Z", "Europe/Berlin"), "2026-10-25T23:00:00.000Z");
  assert.equal(next("2026-03-28T23:00:00Z", "Europe/Berlin"), "2026-03-29T22:00:00.000Z");
});

test("between the news the clock carries a campaign on", () => {
  const at = (seconds) => Date.parse("2026-12-01T00:00:00Z") + seconds * 1_000;
  const time = (seconds) => new Date(at(seconds)).toISOString();
  const campaign = { mode: "first_come", schedule: { ends_at: time(1_000) } };
  const coupon_types = [{ remaining_today: 5 }];
  const check = (now, availability, state, target) => {
    const phase = phaseAt(at(now), { coupon_types, resets_at: null, opens_at: time(100), closes_at: time(200), ...availability }, campaign);
    assert.deepEqual([phase.state, phase.target], [state, target === null ? null : at(target)]);
  };
  check(99.999, { state: "scheduled" }, "scheduled", 100);
  check(100, { state: "scheduled" }, "open", 200);
  check(199.999, { state: "open" }, "open", 200);
  check(200, { state: "open" }, "closed", null);
  check(200, { state: "closed", opens_at: time(300), closes_at: time(400) }, "closed", 300);
  check(1_000, { state: "open", closes_at: time(1_000) }, "ended", null);
  check(150, { state: "paused" }, "paused", 200);
  check(150, { state: "sold_out" }, "sold_out", null);
  check(150, { state: "cancelled" }, "cancelled", null);
  const gone = { state: "open", coupon_types: [{ remaining_today: "none" }, { remaining_today: 0 }], resets_at: time(180) };
  check(150, gone, "daily_sold_out", 180);
  check(180, gone, "open", 200);
  check(150, { ...gone, resets_at: time(2_000) }, "daily_sold_out", null);
});

test("windows are told briefly, however many there are", () => {
  const told = (at, days) => windowWords({ windows: { at, days, duration: "5m" } }, "Asia/Ho_Chi_Minh");
  const minutes = (first, every, count) =>
    Array.from({ length: count }, (_, nth) => new Date((first + nth * every) * 60_000).toISOString().slice(11, 16));
  const ends = " (Asia/Ho Chi Minh), for 5m each time.";
  assert.equal(windowWords({}, "UTC"), null);
  assert.equal(told(["10:00", "15:00"], ["mon", "fri"]), `Opens on Mon, Fri at 10:00, 15:00${ends}`);
  assert.equal(told(minutes(600, 30, 20)), `Opens every day every 30 minutes from 10:00 to 19:30${ends}`);
  assert.equal(told(minutes(0, 60, 24)), `Opens every day and night, every hour${ends}`);
  assert.equal(told(minutes(1, 2, 720)), `Opens every day and night, every 2 minutes${ends}`);
  assert.equal(told(minutes(0, 90, 16)), `Opens every day and night, every 1 hour 30 minutes${ends}`);
  assert.equal(
    told([...minutes(0, 60, 9), "09:30"]),
    `Opens every day at 00:00, 01:00, 02:00, 03:00, 04:00, 05:00, 06:00 and 3 times more${ends}`,
  );
  assert.equal(told(Array.from({ length: 9 }, (_, nth) => `00:00:0${nth}`)), `Opens every day every second from 00:00:00 to 00:00:08${ends}`);
});
