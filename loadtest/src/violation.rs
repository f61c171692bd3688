//! What can be wrong with what a server told its users, in words that say whom it concerns.

use std::fmt;

use crate::answer::{Code, Strange};
use crate::crash::rooms;
use crate::oracle::ClaimKey;
use crate::request::user_id;
use crate::{checkout, lottery};

/// One broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// More coupons of a type than there are.
    OverQuota { coupon_type: String, wins: u64, quota: u64 },
    /// More coupons of a type on one day than that day has.
    OverDailyQuota { coupon_type: String, day: u32, wins: u64, quota: u64 },
    /// A user with more coupons than the limit allows.
    OverLimit { key: ClaimKey, wins: u32, limit: u32 },
    /// One claim, two coupons.
    WonTwice { key: ClaimKey, first: Code, second: Code },
    /// One coupon, two claims.
    SameCode { code: Code, first: ClaimKey, second: ClaimKey },
    /// A draw that had lost has a coupon when it is asked for again.
    WonLater { key: ClaimKey, code: Code },
    /// The same coupon, or the same draw without one, was called new twice.
    NewTwice { key: ClaimKey, code: Option<Code> },
    /// A coupon, or a draw without one, was only ever called a repeat.
    NeverNew { key: ClaimKey, code: Option<Code> },
    /// A repeat gives the same outcome with other words around it.
    AnswerChanged { key: ClaimKey, code: Option<Code> },
    /// A win or a losing draw that was told is refused when asked for again, or a win has become a draw that lost.
    Lost { key: ClaimKey, code: Option<Code>, told: String },
    /// A win or a losing draw that was told could not be asked for again.
    NotConfirmed { key: ClaimKey, code: Option<Code> },
    /// A request without an answer could not be repeated either, so that nobody knows what it did.
    NotSettled { key: ClaimKey },
    /// The odds chose a type that had stock left, and the draw got none of it.
    WithheldWithStock { coupon_type: String, wins: u64, quota: u64 },
    /// A win that was told is missing from the list of the user's claims.
    NotShown { key: ClaimKey },
    /// An answer that the contract does not have.
    Strange { key: ClaimKey, what: Strange },
    /// What the server has left and what users were told do not add up to the quota.
    CountsDiffer { campaign: String, told: Vec<u64>, remaining: Vec<u64>, quota: Vec<u64> },
    /// Somebody was told `limit_reached` with fewer coupons than the limit.
    RefusedBelowLimit { key: ClaimKey, wins: u32, limit: u32 },
    /// A refusal that nothing in the scenario explains.
    UnexpectedRefusal { key: ClaimKey, code: String },
    /// Somebody was told `sold_out` while there was stock.
    RefusedWithStock { campaign: String, wins: u64, quota: u64 },
    /// Somebody who was told to be registered was registered anew.
    RegistrationLost { campaign: String, user: u64 },
    /// Somebody could not register, and nothing in the scenario explains it.
    RegistrationRefused { campaign: String, user: u64, status: u16 },
    /// A registration could not be repeated.
    RegistrationNotSettled { campaign: String, user: u64 },
    /// A waiting room.
    Room { campaign: String, user: u64, fault: rooms::Fault },
    /// A waiting room is bound to another seed than it was, or tells another than it is bound to.
    RoomSeedChanged { campaign: String },
    /// What a waiting room publishes of its shuffle.
    RoomAudit { campaign: String, fault: rooms::audit::Fault },
    /// A lottery.
    Lottery(lottery::Fault),
    /// The checkout.
    Checkout(checkout::Fault),
}

impl From<lottery::Fault> for Violation {
    fn from(fault: lottery::Fault) -> Self {
        Self::Lottery(fault)
    }
}

impl From<checkout::Fault> for Violation {
    fn from(fault: checkout::Fault) -> Self {
        Self::Checkout(fault)
    }
}

