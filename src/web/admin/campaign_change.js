// Changes a campaign that runs: tried first, shown before and after, then done.

import { call, campaignPath, Problem } from "./api.js";
import { dialogButtons, openDialog, run } from "./dialog.js";
import { announce, h, replace } from "./dom.js";
import * as feed from "./feed.js";
import { choice, field, line, showErrors, tick } from "./fields.js";
import { showCount } from "./number.js";
import { showMoment, toInstant, toWall } from "./time.js";

/** Asks what is to change, and changes it. */
export function changeDialog(campaign) {
  return openDialog(
    `Change ${campaign.name}`,
    ({ close, problem }) => {
      const zone = campaign.time_zone;
      const name = line(campaign.name);
      const end = h("input", { type: "datetime-local", step: 1 });
      end.value = toWall(campaign.schedule.ends_at, zone);
      const display = choice(
        [
          ["exact", "exact numbers"],
          ["bucketed", "plenty, few, last"],
        ],
        campaign.availability_display,
      );
      const redeem = h("input", { type: "checkbox", checked: campaign.accept_redemptions });
      const types = campaign.coupon_types.map((type, i) => ({
        type,
        total: line(String(type.total_quota), {
          inputmode: "numeric",
          "aria-label": `${type.name}: how many in all`,
          "data-type": i,
        }),
        daily: line(type.daily_quota === null ? "" : String(type.daily_quota), {
          inputmode: "numeric",
          placeholder: "no daily limit",
          "aria-label": `${type.name}: how many a day`,
        }),
      }));
      const outcome = h("div", { class: "outcome", role: "status" });
      const attempt = h("button", { class: "main" }, "See what would happen");
      const apply = h("button", { type: "button", class: "main", hidden: true }, "Apply");

      // Only what differs, so that a change made elsewhere meanwhile stays.
      const patch = () => {
        const wanted = {};
        if (name.value.trim() !== campaign.name) wanted.name = name.value.trim();
        if (end.value !== toWall(campaign.schedule.ends_at, zone))
          wanted.schedule = { ends_at: toInstant(end.value, zone) ?? end.value };
        if (display.value !== campaign.availability_display) wanted.availability_display = display.value;
        if (redeem.checked !== campaign.accept_redemptions) wanted.accept_redemptions = redeem.checked;
        const changed = types.map(typePatch).filter((type) => Object.keys(type).length > 1);
        if (changed.length > 0) wanted.coupon_types = changed;
        return wanted;
      };
      // The server numbers the types that a change names; the fields are those of all.
      const errorsOf = (error, body) =>
        error.errors.map(({ pointer, detail }) => ({
          pointer: pointer.replace(
            /^\/coupon_types\/(\d+)/,
            (_, i) => `/types/${campaign.coupon_types.findIndex(({ id }) => id === body.coupon_types[Number(i)].id)}`,
          ),
          detail,
        }));
      const submit = (button, send) =>
        run(button, problem, async () => {
          const body = patch();
          if (Object.keys(body).length === 0) throw new Problem({ code: "nothing", title: "Nothing is different" });
          showErrors(form, []);
          try {
            await send(body);
          } catch (error) {
            if (!(error instanceof Problem) || error.errors.length === 0) throw error;
            const homeless = showErrors(form, errorsOf(error, body));
            problem.say(["Not right yet.", ...homeless.map(({ pointer, detail }) => `${pointer} ${detail}.`)].join(" "));
          }
        });
      const rest = () => {
        apply.hidden = true;
        attempt.hidden = false;
        replace(outcome);
      };
      apply.addEventListener(
        "click",
        () =>
          void submit(apply, async (body) => {
            await call("PATCH", campaignPath(campaign.id), { json: body });
            await feed.refresh();
            announce("The change is made.");
            close(true);
          }),
      );
      const form = h(
        "form",
        {
          novalidate: true,
          oninput: rest,
          onchange: rest,
          onsubmit: (event) => {
            event.preventDefault();
            void submit(attempt, async (body) => {
              const [before, after] = [
                await call("GET", campaignPath(campaign.id)),
                await call("PATCH", campaignPath(campaign.id, "?dry_run=true"), { json: body }),
              ];
              replace(outcome, differences(before, after, new Set(body.coupon_types?.map(({ id }) => id))));
              attempt.hidden = true;
              apply.hidden = false;
              apply.focus();
            });
          },
        },
        h(
          "div",
          { class: "grid" },
          field("Name", name, { pointer: "/name" }),
          field("Ends", end, { pointer: "/schedule/ends_at", hint: `By the clocks of ${zone}` }),
          field("Shoppers see what is left as", display, { pointer: "/availability_display" }),
        ),
        tick("Coupons can be redeemed", redeem),
        h(
          "table",
          { class: "quotas" },
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              ["Coupon type", "Issued", "In all", "A day"].map((head) =>
                h("th", { scope: "col", class: head === "Issued" && "number" }, head),
              ),
            ),
          ),
          h(
            "tbody",
            {},
            types.map(({ type, total, daily }, i) =>
              h(
                "tr",
                { "data-pointer": `/types/${i}` },
                h("th", { scope: "row" }, type.name, h("span", { class: "error" })),
                h("td", { class: "number" }, showCount(type.issued)),
                quota(total, `/types/${i}/total_quota`),
                campaign.mode === "lottery" ? h("td", {}, "–") : quota(daily, `/types/${i}/daily_quota`),
              ),
            ),
          ),
        ),
        outcome,
        problem.element,
        dialogButtons(close, attempt, apply),
      );
      return [form];
    },
    { wide: true },
  );
}

