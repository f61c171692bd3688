//! Owns the settings of a log, their bounds and their defaults.

use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::frame::FRAME_BYTES_LIMIT;

/// Frames of this many at most fit in a segment's reserve: what may still be appended once the log has said that it is full.
pub(crate) const RESERVE_FRAMES: u64 = 8;

/// The largest block that a device may ask writes to be aligned to, in bytes.
pub(crate) const BLOCK_BYTES_MAX: u32 = 4096;

/// How a log writes. [`LogOptions::default`] is right for production.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// Size of a segment in bytes, 64 MiB; at least 16 times `frame_bytes_max`.
    pub segment_bytes: u64,
    /// Longest frame in bytes, header and padding included, 1 MiB; a multiple of 4,096, at most 16 MiB.
    pub frame_bytes_max: u32,
    /// What an acknowledgement promises.
    pub durability: Durability,
    /// A second write starts beside one in flight once this many records wait, 20.
    pub second_write_records_min: u32,
    /// How long the log is idle before a seal frame proves its last frame, 10 ms.
    pub seal_idle: Duration,
    /// The least time between two seals, 100 ms.
    pub seal_every: Duration,
    /// Where the time comes from.
    pub clock: Clock,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            frame_bytes_max: 1 << 20,
            durability: Durability::Sync,
            second_write_records_min: 20,
            seal_idle: Duration::from_millis(10),
            seal_every: Duration::from_millis(100),
            clock: Clock::monotonic(),
        }
    }
}

impl LogOptions {
    /// Checks the bounds named at each field.
    ///
    /// # Errors
    /// The first bound that does not hold.
    pub fn validate(&self) -> Result<(), OptionsError> {
        if !self.frame_bytes_max.is_multiple_of(BLOCK_BYTES_MAX)
            || self.frame_bytes_max < BLOCK_BYTES_MAX
            || self.frame_bytes_max > FRAME_BYTES_LIMIT
        {
            return Err(OptionsError::FrameBytes { found: self.frame_bytes_max });
        }
        let least = u64::from(self.frame_bytes_max) * RESERVE_FRAMES * 2;
        if self.segment_bytes < least || !self.segment_bytes.is_multiple_of(u64::from(BLOCK_BYTES_MAX)) {
            return Err(OptionsError::SegmentBytes { found: self.segment_bytes, least });
        }
        if self.second_write_records_min == 0 {
            return Err(OptionsError::SecondWrite);
        }
        if matches!(self.durability, Durability::Interval(every) if every.is_zero()) {
            return Err(OptionsError::Interval);
        }
        Ok(())
    }
}

/// What it means that a position is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It is on disk: no failure of process, operating system or power loses it.
    Sync,
    /// The operating system has it: the end of the process does not lose it, a power failure may lose what came within this time.
    Interval(Duration),
}

/// A clock that never goes back: the time since some moment before.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Clock {
    /// A clock that asks `now`.
    pub fn new(now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The machine's monotonic clock.
    pub fn monotonic() -> Self {
        let start = Instant::now();
        Self::new(move || start.elapsed())
    }

    pub(crate) fn now(&self) -> Duration {
        (self.0)()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

/// A setting is out of its bounds.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// See [`LogOptions::frame_bytes_max`].
    #[error("frame_bytes_max is {found}: it has to be a multiple of 4,096 of at most {FRAME_BYTES_LIMIT}")]
    FrameBytes {
        /// The setting.
        found: u32,
    },
    /// See [`LogOptions::segment_bytes`].
    #[error("segment_bytes is {found}: it has to be a multiple of 4,096 of at least {least} (16 frames)")]
    SegmentBytes {
        /// The setting.
        found: u64,
        /// The least that goes with this `frame_bytes_max`.
        least: u64,
    },
    /// See [`LogOptions::second_write_records_min`].
    #[error("second_write_records_min is 0: it has to be at least 1")]
    SecondWrite,
    /// See [`Durability::Interval`].
    #[error("the interval between two syncs is 0: use sync durability instead")]
    Interval,
}
