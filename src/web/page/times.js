// Owns how moments and spans of time are said. The page speaks English, in the viewer's own time zone.

const LOCALE = "en-GB";
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The viewer's time zone. */
export const viewerZone = new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** A moment as people say it: "today at 10:00", "tomorrow at 10:00", "Fri 4 Dec at 10:00". */
export function moment(at, now, zone = viewerZone) {
  const time = new Intl.DateTimeFormat(LOCALE, { timeZone: zone, hour: "2-digit", minute: "2-digit", ...seconds(at, now) }).format(at);
  const day = dayKey(at, zone);
  if (day === dayKey(now, zone)) return `today at ${time}`;
  if (day === dayKey(nextDay(now, zone), zone)) return `tomorrow at ${time}`;
  const far = Math.abs(at - now) > 300 * DAY;
  const date = { timeZone: zone, weekday: "short", day: "numeric", month: "short", ...(far ? { year: "numeric" } : {}) };
  return `${new Intl.DateTimeFormat(LOCALE, date).format(at).replace(",", "")} at ${time}`;
}

// Seconds only where there are any, and only when they matter soon: nobody needs "10:00:00", or the second of next month.
function seconds(at, now) {
  return at % MINUTE >= SECOND && Math.abs(at - now) < 10 * MINUTE ? { second: "2-digit" } : {};
}

/** Names the day of a moment in a zone; one day, one name. */
export function dayKey(at, zone) {
  return new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" }).format(at);
}

/** The first moment of the next day in a zone, to the second. Days are up to 25 hours long. */
export function nextDay(now, zone) {
  const today = dayKey(now, zone);
  let [same, other] = [Math.floor(now / SECOND), Math.ceil((now + 26 * HOUR) / SECOND)];
  while (other - same > 1) {
    const middle = Math.floor((same + other) / 2);
    if (dayKey(middle * SECOND, zone) === today) same = middle;
    else other = middle;
  }
  return other * SECOND;
}

/** The digits of a countdown, largest unit first. In the last ten seconds there are tenths, so that one sees it run. */
export function digits(left) {
  if (left <= 10 * SECOND) {
    return [{ value: (Math.ceil(left / 100) / 10).toFixed(1), unit: "seconds" }];
  }
  const whole = Math.ceil(left / SECOND);
  const days = Math.floor(whole / 86_400);
  const part = (value, width, unit) => ({ value: String(value).padStart(width, "0"), unit: value === 1 ? unit : `${unit}s` });
  const parts = [part(Math.floor(whole / 3_600) % 24, 2, "hour"), part(Math.floor(whole / 60) % 60, 2, "minute"), part(whole % 60, 2, "second")];
  // Three figures of days leave no room on a phone, and nobody waits for the minute.
  if (days > 0) return [part(days, 1, "day"), ...parts.slice(0, days > 99 ? 1 : 3)];
  return whole >= 3_600 ? parts : parts.slice(1);
}

/** The next moment at which [`digits`] change, for a countdown to `target`. */
export function nextChange(target, now) {
  const left = target - now;
  const step = left > 10 * SECOND ? SECOND : 100;
  return target - (Math.ceil(left / step) - 1) * step;
}

/** A span in words, roughly: "2 days", "3 hours and 5 minutes", "10 seconds". */
export function spoken(left) {
  const whole = Math.max(0, Math.round(left / SECOND));
  const units = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];
  const first = units.findIndex(([, length]) => whole >= length);
  if (first < 0) return "no time";
  const counted = units.slice(first, first + 2).map(([name, length], place) => {
    const count = Math.floor(place === 0 ? whole / length : (whole % units[first][1]) / length);
    return count === 0 ? null : `${count} ${name}${count === 1 ? "" : "s"}`;
  });
  return counted.filter((part) => part !== null).join(" and ");
}

/** How a span is written beside other things: "3 d 4 h", "12:05", "7 s". */
export function brief(left) {
  const whole = Math.max(0, Math.ceil(left / SECOND));
  if (whole >= 86_400) return `${Math.floor(whole / 86_400)} d ${Math.floor(whole / 3_600) % 24} h`;
  const two = (value) => String(value).padStart(2, "0");
  if (whole >= 3_600) return `${Math.floor(whole / 3_600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return whole >= 60 ? `${Math.floor(whole / 60)}:${two(whole % 60)}` : `${whole} s`;
}
