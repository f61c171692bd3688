// The form that makes a campaign: filled in, checked, previewed, tried and sent. What is half filled stays while other views are
// looked at, until it is sent or thrown away.

import { call, campaignPath, Problem } from "./api.js";
import { problemBox, run } from "./dialog.js";
import { announce, copyButton, h, replace } from "./dom.js";
import * as feed from "./feed.js";
import { showErrors } from "./fields.js";
import { bodyOf, emptyValues, valuesOf } from "./form_body.js";
import { check } from "./form_check.js";
import { formParts } from "./form_parts.js";
import { viewersZone } from "./time.js";
import { windowsPreview } from "./windows_preview.js";

let draft = null;

/** Throws away what is half filled. */
export function forgetDraft() {
  draft = null;
}

/** The view; `from`: the id of a campaign to begin with. */
export function newCampaign(from) {
  if (draft === null || (from !== null && draft.from !== from))
    draft = { from, view: from === null ? form(emptyValues(viewersZone)) : copied(from) };
  return draft.view;
}

function copied(from) {
  const element = h("section", {}, h("h1", { tabindex: "-1" }, "New campaign"), h("p", { class: "hint" }, `Fetching ${from} …`));
  call("GET", campaignPath(from)).then(
    (campaign) => replace(element, [...form(valuesOf(campaign)).element.childNodes]),
    (error) => {
      forgetDraft();
      replace(
        element,
        h("h1", { tabindex: "-1" }, "New campaign"),
        h("p", { class: "problem" }, error.sentence ?? String(error)),
      );
    },
  );
  return { title: "New campaign", element };
}

function form(values) {
  const problem = problemBox();
  const preview = windowsPreview();
  const json = h("code", {});
  const changed = () => {
    const body = bodyOf(parts.values());
    replace(json, JSON.stringify(body, null, 2));
    preview.show(body);
  };
  const parts = formParts(values, changed);
  const attempt = h("button", { type: "button" }, "Check with the server");
  const create = h("button", { class: "main" }, "Create campaign");
  const restart = h(
    "button",
    {
      type: "button",
      class: "plain",
      onclick: () => {
        forgetDraft();
        if (location.hash === "#/new") dispatchEvent(new HashChangeEvent("hashchange"));
        else location.hash = "#/new";
      },
    },
    "Start anew",
  );

  // Sends the body where `send` says; the page's own check first, then the server's, each shown where it belongs.
  const submit = async (button, send) => {
    const body = bodyOf(parts.values());
    const faults = check(body);
    if (faults.length > 0) return refuse(faults);
    await run(button, problem, async () => {
      showErrors(element, []);
      try {
        await send(body);
      } catch (error) {
        if (error.code === "conflict") refuse([{ pointer: "/id", detail: "another campaign has this id" }]);
        else if (!(error instanceof Problem) || error.errors.length === 0) throw error;
        else refuse(error.errors);
      }
    });
  };
  const refuse = (errors) => {
    const homeless = showErrors(element, errors);
    const count = errors.length === 1 ? "One thing is" : `${errors.length} things are`;
    problem.say([`${count} not right yet.`, ...homeless.map(({ pointer, detail }) => `${pointer} ${detail}.`)].join(" "));
  };
  attempt.addEventListener(
    "click",
    () =>
      void submit(attempt, async (body) => {
        await call("POST", "/v1/campaigns?dry_run=true", { json: body });
        announce("The server would take it. Nothing was made.");
      }),
  );

  const element = h(
    "form",
    {
      novalidate: true,
      class: "campaign-form",
      oninput: changed,
      onchange: changed,
      onsubmit: (event) => {
        event.preventDefault();
        void submit(create, async (body) => {
          const made = await call("POST", "/v1/campaigns", { json: body });
          forgetDraft();
          await feed.refresh();
          announce(`${made.name} was created.`);
          location.hash = `#/campaigns/${encodeURIComponent(made.id)}`;
        });
      },
    },
    ...parts.elements,
    h("section", { class: "card" }, h("h2", {}, "Preview"), preview.element),
    h(
      "details",
      { class: "card" },
      h("summary", {}, "As JSON"),
      h(
        "p",
        { class: "hint" },
        "The same from a terminal: save it as ",
        h("code", {}, "campaign.json"),
        ", then ",
        h("code", {}, "landrush campaign create campaign.json"),
        ".",
      ),
      h("pre", { tabindex: "0", "aria-label": "The campaign as JSON" }, json),
      copyButton(() => json.textContent),
    ),
    problem.element,
    h("div", { class: "buttons end" }, create, attempt, restart),
  );
  changed();
  return { title: "New campaign", element: h("section", {}, h("h1", { tabindex: "-1" }, "New campaign"), element) };
}
