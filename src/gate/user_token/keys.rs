//! Owns the keys that tokens are verified by: shared secrets, public keys, and sets of keys (JWKS, RFC 7517) in files, whose new
//! content is taken and which survive being away.
//!
//! What a file holds tells whether it has changed, and no time of it: one that is written twice within a tick of the file system's
//! clock, or is put back from a copy with the time it had, bears the time that was seen before. A key that was taken back would go on
//! to be believed. They are a few kilobytes each, and read on a thread that may wait.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::TokenFault;
use super::jwks::{self, JwksUrl, Wanted};
use crate::config::{KeySource, SigningAlgorithm, TokenKey};

/// The most keys that a set may hold; each token may be tried against all of them.
const SET_KEYS_MAX: usize = 64;

/// Why a key cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// Its file cannot be read.
    #[error("the key file {}: {cause}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
    /// It is no key for its algorithm.
    #[error("auth.keys: entry {place} is no key for {algorithm}: {detail}")]
    Unfit {
        /// Which entry of `[[auth.keys]]`, from 1.
        place: usize,
        /// The algorithm that it is for.
        algorithm: &'static str,
        /// What is wrong with it.
        detail: String,
    },
}

/// All keys. Reading is lock-free.
#[derive(Debug)]
pub struct KeyRing {
    keys: ArcSwap<Vec<SigningKey>>,
    /// Where sets behind URLs are kept.
    fetched: PathBuf,
    /// The sets behind URLs, each once.
    wanted: Vec<Wanted>,
    /// How often such a set was taken, and how often there was none to take.
    fetches: [AtomicU64; 2],
    generation: AtomicU64,
    /// What the keys are made from.
    origin: Mutex<Vec<Origin>>,
}

struct Origin {
    setting: TokenKey,
    read: Vec<SigningKey>,
    seen: Seen,
}

/// What was read the last time that was looked: the SHA-256 of it, or why nothing was.
type Seen = Result<[u8; 32], io::ErrorKind>;

/// One key. It verifies by its own algorithm and by no other.
#[derive(Clone)]
struct SigningKey {
    algorithm: Algorithm,
    id: Option<String>,
    key: DecodingKey,
    validation: Arc<Validation>,
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not what was seen: a hash tells whoever guesses a secret that it is the one.
        f.debug_struct("Origin").field("setting", &self.setting).field("read", &self.read).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm).field("id", &self.id).finish_non_exhaustive()
    }
}

impl KeyRing {
    /// The keys that `settings` name.
    ///
    /// # Errors
    /// [`KeyRingError`] names the first that cannot be used.
    pub fn load(settings: &[TokenKey], fetched: &Path) -> Result<Self, KeyRingError> {
        let mut origin = Vec::with_capacity(settings.len());
        let mut wanted: Vec<Wanted> = Vec::new();
        for (index, setting) in settings.iter().enumerate() {
            let text = text(setting, fetched);
            let seen = seen(&text);
            let read = match &setting.source {
                KeySource::JwksUrl(url) => {
                    if !wanted.iter().any(|one| one.set == *url) {
                        wanted.push(Wanted { set: url.clone(), at_once: Arc::default() });
                    }
                    kept(setting, fetched, index + 1, text)
                }
                KeySource::Secret(_) | KeySource::PublicKey(_) | KeySource::PublicKeyFile(_) | KeySource::Jwks(_) => {
                    read(setting, fetched, index + 1, text)?
                }
            };
            origin.push(Origin { setting: setting.clone(), read, seen });
        }
        let keys = all(&origin);
        Ok(Self {
            keys: ArcSwap::from_pointee(keys),
            fetched: fetched.to_path_buf(),
            wanted,
            fetches: Default::default(),
            generation: AtomicU64::new(0),
            origin: Mutex::new(origin),
        })
    }

    /// The sets that are to be fetched.
    pub(super) fn wanted(&self) -> &[Wanted] {
        &self.wanted
    }

