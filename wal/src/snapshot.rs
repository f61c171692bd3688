//! Owns a snapshot's file: blocks of opaque bytes, each with its CRC, and a footer that says what they add up to. It is
//! written under a temporary name, synced, renamed and read back, so that a snapshot that exists is whole.

use std::io;

use thiserror::Error;

use crate::frame::{put, take};
use crate::lsn::Lsn;
use crate::segment::InstanceId;
use crate::storage::{Folder, Storage, StorageFile, read_full};
use crate::width;

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

/// A snapshot that is being written.
pub struct SnapshotWriter<S: Storage> {
    storage: S,
    file: S::File,
    info: SnapshotInfo,
    instance: InstanceId,
    blocks: u64,
    block_bytes: u64,
}

impl<S: Storage> SnapshotWriter<S> {
    pub(crate) fn create(storage: &S, instance: InstanceId, last_lsn: Lsn) -> Result<Self, SnapshotError> {
        let name = format!("{last_lsn:020}.snap", last_lsn = last_lsn.0);
        let mut header = [0; HEADER_BYTES];
        put(&mut header, 0, MAGIC);
        put(&mut header, AT_VERSION, SNAPSHOT_VERSION.to_le_bytes());
        put(&mut header, AT_INSTANCE, instance.0);
        put(&mut header, AT_LAST_LSN, last_lsn.0.to_le_bytes());
        let crc = crc32c::crc32c(&header[..AT_HEADER_CRC]);
        put(&mut header, AT_HEADER_CRC, crc.to_le_bytes());
        let file = storage.create(Folder::Snapshots, &temporary(&name)).map_err(io(&name))?;
        file.write_at(&header, 0).map_err(io(&name))?;
        let info = SnapshotInfo { last_lsn, name, bytes: width::in_file(HEADER_BYTES) };
        Ok(Self { storage: storage.clone(), file, info, instance, blocks: 0, block_bytes: 0 })
    }

    /// Adds a block.
    ///
    /// # Errors
    /// What the operating system said.
    ///
    /// # Panics
    /// If it is empty or longer than [`BLOCK_BYTES_MAX`].
    pub fn write_block(&mut self, block: &[u8]) -> Result<(), SnapshotError> {
        assert!(!block.is_empty() && block.len() <= BLOCK_BYTES_MAX, "a block's length is within bounds");
        let mut bytes = Vec::with_capacity(BLOCK_HEADER_BYTES + block.len());
        let length = width::in_frame(block.len()).to_le_bytes();
        bytes.extend_from_slice(&length);
        bytes.extend_from_slice(&crc32c::crc32c_append(crc32c::crc32c(&length), block).to_le_bytes());
        bytes.extend_from_slice(block);
        self.append(&bytes)?;
        self.blocks += 1;
        self.block_bytes += width::in_file(block.len());
        Ok(())
    }

    /// Ends the snapshot, makes it durable under its name, and reads it back.
    ///
    /// # Errors
    /// What the operating system said, or that what was read is not what was written; then there is no snapshot.
    pub fn finish(mut self, summary: SnapshotSummary) -> Result<SnapshotInfo, SnapshotError> {
        let mut footer = [0; FOOTER_BYTES];
        put(&mut footer, 0, FOOTER_MAGIC);
        put(&mut footer, AT_FOOTER_LSN, self.info.last_lsn.0.to_le_bytes());
        put(&mut footer, AT_BLOCKS, self.blocks.to_le_bytes());
        put(&mut footer, AT_BYTES, self.block_bytes.to_le_bytes());
        put(&mut footer, AT_ITEMS, summary.items.to_le_bytes());
        put(&mut footer, AT_HASH, summary.state_hash);
        let crc = crc32c::crc32c(&footer[..AT_FOOTER_CRC]);
        put(&mut footer, AT_FOOTER_CRC, crc.to_le_bytes());
        self.append(&footer)?;
        let name = self.info.name.clone();
        self.file.sync().map_err(io(&name))?;
        let file = self.storage.open(Folder::Snapshots, &temporary(&name)).map_err(io(&name))?;
        let mut reader = SnapshotReader::over(file, &self.info, Some(self.instance))?;
        let mut block = Vec::new();
        while reader.next_block(&mut block)? {}
        self.storage.rename(Folder::Snapshots, &temporary(&name), &name).map_err(io(&name))?;
        self.storage.sync_folder(Folder::Snapshots).map_err(io(&name))?;
        Ok(self.info)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.file.write_at(bytes, self.info.bytes).map_err(io(&self.info.name))?;
        self.info.bytes += width::in_file(bytes.len());
        Ok(())
    }
}

/// A snapshot that is being read.
pub struct SnapshotReader<F> {
    file: F,
    name: String,
    instance: InstanceId,
    summary: SnapshotSummary,
    offset: u64,
    footer_offset: u64,
    blocks_left: u64,
    bytes_left: u64,
}

impl<F: StorageFile> SnapshotReader<F> {
    pub(crate) fn open<S: Storage<File = F>>(
        storage: &S,
        info: &SnapshotInfo,
        instance: Option<InstanceId>,
    ) -> Result<Self, SnapshotError> {
        let file = storage.open(Folder::Snapshots, &info.name).map_err(io(&info.name))?;
        Self::over(file, info, instance)
    }

