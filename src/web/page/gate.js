// Owns what stands between a shopper and the button: the waiting room, from the first step in until it is one's turn, and the challenge,
// which is met while one waits: work that the browser does by itself, or a provider's widget.

import { element, setText } from "./dom.js";
import { responseOf } from "./widget.js";
import { joinWords, placeWords, problemWords } from "./words.js";

/** A pass that ends sooner is not worth pressing with. */
const PASS_SPARE_MS = 60_000;
/** So many people may ask for their own places in a second, when all of them have reason to. */
const ASKING_PER_SECOND = 2_000;
const ASKING_LONGEST_MS = 60_000;
/** How often one's place is asked for though the stream is silent. */
const ASK_EVERY_MS = 30_000;
/** Within which it is asked whether a turn that is over here is over there: a pause of the campaign takes no time from it. */
const LAPSED_ASK_MS = 5_000;

const KEPT = "landrush.ticket.";

export class Gate {
  node = element("div", { class: "gate" });
  #page;
  #campaign;
  #who;
  #onChange;
  #room;
  // Not a live region: it changes several times a second while the line moves. What matters is announced.
  #note = element("p", { class: "note" });
  #button = element("button", { class: "button primary", type: "button", click: () => this.#join() }, "Join the waiting room");
  #slot = element("div", { class: "widget" });
  // What is told of work that the browser does by itself.
  #check = element("p", { class: "note" });
  #shared = null;
  #place = null;
  #ticket = null;
  #timer;
  #pass = null;
  /** The work that is under way, and for whom. */
  #working = null;
  #isOver = false;

  /**
   * @param who says who takes part, or null and what is missing
   * @param onChange called when the button may be pressed, or no more
   */
  constructor(page, campaign, who, onChange) {
    this.#page = page;
    this.#campaign = campaign;
    this.#who = who;
    this.#onChange = onChange;
    this.#room = campaign.protection?.waiting_room ?? null;
    this.#slot.hidden = true;
    this.#check.hidden = true;
    const room = this.#room === null ? [] : [this.#note, this.#button];
    this.node.append(...room, this.#slot, this.#check);
    this.#hide();
  }

  #hide() {
    this.node.hidden = !this.#isNeeded || this.#isOver;
  }

