// The client module against the real server: what its calls come to, and that nothing is lost when connections are.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer, connect } from "node:net";
import { describe, test } from "node:test";

import { Problem, createClient } from "../../src/web/client.js";
import { fromNow, startServer, until } from "./harness.mjs";

/** A server, and clients of it that are closed after test `t`. */
async function serverAndClient(t, options = {}, settings = "") {
  const server = await startServer(t, { settings });
  const client = createClient({ baseUrl: server.origin, ...options });
  t.after(() => client.close());
  return { server, client };
}

/** What `promise` is rejected with. */
async function problemOf(promise) {
  const outcome = await promise.then(
    (value) => ({ value }),
    (problem) => ({ problem }),
  );
  assert.ok(outcome.problem instanceof Problem, `${JSON.stringify(outcome.value)} ${outcome.problem?.stack}`);
  return outcome.problem;
}

// Each has a server of its own and mostly waits for it: together they take as long as the longest.
describe("against the real server", { concurrency: 4 }, () => {
  test("campaigns are read in pages, one by one, and as what is left of them", async (t) => {
    const { server, client } = await serverAndClient(t);
    for (const id of ["a", "b", "c"]) await server.createCampaign({ id });
    const ids = [];
    let cursor;
    do {
      const { items, next_cursor } = await client.campaigns({ limit: 2, cursor });
      ids.push(...items.map(({ id }) => id));
      cursor = next_cursor ?? undefined;
    } while (cursor !== undefined);
    assert.deepEqual(ids.sort(), ["a", "b", "c"]);
    assert.equal((await client.campaign("a")).mode, "first_come");
    const { state, coupon_types } = await client.availability("a");
    assert.equal(state, "open");
    assert.equal(coupon_types[0].remaining, 10);
    assert.equal((await problemOf(client.campaign("none"))).code, "not_found");
  });

  test("a claim wins, repeats, is found again, and ends in sold out for the next", async (t) => {
    const { server, client } = await serverAndClient(t);
    await server.createCampaign({ coupon_types: [{ id: "cash-5", name: "$5", total_quota: 1, valid_for: "30d" }] });
    const won = await client.claim("spring-sale", { userId: "u-1", couponType: "cash-5" });
    assert.equal(won.outcome, "won");
    assert.equal(won.repeated, false);
    assert.match(won.coupon.code, /^[0-9A-Z]{4}(-[0-9A-Z]{4}){3}$/);

    const again = await client.claim("spring-sale", { userId: "u-1" });
    assert.deepEqual(again, { ...won, repeated: true });
    const { items } = await client.claimsByUser("spring-sale", "u-1");
    assert.deepEqual(items.map(({ coupon }) => coupon.code), [won.coupon.code]);

    const problem = await problemOf(client.claim("spring-sale", { userId: "u-2" }));
    assert.equal(problem.status, 409);
    assert.equal(problem.code, "sold_out");
  });

  test("refusals say what a page needs to know", async (t) => {
    const { server, client } = await serverAndClient(t);
    const starts_at = fromNow(3_600_000);
    await server.createCampaign({ id: "later", schedule: { starts_at, ends_at: fromNow(7_200_000) } });
    const early = await problemOf(client.claim("later", { userId: "u" }));
    assert.equal(early.code, "not_open");
    assert.equal(early.opens_at, starts_at);
    assert.ok(early.retryAfterMs > 3_500_000, `${early.retryAfterMs}`);

    const coupon_types = [{ id: "cash-5", name: "$5", total_quota: 10, daily_quota: 1 }];
    await server.createCampaign({ id: "daily", coupon_types });
    await client.claim("daily", { userId: "u-1" });
    const late = await problemOf(client.claim("daily", { userId: "u-2" }));
    assert.equal(late.code, "daily_sold_out");
    assert.ok(Date.parse(late.resets_at) > Date.now());

    const wrong = await problemOf(client.claim("daily", { userId: "u-3", phone: "12" }));
    assert.equal(wrong.code, "invalid_request");
    assert.deepEqual(wrong.errors.map(({ pointer }) => pointer), ["/phone"]);
  });

  test("draws win and lose, and a lottery takes an entry and draws it", async (t) => {
    const { server, client } = await serverAndClient(t);
    const type = { id: "cash-5", name: "$5", total_quota: 1 };
    for (const [id, probability, outcome] of [["sure", 1, "won"], ["never", 0, "no_coupon"]]) {
      await server.createCampaign({ id, mode: "draw", coupon_types: [{ ...type, probability }] });
      const drawn = await client.draw(id, { userId: "u" });
      assert.equal(drawn.outcome, outcome);
      assert.equal((await client.draw(id, { userId: "u" })).draw_id, drawn.draw_id);
    }
    const schedule = { starts_at: fromNow(-60_000), ends_at: fromNow(1_500) };
    await server.createCampaign({ id: "raffle", mode: "lottery", schedule, coupon_types: [type] });
    const entry = await client.enter("raffle", { userId: "u" });
    assert.deepEqual([entry.outcome, entry.number], ["pending", 1]);
    const drawn = async () => (await client.entryByUser("raffle", "u")).outcome === "won";
    await until(drawn, "the lottery is drawn", 20_000);
    assert.equal((await client.entryByUser("raffle", "u")).rank, 1);
  });

  test("a claim whose answer is lost is repeated, and wins once", async (t) => {
    const { server } = await serverAndClient(t);
    await server.createCampaign({ limit: { max: 3, per: "campaign", by: "user" } });
    const upstream = new URL(server.origin);
    let connections = 0;
    // Lets the first two requests through, and cuts the connection instead of handing on the answer.
    const cutting = createServer((socket) => {
      const cuts = (connections += 1) <= 2;
      const onward = connect(Number(upstream.port), upstream.hostname);
      socket.pipe(onward);
      onward.on("data", (bytes) => (cuts ? socket.destroy() : socket.write(bytes)));
      for (const [one, other] of [[socket, onward], [onward, socket]]) {
        one.on("error", () => other.destroy());
        one.on("close", () => other.destroy());
      }
    });
    await new Promise((resolve) => cutting.listen(0, "127.0.0.1", resolve));
    t.after(() => cutting.close());
    const client = createClient({ baseUrl: `http://127.0.0.1:${cutting.address().port}`, retry: { firstDelayMs: 20 } });
    const uncertain = [];
    const won = await client.claim("spring-sale", { userId: "u", onRetry: (retry) => uncertain.push(retry.uncertain) });
    assert.deepEqual(uncertain, [true, true]);
    assert.equal(won.outcome, "won");
    assert.equal(won.repeated, true);
    assert.equal((await client.claimsByUser("spring-sale", "u")).items.length, 1);
    const { coupon_types } = await server.call("GET", "/v1/campaigns/spring-sale");
    assert.equal(coupon_types[0].issued, 1);
  });

  test("a claim that is made while the server restarts is won", async (t) => {
    const { server, client } = await serverAndClient(t, { retry: { firstDelayMs: 50 } });
    await server.createCampaign();
    const first = await client.claim("spring-sale", { userId: "u" });
    await server.stop({ kill: true });
    let retried;
    const retrying = new Promise((resolve) => (retried = resolve));
    const claims = ["u", "v"].map((userId) => client.claim("spring-sale", { userId, onRetry: retried }));
    await retrying;
    await server.start();
    const [same, other] = await Promise.all(claims);
    assert.equal(same.coupon.code, first.coupon.code);
    assert.equal(same.repeated, true);
    assert.notEqual(other.coupon.code, first.coupon.code);
  });

  test("the work of a challenge is done once more where a restart has made it worthless", async (t) => {
    let interfere = async () => {};
    const answers = [];
    const surroundings = {
      fetch: async (url, init) => {
        if (init.method === "POST" && url.endsWith("/challenge")) {
          answers.push(init.body);
          await interfere(url, init);
        }
        return fetch(url, init);
      },
    };
    const { server, client } = await serverAndClient(t, { surroundings });
    await server.createCampaign({ protection: { challenge: { provider: "altcha" } } });
    interfere = async () => {
      if (answers.length > 1) return;
      await server.stop({ kill: true });
      await server.start();
    };
    const { pass } = await client.meetChallenge("spring-sale", { userId: "u" });
    assert.equal(answers.length, 2);
    assert.equal((await client.claim("spring-sale", { userId: "u", pass })).outcome, "won");

    // Somebody is always faster with the same answer: that has an end.
    interfere = fetch;
    assert.equal((await problemOf(client.meetChallenge("spring-sale", { userId: "v" }))).code, "challenge_required");
    assert.equal(answers.length, 4);
    assert.equal(new Set(answers).size, 4);
  });

  test("a token says who the user is, and is sent with the user's own calls only", async (t) => {
    const secret = "a-secret-of-the-tests-with-32-bytes-or-more";
    const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const signed = `${encoded({ alg: "HS256" })}.${encoded({ sub: "u-1", exp: Math.ceil(Date.now() / 1_000) + 60 })}`;
    const token = `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
    const sentTo = [];
    const surroundings = {
      fetch: (url, init) => {
        if (init.headers.authorization) sentTo.push(`${init.method} ${new URL(url).pathname}`);
        return fetch(url, init);
      },
    };
    const settings = `[auth]\nusers = "jwt"\n[[auth.keys]]\nalg = "HS256"\nsecret = "${secret}"\n`;
    const { server, client } = await serverAndClient(t, { token: () => token, surroundings }, settings);
    await server.createCampaign();
    await client.clock.sync();
    assert.equal((await client.campaigns()).items.length, 1);
    assert.equal((await client.availability("spring-sale")).state, "open");
    const won = await client.claim("spring-sale", {});
    assert.equal(won.user_id, "u-1");
    assert.equal((await client.claimsByUser("spring-sale", "u-1")).items.length, 1);
    assert.equal((await problemOf(client.claim("spring-sale", { userId: "u-2" }))).code, "forbidden");
    const claims = "/v1/campaigns/spring-sale/claims";
    assert.deepEqual(sentTo, [`POST ${claims}`, `GET ${claims}/by-user/u-1`, `POST ${claims}`]);
  });

  test("without a stream, a watcher sees the stock fall, the server go and come back", async (t) => {
    const { server, client } = await serverAndClient(t, { surroundings: { EventSource: undefined, random: () => 0 } });
    await server.createCampaign();
    const told = [];
    const connections = [];
    client.watch("spring-sale", {
      onAvailability: ({ coupon_types: [{ remaining }] }) => told.push(remaining),
      onConnection: (connection) => connections.push(connection),
    });
    await until(() => told.at(-1) === 10, "the first answer");
    await client.claim("spring-sale", { userId: "u" });
    await until(() => told.at(-1) === 9, "one less");
    await server.stop({ kill: true });
    await until(() => connections.at(-1) === "offline", "the server's end");
    await server.start();
    await until(() => connections.at(-1) === "polling", "its return", 10_000);
    assert.deepEqual(told, [10, 9]);
    assert.deepEqual(connections, ["polling", "offline", "polling"]);
  });
});
