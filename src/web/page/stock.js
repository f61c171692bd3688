// Owns how what is left is shown: a bar for each coupon type that drains as coupons go, and the count or the word beside it.

import { element, setAttribute, setText } from "./dom.js";
import { count, isNone, leftWords } from "./words.js";

/** How full a bar is for a word: in the middle of what the word covers. */
const FILL = { plenty: 0.75, few: 0.18, last: 0.04, none: 0 };

export class Stock {
  node;
  #rows = new Map();

  constructor({ coupon_types, mode }) {
    const list = element("ul", { class: "stock-list" });
    for (const type of coupon_types) {
      const row = new Row(type, mode);
      this.#rows.set(type.id, row);
      list.append(row.node);
    }
    const title = element("h2", { id: "stock-title" }, mode === "lottery" ? "To be won" : "What is left");
    this.node = element("section", { class: "stock", "aria-labelledby": "stock-title" }, title, list);
  }

  /** Shows what `coupon_types` of the campaign's availability have left. */
  show({ coupon_types }) {
    for (const left of coupon_types) this.#rows.get(left.id)?.show(left);
  }
}

class Row {
  node;
  #type;
  #mode;
  #fill = element("div", { class: "bar-fill" });
  #bar;
  #words = element("p", { class: "stock-words" });
  #more = element("p", { class: "stock-more" });

  constructor(type, mode) {
    this.#type = type;
    this.#mode = mode;
    // What can be had now is what is left today, where the day has a share.
    this.#bar = element("div", { class: "bar", role: "meter", "aria-label": type.name, "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": "0" }, this.#fill);
    const odds = mode === "draw" ? element("p", { class: "stock-odds" }, `${percent(type.probability)} chance a try`) : null;
    this.node = element("li", { class: "stock-row" }, element("p", { class: "stock-name" }, type.name), this.#words, this.#bar, this.#more, odds);
  }

  show({ remaining, remaining_today }) {
    // The coupons of a lottery all go at once: there is nothing to drain.
    this.#bar.hidden = this.#mode === "lottery";
    if (this.#bar.hidden) {
      setText(this.#words, `${count(this.#type.total_quota)} to win`);
      return;
    }
    const { total_quota, daily_quota } = this.#type;
    const [left, quota] = daily_quota ? [remaining_today, daily_quota] : [remaining, total_quota];
    // A daily share may have been raised since the page was loaded.
    const share = typeof left === "number" ? Math.min(1, left / Math.max(1, quota)) : (FILL[left] ?? 0);
    const words = leftWords(left, typeof left === "number" ? Math.max(left, quota) : quota);
    setText(this.#words, daily_quota ? `${words} today` : words);
    setText(this.#more, daily_quota ? inAll(remaining) : "");
    // By the object model: the policy lets no style attribute into the page.
    this.#fill.style.transform = `scaleX(${share.toFixed(4)})`;
    setAttribute(this.#bar, "aria-valuenow", String(Math.round(share * 100)));
    setAttribute(this.#bar, "aria-valuetext", this.#words.textContent);
    this.node.classList.toggle("is-none", isNone(left));
    this.node.classList.toggle("is-low", share > 0 && share <= 0.05);
  }
}

function inAll(remaining) {
  if (isNone(remaining)) return "None left in all";
  return typeof remaining === "number" ? `${count(remaining)} in all` : "";
}

/** A probability as a percentage, with as many digits as it needs. */
function percent(probability) {
  const value = Number(probability) * 100;
  return `${new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 3 }).format(value)} %`;
}
