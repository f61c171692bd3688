// One campaign: what it is up to, what was issued of it, and everything that can be done to it.

import { call, campaignPath } from "./api.js";
import { actionButtons } from "./campaign_actions.js";
import { badge, meter, MODES, nextEdge } from "./campaigns.js";
import { claimsPart } from "./claims.js";
import { downloadButtons } from "./download.js";
import { h, replace, setText } from "./dom.js";
import { issuedOf, state, subscribe } from "./feed.js";
import { fraudPart } from "./fraud.js";
import { showCount, showRate } from "./number.js";
import { showMoment, viewersZone } from "./time.js";
import { uploadButton } from "./upload.js";
import { windowsPreview } from "./windows_preview.js";

const FIGURES = new Set(["Left today", "Redeemed", "Voided", "Expired", "Odds"]);
const RETURNS = { restock: "goes back on the shelf", burn: "is gone" };

/** The view of the campaign called `id`. */
export function campaign(id) {
  const element = h("section", {}, h("h1", { tabindex: "-1" }, id), h("p", { class: "hint" }, "Fetching …"));
  let shown = null;
  const update = () => {
    const current = state.campaigns.find((each) => each.id === id);
    if (current !== undefined) {
      if (shown === null) {
        shown = living(current);
        replace(element, shown.elements);
      }
      shown.update(current);
    } else if (shown === null && state.answeredAt !== null) {
      void sayWhy(id, element);
    }
  };
  const end = subscribe(update);
  return {
    title: id,
    element,
    leave: () => {
      end();
      shown?.leave();
    },
  };
}

async function sayWhy(id, element) {
  const why = await call("GET", campaignPath(id)).then(
    () => null,
    (problem) => problem,
  );
  if (why === null) return;
  const words =
    why.code === "archived"
      ? "This campaign is archived: it was exported, and its memory is freed."
      : why.code === "not_found"
        ? "No campaign has this id."
        : why.sentence;
  replace(
    element,
    h("h1", { tabindex: "-1" }, id),
    h("p", { class: "notice" }, words ?? String(why)),
    h("p", {}, h("a", { href: "#/campaigns" }, "All campaigns")),
  );
}

function living(first) {
  const [name, shown, edge, rate] = [
    h("h1", { tabindex: "-1" }, first.name),
    h("span", {}),
    h("span", { class: "hint" }),
    h("span", { class: "hint" }),
  ];
  let current = first;
  const now = () => current;
  const actions = actionButtons(now);
  const types = typesTable(first);
  const facts = h("dl", { class: "facts" });
  const windows = windowsPreview();
  const claims = claimsPart(now);
  const fraud = fraudPart(now);
  let [lastState, lastFacts] = ["", ""];
  return {
    elements: [
      h("p", { class: "crumbs" }, h("a", { href: "#/campaigns" }, "Campaigns"), " / ", first.id),
      h("div", { class: "head" }, name, shown, edge, rate),
      actions.element,
      h("h2", {}, "Coupons"),
      types.element,
      h(
        "div",
        { class: "columns uneven" },
        h("section", { class: "card" }, h("h2", {}, "Rules"), facts),
        h("section", { class: "card" }, h("h2", {}, "Windows"), windows.element),
      ),
      h("section", { class: "card" }, h("h2", {}, "Issued coupons"), downloadButtons(now), claims.element),
      h("section", { class: "card" }, h("h2", {}, "Where coupons went"), fraud.element),
    ],
    update(campaign) {
      current = campaign;
      setText(name, campaign.name);
      if (campaign.state !== lastState) replace(shown, badge(campaign.state));
      lastState = campaign.state;
      setText(edge, nextEdge(campaign));
      setText(rate, `${showRate(state.campaignRates.get(campaign.id) ?? 0)} coupons/s`);
      actions.update(campaign);
      types.update(campaign);
      const rows = factsOf(campaign);
      if (JSON.stringify(rows) !== lastFacts)
        replace(
          facts,
          rows.map(([term, text]) => h("div", {}, h("dt", {}, term), h("dd", {}, text))),
        );
      lastFacts = JSON.stringify(rows);
      if (campaign.state === "ended" || campaign.state === "cancelled")
        replace(windows.element, h("p", { class: "hint" }, "None any more."));
      else windows.show({ time_zone: campaign.time_zone, schedule: campaign.schedule });
      claims.update(issuedOf(campaign));
    },
    leave() {},
  };
}

