//! What a checkout does.

use landrush_engine::command::{CouponPlace, Redeem, Settlement};
use landrush_engine::id::RedemptionNumber;
use landrush_engine::outcome::{
    CouponItem, CouponState, Outcome, RedemptionItem, RedemptionState, RedemptionView, Refusal,
};
use landrush_engine::time::Timestamp;

use super::{ModelCampaign, ModelRedemption, refuse};

impl ModelCampaign {
    pub(super) fn coupon(&self, place: CouponPlace, now: Timestamp) -> Outcome {
        let Some(index) = self.coupon_at(place) else { return refuse(Refusal::NoSuchCoupon) };
        Outcome::Coupon(Box::new(CouponItem {
            user: self.claims[index].user.clone(),
            claim: self.claim_view(index, now),
            redemption: self.latest(index).map(|(redemption, _)| self.redemption_view(redemption)),
        }))
    }

    pub(super) fn redeem(&mut self, redeem: &Redeem, now: Timestamp) -> Outcome {
        let Some(index) = self.coupon_at(redeem.coupon) else { return refuse(Refusal::NoSuchCoupon) };
        if redeem.user.as_ref().is_some_and(|user| *user != self.claims[index].user) {
            return refuse(Refusal::WrongUser);
        }
        let mut of_order = self.redemptions.iter().enumerate().rev();
        let before = of_order.find(|(_, before)| before.claim == index && before.order == redeem.order);
        if let Some((number, before)) = before {
            let is_same = before.hold == redeem.hold && before.named_user == redeem.user.is_some();
            match before.state {
                RedemptionState::Released | RedemptionState::Expired => {}
                RedemptionState::Reserved | RedemptionState::Confirmed | RedemptionState::Reversed if is_same => {
                    return Outcome::Redemption(self.redemption_item(number, now));
                }
                RedemptionState::Reserved | RedemptionState::Confirmed | RedemptionState::Reversed => {
                    return refuse(Refusal::KeyReused);
                }
            }
        }
        if !self.accept_redemptions {
            return refuse(Refusal::RedemptionsPaused);
        }
        match self.claim_view(index, now).coupon.expect("it has a coupon").state {
            CouponState::Issued => {}
            CouponState::Reserved => return refuse(Refusal::Reserved),
            CouponState::Redeemed => return refuse(Refusal::AlreadyRedeemed),
            CouponState::Expired => return refuse(Refusal::Expired),
            CouponState::Void => return refuse(Refusal::Void),
        }
        self.redemptions.push(ModelRedemption {
            claim: index,
            order: redeem.order.clone(),
            named_user: redeem.user.is_some(),
            at: now,
            hold: redeem.hold,
            state: if redeem.hold.is_some() { RedemptionState::Reserved } else { RedemptionState::Confirmed },
        });
        Outcome::Redeemed(self.redemption_item(self.redemptions.len() - 1, now))
    }

    pub(super) fn settle(&mut self, number: usize, settlement: Settlement, now: Timestamp) -> Outcome {
        use RedemptionState as State;
        let Some(redemption) = self.redemptions.get(number) else { return refuse(Refusal::NoSuchRedemption) };
        let (claim, is_void) = (redemption.claim, self.claims[redemption.claim].is_void || self.is_revoked());
        let settled = match (redemption.state, settlement) {
            (State::Reserved | State::Confirmed, Settlement::Confirm) => State::Confirmed,
            (State::Reserved | State::Released, Settlement::Release) => State::Released,
            (State::Confirmed | State::Reversed, Settlement::Reverse) => State::Reversed,
            // There is nothing left to give back.
            (State::Expired, Settlement::Release) => State::Expired,
            (State::Released, Settlement::Confirm) if is_void => return refuse(Refusal::Void),
            (State::Released, Settlement::Confirm) => return refuse(Refusal::AlreadyReleased),
            (State::Expired, Settlement::Confirm) => return refuse(Refusal::HoldExpired),
            (State::Confirmed, Settlement::Release) => return refuse(Refusal::AlreadyConfirmed),
            (State::Reversed, Settlement::Confirm | Settlement::Release) => return refuse(Refusal::AlreadyReversed),
            (State::Reserved | State::Released | State::Expired, Settlement::Reverse) => {
                return refuse(Refusal::NotConfirmed);
            }
        };
        if settled != self.redemptions[number].state {
            self.redemptions[number].state = settled;
            self.give_back(claim, now);
        }
        Outcome::Redemption(self.redemption_item(number, now))
    }

    fn coupon_at(&self, place: CouponPlace) -> Option<usize> {
        let CouponPlace::Claim(serial) = place else { unreachable!("no codes are imported") };
        self.claims.get(serial.as_index())?.won.map(|_| serial.as_index())
    }

    fn redemption_item(&self, number: usize, now: Timestamp) -> Box<RedemptionItem> {
        let claim = self.claim_view(self.redemptions[number].claim, now);
        Box::new(RedemptionItem { redemption: self.redemption_view(number), claim })
    }

    fn redemption_view(&self, number: usize) -> RedemptionView {
        let redemption = &self.redemptions[number];
        RedemptionView {
            number: RedemptionNumber(u32::try_from(number).expect("few redemptions")),
            order: redemption.order.clone(),
            at: redemption.at,
            hold: redemption.hold,
            expires_at: redemption.hold.map(|hold| redemption.at.saturating_add(hold)),
            state: redemption.state,
        }
    }
}
