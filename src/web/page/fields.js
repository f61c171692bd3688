// Owns the fields of the form: a label that stays, a hint, and what is wrong said at the field and to screen readers.

import { element, setAttribute, setText } from "./dom.js";

/** A line of text to fill in: `node`, `input`, and `complain(text)`, which an empty text takes back. */
export function field({ id, label, hint, ...attributes }) {
  const input = element("input", { id, name: id, type: "text", spellcheck: "false", autocapitalize: "none", "aria-describedby": `${id}-hint ${id}-error`, ...attributes });
  const error = element("p", { class: "field-error", id: `${id}-error` });
  const node = element("div", { class: "field" }, element("label", { for: id }, label), input, element("p", { class: "field-hint", id: `${id}-hint` }, hint), error);
  const complain = (text) => {
    setText(error, text);
    setAttribute(input, "aria-invalid", text === "" ? null : "true");
  };
  input.addEventListener("input", () => complain(""));
  return { node, input, complain };
}

/** Which coupon type: any that is left, or one of `types`. `value` is empty for any. */
export function choice(types) {
  const options = [{ id: "", name: "Whichever is left" }, ...types];
  const rows = options.map(({ id, name }, place) => {
    const input = element("input", { type: "radio", name: "coupon-type", value: id, checked: place === 0 });
    return element("label", { class: "option" }, input, element("span", {}, name));
  });
  const node = element("fieldset", { class: "choice" }, element("legend", {}, "Which coupon?"), ...rows);
  return {
    node,
    get value() {
      return node.querySelector("input:checked")?.value ?? "";
    },
  };
}
