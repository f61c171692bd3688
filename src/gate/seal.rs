//! Owns how a small claim is sealed: 32 bytes that say something, and half of an HMAC-SHA-256 over them, as 64 symbols of base64url.
//! What the bytes say belongs to whoever seals: [`super::ticket`] and [`super::challenge::pass`].

use aws_lc_rs::{digest, hmac};
use landrush_engine::id::UserId;
use landrush_engine::keys::Keys;

/// What is sealed, in bytes.
pub const CLAIM_BYTES: usize = 32;
const SIGNATURE_BYTES: usize = 16;
const SEALED_BYTES: usize = CLAIM_BYTES + SIGNATURE_BYTES;
/// How long a sealed claim is, in symbols.
pub const SEALED_SYMBOLS: usize = SEALED_BYTES / 3 * 4;
const _: () = assert!(SEALED_BYTES.is_multiple_of(3), "no symbol is padded");

const SYMBOLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Seals claims of one kind.
pub struct Seal {
    key: hmac::Key,
}

impl Seal {
    /// A seal under a key of its own, derived from `keys` by `label`, so that what it sealed holds after a restart.
    pub fn new(keys: &Keys, label: &str) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &keys.derived(label)) }
    }

    /// `claim`, sealed.
    pub fn seal(&self, claim: &[u8; CLAIM_BYTES]) -> String {
        let mut bytes = [0; SEALED_BYTES];
        bytes[..CLAIM_BYTES].copy_from_slice(claim);
        bytes[CLAIM_BYTES..].copy_from_slice(&hmac::sign(&self.key, claim).as_ref()[..SIGNATURE_BYTES]);
        spell(&bytes)
    }

    /// What was sealed as `text`; `None`: not by this seal.
    pub fn open(&self, text: &[u8]) -> Option<[u8; CLAIM_BYTES]> {
        let bytes = unspell(text)?;
        let (claim, signature) = bytes.split_first_chunk::<CLAIM_BYTES>()?;
        let expected = hmac::sign(&self.key, claim);
        aws_lc_rs::constant_time::verify_slices_are_equal(&expected.as_ref()[..SIGNATURE_BYTES], signature).ok()?;
        Some(*claim)
    }
}

/// What stands for a user in a claim.
pub fn user_hash<const BYTES: usize>(user: &UserId) -> [u8; BYTES] {
    let digest = digest::digest(&digest::SHA256, user.as_str().as_bytes());
    let (first, _) = digest.as_ref().split_first_chunk().expect("a digest has 32 bytes");
    *first
}

fn spell(bytes: &[u8; SEALED_BYTES]) -> String {
    let mut text = String::with_capacity(SEALED_SYMBOLS);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        for shift in [18, 12, 6, 0] {
            text.push(char::from(SYMBOLS[(bits >> shift & 63) as usize]));
        }
    }
    text
}

fn unspell(text: &[u8]) -> Option<[u8; SEALED_BYTES]> {
    if text.len() != SEALED_SYMBOLS {
        return None;
    }
    let mut bytes = [0; SEALED_BYTES];
    for (group, symbols) in bytes.chunks_mut(3).zip(text.chunks(4)) {
        let mut bits = 0u32;
        for symbol in symbols {
            bits = bits << 6 | u32::from(value_of(*symbol)?);
        }
        group.copy_from_slice(&bits.to_be_bytes()[1..]);
    }
    Some(bytes)
}

fn value_of(symbol: u8) -> Option<u8> {
    match symbol {
        b'A'..=b'Z' => Some(symbol - b'A'),
        b'a'..=b'z' => Some(symbol - b'a' + 26),
        b'0'..=b'9' => Some(symbol - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(code: u8, label: &str) -> Seal {
        Seal::new(&Keys::from_bytes([1; 16], [code; 32]), label)
    }

    #[test]
    fn every_symbol_is_read_as_it_is_written() {
        for (value, symbol) in (0..).zip(SYMBOLS) {
            assert_eq!(value_of(*symbol), Some(value));
        }
        assert_eq!((0..=u8::MAX).filter_map(value_of).count(), 64);
    }

    #[test]
    fn whatever_is_changed_it_holds_no_more() {
        let claim: [u8; CLAIM_BYTES] = std::array::from_fn(|index| u8::try_from(index * 7).expect("small"));
        let text = seal(2, "ticket").seal(&claim).into_bytes();
        assert_eq!(text.len(), SEALED_SYMBOLS);
        assert_eq!(seal(2, "ticket").open(&text), Some(claim));
        for index in 0..text.len() {
            let mut forged = text.clone();
            forged[index] = if forged[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(seal(2, "ticket").open(&forged), None, "symbol {index}");
        }
        assert_eq!(seal(3, "ticket").open(&text), None, "another server's");
        assert_eq!(seal(2, "pass").open(&text), None, "of another kind");
        for strange in [&b""[..], b"A", &text[1..], &[0xff; SEALED_SYMBOLS]] {
            assert_eq!(seal(2, "ticket").open(strange), None);
        }
    }
}
