//! Owns the counting of the most frequent among any number of keys in a bounded space, by the algorithm of Misra and Gries: when
//! there is no room for a key more, all counts are lowered by the median of them, and those that come to nothing make room.
//!
//! A count is never too high, and too low by at most [`Summary::error`], which is at most the sum of all counts over 256: each
//! lowering by some number takes it from at least 256 of the 512 entries. A lowering frees at least half of the entries, so that
//! its cost comes to a few comparisons a new key. Until 512 different keys have come, counts are exact.

/// How many keys there is room for.
const ENTRIES: usize = 512;

/// The error is at most the sum of all counts over this.
pub(super) const ERROR_SHARE: u64 = ENTRIES as u64 / 2;

/// The fewest slots of a table that has any; a power of two.
const SLOTS_MIN: usize = 16;

/// The most frequent keys.
#[derive(Debug, Clone)]
pub(super) struct Summary {
    keyed: Keyed,
    /// Open addressing, at most half full: a table of our own, since one that marks what it deletes would be full of marks after each
    /// lowering. Its length is a power of two, or nothing.
    slots: Vec<Slot>,
    len: usize,
    error: u64,
    sum: u64,
}

/// A key that is counted; a count of nothing is an empty slot.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    key: u64,
    count: u64,
}

/// Hashes under a key that callers do not know. It is no keyed hash that a cryptographer would vouch for: whoever found out how to make
/// keys share a place would make a note cost a few hundred comparisons, which is all that a table holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keyed([u64; 2]);

impl Keyed {
    /// Hashes under `key`, which is random.
    pub(super) fn new(key: [u8; 16]) -> Self {
        let (low, high) = key.split_at(8);
        Self([low, high].map(|half| u64::from_le_bytes(half.try_into().expect("eight bytes"))))
    }

    /// The hash of a key, in whose bits no pattern of keys shows.
    pub(super) fn hash(self, key: u64) -> u64 {
        let Self([first, second]) = self;
        mix(mix(key ^ first).wrapping_add(second))
    }
}

