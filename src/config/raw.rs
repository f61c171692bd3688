//! Owns the shape of the settings as they are written: all optional, none checked but for its type.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ConfigError;

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        #[allow(missing_docs, reason = "config/landrush.toml says what each setting means")]
        pub struct $name {
            $(pub $field: Option<$type>,)*
        }

        impl $name {
            fn over(self, below: Self) -> Self {
                Self { $($field: self.$field.or(below.$field),)* }
            }
        }
    };
}

section!(
    /// The table `[auth]`.
    RawAuth {
        users: String,
        trusted_from_anywhere: bool,
        issuer: String,
        audience: Vec<String>,
        jwks_refresh: String,
        keys: Vec<RawTokenKey>,
        management_keys: Vec<RawManagementKey>,
        management_keys_file: PathBuf,
    }
);
section!(
    /// The table `[gate]`.
    RawGate {
        trusted_proxies: Vec<String>,
        address_header: String,
        proxy_protocol: String,
        tracked_keys: usize,
        allow: Vec<String>,
        deny: Vec<String>,
    }
);
section!(
    /// The table `[challenge]`.
    RawChallenge {
        turnstile_secret: String,
        turnstile_site_key: String,
        turnstile_verify_url: String,
        hcaptcha_secret: String,
        hcaptcha_site_key: String,
        hcaptcha_verify_url: String,
        hostname: String,
    }
);
section!(
    /// The table `[http]`.
    RawHttp {
        io_threads: usize,
        connections_max: usize,
        head_timeout: String,
        body_timeout: String,
        keep_alive: String,
        drain_deadline: String,
    }
);
section!(
    /// The table `[events]`.
    RawEvents { watchers_max: usize, heartbeat: String, stall_timeout: String }
);
section!(
    /// The table `[log]`.
    RawLog { durability: String, interval: String, segment_bytes: u64, snapshot_every_bytes: u64 }
);
section!(
    /// The table `[shards]`.
    RawShards { count: usize, mailbox_commands: usize }
);
section!(
    /// The table `[metrics]`.
    RawMetrics { listen: String }
);
section!(
    /// The table `[logging]`.
    RawLogging { format: String, filter: String }
);

/// One of `[[auth.keys]]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "config/landrush.toml says what each setting means")]
pub struct RawTokenKey {
    pub alg: Option<String>,
    pub kid: Option<String>,
    pub secret: Option<String>,
    pub public_key: Option<String>,
    pub jwks: Option<String>,
}

/// One of `[[auth.management_keys]]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "config/landrush.toml says what each setting means")]
pub struct RawManagementKey {
    pub name: Option<String>,
    pub sha256: Option<String>,
    pub scopes: Option<Vec<String>>,
    pub rate: Option<String>,
}

/// Settings as one source gives them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "config/landrush.toml says what each setting means")]
pub struct Raw {
    pub listen: Option<String>,
    pub data_dir: Option<PathBuf>,
    pub auth: RawAuth,
    pub gate: RawGate,
    pub challenge: RawChallenge,
    pub http: RawHttp,
    pub events: RawEvents,
    pub log: RawLog,
    pub shards: RawShards,
    pub metrics: RawMetrics,
    pub logging: RawLogging,
}

/// Every setting. Its environment variable is `LANDRUSH_` and the key in capitals, dots as underscores.
pub const KEYS: [&str; 39] = [
    "listen",
    "data_dir",
    "auth.users",
    "auth.trusted_from_anywhere",
    "auth.issuer",
    "auth.audience",
    "auth.jwks_refresh",
    "auth.management_keys_file",
    "gate.trusted_proxies",
    "gate.address_header",
    "gate.proxy_protocol",
    "gate.tracked_keys",
    "gate.allow",
    "gate.deny",
    "challenge.turnstile_secret",
    "challenge.turnstile_site_key",
    "challenge.turnstile_verify_url",
    "challenge.hcaptcha_secret",
    "challenge.hcaptcha_site_key",
    "challenge.hcaptcha_verify_url",
    "challenge.hostname",
    "http.io_threads",
    "http.connections_max",
    "http.head_timeout",
    "http.body_timeout",
    "http.keep_alive",
    "http.drain_deadline",
    "events.watchers_max",
    "events.heartbeat",
    "events.stall_timeout",
    "log.durability",
    "log.interval",
    "log.segment_bytes",
    "log.snapshot_every_bytes",
    "shards.count",
    "shards.mailbox_commands",
    "metrics.listen",
    "logging.format",
    "logging.filter",
];

impl Raw {
    /// The settings of a file.
    ///
    /// # Errors
    /// [`ConfigError`] names the file and the line.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| ConfigError::Unreadable { path: path.to_path_buf(), cause })?;
        toml::from_str(&text).map_err(|cause| ConfigError::File { path: path.to_path_buf(), cause: Box::new(cause) })
    }

    /// The settings of an environment.
    ///
    /// # Errors
    /// [`ConfigError::Environment`] names the variable.
    pub fn from_environment(environment: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut settings = Self::default();
        for key in KEYS {
            let variable = format!("LANDRUSH_{}", key.to_ascii_uppercase().replace('.', "_"));
            let Some(text) = environment(&variable) else { continue };
            let one = Self::one(key, &text).map_err(|cause| ConfigError::Environment {
                variable,
                key,
                detail: cause.message().trim().to_owned(),
            })?;
            settings = one.over(settings);
        }
        Ok(settings)
    }

    /// One setting from a text without quotes: a number or a truth value if that is what the setting takes, else a string.
    fn one(key: &str, text: &str) -> Result<Self, toml::de::Error> {
        let quoted = toml::Value::String(text.to_owned());
        toml::from_str(&format!("{key} = {quoted}")).or_else(|as_string: toml::de::Error| {
            let bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if bare { toml::from_str(&format!("{key} = {text}")) } else { Err(as_string) }
        })
    }

    /// These settings, and `below` where these do not speak.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        Self {
            listen: self.listen.or(below.listen),
            data_dir: self.data_dir.or(below.data_dir),
            auth: self.auth.over(below.auth),
            gate: self.gate.over(below.gate),
            challenge: self.challenge.over(below.challenge),
            http: self.http.over(below.http),
            events: self.events.over(below.events),
            log: self.log.over(below.log),
            shards: self.shards.over(below.shards),
            metrics: self.metrics.over(below.metrics),
            logging: self.logging.over(below.logging),
        }
    }
}
