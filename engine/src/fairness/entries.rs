//! Owns what a lottery's ranks rest on: the hash of its entries, and the key made of it and the seed.

use sha2::{Digest, Sha256};

use super::Seed;

/// A running SHA-256 over a lottery's entries in their order. To be built again from the entries after a restart.
#[derive(Debug, Clone, Default)]
pub struct EntriesHash {
    hash: Sha256,
}

impl EntriesHash {
    /// The hash of no entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next entry. The length goes first, so that no two lists of people make the same bytes.
    ///
    /// # Panics
    /// If `user` is 4 GiB long or longer.
    pub fn update(&mut self, user: &str) {
        let length = u32::try_from(user.len()).expect("an id is short");
        self.hash.update(length.to_le_bytes());
        self.hash.update(user);
    }

    /// The hash of all entries up to here.
    pub fn value(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }
}

/// What decides all ranks of one lottery. As secret as the seed, until that is out.
#[derive(Clone, PartialEq, Eq)]
pub struct LotteryKey([u8; 32]);

impl LotteryKey {
    /// The key of the lottery with this seed and these entries, of which `entries` is the [`EntriesHash`]'s value.
    pub fn new(seed: &Seed, entries: &[u8; 32]) -> Self {
        Self(Sha256::new().chain_update(seed.as_bytes()).chain_update(entries).finalize().into())
    }

    /// The key itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for LotteryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LotteryKey(secret)")
    }
}
