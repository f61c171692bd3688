//! Owns reading a log from outside, beside a running server or after it: no lock is taken and nothing is written.

use std::io;
use std::ops::ControlFlow;

use crate::damage::{Damage, ReadError};
use crate::lsn::Lsn;
use crate::records::Visit;
use crate::scan::Frame;
use crate::snapshot::{self, SnapshotError, SnapshotInfo, SnapshotReader};
use crate::storage::Storage;
use crate::store::{ReadRecordsError, visit_frame};
use crate::walk::{SegmentFile, Segments, TornTail};

/// A running server moves on while it is read: what looks wrong has to look the same this many times.
const LOOKS: usize = 3;

/// The segments of a log.
#[derive(Debug)]
pub struct Reader<S> {
    storage: S,
    segments: Segments,
}

/// How a log ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The last record.
    pub last_lsn: Lsn,
    /// Frames read.
    pub frames: u64,
    /// Records read.
    pub records: u64,
    /// What follows and is no frame: a crash left it, or a write is under way.
    pub torn_tail: Option<TornTail>,
}

/// What [`verify`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Segments in use.
    pub segments: usize,
    /// Their bytes, free space included.
    pub bytes: u64,
    /// Where the oldest segment begins.
    pub first_lsn: Lsn,
    /// Whether the log is sound.
    pub finding: Finding,
}

/// Whether a log is sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It is, though it may have a torn tail.
    Sound(End),
    /// It is not.
    Damaged(Damage),
}

impl<S: Storage> Reader<S> {
    /// Reads the segments' headers.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn open(storage: S) -> Result<Self, ReadError> {
        let segments = steady(|| Segments::load(&storage))?;
        Ok(Self { storage, segments })
    }

    /// The segments in use, oldest first.
    pub fn segments(&self) -> &[SegmentFile] {
        &self.segments.used
    }

    /// The snapshots, newest first.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn snapshots(&self) -> io::Result<Vec<SnapshotInfo>> {
        snapshot::list(&self.storage)
    }

    /// Opens a snapshot; each block is verified as it is read.
    ///
    /// # Errors
    /// If it is not whole, or of another log.
    pub fn open_snapshot(&self, info: &SnapshotInfo) -> Result<SnapshotReader<S::File>, SnapshotError> {
        let instance = self.segments.used.last().map(|segment| segment.header.instance);
        SnapshotReader::open(&self.storage, info, instance)
    }

    /// Visits every record after `after` and not after `upto`, in order, and says how the log ends if it was read so far.
    ///
    /// # Errors
    /// Damage, what else keeps the log from being read, or what `visit` gave.
    pub fn records<E>(
        &self,
        after: Lsn,
        upto: Lsn,
        visit: &mut Visit<'_, E>,
    ) -> Result<Option<End>, ReadRecordsError<E>> {
        let flow = self.frames(after, &mut |_, frame| match visit_frame(frame, after, upto, visit) {
            Err(error) => ControlFlow::Break(Err(error)),
            Ok(()) if frame.header.last_lsn() >= upto => ControlFlow::Break(Ok(())),
            Ok(()) => ControlFlow::Continue(()),
        })?;
        match flow {
            ControlFlow::Break(Ok(())) => Ok(None),
            ControlFlow::Break(Err(error)) => Err(ReadRecordsError::Visit(error)),
            ControlFlow::Continue(end) => Ok(Some(end)),
        }
    }

    /// The last position before the oldest segment.
    pub fn begins_after(&self) -> Lsn {
        self.segments.used.first().map_or(Lsn::ZERO, |segment| segment.header.continues_from())
    }

    /// Visits, in order, every frame that may hold records after `after`, until `visit` breaks off or the log ends.
    ///
    /// # Errors
    /// Damage, or what else keeps the log from being read.
    pub fn frames<B>(
        &self,
        after: Lsn,
        visit: &mut dyn FnMut(&SegmentFile, &Frame<'_>) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B, End>, ReadError> {
        let flow = self.segments.walk(&self.storage, after, visit)?;
        Ok(match flow {
            ControlFlow::Break(stopped) => ControlFlow::Break(stopped),
            ControlFlow::Continue(walked) => ControlFlow::Continue(End {
                last_lsn: walked.last_lsn,
                frames: walked.frames,
                records: walked.records,
                torn_tail: walked.torn_tail,
            }),
        })
    }
}

/// Reads a whole log and says whether it is sound. `watch` sees each frame, perhaps more than once.
///
/// # Errors
/// What keeps it from being read at all. Damage is a finding.
pub fn verify<S: Storage>(storage: &S, watch: &mut dyn FnMut(&SegmentFile, &Frame<'_>)) -> Result<Report, ReadError> {
    let mut segments = Segments { used: Vec::new(), blank: None };
    let outcome = steady(|| {
        segments = Segments::load(storage)?;
        let reader = Reader { storage: storage.clone(), segments: segments.clone() };
        let flow = reader.frames::<std::convert::Infallible>(reader.begins_after(), &mut |segment, frame| {
            watch(segment, frame);
            ControlFlow::Continue(())
        })?;
        match flow {
            ControlFlow::Continue(end) => Ok(end),
            ControlFlow::Break(never) => match never {},
        }
    });
    let finding = match outcome {
        Ok(end) => Finding::Sound(end),
        Err(ReadError::Damaged(damage)) => Finding::Damaged(damage),
        Err(other) => return Err(other),
    };
    let first_lsn = segments.used.first().map_or(Lsn(1), |segment| segment.header.first_lsn);
    Ok(Report { segments: segments.used.len(), bytes: segments.bytes(), first_lsn, finding })
}

/// Tries again what a running server may have pulled away: a file trimmed, a segment begun between two looks.
fn steady<T>(mut look: impl FnMut() -> Result<T, ReadError>) -> Result<T, ReadError> {
    let mut before = None;
    for _ in 1..LOOKS {
        match look() {
            Err(ReadError::Damaged(damage)) if before.as_ref() == Some(&damage) => return Err(damage.into()),
            Err(ReadError::Damaged(damage)) => before = Some(damage),
            Err(ReadError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            settled => return settled,
        }
    }
    look()
}
