//! Owns the settings of a server: from flags, environment, file and defaults (the first that speaks wins) to one checked
//! [`Config`]. Everything behind it takes its values for granted.

mod challenge;
mod gate;
mod raw;
mod tokens;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

pub use challenge::{ChallengeSettings, Secret, Site};
pub use gate::Gate;
pub use raw::{KEYS, Raw};
pub use tokens::{KeySource, SigningAlgorithm, TokenKey, TokenSettings};

use crate::gate::management_keys::ManagementKeys;
use crate::text;

/// The settings of a server, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the HTTP server listens.
    pub listen: SocketAddr,
    /// Where the log, the snapshots, the keys and the exports are.
    pub data_dir: PathBuf,
    /// Whose word is taken for who a user is.
    pub auth: Auth,
    /// Who may do a part of what the admin key may.
    pub management_keys: ManagementKeys,
    /// Who is denied, and whose word is taken for where a request comes from.
    pub gate: Gate,
    /// The providers of challenges that are asked over HTTPS.
    pub challenge: ChallengeSettings,
    /// Threads, connections and patience.
    pub http: Http,
    /// Event streams.
    pub events: Events,
    /// When a reply may leave.
    pub log: Log,
    /// The engine's shards.
    pub shards: Shards,
    /// A listener of its own for `/metrics`; `None`: on the main one.
    pub metrics_listen: Option<SocketAddr>,
    /// What is written to standard error.
    pub logging: Logging,
}

/// Whose word is taken for who a user is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// The caller's: the shop's own gateway.
    Trusted {
        /// Believe callers from other machines too.
        from_anywhere: bool,
    },
    /// That of whoever has signed the user's token.
    Tokens(TokenSettings),
}

/// Threads, connections and patience of the HTTP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Http {
    /// Threads that read and write sockets.
    pub io_threads: usize,
    /// Connections at a time; one more is answered 503.
    pub connections_max: usize,
    /// How long a connection may take to send its first byte, and from the first byte of a head to its end.
    pub head_timeout: Duration,
    /// How long a body may stall.
    pub body_timeout: Duration,
    /// How long a connection may be idle between requests.
    pub keep_alive: Duration,
    /// How long a drain waits for requests in flight.
    pub drain_deadline: Duration,
}

/// Event streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Events {
    /// Watchers at a time; one more is answered 503.
    pub watchers_max: usize,
    /// The silence after which a watcher is shown that the server lives.
    pub heartbeat: Duration,
    /// How long a watcher may take nothing of what is sent to it.
    pub stall_timeout: Duration,
}

/// The log's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// When a reply may leave.
    pub durability: Durability,
    /// The size of a segment, in bytes.
    pub segment_bytes: u64,
    /// The log's growth after which a snapshot is made, in bytes.
    pub snapshot_every_bytes: u64,
}

/// When a reply may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When it is on disk.
    Sync,
    /// Before it is: a loss of power loses up to so much.
    Interval(Duration),
}

/// The engine's shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shards {
    /// How many.
    pub count: usize,
    /// Commands that may wait at one; one more is answered 503.
    pub mailbox_commands: usize,
}

/// What is written to standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// How.
    pub format: LogFormat,
    /// What, in the words of `tracing_subscriber::EnvFilter`.
    pub filter: String,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Why there is no configuration.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {cause}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// The file is no TOML, or holds a setting that does not exist or has the wrong type.
    #[error("{}: {cause}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Where and what.
        cause: Box<toml::de::Error>,
    },
    /// A variable of the environment has the wrong type.
    #[error("the environment variable {variable} (setting {key}): {detail}")]
    Environment {
        /// Which variable.
        variable: String,
        /// Which setting it is.
        key: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// A setting has a value that makes no sense.
    #[error("the setting {key} {detail}")]
    Value {
        /// Which setting.
        key: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// Callers from elsewhere would be believed by accident.
    #[error(
        "listen is {listen}, which other machines reach, and auth.users is \"trusted\": anyone there could claim for anyone. \
         Listen on 127.0.0.1 behind your own gateway, or say auth.trusted_from_anywhere = true"
    )]
    TrustedFromAnywhere {
        /// Where the server would listen.
        listen: SocketAddr,
    },
}

impl Config {
    /// The settings that flags, environment, file and defaults give together.
    ///
    /// # Errors
    /// [`ConfigError`] names the file, the variable or the setting.
    pub fn load(
        flags: Raw,
        environment: impl Fn(&str) -> Option<String>,
        file: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        let file = match file {
            Some(path) => Raw::from_file(path)?,
            None => Raw::default(),
        };
        Self::check(flags.over(Raw::from_environment(environment)?).over(file))
    }

