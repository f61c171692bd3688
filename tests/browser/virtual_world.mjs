// A world for the client module in which time, chance and the network follow from a seed: a day passes in milliseconds, and what
// happened once happens again.

import { createClient } from "../../src/web/client.js";

export class VirtualWorld {
  /** The monotonic clock, in milliseconds. */
  time = 5_000;
  /** How far the device's own clock is from the truth. */
  wallError = 0;
  /** Every request, in order: `{ at, method, path, headers, body }`. */
  requests = [];
  /** Every `EventSource` that was made. */
  streams = [];
  /** Answers a request: an answer of `answer()`, or throws. May wait by `delay`. */
  respond = () => answer(404, { code: "not_found" });
  window = new EventTarget();
  document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  #timers = new Map();
  #timersMade = 0;
  #state;

  constructor(seed = 1) {
    // Spread over the bits, so that neighbouring seeds are strangers; never zero, which stays zero.
    this.#state = Math.imul(seed, 0x9e3779b1) | 1;
  }

  /** Uniform in [0, 1): Marsaglia's xorshift of 32 bits. */
  random = () => {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) / 2 ** 32;
  };

  client(options = {}) {
    const world = this;
    class EventSource extends VirtualStream {
      constructor(url) {
        super(url);
        world.streams.push(this);
      }
    }
    const surroundings = {
      fetch: (url, init) => this.#fetch(url, init),
      EventSource,
      random: this.random,
      wallClock: () => this.trueTime() + this.wallError,
      monotonicClock: () => this.time,
      setTimeout: (run, milliseconds) => this.setTimeout(run, milliseconds),
      clearTimeout: (timer) => this.#timers.delete(timer),
      window: this.window,
      document: this.document,
      ...options.surroundings,
    };
    return createClient({ ...options, surroundings });
  }

  /** What time it is, whatever clocks say: milliseconds since the epoch. */
  trueTime() {
    return Date.UTC(2026, 11, 1) + this.time;
  }

  setTimeout(run, milliseconds) {
    this.#timersMade += 1;
    this.#timers.set(this.#timersMade, { at: this.time + Math.max(0, milliseconds), run });
    return this.#timersMade;
  }

  delay(milliseconds) {
    return new Promise((resolve) => this.setTimeout(resolve, milliseconds));
  }

  /** Lets so much time pass. */
  async pass(milliseconds) {
    const end = this.time + milliseconds;
    await settled();
    for (let next = this.#next(); next !== null && next.at <= end; next = this.#next()) await this.#fire(next);
    this.time = end;
  }

  /** Lets time pass until `promise` is settled; how it was. Throws if nothing is left that could settle it. */
  async outcome(promise) {
    let outcome = null;
    promise.then(
      (value) => (outcome = { value }),
      (problem) => (outcome = { problem }),
    );
    await settled();
    while (outcome === null) {
      const next = this.#next();
      if (next === null) throw new Error("nothing is left to happen");
      await this.#fire(next);
    }
    return outcome;
  }

  #next() {
    let next = null;
    for (const [id, timer] of this.#timers) {
      if (next === null || timer.at < next.at) next = { id, ...timer };
    }
    return next;
  }

  async #fire({ id, at, run }) {
    this.#timers.delete(id);
    this.time = Math.max(this.time, at);
    run();
    await settled();
  }

  async #fetch(url, { method, headers, body, signal }) {
    const request = { at: this.time, method, path: url, headers, body: body && JSON.parse(body) };
    this.requests.push(request);
    const aborted = new Promise((_, reject) => {
      const abort = () => reject(new DOMException("ended", "AbortError"));
      if (signal.aborted) abort();
      signal.addEventListener("abort", abort);
    });
    return Promise.race([(async () => this.respond(request))(), aborted]);
  }
}

// Everything that can go on without time passing has gone on.
function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** An answer as `fetch` gives it. */
export function answer(status, body, headers = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { ok: status < 400, status, headers: new Headers(headers), text: async () => text };
}

class VirtualStream extends EventTarget {
  readyState = 0;
  onerror = null;
  onopen = null;

  constructor(url) {
    super();
    this.url = url;
  }

  /** The server sends an event. */
  send(type, news) {
    this.readyState = 1;
    this.dispatchEvent(Object.assign(new Event(type), { data: JSON.stringify(news) }));
  }

  /** The server refuses it (the browser gives up), or the network cuts it (the browser tries again by itself). */
  fail({ refused }) {
    this.readyState = refused ? 2 : 0;
    this.onerror?.(new Event("error"));
  }

  close() {
    this.readyState = 2;
  }
}
