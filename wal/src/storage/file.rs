//! Owns a data directory on a file system: its lock, its files, and the choice of what writes frames.

mod thread;
mod uring;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use self::thread::ThreadDevice;
use self::uring::UringDevice;
use super::{Access, Completed, Device, Entry, Folder, Storage, StorageFile, Write};
use crate::buffer::Buffer;
use crate::log::Waker;
use crate::options::{BLOCK_BYTES_MAX, Durability};
use crate::width;

const LOCK_NAME: &str = "lock";
const PROBE_NAME: &str = "probe.new";
const SECTOR: u32 = 512;

/// A data directory on a file system.
#[derive(Debug, Clone)]
pub struct FileStorage {
    root: PathBuf,
    backend: Backend,
    direct: Direct,
}

/// What writes frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Backend {
    /// io_uring, or a thread where it is forbidden.
    #[default]
    Auto,
    /// io_uring, or an error.
    Uring,
    /// A thread that writes and syncs.
    Thread,
}

/// Whether io_uring writes past the page cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Direct {
    /// If the file system allows it.
    #[default]
    Auto,
    /// Never.
    Off,
}

impl FileStorage {
    /// The data directory at `root`, which is made when it is first locked.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), backend: Backend::Auto, direct: Direct::Auto }
    }

    /// Chooses what writes frames.
    #[must_use]
    pub fn with_backend(self, backend: Backend) -> Self {
        Self { backend, ..self }
    }

    /// Chooses how io_uring writes.
    #[must_use]
    pub fn with_direct(self, direct: Direct) -> Self {
        Self { direct, ..self }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, folder: Folder, name: &str) -> PathBuf {
        self.root.join(folder.name()).join(name)
    }

    /// Finds out by writing how io_uring may write here.
    fn probe_uring(&self) -> io::Result<UringDevice> {
        let path = self.path(Folder::Log, PROBE_NAME);
        fs::write(&path, vec![0; width::in_memory(u64::from(BLOCK_BYTES_MAX)) * 4])?;
        let direct =
            [SECTOR, BLOCK_BYTES_MAX].map(|block_bytes| Access { direct: true, synced_writes: true, block_bytes });
        let buffered = Access { direct: false, synced_writes: true, block_bytes: SECTOR };
        let choices = direct.into_iter().filter(|_| self.direct == Direct::Auto).chain([buffered]);
        let mut outcome = Err(io::ErrorKind::Unsupported.into());
        for access in choices {
            outcome = probe_one(&path, access);
            if outcome.is_ok() {
                break;
            }
        }
        fs::remove_file(&path)?;
        outcome
    }
}

/// Tries one write of one block, one block into the file.
fn probe_one(path: &Path, access: Access) -> io::Result<UringDevice> {
    let file = std::sync::Arc::new(open_with(path, access)?);
    let mut device = UringDevice::new(access)?;
    let mut buffer = Buffer::new(width::in_memory(u64::from(BLOCK_BYTES_MAX)));
    buffer.push(&[1]);
    let range = buffer.frame_range(width::in_memory(u64::from(access.block_bytes)));
    device.submit(Write { ticket: 0, file, offset: u64::from(access.block_bytes), buffer, range, sync: true });
    loop {
        if let Some(completed) = device.reap() {
            return completed.result.map(|()| device);
        }
        device.wait(None);
    }
}

fn open_with(path: &Path, access: Access) -> io::Result<File> {
    // Of libc: what rustix 1.1 calls `OFlags::DSYNC` is `O_SYNC` on Linux, with which a write also waits for the journal whenever
    // the clock has moved the file's time stamp.
    let direct = if access.direct { libc::O_DIRECT } else { 0 };
    let synced = if access.synced_writes { libc::O_DSYNC } else { 0 };
    OpenOptions::new().read(true).write(true).custom_flags(direct | synced).open(path)
}

impl Storage for FileStorage {
    type File = File;
    type Device = FileDevice;
    type Lock = File;

    fn lock(&self) -> io::Result<File> {
        for folder in [Folder::Log, Folder::Snapshots] {
            fs::create_dir_all(self.root.join(folder.name()))?;
        }
        // The folders' own names have to outlive a loss of power too.
        File::open(&self.root)?.sync_all()?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(self.root.join(LOCK_NAME))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(file)
    }

