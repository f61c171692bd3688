// The list of campaigns: what each is up to, how much of it is gone, how fast it goes.

import { h, replace, setText } from "./dom.js";
import { state, subscribe } from "./feed.js";
import { showCount, showPercent, showRate } from "./number.js";
import { showLength, showMoment } from "./time.js";

const STATES = {
  open: "open",
  scheduled: "scheduled",
  closed: "between windows",
  paused: "paused",
  sold_out: "sold out",
  ended: "ended",
  cancelled: "cancelled",
};

/** How a mode is called. */
export const MODES = { first_come: "first come", draw: "draw", lottery: "lottery" };

/** A campaign's state as a badge. */
export function badge(campaignState) {
  return h("span", { class: `badge s-${campaignState.replace("_", "-")}` }, STATES[campaignState] ?? campaignState);
}

/** How much of a quota is issued: a bar, with the figures in words. */
export function meter(label) {
  const bar = h("progress", { "aria-label": label, max: 1, value: 0 });
  const text = h("span", { class: "figures" });
  return {
    element: h("span", { class: "meter" }, bar, text),
    update(issued, total) {
      bar.max = total;
      bar.value = issued;
      setText(text, `${showCount(issued)} / ${showCount(total)} (${showPercent(issued, total)})`);
    },
  };
}

/** What happens to the campaign next, and when. */
export function nextEdge(campaign, now = Date.now()) {
  if (campaign.state === "ended" || campaign.state === "cancelled") return "";
  const until = (moment) => showLength(Date.parse(moment) - now);
  if (campaign.opens_at !== null && Date.parse(campaign.opens_at) > now) return `opens in ${until(campaign.opens_at)}`;
  return campaign.closes_at === null ? "" : `closes in ${until(campaign.closes_at)}`;
}

/** The table, kept up to date; rows stay where they are, so that focus does. */
export function campaignTable() {
  const body = h("tbody");
  const empty = h(
    "p",
    { class: "empty", hidden: true },
    "No campaign yet. ",
    h("a", { href: "#/new" }, "Create the first one"),
    ".",
  );
  const head = ["Campaign", "State", "Issued", "Rate", "Next"].map((name) =>
    h("th", { scope: "col", class: name === "Rate" && "number" }, name),
  );
  const table = h("table", { class: "campaigns" }, h("thead", {}, h("tr", {}, head)), body);
  let rows = new Map();
  const update = () => {
    empty.hidden = state.campaigns.length > 0 || state.answeredAt === null;
    table.hidden = state.campaigns.length === 0;
    const known = rows;
    rows = new Map(state.campaigns.map((campaign) => [campaign.id, known.get(campaign.id) ?? row(campaign)]));
    for (const campaign of state.campaigns) rows.get(campaign.id).update(campaign);
    const elements = [...rows.values()].map(({ element }) => element);
    const isSame = elements.length === body.children.length && elements.every((element, i) => body.children[i] === element);
    if (!isSame) replace(body, elements);
  };
  const leave = subscribe(update);
  return { element: h("div", { class: "scroll" }, table, empty), leave };
}

function row(first) {
  const name = h("span", {}, first.name);
  const meters = new Map(
    first.coupon_types.map((type) => [type.id, { ...meter(`issued of ${type.name}`), name: h("span", { class: "type" }) }]),
  );
  const [shown, rate, next] = [h("td", {}), h("td", { class: "number" }), h("td", {})];
  const issued = h(
    "td",
    { class: "wide" },
    [...meters.values()].slice(0, 5).map((each) => h("div", { class: "typed" }, each.name, each.element)),
    meters.size > 5 && h("span", { class: "hint" }, `and ${meters.size - 5} more types`),
  );
  const element = h(
    "tr",
    {},
    h(
      "th",
      { scope: "row" },
      h("a", { href: `#/campaigns/${encodeURIComponent(first.id)}` }, name),
      h("span", { class: "id" }, `${first.id} · ${MODES[first.mode]}`),
    ),
    shown,
    issued,
    rate,
    next,
  );
  let lastState = null;
  return {
    element,
    update(campaign) {
      setText(name, campaign.name);
      if (campaign.state !== lastState) replace(shown, badge(campaign.state));
      lastState = campaign.state;
      for (const type of campaign.coupon_types) {
        const each = meters.get(type.id);
        setText(each.name, type.name);
        each.update(type.issued, type.total_quota);
      }
      setText(rate, `${showRate(state.campaignRates.get(campaign.id) ?? 0)}/s`);
      setText(next, nextEdge(campaign));
      next.title = campaign.opens_at === null ? "" : showMoment(campaign.opens_at, campaign.time_zone);
    },
  };
}

/** The view. */
export function campaigns() {
  const table = campaignTable();
  const element = h(
    "section",
    {},
    h(
      "div",
      { class: "head" },
      h("h1", { tabindex: "-1" }, "Campaigns"),
      h("a", { class: "button main", href: "#/new" }, "New campaign"),
    ),
    table.element,
  );
  return { title: "Campaigns", element, leave: table.leave };
}
