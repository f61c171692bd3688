// Uploads a shop's own codes for a coupon type: the file is streamed from the disk, and taken whole or not at all.

import { call, campaignPath } from "./api.js";
import { dialogButtons, openDialog, run } from "./dialog.js";
import { announce, h } from "./dom.js";
import { field } from "./fields.js";
import * as feed from "./feed.js";
import { showBytes, showCount } from "./number.js";

/** The button for `couponType` of the campaign called `id`. */
export function uploadButton(id, couponType) {
  return h("button", { type: "button", class: "plain", onclick: () => void uploadDialog(id, couponType) }, "Upload codes…");
}

function uploadDialog(id, couponType) {
  return openDialog(`Upload codes for ${couponType.name}`, ({ close, problem }) => {
    const file = h("input", { type: "file", accept: ".csv,.ndjson,.jsonl,.txt,text/csv,application/x-ndjson" });
    const waiting = h("p", { class: "hint", role: "status", hidden: true });
    const button = h("button", { type: "button", class: "main" }, "Upload");
    button.addEventListener(
      "click",
      () =>
        void run(button, problem, async () => {
          const [chosen] = file.files;
          if (chosen === undefined) return problem.say("Choose a file first.");
          const headers = { "content-type": await mediaType(chosen) };
          waiting.hidden = false;
          waiting.textContent = `Uploading ${showBytes(chosen.size)} …`;
          try {
            const path = campaignPath(id, `/coupon-types/${encodeURIComponent(couponType.id)}/codes`);
            const { imported, available } = await call("POST", path, { body: chosen, headers, patienceMs: Infinity });
            await feed.refresh();
            announce(`${showCount(imported)} codes uploaded, ${showCount(available)} left to hand out.`);
            close(true);
          } finally {
            waiting.hidden = true;
          }
        }),
    );
    return [
      field("File", file, { hint: 'CSV with the column code, or a JSON object {"code": …} a line' }),
      h("p", { class: "hint" }, "All of it is taken, or nothing: one code that is there already, and the server names it."),
      waiting,
      problem.element,
      dialogButtons(close, button),
    ];
  });
}

// By how it begins: file names lie.
async function mediaType(file) {
  const beginning = await file.slice(0, 64).text();
  return beginning
    .replace(/^\uFEFF/, "")
    .trimStart()
    .startsWith("{")
    ? "application/x-ndjson"
    : "text/csv";
}
