//! Owns what the log does of its own accord when its time has come: seals, and syncs at intervals.

use std::sync::Arc;
use std::time::Duration;

use super::SegmentLog;
use crate::frame::FrameKind;
use crate::options::Durability;
use crate::storage::{Device, Storage, Write};

impl<S: Storage> SegmentLog<S> {
    /// Starts a sync or a seal that is due. Frames that wait go first.
    pub(super) fn tend(&mut self) {
        let now = self.options.clock.now();
        if let Durability::Interval(every) = self.options.durability
            && self.in_flight.wants_sync()
            && now.saturating_sub(self.seals.last_sync) >= every
        {
            self.launch_sync(now);
        }
        let idle = self.in_flight.is_empty() && self.filling.is_empty();
        if !idle {
            self.seals.idle_since = None;
            return;
        }
        let since = *self.seals.idle_since.get_or_insert(now);
        if self.seal_due(since).is_some_and(|due| due <= now) {
            self.launch_seal(now);
        }
    }

    pub(super) fn launch_sync(&mut self, now: Duration) {
        self.seals.last_sync = now;
        let ticket = self.in_flight.launch_sync(now, (&self.active.name, self.active.offset));
        let file = Arc::clone(&self.active.file);
        self.device.submit(Write { ticket, file, offset: 0, buffer: self.filling.spare(), range: 0..0, sync: true });
    }

    pub(super) fn launch_seal(&mut self, now: Duration) {
        self.seals.last = Some(now);
        self.seals.sealed = self.in_flight.synced();
        self.launch_empty(FrameKind::Seal);
    }

    /// When the next seal is due, if everything has been quiet since `idle_since`; none if there is nothing new to prove.
    pub(super) fn seal_due(&self, idle_since: Duration) -> Option<Duration> {
        let synced = self.in_flight.synced();
        let proves_more = self.seals.sealed < synced && synced == self.in_flight.launched();
        let block = self.block_bytes();
        if !proves_more || self.active.header_waits || self.active.ended || !self.active.fits(2 * block) {
            return None;
        }
        let earliest = self.seals.last.map_or(Duration::ZERO, |last| last + self.options.seal_every);
        Some(earliest.max(idle_since + self.options.seal_idle))
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        let seal = self.seals.idle_since.and_then(|since| self.seal_due(since));
        let sync = match self.options.durability {
            Durability::Interval(every) if self.in_flight.wants_sync() => Some(self.seals.last_sync + every),
            Durability::Interval(_) | Durability::Sync => None,
        };
        [seal, sync].into_iter().flatten().min()
    }
}
