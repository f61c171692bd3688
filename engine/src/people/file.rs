//! Owns the file: its headers, its slots, and its growth by pieces filled with zeros.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use landrush_wal::storage::StorageFile;

use super::slot::{self, Content, Slot, Unreadable};
use super::{PeopleError, Person};

/// The format that is written.
pub(super) const VERSION: u32 = 1;
const MAGIC: &[u8; 8] = b"LRPEOPLE";
const HEADER_BYTES: u64 = 4_096;
const SLOTS_AT: u64 = 2 * HEADER_BYTES;
/// Slots of a piece that the file grows by: 4 MiB.
pub(super) const PIECE_SLOTS: u32 = 16_384;
/// Phone ids are promised to the header so many at a time.
pub(super) const LEASE_IDS: u64 = 65_536;

/// The file of personal data. Cloning gives another handle to the same.
#[derive(Clone)]
pub(super) struct PeopleFile {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    file: Box<dyn StorageFile>,
    /// Slots that are on disk. Grows only; the writer's thread alone stores.
    slots: AtomicU32,
    header: parking_lot::Mutex<Header>,
}

#[derive(Debug, Clone, Copy)]
struct Header {
    version: u64,
    phone_ids_below: u64,
}

impl PeopleFile {
    pub(super) fn open(directory: &Path) -> Result<Self, PeopleError> {
        let path = directory.join("people.dat");
        let at = |cause| PeopleError::Io { path: path.clone(), cause };
        if !directory.is_dir() {
            DirBuilder::new().mode(0o700).recursive(true).create(directory).map_err(at)?;
        }
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(at)?;
        // Always: the file may be there by a process that ended before it had done this. Its folder's name counts too.
        for folder in [Some(directory), directory.parent()].into_iter().flatten() {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(at)?;
        }
        Self::open_on(Box::new(file), path)
    }

    /// On an open file; `path` is for messages.
    pub(super) fn open_on(file: Box<dyn StorageFile>, path: PathBuf) -> Result<Self, PeopleError> {
        let at = |cause| PeopleError::Io { path: path.clone(), cause };
        let length = file.len().map_err(at)?;
        let header = match Header::newer(&*file, &path) {
            // New, or a crash while it was being made. Slots come once the header is durable: nobody is in it.
            Err(PeopleError::Header(_)) if length <= SLOTS_AT => {
                file.set_len(0).and_then(|()| file.set_len(SLOTS_AT)).map_err(at)?;
                let header = Header { version: 1, phone_ids_below: 1 };
                header.write(&*file).and_then(|()| file.sync()).map_err(at)?;
                header
            }
            header => header?,
        };
        let slots = u32::try_from(length.saturating_sub(SLOTS_AT) / slot::BYTES as u64).unwrap_or(u32::MAX);
        let shared = Shared { path, file, slots: AtomicU32::new(slots), header: parking_lot::Mutex::new(header) };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Every phone id ever given is below this.
    pub(super) fn phone_ids_below(&self) -> u64 {
        self.shared.header.lock().phone_ids_below
    }

    /// How many slots there are on disk.
    pub(super) fn slots(&self) -> u32 {
        // Acquire pairs with the Release in `grow`: who sees slots finds them written.
        self.shared.slots.load(Ordering::Acquire)
    }

    /// Calls `visit` with every slot that is not free.
    pub(super) fn read_all(&self, visit: &mut dyn FnMut(u32, Result<Slot, Unreadable>)) -> Result<(), PeopleError> {
        let mut piece = vec![0; PIECE_SLOTS as usize * slot::BYTES];
        let mut first = 0;
        while first < self.slots() {
            let count = PIECE_SLOTS.min(self.slots() - first);
            let bytes = &mut piece[..count as usize * slot::BYTES];
            read_exact(&*self.shared.file, bytes, offset(first)).map_err(|cause| self.error(cause))?;
            let (slots, _) = bytes.as_chunks::<{ slot::BYTES }>();
            for (number, bytes) in (first..).zip(slots) {
                match Slot::decode(bytes) {
                    Ok(None) => {}
                    Ok(Some(slot)) => visit(number, Ok(slot)),
                    Err(unreadable) => visit(number, Err(unreadable)),
                }
            }
            first += count;
        }
        Ok(())
    }

    /// The person in a slot, if there is one that can be read.
    pub(super) fn read(&self, number: u32) -> io::Result<Option<Person>> {
        let mut bytes = [0; slot::BYTES];
        read_exact(&*self.shared.file, &mut bytes, offset(number))?;
        Ok(match Slot::decode(&bytes) {
            Ok(Some(Slot { content: Content::Person { person, .. }, .. })) => Some(person),
            Ok(Some(Slot { content: Content::Former { .. }, .. }) | None) | Err(Unreadable) => None,
        })
    }

    /// Writes slots, neighbours in one write. Not durable before [`PeopleFile::sync`].
    pub(super) fn write(&self, slots: &mut [(u32, [u8; slot::BYTES])]) -> io::Result<()> {
        // Stable, so that of two writes of one slot the later one stays the later.
        slots.sort_by_key(|(number, _)| *number);
        let mut buffer = Vec::new();
        for run in slots.chunk_by(|(before, _), (after, _)| before.checked_add(1) == Some(*after)) {
            buffer.clear();
            run.iter().for_each(|(_, bytes)| buffer.extend_from_slice(bytes));
            self.shared.file.write_at(&buffer, offset(run[0].0))?;
        }
        Ok(())
    }

    /// Overwrites slots with zeros, and syncs if there were any.
    pub(super) fn erase(&self, numbers: impl Iterator<Item = u32>) -> Result<(), PeopleError> {
        let mut zeros: Vec<_> = numbers.map(|number| (number, [0; slot::BYTES])).collect();
        if zeros.is_empty() {
            return Ok(());
        }
        self.write(&mut zeros).and_then(|()| self.sync()).map_err(|cause| self.error(cause))
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.shared.file.sync()
    }

    /// Promises the header that ids up to `id` are taken, if it does not know. Not durable before [`PeopleFile::sync`].
    pub(super) fn cover_phone_id(&self, id: u64) -> io::Result<()> {
        let mut header = self.shared.header.lock();
        if id < header.phone_ids_below {
            return Ok(());
        }
        let next = Header { version: header.version + 1, phone_ids_below: id + LEASE_IDS };
        next.write(&*self.shared.file)?;
        *header = next;
        Ok(())
    }

    /// Makes room for [`PIECE_SLOTS`] more.
    pub(super) fn grow(&self) -> io::Result<()> {
        let slots = self.slots();
        let Some(more) = slots.checked_add(PIECE_SLOTS) else { return Err(io::ErrorKind::FileTooLarge.into()) };
        let zeros = vec![0; PIECE_SLOTS as usize * slot::BYTES];
        let grown = self.shared.file.write_at(&zeros, offset(slots)).and_then(|()| self.shared.file.sync());
        if let Err(cause) = grown {
            // A piece that is not whole is none.
            drop(self.shared.file.set_len(offset(slots)));
            return Err(cause);
        }
        self.shared.slots.store(more, Ordering::Release);
        Ok(())
    }

    pub(super) fn error(&self, cause: io::Error) -> PeopleError {
        PeopleError::Io { path: self.shared.path.clone(), cause }
    }
}

fn read_exact(file: &dyn StorageFile, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match file.read_at(&mut bytes[done..], offset + done as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => done += read,
        }
    }
    Ok(())
}

