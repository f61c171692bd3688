//! Owns the way from a directory to its last record: take the lock, list what is there, replay. Writes nothing; what comes
//! after belongs to [`start`](crate::start).

use std::io;
use std::ops::ControlFlow;

use thiserror::Error;

use crate::damage::ReadError;
use crate::lsn::Lsn;
use crate::options::{LogOptions, OptionsError};
use crate::records::Visit;
use crate::segment::InstanceId;
use crate::snapshot::{self, SnapshotError, SnapshotInfo, SnapshotReader};
use crate::storage::{Folder, Storage};
use crate::store::visit_frame;
use crate::walk::{Segments, TornTail, Walked};
use crate::writer::Salts;

/// Takes the directory for this process, checks `options`, and lists segments and snapshots. Nothing is written but the lock.
/// `entropy` fills a buffer with random bytes.
///
/// # Errors
/// If another process has the directory, or a segment's header cannot be read.
pub fn acquire<S: Storage>(
    storage: S,
    options: LogOptions,
    mut entropy: impl FnMut(&mut [u8]),
) -> Result<Tenure<S>, AcquireError> {
    options.validate()?;
    let lock = storage.lock().map_err(|source| {
        let directory = storage.place();
        if source.kind() == io::ErrorKind::WouldBlock {
            AcquireError::Locked { directory }
        } else {
            AcquireError::Lock { directory, source }
        }
    })?;
    let segments = Segments::load(&storage)?;
    let snapshots = snapshot::list(&storage).map_err(ReadError::io(Folder::Snapshots.name()))?;
    let (mut instance, mut salts) = (InstanceId([0; 16]), [0; 8]);
    entropy(&mut instance.0);
    entropy(&mut salts);
    let instance = segments.used.last().map_or(instance, |segment| segment.header.instance);
    let epoch = segments.used.last().map_or(0, |segment| segment.header.epoch);
    let epoch = epoch.checked_add(1).ok_or(AcquireError::Epochs)?;
    let salts = Salts(u64::from_le_bytes(salts));
    Ok(Tenure { storage, options, lock, segments, snapshots, instance, salts, epoch, walked: None })
}

/// A directory taken by this process, before anything is written to it.
pub struct Tenure<S: Storage> {
    pub(crate) storage: S,
    pub(crate) options: LogOptions,
    pub(crate) lock: S::Lock,
    pub(crate) segments: Segments,
    pub(crate) snapshots: Vec<SnapshotInfo>,
    pub(crate) instance: InstanceId,
    pub(crate) salts: Salts,
    pub(crate) epoch: u32,
    pub(crate) walked: Option<Walked>,
}

/// How far a replay has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of segments read.
    pub bytes_read: u64,
    /// Bytes of segments to read; the last segment's free space counts too.
    pub bytes_total: u64,
    /// Records visited.
    pub records: u64,
}

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The log's last record.
    pub last_lsn: Lsn,
    /// Records visited.
    pub records: u64,
    /// Frames read.
    pub frames: u64,
    /// What a crash left at the end and was cut off.
    pub torn_tail: Option<TornTail>,
}

impl<S: Storage> Tenure<S> {
    /// Counts starts of the log; this one's number.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The snapshots, newest first.
    pub fn snapshots(&self) -> &[SnapshotInfo] {
        &self.snapshots
    }

    /// Opens a snapshot; each block is verified as it is read.
    ///
    /// # Errors
    /// If it is not whole, or of another log.
    pub fn open_snapshot(&self, info: &SnapshotInfo) -> Result<SnapshotReader<S::File>, SnapshotError> {
        // Without a segment there is nothing that a snapshot could contradict; the replay after it will say so.
        let instance = self.segments.used.last().map(|segment| segment.header.instance);
        SnapshotReader::open(&self.storage, info, instance)
    }

    /// Visits every record after `after`, in order, up to the torn tail if there is one.
    ///
    /// # Errors
    /// Damage, a missing part, a newer format, or what `visit` gave. What was visited before is sound.
    pub fn replay<E>(
        &mut self,
        after: Lsn,
        visit: &mut Visit<'_, E>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Recovered, RecoverError<E>> {
        let mut meter = Meter::new(self.segments.bytes());
        let flow = self.segments.walk(&self.storage, after, &mut |segment, frame| {
            if let Err(error) = visit_frame(frame, after, Lsn(u64::MAX), visit) {
                return ControlFlow::Break(error);
            }
            let visited = frame.header.last_lsn().0.saturating_sub(after.0).min(u64::from(frame.header.records));
            progress(meter.moved(segment.header.number, frame.offset, segment.bytes, visited));
            ControlFlow::Continue(())
        })?;
        let walked = match flow {
            ControlFlow::Break(error) => return Err(RecoverError::Visit(error)),
            ControlFlow::Continue(walked) => walked,
        };
        let recovered = Recovered {
            last_lsn: walked.last_lsn,
            records: meter.progress.records,
            frames: walked.frames,
            torn_tail: walked.torn_tail.clone(),
        };
        self.walked = Some(walked);
        Ok(recovered)
    }
}

struct Meter {
    progress: Progress,
    /// The segment that is being read: its number, where in it, its length.
    current: (u64, u64, u64),
}

impl Meter {
    fn new(bytes_total: u64) -> Self {
        Self { progress: Progress { bytes_read: 0, bytes_total, records: 0 }, current: (0, 0, 0) }
    }

    fn moved(&mut self, number: u64, offset: u64, bytes: u64, records: u64) -> Progress {
        let (before, at, length) = self.current;
        let base = self.progress.bytes_read - at;
        let base = if before == number || before == 0 { base } else { base + length };
        self.current = (number, offset, bytes);
        self.progress.bytes_read = base + offset;
        self.progress.records += records;
        self.progress
    }
}

/// Why a directory could not be taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AcquireError {
    /// A setting is out of bounds.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// Another process has the directory.
    #[error("{directory} is in use by another process")]
    Locked {
        /// The directory.
        directory: String,
    },
    /// The lock could not be taken at all.
    #[error("cannot lock {directory}: {source}")]
    Lock {
        /// The directory.
        directory: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The segments' headers cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log was started 2^32 times.
    #[error("the log has run out of epochs")]
    Epochs,
}

/// Why a log could not be replayed.
#[derive(Debug, Error)]
pub enum RecoverError<E> {
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What the visitor gave.
    #[error(transparent)]
    Visit(E),
}