    /// How often a set that is behind a URL was taken, and how often there was none to take.
    pub(super) fn fetches(&self) -> [u64; 2] {
        self.fetches.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// Takes what was fetched for `url`, if it holds a key that is of use here. It waits for the disk.
    ///
    /// # Errors
    /// Why not, for people.
    pub(super) fn take(&self, url: &JwksUrl, set: Result<&[u8], String>) -> Result<(), String> {
        let taken = set.and_then(|set| {
            let (keys, _) = jwks::keys(set).map_err(|error| error.to_string())?;
            let is_of_use = self.origin.lock().iter().any(|one| {
                matches!(&one.setting.source, KeySource::JwksUrl(of) if of == url)
                    && matches!(usable(&keys, &one.setting).len(), 1..=SET_KEYS_MAX)
            });
            // What is of no use never takes the place of what is.
            if !is_of_use {
                return Err(format!("it holds no key that is of use, or more than {SET_KEYS_MAX}"));
            }
            jwks::keep(&url.kept_in(&self.fetched), set).map_err(|error| error.to_string())
        });
        self.fetches[usize::from(taken.is_err())].fetch_add(1, Ordering::Relaxed);
        taken.map(|()| self.refresh())
    }

    /// Reads the files, and takes what is new in them. Meant for a background thread: it waits for the disk.
    pub(super) fn refresh(&self) {
        let mut origin = self.origin.lock();
        let mut any = false;
        for (index, one) in origin.iter_mut().enumerate() {
            let Some(path) = file(&one.setting, &self.fetched) else { continue };
            let text = text(&one.setting, &self.fetched);
            let now = seen(&text);
            if now == Err(io::ErrorKind::NotFound) || now == one.seen {
                continue;
            }
            match read(&one.setting, &self.fetched, index + 1, text) {
                Ok(read) => {
                    tracing::info!(file = %path.display(), keys = read.len(), "the keys of tokens were read again");
                    one.read = read;
                    any = true;
                }
                Err(error) => tracing::warn!(%error, "the keys of tokens stay as they were"),
            }
            // Also when it could not be used: it is looked at again when it changes again, not every time.
            one.seen = now;
        }
        if any {
            self.keys.store(Arc::new(all(&origin)));
            self.generation.fetch_add(1, Ordering::Release);
        }
    }

    /// How often keys have changed.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The claims of `token`, if one of the keys has signed it.
    pub(super) fn signed<T: DeserializeOwned>(&self, token: &[u8]) -> Result<T, TokenFault> {
        let header = decode_header(token).map_err(|_| TokenFault::Malformed)?;
        // What is called critical must be understood, and we understand none of it (RFC 7515, 4.1.11).
        if header.crit.is_some() {
            return Err(TokenFault::Malformed);
        }
        let keys = self.keys.load();
        let is_known = |id: &str| keys.iter().any(|key| key.id.as_deref() == Some(id));
        if header.kid.as_deref().is_some_and(|id| !is_known(id)) {
            self.wanted.iter().for_each(|wanted| wanted.at_once.notify_one());
        }
        let fitting = keys.iter().filter(|key| {
            key.algorithm == header.alg
                && match (&key.id, &header.kid) {
                    (Some(ours), Some(theirs)) => ours == theirs,
                    (None, _) | (_, None) => true,
                }
        });
        for key in fitting {
            if let Ok(token) = decode(token, &key.key, &key.validation) {
                return Ok(token.claims);
            }
        }
        Err(TokenFault::Unknown)
    }
}

fn all(origin: &[Origin]) -> Vec<SigningKey> {
    origin.iter().flat_map(|one| one.read.iter().cloned()).collect()
}

/// What the keys are read from.
fn text<'s>(setting: &'s TokenKey, fetched: &Path) -> io::Result<Cow<'s, [u8]>> {
    match &setting.source {
        KeySource::Secret(text) | KeySource::PublicKey(text) => Ok(Cow::Borrowed(text.as_bytes())),
        KeySource::PublicKeyFile(path) | KeySource::Jwks(path) => std::fs::read(path).map(Cow::Owned),
        KeySource::JwksUrl(url) => std::fs::read(url.kept_in(fetched)).map(Cow::Owned),
    }
}

fn seen(text: &io::Result<Cow<'_, [u8]>>) -> Seen {
    text.as_ref().map(|text| Sha256::digest(text).into()).map_err(io::Error::kind)
}

/// The file to look at for changes.
fn file(setting: &TokenKey, fetched: &Path) -> Option<PathBuf> {
    if let KeySource::JwksUrl(url) = &setting.source {
        return Some(url.kept_in(fetched));
    }
    setting.source.file().map(Path::to_path_buf)
}

