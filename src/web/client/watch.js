// Owns how what is left of a campaign is followed: by the event stream, and by asking again and again for as long as the stream is
// refused, cut, or silent from the start. What is told is the newest; the way it came is told when it changes.

import { parsed } from "./problem.js";
import { mayPass } from "./retry.js";

/** How long a stream may take to its first event before asking begins: a proxy may hold the stream back. */
const FIRST_EVENT_MS = 3_000;
/** How long a stream may say nothing before it is asked whether it missed something: a dead connection is silent too. */
const SILENCE_MS = 45_000;
/** The time from an answer to the next question. Shared caches keep an answer for one second. */
const POLL_MS = 2_000;
const POLL_LONGEST_MS = 15_000;
/** The time from a refused stream to the next try, which doubles. */
const STREAM_FIRST_MS = 5_000;
const STREAM_LONGEST_MS = 60_000;
/** News older than what is known by more than this is no latecomer: the server's clock was set back. */
const LATECOMER_MS = 10_000;
/** States of an `EventSource`. */
const OPEN = 1;
const CLOSED = 2;

export class Watch {
  #surroundings;
  #handlers;
  #way;
  #stream = null;
  #isLive = false;
  #streamFailures = 0;
  #pollFailures = 0;
  #timers = { stream: undefined, poll: undefined };
  #polling = null;
  #connection = null;
  #newest = { at: -Infinity, content: null };
  #closed = new AbortController();

  /** @param way `streamUrl`; `poll(signal)`, one question; `onClose()` */
  constructor(surroundings, handlers, way) {
    this.#surroundings = surroundings;
    this.#handlers = handlers;
    this.#way = way;
  }

  start() {
    const { window } = this.#surroundings;
    const { signal } = this.#closed;
    window?.addEventListener("online", () => this.#comeBack(), { signal });
    window?.addEventListener("offline", () => this.#pollIn(0), { signal });
    this.#openStream();
  }

  close() {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#closeStream();
    for (const timer of Object.values(this.#timers)) this.#surroundings.clearTimeout(timer);
    this.#way.onClose();
  }

  #openStream() {
    const { EventSource } = this.#surroundings;
    this.#closeStream();
    if (EventSource === undefined) {
      this.#pollIn(0);
      return;
    }
    const stream = new EventSource(this.#way.streamUrl);
    this.#stream = stream;
    const heard = (take) => (event) => {
      const news = parsed(event.data);
      if (news === null) return;
      this.#lives();
      take(news);
    };
    stream.addEventListener("availability", heard((news) => this.#tell(news)));
    stream.addEventListener("waiting_room", heard((news) => this.#handlers.onWaitingRoom?.(news)));
    stream.onerror = () => this.#streamFailed(stream.readyState === CLOSED);
    this.#pollIn(FIRST_EVENT_MS);
  }

  #closeStream() {
    this.#isLive = false;
    this.#stream?.close();
    this.#stream = null;
  }

  // The stream has said something.
  #lives() {
    this.#isLive = true;
    this.#streamFailures = 0;
    this.#pollFailures = 0;
    this.#connect("live");
    this.#pollIn(SILENCE_MS * (1 + this.#surroundings.random()));
  }

  // The browser opens a stream that was cut again by itself, and says where it stopped; a refused one it leaves to us.
  #streamFailed(isRefused) {
    const { random } = this.#surroundings;
    const wasLive = this.#isLive;
    this.#isLive = false;
    if (isRefused) {
      this.#closeStream();
      const bound = Math.min(STREAM_LONGEST_MS, STREAM_FIRST_MS * 2 ** this.#streamFailures);
      this.#streamFailures += 1;
      this.#streamIn(bound * (0.5 + random()));
    }
    if (this.#newest.content === null) {
      this.#pollIn(0);
    } else if (wasLive || isRefused) {
      // Whoever was cut off together does not ask together.
      this.#pollIn(random() * POLL_MS);
    }
  }

  // The device is online again.
  #comeBack() {
    const { random } = this.#surroundings;
    if (this.#stream === null) this.#streamIn(random() * POLL_MS);
    this.#pollFailures = 0;
    this.#pollIn(0);
  }

  #streamIn(milliseconds) {
    if (this.#surroundings.EventSource === undefined) return;
    this.#schedule("stream", milliseconds, () => this.#openStream());
  }

  #pollIn(milliseconds) {
    this.#schedule("poll", milliseconds, () => this.#poll());
  }

  #schedule(what, milliseconds, run) {
    if (this.#closed.signal.aborted) return;
    this.#surroundings.clearTimeout(this.#timers[what]);
    this.#timers[what] = this.#surroundings.setTimeout(run, milliseconds);
  }

  async #poll() {
    const polling = {};
    this.#polling = polling;
    const wasLive = this.#isLive;
    const { random } = this.#surroundings;
    let news = null;
    let wait = (wasLive ? SILENCE_MS : POLL_MS) * (0.5 + random());
    try {
      news = await this.#way.poll(this.#closed.signal);
    } catch (problem) {
      if (this.#closed.signal.aborted) return;
      if (!mayPass(problem) && problem.status < 500) {
        this.close();
        this.#handlers.onProblem?.(problem);
        return;
      }
      // A stream that says nothing while the network is away cannot be told from a dead one.
      if (problem.status === 0) this.#isLive = false;
      const bound = Math.min(POLL_LONGEST_MS, POLL_MS * 2 ** this.#pollFailures);
      wait = Math.max(bound * (0.5 + random()), (problem.retryAfterMs ?? 0) + POLL_MS * random());
      this.#pollFailures += 1;
    }
    if (this.#closed.signal.aborted) return;
    // Before anything is told, so that a fault of the page does not end the watch; and only by the question that was asked last.
    if (polling === this.#polling) this.#pollIn(wait);
    if (news !== null) {
      this.#answered(news, wasLive);
    } else if (!this.#isLive) {
      this.#connect("offline");
    }
  }

  #answered(news, wasLive) {
    const wasAway = this.#connection === "offline";
    this.#pollFailures = 0;
    const isNews = this.#tell(news);
    if (!this.#isLive) this.#connect("polling");
    // A stream that claims to be open should have said so itself: it is dead, or behind. A new one begins with what is.
    const isSuspect = this.#isLive ? wasLive && isNews : wasAway;
    if (isSuspect && this.#stream?.readyState === OPEN) this.#openStream();
  }

  // Hands `news` on, unless it is old or says nothing new; returns whether it was.
  #tell(news) {
    const at = Date.parse(news.server_time);
    if (at < this.#newest.at && this.#newest.at - at < LATECOMER_MS) return false;
    const content = JSON.stringify({ ...news, server_time: null });
    const isNews = content !== this.#newest.content;
    this.#newest = { at, content };
    if (isNews) this.#handlers.onAvailability(news);
    return isNews;
  }

  #connect(connection) {
    if (connection === this.#connection || this.#closed.signal.aborted) return;
    this.#connection = connection;
    this.#handlers.onConnection?.(connection);
  }
}
