//! Owns a campaign's granted claims, draws or entries: who, what, when, and what became of them. A claim costs a record of 20 bytes, its texts
//! rounded up to four bytes, and 10 to 21 bytes of table for each person (as much again for a key). Nothing is ever moved
//! while it grows, so that no claim waits for a copy. Leaves the rules to [`super::decide`] and [`super::apply`].

use siphasher::sip::SipHasher13;

use super::arena::Arena;
use super::chunks::Chunks;
use super::index::ClaimIndex;
use super::phones::Phones;
use super::record::{Life, Record, Restocked, Void};
use crate::filter::PersonHash;
use crate::id::{PhoneId, Serial, TypeIndex};
use crate::time::{Day, Timestamp};

/// The claims of one campaign, by serial, by person and by key.
#[derive(Clone)]
pub(super) struct Claims {
    records: Chunks<Record>,
    texts: Arena,
    /// Days with claims, in order, with the first claim of each. Days never go back, so the claims of a day are neighbours,
    /// and a claim needs no day of its own.
    days: Vec<DayStart>,
    /// Windows with claims, in the same way; only where the limit is per window.
    windows: Vec<WindowStart>,
    /// Only where the limit is by phone.
    phones: Option<Phones>,
    people: ClaimIndex,
    /// Only where the limit is above one.
    keys: ClaimIndex,
    /// Keyed, so that nobody can choose ids that fall together. 64 bits of it place an entry; ids themselves are compared,
    /// so that two people never are one, as with a longer hash alone they might. That costs a cache miss, on a repeat only.
    hasher: SipHasher13,
}

/// The first claim of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DayStart {
    pub(crate) day: Day,
    pub(crate) first: Serial,
}

/// The first claim of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WindowStart {
    pub(crate) opened_at: Timestamp,
    pub(crate) first: Serial,
}

/// What a claim is granted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grant<'a> {
    pub(crate) at: Timestamp,
    pub(crate) day: Day,
    pub(crate) window: Option<Timestamp>,
    /// What was won or, of a draw, sampled; an entry has none.
    pub(crate) coupon_type: Option<TypeIndex>,
    /// Whether nothing was won.
    pub(crate) lost: bool,
    /// A valid user id.
    pub(crate) user: &'a str,
    /// A valid key, where the limit is above one.
    pub(crate) key: Option<&'a str>,
    /// Whether the type was asked for by name.
    pub(crate) named: bool,
    /// Where the limit is by phone.
    pub(crate) phone: Option<PhoneId>,
}

impl Grant<'_> {
    /// The type that was won.
    pub(crate) fn won(&self) -> Option<TypeIndex> {
        self.coupon_type.filter(|_| !self.lost)
    }
}

/// A person as looked up, until the next claim is added.
#[derive(Debug, Clone, Copy)]
pub(super) struct Person {
    hash: u64,
    latest: Option<Serial>,
}

impl Claims {
    /// No claims yet, by about `expected` people.
    pub(super) fn new(person_key: &[u8; 16], expected: u32, by_phone: bool) -> Self {
        Self {
            records: Chunks::default(),
            texts: Arena::default(),
            days: Vec::new(),
            windows: Vec::new(),
            phones: by_phone.then(Phones::default),
            people: ClaimIndex::new(expected),
            keys: ClaimIndex::new(expected),
            hasher: SipHasher13::new_with_key(person_key),
        }
    }

    /// How many there are: the serial of the next.
    pub(super) fn count(&self) -> u32 {
        self.records.count()
    }

    /// The claim of this serial.
    pub(super) fn record(&self, serial: Serial) -> Option<&Record> {
        self.records.at(serial.0)
    }

