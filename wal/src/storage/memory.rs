//! Owns a disk in memory, for tests and simulations: every file has live bytes, which reads see, and durable bytes, which a
//! reboot leaves; names likewise. What goes wrong is planned in [`super::faulty`].

mod disk;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use self::disk::Disk;
use super::faulty::{Faults, Operation};
use super::{Access, Completed, Device, Entry, Folder, Storage, StorageFile, Write};
use crate::doorbell::Bell;
use crate::frame::SECTOR_BYTES;
use crate::log::Waker;
use crate::options::Durability;
use crate::width;

/// A data directory in memory. Clones are the same directory.
#[derive(Debug, Clone, Default)]
pub struct MemoryStorage {
    disk: Arc<Mutex<Disk>>,
}

impl MemoryStorage {
    /// An empty directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Plans what goes wrong from now on; operations are counted from 0 again.
    pub fn set_faults(&self, faults: Faults) {
        self.disk.lock().set_faults(faults);
    }

    /// The operations since faults were last set or the disk last rebooted.
    pub fn operations(&self) -> Vec<Operation> {
        self.disk.lock().history().to_vec()
    }

    /// Whether the planned cut has come.
    pub fn is_off(&self) -> bool {
        self.disk.lock().is_off()
    }

    /// Cuts the power, unless it is off already: nothing that is not durable is kept. Then turns it on, with no faults, and
    /// the directory free to be locked. Files and devices opened before fail from now on.
    pub fn reboot(&self) {
        self.disk.lock().reboot();
    }

    /// Ends the process that has the directory, and no more: what was written is there, durable or not.
    pub fn end_process(&self) {
        self.disk.lock().end_process();
    }

    /// The live bytes of a file, if it is there.
    pub fn read(&self, folder: Folder, name: &str) -> Option<Vec<u8>> {
        self.disk.lock().bytes_of(folder, name).map(<[u8]>::to_vec)
    }

    /// Puts a file in place, live and durable.
    pub fn put(&self, folder: Folder, name: &str, bytes: Vec<u8>) {
        self.disk.lock().put(folder, name, bytes);
    }

    /// A copy of the directory as it is now, with its faults and its lock left behind.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { disk: Arc::new(Mutex::new(self.disk.lock().fork())) }
    }
}

impl Storage for MemoryStorage {
    type File = MemoryFile;
    type Device = MemoryDevice;
    type Lock = MemoryLock;

    fn lock(&self) -> io::Result<MemoryLock> {
        let life = self.disk.lock().take_lock()?;
        Ok(MemoryLock { disk: Arc::clone(&self.disk), life })
    }

    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn list(&self, folder: Folder) -> io::Result<Vec<Entry>> {
        self.disk.lock().list(folder)
    }

    fn open(&self, folder: Folder, name: &str) -> io::Result<MemoryFile> {
        let (id, life) = self.disk.lock().open(folder, name)?;
        Ok(MemoryFile { disk: Arc::clone(&self.disk), id, life })
    }

    fn create(&self, folder: Folder, name: &str) -> io::Result<MemoryFile> {
        let (id, life) = self.disk.lock().create(folder, name)?;
        Ok(MemoryFile { disk: Arc::clone(&self.disk), id, life })
    }

    fn rename(&self, folder: Folder, from: &str, to: &str) -> io::Result<()> {
        self.disk.lock().rename(folder, from, to)
    }

    fn remove(&self, folder: Folder, name: &str) -> io::Result<()> {
        self.disk.lock().remove(folder, name)
    }

    fn sync_folder(&self, folder: Folder) -> io::Result<()> {
        self.disk.lock().sync_folder(folder)
    }

    fn device(&self, _durability: Durability) -> io::Result<MemoryDevice> {
        Ok(MemoryDevice { disk: Arc::clone(&self.disk), in_flight: VecDeque::new(), bell: Arc::default() })
    }

    fn open_frames(&self, name: &str, _access: Access) -> io::Result<MemoryFile> {
        self.open(Folder::Log, name)
    }
}

/// The directory, taken.
#[derive(Debug)]
pub struct MemoryLock {
    disk: Arc<Mutex<Disk>>,
    life: u64,
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.disk.lock().release_lock(self.life);
    }
}

/// A file in memory.
#[derive(Debug)]
pub struct MemoryFile {
    disk: Arc<Mutex<Disk>>,
    id: usize,
    life: u64,
}

impl MemoryFile {
    fn disk(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.disk.lock();
        disk.check(self.life)?;
        Ok(disk)
    }
}

impl StorageFile for MemoryFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let disk = self.disk()?;
        let live = disk.live(self.id);
        let start = width::in_memory(offset).min(live.len());
        let count = bytes.len().min(live.len() - start);
        bytes[..count].copy_from_slice(&live[start..start + count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk()?.write(self.id, bytes, width::in_memory(offset), false, &mut [].into_iter())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk()?.sync(self.id)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.disk()?.set_len(self.id, width::in_memory(bytes))
    }

    fn len(&self) -> io::Result<u64> {
        Ok(width::in_file(self.disk()?.live(self.id).len()))
    }
}

/// Keeps each write in flight until it is reaped, so that a cut finds as many as the log dares to have.
#[derive(Debug)]
pub struct MemoryDevice {
    disk: Arc<Mutex<Disk>>,
    in_flight: VecDeque<Write<MemoryFile>>,
    bell: Arc<Bell>,
}

impl Device for MemoryDevice {
    type File = MemoryFile;

    fn submit(&mut self, write: Write<MemoryFile>) {
        self.in_flight.push_back(write);
    }

    fn reap(&mut self) -> Option<Completed> {
        let mut disk = self.disk.lock();
        let next = if disk.completes_backwards() { self.in_flight.pop_back() } else { self.in_flight.pop_front() };
        let Write { ticket, file, offset, buffer, range, sync } = next?;
        let result = disk.check(file.life).and_then(|()| {
            if range.is_empty() {
                return disk.sync(file.id);
            }
            let mut others = self.in_flight.iter().map(|other| {
                (other.file.id, &other.buffer.bytes()[other.range.clone()], width::in_memory(other.offset))
            });
            disk.write(file.id, &buffer.bytes()[range], width::in_memory(offset), sync, &mut others)
        });
        Some(Completed { ticket, buffer, result })
    }

    fn wait(&mut self, timeout: Option<Duration>) {
        if self.in_flight.is_empty() {
            self.bell.sleep(timeout);
        }
    }

    fn waker(&self) -> Waker {
        let bell = Arc::clone(&self.bell);
        Waker::new(move || bell.ring())
    }

    fn access(&self) -> Access {
        let block_bytes = width::in_frame(SECTOR_BYTES);
        Access { direct: false, synced_writes: true, block_bytes }
    }

    fn name(&self) -> &'static str {
        "memory"
    }
}
