//! Owns a campaign's granted claims: who, what, when, and what became of them. A claim costs a record of 20 bytes, its texts
//! rounded up to four bytes, and 10 to 21 bytes of table for each person (as much again for a key). Nothing is ever moved
//! while it grows, so that no claim waits for a copy. Leaves the rules to [`super::decide`] and [`super::apply`].

use siphasher::sip::SipHasher13;

use super::arena::Arena;
use super::index::ClaimIndex;
use super::record::{Record, Void};
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

/// A person as looked up, until the next claim is added.
#[derive(Debug, Clone, Copy)]
pub(super) struct Person {
    hash: u64,
    latest: Option<Serial>,
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
            coupon_type: record.coupon_type(),
            user: self.user(record),
            key: self.key(record),
            named: record.is_named(),
        })
    }

    /// Looks a person up.
    pub(super) fn person(&self, user: &str) -> Person {
        let hash = self.hasher.hash(user.as_bytes());
        let is_theirs = |claim| {
            let record = &self.record(claim).expect("only claims that exist are in the table");
            self.texts.bytes(record.text(), 0, record.user_bytes()) == user.as_bytes()
        };
        Person { hash, latest: self.people.find(hash, is_theirs) }
    }

    /// The person's claim before this one.
    pub(super) fn previous(&self, serial: Serial) -> Option<Serial> {
        self.record(serial).map(|record| record.previous()).filter(|previous| *previous != serial)
    }

    /// The person's claims, the latest first.
    pub(super) fn of_person(&self, person: Person) -> impl Iterator<Item = Serial> {
        std::iter::successors(person.latest, |serial| self.previous(*serial))
    }

    /// The person's latest claim under `key`.
    pub(super) fn under_key(&self, user: &str, key: &str) -> Option<Serial> {
        self.keys.find(self.key_hash(user, key), |claim| self.is_under(claim, user, key))
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
        text(self.texts.bytes(record.text(), 0, record.user_bytes()))
    }

    /// Adds a claim of this person. Its day is not before that of the last one.
    pub(super) fn push(&mut self, grant: &Grant<'_>, person: Person) -> Serial {
        let serial = Serial(self.count);
        self.people.put(person.hash, serial, person.latest);
        if let Some(key) = grant.key {
            let hash = self.key_hash(grant.user, key);
            self.keys.put(hash, serial, self.under_key(grant.user, key));
        }
        let key = grant.key.unwrap_or_default();
        let position = match person.latest.and_then(|latest| self.record(latest)) {
            // The same person without a key: the same text.
            Some(record) if key.is_empty() => record.text(),
            _ => self.texts.push([grant.user.as_bytes(), key.as_bytes()]),
        };
        self.push_record(Record::new(grant, person.latest.unwrap_or(serial), position));
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
        self.chunks[serial.as_index() / CHUNK_RECORDS][serial.as_index() % CHUNK_RECORDS].set_void(void);
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
        let bytes = record.key_bytes();
        (bytes > 0).then(|| text(self.texts.bytes(record.text(), record.user_bytes(), bytes)))
    }

    fn is_under(&self, claim: Serial, user: &str, key: &str) -> bool {
        let record = self.record(claim).expect("only claims that exist are in the table");
        let (user_bytes, key_bytes) = (record.user_bytes(), record.key_bytes());
        let bytes = self.texts.bytes(record.text(), 0, user_bytes + key_bytes);
        bytes[..user_bytes] == *user.as_bytes() && bytes[user_bytes..] == *key.as_bytes()
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

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("only whole texts are stored")
}
