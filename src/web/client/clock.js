// Owns the server's time. Each exchange with `/v1/time` bounds it: the server read its clock after we sent and before we had the
// answer. The truth lies where all these bounds overlap, and the middle of that is the estimate; the shortest exchange leaves the
// least room and so counts most, a slow one hardly at all.

import { Problem } from "./problem.js";

const EXCHANGES = 8;
/** A correction beyond this is made at once, in either direction: something was set, or has slept. */
const STEP_MS = 1_000;
/** How much slower than time the clock runs while it waits for the truth to catch up: at half its speed. */
const SLEW = 0.5;
/** How far two clocks may run apart: that much of the time since they were compared. Cheap quartz stays below. */
const DRIFT = 100e-6;
const RESYNC_MS = 180_000;
const RETRY_FIRST_MS = 1_000;

export class ServerClock {
  #surroundings;
  #ask;
  /** Server time minus the monotonic clock's, at least and at most, and when that was found out: `{ lowest, highest, at }`. */
  #estimate = null;
  /** What `now()` added last to the monotonic clock, and when. */
  #shown = null;
  #syncing = null;
  #started = false;
  #timer;
  #failures = 0;
  #wake = () => {
    if (this.#surroundings.document?.visibilityState !== "hidden") this.#keepInStep();
  };

  /** @param ask makes one exchange: resolves to `{ server_time }` */
  constructor(surroundings, ask) {
    this.#surroundings = surroundings;
    this.#ask = ask;
  }

  get synced() {
    return this.#estimate !== null;
  }

  now() {
    const { monotonicClock, wallClock } = this.#surroundings;
    if (this.#estimate === null) return wallClock();
    const at = monotonicClock();
    const middle = middleOf(this.#estimate);
    const excess = this.#shown.offset - middle;
    // Ahead of the truth: run slowly until it has caught up, so that a countdown never counts up. Behind: catch up at once.
    const slowly = excess > 0 && excess <= STEP_MS;
    const offset = slowly ? Math.max(middle, this.#shown.offset - SLEW * (at - this.#shown.at)) : middle;
    this.#shown = { offset, at };
    return at + offset;
  }

  get uncertainty() {
    if (this.#estimate === null) return Infinity;
    const at = this.#surroundings.monotonicClock();
    const offset = this.now() - at;
    const { lowest, highest } = this.#estimate;
    return Math.max(offset - lowest, highest - offset) + DRIFT * (at - this.#estimate.at);
  }

  sync() {
    this.#syncing ??= this.#exchangeAll().finally(() => {
      this.#syncing = null;
    });
    return this.#syncing;
  }

  start() {
    this.stop();
    this.#started = true;
    const { window, document } = this.#surroundings;
    for (const event of ["online", "pageshow"]) window?.addEventListener(event, this.#wake);
    document?.addEventListener("visibilitychange", this.#wake);
    this.#keepInStep();
  }

  stop() {
    this.#started = false;
    const { window, document, clearTimeout } = this.#surroundings;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const event of ["online", "pageshow"]) window?.removeEventListener(event, this.#wake);
    document?.removeEventListener("visibilitychange", this.#wake);
  }

  async #keepInStep() {
    const { clearTimeout, setTimeout, random } = this.#surroundings;
    try {
      await this.sync();
      this.#failures = 0;
    } catch {
      this.#failures += 1;
    }
    if (!this.#started) return;
    const wait = this.#failures === 0 ? RESYNC_MS : Math.min(RESYNC_MS, RETRY_FIRST_MS * 2 ** this.#failures);
    clearTimeout(this.#timer);
    // Spread, so that a crowd whose pages opened together does not ask together for ever.
    this.#timer = setTimeout(() => this.#keepInStep(), wait * (0.5 + random()));
  }

  async #exchangeAll() {
    const { monotonicClock } = this.#surroundings;
    let bounds = null;
    let lost = null;
    for (let exchanges = 0; exchanges < EXCHANGES; exchanges += 1) {
      const sent = monotonicClock();
      try {
        const { server_time } = await this.#ask();
        bounds = overlap(bounds, boundsOf(sent, Date.parse(server_time), monotonicClock()));
      } catch (problem) {
        // The second loss ends it: this is no moment to measure.
        if (lost !== null) break;
        lost = problem;
      }
    }
    if (bounds === null) throw lost;
    this.#adopt(bounds);
  }

  // Takes `fresh` unless what is known says more and does not contradict it: a crowded network tells little.
  #adopt(fresh) {
    const old = this.#estimate;
    if (old !== null) {
      const drift = DRIFT * (fresh.at - old.at);
      const agrees = fresh.lowest - drift <= middleOf(old) && middleOf(old) <= fresh.highest + drift;
      if (agrees && old.highest - old.lowest + 2 * drift < fresh.highest - fresh.lowest) return;
    }
    this.#estimate = fresh;
    this.#shown ??= { offset: middleOf(fresh), at: fresh.at };
  }
}

function middleOf({ lowest, highest }) {
  return (lowest + highest) / 2;
}

// What one exchange says. The server tells whole milliseconds: it read its clock up to one later than it says.
function boundsOf(sent, serverTime, received) {
  if (Number.isNaN(serverTime)) throw new Problem({ code: "bad_answer", detail: "the server's time is not a time" });
  return { lowest: serverTime - received, highest: serverTime + 1 - sent, at: received };
}

// What `known` and one more exchange say together.
function overlap(known, next) {
  if (known === null) return next;
  const lowest = Math.max(known.lowest, next.lowest);
  const highest = Math.min(known.highest, next.highest);
  // They exclude each other: a clock was set in between, and the older one speaks of what was before.
  return lowest > highest ? next : { lowest, highest, at: next.at };
}
