//! The state against a model that keeps nothing but a list of claims and counts it anew for each answer.

use std::borrow::Cow;
use std::time::Duration;

use landrush_engine::audit::Audit;
use landrush_engine::campaign::{CampaignDefinition, CampaignPatch, CouponTypePatch, Period, Return};
use landrush_engine::codec::{decode_event, encode_event};
use landrush_engine::command::{Claim, Command};
use landrush_engine::coupon::Codes;
use landrush_engine::event::{Change, Event, Granted};
use landrush_engine::id::{CampaignNumber, IdempotencyKey, Serial, TypeIndex, UserId};
use landrush_engine::shard::{CampaignDecoder, Due, State};
use landrush_engine::time::Day;
use proptest::prelude::*;

use crate::naive::{Model, ZONE};
use crate::shop::{DAY_MS, HOUR_MS, NOON_MS, at, keys, seed, seeded};

#[derive(Debug, Clone)]
enum Step {
    Submit(Command),
    /// Later by so many milliseconds.
    Advance(u64),
    /// As after a restart under a clock that was set back.
    SetBack(u64),
    /// Through a snapshot and back.
    Snapshot,
    /// From the log alone.
    Replay,
}

fn definition(number: u32, variant: u8) -> CampaignDefinition {
    let ends_at = at(NOON_MS + 6 * DAY_MS);
    let builder = CampaignDefinition::builder(&format!("rush-{number}"));
    let builder = builder.time_zone(ZONE).open(at(NOON_MS), ends_at).expected_claimants(4);
    let per = if number == 0 { Period::Campaign } else { Period::Day };
    let max = if number == 2 { 2 } else { 1 };
    let builder = builder.limit(max, per).voided(if number == 1 { Return::Burn } else { Return::Restock });
    let builder = builder.coupon_type("a", 4).daily_quota(2).valid_for(Duration::from_millis(DAY_MS));
    builder.coupon_type("b", 3 + u32::from(variant)).build().expect("valid")
}

fn step() -> impl Strategy<Value = Step> {
    let campaign = || (0..3u32).prop_map(CampaignNumber);
    let user =
        || prop::sample::select(vec!["ann", "bob", "cyd", "dan"]).prop_map(|user| UserId::new(user).expect("valid"));
    let key = prop::option::weighted(0.9, prop::sample::select(vec!["k1", "k2", "k3"]));
    let claim = (campaign(), user(), prop::option::weighted(0.3, 0..3u16), key);
    let claim = claim.prop_map(|(campaign, user, coupon_type, key)| {
        let key = key.map(|key| IdempotencyKey::new(key).expect("valid"));
        Command::Claim(Claim {
            campaign,
            user,
            coupon_type: coupon_type.map(TypeIndex),
            key,
            phone: None,
            stamped_at: at(0),
        })
    });
    let create = (0..3u32, 0..4u8).prop_map(|(number, variant)| Command::Create {
        campaign: CampaignNumber(number),
        definition: Box::new(definition(number, variant / 3)),
        seed: seed(),
    });
    let quota = (0..2u16, prop::option::of(1..8u32), prop::option::of(prop::option::of(0..4u32)));
    let patch = (campaign(), prop::option::of(0..8u64), quota, any::<bool>());
    let patch = patch.prop_map(|(campaign, ends, (coupon_type, total_quota, daily_quota), dry_run)| {
        let coupon_types = vec![CouponTypePatch { coupon_type: TypeIndex(coupon_type), total_quota, daily_quota }];
        let ends_at = ends.map(|days| at(NOON_MS + HOUR_MS + days * DAY_MS));
        let patch = Box::new(CampaignPatch { ends_at, coupon_types, ..CampaignPatch::default() });
        Command::Patch { campaign, patch, dry_run }
    });
    let accept = (campaign(), prop::bool::weighted(0.7))
        .prop_map(|(campaign, accept)| Command::AcceptClaims { campaign, accept });
    let cancel = (campaign(), any::<[bool; 2]>()).prop_map(|(campaign, [revoke, dry_run])| Command::Cancel {
        campaign,
        revoke,
        dry_run,
    });
    let archive = (campaign(), any::<bool>()).prop_map(|(campaign, dry_run)| Command::Archive { campaign, dry_run });
    let void = (campaign(), 0..12u32, prop::option::of(any::<bool>()), any::<bool>());
    let void = void.prop_map(|(campaign, claim, restock, allow_again)| Command::Void {
        campaign,
        claim: Serial(claim),
        restock,
        allow_again,
    });
    let by_user = (campaign(), user()).prop_map(|(campaign, user)| Command::ClaimsByUser { campaign, user });
    let page = (campaign(), prop::option::of(0..12u32), 0..6u16).prop_map(|(campaign, after, limit)| Command::Claims {
        campaign,
        after: after.map(Serial),
        limit,
    });
    prop_oneof![
        60 => claim.prop_map(Step::Submit),
        4 => create.prop_map(Step::Submit),
        4 => patch.prop_map(Step::Submit),
        5 => accept.prop_map(Step::Submit),
        1 => cancel.prop_map(Step::Submit),
        2 => archive.prop_map(Step::Submit),
        8 => void.prop_map(Step::Submit),
        2 => by_user.prop_map(Step::Submit),
        2 => page.prop_map(Step::Submit),
        10 => (1..DAY_MS).prop_map(Step::Advance),
        2 => (1..2 * DAY_MS).prop_map(Step::SetBack),
        2 => Just(Step::Snapshot),
        2 => Just(Step::Replay),
    ]
}

