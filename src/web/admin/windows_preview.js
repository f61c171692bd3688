// When a campaign would be open: its next windows, worked out by the server, by the campaign's clock and by the viewer's.

import { call, Problem } from "./api.js";
import { h, replace } from "./dom.js";
import { windowsOnly } from "./form_body.js";
import { check } from "./form_check.js";
import { showClock, showLength, showMoment, showOffset, viewersZone } from "./time.js";

const SHOWN_MAX = 20;
const SETTLE_MS = 350;

/** A preview; `show(body)` brings it up to date, soon, with what the schedule of `body` says. */
export function windowsPreview() {
  const element = h("div", { class: "preview", "aria-live": "polite", "aria-busy": "false" });
  let timer = null;
  let current = null;
  let lastAsked = null;
  const show = (body) => {
    const { time_zone, schedule } = body;
    const asked = JSON.stringify([time_zone, schedule]);
    if (asked === lastAsked) return;
    lastAsked = asked;
    clearTimeout(timer);
    current?.abort();
    if (!time_zone || !schedule.starts_at || !schedule.ends_at) {
      return refuse("Say when it starts and ends, and the windows are shown here.");
    }
    const faults = check(windowsOnly(body));
    if (faults.length > 0) return refuse(`No windows yet: ${faults.map(({ detail }) => detail).join("; ")}.`);
    element.setAttribute("aria-busy", "true");
    timer = setTimeout(() => void ask(body), SETTLE_MS);
  };
  const refuse = (why) => {
    current = null;
    element.setAttribute("aria-busy", "false");
    replace(element, h("p", { class: "hint" }, why));
  };
  const ask = async (body) => {
    const mine = (current = new AbortController());
    try {
      const { windows } = await call("POST", "/v1/campaigns?dry_run=true", { json: windowsOnly(body), signal: mine.signal });
      if (mine === current) replace(element, tableOf(windows, body.time_zone, body.schedule.windows !== undefined));
    } catch (error) {
      if (mine !== current || mine.signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      lastAsked = null;
      const details = error.errors.length === 0 ? [error.sentence] : error.errors.map(({ detail }) => detail);
      refuse(`No windows yet: ${details.join("; ")}.`);
    } finally {
      if (mine === current) element.setAttribute("aria-busy", "false");
    }
  };
  return { element, show };
}

function tableOf(windows, zone, recurs) {
  if (windows.length === 0) return h("p", { class: "notice" }, "All of it lies in the past: it would never open.");
  const hasTwoClocks = zone !== viewersZone;
  const shown = windows.slice(0, SHOWN_MAX);
  const heads = ["Opens", "Closes", "Lasts", ...(hasTwoClocks ? [`For you (${viewersZone})`] : [])];
  const rows = shown.map((window, i) => {
    const offset = showOffset(window.opens_at, zone);
    const changed = i > 0 && offset !== showOffset(shown[i - 1].opens_at, zone);
    return h(
      "tr",
      { class: changed && "changed" },
      h(
        "td",
        {},
        showMoment(window.opens_at, zone),
        " ",
        h("span", { class: "offset" }, offset),
        changed && h("span", { class: "note" }, "clocks have changed"),
      ),
      h("td", {}, closing(window, zone)),
      h("td", {}, showLength(Date.parse(window.closes_at) - Date.parse(window.opens_at))),
      hasTwoClocks && h("td", {}, showMoment(window.opens_at, viewersZone), "–", closing(window, viewersZone)),
    );
  });
  const title = recurs
    ? windows.length > SHOWN_MAX
      ? `The next ${SHOWN_MAX} windows`
      : `All ${windows.length} windows to come`
    : "Open all the time";
  return [
    h("h3", {}, `${title}, in ${zone}`),
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Windows" },
      h(
        "table",
        { class: "windows" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            heads.map((head) => h("th", { scope: "col" }, head)),
          ),
        ),
        h("tbody", {}, rows),
      ),
    ),
  ];
}

// Only the time where it is on the same day.
function closing({ opens_at, closes_at }, zone) {
  const day = (moment) => showMoment(moment, zone).split(",").slice(0, -1).join();
  return day(opens_at) === day(closes_at) ? showClock(closes_at, zone) : showMoment(closes_at, zone);
}