/// The last step of SplitMix64 (Steele and others, 2014): each bit of the result depends on each of the input's.
fn mix(bits: u64) -> u64 {
    let bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

impl Summary {
    /// Nothing counted.
    pub(super) fn new(keyed: Keyed) -> Self {
        Self { keyed, slots: Vec::new(), len: 0, error: 0, sum: 0 }
    }

    /// Counts a key once, whose hash is `hash`; says whether it was not among those that are counted.
    pub(super) fn count(&mut self, key: u64, hash: u64) -> bool {
        self.sum += 1;
        if let Some(place) = self.place(key, hash)
            && self.slots[place].count > 0
        {
            self.slots[place].count += 1;
            return false;
        }
        if self.len == ENTRIES {
            self.lower();
        }
        self.insert(key, hash, 1);
        true
    }

    /// Where a key is, or would be; `None`: there is no table yet.
    fn place(&self, key: u64, hash: u64) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut place = usize::try_from(hash & mask as u64).expect("within the table");
        while self.slots[place].count > 0 && self.slots[place].key != key {
            place = (place + 1) & mask;
        }
        Some(place)
    }

    /// Adds a key that is not counted yet.
    fn insert(&mut self, key: u64, hash: u64, count: u64) {
        if self.len * 2 >= self.slots.len() {
            let slots = (self.slots.len() * 2).max(SLOTS_MIN);
            self.rebuild(slots, 0);
        }
        let place = self.place(key, hash).expect("there is a table");
        self.slots[place] = Slot { key, count };
        self.len += 1;
    }

    /// Moves what is more than `by`, less that, to a table of so many slots.
    fn rebuild(&mut self, slots: usize, by: u64) {
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); slots]);
        self.len = 0;
        for Slot { key, count } in old.into_iter().filter(|slot| slot.count > by) {
            let place = self.place(key, self.keyed.hash(key)).expect("there is a table");
            self.slots[place] = Slot { key, count: count - by };
            self.len += 1;
        }
    }

    fn lower(&mut self) {
        let mut counts: Vec<u64> = self.slots.iter().map(|slot| slot.count).filter(|count| *count > 0).collect();
        let (_, median, _) = counts.select_nth_unstable(ENTRIES / 2);
        let by = *median;
        self.rebuild(self.slots.len(), by);
        self.error += by;
        assert!(self.len < ENTRIES / 2 + 1, "the median and what is not more are gone");
    }

    /// Adds what another one has counted. The sum may hold more keys than one that counts: it is for reading.
    pub(super) fn add(&mut self, other: &Summary) {
        for Slot { key, count } in other.slots.iter().filter(|slot| slot.count > 0) {
            let hash = self.keyed.hash(*key);
            match self.place(*key, hash) {
                Some(place) if self.slots[place].count > 0 => self.slots[place].count += count,
                Some(_) | None => self.insert(*key, hash, *count),
            }
        }
        self.error += other.error;
        self.sum += other.sum;
    }

    /// How often a key was counted, at least.
    pub(super) fn of(&self, key: u64) -> u64 {
        self.place(key, self.keyed.hash(key)).map_or(0, |place| self.slots[place].count)
    }

    /// By how much each count may be too low.
    pub(super) fn error(&self) -> u64 {
        assert!(self.error <= self.sum / ERROR_SHARE, "the bound that the figures are told with");
        self.error
    }

    /// How many were counted, of all keys: exact.
    pub(super) fn sum(&self) -> u64 {
        self.sum
    }

    /// The `most` most frequent keys, the most frequent first.
    pub(super) fn top(&self, most: usize) -> Vec<u64> {
        let mut slots: Vec<Slot> = self.slots.iter().copied().filter(|slot| slot.count > 0).collect();
        slots.sort_unstable_by_key(|slot| (std::cmp::Reverse(slot.count), slot.key));
        slots.into_iter().take(most).map(|slot| slot.key).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn summary() -> Summary {
        Summary::new(Keyed::new([7; 16]))
    }

    fn count(summary: &mut Summary, key: u64) {
        summary.count(key, summary.keyed.hash(key));
    }

    proptest! {
        #[test]
        fn no_count_is_too_high_and_none_is_too_low_by_more_than_the_error(
            spread in 1u64..4_000, parts in 1usize..4, seeds in prop::collection::vec(any::<u32>(), 1..12_000),
        ) {
            let mut truth: HashMap<u64, u64> = HashMap::new();
            let mut summaries = vec![summary(); parts];
            for (place, seed) in seeds.iter().enumerate() {
                // Half of all are the same seven keys, the others are spread.
                let key = if seed % 2 == 0 { u64::from(*seed) % 7 } else { u64::from(*seed) % spread };
                *truth.entry(key).or_default() += 1;
                count(&mut summaries[place % parts], key);
            }
            let mut sum = summary();
            summaries.iter().for_each(|summary| sum.add(summary));
            prop_assert_eq!(sum.sum(), seeds.len() as u64);
            for (key, count) in truth {
                prop_assert!(sum.of(key) <= count && count <= sum.of(key) + sum.error(), "{key}: {count}");
            }
        }
    }

    #[test]
    fn what_is_frequent_stands_out_of_a_million_others() {
        let mut summary = summary();
        for number in 0..1_000_000u64 {
            count(&mut summary, 1_000 + number);
            if number % 50 == 0 {
                count(&mut summary, number / 50 % 2);
            }
        }
        assert!(summary.len <= ENTRIES);
        assert_eq!(summary.top(2), [0, 1]);
        assert!(summary.of(0) <= 10_000 && summary.of(0) + summary.error() >= 10_000);
    }

    #[test]
    fn few_keys_are_counted_exactly() {
        let mut summary = summary();
        for number in 0..10_000u64 {
            count(&mut summary, number % 512);
        }
        assert_eq!((summary.error(), summary.of(3)), (0, 20));
        assert_eq!(summary.top(1), [0]);
    }
}