    fn over(file: F, info: &SnapshotInfo, instance: Option<InstanceId>) -> Result<Self, SnapshotError> {
        let name = info.name.clone();
        let damaged = |offset, what| Err(SnapshotError::Damaged { name: info.name.clone(), offset, what });
        let mut header = [0; HEADER_BYTES];
        let mut footer = [0; FOOTER_BYTES];
        let file_bytes = file.len().map_err(io(&name))?;
        if file_bytes < width::in_file(HEADER_BYTES + FOOTER_BYTES) {
            return damaged(0, "it is shorter than its header and footer");
        }
        let footer_offset = file_bytes - width::in_file(FOOTER_BYTES);
        read_full(&file, &mut header, 0).map_err(io(&name))?;
        read_full(&file, &mut footer, footer_offset).map_err(io(&name))?;
        if take(&header, 0) != MAGIC
            || crc32c::crc32c(&header[..AT_HEADER_CRC]).to_le_bytes() != header[AT_HEADER_CRC..]
        {
            return damaged(0, "the header does not match its checksum");
        }
        let found = u32::from_le_bytes(take(&header, AT_VERSION));
        if found != SNAPSHOT_VERSION {
            return Err(SnapshotError::Version { name, found });
        }
        let found = InstanceId(take(&header, AT_INSTANCE));
        if instance.is_some_and(|instance| instance != found) {
            return damaged(0, "it belongs to another log");
        }
        let crc = crc32c::crc32c(&footer[..AT_FOOTER_CRC]).to_le_bytes();
        if take(&footer, 0) != FOOTER_MAGIC || crc != footer[AT_FOOTER_CRC..] {
            return damaged(footer_offset, "the footer does not match its checksum");
        }
        let lsn = info.last_lsn.0.to_le_bytes();
        if take(&header, AT_LAST_LSN) != lsn || take(&footer, AT_FOOTER_LSN) != lsn {
            return damaged(footer_offset, "name, header and footer disagree over its last record");
        }
        Ok(Self {
            file,
            name,
            instance: found,
            summary: SnapshotSummary {
                items: u64::from_le_bytes(take(&footer, AT_ITEMS)),
                state_hash: take(&footer, AT_HASH),
            },
            offset: width::in_file(HEADER_BYTES),
            footer_offset,
            blocks_left: u64::from_le_bytes(take(&footer, AT_BLOCKS)),
            bytes_left: u64::from_le_bytes(take(&footer, AT_BYTES)),
        })
    }

    /// What the writer said of its content.
    pub fn summary(&self) -> SnapshotSummary {
        self.summary
    }

    /// The log that it was made from.
    pub fn instance(&self) -> InstanceId {
        self.instance
    }

    /// Reads the next block into `block`; `false` at the end, when all that the footer promises has been read.
    ///
    /// # Errors
    /// If a block, or the sum of all, is not what was written.
    pub fn next_block(&mut self, block: &mut Vec<u8>) -> Result<bool, SnapshotError> {
        if self.offset == self.footer_offset {
            return if self.blocks_left == 0 && self.bytes_left == 0 {
                Ok(false)
            } else {
                Err(self.damaged("blocks are missing"))
            };
        }
        let mut head = [0; BLOCK_HEADER_BYTES];
        self.read(&mut head, self.offset)?;
        let length = u64::from(u32::from_le_bytes(take(&head, 0)));
        let end = self.offset + width::in_file(BLOCK_HEADER_BYTES) + length;
        if length == 0 || length > width::in_file(BLOCK_BYTES_MAX) || end > self.footer_offset {
            return Err(self.damaged("a block has an impossible length"));
        }
        block.resize(width::in_memory(length), 0);
        self.read(block, self.offset + width::in_file(BLOCK_HEADER_BYTES))?;
        if crc32c::crc32c_append(crc32c::crc32c(&head[..4]), block).to_le_bytes() != head[4..] {
            return Err(self.damaged("a block does not match its checksum"));
        }
        let left = self.blocks_left.checked_sub(1).zip(self.bytes_left.checked_sub(length));
        (self.blocks_left, self.bytes_left) = left.ok_or_else(|| self.damaged("there are more blocks than written"))?;
        self.offset = end;
        Ok(true)
    }

    fn read(&self, bytes: &mut [u8], offset: u64) -> Result<(), SnapshotError> {
        let read = read_full(&self.file, bytes, offset).map_err(io(&self.name))?;
        if read == bytes.len() { Ok(()) } else { Err(self.damaged("the file ends inside a block")) }
    }

    fn damaged(&self, what: &'static str) -> SnapshotError {
        SnapshotError::Damaged { name: self.name.clone(), offset: self.offset, what }
    }
}

fn temporary(name: &str) -> String {
    format!("{name}.new")
}

fn io(name: &str) -> impl FnOnce(io::Error) -> SnapshotError + '_ {
    move |source| SnapshotError::Io { name: name.to_owned(), source }
}
