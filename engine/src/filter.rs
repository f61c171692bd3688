//! Owns the question "may this person have been decided here?", answered without asking the shard. A Bloom filter with one
//! writer and any number of readers: it may say "maybe" too often, never "no" wrongly.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use siphasher::sip::SipHasher13;

use crate::id::CampaignNumber;

/// Hashes people under a secret key, so that nobody can choose ids that collide.
#[derive(Clone, Copy)]
pub(crate) struct PersonHasher(SipHasher13);

impl PersonHasher {
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Self(SipHasher13::new_with_key(&key))
    }

    pub(crate) fn hash(self, user: &str) -> PersonHash {
        PersonHash(self.0.hash(user.as_bytes()))
    }
}

impl std::fmt::Debug for PersonHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonHasher(secret)")
    }
}

/// A person under the secret key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PersonHash(u64);

impl PersonHash {
    /// A person by another keyed hash.
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// As tables know it.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }
}

/// Who claims, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claimant {
    pub(crate) campaign: CampaignNumber,
    pub(crate) person: PersonHash,
}

impl Claimant {
    /// Neighbours of one campaign, with that campaign: mostly all of them are of one.
    pub(crate) fn by_campaign(
        claimants: &[Self],
    ) -> impl Iterator<Item = (CampaignNumber, impl Iterator<Item = PersonHash> + Clone)> {
        let neighbours = claimants.chunk_by(|one, next| one.campaign == next.campaign);
        neighbours.map(|them| (them[0].campaign, them.iter().map(|claimant| claimant.person)))
    }
}

/// The people who may have been decided in one campaign. Memory is taken as people come, 8 KiB at a time.
#[derive(Debug)]
pub(crate) struct DecidedFilter {
    chunks: Box<[OnceLock<Box<[AtomicU64; CHUNK_WORDS]>>]>,
}

/// Words in a chunk: 8 KiB.
const CHUNK_WORDS: usize = 1024;
/// A person sets four bits of one 64-bit word; with 16 bits a person about one stranger in 150 hears "maybe".
const BITS_PER_PERSON: u64 = 16;
/// 64 MiB, enough for 32 million people; beyond them "maybe" is only heard more often.
const CHUNKS_MAX: u64 = 8192;

impl DecidedFilter {
    /// Sized for `people`.
    pub(crate) fn new(people: u32) -> Self {
        let words = (u64::from(people) * BITS_PER_PERSON).div_ceil(u64::from(u64::BITS));
        let chunks = words.div_ceil(CHUNK_WORDS as u64).clamp(1, CHUNKS_MAX);
        Self { chunks: (0..chunks).map(|_| OnceLock::new()).collect() }
    }

    /// Which chunk and word a person falls into, and which bits of it.
    fn place(&self, person: PersonHash) -> (usize, usize, u64) {
        let words = self.chunks.len() * CHUNK_WORDS;
        // The high half picks the word (multiply and shift: even for any number of words), the low 24 bits pick the bits.
        let word = usize::try_from(((person.0 >> 32) * words as u64) >> 32).expect("less than the number of words");
        let bit = |nth: u32| 1u64 << ((person.0 >> (6 * nth)) & 63);
        (word / CHUNK_WORDS, word % CHUNK_WORDS, bit(0) | bit(1) | bit(2) | bit(3))
    }

    /// Remembers a person. Called by one thread at a time.
    pub(crate) fn insert(&self, person: PersonHash) {
        let (chunk, word, bits) = self.place(person);
        let chunk = self.chunks[chunk].get_or_init(|| Box::new([const { AtomicU64::new(0) }; CHUNK_WORDS]));
        let word = &chunk[word];
        // One writer: a load and a store lose nothing. Release pairs with the Acquire in `may_contain`; and the answer to
        // the claim leaves the shard later still, so that whoever heard of it finds the bits set.
        word.store(word.load(Ordering::Relaxed) | bits, Ordering::Release);
    }

    /// Reads the word that [`DecidedFilter::insert`] will write, for who wants to wait for memory now rather than later.
    pub(crate) fn glance(&self, person: PersonHash) -> u64 {
        let (chunk, word, _) = self.place(person);
        self.chunks[chunk].get().map_or(0, |chunk| chunk[word].load(Ordering::Relaxed))
    }

