// Owns the list of all campaigns: what each is up to, and how long until that changes. It asks again every few seconds, since a
// stream for each would take more connections than a browser has.

import { element, setAttribute, setText } from "./dom.js";
import { phaseAt } from "./phase.js";
import { Pulse } from "./pulse.js";
import { brief, moment, nextDay } from "./times.js";
import { count, stateWord } from "./words.js";

const ASK_MS = 5_000;
const PAGES_MAX = 5;
/** What one can take part in comes first, what is over last. */
const ORDER = ["open", "scheduled", "closed", "daily_sold_out", "paused", "sold_out", "ended", "cancelled"];

export async function showList(page) {
  const list = element("ul", { class: "campaigns" });
  const empty = element("p", { class: "empty", hidden: true }, "There is no campaign yet. Once the shop makes one, it appears here.");
  const rows = new Map();
  let isFirst = true;

  const pulse = new Pulse(page.client.clock, (now) => {
    const beats = Array.from(rows.values(), (row) => row.show(now));
    return Math.min(now + 60_000, ...beats);
  });
  await page.client.clock.sync().catch(() => {});

  for (;;) {
    try {
      const campaigns = await all(page.client);
      page.connected("live");
      take(campaigns);
    } catch (problem) {
      if (problem.name !== "Problem") throw problem;
      page.connected("offline");
    }
    await shown(ASK_MS * (0.75 + Math.random() / 2));
  }

  function take(campaigns) {
    for (const campaign of campaigns) {
      const row = rows.get(campaign.id) ?? new Row();
      rows.set(campaign.id, row);
      row.campaign = campaign;
    }
    const there = new Set(campaigns.map(({ id }) => id));
    for (const id of rows.keys()) if (!there.has(id)) rows.delete(id);
    pulse.now();
    arrange();
    empty.hidden = rows.size > 0;
    if (isFirst) {
      const title = element("h1", {}, "Coupon campaigns");
      page.main.replaceChildren(title, list, empty);
      isFirst = false;
    }
  }

  // Moves only what must move: a moved link would lose the focus.
  function arrange() {
    const sorted = Array.from(rows.values()).sort((one, other) => one.order - other.order || one.at - other.at);
    sorted.forEach(({ node }, place) => {
      if (list.children[place] !== node) list.insertBefore(node, list.children[place] ?? null);
    });
    while (list.children.length > sorted.length) list.lastChild.remove();
  }
}

class Row {
  campaign;
  order = 0;
  at = 0;
  node;
  #dayEndsAt = -Infinity;
  #name = element("a", { class: "campaign-name" });
  #state = element("span", { class: "badge" });
  #when = element("p", { class: "campaign-when" });
  #left = element("p", { class: "campaign-left" });

  constructor() {
    const head = element("h2", {}, this.#name);
    this.node = element("li", { class: "campaign-row" }, element("div", { class: "campaign-head" }, head, this.#state), this.#when, this.#left);
  }

  /** Shows the campaign at `now`; returns when to show it again. */
  show(now) {
    const { campaign } = this;
    // Where the shop shows no counts, the list has none, and cannot tell that today's share is gone.
    const coupon_types = campaign.coupon_types.map(({ remaining_today = "plenty" }) => ({ remaining_today }));
    const availability = { ...campaign, coupon_types, resets_at: this.#resetsAt(now) };
    const { state, target, label } = phaseAt(now, availability, campaign);
    this.order = ORDER.indexOf(state);
    this.at = target ?? Infinity;
    setText(this.#name, campaign.name);
    setAttribute(this.#name, "href", `/c/${encodeURIComponent(campaign.id)}`);
    setText(this.#state, stateWord(state));
    setAttribute(this.#state, "data-state", state);
    setText(this.#left, leftWords(campaign, state));
    if (target === null) {
      const ended = state === "ended" ? `Ended ${moment(Date.parse(campaign.schedule.ends_at), now)}` : "";
      setText(this.#when, ended);
      return Infinity;
    }
    const left = target - now;
    setText(this.#when, left < 86_400_000 ? `${label} ${brief(left)}` : `${label.replace(/ in$/, "")} ${moment(target, now)}`);
    return target - (Math.ceil(left / 1_000) - 1) * 1_000;
  }

  // The list is not told when the day ends. To compute it is slow, so it is done only where today's share is gone, once.
  #resetsAt(now) {
    const isGone = this.campaign.coupon_types.every(({ remaining_today }) => remaining_today === 0);
    if (!isGone) return null;
    if (!(now < this.#dayEndsAt)) this.#dayEndsAt = nextDay(now, this.campaign.time_zone);
    return new Date(this.#dayEndsAt).toISOString();
  }
}

function leftWords({ coupon_types, mode }, state) {
  const remaining = coupon_types.map((type) => type.remaining);
  if (mode === "lottery" || !["open", "scheduled", "closed"].includes(state) || !remaining.every(Number.isInteger)) return "";
  const left = remaining.reduce((sum, each) => sum + each, 0);
  return `${count(left)} ${left === 1 ? "coupon" : "coupons"} left`;
}

async function all(client) {
  const campaigns = [];
  let cursor;
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    const { items, next_cursor } = await client.campaigns({ cursor });
    campaigns.push(...items);
    if (next_cursor === null) break;
    cursor = next_cursor;
  }
  return campaigns;
}

// Waits, and as long as nobody can see the page.
async function shown(milliseconds) {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  if (document.visibilityState === "visible") return;
  await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
}
