// Checks a campaign's body before it is sent, by the rules of the contract: the same fields are named that the server would name.
// The server judges all the same; what it alone can know (overlapping windows, ids that are taken) is left to it. Pure.

import { isZone, parseDuration } from "./time.js";

const ID = /^[a-z0-9][a-z0-9-]{0,63}$/;
const NAME_CHARACTERS_MAX = 200;
const QUOTA_MAX = 1_000_000_000;
const LIMIT_MAX = 1_000;
const WINDOW_MS = { least: 1_000, most: 7 * 86_400_000 };
const WINDOWS_A_DAY_MAX = 1_440;
const BILLION = 1_000_000_000;

/** What is wrong with `body`: a list of `{pointer, detail}`, in the order of the form. */
export function check(body) {
  const faults = [];
  const wrong = (pointer, detail) => faults.push({ pointer, detail });
  checkId(body.id, "/id", wrong);
  checkName(body.name, "/name", wrong);
  if (body.time_zone === undefined) wrong("/time_zone", "is needed");
  else if (!isZone(body.time_zone)) wrong("/time_zone", "must be an IANA time zone, as Asia/Singapore");
  checkSchedule(body.schedule, wrong);
  checkLimit(body, wrong);
  if (body.expected_claimants !== undefined) checkWhole(body.expected_claimants, QUOTA_MAX, "/expected_claimants", wrong);
  if (body.coupon_types.length === 0) wrong("/coupon_types", "must hold at least one coupon type");
  const seen = new Set();
  body.coupon_types.forEach((type, i) => {
    const at = `/coupon_types/${i}`;
    checkType(type, body.mode, at, wrong);
    if (type.id !== undefined && seen.has(type.id)) wrong(`${at}/id`, "stands there for another coupon type");
    seen.add(type.id);
  });
  const odds = body.coupon_types.reduce(
    (sum, { probability }) => sum + Math.round((isChance(probability) ? probability : 0) * BILLION),
    0,
  );
  if (body.mode === "draw" && odds > BILLION) wrong("/coupon_types", "the probabilities must sum to at most 1");
  return faults;
}

function checkId(id, pointer, wrong) {
  if (id === undefined) wrong(pointer, "is needed");
  else if (!ID.test(id)) wrong(pointer, "must be 1 to 64 of a-z, 0-9 and -, and must not begin with -");
}

function checkName(name, pointer, wrong) {
  if (name === undefined) wrong(pointer, "is needed");
  else if ([...name].length > NAME_CHARACTERS_MAX) wrong(pointer, "must be 1 to 200 characters long");
  else if (/\p{Cc}/u.test(name)) wrong(pointer, "must not hold control characters");
}

function checkSchedule({ starts_at, ends_at, windows }, wrong) {
  const moments = { starts_at, ends_at };
  for (const [name, moment] of Object.entries(moments)) {
    if (moment === undefined) wrong(`/schedule/${name}`, "is needed");
    else if (Number.isNaN(Date.parse(moment))) wrong(`/schedule/${name}`, "must be a date and a time");
  }
  if (Date.parse(ends_at) <= Date.parse(starts_at)) wrong("/schedule/ends_at", "must be after the start");
  if (windows !== undefined) checkWindows(windows, wrong);
}

function checkWindows({ at, duration }, wrong) {
  const pointer = "/schedule/windows";
  if (at.length === 0) wrong(`${pointer}/at`, "needs at least one time of day, as 10:00");
  if (at.length > WINDOWS_A_DAY_MAX) wrong(`${pointer}/at`, `must be at most ${WINDOWS_A_DAY_MAX} times`);
  const isTime = (time) => /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/.test(time);
  at.forEach((time, i) => isTime(time) || wrong(`${pointer}/at/${i}`, `${time} is no time of day, as 10:00`));
  const times = at.map((time) => time.replace(/:00$/, (seconds, place) => (place > 2 ? "" : seconds)));
  const twice = times.find((time, i) => times.indexOf(time) !== i);
  if (twice !== undefined && at.every(isTime)) wrong(`${pointer}`, `${twice} stands there twice`);
  const length = parseDuration(duration ?? "");
  if (duration === undefined) wrong(`${pointer}/duration`, "is needed, as 5m");
  else if (length === null) wrong(`${pointer}/duration`, "must be a duration, as 5m or 1h30m");
  else if (length < WINDOW_MS.least || length > WINDOW_MS.most) wrong(pointer, "a window lasts from 1s to 7d");
}

function checkLimit({ mode, limit }, wrong) {
  if (limit?.max !== undefined) checkWhole(limit.max, LIMIT_MAX, "/limit/max", wrong);
  if (mode === "lottery" && ((limit?.max ?? 1) !== 1 || (limit?.per ?? "campaign") !== "campaign")) {
    wrong("/limit", "a lottery takes one entry a person");
  }
}

function checkType(type, mode, at, wrong) {
  checkId(type.id, `${at}/id`, wrong);
  checkName(type.name, `${at}/name`, wrong);
  checkWhole(type.total_quota, QUOTA_MAX, `${at}/total_quota`, wrong);
  if (type.daily_quota !== undefined) checkWhole(type.daily_quota, QUOTA_MAX, `${at}/daily_quota`, wrong);
  if (mode === "draw") checkProbability(type.probability, `${at}/probability`, wrong);
  if (type.valid_for !== undefined && !(parseDuration(type.valid_for) > 0)) {
    wrong(`${at}/valid_for`, "must be a duration, as 30d or 12h");
  }
  const { metadata } = type;
  if (metadata !== undefined && (typeof metadata !== "object" || metadata === null || Array.isArray(metadata))) {
    wrong(`${at}/metadata`, 'must be a JSON object, as {"discount": "5 %"}');
  }
}

function checkWhole(value, most, pointer, wrong) {
  if (value === undefined) wrong(pointer, "is needed");
  else if (!Number.isInteger(value) || value < 1 || value > most) {
    wrong(pointer, `must be a whole number from 1 to ${most.toLocaleString("en-GB")}`);
  }
}

function isChance(value) {
  return typeof value === "number" && value >= 0 && value <= 1;
}

function checkProbability(value, pointer, wrong) {
  if (value === undefined) wrong(pointer, "is needed in a draw");
  else if (!isChance(value)) wrong(pointer, "must be a number from 0 to 1");
  else if (Math.abs(value * BILLION - Math.round(value * BILLION)) > 1e-6) wrong(pointer, "has at most 9 decimal places");
}
