//! What a server has used since it was started, and between two looks at it.

use std::time::Duration;

/// What a server has used since it was started.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    /// Processor time.
    pub(crate) cpu: Duration,
    /// Bytes written to its log, where it has one.
    pub(crate) disk_bytes: Option<u64>,
    /// Syncs of its log, where it counts them.
    pub(crate) syncs: Option<u64>,
    /// Memory in use, where that is what holds the claims.
    pub(crate) resident_bytes: Option<u64>,
}

impl Used {
    /// What was used between `before` and now. Memory that was given back counts as none.
    pub(crate) fn since(self, before: Self) -> Self {
        let grown = |after: Option<u64>, before: Option<u64>| Some(after?.saturating_sub(before?));
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            disk_bytes: grown(self.disk_bytes, before.disk_bytes),
            syncs: grown(self.syncs, before.syncs),
            resident_bytes: grown(self.resident_bytes, before.resident_bytes),
        }
    }
}
