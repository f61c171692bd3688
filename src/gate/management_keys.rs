//! Owns the keys of those who may do a part of what the admin key may: named, each with scopes, and known here by their hashes alone.
//!
//! The hash is a plain SHA-256. Slow and salted hashes are for passwords, which can be guessed; a key is 32 random bytes out of
//! `landrush key new`, of which nobody tries more than a vanishing part however fast the hash is. So a lookup may compare
//! hashes as they are: what its duration tells of a hash leads nobody to a key.

pub mod scope;

use hyper::header::HeaderValue;
use landrush_engine::campaign::RateLimit;
use sha2::{Digest, Sha256};
use thiserror::Error;

pub use self::scope::{Scope, Scopes};

/// What every key begins with that was made here, so that leaked ones can be searched for.
pub const PREFIX: &str = "lrk_";

/// The shortest text that can be a key, in bytes: fewer characters could be guessed.
pub const BYTES_MIN: usize = 32;

/// The longest text that can be a key, in bytes. Longer ones, users' tokens for the most part, are not even hashed.
pub const BYTES_MAX: usize = 128;

/// The SHA-256 of a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyHash([u8; 32]);

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagementKey {
    /// Whose it is, for people.
    pub name: String,
    /// What it is known by.
    pub hash: KeyHash,
    /// What it is for.
    pub scopes: Scopes,
    /// How often it may be used; `None`: as often as one likes.
    pub rate: Option<RateLimit>,
}

/// All keys but the admin key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManagementKeys(Vec<ManagementKey>);

/// Why keys cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeysFault {
    /// Two keys of one name: one of them was meant to be gone.
    #[error("has two keys named \"{0}\"")]
    Name(String),
    /// One key under two names: which scopes it has would be anybody's guess.
    #[error("has the same key under the names \"{0}\" and \"{1}\"")]
    Hash(String, String),
}

impl KeyHash {
    /// The hash of `key`.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// The hash that is written in 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits: Option<Vec<u8>> =
            text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
        let bytes: Vec<u8> = digits?.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        (text.len() == 64).then_some(bytes)?.try_into().ok().map(Self)
    }

    /// The hash in hexadecimal digits.
    pub fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl std::fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_hex())
    }
}

/// A new key of 32 random bytes.
pub fn new_key(entropy: &mut dyn FnMut(&mut [u8])) -> String {
    let mut random = [0; 32];
    entropy(&mut random);
    random.iter().fold(String::from(PREFIX), |key, byte| format!("{key}{byte:02x}"))
}

impl ManagementKeys {
    /// These keys.
    ///
    /// # Errors
    /// [`KeysFault`], where it could not be said whose a key is.
    pub fn new(keys: Vec<ManagementKey>) -> Result<Self, KeysFault> {
        for (at, key) in keys.iter().enumerate() {
            for earlier in &keys[..at] {
                if earlier.name == key.name {
                    return Err(KeysFault::Name(key.name.clone()));
                }
                if earlier.hash == key.hash {
                    return Err(KeysFault::Hash(earlier.name.clone(), key.name.clone()));
                }
            }
        }
        Ok(Self(keys))
    }

    /// The key that the header `Authorization` bears.
    pub fn borne_by(&self, authorization: Option<&HeaderValue>) -> Option<&ManagementKey> {
        let (scheme, token) = authorization?.as_bytes().split_at_checked(7)?;
        let token = token.trim_ascii();
        let may_be_one = !self.0.is_empty()
            && scheme.eq_ignore_ascii_case(b"bearer ")
            && (BYTES_MIN..=BYTES_MAX).contains(&token.len());
        let hash = may_be_one.then(|| KeyHash(Sha256::digest(token).into()))?;
        self.0.iter().find(|key| key.hash == hash)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, text: &str) -> ManagementKey {
        ManagementKey { name: name.to_owned(), hash: KeyHash::of(text), scopes: Scopes::of(&[Scope::Read]), rate: None }
    }

    fn borne<'k>(keys: &'k ManagementKeys, header: &str) -> Option<&'k str> {
        keys.borne_by(Some(&HeaderValue::from_str(header).expect("a header"))).map(|key| key.name.as_str())
    }

    #[test]
    fn a_key_is_found_by_its_text_alone() {
        let text = new_key(&mut |bytes| bytes.fill(0xab));
        assert_eq!((text.len(), &text[..6]), (68, "lrk_ab"));
        let keys = ManagementKeys::new(vec![key("a", &"x".repeat(40)), key("b", &text)]).expect("two keys");
        assert_eq!(borne(&keys, &format!("Bearer {text}")), Some("b"));
        assert_eq!(borne(&keys, &format!("bearer  {text}")), Some("b"));
        assert_eq!(borne(&keys, &format!("Basic {text}")), None);
        assert_eq!(borne(&keys, &format!("Bearer {text}0")), None);
        assert_eq!(borne(&keys, &format!("Bearer {}", KeyHash::of(&text).to_hex())), None, "the hash is no key");
        assert_eq!(keys.borne_by(None), None);
    }

    #[test]
    fn what_could_be_guessed_is_no_key_though_its_hash_is_there() {
        let keys = ManagementKeys::new(vec![key("short", "0123456789012345678901234567890")]).expect("a key");
        assert_eq!(borne(&keys, "Bearer 0123456789012345678901234567890"), None);
    }

    #[test]
    fn it_is_always_clear_whose_a_key_is() {
        let twice = |a: &str, b: &str| ManagementKeys::new(vec![key("n", a), key(b, "k")]).expect_err("refused");
        assert_eq!(twice("j", "n"), KeysFault::Name(String::from("n")));
        assert_eq!(twice("k", "m"), KeysFault::Hash(String::from("n"), String::from("m")));
    }

    #[test]
    fn hashes_are_written_in_64_digits() {
        let hash = KeyHash::of("landrush");
        assert_eq!(KeyHash::from_hex(&hash.to_hex()), Some(hash));
        for wrong in ["", "ab", &"g".repeat(64), &"0".repeat(63), &"0".repeat(66), &"ä".repeat(32)] {
            assert_eq!(KeyHash::from_hex(wrong), None, "{wrong}");
        }
    }
}
