//! What follows from the lists: when it is open, what is left, what has become of a coupon; and what time alone does.

use std::sync::Arc;
use std::time::Duration;

use landrush_engine::campaign::{CampaignView, Fairness, Mode, Return, TypeCounts};
use landrush_engine::id::{Serial, TypeIndex};
use landrush_engine::outcome::{ClaimItem, ClaimKind, ClaimView, CouponState, CouponView, RedemptionState, Refusal};
use landrush_engine::time::{Day, Timestamp};

use super::{ModelCampaign, ModelClaim, WINDOW_EVERY_MS, WINDOW_MS, ZONE_MS};
use crate::shop::{DAY_MS, at, seed};

impl ModelCampaign {
    pub(super) fn do_what_is_due(&mut self, now: Timestamp) {
        if !self.archived {
            self.end_what_is_over(now);
            self.do_what_is_due_in_room(now);
        }
    }

    fn end_what_is_over(&mut self, now: Timestamp) {
        self.ended |= self.cancelled.is_none() && now >= self.ends_at().saturating_add(Duration::from_secs(1));
        for index in 0..self.redemptions.len() {
            let redemption = &mut self.redemptions[index];
            let is_over = redemption.hold.is_some_and(|hold| redemption.at.saturating_add(hold) <= now);
            if redemption.state == RedemptionState::Reserved && is_over {
                redemption.state = RedemptionState::Expired;
                let claim = redemption.claim;
                self.give_back(claim, now);
            }
        }
        if self.is_revoked() {
            return;
        }
        for coupon_type in self.types() {
            let Some(valid_for) = self.definition.coupon_types[coupon_type.as_index()].valid_for else { continue };
            // In the order of their issue: none before the one before it.
            for index in 0..self.claims.len() {
                let claim = &mut self.claims[index];
                if claim.won != Some(coupon_type) || claim.has_run_out {
                    continue;
                }
                if claim.at.saturating_add(valid_for) > now {
                    break;
                }
                claim.has_run_out = true;
                self.give_back(index, now);
            }
        }
    }

    /// What nobody holds and nobody redeemed is the shop's again, once its time is over.
    pub(super) fn give_back(&mut self, index: usize, now: Timestamp) {
        let today = self.today(now);
        let is_used = matches!(self.latest(index), Some((_, RedemptionState::Reserved | RedemptionState::Confirmed)));
        let (is_revoked, is_restocked) = (self.is_revoked(), self.definition.returns.expired == Return::Restock);
        let claim = &mut self.claims[index];
        if claim.has_run_out && !claim.is_void && !is_used && !is_revoked {
            claim.is_expired = true;
            claim.is_restocked = is_restocked;
            claim.is_restocked_today = is_restocked && claim.day == today;
        }
    }

    /// When the last window closes, if it has windows.
    pub(super) fn ends_at(&self) -> Timestamp {
        let ends_at = self.definition.ends_at;
        if self.definition.windows.is_none() {
            return ends_at;
        }
        at(opening(ends_at.as_milliseconds() - 1) + WINDOW_MS).min(ends_at)
    }

    pub(super) fn is_over(&self, moment: Timestamp) -> bool {
        self.ended || moment >= self.ends_at()
    }

    /// Whether it is not over and has not opened at `moment`, and when it will.
    pub(super) fn not_open(&self, moment: Timestamp) -> Option<Refusal> {
        if moment < self.definition.starts_at {
            return Some(Refusal::NotOpen { opens_at: self.definition.starts_at });
        }
        let opened_at = opening(moment.as_milliseconds());
        let is_open = self.definition.windows.is_none() || moment < at(opened_at + WINDOW_MS);
        (!is_open).then_some(Refusal::NotOpen { opens_at: at(opened_at + WINDOW_EVERY_MS) })
    }

    /// The window that is open at `moment`.
    pub(super) fn open_window(&self, moment: Timestamp) -> Option<Timestamp> {
        let is_open = moment < self.ends_at() && self.not_open(moment).is_none();
        is_open.then(|| at(opening(moment.as_milliseconds())))
    }

    pub(super) fn last_day(&self) -> Day {
        self.claims.iter().map(|claim| claim.day).max().unwrap_or(Day(0))
    }

    pub(super) fn today(&self, now: Timestamp) -> Day {
        let day = u32::try_from((now.as_milliseconds() + ZONE_MS) / DAY_MS).expect("a near day");
        Day(day).max(self.last_day())
    }

