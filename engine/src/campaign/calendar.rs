//! Owns the days of a campaign's time zone: which day a moment is on, and when it ends. Leaves what a day is worth to the
//! shard, which also keeps it from going back when the clock does.

use std::cell::Cell;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::time::{Day, Timestamp};

/// The days of one time zone. Half-open, without gaps, never overlapping: a day begins at the first instant that bears its
/// date and lasts until the next one begins, also where clocks go forward or back over midnight, or skip a date.
#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    zone: TimeZone,
    /// The day that was asked for last. Claims come in order, so all but the first of a day are answered from here.
    cached: Cell<Span>,
}

/// One day, in milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
struct Span {
    day: Day,
    starts_at: i64,
    ends_at: i64,
}

const EPOCH: Date = Date::constant(1970, 1, 1);

impl Calendar {
    /// The days of the zone that the bundled database knows by this IANA name, if there is one.
    pub(crate) fn new(name: &str) -> Option<Self> {
        let zone = TimeZone::get(name).ok()?;
        let nothing = Span { day: Day(0), starts_at: i64::MAX, ends_at: i64::MAX };
        Some(Self { zone, cached: Cell::new(nothing) })
    }

    /// The day that `moment` is on.
    pub(crate) fn day(&self, moment: Timestamp) -> Day {
        self.span(moment).day
    }

    /// The first instant of the day after the one that `moment` is on.
    pub(crate) fn next_day_at(&self, moment: Timestamp) -> Timestamp {
        timestamp(self.span(moment).ends_at)
    }

    /// The first instant of the day after `day`.
    pub(crate) fn day_after_at(&self, day: Day) -> Timestamp {
        timestamp(self.first_instant(date_of(day).saturating_add(jiff::Span::new().days(1))))
    }

    fn span(&self, moment: Timestamp) -> Span {
        let milliseconds = i64::try_from(moment.as_milliseconds()).expect("Timestamp::MAX fits 63 bits");
        let cached = self.cached.get();
        if (cached.starts_at..cached.ends_at).contains(&milliseconds) {
            return cached;
        }
        let span = self.compute(milliseconds);
        self.cached.set(span);
        span
    }

    fn compute(&self, milliseconds: i64) -> Span {
        // jiff's last moment is a day and two hours before ours, so that every zone's clock can still show it.
        let moment = jiff::Timestamp::from_millisecond(milliseconds).unwrap_or(jiff::Timestamp::MAX);
        let mut date = self.zone.to_datetime(moment).date();
        loop {
            let next = date.saturating_add(jiff::Span::new().days(1));
            let ends_at = self.first_instant(next);
            // Clocks set back over midnight show the day before once more. The new day has begun, and stays.
            if next > date && milliseconds >= ends_at && ends_at < i64::MAX {
                date = next;
                continue;
            }
            return Span { day: day_of(date), starts_at: self.first_instant(date), ends_at };
        }
    }

    /// The first instant at which clocks show `date` or, where they skip it, a later one; `i64::MAX` past the last day.
    fn first_instant(&self, date: Date) -> i64 {
        if date == Date::MAX {
            return i64::MAX;
        }
        first_instant(&self.zone, date.at(0, 0, 0, 0)).unwrap_or(i64::MAX)
    }
}

/// The first instant, in milliseconds since 1970, at which the zone's clocks show `local` or, where they skip it, a later
/// time; `None` beyond the ends of time.
pub(super) fn first_instant(zone: &TimeZone, local: DateTime) -> Option<i64> {
    let (before, after) = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => return Some(offset.to_timestamp(local).ok()?.as_millisecond()),
        AmbiguousOffset::Fold { before, after } | AmbiguousOffset::Gap { before, after } => (before, after),
    };
    // What the clocks show decides. The rule that a zone follows after the last change on its list is taken to hold that
    // day already: on 2023-10-28 in America/Nuuk, an hour is said to come twice that came once.
    let mut instants = [before, after].into_iter().filter_map(|offset| offset.to_timestamp(local).ok());
    let shown = instants.find(|&instant| zone.to_datetime(instant) == local);
    Some(shown.or_else(|| transition_after(zone, local, after))?.as_millisecond())
}

/// The instant of the jump that skips `skipped`. Read with the offset that holds after the jump, a skipped time lies
/// just before it.
fn transition_after(zone: &TimeZone, skipped: DateTime, after: jiff::tz::Offset) -> Option<jiff::Timestamp> {
    let before_jump = after.to_timestamp(skipped).ok()?;
    zone.following(before_jump).next().map(|transition| transition.timestamp())
}

/// A day like `2026-12-01`.
pub(crate) fn day_text(day: Day) -> String {
    date_of(day).to_string()
}

