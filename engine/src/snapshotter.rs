//! Owns the thread that makes snapshots: when one is due, what goes when it is made, and what others may see of it. How one is
//! made is [`crate::snapshot`]'s.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use landrush_wal::lsn::Lsn;
use landrush_wal::snapshot::{SnapshotError, SnapshotInfo, SnapshotSummary};
use landrush_wal::storage::Storage;
use landrush_wal::store::{ReadRecordsError, Store};
use thiserror::Error;

use crate::keys::Keys;
use crate::shard::State;
use crate::snapshot::{History, RecordVisitor, content_hash, rebuild};
use crate::unsound::Unsound;

/// What others may see of snapshots. All for display, so that `Relaxed` is enough.
#[derive(Debug, Default)]
pub struct SnapshotStatus {
    last_lsn: AtomicU64,
    made: AtomicU64,
    failed: AtomicU64,
    last_took_ms: AtomicU64,
}

impl SnapshotStatus {
    pub(crate) fn new(last: Lsn) -> Self {
        Self { last_lsn: AtomicU64::new(last.0), ..Self::default() }
    }

    /// The last position that the newest snapshot holds.
    pub fn last_lsn(&self) -> Lsn {
        Lsn(self.last_lsn.load(Ordering::Relaxed))
    }

    /// Snapshots made since start.
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    /// Snapshots that could not be made since start.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// How long the last one took.
    pub fn last_took(&self) -> Duration {
        Duration::from_millis(self.last_took_ms.load(Ordering::Relaxed))
    }
}

/// Why a snapshot could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SnapshotFailure {
    /// The log cannot be read, or makes no sense.
    #[error(transparent)]
    Log(#[from] ReadRecordsError<Unsound>),
    /// A snapshot cannot be read or written.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The last snapshot makes no sense.
    #[error(transparent)]
    Unsound(#[from] Unsound),
    /// What has become superfluous cannot be removed.
    #[error("cannot remove what the new snapshot replaces: {0}")]
    Remove(#[from] std::io::Error),
}

/// Makes snapshots of a running log.
pub struct Snapshotter<S: Storage> {
    store: Store<S>,
    keys: Keys,
    status: Arc<SnapshotStatus>,
    every_bytes: u64,
}

impl<S: Storage> Snapshotter<S> {
    /// How often the thread looks whether a snapshot is due.
    const LOOK: Duration = Duration::from_secs(1);
    /// How long it waits after a failure.
    const RETRY: Duration = Duration::from_secs(30);

    pub(crate) fn new(store: Store<S>, keys: Keys, status: Arc<SnapshotStatus>, every_bytes: u64) -> Self {
        Self { store, keys, status, every_bytes }
    }

    /// Makes snapshots as they become due, until `closing`. Unpark the thread to have it look.
    pub(crate) fn run(&self, closing: &dyn Fn() -> bool) {
        let mut not_before = Instant::now();
        while !closing() {
            if Instant::now() >= not_before
                && let Some(last) = self.due()
            {
                let begun = Instant::now();
                match self.make(last) {
                    Ok(info) => {
                        tracing::info!(lsn = info.last_lsn.0, bytes = info.bytes, took = ?begun.elapsed(), "snapshot made")
                    }
                    Err(error) => {
                        self.status.failed.fetch_add(1, Ordering::Relaxed);
                        not_before = Instant::now() + Self::RETRY;
                        tracing::error!(%error, "no snapshot could be made; the log is kept until one can");
                    }
                }
            }
            std::thread::park_timeout(Self::LOOK);
        }
    }

    /// The position to make a snapshot at, if enough has been sealed since the last one.
    fn due(&self) -> Option<Lsn> {
        let covered = self.status.last_lsn();
        let sealed = self.store.sealed_segments();
        let new: Vec<_> = sealed.iter().filter(|segment| segment.last_lsn > covered).collect();
        let bytes: u64 = new.iter().map(|segment| segment.bytes).sum();
        new.last().filter(|_| bytes >= self.every_bytes).map(|segment| segment.last_lsn)
    }

    /// Makes a snapshot of the state after record `last`, and removes what it replaces: all snapshots but two, and the
    /// segments that the older of the two holds.
    ///
    /// # Errors
    /// [`SnapshotFailure`]; then the log and the snapshots before are still there.
    pub(crate) fn make(&self, last: Lsn) -> Result<SnapshotInfo, SnapshotFailure> {
        let begun = Instant::now();
        let previous = self.store.snapshots()?.into_iter().next();
        let history = StoredHistory { store: &self.store, previous: previous.as_ref(), last };
        let mut writer = self.store.snapshot_writer(last)?;
        let mut items = 0;
        let state_hash = content_hash(|hash| {
            rebuild(&history, &State::new(&self.keys), |block| {
                hash(block);
                items += 1;
                Ok::<(), SnapshotFailure>(writer.write_block(block)?)
            })
        })?;
        let info = writer.finish(SnapshotSummary { items, state_hash })?;
        self.status.last_lsn.store(info.last_lsn.0, Ordering::Relaxed);
        self.status.made.fetch_add(1, Ordering::Relaxed);
        let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.status.last_took_ms.store(took_ms, Ordering::Relaxed);
        self.store.remove_old_snapshots()?;
        if let [_, older, ..] = self.store.snapshots()?.as_slice() {
            self.store.trim(older.last_lsn)?;
        }
        Ok(info)
    }
}

/// The last snapshot, and the log behind it up to a position.
struct StoredHistory<'s, S: Storage> {
    store: &'s Store<S>,
    previous: Option<&'s SnapshotInfo>,
    last: Lsn,
}

impl<S: Storage> History for StoredHistory<'_, S> {
    type Error = SnapshotFailure;

    fn blocks(&self, visit: &mut dyn FnMut(&[u8]) -> Result<(), Unsound>) -> Result<(), SnapshotFailure> {
        let Some(previous) = self.previous else { return Ok(()) };
        let mut reader = self.store.open_snapshot(previous)?;
        let mut block = Vec::new();
        while reader.next_block(&mut block)? {
            visit(&block)?;
        }
        Ok(())
    }

    fn records(&self, visit: &mut RecordVisitor<'_>) -> Result<(), SnapshotFailure> {
        let after = self.previous.map_or(Lsn::ZERO, |previous| previous.last_lsn);
        self.store.read_records(after, self.last, visit)?;
        Ok(())
    }
}