/// What is kept of a set behind a URL. It may never have been fetched, and what is kept never keeps the server from starting: there
/// may be a better set where it came from.
fn kept(setting: &TokenKey, fetched: &Path, place: usize, text: io::Result<Cow<'_, [u8]>>) -> Vec<SigningKey> {
    if text.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Vec::new();
    }
    read(setting, fetched, place, text).unwrap_or_else(|error| {
        tracing::warn!(%error, "a set of keys that was fetched earlier is of no use");
        Vec::new()
    })
}

/// The keys of a set that are for what the setting says.
fn usable(set: &[Jwk], setting: &TokenKey) -> Vec<SigningKey> {
    let mut keys = Vec::new();
    for jwk in set {
        let is_for_signing = !matches!(&jwk.common.public_key_use, Some(of) if *of != PublicKeyUse::Signature);
        let named = jwk.common.key_algorithm.map(|algorithm| algorithm.to_string());
        let is_ours = named.is_none_or(|named| named == setting.algorithm.word());
        if !is_for_signing || !is_ours {
            continue;
        }
        // A set may hold keys of other kinds beside ours.
        let key = match DecodingKey::from_jwk(jwk) {
            Ok(key) => key,
            Err(error) => {
                tracing::debug!(kid = jwk.common.key_id, %error, "a key of a set is of no use");
                continue;
            }
        };
        if key.family() == algorithm(setting.algorithm).family() {
            keys.push(signing_key(setting.algorithm, jwk.common.key_id.clone(), key));
        }
    }
    keys
}

/// The keys that `text` holds, which was read for `setting`.
fn read(
    setting: &TokenKey,
    fetched: &Path,
    place: usize,
    text: io::Result<Cow<'_, [u8]>>,
) -> Result<Vec<SigningKey>, KeyRingError> {
    let unfit = |detail: String| KeyRingError::Unfit { place, algorithm: setting.algorithm.word(), detail };
    let path = || file(setting, fetched).expect("what is in no file is in the settings, and there");
    let text = text.map_err(|cause| KeyRingError::Unreadable { path: path(), cause })?;
    let key = match &setting.source {
        KeySource::Secret(_) => Ok(DecodingKey::from_secret(&text)),
        KeySource::PublicKey(_) | KeySource::PublicKeyFile(_) => public_key(setting.algorithm, &text),
        KeySource::Jwks(_) | KeySource::JwksUrl(_) => {
            let (set, left_out) = jwks::keys(&text).map_err(|error| unfit(error.to_string()))?;
            left_out.iter().for_each(|key| tracing::warn!(set = %path().display(), key, "a key that cannot be read"));
            let keys = usable(&set, setting);
            return match keys.len() {
                0 => Err(unfit(String::from("the set holds none for it"))),
                1..=SET_KEYS_MAX => Ok(keys),
                many => Err(unfit(format!("the set holds {many}, more than {SET_KEYS_MAX}"))),
            };
        }
    };
    let key = key.map_err(|error| unfit(error.to_string()))?;
    Ok(vec![signing_key(setting.algorithm, setting.id.clone(), key)])
}

fn public_key(algorithm: SigningAlgorithm, pem: &[u8]) -> Result<DecodingKey, jsonwebtoken::errors::Error> {
    match algorithm {
        SigningAlgorithm::Hs256 => Err(jsonwebtoken::errors::ErrorKind::InvalidKeyFormat.into()),
        SigningAlgorithm::Rs256 => DecodingKey::from_rsa_pem(pem),
        SigningAlgorithm::Es256 => DecodingKey::from_ec_pem(pem),
        SigningAlgorithm::EdDsa => DecodingKey::from_ed_pem(pem),
    }
}

fn algorithm(of: SigningAlgorithm) -> Algorithm {
    match of {
        SigningAlgorithm::Hs256 => Algorithm::HS256,
        SigningAlgorithm::Rs256 => Algorithm::RS256,
        SigningAlgorithm::Es256 => Algorithm::ES256,
        SigningAlgorithm::EdDsa => Algorithm::EdDSA,
    }
}

fn signing_key(of: SigningAlgorithm, id: Option<String>, key: DecodingKey) -> SigningKey {
    let algorithm = algorithm(of);
    let mut validation = Validation::new(algorithm);
    // The claims are judged by the server's own clock, in `super`; here the signature alone.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    SigningKey { algorithm, id, key, validation: Arc::new(validation) }
}
