// Owns the page of one campaign: puts its parts together, follows what is left, and lets the clock run between the news.

import { Countdown } from "./countdown.js";
import { element, setAttribute, setText } from "./dom.js";
import { fairnessNote } from "./fairness.js";
import { Gate } from "./gate.js";
import { Outcomes } from "./outcomes.js";
import { phaseAt } from "./phase.js";
import { Press } from "./press.js";
import { Pulse } from "./pulse.js";
import { Stock } from "./stock.js";
import { moment } from "./times.js";
import { limitWords, problemWords, RULES, stateWord, windowWords } from "./words.js";

export async function showCampaign(page, id) {
  const { client } = page;
  // Both at once, so that the countdown is right from its first digit.
  const [campaign] = await Promise.all([loaded(page, id), client.clock.sync().catch(() => {})]);
  if (campaign !== null) new CampaignPage(page, campaign).start();
}

// Asks until there is an answer; what is not there is said.
async function loaded({ client, main, connected }, id) {
  for (;;) {
    try {
      const campaign = await client.campaign(id);
      connected("live");
      return campaign;
    } catch (problem) {
      if (problem.name !== "Problem") throw problem;
      if (problem.status === 404 || problem.status === 410) {
        main.replaceChildren(
          element("h1", {}, "Not here any more"),
          element("p", { class: "notice" }, problemWords(problem, { now: client.clock.now() })),
        );
        return null;
      }
      connected("offline");
    }
  }
}

class CampaignPage {
  #page;
  #campaign;
  #availability;
  #badge = element("span", { class: "badge" });
  #status = element("p", { class: "status" });
  #countdown;
  #stock;
  #gate;
  #press;
  #outcomes;
  #fairness = element("div");
  #pulse;
  #state = null;

  constructor(page, campaign) {
    this.#page = page;
    this.#campaign = campaign;
    // The campaign says all that its availability says, but for the day's end and the counts that it hides.
    this.#availability = {
      ...campaign,
      resets_at: null,
      coupon_types: campaign.coupon_types.map(({ id, remaining = "plenty", remaining_today = "plenty" }) => ({ id, remaining, remaining_today })),
    };
    this.#countdown = new Countdown(page.announce);
    this.#stock = new Stock(campaign);
    this.#outcomes = new Outcomes(page, campaign, () => this.#pulse.now());
    this.#gate = new Gate(page, campaign, () => this.#press.who(), () => this.#pulse.now());
    this.#press = new Press(page, campaign, this.#gate, (answer) => this.#outcomes.add(answer));
    this.#pulse = new Pulse(page.client.clock, (now) => this.#show(now));
  }

  start() {
    const { client, main, connected, person } = this.#page;
    this.#build(main);
    document.title = `${this.#campaign.name} · landrush`;
    this.#showFairness();
    client.watch(this.#campaign.id, {
      onAvailability: (availability) => {
        this.#availability = availability;
        this.#pulse.now();
      },
      onWaitingRoom: (room) => {
        this.#gate.moved(room);
        this.#pulse.now();
      },
      onConnection: connected,
      onProblem: (problem) => setText(this.#status, problemWords(problem, { now: client.clock.now() })),
    });
    this.#gate.start();
    this.#gate.warm(person.userId);
    this.#pulse.now();
    if (person.userId !== "") this.#outcomes.load();
  }

  #build(main) {
    const campaign = this.#campaign;
    const rules = [RULES[campaign.mode], limitWords(campaign.limit, campaign.mode), windowWords(campaign.schedule, campaign.time_zone)];
    main.replaceChildren(
      element("p", { class: "back" }, element("a", { href: "/" }, "All campaigns")),
      element("div", { class: "campaign-title" }, element("h1", {}, campaign.name), this.#badge),
      element("p", { class: "rules" }, rules.filter(Boolean).join(" ")),
      element(
        "div",
        { class: "columns" },
        element("div", { class: "act" }, this.#countdown.node, this.#status, this.#outcomes.node, this.#gate.node, this.#press.node),
        element("div", { class: "facts" }, this.#stock.node, this.#fairness),
      ),
    );
  }

  // Shows what is at `now`; returns when that changes next.
  #show(now) {
    const phase = phaseAt(now, this.#availability, this.#campaign);
    setText(this.#badge, stateWord(phase.state));
    setAttribute(this.#badge, "data-state", phase.state);
    setText(this.#status, statusWords(phase, this.#availability, this.#campaign, now));
    this.#stock.show(this.#availability);
    const turn = this.#outcomes.turn(now, this.#availability);
    this.#gate.show(now, turn.isOver);
    this.#press.show(phase, turn, now);
    this.#changed(phase.state);
    const next = this.#countdown.show(now, phase.target, phase.label, phase.state !== "open");
    return Math.min(next, turn.until ?? Infinity, this.#gate.until);
  }

  // What has changed is said once, in a sentence.
  #changed(state) {
    const before = this.#state;
    this.#state = state;
    if (before === null || before === state) return;
    const told = { open: "It is open now.", sold_out: "Sold out.", daily_sold_out: "Today’s coupons are gone.", closed: "Closed for now.", ended: "This has ended.", paused: "Paused.", cancelled: "Cancelled." };
    if (told[state]) this.#page.announce(told[state]);
    if (state === "ended") {
      this.#outcomes.settle();
      this.#showFairness();
    }
  }

  async #showFairness() {
    if (!this.#campaign.fairness) return;
    const show = (campaign) => this.#fairness.replaceChildren(fairnessNote(campaign));
    if (this.#fairness.firstChild === null) show(this.#campaign);
    if (this.#state !== "ended") return;
    // The seed is published a moment after the end.
    for (let attempts = 0; attempts < 20; attempts += 1) {
      const campaign = await this.#page.client.campaign(this.#campaign.id).catch(() => null);
      if (campaign?.fairness.seed) return show(campaign);
      await new Promise((resolve) => setTimeout(resolve, 1_500 * (1 + Math.random())));
    }
  }
}

// What the countdown does not say.
function statusWords({ state, target }, { closes_at }, { mode, schedule }, now) {
  const at = target === null ? null : moment(target, now);
  switch (state) {
    case "scheduled":
    case "closed":
      return target === null ? "Closed for now. The next opening is shown here in a moment." : `It opens ${at}.`;
    case "open":
      return mode === "lottery" ? `The winners are drawn ${at}.` : `Open until ${at}.`;
    case "daily_sold_out":
      return target === null ? "Today’s coupons are gone, and they were the last." : `Today’s coupons are gone. Come back ${at}: there will be new ones.`;
    case "sold_out":
      return "All coupons are gone. Should one be given back, you can press again here.";
    case "paused":
      return "The shop has paused this. It goes on here by itself once the shop lets it.";
    case "ended":
      return `This ended ${moment(Date.parse(closes_at ?? schedule.ends_at), now)}.`;
    case "cancelled":
      return "The shop has cancelled this.";
    default:
      return "";
  }
}
