//! Owns the one seam to the disk: directories and files behind [`Storage`], writes that complete later behind [`Device`].
//! Above it nothing knows of an operating system; below it nothing knows of frames.

pub mod faulty;
pub mod file;
pub mod memory;

use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use crate::buffer::Buffer;
use crate::log::Waker;
use crate::options::Durability;

/// A data directory with the log's two folders.
pub trait Storage: Clone + Send + Sync + 'static {
    /// An open file.
    type File: StorageFile;
    /// What writes frames.
    type Device: Device<File = Self::File>;
    /// Held by the one process that may write; dropping it gives the directory back.
    type Lock: Send + Sync + 'static;

    /// Takes the directory for this process, and makes the folders if they are not there.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if another process has it.
    fn lock(&self) -> io::Result<Self::Lock>;
    /// The directory, for messages.
    fn place(&self) -> String;
    /// The files in a folder, in no order; none if the folder is not there.
    fn list(&self, folder: Folder) -> io::Result<Vec<Entry>>;
    /// Opens a file to read, or to write what is not the log's hot path.
    fn open(&self, folder: Folder, name: &str) -> io::Result<Self::File>;
    /// Makes an empty file, or empties the one that is there.
    fn create(&self, folder: Folder, name: &str) -> io::Result<Self::File>;
    /// Renames within a folder, replacing what has the name.
    fn rename(&self, folder: Folder, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, folder: Folder, name: &str) -> io::Result<()>;
    /// Makes creations, renames and removals in a folder durable.
    fn sync_folder(&self, folder: Folder) -> io::Result<()>;
    /// What writes frames with the promise that `durability` makes, chosen by probing.
    fn device(&self, durability: Durability) -> io::Result<Self::Device>;
    /// Opens a segment for a device to write.
    fn open_frames(&self, name: &str, access: Access) -> io::Result<Self::File>;
}

/// An open file.
pub trait StorageFile: Send + Sync + 'static {
    /// Reads at `offset`; fewer bytes than asked for only at the end.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes` at `offset`. Durable only after [`StorageFile::sync`].
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes what was written durable.
    fn sync(&self) -> io::Result<()>;
    /// Cuts or extends (with zeros) to `bytes`.
    fn set_len(&self, bytes: u64) -> io::Result<()>;
    /// Its length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether it has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// Writes that complete later, in any order. One thread owns it.
pub trait Device: Send + 'static {
    /// What it writes to.
    type File;

    /// Starts a write. Errors come with its completion.
    fn submit(&mut self, write: Write<Self::File>);
    /// Gives a write that has completed, if there is one. Does not block.
    fn reap(&mut self) -> Option<Completed>;
    /// Sleeps until a write completes, the waker is called, or `timeout` is over; may return early.
    fn wait(&mut self, timeout: Option<Duration>);
    /// What becomes readable when a sleep would end; `None` where only [`Device::wait`] can be slept in.
    ///
    /// # Errors
    /// [`io::Error`]: no descriptor can be had.
    fn readiness(&self) -> io::Result<Option<OwnedFd>> {
        Ok(None)
    }
    /// Prepares a sleep in which [`Device::readiness`] is polled; `false` if there is something to do.
    fn doze(&mut self) -> bool {
        false
    }
    /// Ends a sleep that [`Device::doze`] began, or none.
    fn awake(&mut self) {}
    /// Ends a sleep.
    fn waker(&self) -> Waker;
    /// How segments have to be opened for it.
    fn access(&self) -> Access;
    /// What it is, for the line that is logged at start.
    fn name(&self) -> &'static str;
}

/// One write, or with an empty range one sync.
#[derive(Debug)]
pub struct Write<F> {
    /// Comes back with the completion.
    pub ticket: u64,
    /// The file to write to.
    pub file: Arc<F>,
    /// Where in the file.
    pub offset: u64,
    /// The memory it leaves from.
    pub buffer: Buffer,
    /// Where in [`Buffer::bytes`].
    pub range: Range<usize>,
    /// Whether it, and all completed writes before it, are durable when it completes.
    pub sync: bool,
}

/// A write that is over.
#[derive(Debug)]
pub struct Completed {
    /// The write's.
    pub ticket: u64,
    /// The write's, to be used again.
    pub buffer: Buffer,
    /// Whether all of it was written, and synced if that was asked.
    pub result: io::Result<()>,
}

/// How segments are opened for a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Past the page cache.
    pub direct: bool,
    /// Each write is durable when it returns.
    pub synced_writes: bool,
    /// Offsets, lengths and memory are multiples of this many bytes.
    pub block_bytes: u32,
}

/// A folder of the data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Folder {
    /// The segments.
    Log,
    /// The snapshots.
    Snapshots,
}

impl Folder {
    /// Its name in the data directory.
    pub fn name(self) -> &'static str {
        match self {
            Folder::Log => "wal",
            Folder::Snapshots => "snapshots",
        }
    }
}

/// A file in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
}

/// Reads until `bytes` is full or the file ends, and gives how many were read.
pub(crate) fn read_full(file: &impl StorageFile, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        match file.read_at(&mut bytes[done..], offset + crate::width::in_file(done))? {
            0 => break,
            read => done += read,
        }
    }
    Ok(done)
}
