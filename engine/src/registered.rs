//! Owns what stands for somebody who has registered: a hash under a key that follows from the campaign's seed, so that whoever has the log
//! has it too, and nobody else can choose ids that fall together.

use std::hash::Hasher;

use sha2::{Digest, Sha256};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::fairness::Seed;

/// Hashes those who register with one campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RegisteredKey([u8; 16]);

impl RegisteredKey {
    /// The key of the campaign that has this seed.
    pub(crate) fn new(seed: &Seed) -> Self {
        let digest =
            Sha256::new().chain_update(b"landrush registered people\0").chain_update(seed.as_bytes()).finalize();
        let (key, _) = digest.split_first_chunk().expect("a digest has 32 bytes");
        Self(*key)
    }

    /// What stands for `user`. That two users share it happens once in 2^128 pairs.
    pub(crate) fn hash(self, user: &str) -> RegisteredHash {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write(user.as_bytes());
        RegisteredHash(hasher.finish128().as_bytes())
    }
}

/// Somebody who has registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RegisteredHash(pub(crate) [u8; 16]);

impl RegisteredHash {
    /// Half of a keyed hash is a keyed hash.
    pub(crate) fn bits(self) -> u64 {
        let (first, _) = self.0.split_first_chunk().expect("it has 16 bytes");
        u64::from_le_bytes(*first)
    }
}
