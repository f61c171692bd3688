// The fields of the form that makes a campaign, but for its coupon types: what they are called, which of them a mode has, and what
// stands in them.

import { h, newId, replace } from "./dom.js";
import { choice, field, group, line, tick } from "./fields.js";
import { DAYS } from "./form_body.js";
import { couponTypes } from "./form_types.js";
import { isZone, showMoment, showOffset, toInstant, viewersZone, zones } from "./time.js";

const DAY_NAMES = { mon: "Mon", tue: "Tue", wed: "Wed", thu: "Thu", fri: "Fri", sat: "Sat", sun: "Sun" };
const MODES = [
  ["first_come", "First come", "Whoever claims first gets a coupon, while there are any."],
  ["draw", "Draw", "Each draw wins by chance: every coupon type has a probability."],
  ["lottery", "Lottery", "People enter until the end; winners are drawn then."],
];

/** All fields with these values in them; `onChange` is called when a row of coupon types comes or goes. */
export function formParts(values, onChange) {
  let isBuilt = false;
  const types = couponTypes(values.coupon_types, () => isBuilt && onChange());
  const modes = modeField(values.mode);
  const controls = {
    id: line(values.id, { autocapitalize: "none", spellcheck: "false", placeholder: "spring-sale" }),
    name: line(values.name, { placeholder: "Spring sale" }),
    time_zone: line(values.time_zone, { list: newId("zones"), spellcheck: "false" }),
    starts_at: moment(values.starts_at),
    ends_at: moment(values.ends_at),
    times: line(values.times, { inputmode: "text", placeholder: "10:00, 15:00, 20:00" }),
    duration: line(values.duration, { placeholder: "5m", autocapitalize: "none" }),
    max: line(values.max, { inputmode: "numeric", placeholder: "1" }),
    per: choice(
      [
        ["", "as the mode has it"],
        ["campaign", "the whole campaign"],
        ["day", "a day"],
        ["window", "a window"],
      ],
      values.per,
    ),
    by: choice(
      [
        ["user", "user"],
        ["phone", "phone number"],
      ],
      values.by,
    ),
    availability_display: choice(
      [
        ["exact", "exact numbers"],
        ["bucketed", "plenty, few, last"],
      ],
      values.availability_display,
    ),
    expected_claimants: line(values.expected_claimants, { inputmode: "numeric", placeholder: "1000000" }),
    voided: choice(
      [
        ["restock", "goes back on the shelf"],
        ["burn", "is gone"],
      ],
      values.voided,
    ),
    expired: choice(
      [
        ["burn", "is gone"],
        ["restock", "goes back on the shelf"],
      ],
      values.expired,
    ),
  };
  const hasWindows = checkbox(values.has_windows);
  const phone = checkbox(values.phone_required);
  const days = DAYS.map((day) => [day, checkbox(values.days.includes(day))]);
  const zoneList = h(
    "datalist",
    { id: controls.time_zone.getAttribute("list") },
    zones().map((zone) => h("option", { value: zone })),
  );
  const instants = { starts_at: h("span", { class: "instant" }), ends_at: h("span", { class: "instant" }) };
  const windows = h(
    "div",
    { class: "grid", "data-pointer": "/schedule/windows" },
    h("p", { class: "error full" }),
    field("Opens at", controls.times, { pointer: "/schedule/windows/at", hint: "Times of day in the campaign’s zone" }),
    field("Stays open for", controls.duration, { pointer: "/schedule/windows/duration", hint: "5m, 1h30m" }),
    h(
      "fieldset",
      { class: "days full", "data-pointer": "/schedule/windows/days" },
      h("legend", {}, "On these days; none: every day"),
      h("p", { class: "error" }),
      days.map(([day, box]) => tick(DAY_NAMES[day], box)),
    ),
  );
  const windowsTick = tick("Only in windows that recur", hasWindows, "Otherwise it is open from start to end");
  const limits = group(
    "Who",
    "/limit",
    h(
      "div",
      { class: "grid" },
      field("How many a person", controls.max, { pointer: "/limit/max" }),
      field("Counted over", controls.per, { pointer: "/limit/per" }),
      field("A person is a", controls.by, { pointer: "/limit/by" }),
    ),
    tick("A phone number is needed", phone),
  );
  const lotteryNote = h("p", { class: "hint" }, "A lottery takes one entry a person, and has neither windows nor daily quotas.");

  const read = () => ({
    ...Object.fromEntries(Object.entries(controls).map(([name, control]) => [name, control.value])),
    mode: modes.value(),
    has_windows: hasWindows.checked,
    days: days.filter(([, box]) => box.checked).map(([day]) => day),
    phone_required: phone.checked,
    coupon_types: types.values(),
  });
  // What a mode does not have is not asked for; what the clocks say is said in UTC and for the viewer.
  const fit = () => {
    const mode = modes.value();
    types.fit(mode);
    windowsTick.hidden = mode === "lottery";
    windows.hidden = mode === "lottery" || !hasWindows.checked;
    limits.querySelector(".grid").hidden = mode === "lottery";
    lotteryNote.hidden = mode !== "lottery";
    for (const [name, element] of Object.entries(instants))
      replace(element, instantOf(name === "starts_at" ? "Starts" : "Ends", controls[name].value, controls.time_zone.value));
  };
  const elements = [
    group(
      "What",
      "",
      h(
        "div",
        { class: "grid" },
        field("Name", controls.name, { pointer: "/name", hint: "As shoppers see it" }),
        field("Id", controls.id, { pointer: "/id", hint: "For good: a-z, 0-9 and -" }),
      ),
      modes.element,
    ),
    group(
      "When",
      "/schedule",
      h(
        "div",
        { class: "grid" },
        field("Time zone", controls.time_zone, { pointer: "/time_zone", hint: "Of the shop: its days and clocks count" }),
        field("Starts", controls.starts_at, { pointer: "/schedule/starts_at" }),
        field("Ends", controls.ends_at, { pointer: "/schedule/ends_at" }),
      ),
      zoneList,
      h("p", { class: "hint" }, instants.starts_at, instants.ends_at),
      windowsTick,
      windows,
      lotteryNote,
    ),
    types.element,
    limits,
    h(
      "details",
      { class: "card" },
      h("summary", {}, "More: display, size, returns"),
      h(
        "div",
        { class: "grid" },
        field("Shoppers see what is left as", controls.availability_display, { pointer: "/availability_display" }),
        field("Claimants expected", controls.expected_claimants, { pointer: "/expected_claimants", hint: "Sizes tables only" }),
        field("A voided coupon", controls.voided, { pointer: "/returns/voided" }),
        field("An expired coupon", controls.expired, { pointer: "/returns/expired" }),
      ),
    ),
  ];
  for (const element of elements) element.addEventListener("input", fit);
  fit();
  isBuilt = true;
  return { elements, values: read };
}

function modeField(value) {
  const name = newId("mode");
  const boxes = MODES.map(([mode]) => h("input", { type: "radio", name, value: mode, checked: mode === value }));
  const element = h(
    "fieldset",
    { class: "modes", "data-pointer": "/mode" },
    h("legend", {}, "Mode"),
    h("p", { class: "error" }),
    MODES.map(([, label, hint], i) => tick(label, boxes[i], hint)),
  );
  return { element, value: () => boxes.find((box) => box.checked).value };
}

function checkbox(checked) {
  return h("input", { type: "checkbox", checked });
}

function moment(value) {
  const input = h("input", { type: "datetime-local", step: 1, min: "1970-01-01T00:00", max: "9999-12-30T00:00" });
  input.value = value;
  return input;
}

function instantOf(verb, wall, zone) {
  const instant = wall === "" || !isZone(zone) ? null : toInstant(wall, zone);
  if (instant === null) return null;
  const forViewer = zone === viewersZone ? "" : `; for you ${showMoment(instant, viewersZone)}`;
  return `${verb} ${showMoment(instant, zone)} ${showOffset(instant, zone)}${forViewer}`;
}
