//! Owns reading a snapshot. Everything in it is believed only after its checksum.

use super::{
    AT_BLOCKS, AT_BYTES, AT_FOOTER_CRC, AT_FOOTER_LSN, AT_HASH, AT_HEADER_CRC, AT_INSTANCE, AT_ITEMS, AT_LAST_LSN,
    AT_VERSION, BLOCK_BYTES_MAX, BLOCK_HEADER_BYTES, FOOTER_BYTES, FOOTER_MAGIC, HEADER_BYTES, MAGIC, SNAPSHOT_VERSION,
    SnapshotError, SnapshotInfo, SnapshotSummary, io,
};
use crate::frame::take;
use crate::segment::InstanceId;
use crate::storage::{Folder, Storage, StorageFile, read_full};
use crate::width;

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

    pub(super) fn over(file: F, info: &SnapshotInfo, instance: Option<InstanceId>) -> Result<Self, SnapshotError> {
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
