//! The state against a model that keeps nothing but lists of claims, of redemptions and of those who wait, and counts them anew
//! for each answer.

mod steps;

use std::collections::BTreeMap;

use landrush_engine::audit::Audit;
use landrush_engine::campaign::CampaignDefinition;
use landrush_engine::command::Command;
use landrush_engine::coupon::Codes;
use landrush_engine::event::{Change, Event, Granted};
use landrush_engine::id::{CampaignNumber, TypeIndex, UserId};
use landrush_engine::outcome::Outcome;
use landrush_engine::room::{Place, Standing};
use landrush_engine::shard::{CampaignDecoder, State};
use landrush_engine::time::Day;
use proptest::prelude::*;

use self::steps::{CAMPAIGNS, ROOM, Shown, Step, definition, room_step, step};
use crate::naive::Model;
use crate::shop::{DAY_MS, HOUR_MS, NOON_MS, Shop, at, keys, seed, seeded};

struct Run {
    shop: Shop,
    model: Model,
    /// The latest place that was told to each.
    places: BTreeMap<UserId, Place>,
}

impl Run {
    fn new() -> Self {
        let shop = Shop { now: NOON_MS - HOUR_MS, ..Shop::empty() };
        let mut run = Self { shop, model: Model::default(), places: BTreeMap::new() };
        for number in 0..CAMPAIGNS {
            let definition = Box::new(definition(number, 0));
            run.submit(Command::Create { campaign: CampaignNumber(number), definition, seed: seed() });
        }
        run
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Submit(command) => self.submit(command),
            Step::ClaimInRoom(mut claim, shown) => {
                claim.gate.place = match &shown {
                    Shown::Own => self.places.get(&claim.user).copied(),
                    Shown::Of(user) => self.places.get(user).copied(),
                    Shown::Nothing => None,
                };
                self.submit(Command::Claim(claim));
            }
            Step::Advance(milliseconds) => self.shop.now += milliseconds,
            Step::SetBack(milliseconds) => self.shop.now = (self.shop.now - milliseconds).max(NOON_MS - DAY_MS),
            Step::Snapshot => {
                self.shop.prove();
                self.restart(self.shop.restored());
            }
            Step::Replay => {
                self.shop.prove();
                self.restart(self.shop.replayed());
            }
        }
    }

    /// Everybody's place stands where it stood, in the state that came back.
    fn restart(&mut self, state: State) {
        let standings = |state: &State| -> Vec<Standing> {
            let room = state.room(CampaignNumber(ROOM));
            room.iter()
                .flat_map(|room| self.places.values().map(|place| room.standing(*place, at(self.shop.now))))
                .collect()
        };
        assert_eq!(standings(&state), standings(&self.shop.state));
        self.shop.state = state;
        self.model.restart();
    }

    fn submit(&mut self, mut command: Command) {
        if let Command::Claim(claim) | Command::Draw(claim) = &mut command {
            claim.stamped_at = at(self.shop.now - claim.stamped_at.as_milliseconds());
        }
        if let Command::Arrive(arrive) = &mut command {
            arrive.stamped_at = at(self.shop.now - arrive.stamped_at.as_milliseconds());
        }
        if let Command::Register(register) = &mut command {
            register.stamped_at = at(self.shop.now - register.stamped_at.as_milliseconds());
        }
        let outcome = self.shop.submit(&command);
        let expected = self.model.submit(&command, at(self.shop.now));
        assert_eq!(outcome, expected, "{command:?} at {}", self.shop.now);
        if let (Command::Arrive(arrive), Outcome::Arrived { place, .. }) = (command, outcome) {
            self.places.insert(arrive.user, place);
        }
    }
}

proptest! {
    #![proptest_config(seeded(1_500))]

    #[test]
    fn the_state_answers_as_the_model_does(steps in prop::collection::vec(step(), 1..250)) {
        let mut run = Run::new();
        for step in steps {
            run.step(step);
        }
        run.shop.prove();
    }

    #[test]
    fn the_waiting_room_answers_as_the_model_does(
        before in prop::collection::vec(room_step(), 1..20),
        after in prop::collection::vec(room_step(), 1..120),
    ) {
        let mut run = Run::new();
        run.step(Step::Advance(HOUR_MS / 2));
        for step in before {
            run.step(step);
        }
        run.step(Step::Advance(HOUR_MS / 2));
        for step in after {
            run.step(step);
        }
        run.shop.prove();
    }
}

/// Two campaigns whose claims alternate: each has its own serials, and its own blocks.
#[test]
fn many_claims_come_back_from_many_blocks() {
    let mut state = State::new(&keys());
    let definition = CampaignDefinition::builder("rush").coupon_type("a", 1_000_000).build().expect("valid");
    let campaign = CampaignNumber(5);
    let created = Change::Created { definition: Box::new(definition), code_key: keys().code_key_id(), seed: None };
    state.apply(&Event { campaign, at: at(NOON_MS), change: created }).expect("valid");
    for number in 0..50_000u32 {
        let user = format!("user-{number}");
        let grant = Granted { day: Day(number / 9_000), window: None, user: &user, key: None, phone: None };
        let change = Change::Claimed { grant, coupon_type: TypeIndex(0), requested: None };
        state.apply(&Event { campaign, at: at(NOON_MS + u64::from(number)), change }).expect("valid");
    }
    let mut restored = State::new(&keys());
    let mut decoder = CampaignDecoder::new(&restored);
    let mut lengths = Vec::new();
    let encoded = state.encode_campaign(campaign, |block| {
        lengths.push(block.len());
        decoder.push(block)
    });
    encoded.expect("it can be read back");
    assert_eq!(decoder.finish(&mut restored), Ok(campaign));
    assert!(lengths.len() > 10 && lengths[..lengths.len() - 1].iter().all(|length| *length == 64 << 10), "{lengths:?}");
    assert_eq!(restored.campaign_hash(campaign), state.campaign_hash(campaign));
    assert_eq!(restored.claim_count(campaign), 50_000);
    let audit = Audit::of(&restored, &Codes::new(&keys()));
    assert!(audit.is_sound());
    assert_eq!(
        audit.campaigns[0].days.iter().map(|day| day.issued[0]).collect::<Vec<_>>(),
        [9_000, 9_000, 9_000, 9_000, 9_000, 5_000]
    );
}
