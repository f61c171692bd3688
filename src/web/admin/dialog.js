// Dialogs: one at a time, closed by Escape, focus given back to where it was.

import { Problem } from "./api.js";
import { h, newId, replace } from "./dom.js";

/** What went wrong, in a sentence; throws on what is a fault of this page. */
export function sentenceOf(error) {
  if (error instanceof Problem)
    return error.errors.length === 0 ? error.sentence : error.errors.map((e) => `${e.pointer} ${e.detail}`).join("; ");
  throw error;
}

/** A place for what went wrong: `show(error)` and `clear()`. */
export function problemBox() {
  const element = h("div", { role: "alert", class: "problem" });
  return {
    element,
    show: (error) => replace(element, sentenceOf(error)),
    say: (text) => replace(element, text),
    clear: () => replace(element),
  };
}

/**
 * Opens a dialog. `build({close, problem})` gives its content; the promise resolves when it is closed, with what `close` was
 * given (undefined by Escape).
 */
export function openDialog(title, build, { wide = false } = {}) {
  return new Promise((resolve) => {
    const heading = newId("dialog");
    const problem = problemBox();
    let result;
    const element = h("dialog", { "aria-labelledby": heading, class: wide && "wide" });
    const close = (value) => {
      result = value;
      element.close();
    };
    element.append(h("h2", { id: heading }, title), ...build({ close, problem }));
    element.addEventListener("close", () => {
      element.remove();
      resolve(result);
    });
    document.getElementById("dialogs").append(element);
    element.showModal();
  });
}

/** The row of a dialog's buttons: what it does, and a way out. */
export function dialogButtons(close, ...buttons) {
  return h("div", { class: "buttons" }, ...buttons, h("button", { type: "button", onclick: () => close() }, "Not now"));
}

/** Runs what a button does: the button rests meanwhile, and what went wrong is shown. Resolves to whether it went well. */
export async function run(button, problem, action) {
  problem.clear();
  button.disabled = true;
  try {
    await action();
    return true;
  } catch (error) {
    problem.show(error);
    return false;
  } finally {
    button.disabled = false;
  }
}

/** A field in which `text` is to be typed before `button` is let go. */
export function typedConfirmation(text, button) {
  const id = newId("confirm");
  button.disabled = true;
  const input = h("input", {
    id,
    type: "text",
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
    oninput: () => (button.disabled = input.value.trim() !== text),
  });
  return h("p", { class: "field" }, h("label", { for: id }, "Type ", h("code", {}, text), " to confirm"), input);
}
