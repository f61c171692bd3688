//! Owns how a phone number is written by people, and what it is in E.164. Which countries there are and how long their numbers
//! are, the library knows; whether a number was ever given to anybody, nobody does.

use landrush_engine::people::PhoneNumber;

/// What is said of a text that is none.
pub(crate) const INVALID: &str = "must be a phone number with its country code, as +65 9123 4567";

/// Reads a phone number: `+`, country code, number, with spaces, dashes, dots and parentheses wherever people put them.
///
/// # Errors
/// [`INVALID`].
pub(crate) fn parse(text: &str) -> Result<PhoneNumber, &'static str> {
    let text = text.trim();
    let is_plain = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '(' | ')' | '/');
    let digits = text.strip_prefix('+').filter(|digits| digits.len() <= LENGTH_MAX && digits.chars().all(is_plain));
    if digits.is_none() {
        return Err(INVALID);
    }
    let number = phonenumber::parse(None, text).map_err(|_| INVALID)?;
    let e164 = number.format().mode(phonenumber::Mode::E164).to_string();
    PhoneNumber::new(&e164).map_err(|_| INVALID)
}

/// More than any number takes, however it is spaced.
const LENGTH_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_normalised() {
        for (written, expected) in [
            ("+6591234567", "+6591234567"),
            ("+65 9123 4567", "+6591234567"),
            (" +65-9123-4567 ", "+6591234567"),
            ("+1 (415) 555-0100", "+14155550100"),
            ("+44 (0)20 7183 8750", "+442071838750"),
            ("+49.30.901820", "+4930901820"),
        ] {
            assert_eq!(parse(written).map(|number| number.as_str().to_owned()), Ok(expected.to_owned()), "{written}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for bad in [
            "",
            "+",
            "12",
            "91234567",
            "6591234567",
            "+65",
            "+65 1",
            "+012345678",
            "+65 9123 456x",
            "+999123456789",
            "+1234567890123456",
            "+65 9123 4567 ext 5",
            "+65\u{661}91234567",
            "tel:+6591234567",
        ] {
            assert_eq!(parse(bad), Err(INVALID), "{bad}");
        }
        assert_eq!(parse(&format!("+65{}", " ".repeat(1_000))), Err(INVALID));
    }
}
