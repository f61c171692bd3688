// What is done to a campaign as a whole: pause and resume, change, cancel, archive. What cannot be undone is tried first, and asks
// for the campaign's id to be typed.

import { call, campaignPath } from "./api.js";
import { changeDialog } from "./campaign_change.js";
import { dialogButtons, openDialog, problemBox, run, typedConfirmation } from "./dialog.js";
import { announce, h, newId, replace, setText } from "./dom.js";
import * as feed from "./feed.js";
import { showCount } from "./number.js";

/** The buttons for the campaign that `now()` gives. */
export function actionButtons(now) {
  const problem = problemBox();
  const pause = h("button", { type: "button", onclick: () => void toggle() }, "Pause");
  const change = h("button", { type: "button", onclick: () => void changeDialog(now()) }, "Change…");
  const cancel = h("button", { type: "button", class: "danger", onclick: () => void cancelDialog(now()) }, "Cancel…");
  const archive = h("button", { type: "button", onclick: () => void archiveDialog(now()) }, "Archive…");
  const copy = h("a", { class: "button", href: `#/new?from=${encodeURIComponent(now().id)}` }, "Duplicate");
  async function toggle() {
    const { id, accept_claims } = now();
    await run(pause, problem, async () => {
      await call("POST", campaignPath(id, accept_claims ? "/pause" : "/resume"));
      await feed.refresh();
      announce(accept_claims ? "Paused: no claims are taken. Redemption goes on." : "Resumed: claims are taken again.");
    });
  }
  return {
    element: h("div", {}, h("div", { class: "buttons" }, pause, change, copy, archive, cancel), problem.element),
    update(campaign) {
      const isOver = campaign.state === "ended" || campaign.state === "cancelled";
      setText(pause, campaign.accept_claims ? "Pause" : "Resume");
      pause.hidden = isOver;
      cancel.hidden = isOver;
      archive.hidden = !isOver;
    },
  };
}

function cancelDialog(campaign) {
  return openDialog(`Cancel ${campaign.name}?`, ({ close, problem }) => {
    const name = newId("revoke");
    const keep = h("input", { type: "radio", name, id: newId("keep"), checked: true });
    const revoke = h("input", { type: "radio", name, id: newId("revoke") });
    const what = h("div", { class: "outcome", role: "status" });
    const path = (dry) => campaignPath(campaign.id, `/cancel?revoke=${revoke.checked}${dry ? "&dry_run=true" : ""}`);
    const button = h("button", { type: "button", class: "main danger" }, "Cancel the campaign");
    const confirm = typedConfirmation(campaign.id, button);
    const attempt = async () => {
      problem.clear();
      const asked = revoke.checked;
      try {
        const then = await call("POST", path(true));
        if (asked === revoke.checked) replace(what, consequences(campaign, then, asked));
      } catch (error) {
        problem.show(error);
      }
    };
    keep.addEventListener("change", attempt);
    revoke.addEventListener("change", attempt);
    button.addEventListener(
      "click",
      () =>
        void run(button, problem, async () => {
          await call("POST", path(false));
          await feed.refresh();
          announce(`${campaign.name} is cancelled.`);
          close(true);
        }),
    );
    void attempt();
    return [
      h(
        "fieldset",
        {},
        h("legend", {}, "Coupons that people have won"),
        h("div", { class: "tick" }, keep, h("label", { for: keep.id }, "stay redeemable")),
        h("div", { class: "tick" }, revoke, h("label", { for: revoke.id }, "are voided, too")),
      ),
      what,
      confirm,
      problem.element,
      dialogButtons(close, button),
    ];
  });
}

// What the dry run says, against what is.
function consequences(before, after, isRevoked) {
  const sum = (campaign, count) => campaign.coupon_types.reduce((all, type) => all + count(type), 0);
  const live = sum(before, (type) => Math.max(0, type.issued - type.redeemed - type.expired));
  return h(
    "ul",
    {},
    h("li", {}, "State: ", h("b", {}, before.state.replace("_", " ")), " → ", h("b", {}, after.state), ", for good."),
    h("li", {}, `${showCount(sum(before, (type) => type.remaining))} coupons that nobody has won will never be handed out.`),
    h(
      "li",
      {},
      isRevoked
        ? `${showCount(live)} issued coupons that are not redeemed become void.`
        : `${showCount(live)} issued coupons that are not redeemed can still be redeemed.`,
    ),
    h("li", {}, `${showCount(sum(before, (type) => type.redeemed))} redeemed coupons stay as they are.`),
  );
}

function archiveDialog(campaign) {
  return openDialog(`Archive ${campaign.name}?`, ({ close, problem }) => {
    const button = h("button", { type: "button", class: "main danger" }, "Archive the campaign");
    const confirm = typedConfirmation(campaign.id, button);
    const path = campaignPath(campaign.id, "/archive");
    call("POST", `${path}?dry_run=true`).catch((error) => {
      confirm.hidden = true;
      button.hidden = true;
      problem.show(error);
    });
    button.addEventListener(
      "click",
      () =>
        void run(button, problem, async () => {
          // It writes all coupons to a file first.
          await call("POST", path, { patienceMs: 600_000 });
          await feed.refresh();
          announce(`${campaign.name} is archived.`);
          close(true);
          location.hash = "#/campaigns";
        }),
    );
    return [
      h(
        "p",
        {},
        "All that was issued is written to a file beside the server’s data, and the campaign’s memory is freed. Its id stays taken, and it cannot be brought back.",
      ),
      confirm,
      problem.element,
      dialogButtons(close, button),
    ];
  });
}
