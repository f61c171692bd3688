//! What a coupon can be at the checkout, and which answers fit: one table, read from the contract.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::checkout::told::{CouponState, Redemption, State, Told};
use crate::checkout::wire::{Settlement, Step, order_id};

/// How far the server's judgement of time may be from ours: a request waits in queues, and a machine under load is slow.
pub(crate) const SLACK: SignedDuration = SignedDuration::from_millis(250);

/// The two moments between which a step was decided, if it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct When {
    /// Just before it was sent.
    pub(crate) sent: Timestamp,
    /// Just after its answer was read, or it was given up.
    pub(crate) heard: Timestamp,
}

/// What a coupon can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nobody's order has had it, or all that had it are past.
    Free,
    /// An order has it or has had it last.
    Ordered {
        order: u64,
        /// The redemption, once its id is known.
        id: Option<String>,
        stand: Stand,
    },
}

/// How it stands between a coupon and the last order that had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// Held until some moment between these two, and free from then on.
    Held {
        earliest: Timestamp,
        latest: Timestamp,
    },
    Confirmed,
    /// The hold was given back.
    Released,
    /// It was confirmed, and the order was cancelled.
    Reversed,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Ordered { order, stand, .. } = self else { return f.write_str("free") };
        let order = order_id(*order);
        match stand {
            Stand::Held { latest, .. } => write!(f, "held for {order} until {latest:.3}"),
            Stand::Confirmed => write!(f, "redeemed by {order}"),
            Stand::Released => write!(f, "released by {order}"),
            Stand::Reversed => write!(f, "given back by {order}"),
        }
    }
}

impl Stand {
    /// Whether a hold can have been running when the step was decided.
    fn may_run(self, when: &When) -> bool {
        matches!(self, Self::Held { latest, .. } if when.sent <= latest + SLACK)
    }

    /// Whether a hold can have been over when the step was decided.
    fn may_be_over(self, when: &When) -> bool {
        matches!(self, Self::Held { earliest, .. } if when.heard >= earliest - SLACK)
    }

    /// The hold, now that it is known to have been over at `when`.
    fn over_by(self, when: &When) -> Self {
        match self {
            Self::Held { earliest, latest } => {
                Self::Held { earliest: earliest.min(when.heard), latest: latest.min(when.heard) }
            }
            Self::Confirmed | Self::Released | Self::Reversed => self,
        }
    }
}

impl Phase {
    /// Whether it is held, or was until its hold ran out.
    pub(crate) fn is_held(&self) -> bool {
        matches!(self, Self::Ordered { stand: Stand::Held { .. }, .. })
    }

    /// What the coupon is after it was this and `told` was the answer to `step`; `None` if that does not fit.
    pub(super) fn after(&self, step: &Step, told: &Told, when: &When) -> Option<Self> {
        match (step, told) {
            (Step::Redeem { order, hold_s }, Told::Redemption(made)) if made.order == *order => {
                if made.is_new {
                    self.taken(*hold_s, made, when)
                } else {
                    self.found(made, when)
                }
            }
            (Step::Redeem { order, hold_s }, Told::Refused(code)) => self.withheld(*order, *hold_s, code, when),
            (Step::Settle { id, how }, Told::Redemption(settled)) => self.settled(id, *how, settled, when),
            (Step::Settle { id, how }, Told::Refused(code)) => self.not_settled(id, *how, code, when),
            (Step::Look, Told::Coupon { state, latest }) => self.seen(*state, latest.as_ref(), when),
            (Step::Redeem { .. } | Step::Settle { .. } | Step::Look, _) => None,
        }
    }

    /// What the coupon is if it was this and `step` took effect without an answer; `None` if it cannot have.
    pub(super) fn perhaps(&self, step: &Step, when: &When) -> Option<Self> {
        match (step, self) {
            (Step::Redeem { order, hold_s }, _) => {
                let stand = hold_s.map_or(Stand::Confirmed, |seconds| {
                    let hold = SignedDuration::from_secs(seconds.into());
                    Stand::Held { earliest: when.sent + hold, latest: when.heard + hold }
                });
                self.is_free_for(*order, when).then_some(Self::Ordered { order: *order, id: None, stand })
            }
            (Step::Settle { id, how }, Self::Ordered { order, id: known, stand }) if known.as_ref() == Some(id) => {
                let stand = match (how, stand) {
                    (Settlement::Confirm, Stand::Held { .. }) if stand.may_run(when) => Stand::Confirmed,
                    (Settlement::Release, Stand::Held { .. }) if stand.may_run(when) => Stand::Released,
                    (Settlement::Reverse, Stand::Confirmed) => Stand::Reversed,
                    (Settlement::Confirm | Settlement::Release | Settlement::Reverse, _) => return None,
                };
                Some(Self::Ordered { order: *order, id: known.clone(), stand })
            }
            (Step::Settle { .. } | Step::Look, _) => None,
        }
    }

    /// Whether `order` can have it.
    pub(super) fn is_free_for(&self, order: u64, when: &When) -> bool {
        match self {
            Self::Free => true,
            Self::Ordered { order: last, stand, .. } => match stand {
                Stand::Held { .. } => stand.may_be_over(when),
                Stand::Confirmed => false,
                Stand::Released => true,
                Stand::Reversed => order != *last,
            },
        }
    }

    fn taken(&self, hold_s: Option<u16>, made: &Redemption, when: &When) -> Option<Self> {
        let is_other = match self {
            Self::Free => true,
            Self::Ordered { id, .. } => id.as_ref() != Some(&made.id),
        };
        if !is_other || !self.is_free_for(made.order, when) {
            return None;
        }
        let stand = match hold_s {
            None => (made.state == State::Confirmed).then_some(Stand::Confirmed)?,
            Some(seconds) => {
                let until = made.expires_at.filter(|_| made.state == State::Reserved)?;
                let begun = until - SignedDuration::from_secs(seconds.into());
                let is_due = (when.sent - SLACK..=when.heard + SLACK).contains(&begun);
                is_due.then_some(Stand::Held { earliest: until, latest: until })?
            }
        };
        Some(Self::Ordered { order: made.order, id: Some(made.id.clone()), stand })
    }

