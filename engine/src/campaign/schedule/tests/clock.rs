//! Holds the schedule against one that looks at the clock once a minute, and the order of openings against the clock
//! changes of all zones.

use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use proptest::prelude::*;

use super::super::*;
use super::{at, check_edges, seeded, windows};
use crate::campaign::Weekdays;
use crate::campaign::calendar::first_instant;

/// All windows between two moments, found by looking at the clock once a minute, as people do: a window opens when the
/// clock shows its time, or a later one, for the first time.
fn minute_by_minute(zone: &str, starts_at: Timestamp, ends_at: Timestamp, windows: &Windows) -> Vec<Window> {
    let zone = TimeZone::get(zone).expect("a known zone");
    let reading = |moment: Timestamp| {
        let moment = i64::try_from(moment.as_milliseconds()).expect("fits 63 bits");
        let offset = zone.to_offset(jiff::Timestamp::from_millisecond(moment).expect("a moment"));
        moment.div_euclid(60_000) + i64::from(offset.seconds() / 60)
    };
    let opens = |minute: i64| {
        let (day, time) = (minute.div_euclid(1_440), minute.rem_euclid(1_440));
        // 1970 began on a Thursday.
        let days_from_monday = (day + 3).rem_euclid(7);
        windows.days().iter().any(|weekday| i64::from(weekday.days_from_monday()) == days_from_monday)
            && windows.at().iter().any(|at| i64::from(at.as_seconds() / 60) == time)
    };
    let minute = Duration::from_secs(60);
    let mut found: Vec<Window> = Vec::new();
    // A window that is open at the start has opened in the week before it.
    let mut now = Timestamp::from_milliseconds(starts_at.as_milliseconds() - 9 * 86_400_000);
    let mut highest = reading(now);
    while now < ends_at {
        let shown = reading(now);
        if (highest + 1..=shown).any(opens) {
            if let Some(last) = found.last_mut() {
                last.closes_at = last.closes_at.min(now);
            }
            found.push(Window { opened_at: now, closes_at: now.saturating_add(windows.duration()) });
        }
        highest = highest.max(shown);
        now = now.saturating_add(minute);
    }
    let whole = Window { opened_at: starts_at, closes_at: ends_at };
    found.into_iter().map(|window| window.cut_to(whole)).filter(|window| !window.is_empty()).collect()
}

#[test]
fn a_year_of_thirty_windows_a_day_is_as_the_clock_shows_it() {
    let times: Vec<String> = (0..30).map(|n| format!("{:02}:{:02}", n * 48 / 60, n * 48 % 60)).collect();
    let thirty = windows(&times.join(" "), "", 45);
    let (start, end) = (at("2026-01-01T00:10:00Z"), at("2027-01-01T00:10:00Z"));
    let schedule = Schedule::new(start, end, Some(&thirty), "Europe/Berlin").expect("a valid schedule");
    let expected = minute_by_minute("Europe/Berlin", start, end, &thirty);
    assert_eq!(schedule.upcoming(start).collect::<Vec<_>>(), expected);
    // 48 minutes apart; the hour that is skipped merges two, and the doubled one adds none.
    assert!((10_948..=10_952).contains(&expected.len()), "{}", expected.len());
    check_edges(&schedule, &expected);
}

/// Zones, with a day on which their clocks change or none.
fn days_and_zones() -> impl Strategy<Value = (&'static str, Timestamp)> {
    prop::sample::select(vec![
        ("Asia/Singapore", "2026-12-01T00:00:00Z"),
        ("Europe/Berlin", "2026-03-29T00:00:00Z"),
        ("Europe/Berlin", "2026-10-25T00:00:00Z"),
        ("America/Sao_Paulo", "2015-10-18T00:00:00Z"),
        ("America/Sao_Paulo", "2016-02-21T00:00:00Z"),
        ("America/St_Johns", "2006-10-29T00:00:00Z"),
        ("America/Havana", "2024-11-03T00:00:00Z"),
        ("Africa/Cairo", "2024-04-26T00:00:00Z"),
        ("Africa/Casablanca", "2026-02-15T00:00:00Z"),
        ("Asia/Kathmandu", "1985-12-31T18:30:00Z"),
        ("Australia/Lord_Howe", "2026-04-05T00:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-04T00:00:00Z"),
        ("Antarctica/Troll", "2026-03-29T00:00:00Z"),
        ("Pacific/Apia", "2011-12-30T00:00:00Z"),
        ("Pacific/Kwajalein", "1993-08-21T00:00:00Z"),
    ])
    .prop_map(|(zone, moment)| (zone, at(moment)))
}

