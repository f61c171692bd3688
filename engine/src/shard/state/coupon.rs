//! Owns what a single coupon is worth at one moment: whose it is, of which type, what has become of it.

use super::campaign::Campaign;
use super::record::{Life, Record};
use crate::campaign::{CodeSource, Mode};
use crate::command::CouponPlace;
use crate::id::{Serial, TypeIndex};
use crate::outcome::{ClaimKind, ClaimView, CouponState, CouponView};
use crate::time::Timestamp;

/// What was won, and when: the life of a coupon begins there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Win {
    pub(super) coupon_type: TypeIndex,
    pub(super) at: Timestamp,
    /// Its place among the coupons of its type.
    pub(super) position: u32,
}

impl Campaign {
    /// What the claim won, if anything.
    pub(super) fn win(&self, serial: Serial) -> Option<Win> {
        if self.definition.mode == Mode::Lottery {
            return self.ranking.as_ref()?.win(serial);
        }
        let record = self.claims.record(serial)?;
        let coupon_type = record.won()?;
        let position = self.issues[coupon_type.as_index()].position(serial).expect("what was won was issued");
        Some(Win { coupon_type, at: record.at(), position })
    }

    /// The type of what the claim won, if anything: cheaper than [`Campaign::win`].
    pub(super) fn won_type(&self, serial: Serial) -> Option<TypeIndex> {
        match self.definition.mode {
            Mode::FirstCome | Mode::Draw => self.claims.record(serial)?.won(),
            Mode::Lottery => self.win(serial).map(|win| win.coupon_type),
        }
    }

    /// The claim whose coupon is at this place of its type's order.
    pub(super) fn issued(&self, coupon_type: TypeIndex, position: u32) -> Option<Serial> {
        if position >= self.counts.get(coupon_type.as_index())?.handed_out {
            return None;
        }
        match &self.ranking {
            Some(ranking) => ranking.issued(coupon_type, position),
            None => self.issues[coupon_type.as_index()].claim(position),
        }
    }

    /// The claim whose coupon it is.
    pub(super) fn claim_at(&self, place: CouponPlace) -> Option<Serial> {
        match place {
            // Where codes are imported, the generated ones were never issued.
            CouponPlace::Claim(serial) => {
                let coupon_type = self.won_type(serial)?;
                (self.codes(coupon_type) == CodeSource::Generated).then_some(serial)
            }
            CouponPlace::Imported { coupon_type, position } => self.issued(coupon_type, position),
        }
    }

    fn codes(&self, coupon_type: TypeIndex) -> CodeSource {
        self.definition.coupon_types[coupon_type.as_index()].codes
    }

    /// When a coupon that was won at `at` runs out.
    pub(super) fn expires_at(&self, coupon_type: TypeIndex, at: Timestamp) -> Option<Timestamp> {
        self.definition.coupon_types[coupon_type.as_index()].valid_for.map(|span| at.saturating_add(span))
    }

    /// Whether the coupon's time is over, as far as the log knows.
    pub(super) fn has_run_out(&self, win: Win) -> bool {
        win.position < self.issues[win.coupon_type.as_index()].run_out
    }

    /// A claim that exists, as it stands at `now`.
    pub(super) fn claim_view(&self, serial: Serial, now: Timestamp) -> ClaimView {
        let record = self.record(serial);
        let kind = match self.definition.mode {
            Mode::FirstCome => ClaimKind::Claim,
            Mode::Draw => ClaimKind::Draw { sampled: record.coupon_type() },
            Mode::Lottery => ClaimKind::Entry { rank: self.ranking.as_ref().map(|ranking| ranking.rank(serial)) },
        };
        let coupon = match self.definition.mode {
            // Without a look into the order of issues, which only imported codes need.
            Mode::FirstCome | Mode::Draw => {
                record.won().map(|coupon_type| self.coupon_view(serial, record, coupon_type, record.at(), now))
            }
            Mode::Lottery => self.win(serial).map(|win| self.coupon_view(serial, record, win.coupon_type, win.at, now)),
        };
        ClaimView { campaign: self.number, serial, decided_at: record.at(), kind, coupon }
    }

    fn coupon_view(
        &self,
        serial: Serial,
        record: &Record,
        coupon_type: TypeIndex,
        at: Timestamp,
        now: Timestamp,
    ) -> CouponView {
        let expires_at = self.expires_at(coupon_type, at);
        CouponView {
            coupon_type,
            expires_at,
            state: self.coupon_state(serial, record, expires_at, now),
            imported: self.imported(coupon_type, || self.win(serial).expect("it has a coupon").position),
        }
    }

    /// A coupon as it is issued to the next claim.
    pub(super) fn new_coupon(&self, coupon_type: TypeIndex, at: Timestamp) -> CouponView {
        CouponView {
            coupon_type,
            expires_at: self.expires_at(coupon_type, at),
            state: CouponState::Issued,
            imported: self.imported(coupon_type, || self.counts[coupon_type.as_index()].handed_out),
        }
    }

    fn imported(&self, coupon_type: TypeIndex, position: impl FnOnce() -> u32) -> Option<u32> {
        match self.codes(coupon_type) {
            CodeSource::Generated => None,
            CodeSource::Imported => Some(position()),
        }
    }

    /// What has become of a coupon at `now`: by what happened and, where nothing did, by the clock.
    fn coupon_state(
        &self,
        serial: Serial,
        record: &Record,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> CouponState {
        let life = match record.life() {
            Life::Reserved if self.is_hold_over(serial, now) => Life::Issued,
            life @ (Life::Issued | Life::Reserved | Life::Redeemed | Life::Expired) => life,
        };
        match life {
            Life::Redeemed => CouponState::Redeemed,
            Life::Issued | Life::Reserved | Life::Expired if record.void().is_some() || self.is_revoked() => {
                CouponState::Void
            }
            // A hold outlives the coupon.
            Life::Reserved => CouponState::Reserved,
            Life::Expired => CouponState::Expired,
            Life::Issued if expires_at.is_some_and(|expires_at| now >= expires_at) => CouponState::Expired,
            Life::Issued => CouponState::Issued,
        }
    }

    /// Whether the coupon's hold has run out by the clock, and the log does not know yet.
    pub(super) fn is_hold_over(&self, serial: Serial, now: Timestamp) -> bool {
        let hold = self.redemptions.latest(serial).and_then(|number| self.redemptions.redemption(number));
        hold.and_then(|hold| hold.expires_at()).is_some_and(|expires_at| now >= expires_at)
    }
}
