// Owns the large countdown: its digits for the eye, its words for the ear, and what is announced on the way.

import { element, setText } from "./dom.js";
import { digits, nextChange, spoken } from "./times.js";

const MINUTE = 60_000;
/** Announced when this much is left, and nothing in between: a screen reader that says each second says nothing else. */
const ANNOUNCED_MS = [10 * MINUTE, 5 * MINUTE, MINUTE, 10_000];
/** Steps of the words: each minute, and every ten seconds in the last. */
const WORDS_STEP_MS = 10_000;

export class Countdown {
  node;
  #label = element("p", { class: "countdown-label" });
  #digits = element("p", { class: "countdown-digits", "aria-hidden": "true" });
  #words = element("p", { class: "visually-hidden" });
  #announce;
  #last = { target: null, left: Infinity };

  constructor(announce) {
    this.#announce = announce;
    this.node = element("div", { class: "countdown", role: "timer", "aria-live": "off" }, this.#label, this.#digits, this.#words);
  }

  /** Shows how long it is to `target`, which is what one waits for if it `isAwaited`; returns when to show it again. */
  show(now, target, label, isAwaited) {
    this.node.hidden = target === null || now >= target;
    if (this.node.hidden) {
      this.#last = { target: null, left: Infinity };
      return Infinity;
    }
    const left = target - now;
    this.node.classList.toggle("is-aside", !isAwaited);
    setText(this.#label, label);
    this.#showDigits(left);
    const step = left > MINUTE ? MINUTE : WORDS_STEP_MS;
    setText(this.#words, `${label} ${spoken(Math.ceil(left / step) * step)}`);
    this.#announceOnTheWay(target, left, label);
    return nextChange(target, now);
  }

  #showDigits(left) {
    const parts = digits(left);
    const cells = this.#digits.children;
    if (cells.length !== parts.length) {
      const cell = () => element("span", { class: "cell" }, element("span", { class: "value" }), element("span", { class: "unit" }));
      this.#digits.replaceChildren(...parts.map(cell));
    }
    parts.forEach(({ value, unit }, place) => {
      setText(cells[place].firstChild, value);
      setText(cells[place].lastChild, unit);
    });
  }

  // Only what is passed while one watches: whoever comes with three minutes to go hears of the last minute first.
  #announceOnTheWay(target, left, label) {
    const before = this.#last.target === target ? this.#last.left : left;
    const passed = ANNOUNCED_MS.filter((mark) => left <= mark && mark < before).at(-1);
    if (passed !== undefined) this.#announce(`${label} ${spoken(passed)}`);
    this.#last = { target, left };
  }
}
