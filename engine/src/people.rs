//! The store of personal data: phone numbers and names. They never enter the campaign log. Here they can be erased for good:
//! when [`People::erase`] is durable, no file holds the number or the name any more, and no count of any campaign has changed.
//!
//! The log knows a phone number by its [`PhoneId`] alone. Equal numbers have one id, whoever brings them, which is what makes
//! a limit by phone hold; an id is never given to another number. A number that somebody had before keeps its id as a keyed
//! hash without the number, until that somebody is erased: so that changing a number back and forth wins nothing. Once the
//! last user who had a number is erased, its id is forgotten, and the number is a new one to us.
//!
//! # On disk
//!
//! One file, `people.dat`: two header blocks of 4,096 bytes, of which the newer sound one counts, then slots of 256 bytes. A
//! slot lies within a sector of 512 bytes, which disks write whole or not at all. All integers are little-endian.
//!
//! | header, bytes | what |
//! |---|---|
//! | 8 | `LRPEOPLE` |
//! | 4 | format version, 1 |
//! | 8 | version of this header: the higher one is newer |
//! | 8 | every phone id ever given is below this |
//! | 4 | CRC32C of what stands before |
//!
//! | slot, bytes | what |
//! |---|---|
//! | 4 | CRC32C of the rest of the slot |
//! | 1 | kind: 1 a person, 2 a number that a person had before; 0 and all else zero: free |
//! | 1, 1, 1 | length of user id, of phone number, of name |
//! | 8 | version: of two slots of one person the lower is the older, which counts |
//! | 8 | phone id, 0: none |
//! | 128 | user id |
//! | 16 | phone number; of a former number its keyed hash |
//! | 88 | name |
//!
//! # Changes
//!
//! A change is made in memory at once, and told to nobody before it is durable: [`People::durable`]. One thread writes all
//! that has come meanwhile and syncs once for all of it. What is replaced is overwritten with zeros by a second sync, after
//! the first has put the new slot on disk. A loss of power in between leaves both: then nobody was told of the change, and
//! recovery keeps the older one, which is whole, and erases what there is of the newer. What an erasure frees, slots and
//! holds on numbers, is free once it is durable. Room is made ahead in pieces filled with zeros; without room
//! [`PutError::Full`] is the answer, until there is some.
//!
//! A failed write or sync poisons the store: nothing more is acknowledged until a restart.

mod file;
mod index;
mod phone;
mod phones;
mod slot;
mod writer;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use landrush_wal::storage::StorageFile;
use thiserror::Error;

use self::file::PeopleFile;
use self::index::{Index, Planned};
use self::writer::{Progress, Writer};
use crate::id::{PhoneId, UserId};
use crate::keys::Keys;

pub use self::phone::{InvalidPhone, PhoneNumber};

/// The people of one data directory. Cloning gives another handle to the same; the last one ends its thread.
#[derive(Clone)]
pub struct People {
    shared: Arc<Shared>,
}

struct Shared {
    file: PeopleFile,
    index: parking_lot::Mutex<Index>,
    progress: Arc<Progress>,
    writer: Writer,
}

/// What was found when the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeopleReport {
    /// How many people there are.
    pub people: u64,
    /// Slots that could not be read: a write was under way when the power went, or the disk has lost something. They have
    /// been overwritten with zeros.
    pub unreadable: u64,
}

/// One person's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub user: UserId,
    /// The number, if one is known.
    pub phone: Option<PhoneNumber>,
    /// The name, if one is known.
    pub name: Option<String>,
}

/// What to do about a person who is known with other data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Refuse.
    Conflict,
    /// Take the new data; what is not given stays.
    Update,
}

/// What was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Stands for the person's number, if one is known.
    pub phone: Option<PhoneId>,
    /// Whether the person was unknown.
    pub is_new: bool,
    /// When all this is durable: give it to [`People::durable`].
    pub ticket: Ticket,
}

/// A phone number as it is told from others in memory: hashed, under a key that never leaves the data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PhoneHash(pub u128);

/// A change's place in the order of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// Why a person was not stored. Nothing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PutError {
    /// The person is known, with other data.
    #[error("the user exists with other data")]
    Conflict,
    /// The name is longer than [`People::NAME_BYTES_MAX`].
    #[error("the name must be at most {} bytes long", People::NAME_BYTES_MAX)]
    Name,
    /// There is no room on the disk.
    #[error("there is no room for more people")]
    Full,
    /// More has come than can be written at once: try again soon.
    #[error("too many people are being stored at once")]
    Busy,
    /// A write has failed; only a restart helps.
    #[error(transparent)]
    Failed(#[from] Failed),
}

/// A write of the store has failed: what was not durable by then may or may not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("writing personal data has failed; only a restart helps")]
pub struct Failed;