    pub(super) fn is_revoked(&self) -> bool {
        self.cancelled.is_some_and(|cancelled| cancelled.revoke)
    }

    pub(super) fn types(&self) -> impl Iterator<Item = TypeIndex> + use<> {
        (0..u16::try_from(self.definition.coupon_types.len()).expect("few types")).map(TypeIndex)
    }

    /// The latest redemption of a coupon, and what has become of it.
    pub(super) fn latest(&self, claim: usize) -> Option<(usize, RedemptionState)> {
        let of_claim = self.redemptions.iter().enumerate().filter(|(_, redemption)| redemption.claim == claim);
        of_claim.map(|(index, redemption)| (index, redemption.state)).next_back()
    }

    pub(super) fn is_redeemed(&self, claim: usize) -> bool {
        matches!(self.latest(claim), Some((_, RedemptionState::Confirmed)))
    }

    pub(super) fn counts(&self) -> Vec<TypeCounts> {
        self.types().map(|coupon_type| self.counts_of(coupon_type)).collect()
    }

    fn counts_of(&self, coupon_type: TypeIndex) -> TypeCounts {
        let count = |keep: &dyn Fn(usize, &ModelClaim) -> bool| {
            let of_type = self.claims.iter().enumerate().filter(|(_, claim)| claim.won == Some(coupon_type));
            u32::try_from(of_type.filter(|(index, claim)| keep(*index, claim)).count()).expect("few claims")
        };
        TypeCounts {
            issued: count(&|_, claim| !claim.is_restocked),
            issued_today: count(&|_, claim| claim.day == self.last_day() && !claim.is_restocked_today),
            voided: count(&|_, claim| claim.is_void),
            redeemed: count(&|index, _| self.is_redeemed(index)),
            expired: count(&|_, claim| claim.is_expired && !claim.is_void),
            imported: 0,
            handed_out: count(&|_, _| true),
        }
    }

    pub(super) fn view(&self) -> Arc<CampaignView> {
        let fairness = (self.definition.mode == Mode::Draw).then(|| Fairness {
            commitment: seed().commitment(),
            seed: (self.ended || self.cancelled.is_some()).then(seed),
            entries: 0,
            entries_hash: None,
        });
        Arc::new(CampaignView {
            number: self.number,
            definition: Arc::new(self.definition.clone()),
            created_at: self.created_at,
            accept_claims: self.accept_claims,
            accept_redemptions: self.accept_redemptions,
            cancelled: self.cancelled,
            ended: self.ended,
            fairness,
            today: self.last_day(),
            counts: self.counts(),
        })
    }

    pub(super) fn item(&self, index: usize, now: Timestamp) -> ClaimItem {
        ClaimItem { user: self.claims[index].user.clone(), claim: self.claim_view(index, now) }
    }

    pub(super) fn claim_view(&self, index: usize, now: Timestamp) -> ClaimView {
        let claim = &self.claims[index];
        let kind = match self.definition.mode {
            Mode::FirstCome => ClaimKind::Claim,
            Mode::Draw => ClaimKind::Draw { sampled: claim.sampled },
            Mode::Lottery => unreachable!("no campaign of the model"),
        };
        let coupon = claim.won.map(|coupon_type| {
            let valid_for = self.definition.coupon_types[coupon_type.as_index()].valid_for;
            let expires_at = valid_for.map(|span| claim.at.saturating_add(span));
            CouponView { coupon_type, expires_at, state: self.coupon_state(index, expires_at, now), imported: None }
        });
        let serial = Serial(u32::try_from(index).expect("few claims"));
        ClaimView { campaign: self.number, serial, decided_at: claim.at, kind, coupon }
    }

    fn coupon_state(&self, index: usize, expires_at: Option<Timestamp>, now: Timestamp) -> CouponState {
        let claim = &self.claims[index];
        if self.is_redeemed(index) {
            CouponState::Redeemed
        } else if claim.is_void || self.is_revoked() {
            CouponState::Void
        } else if matches!(self.latest(index), Some((_, RedemptionState::Reserved))) {
            CouponState::Reserved
        } else if claim.has_run_out || expires_at.is_some_and(|expires_at| expires_at <= now) {
            CouponState::Expired
        } else {
            CouponState::Issued
        }
    }
}

/// When a window opened last, whether or not it is open still.
fn opening(milliseconds: u64) -> u64 {
    milliseconds / WINDOW_EVERY_MS * WINDOW_EVERY_MS
}
