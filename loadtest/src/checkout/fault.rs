//! What can be wrong with what a till was told, in words that say which coupon it concerns.

use std::fmt;

use jiff::Timestamp;

use crate::answer::Code;
use crate::checkout::phase::{Phase, Stand, When};
use crate::checkout::told::{CouponState, Told};
use crate::checkout::wire::{Settlement, Step, order_id};

/// One broken promise of the checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A coupon that an order has was given to another.
    TwoOrders { code: Code, first: u64, second: u64 },
    /// A redemption that was confirmed is so no more.
    Forgotten { code: Code, order: u64, told: String },
    /// A hold was still kept after it should have ended.
    Outlived { code: Code, order: u64, until: Timestamp, told: String },
    /// A hold was over before its time.
    EndedEarly { code: Code, order: u64, until: Timestamp, told: String },
    /// A coupon that nobody has was refused.
    Withheld { code: Code, order: u64, known: String, told: String },
    /// An answer that fits nothing that the coupon can be.
    Contradiction { code: Code, step: Step, told: String, known: String },
    /// An answer that the contract does not have.
    Strange { code: Code, step: Step, what: &'static str },
    /// A step without an answer could not be repeated either.
    NotSettled { code: Code, step: Step },
}

impl Fault {
    /// Finds words for an answer that fits none of `phases`.
    pub(super) fn of(code: Code, phases: &[Phase], step: &Step, told: &Told, when: &When) -> Self {
        let said = say(told);
        if let [Phase::Ordered { order: last, stand, .. }] = phases {
            let order = *last;
            match (stand, step, told) {
                (Stand::Held { .. } | Stand::Confirmed, Step::Redeem { order: other, .. }, Told::Redemption(made))
                    if *other != order && made.is_new =>
                {
                    return Self::TwoOrders { code, first: order, second: *other };
                }
                (Stand::Confirmed, _, _) => return Self::Forgotten { code, order, told: said },
                (Stand::Held { earliest, .. }, _, _) if shows_end(step, told) && when.heard < *earliest => {
                    return Self::EndedEarly { code, order, until: *earliest, told: said };
                }
                (Stand::Held { latest, .. }, _, _) if !shows_end(step, told) && when.sent > *latest => {
                    return Self::Outlived { code, order, until: *latest, told: said };
                }
                (Stand::Held { .. } | Stand::Released | Stand::Reversed, _, _) => {}
            }
        }
        let known = phases.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        match (step, told) {
            (Step::Redeem { order, .. }, Told::Refused(_)) if phases.iter().all(|p| p.is_free_for(*order, when)) => {
                Self::Withheld { code, order: *order, known, told: said }
            }
            (Step::Redeem { .. } | Step::Settle { .. } | Step::Look, _) => {
                Self::Contradiction { code, step: step.clone(), told: said, known }
            }
        }
    }
}

/// Whether an answer says that a hold is over.
fn shows_end(step: &Step, told: &Told) -> bool {
    match (step, told) {
        (Step::Redeem { .. }, Told::Redemption(made)) => made.is_new,
        (Step::Settle { how: Settlement::Confirm, .. }, Told::Refused(_))
        | (Step::Settle { how: Settlement::Release, .. }, Told::Redemption(_)) => true,
        (Step::Look, Told::Coupon { state, .. }) => *state == CouponState::Issued,
        (Step::Redeem { .. } | Step::Settle { .. } | Step::Look, _) => false,
    }
}

fn say(told: &Told) -> String {
    match told {
        Told::Redemption(redemption) => {
            format!("{} is {:?}", order_id(redemption.order), redemption.state).to_lowercase()
        }
        Told::Coupon { state, latest: None } => format!("the coupon is {state:?}").to_lowercase(),
        Told::Coupon { state, latest: Some((_, order, stands)) } => {
            format!("the coupon is {state:?}, {} is {stands:?}", order_id(*order)).to_lowercase()
        }
        Told::Refused(code) => format!("`{code}`"),
        Told::Strange(what) => (*what).to_owned(),
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwoOrders { code, first, second } => {
                write!(
                    f,
                    "coupon {code} went to two orders: {} has it, and {} got it",
                    order_id(*first),
                    order_id(*second)
                )
            }
            Self::Forgotten { code, order, told } => {
                write!(
                    f,
                    "lost redemption: coupon {code} was redeemed by {}, and now the till is told: {told}",
                    order_id(*order)
                )
            }
            Self::Outlived { code, order, until, told } => {
                write!(
                    f,
                    "coupon {code} was held for {} until {until:.3}, and after that the till is told: {told}",
                    order_id(*order)
                )
            }
            Self::EndedEarly { code, order, until, told } => {
                write!(
                    f,
                    "coupon {code} is held for {} until {until:.3}, and before that the till is told: {told}",
                    order_id(*order)
                )
            }
            Self::Withheld { code, order, known, told } => {
                write!(f, "coupon {code} is {known}, and {} could not have it: {told}", order_id(*order))
            }
            Self::Contradiction { code, step, told, known } => {
                write!(f, "coupon {code} can only be {known}, and the answer to \"{step}\" was: {told}")
            }
            Self::Strange { code, step, what } => write!(f, "coupon {code}: \"{step}\" was answered with {what}"),
            Self::NotSettled { code, step } => {
                write!(f, "coupon {code}: \"{step}\" could not be asked again, so that what it did is not known")
            }
        }
    }
}
