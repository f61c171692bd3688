//! Owns a campaign's granted claims: who, what, when, and what became of them. A claim costs 20 bytes here, its texts
//! rounded up to four bytes, and 10 to 21 bytes of table for each person (as much again for a key). Nothing is ever moved
//! while it grows, so that no claim waits for a copy. Leaves the rules to [`super::decide`] and [`super::apply`].

use siphasher::sip::SipHasher13;

use super::arena::{Arena, TextPosition};
use super::index::ClaimIndex;
use crate::id::{Serial, TypeIndex};
use crate::time::{Day, Timestamp};

/// Records of a chunk.
const CHUNK_RECORDS: usize = 4_096;

/// The claims of one campaign, by serial, by person and by key.
#[derive(Clone)]
pub(super) struct Claims {
    chunks: Vec<Vec<Record>>,
    texts: Arena,
    /// Days with claims, in order, with the first claim of each. Days never go back, so the claims of a day are neighbours,
    /// and a claim needs no day of its own.
    days: Vec<DayStart>,
    people: ClaimIndex,
    /// Only where the limit is above one.
    keys: ClaimIndex,
    /// Keyed, so that nobody can choose ids that fall together. 64 bits of it place an entry; ids themselves are compared,
    /// so that two people never are one, as with a longer hash alone they might. That costs a cache miss, on a repeat only.
    hasher: SipHasher13,
    count: u32,
}

/// The first claim of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DayStart {
    pub(crate) day: Day,
    pub(crate) first: Serial,
}

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

/// What a claim is granted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grant<'a> {
    pub(crate) at: Timestamp,
    pub(crate) day: Day,
    pub(crate) coupon_type: TypeIndex,
    /// A valid user id.
    pub(crate) user: &'a str,
    /// A valid key, where the limit is above one.
    pub(crate) key: Option<&'a str>,
    /// Whether the type was asked for by name.
    pub(crate) named: bool,
}

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

    fn text(&self) -> TextPosition {
        TextPosition::from_parts(self.text_low, self.text_high)
    }
}

impl Claims {
    /// No claims yet, by about `expected` people.
    pub(super) fn new(person_key: &[u8; 16], expected: u32) -> Self {
        Self {
            chunks: Vec::new(),
            texts: Arena::default(),
            days: Vec::new(),
            people: ClaimIndex::new(expected),
            keys: ClaimIndex::new(expected),
            hasher: SipHasher13::new_with_key(person_key),
            count: 0,
        }
    }

    /// How many there are: the serial of the next.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The claim of this serial.
    pub(super) fn record(&self, serial: Serial) -> Option<&Record> {
        self.chunks.get(serial.as_index() / CHUNK_RECORDS)?.get(serial.as_index() % CHUNK_RECORDS)
    }

