//! What the engine has told of a campaign, and what it may therefore never say otherwise.

use std::collections::{BTreeMap, BTreeSet};

use landrush_engine::id::{CampaignNumber, RedemptionNumber, Serial, TypeIndex};
use landrush_engine::outcome::{ClaimKind, ClaimView, CouponState, Outcome, RedemptionItem, Refusal};

/// What was told of one campaign.
#[derive(Default)]
pub(super) struct Told {
    pub(super) number: Option<CampaignNumber>,
    pub(super) wins: BTreeMap<u64, Win>,
    /// Asked for, and no answer came.
    pub(super) in_doubt: BTreeSet<u64>,
}

/// A claim or a draw that was told.
#[derive(Debug)]
pub(super) struct Win {
    pub(super) serial: Serial,
    sampled: Option<TypeIndex>,
    /// What the coupon may be: one state, or more after a question without an answer; empty if nothing was won.
    pub(super) fates: Vec<CouponState>,
    /// Its latest redemption that was told.
    pub(super) redemption: Option<RedemptionNumber>,
}

impl Win {
    fn of(view: &ClaimView) -> Self {
        let sampled = match view.kind {
            ClaimKind::Draw { sampled } => sampled,
            ClaimKind::Claim | ClaimKind::Entry { .. } => None,
        };
        let fates = view.coupon.iter().map(|coupon| coupon.state).collect();
        Self { serial: view.serial, sampled, fates, redemption: None }
    }

    pub(super) fn has_coupon(&self) -> bool {
        !self.fates.is_empty()
    }

    /// Whether the coupon certainly is in this state.
    pub(super) fn is(&self, state: CouponState) -> bool {
        self.fates == [state]
    }

    /// Something was asked, and no answer came: it may have become this.
    pub(super) fn doubt(&mut self, state: CouponState) {
        self.fates.push(state);
    }

    /// Holds what is told now against what was told before.
    fn is_shown(&mut self, view: &ClaimView, user: u64) {
        let shown = Self::of(view);
        assert_eq!((self.serial, self.sampled), (shown.serial, shown.sampled), "user {user} was shown another one");
        assert_eq!(self.has_coupon(), shown.has_coupon(), "the coupon of user {user} came or went");
        assert!(shown.fates.iter().all(|state| self.fates.contains(state)), "user {user}: {self:?}, shown {view:?}");
        self.fates = shown.fates;
    }

    /// Takes in a redemption that was told.
    pub(super) fn is_redeemed(&mut self, item: &RedemptionItem) {
        self.fates = item.claim.coupon.iter().map(|coupon| coupon.state).collect();
        self.redemption = Some(item.redemption.number);
    }
}

impl Told {
    /// Takes in the answer to a claim or a draw; `false` if none came, or none that tells.
    pub(super) fn note(&mut self, user: u64, outcome: Option<&Outcome>) -> bool {
        match outcome {
            Some(Outcome::Won(view)) => {
                assert!(!self.wins.values().any(|win| win.serial == view.serial), "one claim was given to two");
                assert!(self.wins.insert(user, Win::of(view)).is_none(), "user {user} was granted two");
                self.in_doubt.remove(&user);
                true
            }
            Some(Outcome::Repeated(view)) => {
                self.wins.entry(user).or_insert_with(|| Win::of(view)).is_shown(view, user);
                self.in_doubt.remove(&user);
                true
            }
            Some(Outcome::Refused(Refusal::SoldOut)) => {
                assert!(!self.wins.contains_key(&user), "user {user} has a coupon and is told that there is none");
                self.in_doubt.remove(&user);
                true
            }
            Some(Outcome::Refused(Refusal::LogUnavailable)) | None => {
                if !self.wins.contains_key(&user) {
                    self.in_doubt.insert(user);
                }
                false
            }
            Some(other) => panic!("a claim was answered {other:?}"),
        }
    }

    /// How many coupons it has issued.
    pub(super) fn issued(&self) -> usize {
        self.wins.values().filter(|win| win.has_coupon()).count()
    }
}
