//! The one seam between the engine and what keeps its records: a [`Log`]. Here it is segments in a directory; a replicated
//! engine can stand behind the same words.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::lsn::Lsn;
use crate::records::Records;
use crate::status::LogStatus;

/// An append-only, ordered, durable sequence of records with one writer.
///
/// A log is passive: the thread that owns it drives it by [`Log::pump`] and sleeps in [`Log::wait`].
pub trait Log: Send {
    /// Takes `records` (at least one) into the buffer that the next frame carries, and gives the position of the last of them.
    /// They are durable once [`Log::pump`] has returned that position or a later one.
    ///
    /// Never blocks and never fails: whoever appends asks [`LogStatus::accepts`] first, and what it answers holds for one
    /// more batch of [`Log::batch_bytes_max`].
    fn append(&mut self, records: &Records) -> Lsn;

    /// The longest batch that one [`Log::append`] takes, in bytes of [`Records::as_bytes`].
    fn batch_bytes_max(&self) -> usize;

    /// Starts what writes group commit allows, takes in those that have completed, writes a seal when one is due, and
    /// gives the last position that may be acknowledged. Never blocks on the disk.
    ///
    /// # Errors
    /// [`Poisoned`] for ever after the first failed write or sync. Nothing more may be acknowledged.
    fn pump(&mut self) -> Result<Lsn, Poisoned>;

    /// Sleeps until a write completes, a [`Waker`] is called, something of the log's own is due, or `timeout` is over.
    /// May return early. A wake that came since the last `wait`, and that [`Log::awake`] has not taken, makes it
    /// return at once.
    fn wait(&mut self, timeout: Option<Duration>);

    /// What becomes readable when [`Log::wait`] would end, for a thread that sleeps in a poll of its own; `None` where only `wait`
    /// can be slept in. Good for as long as the log.
    ///
    /// # Errors
    /// [`io::Error`]: no descriptor can be had.
    fn readiness(&self) -> io::Result<Option<OwnedFd>> {
        Ok(None)
    }

    /// Prepares a sleep in which [`Log::readiness`] is polled, and gives when something of the log's own is due; `None` if there
    /// is something to do, so that nobody may sleep. [`Log::awake`] ends the sleep.
    fn doze(&mut self) -> Option<Option<Duration>> {
        None
    }

    /// Ends a sleep that [`Log::doze`] began, or none: wakes cost nothing until the next. It takes a wake that came before, as does a
    /// `doze` that gives `None`: whoever called it looks at everything then.
    fn awake(&mut self) {}

    /// Ends a sleep in [`Log::wait`] from any thread.
    fn waker(&self) -> Waker;

    /// What other threads may read of the log.
    fn status(&self) -> Arc<LogStatus>;

    /// Writes and syncs all that was appended, and a seal; blocks. Nothing can be appended after it.
    ///
    /// # Errors
    /// [`Poisoned`] as for [`Log::pump`].
    fn close(&mut self) -> Result<Lsn, Poisoned>;
}

/// A write or sync failed: what is on disk past the last acknowledged position is unknown, and stays so until a restart
/// reads it back.
#[derive(Debug, Clone, Error)]
#[error(
    "the log failed at {segment}, offset {offset}: {cause}; nothing after record {durable} is acknowledged, restart to recover"
)]
pub struct Poisoned {
    /// The file.
    pub segment: String,
    /// Where in it, in bytes.
    pub offset: u64,
    /// The last position known to be durable.
    pub durable: Lsn,
    /// What the operating system said.
    pub cause: Arc<io::Error>,
}

/// Ends the sleep of one thread. Cheap to clone.
#[derive(Clone)]
pub struct Waker(Arc<dyn Fn() + Send + Sync>);

impl Waker {
    /// A waker that calls `wake`.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(wake))
    }

    /// Ends the sleep, or makes the next one end at once.
    pub fn wake(&self) {
        (self.0)();
    }
}

impl std::fmt::Debug for Waker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Waker")
    }
}