    /// The claim of this serial, with its texts and its day.
    pub(super) fn grant(&self, serial: Serial) -> Option<Grant<'_>> {
        let record = self.record(serial)?;
        Some(Grant {
            at: record.at(),
            day: self.day(serial),
            coupon_type: record.coupon_type,
            user: self.user(record),
            key: self.key(record),
            named: record.is_named(),
        })
    }

    /// The person's latest claim.
    pub(super) fn latest(&self, user: &str) -> Option<Serial> {
        self.people.find(self.person_hash(user), |claim| self.user_bytes(claim) == user.as_bytes())
    }

    /// The person's claim before this one.
    pub(super) fn previous(&self, serial: Serial) -> Option<Serial> {
        self.record(serial).map(|record| record.previous).filter(|previous| *previous != serial)
    }

    /// The person's claims, the latest first.
    pub(super) fn of_person(&self, user: &str) -> impl Iterator<Item = Serial> {
        std::iter::successors(self.latest(user), |serial| self.previous(*serial))
    }

    /// The person's latest claim under `key`.
    pub(super) fn under_key(&self, user: &str, key: &str) -> Option<Serial> {
        self.keys.find(self.key_hash(user, key), |claim| self.is_under(claim, user, key))
    }

    /// The latest claim of each person, in no order.
    pub(super) fn latest_of_each(&self) -> impl Iterator<Item = Serial> {
        self.people.iter()
    }

    /// The days with claims, in order.
    pub(super) fn days(&self) -> &[DayStart] {
        &self.days
    }

    /// The first claim of `day` or of a later one.
    pub(super) fn first_on(&self, day: Day) -> Serial {
        // Almost always it is the last day that is asked for.
        match self.days.last() {
            Some(last) if last.day == day => last.first,
            _ => {
                let later = self.days.partition_point(|start| start.day < day);
                self.days.get(later).map_or(Serial(self.count), |start| start.first)
            }
        }
    }

    /// The day that the claim counts for.
    pub(super) fn day(&self, serial: Serial) -> Day {
        let after = self.days.partition_point(|start| start.first <= serial);
        self.days[after - 1].day
    }

    /// The user id of a claim.
    pub(super) fn user(&self, record: &Record) -> &str {
        text(self.texts.bytes(record.text(), 0, usize::from(record.user_bytes)))
    }

    /// Adds a claim. Its day is not before that of the last one.
    pub(super) fn push(&mut self, grant: &Grant<'_>) -> Serial {
        let serial = Serial(self.count);
        let key = grant.key.unwrap_or_default();
        let hash = self.person_hash(grant.user);
        let previous = {
            let Self { people, chunks, texts, .. } = self;
            people.put(hash, serial, |claim| user_bytes(chunks, texts, claim) == grant.user.as_bytes())
        };
        let position = match previous.and_then(|previous| self.record(previous)) {
            // The same person without a key: the same text.
            Some(record) if key.is_empty() => record.text(),
            _ => self.texts.push([grant.user.as_bytes(), key.as_bytes()]),
        };
        let (text_low, text_high) = position.into_parts();
        let (at_low, at_high) = split_milliseconds(grant.at);
        let byte_count = |text: &str| u8::try_from(text.len()).expect("user ids and keys have at most 128 bytes");
        self.push_record(Record {
            at_low,
            text_low,
            previous: previous.unwrap_or(serial),
            at_high,
            coupon_type: grant.coupon_type,
            text_high,
            user_bytes: byte_count(grant.user),
            key_bytes: byte_count(key),
            flags: if grant.named { NAMED } else { 0 },
        });
        if !key.is_empty() {
            let hash = self.key_hash(grant.user, key);
            let Self { keys, chunks, texts, .. } = self;
            keys.put(hash, serial, |claim| is_under(chunks, texts, claim, grant.user, key));
        }
        if self.days.last().is_none_or(|last| last.day < grant.day) {
            self.days.push(DayStart { day: grant.day, first: serial });
        }
        serial
    }

    /// What people are hashed by.
    pub(super) fn hasher(&self) -> SipHasher13 {
        self.hasher
    }

    /// Marks a claim as voided.
    pub(super) fn void(&mut self, serial: Serial, void: Void) {
        let record = &mut self.chunks[serial.as_index() / CHUNK_RECORDS][serial.as_index() % CHUNK_RECORDS];
        let flag = |set, flag| if set { flag } else { 0 };
        record.flags |= VOIDED
            | flag(void.restocked, RESTOCKED)
            | flag(void.restocked_today, RESTOCKED_TODAY)
            | flag(void.allowed_again, ALLOWED_AGAIN);
    }

    /// What it holds of the heap, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        let records: usize = self.chunks.iter().map(Vec::capacity).sum();
        records * size_of::<Record>()
            + self.chunks.capacity() * size_of::<Vec<Record>>()
            + self.days.capacity() * size_of::<DayStart>()
            + self.texts.heap_bytes()
            + self.people.heap_bytes()
            + self.keys.heap_bytes()
    }

    fn push_record(&mut self, record: Record) {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK_RECORDS) {
            // The first chunk grows as it fills, so that a small campaign stays small.
            let capacity = if self.chunks.is_empty() { 0 } else { CHUNK_RECORDS };
            self.chunks.push(Vec::with_capacity(capacity));
        }
        self.chunks.last_mut().expect("a chunk with room").push(record);
        self.count += 1;
    }

    fn key(&self, record: &Record) -> Option<&str> {
        let bytes = usize::from(record.key_bytes);
        (bytes > 0).then(|| text(self.texts.bytes(record.text(), usize::from(record.user_bytes), bytes)))
    }

    fn user_bytes(&self, claim: Serial) -> &[u8] {
        user_bytes(&self.chunks, &self.texts, claim)
    }

    fn is_under(&self, claim: Serial, user: &str, key: &str) -> bool {
        is_under(&self.chunks, &self.texts, claim, user, key)
    }

    fn person_hash(&self, user: &str) -> u64 {
        self.hasher.hash(user.as_bytes())
    }

    fn key_hash(&self, user: &str, key: &str) -> u64 {
        use std::hash::Hasher;
        let mut hasher = self.hasher;
        hasher.write(user.as_bytes());
        // In no id and no key.
        hasher.write(&[0]);
        hasher.write(key.as_bytes());
        hasher.finish()
    }
}

impl std::fmt::Debug for Claims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Claims({})", self.count)
    }
}

// Apart from `self`, so that a table can be written while they are read.

fn user_bytes<'a>(chunks: &[Vec<Record>], texts: &'a Arena, claim: Serial) -> &'a [u8] {
    let record = &chunks[claim.as_index() / CHUNK_RECORDS][claim.as_index() % CHUNK_RECORDS];
    texts.bytes(record.text(), 0, usize::from(record.user_bytes))
}

fn is_under(chunks: &[Vec<Record>], texts: &Arena, claim: Serial, user: &str, key: &str) -> bool {
    let record = &chunks[claim.as_index() / CHUNK_RECORDS][claim.as_index() % CHUNK_RECORDS];
    let (user_bytes, key_bytes) = (usize::from(record.user_bytes), usize::from(record.key_bytes));
    let bytes = texts.bytes(record.text(), 0, user_bytes + key_bytes);
    bytes[..user_bytes] == *user.as_bytes() && bytes[user_bytes..] == *key.as_bytes()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("only whole texts are stored")
}

/// 48 bits of milliseconds last until the year 10889.
#[expect(clippy::cast_possible_truncation, reason = "the low half is cut off on purpose, the high one is checked")]
fn split_milliseconds(at: Timestamp) -> (u32, u16) {
    let milliseconds = at.as_milliseconds();
    (milliseconds as u32, u16::try_from(milliseconds >> 32).expect("Timestamp::MAX fits 48 bits"))
}
