//! Owns the table from a code to where it stands. Leaves the codes themselves, and so whether two are equal, to
//! [`super::lists`].

use hashbrown::HashTable;
use parking_lot::RwLock;
use siphasher::sip::SipHasher13;

use super::UPLOAD_CODES_MAX;

/// How many tables share the entries, each under its own lock: one grows at a time, in under a millisecond even with tens
/// of millions of codes, and whoever looks a code up waits at most for that.
const TABLES: usize = 256;
const PLACE_BITS: u32 = 20;
const LIST_BITS: u32 = 20;
const TAG_BITS: u32 = 24;
const PLACE_MASK: u64 = (1 << PLACE_BITS) - 1;
const LIST_MASK: u64 = (1 << LIST_BITS) - 1;
/// A table is made smaller once it could hold so many times what it holds.
const SPARSE: usize = 4;
/// Tables with room for fewer entries than this are left as they are.
const SMALL: usize = 16;

/// How many lists may exist at once.
pub(super) const LISTS_MAX: usize = 1 << LIST_BITS;

const _: () = assert!(PLACE_BITS + LIST_BITS + TAG_BITS == 64 && UPLOAD_CODES_MAX <= 1 << PLACE_BITS);

/// The number of a list of codes; used again once all of its codes have left the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListNumber(pub(super) u32);

/// Where a code stands: in which list, and there at which place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) list: ListNumber,
    pub(super) place: u32,
}

/// Eight bytes a code: a spot, and enough of the hash to grow a table without looking at the codes.
#[derive(Debug, Clone, Copy)]
struct Entry(u64);

/// A code's hash under the index's key.
#[derive(Debug, Clone, Copy)]
pub(super) struct CodeHash(u64);

/// All codes that are imported or being imported, by hash. Keyed, so that nobody can choose codes that crowd together.
#[derive(Debug)]
pub(super) struct Index {
    tables: Box<[RwLock<HashTable<Entry>>]>,
    hasher: SipHasher13,
}

impl Index {
    /// An empty index under a secret key.
    pub(super) fn new(key: &[u8; 16]) -> Self {
        let tables = std::iter::repeat_with(RwLock::default).take(TABLES).collect();
        Self { tables, hasher: SipHasher13::new_with_key(key) }
    }

    /// What all else here asks for.
    pub(super) fn hash(&self, code: &[u8]) -> CodeHash {
        CodeHash(self.hasher.hash(code))
    }

    /// The spot under `hash` that `is_it` confirms.
    pub(super) fn find(&self, hash: CodeHash, mut is_it: impl FnMut(Spot) -> bool) -> Option<Spot> {
        let table = self.tables[hash.table()].read();
        table.find(hash.within(), |entry| entry.tag() == hash.tag() && is_it(entry.spot())).map(|entry| entry.spot())
    }

    /// Adds the spot that `put` gives, unless `is_it` confirms one that is there: then that one is given and nothing is
    /// done. Nobody comes between the look and the addition.
    pub(super) fn add(
        &self,
        hash: CodeHash,
        mut is_it: impl FnMut(Spot) -> bool,
        put: impl FnOnce() -> Spot,
    ) -> Result<(), Spot> {
        let mut table = self.tables[hash.table()].write();
        let found = table.find(hash.within(), |entry| entry.tag() == hash.tag() && is_it(entry.spot()));
        if let Some(entry) = found {
            return Err(entry.spot());
        }
        table.insert_unique(hash.within(), Entry::new(hash.tag(), put()), |entry| Entry::within(entry.tag()));
        Ok(())
    }

    /// Removes a spot that was added under `hash`.
    pub(super) fn remove(&self, hash: CodeHash, spot: Spot) {
        let mut table = self.tables[hash.table()].write();
        let entry = table.find_entry(hash.within(), |entry| entry.spot() == spot);
        entry.expect("what is removed was added").remove();
    }

