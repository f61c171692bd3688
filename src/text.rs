//! Owns how moments and durations are spelt, in requests, answers and the configuration: RFC 3339 in UTC with
//! milliseconds, and `1h30m`; and rates, `5/10s`.

use std::fmt;
use std::time::Duration;

use landrush_engine::campaign::RateLimit;
use landrush_engine::time::Timestamp;

/// How many bytes [`rfc3339`] takes.
pub const RFC3339_BYTES: usize = 24;

/// Spells a moment: `2026-12-01T02:00:00.123Z`.
///
/// Written by hand since every granted claim holds two of them.
pub fn rfc3339(moment: Timestamp) -> [u8; RFC3339_BYTES] {
    let milliseconds = moment.as_milliseconds();
    let (year, month, day) = civil_from_days(milliseconds / 86_400_000);
    let of_day = milliseconds % 86_400_000;
    let (seconds, of_second) = (of_day / 1_000, of_day % 1_000);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    text[0..2].copy_from_slice(pair(year / 100));
    text[2..4].copy_from_slice(pair(year % 100));
    text[5..7].copy_from_slice(pair(month));
    text[8..10].copy_from_slice(pair(day));
    text[11..13].copy_from_slice(pair(seconds / 3_600));
    text[14..16].copy_from_slice(pair(seconds / 60 % 60));
    text[17..19].copy_from_slice(pair(seconds % 60));
    text[20] = pair(of_second / 100)[1];
    text[21..23].copy_from_slice(pair(of_second % 100));
    text
}

/// Spells a moment as [`rfc3339`] does, as a string.
pub fn rfc3339_string(moment: Timestamp) -> String {
    rfc3339(moment).iter().map(|byte| char::from(*byte)).collect()
}

/// The last two digits of `value`.
fn pair(value: u64) -> &'static [u8; 2] {
    static PAIRS: [[u8; 2]; 100] = {
        let mut pairs = [[b'0'; 2]; 100];
        let mut value = 0;
        while value < 100 {
            pairs[value as usize] = [b'0' + value / 10, b'0' + value % 10];
            value += 1;
        }
        pairs
    };
    &PAIRS[usize::try_from(value % 100).expect("less than a hundred")]
}

/// Year, month and day of the proleptic Gregorian calendar, by Hinnant's counting of 400-year eras that begin in March.
fn civil_from_days(days_since_1970: u64) -> (u64, u64, u64) {
    let days = days_since_1970 + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// Reads a moment in RFC 3339, with any offset. What is finer than a millisecond is cut off.
///
/// # Errors
/// A phrase that says what is expected.
pub fn parse_rfc3339(text: &str) -> Result<Timestamp, &'static str> {
    const EXPECTED: &str = "must be a moment in RFC 3339, as 2026-12-01T00:00:00Z";
    // jiff reads more than RFC 3339 allows, so the shape is checked first.
    let bytes = text.as_bytes();
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let shaped = bytes.len() > shape.len()
        && shape.iter().zip(bytes).all(|(want, is)| if *want == b'd' { is.is_ascii_digit() } else { want == is });
    if !shaped {
        return Err(EXPECTED);
    }
    let mut rest = &bytes[shape.len()..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let places = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&places) {
            return Err(EXPECTED);
        }
        rest = &fraction[places..];
    }
    let offset = match rest {
        [b'Z'] => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    if !offset {
        return Err(EXPECTED);
    }
    let moment: jiff::Timestamp = text.parse().map_err(|_| EXPECTED)?;
    match u64::try_from(moment.as_millisecond()) {
        Ok(milliseconds) if milliseconds <= Timestamp::MAX.as_milliseconds() => {
            Ok(Timestamp::from_milliseconds(milliseconds))
        }
        Ok(_) | Err(_) => Err("must lie between 1970 and 9999"),
    }
}

/// Reads a rate: requests in a span, `5/10s`.
///
/// # Errors
/// A phrase that says what is expected.
pub fn parse_rate(text: &str) -> Result<RateLimit, &'static str> {
    const EXPECTED: &str = "must be requests in a span, as 5/10s";
    let (requests, per) = text.split_once('/').ok_or(EXPECTED)?;
    let is_number = !requests.is_empty() && requests.bytes().all(|byte| byte.is_ascii_digit());
    let requests = requests.parse().ok().filter(|_| is_number).ok_or(EXPECTED)?;
    Ok(RateLimit { requests, per: parse_duration(per)? })
}

