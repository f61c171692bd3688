//! Owns the settings of `[gate]` and of `[[auth.management_keys]]`: whose word is taken for where a request comes from, who is denied,
//! and who may do a part of what the admin key may.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::raw::{RawGate, RawManagementKey};
use super::{ConfigError, value, within};
use crate::gate::address::{AddressHeader, Proxies};
use crate::gate::management_keys::{KeyHash, ManagementKey, ManagementKeys, Scope, Scopes};
use crate::text;

/// The settings of the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Whose word is taken for where a request comes from.
    pub proxies: Proxies,
    /// How many callers the rate limits know at a time.
    pub tracked_keys: usize,
    /// Whom rates do not hold for, as written.
    pub allow: Vec<String>,
    /// Who is denied, as written.
    pub deny: Vec<String>,
}

pub(super) fn check(raw: RawGate) -> Result<Gate, ConfigError> {
    let RawGate { trusted_proxies, address_header, proxy_protocol, tracked_keys, allow, deny } = raw;
    let block = |text: String| {
        text.parse().map_err(|fault| value("gate.trusted_proxies", format!("has the entry \"{text}\", which {fault}")))
    };
    let trusted = trusted_proxies.unwrap_or_default().into_iter().map(block).collect::<Result<Vec<_>, _>>()?;
    let header = match address_header.as_deref().unwrap_or("x-forwarded-for") {
        "x-forwarded-for" => AddressHeader::XForwardedFor,
        "forwarded" => AddressHeader::Forwarded,
        other => {
            return Err(value(
                "gate.address_header",
                format!("is \"{other}\", not \"x-forwarded-for\" or \"forwarded\""),
            ));
        }
    };
    let proxy_protocol = match proxy_protocol.as_deref().unwrap_or("off") {
        "off" => false,
        "v2" if trusted.is_empty() => {
            return Err(value("gate.proxy_protocol", "is \"v2\", and yet gate.trusted_proxies names no proxy"));
        }
        "v2" => true,
        other => return Err(value("gate.proxy_protocol", format!("is \"{other}\", not \"off\" or \"v2\""))),
    };
    Ok(Gate {
        proxies: Proxies { trusted, header, proxy_protocol },
        tracked_keys: within("gate.tracked_keys", tracked_keys.unwrap_or(1 << 20), 1_024, 1 << 26)?,
        allow: allow.unwrap_or_default(),
        deny: deny.unwrap_or_default(),
    })
}

/// The longest file of keys that is read, in bytes.
const KEYS_BYTES_MAX: u64 = 1 << 20;

/// A file of keys: `[[management_keys]]` as in the configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysFile {
    #[serde(default)]
    management_keys: Vec<RawManagementKey>,
}

/// The keys of the configuration, and those in `file`.
pub(super) fn management_keys(
    inline: Option<Vec<RawManagementKey>>,
    file: Option<PathBuf>,
) -> Result<ManagementKeys, ConfigError> {
    let mut raw = inline.unwrap_or_default();
    if let Some(path) = file.filter(|path| !path.as_os_str().is_empty()) {
        raw.extend(read(&path)?.management_keys);
    }
    let keys = raw.into_iter().map(key).collect::<Result<_, _>>()?;
    ManagementKeys::new(keys).map_err(|fault| value("auth.management_keys", fault.to_string()))
}

fn read(path: &Path) -> Result<KeysFile, ConfigError> {
    let unreadable = |cause| ConfigError::Unreadable { path: path.to_owned(), cause };
    if std::fs::metadata(path).map_err(unreadable)?.len() > KEYS_BYTES_MAX {
        return Err(unreadable(std::io::Error::other("is longer than 1 MiB")));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    toml::from_str(&text).map_err(|cause| ConfigError::File { path: path.to_owned(), cause: Box::new(cause) })
}

fn key(raw: RawManagementKey) -> Result<ManagementKey, ConfigError> {
    let fault = |detail: String| value("auth.management_keys", detail);
    let RawManagementKey { name, sha256, scopes, rate } = raw;
    let name = name.filter(|name| !name.is_empty()).ok_or_else(|| fault(String::from("has a key without a name")))?;
    let hash = sha256.as_deref().and_then(KeyHash::from_hex).ok_or_else(|| {
        fault(format!("has the key \"{name}\" without a sha256 of 64 hexadecimal digits; see `landrush key new`"))
    })?;
    let words = scopes.unwrap_or_default();
    if words.is_empty() {
        return Err(fault(format!("has the key \"{name}\" without scopes, which would be for nothing")));
    }
    let scope = |word: &String| {
        Scope::from_word(word).ok_or_else(|| {
            let known = Scopes::ALL.words();
            fault(format!("has the key \"{name}\" with the scope \"{word}\", which is not {known}"))
        })
    };
    let scopes = words.iter().map(scope).collect::<Result<Vec<_>, _>>()?;
    let rate = rate.filter(|rate| !rate.is_empty()).map(|rate| {
        let parsed = text::parse_rate(&rate).ok().filter(|rate| rate.requests > 0 && !rate.per.is_zero());
        parsed.ok_or_else(|| {
            fault(format!("has the key \"{name}\" with the rate \"{rate}\", not requests in a span, as 100/1s"))
        })
    });
    let rate = rate.transpose()?;
    Ok(ManagementKey { name, hash, scopes: Scopes::of(&scopes), rate })
}
