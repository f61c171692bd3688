//! Owns the way of one upload: codes reserved and written as they come, a file staged, then committed or taken back.

use std::mem;
use std::sync::Arc;

use super::catalog::Turn;
use super::error::{FileError, FinishError, PushError, UploadError};
use super::format::CodeWriter;
use super::index::LISTS_MAX;
use super::lists::{Growing, List};
use super::{Owner, Store, UPLOAD_CODES_MAX, check_code};
use crate::command::CodeFile;

/// An upload under way. Its codes are reserved as they come; dropping it gives them back and removes its file.
///
/// All of it blocks: on the disk, and on dropping for a fraction of a microsecond a code.
#[derive(Debug)]
pub struct Upload {
    owner: Owner,
    codes: Growing,
    writer: CodeWriter,
    file: Unpublished,
}

impl Upload {
    pub(super) fn begin(store: &Arc<Store>, owner: Owner) -> Result<Self, UploadError> {
        let codes = store.lists.begin().ok_or(UploadError::TooManyUploads { uploads_max: LISTS_MAX })?;
        let file = Unpublished { id: store.next_file(), store: Some(Arc::clone(store)) };
        let writer = CodeWriter::new(store.directory.create(file.id)?, owner, file.id);
        Ok(Self { owner, codes, writer, file })
    }

    /// Reserves and writes the next code.
    ///
    /// # Errors
    /// [`PushError`]. The upload holds what it held before and can go on, but after [`PushError::File`], when it can only
    /// be dropped.
    pub fn push(&mut self, code: &str) -> Result<(), PushError> {
        check_code(code)?;
        if self.count() == UPLOAD_CODES_MAX {
            return Err(PushError::TooMany);
        }
        self.codes.push(code).map_err(|_taken| PushError::Duplicate { code: code.into() })?;
        let written = self.writer.put(code);
        written.map_err(|cause| self.file.failed(cause).into())
    }

    /// How many codes it holds.
    pub fn count(&self) -> u32 {
        self.codes.count()
    }

    /// Makes the file durable under its final name, and waits until no other upload to the same coupon type is staged:
    /// never call this on a thread that holds, or is to commit, such a [`StagedFile`].
    ///
    /// # Errors
    /// [`FinishError`]; nothing of the upload is left then.
    ///
    /// # Panics
    /// If a push failed with [`PushError::File`].
    pub fn finish(self) -> Result<StagedFile, FinishError> {
        let Self { owner, codes, writer, mut file } = self;
        if codes.count() == 0 {
            return Err(FinishError::Empty);
        }
        let described = writer.finish().map_err(|cause| file.failed(cause))?;
        let store = Arc::clone(file.store.as_ref().expect("it is not published yet"));
        let turn = store.catalog.turn(owner);
        let first = turn.next();
        if first.checked_add(described.count).is_none() {
            return Err(FinishError::TooMany);
        }
        store.directory.publish(described.id)?;
        file.store = None;
        let list = codes.place(owner, first, described);
        turn.stage(Arc::clone(&list));
        Ok(StagedFile { store, turn, list, fate: Fate::Remove })
    }
}

/// A file that is removed when this is dropped.
#[derive(Debug)]
struct Unpublished {
    id: crate::id::CodeFileId,
    /// `None` once it is to stay.
    store: Option<Arc<Store>>,
}

impl Unpublished {
    fn failed(&self, cause: std::io::Error) -> FileError {
        let store = self.store.as_ref().expect("only what is not published is written");
        FileError { path: store.directory.temporary(self.id), cause }
    }
}

impl Drop for Unpublished {
    fn drop(&mut self) {
        if let Some(store) = &self.store {
            store.discard(self.id);
        }
    }
}

/// An upload that is durable but that no event names yet. Its codes can be looked up; nobody is handed one before the event.
///
/// Dropping it removes the file and gives the codes back, unless [`StagedFile::submitted`] was called.
#[derive(Debug)]
#[must_use = "dropping it takes the upload back"]
pub struct StagedFile {
    store: Arc<Store>,
    turn: Turn,
    list: Arc<List>,
    fate: Fate,
}

/// What dropping does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Remove,
    Keep,
}

impl StagedFile {
    /// What the event has to name.
    pub fn file(&self) -> CodeFile {
        self.list.file
    }

    /// How many codes its coupon type had before: the position of its first. An event for it must be refused by a shard
    /// that has counted differently.
    pub fn first(&self) -> u32 {
        self.list.first
    }

    /// Notes that an event that names it has been handed over. From now on dropping keeps file and codes, since the event
    /// may become durable without anybody here hearing of it. If it then did not, the file goes at the next start.
    pub fn submitted(&mut self) {
        self.fate = Fate::Keep;
    }

    /// Notes that the event is durable.
    pub fn commit(mut self) {
        self.fate = Fate::Keep;
    }

    /// Takes the upload back, when its event was surely refused. Blocks as dropping an [`Upload`] does.
    pub fn withdraw(mut self) {
        self.fate = Fate::Remove;
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        match mem::replace(&mut self.fate, Fate::Keep) {
            Fate::Keep => self.turn.commit(),
            Fate::Remove => {
                self.turn.withdraw();
                self.store.lists.remove(&self.list);
                self.store.discard(self.list.file.id);
            }
        }
    }
}