impl fmt::Display for ClaimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in campaign {}", user_id(self.user), self.campaign)?;
        if self.key > 0 { write!(f, " under key {}", self.key) } else { Ok(()) }
    }
}

/// What a claim or a draw came to, in a word or two.
fn outcome(code: Option<Code>) -> String {
    code.map_or_else(|| "a draw without a coupon".into(), |code| code.to_string())
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OverQuota { coupon_type, wins, quota } => {
                write!(f, "over-allocated: {wins} wins of {coupon_type}, which has {quota}")
            }
            Self::OverDailyQuota { coupon_type, day, wins, quota } => {
                write!(f, "over-allocated: {wins} wins of {coupon_type} on {day}, which has {quota} a day")
            }
            Self::OverLimit { key, wins, limit } => write!(f, "{key} has {wins} coupons, the limit is {limit}"),
            Self::WonTwice { key, first, second } => write!(f, "{key} has two coupons: {first} and {second}"),
            Self::SameCode { code, first, second } => write!(f, "{code} was given to {first} and to {second}"),
            Self::WonLater { key, code } => write!(f, "{key} had lost a draw, and the same draw now won {code}"),
            Self::NewTwice { key, code } => write!(f, "{key} was told twice that {} is new", outcome(*code)),
            Self::NeverNew { key, code } => write!(f, "{key} was told only that {} is a repeat", outcome(*code)),
            Self::AnswerChanged { key, code } => write!(f, "the answer to {key} changed around {}", outcome(*code)),
            Self::Lost { key, code: Some(code), told } => {
                write!(f, "lost win: {key} had {code} and is now told `{told}`")
            }
            Self::Lost { key, code: None, told } => {
                write!(f, "lost draw: {key} had drawn without luck and is now told `{told}`")
            }
            Self::NotConfirmed { key, code } => {
                write!(f, "{key} was told {}, and asking again had no answer", outcome(*code))
            }
            Self::NotSettled { key } => {
                write!(f, "{key} had no answer, and asking again had none either: what it did is not known")
            }
            Self::WithheldWithStock { coupon_type, wins, quota } => {
                write!(f, "a draw chose {coupon_type} and got nothing with {wins} of {quota} given out")
            }
            Self::NotShown { key } => write!(f, "the claims of {key} do not show the win"),
            Self::Strange { key, what } => write!(f, "{key} was answered with {what}"),
            Self::CountsDiffer { campaign, told, remaining, quota } => {
                write!(f, "{campaign}: {told:?} told and {remaining:?} remaining do not make up the quota {quota:?}")
            }
            Self::RefusedBelowLimit { key, wins, limit } => {
                write!(f, "{key} was told `limit_reached` with {wins} of {limit} coupons")
            }
            Self::UnexpectedRefusal { key, code } => write!(f, "{key} was told `{code}` without reason"),
            Self::RefusedWithStock { campaign, wins, quota } => {
                write!(f, "{campaign} was called sold out with {wins} of {quota} given out")
            }
            Self::Room { campaign, user, fault } => write!(f, "waiting room {campaign}: {} {fault}", user_id(*user)),
            Self::RoomSeedChanged { campaign } => {
                write!(f, "waiting room {campaign}: another seed than it was bound to")
            }
            Self::RoomAudit { campaign, fault } => write!(f, "waiting room {campaign} {fault}"),
            Self::RegistrationLost { campaign, user } => {
                write!(f, "lost registration: {} had registered with {campaign}, and did so anew", user_id(*user))
            }
            Self::RegistrationRefused { campaign, user, status } => {
                write!(f, "{} could not register with {campaign}: status {status}", user_id(*user))
            }
            Self::RegistrationNotSettled { campaign, user } => {
                write!(f, "{} registered with {campaign}, and asking again had no answer", user_id(*user))
            }
            Self::Lottery(fault) => fault.fmt(f),
            Self::Checkout(fault) => fault.fmt(f),
        }
    }
}
