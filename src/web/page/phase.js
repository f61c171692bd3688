// Owns what a campaign is up to at a moment: what the server said last, carried on by the clock until it says more. Pure.

import { isNone } from "./words.js";

/**
 * What is going on at `now` (the server's time): `state` is one of the contract's, or `daily_sold_out`; `target` the moment that
 * the countdown runs to and `label` what happens then, both null if nothing is to come.
 */
export function phaseAt(now, availability, campaign) {
  const opensAt = time(availability.opens_at);
  const closesAt = time(availability.closes_at);
  const endsAt = time(campaign.schedule.ends_at);
  const isAhead = availability.state === "scheduled" || availability.state === "closed";
  if (isAhead && opensAt !== null && now < opensAt) {
    return { state: availability.state, target: opensAt, label: "Opens in" };
  }
  // The news of the opening may still be on its way: nobody waits for it.
  const isOpen = isAhead || availability.state === "open";
  if (isOpen && closesAt !== null && now >= closesAt) {
    return { state: closesAt >= endsAt ? "ended" : "closed", target: null, label: null };
  }
  if (!isOpen) {
    const closes = availability.state === "paused" && closesAt !== null && now < closesAt && now >= (opensAt ?? 0);
    return { state: availability.state, target: closes ? closesAt : null, label: closes ? "Closes in" : null };
  }
  if (isGoneToday(now, availability, campaign)) {
    const resetsAt = time(availability.resets_at);
    const isToCome = resetsAt < endsAt;
    return { state: "daily_sold_out", target: isToCome ? resetsAt : null, label: isToCome ? "More coupons in" : null };
  }
  return { state: "open", target: closesAt, label: campaign.mode === "lottery" ? "Entries close in" : "Closes in" };
}

// Today's share is gone, and the day is not over. The coupons of a lottery are there until it is drawn.
function isGoneToday(now, { coupon_types, resets_at }, { mode }) {
  const resetsAt = time(resets_at);
  return mode !== "lottery" && resetsAt !== null && now < resetsAt && coupon_types.every(({ remaining_today }) => isNone(remaining_today));
}

function time(text) {
  return text ? Date.parse(text) : null;
}