    /// The claim of this serial, with its texts and its day.
    pub(super) fn grant(&self, serial: Serial) -> Option<Grant<'_>> {
        let record = self.record(serial)?;
        Some(Grant {
            at: record.at(),
            day: self.day(serial),
            window: self.window(serial),
            coupon_type: record.coupon_type(),
            lost: record.is_lost(),
            user: self.user(record),
            key: self.key(record),
            named: record.is_named(),
            phone: self.phones.as_ref().and_then(|phones| phones.of(serial)),
        })
    }

    /// Looks a person up.
    pub(super) fn person(&self, user: &str) -> Person {
        self.person_hashed(user, PersonHash::from_bits(self.hasher.hash(user.as_bytes())))
    }

    /// Looks a person up whose hash under the person key is known.
    pub(super) fn person_hashed(&self, user: &str, hash: PersonHash) -> Person {
        let hash = hash.bits();
        debug_assert_eq!(hash, self.hasher.hash(user.as_bytes()), "a person's hash is their own");
        let is_theirs = |claim| {
            let record = &self.record(claim).expect("only claims that exist are in the table");
            self.texts.bytes(record.text(), 0, record.user_bytes()) == user.as_bytes()
        };
        Person { hash, latest: self.people.find(hash, is_theirs) }
    }

    /// Reads the words that [`Claims::person`] will read first, for who wants to wait for memory now rather than later, and
    /// for all of them at once.
    pub(super) fn glance(&self, people: impl Iterator<Item = PersonHash>) -> u64 {
        // What is made of the words does not matter; that it takes few instructions does, since the processor looks only some
        // hundreds of them ahead for the next word to fetch.
        people.fold(0, |all, person| all ^ self.people.glance(person.bits()))
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
                self.days.get(later).map_or(Serial(self.count()), |start| start.first)
            }
        }
    }

    /// The windows with claims, in order.
    pub(super) fn windows(&self) -> &[WindowStart] {
        &self.windows
    }

    /// The first claim of the window that opened at `opened_at` or of a later one.
    pub(super) fn first_in(&self, opened_at: Timestamp) -> Serial {
        let later = self.windows.partition_point(|start| start.opened_at < opened_at);
        self.windows.get(later).map_or(Serial(self.count()), |start| start.first)
    }

    /// Every phone id of a claim is below this.
    pub(super) fn phone_ids_below(&self) -> u64 {
        self.phones.as_ref().map_or(0, Phones::ids_below)
    }

    /// How many claims count for `phone` in the period whose first claim is `since`.
    pub(super) fn phone_count(&self, phone: PhoneId, since: Serial) -> u16 {
        self.phones.as_ref().map_or(0, |phones| phones.count(phone, since))
    }

    /// The day that the claim counts for.
    pub(super) fn day(&self, serial: Serial) -> Day {
        let after = self.days.partition_point(|start| start.first <= serial);
        self.days[after - 1].day
    }

    /// The window that the claim counts for, where the limit is per window.
    fn window(&self, serial: Serial) -> Option<Timestamp> {
        let after = self.windows.partition_point(|start| start.first <= serial);
        after.checked_sub(1).map(|index| self.windows[index].opened_at)
    }

    /// The user id of a claim.
    pub(super) fn user(&self, record: &Record) -> &str {
        text(self.texts.bytes(record.text(), 0, record.user_bytes()))
    }

    /// Adds a claim of this person, in the period whose first claim is `since`. Its day and its window are not before those
    /// of the last one.
    pub(super) fn push(&mut self, grant: &Grant<'_>, person: Person, since: Serial) -> Serial {
        let serial = Serial(self.count());
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
        self.records.push(Record::new(grant, person.latest.unwrap_or(serial), position));
        if let (Some(phones), Some(phone)) = (&mut self.phones, grant.phone) {
            phones.push(phone, since);
        }
        if let Some(opened_at) = grant.window
            && self.windows.last().is_none_or(|last| last.opened_at < opened_at)
        {
            self.windows.push(WindowStart { opened_at, first: serial });
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
        self.record_mut(serial).set_void(void);
        if void.allowed_again
            && let Some(phones) = &mut self.phones
        {
            phones.give_back(serial);
        }
    }

    /// Says what has become of a claim's coupon.
    pub(super) fn set_life(&mut self, serial: Serial, life: Life) {
        self.record_mut(serial).set_life(life);
    }

    /// Says that a claim's unit went back.
    pub(super) fn set_restocked(&mut self, serial: Serial, restocked: Restocked) {
        self.record_mut(serial).set_restocked(restocked);
    }

    fn record_mut(&mut self, serial: Serial) -> &mut Record {
        self.records.at_mut(serial.0).expect("a claim that exists")
    }

    /// Makes room ahead for the `table`th of [`ClaimIndex::TABLES`] parts of the people who are expected.
    pub(super) fn reserve(&mut self, table: usize) {
        self.people.reserve(table);
    }

    /// What it holds of the heap, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.records.heap_bytes()
            + self.days.capacity() * size_of::<DayStart>()
            + self.windows.capacity() * size_of::<WindowStart>()
            + self.phones.as_ref().map_or(0, Phones::heap_bytes)
            + self.texts.heap_bytes()
            + self.people.heap_bytes()
            + self.keys.heap_bytes()
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
        write!(f, "Claims({})", self.count())
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("only whole texts are stored")
}
