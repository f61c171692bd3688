// The parts of the operator's page that only compute: its checks against the server's, wall clocks, figures between two readings.

import assert from "node:assert/strict";
import test from "node:test";

import { campaign, openPage, startServer } from "./harness.mjs";

test("the page's own checks name the fields that the server would name", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server, "/admin");
  const type = (changes) => ({ coupon_types: [{ id: "a", name: "A", total_quota: 5, ...changes }] });
  const windows = (changes) => ({
    schedule: {
      starts_at: "2998-01-01T00:00:00Z",
      ends_at: "2998-02-01T00:00:00Z",
      windows: { at: ["10:00"], duration: "5m", ...changes },
    },
  });
  const changes = [
    {},
    { id: undefined },
    { id: "-a" },
    { id: "a".repeat(65) },
    { name: undefined },
    { name: "x".repeat(201) },
    { name: "a\u0007b" },
    { time_zone: "Mars/Olympus" },
    { time_zone: undefined },
    { time_zone: "+08:00" },
    { schedule: { ends_at: "2998-02-01T00:00:00Z" } },
    { schedule: { starts_at: "2998-02-01T00:00:00Z", ends_at: "2998-02-01T00:00:00Z" } },
    windows({}),
    windows({ at: ["25:00"] }),
    windows({ at: ["10:00", "1:00"] }),
    windows({ at: ["10:00", "10:00"] }),
    windows({ duration: undefined }),
    windows({ duration: "5 bananas" }),
    windows({ duration: "8d" }),
    windows({ duration: "1ms" }),
    windows({ duration: "1m30ms" }),
    { limit: { max: 0 } },
    { limit: { max: 1_001 } },
    { limit: { max: 1.5 } },
    { limit: { max: "many" } },
    { expected_claimants: 0 },
    { expected_claimants: 1_000_000_001 },
    type({ id: "A" }),
    type({ name: undefined }),
    type({ total_quota: 0 }),
    type({ total_quota: 1_000_000_001 }),
    type({ total_quota: undefined }),
    type({ daily_quota: 0 }),
    type({ valid_for: "0s" }),
    type({ valid_for: "soon" }),
    type({ metadata: "text" }),
    type({ metadata: [1] }),
    { mode: "draw", ...type({}) },
    { mode: "draw", ...type({ probability: 1.1 }) },
    { mode: "draw", ...type({ probability: 0.0000000001 }) },
    { mode: "draw", ...type({ probability: 0.1 }) },
    { mode: "lottery", limit: { max: 2 } },
    {
      mode: "draw",
      coupon_types: [
        { id: "a", name: "A", total_quota: 1, probability: 0.6 },
        { id: "b", name: "B", total_quota: 1, probability: 0.6 },
      ],
    },
    { coupon_types: [] },
    {
      coupon_types: [
        { id: "a", name: "A", total_quota: 1 },
        { id: "a", name: "B", total_quota: 1 },
      ],
    },
  ];
  const bodies = changes.map((change) => ({ ...campaign({ id: "probe" }), ...change }));
  const ours = await page.evaluate(async (bodies) => {
    const { check } = await import("/assets/admin/form_check.js");
    return bodies.map((body) => check(body).map(({ pointer }) => pointer));
  }, bodies);
  for (const [i, body] of bodies.entries()) {
    const theirs = await server.call("POST", "/v1/campaigns?dry_run=true", body).then(
      () => [],
      (error) => JSON.parse(error.message.replace(/^.*?(?=\{)/s, "")).errors.map(({ pointer }) => pointer),
    );
    assert.deepEqual(new Set(ours[i]), new Set(theirs), JSON.stringify(changes[i]));
  }
});

test("wall clocks are read as the server reads them: the first of a doubled time, the jump of a skipped one", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server, "/admin");
  const read = await page.evaluate(async () => {
    const { parseDuration, toInstant, toWall } = await import("/assets/admin/time.js");
    const moments = [
      ["2026-07-01T12:00", "UTC"],
      ["2026-07-01T12:00:30", "Asia/Kathmandu"],
      ["2026-10-25T02:30", "Europe/Berlin"],
      ["2026-03-29T02:30", "Europe/Berlin"],
      ["2026-04-05T01:45", "Australia/Lord_Howe"],
      ["2011-12-30T12:00", "Pacific/Apia"],
      ["2026-13-01T00:00", "UTC"],
      ["2026-07-01T12:00", "Mars/Olympus"],
    ];
    return {
      instants: moments.map(([wall, zone]) => toInstant(wall, zone)),
      walls: [toWall("2026-10-25T01:30:00Z", "Europe/Berlin"), toWall("2026-07-01T12:00:05Z", "UTC")],
      lengths: ["1h30m", "90s", "1d", "5ms", "", "m5", "5m1h", "5"].map(parseDuration),
    };
  });
  assert.deepEqual(read.instants, [
    "2026-07-01T12:00:00.000Z",
    "2026-07-01T06:15:30.000Z",
    "2026-10-25T00:30:00.000Z",
    "2026-03-29T01:00:00.000Z",
    "2026-04-04T14:45:00.000Z",
    "2011-12-30T10:00:00.000Z",
    null,
    null,
  ]);
  assert.deepEqual(read.walls, ["2026-10-25T02:30", "2026-07-01T12:00:05"]);
  assert.deepEqual(read.lengths, [5_400_000, 90_000, 86_400_000, 5, null, null, null, null]);
});

test("histograms and counters are read as the server means them", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server, "/admin");
  const read = await page.evaluate(async () => {
    const { Reading, between, quantile } = await import("/assets/admin/metrics.js");
    const text = (won, ...counts) =>
      [
        `landrush_claims_total{outcome="won"} ${won}`,
        "# a comment",
        "landrush_http_connections 7",
        ...counts.map((count, i) => `landrush_claim_seconds_bucket{le="${["0.001", "0.002", "+Inf"][i]}"} ${count}`),
        "# EOF",
      ].join("\n");
    const step = between(new Reading(text(10, 10, 10, 10), 0), new Reading(text(30, 20, 30, 30), 2_000));
    return {
      step: { won: step.rates.get("won"), p50: step.latency.p50, connections: step.connections, watchers: step.watchers },
      anew: between(new Reading(text(10, 0, 0, 0), 0), new Reading(text(1, 0, 0, 0), 1_000)),
      none: quantile(
        [
          [0.001, 0],
          [Infinity, 0],
        ],
        0.5,
      ),
      beyond: quantile(
        [
          [0.001, 0],
          [Infinity, 5],
        ],
        0.99,
      ),
    };
  });
  assert.deepEqual(read, {
    step: { won: 10, p50: 0.001, connections: 7, watchers: null },
    anew: null,
    none: null,
    beyond: 0.001,
  });
});
