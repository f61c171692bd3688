//! Owns the time of day at which a window opens. Leaves to the schedule which instant that is.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use thiserror::Error;

/// A reading of the wall clock: whole seconds since midnight, below 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimeOfDay(u32);

/// A text or a number that is no time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be a time of day as in 09:30 or 09:30:15, 23:59:59 at most")]
pub struct InvalidTimeOfDay;

impl TimeOfDay {
    /// The time at which a clock that started at 00:00:00 has counted so many seconds.
    ///
    /// # Errors
    /// [`InvalidTimeOfDay`] from 86,400 on: that is the next day.
    pub fn from_seconds(seconds: u32) -> Result<Self, InvalidTimeOfDay> {
        if seconds < 86_400 { Ok(Self(seconds)) } else { Err(InvalidTimeOfDay) }
    }

    /// Seconds since 00:00:00 by the clock, which differ from those that have passed on a day when it jumps.
    pub fn as_seconds(self) -> u32 {
        self.0
    }
}

impl FromStr for TimeOfDay {
    type Err = InvalidTimeOfDay;

    /// Reads `HH:MM` or `HH:MM:SS`, two digits each.
    fn from_str(text: &str) -> Result<Self, InvalidTimeOfDay> {
        let two_digits = |part: &str, limit: u32| {
            let is_two_digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            let value: u32 = part.parse().map_err(|_| InvalidTimeOfDay)?;
            if is_two_digits && value < limit { Ok(value) } else { Err(InvalidTimeOfDay) }
        };
        let (hours, rest) = text.split_once(':').ok_or(InvalidTimeOfDay)?;
        let (minutes, seconds) = rest.split_once(':').unwrap_or((rest, "00"));
        Ok(Self(two_digits(hours, 24)? * 3_600 + two_digits(minutes, 60)? * 60 + two_digits(seconds, 60)?))
    }
}

impl Display for TimeOfDay {
    /// Writes `HH:MM`, and `:SS` only where there are seconds.
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let (hours, minutes, seconds) = (self.0 / 3_600, self.0 / 60 % 60, self.0 % 60);
        write!(f, "{hours:02}:{minutes:02}")?;
        if seconds == 0 { Ok(()) } else { write!(f, ":{seconds:02}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, seconds: u32, shortest: &str) {
        let time: TimeOfDay = text.parse().expect("a time of day");
        assert_eq!(time.as_seconds(), seconds, "{text}");
        assert_eq!(time.to_string(), shortest, "{text}");
        assert_eq!(shortest.parse(), Ok(time), "{text}");
        assert_eq!(TimeOfDay::from_seconds(seconds), Ok(time), "{text}");
    }

    #[test]
    fn a_time_of_day_is_read_and_written_in_its_shortest_form() {
        check("00:00", 0, "00:00");
        check("09:30", 34_200, "09:30");
        check("09:30:00", 34_200, "09:30");
        check("09:30:05", 34_205, "09:30:05");
        check("23:59:59", 86_399, "23:59:59");
    }

    #[test]
    fn what_no_clock_shows_is_refused() {
        let texts = ["", ":", "9:30", "09:3", "009:30", "09:30:", "09:30:5", "09:30:00:00", "0930", "+9:30", "09:+3"];
        let out_of_range = ["24:00", "24:00:00", "23:60", "23:59:60", "99:99"];
        let strange = ["09:30 ", " 09:30", "-1:00", "٠٩:٣٠", "09:30Z", "09:30:00.5", "noon"];
        for text in texts.iter().chain(&out_of_range).chain(&strange) {
            assert_eq!(text.parse::<TimeOfDay>(), Err(InvalidTimeOfDay), "{text:?}");
        }
        assert_eq!(TimeOfDay::from_seconds(86_400), Err(InvalidTimeOfDay));
    }
}
