//! Owns the permutation that ranks a lottery's entries: of one entry alone, and of all in one go.
//!
//! Swap-or-not: a round mirrors each place about a pivot, and swaps it with its mirror image or not, as one bit of a hash
//! says that both share. So a single place can be followed through all rounds without the others.

use sha2::{Digest, Sha256};

use super::LotteryKey;

/// The most entries of a lottery. One less than fits, so that those who store ranks have a value left that is none.
pub const ENTRIES_MAX: u32 = u32::MAX - 1;

/// As many as Ethereum's shuffle has, so that its code checks ours. That is four rounds a bit of the index for four million
/// entries, the margin which is advised against somebody who already knows many ranks; more entries have a smaller margin.
const ROUNDS: u8 = 90;

/// Bits in a hash: positions that share one.
const BLOCK: usize = 256;

/// The rank, from 1 to `count`, of the entry with this number, from 1 to `count`. Takes 180 hashes, about 12 microseconds,
/// however many entries there are.
///
/// # Panics
/// If there is no such entry, or `count` is above [`ENTRIES_MAX`].
pub fn rank(key: &LotteryKey, number: u32, count: u32) -> u32 {
    assert!(count <= ENTRIES_MAX, "{count} entries are too many");
    assert!((1..=count).contains(&number), "there is no entry {number} among {count}");
    let mut index = number - 1;
    for round in 0..ROUNDS {
        let round = Round { key, round };
        let mirrored = mirror(index, round.pivot(count), count);
        if round.bit(index.max(mirrored)) {
            index = mirrored;
        }
    }
    index + 1
}

/// The ranks of all entries of a lottery: 8 bytes an entry.
#[derive(Clone, PartialEq, Eq)]
pub struct Ranks {
    /// The number of the entry with each rank, both from 1.
    numbers: Box<[u32]>,
    /// The rank of the entry with each number, both from 1.
    ranks: Box<[u32]>,
}

impl Ranks {
    /// Ranks `count` entries. Takes about 0.15 seconds a million: too long for a thread that others wait for.
    ///
    /// # Panics
    /// If `count` is above [`ENTRIES_MAX`].
    pub fn compute(key: &LotteryKey, count: u32) -> Self {
        assert!(count <= ENTRIES_MAX, "{count} entries are too many");
        let mut numbers: Box<[u32]> = (1..=count).collect();
        if count > 0 {
            for round in 0..ROUNDS {
                let round = Round { key, round };
                // Each place up to the pivot has its mirror image there, and each behind it has it behind it.
                let (up_to_pivot, behind) = numbers.split_at_mut(round.pivot(count) as usize + 1);
                round.swap_mirrored(up_to_pivot, 0);
                round.swap_mirrored(behind, up_to_pivot.len());
            }
        }
        let mut ranks = vec![0; numbers.len()].into_boxed_slice();
        for (rank, number) in (1..=count).zip(&numbers) {
            ranks[place(*number)] = rank;
        }
        Self { numbers, ranks }
    }

    /// The rank of each entry in the order of their numbers, and nothing else: 4 bytes an entry.
    pub fn into_ranks(self) -> Box<[u32]> {
        self.ranks
    }

    /// What they hold of the heap, in bytes.
    pub fn heap_bytes(&self) -> usize {
        size_of_val(&*self.numbers) + size_of_val(&*self.ranks)
    }

    /// How many entries are ranked.
    pub fn count(&self) -> u32 {
        u32::try_from(self.numbers.len()).expect("it was made from a u32")
    }

    /// The rank of the entry with this number.
    ///
    /// # Panics
    /// If there is no such entry.
    pub fn rank_of(&self, number: u32) -> u32 {
        self.ranks[place(number)]
    }

    /// The number of the entry with this rank.
    ///
    /// # Panics
    /// If there is no such rank.
    pub fn number_at(&self, rank: u32) -> u32 {
        self.numbers[place(rank)]
    }
}

impl std::fmt::Debug for Ranks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ranks of {} entries", self.count())
    }
}

/// Where something counted from 1 lies in a slice.
fn place(from_one: u32) -> usize {
    from_one.checked_sub(1).expect("numbers and ranks begin at 1") as usize
}

/// The mirror image of `index` about `pivot`, on a ring of `count` places.
fn mirror(index: u32, pivot: u32, count: u32) -> u32 {
    if index <= pivot { pivot - index } else { count - (index - pivot) }
}

/// One round of the shuffle.
struct Round<'k> {
    key: &'k LotteryKey,
    round: u8,
}

impl Round<'_> {
    /// The place about which the round mirrors `count` places.
    fn pivot(&self, count: u32) -> u32 {
        let digest = self.hash().finalize();
        let (first, _) = digest.split_first_chunk::<8>().expect("a digest has 32 bytes");
        u32::try_from(u64::from_le_bytes(*first) % u64::from(count)).expect("below the count")
    }

    /// The bits of 256 positions.
    fn bits(&self, block: u32) -> [u8; 32] {
        let mut hash = self.hash();
        hash.update(block.to_le_bytes());
        hash.finalize().into()
    }

    /// What all hashes of the round begin with.
    fn hash(&self) -> Sha256 {
        let mut hash = Sha256::new();
        hash.update(self.key.as_bytes());
        hash.update([self.round]);
        hash
    }

    /// Whether the place at `position` and its mirror image before it are swapped.
    fn bit(&self, position: u32) -> bool {
        let [lowest, ..] = position.to_le_bytes();
        bit_of(&self.bits(position / 256), lowest) == 1
    }

    /// Swaps the pairs of a stretch that mirrors itself and begins at position `begin`, where their bit says so: from its
    /// middle outwards, so that each hash is computed once.
    fn swap_mirrored(&self, stretch: &mut [u32], begin: usize) {
        let pairs = stretch.len() / 2;
        let (mut earlier, later) = stretch.split_at_mut(pairs);
        // The middle of an odd stretch is its own mirror image.
        let middle = later.len() - pairs;
        let mut later = &mut later[middle..];
        let mut position = begin + pairs + middle;
        while !later.is_empty() {
            let from = position % BLOCK;
            let run = later.len().min(BLOCK - from);
            let bits = self.bits(u32::try_from(position / BLOCK).expect("positions fit 32 bits"));
            let (run_later, rest_later) = later.split_at_mut(run);
            let (rest_earlier, run_earlier) = earlier.split_at_mut(earlier.len() - run);
            for (of_block, (one, other)) in
                (0..=u8::MAX).skip(from).zip(run_later.iter_mut().zip(run_earlier.iter_mut().rev()))
            {
                // Without a branch, which would be guessed wrong half of the time.
                let changed = (*one ^ *other) & 0u32.wrapping_sub(bit_of(&bits, of_block));
                *one ^= changed;
                *other ^= changed;
            }
            (later, earlier) = (rest_later, rest_earlier);
            position += run;
        }
    }
}

/// The bit of one position among the 256 of a block, 0 or 1: lowest bit of each byte first.
fn bit_of(bits: &[u8; 32], position: u8) -> u32 {
    u32::from(bits[usize::from(position / 8)] >> (position % 8) & 1)
}
