//! Owns what a shop says of a campaign's recurring windows: at which times of day, on which days of the week, for how long.
//! Leaves to the schedule when that is in a given zone, and whether one window runs into the next.

use std::time::Duration;

use thiserror::Error;

mod time_of_day;
mod weekdays;

pub use time_of_day::{InvalidTimeOfDay, TimeOfDay};
pub use weekdays::{NoWeekday, UnknownWeekday, Weekday, Weekdays};

/// The windows in which a campaign is open, again and again, by the wall clock of its zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    at: Vec<TimeOfDay>,
    days: Weekdays,
    duration: Duration,
}

/// Why windows cannot be as described.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidWindows {
    /// No opening time is given, or more than [`Windows::A_DAY_MAX`].
    #[error("must open 1 to {} times a day", Windows::A_DAY_MAX)]
    Count,
    /// An opening time is given more than once.
    #[error("{0} is given twice")]
    Twice(TimeOfDay),
    /// The duration is out of bounds, or no whole number of milliseconds.
    #[error(
        "must last whole milliseconds, {} second to {} days",
        Windows::DURATION_MIN.as_secs(),
        Windows::DURATION_MAX.as_secs() / 86_400
    )]
    Duration,
}

impl Windows {
    /// The most windows that open on one day: one a minute.
    pub const A_DAY_MAX: usize = 1_440;
    /// The shortest that a window may last.
    pub const DURATION_MIN: Duration = Duration::from_secs(1);
    /// The longest that a window may last. After a week it would run into itself.
    pub const DURATION_MAX: Duration = Duration::from_secs(7 * 86_400);

