//! Holds the schedule against tables of real clock changes.

use std::time::Duration;

use proptest::test_runner::{Config, RngSeed};

use super::*;
use crate::campaign::{Weekday, Weekdays};

mod clock;

const MILLISECOND: Duration = Duration::from_millis(1);

/// So many cases, the same in each run unless `PROPTEST_RNG_SEED` says others.
pub(in crate::campaign) fn seeded(cases: u32) -> Config {
    let mut config = Config { failure_persistence: None, ..Config::with_cases(cases) };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(0x1a2d_2054);
    }
    config
}

fn at(text: &str) -> Timestamp {
    let moment: jiff::Timestamp = text.parse().expect("an RFC 3339 moment");
    Timestamp::from_milliseconds(u64::try_from(moment.as_millisecond()).expect("after 1970"))
}

fn before(moment: Timestamp) -> Timestamp {
    Timestamp::from_milliseconds(moment.as_milliseconds() - 1)
}

/// Windows at times with spaces between, on days with spaces between or, if none are named, on all.
fn windows(times: &str, days: &str, minutes: u64) -> Windows {
    let times = times.split(' ').map(|time| time.parse().expect("a time of day")).collect();
    let days: Vec<Weekday> = days.split_whitespace().map(|day| day.parse().expect("a day of the week")).collect();
    let days = if days.is_empty() { Weekdays::all() } else { Weekdays::new(days).expect("some day") };
    Windows::new(times, days, Duration::from_secs(minutes * 60)).expect("valid windows")
}

fn schedule(zone: &str, span: (&str, &str), windows: &Windows) -> Result<Schedule, InvalidSchedule> {
    Schedule::new(at(span.0), at(span.1), Some(windows), zone)
}

/// `expected` are all windows within the span; the phases around each edge follow from them.
fn check(zone: &str, span: (&str, &str), windows: &Windows, expected: &[(&str, &str)]) {
    let expected: Vec<Window> =
        expected.iter().map(|edges| Window { opened_at: at(edges.0), closes_at: at(edges.1) }).collect();
    let schedule = schedule(zone, span, windows).expect("a valid schedule");
    for from in [at(span.0), at("1970-01-10T00:00:00Z")] {
        assert_eq!(schedule.upcoming(from).collect::<Vec<_>>(), expected, "{zone}, {span:?} from {from:?}");
    }
    check_edges(&schedule, &expected);
}

/// The phase just before and at each edge of `expected`, which are all its windows: in order, in the opposite order, and
/// each without what was found before.
fn check_edges(schedule: &Schedule, expected: &[Window]) {
    let edges = expected.iter().flat_map(|window| [window.opened_at, window.closes_at]);
    let moments: Vec<Timestamp> =
        edges.flat_map(|edge| [before(edge), edge, edge.saturating_add(MILLISECOND)]).collect();
    let fresh = schedule.clone();
    for &moment in moments.iter().chain(moments.iter().rev()) {
        let phase = phase_among(expected, moment);
        assert_eq!(schedule.phase(moment), phase, "{moment:?}");
        assert_eq!(schedule.phase(moment), phase, "{moment:?}, once more");
        assert_eq!(fresh.clone().phase(moment), phase, "{moment:?}, at once");
    }
    assert_eq!(schedule.ends_at(), expected[expected.len() - 1].closes_at);
}

fn phase_among(windows: &[Window], moment: Timestamp) -> Phase {
    // In order and never two at once, so that the first to close later is open, or the next to open.
    let place = windows.partition_point(|window| window.closes_at <= moment);
    let Some(&Window { opened_at, closes_at }) = windows.get(place) else { return Phase::Over };
    match (opened_at <= moment, place) {
        (true, _) => Phase::Open { opened_at, closes_at, is_last: place == windows.len() - 1 },
        (false, 0) => Phase::Before { opens_at: opened_at },
        (false, _) => Phase::Between { opens_at: opened_at },
    }
}

