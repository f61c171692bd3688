//! Owns how 32 bytes are spelt for people: 64 hexadecimal digits, lower-case where we write them.

use std::fmt;

use thiserror::Error;

/// Why a text does not spell 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidHex {
    /// Too short or too long.
    #[error("must be 64 hexadecimal digits, and has {characters} characters")]
    Length {
        /// How long the text is.
        characters: usize,
    },
    /// A character that is no hexadecimal digit.
    #[error("must be 64 hexadecimal digits, and {found:?} is none")]
    Digit {
        /// The first such character.
        found: char,
    },
}

/// Reads 32 bytes from 64 hexadecimal digits, in lower or upper case.
///
/// # Errors
/// [`InvalidHex`] says what is wrong, and shows at most one character of a text that may be a secret.
pub fn parse(text: &str) -> Result<[u8; 32], InvalidHex> {
    if let Some(found) = text.chars().find(|character| !character.is_ascii_hexdigit()) {
        return Err(InvalidHex::Digit { found });
    }
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return Err(InvalidHex::Length { characters: text.len() });
    };
    let pairs = <&[[u8; 2]; 32]>::try_from(pairs).map_err(|_| InvalidHex::Length { characters: text.len() })?;
    Ok(pairs.map(|[high, low]| digit(high) << 4 | digit(low)))
}

/// What a hexadecimal digit stands for.
fn digit(character: u8) -> u8 {
    match character {
        b'0'..=b'9' => character - b'0',
        b'a'..=b'f' => character - b'a' + 10,
        b'A'..=b'F' => character - b'A' + 10,
        _ => unreachable!("all characters are hexadecimal digits"),
    }
}

/// Shows 32 bytes as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy)]
pub struct Hex<'a>(pub &'a [u8; 32]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_read() {
        let bytes = std::array::from_fn(|i| u8::try_from(i * 8 + 7).expect("below 256"));
        let text = Hex(&bytes).to_string();
        assert!(text.starts_with("070f171f"), "{text}");
        assert_eq!(parse(&text), Ok(bytes));
        assert_eq!(parse(&text.to_uppercase()), Ok(bytes));
    }

    #[test]
    fn all_else_is_refused() {
        for characters in [0, 1, 63, 65, 66, 128] {
            assert_eq!(parse(&"a".repeat(characters)), Err(InvalidHex::Length { characters }));
        }
        for found in ['g', ' ', '+', 'é', '\u{ff11}'] {
            assert_eq!(parse(&format!("{}{found}", "0".repeat(63))), Err(InvalidHex::Digit { found }));
        }
    }
}
