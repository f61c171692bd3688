// Where a campaign's coupons went, for whoever looks for fraud: a sentence and a table for each kind of mark.

import { call, campaignPath } from "./api.js";
import { problemBox, run } from "./dialog.js";
import { h, replace } from "./dom.js";
import { showCount } from "./number.js";
import { showMoment } from "./time.js";

const TOP = 10;
const KINDS = {
  ipv4_24: ["IPv4 block (/24)", "IPv4 blocks (/24)"],
  ipv6_48: ["IPv6 site (/48)", "IPv6 sites (/48)"],
  ipv6_64: ["IPv6 network (/64)", "IPv6 networks (/64)"],
  device: ["device", "devices"],
  phone_prefix: ["phone prefix", "phone prefixes"],
};

/** The report on the campaign that `now()` gives; it is fetched when asked for. */
export function fraudPart(now) {
  const problem = problemBox();
  const place = h("div", {});
  const show = h("button", { type: "button", onclick: () => void load() }, "Show the report");
  async function load() {
    await run(show, problem, async () => {
      const report = await call("GET", campaignPath(now().id, "/report/fraud"));
      replace(place, summary(report, now().time_zone), report.by.filter((by) => by.granted + by.refused > 0).map(breakdown));
    });
  }
  return { element: h("div", {}, h("div", { class: "buttons" }, show), problem.element, place) };
}

function summary(report, zone) {
  const { granted, refused, early, since } = report;
  const reasons = Object.entries(report.gate_refused).filter(([, count]) => count > 0);
  return [
    h(
      "p",
      {},
      `${showCount(granted)} granted and ${showCount(refused)} refused since ${showMoment(since, zone)}. Within ` +
        `${early.within_ms} ms of an opening, sooner than people react: ${showCount(early.granted)} granted ` +
        `(${percent(granted === 0 ? 0 : early.granted / granted)}), ${showCount(early.refused)} refused.`,
    ),
    reasons.length > 0 &&
      h("p", {}, `The gate refused: ${reasons.map(([name, count]) => `${name.replaceAll("_", " ")} ${showCount(count)}`).join(", ")}.`),
  ];
}

function breakdown(by) {
  const [one, many] = KINDS[by.kind] ?? [by.kind, by.kind];
  const heads = [one, "Granted", "Share", "Refused"];
  const rows = by.top.map((line) =>
    h(
      "tr",
      {},
      h("th", { scope: "row", class: "code" }, line.name),
      [showCount(line.granted), percent(line.share), showCount(line.refused)].map((text) => h("td", { class: "number" }, text)),
    ),
  );
  const table = h(
    "table",
    {},
    h("thead", {}, h("tr", {}, heads.map((head, i) => h("th", { scope: "col", class: i > 0 && "number" }, head)))),
    h("tbody", {}, rows),
  );
  const error = Math.max(by.granted_error, by.refused_error);
  return [
    h("p", {}, sentence(by, one, many)),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `By ${one}` }, table),
    error > 0 && h("p", { class: "hint" }, `Counts of single lines may be too low by up to ${showCount(error)}.`),
  ];
}

/** A share, and what it would be if nothing were amiss. */
function sentence(by, one, many) {
  const count = Math.min(TOP, by.distinct);
  const seen = showCount(by.distinct);
  if (by.granted === 0) return `${seen} ${by.distinct === 1 ? one : many} asked, and were granted nothing.`;
  return (
    `${count} ${count === 1 ? one : many} took ${percent(by.top_share)} of what was granted; ` +
    `spread evenly over the ${seen} seen it would be ${percent(by.even_share)}.`
  );
}

function percent(share) {
  return `${(share * 100).toFixed(1)} %`;
}
