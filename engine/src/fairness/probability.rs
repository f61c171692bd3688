//! Owns probabilities as the contract has them: decimal, exact, at most nine places.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A probability in billionths: 0 to 1,000,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Probability(u32);

/// Why something is no probability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidProbability {
    /// No plain decimal: a sign, an exponent, a space, no digit on one side of the point.
    #[error("must be a decimal, as 0.25")]
    Decimal,
    /// Finer than a billionth.
    #[error("must have at most {} decimal places", Probability::PLACES_MAX)]
    Places,
    /// More than certain.
    #[error("must be at most 1")]
    AboveOne,
}

impl Probability {
    /// Never.
    pub const ZERO: Self = Self(0);
    /// Always.
    pub const ONE: Self = Self(1_000_000_000);
    /// The most decimal places that are taken.
    pub const PLACES_MAX: usize = 9;

    /// Takes a number of billionths.
    ///
    /// # Errors
    /// [`InvalidProbability::AboveOne`].
    pub fn from_billionths(billionths: u32) -> Result<Self, InvalidProbability> {
        if billionths > Self::ONE.0 {
            return Err(InvalidProbability::AboveOne);
        }
        Ok(Self(billionths))
    }

    /// The number of billionths.
    pub fn billionths(self) -> u32 {
        self.0
    }
}

impl FromStr for Probability {
    type Err = InvalidProbability;

    /// Reads `0`, `0.25` or `1.0`: digits, and perhaps a point and one to nine digits.
    fn from_str(text: &str) -> Result<Self, InvalidProbability> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) {
            return Err(InvalidProbability::Decimal);
        }
        if fraction.len() > Self::PLACES_MAX {
            return Err(InvalidProbability::Places);
        }
        let whole = match whole.trim_start_matches('0') {
            "" => 0,
            "1" => Self::ONE.0,
            _ => return Err(InvalidProbability::AboveOne),
        };
        let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(Self::PLACES_MAX);
        let fraction = digits.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
        Self::from_billionths(whole + fraction)
    }
}

impl fmt::Display for Probability {
    /// The shortest decimal that reads as this: `0`, `0.25`, `1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / Self::ONE.0, self.0 % Self::ONE.0);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        write!(f, "{whole}.{}", format!("{fraction:09}").trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<u32, InvalidProbability>) {
        assert_eq!(text.parse().map(Probability::billionths), expected, "{text:?}");
    }

    #[test]
    fn decimals_are_read_exactly() {
        check("0", Ok(0));
        check("0.0", Ok(0));
        check("1", Ok(1_000_000_000));
        check("1.000000000", Ok(1_000_000_000));
        check("0.1", Ok(100_000_000));
        check("00.25", Ok(250_000_000));
        check("0.000000001", Ok(1));
        check("0.999999999", Ok(999_999_999));
    }

    #[test]
    fn all_else_is_refused() {
        for text in ["", ".", ".5", "1.", "-0.1", "+0.1", "1e-1", " 0.1", "0,1", "0.1.2", "0x1", "½", "0.-1", "NaN"] {
            check(text, Err(InvalidProbability::Decimal));
        }
        check("0.0000000001", Err(InvalidProbability::Places));
        check("0.1000000000", Err(InvalidProbability::Places));
        for text in ["1.000000001", "2", "10", "25", "99999999999999999999999999"] {
            check(text, Err(InvalidProbability::AboveOne));
        }
        assert_eq!(Probability::from_billionths(1_000_000_001), Err(InvalidProbability::AboveOne));
    }

    #[test]
    fn the_shortest_decimal_is_shown() {
        for text in ["0", "1", "0.25", "0.000000001", "0.999999999", "0.01"] {
            assert_eq!(text.parse().map(|probability: Probability| probability.to_string()), Ok(String::from(text)));
        }
    }
}
