// Fields of a form: a label, a control, a hint, and room for what is wrong with it, tied together for screen readers. A form's
// errors come by JSON Pointer, and are shown at the field, or the group of fields, that bears the pointer.

import { h, newId, replace } from "./dom.js";

/** A field: `control` gets an id, the hint and the error describe it. */
export function field(label, control, { pointer = null, hint = null } = {}) {
  control.id ||= newId("field");
  // There also when empty: fields side by side share their rows.
  const about = h("span", { id: `${control.id}-hint`, class: "hint" }, hint);
  const error = h("span", { id: `${control.id}-error`, class: "error" });
  control.setAttribute("aria-describedby", hint === null ? error.id : `${about.id} ${error.id}`);
  return h(
    "div",
    { class: "field", "data-pointer": pointer, "data-label": label },
    h("label", { for: control.id }, label),
    about,
    control,
    error,
  );
}

/** A box to tick, with its label behind it. */
export function tick(label, input, hint = null) {
  input.id ||= newId("field");
  const about = hint === null ? null : h("span", { id: `${input.id}-hint`, class: "hint" }, hint);
  if (about !== null) input.setAttribute("aria-describedby", about.id);
  return h("div", { class: "tick" }, input, h("label", { for: input.id }, label), about);
}

/** Fields that belong together, and may be wrong together. */
export function group(legend, pointer, ...children) {
  const error = h("p", { id: newId("group"), class: "error" });
  return h(
    "fieldset",
    { "data-pointer": pointer, "aria-describedby": error.id, tabindex: "-1" },
    h("legend", {}, legend),
    error,
    ...children,
  );
}

/** A choice: `options` are `[value, label]`. */
export function choice(options, value) {
  return h(
    "select",
    {},
    options.map(([each, label]) => h("option", { value: each, selected: each === value }, label)),
  );
}

/** A line of text. */
export function line(value, members = {}) {
  const input = h("input", { type: "text", autocomplete: "off", ...members });
  input.value = value;
  return input;
}

/** Takes away all errors below `form`. */
export function clearErrors(form) {
  for (const error of form.querySelectorAll(".error")) replace(error);
  for (const control of form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
}

/** Shows `errors` (`{pointer, detail}`) at their fields, and puts the focus on the first. Returns those that have no field. */
export function showErrors(form, errors) {
  clearErrors(form);
  const shown = [];
  const homeless = [];
  for (const { pointer, detail } of errors) {
    const place = placeOf(form, pointer);
    if (place === null) {
      homeless.push({ pointer, detail });
      continue;
    }
    place.querySelector(":scope > .error").append(h("span", {}, sentence(place.dataset.label, detail)));
    const control = place.querySelector(":scope > input, :scope > select, :scope > textarea");
    control?.setAttribute("aria-invalid", "true");
    for (const folded of ancestors(place, "DETAILS")) folded.open = true;
    shown.push(control ?? place);
  }
  // As they stand on the page, which need not be the order in which they came.
  shown.sort((a, b) => (a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
  shown[0]?.focus();
  return homeless;
}

// `must be after the start` of a field that is called `Ends`: as a sentence that stands for itself.
function sentence(label, detail) {
  const isPredicate = /^(is|are|must|has|needs|stands|may|holds) /.test(detail);
  return isPredicate && label ? `${label}: ${detail}` : detail[0].toUpperCase() + detail.slice(1);
}

// The field of that pointer, or of the longest beginning of it that has one.
function placeOf(form, pointer) {
  for (let rest = pointer; rest !== ""; rest = rest.slice(0, rest.lastIndexOf("/"))) {
    const place = form.querySelector(`[data-pointer="${CSS.escape(rest)}"]`);
    if (place !== null && place.closest("[hidden]") === null) return place;
  }
  return null;
}

function ancestors(element, name) {
  const found = [];
  for (let each = element.parentElement; each !== null; each = each.parentElement) if (each.nodeName === name) found.push(each);
  return found;
}
