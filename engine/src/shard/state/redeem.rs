//! Owns what a checkout's commands lead to: redeem at once or with a hold, confirm, release, reverse. Each may be sent
//! again, and is answered as before; one that contradicts what happened is refused.

use std::time::Duration;

use super::campaign::Campaign;
use super::decide::Decision;
use super::redemptions::{HOLD_MAX, Redemption};
use crate::command::{CouponPlace, Redeem, Settlement};
use crate::event::Change;
use crate::id::{OrderId, RedemptionNumber, Serial, UserId};
use crate::outcome::{CouponItem, CouponState, Outcome, RedemptionItem, RedemptionState, RedemptionView, Refusal};
use crate::time::Timestamp;

impl Campaign {
    /// Reads a coupon.
    pub(super) fn coupon(&self, place: CouponPlace, now: Timestamp) -> Outcome {
        let Some(serial) = self.claim_at(place) else { return Outcome::Refused(Refusal::NoSuchCoupon) };
        Outcome::Coupon(Box::new(CouponItem {
            user: UserId::new(self.claims.user(self.record(serial))).expect("only valid ids are granted anything"),
            claim: self.claim_view(serial, now),
            redemption: self.redemptions.latest(serial).map(|number| self.redemption_view(number, now)),
        }))
    }

    pub(super) fn redeem<'c>(&self, redeem: &'c Redeem, now: Timestamp) -> Decision<'c> {
        let Some(serial) = self.claim_at(redeem.coupon) else { return Decision::refuse(Refusal::NoSuchCoupon) };
        let owner = self.claims.user(self.record(serial));
        if redeem.user.as_ref().is_some_and(|user| user.as_str() != owner) {
            return Decision::refuse(Refusal::WrongUser);
        }
        let hold = redeem.hold.map(granted_hold);
        if let Some(number) = self.redemptions.of_order(serial, redeem.order.as_str()) {
            let before = self.redemptions.redemption(number).expect("it was found");
            let is_open = match self.redemption_state(&before, now) {
                RedemptionState::Reserved | RedemptionState::Confirmed | RedemptionState::Reversed => true,
                RedemptionState::Released | RedemptionState::Expired => false,
            };
            if is_open {
                let is_same = before.hold == hold && before.named_user == redeem.user.is_some();
                return if is_same {
                    Decision::answer(Outcome::Redemption(self.redemption_item(number, now)))
                } else {
                    Decision::refuse(Refusal::KeyReused)
                };
            }
        }
        if let Some(refusal) = self.unredeemable(serial, now) {
            return Decision::refuse(refusal);
        }
        let mut claim = self.claim_view(serial, now);
        let coupon = claim.coupon.as_mut().expect("it has a coupon");
        let (state, coupon_state) = match hold {
            Some(_) => (RedemptionState::Reserved, CouponState::Reserved),
            None => (RedemptionState::Confirmed, CouponState::Redeemed),
        };
        coupon.state = coupon_state;
        let redemption = RedemptionView {
            number: RedemptionNumber(self.redemptions.count()),
            order: redeem.order.clone(),
            at: now,
            hold,
            expires_at: hold.map(|hold| now.saturating_add(hold)),
            state,
        };
        let change =
            Change::Redeemed { claim: serial, order: redeem.order.as_str(), named_user: redeem.user.is_some(), hold };
        Decision {
            outcome: Outcome::Redeemed(Box::new(RedemptionItem { redemption, claim })),
            event: Some(self.event(now, change)),
        }
    }

    /// Why the coupon cannot be redeemed for a new order at `now`, if so.
    fn unredeemable(&self, serial: Serial, now: Timestamp) -> Option<Refusal> {
        if !self.flags.accept_redemptions {
            return Some(Refusal::RedemptionsPaused);
        }
        if self.redemptions.count() == u32::MAX {
            return Some(Refusal::LogUnavailable);
        }
        match self.claim_view(serial, now).coupon.expect("it has a coupon").state {
            CouponState::Issued => None,
            CouponState::Reserved => Some(Refusal::Reserved),
            CouponState::Redeemed => Some(Refusal::AlreadyRedeemed),
            CouponState::Expired => Some(Refusal::Expired),
            CouponState::Void => Some(Refusal::Void),
        }
    }

    pub(super) fn settle<'c>(&self, number: RedemptionNumber, settlement: Settlement, now: Timestamp) -> Decision<'c> {
        let Some(redemption) = self.redemptions.redemption(number) else {
            return Decision::refuse(Refusal::NoSuchRedemption);
        };
        let state = self.redemption_state(&redemption, now);
        let settled = match settled(state, settlement) {
            Ok(settled) => settled,
            // The hold did not end by itself: the coupon was taken away.
            Err(Refusal::AlreadyReleased) if self.is_void(redemption.claim) => {
                return Decision::refuse(Refusal::Void);
            }
            Err(refusal) => return Decision::refuse(refusal),
        };
        let Some(settled) = settled else {
            return Decision::answer(Outcome::Redemption(self.redemption_item(number, now)));
        };
        let change = Change::Settled { redemption: number, settlement, day: self.today(now) };
        let has_run_out = self.win(redemption.claim).is_some_and(|win| self.has_run_out(win));
        let mut item = self.redemption_item(number, now);
        item.redemption.state = settled;
        let coupon = item.claim.coupon.as_mut().expect("it has a coupon");
        coupon.state = match settled {
            RedemptionState::Confirmed => CouponState::Redeemed,
            RedemptionState::Reserved
            | RedemptionState::Released
            | RedemptionState::Expired
            | RedemptionState::Reversed => {
                if self.is_void(redemption.claim) {
                    CouponState::Void
                } else if has_run_out || coupon.expires_at.is_some_and(|expires_at| now >= expires_at) {
                    CouponState::Expired
                } else {
                    CouponState::Issued
                }
            }
        };
        Decision { outcome: Outcome::Redemption(item), event: Some(self.event(now, change)) }
    }

    fn is_void(&self, claim: Serial) -> bool {
        self.is_revoked() || self.record(claim).void().is_some()
    }

    /// A redemption's state at `now`: a hold that has run out by the clock has, also if the log does not know yet.
    pub(super) fn redemption_state(&self, redemption: &Redemption<'_>, now: Timestamp) -> RedemptionState {
        let is_over = redemption.expires_at().is_some_and(|expires_at| now >= expires_at);
        match redemption.state {
            RedemptionState::Reserved if is_over => RedemptionState::Expired,
            state @ (RedemptionState::Reserved
            | RedemptionState::Confirmed
            | RedemptionState::Released
            | RedemptionState::Expired
            | RedemptionState::Reversed) => state,
        }
    }

    fn redemption_view(&self, number: RedemptionNumber, now: Timestamp) -> RedemptionView {
        let redemption = self.redemptions.redemption(number).expect("a redemption that exists");
        RedemptionView {
            number,
            order: OrderId::new(redemption.order).expect("only valid ids are stored"),
            at: redemption.at,
            hold: redemption.hold,
            expires_at: redemption.expires_at(),
            state: self.redemption_state(&redemption, now),
        }
    }

    fn redemption_item(&self, number: RedemptionNumber, now: Timestamp) -> Box<RedemptionItem> {
        let claim = self.redemptions.redemption(number).expect("a redemption that exists").claim;
        Box::new(RedemptionItem { redemption: self.redemption_view(number, now), claim: self.claim_view(claim, now) })
    }
}

