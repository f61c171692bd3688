//! The state against a model that keeps nothing but a list of claims and one of redemptions, and counts them anew for each
//! answer.

mod steps;

use landrush_engine::audit::Audit;
use landrush_engine::campaign::CampaignDefinition;
use landrush_engine::command::Command;
use landrush_engine::coupon::Codes;
use landrush_engine::event::{Change, Event, Granted};
use landrush_engine::id::{CampaignNumber, TypeIndex};
use landrush_engine::shard::{CampaignDecoder, State};
use landrush_engine::time::Day;
use proptest::prelude::*;

use self::steps::{CAMPAIGNS, Step, definition, step};
use crate::naive::Model;
use crate::shop::{DAY_MS, HOUR_MS, NOON_MS, Shop, at, keys, seed, seeded};

struct Run {
    shop: Shop,
    model: Model,
}

impl Run {
    fn new() -> Self {
        let mut run = Self { shop: Shop { now: NOON_MS - HOUR_MS, ..Shop::empty() }, model: Model::default() };
        for number in 0..CAMPAIGNS {
            let definition = Box::new(definition(number, 0));
            run.submit(Command::Create { campaign: CampaignNumber(number), definition, seed: seed() });
        }
        run
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Submit(command) => self.submit(command),
            Step::Advance(milliseconds) => self.shop.now += milliseconds,
            Step::SetBack(milliseconds) => self.shop.now = (self.shop.now - milliseconds).max(NOON_MS - DAY_MS),
            Step::Snapshot => {
                self.shop.prove();
                self.shop.state = self.shop.restored();
            }
            Step::Replay => {
                self.shop.prove();
                self.shop.state = self.shop.replayed();
            }
        }
    }

    fn submit(&mut self, mut command: Command) {
        if let Command::Claim(claim) | Command::Draw(claim) = &mut command {
            claim.stamped_at = at(self.shop.now - claim.stamped_at.as_milliseconds());
        }
        if let Command::Register(register) = &mut command {
            register.stamped_at = at(self.shop.now - register.stamped_at.as_milliseconds());
        }
        let outcome = self.shop.submit(&command);
        let expected = self.model.submit(&command, at(self.shop.now));
        assert_eq!(outcome, expected, "{command:?} at {}", self.shop.now);
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
