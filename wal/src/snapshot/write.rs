//! Owns writing a snapshot: under a temporary name until it is durable and was read back.

use super::{
    AT_BLOCKS, AT_BYTES, AT_FOOTER_CRC, AT_FOOTER_LSN, AT_HASH, AT_HEADER_CRC, AT_INSTANCE, AT_ITEMS, AT_LAST_LSN,
    AT_VERSION, BLOCK_BYTES_MAX, BLOCK_HEADER_BYTES, FOOTER_BYTES, FOOTER_MAGIC, HEADER_BYTES, MAGIC, SNAPSHOT_VERSION,
    SnapshotError, SnapshotInfo, SnapshotReader, SnapshotSummary, io, temporary,
};
use crate::frame::put;
use crate::lsn::Lsn;
use crate::segment::InstanceId;
use crate::storage::{Folder, Storage, StorageFile};
use crate::width;

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
