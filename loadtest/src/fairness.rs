//! What a lottery or a waiting room published, computed again from the formulae that it promises: the commitment, the hash over the
//! entries and everybody's rank. Written from their description alone, so that an error of the server's is not repeated here.

use sha2::{Digest, Sha256};

/// Rounds of the shuffle.
const ROUNDS: u8 = 90;
/// Positions that share one hash.
const BLOCK: u32 = 256;

/// A SHA-256 hash.
pub(crate) type Hash = [u8; 32];

/// What a campaign shows of its `seed` before it is over.
pub(crate) fn commitment(seed: &Hash) -> Hash {
    Sha256::digest(seed).into()
}

/// Whether `seed` is the one that `commitment` bound its server to; both are hexadecimal digits.
pub(crate) fn is_bound(seed: &str, commitment: &str) -> bool {
    hash_of(seed).zip(hash_of(commitment)).is_some_and(|(seed, bound)| self::commitment(&seed) == bound)
}

/// The hash over the ids of all who entered, in the order of their numbers.
pub(crate) fn entries_hash<'a>(users: impl Iterator<Item = &'a str>) -> Hash {
    let mut hash = Sha256::new();
    for user in users {
        let length = u32::try_from(user.len()).expect("an id of a few bytes");
        hash.update(length.to_le_bytes());
        hash.update(user);
    }
    hash.finalize().into()
}

/// The chained hash over the ids of all who came to a waiting room before its opening, in the order of their numbers.
pub(crate) fn chained_hash<'a>(users: impl Iterator<Item = &'a str>) -> Hash {
    users.fold([0; 32], |hash, user| {
        let length = u32::try_from(user.len()).expect("an id of a few bytes");
        sha(&[&hash, &length.to_le_bytes(), user.as_bytes()])
    })
}

/// The key of the shuffle: from the seed, and from the entries, so that neither alone decides.
pub(crate) fn lottery_key(seed: &Hash, entries: &Hash) -> Hash {
    sha(&[seed, entries])
}

/// The rank, from 1 on, of the entry with this number, from 1 to `count`.
pub(crate) fn rank(key: &Hash, number: u32, count: u32) -> u32 {
    assert!((1..=count).contains(&number), "there is no entry {number} among {count}");
    let mut index = number - 1;
    for round in 0..ROUNDS {
        let hash = sha(&[key, &[round]]);
        let first = u64::from_le_bytes(*hash.first_chunk().expect("a hash is longer"));
        let pivot = u32::try_from(first % u64::from(count)).expect("below a u32");
        let mirrored = (u64::from(pivot) + u64::from(count) - u64::from(index)) % u64::from(count);
        let mirrored = u32::try_from(mirrored).expect("below a u32");
        let position = index.max(mirrored);
        let bits = sha(&[key, &[round], &(position / BLOCK).to_le_bytes()]);
        let bit = position % BLOCK;
        let byte = bits[usize::try_from(bit / 8).expect("below 32")];
        if byte >> (bit % 8) & 1 == 1 {
            index = mirrored;
        }
    }
    index + 1
}

/// Reads 64 hexadecimal digits in lower case.
pub(crate) fn hash_of(hex: &str) -> Option<Hash> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut hash = [0; 32];
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if pairs.len() != hash.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(hash)
}

fn sha(parts: &[&[u8]]) -> Hash {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn hash(hex: &str) -> Hash {
        hash_of(hex).expect("a hash")
    }

    #[test]
    fn hexadecimal_is_read_or_refused() {
        assert_eq!(hash_of(&"0f".repeat(32)), Some([15; 32]));
        for bad in ["", "0f", &"0F".repeat(32), &"0g".repeat(32), &"0f".repeat(33), &"0f".repeat(32)[1..]] {
            assert_eq!(hash_of(bad), None, "{bad:?}");
        }
    }

    /// Computed by a script of another language that follows the same description.
    #[test]
    fn a_known_lottery_has_its_known_hashes_and_ranks() {
        let seed: Hash = std::array::from_fn(|place| u8::try_from(place).expect("below 32"));
        assert_eq!(commitment(&seed), hash("630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd"));
        let users: Vec<String> = (1..=600).map(|number| format!("user-{number}")).collect();
        let entries = entries_hash(users.iter().map(String::as_str));
        assert_eq!(entries, hash("d36240e4468ae5f6b7e2a2a073e0a8b85f01e7d461418396a14aaf4623b69241"));
        let key = lottery_key(&seed, &entries);
        let ranks = [1, 2, 3, 257, 600].map(|number| rank(&key, number, 600));
        assert_eq!(ranks, [449, 476, 335, 340, 313]);
    }

    #[test]
    fn everybody_has_a_rank_of_their_own() {
        for count in [1, 2, 3, 255, 256, 257, 700] {
            let ranks: BTreeSet<_> = (1..=count).map(|number| rank(&[7; 32], number, count)).collect();
            assert_eq!(ranks, (1..=count).collect(), "{count}");
        }
    }
}