    /// Windows that open on `days` at each time of `at`, given in any order, and last for `duration`.
    ///
    /// # Errors
    /// [`InvalidWindows`] names the first rule that is broken.
    pub fn new(mut at: Vec<TimeOfDay>, days: Weekdays, duration: Duration) -> Result<Self, InvalidWindows> {
        if at.is_empty() || at.len() > Self::A_DAY_MAX {
            return Err(InvalidWindows::Count);
        }
        at.sort_unstable();
        if let Some(pair) = at.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(InvalidWindows::Twice(pair[0]));
        }
        let is_whole = duration.subsec_nanos().is_multiple_of(1_000_000);
        if !is_whole || !(Self::DURATION_MIN..=Self::DURATION_MAX).contains(&duration) {
            return Err(InvalidWindows::Duration);
        }
        Ok(Self { at, days, duration })
    }

    /// The times of day at which they open, ascending and distinct, 1 to [`Windows::A_DAY_MAX`].
    pub fn at(&self) -> &[TimeOfDay] {
        &self.at
    }

    /// The days of the week on which they open.
    pub fn days(&self) -> Weekdays {
        self.days
    }

    /// How long each lasts: whole milliseconds, [`Windows::DURATION_MIN`] to [`Windows::DURATION_MAX`].
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// The first window of the week that would still be open, by the wall clock, when the next one opens, and that one;
    /// the last of the week runs into the first of the next.
    pub(super) fn overlap(&self) -> Option<(TimeOfDay, TimeOfDay)> {
        let openings = self.days.iter().flat_map(|day| {
            let midnight = u64::from(day.days_from_monday()) * 86_400;
            self.at.iter().map(move |&at| (Duration::from_secs(midnight + u64::from(at.as_seconds())), at))
        });
        let (first, first_at) = openings.clone().next().expect("some time on some day");
        let next_openings = openings.clone().skip(1).chain([(first + Duration::from_secs(7 * 86_400), first_at)]);
        openings
            .zip(next_openings)
            .find(|((opening, _), (next, _))| *next - *opening < self.duration)
            .map(|((_, at), (_, next_at))| (at, next_at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn times(texts: &[&str]) -> Vec<TimeOfDay> {
        texts.iter().map(|text| text.parse().expect("a time of day")).collect()
    }

    fn days(texts: &[&str]) -> Weekdays {
        let days = texts.iter().map(|text| text.parse::<Weekday>().expect("a day of the week"));
        Weekdays::new(days).expect("some day")
    }

    #[test]
    fn windows_keep_to_their_bounds() {
        let new = |at: &[&str], duration| Windows::new(times(at), Weekdays::all(), duration);
        let sorted = new(&["20:00", "10:00"], MINUTE).expect("valid");
        assert_eq!(sorted.at(), times(&["10:00", "20:00"]));
        assert_eq!(new(&[], MINUTE), Err(InvalidWindows::Count));
        assert_eq!(new(&["10:00", "09:00", "10:00:00"], MINUTE), Err(InvalidWindows::Twice(times(&["10:00"])[0])));
        for valid in [Windows::DURATION_MIN, Windows::DURATION_MAX, Duration::from_millis(1_001)] {
            assert_eq!(new(&["10:00"], valid).expect("valid").duration(), valid);
        }
        let millisecond = Duration::from_millis(1);
        let too_long = Windows::DURATION_MAX + millisecond;
        for invalid in [Windows::DURATION_MIN - millisecond, too_long, Duration::from_nanos(1_000_000_001)] {
            assert_eq!(new(&["10:00"], invalid), Err(InvalidWindows::Duration), "{invalid:?}");
        }
        let every = |seconds| (0..86_400).step_by(seconds).map(|s| TimeOfDay::from_seconds(s).expect("a time of day"));
        assert!(Windows::new(every(60).collect(), Weekdays::all(), MINUTE).is_ok());
        assert_eq!(Windows::new(every(59).collect(), Weekdays::all(), MINUTE), Err(InvalidWindows::Count));
    }

    /// Whether windows `at` these times on these days overlap for `too_long`, and only touch for a millisecond less.
    fn check_overlap(at: &[&str], on: &[&str], too_long: Duration, expected: (&str, &str)) {
        let overlap = |duration| Windows::new(times(at), days(on), duration).expect("valid").overlap();
        let expected = times(&[expected.0, expected.1]);
        assert_eq!(overlap(too_long), Some((expected[0], expected[1])), "{at:?} on {on:?}");
        assert_eq!(overlap(too_long - Duration::from_millis(1)), None, "{at:?} on {on:?}");
    }

    #[test]
    fn windows_may_touch_but_not_overlap() {
        let more_than = |hours: u64| Duration::from_secs(hours * 3_600) + Duration::from_millis(1);
        let every_day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        check_overlap(&["10:00", "11:00"], &["wed"], more_than(1), ("10:00", "11:00"));
        // Over midnight, from one day to the next.
        check_overlap(&["01:00", "22:00"], &every_day, more_than(3), ("22:00", "01:00"));
        check_overlap(&["01:00", "22:00"], &["tue", "wed"], more_than(3), ("22:00", "01:00"));
        // Over the end of the week.
        check_overlap(&["22:00"], &["mon", "sun"], more_than(24), ("22:00", "22:00"));
        check_overlap(&["22:00"], &["mon", "thu"], more_than(72), ("22:00", "22:00"));
        // One window a week may last until it opens again.
        let weekly = Windows::new(times(&["10:00"]), days(&["mon"]), Windows::DURATION_MAX).expect("valid");
        assert_eq!(weekly.overlap(), None);
    }

    proptest! {
        #![proptest_config(super::super::schedule::seeded(256))]

        #[test]
        fn windows_overlap_when_a_minute_of_the_week_is_in_two_of_them(
            at in prop::collection::btree_set(0u32..1_440, 1..6),
            bits in 1u8..128,
            minutes in 1u32..2_000,
        ) {
            let days = Weekdays::from_bits(bits).expect("some day");
            let mut covered = vec![0u32; 7 * 1_440];
            for day in days.iter() {
                for minute in at.iter().flat_map(|&opening| opening..opening + minutes) {
                    let minute = usize::try_from(u32::from(day.days_from_monday()) * 1_440 + minute).expect("small");
                    covered[minute % (7 * 1_440)] += 1;
                }
            }
            let at = at.iter().map(|minute| TimeOfDay::from_seconds(minute * 60).expect("within a day")).collect();
            let windows = Windows::new(at, days, minutes * MINUTE).expect("valid");
            prop_assert_eq!(windows.overlap().is_some(), covered.iter().any(|&windows| windows > 1));
        }
    }
}
