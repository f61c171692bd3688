//! A shop on one shard: what most tests talk to.

use std::time::Duration;

use landrush_engine::audit::Audit;
use landrush_engine::campaign::{CampaignDefinition, CampaignPatch, CampaignView, TypeCounts};
use landrush_engine::codec::{decode_event, encode_event};
use landrush_engine::command::{Claim, Command, CouponPlace, Gate, Redeem, Settlement};
use landrush_engine::coupon::Codes;
use landrush_engine::event::Event;
use landrush_engine::fairness::Seed;
use landrush_engine::id::{CampaignNumber, IdempotencyKey, OrderId, RedemptionNumber, Serial, TypeIndex, UserId};
use landrush_engine::keys::Keys;
use landrush_engine::outcome::{
    ClaimView, CouponItem, CouponState, CouponView, Outcome, RedemptionState, RedemptionView, Refusal,
};
use landrush_engine::shard::{CampaignDecoder, Due, State};
use landrush_engine::time::Timestamp;
use proptest::test_runner::{Config as ProptestConfig, RngSeed};

pub(crate) const HOUR_MS: u64 = 3_600_000;
pub(crate) const DAY_MS: u64 = 24 * HOUR_MS;
/// 2026-12-01T12:00:00Z.
pub(crate) const NOON_MS: u64 = 1_796_083_200_000 + 12 * HOUR_MS;
pub(crate) const RUSH: CampaignNumber = CampaignNumber(0);

pub(crate) fn keys() -> Keys {
    Keys::from_bytes([7; 16], [9; 32])
}

pub(crate) fn at(milliseconds: u64) -> Timestamp {
    Timestamp::from_milliseconds(milliseconds)
}

/// What every draw here follows from.
pub(crate) fn seed() -> Seed {
    Seed::from_bytes([5; 32])
}

/// One shard with a clock that the test turns.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) state: State,
    pub(crate) now: u64,
    /// Every event that was applied, as it lies in the log.
    pub(crate) log: Vec<Vec<u8>>,
}

impl Shop {
    /// With one campaign, [`RUSH`], at noon.
    pub(crate) fn new(definition: CampaignDefinition) -> Self {
        let mut shop = Self::empty();
        let create = Command::Create { campaign: RUSH, definition: Box::new(definition), seed: seed() };
        assert!(matches!(shop.submit(&create), Outcome::Created(_)));
        shop
    }

    /// Without a campaign, at noon.
    pub(crate) fn empty() -> Self {
        Self { state: State::new(&keys()), now: NOON_MS, log: Vec::new() }
    }

    /// Decides and applies.
    pub(crate) fn submit(&mut self, command: &Command) -> Outcome {
        self.do_what_is_due();
        self.submit_alone(command)
    }

    /// Decides and applies while all else that is due waits for its turn.
    pub(crate) fn submit_alone(&mut self, command: &Command) -> Outcome {
        if let Some(overdue) = self.state.overdue(command, at(self.now)) {
            self.apply(&overdue);
        }
        let decision = self.state.decide(command, at(self.now));
        if let Some(event) = &decision.event {
            self.apply(event);
        }
        decision.outcome
    }

    /// Does all that has come due, and says how many events that were.
    pub(crate) fn do_what_is_due(&mut self) -> usize {
        let mut events = 0;
        while let Some(due) = self.state.due(at(self.now)) {
            match due {
                Due::Event(event) => {
                    self.apply(&event);
                    events += 1;
                }
                Due::Warm(campaign) => self.state.warm(campaign),
                Due::Look(campaign) => self.state.look_later(campaign, at(self.now)),
            }
        }
        events
    }

    /// Applies what happened, as the log has it too.
    pub(crate) fn apply(&mut self, event: &Event<'_>) {
        let mut bytes = Vec::new();
        encode_event(event, &mut bytes);
        let mut again = Vec::new();
        encode_event(&decode_event(&bytes).expect("an event"), &mut again);
        assert_eq!(again, bytes, "what is read is written the same");
        self.state.apply(event).expect("what was decided, or is due, can be applied");
        self.log.push(bytes);
    }