/// The units of a duration, longest first, in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads a duration: whole numbers with units `d`, `h`, `m`, `s`, `ms`, longest first, each at most once: `1h30m`.
///
/// # Errors
/// A phrase that says what is expected.
pub fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    const EXPECTED: &str = "must be a duration, as 5m, 30d or 1h30m";
    let mut total: u64 = 0;
    let mut rest = text;
    let mut units = UNITS.iter();
    if rest.is_empty() {
        return Err(EXPECTED);
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(u8::is_ascii_lowercase).count();
        let (unit, after) = after.split_at(letters);
        let number: u64 = number.parse().map_err(|_| EXPECTED)?;
        // The iterator only moves on, so a unit that repeats or comes too late is not found.
        let (_, milliseconds) = units.find(|(name, _)| *name == unit).ok_or(EXPECTED)?;
        total = number
            .checked_mul(*milliseconds)
            .and_then(|part| total.checked_add(part))
            .filter(|total| *total <= DURATION_MS_MAX)
            .ok_or("must be at most 36500d")?;
        rest = after;
    }
    Ok(Duration::from_millis(total))
}

/// The longest duration that is taken: a hundred years.
const DURATION_MS_MAX: u64 = 36_500 * 86_400_000;

/// Spells a duration as [`parse_duration`] reads it.
#[derive(Debug, Clone, Copy)]
pub struct Spelt(pub Duration);

impl fmt::Display for Spelt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if rest == 0 {
            return f.write_str("0s");
        }
        for (name, milliseconds) in UNITS {
            if rest >= milliseconds {
                write!(f, "{}{name}", rest / milliseconds)?;
                rest %= milliseconds;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_moment(text: &str, spelt: &str) {
        assert_eq!(rfc3339_string(parse_rfc3339(text).expect(text)), spelt, "{text}");
    }

    #[test]
    fn moments_are_read_and_spelt() {
        check_moment("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z");
        check_moment("2026-12-01T02:00:00.1239Z", "2026-12-01T02:00:00.123Z");
        check_moment("2026-12-01T08:00:00+08:00", "2026-12-01T00:00:00.000Z");
        check_moment("2000-02-29T23:59:59.999Z", "2000-02-29T23:59:59.999Z");
        check_moment("2100-03-01T00:00:00Z", "2100-03-01T00:00:00.000Z");
        check_moment("9999-12-30T00:00:00Z", "9999-12-30T00:00:00.000Z");
    }

    #[test]
    fn every_day_of_four_centuries_is_spelt_as_the_calendar_has_it() {
        for day in 0..146_097 {
            let moment = Timestamp::from_milliseconds(day * 86_400_000 + 1);
            let expected = jiff::Timestamp::from_millisecond(i64::try_from(day).expect("small") * 86_400_000)
                .expect("in range")
                .strftime("%Y-%m-%dT00:00:00.001Z")
                .to_string();
            assert_eq!(rfc3339_string(moment), expected);
        }
    }

    #[test]
    fn what_is_no_rfc_3339_is_refused() {
        for bad in [
            "",
            "2026-12-01",
            "2026-12-01T00:00:00",
            "2026-12-01 00:00:00Z",
            "2026-12-01T00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-12-01T24:00:00Z",
            "2026-12-01T00:00:00.Z",
            "2026-12-01T00:00:00+0800",
            "2026-12-01T00:00:00Z[UTC]",
            "1969-12-31T23:59:59Z",
            "tomorrow",
        ] {
            assert!(parse_rfc3339(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_are_read_and_spelt() {
        for (text, milliseconds) in
            [("5m", 300_000), ("30d", 2_592_000_000), ("1h30m", 5_400_000), ("250ms", 250), ("1d2h3m4s5ms", 93_784_005)]
        {
            let duration = parse_duration(text).expect(text);
            assert_eq!(duration, Duration::from_millis(milliseconds));
            assert_eq!(Spelt(duration).to_string(), text);
        }
        assert_eq!(Spelt(parse_duration("90m").expect("valid")).to_string(), "1h30m");
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for bad in ["", "5", "m", "5 m", "5 bananas", "-5m", "1.5h", "30m1h", "1h1h", "40000d", "99999999999999999999d"]
        {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
