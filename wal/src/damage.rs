//! Owns what reading a log can find wrong, and where.

use std::io;

use thiserror::Error;

use crate::frame::{FRAME_VERSION, FrameFault};
use crate::lsn::Lsn;
use crate::segment::{FORMAT_VERSION, HeaderFault};

/// Why a log cannot be read on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The operating system refused.
    #[error("cannot read {file}: {source}")]
    Io {
        /// The file or folder.
        file: String,
        /// What it said.
        source: io::Error,
    },
    /// Bytes that were durable are not what was written.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// A newer build wrote it.
    #[error("{segment} has format version {found}, this build reads version {FORMAT_VERSION} (frames {FRAME_VERSION})")]
    Version {
        /// The segment.
        segment: String,
        /// Its version.
        found: u32,
    },
    /// The log begins later than asked for.
    #[error(
        "the log begins after record {begins_after}, but is to be read from after record {wanted_after}: segments are missing"
    )]
    Gap {
        /// The oldest segment continues from here.
        begins_after: Lsn,
        /// What the caller has.
        wanted_after: Lsn,
    },
    /// The log ends earlier than what was asked for.
    #[error(
        "the log ends at record {last_lsn}, before record {wanted_after}: it is not the log that this was made from"
    )]
    Behind {
        /// The log's last record.
        last_lsn: Lsn,
        /// What the caller has.
        wanted_after: Lsn,
    },
}

impl ReadError {
    pub(crate) fn io(file: &str) -> impl FnOnce(io::Error) -> ReadError + '_ {
        move |source| ReadError::Io { file: file.to_owned(), source }
    }
}

/// Bytes that were durable are not what was written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the log is damaged in {segment} at offset {offset}: {what}")]
pub struct Damage {
    /// The file, in the folder `wal`.
    pub segment: String,
    /// Where in it, in bytes.
    pub offset: u64,
    /// What is wrong.
    pub what: DamageKind,
}

/// What is wrong with a damaged log.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DamageKind {
    /// A segment's header cannot be read.
    #[error("{0}")]
    Header(HeaderFault),
    /// A segment is shorter than its header.
    #[error("the file ends inside the segment's header")]
    HeaderShort,
    /// A segment's header is blank, though it was in use.
    #[error("the segment's header is blank, but it was in use")]
    HeaderBlank,
    /// The header has another number than the file's name.
    #[error("the file's header says that it is segment {found}")]
    Number {
        /// The number in the header.
        found: u64,
    },
    /// A segment of another log.
    #[error("the segment belongs to another log")]
    Instance,
    /// The segment before this one does not lead to it.
    #[error("the segment does not continue the one before it")]
    Predecessor,
    /// A segment that has to be there is not.
    #[error("segment {number} is missing")]
    Missing {
        /// Its number.
        number: u64,
    },
    /// A frame cannot be read, and something proves that it was durable.
    #[error("{fault}, but {proof}")]
    Frame {
        /// What is wrong with the frame.
        fault: FrameFault,
        /// Why it is no torn tail.
        proof: Proof,
    },
}

/// Why a bad frame cannot be what a crash leaves.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Proof {
    /// A later frame knew that it was durable.
    #[error("the frame in {segment} at offset {offset} was written when it was durable")]
    LaterFrame {
        /// Its segment.
        segment: String,
        /// Where.
        offset: u64,
    },
    /// A later segment continues from further on.
    #[error("segment {number} continues from record {from}")]
    LaterSegment {
        /// Its number.
        number: u64,
        /// The last record before it.
        from: Lsn,
    },
    /// The segment was put in place with it.
    #[error("the segment was put in place with everything up to record {upto}")]
    Birth {
        /// The last record that it was put in place with.
        upto: Lsn,
    },
}
