// The overview: how the server is doing, over the last five minutes, and its campaigns.

import { campaignTable } from "./campaigns.js";
import { createChart } from "./chart.js";
import { h, replace, setText } from "./dom.js";
import { KEPT_MS, state, subscribe } from "./feed.js";
import { showCount, showRate, showSeconds, showShort } from "./number.js";

/** Outcomes that are shown each for itself; the rest is one. */
const OUTCOMES = [
  ["won", "won"],
  ["no_coupon", "no coupon"],
  ["entered", "entered"],
  ["repeated", "repeated"],
  ["sold_out", "sold out"],
  ["daily_sold_out", "sold out today"],
  ["not_open", "not open"],
  ["limit_reached", "limit reached"],
  ["overloaded", "overloaded"],
];
const NAMED = new Set(OUTCOMES.map(([name]) => name));
// What is an answer that the person wanted.
const GRANTED = new Set(["won", "no_coupon", "entered", "repeated"]);

function sumOf(rates, wanted) {
  let sum = 0;
  for (const [outcome, rate] of rates) if (wanted(outcome)) sum += rate;
  return sum;
}

function charts() {
  const rate = (outcome) => (point) => point.rates.get(outcome) ?? 0;
  const all = { spanMs: KEPT_MS };
  return [
    createChart({
      ...all,
      title: "Claims per second",
      description: "Claims, draws and entries answered each second: granted, and refused.",
      show: showShort,
      least: 5,
      stacked: true,
      series: [
        { label: "granted", colour: "c-won", value: (point) => sumOf(point.rates, (outcome) => GRANTED.has(outcome)) },
        { label: "refused", colour: "c-refused", value: (point) => sumOf(point.rates, (outcome) => !GRANTED.has(outcome)) },
      ],
    }),
    createChart({
      ...all,
      title: "Time to answer a claim",
      description: "The time from a claim's head to its answer: median, 99th and 99.9th percentile of each second.",
      show: showSeconds,
      least: 0.001,
      series: [
        { label: "p50", colour: "c-p50", value: (point) => point.latency.p50 },
        { label: "p99", colour: "c-p99", value: (point) => point.latency.p99 },
        { label: "p99.9", colour: "c-p999", value: (point) => point.latency.p999 },
      ],
    }),
    createChart({
      ...all,
      title: "Outcomes per second",
      description: "What claims were answered each second, by outcome or reason of refusal.",
      show: showShort,
      least: 5,
      stacked: true,
      hidesIdle: true,
      series: [
        ...OUTCOMES.map(([name, label]) => ({ label, colour: `c-${name.replaceAll("_", "-")}`, value: rate(name) })),
        { label: "other refusals", colour: "c-other", value: (point) => sumOf(point.rates, (outcome) => !NAMED.has(outcome)) },
      ],
    }),
    createChart({
      ...all,
      title: "Log sync time",
      description: "The time until a write to the log was durable: median and 99th percentile of each second.",
      show: showSeconds,
      least: 0.001,
      series: [
        { label: "p50", colour: "c-p50", value: (point) => point.sync.p50 },
        { label: "p99", colour: "c-p99", value: (point) => point.sync.p99 },
      ],
    }),
    createChart({
      ...all,
      title: "Connections",
      description: "Open connections, those that wait for the next request among them.",
      show: showShort,
      least: 5,
      series: [{ label: "connections", colour: "c-p50", value: (point) => point.connections }],
    }),
    createChart({
      ...all,
      title: "Watchers",
      description: "Event streams that are open: people who watch the stock live.",
      show: showShort,
      least: 5,
      series: [{ label: "watchers", colour: "c-entered", value: (point) => point.watchers }],
    }),
  ];
}

const TILES = [
  ["Claims a second", (point) => showRate(point.claims)],
  ["Won since start", (point, reading) => showCount(reading.outcomes().get("won") ?? 0)],
  ["Answered, p99", (point) => secondsOr(point.latency.p99)],
  ["Log sync, p99", (point) => secondsOr(point.sync.p99)],
  [
    "Fullest mailbox",
    (point, reading) =>
      `${showCount(reading.largest("mailbox_depth") ?? 0)} of ${showShort(reading.value("mailbox_capacity") ?? 0)}`,
  ],
  ["Connections", (point) => showCount(point.connections ?? 0)],
  ["Watchers", (point) => (point.watchers === null ? "–" : showCount(point.watchers))],
  ["Log", (point, reading) => (reading.value("log_accepts") === 1 ? "accepts" : "takes nothing")],
];

function secondsOr(seconds) {
  return seconds === null ? "–" : showSeconds(seconds);
}

/** The view; `leave` ends its subscriptions. */
export function overview() {
  const figures = TILES.map(([, show]) => ({ show, element: h("dd", {}, "–") }));
  const drawn = charts();
  const campaigns = campaignTable();
  const none = h("p", { class: "hint" });
  const element = h(
    "section",
    {},
    h("h1", { tabindex: "-1" }, "Overview"),
    h(
      "dl",
      { class: "tiles" },
      TILES.map(([name], i) => h("div", {}, h("dt", {}, name), figures[i].element)),
    ),
    none,
    h(
      "div",
      { class: "charts" },
      drawn.map((chart) => chart.element),
    ),
    h("h2", {}, "Campaigns"),
    campaigns.element,
  );
  const update = () => {
    const point = state.points.at(-1);
    replace(none, point === undefined && "The first figures come in a second or two.");
    for (const { show, element } of figures) if (point !== undefined) setText(element, show(point, state.reading));
    const now = state.reading?.at ?? performance.now();
    for (const chart of drawn) chart.update(state.points, now);
  };
  const ends = [subscribe(update), campaigns.leave];
  return { title: "Overview", element, leave: () => ends.forEach((end) => end()) };
}