    fn check(raw: Raw) -> Result<Self, ConfigError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let half_the_cores = (cores / 2).max(1);
        let automatic = |value: usize| if value == 0 { half_the_cores } else { value };
        let Raw { listen, data_dir, mut auth, gate, challenge, http, events, log, shards, metrics, logging } = raw;
        let connections_max = within("http.connections_max", http.connections_max.unwrap_or(16_384), 1, 1 << 20)?;
        let management_keys = gate::management_keys(auth.management_keys.take(), auth.management_keys_file.take())?;
        let config = Config {
            listen: address("listen", listen.as_deref().unwrap_or("127.0.0.1:8080"))?,
            data_dir: data_dir.unwrap_or_else(|| PathBuf::from("landrush-data")),
            auth: tokens::check(auth)?,
            management_keys,
            gate: gate::check(gate)?,
            challenge: challenge::check(challenge)?,
            http: Http {
                io_threads: automatic(within("http.io_threads", http.io_threads.unwrap_or(0), 0, 64)?),
                connections_max,
                head_timeout: duration("http.head_timeout", http.head_timeout.as_deref(), "10s")?,
                body_timeout: duration("http.body_timeout", http.body_timeout.as_deref(), "10s")?,
                keep_alive: duration("http.keep_alive", http.keep_alive.as_deref(), "75s")?,
                drain_deadline: duration("http.drain_deadline", http.drain_deadline.as_deref(), "10s")?,
            },
            events: Events {
                watchers_max: match within("events.watchers_max", events.watchers_max.unwrap_or(0), 0, 1 << 20)? {
                    // A sixteenth of the connections is left to those who claim.
                    0 => connections_max - connections_max / 16,
                    given => given,
                },
                heartbeat: duration("events.heartbeat", events.heartbeat.as_deref(), "15s")?,
                stall_timeout: duration("events.stall_timeout", events.stall_timeout.as_deref(), "60s")?,
            },
            log: Log {
                durability: durability(log.durability.as_deref(), log.interval.as_deref())?,
                segment_bytes: within("log.segment_bytes", log.segment_bytes.unwrap_or(64 << 20), 16 << 20, 4 << 30)?,
                snapshot_every_bytes: within(
                    "log.snapshot_every_bytes",
                    log.snapshot_every_bytes.unwrap_or(256 << 20),
                    1 << 20,
                    1 << 40,
                )?,
            },
            shards: Shards {
                count: automatic(within("shards.count", shards.count.unwrap_or(0), 0, 256)?),
                mailbox_commands: within(
                    "shards.mailbox_commands",
                    shards.mailbox_commands.unwrap_or(16_384),
                    1,
                    1 << 20,
                )?,
            },
            metrics_listen: match metrics.listen.as_deref() {
                None | Some("") => None,
                Some(listen) => Some(address("metrics.listen", listen)?),
            },
            logging: Logging {
                format: match logging.format.as_deref().unwrap_or("human") {
                    "human" => LogFormat::Human,
                    "json" => LogFormat::Json,
                    other => return Err(value("logging.format", format!("is \"{other}\", not \"human\" or \"json\""))),
                },
                filter: logging.filter.unwrap_or_else(|| String::from("info")),
            },
        };
        if !config.listen.ip().is_loopback() && config.auth == (Auth::Trusted { from_anywhere: false }) {
            return Err(ConfigError::TrustedFromAnywhere { listen: config.listen });
        }
        Ok(config)
    }
}

fn value(key: &'static str, detail: impl Into<String>) -> ConfigError {
    ConfigError::Value { key, detail: detail.into() }
}

fn address(key: &'static str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| value(key, format!("is \"{text}\", not an address and port, as 127.0.0.1:8080")))
}

fn within<N: PartialOrd + std::fmt::Display>(key: &'static str, given: N, min: N, max: N) -> Result<N, ConfigError> {
    if given < min || given > max {
        return Err(value(key, format!("is {given}, not {min} to {max}")));
    }
    Ok(given)
}

fn duration(key: &'static str, text: Option<&str>, default: &str) -> Result<Duration, ConfigError> {
    let text = text.unwrap_or(default);
    match text::parse_duration(text) {
        Ok(Duration::ZERO) => Err(value(key, "is nothing; it must be longer")),
        Ok(duration) => Ok(duration),
        Err(detail) => Err(value(key, format!("is \"{text}\": it {detail}"))),
    }
}

fn durability(word: Option<&str>, interval: Option<&str>) -> Result<Durability, ConfigError> {
    let interval = duration("log.interval", interval, "10ms")?;
    match word.unwrap_or("sync") {
        "sync" => Ok(Durability::Sync),
        "interval" => Ok(Durability::Interval(interval)),
        other => Err(value("log.durability", format!("is \"{other}\", not \"sync\" or \"interval\""))),
    }
}

#[cfg(test)]
mod tests;
