//! What can be wrong with a lottery, in words that say whom it concerns.

use std::fmt;

use crate::answer::Code;
use crate::lottery::told::Drawn;
use crate::request::user_id;

/// One broken promise of a lottery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(super) campaign: String,
    pub(super) what: What,
}

/// Which promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Somebody entered after the end.
    Late { user: u64 },
    /// Two entries, one number.
    SameNumber { number: u32, first: u64, second: u64 },
    /// One entry, two numbers or two ids.
    Renumbered { user: u64, first: u32, then: u32 },
    /// One entry was called new twice.
    NewTwice { user: u64 },
    /// An entry that was told is refused when it is asked for again.
    Lost { user: u64, number: u32, told: String },
    /// A refusal that nothing explains, or that comes before the end.
    Refused { user: u64, told: String },
    /// A result that was told has changed, or is open again.
    Redrawn { user: u64, first: Drawn, then: Option<Drawn> },
    /// One coupon, two winners.
    SameCode { code: Code, first: u64, second: u64 },
    /// No drawing.
    NotDrawn,
    /// The seed is not the one that the lottery was bound to.
    Commitment { first: String },
    /// The numbers that users were told are not 1 to the number of entries.
    Count { published: u32, told: usize },
    /// The hash is not that of those who entered.
    Hash { count: u32 },
    /// A rank or a prize that the published facts do not lead to.
    Result { user: u64, number: u32, rank: u32, due: Option<u16>, told: Option<Drawn> },
    /// Somebody was asked again and never answered.
    NotConfirmed { user: u64, number: Option<u32> },
    /// An answer that the contract does not have.
    Strange { user: u64, what: &'static str },
}

fn prize(place: Option<u16>) -> String {
    place.map_or_else(|| "no prize".into(), |place| format!("prize {}", place + 1))
}

fn result(drawn: Option<&Drawn>) -> String {
    drawn.map_or_else(|| "no result".into(), |drawn| format!("rank {} and {}", drawn.rank, prize(drawn.prize)))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lottery {}: ", self.campaign)?;
        match &self.what {
            What::Late { user } => write!(f, "{} entered after the end", user_id(*user)),
            What::SameNumber { number, first, second } => {
                write!(f, "number {number} is the entry of {} and of {}", user_id(*first), user_id(*second))
            }
            What::Renumbered { user, first, then } if first == then => {
                write!(f, "{} has two entries with the number {first}", user_id(*user))
            }
            What::Renumbered { user, first, then } => {
                write!(f, "{} entered as number {first} and is now number {then}", user_id(*user))
            }
            What::NewTwice { user } => write!(f, "{} was told twice that the entry is new", user_id(*user)),
            What::Lost { user, number, told } => {
                write!(f, "lost entry: {} had number {number} and is now told `{told}`", user_id(*user))
            }
            What::Refused { user, told } => write!(f, "{} was told `{told}` without reason", user_id(*user)),
            What::Redrawn { user, first, then } => {
                write!(f, "{} was drawn {}, and now {}", user_id(*user), result(Some(first)), result(then.as_ref()))?;
                let same = then.as_ref().is_some_and(|then| (then.rank, then.prize) == (first.rank, first.prize));
                if same { f.write_str(" with another coupon") } else { Ok(()) }
            }
            What::SameCode { code, first, second } => {
                write!(f, "{code} was given to {} and to {}", user_id(*first), user_id(*second))
            }
            What::NotDrawn => f.write_str("it is over and was never drawn"),
            What::Commitment { first } => write!(f, "the seed is not the one it was bound to by {first}"),
            What::Count { published, told } => {
                write!(f, "{published} entries are published, and {told} were told, which are not their numbers")
            }
            What::Hash { count } => write!(f, "the hash is not that of the {count} who entered, in their order"),
            What::Result { user, number, rank, due, told } => {
                let (user, told) = (user_id(*user), result(told.as_ref()));
                write!(f, "{user}, number {number}, was told {told}, and is due rank {rank} and {}", prize(*due))
            }
            What::NotConfirmed { user, number: Some(number) } => {
                write!(f, "{} entered as number {number}, and asking again had no answer", user_id(*user))
            }
            What::NotConfirmed { user, number: None } => {
                write!(f, "{} could not ask again whether the entry was taken: it is not known", user_id(*user))
            }
            What::Strange { user, what } => write!(f, "{} was answered with {what}", user_id(*user)),
        }
    }
}
