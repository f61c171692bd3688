//! Owns the names and numbers that tell campaigns, coupon types, people and claims apart. Each is checked once, when it
//! is made, so that code behind it never checks again.

use compact_str::CompactString;
use thiserror::Error;

/// Why a text is no valid identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidId {
    /// The text is empty or longer than the bound, in bytes.
    #[error("must be 1 to {bytes_max} bytes long")]
    Length {
        /// The longest that is taken.
        bytes_max: usize,
    },
    /// A character that this kind of identifier may not hold.
    #[error("{allowed}")]
    Character {
        /// What may stand there, in words.
        allowed: &'static str,
    },
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $bytes_max:expr, $check:expr, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(CompactString);

        impl $name {
            /// The longest that is taken, in bytes of UTF-8.
            pub const BYTES_MAX: usize = $bytes_max;

            /// Checks `text` and takes it.
            ///
            /// # Errors
            /// [`InvalidId`] says which rule the text breaks.
            pub fn new(text: &str) -> Result<Self, InvalidId> {
                Self::check(text)?;
                Ok(Self(CompactString::new(text)))
            }

            /// Checks `text` without taking it.
            ///
            /// # Errors
            /// [`InvalidId`] says which rule the text breaks.
            pub fn check(text: &str) -> Result<(), InvalidId> {
                if text.is_empty() || text.len() > Self::BYTES_MAX {
                    return Err(InvalidId::Length { bytes_max: Self::BYTES_MAX });
                }
                let valid: fn(&str) -> bool = $check;
                if !valid(text) {
                    return Err(InvalidId::Character { allowed: $allowed });
                }
                Ok(())
            }

            /// The text as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        // Sound for hashed and ordered maps: the text alone decides equality, hash and order.
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(self.as_str(), f)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

fn is_slug(text: &str) -> bool {
    let starts_well = text.as_bytes().first().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    starts_well && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_without_control(text: &str) -> bool {
    // Almost every id is plain ASCII, and is checked a second time when it is read from the log.
    text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !text.chars().any(char::is_control)
}

const SLUG: &str = "must start with a lower-case letter or digit and hold only those and dashes";
const NO_CONTROL: &str = "must not hold control characters";

text_id!(
    /// The name of a campaign, chosen by the shop: `[a-z0-9][a-z0-9-]{0,63}`.
    CampaignId, 64, is_slug, SLUG
);
text_id!(
    /// The name of a coupon type within its campaign: `[a-z0-9][a-z0-9-]{0,63}`.
    CouponTypeId, 64, is_slug, SLUG
);
text_id!(
    /// The shop's pseudonym for a person: 1 to 128 bytes without control characters.
    UserId, 128, is_without_control, NO_CONTROL
);
text_id!(
    /// The caller's name for one claim among several of the same person: 1 to 128 bytes without control characters.
    IdempotencyKey, 128, is_without_control, NO_CONTROL
);

text_id!(
    /// The shop's name for an order at its checkout: 1 to 128 bytes without control characters.
    OrderId, 128, is_without_control, NO_CONTROL
);

/// The number of a campaign: given once at creation, never used again, and what the log speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CampaignNumber(pub u32);

/// The place of a coupon type in its campaign's list, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeIndex(pub u16);

impl TypeIndex {
    /// Where a type would stand and there is none. No campaign has so many types.
    pub(crate) const NONE: TypeIndex = TypeIndex(u16::MAX);

    /// As an index into the campaign's list of coupon types.
    pub fn as_index(self) -> usize {
        usize::from(self.0)
    }
}

/// The place of a claim, a draw or an entry among its campaign's, from 0 and without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial(pub u32);

impl Serial {
    /// As an index into the campaign's claims.
    pub fn as_index(self) -> usize {
        self.0 as usize
    }
}

/// The place of a redemption among its campaign's redemptions, from 0 and without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RedemptionNumber(pub u32);

impl RedemptionNumber {
    /// As an index into the campaign's redemptions.
    pub fn as_index(self) -> usize {
        self.0 as usize
    }
}

/// Stands for a phone number wherever the number itself must not be: in commands, events and the log. It says nothing of
/// the number; who keeps the numbers gives equal ids to equal numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneId(pub u64);

/// Names a file of imported coupon codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CodeFileId(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_checked() {
        for good in ["a", "0", "spring-sale", "a--b", &"x".repeat(64)] {
            assert!(CampaignId::new(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "A", "a_b", "../etc", "ä", &"x".repeat(65)] {
            assert!(CampaignId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn user_ids_refuse_control_characters_and_count_bytes() {
        assert!(UserId::new("u 1/ä\u{1f600}").is_ok());
        for bad in ["", "a\0b", "a\nb", "a\u{85}b", &"ä".repeat(65)] {
            assert!(UserId::new(bad).is_err(), "{bad:?}");
        }
    }
}
