//! Owns the run: a queue of moments, and the real state and limiter that judge what happens at each.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use landrush::gate::rate_limit::{Limiter, Mark};
use landrush_engine::campaign::{CampaignDefinition, Protection, RateLimit, WaitingRoom};
use landrush_engine::command::{Arrive, Claim, Command, Gate, GateRefusal};
use landrush_engine::fairness::Seed;
use landrush_engine::id::CampaignNumber;
use landrush_engine::keys::Keys;
use landrush_engine::outcome::{Outcome, Refusal};
use landrush_engine::room::Place;
use landrush_engine::shard::{Due, State};
use landrush_engine::time::Timestamp;

use super::people::{BOT_CORES, Crowd, Ms, OPENING, Person};
use super::{Defences, Sides};

const CAMPAIGN: CampaignNumber = CampaignNumber(0);
/// After this nobody tries any more.
const LAST: Ms = OPENING + 1_800_000;
const ADDRESS_LIMIT: RateLimit = RateLimit { requests: 10, per: Duration::from_secs(10) };
const DEVICE_LIMIT: RateLimit = RateLimit { requests: 5, per: Duration::from_secs(10) };
const USERS_PER_DEVICE: usize = 2;
const ROOM: WaitingRoom =
    WaitingRoom { admit_per_second: 100, opens_before: Duration::from_mins(10), admitted_for: Duration::from_secs(30) };

/// Who has got what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) honest: u32,
    pub(super) bots: u32,
    /// When the last coupon was granted, in milliseconds from the opening.
    pub(super) last_after_ms: Ms,
}

impl Ending {
    /// The part of all coupons that honest people got.
    pub(super) fn share(&self, coupons: u32) -> f64 {
        f64::from(self.honest) / f64::from(coupons)
    }
}

/// What somebody does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Come,
    Ask,
}

struct World<'c> {
    crowd: &'c [Person],
    defences: Defences,
    state: State,
    limiter: Limiter,
    /// By moment, then in the order in which they were planned.
    plans: BinaryHeap<Reverse<(Ms, u64, usize, Step)>>,
    planned: u64,
    /// Places by person, and once they are shuffled, the persons by position, the last first.
    places: HashMap<usize, Place>,
    waiting: Vec<(u32, usize)>,
    is_shuffled: bool,
    device_users: HashMap<u32, Vec<usize>>,
    /// When the attacker's cores are done with all that they were given, from the beginning of the run.
    cores_free_at: Duration,
    ending: Ending,
}

/// Lets everybody do what they do, until the coupons are gone or nobody tries any more.
pub(super) fn play(crowd: &Crowd, sides: Sides, defences: Defences) -> Ending {
    let mut world = World::new(crowd, sides, defences);
    while world.ending.honest + world.ending.bots < sides.coupons {
        let planned_at = world.plans.peek().map(|Reverse((at, ..))| *at);
        let due_at = world.state.next_due_at().map(Timestamp::as_milliseconds);
        let Some(now) = [planned_at, due_at].into_iter().flatten().min().filter(|now| *now < LAST) else {
            return world.ending;
        };
        world.pass_time(now);
        if planned_at == Some(now)
            && let Some(Reverse((_, _, who, step))) = world.plans.pop()
        {
            world.act(now, who, step);
        }
    }
    world.ending
}

