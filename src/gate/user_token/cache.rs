//! Owns the memory of tokens that were verified, so that a signature is computed once and not for every claim. One for each I/O
//! thread, without a lock.
//!
//! Bounded: two halves, of which the younger takes what is new; when it is full, the older is dropped. What is asked for again
//! moves to the younger.

use std::collections::HashMap;

use landrush_engine::time::Timestamp;
use siphasher::sip128::{Hasher128, SipHasher13};

use super::{TokenFault, Verified, Verifier};

/// The most tokens in one half: with ids of 20 bytes about 7 MB for both.
const HALF_ENTRIES_MAX: usize = 32_768;

/// Tokens that were verified, by a keyed hash of all their bytes.
#[derive(Debug)]
pub struct TokenCache {
    /// Unknown to whoever makes tokens, so that nobody can make two that collide.
    key: [u8; 16],
    half_entries_max: usize,
    generation: u64,
    young: HashMap<u128, Verified>,
    old: HashMap<u128, Verified>,
}

impl TokenCache {
    /// An empty cache under `key`, 16 random bytes.
    pub fn new(key: [u8; 16]) -> Self {
        Self::with_half(HALF_ENTRIES_MAX, key)
    }

    /// The same, with at most so many tokens in one half.
    pub(super) fn with_half(half_entries_max: usize, key: [u8; 16]) -> Self {
        Self { key, half_entries_max, generation: 0, young: HashMap::new(), old: HashMap::new() }
    }

    /// What `token` says, from memory or by verifying it.
    ///
    /// # Errors
    /// [`TokenFault`], if it does not hold. Faults are not remembered.
    pub fn verify(&mut self, verifier: &Verifier, token: &[u8], now: Timestamp) -> Result<Verified, TokenFault> {
        let generation = verifier.generation();
        if generation != self.generation {
            self.young.clear();
            self.old.clear();
            self.generation = generation;
        }
        let hash = self.hash(token);
        if let Some(known) = self.young.get(&hash) {
            return if now < known.until { Ok(known.clone()) } else { Err(TokenFault::Expired) };
        }
        let verified = match self.old.remove(&hash) {
            Some(known) if now < known.until => known,
            Some(_) => return Err(TokenFault::Expired),
            None => verifier.verify(token, now)?,
        };
        if self.young.len() >= self.half_entries_max {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash, verified.clone());
        Ok(verified)
    }

    fn hash(&self, token: &[u8]) -> u128 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        std::hash::Hasher::write(&mut hasher, token);
        hasher.finish128().as_u128()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    #[cfg(test)]
    pub(super) fn remembers(&self, token: &[u8]) -> bool {
        let hash = self.hash(token);
        self.young.contains_key(&hash) || self.old.contains_key(&hash)
    }
}
