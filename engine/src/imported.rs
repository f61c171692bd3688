//! Owns the coupon codes that shops bring along: each upload a file of its own, all codes in memory, an index over them.
//! Leaves the event that names a file, and which code is handed out to whom, to the shard.
//!
//! # From upload to coupon
//!
//! | step | on disk | after a crash |
//! |---|---|---|
//! | [`ImportedCodes::upload`], [`Upload::push`] | `<id>.new` grows, synced every MiB | [`ImportedCodes::open`] removes it |
//! | [`Upload::finish`] | synced, renamed to `<id>.codes`, directory synced | [`ImportedCodes::retire_unadopted`] removes it |
//! | the event with the file's [`CodeFile`] | the log | [`ImportedCodes::adopt`] takes it up |
//! | [`StagedFile::commit`] | | |
//!
//! A code is reserved the moment it comes, so that no two uploads under way can both have it. One upload of a coupon type
//! is staged at a time, so that positions are in the order of the log. A position may be asked for as soon as its file
//! is staged: whoever asks has seen a claim that comes after the event, maybe before the uploader heard of it.
//!
//! # A file
//!
//! Numbers are little-endian. The hash is SHA-256 over header and codes; the log keeps it too.
//!
//! | part | bytes | content |
//! |---|---|---|
//! | header | 8 | `lr-codes` |
//! | | 2 | format version, 1 |
//! | | 2 | coupon type |
//! | | 4 | campaign |
//! | | 8 | file id, as in its name |
//! | a code | 1 | its length, 1 to 128 |
//! | | 1 to 128 | the code, UTF-8 |
//! | footer | 4 | how many codes |
//! | | 32 | the hash |
//! | | 4 | CRC32C over the footer up to here |
//!
//! # Memory
//!
//! A code costs its own bytes, one for its length, a quarter for the block that it is in, and 10 to 21 in the index.

mod catalog;
mod directory;
mod error;
mod format;
mod index;
mod lists;
mod texts;
mod upload;

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use self::catalog::Catalog;
use self::directory::Directory;
pub use self::error::{AdoptError, Damage, FileError, FinishError, PushError, UploadError};
use self::format::Unreadable;
use self::index::LISTS_MAX;
use self::lists::{List, Lists};
pub use self::upload::{StagedFile, Upload};
use crate::command::CodeFile;
use crate::id::{CampaignNumber, CodeFileId, InvalidId, TypeIndex};

/// The longest code, in bytes of UTF-8.
pub const CODE_BYTES_MAX: usize = 128;

/// The most codes of one upload.
pub const UPLOAD_CODES_MAX: u32 = 1_000_000;

/// Checks that `code` is 1 to 128 bytes without control characters.
///
/// # Errors
/// [`InvalidId`] says which rule it breaks.
pub fn check_code(code: &str) -> Result<(), InvalidId> {
    if code.is_empty() || code.len() > CODE_BYTES_MAX {
        return Err(InvalidId::Length { bytes_max: CODE_BYTES_MAX });
    }
    let is_plain = code.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if !is_plain && code.chars().any(char::is_control) {
        return Err(InvalidId::Character { allowed: "must not hold control characters" });
    }
    Ok(())
}

/// The coupon type that codes belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Owner {
    campaign: CampaignNumber,
    coupon_type: TypeIndex,
}

/// The imported codes of one data directory. Cloning gives another handle to the same.
#[derive(Debug, Clone)]
pub struct ImportedCodes {
    store: Arc<Store>,
}

#[derive(Debug)]
struct Store {
    directory: Directory,
    lists: Arc<Lists>,
    catalog: Arc<Catalog>,
    files: Mutex<Files>,
}

#[derive(Debug)]
struct Files {
    next: u64,
    /// Those found at the start that no event has named yet.
    unadopted: BTreeSet<CodeFileId>,
}

impl ImportedCodes {
    /// The directory of the files within the data directory.
    pub const DIRECTORY: &'static str = "codes";

    /// Opens the files in `directory`, which is made if it is not there; the caller holds the data directory's lock.
    /// `table_key` is secret or random, so that nobody can choose codes that crowd together; it may be another each time.
    ///
    /// # Errors
    /// [`FileError`] names the file or directory.
    pub fn open(directory: &Path, table_key: &[u8; 16]) -> Result<Self, FileError> {
        let directory = Directory::open(directory)?;
        let unadopted: BTreeSet<CodeFileId> = directory.sweep()?.into_iter().collect();
        let next = unadopted.last().map_or(0, |last| last.0 + 1);
        let files = Mutex::new(Files { next, unadopted });
        let (lists, catalog) = (Arc::new(Lists::new(table_key)), Arc::default());
        Ok(Self { store: Arc::new(Store { directory, lists, catalog, files }) })
    }

