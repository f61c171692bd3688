//! Owns a log and a snapshot under it, as the commands read them: what [`landrush_engine::snapshot::rebuild`] builds on.

use landrush_engine::snapshot::{History, RecordVisitor};
use landrush_engine::unsound::Unsound;
use landrush_wal::lsn::Lsn;
use landrush_wal::reader::{End, Reader};
use landrush_wal::snapshot::SnapshotInfo;
use landrush_wal::storage::file::FileStorage;
use landrush_wal::store::ReadRecordsError;

use super::{Failure, unreadable};

/// A snapshot, if there is one, and the records behind it up to a position.
pub(super) struct StoredHistory<'r> {
    pub(super) reader: &'r Reader<FileStorage>,
    pub(super) snapshot: Option<&'r SnapshotInfo>,
    pub(super) upto: Lsn,
}

/// Why a history cannot be read.
pub(super) enum Unreadable {
    Failure(Failure),
    Unsound(Unsound),
}

impl From<Unsound> for Unreadable {
    fn from(unsound: Unsound) -> Self {
        Unreadable::Unsound(unsound)
    }
}

impl From<Unreadable> for Failure {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Failure(failure) => failure,
            Unreadable::Unsound(unsound) => Failure::damaged(unsound),
        }
    }
}

impl StoredHistory<'_> {
    /// Where the records begin.
    pub(super) fn after(&self) -> Lsn {
        self.snapshot.map_or(Lsn::ZERO, |snapshot| snapshot.last_lsn)
    }

    /// Visits the records, and says how the log ends if it ends here.
    pub(super) fn visit_records(&self, visit: &mut RecordVisitor<'_>) -> Result<Option<End>, Unreadable> {
        self.reader.records(self.after(), self.upto, visit).map_err(|error| match error {
            ReadRecordsError::Read(error) => Unreadable::Failure(unreadable(&error)),
            ReadRecordsError::Visit(unsound) => Unreadable::Unsound(unsound),
        })
    }
}

impl History for StoredHistory<'_> {
    type Error = Unreadable;

    fn blocks(&self, visit: &mut dyn FnMut(&[u8]) -> Result<(), Unsound>) -> Result<(), Unreadable> {
        let Some(snapshot) = self.snapshot else { return Ok(()) };
        let damaged = |error| Unreadable::Failure(Failure::damaged(error));
        let mut reader = self.reader.open_snapshot(snapshot).map_err(damaged)?;
        let mut block = Vec::new();
        while reader.next_block(&mut block).map_err(damaged)? {
            visit(&block)?;
        }
        Ok(())
    }

    fn records(&self, visit: &mut RecordVisitor<'_>) -> Result<(), Unreadable> {
        self.visit_records(visit).map(drop)
    }
}
