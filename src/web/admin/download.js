// Downloads what a campaign has issued. The key travels in a header, so that a link cannot do it: the answer is read as a stream,
// straight into a file where the browser can, else into memory.

import { campaignPath, request } from "./api.js";
import { problemBox, run } from "./dialog.js";
import { announce, h, setText } from "./dom.js";
import { issuedOf } from "./feed.js";
import { showBytes, showCount } from "./number.js";

const FORMATS = [
  { label: "Download CSV", accept: "text/csv", extension: "csv" },
  { label: "Download NDJSON", accept: "application/x-ndjson", extension: "ndjson" },
];

/** From so many coupons on a file is written as they come, and the command line is recommended. */
const MANY = 250_000;

/** The buttons for the campaign that `now()` gives. */
export function downloadButtons(now) {
  const problem = problemBox();
  const progress = h("span", { class: "hint", role: "status" });
  const buttons = FORMATS.map((format) => {
    const button = h("button", { type: "button" }, format.label);
    button.addEventListener(
      "click",
      () => void run(button, problem, () => download(now(), format, progress)).finally(() => setText(progress, "")),
    );
    return button;
  });
  return h(
    "div",
    {},
    h("div", { class: "buttons" }, buttons, progress),
    h(
      "p",
      { class: "hint" },
      "Codes are worth money. For more than a few hundred thousand, ",
      h("code", {}, `landrush export ${now().id}`),
      " on the command line is the better way.",
    ),
    problem.element,
  );
}

async function download(campaign, { accept, extension }, progress) {
  const name = `${campaign.id}-coupons.${extension}`;
  const isLarge = issuedOf(campaign) >= MANY && "showSaveFilePicker" in window;
  // Asked for before anything is fetched: browsers open the picker only while the press is fresh.
  const file = isLarge ? await pick(name) : null;
  if (file === undefined) return;
  const response = await request("GET", campaignPath(campaign.id, "/claims"), { headers: { accept }, patienceMs: Infinity });
  const counted = response.body.pipeThrough(counter((bytes) => setText(progress, `${showBytes(bytes)} so far`)));
  if (file !== null) {
    // A stream that breaks off leaves the file as it was.
    await counted.pipeTo(await file.createWritable());
  } else {
    save(await new Response(counted).blob(), name, accept);
  }
  announce(`${showCount(issuedOf(campaign))} coupons downloaded.`);
}

async function pick(suggestedName) {
  try {
    return await window.showSaveFilePicker({ suggestedName });
  } catch (error) {
    if (error.name === "AbortError") return undefined;
    throw error;
  }
}

function counter(tell) {
  let bytes = 0;
  return new TransformStream({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      tell(bytes);
      controller.enqueue(chunk);
    },
  });
}

function save(blob, name, type) {
  const url = URL.createObjectURL(new Blob([blob], { type }));
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
