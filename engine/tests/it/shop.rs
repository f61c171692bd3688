//! A shop on one shard: what most tests talk to.

use landrush_engine::audit::Audit;
use landrush_engine::campaign::{CampaignDefinition, CampaignView};
use landrush_engine::command::{Claim, Command};
use landrush_engine::coupon::Codes;
use landrush_engine::fairness::Seed;
use landrush_engine::id::{CampaignNumber, IdempotencyKey, Serial, TypeIndex, UserId};
use landrush_engine::keys::Keys;
use landrush_engine::outcome::{ClaimView, CouponView, Outcome, Refusal};
use landrush_engine::shard::{Due, State};
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
pub(crate) struct Shop {
    pub(crate) state: State,
    pub(crate) now: u64,
}

impl Shop {
    /// With one campaign, [`RUSH`], at noon.
    pub(crate) fn new(definition: CampaignDefinition) -> Self {
        let mut shop = Self { state: State::new(&keys()), now: NOON_MS };
        let create = Command::Create { campaign: RUSH, definition: Box::new(definition), seed: seed() };
        assert!(matches!(shop.submit(&create), Outcome::Created(_)));
        shop
    }

    /// Decides and applies.
    pub(crate) fn submit(&mut self, command: &Command) -> Outcome {
        self.do_what_is_due();
        if let Some(overdue) = self.state.overdue(command, at(self.now)) {
            self.state.apply(&overdue).expect("what is overdue can be applied");
        }
        let decision = self.state.decide(command, at(self.now));
        if let Some(event) = &decision.event {
            self.state.apply(event).expect("what was decided can be applied");
        }
        decision.outcome
    }

    /// Does all that has come due, and says how many events that were.
    pub(crate) fn do_what_is_due(&mut self) -> usize {
        let mut events = 0;
        while let Some(due) = self.state.due(at(self.now)) {
            match due {
                Due::Event(event) => {
                    self.state.apply(&event).expect("what is due can be applied");
                    events += 1;
                }
                Due::Warm(campaign) => self.state.warm(campaign),
            }
        }
        events
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

    pub(crate) fn void(&mut self, serial: u32, restock: Option<bool>, allow_again: bool) -> Outcome {
        self.submit(&Command::Void { campaign: RUSH, claim: Serial(serial), restock, allow_again })
    }

    pub(crate) fn audit(&self) -> Audit {
        Audit::of(&self.state, &Codes::new(&keys()))
    }
}

pub(crate) fn claim(user: &str, coupon_type: Option<u16>, key: Option<&str>, stamped_at: u64) -> Command {
    Command::Claim(Claim {
        campaign: RUSH,
        user: UserId::new(user).expect("a valid user id"),
        coupon_type: coupon_type.map(TypeIndex),
        key: key.map(|key| IdempotencyKey::new(key).expect("a valid key")),
        phone: None,
        stamped_at: at(stamped_at),
    })
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
