// The form's rows of coupon types: added, taken away, numbered for the server's pointers.

import { h, replace, setText } from "./dom.js";
import { choice, field, group, line } from "./fields.js";
import { emptyType } from "./form_body.js";

/** The rows; `onChange` is called whenever something in them may have changed. */
export function couponTypes(types, onChange) {
  const list = h("div", { class: "types" });
  let rows = types.map((type) => row(type, remove));
  let mode = "first_come";

  function remove(gone) {
    const place = rows.indexOf(gone);
    rows = rows.filter((each) => each !== gone);
    show();
    (rows[place] ?? rows.at(-1))?.element.focus();
  }

  function show() {
    rows.forEach((each, i) => each.number(i, rows.length));
    rows.forEach((each) => each.fit(mode));
    replace(
      list,
      rows.map(({ element }) => element),
    );
    onChange();
  }

  const add = h(
    "button",
    {
      type: "button",
      onclick: () => {
        rows = [...rows, row(emptyType(), remove)];
        show();
        rows.at(-1).element.querySelector("input").focus();
      },
    },
    "Add a coupon type",
  );
  const element = group("Coupons", "/coupon_types", list, h("div", { class: "buttons" }, add));
  show();
  return {
    element,
    values: () => rows.map((each) => each.values()),
    fit(newMode) {
      mode = newMode;
      for (const each of rows) each.fit(mode);
    },
  };
}

function row(type, remove) {
  const controls = {
    id: line(type.id, { autocapitalize: "none", spellcheck: "false", placeholder: "cash-5" }),
    name: line(type.name, { placeholder: "$5 cash coupon" }),
    total_quota: line(type.total_quota, { inputmode: "numeric", placeholder: "10000" }),
    daily_quota: line(type.daily_quota, { inputmode: "numeric", placeholder: "no daily limit" }),
    probability: line(type.probability, { inputmode: "decimal", placeholder: "0.1" }),
    valid_for: line(type.valid_for, { placeholder: "for ever", autocapitalize: "none" }),
    codes: choice(
      [
        ["generated", "made by landrush"],
        ["imported", "our own, uploaded"],
      ],
      type.codes,
    ),
    metadata: h("textarea", { rows: 3, spellcheck: "false", placeholder: '{"discount": "500 SGD cents"}' }),
  };
  controls.metadata.value = type.metadata;
  const fields = {
    id: field("Id", controls.id, { hint: "a-z, 0-9 and -" }),
    name: field("Name", controls.name),
    total_quota: field("How many in all", controls.total_quota),
    daily_quota: field("How many a day", controls.daily_quota),
    probability: field("Probability of a draw", controls.probability, { hint: "0 to 1; the rest is “no coupon”" }),
    valid_for: field("Valid for", controls.valid_for, { hint: "after it is won: 30d, 12h" }),
    codes: field("Codes", controls.codes),
    metadata: field("Metadata", controls.metadata, { hint: "A JSON object that only operators see" }),
  };
  const { metadata, ...first } = fields;
  const away = h("button", { type: "button", class: "plain danger", onclick: () => remove(self) }, "Remove");
  const name = h("strong");
  const error = h("p", { class: "error" });
  const folded = h("details", {}, h("summary", {}, "Metadata"), metadata);
  folded.open = type.metadata !== "";
  const element = h(
    "div",
    { class: "type-row", role: "group", tabindex: "-1" },
    h("div", { class: "head" }, name, away),
    error,
    h("div", { class: "grid" }, Object.values(first)),
    folded,
  );
  const self = {
    element,
    number(i, count) {
      setText(name, `Coupon type ${i + 1}`);
      element.setAttribute("aria-label", `Coupon type ${i + 1}`);
      element.dataset.pointer = `/coupon_types/${i}`;
      for (const [member, each] of Object.entries(fields)) each.dataset.pointer = `/coupon_types/${i}/${member}`;
      away.hidden = count === 1;
    },
    fit(mode) {
      fields.probability.hidden = mode !== "draw";
      fields.daily_quota.hidden = mode === "lottery";
    },
    values: () => Object.fromEntries(Object.entries(controls).map(([member, control]) => [member, control.value])),
  };
  return self;
}
