//! Owns SipHash-2-4 of eight bytes under several keys side by side. One such hash is a chain in which each step waits for
//! the one before; two chains that are computed step by step together take little longer than one.

use std::array::from_fn;

/// A key, as the state that hashing begins with.
#[derive(Clone)]
pub(super) struct SipKey([u64; 4]);

/// The state of each of so many hashes, by word and then by hash.
type States<const COUNT: usize> = [[u64; COUNT]; 4];

/// The last block of a message of eight bytes: its length, in the top byte.
const LENGTH_BLOCK: u64 = 8 << 56;

impl SipKey {
    pub(super) fn new(key: &[u8; 16]) -> Self {
        let word = |half: &[u8]| u64::from_le_bytes(half.try_into().expect("half a key has 8 bytes"));
        let (low, high) = (word(&key[..8]), word(&key[8..]));
        Self([
            low ^ u64::from_be_bytes(*b"somepseu"),
            high ^ u64::from_be_bytes(*b"dorandom"),
            low ^ u64::from_be_bytes(*b"lygenera"),
            high ^ u64::from_be_bytes(*b"tedbytes"),
        ])
    }
}

/// The hash of each message's eight bytes, little-endian, under its key.
#[inline]
pub(super) fn hash_each<const COUNT: usize>(keys: [&SipKey; COUNT], messages: [u64; COUNT]) -> [u64; COUNT] {
    let mut states: States<COUNT> = from_fn(|word| from_fn(|hash| keys[hash].0[word]));
    compress(&mut states, messages);
    compress(&mut states, [LENGTH_BLOCK; COUNT]);
    states[2].iter_mut().for_each(|word| *word ^= 0xff);
    (0..4).for_each(|_| round(&mut states));
    from_fn(|hash| states[0][hash] ^ states[1][hash] ^ states[2][hash] ^ states[3][hash])
}

#[inline]
fn compress<const COUNT: usize>(states: &mut States<COUNT>, blocks: [u64; COUNT]) {
    (0..COUNT).for_each(|hash| states[3][hash] ^= blocks[hash]);
    round(states);
    round(states);
    (0..COUNT).for_each(|hash| states[0][hash] ^= blocks[hash]);
}

#[inline]
fn round<const COUNT: usize>(states: &mut States<COUNT>) {
    let [a, b, c, d] = states;
    for hash in 0..COUNT {
        let (mut v0, mut v1, mut v2, mut v3) = (a[hash], b[hash], c[hash], d[hash]);
        v0 = v0.wrapping_add(v1);
        v2 = v2.wrapping_add(v3);
        v1 = v1.rotate_left(13) ^ v0;
        v3 = v3.rotate_left(16) ^ v2;
        v0 = v0.rotate_left(32).wrapping_add(v3);
        v2 = v2.wrapping_add(v1);
        v1 = v1.rotate_left(17) ^ v2;
        v3 = v3.rotate_left(21) ^ v0;
        v2 = v2.rotate_left(32);
        (a[hash], b[hash], c[hash], d[hash]) = (v0, v1, v2, v3);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use siphasher::sip::SipHasher24;

    use super::*;

    proptest! {
        #![proptest_config(crate::coupon::seeded())]

        #[test]
        fn it_hashes_as_the_reference_does(keys: [[u8; 16]; 3], messages: [u64; 3]) {
            let expected = from_fn(|hash| SipHasher24::new_with_key(&keys[hash]).hash(&messages[hash].to_le_bytes()));
            let [one, two, three] = keys.map(|key| SipKey::new(&key));
            prop_assert_eq!(hash_each([&one, &two, &three], messages), expected);
            prop_assert_eq!(hash_each([&two], [messages[1]]), [expected[1]]);
        }
    }
}