/// The hold that is granted to who asks for this one: whole milliseconds, at least one, as the log keeps them.
fn granted_hold(asked: Duration) -> Duration {
    let milliseconds = asked.min(HOLD_MAX).as_millis().max(1);
    Duration::from_millis(u64::try_from(milliseconds).expect("at most HOLD_MAX"))
}

/// What a redemption in `state` becomes by `settlement`; `None`: it is so already.
pub(super) fn settled(state: RedemptionState, settlement: Settlement) -> Result<Option<RedemptionState>, Refusal> {
    use RedemptionState as State;
    match (settlement, state) {
        (Settlement::Confirm, State::Reserved) => Ok(Some(State::Confirmed)),
        (Settlement::Confirm, State::Confirmed) => Ok(None),
        (Settlement::Confirm, State::Expired) => Err(Refusal::HoldExpired),
        (Settlement::Confirm, State::Released) => Err(Refusal::AlreadyReleased),
        (Settlement::Release, State::Reserved) => Ok(Some(State::Released)),
        // The coupon is back, which is all that a release asks for.
        (Settlement::Release, State::Released | State::Expired) => Ok(None),
        (Settlement::Release, State::Confirmed) => Err(Refusal::AlreadyConfirmed),
        (Settlement::Reverse, State::Confirmed) => Ok(Some(State::Reversed)),
        (Settlement::Reverse, State::Reversed) => Ok(None),
        (Settlement::Reverse, State::Reserved | State::Released | State::Expired) => Err(Refusal::NotConfirmed),
        (Settlement::Confirm | Settlement::Release, State::Reversed) => Err(Refusal::AlreadyReversed),
    }
}