    /// What it holds of the heap, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let chunks = self.chunks.iter().filter_map(OnceLock::get);
        size_of_val(&*self.chunks) + chunks.map(|chunk| size_of_val(&**chunk)).sum::<usize>()
    }

    /// Whether the person may have been inserted. `false` is certain.
    pub(crate) fn may_contain(&self, person: PersonHash) -> bool {
        let (chunk, word, bits) = self.place(person);
        self.chunks[chunk].get().is_some_and(|chunk| chunk[word].load(Ordering::Acquire) & bits == bits)
    }
}

/// As [`DecidedFilter`], for who knows not how many will come: 8 KiB, and two to four bytes for each who has. Each layer holds twice as many as
/// the one before, and is made when that is full (Almeida, Baquero, Preguica, Hutchison, "Scalable Bloom Filters", 2007). With every
/// layer a stranger hears "maybe" once more in 150 times: of a million who came, there are eight.
#[derive(Debug, Default)]
pub(crate) struct GrowingFilter {
    layers: [OnceLock<DecidedFilter>; LAYERS_MAX],
    /// How many were inserted. Written by the one writer.
    count: AtomicU64,
}

/// People whom the first layer holds: as many as a chunk.
const FIRST_LAYER: u32 = 4096;
/// Enough for every `u32` of people.
const LAYERS_MAX: usize = 20;

impl GrowingFilter {
    /// Remembers a person. Called by one thread at a time.
    pub(crate) fn insert(&self, person: PersonHash) {
        let count = self.count.load(Ordering::Relaxed);
        self.count.store(count + 1, Ordering::Relaxed);
        // All layers before the n-th hold 2^n - 1 times as many as the first.
        let layer = ((count / u64::from(FIRST_LAYER) + 1).ilog2() as usize).min(LAYERS_MAX - 1);
        self.layers[layer].get_or_init(|| DecidedFilter::new(FIRST_LAYER << layer)).insert(person);
    }

    /// Whether the person may have been inserted. `false` is certain.
    pub(crate) fn may_contain(&self, person: PersonHash) -> bool {
        self.layers.iter().map_while(OnceLock::get).any(|layer| layer.may_contain(person))
    }

    /// What it holds of the heap, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.layers.iter().filter_map(OnceLock::get).map(DecidedFilter::heap_bytes).sum()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_grows_denies_nobody_and_takes_at_most_four_bytes_a_person() {
        let hasher = PersonHasher::new([7; 16]);
        let filter = GrowingFilter::default();
        for i in 0..200_000_u32 {
            filter.insert(hasher.hash(&format!("user-{i}")));
            // Where a layer has just been filled, and the next is made.
            if [12_287, 12_288, 61_440, 126_976, 199_999].contains(&i) {
                assert!((0..=i).all(|i| filter.may_contain(hasher.hash(&format!("user-{i}")))), "after {i}");
                assert!(filter.heap_bytes() <= 4 * i as usize + (16 << 10), "{} bytes for {i}", filter.heap_bytes());
            }
        }
        let maybe = (0..100_000).filter(|i| filter.may_contain(hasher.hash(&format!("stranger-{i}")))).count();
        assert!(maybe < 4_500, "{maybe} of 100,000 strangers were taken for somebody who came");
    }

    #[test]
    fn nobody_inserted_is_denied_and_few_strangers_are_sent_on() {
        let hasher = PersonHasher::new([7; 16]);
        let filter = DecidedFilter::new(100_000);
        for i in 0..100_000 {
            filter.insert(hasher.hash(&format!("user-{i}")));
        }
        assert!((0..100_000).all(|i| filter.may_contain(hasher.hash(&format!("user-{i}")))));
        let maybe = (0..100_000).filter(|i| filter.may_contain(hasher.hash(&format!("stranger-{i}")))).count();
        assert!(maybe < 1_500, "{maybe} of 100,000 strangers were taken for somebody decided");
    }

    #[test]
    fn a_filter_for_a_billion_takes_no_memory_before_people_come() {
        let filter = DecidedFilter::new(1_000_000_000);
        assert_eq!(filter.chunks.iter().filter(|chunk| chunk.get().is_some()).count(), 0);
        assert!(!filter.may_contain(PersonHasher::new([0; 16]).hash("anybody")));
    }
}
