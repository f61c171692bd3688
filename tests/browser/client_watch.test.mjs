// How the client follows what is left: by the stream, without it, and back.

import assert from "node:assert/strict";
import test from "node:test";

import { VirtualWorld, answer } from "./virtual_world.mjs";

/** A watch in a world whose server has `world.remaining` left; what it was told is in `told` and `connections`. */
function watching({ seed = 1, surroundings, respond } = {}) {
  const world = new VirtualWorld(seed);
  world.remaining = 10;
  world.news = () => news(world.trueTime(), world.remaining);
  world.respond = respond ?? (() => answer(200, world.news()));
  const seen = { told: [], connections: [], problems: [], rooms: [] };
  const watch = world.client({ surroundings }).watch("c", {
    onAvailability: ({ coupon_types: [{ remaining }] }) => seen.told.push(remaining),
    onConnection: (connection) => seen.connections.push(connection),
    onWaitingRoom: (room) => seen.rooms.push(room.now_serving),
    onProblem: (problem) => seen.problems.push(problem.code),
  });
  return { world, watch, ...seen };
}

function news(at, remaining) {
  return { campaign_id: "c", state: "open", server_time: new Date(at).toISOString(), coupon_types: [{ id: "t", remaining }] };
}

test("what the stream says is handed on, and nothing else is asked", async () => {
  const { world, watch, told, connections, rooms } = watching();
  const [stream] = world.streams;
  assert.equal(stream.url, "/v1/campaigns/c/events");
  for (const remaining of [10, 9, 9, 7]) {
    stream.send("availability", news(world.trueTime(), remaining));
    await world.pass(250);
  }
  stream.send("waiting_room", { now_serving: 5 });
  await world.pass(20_000);
  assert.deepEqual(told, [10, 9, 7]);
  assert.deepEqual(rooms, [5]);
  assert.deepEqual(connections, ["live"]);
  assert.equal(world.requests.length, 0);
  watch.close();
  assert.equal(stream.readyState, 2);
});

test("news that are older than what is known are not handed on, unless the server's clock was set back", async () => {
  const { world, told } = watching();
  const [stream] = world.streams;
  const now = world.trueTime();
  stream.send("availability", news(now, 5));
  stream.send("availability", news(now - 900, 6));
  stream.send("availability", news(now - 60_000, 4));
  assert.deepEqual(told, [5, 4]);
});

test("without a stream it asks, and keeps asking at no fixed beat", async () => {
  const { world, watch, told, connections } = watching({ surroundings: { EventSource: undefined } });
  await world.pass(10_000);
  world.remaining = 3;
  await world.pass(50_000);
  assert.deepEqual(told, [10, 3]);
  assert.deepEqual(connections, ["polling"]);
  const gaps = world.requests.slice(1).map(({ at }, place) => at - world.requests[place].at);
  assert.ok(gaps.every((gap) => gap >= 1_000 && gap <= 3_000), `${gaps}`);
  assert.ok(Math.max(...gaps) - Math.min(...gaps) > 1_000, `${gaps}`);
  watch.close();
  const asked = world.requests.length;
  await world.pass(60_000);
  assert.equal(world.requests.length, asked);
});

test("a refused stream is tried again, later each time and spread, while asking goes on; then it is live again", async () => {
  const seconds = [];
  for (let seed = 1; seed <= 200; seed += 1) {
    const { world, connections, told } = watching({ seed });
    for (let refusals = 0; refusals < 3; refusals += 1) {
      const { length } = world.streams;
      world.streams.at(-1).fail({ refused: true });
      const refusedAt = world.time;
      while (world.streams.length === length) await world.pass(100);
      const waited = world.time - refusedAt;
      const bound = 5_000 * 2 ** refusals;
      assert.ok(waited >= bound / 2 && waited <= bound * 1.5 + 100, `refused ${refusals + 1} times, came back after ${waited} ms`);
      if (refusals === 0) seconds.push(Math.floor(waited / 1_000));
    }
    assert.deepEqual(connections, ["polling"]);
    world.remaining = 1;
    world.streams.at(-1).send("availability", world.news());
    assert.deepEqual(connections, ["polling", "live"]);
    assert.deepEqual(told, [10, 1]);
    const asked = world.requests.length;
    await world.pass(40_000);
    assert.ok(world.requests.length <= asked + 1, "live, and asks on");
  }
  assert.ok(new Set(seconds).size >= 5, `all within ${new Set(seconds).size} seconds`);
});

test("the first answer does not wait for a stream that is refused", async () => {
  const { world, told } = watching();
  world.streams[0].fail({ refused: true });
  await world.pass(0);
  assert.deepEqual(told, [10]);
});

