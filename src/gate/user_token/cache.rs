//! Owns the memory of tokens that were verified, so that a signature is computed once and not for every claim; and of what they were
//! found to say, so that their JSON is not read for every claim either. One for each I/O thread, without a lock.

use std::collections::HashMap;
use std::hash::Hash;

use landrush_engine::campaign::TokenClaim;
use landrush_engine::time::Timestamp;
use siphasher::sip128::{Hasher128, SipHasher13};

use super::{TokenFault, Verified, Verifier, said};

/// The most entries in one half: with ids of 20 bytes about 7 MB for both of tokens, and 4 MB where campaigns ask what tokens say.
const HALF_ENTRIES_MAX: usize = 32_768;

/// Tokens that were verified, by a keyed hash of all their bytes.
#[derive(Debug)]
pub struct TokenCache {
    /// Unknown to whoever makes tokens, so that nobody can make two that collide.
    key: [u8; 16],
    generation: u64,
    verified: Halves<Verified>,
    /// Whether a token says what was asked, by the hash of both: a campaign that asks for something else is another entry.
    said: Halves<bool>,
}

/// What was found, by a hash of what it was found for.
///
/// Bounded: two halves, of which the younger takes what is new; when it is full, the older is dropped. What is asked for again
/// moves to the younger.
#[derive(Debug)]
struct Halves<V> {
    entries_max: usize,
    young: HashMap<u128, V>,
    old: HashMap<u128, V>,
}

impl TokenCache {
    /// An empty cache under `key`, 16 random bytes.
    pub fn new(key: [u8; 16]) -> Self {
        Self::with_half(HALF_ENTRIES_MAX, key)
    }

    /// The same, with at most so many entries in one half.
    pub(super) fn with_half(half_entries_max: usize, key: [u8; 16]) -> Self {
        let (verified, said) = (Halves::new(half_entries_max), Halves::new(half_entries_max));
        Self { key, generation: 0, verified, said }
    }

    /// What `token` says, from memory or by verifying it.
    ///
    /// # Errors
    /// [`TokenFault`], if it does not hold. Faults are not remembered.
    pub fn verify(&mut self, verifier: &Verifier, token: &[u8], now: Timestamp) -> Result<Verified, TokenFault> {
        let generation = verifier.generation();
        if generation != self.generation {
            self.verified.clear();
            self.generation = generation;
        }
        let hash = self.hash(token);
        if let Some(known) = self.verified.recall(hash) {
            return if now < known.until { Ok(known) } else { Err(TokenFault::Expired) };
        }
        let verified = verifier.verify(token, now)?;
        self.verified.keep(hash, verified.clone());
        Ok(verified)
    }

    /// Whether `token`, which was verified in the same request, says all of `claims`; from memory or by reading it. Neither time nor
    /// other keys change what is written in it.
    pub fn says(&mut self, token: &[u8], claims: &[TokenClaim]) -> bool {
        let hash = self.hash_of_both(token, claims);
        if let Some(known) = self.said.recall(hash) {
            return known;
        }
        let says = said::says(token, claims);
        self.said.keep(hash, says);
        says
    }

    fn hash(&self, token: &[u8]) -> u128 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        std::hash::Hasher::write(&mut hasher, token);
        hasher.finish128().as_u128()
    }

    fn hash_of_both(&self, token: &[u8], claims: &[TokenClaim]) -> u128 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        // Each with its length or its end, so that no two questions are the same bytes.
        token.hash(&mut hasher);
        for TokenClaim { name, value } in claims {
            (name, value).hash(&mut hasher);
        }
        hasher.finish128().as_u128()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.verified.len().max(self.said.len())
    }

    #[cfg(test)]
    pub(super) fn remembers(&self, token: &[u8]) -> bool {
        self.verified.has(self.hash(token))
    }

    #[cfg(test)]
    pub(super) fn remembers_said(&self, token: &[u8], claims: &[TokenClaim]) -> bool {
        self.said.has(self.hash_of_both(token, claims))
    }
}

impl<V: Clone> Halves<V> {
    fn new(entries_max: usize) -> Self {
        Self { entries_max, young: HashMap::new(), old: HashMap::new() }
    }

    fn recall(&mut self, hash: u128) -> Option<V> {
        if let Some(known) = self.young.get(&hash) {
            return Some(known.clone());
        }
        let known = self.old.remove(&hash)?;
        self.keep(hash, known.clone());
        Some(known)
    }

    fn keep(&mut self, hash: u128, found: V) {
        if self.young.len() >= self.entries_max {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash, found);
    }

    fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    #[cfg(test)]
    fn has(&self, hash: u128) -> bool {
        self.young.contains_key(&hash) || self.old.contains_key(&hash)
    }
}