#[test]
fn without_windows_it_is_open_from_start_to_end() {
    let (start, end) = (at("2026-12-01T00:00:00Z"), at("2026-12-31T00:00:00Z"));
    let schedule = Schedule::new(start, end, None, "Asia/Singapore").expect("a valid schedule");
    assert_eq!(schedule.phase(before(start)), Phase::Before { opens_at: start });
    let open = Phase::Open { opened_at: start, closes_at: end, is_last: true };
    assert_eq!(schedule.phase(start), open);
    assert_eq!(schedule.phase(before(end)), open);
    assert_eq!(schedule.phase(end), Phase::Over);
    assert_eq!(schedule.phase(Timestamp::MAX), Phase::Over);
    check_edges(&schedule, &[Window { opened_at: start, closes_at: end }]);
    assert_eq!(schedule.upcoming(Timestamp::from_milliseconds(0)).count(), 1);
    assert_eq!(schedule.upcoming(end).count(), 0);
}

#[test]
fn windows_open_by_the_clock_of_the_zone_on_their_days() {
    // 2026-12-01 is a Tuesday, and in Singapore it is 08:00 when the span begins.
    let span = ("2026-12-01T00:00:00Z", "2026-12-08T00:00:00Z");
    check(
        "Asia/Singapore",
        span,
        &windows("10:00 20:00:30", "mon fri", 5),
        &[
            ("2026-12-04T02:00:00Z", "2026-12-04T02:05:00Z"),
            ("2026-12-04T12:00:30Z", "2026-12-04T12:05:30Z"),
            ("2026-12-07T02:00:00Z", "2026-12-07T02:05:00Z"),
            ("2026-12-07T12:00:30Z", "2026-12-07T12:05:30Z"),
        ],
    );
    // Windows that touch are open without a break, and still two.
    check(
        "Asia/Singapore",
        span,
        &windows("10:00 11:00", "wed", 60),
        &[("2026-12-02T02:00:00Z", "2026-12-02T03:00:00Z"), ("2026-12-02T03:00:00Z", "2026-12-02T04:00:00Z")],
    );
}

#[test]
fn windows_are_cut_at_start_and_end() {
    let nightly = windows("23:00", "", 120);
    // Whole over midnight; then from within one to within another.
    check(
        "UTC",
        ("2026-12-01T00:00:00Z", "2026-12-02T12:00:00Z"),
        &nightly,
        &[("2026-12-01T00:00:00Z", "2026-12-01T01:00:00Z"), ("2026-12-01T23:00:00Z", "2026-12-02T01:00:00Z")],
    );
    check(
        "UTC",
        ("2026-12-01T00:59:59.999Z", "2026-12-01T23:00:00.001Z"),
        &nightly,
        &[("2026-12-01T00:59:59.999Z", "2026-12-01T01:00:00Z"), ("2026-12-01T23:00:00Z", "2026-12-01T23:00:00.001Z")],
    );
    // Within one window, and from one opening to the next.
    let short = ("2026-12-01T23:30:00Z", "2026-12-01T23:40:00Z");
    check("UTC", short, &nightly, &[short]);
    let day = ("2026-12-01T23:00:00Z", "2026-12-02T23:00:00Z");
    check("UTC", day, &nightly, &[("2026-12-01T23:00:00Z", "2026-12-02T01:00:00Z")]);
    // A window of days that began last week, and lasts until it opens again.
    check(
        "UTC",
        ("2026-12-01T00:00:00Z", "2026-12-10T00:00:00Z"),
        &windows("10:00", "mon", 7 * 1_440),
        &[("2026-12-01T00:00:00Z", "2026-12-07T10:00:00Z"), ("2026-12-07T10:00:00Z", "2026-12-10T00:00:00Z")],
    );
}

