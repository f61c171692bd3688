// Looks up one coupon by its code, or one person: their phone number and name, and what they hold in every campaign.

import { allCampaigns, call, campaignPath } from "./api.js";
import { claimTable } from "./claims.js";
import { problemBox, run } from "./dialog.js";
import { h, replace } from "./dom.js";
import { field, line } from "./fields.js";
import { showMoment, viewersZone } from "./time.js";

/** Campaigns that are asked at once about a person. */
const AT_ONCE = 6;

/** The view; `parameters` may name a `code` or a `user` to look up at once. */
export function lookUp(parameters) {
  const coupon = searchCard("Coupon", "Code", "7K3M-…", couponOf);
  const user = searchCard("Person", "User id", "u-1", userOf);
  const element = h("section", {}, h("h1", { tabindex: "-1" }, "Look up"), coupon.element, user.element);
  if (parameters.has("code")) coupon.search(parameters.get("code"));
  if (parameters.has("user")) user.search(parameters.get("user"));
  return { title: "Look up", element };
}

function searchCard(title, label, placeholder, find) {
  const problem = problemBox();
  const input = line("", { placeholder, autocapitalize: "none", spellcheck: "false", required: true });
  const button = h("button", { class: "main" }, "Look up");
  const found = h("div", { "aria-live": "polite" });
  const submit = (event) => {
    event?.preventDefault();
    replace(found);
    if (input.value.trim() === "") return problem.say(`Type a ${label.toLowerCase()} first.`);
    void run(button, problem, async () => replace(found, await find(input.value.trim(), submit)));
  };
  return {
    element: h(
      "section",
      { class: "card" },
      h("h2", {}, title),
      h("form", { onsubmit: submit, novalidate: true, class: "search" }, field(label, input), button),
      problem.element,
      found,
    ),
    search(text) {
      input.value = text;
      submit();
    },
  };
}

async function couponOf(code) {
  const coupon = await call("GET", `/v1/coupons/${encodeURIComponent(code)}`);
  const known = {
    state: (state) => h("span", { class: `badge k-${state}` }, state),
    campaign_id: (id) => h("a", { href: `#/campaigns/${encodeURIComponent(id)}` }, id),
    user_id: (id) => h("a", { href: `#/look-up?user=${encodeURIComponent(id)}` }, id),
    code: (text) => h("span", { class: "code" }, text),
  };
  const terms = Object.entries(coupon).filter(([, value]) => value !== null);
  return h(
    "dl",
    { class: "facts" },
    terms.map(([name, value]) =>
      h("div", {}, h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, known[name]?.(value) ?? shown(name, value))),
    ),
  );
}

function shown(name, value) {
  if (name.endsWith("_at")) return showMoment(value, viewersZone);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

async function userOf(id, again) {
  const path = `/v1/users/${encodeURIComponent(id)}`;
  const person = await call("GET", path).catch((problem) => {
    if (problem.code !== "not_found") throw problem;
    return null;
  });
  const held = await heldBy(id);
  return [
    h(
      "dl",
      { class: "facts" },
      h("div", {}, h("dt", {}, "Phone"), h("dd", {}, person?.phone ?? "none stored")),
      h("div", {}, h("dt", {}, "Name"), h("dd", {}, person?.name ?? "none stored")),
    ),
    held.length === 0 && h("p", { class: "empty" }, "Holds nothing in any campaign."),
    held.map(({ campaign, claims }) => [
      h("h3", {}, h("a", { href: `#/campaigns/${encodeURIComponent(campaign.id)}` }, campaign.name)),
      claimTable(campaign, claims, again),
    ]),
  ];
}

// What the person holds, by campaign; a few campaigns are asked at a time.
async function heldBy(id) {
  const waiting = await allCampaigns();
  const held = [];
  const ask = async () => {
    for (let campaign = waiting.shift(); campaign !== undefined; campaign = waiting.shift()) {
      const claims = await claimsOf(campaign, id);
      if (claims.length > 0) held.push({ campaign, claims });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  return held.sort((a, b) => a.campaign.id.localeCompare(b.campaign.id));
}

async function claimsOf(campaign, id) {
  const user = encodeURIComponent(id);
  try {
    if (campaign.mode === "lottery") return [await call("GET", campaignPath(campaign.id, `/entries/by-user/${user}`))];
    return (await call("GET", campaignPath(campaign.id, `/claims/by-user/${user}`))).items;
  } catch (problem) {
    // No entry; or the campaign was archived since the list was read.
    if (problem.code === "not_found" || problem.code === "archived") return [];
    throw problem;
  }
}
