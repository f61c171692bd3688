// What the tests of the shopper's page share: how it is opened, and campaigns in each of their states.

import { fromNow, openPage } from "./harness.mjs";

/** The names of `campaign`'s types in the tests that show the page to people. */
export const TYPES = [
  { id: "cash-20", name: "$20 cash coupon", total_quota: 200, valid_for: "30d" },
  { id: "cash-5", name: "$5 cash coupon", total_quota: 1_000, valid_for: "30d" },
];

/** Opens the page of a campaign, as the shop links to it for `user`; without one nobody is known yet. */
export function openCampaign(t, server, id, { user, ...options } = {}) {
  const query = user === undefined ? "" : `?user=${encodeURIComponent(user)}`;
  return openPage(t, server, `/c/${id}${query}`, options);
}

/** Takes `count` coupons through the API, each for a shopper of its own; `members(place)` are added to what each asks. */
export async function crowd(server, id, count, kind = "claims", members = () => ({})) {
  const asked = Array.from({ length: count }, (_, place) => ({ user_id: `crowd-${place}`, ...members(place) }));
  await Promise.all(asked.map((body) => server.call("POST", `/v1/campaigns/${id}/${kind}`, body)));
}

/** A schedule that began a minute ago and lasts an hour. */
export function openNow() {
  return { starts_at: fromNow(-60_000), ends_at: fromNow(3_600_000) };
}
