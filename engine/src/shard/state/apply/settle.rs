//! Owns how a coupon's life goes on after its issue: voided, reserved, redeemed, given back, run out. Wherever a unit
//! returns to stock, it is here.

use std::time::Duration;

use super::super::breach::Breach;
use super::super::campaign::Campaign;
use super::super::coupon::Win;
use super::super::record::{Life, Restocked, Void};
use super::super::redeem::settled;
use super::super::redemptions::{HOLD_MAX, Redemption};
use crate::campaign::{Mode, Return};
use crate::command::Settlement;
use crate::id::{OrderId, RedemptionNumber, Serial, TypeIndex};
use crate::outcome::RedemptionState;
use crate::time::{Day, Timestamp};

impl Campaign {
    /// What a void must not contradict.
    pub(super) fn check_void(&self, claim: Serial, void: Void) -> Result<(), Breach> {
        let record = self.record(claim);
        let has_unit = self.won_type(claim).is_some() && !record.restocked().total;
        if self.definition.mode == Mode::Lottery && self.won_type(claim).is_none() {
            return Err(Breach::NoSuchClaim(claim));
        }
        if record.life() == Life::Redeemed {
            return Err(Breach::Redeemed(claim));
        }
        if void.restocked && !has_unit { Err(Breach::RestockedDay(claim)) } else { Ok(()) }
    }

    /// Voids a claim that has been checked, and counts it. A hold on its coupon ends.
    pub(in super::super) fn void(&mut self, claim: Serial, void: Void) {
        let life = self.record(claim).life();
        if life == Life::Reserved {
            let hold = self.redemptions.latest(claim).expect("what is reserved has a redemption");
            self.redemptions.set_state(hold, RedemptionState::Released);
            self.claims.set_life(claim, Life::Issued);
        }
        if let Some(coupon_type) = self.won_type(claim) {
            let counts = &mut self.counts[coupon_type.as_index()];
            counts.voided += 1;
            counts.expired -= u32::from(life == Life::Expired);
            counts.issued -= u32::from(void.restocked);
            counts.issued_today -= u32::from(void.restocked_today);
        }
        self.claims.void(claim, void);
    }

    pub(super) fn apply_redeemed(
        &mut self,
        at: Timestamp,
        claim: Serial,
        order: &str,
        named_user: bool,
        hold: Option<Duration>,
    ) -> Result<(), Breach> {
        let breach = Breach::Redeemed(claim);
        let record = self.claims.record(claim).ok_or(Breach::NoSuchClaim(claim))?;
        let is_hold = hold.is_none_or(|hold| !hold.is_zero() && hold <= HOLD_MAX);
        let is_free = record.life() == Life::Issued && record.void().is_none() && !self.is_revoked();
        if !is_free || !is_hold || !self.flags.accept_redemptions || OrderId::check(order).is_err() {
            return Err(breach);
        }
        let Some(coupon_type) = self.won_type(claim).filter(|_| self.redemptions.count() < u32::MAX) else {
            return Err(breach);
        };
        let state = if hold.is_some() { RedemptionState::Reserved } else { RedemptionState::Confirmed };
        self.redemptions.push(&Redemption { at, claim, order, named_user, hold, state });
        if hold.is_some() {
            self.claims.set_life(claim, Life::Reserved);
        } else {
            self.counts[coupon_type.as_index()].redeemed += 1;
            self.claims.set_life(claim, Life::Redeemed);
        }
        Ok(())
    }