impl<'c> World<'c> {
    fn new(crowd: &'c Crowd, sides: Sides, defences: Defences) -> Self {
        let opens_at = Timestamp::from_milliseconds(OPENING);
        let protection = Protection { waiting_room: defences.waiting_room.then_some(ROOM), ..Protection::default() };
        let definition = CampaignDefinition::builder("attack")
            .open(opens_at, opens_at.saturating_add(Duration::from_hours(24)))
            .coupon_type("coupon", sides.coupons)
            .protection(protection)
            .build()
            .expect("a sound campaign");
        let mut state = State::new(&Keys::from_bytes([7; 16], [7; 32]));
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&sides.seed.to_le_bytes());
        let create =
            Command::Create { campaign: CAMPAIGN, definition: Box::new(definition), seed: Seed::from_bytes(seed) };
        decide(&mut state, &create, 0);
        let mut world = Self {
            crowd: &crowd.0,
            defences,
            state,
            limiter: Limiter::new(1 << 17, [7; 16]),
            plans: BinaryHeap::new(),
            planned: 0,
            places: HashMap::new(),
            waiting: Vec::new(),
            is_shuffled: false,
            device_users: HashMap::new(),
            cores_free_at: Duration::ZERO,
            ending: Ending::default(),
        };
        // The cores work for bots in the order in which these can ask.
        let mut order: Vec<usize> = (0..crowd.0.len()).collect();
        order.sort_by_key(|who| world.crowd[*who].reaction_ms);
        for who in order {
            // An attacker knows which accounts are good for nothing, and spends no work and no requests on them.
            if defences.registration && crowd.0[who].is_bot && !crowd.0[who].is_registered {
                continue;
            }
            if defences.waiting_room {
                world.plan(world.crowd[who].comes_at, who, Step::Come);
            } else {
                world.may_ask(OPENING, who);
            }
        }
        world
    }

    fn plan(&mut self, at: Ms, who: usize, step: Step) {
        self.planned += 1;
        self.plans.push(Reverse((at, self.planned, who, step)));
    }

    /// Plans the claim of somebody who may ask from `from` on.
    fn may_ask(&mut self, from: Ms, who: usize) {
        let person = &self.crowd[who];
        let mut at = from + person.reaction_ms;
        match self.defences.challenge {
            Some(challenge) if person.is_bot => {
                // What is solved too far ahead holds no more when it is needed.
                let begun_at = self.cores_free_at.max(Duration::from_millis(at).saturating_sub(challenge.pass_holds));
                self.cores_free_at = begun_at + challenge.work / BOT_CORES;
                at = at.max(milliseconds(self.cores_free_at));
            }
            Some(challenge) if !person.is_early => at += milliseconds(challenge.work_of_a_phone()),
            Some(_) | None => {}
        }
        self.plan(at, who, Step::Ask);
    }

    /// Does what time alone leads to.
    fn pass_time(&mut self, now: Ms) {
        let at = Timestamp::from_milliseconds(now);
        while let Some(due) = self.state.due(at) {
            match due {
                Due::Event(event) => self.state.apply(&event).expect("decided by this state"),
                Due::Warm(campaign) => self.state.warm(campaign),
                Due::Look(campaign) => self.state.look_later(campaign, at),
            }
        }
        self.let_in(now);
    }

    /// Those who were let in know it at once, and ask.
    fn let_in(&mut self, now: Ms) {
        let Some(room) = self.state.room(CAMPAIGN) else { return };
        let Some(shuffle) = &room.shuffle else { return };
        if !std::mem::replace(&mut self.is_shuffled, true) {
            let position = |(who, place): (&usize, &Place)| (shuffle.position(place.number), *who);
            self.waiting = self.places.iter().map(position).collect();
            self.waiting.sort_unstable_by(|one, other| other.cmp(one));
        }
        while self.waiting.last().is_some_and(|(position, _)| *position <= room.now_serving) {
            let (_, who) = self.waiting.pop().expect("looked at");
            self.may_ask(now, who);
        }
    }

    fn act(&mut self, now: Ms, who: usize, step: Step) {
        match step {
            Step::Come => self.come(now, who),
            Step::Ask => self.ask(now, who),
        }
    }

    fn come(&mut self, now: Ms, who: usize) {
        let refusal = (!self.is_eligible(who)).then_some(GateRefusal::NotEligible);
        let user = self.crowd[who].user.clone();
        let arrive = Arrive { campaign: CAMPAIGN, user, stamped_at: Timestamp::from_milliseconds(now), refusal };
        let Outcome::Arrived { place, .. } = decide(&mut self.state, &Command::Arrive(arrive), now) else { return };
        self.places.insert(who, place);
        // Whoever comes after the opening stands behind all others.
        if now >= OPENING {
            self.waiting.insert(0, (place.number, who));
        }
    }

    fn ask(&mut self, now: Ms, who: usize) {
        let person = &self.crowd[who];
        if let Err(wait) = self.is_in_time(person, now) {
            return self.plan(now.saturating_add(milliseconds(wait)).saturating_add(1), who, Step::Ask);
        }
        let refusal = (!self.is_eligible(who)).then_some(GateRefusal::NotEligible);
        let command = Command::Claim(Claim {
            campaign: CAMPAIGN,
            user: person.user.clone(),
            coupon_type: None,
            key: None,
            phone: None,
            gate: Gate { place: self.places.get(&who).copied(), refusal },
            stamped_at: Timestamp::from_milliseconds(now),
        });
        let outcome = decide(&mut self.state, &command, now);
        if let Outcome::Won(_) = outcome {
            let side = if person.is_bot { &mut self.ending.bots } else { &mut self.ending.honest };
            *side += 1;
            self.ending.last_after_ms = now - OPENING;
        } else if outcome == Outcome::Refused(Refusal::TicketRequired) {
            // Whoever was let in and came too late may wait once more.
            self.plan(now + 1, who, Step::Come);
        }
    }

    fn is_in_time(&self, person: &Person, now: Ms) -> Result<(), Duration> {
        let now = Timestamp::from_milliseconds(now);
        if self.defences.address_rate {
            self.limiter.ask(CAMPAIGN, Mark::Address(person.address), ADDRESS_LIMIT, now)?;
        }
        if self.defences.device_rate {
            self.limiter.ask(CAMPAIGN, Mark::Device(&person.device.to_le_bytes()), DEVICE_LIMIT, now)?;
        }
        Ok(())
    }

    fn is_eligible(&mut self, who: usize) -> bool {
        let person = &self.crowd[who];
        if self.defences.registration && !person.is_registered {
            return false;
        }
        if !self.defences.device_users {
            return true;
        }
        let users = self.device_users.entry(person.device).or_default();
        if !users.contains(&who) && users.len() < USERS_PER_DEVICE {
            users.push(who);
        }
        users.contains(&who)
    }
}

/// The whole milliseconds of a span.
fn milliseconds(span: Duration) -> Ms {
    Ms::try_from(span.as_millis()).unwrap_or(Ms::MAX)
}

fn decide(state: &mut State, command: &Command, now: Ms) -> Outcome {
    let decision = state.decide(command, Timestamp::from_milliseconds(now));
    let (outcome, event) = (decision.outcome, decision.event);
    if let Some(event) = event {
        state.apply(&event).expect("decided by this state");
    }
    outcome
}
