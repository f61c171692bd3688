// How figures are written for people.

const whole = new Intl.NumberFormat("en-GB");
const short = new Intl.NumberFormat("en-GB", { notation: "compact", maximumSignificantDigits: 3 });

/** `12,345`. */
export function showCount(count) {
  return whole.format(count);
}

/** `12.3K`, where there is little room. */
export function showShort(value) {
  return short.format(value);
}

/** A rate a second: whole from ten on. */
export function showRate(rate) {
  return rate >= 10 || rate === 0 ? whole.format(Math.round(rate)) : rate.toFixed(1);
}

/** A short time in its natural unit: `850 µs`, `3.2 ms`, `1.5 s`. */
export function showSeconds(seconds) {
  if (seconds === 0) return "0 s";
  const [value, unit] = seconds >= 1 ? [seconds, "s"] : seconds >= 0.001 ? [seconds * 1e3, "ms"] : [seconds * 1e6, "µs"];
  return `${value >= 100 ? Math.round(value) : Number(value.toPrecision(2))} ${unit}`;
}

/** A part of a whole in percent: `0 %` and `100 %` only where it is so. */
export function showPercent(part, all) {
  if (part === 0 || all === 0) return "0 %";
  if (part >= all) return "100 %";
  return `${Math.min(99, Math.max(1, Math.round((part / all) * 100)))} %`;
}

/** `1.5 MB`. */
export function showBytes(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