    /// Proves that the campaigns follow from their log and from their snapshots, and that every promise is kept.
    pub(crate) fn prove(&self) {
        let audit = self.audit();
        assert!(audit.is_sound(), "{audit:?}");
        for other in [self.replayed(), self.restored()] {
            assert!(self.state.campaigns().eq(other.campaigns()));
            for campaign in self.state.campaigns() {
                assert_eq!(self.state.view(campaign), other.view(campaign));
                assert_eq!(self.state.campaign_hash(campaign), other.campaign_hash(campaign), "{campaign:?}");
            }
            assert_eq!(self.state.last_event_at(), other.last_event_at());
            assert_eq!(Audit::of(&other, &Codes::new(&keys())), audit);
        }
    }

    /// What the log alone leads to.
    pub(crate) fn replayed(&self) -> State {
        let mut state = State::new(&keys());
        for bytes in &self.log {
            state.apply(&decode_event(bytes).expect("an event")).expect("it was applied before");
        }
        state
    }

    /// What snapshots alone lead to.
    pub(crate) fn restored(&self) -> State {
        let mut state = State::new(&keys());
        for campaign in self.state.campaigns() {
            let mut decoder = CampaignDecoder::new(&state);
            self.state.encode_campaign(campaign, |block| decoder.push(block)).expect("it can be read back");
            assert_eq!(decoder.finish(&mut state), Ok(campaign));
        }
        state
    }

    pub(crate) fn claim(&mut self, user: &str) -> Outcome {
        self.submit(&claim(user, None, None, self.now))
    }

    pub(crate) fn claim_type(&mut self, user: &str, coupon_type: u16) -> Outcome {
        self.submit(&claim(user, Some(coupon_type), None, self.now))
    }

    pub(crate) fn claim_keyed(&mut self, user: &str, key: &str) -> Outcome {
        self.submit(&claim(user, None, Some(key), self.now))
    }

    pub(crate) fn draw(&mut self, user: &str) -> Outcome {
        self.submit(&Command::Draw(ask(user, None, None, self.now)))
    }

    pub(crate) fn enter(&mut self, user: &str) -> Outcome {
        self.submit(&Command::Enter(ask(user, None, None, self.now)))
    }

    pub(crate) fn void(&mut self, serial: u32, restock: Option<bool>, allow_again: bool) -> Outcome {
        self.submit(&Command::Void { campaign: RUSH, claim: Serial(serial), restock, allow_again })
    }

    pub(crate) fn patch(&mut self, patch: CampaignPatch) -> Outcome {
        self.submit(&Command::Patch { campaign: RUSH, patch: Box::new(patch), dry_run: false })
    }

    pub(crate) fn cancel(&mut self, revoke: bool) -> Outcome {
        self.submit(&Command::Cancel { campaign: RUSH, revoke, dry_run: false })
    }

    pub(crate) fn redeem(&mut self, serial: u32, order: &str, hold: Option<Duration>) -> Outcome {
        self.submit(&redeem(serial, order, hold))
    }

    pub(crate) fn settle(&mut self, redemption: u32, settlement: Settlement) -> Outcome {
        self.submit(&settle(redemption, settlement))
    }

    /// The coupon of a claim, and its latest redemption.
    pub(crate) fn coupon(&mut self, serial: u32) -> CouponItem {
        let outcome = self.submit(&Command::Coupon { campaign: RUSH, coupon: CouponPlace::Claim(Serial(serial)) });
        let Outcome::Coupon(item) = outcome else { panic!("no coupon: {outcome:?}") };
        *item
    }

    /// Somebody's claims, draws or entry, oldest first.
    pub(crate) fn claims_of(&mut self, user: &str) -> Vec<ClaimView> {
        let user = UserId::new(user).expect("a valid user id");
        let outcome = self.submit(&Command::ClaimsByUser { campaign: RUSH, user });
        let Outcome::Claims { items, more: false } = outcome else { panic!("no claims: {outcome:?}") };
        items.into_iter().map(|item| item.claim).collect()
    }

