// Owns what the page says: states, what is left, and why something was refused, in words that a shopper understands.

import { moment } from "./times.js";

/** A state of a campaign in two words at most. */
const STATES = {
  scheduled: "Opens soon",
  open: "Open now",
  paused: "Paused",
  sold_out: "Sold out",
  daily_sold_out: "Sold out today",
  closed: "Closed for now",
  ended: "Ended",
  cancelled: "Cancelled",
};

export function stateWord(state) {
  return STATES[state] ?? state;
}

const BUCKETS = { plenty: "Plenty left", few: "Few left", last: "Last ones", none: "None left" };

const counted = new Intl.NumberFormat("en-GB");

export function count(number) {
  return counted.format(number);
}

/** What is left: of a quota if it is counted, in words if the shop shows no counts. */
export function leftWords(left, quota) {
  if (typeof left !== "number") return BUCKETS[left] ?? left;
  return left === 0 ? "None left" : `${count(left)} of ${count(quota)} left`;
}

export function isNone(left) {
  return left === 0 || left === "none";
}

/** What the button says, by the campaign's mode. */
export const BUTTONS = {
  first_come: "Get my coupon",
  draw: "Try my luck",
  lottery: "Enter the lottery",
};

/** What is going on, below the title. */
export const RULES = {
  first_come: "First come, first served.",
  draw: "Every try draws: some win a coupon, some do not.",
  lottery: "Everybody who enters has the same chance; the winners are drawn at the end.",
};

/** How often one may take part. */
export function limitWords({ max, per, by }, mode) {
  const what = { first_come: ["coupon", "coupons"], draw: ["try", "tries"], lottery: ["entry", "entries"] }[mode];
  const whom = by === "phone" ? "phone number" : "person";
  const span = { campaign: "", day: " a day", window: " each time it opens" }[per];
  return `${max === 1 ? "One" : count(max)} ${what[max === 1 ? 0 : 1]} per ${whom}${span}.`;
}

/** When a campaign with windows opens, in its own zone, as the shop has said it. */
export function windowWords({ windows }, zone) {
  if (!windows) return null;
  const { at, days, duration } = windows;
  const names = { mon: "Mon", tue: "Tue", wed: "Wed", thu: "Thu", fri: "Fri", sat: "Sat", sun: "Sun" };
  const when = !days || days.length === 7 ? "every day" : `on ${days.map((day) => names[day] ?? day).join(", ")}`;
  return `Opens ${when} ${timesWords(at)} (${zone.replaceAll("_", " ")}), for ${duration} each time.`;
}

/** So many times of day are named one by one. */
const TIMES_MAX = 8;

/** Times of day, as briefly as they can be told: `at` is in order. */
function timesWords(at) {
  if (at.length <= TIMES_MAX) return `at ${at.join(", ")}`;
  const seconds = at.map((time) => time.split(":").reduce((sum, part) => sum * 60 + Number(part), 0) * (time.length > 5 ? 1 : 60));
  const gaps = seconds.slice(1).map((time, place) => time - seconds[place]);
  if (gaps.some((gap) => gap !== gaps[0])) return `at ${at.slice(0, TIMES_MAX - 1).join(", ")} and ${at.length - TIMES_MAX + 1} times more`;
  const [hours, minutes, rest] = [Math.floor(gaps[0] / 3_600), Math.floor(gaps[0] / 60) % 60, gaps[0] % 60];
  const units = [[hours, "hour"], [minutes, "minute"], [rest, "second"]].filter(([number]) => number > 0);
  const every = units.map(([number, unit]) => (number === 1 && units.length === 1 ? unit : `${number} ${unit}${number === 1 ? "" : "s"}`)).join(" ");
  const isAllDay = seconds[0] + 86_400 - seconds.at(-1) === gaps[0];
  return isAllDay ? `and night, every ${every}` : `every ${every} from ${at[0]} to ${at.at(-1)}`;
}

/** What is told while a press is repeated. */
export function retryWords({ problem }) {
  if (problem.status === 0) return "No answer just now. Trying again – you need not do anything.";
  if (problem.code === "rate_limited") return "That was quick. Trying again in a moment…";
  return "Many people at once. Trying again – you need not do anything.";
}

