//! Owns the question "may this person have come to the room?", answered without asking its shard, and what people are known by
//! in a room.

use std::fmt;
use std::hash::Hasher;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::fairness::Seed;
use crate::filter::{GrowingFilter, PersonHash};

/// Who may have come to a room: one for its shard, which writes, and for all who read.
#[derive(Clone)]
pub(crate) struct Came {
    person_key: [u8; 16],
    filter: Arc<GrowingFilter>,
}

impl Came {
    /// Nobody yet, in a room of this campaign's.
    pub(crate) fn new(campaign_seed: &Seed) -> Self {
        let digest = Sha256::new().chain_update(b"landrush waiting people\0").chain_update(campaign_seed.as_bytes());
        let digest = digest.finalize();
        let (person_key, _) = digest.split_first_chunk().expect("a digest has 32 bytes");
        Self { person_key: *person_key, filter: Arc::new(GrowingFilter::default()) }
    }

    /// What `user` is known by.
    pub(crate) fn person(&self, user: &str) -> [u8; 16] {
        let mut hasher = SipHasher13::new_with_key(&self.person_key);
        hasher.write(user.as_bytes());
        hasher.finish128().as_bytes()
    }

    /// Remembers that somebody has come. For the shard's thread, before the answer.
    pub(crate) fn insert(&self, person: &[u8; 16]) {
        self.filter.insert(hash(person));
    }

    /// Whether `user` may have come; `false` is certain.
    pub(crate) fn may_contain(&self, user: &str) -> bool {
        self.filter.may_contain(hash(&self.person(user)))
    }

    /// What it holds of the heap, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.filter.heap_bytes()
    }
}

/// Half of a keyed hash is a keyed hash.
fn hash(person: &[u8; 16]) -> PersonHash {
    let (first, _) = person.split_first_chunk().expect("it has 16 bytes");
    PersonHash::from_bits(u64::from_le_bytes(*first))
}

/// It follows from who has come.
impl PartialEq for Came {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Came {}

impl fmt::Debug for Came {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Came(secret)")
    }
}