    /// What has become of the coupon of a claim.
    pub(crate) fn coupon_state(&mut self, serial: u32) -> CouponState {
        coupon(&self.coupon(serial).claim).state
    }

    /// What is counted of a coupon type of [`RUSH`].
    pub(crate) fn counts(&self, coupon_type: usize) -> TypeCounts {
        self.state.counts(RUSH)[coupon_type]
    }

    pub(crate) fn audit(&self) -> Audit {
        Audit::of(&self.state, &Codes::new(&keys()))
    }
}

pub(crate) fn ask(user: &str, coupon_type: Option<u16>, key: Option<&str>, stamped_at: u64) -> Claim {
    Claim {
        campaign: RUSH,
        user: UserId::new(user).expect("a valid user id"),
        coupon_type: coupon_type.map(TypeIndex),
        key: key.map(|key| IdempotencyKey::new(key).expect("a valid key")),
        phone: None,
        gate: Gate::default(),
        stamped_at: at(stamped_at),
    }
}

pub(crate) fn claim(user: &str, coupon_type: Option<u16>, key: Option<&str>, stamped_at: u64) -> Command {
    Command::Claim(ask(user, coupon_type, key, stamped_at))
}

pub(crate) fn redeem(serial: u32, order: &str, hold: Option<Duration>) -> Command {
    Command::Redeem(Redeem {
        campaign: RUSH,
        coupon: CouponPlace::Claim(Serial(serial)),
        order: OrderId::new(order).expect("a valid order id"),
        user: None,
        hold,
    })
}

pub(crate) fn settle(redemption: u32, settlement: Settlement) -> Command {
    Command::Settle { campaign: RUSH, redemption: RedemptionNumber(redemption), settlement }
}

/// Why it was refused, if it was.
pub(crate) fn refused(outcome: &Outcome) -> Option<Refusal> {
    let Outcome::Refused(refusal) = outcome else { return None };
    Some(*refusal)
}

/// The claim that was won now.
pub(crate) fn won_claim(outcome: &Outcome) -> ClaimView {
    let Outcome::Won(claim) = outcome else { panic!("not won: {outcome:?}") };
    *claim
}

/// What a claim won.
pub(crate) fn coupon(claim: &ClaimView) -> CouponView {
    claim.coupon.expect("it won")
}

/// The claim that was won before.
pub(crate) fn repeated_claim(outcome: &Outcome) -> ClaimView {
    let Outcome::Repeated(claim) = outcome else { panic!("not repeated: {outcome:?}") };
    *claim
}

/// The serial that was won now.
pub(crate) fn won(outcome: &Outcome) -> u32 {
    won_claim(outcome).serial.0
}

/// The serial that was won before.
pub(crate) fn repeated(outcome: &Outcome) -> u32 {
    repeated_claim(outcome).serial.0
}

/// The redemption that was made now.
pub(crate) fn redeemed(outcome: &Outcome) -> &RedemptionView {
    let Outcome::Redeemed(item) = outcome else { panic!("not redeemed now: {outcome:?}") };
    &item.redemption
}

/// The redemption as it stands, and what has become of its coupon.
pub(crate) fn stands(outcome: &Outcome) -> (RedemptionState, CouponState) {
    let (Outcome::Redeemed(item) | Outcome::Redemption(item)) = outcome else {
        panic!("no redemption: {outcome:?}");
    };
    (item.redemption.state, coupon(&item.claim).state)
}

/// The campaign as it is, or would be.
pub(crate) fn campaign(outcome: &Outcome) -> &CampaignView {
    let Outcome::Campaign(view) = outcome else { panic!("not a campaign: {outcome:?}") };
    view
}

/// So many cases, the same ones in each run unless `PROPTEST_RNG_SEED` says others.
pub(crate) fn seeded(cases: u32) -> ProptestConfig {
    let mut config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(0x1a2d_2054);
    }
    config
}
