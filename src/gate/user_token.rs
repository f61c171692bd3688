//! Owns the proof of who a user is: a JSON Web Token (RFC 7519) in the header `Authorization`, signed by somebody whose key the
//! configuration names. [`keys`] has the keys, [`cache`] spares a token that was seen from being verified and read again.
//!
//! The algorithm is the key's, never the token's: a token that names another is refused before anything is computed.

pub mod cache;
pub mod jwks;
pub mod keys;
mod said;

use std::path::Path;

use landrush_engine::id::UserId;
use landrush_engine::time::Timestamp;
use serde::Deserialize;
use thiserror::Error;

use self::jwks::{JwksUrl, Wanted};
use self::keys::{KeyRing, KeyRingError};
use crate::config::TokenSettings;

/// How far the clocks of whoever signs and of this machine may be apart, in seconds.
pub const LEEWAY_SECONDS: u64 = 60;

/// The longest token that is looked at, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8 << 10;

/// Verifies tokens.
#[derive(Debug)]
pub struct Verifier {
    keys: KeyRing,
    issuer: Option<String>,
    audience: Vec<String>,
}

/// What a token that holds says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Who the user is: the claim `sub`.
    pub user: UserId,
    /// Until when the token holds, leeway included.
    pub until: Timestamp,
}

/// Why a token does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenFault {
    /// It is no token.
    #[error("is no JSON Web Token that this server reads")]
    Malformed,
    /// No key of the configuration has signed it.
    #[error("is not signed by a key that this server knows")]
    Unknown,
    /// It has expired.
    #[error("has expired")]
    Expired,
    /// It does not hold yet.
    #[error("does not hold yet")]
    Early,
    /// It was made by somebody else than the issuer that is asked for.
    #[error("is of another issuer")]
    Issuer,
    /// It was made for somebody else.
    #[error("is for another audience")]
    Audience,
    /// It names no user that could be one.
    #[error("names no user: its sub must be 1 to 128 bytes without control characters")]
    Subject,
}

/// The claims that are looked at. Times are seconds since 1970, and may have a fraction (RFC 7519, "NumericDate").
#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
    iss: Option<String>,
    aud: Option<Audience>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Verifier {
    /// A verifier with the keys of `settings`, whose files are read now. Sets behind URLs are kept below `fetched`.
    ///
    /// # Errors
    /// [`KeyRingError`] names the key that cannot be used.
    pub fn new(settings: &TokenSettings, fetched: &Path) -> Result<Self, KeyRingError> {
        Ok(Self {
            keys: KeyRing::load(&settings.keys, fetched)?,
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
        })
    }

    /// Reads again what keys are in files. What cannot be read stays as it was.
    pub fn refresh(&self) {
        self.keys.refresh();
    }

    /// The sets of keys that are to be fetched.
    pub(crate) fn wanted(&self) -> &[Wanted] {
        self.keys.wanted()
    }

    /// Takes what was fetched for `url`, or notes that nothing was. It waits for the disk.
    ///
    /// # Errors
    /// Why it is not taken, for people.
    pub(crate) fn take(&self, url: &JwksUrl, set: Result<&[u8], String>) -> Result<(), String> {
        self.keys.take(url, set)
    }

    /// How often a set of keys that is behind a URL was taken, and how often there was none to take.
    pub fn fetches(&self) -> [u64; 2] {
        self.keys.fetches()
    }

    /// Grows when keys change: what was verified under an older number is to be verified again.
    pub fn generation(&self) -> u64 {
        self.keys.generation()
    }

    /// What `token` says at the moment `now`.
    ///
    /// # Errors
    /// [`TokenFault`], if it does not hold.
    pub fn verify(&self, token: &[u8], now: Timestamp) -> Result<Verified, TokenFault> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenFault::Malformed);
        }
        let claims: Claims = self.keys.signed(token)?;
        self.judge(claims, now)
    }

    fn judge(&self, claims: Claims, now: Timestamp) -> Result<Verified, TokenFault> {
        let now = now.as_milliseconds();
        let leeway = LEEWAY_SECONDS * 1_000;
        // A token without an end would hold for ever.
        let until = milliseconds(claims.exp.ok_or(TokenFault::Malformed)?)?.saturating_add(leeway);
        if now >= until {
            return Err(TokenFault::Expired);
        }
        if let Some(not_before) = claims.nbf
            && now.saturating_add(leeway) < milliseconds(not_before)?
        {
            return Err(TokenFault::Early);
        }
        if self.issuer.is_some() && claims.iss != self.issuer {
            return Err(TokenFault::Issuer);
        }
        // A token for somebody who is named is for nobody else: without an audience of our own, it is not for us.
        let is_for_us = match &claims.aud {
            None => self.audience.is_empty(),
            Some(Audience::One(audience)) => self.audience.contains(audience),
            Some(Audience::Several(several)) => several.iter().any(|audience| self.audience.contains(audience)),
        };
        if !is_for_us {
            return Err(TokenFault::Audience);
        }
        let user = claims.sub.and_then(|subject| UserId::new(&subject).ok()).ok_or(TokenFault::Subject)?;
        Ok(Verified { user, until: Timestamp::from_milliseconds(until) })
    }
}

/// The milliseconds of a `NumericDate`; what lies before 1970 or is no number is refused.
fn milliseconds(seconds: f64) -> Result<u64, TokenFault> {
    /// Past the year 9999, which is as good as never.
    const MAX: f64 = 253_402_300_799.0;
    if !(0.0..=f64::MAX).contains(&seconds) {
        return Err(TokenFault::Malformed);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between nothing and the year 9999")]
    let milliseconds = (seconds.min(MAX) * 1_000.0) as u64;
    Ok(milliseconds)
}

#[cfg(test)]
mod tests;
