// Owns the form that takes part: who presses, for what, and the press itself, under one idempotency key however often it is
// repeated, and again if a press before has ended without an answer.

import { newIdempotencyKey } from "/client.js";
import { element, setAttribute, setText } from "./dom.js";
import { BUTTONS, problemWords, retryWords } from "./words.js";
import { choice, field } from "./fields.js";

const CALLS = { first_come: "claim", draw: "draw", lottery: "enter" };

export class Press {
  node;
  #page;
  #campaign;
  #onAnswer;
  #gate;
  #user = field({ id: "user", label: "Your customer id at the shop", hint: "Your coupon is made out to it. The shop shows it in your account.", autocomplete: "username", maxlength: 128 });
  #phone = field({ id: "phone", label: "Your mobile number", hint: "With country code, such as +65 9123 4567.", autocomplete: "tel", type: "tel", maxlength: 32 });
  #choice;
  #known = element("p", { class: "known" });
  #button = element("button", { class: "button primary", type: "submit", "aria-describedby": "press-note" });
  #note = element("p", { class: "note", id: "press-note", role: "status" });
  #fields = element("div", { class: "fields" });
  #isOpen = false;
  #isBusy = false;
  /** A press whose end is not known: `{key, asked}`. */
  #unsettled = null;

  constructor(page, campaign, gate, onAnswer) {
    this.#page = page;
    this.#gate = gate;
    this.#campaign = campaign;
    this.#onAnswer = onAnswer;
    this.#choice = campaign.mode === "first_come" && campaign.coupon_types.length > 1 ? choice(campaign.coupon_types) : null;
    const submit = (event) => {
      event.preventDefault();
      this.#press();
    };
    // The browser's own bubbles would come before ours, in its own language.
    this.node = element("form", { class: "press", novalidate: true, submit }, this.#fields, this.#button, this.#note, this.#known);
    this.#fill();
  }

  /** Lets the button be pressed, or not, as `phase` and the shopper's `turn` have it. */
  show({ state }, { isOver, words }, now) {
    const isGone = ["ended", "cancelled"].includes(state);
    const isLocked = this.#page.person.needsToken && this.#page.person.userId === "";
    this.#isOpen = state === "open" && !isLocked && this.#gate.isOpen(now);
    // A form that hides takes the focus with it, so it stays while a press is under way.
    this.#fields.hidden = isOver || isGone;
    this.#button.hidden = isOver || isGone;
    // Not `disabled`: whoever waits on the button with a keyboard would lose it.
    setAttribute(this.#button, "aria-disabled", this.#isOpen && !this.#isBusy ? null : "true");
    setText(this.#button, this.#isBusy ? "One moment…" : BUTTONS[this.#campaign.mode]);
    if (isOver && !this.#isBusy) setText(this.#note, words);
    else if (isLocked && !isGone) setText(this.#note, "Please sign in at the shop, and open this page from there.");
  }

  /** Who takes part, known or filled in; null if that is missing, which is then said at its field. */
  who() {
    const { person } = this.#page;
    const userId = person.userId || this.#user.input.value.trim();
    this.#user.complain(userId === "" ? "Please fill in your customer id." : "");
    if (userId === "") {
      this.#user.input.focus();
      return null;
    }
    if (person.userId === "") {
      person.is(userId);
      this.#fill();
    }
    return userId;
  }

  #fill() {
    const { person } = this.#page;
    const isKnown = person.userId !== "";
    this.#known.replaceChildren("You are customer ", element("strong", {}, person.userId));
    if (!person.needsToken) {
      const other = element("button", { class: "button link", type: "button", click: () => this.#forget() }, "Not you?");
      this.#known.append(" · ", other);
    }
    this.#user.input.value = person.userId;
    this.#phone.input.value = person.phone;
    this.#known.hidden = !isKnown;
    const rows = [
      isKnown || person.needsToken ? null : this.#user.node,
      this.#campaign.phone_required ? this.#phone.node : null,
      this.#choice?.node ?? null,
    ];
    this.#fields.replaceChildren(...rows.filter(Boolean));
  }

  #forget() {
    this.#gate.forget();
    this.#page.person.forget();
    this.#unsettled = null;
    this.#fill();
    this.#onAnswer(null);
    this.#user.input.focus();
  }

  async #press() {
    if (!this.#isOpen || this.#isBusy) return;
    const asked = this.#asked();
    if (asked === null) return;
    const { client, person } = this.#page;
    const wasKnown = person.userId !== "";
    person.is(asked.userId, asked.phone);
    const same = this.#unsettled?.asked === JSON.stringify(asked);
    const idempotencyKey = same ? this.#unsettled.key : newIdempotencyKey();
    const onRetry = (retry) => setText(this.#note, retryWords(retry));
    this.#busy(true);
    setText(this.#note, "");
    try {
      const call = client[CALLS[this.#campaign.mode]];
      const answer = await call(this.#campaign.id, { ...asked, ...(await this.#gate.bearings(asked.userId)), idempotencyKey, onRetry });
      this.#unsettled = null;
      setText(this.#note, "");
      this.#busy(false);
      if (!wasKnown) this.#fill();
      this.#onAnswer(answer);
    } catch (problem) {
      this.#busy(false);
      if (problem.name !== "Problem") throw problem;
      this.#gate.refused(problem);
      this.#unsettled = problem.uncertain ? { key: idempotencyKey, asked: JSON.stringify(asked) } : null;
      this.#refused(problem);
    }
  }

  // What the form says; `null` if something is missing, which is then said at its field.
  #asked() {
    const { person } = this.#page;
    const needsPhone = this.#campaign.phone_required;
    const userId = person.userId || this.#user.input.value.trim();
    const phone = this.#phone.input.value.trim();
    this.#user.complain(userId === "" ? "Please fill in your customer id." : "");
    this.#phone.complain(needsPhone && phone === "" ? "Please fill in your mobile number." : "");
    if (userId === "") this.#user.input.focus();
    else if (needsPhone && phone === "") this.#phone.input.focus();
    else return { userId, ...(needsPhone ? { phone } : {}), ...(this.#choice?.value ? { couponType: this.#choice.value } : {}) };
    return null;
  }

  #refused(problem) {
    const pointer = problem.errors[0]?.pointer;
    const words = problemWords(problem, { now: this.#page.client.clock.now() });
    if (pointer === "/phone" && this.#campaign.phone_required) {
      this.#phone.complain("This is not a mobile number with its country code.");
      this.#phone.input.focus();
    } else if (pointer === "/user_id" && !this.#page.person.needsToken) {
      this.#page.person.forget();
      this.#fill();
      this.#user.complain(words);
      this.#user.input.focus();
    } else {
      setText(this.#note, words);
    }
  }

  #busy(isBusy) {
    this.#isBusy = isBusy;
    setAttribute(this.#button, "aria-disabled", this.#isOpen && !isBusy ? null : "true");
    setText(this.#button, isBusy ? "One moment…" : BUTTONS[this.#campaign.mode]);
  }
}
