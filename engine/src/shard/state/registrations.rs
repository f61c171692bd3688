//! Owns who has registered with a campaign that hears nobody else: what is decided, what is applied, and the set itself.

use hashbrown::HashTable;

use super::breach::Breach;
use super::campaign::Campaign;
use super::chunks::Chunks;
use super::decide::Decision;
use crate::campaign::Who;
use crate::command::Register;
use crate::event::Change;
use crate::fairness::Seed;
use crate::id::UserId;
use crate::outcome::{Outcome, Refusal};
use crate::registered::{RegisteredHash, RegisteredKey};
use crate::time::Timestamp;

/// Who has registered with one campaign, in their order: 16 bytes each, and a place in the table.
#[derive(Debug, Clone)]
pub(super) struct Registrations {
    key: RegisteredKey,
    people: Chunks<[u8; 16]>,
    numbers: HashTable<u32>,
}

impl Registrations {
    pub(super) fn new(seed: &Seed) -> Self {
        Self { key: RegisteredKey::new(seed), people: Chunks::default(), numbers: HashTable::new() }
    }

    pub(super) fn key(&self) -> RegisteredKey {
        self.key
    }

    pub(super) fn count(&self) -> u32 {
        self.people.count()
    }

    pub(super) fn has(&self, user: &str) -> bool {
        self.has_hash(self.key.hash(user))
    }

    fn has_hash(&self, person: RegisteredHash) -> bool {
        self.numbers.find(person.bits(), |number| self.people.at(*number) == Some(&person.0)).is_some()
    }

    /// Adds somebody; `false` if they were there.
    pub(super) fn push(&mut self, person: RegisteredHash) -> bool {
        if self.has_hash(person) || self.count() == u32::MAX {
            return false;
        }
        let (people, number) = (&self.people, self.people.count());
        let rehash = |other: &u32| RegisteredHash(*people.at(*other).expect("who is in the table registered")).bits();
        self.numbers.insert_unique(person.bits(), number, rehash);
        self.people.push(person.0);
        true
    }

    /// Everybody, in order.
    pub(super) fn people(&self) -> impl Iterator<Item = &[u8; 16]> {
        (0..self.people.count()).filter_map(|number| self.people.at(number))
    }

    /// What it holds of the heap, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.people.heap_bytes() + self.numbers.allocation_size()
    }
}

impl Campaign {
    /// Decides about somebody who registers.
    pub(super) fn register<'c>(&self, register: &'c Register, now: Timestamp) -> Decision<'c> {
        let Some(registrations) = &self.registrations else { return Decision::refuse(Refusal::NoRegistration) };
        let user = register.user.as_str();
        if registrations.has(user) {
            return Decision::answer(Outcome::Registered { repeated: true });
        }
        match self.closed(register.stamped_at) {
            None | Some(Refusal::Paused | Refusal::NotOpen { .. }) => {}
            Some(refusal) => return Decision::refuse(refusal),
        }
        if register.stamped_at >= self.registration_closes_at() || registrations.count() == u32::MAX {
            return Decision::refuse(Refusal::RegistrationClosed);
        }
        Decision {
            outcome: Outcome::Registered { repeated: false },
            event: Some(self.event(now, Change::Registered { user })),
        }
    }

    /// Whether somebody has registered: refused as one that is not heard, if not.
    pub(super) fn registration<'c>(&self, user: &UserId) -> Decision<'c> {
        match &self.registrations {
            None => Decision::refuse(Refusal::NoRegistration),
            Some(registrations) if registrations.has(user.as_str()) => {
                Decision::answer(Outcome::Registered { repeated: true })
            }
            Some(_) => Decision::refuse(Refusal::NotEligible),
        }
    }

    fn registration_closes_at(&self) -> Timestamp {
        let cut_off = self.definition.protection.eligibility.as_ref();
        cut_off.and_then(|eligibility| eligibility.registration_closes_at).unwrap_or(self.definition.ends_at)
    }

    pub(super) fn apply_registered(&mut self, user: &str) -> Result<(), Breach> {
        let may = !self.ended && self.cancelled.is_none() && UserId::check(user).is_ok();
        let registrations = self.registrations.as_mut().filter(|_| may).ok_or(Breach::Registration)?;
        let person = registrations.key().hash(user);
        if registrations.push(person) { Ok(()) } else { Err(Breach::Registration) }
    }

    /// Whether it hears this person at all.
    pub(super) fn hears(&self, user: &str) -> bool {
        self.registrations.as_ref().is_none_or(|registrations| registrations.has(user))
    }

    /// The set for a campaign that needs one.
    pub(super) fn new_registrations(who: Option<Who>, seed: Option<&Seed>) -> Option<Box<Registrations>> {
        let is_asked_for = match who? {
            Who::Registered => true,
            Who::Anyone | Who::Listed => false,
        };
        seed.filter(|_| is_asked_for).map(|seed| Box::new(Registrations::new(seed)))
    }
}
