//! Owns what threads other than the log's own do with its files: read sealed segments, keep snapshots, trim, count bytes.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::damage::ReadError;
use crate::lsn::Lsn;
use crate::prepare::Handover;
use crate::records::Visit;
use crate::scan::Frame;
use crate::segment::{InstanceId, SegmentHeader};
use crate::snapshot::{self, SnapshotError, SnapshotInfo, SnapshotReader, SnapshotWriter};
use crate::status::LogStatus;
use crate::storage::{Folder, Storage};
use crate::walk::{SegmentFile, Segments};

/// Snapshots that are kept: the newest, and one to fall back on and to verify it against.
pub const SNAPSHOTS_KEPT: usize = 2;

/// The segments of a running log, the one in use last.
#[derive(Debug)]
pub(crate) struct Roll(Mutex<Vec<SegmentFile>>);

impl Roll {
    pub(crate) fn new(segments: Vec<SegmentFile>) -> Self {
        Self(Mutex::new(segments))
    }

    pub(crate) fn begin(&self, name: &str, bytes: u64, header: SegmentHeader) {
        self.0.lock().push(SegmentFile { name: name.to_owned(), bytes, header });
    }

    fn list(&self) -> Vec<SegmentFile> {
        self.0.lock().clone()
    }
}

/// A segment that nothing is written to any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSegment {
    /// Its file name.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its first record's position.
    pub first_lsn: Lsn,
    /// Its last record's.
    pub last_lsn: Lsn,
}

/// Bytes on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiskUsage {
    /// Of segments.
    pub log_bytes: u64,
    /// Of snapshots.
    pub snapshot_bytes: u64,
}

/// The files of a running log, for any thread.
pub struct Store<S: Storage> {
    pub(crate) storage: S,
    pub(crate) instance: InstanceId,
    pub(crate) roll: Arc<Roll>,
    pub(crate) status: Arc<LogStatus>,
    pub(crate) handover: Arc<Handover<S::File>>,
    /// Nobody else may take the directory while this one can still write to it.
    pub(crate) lock: Arc<S::Lock>,
}

impl<S: Storage> Clone for Store<S> {
    fn clone(&self) -> Self {
        Self {
            storage: self.storage.clone(),
            instance: self.instance,
            roll: Arc::clone(&self.roll),
            status: Arc::clone(&self.status),
            handover: Arc::clone(&self.handover),
            lock: Arc::clone(&self.lock),
        }
    }
}

impl<S: Storage> Store<S> {
    /// The segments that nothing is written to any more, oldest first.
    pub fn sealed_segments(&self) -> Vec<SealedSegment> {
        let segments = self.roll.list();
        let pairs = segments.iter().zip(segments.iter().skip(1));
        let sealed = |(segment, next): (&SegmentFile, &SegmentFile)| SealedSegment {
            name: segment.name.clone(),
            bytes: segment.bytes,
            first_lsn: segment.header.first_lsn,
            last_lsn: next.header.continues_from(),
        };
        pairs.map(sealed).collect()
    }

    /// Visits the records after `after`, up to `upto` or the last durable one, whichever comes first, and gives the last
    /// position visited.
    ///
    /// # Errors
    /// Whatever keeps the log from being read, or what `visit` gave.
    pub fn read_records<E>(&self, after: Lsn, upto: Lsn, visit: &mut Visit<'_, E>) -> Result<Lsn, ReadRecordsError<E>> {
        let upto = upto.min(self.status.durable());
        if upto <= after {
            return Ok(after);
        }
        let segments = Segments { used: self.roll.list(), blank: None };
        let flow =
            segments.walk(&self.storage, after, &mut |_, frame| match visit_frame(frame, after, upto, visit) {
                Err(error) => ControlFlow::Break(Err(error)),
                Ok(()) if frame.header.last_lsn() >= upto => ControlFlow::Break(Ok(())),
                Ok(()) => ControlFlow::Continue(()),
            })?;
        match flow {
            ControlFlow::Break(Ok(())) => Ok(upto),
            ControlFlow::Break(Err(error)) => Err(ReadRecordsError::Visit(error)),
            ControlFlow::Continue(walked) => {
                Err(ReadError::Behind { last_lsn: walked.last_lsn, wanted_after: upto }.into())
            }
        }
    }

    /// Begins a snapshot of the state after record `last_lsn`. It exists once [`SnapshotWriter::finish`] has returned.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn snapshot_writer(&self, last_lsn: Lsn) -> Result<SnapshotWriter<S>, SnapshotError> {
        SnapshotWriter::create(&self.storage, self.instance, last_lsn)
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
        SnapshotReader::open(&self.storage, info, Some(self.instance))
    }

    /// Removes all snapshots but the newest [`SNAPSHOTS_KEPT`], and gives those removed.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn remove_old_snapshots(&self) -> io::Result<Vec<SnapshotInfo>> {
        let old = self.snapshots()?.split_off(SNAPSHOTS_KEPT.min(self.snapshots()?.len()));
        for info in &old {
            self.storage.remove(Folder::Snapshots, &info.name)?;
        }
        self.storage.sync_folder(Folder::Snapshots)?;
        self.handover.nudge();
        Ok(old)
    }

    /// Removes, oldest first, the segments all of whose records are at or before `covered` (what the older kept snapshot
    /// holds), and gives those removed. Never the one in use.
    ///
    /// # Errors
    /// What the operating system said; what was removed until then is gone.
    pub fn trim(&self, covered: Lsn) -> io::Result<Vec<SealedSegment>> {
        let old: Vec<_> =
            self.sealed_segments().into_iter().take_while(|segment| segment.last_lsn <= covered).collect();
        for segment in &old {
            // Out of the list first: a reader that begins now does not look for it.
            self.roll.0.lock().retain(|listed| listed.name != segment.name);
            self.storage.remove(Folder::Log, &segment.name)?;
            // One by one, so that no crash leaves a hole.
            self.storage.sync_folder(Folder::Log)?;
        }
        self.handover.nudge();
        Ok(old)
    }

    /// Bytes that the log's files have on disk.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn disk_usage(&self) -> io::Result<DiskUsage> {
        let sum = |folder| Ok::<_, io::Error>(self.storage.list(folder)?.iter().map(|entry| entry.bytes).sum());
        Ok(DiskUsage { log_bytes: sum(Folder::Log)?, snapshot_bytes: sum(Folder::Snapshots)? })
    }
}

/// Why records could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadRecordsError<E> {
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What the visitor gave.
    #[error(transparent)]
    Visit(E),
}

/// Visits a frame's records after `after` and not after `upto`.
pub(crate) fn visit_frame<E>(frame: &Frame<'_>, after: Lsn, upto: Lsn, visit: &mut Visit<'_, E>) -> Result<(), E> {
    for (lsn, record) in (frame.header.first_lsn.0..).map(Lsn).zip(frame.records.clone()) {
        if lsn > after && lsn <= upto {
            visit(lsn, record)?;
        }
    }
    Ok(())
}
