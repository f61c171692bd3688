//! Owns what is known of people in memory: who has which slot, and which number has which id. Numbers are here as keyed hashes,
//! names as a hash of all that is stored. Leaves files to [`super::file`].

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher};

use hashbrown::{DefaultHashBuilder, HashMap};
use sha2::{Digest, Sha256};
use siphasher::sip128::{Hasher128, SipHasher13};

use super::file::PIECE_SLOTS;
use super::phones::{Phones, Place};
use super::slot::{Content, Slot};
use super::writer::Changes;
use super::{Known, Person, PhoneNumber, PutError, Stored, Ticket};
use crate::id::{PhoneId, UserId};
use crate::keys::Keys;

/// The people and their numbers.
pub(super) struct Index {
    people: HashMap<UserId, Entry>,
    /// What each user had before; few have changed their number.
    former: HashMap<UserId, Vec<Former>>,
    phones: Phones,
    hasher: SipHasher13,
    contents: DefaultHashBuilder,
    last_version: u64,
    /// Free slots below `end`.
    free: Vec<u32>,
    /// What is over once a change is durable, in the order of changes.
    leaving: VecDeque<(Ticket, Leaving)>,
    /// When whom we know no more will be gone from the disk too.
    erasing: HashMap<UserId, Ticket>,
    /// The first slot that was never used.
    end: u32,
    /// Slots that are on disk.
    slots: u32,
    /// Slots that lost against a newer one of the same person, when the file was read.
    superseded: Vec<u32>,
}

/// A person's place.
#[derive(Debug, Clone, Copy)]
struct Entry {
    slot: u32,
    /// The version of the slot, and the ticket of its change.
    version: u64,
    phone: Option<Place>,
    content: Fingerprint,
}

const _: () = assert!(size_of::<(UserId, Entry)>() == 48, "a person takes 48 bytes, and a control byte, of the table");

/// A hash of number and name, which a repeat is compared by; its lowest bit says whether there is a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fingerprint(u64);

impl Fingerprint {
    fn has_name(self) -> bool {
        self.0 & 1 == 1
    }
}

/// A number that somebody had before.
#[derive(Debug, Clone, Copy)]
struct Former {
    slot: u32,
    hash: u128,
    /// Of the change by which it became a former one.
    version: u64,
}

/// What goes with a change, but not before the change is durable.
#[derive(Debug, Clone)]
enum Leaving {
    /// A slot is free. Used earlier, a loss of power might leave what comes into it in the place of what was to replace
    /// its former content.
    Slot(u32),
    /// An erased user's hold on a number. Given up earlier, somebody else might get another id for the number, and a loss of
    /// power leave both users there: one number under two ids.
    Phone(u128),
    /// An erasure that may be asked about.
    User(UserId),
}

/// What storing a person takes.
pub(super) enum Planned {
    /// It is so already.
    Unchanged(Stored),
    /// All of it is given.
    New,
    /// It goes onto what this slot holds once the change is durable.
    Onto { slot: u32, ticket: Ticket },
}

impl Index {
    pub(super) fn new(keys: &Keys, phone_ids_below: u64) -> Self {
        let key = Sha256::new().chain_update(b"landrush phone numbers\0").chain_update(keys.code).finalize();
        Self {
            people: HashMap::new(),
            former: HashMap::new(),
            phones: Phones::new(phone_ids_below),
            hasher: SipHasher13::new_with_key(key[..16].try_into().expect("sixteen bytes")),
            contents: DefaultHashBuilder::default(),
            last_version: 0,
            free: Vec::new(),
            leaving: VecDeque::new(),
            erasing: HashMap::new(),
            end: 0,
            slots: 0,
            superseded: Vec::new(),
        }
    }

    /// Takes in a slot as the file has it.
    pub(super) fn adopt(&mut self, number: u32, slot: &Slot) {
        self.last_version = self.last_version.max(slot.version);
        self.end = self.end.max(number + 1);
        match &slot.content {
            Content::Former { user, hash, phone_id } => {
                self.phones.hold_as(*hash, *phone_id);
                self.former.entry(user.clone()).or_default().push(Former {
                    slot: number,
                    hash: *hash,
                    version: slot.version,
                });
            }
            Content::Person { person, phone_id } => {
                let phone = person.phone.as_ref().map(|phone| self.hash(phone)).zip(*phone_id);
                let phone = phone.map(|(hash, id)| self.phones.hold_as(hash, id));
                let content = self.content(person.phone.as_ref(), person.name.as_deref());
                let entry = Entry { slot: number, version: slot.version, phone, content };
                let before = self.people.insert(person.user.clone(), entry);
                let Some(before) = before else { return };
                // Power was lost between writing the new slot and erasing the old one: nobody was told of the change, and
                // not all of it need be there. The older one is whole.
                let (older, newer) = if before.version < entry.version { (before, entry) } else { (entry, before) };
                self.people.insert(person.user.clone(), older);
                if let Some(place) = newer.phone {
                    self.phones.release(self.phones.hash(place));
                }
                self.superseded.push(newer.slot);
            }
        }
    }

