// Owns when the page looks at the clock: at the very moments at which something changes, and at once when a tab comes back.
// A hidden tab's timers come late; whatever else wakes the page (an event of the stream, the tab shown again) beats too.

/** The longest sleep: timers of browsers overflow at 24 days, and a device may have slept. */
const LONGEST_MS = 30_000;

export class Pulse {
  #clock;
  #beat;
  #timer;
  #ended = new AbortController();

  /** @param beat called with the server's time; returns the moment of its next interest, Infinity if there is none */
  constructor(clock, beat) {
    this.#clock = clock;
    this.#beat = beat;
    const { signal } = this.#ended;
    const now = () => this.now();
    document.addEventListener("visibilitychange", now, { signal });
    addEventListener("pageshow", now, { signal });
    addEventListener("focus", now, { signal });
  }

  /** Beats now. */
  now() {
    clearTimeout(this.#timer);
    if (this.#ended.signal.aborted) return;
    const next = this.#beat(this.#clock.now());
    // Rounded up: a timer that fires a fraction too early would only find that nothing has changed.
    const wait = Math.ceil(Math.min(LONGEST_MS, Math.max(1, next - this.#clock.now())));
    this.#timer = setTimeout(() => this.now(), wait);
  }

  end() {
    this.#ended.abort();
    clearTimeout(this.#timer);
  }
}