proptest! {
    #![proptest_config(seeded(192))]

    #[test]
    fn windows_are_as_the_clock_shows_them(
        (zone, change) in days_and_zones(),
        // Many windows a day, or few and long ones.
        times in prop_oneof![
            prop::collection::btree_set(0u32..288, 1..30).prop_map(|times| times.iter().map(|time| time * 5).collect()),
            prop::collection::btree_set(0u32..1_440, 1..4).prop_map(Vec::from_iter),
        ],
        days in 1u8..128,
        (length_num, from_minutes, to_minutes) in (1u64..=16, 1u64..9 * 1_440, 1u64..9 * 1_440),
    ) {
        let times: Vec<u32> = times;
        let at = |minute: &u32| TimeOfDay::from_seconds(minute * 60).expect("within a day");
        let days = Weekdays::from_bits(days).expect("some day");
        let windows = |minutes| {
            Windows::new(times.iter().map(at).collect(), days, Duration::from_secs(minutes * 60)).expect("valid")
        };
        // The longest that does not overlap, or a part of it.
        let longest = (1..=7 * 1_440).rev().find(|&minutes| windows(minutes).overlap().is_none()).expect("one minute");
        let windows = windows((longest * length_num / 16).max(1));
        let starts_at = Timestamp::from_milliseconds(change.as_milliseconds() - from_minutes * 60_000);
        let ends_at = Timestamp::from_milliseconds(change.as_milliseconds() + to_minutes * 60_000);
        let expected = minute_by_minute(zone, starts_at, ends_at, &windows);
        match Schedule::new(starts_at, ends_at, Some(&windows), zone) {
            Ok(schedule) => {
                prop_assert_eq!(schedule.upcoming(starts_at).collect::<Vec<_>>(), expected.clone());
                check_edges(&schedule, &expected);
            }
            Err(refusal) => {
                prop_assert_eq!(refusal, InvalidSchedule::NeverOpens);
                prop_assert_eq!(expected, vec![]);
            }
        }
    }
}

/// What the schedule's search rests on: the later a time, the later it opens.
#[test]
fn in_every_zone_a_time_opens_when_clocks_pass_it_first() {
    let instant = |text: &str| -> jiff::Timestamp { text.parse().expect("an RFC 3339 moment") };
    let (from, to) = (instant("2020-01-01T00:00:00Z"), instant("2035-01-01T00:00:00Z"));
    let mut changes = 0;
    for name in jiff::tz::db().available() {
        let zone = TimeZone::get(name.as_str()).expect("a known zone");
        for change in zone.following(from).take_while(|change| change.timestamp() < to) {
            changes += 1;
            let around = zone.to_datetime(change.timestamp());
            let mut last = i64::MIN;
            for quarter in -100..=100 {
                let local: DateTime = around.saturating_add(SignedDuration::from_mins(quarter * 15));
                let opening = first_instant(&zone, local).expect("within time");
                let shown = |milliseconds| {
                    zone.to_datetime(jiff::Timestamp::from_millisecond(milliseconds).expect("within time"))
                };
                assert!(shown(opening - 1) < local && local <= shown(opening), "{local} in {}", name.as_str());
                assert!(last <= opening, "{local} in {}", name.as_str());
                last = opening;
            }
        }
    }
    assert!(changes > 3_000, "{changes} clock changes");
}
