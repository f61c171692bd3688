// Owns what came of the shopper's presses: the coupons won, the draws lost, the place in the lottery; read back when the page is
// loaded again. And, from that, whether it is the shopper's turn.

import { couponCard } from "./coupon.js";
import { element } from "./dom.js";
import { dayKey, moment, nextDay } from "./times.js";
import { count } from "./words.js";

const SETTLE_MS = 1_000;
const SETTLE_ATTEMPTS = 30;

export class Outcomes {
  node = element("section", { class: "outcomes", "aria-label": "What you have", hidden: true });
  #page;
  #campaign;
  #onChange;
  #answers = new Map();
  #isSettling = false;

  constructor(page, campaign, onChange) {
    this.#page = page;
    this.#campaign = campaign;
    this.#onChange = onChange;
  }

  /** Reads back what the shopper has. Without an answer the page stays as it is: a press shows the same again. */
  async load() {
    const { client, person } = this.#page;
    const userId = person.userId;
    try {
      // A lottery's entry too: to ask for it by its own path is an error in the console of whoever has not entered.
      const { items } = await client.claimsByUser(this.#campaign.id, userId);
      if (userId !== person.userId) return;
      this.#answers.clear();
      for (const answer of items) this.#answers.set(idOf(answer), answer);
      this.#show();
      if (items.some(({ outcome }) => outcome === "pending")) this.#settleLater();
    } catch (problem) {
      if (problem.name !== "Problem") throw problem;
    }
  }

  /** Shows the answer to a press, and leads the shopper to it; `null` means that another shopper sits here now. */
  add(answer) {
    if (answer === null) {
      this.#answers.clear();
      this.#show();
      return;
    }
    const isNew = !this.#answers.has(idOf(answer));
    this.#answers.set(idOf(answer), answer);
    this.#show();
    this.node.querySelector("h2")?.focus();
    if (!isNew) this.#page.announce("This is what you had already.");
    if (answer.outcome === "pending") this.#settleLater();
  }

  /** Asks how the lottery was drawn, now that it should have been. */
  async settle() {
    if (this.#campaign.mode !== "lottery" || this.#isSettling || !this.#isPending()) return;
    this.#isSettling = true;
    for (let attempt = 0; attempt < SETTLE_ATTEMPTS && this.#isPending(); attempt += 1) {
      await this.load();
      // Everybody who entered asks at this moment, so nobody asks at the same.
      if (this.#isPending()) await new Promise((resolve) => setTimeout(resolve, SETTLE_MS * (0.5 + Math.random())));
    }
    this.#isSettling = false;
    const [entry] = this.#answers.values();
    if (entry && entry.outcome !== "pending") {
      this.#page.announce(entry.outcome === "won" ? "You have won a coupon." : "The lottery is drawn. No coupon this time.");
    }
  }

  /**
   * Whether the shopper may press: `isOver` when all that the limit allows is used up, `until` when it begins anew (`null` if it
   * does not, or only at an opening yet to be told), `words` to say so.
   */
  turn(now, { opens_at, state }) {
    const { limit, time_zone, schedule } = this.#campaign;
    const used = Array.from(this.#answers.values()).filter((answer) => {
      if (answer.coupon?.state === "void") return false;
      const at = Date.parse(answer.decided_at);
      if (limit.per === "day") return dayKey(at, time_zone) === dayKey(now, time_zone);
      // Between two windows the times are those of the next: none of it is used up.
      if (limit.per === "window") return at >= Date.parse(opens_at);
      return true;
    });
    if (used.length < limit.max) return { isOver: false, until: null, words: "" };
    if (state === "ended" || state === "cancelled") return { isOver: true, until: null, words: "" };
    if (limit.per === "campaign") return { isOver: true, until: null, words: "" };
    if (limit.per === "window") return { isOver: true, until: null, words: schedule.windows ? "Come back when it opens next." : "" };
    const until = nextDay(now, time_zone);
    if (until >= Date.parse(schedule.ends_at)) return { isOver: true, until: null, words: "This was the last day." };
    const words = schedule.windows ? `Come back when it opens next after ${moment(until, now)}.` : `Come back ${moment(until, now)}.`;
    return { isOver: true, until, words };
  }

  #isPending() {
    return Array.from(this.#answers.values()).some(({ outcome }) => outcome === "pending");
  }

  // The lottery may have been drawn between the last look and this one.
  #settleLater() {
    if (this.#page.client.clock.now() >= Date.parse(this.#campaign.schedule.ends_at)) this.settle();
  }

  #show() {
    const now = this.#page.client.clock.now();
    const newestFirst = Array.from(this.#answers.values()).sort((one, other) => Date.parse(other.decided_at) - Date.parse(one.decided_at));
    const blocks = newestFirst.map((answer, place) => this.#block(answer, now, place === 0));
    this.node.replaceChildren(...blocks);
    this.node.hidden = blocks.length === 0;
    this.#onChange();
  }

  #block(answer, now, isNewest) {
    const { title, text } = words(answer, this.#campaign);
    const heading = element(isNewest ? "h2" : "h3", { tabindex: "-1", class: isNewest ? "outcome-title" : "outcome-title is-older" }, title);
    const type = this.#campaign.coupon_types.find(({ id }) => id === answer.coupon?.coupon_type);
    const card = answer.coupon ? couponCard(answer.coupon, type?.name ?? answer.coupon.coupon_type, now) : null;
    return element("div", { class: "outcome", "data-outcome": answer.outcome }, heading, text === "" ? null : element("p", { class: "outcome-text" }, text), card);
  }
}

function idOf({ claim_id, draw_id, entry_id }) {
  return claim_id ?? draw_id ?? entry_id;
}

function words({ outcome, number, rank, coupon, sampled }, { mode }) {
  const place = rank === undefined ? "" : `Your rank is ${count(rank)}.`;
  if (outcome === "pending") return { title: "You are in", text: `Your entry is number ${count(number)}. Every entry has the same chance, whatever its number.` };
  if (outcome === "no_coupon") {
    const reached = sampled ? "You drew a coupon of which none was left." : "";
    return { title: "No coupon this time", text: mode === "lottery" ? place : reached };
  }
  if (coupon?.state === "void") return { title: "Your coupon is void", text: place };
  if (coupon?.state === "redeemed") return { title: "You have used your coupon", text: place };
  return { title: mode === "first_come" ? "Your coupon" : "You have won", text: place };
}
