// Owns the widgets of those who set challenges for us, Cloudflare Turnstile and hCaptcha: their scripts come from them, once a page, and
// both are spoken to in the same words.

import { element } from "./dom.js";

const SCRIPTS = {
  turnstile: "https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit&onload=landrushWidgetReady",
  hcaptcha: "https://js.hcaptcha.com/1/api.js?render=explicit&recaptchacompat=off&onload=landrushWidgetReady",
};
/** A script that has not come by then is taken for blocked. */
const PATIENCE_MS = 15_000;

/** What is sent in place of a response when the provider's script cannot be had: the server asks the provider, and knows which of the two is away. */
export const NO_RESPONSE = "unavailable";

let loading = null;

/**
 * Shows the widget of `provider` in `slot` and resolves to what it gives; to `NO_RESPONSE` if it cannot be shown.
 * @param challenge what the server says: `provider`, and `site_key`
 */
export async function responseOf({ provider, site_key }, slot) {
  const note = element("p", { class: "note" }, "One short check before you can get a coupon.");
  const place = element("div", { class: "widget-place" });
  slot.replaceChildren(note, place);
  slot.hidden = false;
  let api, widget;
  try {
    api = await loaded(provider);
    return await new Promise((resolve, reject) => {
      widget = api.render(place, {
        sitekey: site_key,
        theme: matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
        callback: resolve,
        "expired-callback": () => api.reset(widget),
        "error-callback": () => reject(new Error("the widget has failed")),
      });
    });
  } catch {
    return NO_RESPONSE;
  } finally {
    if (widget !== undefined) api.remove(widget);
    slot.hidden = true;
    slot.replaceChildren();
  }
}

function loaded(provider) {
  loading ??= new Promise((resolve, reject) => {
    const script = element("script", { src: SCRIPTS[provider], async: "" });
    const late = setTimeout(() => reject(new Error("the script does not come")), PATIENCE_MS);
    globalThis.landrushWidgetReady = () => {
      clearTimeout(late);
      resolve(globalThis[provider]);
    };
    script.addEventListener("error", () => reject(new Error("the script cannot be had")));
    document.head.append(script);
  }).catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}