    pub(super) fn apply_settled(
        &mut self,
        number: RedemptionNumber,
        settlement: Settlement,
        at: Timestamp,
        day: Day,
    ) -> Result<(), Breach> {
        let breach = Breach::Settled(number);
        let redemption = self.redemptions.redemption(number).ok_or(breach.clone())?;
        let (claim, state) = (redemption.claim, self.redemption_state(&redemption, at));
        let Ok(Some(settled)) = settled(state, settlement) else { return Err(breach) };
        let win = self.win(claim).ok_or(breach)?;
        let counts = &mut self.counts[win.coupon_type.as_index()];
        match settlement {
            Settlement::Confirm => {
                counts.redeemed += 1;
                self.claims.set_life(claim, Life::Redeemed);
            }
            Settlement::Release => self.give_back(claim, win, day),
            Settlement::Reverse => {
                counts.redeemed -= 1;
                self.give_back(claim, win, day);
            }
        }
        self.redemptions.set_state(number, settled);
        Ok(())
    }

    pub(super) fn apply_hold_expired(
        &mut self,
        number: RedemptionNumber,
        at: Timestamp,
        day: Day,
    ) -> Result<(), Breach> {
        let redemption = self.redemptions.redemption(number).ok_or(Breach::Hold(number))?;
        let is_over = redemption.expires_at().is_some_and(|expires_at| at >= expires_at);
        if redemption.state != RedemptionState::Reserved || !is_over {
            return Err(Breach::Hold(number));
        }
        let claim = redemption.claim;
        let win = self.win(claim).ok_or(Breach::Hold(number))?;
        self.redemptions.set_state(number, RedemptionState::Expired);
        self.give_back(claim, win, day);
        Ok(())
    }

    /// A coupon that was held or redeemed is issued again or, if its time is over, has run out.
    fn give_back(&mut self, claim: Serial, win: Win, day: Day) {
        self.claims.set_life(claim, Life::Issued);
        if self.has_run_out(win) && !self.is_revoked() {
            self.run_out(claim, win.coupon_type, day);
        }
    }

    pub(super) fn apply_expired(&mut self, coupon_type: TypeIndex, count: u32, day: Day) -> Result<(), Breach> {
        let breach = Breach::RunOut(coupon_type);
        let index = coupon_type.as_index();
        let definition = self.definition.coupon_types.get(index).ok_or(breach.clone())?;
        let first = self.issues[index].run_out;
        let end = first.checked_add(count).filter(|end| *end <= self.counts[index].handed_out);
        let Some(end) = end.filter(|_| definition.valid_for.is_some() && !self.is_revoked()) else {
            return Err(breach);
        };
        for position in first..end {
            let claim = self.issued(coupon_type, position).expect("so many were handed out");
            let record = self.record(claim);
            if record.life() == Life::Issued && record.void().is_none() {
                self.run_out(claim, coupon_type, day);
            }
        }
        self.issues[index].run_out = end;
        Ok(())
    }

    /// A coupon's time is over, and nothing else has become of it.
    fn run_out(&mut self, claim: Serial, coupon_type: TypeIndex, day: Day) {
        self.claims.set_life(claim, Life::Expired);
        let is_restocked = self.definition.returns.expired == Return::Restock;
        let is_of_today = day == self.day && self.claims.day(claim) == day;
        let is_today = is_restocked && is_of_today && self.record(claim).counts_for_its_day();
        self.count_run_out(claim, coupon_type, Restocked { total: is_restocked, today: is_today });
    }

    /// Counts a coupon that has run out.
    pub(in super::super) fn count_run_out(&mut self, claim: Serial, coupon_type: TypeIndex, restocked: Restocked) {
        let counts = &mut self.counts[coupon_type.as_index()];
        counts.expired += 1;
        counts.issued -= u32::from(restocked.total);
        counts.issued_today -= u32::from(restocked.today);
        self.claims.set_restocked(claim, restocked);
    }

    /// Ends every hold: the coupons are void.
    pub(super) fn end_all_holds(&mut self) {
        let holds: Vec<RedemptionNumber> = self.redemptions.holds().collect();
        for number in holds {
            let claim = self.redemptions.redemption(number).expect("a hold is a redemption").claim;
            self.redemptions.set_state(number, RedemptionState::Released);
            self.claims.set_life(claim, Life::Issued);
        }
    }
}
