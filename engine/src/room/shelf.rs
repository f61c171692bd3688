//! Owns whom a room is for: which window somebody comes for, and whether those who wait find anything.

use crate::campaign::{Phase, Schedule, WaitingRoom};
use crate::outcome::Refusal;
use crate::time::Timestamp;

/// What those find who wait for a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shelf {
    /// There is something to win.
    Stocked,
    /// Today's coupons are gone, and while the window is still open there are new ones.
    Refilled {
        /// When the next day begins.
        at: Timestamp,
    },
    /// Nothing any more: a claim would be refused so for as long as the window is open.
    Empty(Refusal),
}

impl Shelf {
    /// What is there for the window that opens at `window`, where `gone` is why a claim finds nothing now.
    pub(crate) fn of(gone: Option<Refusal>, schedule: &Schedule, window: Timestamp) -> Self {
        match gone {
            None => Self::Stocked,
            Some(Refusal::DailySoldOut { resets_at })
                if schedule.upcoming(window).next().is_some_and(|window| resets_at < window.closes_at) =>
            {
                Self::Refilled { at: resets_at }
            }
            Some(gone) => Self::Empty(gone),
        }
    }
}

/// The window whose room takes people at `moment`, which is in `phase`, or why none does.
pub(crate) fn window_to_come_for(phase: Phase, rules: WaitingRoom, moment: Timestamp) -> Result<Timestamp, Refusal> {
    match phase {
        Phase::Open { opened_at, .. } => Ok(opened_at),
        Phase::Over => Err(Refusal::Ended),
        Phase::Before { opens_at } | Phase::Between { opens_at } => {
            let ahead = u64::try_from(rules.opens_before.as_millis()).unwrap_or(u64::MAX);
            let from = Timestamp::from_milliseconds(opens_at.as_milliseconds().saturating_sub(ahead));
            if moment < from { Err(Refusal::NotOpen { opens_at: from }) } else { Ok(opens_at) }
        }
    }
}
