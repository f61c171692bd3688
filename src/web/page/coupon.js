// Owns the coupon as it is shown: its code, large, with a button that copies it, the same as a QR code, until when it is good, and
// what has become of it.

import { element, setText, svgElement } from "./dom.js";
import { qrModules } from "./qr.js";
import { moment } from "./times.js";

const STATES = {
  issued: null,
  reserved: "Held for an order",
  redeemed: "Redeemed",
  expired: "Expired",
  void: "Void: the shop has taken it back",
};
/** Light modules around a QR code, by the standard. */
const QUIET = 4;
const COPIED_MS = 2_500;

/** A coupon card. @param name of its type, for people */
export function couponCard(coupon, name, now) {
  const stateWords = STATES[coupon.state] ?? null;
  const isGood = coupon.state === "issued" || coupon.state === "reserved";
  const body = element(
    "div",
    { class: "ticket-body" },
    element("p", { class: "ticket-kind" }, name),
    coupon.code === null ? element("p", {}, "The shop will send you the code.") : code(coupon.code),
    stateWords === null ? null : element("p", { class: "ticket-state" }, stateWords),
    expiry(coupon, now),
    isGood && coupon.code !== null ? copyButton(coupon.code) : null,
  );
  const image = isGood && coupon.code !== null ? qrImage(coupon.code) : null;
  const stub = image === null ? null : element("div", { class: "ticket-stub" }, image);
  return element("article", { class: "ticket", "data-state": coupon.state, "aria-label": `Coupon: ${name}` }, body, stub);
}

function code(text) {
  // Groups may go to the next line, the symbols of one may not.
  const groups = /^[0-9A-Z]{4}(-[0-9A-Z]{4}){3}$/.test(text) ? text.split(/(?<=-)/) : [text];
  return element("p", { class: "ticket-code", translate: "no" }, ...groups.map((group) => element("span", {}, group)));
}

function expiry({ state, expires_at }, now) {
  if (state === "redeemed" || state === "void") return null;
  if (expires_at === null || expires_at === undefined) return element("p", { class: "ticket-expiry" }, "Does not expire");
  const at = Date.parse(expires_at);
  const time = element("time", { datetime: expires_at }, moment(at, now));
  return element("p", { class: "ticket-expiry" }, at > now ? "Good until " : "Expired ", time);
}

function copyButton(text) {
  const label = element("span", {}, "Copy code");
  const told = element("span", { class: "visually-hidden", role: "status" });
  let timer;
  const copy = async () => {
    const isCopied = await copied(text);
    setText(label, isCopied ? "Copied" : "Press Ctrl+C to copy");
    setText(told, isCopied ? "The code is copied" : "The code is marked. Press Control and C to copy it.");
    button.classList.toggle("is-done", isCopied);
    if (!isCopied) mark(button.parentElement.parentElement.querySelector(".ticket-code"));
    clearTimeout(timer);
    timer = setTimeout(() => {
      setText(label, "Copy code");
      setText(told, "");
      button.classList.remove("is-done");
    }, COPIED_MS);
  };
  const button = element("button", { class: "button quiet", type: "button", click: copy }, label);
  return element("p", { class: "ticket-copy" }, button, told);
}

// Pages without TLS have no clipboard, and a browser may refuse it.
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function mark(node) {
  getSelection().selectAllChildren(node);
}

function qrImage(text) {
  const modules = qrModules(text);
  if (modules === null) return null;
  const size = modules.length + 2 * QUIET;
  let path = "";
  modules.forEach((row, y) => {
    row.forEach((isDark, x) => {
      if (isDark) path += `M${x + QUIET} ${y + QUIET}h1v1h-1z`;
    });
  });
  return svgElement(
    "svg",
    { class: "qr", viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": "The code as a QR code, for the till", "shape-rendering": "crispEdges" },
    svgElement("rect", { width: size, height: size, fill: "#fff" }),
    svgElement("path", { d: path, fill: "#000" }),
  );
}