    /// The slots to be erased after all have been read: what is left of changes that nobody was told of, and former numbers
    /// that outlived their users.
    pub(super) fn superseded(&mut self) -> Vec<u32> {
        let mut slots = std::mem::take(&mut self.superseded);
        let mut dropped = Vec::new();
        for (user, former) in &mut self.former {
            // A former number is newer than its user where the change that made it one was cut off; without the user,
            // an erasure was.
            let known = self.people.get(user).map_or(0, |entry| entry.version);
            dropped.extend(former.extract_if(.., |former| former.version > known));
        }
        self.former.retain(|_, former| !former.is_empty());
        for former in dropped {
            self.phones.release(former.hash);
            slots.push(former.slot);
        }
        slots
    }

    /// Whether all of so many slots are taken, after all have been taken in.
    pub(super) fn has_no_room(&self, slots: u32) -> bool {
        self.end >= slots
    }

    /// Finds the free slots among `slots` that are on disk, after all have been taken in.
    pub(super) fn free_slots(&mut self, slots: u32) {
        self.slots = slots;
        let mut is_free = vec![true; self.end as usize];
        let formers = self.former.values().flatten().map(|former| former.slot);
        for slot in self.people.values().map(|entry| entry.slot).chain(formers) {
            is_free[slot as usize] = false;
        }
        self.free = (0..self.end).rev().filter(|slot| is_free[*slot as usize]).collect();
    }

    /// Knows of slots that were made, and of changes that have become durable.
    pub(super) fn settle(&mut self, slots: u32, durable: Ticket) {
        self.slots = self.slots.max(slots);
        while let Some((_, leaving)) = self.leaving.pop_front_if(|(ticket, _)| *ticket <= durable) {
            match leaving {
                Leaving::Slot(slot) => self.free.push(slot),
                Leaving::Phone(hash) => self.phones.release(hash),
                Leaving::User(user) => {
                    // Of two erasures of one user the later one counts.
                    if self.erasing.get(&user).is_some_and(|ticket| *ticket <= durable) {
                        self.erasing.remove(&user);
                    }
                }
            }
        }
    }

    /// Whether more room should be made.
    pub(super) fn is_short_of_room(&self) -> bool {
        self.room() < u64::from(PIECE_SLOTS / 2)
    }

    fn room(&self) -> u64 {
        u64::from(self.slots - self.end) + self.free.len() as u64
    }

    /// The last change that was taken in or made.
    pub(super) fn last_ticket(&self) -> Ticket {
        Ticket(self.last_version)
    }

    /// Gives no phone id below this from now on.
    pub(super) fn skip_phone_ids(&mut self, below: u64) {
        self.phones.skip(below);
    }

    pub(super) fn people(&self) -> u64 {
        self.people.len() as u64
    }

    pub(super) fn phone(&self, user: &UserId) -> Option<(PhoneId, Ticket)> {
        let entry = self.people.get(user)?;
        entry.phone.map(|place| (self.phones.id(place), Ticket(entry.version)))
    }

    /// The hash of `phone`, or else of the number that is known of `user`.
    pub(super) fn phone_hash(&self, user: &UserId, phone: Option<&PhoneNumber>) -> Option<u128> {
        let known = || self.people.get(user)?.phone.map(|place| self.phones.hash(place));
        phone.map(|phone| self.hash(phone)).or_else(known)
    }

    pub(super) fn place_of(&self, user: &UserId) -> Option<(u32, Ticket)> {
        self.people.get(user).map(|entry| (entry.slot, Ticket(entry.version)))
    }

    /// When the last erasure of somebody who is not known will be durable, if it is not.
    pub(super) fn erasing(&self, user: &UserId) -> Option<Ticket> {
        self.erasing.get(user).copied()
    }

    /// Says what storing this takes.
    pub(super) fn plan(
        &self,
        user: &UserId,
        phone: Option<&PhoneNumber>,
        name: Option<&str>,
        known: Known,
    ) -> Result<Planned, PutError> {
        let Some(entry) = self.people.get(user) else { return Ok(Planned::New) };
        let unchanged = Planned::Unchanged(Stored {
            phone: entry.phone.map(|place| self.phones.id(place)),
            is_new: false,
            ticket: Ticket(entry.version),
        });
        let has_phone =
            |phone: &PhoneNumber| entry.phone.is_some_and(|place| self.phones.hash(place) == self.hash(phone));
        match known {
            Known::Conflict if self.content(phone, name) == entry.content => Ok(unchanged),
            Known::Conflict => Err(PutError::Conflict),
            Known::Update if phone.is_none_or(has_phone) && name.is_none() => Ok(unchanged),
            Known::Update => {
                let lacks_name = name.is_none() && entry.content.has_name();
                let lacks_phone = phone.is_none() && entry.phone.is_some();
                let onto = Planned::Onto { slot: entry.slot, ticket: Ticket(entry.version) };
                Ok(if lacks_name || lacks_phone { onto } else { Planned::New })
            }
        }
    }