    /// Takes up a file that an event names, in the order of the events, before anything is uploaded or retired. Leave out
    /// the events of campaigns that the log has archived since: their files are gone.
    ///
    /// # Errors
    /// [`AdoptError`] names the file; it is never removed.
    pub fn adopt(&self, campaign: CampaignNumber, coupon_type: TypeIndex, file: &CodeFile) -> Result<(), AdoptError> {
        let owner = Owner { campaign, coupon_type };
        self.store.name(file.id);
        let path = self.store.directory.path(file.id);
        let opened = match File::open(&path) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(AdoptError::Missing { path }),
            Err(error) => return Err(FileError::at(&path)(error).into()),
        };
        let too_many = AdoptError::TooManyUploads { uploads_max: LISTS_MAX };
        let mut codes = self.store.lists.begin().ok_or(too_many)?;
        let read = format::read(&opened, owner, file, |code| {
            codes.push(code).map_err(|_taken| Damage::Duplicate { position: codes.count() })
        });
        read.map_err(|unreadable| match unreadable {
            Unreadable::Io(cause) => FileError::at(&path)(cause).into(),
            Unreadable::Damaged(damage) => AdoptError::Damaged { path: path.clone(), damage },
        })?;
        let turn = self.store.catalog.turn(owner);
        let first = turn.next();
        if first.checked_add(file.count).is_none() {
            return Err(AdoptError::Damaged { path, damage: Damage::Count { expected: file.count } });
        }
        turn.stage(codes.place(owner, first, *file));
        turn.commit();
        Ok(())
    }

    /// Removes the files that were there at the start and were not adopted, and gives their numbers.
    ///
    /// # Errors
    /// [`FileError`] names the first file that could not be removed; those after it are left for the next start.
    pub fn retire_unadopted(&self) -> Result<Vec<CodeFileId>, FileError> {
        let unadopted = std::mem::take(&mut self.store.files.lock().unadopted);
        unadopted.iter().try_for_each(|id| self.store.directory.remove(*id))?;
        Ok(unadopted.into_iter().collect())
    }

    /// Begins an upload of codes for a coupon type. Many may be under way at once.
    ///
    /// # Errors
    /// [`UploadError`]; nothing has happened then.
    pub fn upload(&self, campaign: CampaignNumber, coupon_type: TypeIndex) -> Result<Upload, UploadError> {
        Upload::begin(&self.store, Owner { campaign, coupon_type })
    }

    /// The code at a position, counted from 0 over all uploads of the coupon type in order. Waits for nothing but a lock
    /// held for a few instructions.
    pub fn code(&self, campaign: CampaignNumber, coupon_type: TypeIndex, position: u32) -> Option<ImportedCode> {
        let list = self.store.catalog.at(Owner { campaign, coupon_type }, position)?;
        let place = position - list.first;
        Some(ImportedCode { list, place })
    }

    /// Where a code stands that is exactly `code`: in which coupon type, at which position. Codes of uploads that are not
    /// finished are not found. Waits for nothing but locks held for a few instructions, or while 1/256 of the index grows.
    pub fn find(&self, code: &str) -> Option<(CampaignNumber, TypeIndex, u32)> {
        let (list, place) = self.store.lists.find(code)?;
        Some((list.owner.campaign, list.owner.coupon_type, list.first + place))
    }

    /// Frees what a campaign's codes hold of memory and removes their files. They can be imported again. Blocks for a
    /// fraction of a microsecond a code; uploads of the campaign that are under way are their uploaders' to drop.
    ///
    /// # Errors
    /// [`FileError`] names a file that could not be removed; the memory is free, and the file goes at the next start.
    pub fn release(&self, campaign: CampaignNumber) -> Result<(), FileError> {
        let lists = self.store.catalog.remove(campaign);
        lists.iter().for_each(|list| self.store.lists.remove(list));
        lists.iter().map(|list| self.store.directory.remove(list.file.id)).fold(Ok(()), Result::and)
    }

    /// What all codes and the index hold of the heap, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.store.lists.heap_bytes()
    }
}

impl Store {
    /// A number that no file has.
    fn next_file(&self) -> CodeFileId {
        let mut files = self.files.lock();
        files.next += 1;
        CodeFileId(files.next - 1)
    }

    /// Notes that an event names this file, whatever becomes of it.
    fn name(&self, id: CodeFileId) {
        let mut files = self.files.lock();
        files.unadopted.remove(&id);
        files.next = files.next.max(id.0.saturating_add(1));
    }

    /// Removes a file that no event names. If that fails it goes at the next start.
    fn discard(&self, id: CodeFileId) {
        if let Err(error) = self.directory.remove(id) {
            tracing::warn!(%error, "a file of codes that is not needed could not be removed");
        }
    }
}

/// A code, held for as long as it is looked at.
#[derive(Clone)]
pub struct ImportedCode {
    list: Arc<List>,
    place: u32,
}

impl ImportedCode {
    /// The code exactly as it was given.
    pub fn as_str(&self) -> &str {
        self.list.texts.code(self.place)
    }
}

impl Deref for ImportedCode {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for ImportedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for ImportedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
