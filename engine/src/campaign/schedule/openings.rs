//! Owns the instants at which recurring windows open and close in a zone, clock changes included. Leaves to the schedule
//! where a campaign cuts them off.

use jiff::civil::{self, Date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span};

use super::Window;
use crate::campaign::calendar::first_instant;
use crate::campaign::{Weekday, Weekdays, Windows};
use crate::time::Timestamp;

/// Windows in a zone, without beginning or end. Instants are milliseconds since 1970, and may lie before.
///
/// A time of day opens when the zone's clocks show it first or, where they skip it, when they have jumped. A window closes
/// when its duration has passed, or when the next one opens, which comes first only where clocks that go forward bring
/// two openings closer together than planned. Openings that they put on one instant are one window.
#[derive(Debug, Clone)]
pub(super) struct Openings {
    zone: TimeZone,
    at: Vec<civil::Time>,
    days: Weekdays,
    duration_ms: i64,
}

impl Openings {
    pub(super) fn new(zone: TimeZone, windows: &Windows) -> Self {
        let since_midnight = windows.at().iter().map(|at| SignedDuration::from_secs(i64::from(at.as_seconds())));
        Self {
            zone,
            at: since_midnight.map(|seconds| civil::Time::midnight().saturating_add(seconds)).collect(),
            days: windows.days(),
            duration_ms: i64::try_from(windows.duration().as_millis()).expect("at most DURATION_MAX"),
        }
    }

    /// The window that is open at `moment` or, if none is, the next one that opens. After the year 9999 none does.
    pub(super) fn first_to_close_after(&self, moment: Timestamp) -> Option<Window> {
        let moment = milliseconds(moment);
        let next = self.first_after(moment);
        if let Some(opening) = self.last_until(moment) {
            let closes_at = self.close_of(opening, next);
            if moment < closes_at {
                return Some(window(opening, closes_at));
            }
        }
        next.map(|opening| window(opening, self.close_of(opening, self.first_after(opening))))
    }

    /// The last window that opens before `moment`.
    pub(super) fn last_to_open_before(&self, moment: Timestamp) -> Option<Window> {
        let opening = self.last_until(milliseconds(moment) - 1)?;
        Some(window(opening, self.close_of(opening, self.first_after(opening))))
    }

    fn close_of(&self, opening: i64, next: Option<i64>) -> i64 {
        opening.saturating_add(self.duration_ms).min(next.unwrap_or(i64::MAX))
    }

    /// The last opening at or before `moment`. It was within the week; and when clocks have gone back over midnight and
    /// show today once more, tomorrow's first ones may be past.
    fn last_until(&self, moment: i64) -> Option<i64> {
        let today = self.date_of(moment);
        (-7..=1).rev().find_map(|days| {
            let date = self.date_with_openings(today, days)?;
            let last = self.count_until(date, moment).checked_sub(1)?;
            self.instant(date, self.at[last])
        })
    }

    /// The first opening after `moment`. It will be within the week.
    fn first_after(&self, moment: i64) -> Option<i64> {
        let today = self.date_of(moment);
        (0..=7).find_map(|days| {
            let date = self.date_with_openings(today, days)?;
            let next = self.at.get(self.count_until(date, moment))?;
            self.instant(date, *next)
        })
    }

    /// How many of the openings of `date` are at or before `moment`. A later time of day never opens earlier.
    fn count_until(&self, date: Date, moment: i64) -> usize {
        self.at.partition_point(|&time| self.instant(date, time).is_some_and(|opening| opening <= moment))
    }

    /// The date that clocks show.
    fn date_of(&self, moment: i64) -> Date {
        // jiff's last moment is a day and two hours before ours, so that every zone's clock can still show it.
        let moment = jiff::Timestamp::from_millisecond(moment).unwrap_or(jiff::Timestamp::MAX);
        self.zone.to_datetime(moment).date()
    }

    /// The date so many days after `today`, if windows open on it.
    fn date_with_openings(&self, today: Date, days: i64) -> Option<Date> {
        let date = today.checked_add(Span::new().days(days)).ok()?;
        self.days.contains(weekday_of(date)).then_some(date)
    }

    fn instant(&self, date: Date, time: civil::Time) -> Option<i64> {
        first_instant(&self.zone, date.to_datetime(time))
    }
}

fn weekday_of(date: Date) -> Weekday {
    match date.weekday() {
        civil::Weekday::Monday => Weekday::Monday,
        civil::Weekday::Tuesday => Weekday::Tuesday,
        civil::Weekday::Wednesday => Weekday::Wednesday,
        civil::Weekday::Thursday => Weekday::Thursday,
        civil::Weekday::Friday => Weekday::Friday,
        civil::Weekday::Saturday => Weekday::Saturday,
        civil::Weekday::Sunday => Weekday::Sunday,
    }
}

fn milliseconds(moment: Timestamp) -> i64 {
    i64::try_from(moment.as_milliseconds()).expect("Timestamp::MAX fits 63 bits")
}

/// East of Greenwich, windows of the first day of 1970 opened before our time began.
fn window(opened_at: i64, closes_at: i64) -> Window {
    let timestamp = |milliseconds| Timestamp::from_milliseconds(u64::try_from(milliseconds).unwrap_or(0));
    Window { opened_at: timestamp(opened_at), closes_at: timestamp(closes_at) }
}