/// Why the store cannot be opened or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PeopleError {
    /// The file or its directory cannot be read or written.
    #[error("{}: {cause}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// Neither header can be read, though there is data.
    #[error("{} is damaged: neither of its headers can be read; restore it from a backup", .0.display())]
    Header(PathBuf),
    /// The file is of a format that this version does not know.
    #[error("{} is of format version {found}, this program knows version {}", path.display(), file::VERSION)]
    Version {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

impl People {
    /// The directory of the store within the data directory.
    pub const DIRECTORY: &'static str = "people";
    /// The longest name, in bytes of UTF-8.
    pub const NAME_BYTES_MAX: usize = slot::NAME_BYTES;

    /// Opens the store in `directory`, which is made if it is missing, and starts its thread. Who calls holds the lock of the
    /// data directory.
    ///
    /// # Errors
    /// [`PeopleError`] names the file.
    pub fn open(directory: &Path, keys: &Keys) -> Result<(Self, PeopleReport), PeopleError> {
        Self::from_file(PeopleFile::open(directory)?, keys)
    }

    /// Opens the store in a file that is open already, and empty if the store is new: for programs that bring a storage of
    /// their own, and for tests. `name` is what messages call the file.
    ///
    /// # Errors
    /// [`PeopleError`] names the file.
    pub fn open_on(file: Box<dyn StorageFile>, name: &Path, keys: &Keys) -> Result<(Self, PeopleReport), PeopleError> {
        Self::from_file(PeopleFile::open_on(file, name.to_owned())?, keys)
    }

    fn from_file(file: PeopleFile, keys: &Keys) -> Result<(Self, PeopleReport), PeopleError> {
        let mut index = Index::new(keys, file.phone_ids_below());
        let mut unreadable = Vec::new();
        file.read_all(&mut |number, slot| match slot {
            Ok(slot) => index.adopt(number, &slot),
            Err(slot::Unreadable) => unreadable.push(number),
        })?;
        let leftover = index.superseded();
        file.erase(unreadable.iter().copied().chain(leftover))?;
        if index.has_no_room(file.slots()) {
            // Without room on the disk nobody new is stored; all else works.
            file.grow().unwrap_or_else(|error| tracing::warn!(%error, "there is no room for people"));
        }
        index.free_slots(file.slots());
        let report = PeopleReport { people: index.people(), unreadable: unreadable.len() as u64 };
        let progress = Arc::new(Progress::new(index.last_ticket()));
        let writer = Writer::start(file.clone(), Arc::clone(&progress)).map_err(|cause| file.error(cause))?;
        let shared = Shared { file, index: parking_lot::Mutex::new(index), progress, writer };
        Ok((Self { shared: Arc::new(shared) }, report))
    }

    /// Stores what is given of a person. What is so already is not written again. Blocks only for somebody whose last change
    /// is not durable yet, of which a part stays.
    ///
    /// # Errors
    /// [`PutError`]: nothing happened.
    pub fn put(
        &self,
        user: &UserId,
        phone: Option<&PhoneNumber>,
        name: Option<&str>,
        known: Known,
    ) -> Result<Stored, PutError> {
        if name.is_some_and(|name| name.len() > Self::NAME_BYTES_MAX) {
            return Err(PutError::Name);
        }
        let shared = &*self.shared;
        shared.progress.check()?;
        // What is stored of a person and not given now stays. It is in the file.
        let mut read: Option<((u32, Ticket), Option<Person>)> = None;
        loop {
            let mut index = shared.index.lock();
            let place = match index.plan(user, phone, name, known)? {
                Planned::Unchanged(stored) => return Ok(stored),
                Planned::New => return self.write(&mut index, user, phone, name),
                Planned::Onto { slot, ticket } => (slot, ticket),
            };
            if let Some((_, before)) = read.take_if(|(from, _)| *from == place) {
                // Where it stays and cannot be read, the disk has lost it.
                let before = before.ok_or(Failed)?;
                let (phone, name) = (phone.or(before.phone.as_ref()), name.or(before.name.as_deref()));
                return self.write(&mut index, user, phone, name);
            }
            drop(index);
            // It seldom is still on its way; then it is waited for.
            shared.progress.wait(place.1)?;
            let before = shared.file.read(place.0).map_err(|_| Failed)?;
            read = Some((place, before.filter(|person| person.user == *user)));
        }
    }

    fn write(
        &self,
        index: &mut Index,
        user: &UserId,
        phone: Option<&PhoneNumber>,
        name: Option<&str>,
    ) -> Result<Stored, PutError> {
        let writer = &self.shared.writer;
        if !writer.accepts() {
            return Err(PutError::Busy);
        }
        index.settle(self.shared.file.slots(), self.shared.progress.durable());
        let Some((stored, changes)) = index.store(user, phone, name) else {
            return Err(if writer.make_room() { PutError::Busy } else { PutError::Full });
        };
        if index.is_short_of_room() {
            writer.make_room();
        }
        // Under the lock, so that changes are written in the order of their tickets.
        writer.queue(stored.ticket, changes);
        Ok(stored)
    }

    /// By what `phone`, or else the number that is known of `user`, is told from other numbers; `None`: there is neither.
    pub fn phone_hash(&self, user: &UserId, phone: Option<&PhoneNumber>) -> Option<PhoneHash> {
        self.shared.index.lock().phone_hash(user, phone).map(PhoneHash)
    }

    /// Stands for the person's number, if one is known, and says when that is durable.
    pub fn phone(&self, user: &UserId) -> Option<(PhoneId, Ticket)> {
        self.shared.index.lock().phone(user)
    }

    /// Reads a person's data, once it is durable, or durably gone. Reads a file.
    ///
    /// # Errors
    /// [`PeopleError`] names the file.
    pub fn person(&self, user: &UserId) -> Result<Option<Person>, PeopleError> {
        let shared = &*self.shared;
        let mut unread = None;
        loop {
            let (place, erasing) = {
                let index = shared.index.lock();
                (index.place_of(user), index.erasing(user))
            };
            let Some((slot, ticket)) = place else {
                // A failed store can tell of nothing that is under way.
                return erasing.map_or(Ok(()), |ticket| self.wait(ticket)).map(|()| None).map_err(|_| self.failed());
            };
            self.wait(ticket).map_err(|_| self.failed())?;
            let read = shared.file.read(slot).map_err(|cause| shared.file.error(cause))?;
            if let Some(person) = read.filter(|person| person.user == *user) {
                return Ok(Some(person));
            }
            // The person has moved while it was read; or the disk has lost it, if it stays where it was.
            if unread.replace((slot, ticket)) == Some((slot, ticket)) {
                return Err(shared.file.error(std::io::ErrorKind::InvalidData.into()));
            }
        }
    }

    fn failed(&self) -> PeopleError {
        let cause = self.failure().map_or(std::io::ErrorKind::Other, |error| error.kind());
        self.shared.file.error(cause.into())
    }

    /// Erases all that is known of a person; `None` if nothing was. Once the ticket is durable it is on no disk. Asked again
    /// before that, it is the same ticket.
    ///
    /// # Errors
    /// [`Failed`]: nothing happened.
    pub fn erase(&self, user: &UserId) -> Result<Option<Ticket>, Failed> {
        let shared = &*self.shared;
        shared.progress.check()?;
        let mut index = shared.index.lock();
        index.settle(shared.file.slots(), shared.progress.durable());
        let Some((ticket, changes)) = index.erase(user) else { return Ok(index.erasing(user)) };
        shared.writer.queue(ticket, changes);
        Ok(Some(ticket))
    }

    /// Ready when all changes up to `ticket` are durable.
    pub fn durable(&self, ticket: Ticket) -> Durable {
        Durable { progress: Arc::clone(&self.shared.progress), ticket }
    }

    /// Whether all changes up to `ticket` are durable now.
    pub fn is_durable(&self, ticket: Ticket) -> bool {
        ticket <= self.shared.progress.durable()
    }

    /// Sleeps until all changes up to `ticket` are durable.
    ///
    /// # Errors
    /// [`Failed`]: they may or may not be.
    pub fn wait(&self, ticket: Ticket) -> Result<(), Failed> {
        self.shared.progress.wait(ticket)
    }

    /// Gives no id below this from now on: for a store that may be older than the log that counts by its ids.
    pub fn skip_phone_ids(&self, below: u64) {
        self.shared.index.lock().skip_phone_ids(below);
    }

    /// How many people there are.
    pub fn count(&self) -> u64 {
        self.shared.index.lock().people()
    }

    /// Whether a write has failed.
    pub fn has_failed(&self) -> bool {
        self.shared.progress.check().is_err()
    }

    /// What the operating system said when a write failed, if one has.
    pub fn failure(&self) -> Option<Arc<std::io::Error>> {
        self.shared.progress.failure()
    }

    /// What the tables hold of the heap, about, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.shared.index.lock().heap_bytes()
    }
}

impl std::fmt::Debug for People {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "People({})", self.count())
    }
}

/// A change on its way to the disk.
///
/// # Cancel safety
/// Dropping it changes nothing: the change goes on.
#[derive(Debug)]
pub struct Durable {
    progress: Arc<Progress>,
    ticket: Ticket,
}

impl Future for Durable {
    type Output = Result<(), Failed>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.progress.poll(self.ticket, context.waker())
    }
}