#[test]
fn a_skipped_time_opens_when_clocks_have_jumped() {
    // 02:00 became 03:00 on March 29th.
    let span = ("2026-03-28T00:00:00Z", "2026-03-30T12:00:00Z");
    check(
        "Europe/Berlin",
        span,
        &windows("02:30", "", 15),
        &[
            ("2026-03-28T01:30:00Z", "2026-03-28T01:45:00Z"),
            ("2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z"),
            ("2026-03-30T00:30:00Z", "2026-03-30T00:45:00Z"),
        ],
    );
    // 00:00 became 01:00 on October 18th.
    check(
        "America/Sao_Paulo",
        ("2015-10-17T00:00:00Z", "2015-10-20T00:00:00Z"),
        &windows("00:00", "", 30),
        &[
            ("2015-10-17T03:00:00Z", "2015-10-17T03:30:00Z"),
            ("2015-10-18T03:00:00Z", "2015-10-18T03:30:00Z"),
            ("2015-10-19T02:00:00Z", "2015-10-19T02:30:00Z"),
        ],
    );
    // 02:00 became 02:30 on October 4th.
    check(
        "Australia/Lord_Howe",
        ("2026-10-02T12:00:00Z", "2026-10-04T18:00:00Z"),
        &windows("02:15", "", 10),
        &[
            ("2026-10-02T15:45:00Z", "2026-10-02T15:55:00Z"),
            ("2026-10-03T15:30:00Z", "2026-10-03T15:40:00Z"),
            ("2026-10-04T15:15:00Z", "2026-10-04T15:25:00Z"),
        ],
    );
}

#[test]
fn a_doubled_time_opens_once_when_it_comes_first() {
    // 03:00 became 02:00 on October 25th.
    let span = ("2026-10-24T00:00:00Z", "2026-10-26T12:00:00Z");
    check(
        "Europe/Berlin",
        span,
        &windows("02:30", "", 45),
        &[
            ("2026-10-24T00:30:00Z", "2026-10-24T01:15:00Z"),
            ("2026-10-25T00:30:00Z", "2026-10-25T01:15:00Z"),
            ("2026-10-26T01:30:00Z", "2026-10-26T02:15:00Z"),
        ],
    );
    // 02:00 became 01:30 on April 5th.
    check(
        "Australia/Lord_Howe",
        ("2026-04-04T12:00:00Z", "2026-04-05T12:00:00Z"),
        &windows("01:45 02:00", "", 15),
        &[("2026-04-04T14:45:00Z", "2026-04-04T15:00:00Z"), ("2026-04-04T15:30:00Z", "2026-04-04T15:45:00Z")],
    );
    // 00:01 on October 29th became 23:01 on the 28th: the 29th has begun, and its first window with it.
    check(
        "America/St_Johns",
        ("2006-10-28T12:00:00Z", "2006-10-29T12:00:00Z"),
        &windows("00:00 23:30", "", 5),
        &[("2006-10-29T02:00:00Z", "2006-10-29T02:05:00Z"), ("2006-10-29T02:30:00Z", "2006-10-29T02:35:00Z")],
    );
}

#[test]
fn clocks_that_jump_never_open_two_windows_at_once() {
    let night = ("2026-03-28T23:00:00Z", "2026-03-29T12:00:00Z");
    // Both open at 03:00: one window.
    check("Europe/Berlin", night, &windows("02:30 03:00", "", 30), &[("2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z")]);
    // The two hours from 01:00 would last until 04:00, but at 03:00 the next window opens.
    check(
        "Europe/Berlin",
        night,
        &windows("01:00 03:00", "", 120),
        &[("2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"), ("2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z")],
    );
    // One that opens late because its time is skipped gives way as well.
    check(
        "Europe/Berlin",
        night,
        &windows("02:30 03:20", "", 50),
        &[("2026-03-29T01:00:00Z", "2026-03-29T01:20:00Z"), ("2026-03-29T01:20:00Z", "2026-03-29T02:10:00Z")],
    );
}

