//! Owns a campaign's seed and the commitment to it. Leaves where a seed comes from to the caller.

use std::fmt;

use sha2::{Digest, Sha256};

use super::hex::{self, Hex, InvalidHex};

/// What decides all draws of a campaign, or its lottery: 32 random bytes, secret until the campaign is over.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed([u8; 32]);

impl Seed {
    /// Takes `bytes`, which must be random and of this campaign alone.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A new one, of bytes that nobody can guess.
    pub fn random(entropy: &mut dyn FnMut(&mut [u8])) -> Self {
        let mut bytes = [0; 32];
        entropy(&mut bytes);
        Self(bytes)
    }

    /// Reads a seed that was published: 64 hexadecimal digits.
    ///
    /// # Errors
    /// [`InvalidHex`] says what is wrong.
    pub fn from_hex(text: &str) -> Result<Self, InvalidHex> {
        hex::parse(text).map(Self)
    }

    /// The secret itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The secret itself as 64 lower-case hexadecimal digits, for publication. There is no `Display`, so that no seed is
    /// shown by accident.
    pub fn to_hex(&self) -> String {
        Hex(&self.0).to_string()
    }

    /// What can be shown of the seed at once: it fixes the seed and does not tell it.
    pub fn commitment(&self) -> Commitment {
        Commitment(Sha256::digest(self.0).into())
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(secret)")
    }
}

/// SHA-256 over the 32 bytes of a seed; shown as lower-case hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Commitment([u8; 32]);

impl Commitment {
    /// Takes a commitment that was made before.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

impl fmt::Debug for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Commitment({self})")
    }
}