test("a stream that is held back by something in between is not waited for", async () => {
  const { world, connections, told } = watching();
  await world.pass(4_000);
  assert.deepEqual(told, [10]);
  assert.deepEqual(connections, ["polling"]);
  assert.equal(world.streams.length, 1);
});

test("offline is said, and back again without a second stream when the browser resumes the first", async () => {
  const { world, connections, told } = watching();
  const [stream] = world.streams;
  stream.send("availability", world.news());
  world.respond = () => {
    throw new TypeError("no network");
  };
  stream.fail({ refused: false });
  world.window.dispatchEvent(new Event("offline"));
  await world.pass(60_000);
  assert.deepEqual(connections, ["live", "offline"]);
  const asked = world.requests.map(({ at }) => at);
  assert.ok(asked.length <= 12, `asked ${asked.length} times in a minute without a network`);

  world.remaining = 2;
  stream.send("availability", world.news());
  assert.deepEqual(connections, ["live", "offline", "live"]);
  assert.deepEqual(told, [10, 2]);
  assert.equal(world.streams.length, 1);
});

test("back online, the answer comes at once and the stream soon", async () => {
  const { world, connections } = watching({
    respond: () => {
      throw new TypeError("no network");
    },
  });
  world.streams[0].fail({ refused: true });
  for (let minutes = 0; minutes < 10; minutes += 1) {
    await world.pass(60_000);
    world.streams.at(-1).fail({ refused: true });
  }
  const { length } = world.streams;
  world.respond = () => answer(200, world.news());
  world.window.dispatchEvent(new Event("online"));
  await world.pass(0);
  assert.deepEqual(connections, ["offline", "polling"]);
  await world.pass(2_000);
  assert.equal(world.streams.length, length + 1);
});

test("a connection that died silently is noticed, and a sound one that has nothing to say is left alone", async () => {
  const { world, told, connections } = watching();
  world.streams[0].send("availability", world.news());
  await world.pass(300_000);
  assert.equal(world.streams.length, 1);
  const asked = world.requests.length;
  assert.ok(asked >= 3 && asked <= 14, `asked ${asked} times in five minutes`);
  world.remaining = 6;
  for (let seconds = 0; world.streams.length === 1; seconds += 1) {
    assert.ok(seconds < 100, "not noticed");
    await world.pass(1_000);
  }
  assert.deepEqual(told, [10, 6]);
  assert.equal(world.streams[0].readyState, 2);
  world.streams[1].send("availability", world.news());
  await world.pass(20_000);
  assert.deepEqual(connections, ["live"]);
});

test("a network that goes away under an open stream is noticed, and the stream is opened anew after it", async () => {
  const { world, connections } = watching();
  world.streams[0].send("availability", world.news());
  const { respond } = world;
  world.respond = () => {
    throw new TypeError("no network");
  };
  world.window.dispatchEvent(new Event("offline"));
  await world.pass(10_000);
  assert.deepEqual(connections, ["live", "offline"]);
  world.respond = respond;
  world.window.dispatchEvent(new Event("online"));
  await world.pass(10);
  assert.equal(world.streams.length, 2);
  world.streams[1].send("availability", world.news());
  assert.deepEqual(connections, ["live", "offline", "polling", "live"]);
});

test("a watch that is closed by what it tells is told nothing more", async () => {
  const world = new VirtualWorld();
  world.respond = () => answer(200, news(world.trueTime(), 1));
  const told = [];
  const watch = world.client().watch("c", {
    onAvailability: () => {
      told.push("availability");
      watch.close();
    },
    onConnection: (connection) => told.push(connection),
  });
  world.streams[0].fail({ refused: true });
  await world.pass(120_000);
  assert.deepEqual(told, ["availability"]);
  assert.equal(world.streams.length, 1);
  assert.equal(world.requests.length, 1);
});

test("the server's wait is kept when asking, too", async () => {
  const respond = () => answer(503, { code: "overloaded", retry_after_ms: 20_000 });
  const { world } = watching({ surroundings: { EventSource: undefined }, respond });
  await world.pass(120_000);
  const gaps = world.requests.slice(1).map(({ at }, place) => at - world.requests[place].at);
  assert.ok(gaps.length >= 3 && gaps.every((gap) => gap >= 20_000), `${gaps}`);
});

test("a campaign that is not there ends the watch", async () => {
  for (const [status, code] of [[404, "not_found"], [410, "archived"]]) {
    const { world, problems, connections } = watching({ respond: () => answer(status, { code }) });
    world.streams[0].fail({ refused: true });
    await world.pass(120_000);
    assert.deepEqual(problems, [code]);
    assert.deepEqual(connections, []);
    assert.equal(world.requests.length, 1);
    assert.equal(world.streams.length, 1);
  }
});