    /// The order is told that it has the coupon already.
    fn found(&self, made: &Redemption, when: &When) -> Option<Self> {
        let stand = self.stand_of(&made.id, Some(made.order))?;
        let stand = match (stand, made.state) {
            (Stand::Held { earliest, latest }, State::Reserved) if stand.may_run(when) => {
                let until = made.expires_at?;
                let is_due = (earliest - SLACK..=latest + SLACK).contains(&until);
                is_due.then_some(Stand::Held { earliest: until, latest: until })?
            }
            (Stand::Confirmed, State::Confirmed) | (Stand::Reversed, State::Reversed) => stand,
            (Stand::Held { .. } | Stand::Confirmed | Stand::Released | Stand::Reversed, _) => return None,
        };
        Some(Self::Ordered { order: made.order, id: Some(made.id.clone()), stand })
    }

    /// The order is told that it cannot have the coupon.
    fn withheld(&self, order: u64, hold_s: Option<u16>, code: &str, when: &When) -> Option<Self> {
        let Self::Ordered { order: last, stand, .. } = self else { return None };
        let is_other = order != *last;
        let fits = match (stand, code) {
            (Stand::Held { .. }, "reserved") => is_other && stand.may_run(when),
            // Who holds it wants it without a hold: another body under the same order, until the hold has run out.
            (Stand::Held { .. }, "idempotency_key_reused") => !is_other && hold_s.is_none() && stand.may_run(when),
            (Stand::Confirmed, "already_redeemed") => is_other,
            (Stand::Held { .. } | Stand::Confirmed | Stand::Released | Stand::Reversed, _) => false,
        };
        fits.then(|| self.clone())
    }

    fn settled(&self, id: &str, how: Settlement, settled: &Redemption, when: &When) -> Option<Self> {
        let stand = self.stand_of(id, Some(settled.order))?;
        let runs = stand.may_run(when);
        let stand = match (how, stand, settled.state) {
            (Settlement::Confirm, Stand::Held { .. }, State::Confirmed) if runs => Stand::Confirmed,
            (Settlement::Release, Stand::Held { .. }, State::Released) if runs => Stand::Released,
            (Settlement::Release, Stand::Held { .. }, State::Expired) if stand.may_be_over(when) => stand.over_by(when),
            (Settlement::Reverse, Stand::Confirmed, State::Reversed) => Stand::Reversed,
            (Settlement::Confirm, Stand::Confirmed, State::Confirmed)
            | (Settlement::Release, Stand::Released, State::Released)
            | (Settlement::Reverse, Stand::Reversed, State::Reversed) => stand,
            (Settlement::Confirm | Settlement::Release | Settlement::Reverse, _, _) => return None,
        };
        Some(Self::Ordered { order: settled.order, id: Some(id.to_owned()), stand })
    }

    fn not_settled(&self, id: &str, how: Settlement, code: &str, when: &When) -> Option<Self> {
        let stand = self.stand_of(id, None)?;
        let Self::Ordered { order, .. } = self else { return None };
        let stand = match (how, stand, code) {
            (Settlement::Confirm, Stand::Held { .. }, "hold_expired") if stand.may_be_over(when) => stand.over_by(when),
            (Settlement::Confirm, Stand::Released, "already_released")
            | (Settlement::Confirm | Settlement::Release, Stand::Reversed, "already_reversed")
            | (Settlement::Release, Stand::Confirmed, "already_confirmed")
            | (Settlement::Reverse, Stand::Held { .. } | Stand::Released, "not_confirmed") => stand,
            (Settlement::Confirm | Settlement::Release | Settlement::Reverse, _, _) => return None,
        };
        Some(Self::Ordered { order: *order, id: Some(id.to_owned()), stand })
    }

    fn seen(&self, state: CouponState, latest: Option<&(String, u64, State)>, when: &When) -> Option<Self> {
        let Self::Ordered { order, id, stand } = self else {
            return (state == CouponState::Issued).then(|| self.clone());
        };
        let (stand, expected) = match (stand, state) {
            (Stand::Held { .. }, CouponState::Reserved) if stand.may_run(when) => (*stand, State::Reserved),
            (Stand::Held { .. }, CouponState::Issued) if stand.may_be_over(when) => {
                (stand.over_by(when), State::Expired)
            }
            (Stand::Confirmed, CouponState::Redeemed) => (*stand, State::Confirmed),
            (Stand::Released, CouponState::Issued) => (*stand, State::Released),
            (Stand::Reversed, CouponState::Issued) => (*stand, State::Reversed),
            (Stand::Held { .. } | Stand::Confirmed | Stand::Released | Stand::Reversed, _) => return None,
        };
        let id = match latest {
            None => id.clone(),
            Some((shown, by, stands)) => {
                self.stand_of(shown, Some(*by)).filter(|_| *stands == expected)?;
                Some(shown.clone())
            }
        };
        Some(Self::Ordered { order: *order, id, stand })
    }

    /// How it stands with the last order, if that is `order` (where one is named) and its redemption can be `named`.
    fn stand_of(&self, named: &str, order: Option<u64>) -> Option<Stand> {
        let Self::Ordered { order: last, id, stand } = self else { return None };
        let fits = id.as_ref().is_none_or(|id| id == named) && order.is_none_or(|order| order == *last);
        fits.then_some(*stand)
    }
}
