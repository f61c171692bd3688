//! Owns moments and days. The engine reads no clock of its own: a [`Clock`] is passed in, so that a test can turn it.

use std::time::Duration;

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The last moment that the engine can speak of: 9999-12-31T23:59:59.999Z.
    pub const MAX: Timestamp = Timestamp(253_402_300_799_999);

    /// The moment `milliseconds` after 1970 began, at most [`Timestamp::MAX`].
    pub fn from_milliseconds(milliseconds: u64) -> Self {
        Timestamp(milliseconds.min(Self::MAX.0))
    }

    /// Milliseconds since 1970 began.
    pub fn as_milliseconds(self) -> u64 {
        self.0
    }

    /// The moment `by` later, at most [`Timestamp::MAX`].
    #[must_use]
    pub fn saturating_add(self, by: Duration) -> Self {
        Self::from_milliseconds(self.0.saturating_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How much later `self` is than `earlier`; zero if it is not.
    pub fn saturating_since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// A day of some campaign's time zone: days since 1970-01-01 there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(pub u32);

/// Where the engine has the time from.
pub trait Clock: Send + Sync + 'static {
    /// The present moment. May step between runs of the process, and must not go back within one.
    fn now(&self) -> Timestamp;
}

/// Wall time at start plus monotonic time since, so that a stepped wall clock moves no window while the server runs.
#[derive(Debug, Clone)]
pub struct SteadyClock {
    started: std::time::Instant,
    /// With what lies below a millisecond, so that this clock and the wall clock come to the next one together.
    started_at: Duration,
}

impl SteadyClock {
    /// Starts at the wall clock's present reading.
    ///
    /// # Panics
    /// If the wall clock stands before 1970.
    pub fn start() -> Self {
        let started_at = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("the wall clock stands before 1970");
        Self { started: std::time::Instant::now(), started_at }
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_milliseconds(0).saturating_add(self.started_at + self.started.elapsed())
    }
}
