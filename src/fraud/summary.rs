//! Owns the counting of the most frequent among any number of keys in a bounded space, by the algorithm of Misra and Gries: when
//! there is no room for a key more, all counts are lowered by the median of them, and those that come to nothing make room.
//!
//! A count is never too high, and too low by at most [`Summary::error`], which is at most the sum of all counts over 256: each
//! lowering by some number takes it from at least 256 of the 512 entries. A lowering frees at least half of the entries, so that
//! its cost comes to a few comparisons a new key. Until 512 different keys have come, counts are exact.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

use siphasher::sip::SipHasher13;

/// How many keys there is room for.
const ENTRIES: usize = 512;

/// The error is at most the sum of all counts over this.
pub(super) const ERROR_SHARE: u64 = ENTRIES as u64 / 2;

/// The most frequent keys.
#[derive(Debug, Clone)]
pub(super) struct Summary {
    counts: HashMap<u64, u64, Keyed>,
    error: u64,
    sum: u64,
}

/// Hashes under a key that callers do not know, so that nobody can choose keys that share a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keyed(pub(super) [u8; 16]);

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_key(&self.0)
    }
}

impl Keyed {
    /// The hash of a key.
    pub(super) fn hash(self, key: u64) -> u64 {
        let mut hasher = self.build_hasher();
        hasher.write_u64(key);
        hasher.finish()
    }
}

impl Summary {
    /// Nothing counted.
    pub(super) fn new(keyed: Keyed) -> Self {
        Self { counts: HashMap::with_hasher(keyed), error: 0, sum: 0 }
    }

    /// Counts a key once; says whether it was not among those that are counted.
    pub(super) fn count(&mut self, key: u64) -> bool {
        self.sum += 1;
        if let Some(count) = self.counts.get_mut(&key) {
            *count += 1;
            return false;
        }
        if self.counts.len() == ENTRIES {
            self.lower();
        }
        self.counts.insert(key, 1);
        true
    }

    fn lower(&mut self) {
        let mut counts: Vec<u64> = self.counts.values().copied().collect();
        let (_, median, _) = counts.select_nth_unstable(ENTRIES / 2);
        let by = *median;
        self.counts.retain(|_, count| {
            *count = count.saturating_sub(by);
            *count > 0
        });
        self.error += by;
        debug_assert!(self.counts.len() <= ENTRIES / 2, "the median and what is not more are gone");
    }

    /// Adds what another one has counted. The sum may hold more keys than one that counts: it is for reading.
    pub(super) fn add(&mut self, other: &Summary) {
        for (key, count) in &other.counts {
            *self.counts.entry(*key).or_default() += count;
        }
        self.error += other.error;
        self.sum += other.sum;
    }

    /// How often a key was counted, at least.
    pub(super) fn of(&self, key: u64) -> u64 {
        self.counts.get(&key).copied().unwrap_or(0)
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
        let mut counts: Vec<(u64, u64)> = self.counts.iter().map(|(key, count)| (*count, *key)).collect();
        counts.sort_unstable_by_key(|(count, key)| (std::cmp::Reverse(*count), *key));
        counts.into_iter().take(most).map(|(_, key)| key).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEYED: Keyed = Keyed([7; 16]);

    proptest! {
        #[test]
        fn no_count_is_too_high_and_none_is_too_low_by_more_than_the_error(
            spread in 1u64..4_000, parts in 1usize..4, seeds in prop::collection::vec(any::<u32>(), 1..12_000),
        ) {
            let mut truth: HashMap<u64, u64> = HashMap::new();
            let mut summaries = vec![Summary::new(KEYED); parts];
            for (place, seed) in seeds.iter().enumerate() {
                // Half of all are the same seven keys, the others are spread.
                let key = if seed % 2 == 0 { u64::from(*seed) % 7 } else { u64::from(*seed) % spread };
                *truth.entry(key).or_default() += 1;
                summaries[place % parts].count(key);
            }
            let mut sum = Summary::new(KEYED);
            summaries.iter().for_each(|summary| sum.add(summary));
            prop_assert_eq!(sum.sum(), seeds.len() as u64);
            for (key, count) in truth {
                prop_assert!(sum.of(key) <= count && count <= sum.of(key) + sum.error(), "{key}: {count}");
            }
        }
    }

    #[test]
    fn what_is_frequent_stands_out_of_a_million_others() {
        let mut summary = Summary::new(KEYED);
        for number in 0..1_000_000u64 {
            summary.count(1_000 + number);
            if number % 50 == 0 {
                summary.count(number / 50 % 2);
            }
        }
        assert!(summary.counts.len() <= ENTRIES);
        assert_eq!(summary.top(2), [0, 1]);
        assert!(summary.of(0) <= 10_000 && summary.of(0) + summary.error() >= 10_000);
    }

    #[test]
    fn few_keys_are_counted_exactly() {
        let mut summary = Summary::new(KEYED);
        for number in 0..10_000u64 {
            summary.count(number % 512);
        }
        assert_eq!((summary.error(), summary.of(3)), (0, 20));
        assert_eq!(summary.top(1), [0]);
    }
}
