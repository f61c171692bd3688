// What the form holds, and the campaign that it makes: from text in fields to the body of the contract, and back. Pure.

import { isZone, toInstant, toWall } from "./time.js";

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** What an empty form holds: text as it stands in the fields. */
export function emptyValues(zone) {
  return {
    id: "",
    name: "",
    mode: "first_come",
    time_zone: zone,
    starts_at: "",
    ends_at: "",
    has_windows: false,
    times: "",
    days: [],
    duration: "",
    max: "",
    per: "",
    by: "user",
    phone_required: false,
    availability_display: "exact",
    expected_claimants: "",
    voided: "restock",
    expired: "burn",
    coupon_types: [emptyType()],
  };
}

/** A coupon type of which nothing is said. */
export function emptyType() {
  return { id: "", name: "", total_quota: "", daily_quota: "", probability: "", valid_for: "", codes: "generated", metadata: "" };
}

/** The body that makes the campaign. What is left empty is left out; what is no number stays text, for the check to refuse. */
export function bodyOf(values) {
  const isLottery = values.mode === "lottery";
  const moment = (wall) =>
    wall === "" ? undefined : ((isZone(values.time_zone) ? toInstant(wall, values.time_zone) : null) ?? wall);
  return without({
    id: text(values.id),
    name: text(values.name),
    time_zone: text(values.time_zone),
    mode: values.mode,
    schedule: without({
      starts_at: moment(values.starts_at),
      ends_at: moment(values.ends_at),
      windows: values.has_windows && !isLottery ? windowsOf(values) : undefined,
    }),
    limit: isLottery
      ? undefined
      : some(without({ max: number(values.max), per: text(values.per), by: values.by === "user" ? undefined : values.by })),
    phone_required: values.phone_required || undefined,
    availability_display: values.availability_display,
    expected_claimants: number(values.expected_claimants),
    returns: { voided: values.voided, expired: values.expired },
    coupon_types: values.coupon_types.map((type) => typeOf(type, values.mode)),
  });
}

function windowsOf(values) {
  const at = values.times.split(/[\s,;]+/).filter((time) => time !== "");
  const days = DAYS.filter((day) => values.days.includes(day));
  // None chosen, and all chosen, is every day.
  const isEvery = days.length === 0 || days.length === DAYS.length;
  return without({ at, days: isEvery ? undefined : days, duration: text(values.duration) });
}

function typeOf(type, mode) {
  return without({
    id: text(type.id),
    name: text(type.name),
    total_quota: number(type.total_quota),
    daily_quota: mode === "lottery" ? undefined : number(type.daily_quota),
    probability: mode === "draw" ? number(type.probability) : undefined,
    valid_for: text(type.valid_for),
    codes: type.codes,
    metadata: metadata(type.metadata),
  });
}

function text(value) {
  const trimmed = value.trim();
  return trimmed === "" ? undefined : trimmed;
}

function number(value) {
  const trimmed = value.trim().replace(/(?<=\d)[ ,_](?=\d{3}\b)/g, "");
  if (trimmed === "") return undefined;
  return /^-?(\d+\.?\d*|\.\d+)$/.test(trimmed) ? Number(trimmed) : trimmed;
}

function metadata(value) {
  try {
    return value.trim() === "" ? undefined : JSON.parse(value);
  } catch {
    return value;
  }
}

function without(members) {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function some(members) {
  return Object.keys(members).length === 0 ? undefined : members;
}

/** What a form holds that would make `campaign` once more, under another id. */
export function valuesOf(campaign) {
  const { schedule, limit, returns } = campaign;
  const { windows } = schedule;
  return {
    ...emptyValues(campaign.time_zone),
    id: nextId(campaign.id),
    name: campaign.name,
    mode: campaign.mode,
    starts_at: toWall(schedule.starts_at, campaign.time_zone),
    ends_at: toWall(schedule.ends_at, campaign.time_zone),
    has_windows: windows !== undefined,
    times: (windows?.at ?? []).join(", "),
    days: windows === undefined || windows.days.length === DAYS.length ? [] : windows.days,
    duration: windows?.duration ?? "",
    max: String(limit.max),
    per: limit.per,
    by: limit.by,
    phone_required: campaign.phone_required,
    availability_display: campaign.availability_display,
    expected_claimants: String(campaign.expected_claimants),
    voided: returns.voided,
    expired: returns.expired,
    coupon_types: campaign.coupon_types.map((type) => ({
      id: type.id,
      name: type.name,
      total_quota: String(type.total_quota),
      daily_quota: type.daily_quota === null ? "" : String(type.daily_quota),
      probability: type.probability === undefined ? "" : decimal(type.probability),
      valid_for: type.valid_for ?? "",
      codes: type.codes,
      metadata: type.metadata === undefined ? "" : JSON.stringify(type.metadata, null, 2),
    })),
  };
}

// Without an exponent: 0.000000001.
function decimal(value) {
  return value.toFixed(9).replace(/\.?0+$/, "");
}

function nextId(id) {
  const [, stem, count] = /^(.*?)(?:-(\d+))?$/.exec(id);
  return `${stem}-${Number(count ?? 1) + 1}`.slice(0, 64);
}

/** A body of the same windows that is whole whatever else the form still lacks. */
export function windowsOnly({ time_zone, schedule }) {
  return {
    id: `preview-${crypto.randomUUID()}`,
    name: "preview",
    mode: "first_come",
    time_zone,
    schedule,
    coupon_types: [{ id: "preview", name: "preview", total_quota: 1 }],
  };
}
