// When the client repeats a call, and when it gives up.

import assert from "node:assert/strict";
import test from "node:test";

import { Problem, newIdempotencyKey } from "../../src/web/client.js";
import { VirtualWorld, answer } from "./virtual_world.mjs";

const WON = { claim_id: "c-1", outcome: "won", repeated: false, coupon: { code: "7K3M" } };

function overloaded(retry_after_ms) {
  const title = "Too busy; nothing happened";
  return answer(503, { status: 503, code: "overloaded", title, retry_after_ms }, { "retry-after": "9" });
}

/** Answers one request after the other with what is in `answers`; the last one again and again. */
function inTurn(answers) {
  return () => {
    const next = answers.length > 1 ? answers.shift() : answers[0];
    if (next instanceof Error) throw next;
    return next;
  };
}

const LOST = new TypeError("fetch failed");

test("a claim is sent as the contract says", async () => {
  const world = new VirtualWorld();
  world.respond = () => answer(201, WON);
  const headers = () => ({ "x-device-id": "d" });
  const client = world.client({ baseUrl: "https://shop.example/coupons/", token: () => "t", headers });
  const request = { userId: "u-1", couponType: "cash-5", phone: "+6591234567", idempotencyKey: "k", pass: "p", ticket: "w" };
  const { value } = await world.outcome(client.claim("spring sale", request));
  assert.deepEqual(value, WON);
  assert.deepEqual(world.requests, [
    {
      at: 5_000,
      method: "POST",
      path: "https://shop.example/coupons/v1/campaigns/spring%20sale/claims",
      headers: {
        "x-device-id": "d",
        "idempotency-key": "k",
        "x-landrush-pass": "p",
        "x-landrush-ticket": "w",
        authorization: "Bearer t",
        "content-type": "application/json",
      },
      body: { coupon_type: "cash-5", user_id: "u-1", phone: "+6591234567" },
    },
  ]);
});

test("one's own place is asked for with the user's token, and what all share without", async () => {
  const world = new VirtualWorld();
  world.respond = () => answer(200, { state: "waiting" });
  const client = world.client({ token: () => "t" });
  await world.outcome(client.waitingRoom("c", { ticket: "w" }));
  await world.outcome(client.waitingRoom("c"));
  const sent = world.requests.map(({ headers }) => headers);
  assert.deepEqual(sent, [{ "x-landrush-ticket": "w", authorization: "Bearer t" }, {}]);
});

test("all tries of a press carry one key, two presses two", async () => {
  const world = new VirtualWorld();
  world.respond = inTurn([overloaded(100), LOST, answer(502, "<html>"), answer(200, WON)]);
  const client = world.client();
  await world.outcome(client.draw("c", { userId: "u" }));
  await world.outcome(client.enter("c", { userId: "u" }));
  const keys = world.requests.map(({ headers }) => headers["idempotency-key"]);
  assert.equal(keys.length, 5);
  assert.equal(new Set(keys.slice(0, 4)).size, 1);
  assert.notEqual(keys[3], keys[4]);
  assert.match(keys[0], /^[0-9a-f]{32}$/);
  assert.equal(new Set(Array.from({ length: 1_000 }, newIdempotencyKey)).size, 1_000);
});

test("the wait that the server asks for is kept and spread, in milliseconds, seconds or as a date", async () => {
  const date = "Tue, 01 Dec 2026 00:00:00 GMT";
  const cases = [
    [answer(503, { code: "overloaded", retry_after_ms: 3_000 }, { "retry-after": "4" }), 3_000],
    [answer(429, { code: "rate_limited" }, { "retry-after": "4" }), 4_000],
    [answer(503, "<html>", { "retry-after": "Tue, 01 Dec 2026 00:00:07 GMT", date }), 7_000],
    [answer(503, "<html>", { "retry-after": "soon" }), 0],
  ];
  for (const [refusal, least] of cases) {
    const waits = [];
    for (let seed = 1; seed <= 50; seed += 1) {
      const world = new VirtualWorld(seed);
      world.respond = inTurn([refusal, answer(201, WON)]);
      await world.outcome(world.client().claim("c", { userId: "u" }));
      const waited = world.requests[1].at - world.requests[0].at;
      assert.ok(waited >= least && waited <= least + 400, `${waited} ms of ${least}`);
      waits.push(waited);
    }
    // Whoever is told the same does not come back as one.
    assert.ok(Math.max(...waits) - Math.min(...waits) > 200, `${waits}`);
  }
});

test("a crowd that was refused together comes back spread out, later with each refusal", async () => {
  const moments = [[], [], [], []];
  for (let seed = 1; seed <= 1_000; seed += 1) {
    const world = new VirtualWorld(seed);
    world.respond = inTurn([LOST, LOST, LOST, LOST, answer(201, WON)]);
    await world.outcome(world.client().claim("c", { userId: "u" }));
    world.requests.slice(1).forEach(({ at }, place) => moments[place].push(at - world.requests[place].at));
  }
  for (const [place, waits] of moments.entries()) {
    const bound = 400 * 2 ** place;
    const quarters = [0, 0, 0, 0];
    for (const wait of waits) quarters[Math.floor((wait / bound) * 4)] += 1;
    assert.ok(quarters.every((count) => count > 200 && count < 300), `wait ${place + 1}: ${quarters}`);
  }
});

