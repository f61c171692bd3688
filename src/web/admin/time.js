// Times and time zones: how moments are shown, and which moment a wall clock in a zone shows.

const formats = new Map();

function format(zone, options) {
  const name = `${zone} ${JSON.stringify(options)}`;
  if (!formats.has(name)) formats.set(name, new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options }));
  return formats.get(name);
}

/** The zone of whoever looks at the page. */
export const viewersZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The zones that the browser knows, by their IANA names. */
export function zones() {
  return ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];
}

/** Whether the browser knows a zone of this name. */
export function isZone(name) {
  try {
    format(name, {});
    return /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
}

/** `Tue 1 Dec 2026, 10:00` in `zone`, with seconds where there are any. */
export function showMoment(text, zone) {
  const date = new Date(text);
  const seconds = date.getUTCSeconds() === 0 ? {} : { second: "2-digit" };
  const options = { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" };
  return format(zone, { ...options, ...seconds, hourCycle: "h23" }).format(date);
}

/** The clock's time in `zone`: `10:00`, with seconds where there are any. */
export function showClock(text, zone) {
  const date = new Date(text);
  const seconds = date.getUTCSeconds() === 0 ? {} : { second: "2-digit" };
  return format(zone, { hour: "2-digit", minute: "2-digit", ...seconds, hourCycle: "h23" }).format(date);
}

/** How far `zone` is from UTC at that moment: `UTC+08:00`. */
export function showOffset(text, zone) {
  const minutes = offsetMs(new Date(text).getTime(), zone) / 60_000;
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.round(Math.abs(minutes) % 60)];
  return `UTC${minutes < 0 ? "−" : "+"}${String(hours).padStart(2, "0")}:${String(rest).padStart(2, "0")}`;
}

function offsetMs(moment, zone) {
  return wallOf(moment, zone) - Math.floor(moment / 1000) * 1000;
}

// What a wall clock in `zone` shows, read as if it were UTC, in whole seconds.
function wallOf(moment, zone) {
  const options = {
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
    hourCycle: "h23",
  };
  const part = Object.fromEntries(
    format(zone, options)
      .formatToParts(moment)
      .map(({ type, value }) => [type, Number(value)]),
  );
  return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second);
}

/**
 * The moment at which a wall clock in `zone` first shows `wall` (`2026-12-01T10:00`, seconds optional), in RFC 3339; if clocks
 * skip it, the moment at which they have jumped. Null if `wall` is no time.
 */
export function toInstant(wall, zone) {
  const shown = Date.parse(`${wall}Z`);
  if (Number.isNaN(shown) || !isZone(zone)) return null;
  const day = 86_400_000;
  // The offsets before and after any change near by; of the moments they give, the first that shows the time.
  const offsets = [offsetMs(shown - day, zone), offsetMs(shown + day, zone)];
  const moments = offsets.map((offset) => shown - offset).sort((a, b) => a - b);
  const exact = moments.find((moment) => wallOf(moment, zone) === shown);
  return new Date(exact ?? jumpBetween(moments[0], moments[1], zone)).toISOString();
}

// The first moment after `before` that has the offset of `after`.
function jumpBetween(before, after, zone) {
  const target = offsetMs(after, zone);
  let [low, high] = [before, after];
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2000) * 1000;
    if (offsetMs(middle, zone) === target) high = middle;
    else low = middle;
  }
  return high;
}

/** What a wall clock in `zone` shows at a moment, as an `<input type=datetime-local>` takes it. */
export function toWall(text, zone) {
  return new Date(wallOf(new Date(text).getTime(), zone)).toISOString().slice(0, 19).replace(/:00$/, "");
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
];

/** Milliseconds of a duration as the contract writes it (`1h30m`); null if it is none. */
export function parseDuration(text) {
  const match = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(text);
  if (match === null || text === "") return null;
  return UNITS.reduce((sum, [, length], i) => sum + Number(match[i + 1] ?? 0) * length, 0);
}

/** A length of time for people, in its two largest units: `3 d 4 h`, `5 min`. */
export function showLength(milliseconds) {
  const units = [
    ["d", 86_400],
    ["h", 3_600],
    ["min", 60],
    ["s", 1],
  ];
  let seconds = Math.max(0, Math.round(milliseconds / 1000));
  const parts = [];
  for (const [name, length] of units) {
    const count = Math.floor(seconds / length);
    if (count > 0 && parts.length < 2) parts.push(`${count} ${name}`);
    seconds -= count * length;
  }
  return parts.length === 0 ? "0 s" : parts.join(" ");
}
