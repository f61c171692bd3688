//! Owns the settings of `[auth]`: whose word is taken for who a user is, and by which keys users' tokens are verified.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::raw::{RawAuth, RawTokenKey};
use super::{Auth, ConfigError, duration, value};
use crate::gate::user_token::jwks::{FETCH_EVERY_MIN, JwksUrl};

/// Users' tokens: who signs them, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSettings {
    /// The keys; at least one.
    pub keys: Vec<TokenKey>,
    /// What `iss` must be; `None`: anything.
    pub issuer: Option<String>,
    /// What `aud` must be one of; empty: a token must name nobody.
    pub audience: Vec<String>,
    /// How often sets of keys behind URLs are fetched.
    pub jwks_refresh: Duration,
}

/// A key, or a set of keys, that tokens are verified by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenKey {
    /// The one algorithm that it is used with.
    pub algorithm: SigningAlgorithm,
    /// Its name in a token's `kid`; `None`: any.
    pub id: Option<String>,
    /// Where it is.
    pub source: KeySource,
}

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningAlgorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// EdDSA on Ed25519.
    EdDsa,
}

impl TokenKey {
    /// The shortest secret that cannot be guessed from a token, in bytes: as long as what HS256 makes of it (RFC 7518, 3.2).
    const SECRET_BYTES_ENOUGH: usize = 32;

    /// Whether whoever has a token can find out the key by trying.
    pub fn is_weak(&self) -> bool {
        match &self.source {
            KeySource::Secret(secret) => secret.len() < Self::SECRET_BYTES_ENOUGH,
            KeySource::PublicKey(_) | KeySource::PublicKeyFile(_) | KeySource::Jwks(_) | KeySource::JwksUrl(_) => false,
        }
    }
}

impl SigningAlgorithm {
    /// Its name in a token's `alg`.
    pub fn word(self) -> &'static str {
        match self {
            SigningAlgorithm::Hs256 => "HS256",
            SigningAlgorithm::Rs256 => "RS256",
            SigningAlgorithm::Es256 => "ES256",
            SigningAlgorithm::EdDsa => "EdDSA",
        }
    }
}

/// Where a key is.
#[derive(Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A secret that whoever signs shares with us.
    Secret(String),
    /// A public key, in PEM.
    PublicKey(String),
    /// A file with a public key, in PEM.
    PublicKeyFile(PathBuf),
    /// A file with a set of keys (JWKS).
    Jwks(PathBuf),
    /// A set of keys behind a URL.
    JwksUrl(JwksUrl),
}

impl KeySource {
    /// The file to look at for changes.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            KeySource::Secret(_) | KeySource::PublicKey(_) | KeySource::JwksUrl(_) => None,
            KeySource::PublicKeyFile(path) | KeySource::Jwks(path) => Some(path),
        }
    }
}

impl std::fmt::Debug for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            KeySource::Secret(_) => f.write_str("Secret(secret)"),
            KeySource::PublicKey(pem) => f.debug_tuple("PublicKey").field(pem).finish(),
            KeySource::PublicKeyFile(path) => f.debug_tuple("PublicKeyFile").field(path).finish(),
            KeySource::Jwks(path) => f.debug_tuple("Jwks").field(path).finish(),
            KeySource::JwksUrl(url) => f.debug_tuple("JwksUrl").field(url).finish(),
        }
    }
}

pub(super) fn check(raw: RawAuth) -> Result<Auth, ConfigError> {
    // Management keys are taken out before: they are no users' affair.
    let RawAuth {
        users,
        trusted_from_anywhere,
        issuer,
        audience,
        jwks_refresh,
        keys,
        management_keys: _,
        management_keys_file: _,
    } = raw;
    let jwks_refresh = duration("auth.jwks_refresh", jwks_refresh.as_deref(), "5m")?;
    if jwks_refresh < FETCH_EVERY_MIN {
        return Err(value("auth.jwks_refresh", format!("is less than {} s", FETCH_EVERY_MIN.as_secs())));
    }
    let (audience, keys) = (audience.unwrap_or_default(), keys.unwrap_or_default());
    let issuer = issuer.filter(|issuer| !issuer.is_empty());
    match users.as_deref().unwrap_or("trusted") {
        "trusted" if keys.is_empty() && issuer.is_none() && audience.is_empty() => {
            Ok(Auth::Trusted { from_anywhere: trusted_from_anywhere.unwrap_or(false) })
        }
        "trusted" => Err(value(
            "auth.users",
            "is \"trusted\", and yet there are settings for tokens: say \"jwt\", or take auth.keys, auth.issuer and auth.audience out",
        )),
        "jwt" if trusted_from_anywhere == Some(true) => Err(value(
            "auth.trusted_from_anywhere",
            "is true, and yet auth.users is \"jwt\": callers are not believed then",
        )),
        "jwt" if keys.is_empty() => {
            Err(value("auth.keys", "is empty, and auth.users is \"jwt\": name who signs the tokens"))
        }
        "jwt" => {
            let keys = keys.into_iter().map(key).collect::<Result<_, _>>()?;
            Ok(Auth::Tokens(TokenSettings { keys, issuer, audience, jwks_refresh }))
        }
        other => Err(value("auth.users", format!("is \"{other}\", not \"trusted\" or \"jwt\""))),
    }
}

fn key(raw: RawTokenKey) -> Result<TokenKey, ConfigError> {
    let RawTokenKey { alg, kid, secret, public_key, jwks } = raw;
    let algorithm = match alg.as_deref() {
        Some("HS256") => SigningAlgorithm::Hs256,
        Some("RS256") => SigningAlgorithm::Rs256,
        Some("ES256") => SigningAlgorithm::Es256,
        Some("EdDSA") => SigningAlgorithm::EdDsa,
        Some(other) => {
            return Err(value("auth.keys", format!("has the alg \"{other}\", not HS256, RS256, ES256 or EdDSA")));
        }
        None => return Err(value("auth.keys", "has an entry without alg: HS256, RS256, ES256 or EdDSA")),
    };
    let source = match (secret, public_key, jwks) {
        (Some(secret), None, None) if !secret.is_empty() => KeySource::Secret(secret),
        (None, Some(pem), None) if pem.trim_start().starts_with("-----BEGIN") => KeySource::PublicKey(pem),
        (None, Some(path), None) if !path.is_empty() => KeySource::PublicKeyFile(PathBuf::from(path)),
        (None, None, Some(url)) if url.contains("://") => KeySource::JwksUrl(JwksUrl::new(&url).ok_or_else(|| {
            value("auth.keys", format!("has the jwks \"{url}\", which is neither https:// nor http:// on this machine"))
        })?),
        (None, None, Some(path)) if !path.is_empty() => KeySource::Jwks(PathBuf::from(path)),
        _ => {
            return Err(value(
                "auth.keys",
                "has an entry that does not have exactly one of secret, public_key (PEM, or a file) and jwks (a file, or a URL)",
            ));
        }
    };
    let is_shared = matches!(source, KeySource::Secret(_));
    // A public key taken for a shared secret would let anybody sign who has read it.
    if is_shared != (algorithm == SigningAlgorithm::Hs256) {
        return Err(value("auth.keys", "has a secret with an alg other than HS256, or HS256 without a secret"));
    }
    Ok(TokenKey { algorithm, id: kid, source })
}
