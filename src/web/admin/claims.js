// What a campaign has issued: a page at a time, oldest first, and one coupon taken back.

import { call, campaignPath } from "./api.js";
import { dialogButtons, openDialog, problemBox, run } from "./dialog.js";
import { announce, h, replace } from "./dom.js";
import { choice, field, tick } from "./fields.js";
import * as feed from "./feed.js";
import { showCount } from "./number.js";
import { showMoment } from "./time.js";

const PAGE_ITEMS = 50;

/** The id of a claim, a draw or an entry. */
export function idOf(claim) {
  return claim.claim_id ?? claim.draw_id ?? claim.entry_id;
}

/** The list for the campaign that `now()` gives; it is fetched when asked for. */
export function claimsPart(now) {
  const problem = problemBox();
  const place = h("div", {});
  const show = h("button", { type: "button", onclick: () => void load(null) }, "Show them");
  async function load(cursor) {
    await run(show, problem, async () => {
      const query = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const page = await call("GET", campaignPath(now().id, `/claims?limit=${PAGE_ITEMS}${query}`));
      const again = () => load(cursor);
      replace(
        place,
        page.items.length === 0 ? h("p", { class: "empty" }, "Nothing was issued.") : claimTable(now(), page.items, again),
        h(
          "div",
          { class: "buttons" },
          cursor !== null && h("button", { type: "button", onclick: () => void load(null) }, "From the first"),
          page.next_cursor !== null && h("button", { type: "button", onclick: () => void load(page.next_cursor) }, "Next page"),
        ),
      );
    });
  }
  return {
    element: h("div", {}, h("div", { class: "buttons" }, show), problem.element, place),
    update: (issued) => (show.textContent = `Show them (${showCount(issued)})`),
  };
}

/** Claims of `campaign` as a table; `changed` is called when one was voided. */
export function claimTable(campaign, claims, changed) {
  const heads = ["User", "Coupon", "Code", "State", "Decided", "Expires", ""];
  const rows = claims.map((claim) => {
    const { coupon } = claim;
    const canVoid = coupon && (coupon.state === "issued" || coupon.state === "reserved");
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, h("a", { href: `#/look-up?user=${encodeURIComponent(claim.user_id)}` }, claim.user_id)),
      h("td", {}, coupon?.coupon_type ?? claim.outcome.replace("_", " ")),
      h(
        "td",
        {},
        coupon?.code
          ? h("a", { href: `#/look-up?code=${encodeURIComponent(coupon.code)}`, class: "code moment" }, coupon.code)
          : "–",
      ),
      h("td", {}, coupon ? h("span", { class: `badge k-${coupon.state}` }, coupon.state) : "–"),
      h("td", { class: "moment" }, showMoment(claim.decided_at, campaign.time_zone)),
      h("td", { class: "moment" }, coupon?.expires_at ? showMoment(coupon.expires_at, campaign.time_zone) : "–"),
      h(
        "td",
        {},
        canVoid &&
          h(
            "button",
            { type: "button", class: "plain danger", onclick: () => void voidDialog(campaign, claim, changed) },
            "Void…",
          ),
      ),
    );
  });
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "Issued coupons" },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          heads.map((head) => h(head === "" ? "td" : "th", { scope: head !== "" && "col" }, head)),
        ),
      ),
      h("tbody", {}, rows),
    ),
  );
}

/** Asks how, and voids the coupon of `claim`. */
export function voidDialog(campaign, claim, changed) {
  return openDialog("Void this coupon?", ({ close, problem }) => {
    const usual = campaign.returns.voided === "restock" ? "goes back on the shelf" : "is gone";
    const restock = choice(
      [
        ["", `as the campaign has it: ${usual}`],
        ["true", "goes back on the shelf"],
        ["false", "is gone"],
      ],
      "",
    );
    const again = h("input", { type: "checkbox" });
    const button = h("button", { type: "button", class: "main danger" }, "Void the coupon");
    button.addEventListener(
      "click",
      () =>
        void run(button, problem, async () => {
          const query = new URLSearchParams();
          if (restock.value !== "") query.set("restock", restock.value);
          if (again.checked) query.set("allow_again", "true");
          await call("DELETE", campaignPath(campaign.id, `/claims/${encodeURIComponent(idOf(claim))}?${query}`));
          await feed.refresh();
          announce(`The coupon of ${claim.user_id} is void.`);
          close(true);
          await changed();
        }),
    );
    return [
      h(
        "p",
        {},
        h("code", {}, claim.coupon.code ?? idOf(claim)),
        " of ",
        h("b", {}, claim.user_id),
        " can no longer be redeemed. This cannot be undone.",
      ),
      field("Its unit", restock),
      tick("The person may claim again", again, "Otherwise a repeat shows the void coupon"),
      problem.element,
      dialogButtons(close, button),
    ];
  });
}