function quota(input, pointer) {
  return h("td", { "data-pointer": pointer }, input, h("span", { class: "error" }));
}

function typePatch({ type, total, daily }) {
  const patch = { id: type.id };
  const [newTotal, newDaily] = [count(total.value), daily.value.trim() === "" ? null : count(daily.value)];
  if (newTotal !== type.total_quota) patch.total_quota = newTotal;
  if (newDaily !== type.daily_quota) patch.daily_quota = newDaily;
  return patch;
}

// A number where it is one; else the text, for the server to refuse.
function count(text) {
  const trimmed = text.trim();
  return /^-?\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : trimmed;
}

// What a reader may care about, before and after; of the coupon types only those that change, since the others run on meanwhile.
function differences(before, after, changed) {
  const moment = (text) => (text === null ? "never" : showMoment(text, after.time_zone));
  const quotas = (type) =>
    `${showCount(type.total_quota)} in all, ${type.daily_quota === null ? "no daily limit" : `${showCount(type.daily_quota)} a day`}`;
  const rows = [
    ["State", before.state.replace("_", " "), after.state.replace("_", " ")],
    ["Name", before.name, after.name],
    ["Ends", moment(before.schedule.ends_at), moment(after.schedule.ends_at)],
    ["Closes next", moment(before.closes_at), moment(after.closes_at)],
    ["Shoppers see", before.availability_display, after.availability_display],
    ["Redemption", before.accept_redemptions ? "goes on" : "paused", after.accept_redemptions ? "goes on" : "paused"],
    ...before.coupon_types.flatMap((type, i) =>
      !changed.has(type.id)
        ? []
        : [
            [type.name, quotas(type), quotas(after.coupon_types[i])],
            [`${type.name}, left`, showCount(type.remaining), showCount(after.coupon_types[i].remaining)],
            [`${type.name}, left today`, showCount(type.remaining_today), showCount(after.coupon_types[i].remaining_today)],
          ],
    ),
  ].filter(([, was, is]) => was !== is);
  if (rows.length === 0) return h("p", {}, "Nothing would be different.");
  return h(
    "table",
    { class: "differences" },
    h("caption", {}, "What would happen"),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ["", "now", "then"].map((head) => h(head === "" ? "td" : "th", { scope: head !== "" && "col" }, head)),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map(([term, was, is]) => h("tr", {}, h("th", { scope: "row" }, term), h("td", {}, was), h("td", {}, h("b", {}, is)))),
    ),
  );
}
