//! Owns the days of the week on which windows open. Leaves to the schedule which dates these are.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use thiserror::Error;

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// A text that is no day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be one of mon, tue, wed, thu, fri, sat, sun")]
pub struct UnknownWeekday;

/// Some days of the week, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Weekdays(u8);

/// A set of days that is empty, or has bits that stand for no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must name at least one day of the week")]
pub struct NoWeekday;

impl Weekday {
    const ALL: [Weekday; 7] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];

    /// How many days after a Monday it is, 0 to 6.
    pub fn days_from_monday(self) -> u8 {
        match self {
            Weekday::Monday => 0,
            Weekday::Tuesday => 1,
            Weekday::Wednesday => 2,
            Weekday::Thursday => 3,
            Weekday::Friday => 4,
            Weekday::Saturday => 5,
            Weekday::Sunday => 6,
        }
    }

    /// Its name in requests: the first three letters, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Weekday::Monday => "mon",
            Weekday::Tuesday => "tue",
            Weekday::Wednesday => "wed",
            Weekday::Thursday => "thu",
            Weekday::Friday => "fri",
            Weekday::Saturday => "sat",
            Weekday::Sunday => "sun",
        }
    }
}

impl FromStr for Weekday {
    type Err = UnknownWeekday;

    /// Reads what [`Weekday::as_str`] gives.
    fn from_str(text: &str) -> Result<Self, UnknownWeekday> {
        Self::ALL.into_iter().find(|day| day.as_str() == text).ok_or(UnknownWeekday)
    }
}

impl Display for Weekday {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Weekdays {
    /// The whole week.
    pub fn all() -> Self {
        Self(0b111_1111)
    }

    /// The days of `days`; one named twice is in it once.
    ///
    /// # Errors
    /// [`NoWeekday`] if there is none.
    pub fn new(days: impl IntoIterator<Item = Weekday>) -> Result<Self, NoWeekday> {
        Self::from_bits(days.into_iter().fold(0, |bits, day| bits | 1 << day.days_from_monday()))
    }

    /// The set that [`Weekdays::bits`] gave.
    ///
    /// # Errors
    /// [`NoWeekday`] if no bit is set, or the highest one.
    pub fn from_bits(bits: u8) -> Result<Self, NoWeekday> {
        if (1..=Self::all().0).contains(&bits) { Ok(Self(bits)) } else { Err(NoWeekday) }
    }

    /// A bit for each day in it, the lowest for Monday.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Whether `day` is in it.
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & 1 << day.days_from_monday() != 0
    }

    /// Its days, Monday first.
    pub fn iter(self) -> impl Iterator<Item = Weekday> + Clone {
        Weekday::ALL.into_iter().filter(move |&day| self.contains(day))
    }
}

impl Display for Weekdays {
    /// Writes its days in order, with commas between.
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        for (place, day) in self.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{day}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_by_their_names() {
        for day in Weekday::ALL {
            assert_eq!(day.as_str().parse(), Ok(day));
        }
        for text in ["", "Mon", "MON", "monday", "mon ", "mo", "0"] {
            assert_eq!(text.parse::<Weekday>(), Err(UnknownWeekday), "{text:?}");
        }
    }

    #[test]
    fn days_are_a_set_in_the_order_of_the_week() {
        let days = Weekdays::new([Weekday::Sunday, Weekday::Friday, Weekday::Monday, Weekday::Friday]).expect("some");
        assert_eq!(days.to_string(), "mon,fri,sun");
        assert!(days.contains(Weekday::Friday) && !days.contains(Weekday::Saturday));
        assert_eq!(Weekdays::new(days.iter()), Ok(days));
        assert_eq!(Weekdays::new(Weekday::ALL), Ok(Weekdays::all()));
        assert_eq!(Weekdays::new([]), Err(NoWeekday));
    }

    #[test]
    fn a_set_and_its_bits_lead_to_each_other() {
        for bits in 1..128 {
            let days = Weekdays::from_bits(bits).expect("some day");
            assert_eq!(days.bits(), bits);
            assert_eq!(Weekdays::new(days.iter()), Ok(days));
        }
        for bits in [0, 128, 129, 255] {
            assert_eq!(Weekdays::from_bits(bits), Err(NoWeekday));
        }
    }
}