test("a final refusal is told at once, with what it says", async () => {
  const opens_at = "2026-12-01T02:00:00.000Z";
  const resets_at = "2026-12-02T00:00:00.000Z";
  const errors = [{ pointer: "/phone", detail: "is short" }];
  const cases = [
    [409, { code: "not_open", opens_at, retry_after_ms: 60_000 }, { opens_at, retryAfterMs: 60_000 }],
    [409, { code: "daily_sold_out", resets_at }, { resets_at }],
    [409, { code: "sold_out", title: "Sold out", detail: "all of it" }, { message: "all of it", title: "Sold out" }],
    [400, { code: "invalid_request", errors }, { errors }],
    [403, { code: "ticket_required" }, {}],
    [500, { code: "internal" }, { uncertain: true }],
  ];
  for (const [status, document, expected] of cases) {
    const world = new VirtualWorld();
    world.respond = () => answer(status, document);
    const { problem } = await world.outcome(world.client().claim("c", { userId: "u" }));
    assert.ok(problem instanceof Problem && problem instanceof Error);
    assert.equal(world.requests.length, 1, document.code);
    const { status: seenStatus, code } = problem;
    assert.deepEqual({ status: seenStatus, code }, { status, code: document.code });
    assert.deepEqual(problem.document, document);
    for (const [name, value] of Object.entries({ uncertain: false, ...expected })) assert.deepEqual(problem[name], value, name);
  }
});

test("it gives up after its deadline, and says whether something may have happened", async () => {
  const cases = [
    [overloaded(500), "overloaded", false],
    [answer(503, { code: "log_unavailable", retry_after_ms: 1_000 }), "log_unavailable", true],
    [answer(504, "<html>"), "bad_answer", true],
    [LOST, "network", true],
  ];
  for (const [refusal, code, uncertain] of cases) {
    const world = new VirtualWorld();
    world.respond = inTurn([refusal]);
    const { problem } = await world.outcome(world.client().claim("c", { userId: "u" }));
    assert.equal(problem.code, code);
    assert.equal(problem.uncertain, uncertain, code);
    const last = world.requests.at(-1).at - 5_000;
    assert.ok(last > 15_000 && last <= 30_000, `${code}: the last try ${last} ms after the press`);
    assert.ok(world.requests.length >= 4 && world.requests.length <= 60, `${world.requests.length} tries`);
  }
});

test("who is asked to come back after the deadline is told at once", async () => {
  const world = new VirtualWorld();
  world.respond = () => overloaded(31_000);
  const { problem } = await world.outcome(world.client().claim("c", { userId: "u" }));
  assert.equal(problem.retryAfterMs, 31_000);
  assert.equal(world.requests.length, 1);
  assert.equal(world.time, 5_000);
});

test("what was uncertain is settled by a refusal that comes after the repeat was looked for", async () => {
  const world = new VirtualWorld();
  world.respond = inTurn([LOST, answer(409, { code: "sold_out" })]);
  const retries = [];
  const onRetry = ({ attempts, uncertain, problem }) => retries.push([attempts, uncertain, problem.code]);
  const { problem } = await world.outcome(world.client().claim("c", { userId: "u", onRetry }));
  assert.deepEqual(retries, [[1, true, "network"]]);
  assert.equal(problem.code, "sold_out");
  assert.equal(problem.uncertain, false);
});

test("a try without an answer is given up and repeated", async () => {
  const world = new VirtualWorld();
  const answers = [() => new Promise(() => {}), () => answer(200, { ...WON, repeated: true })];
  world.respond = () => answers.shift()();
  const codes = [];
  const onRetry = ({ problem }) => codes.push(problem.code);
  const { value } = await world.outcome(world.client().claim("c", { userId: "u", onRetry }));
  assert.deepEqual(codes, ["timeout"]);
  assert.equal(value.repeated, true);
  assert.ok(world.requests[1].at >= 15_000);
});

test("an answer that is cut or no JSON is no answer", async () => {
  const world = new VirtualWorld();
  world.respond = inTurn([{ ...answer(201, ""), text: () => Promise.reject(LOST) }, answer(200, "<html>captive portal</html>")]);
  const { problem } = await world.outcome(world.client().claim("c", { userId: "u" }));
  assert.equal(world.requests.length, 2);
  assert.equal(problem.code, "bad_answer");
  assert.equal(problem.uncertain, true);
});

test("its signal ends a call, on its way and while it waits", async () => {
  for (const respond of [() => new Promise(() => {}), () => overloaded(5_000)]) {
    const world = new VirtualWorld();
    world.respond = respond;
    const controller = new AbortController();
    const claimed = world.client().claim("c", { userId: "u", signal: controller.signal });
    claimed.catch(() => {});
    await world.pass(1_000);
    controller.abort(new Error("left the page"));
    const { problem } = await world.outcome(claimed);
    assert.equal(problem.message, "left the page");
    await world.pass(60_000);
    assert.equal(world.requests.length, 1);
  }
  const world = new VirtualWorld();
  const { problem } = await world.outcome(world.client().claim("c", { userId: "u", signal: AbortSignal.abort() }));
  assert.equal(problem.name, "AbortError");
  assert.equal(world.requests.length, 0);
});

test("what is only read is asked for again too", async () => {
  const calls = [
    ["/v1/campaigns?limit=2&cursor=n%2F1", (client) => client.campaigns({ limit: 2, cursor: "n/1" })],
    ["/v1/campaigns", (client) => client.campaigns()],
    ["/v1/campaigns/c", (client) => client.campaign("c")],
    ["/v1/campaigns/c/availability", (client) => client.availability("c")],
    ["/v1/campaigns/c/claims/by-user/a%2Fb%20c", (client) => client.claimsByUser("c", "a/b c")],
    ["/v1/campaigns/c/entries/by-user/u", (client) => client.entryByUser("c", "u")],
  ];
  for (const [path, call] of calls) {
    const world = new VirtualWorld();
    world.respond = inTurn([overloaded(100), answer(200, { items: [] })]);
    await world.outcome(call(world.client()));
    assert.deepEqual(world.requests.map(({ method, path: asked }) => [method, asked]), [["GET", path], ["GET", path]]);
  }
});
