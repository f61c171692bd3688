//! Owns the table from a hash to the latest claim that bears it. Leaves what is hashed, and whether two are equal, to
//! [`super::claims`].

use super::slots::Slots;
use crate::id::Serial;

/// How many tables share the entries. One big table would stall its shard for 39 ms when it grows to two million entries;
/// 256 grow one at a time, in under a millisecond each.
const TABLES: usize = ClaimIndex::TABLES;
/// The most entries that room is made for ahead, all of it before the campaign opens: 300 MB of addresses, of which 35 MB
/// are touched. More grow as they come, a table at a time.
const RESERVED_MAX: usize = 1 << 24;

/// A table of claims by 64-bit hash.
#[derive(Debug, Clone)]
pub(super) struct ClaimIndex {
    /// Empty until the first claim. Each table is reserved at its own first entry, so that a campaign of a billion costs
    /// nothing before somebody comes.
    tables: Vec<Slots>,
    reserved_each: usize,
}

impl ClaimIndex {
    /// In how many parts room can be made ahead.
    pub(super) const TABLES: usize = 256;

    /// A table that expects so many entries.
    pub(super) fn new(expected: u32) -> Self {
        let expected = usize::try_from(expected).unwrap_or(RESERVED_MAX).min(RESERVED_MAX);
        // Hashing spreads entries unevenly; a quarter of a thousand tables would else grow just past the expected count.
        let spread = if expected < TABLES { 0 } else { expected / TABLES / 8 };
        Self { tables: Vec::new(), reserved_each: expected / TABLES + spread }
    }

    /// The claim under `hash` that `is_it` confirms.
    pub(super) fn find(&self, hash: u64, is_it: impl FnMut(Serial) -> bool) -> Option<Serial> {
        let (table, tag) = place(hash);
        self.tables.get(table)?.find(tag, is_it)
    }

    /// Reads the word that a search for `hash` begins at.
    pub(super) fn glance(&self, hash: u64) -> u64 {
        let (table, tag) = place(hash);
        self.tables.get(table).map_or(0, |table| table.glance(tag))
    }

    /// Adds `claim` under `hash`, in the place of `former` if there was one.
    pub(super) fn put(&mut self, hash: u64, claim: Serial, former: Option<Serial>) {
        let (table, tag) = place(hash);
        self.reserve(table);
        match former {
            Some(former) => self.tables[table].replace(tag, former, claim),
            None => self.tables[table].insert(tag, claim),
        }
    }

    /// Makes room in one of [`ClaimIndex::TABLES`] parts for as many entries as are expected there.
    pub(super) fn reserve(&mut self, table: usize) {
        if self.tables.is_empty() {
            self.tables.resize_with(TABLES, Slots::default);
        }
        if self.tables[table].is_unmade() {
            self.tables[table] = Slots::with_room(self.reserved_each);
        }
    }

    /// What it holds of the heap, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.tables.capacity() * size_of::<Slots>() + self.tables.iter().map(Slots::heap_bytes).sum::<usize>()
    }
}

/// The table that a hash belongs to, by its top byte, and its tag, by its low half.
#[expect(clippy::cast_possible_truncation, reason = "bits of the hash are cut off on purpose")]
fn place(hash: u64) -> (usize, u32) {
    ((hash >> 56) as usize, hash as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_hashes_are_told_apart_by_what_they_stand_for() {
        let mut index = ClaimIndex::new(10);
        let names = ["ann", "bob", "ann"];
        let is = |name| move |claim: Serial| names[claim.as_index()] == name;
        index.put(7, Serial(0), None);
        index.put(7, Serial(1), None);
        index.put(7, Serial(2), Some(Serial(0)));
        assert_eq!(index.find(7, is("ann")), Some(Serial(2)));
        assert_eq!(index.find(7, is("bob")), Some(Serial(1)));
        assert_eq!(index.find(7, is("eve")), None);
        assert_eq!(index.find(8, is("ann")), None);
    }

    #[test]
    fn room_for_a_billion_is_made_as_it_is_needed() {
        let mut index = ClaimIndex::new(1_000_000_000);
        assert_eq!(index.heap_bytes(), 0);
        index.put(0, Serial(0), None);
        assert!(index.heap_bytes() < 8 << 20, "{} bytes for one entry", index.heap_bytes());
    }
}
