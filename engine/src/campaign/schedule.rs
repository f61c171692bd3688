//! Owns when a campaign is open: its span, its windows within it, and where a moment stands among them. Leaves to the
//! caller what comes before it, a pause or a cancellation.

use std::cell::Cell;
use std::iter;

use jiff::tz::TimeZone;
use thiserror::Error;

use super::{TimeOfDay, Windows};
use crate::time::Timestamp;

mod openings;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) use tests::seeded;

use openings::Openings;

/// A stretch of time in which a campaign is open: half-open, never empty, in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first moment at which it is open. It tells this window from all others of its campaign.
    pub opened_at: Timestamp,
    /// The first moment after it.
    pub closes_at: Timestamp,
}

/// Where a moment stands in a campaign's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// No window has opened yet.
    Before {
        /// When the first one does.
        opens_at: Timestamp,
    },
    /// A window is open.
    Open {
        /// When it opened.
        opened_at: Timestamp,
        /// When it closes.
        closes_at: Timestamp,
        /// Whether the campaign is over then.
        is_last: bool,
    },
    /// A window has closed and another will open.
    Between {
        /// When it does.
        opens_at: Timestamp,
    },
    /// The last window has closed.
    Over,
}

/// Why a campaign cannot be open as described.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidSchedule {
    /// The bundled database knows no zone of this name.
    #[error("the time zone is unknown")]
    TimeZone,
    /// It ends before it starts, or as it starts.
    #[error("must end after it starts")]
    Span,
    /// By the wall clock, a window is still open when another one opens, or when it opens itself the next time.
    #[error("the window of {opens} is still open when that of {next_opens} opens")]
    Overlap {
        /// When it opens.
        opens: TimeOfDay,
        /// When the next one opens, maybe on another day.
        next_opens: TimeOfDay,
    },
    /// No window is open between its start and its end.
    #[error("no window opens between start and end")]
    NeverOpens,
}

/// When a campaign is open.
///
/// Without windows it is so from its start to its end. With them it is when a window is, by the wall clock of its zone:
///
/// - A window opens at the first instant that clocks show its time of day. If they skip it, it opens when they have jumped,
///   also where they skip the whole day.
/// - It closes when its duration has really passed, by a watch. Where clocks go forward, the next one may open before that:
///   then it closes at that moment, since an opening is a promise to people who look at a clock. Windows that open
///   at one instant because times are skipped are one window.
/// - At the campaign's start a window that is open by then opens; at its end the one that is open closes.
///
/// So never are two windows open at once, and none is empty.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// `None`: open all the time.
    openings: Option<Openings>,
    starts_at: Timestamp,
    /// The close of the last window, at most the end that was asked for.
    ends_at: Timestamp,
    first_opens_at: Timestamp,
    /// What was found last. Claims come in order, so all but the first after a close are answered from here; also at the
    /// very opening, where those of before and after may be mixed.
    cached: Cell<Ahead>,
}

/// What lies ahead from a moment on.
#[derive(Debug, Clone, Copy)]
struct Ahead {
    /// From here until it closes, `window` is the next to close.
    since: Timestamp,
    window: Window,
}

impl Schedule {
    /// The schedule of a campaign that is open from `starts_at` to `ends_at`, or in `windows` between them. `time_zone`
    /// is an IANA name that the bundled database knows.
    ///
    /// # Errors
    /// [`InvalidSchedule`] names the first rule that is broken.
    pub fn new(
        starts_at: Timestamp,
        ends_at: Timestamp,
        windows: Option<&Windows>,
        time_zone: &str,
    ) -> Result<Self, InvalidSchedule> {
        let zone = TimeZone::get(time_zone).map_err(|_| InvalidSchedule::TimeZone)?;
        if ends_at <= starts_at {
            return Err(InvalidSchedule::Span);
        }
        if let Some((opens, next_opens)) = windows.and_then(Windows::overlap) {
            return Err(InvalidSchedule::Overlap { opens, next_opens });
        }
        let whole = Window { opened_at: starts_at, closes_at: ends_at };
        let ahead = |window| Cell::new(Ahead { since: Timestamp::from_milliseconds(0), window });
        let Some(windows) = windows else {
            return Ok(Self { openings: None, starts_at, ends_at, first_opens_at: starts_at, cached: ahead(whole) });
        };
        let openings = Openings::new(zone, windows);
        let last = openings.last_to_open_before(ends_at).map(|window| window.cut_to(whole));
        let first = openings.first_to_close_after(starts_at).map(|window| window.cut_to(whole));
        let (Some(first), Some(last)) = (first, last) else { return Err(InvalidSchedule::NeverOpens) };
        if first.is_empty() || last.is_empty() {
            return Err(InvalidSchedule::NeverOpens);
        }
        let (ends_at, first_opens_at) = (last.closes_at, first.opened_at);
        Ok(Self { openings: Some(openings), starts_at, ends_at, first_opens_at, cached: ahead(first) })
    }

    /// Where `moment` stands.
    pub fn phase(&self, moment: Timestamp) -> Phase {
        let Some(Window { opened_at, closes_at }) = self.first_to_close_after(moment) else { return Phase::Over };
        if opened_at <= moment {
            Phase::Open { opened_at, closes_at, is_last: closes_at == self.ends_at }
        } else if opened_at == self.first_opens_at {
            Phase::Before { opens_at: opened_at }
        } else {
            Phase::Between { opens_at: opened_at }
        }
    }

    /// The windows that close after `moment`, in order: the one that is open then, if one is, and all that open later.
    pub fn upcoming(&self, moment: Timestamp) -> impl Iterator<Item = Window> {
        iter::successors(self.compute(moment), |window| self.compute(window.closes_at))
    }

    /// The first moment at which it is over for good: the end that was asked for, or the close of the last window before.
    pub fn ends_at(&self) -> Timestamp {
        self.ends_at
    }

    fn first_to_close_after(&self, moment: Timestamp) -> Option<Window> {
        let Ahead { since, window } = self.cached.get();
        if (since..window.closes_at).contains(&moment) {
            return Some(window);
        }
        let window = self.compute(moment)?;
        self.cached.set(Ahead { since: moment.min(window.opened_at), window });
        Some(window)
    }

    fn compute(&self, moment: Timestamp) -> Option<Window> {
        if moment >= self.ends_at {
            return None;
        }
        let whole = Window { opened_at: self.starts_at, closes_at: self.ends_at };
        let Some(openings) = &self.openings else { return Some(whole) };
        let window = openings.first_to_close_after(moment.max(self.starts_at)).expect("the last one closes later");
        let window = window.cut_to(whole);
        assert!(moment < window.closes_at && !window.is_empty(), "{window:?} does not follow {moment:?}");
        Some(window)
    }
}

impl Window {
    fn cut_to(self, whole: Window) -> Window {
        Window { opened_at: self.opened_at.max(whole.opened_at), closes_at: self.closes_at.min(whole.closes_at) }
    }

    fn is_empty(self) -> bool {
        self.closes_at <= self.opened_at
    }
}
