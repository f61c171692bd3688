//! Owns a log and a snapshot under it, as [`landrush_engine::snapshot`] builds states from them.

use landrush_engine::keys::Keys;
use landrush_engine::shard::State;
use landrush_engine::snapshot::{History, RecordVisitor};
use landrush_engine::unsound::Unsound;
use landrush_wal::lsn::Lsn;
use landrush_wal::snapshot::SnapshotInfo;

use super::Failure;
use super::reading::Log;

/// A snapshot, if there is one, and the records behind it up to a position.
pub(super) struct StoredHistory<'l> {
    pub(super) log: &'l Log,
    pub(super) snapshot: Option<&'l SnapshotInfo>,
    pub(super) upto: Lsn,
    /// What the progress bar says.
    pub(super) doing: &'static str,
}

/// A state without campaigns. Without keys it takes the code key that the log names.
pub(super) fn empty_state(keys: Option<&Keys>) -> State {
    keys.map_or_else(State::without_keys, State::new)
}

impl History for StoredHistory<'_> {
    type Error = Failure;

    fn blocks(&self, visit: &mut dyn FnMut(&[u8]) -> Result<(), Unsound>) -> Result<(), Failure> {
        let Some(snapshot) = self.snapshot else { return Ok(()) };
        self.log.blocks(snapshot, |block| Ok(visit(block)?))
    }

    fn records(&self, visit: &mut RecordVisitor<'_>) -> Result<(), Failure> {
        let after = self.snapshot.map_or(Lsn::ZERO, |snapshot| snapshot.last_lsn);
        if self.upto == after {
            return Ok(());
        }
        self.log.records(after, self.upto, self.doing, &mut |lsn, record| Ok::<_, Failure>(visit(lsn, record)?))?;
        Ok(())
    }
}
