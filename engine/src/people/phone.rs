//! Owns what a phone number is to us: E.164, as somebody else has normalised it.

use compact_str::CompactString;
use thiserror::Error;

/// A phone number in E.164: `+` and 7 to 15 digits, the first not 0.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PhoneNumber(CompactString);

/// A text is no phone number in E.164.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be a phone number in E.164, as +6591234567")]
pub struct InvalidPhone;

impl PhoneNumber {
    /// The longest, in bytes.
    pub const BYTES_MAX: usize = 16;

    /// Checks `text` and takes it. Whether there can be such a number is for whoever normalised it to know.
    ///
    /// # Errors
    /// [`InvalidPhone`].
    pub fn new(text: &str) -> Result<Self, InvalidPhone> {
        let digits = text.strip_prefix('+').ok_or(InvalidPhone)?;
        let is_number = (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|digit| digit.is_ascii_digit());
        if is_number { Ok(Self(CompactString::new(text))) } else { Err(InvalidPhone) }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Shows nothing of it: numbers do not belong in what is logged.
impl std::fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PhoneNumber(private)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_from_what_is_none() {
        for good in ["+6591234567", "+1234567", "+123456789012345"] {
            assert_eq!(PhoneNumber::new(good).map(|number| number.as_str().to_owned()), Ok(good.to_owned()));
        }
        for bad in ["", "+", "6591234567", "+0591234567", "+123456", "+1234567890123456", "+65 91234567", "+659123456x"]
        {
            assert_eq!(PhoneNumber::new(bad), Err(InvalidPhone), "{bad}");
        }
        assert!(!format!("{:?}", PhoneNumber::new("+6591234567")).contains('9'));
    }
}