/// A moment like `2026-12-01T02:00:00.000Z`.
pub(crate) fn moment_text(moment: Timestamp) -> String {
    let milliseconds = i64::try_from(moment.as_milliseconds()).expect("Timestamp::MAX fits 63 bits");
    // jiff's last moment is a day and two hours before ours, and no window opens after it.
    let moment = jiff::Timestamp::from_millisecond(milliseconds).unwrap_or(jiff::Timestamp::MAX);
    format!("{moment:.3}")
}

fn timestamp(milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(u64::try_from(milliseconds).unwrap_or(0))
}

fn day_of(date: Date) -> Day {
    let since_epoch = date.since(EPOCH).expect("dates are at most 20,000 years apart").get_days();
    // West of Greenwich 1970 began on the last day of 1969.
    Day(u32::try_from(since_epoch).unwrap_or(0))
}

fn date_of(day: Day) -> Date {
    let days = jiff::Span::new().try_days(i64::from(day.0));
    days.map_or(Date::MAX, |days| EPOCH.saturating_add(days))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        let moment: jiff::Timestamp = text.parse().expect("an RFC 3339 moment");
        timestamp(moment.as_millisecond())
    }

    /// `instants` are the beginnings of successive days of `zone`; each is the first millisecond of its day.
    fn check(zone: &str, instants: &[&str]) {
        let calendar = Calendar::new(zone).expect("a known zone");
        for pair in instants.windows(2) {
            let (starts_at, ends_at) = (at(pair[0]), at(pair[1]));
            let last = Timestamp::from_milliseconds(ends_at.as_milliseconds() - 1);
            let day = calendar.day(starts_at);
            assert_eq!(calendar.next_day_at(starts_at), ends_at, "{zone}: the day from {}", pair[0]);
            assert_eq!(calendar.day(last), day, "{zone}: the end of the day from {}", pair[0]);
            assert!(calendar.day(ends_at) > day, "{zone}: {} is a new day", pair[1]);
            let before = Timestamp::from_milliseconds(starts_at.as_milliseconds() - 1);
            assert_eq!(calendar.next_day_at(before), starts_at, "{zone}: before {}", pair[0]);
            assert!(calendar.day(before) < day, "{zone}: before {}", pair[0]);
            assert_eq!(calendar.day_after_at(day), ends_at, "{zone}: after {day:?}");
        }
    }

    #[test]
    fn days_have_23_24_or_25_hours() {
        check("UTC", &["2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"]);
        check("Asia/Singapore", &["2026-11-30T16:00:00Z", "2026-12-01T16:00:00Z"]);
        check("Europe/Berlin", &["2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", "2026-03-30T22:00:00Z"]);
        check("Europe/Berlin", &["2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", "2026-10-26T23:00:00Z"]);
    }

    #[test]
    fn a_skipped_midnight_begins_the_day_when_clocks_have_jumped() {
        // 00:00 became 01:00 on the 18th.
        check("America/Sao_Paulo", &["2015-10-17T03:00:00Z", "2015-10-18T03:00:00Z", "2015-10-19T02:00:00Z"]);
        // 00:00 became 01:00 on Fridays.
        check("Africa/Cairo", &["2024-04-24T22:00:00Z", "2024-04-25T22:00:00Z", "2024-04-26T21:00:00Z"]);
    }

    #[test]
    fn a_day_that_has_begun_stays_when_clocks_go_back_over_midnight() {
        // 00:01 on the 29th became 23:01 on the 28th.
        check("America/St_Johns", &["2006-10-28T02:30:00Z", "2006-10-29T02:30:00Z", "2006-10-30T03:30:00Z"]);
        // 01:00 became 00:00: the first hour comes twice.
        check("America/Havana", &["2024-11-02T04:00:00Z", "2024-11-03T04:00:00Z", "2024-11-04T05:00:00Z"]);
    }

    #[test]
    fn a_date_that_a_zone_skips_has_no_day() {
        let apia = Calendar::new("Pacific/Apia").expect("a known zone");
        let jump = at("2011-12-30T10:00:00Z");
        let before = Timestamp::from_milliseconds(jump.as_milliseconds() - 1);
        assert_eq!(apia.next_day_at(before), jump);
        assert_eq!(apia.day(jump).0, apia.day(before).0 + 2);
        assert_eq!(apia.next_day_at(jump), at("2011-12-31T10:00:00Z"));
    }

    #[test]
    fn the_ends_of_time_are_days_too() {
        for zone in ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"] {
            let calendar = Calendar::new(zone).expect("a known zone");
            assert_eq!(calendar.day(Timestamp::from_milliseconds(0)), Day(0));
            assert!(calendar.day(Timestamp::MAX) >= Day(2_932_895));
            assert!(calendar.next_day_at(Timestamp::MAX) <= Timestamp::MAX);
        }
        assert!(Calendar::new("Mars/Olympus").is_none());
        assert_eq!(Calendar::new("UTC").expect("known").day_after_at(Day(u32::MAX)), Timestamp::MAX);
    }
}
