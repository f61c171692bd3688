//! Owns what other threads may read of a log while its thread drives it: positions, whether it takes writes, and counts for
//! whoever watches.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::lsn::Lsn;

/// Positions and counts of one log, written by the thread that drives it and read by all.
#[derive(Debug, Default)]
pub struct LogStatus {
    durable: AtomicU64,
    synced: AtomicU64,
    closed_to_writes: AtomicBool,
    poisoned: AtomicBool,
    counters: LogCounters,
}

/// Counts since start. Each is written by one thread and read for display, so that `Relaxed` is enough for all.
#[derive(Debug, Default)]
pub struct LogCounters {
    /// Frames made durable.
    pub frames: AtomicU64,
    /// Records made durable.
    pub records: AtomicU64,
    /// Bytes written, padding included.
    pub bytes: AtomicU64,
    /// Segments begun.
    pub segments: AtomicU64,
    /// Time from handing a write over until it was durable, in microseconds.
    pub sync_us: Histogram,
    /// Records in a frame.
    pub frame_records: Histogram,
}

impl LogStatus {
    /// The last durable position (what [`crate::log::Log::pump`] returned).
    pub fn durable(&self) -> Lsn {
        // Pairs with the Release in `publish_durable`: who sees the position sees what led to it.
        Lsn(self.durable.load(Ordering::Acquire))
    }

    /// The last position that a loss of power leaves. With [`Durability::Interval`](crate::options::Durability::Interval) it
    /// follows [`LogStatus::durable`] at that distance; otherwise the two are the same.
    pub fn synced(&self) -> Lsn {
        Lsn(self.synced.load(Ordering::Acquire))
    }

    /// Whether records may be appended now: there is room, and no write has failed.
    pub fn accepts(&self) -> bool {
        // Flags that guard nothing but themselves; a late reader only decides one batch later.
        !self.closed_to_writes.load(Ordering::Relaxed) && !self.is_poisoned()
    }

    /// Whether a write has failed.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Relaxed)
    }

    /// Counts since start.
    pub fn counters(&self) -> &LogCounters {
        &self.counters
    }

    /// Moves the durable position on. For implementors of [`crate::log::Log`].
    ///
    /// # Panics
    /// If it would go back.
    pub fn publish_durable(&self, lsn: Lsn) {
        let before = self.durable.load(Ordering::Relaxed);
        assert!(before <= lsn.0, "the durable position went back from {before} to {lsn}");
        self.durable.store(lsn.0, Ordering::Release);
    }

    /// Moves the synced position on. For implementors of [`crate::log::Log`].
    pub fn publish_synced(&self, lsn: Lsn) {
        self.synced.store(lsn.0, Ordering::Release);
    }

    /// Says whether there is room for records. For implementors of [`crate::log::Log`].
    pub fn set_room(&self, room: bool) {
        self.closed_to_writes.store(!room, Ordering::Relaxed);
    }

    /// Says that a write has failed. For implementors of [`crate::log::Log`].
    pub fn poison(&self) {
        self.poisoned.store(true, Ordering::Relaxed);
    }
}

/// Counts of values by powers of two: bucket `i` counts those below `2^i` and not below `2^(i-1)`; the last one all above.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; Histogram::BUCKETS],
    sum: AtomicU64,
}

impl Histogram {
    /// How many buckets there are.
    pub const BUCKETS: usize = 32;

    /// Counts one value.
    pub fn record(&self, value: u64) {
        let bits = 64 - value.leading_zeros();
        let bucket = usize::try_from(bits).unwrap_or(Self::BUCKETS).min(Self::BUCKETS - 1);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Each bucket's exclusive upper bound (`None`: without one) and count, lowest first, and the sum of all values.
    pub fn snapshot(&self) -> ([(Option<u64>, u64); Histogram::BUCKETS], u64) {
        let buckets = std::array::from_fn(|i| {
            let bound = (i + 1 < Self::BUCKETS).then(|| 1u64 << i);
            (bound, self.buckets[i].load(Ordering::Relaxed))
        });
        (buckets, self.sum.load(Ordering::Relaxed))
    }
}