#[test]
fn windows_of_a_skipped_date_open_together_when_the_next_day_begins() {
    // December 30th, a Friday, was left out: after the 29th came the 31st.
    let span = ("2011-12-29T12:00:00Z", "2012-01-01T09:00:00Z");
    check(
        "Pacific/Apia",
        span,
        &windows("10:00 15:00", "fri", 60),
        &[("2011-12-30T10:00:00Z", "2011-12-30T11:00:00Z")],
    );
    check(
        "Pacific/Apia",
        span,
        &windows("00:00 22:00", "", 60),
        &[
            ("2011-12-30T08:00:00Z", "2011-12-30T09:00:00Z"),
            ("2011-12-30T10:00:00Z", "2011-12-30T11:00:00Z"),
            ("2011-12-31T08:00:00Z", "2011-12-31T09:00:00Z"),
            ("2011-12-31T10:00:00Z", "2011-12-31T11:00:00Z"),
            ("2012-01-01T08:00:00Z", "2012-01-01T09:00:00Z"),
        ],
    );
}

#[test]
fn the_ends_of_time_have_windows_too() {
    for zone in ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"] {
        let (first, last) = (Timestamp::from_milliseconds(0), Timestamp::MAX);
        let schedule = Schedule::new(first, last, Some(&windows("00:00 12:00", "", 60)), zone).expect("valid");
        let next: Vec<Window> = schedule.upcoming(first).take(3).collect();
        assert!(next.is_sorted_by_key(|window| window.opened_at) && next.len() == 3, "{zone}: {next:?}");
        let near_the_end = at("9999-12-29T00:00:00Z");
        let last: Vec<Window> = schedule.upcoming(near_the_end).collect();
        assert!((2..=6).contains(&last.len()), "{zone}: {last:?}");
        assert_eq!(last.last().map(|window| window.closes_at), Some(schedule.ends_at()));
        assert_eq!(schedule.phase(Timestamp::MAX), Phase::Over);
    }
}

fn refusal(zone: &str, span: (&str, &str), windows: &Windows) -> InvalidSchedule {
    schedule(zone, span, windows).expect_err("must be refused")
}

#[test]
fn what_cannot_be_is_refused() {
    let daily = windows("10:00", "", 60);
    let span = ("2026-12-01T00:00:00Z", "2026-12-03T00:00:00Z");
    assert_eq!(refusal("Mars/Olympus", span, &daily), InvalidSchedule::TimeZone);
    assert_eq!(refusal("UTC", (span.0, span.0), &daily), InvalidSchedule::Span);
    assert_eq!(refusal("UTC", (span.1, span.0), &daily), InvalidSchedule::Span);
    // By the plan: also where the span has no day on which it would happen.
    let overlap = |opens: &str, next_opens: &str| InvalidSchedule::Overlap {
        opens: opens.parse().expect("a time of day"),
        next_opens: next_opens.parse().expect("a time of day"),
    };
    assert_eq!(refusal("UTC", span, &windows("10:00 10:59", "", 60)), overlap("10:00", "10:59"));
    assert_eq!(refusal("UTC", span, &windows("00:59 12:00", "", 780)), overlap("00:59", "12:00"));
    assert_eq!(refusal("UTC", span, &windows("23:30", "sun mon", 1_441)), overlap("23:30", "23:30"));
    // Not on these days; closed as it starts; opens as it ends.
    assert_eq!(refusal("UTC", span, &windows("10:00", "thu fri sat sun mon", 60)), InvalidSchedule::NeverOpens);
    let between = ("2026-12-01T11:00:00Z", "2026-12-02T10:00:00Z");
    assert_eq!(refusal("UTC", between, &daily), InvalidSchedule::NeverOpens);
    assert!(schedule("UTC", ("2026-12-01T10:59:59.999Z", between.1), &daily).is_ok());
    assert!(schedule("UTC", (between.0, "2026-12-02T10:00:00.001Z"), &daily).is_ok());
}
