//! Owns the keyed permutation of 80-bit words behind codes and claim ids. Leaves what a word means to [`super::code`].

use std::array::from_fn;

use super::sip::{SipKey, hash_each};

/// Bits in half a word.
const HALF: u32 = 40;
const HALF_MASK: u64 = (1 << HALF) - 1;

/// Eight rounds. A balanced Feistel network of four already is a strong pseudo-random permutation to somebody who sees far
/// fewer than 2^20 words; each further pair of rounds moves generic attacks towards all 2^40, which are more codes than a
/// campaign hands out. Eight leave two rounds over the six that are known to suffice for that.
const ROUNDS: u64 = 8;

/// A keyed permutation of 80-bit words: Feistel, with SipHash-2-4 of the round and half a word as its round function.
///
/// SipHash-2-4 is a pseudo-random function of short inputs, which is all that the construction asks for, and ten times
/// cheaper here than AES without its instructions or a SHA-2 block.
#[derive(Clone)]
pub(super) struct Permutation {
    keyed: SipKey,
}

impl Permutation {
    pub(super) fn new(key: &[u8; 16]) -> Self {
        Self { keyed: SipKey::new(key) }
    }

    /// Where the low 80 bits of `word` go.
    pub(super) fn forward(&self, word: u128) -> u128 {
        let [image] = Self::forward_each([self], word);
        image
    }

    /// Where the low 80 bits of `word` go under each of `permutations`, in little more time than under one.
    pub(super) fn forward_each<const COUNT: usize>(permutations: [&Self; COUNT], word: u128) -> [u128; COUNT] {
        let keys = permutations.map(|permutation| &permutation.keyed);
        let (left, right) = split(word);
        let (mut lefts, mut rights) = ([left; COUNT], [right; COUNT]);
        for round in 0..ROUNDS {
            let mixed = hash_each(keys, rights.map(|right| input(round, right)));
            (lefts, rights) = (rights, from_fn(|of| lefts[of] ^ mixed[of] & HALF_MASK));
        }
        from_fn(|of| join(lefts[of], rights[of]))
    }

    /// The word that `forward` sends to the low 80 bits of `word`.
    pub(super) fn backward(&self, word: u128) -> u128 {
        let (mut left, mut right) = split(word);
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ self.round(round, left), left);
        }
        join(left, right)
    }

    fn round(&self, round: u64, half: u64) -> u64 {
        let [mixed] = hash_each([&self.keyed], [input(round, half)]);
        mixed & HALF_MASK
    }
}

fn input(round: u64, half: u64) -> u64 {
    round << HALF | half
}

#[expect(clippy::cast_possible_truncation, reason = "both halves are masked to 40 bits")]
fn split(word: u128) -> (u64, u64) {
    ((word >> HALF) as u64 & HALF_MASK, word as u64 & HALF_MASK)
}

fn join(left: u64, right: u64) -> u128 {
    u128::from(left) << HALF | u128::from(right)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(crate::coupon::seeded())]

        #[test]
        fn backward_undoes_forward(key: [u8; 16], word in 0..1u128 << 80) {
            let permutation = Permutation::new(&key);
            let image = permutation.forward(word);
            prop_assert!(image < 1 << 80);
            prop_assert_eq!(permutation.backward(image), word);
            prop_assert_eq!(permutation.forward(permutation.backward(word)), word);
        }
    }

    #[test]
    fn one_bit_in_changes_about_half_the_bits_out() {
        let permutation = Permutation::new(&[7; 16]);
        for bit in 0..80 {
            let changed: u32 = (0..64u128)
                .map(|word| (permutation.forward(word) ^ permutation.forward(word ^ 1 << bit)).count_ones())
                .sum();
            // 64 words of 80 bits, half of which are expected to change; six standard deviations to either side.
            assert!((2_346..=2_774).contains(&changed), "bit {bit}: {changed} of 5120 changed");
        }
    }
}