struct Run {
    state: State,
    model: Model,
    log: Vec<Vec<u8>>,
    now: u64,
}

impl Run {
    fn new() -> Self {
        let mut run =
            Self { state: State::new(&keys()), model: Model::default(), log: Vec::new(), now: NOON_MS - HOUR_MS };
        for number in 0..3 {
            let definition = Box::new(definition(number, 0));
            run.submit(Command::Create { campaign: CampaignNumber(number), definition, seed: seed() });
        }
        run
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Submit(command) => self.submit(command),
            Step::Advance(milliseconds) => self.now += milliseconds,
            Step::SetBack(milliseconds) => self.now = (self.now - milliseconds).max(NOON_MS - DAY_MS),
            Step::Snapshot => self.snapshot(),
            Step::Replay => self.replay(),
        }
    }

    fn submit(&mut self, mut command: Command) {
        if let Command::Claim(claim) = &mut command {
            claim.stamped_at = at(self.now);
        }
        self.do_what_is_due();
        let decision = self.state.decide(&command, at(self.now));
        let expected = self.model.submit(&command, at(self.now));
        assert_eq!(decision.outcome, expected, "{command:?} at {}", self.now);
        if let Some(event) = &decision.event {
            self.apply(event);
        }
    }

    fn do_what_is_due(&mut self) {
        while let Some(due) = self.state.due(at(self.now)) {
            match due {
                Due::Event(event) => self.apply(&event),
                Due::Warm(campaign) => self.state.warm(campaign),
            }
        }
    }

    fn apply(&mut self, event: &Event<'_>) {
        let mut bytes = Vec::new();
        encode_event(event, &mut bytes);
        assert_eq!(decode_event(&bytes).as_ref(), Ok(event));
        self.state.apply(event).expect("what was decided can be applied");
        self.log.push(bytes);
    }

    fn snapshot(&mut self) {
        let mut restored = State::new(&keys());
        for campaign in self.state.campaigns() {
            let mut decoder = CampaignDecoder::new(&restored);
            self.state.encode_campaign(campaign, |block| decoder.push(block)).expect("it can be read back");
            assert_eq!(decoder.finish(&mut restored), Ok(campaign));
        }
        self.become_same(restored);
    }

    fn replay(&mut self) {
        let mut rebuilt = State::new(&keys());
        for bytes in &self.log {
            rebuilt.apply(&decode_event(bytes).expect("an event")).expect("it was applied before");
        }
        self.become_same(rebuilt);
    }

    fn become_same(&mut self, other: State) {
        assert!(self.state.campaigns().eq(other.campaigns()));
        for campaign in self.state.campaigns() {
            assert_eq!(self.state.campaign_hash(campaign), other.campaign_hash(campaign), "{campaign:?}");
            assert_eq!(self.state.view(campaign), other.view(campaign));
        }
        assert_eq!(self.state.last_event_at(), other.last_event_at());
        self.state = other;
    }
}

proptest! {
    #![proptest_config(seeded(400))]

    #[test]
    fn the_state_answers_as_the_model_does(steps in prop::collection::vec(step(), 1..250)) {
        let mut run = Run::new();
        for step in steps {
            run.step(step);
        }
        run.snapshot();
        run.replay();
        let audit = Audit::of(&run.state, &Codes::new(&keys()));
        prop_assert!(audit.is_sound(), "{:?}", audit);
    }
}

/// Two campaigns whose claims alternate: each has its own serials, and its own blocks.
#[test]
fn many_claims_come_back_from_many_blocks() {
    let mut state = State::new(&keys());
    let definition = CampaignDefinition::builder("rush").coupon_type("a", 1_000_000).build().expect("valid");
    let campaign = CampaignNumber(5);
    let created = Change::Created { definition: Cow::Owned(definition), code_key: keys().code_key_id(), seed: None };
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
