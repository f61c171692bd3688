// Asks for the admin key, in a dialog over the page: whatever was half filled in below it stays.

import { Problem, session } from "./api.js";
import { problemBox, run } from "./dialog.js";
import { h, newId } from "./dom.js";

let asking = null;

/** Resolves once the server has taken a key. Asked for from several places at once, it asks once. */
export function signIn(reason = null) {
  asking ??= ask(reason).finally(() => (asking = null));
  return asking;
}

function ask(reason) {
  return new Promise((resolve) => {
    const [id, heading] = [newId("key"), newId("dialog")];
    const problem = problemBox();
    if (reason !== null) problem.say(reason);
    const input = h("input", { id, type: "password", autocomplete: "off", required: true, "aria-describedby": `${id}-hint` });
    const button = h("button", { class: "main" }, "Sign in");
    const submit = async (event) => {
      event.preventDefault();
      const taken = await run(button, problem, async () => {
        try {
          await session.open(input.value.trim());
        } catch (error) {
          throw error.status === 401 ? new Problem({ code: error.code, title: "The server does not take this key" }) : error;
        }
      });
      if (!taken) return input.select();
      element.removeEventListener("close", reopen);
      element.close();
      element.remove();
      resolve();
    };
    // There is nothing to see without a key; browsers close a dialog on a second Escape, whatever the page says.
    const reopen = () => element.showModal();
    const element = h(
      "dialog",
      { "aria-labelledby": heading, class: "sign-in", oncancel: (event) => event.preventDefault() },
      h("h2", { id: heading }, "Sign in"),
      h(
        "form",
        { onsubmit: submit },
        h("p", { class: "field" }, h("label", { for: id }, "Admin key"), input),
        h(
          "p",
          { id: `${id}-hint`, class: "hint" },
          "From ",
          h("code", {}, "LANDRUSH_ADMIN_KEY"),
          ", or the file in ",
          h("code", {}, "keys/"),
          " of the data directory. It stays in this tab and is gone when you close it.",
        ),
        problem.element,
        h("div", { class: "buttons" }, button),
      ),
    );
    element.addEventListener("close", reopen);
    document.getElementById("dialogs").append(element);
    element.showModal();
    input.focus();
  });
}
