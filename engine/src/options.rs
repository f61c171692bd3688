//! Owns the settings of an engine, their units, defaults and bounds.

use std::sync::Arc;

use landrush_wal::options::LogOptions;
use thiserror::Error;

use crate::time::{Clock, SteadyClock};

/// Settings of an engine.
#[derive(Clone)]
pub struct EngineOptions {
    /// Shards, each a thread: 1 to [`EngineOptions::SHARDS_MAX`]. Default: half the cores, at least 1. May change at any restart.
    pub shards: usize,
    /// Commands that may wait at one shard, 1 to [`EngineOptions::MAILBOX_COMMANDS_MAX`]; one more is refused. Default: 16,384,
    /// which a shard clears in well under 200 ms.
    pub mailbox_commands: usize,
    /// The log's own settings.
    pub log: LogOptions,
    /// A snapshot is made when the log has grown by so many bytes since the last one. Default: 256 MiB.
    pub snapshot_every_bytes: u64,
    /// Start although the log's last stamp lies more than a day ahead of the clock. Default: no.
    pub accept_clock: bool,
    /// Where the time comes from. Default: the system's clock.
    pub clock: Arc<dyn Clock>,
    /// Hears how recovery goes. Default: nobody.
    pub progress: Arc<dyn Fn(RecoveryProgress) + Send + Sync>,
}

/// How far recovery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryProgress {
    /// Bytes of log read.
    pub bytes_read: u64,
    /// Bytes of log to read.
    pub bytes_total: u64,
    /// Records applied.
    pub records: u64,
}

/// A setting is out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidOptions {
    /// Too few or too many shards.
    #[error("shards must be 1 to {max}, not {found}", max = EngineOptions::SHARDS_MAX)]
    Shards {
        /// What was asked for.
        found: usize,
    },
    /// Too small or too large a mailbox.
    #[error("mailbox_commands must be 1 to {max}, not {found}", max = EngineOptions::MAILBOX_COMMANDS_MAX)]
    Mailbox {
        /// What was asked for.
        found: usize,
    },
}

impl EngineOptions {
    /// The most shards.
    pub const SHARDS_MAX: usize = 256;
    /// The largest mailbox, in commands.
    pub const MAILBOX_COMMANDS_MAX: usize = 1 << 20;

    /// # Errors
    /// [`InvalidOptions`] names the setting that is out of bounds.
    pub fn check(&self) -> Result<(), InvalidOptions> {
        if self.shards == 0 || self.shards > Self::SHARDS_MAX {
            return Err(InvalidOptions::Shards { found: self.shards });
        }
        if self.mailbox_commands == 0 || self.mailbox_commands > Self::MAILBOX_COMMANDS_MAX {
            return Err(InvalidOptions::Mailbox { found: self.mailbox_commands });
        }
        Ok(())
    }
}

impl Default for EngineOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            shards: (cores / 2).clamp(1, Self::SHARDS_MAX),
            mailbox_commands: 16_384,
            log: LogOptions::default(),
            snapshot_every_bytes: 256 << 20,
            accept_clock: false,
            clock: Arc::new(SteadyClock::start()),
            progress: Arc::new(|_| {}),
        }
    }
}