  // Whether there is anything to show, now or later.
  get #isNeeded() {
    const provider = this.#campaign.protection?.challenge?.provider;
    return this.#room !== null || (provider !== undefined && provider !== "altcha") || !this.#check.hidden;
  }

  /** Takes up what was begun on an earlier visit. */
  start() {
    if (this.#room === null) return;
    this.#ticket = kept(this.#key());
    if (this.#ticket !== null) this.#ask();
    else this.#show();
  }

  /** The room has moved. */
  moved(shared) {
    this.#shared = shared;
    const isShuffled = shared.fairness.seed !== null;
    const isNear = this.#place?.position && shared.now_serving >= this.#place.position;
    const { state, resets_at } = shared;
    if (this.#ticket !== null && this.#place?.state === "waiting") {
      if (state !== "waiting") this.#took({ ...this.#place, state, resets_at });
      // All hear of the opening at once, and do not ask at once.
      else if (isShuffled && this.#place.position === null) this.#askWithin((shared.waiting / ASKING_PER_SECOND) * 1_000);
      else if (isNear) this.#askWithin(500);
    } else if (this.#ticket !== null && this.#place?.state === "sold_out" && state === "waiting") {
      // There are new ones, and again all hear of it at once.
      this.#askWithin((shared.waiting / ASKING_PER_SECOND) * 1_000);
    }
    this.#show();
  }

  /** Whether the button may be pressed, as far as the room goes. */
  isOpen(now) {
    return this.#room === null || (this.#place?.state === "admitted" && now < Date.parse(this.#place.admitted_until));
  }

  /** When what is shown changes by itself. */
  get until() {
    return this.#place?.state === "admitted" ? Date.parse(this.#place.admitted_until) : Infinity;
  }

  /** What a press bears: the ticket, and the pass once the work is done. */
  async bearings(userId) {
    const pass = await this.#passOf(userId);
    return { ...(this.#ticket === null ? {} : { ticket: this.#ticket }), ...(pass === null ? {} : { pass }) };
  }

  /** Shows it as of `now`, or not at all to somebody who has had all there is for them. */
  show(now, isOver) {
    this.#isOver = isOver;
    this.#hide();
    if (this.#place?.state === "admitted" && now >= Date.parse(this.#place.admitted_until)) {
      this.#place = { ...this.#place, state: "over" };
      this.#askWithin(LAPSED_ASK_MS);
    }
    this.#show();
  }

  /** A press was refused: what it bore may hold no more. */
  refused({ code }) {
    if (code === "challenge_required") {
      this.#pass = null;
      this.#say("");
    }
    if (code === "ticket_required" && this.#ticket !== null) this.#ask();
  }

  /** Somebody else sits here now. */
  forget() {
    this.#keep(null);
    this.#place = null;
    this.#pass = null;
    this.#working = null;
    this.#say("");
    this.#show();
  }

  async #join() {
    const { client } = this.#page;
    const userId = this.#who();
    if (userId === null) return;
    this.#button.disabled = true;
    try {
      const place = await client.joinWaitingRoom(this.#campaign.id, { userId });
      this.#keep(place.ticket);
      this.#took(place);
      this.warm(userId);
    } catch (problem) {
      if (problem.name !== "Problem") throw problem;
      setText(this.#note, problemWords(problem, { now: client.clock.now() }));
    } finally {
      this.#button.disabled = false;
    }
  }

  async #ask() {
    clearTimeout(this.#timer);
    const { client } = this.#page;
    try {
      this.#took(await client.waitingRoom(this.#campaign.id, { ticket: this.#ticket }));
    } catch (problem) {
      if (problem.name !== "Problem") throw problem;
      if (problem.code === "ticket_required") this.forget();
      else this.#askWithin(5_000);
    }
  }

  #askWithin(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), Math.random() * Math.min(ASKING_LONGEST_MS, milliseconds));
  }

  #took(place) {
    const before = this.#place;
    this.#place = place;
    const isNews = place.state !== before?.state || (place.position !== null && before?.position == null);
    if (isNews) this.#page.announce(placeWords(place, this.#shared, this.#page.client.clock.now()));
    if (place.state === "waiting") {
      clearTimeout(this.#timer);
      // The stream may have told of the turn before the place was known here.
      const isNear = place.position && this.#shared?.now_serving >= place.position;
      this.#timer = setTimeout(() => this.#ask(), isNear ? 500 * Math.random() : ASK_EVERY_MS * (0.5 + Math.random()));
    }
    this.#show();
    this.#onChange();
  }

  #show() {
    if (this.#room === null) return;
    const now = this.#page.client.clock.now();
    const goesOn = (state, resetsAt) => state === "waiting" || (state === "sold_out" && Boolean(resetsAt));
    const isIn = this.#place !== null && (this.#place.state === "admitted" || goesOn(this.#place.state, this.#place.resets_at));
    this.#button.hidden = isIn || (this.#shared !== null && !goesOn(this.#shared.state, this.#shared.resets_at));
    setText(this.#note, isIn || this.#place !== null ? placeWords(this.#place, this.#shared, now) : joinWords(this.#shared, now));
  }

  // A challenge is met once, ahead, however often it is asked for; `null` if there is none.
  async #passOf(userId) {
    if (!this.#campaign.protection?.challenge) return null;
    const { client } = this.#page;
    const isGood = this.#pass?.userId === userId && Date.parse(this.#pass.expires_at) - client.clock.now() > PASS_SPARE_MS;
    if (isGood) return this.#pass.pass;
    const widget = (challenge) => responseOf(challenge, this.#slot);
    if (this.#working?.userId !== userId) {
      this.#working = { userId, pass: client.meetChallenge(this.#campaign.id, { userId, widget }) };
      this.#say("Checking that nobody asks by machine…");
    }
    const working = this.#working;
    try {
      const pass = { userId, ...(await working.pass) };
      if (this.#working === working) {
        this.#pass = pass;
        this.#say("The check is done.");
      }
      return pass.pass;
    } catch (problem) {
      if (this.#working === working) this.#say("");
      throw problem;
    } finally {
      if (this.#working === working) this.#working = null;
    }
  }

  // A provider's widget says by itself how far it is.
  #say(words) {
    if (this.#campaign.protection?.challenge?.provider !== "altcha") return;
    setText(this.#check, words);
    this.#check.hidden = words === "";
    this.#hide();
  }

  /** Begins with the challenge, if the shopper is known. */
  warm(userId) {
    if (userId !== "") this.#passOf(userId).catch(() => {});
  }

  #key() {
    return `${KEPT}${this.#campaign.id}.${this.#page.person.userId}`;
  }

  #keep(ticket) {
    this.#ticket = ticket;
    try {
      if (ticket === null) sessionStorage.removeItem(this.#key());
      else sessionStorage.setItem(this.#key(), ticket);
    } catch {
      // A browser without storage forgets at a reload, and joining again gives the same place.
    }
  }
}

function kept(key) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}
