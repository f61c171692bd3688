//! Owns what can go wrong with imported codes, an enum for each operation.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{CODE_BYTES_MAX, UPLOAD_CODES_MAX};
use crate::id::InvalidId;

/// A file or directory that the operating system did not let us read or change.
#[derive(Debug, Error)]
#[error("{}: {cause}", path.display())]
pub struct FileError {
    /// Which one.
    pub path: PathBuf,
    /// What the operating system said.
    pub cause: io::Error,
}

impl FileError {
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |cause| Self { path: path.to_owned(), cause }
    }
}

/// Why an upload could not begin.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UploadError {
    /// There are as many uploads as there may be at once.
    #[error("there are {uploads_max} uploads, which is the most that are kept")]
    TooManyUploads {
        /// The bound.
        uploads_max: usize,
    },
    /// Its file could not be made.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Why a code was not taken. But for [`PushError::File`] the upload may go on without it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PushError {
    /// It is no valid code.
    #[error("the code {0}")]
    Invalid(#[from] InvalidId),
    /// It was given before: in this upload, in one under way, or in one that is done.
    #[error("the code {code} is on this server already")]
    Duplicate {
        /// The code.
        code: Box<str>,
    },
    /// The upload holds as many as it may.
    #[error("an upload holds at most {UPLOAD_CODES_MAX} codes")]
    TooMany,
    /// It could not be written. The upload is lost: only dropping it is left.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Why an upload could not be finished. Nothing of it is left.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FinishError {
    /// It holds no code.
    #[error("an upload holds at least one code")]
    Empty,
    /// The coupon type would have more codes than can be counted.
    #[error("a coupon type holds at most {} codes", u32::MAX)]
    TooMany,
    /// Its file could not be written, renamed or made durable.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Why a file that the log names was not adopted. The file stays as it is.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// It is not there.
    #[error("{} is missing: restore it from a backup", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// It is not what the log says it is.
    #[error("{}: {damage}; restore it from a backup", path.display())]
    Damaged {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// There are more uploads than are ever kept.
    #[error("the log names more than {uploads_max} uploads")]
    TooManyUploads {
        /// The bound.
        uploads_max: usize,
    },
    /// It could not be read.
    #[error(transparent)]
    File(#[from] FileError),
}

/// What is wrong with a file of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Damage {
    /// It is shorter than an empty one.
    #[error("{bytes} bytes are too few for a file of codes")]
    Truncated {
        /// Its length.
        bytes: u64,
    },
    /// It does not begin as a file of codes does.
    #[error("is no file of codes")]
    Magic,
    /// Its format is not known here.
    #[error("has format version {found}, which this program does not read")]
    Version {
        /// The version.
        found: u16,
    },
    /// It is whole, as far as was looked, but another one than the log names.
    #[error("is not the file that the log names")]
    Other,
    /// Its footer is torn or rotten, or the file was cut.
    #[error("the footer is damaged")]
    Footer,
    /// A code is torn or not valid.
    #[error("the code at position {position} is damaged; 1 to {CODE_BYTES_MAX} bytes of text were expected")]
    Code {
        /// Its position in the file, from 0.
        position: u32,
    },
    /// A code stands twice in it, or in another file too.
    #[error("the code at position {position} is on this server already")]
    Duplicate {
        /// Its position in the file, from 0.
        position: u32,
    },
    /// It holds more or fewer codes than the log says.
    #[error("does not hold the {expected} codes that the log names")]
    Count {
        /// What the log says.
        expected: u32,
    },
    /// Its content is not what was uploaded.
    #[error("the content does not have the hash that the log names")]
    Hash,
}