fn offset(slot: u32) -> u64 {
    SLOTS_AT + u64::from(slot) * slot::BYTES as u64
}

impl Header {
    const LENGTH: usize = 32;

    /// Into the block that is not the one before's.
    fn write(self, file: &dyn StorageFile) -> io::Result<()> {
        let mut bytes = [0; Self::LENGTH];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.version.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.phone_ids_below.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..28]);
        bytes[28..].copy_from_slice(&crc.to_le_bytes());
        file.write_at(&bytes, self.version % 2 * HEADER_BYTES)
    }

    fn newer(file: &dyn StorageFile, path: &Path) -> Result<Self, PeopleError> {
        let mut newest: Option<Header> = None;
        for block in [0, HEADER_BYTES] {
            let mut bytes = [0; Self::LENGTH];
            match read_exact(file, &mut bytes, block) {
                // A file that is being made may end anywhere.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => continue,
                read => read.map_err(|cause| PeopleError::Io { path: path.to_owned(), cause })?,
            }
            let (body, crc) = bytes.split_at(28);
            if *crc != crc32c::crc32c(body).to_le_bytes() || body[..8] != *MAGIC {
                continue;
            }
            let found = u32::from_le_bytes(body[8..12].try_into().expect("four bytes"));
            if found != VERSION {
                return Err(PeopleError::Version { path: path.to_owned(), found });
            }
            let number = |at: usize| u64::from_le_bytes(body[at..at + 8].try_into().expect("eight bytes"));
            let header = Header { version: number(12), phone_ids_below: number(20) };
            if newest.is_none_or(|newest| newest.version < header.version) {
                newest = Some(header);
            }
        }
        newest.ok_or_else(|| PeopleError::Header(path.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_written_as_ever_and_the_newer_sound_one_counts() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("people.dat");
        let file = PeopleFile::open(dir.path()).expect("made");
        assert_eq!(file.phone_ids_below(), 1);
        file.cover_phone_id(0).expect("nothing to write");
        file.cover_phone_id(0x0102).expect("written");
        drop(file);
        let mut bytes = std::fs::read(&path).expect("readable");
        assert_eq!(bytes.len(), 8_192);
        let newer = b"LRPEOPLE\x01\0\0\0\x02\0\0\0\0\0\0\0\x02\x01\x01\0\0\0\0\0";
        assert_eq!(bytes[..28], *newer);
        assert_eq!(bytes[28..32], crc32c::crc32c(newer).to_le_bytes());
        assert_eq!(bytes[4_096 + 12..4_096 + 28], [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(PeopleFile::open(dir.path()).expect("opens").phone_ids_below(), 0x0001_0102);

        // With slots behind it, a file without a sound header is damaged, and left as it is.
        bytes.resize(8_192 + slot::BYTES, 0);
        bytes[20] ^= 1;
        std::fs::write(&path, &bytes).expect("written");
        assert_eq!(PeopleFile::open(dir.path()).expect("opens by the older one").phone_ids_below(), 1);
        bytes[4_096] ^= 1;
        std::fs::write(&path, &bytes).expect("written");
        assert!(matches!(PeopleFile::open(dir.path()), Err(PeopleError::Header(_))));
        assert_eq!(std::fs::read(&path).expect("readable"), bytes);
    }

    #[test]
    fn a_later_format_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        drop(PeopleFile::open(dir.path()).expect("made"));
        let path = dir.path().join("people.dat");
        let mut bytes = std::fs::read(&path).expect("readable");
        bytes[4_096 + 8] = 2;
        let crc = crc32c::crc32c(&bytes[4_096..4_096 + 28]);
        bytes[4_096 + 28..4_096 + 32].copy_from_slice(&crc.to_le_bytes());
        std::fs::write(&path, &bytes).expect("written");
        assert!(matches!(PeopleFile::open(dir.path()), Err(PeopleError::Version { found: 2, .. })));
    }
}
