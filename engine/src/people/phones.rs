//! Owns which number has which id, and by how many users each is held. Numbers are here as keyed hashes.

use std::num::NonZeroU32;

use hashbrown::HashTable;

use crate::id::PhoneId;

/// The numbers that somebody holds, now or before. 37 bytes each in tables that are full.
#[derive(Debug, Default)]
pub(super) struct Phones {
    held: Vec<Held>,
    /// Into `held`, by hash.
    places: HashTable<Place>,
    /// Places in `held` that nobody holds.
    unused: Vec<Place>,
    /// Every id ever given is below this.
    next_id: u64,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    hash: u128,
    id: PhoneId,
    /// How many hold it.
    count: u32,
}

/// A number's place, for as long as somebody holds the number: a quarter of what its hash takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(NonZeroU32);

impl Place {
    /// Counted from 1, so that to have no place takes no more room.
    fn new(index: usize) -> Self {
        let number = u32::try_from(index + 1).expect("there are fewer numbers than slots");
        Self(NonZeroU32::new(number).expect("counted from 1"))
    }

    fn as_index(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl Phones {
    pub(super) fn new(ids_below: u64) -> Self {
        Self { next_id: ids_below, ..Self::default() }
    }

    /// Gives no id below this from now on.
    pub(super) fn skip(&mut self, below: u64) {
        self.next_id = self.next_id.max(below);
    }

    /// One user more holds a number, which has an id from now on.
    pub(super) fn hold(&mut self, hash: u128) -> Place {
        let id = PhoneId(self.next_id);
        self.hold_as(hash, id)
    }

    /// One user more holds a number; `id` is the number's if it has none yet.
    pub(super) fn hold_as(&mut self, hash: u128, id: PhoneId) -> Place {
        if let Some(place) = self.find(hash) {
            self.held[place.as_index()].count += 1;
            return place;
        }
        self.next_id = self.next_id.max(id.0 + 1);
        let held = Held { hash, id, count: 1 };
        let place = match self.unused.pop() {
            Some(place) => {
                self.held[place.as_index()] = held;
                place
            }
            None => {
                self.held.push(held);
                Place::new(self.held.len() - 1)
            }
        };
        let Self { held, places, .. } = self;
        places.insert_unique(short(hash), place, |place| short(held[place.as_index()].hash));
        place
    }

    /// One user less holds a number. Its id is forgotten with the last.
    ///
    /// # Panics
    /// If nobody holds it.
    pub(super) fn release(&mut self, hash: u128) {
        let Self { held, places, unused, .. } = self;
        let entry = places.find_entry(short(hash), |place| held[place.as_index()].hash == hash);
        let entry = entry.expect("a number that somebody holds");
        let place = *entry.get();
        let count = &mut held[place.as_index()].count;
        *count -= 1;
        if *count == 0 {
            entry.remove();
            unused.push(place);
        }
    }

    pub(super) fn id(&self, place: Place) -> PhoneId {
        self.held[place.as_index()].id
    }

    pub(super) fn hash(&self, place: Place) -> u128 {
        self.held[place.as_index()].hash
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.held.capacity() * size_of::<Held>()
            + self.places.allocation_size()
            + self.unused.capacity() * size_of::<Place>()
    }

    fn find(&self, hash: u128) -> Option<Place> {
        self.places.find(short(hash), |place| self.held[place.as_index()].hash == hash).copied()
    }
}

/// As much of a hash as a table looks at.
fn short(hash: u128) -> u64 {
    u64::try_from(hash & u128::from(u64::MAX)).expect("64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_lasts_as_long_as_its_number_is_held_and_is_never_given_again() {
        let mut phones = Phones::new(5);
        let first = phones.hold(7 << 64 | 1);
        assert_eq!((phones.id(first), phones.hash(first)), (PhoneId(5), 7 << 64 | 1));
        // Alike in what the table looks at, and another number.
        let other = phones.hold(8 << 64 | 1);
        assert_eq!(phones.id(other), PhoneId(6));
        assert_eq!(phones.hold(7 << 64 | 1), first);
        phones.release(7 << 64 | 1);
        assert_eq!(phones.hold(7 << 64 | 1), first, "somebody held it all the time");
        phones.release(7 << 64 | 1);
        phones.release(7 << 64 | 1);
        let later = phones.hold(7 << 64 | 1);
        assert_eq!((phones.id(later), phones.id(other)), (PhoneId(7), PhoneId(6)));
        let known = phones.hold_as(9, PhoneId(40));
        let next = phones.hold(10);
        assert_eq!((phones.id(known), phones.id(next)), (PhoneId(40), PhoneId(41)));
    }
}
