//! Owns the names of the files of codes, and the steps by which one comes to be: temporary name, final name, directory
//! synced. Leaves their bytes to [`super::format`].

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::FileError;
use crate::id::CodeFileId;

const EXTENSION: &str = "codes";
const TEMPORARY_EXTENSION: &str = "new";
/// No file of ours gets this far; a stray name beyond it must not leave us without numbers.
const NUMBER_MAX: u64 = u64::MAX >> 1;

/// The directory of the files of codes.
#[derive(Debug)]
pub(super) struct Directory(PathBuf);

impl Directory {
    /// Makes the directory if it is not there, for its owner alone.
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        if !path.is_dir() {
            DirBuilder::new().mode(0o700).recursive(true).create(path).map_err(FileError::at(path))?;
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                sync(parent)?;
            }
        }
        Ok(Self(path.to_owned()))
    }

    /// The files that have their final name. Those that never got it are removed: no event names them.
    pub(super) fn sweep(&self) -> Result<Vec<CodeFileId>, FileError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(FileError::at(&self.0))? {
            let path = entry.map_err(FileError::at(&self.0))?.path();
            match Self::parse(&path) {
                Some((id, EXTENSION)) => found.push(id),
                Some((_, TEMPORARY_EXTENSION)) => remove(&path)?,
                // Not of our making, and left alone.
                Some(_) | None => {}
            }
        }
        Ok(found)
    }

    /// Makes an empty file under its temporary name.
    pub(super) fn create(&self, id: CodeFileId) -> Result<File, FileError> {
        let path = self.temporary(id);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(FileError::at(&path))
    }

    /// Gives a file, written and synced, its final name for good.
    pub(super) fn publish(&self, id: CodeFileId) -> Result<(), FileError> {
        let path = self.path(id);
        fs::rename(self.temporary(id), &path).map_err(FileError::at(&path))?;
        sync(&self.0)
    }

    /// Removes a file under whichever name it has, if it is there.
    pub(super) fn remove(&self, id: CodeFileId) -> Result<(), FileError> {
        remove(&self.temporary(id)).and(remove(&self.path(id)))
    }

    /// The final name.
    pub(super) fn path(&self, id: CodeFileId) -> PathBuf {
        self.0.join(format!("{:016x}.{EXTENSION}", id.0))
    }

    /// The name until the file is whole.
    pub(super) fn temporary(&self, id: CodeFileId) -> PathBuf {
        self.path(id).with_extension(TEMPORARY_EXTENSION)
    }

    fn parse(path: &Path) -> Option<(CodeFileId, &str)> {
        let (stem, extension) = path.file_name()?.to_str()?.split_once('.')?;
        let is_ours = stem.len() == 16 && stem.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let id = u64::from_str_radix(stem, 16).ok().filter(|id| is_ours && *id <= NUMBER_MAX)?;
        Some((CodeFileId(id), extension))
    }
}

fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::at(path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn sync(directory: &Path) -> Result<(), FileError> {
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(FileError::at(directory))
}
