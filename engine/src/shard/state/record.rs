//! Owns the 20 bytes that a claim, a draw or an entry is stored in.

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
/// Nothing was won: a draw whose sampled type had run out, or that sampled none.
const LOST: u8 = 32;
/// Two bits of what has become of the coupon.
const LIFE_SHIFT: u32 = 6;

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

/// What has become of a coupon that is not void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Issued = 0,
    Reserved = 1,
    Redeemed = 2,
    Expired = 3,
}

/// Whether and whereto a unit went back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Restocked {
    /// To the total quota.
    pub(crate) total: bool,
    /// And to the quota of its day.
    pub(crate) today: bool,
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
            coupon_type: grant.coupon_type.unwrap_or(TypeIndex::NONE),
            text_high,
            user_bytes: byte_count(grant.user),
            key_bytes: grant.key.map_or(0, byte_count),
            flags: if grant.named { NAMED } else { 0 } | if grant.lost { LOST } else { 0 },
        }
    }

    pub(super) fn at(&self) -> Timestamp {
        Timestamp::from_milliseconds(u64::from(self.at_high) << 32 | u64::from(self.at_low))
    }

    /// The type that was won or, of a draw, sampled. An entry has none.
    pub(super) fn coupon_type(&self) -> Option<TypeIndex> {
        Some(self.coupon_type).filter(|coupon_type| *coupon_type != TypeIndex::NONE)
    }

    /// The type that was won.
    pub(super) fn won(&self) -> Option<TypeIndex> {
        self.coupon_type().filter(|_| !self.has(LOST))
    }

    /// Whether a unit was taken from the day that it was granted on: the winners of a lottery are drawn later, and count for
    /// no day.
    pub(super) fn counts_for_its_day(&self) -> bool {
        self.won().is_some()
    }

    pub(super) fn is_lost(&self) -> bool {
        self.has(LOST)
    }

    pub(super) fn is_named(&self) -> bool {
        self.has(NAMED)
    }

    pub(super) fn void(&self) -> Option<Void> {
        self.has(VOIDED).then(|| Void {
            restocked: self.has(RESTOCKED),
            restocked_today: self.has(RESTOCKED_TODAY),
            allowed_again: self.has(ALLOWED_AGAIN),
        })
    }

    /// Whether its unit went back, for whichever reason.
    pub(super) fn restocked(&self) -> Restocked {
        Restocked { total: self.has(RESTOCKED), today: self.has(RESTOCKED_TODAY) }
    }

    /// Whether it counts against the person's limit, and is what a repeat is answered with.
    pub(super) fn counts(&self) -> bool {
        !self.has(ALLOWED_AGAIN)
    }

    pub(super) fn life(&self) -> Life {
        match self.flags >> LIFE_SHIFT {
            0 => Life::Issued,
            1 => Life::Reserved,
            2 => Life::Redeemed,
            3 => Life::Expired,
            4.. => unreachable!("two bits"),
        }
    }

    pub(super) fn set_life(&mut self, life: Life) {
        self.flags = self.flags & !(u8::MAX << LIFE_SHIFT) | (life as u8) << LIFE_SHIFT;
    }

    pub(super) fn set_void(&mut self, void: Void) {
        self.flags |= VOIDED | flag(void.allowed_again, ALLOWED_AGAIN);
        self.set_restocked(Restocked { total: void.restocked, today: void.restocked_today });
    }

    /// Says that the unit went back. What went back before stays so.
    pub(super) fn set_restocked(&mut self, restocked: Restocked) {
        self.flags |= flag(restocked.total, RESTOCKED) | flag(restocked.today, RESTOCKED_TODAY);
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

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

fn flag(is_set: bool, flag: u8) -> u8 {
    if is_set { flag } else { 0 }
}

/// 48 bits of milliseconds last until the year 10889.
#[expect(clippy::cast_possible_truncation, reason = "the low half is cut off on purpose, the high one is checked")]
fn split_milliseconds(at: Timestamp) -> (u32, u16) {
    let milliseconds = at.as_milliseconds();
    (milliseconds as u32, u16::try_from(milliseconds >> 32).expect("Timestamp::MAX fits 48 bits"))
}
