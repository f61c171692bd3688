//! Owns what is known of people in memory: who has which slot, and which number has which id. Numbers are here as keyed hashes,
//! names as a hash of all that is stored. Leaves files to [`super::file`].

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher};

use hashbrown::{DefaultHashBuilder, HashMap};
use sha2::{Digest, Sha256};
use siphasher::sip128::{Hasher128, SipHasher13};

use super::file::PIECE_SLOTS;
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
    phones: HashMap<u128, Uses>,
    hasher: SipHasher13,
    contents: DefaultHashBuilder,
    next_phone_id: u64,
    last_version: u64,
    /// Free slots below `end`.
    free: Vec<u32>,
    /// Slots that are free once the change is durable that erases them: not before, or a loss of power might leave what
    /// comes into the slot in the place of what was to replace its former content.
    freed: VecDeque<(Ticket, u32)>,
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
    phone: Option<(u128, PhoneId)>,
    has_name: bool,
    /// Of number and name: what a repeat is compared by.
    content: u64,
}

/// A number that somebody had before.
#[derive(Debug, Clone, Copy)]
struct Former {
    slot: u32,
    hash: u128,
}

/// A number's id, and by how many it is held, now or before.
#[derive(Debug, Clone, Copy)]
struct Uses {
    id: PhoneId,
    count: u32,
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
            phones: HashMap::new(),
            hasher: SipHasher13::new_with_key(key[..16].try_into().expect("sixteen bytes")),
            contents: DefaultHashBuilder::default(),
            next_phone_id: phone_ids_below,
            last_version: 0,
            free: Vec::new(),
            freed: VecDeque::new(),
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
                self.use_phone(*hash, *phone_id);
                self.former.entry(user.clone()).or_default().push(Former { slot: number, hash: *hash });
            }
            Content::Person { person, phone_id } => {
                let phone = person.phone.as_ref().map(|phone| self.hash(phone)).zip(*phone_id);
                let entry = Entry {
                    slot: number,
                    version: slot.version,
                    phone,
                    has_name: person.name.is_some(),
                    content: self.content(person.phone.as_ref(), person.name.as_deref()),
                };
                if let Some((hash, id)) = phone {
                    self.use_phone(hash, id);
                }
                let before = self.people.insert(person.user.clone(), entry);
                let Some(before) = before else { return };
                // Power was lost between writing the new slot and erasing the old one.
                let older = if before.version < entry.version { before } else { entry };
                if older.slot == entry.slot {
                    self.people.insert(person.user.clone(), before);
                }
                if let Some((hash, _)) = older.phone {
                    self.drop_phone(hash);
                }
                self.superseded.push(older.slot);
            }
        }
    }

    /// The slots to be erased after all have been read, and people whose former numbers outlived them.
    pub(super) fn superseded(&mut self) -> Vec<u32> {
        let mut slots = std::mem::take(&mut self.superseded);
        // An erasure that was cut off: the person is gone, and with the person all that is left goes.
        let orphans: Vec<UserId> =
            self.former.keys().filter(|user| !self.people.contains_key(*user)).cloned().collect();
        for user in orphans {
            for former in self.former.remove(&user).unwrap_or_default() {
                self.drop_phone(former.hash);
                slots.push(former.slot);
            }
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

    /// Knows of slots that were made, and takes back those whose erasure is durable.
    pub(super) fn grow_to(&mut self, slots: u32, durable: Ticket) {
        self.slots = self.slots.max(slots);
        while let Some((_, slot)) = self.freed.pop_front_if(|(ticket, _)| *ticket <= durable) {
            self.free.push(slot);
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

    pub(super) fn people(&self) -> u64 {
        self.people.len() as u64
    }

    pub(super) fn phone(&self, user: &UserId) -> Option<(PhoneId, Ticket)> {
        let entry = self.people.get(user)?;
        entry.phone.map(|(_, id)| (id, Ticket(entry.version)))
    }

    pub(super) fn place_of(&self, user: &UserId) -> Option<(u32, Ticket)> {
        self.people.get(user).map(|entry| (entry.slot, Ticket(entry.version)))
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
            phone: entry.phone.map(|(_, id)| id),
            is_new: false,
            ticket: Ticket(entry.version),
        });
        let has_phone = |phone: &PhoneNumber| entry.phone.is_some_and(|(hash, _)| hash == self.hash(phone));
        match known {
            Known::Conflict if self.content(phone, name) == entry.content => Ok(unchanged),
            Known::Conflict => Err(PutError::Conflict),
            Known::Update if phone.is_none_or(has_phone) && name.is_none() => Ok(unchanged),
            Known::Update => {
                let lacks_name = name.is_none() && entry.has_name;
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
        let phone_id = phone.map(|phone| {
            let hash = self.hash(phone);
            (hash, self.phone_id(hash))
        });
        let person = Person { user: user.clone(), phone: phone.cloned(), name: name.map(str::to_owned) };
        let content = Content::Person { person, phone_id: phone_id.map(|(_, id)| id) };
        let mut changes = Changes::default();
        changes.write(slot, &Slot { version, content });
        let entry =
            Entry { slot, version, phone: phone_id, has_name: name.is_some(), content: self.content(phone, name) };
        let before = self.people.insert(user.clone(), entry);
        if let Some(before) = before {
            changes.erase(before.slot);
            self.freed.push_back((Ticket(version), before.slot));
            self.keep_former(user, before, entry, version, &mut changes);
        }
        let stored = Stored { phone: phone_id.map(|(_, id)| id), is_new: before.is_none(), ticket: Ticket(version) };
        changes.cover(phone_id.map(|(_, id)| id));
        Some((stored, changes))
    }

    /// A number that is replaced keeps its id for as long as its user is known.
    fn keep_former(&mut self, user: &UserId, before: Entry, now: Entry, version: u64, changes: &mut Changes) {
        let Some((hash, phone_id)) = before.phone else { return };
        let is_kept = self.former.get(user).is_some_and(|former| former.iter().any(|former| former.hash == hash));
        let is_same = now.phone.is_some_and(|(now, _)| now == hash);
        if is_same || is_kept {
            self.drop_phone(hash);
            return;
        }
        // The use goes on, by the former number in place of the person's own.
        let slot = self.take_slot();
        changes.write(slot, &Slot { version, content: Content::Former { user: user.clone(), hash, phone_id } });
        self.former.entry(user.clone()).or_default().push(Former { slot, hash });
    }

    /// Forgets a person; `None` if nothing is known.
    pub(super) fn erase(&mut self, user: &UserId) -> Option<(Ticket, Changes)> {
        let entry = self.people.remove(user)?;
        let ticket = Ticket(self.next_version());
        let mut changes = Changes::default();
        let former = self.former.remove(user).unwrap_or_default();
        let own = entry.phone.map(|(hash, _)| hash);
        for hash in former.iter().map(|former| former.hash).chain(own) {
            self.drop_phone(hash);
        }
        for slot in former.iter().map(|former| former.slot).chain([entry.slot]) {
            changes.erase(slot);
            self.freed.push_back((ticket, slot));
        }
        Some((ticket, changes))
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.people.allocation_size()
            + self.phones.allocation_size()
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

    /// The id of a number, which has one user more from now on.
    fn phone_id(&mut self, hash: u128) -> PhoneId {
        let id = match self.phones.get(&hash) {
            Some(uses) => uses.id,
            None => {
                self.next_phone_id += 1;
                PhoneId(self.next_phone_id - 1)
            }
        };
        self.use_phone(hash, id);
        id
    }

    fn use_phone(&mut self, hash: u128, id: PhoneId) {
        self.next_phone_id = self.next_phone_id.max(id.0 + 1);
        self.phones.entry(hash).or_insert(Uses { id, count: 0 }).count += 1;
    }

    fn drop_phone(&mut self, hash: u128) {
        let uses = self.phones.get_mut(&hash).expect("a number that somebody has");
        uses.count -= 1;
        if uses.count == 0 {
            self.phones.remove(&hash);
        }
    }

    fn hash(&self, phone: &PhoneNumber) -> u128 {
        let mut hasher = self.hasher;
        hasher.write(phone.as_str().as_bytes());
        hasher.finish128().as_u128()
    }

    fn content(&self, phone: Option<&PhoneNumber>, name: Option<&str>) -> u64 {
        self.contents.hash_one((phone.map(PhoneNumber::as_str), name.filter(|name| !name.is_empty())))
    }
}