    fn place(&self) -> String {
        self.root.display().to_string()
    }

    fn list(&self, folder: Folder) -> io::Result<Vec<Entry>> {
        let entries = match fs::read_dir(self.root.join(folder.name())) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let bytes = match entry.metadata() {
                Ok(metadata) => metadata.len(),
                // Renamed or removed since: it is not there any more.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if let Ok(name) = entry.file_name().into_string() {
                found.push(Entry { name, bytes });
            }
        }
        Ok(found)
    }

    fn open(&self, folder: Folder, name: &str) -> io::Result<File> {
        let path = self.path(folder, name);
        match OpenOptions::new().read(true).write(true).open(&path) {
            // Whoever may only read still may verify.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => File::open(&path),
            opened => opened,
        }
    }

    fn create(&self, folder: Folder, name: &str) -> io::Result<File> {
        OpenOptions::new().create(true).truncate(true).read(true).write(true).open(self.path(folder, name))
    }

    fn rename(&self, folder: Folder, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(folder, from), self.path(folder, to))
    }

    fn remove(&self, folder: Folder, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(folder, name))
    }

    fn sync_folder(&self, folder: Folder) -> io::Result<()> {
        File::open(self.root.join(folder.name()))?.sync_all()
    }

    fn device(&self, durability: Durability) -> io::Result<FileDevice> {
        let uring = match (self.backend, durability) {
            // A sync only now and then is the thread's to make; io_uring's writes are synced each.
            (Backend::Thread, _) | (Backend::Auto, Durability::Interval(_)) => None,
            (Backend::Uring, _) => Some(self.probe_uring()?),
            (Backend::Auto, Durability::Sync) => self.probe_uring().ok(),
        };
        match uring {
            Some(device) => Ok(FileDevice::Uring(Box::new(device))),
            None => ThreadDevice::new().map(FileDevice::Thread),
        }
    }

    fn open_frames(&self, name: &str, access: Access) -> io::Result<File> {
        open_with(&self.path(Folder::Log, name), access)
    }
}

impl StorageFile for File {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match FileExt::read_at(self, bytes, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        File::set_len(self, bytes)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

/// What writes frames to files.
#[derive(Debug)]
pub enum FileDevice {
    /// By io_uring.
    Uring(Box<UringDevice>),
    /// By a thread.
    Thread(ThreadDevice),
}

impl Device for FileDevice {
    type File = File;

    fn submit(&mut self, write: Write<File>) {
        match self {
            FileDevice::Uring(device) => device.submit(write),
            FileDevice::Thread(device) => device.submit(write),
        }
    }

    fn reap(&mut self) -> Option<Completed> {
        match self {
            FileDevice::Uring(device) => device.reap(),
            FileDevice::Thread(device) => device.reap(),
        }
    }

    fn wait(&mut self, timeout: Option<Duration>) {
        match self {
            FileDevice::Uring(device) => device.wait(timeout),
            FileDevice::Thread(device) => device.wait(timeout),
        }
    }

    fn readiness(&self) -> io::Result<Option<OwnedFd>> {
        match self {
            FileDevice::Uring(device) => device.readiness().map(Some),
            FileDevice::Thread(_) => Ok(None),
        }
    }

    fn doze(&mut self) -> bool {
        match self {
            FileDevice::Uring(device) => device.doze(),
            FileDevice::Thread(_) => false,
        }
    }

    fn awake(&mut self) {
        match self {
            FileDevice::Uring(device) => device.awake(),
            FileDevice::Thread(_) => {}
        }
    }

    fn waker(&self) -> Waker {
        match self {
            FileDevice::Uring(device) => device.waker(),
            FileDevice::Thread(device) => device.waker(),
        }
    }

    fn access(&self) -> Access {
        match self {
            FileDevice::Uring(device) => device.access(),
            FileDevice::Thread(device) => device.access(),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            FileDevice::Uring(device) => device.name(),
            FileDevice::Thread(device) => device.name(),
        }
    }
}
