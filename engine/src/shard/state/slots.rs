//! Owns one table of claims by 32-bit tag: open addressing, linear probing, a claim and its tag in one word, nothing ever
//! removed. Who looks for a newcomer, and then puts them in, waits for one cache line; a table that keeps its control bytes apart
//! makes that two.

use crate::id::Serial;

/// The words of a table: the tag above, the claim's serial and one below, so that zero is an empty slot and a new table is
/// memory that nobody has touched.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots {
    /// A power of two of them, or none.
    words: Box<[u64]>,
    taken: usize,
}

const EMPTY: u64 = 0;

fn word(tag: u32, claim: Serial) -> u64 {
    u64::from(tag) << 32 | (u64::from(claim.0) + 1)
}

fn tag_of(word: u64) -> u64 {
    word >> 32
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is the claim")]
fn claim_of(word: u64) -> Serial {
    Serial((word as u32) - 1)
}

impl Slots {
    /// A table with room for so many claims.
    pub(super) fn with_room(claims: usize) -> Self {
        // Three quarters full at most: a search for a newcomer then looks at eight slots on average, a cache line.
        let slots = (claims * 4).div_ceil(3).next_power_of_two().max(4);
        Self { words: vec![EMPTY; slots].into(), taken: 0 }
    }

    /// Whether it has room for nothing yet.
    pub(super) fn is_unmade(&self) -> bool {
        self.words.is_empty()
    }

    /// The claim of this tag that `is_it` confirms.
    pub(super) fn find(&self, tag: u32, mut is_it: impl FnMut(Serial) -> bool) -> Option<Serial> {
        let slot = self.slots_of(tag).find(|slot| {
            let word = self.words[*slot];
            word == EMPTY || (tag_of(word) == u64::from(tag) && is_it(claim_of(word)))
        })?;
        let word = self.words[slot];
        (word != EMPTY).then(|| claim_of(word))
    }

    /// The word that a search for `tag` begins at.
    pub(super) fn glance(&self, tag: u32) -> u64 {
        let last = self.words.len().wrapping_sub(1);
        self.words.get(tag as usize & last).copied().unwrap_or(EMPTY)
    }

    /// Adds a claim that is not there.
    pub(super) fn insert(&mut self, tag: u32, claim: Serial) {
        if (self.taken + 1) * 4 > self.words.len() * 3 {
            self.grow();
        }
        self.place(word(tag, claim));
        self.taken += 1;
    }

    /// Puts `claim` in the place of `former`, which is there.
    pub(super) fn replace(&mut self, tag: u32, former: Serial, claim: Serial) {
        let former = word(tag, former);
        let slot = self.slots_of(tag).find(|slot| self.words[*slot] == former);
        self.words[slot.expect("the former claim is under its tag")] = word(tag, claim);
    }

    /// What it holds of the heap, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.words.len() * size_of::<u64>()
    }

    /// The slots in which a claim of this tag may be, in the order of the search.
    fn slots_of(&self, tag: u32) -> impl Iterator<Item = usize> + use<> {
        let slots = self.words.len();
        let first = tag as usize;
        (first..first + slots).map(move |slot| slot & (slots - 1))
    }

    fn place(&mut self, word: u64) {
        let tag = u32::try_from(tag_of(word)).expect("32 bits");
        let slot = self.slots_of(tag).find(|slot| self.words[*slot] == EMPTY);
        self.words[slot.expect("a quarter of the slots is empty")] = word;
    }

    fn grow(&mut self) {
        let slots = (self.words.len() * 2).max(4);
        let former = std::mem::replace(&mut self.words, vec![EMPTY; slots].into());
        former.into_iter().filter(|word| *word != EMPTY).for_each(|word| self.place(word));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a map, with tags that often fall together, from the smallest table on.
        #[test]
        fn every_claim_is_found_under_its_tag(
            steps in prop::collection::vec((0..40u32, any::<bool>()), 0..300),
            room in 0..50usize,
        ) {
            let mut slots = Slots::with_room(room);
            let mut latest: BTreeMap<u32, Vec<Serial>> = BTreeMap::new();
            for (claim, (tag, replaces)) in (0..).map(Serial).zip(steps) {
                // Neighbours, and tags that differ far above the table's size.
                let tag = if tag % 2 == 0 { tag } else { tag << 24 };
                let claims = latest.entry(tag).or_default();
                match claims.first_mut() {
                    Some(first) if replaces => {
                        slots.replace(tag, *first, claim);
                        *first = claim;
                    }
                    Some(_) | None => {
                        slots.insert(tag, claim);
                        claims.push(claim);
                    }
                }
            }
            for (tag, claims) in &latest {
                for claim in claims {
                    prop_assert_eq!(slots.find(*tag, |found| found == *claim), Some(*claim));
                }
                prop_assert_eq!(slots.find(*tag, |_| false), None);
                prop_assert_eq!(slots.find(tag + 1_000, |_| true), None);
            }
            prop_assert!(slots.taken * 4 <= slots.words.len() * 3);
        }
    }

    #[test]
    fn the_first_and_the_last_serial_fit() {
        let mut slots = Slots::default();
        slots.insert(0, Serial(0));
        slots.insert(u32::MAX, Serial(u32::MAX - 1));
        assert_eq!(slots.find(0, |_| true), Some(Serial(0)));
        assert_eq!(slots.find(u32::MAX, |_| true), Some(Serial(u32::MAX - 1)));
        assert_eq!(slots.find(1, |_| true), None);
    }
}