    /// Gives memory back after many codes have left.
    pub(super) fn shrink(&self) {
        for table in &self.tables {
            // Looked at under the read lock first: mostly there is nothing to do.
            let is_sparse = |table: &HashTable<Entry>| table.capacity() > SMALL.max(SPARSE * table.len());
            if is_sparse(&table.read()) {
                table.write().shrink_to_fit(|entry| Entry::within(entry.tag()));
            }
        }
    }

    /// What it holds of the heap, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.tables.len() * size_of::<RwLock<HashTable<Entry>>>()
            + self.tables.iter().map(|table| table.read().allocation_size()).sum::<usize>()
    }
}

impl CodeHash {
    /// The table, by the top byte.
    fn table(self) -> usize {
        (self.0 >> 56) as usize
    }

    fn tag(self) -> u64 {
        self.0 & ((1 << TAG_BITS) - 1)
    }

    fn within(self) -> u64 {
        Entry::within(self.tag())
    }
}

impl Entry {
    fn new(tag: u64, spot: Spot) -> Self {
        let (list, place) = (u64::from(spot.list.0), u64::from(spot.place));
        assert!(list <= LIST_MASK && place <= PLACE_MASK, "lists and their lengths are bounded");
        Self(tag << (LIST_BITS + PLACE_BITS) | list << PLACE_BITS | place)
    }

    fn tag(self) -> u64 {
        self.0 >> (LIST_BITS + PLACE_BITS)
    }

    fn spot(self) -> Spot {
        let list = ListNumber((self.0 >> PLACE_BITS & LIST_MASK) as u32);
        Spot { list, place: (self.0 & PLACE_MASK) as u32 }
    }

    /// The hash within a table: hashbrown places by the low bits and compares the top seven first. Both come from the tag,
    /// and do not overlap until a table has 2^17 buckets, with 30 million codes in all; beyond that it only gets slower.
    fn within(tag: u64) -> u64 {
        tag << (64 - TAG_BITS) | tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODES: [&str; 3] = ["a", "b", "a"];

    fn spot(place: u32) -> Spot {
        Spot { list: ListNumber(0xf_fffe), place }
    }

    #[test]
    fn equal_hashes_are_told_apart_by_what_they_stand_for() {
        let index = Index::new(&[1; 16]);
        let hash = CodeHash(0xab00_0000_0000_0007);
        let is = |code| move |spot: Spot| CODES[spot.place as usize] == code;
        assert_eq!(index.add(hash, is("a"), || spot(0)), Ok(()));
        assert_eq!(index.add(hash, is("b"), || spot(1)), Ok(()));
        assert_eq!(index.add(hash, is("a"), || panic!("it is there")), Err(spot(0)));
        assert_eq!(index.find(hash, is("b")), Some(spot(1)));
        assert_eq!(index.find(hash, is("c")), None);
        index.remove(hash, spot(0));
        assert_eq!((index.find(hash, is("a")), index.find(hash, is("b"))), (None, Some(spot(1))));
    }

    #[test]
    fn an_entry_holds_the_largest_parts() {
        let largest = Spot { list: ListNumber(0xf_ffff), place: 0xf_ffff };
        let entry = Entry::new(0xff_ffff, largest);
        assert_eq!((entry.tag(), entry.spot()), (0xff_ffff, largest));
    }

    #[test]
    fn memory_comes_back_when_codes_leave() {
        let index = Index::new(&[1; 16]);
        let empty = index.heap_bytes();
        let hashes: Vec<_> = (0..100_000u32).map(|n| (n, index.hash(&n.to_le_bytes()))).collect();
        for (place, hash) in &hashes {
            assert_eq!(index.add(*hash, |_| false, || spot(*place)), Ok(()));
        }
        assert!(index.heap_bytes() > empty + 800_000);
        hashes.iter().for_each(|(place, hash)| index.remove(*hash, spot(*place)));
        index.shrink();
        assert_eq!(index.heap_bytes(), empty);
    }
}
