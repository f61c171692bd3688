//! Owns a snapshot's file: blocks of opaque bytes, each with its CRC, and a footer that says what they add up to. It is
//! written under a temporary name, synced, renamed and read back, so that a snapshot that exists is whole.

mod read;
mod write;

pub use self::read::SnapshotReader;
pub use self::write::SnapshotWriter;

use std::io;

use thiserror::Error;

use crate::lsn::Lsn;
use crate::storage::{Folder, Storage};

/// The longest block, in bytes.
pub const BLOCK_BYTES_MAX: usize = 16 << 20;
/// The format that this build writes and reads.
pub const SNAPSHOT_VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"LRUSHSNP";
const FOOTER_MAGIC: [u8; 8] = *b"LRSNPEND";

// Header: magic, version, reserved, instance, last LSN, CRC.
const AT_VERSION: usize = 8;
const AT_INSTANCE: usize = AT_VERSION + 4 + 4;
const AT_LAST_LSN: usize = AT_INSTANCE + 16;
const AT_HEADER_CRC: usize = AT_LAST_LSN + 8;
const HEADER_BYTES: usize = AT_HEADER_CRC + 4;
const _: () = assert!(HEADER_BYTES == 44);

// A block: length, CRC over length and bytes, bytes.
const BLOCK_HEADER_BYTES: usize = 8;

// Footer: magic, last LSN, blocks, bytes of all blocks, items, hash of the state, CRC.
const AT_FOOTER_LSN: usize = 8;
const AT_BLOCKS: usize = AT_FOOTER_LSN + 8;
const AT_BYTES: usize = AT_BLOCKS + 8;
const AT_ITEMS: usize = AT_BYTES + 8;
const AT_HASH: usize = AT_ITEMS + 8;
const AT_FOOTER_CRC: usize = AT_HASH + 32;
const FOOTER_BYTES: usize = AT_FOOTER_CRC + 4;
const _: () = assert!(FOOTER_BYTES == 76);

/// A snapshot on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// The last record that is in it.
    pub last_lsn: Lsn,
    /// Its file name.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
}

/// What a snapshot's writer says of its content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SnapshotSummary {
    /// Things in the state, by the writer's own count.
    pub items: u64,
    /// A hash of the state.
    pub state_hash: [u8; 32],
}

/// Why a snapshot could not be written or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The operating system refused.
    #[error("cannot use snapshot {name}: {source}")]
    Io {
        /// The file.
        name: String,
        /// What it said.
        source: io::Error,
    },
    /// It is not what was written.
    #[error("snapshot {name} is damaged at offset {offset}: {what}")]
    Damaged {
        /// The file.
        name: String,
        /// Where in it, in bytes.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A newer build wrote it.
    #[error("snapshot {name} has format version {found}, this build reads version {SNAPSHOT_VERSION}")]
    Version {
        /// The file.
        name: String,
        /// Its version.
        found: u32,
    },
}

/// The snapshots, newest first.
pub(crate) fn list<S: Storage>(storage: &S) -> io::Result<Vec<SnapshotInfo>> {
    let entries = storage.list(Folder::Snapshots)?.into_iter();
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let digits = entry.name.strip_suffix(".snap").filter(|digits| digits.len() == 20)?;
            let last_lsn = Lsn(digits.parse().ok()?);
            Some(SnapshotInfo { last_lsn, name: entry.name, bytes: entry.bytes })
        })
        .collect();
    found.sort_by_key(|info| std::cmp::Reverse(info.last_lsn));
    Ok(found)
}

/// Whether a file in the snapshots' folder was left behind by a writer that did not finish.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.ends_with(".snap.new")
}

fn temporary(name: &str) -> String {
    format!("{name}.new")
}

fn io(name: &str) -> impl FnOnce(io::Error) -> SnapshotError + '_ {
    move |source| SnapshotError::Io { name: name.to_owned(), source }
}
