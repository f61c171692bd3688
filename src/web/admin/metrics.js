// Reads the server's metrics (OpenMetrics text) and says what has happened between two readings. Pure.

/** Samples by name: a list of `{labels, value}` each. Lines that are no samples are passed over. */
export function parseMetrics(text) {
  const samples = new Map();
  for (const line of text.split("\n")) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (match === null || line.startsWith("#")) continue;
    const labels = {};
    for (const [, name, value] of (match[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) labels[name] = value;
    const value = match[3] === "+Inf" ? Infinity : Number(match[3]);
    if (!samples.has(match[1])) samples.set(match[1], []);
    samples.get(match[1]).push({ labels, value });
  }
  return samples;
}

/** One reading, taken at `at` (milliseconds of a clock that only goes forward). */
export class Reading {
  #samples;

  constructor(text, at) {
    this.#samples = parseMetrics(text);
    this.at = at;
  }

  /** The value of a gauge or of a counter, without the prefix; null if the server has none of that name. */
  value(name) {
    return this.#samples.get(`landrush_${name}`)?.[0]?.value ?? null;
  }

  /** The largest of all values of that name; null if there is none. */
  largest(name) {
    const samples = this.#samples.get(`landrush_${name}`);
    return samples === undefined ? null : Math.max(...samples.map(({ value }) => value));
  }

  /** Claims by what was answered. */
  outcomes() {
    const samples = this.#samples.get("landrush_claims_total") ?? [];
    return new Map(samples.map(({ labels, value }) => [labels.outcome, value]));
  }

  /** A histogram: ascending `[bound, count up to it]`. */
  buckets(name) {
    const samples = this.#samples.get(`landrush_${name}_bucket`) ?? [];
    const bound = (text) => (text === "+Inf" ? Infinity : Number(text));
    return samples.map(({ labels, value }) => [bound(labels.le), value]).sort(([a], [b]) => a - b);
  }
}

/** What happened between two readings; null if the server began anew in between. */
export function between(earlier, later) {
  const seconds = (later.at - earlier.at) / 1000;
  const before = earlier.outcomes();
  const rates = new Map();
  for (const [outcome, count] of later.outcomes()) {
    const more = count - (before.get(outcome) ?? 0);
    if (more < 0) return null;
    rates.set(outcome, more / seconds);
  }
  const claims = difference(earlier.buckets("claim_seconds"), later.buckets("claim_seconds"));
  const syncs = difference(earlier.buckets("log_sync_seconds"), later.buckets("log_sync_seconds"));
  return {
    at: later.at,
    rates,
    claims: [...rates.values()].reduce((sum, rate) => sum + rate, 0),
    latency: { p50: quantile(claims, 0.5), p99: quantile(claims, 0.99), p999: quantile(claims, 0.999) },
    sync: { p50: quantile(syncs, 0.5), p99: quantile(syncs, 0.99) },
    connections: later.value("http_connections"),
    watchers: later.value("watchers"),
  };
}

/** The cumulative counts of what `later` has and `earlier` had not. */
export function difference(earlier, later) {
  const before = new Map(earlier);
  return later.map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)]);
}

/**
 * The value below which the part `q` of all lies, taken as spread evenly within its bucket; null if there is none. Of what lies
 * beyond the last bound it says that bound.
 */
export function quantile(buckets, q) {
  const all = buckets.at(-1)?.[1] ?? 0;
  if (all <= 0) return null;
  const rank = q * all;
  let [lower, below] = [0, 0];
  for (const [bound, count] of buckets) {
    if (count >= rank && count > below) {
      return bound === Infinity ? lower : lower + (bound - lower) * ((rank - below) / (count - below));
    }
    [lower, below] = [bound, count];
  }
  return lower;
}