    /// Stores a person as given, in the place of what was known; `None`: there is no room.
    pub(super) fn store(
        &mut self,
        user: &UserId,
        phone: Option<&PhoneNumber>,
        name: Option<&str>,
    ) -> Option<(Stored, Changes)> {
        // A person and maybe a former number.
        if self.room() < 2 {
            return None;
        }
        let version = self.next_version();
        let slot = self.take_slot();
        let place = phone.map(|phone| self.phones.hold(self.hash(phone)));
        let phone_id = place.map(|place| self.phones.id(place));
        let person = Person { user: user.clone(), phone: phone.cloned(), name: name.map(str::to_owned) };
        let mut changes = Changes::default();
        changes.write(slot, &Slot { version, content: Content::Person { person, phone_id } });
        changes.cover(phone_id);
        let entry = Entry { slot, version, phone: place, content: self.content(phone, name) };
        let before = self.people.insert(user.clone(), entry);
        if let Some(before) = before {
            changes.erase(before.slot);
            self.leaving.push_back((Ticket(version), Leaving::Slot(before.slot)));
            self.keep_former(user, before, entry, version, &mut changes);
        }
        let stored = Stored { phone: phone_id, is_new: before.is_none(), ticket: Ticket(version) };
        Some((stored, changes))
    }

    /// A number that is replaced keeps its id for as long as its user is known.
    fn keep_former(&mut self, user: &UserId, before: Entry, now: Entry, version: u64, changes: &mut Changes) {
        let Some(place) = before.phone else { return };
        let (hash, phone_id) = (self.phones.hash(place), self.phones.id(place));
        let is_kept = self.former.get(user).is_some_and(|former| former.iter().any(|former| former.hash == hash));
        let is_same = now.phone == Some(place);
        if is_same || is_kept {
            self.phones.release(hash);
            return;
        }
        // The use goes on, by the former number in place of the person's own.
        let slot = self.take_slot();
        changes.write(slot, &Slot { version, content: Content::Former { user: user.clone(), hash, phone_id } });
        self.former.entry(user.clone()).or_default().push(Former { slot, hash, version });
    }

    /// Forgets a person; `None` if nothing is known.
    pub(super) fn erase(&mut self, user: &UserId) -> Option<(Ticket, Changes)> {
        let entry = self.people.remove(user)?;
        let ticket = Ticket(self.next_version());
        let former = self.former.remove(user).unwrap_or_default();
        let mut changes = Changes::default();
        // The person goes before the former numbers: the other way round, a loss of power in between would leave the person
        // without the ids of numbers that the person had.
        changes.erase_at_once(entry.slot);
        former.iter().for_each(|former| changes.erase(former.slot));
        let own = entry.phone.map(|place| self.phones.hash(place));
        let hashes = former.iter().map(|former| former.hash).chain(own).map(Leaving::Phone);
        let slots = former.iter().map(|former| former.slot).chain([entry.slot]).map(Leaving::Slot);
        let user_leaves = [Leaving::User(user.clone())];
        self.leaving.extend(hashes.chain(slots).chain(user_leaves).map(|leaving| (ticket, leaving)));
        self.erasing.insert(user.clone(), ticket);
        Some((ticket, changes))
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.people.allocation_size()
            + self.phones.heap_bytes()
            + self.former.allocation_size()
            + self.free.capacity() * size_of::<u32>()
    }

    fn next_version(&mut self) -> u64 {
        self.last_version += 1;
        self.last_version
    }

    fn take_slot(&mut self) -> u32 {
        if let Some(free) = self.free.pop() {
            return free;
        }
        assert!(self.end < self.slots, "there is room");
        self.end += 1;
        self.end - 1
    }

    fn hash(&self, phone: &PhoneNumber) -> u128 {
        let mut hasher = self.hasher;
        hasher.write(phone.as_str().as_bytes());
        hasher.finish128().as_u128()
    }

    fn content(&self, phone: Option<&PhoneNumber>, name: Option<&str>) -> Fingerprint {
        let name = name.filter(|name| !name.is_empty());
        let hash = self.contents.hash_one((phone.map(PhoneNumber::as_str), name));
        Fingerprint(hash & !1 | u64::from(name.is_some()))
    }
}