/** What is said to somebody who has not come to the waiting room. */
export function joinWords(room, now) {
  if (room?.state === "sold_out") {
    return room.resets_at ? `${newOnesWords(room, now)} Join the waiting room to get your place in line for them.` : "The coupons are gone.";
  }
  if (room?.state === "over") return "This is over.";
  const isAhead = room !== null && now < Date.parse(room.opens_at);
  return isAhead
    ? "There is a waiting room. Join it before the opening: all who do are shuffled then, so nothing is gained by being first."
    : "There is a waiting room. Join it to get your place in line.";
}

/** Where somebody stands who has. */
export function placeWords({ state, position, estimated_wait, admitted_until, resets_at }, room, now) {
  switch (state) {
    case "admitted":
      return `It is your turn. Your place is kept until ${moment(Date.parse(admitted_until), now).replace(/^today at /, "")}.`;
    case "sold_out":
      return resets_at ? `${newOnesWords({ resets_at }, now)} Your place is kept.` : "The coupons are gone. Thank you for waiting.";
    case "over":
      return "Your turn has passed. You can join again, at the end of the line.";
    default: {
      if (position === null) return "You are in. Places are drawn at the opening; this page keeps yours, also if you load it again.";
      const ahead = Math.max(0, position - 1 - (room?.now_serving ?? 0));
      const wait = estimated_wait === null || ahead === 0 ? "" : ` That is about ${spanWords(Math.ceil((ahead + 1) / (room?.admit_per_second ?? 1)))}.`;
      return ahead === 0 ? "You are next." : `You are number ${count(position)}: ${count(ahead)} ${ahead === 1 ? "person is" : "people are"} ahead of you.${wait}`;
    }
  }
}

function newOnesWords({ resets_at }, now) {
  return `Today’s coupons are gone. There are new ones ${moment(Date.parse(resets_at), now)}.`;
}

function spanWords(seconds) {
  if (seconds < 60) return "a minute";
  const minutes = Math.ceil(seconds / 60);
  return `${count(minutes)} minutes`;
}

/** Why a press came to nothing. */
export function problemWords(problem, { now }) {
  const later = (text, at) => (at ? `${text} ${moment(Date.parse(at), now)}.` : null);
  switch (problem.code) {
    case "sold_out":
      return "Sold out: the last coupon has just gone.";
    case "daily_sold_out":
      return problem.resets_at ? newOnesWords(problem, now) : "Today’s coupons are gone.";
    case "not_open":
      return later("Not open yet. It opens", problem.opens_at) ?? "Not open yet.";
    case "ended":
      return "This is over.";
    case "cancelled":
      return "The shop has cancelled this.";
    case "paused":
      return "The shop has paused this for the moment. Please try again later.";
    case "limit_reached":
      return "The limit is used up: this phone number or person has taken part already.";
    case "not_found":
      return "This is not here any more.";
    case "archived":
      return "This is long over.";
    case "unauthorized":
    case "forbidden":
      return "Please sign in at the shop, and open this page from there.";
    case "not_eligible":
      return "This is for invited customers only.";
    case "ticket_required":
      return "It is not your turn yet.";
    case "insecure_page":
      return "This browser takes that step only on secure pages. Please open it from the shop’s own page.";
    case "challenge_required":
      return "The check before the coupon was not passed. Please try once more.";
    case "rate_limited":
      return "Too many tries in a short time. Please wait a little.";
    case "invalid_request":
      return invalidWords(problem.errors);
    case "network":
    case "timeout":
      return "No answer from the shop. Check your connection and press again: you will not be counted twice.";
    case "overloaded":
    case "starting":
    case "shutting_down":
    case "log_unavailable":
      return "Very many people are trying at once. Please press again: you will not be counted twice.";
    default:
      return `That did not work: ${problem.title || problem.message}`;
  }
}

function invalidWords(errors) {
  const fields = { "/user_id": "The customer id", "/phone": "The phone number", "/coupon_type": "The kind of coupon" };
  const first = errors.find(({ pointer }) => fields[pointer]);
  return first ? `${fields[first.pointer]} ${first.detail}.` : "Something in the form is not right.";
}
