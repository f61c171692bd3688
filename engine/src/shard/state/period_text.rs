//! Owns the name of a period, as it goes into the sampling of a draw.

use std::cell::RefCell;

use compact_str::CompactString;

use crate::campaign::Period;
use crate::campaign::calendar;
use crate::time::{Day, Timestamp};

/// The name of the last period that was asked for. Draws come in order, so that all but the first of a period are
/// answered from here.
#[derive(Debug, Clone, Default)]
pub(super) struct PeriodText {
    last: RefCell<Option<(u64, CompactString)>>,
}

impl PeriodText {
    /// Calls `with` with the name of a period: `campaign`, a day like `2026-12-01`, or the moment at which a window opened
    /// like `2026-12-01T02:00:00.000Z`.
    pub(super) fn with<R>(&self, per: Period, day: Day, window: Option<Timestamp>, with: impl FnOnce(&str) -> R) -> R {
        let key = match per {
            Period::Campaign => 0,
            Period::Day => u64::from(day.0),
            Period::Window => window.map_or(0, Timestamp::as_milliseconds),
        };
        let mut last = self.last.borrow_mut();
        let (_, text) = match &mut *last {
            Some(last) if last.0 == key => last,
            stale => stale.insert((key, period_text(per, day, window))),
        };
        with(text)
    }
}

/// The name of a period.
pub(crate) fn period_text(per: Period, day: Day, window: Option<Timestamp>) -> CompactString {
    match per {
        Period::Campaign => CompactString::const_new("campaign"),
        Period::Day => CompactString::from(calendar::day_text(day)),
        Period::Window => CompactString::from(window.map(calendar::moment_text).unwrap_or_default()),
    }
}