function factsOf(campaign) {
  const { schedule, limit, returns, fairness } = campaign;
  const moment = (text) =>
    showMoment(text, campaign.time_zone) +
    (campaign.time_zone === viewersZone ? "" : ` (for you ${showMoment(text, viewersZone)})`);
  const windows = schedule.windows;
  return [
    ["Mode", MODES[campaign.mode]],
    ["Time zone", campaign.time_zone],
    ["Starts", moment(schedule.starts_at)],
    ["Ends", moment(schedule.ends_at)],
    windows !== undefined && [
      "Windows",
      `${windows.at.join(", ")} for ${windows.duration}, ${windows.days.length === 7 ? "every day" : windows.days.join(", ")}`,
    ],
    ["Limit", `${showCount(limit.max)} per ${limit.per}, by ${limit.by}`],
    ["Phone number", campaign.phone_required || limit.by === "phone" ? "needed" : "not needed"],
    ["Shoppers see", campaign.availability_display === "exact" ? "exact numbers" : "plenty, few, last"],
    ["Redemption", campaign.accept_redemptions ? "goes on" : "is paused"],
    ["A voided coupon", RETURNS[returns.voided]],
    ["An expired coupon", RETURNS[returns.expired]],
    ["Created", moment(campaign.created_at)],
    campaign.cancelled_at !== undefined && [
      "Cancelled",
      `${moment(campaign.cancelled_at)}, ${campaign.revoked ? "issued coupons voided" : "issued coupons stay redeemable"}`,
    ],
    fairness !== undefined && ["Commitment", fairness.commitment],
    fairness !== undefined && ["Seed", fairness.seed ?? "published when it is over"],
    fairness?.entries !== undefined && ["Entries", showCount(fairness.entries.count ?? 0)],
  ].filter(Boolean);
}

function typesTable(first) {
  const isDraw = first.mode === "draw";
  const heads = [
    "Coupon type",
    "Issued",
    "Left today",
    "Redeemed",
    "Voided",
    "Expired",
    ...(isDraw ? ["Odds"] : []),
    "Valid for",
    "Codes",
  ];
  const rows = first.coupon_types.map((type) => {
    const issued = meter(`issued of ${type.name}`);
    const cells = Object.fromEntries(
      ["today", "redeemed", "voided", "expired", "codes"].map((name) => [
        name,
        h(name === "codes" ? "span" : "td", { class: name !== "codes" && "number" }),
      ]),
    );
    const upload = type.codes === "imported" ? uploadButton(first.id, type) : null;
    const element = h(
      "tr",
      {},
      h("th", { scope: "row" }, type.name, h("span", { class: "id" }, type.id)),
      h("td", {}, issued.element),
      cells.today,
      cells.redeemed,
      cells.voided,
      cells.expired,
      isDraw && h("td", { class: "number" }, String(type.probability)),
      h("td", {}, type.valid_for ?? "for ever"),
      h("td", {}, cells.codes, upload),
    );
    return {
      element,
      update(now) {
        issued.update(now.issued, now.total_quota);
        setText(
          cells.today,
          now.daily_quota === null ? "no daily limit" : `${showCount(now.remaining_today)} of ${showCount(now.daily_quota)}`,
        );
        for (const name of ["redeemed", "voided", "expired"]) setText(cells[name], showCount(now[name]));
        setText(cells.codes, now.codes === "imported" ? `${showCount(now.imported)} uploaded ` : "made here");
      },
    };
  });
  const table = h(
    "table",
    {},
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        heads.map((head) => h("th", { scope: "col", class: FIGURES.has(head) && "number" }, head)),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map(({ element }) => element),
    ),
  );
  return {
    element: h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Coupon types" }, table),
    update: (campaign) => campaign.coupon_types.forEach((type, i) => rows[i].update(type)),
  };
}
