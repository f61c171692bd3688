//! Owns what those find who wait: whether it is worth it.

use crate::campaign::Schedule;
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
