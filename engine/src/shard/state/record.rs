//! Owns the 20 bytes that a claim is stored in.

use super::arena::TextPosition;
use super::claims::Grant;
use crate::id::{Serial, TypeIndex};
use crate::time::Timestamp;

/// A claim as it is stored. Fields are split so that no byte is padding.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    at_low: u32,
    text_low: u32,
    /// The person's claim before this one; the claim itself if there is none.
    previous: Serial,
    at_high: u16,
    coupon_type: TypeIndex,
    text_high: u8,
    user_bytes: u8,
    key_bytes: u8,
    flags: u8,
}

const _: () = assert!(size_of::<Record>() == 20);

const VOIDED: u8 = 1;
const RESTOCKED: u8 = 2;
const RESTOCKED_TODAY: u8 = 4;
const ALLOWED_AGAIN: u8 = 8;
const NAMED: u8 = 16;

/// How a claim was voided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Void {
    /// Its unit went back to the total quota.
    pub(crate) restocked: bool,
    /// And to the quota of its day.
    pub(crate) restocked_today: bool,
    /// It does not count against the person's limit.
    pub(crate) allowed_again: bool,
}

impl Record {
    /// What is granted, to somebody whose claim before it is `previous`, or itself.
    pub(super) fn new(grant: &Grant<'_>, previous: Serial, text: TextPosition) -> Self {
        let (text_low, text_high) = text.into_parts();
        let (at_low, at_high) = split_milliseconds(grant.at);
        let byte_count = |text: &str| u8::try_from(text.len()).expect("user ids and keys have at most 128 bytes");
        Self {
            at_low,
            text_low,
            previous,
            at_high,
            coupon_type: grant.coupon_type,
            text_high,
            user_bytes: byte_count(grant.user),
            key_bytes: grant.key.map_or(0, byte_count),
            flags: if grant.named { NAMED } else { 0 },
        }
    }

    pub(super) fn at(&self) -> Timestamp {
        Timestamp::from_milliseconds(u64::from(self.at_high) << 32 | u64::from(self.at_low))
    }

    pub(super) fn coupon_type(&self) -> TypeIndex {
        self.coupon_type
    }

    pub(super) fn is_named(&self) -> bool {
        self.flags & NAMED != 0
    }

    pub(super) fn void(&self) -> Option<Void> {
        let has = |flag| self.flags & flag != 0;
        has(VOIDED).then(|| Void {
            restocked: has(RESTOCKED),
            restocked_today: has(RESTOCKED_TODAY),
            allowed_again: has(ALLOWED_AGAIN),
        })
    }

    /// Whether it counts against the person's limit, and is what a repeat is answered with.
    pub(super) fn counts(&self) -> bool {
        self.flags & ALLOWED_AGAIN == 0
    }

    pub(super) fn set_void(&mut self, void: Void) {
        let flag = |set, flag| if set { flag } else { 0 };
        self.flags |= VOIDED
            | flag(void.restocked, RESTOCKED)
            | flag(void.restocked_today, RESTOCKED_TODAY)
            | flag(void.allowed_again, ALLOWED_AGAIN);
    }

    /// The person's claim before this one; the claim itself if there is none.
    pub(super) fn previous(&self) -> Serial {
        self.previous
    }

    /// Where its user id begins; the key follows.
    pub(super) fn text(&self) -> TextPosition {
        TextPosition::from_parts(self.text_low, self.text_high)
    }

    pub(super) fn user_bytes(&self) -> usize {
        usize::from(self.user_bytes)
    }

    /// Zero: it has no key.
    pub(super) fn key_bytes(&self) -> usize {
        usize::from(self.key_bytes)
    }
}

/// 48 bits of milliseconds last until the year 10889.
#[expect(clippy::cast_possible_truncation, reason = "the low half is cut off on purpose, the high one is checked")]
fn split_milliseconds(at: Timestamp) -> (u32, u16) {
    let milliseconds = at.as_milliseconds();
    (milliseconds as u32, u16::try_from(milliseconds >> 32).expect("Timestamp::MAX fits 48 bits"))
}
