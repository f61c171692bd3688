//! Owns what can go wrong with a [`MemoryStorage`](super::memory::MemoryStorage): where the power is cut and what of the
//! writes under way is kept, which operation fails, how much room there is. Nothing is random: the same plan gives the same disk.

use std::io;

/// What kind of operation the disk was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Bytes of a file.
    Write {
        /// How many.
        bytes: usize,
    },
    /// A file's bytes are to be durable.
    Sync,
    /// A file's length.
    Truncate,
    /// A new or emptied file.
    Create,
    /// A file's name.
    Rename,
    /// A file removed.
    Remove,
    /// A folder's entries are to be durable.
    SyncFolder,
}

/// Operations that go wrong, counted from 0 since the disk was made or last rebooted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// The power goes during this operation.
    pub cut: Option<Cut>,
    /// This operation fails without effect; if it is a sync, what it should have made durable is never written.
    pub fail: Option<u64>,
    /// This write writes half and fails.
    pub short_write: Option<u64>,
    /// Bytes that all files may have together; writes that need more fail.
    pub capacity_bytes: Option<u64>,
    /// Of the writes in flight, the youngest completes first.
    pub backwards: bool,
}

/// A loss of power during one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Which.
    pub operation: u64,
    /// What is kept of it, if it is a write.
    pub kept: Kept,
    /// What is kept of everything else that was not durable: other writes in flight, unsynced bytes, unsynced names.
    pub others: Others,
}

/// What of a torn write reaches the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Its first bytes.
    Prefix(usize),
    /// Its last bytes.
    Suffix(usize),
    /// The sectors whose bit is set, the pattern repeating after 64.
    Sectors(u64),
}

/// What happens to all else that was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// None of it reaches the disk.
    Lost,
    /// All of it does.
    Kept,
}

impl Kept {
    pub(super) fn holds(self, index: usize, length: usize) -> bool {
        match self {
            Kept::Prefix(bytes) => index < bytes,
            Kept::Suffix(bytes) => index >= length.saturating_sub(bytes),
            Kept::Sectors(mask) => mask >> (index / crate::frame::SECTOR_BYTES % 64) & 1 == 1,
        }
    }
}

/// What becomes of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Done,
    Cut(Cut),
    Fails,
    Short,
}

impl Faults {
    pub(super) fn verdict(&self, operation: u64) -> Verdict {
        match self.cut {
            Some(cut) if cut.operation == operation => Verdict::Cut(cut),
            _ if self.fail == Some(operation) => Verdict::Fails,
            _ if self.short_write == Some(operation) => Verdict::Short,
            _ => Verdict::Done,
        }
    }
}

pub(super) fn power_is_off() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the power is off")
}

pub(super) fn broken() -> io::Error {
    io::Error::other("the disk failed")
}

pub(super) fn full() -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, "the disk is full")
}
