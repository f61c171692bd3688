//! Owns making the next segment ahead of its use, and handing it to the thread that writes. Leaves its header and frames to
//! that thread.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::log::Waker;
use crate::segment::{file_name, temporary_name};
use crate::storage::{Access, Folder, Storage, StorageFile};
use crate::width;

/// Zeros written and synced at once.
const CHUNK_BYTES: usize = 1 << 20;
/// Pause after each chunk, so that commits in between find the disk free: 64 MiB take a quarter of a second or so.
const PACE: Duration = Duration::from_millis(2);
/// How long to wait before another try when the disk was full.
const RETRY: Duration = Duration::from_millis(500);

/// A segment made ahead: zeros on disk, under its final name.
pub(crate) struct Prepared<F> {
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) file: Arc<F>,
    pub(crate) bytes: u64,
}

/// Between the thread that writes and the one that prepares: at most one segment, and the number of the one wanted.
pub(crate) struct Handover<F> {
    state: Mutex<State<F>>,
    changed: Condvar,
    /// Mirrors whether a segment is there, so that asking costs no lock. A late reader only asks again at the next wake,
    /// which `put` causes after the store.
    ready: AtomicBool,
}

struct State<F> {
    next: Option<Prepared<F>>,
    wanted: u64,
    closed: bool,
}

impl<F> Handover<F> {
    pub(crate) fn new(wanted: u64) -> Self {
        let state = Mutex::new(State { next: None, wanted, closed: false });
        Self { state, changed: Condvar::new(), ready: AtomicBool::new(false) }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Takes the segment that is ready, and asks for another.
    pub(crate) fn take(&self) -> Option<Prepared<F>> {
        let mut state = self.state.lock();
        let next = state.next.take()?;
        state.wanted = next.number + 1;
        self.ready.store(false, Ordering::Release);
        self.changed.notify_all();
        Some(next)
    }

    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_all();
    }

    /// Something has made room on the disk: try again now.
    pub(crate) fn nudge(&self) {
        // The lock orders this after a check that found no room, so that the sleep it leads to is ended.
        drop(self.state.lock());
        self.changed.notify_all();
    }

    fn put(&self, prepared: Prepared<F>) {
        self.state.lock().next = Some(prepared);
        self.ready.store(true, Ordering::Release);
    }
}

/// What one [`Preparer::step`] did.
#[derive(Debug)]
pub enum Step {
    /// The next segment is ready.
    Prepared,
    /// It was ready before.
    Waiting,
    /// It could not be made, most likely for want of room; to be tried again.
    Failed(io::Error),
    /// The log is closed.
    Closed,
}

/// Makes segments ahead of their use. Give it a thread and [`Preparer::run`], or drive it by [`Preparer::step`].
pub struct Preparer<S: Storage> {
    pub(crate) storage: S,
    pub(crate) handover: Arc<Handover<S::File>>,
    pub(crate) segment_bytes: u64,
    pub(crate) access: Access,
    pub(crate) waker: Waker,
}

impl<S: Storage> Preparer<S> {
    /// Makes each next segment until the log closes; tries again when the disk was full. `failed` is told of each failure.
    pub fn run(mut self, mut failed: impl FnMut(&io::Error)) {
        loop {
            match self.make(true) {
                Step::Prepared => {}
                Step::Waiting => self.sleep(None),
                Step::Failed(error) => {
                    failed(&error);
                    self.sleep(Some(RETRY));
                }
                Step::Closed => return,
            }
        }
    }

    /// Makes the next segment if it is wanted, without pauses.
    pub fn step(&mut self) -> Step {
        self.make(false)
    }

    fn make(&mut self, paced: bool) -> Step {
        let number = {
            let state = self.handover.state.lock();
            match (state.closed, &state.next) {
                (true, _) => return Step::Closed,
                (false, Some(_)) => return Step::Waiting,
                (false, None) => state.wanted,
            }
        };
        match self.prepare(number, paced) {
            Ok(Some(prepared)) => {
                self.handover.put(prepared);
                self.waker.wake();
                Step::Prepared
            }
            Ok(None) => Step::Closed,
            Err(error) => {
                // What was written so far would only hold room back; if it cannot be removed now, the next try empties it.
                self.storage.remove(Folder::Log, &temporary_name(number)).unwrap_or_default();
                Step::Failed(error)
            }
        }
    }

    fn prepare(&self, number: u64, paced: bool) -> io::Result<Option<Prepared<S::File>>> {
        let (temporary, name) = (temporary_name(number), file_name(number));
        let file = self.storage.create(Folder::Log, &temporary)?;
        let mut pause = || !paced || !self.is_closed_after(PACE);
        if !fill_zeros(&file, 0, self.segment_bytes, &mut pause)? {
            self.storage.remove(Folder::Log, &temporary)?;
            return Ok(None);
        }
        drop(file);
        self.storage.rename(Folder::Log, &temporary, &name)?;
        self.storage.sync_folder(Folder::Log)?;
        let file = Arc::new(self.storage.open_frames(&name, self.access)?);
        Ok(Some(Prepared { number, name, file, bytes: self.segment_bytes }))
    }

    fn is_closed_after(&self, pause: Duration) -> bool {
        let mut state = self.handover.state.lock();
        if !state.closed {
            self.handover.changed.wait_for(&mut state, pause);
        }
        state.closed
    }

    fn sleep(&self, timeout: Option<Duration>) {
        let mut state = self.handover.state.lock();
        match timeout {
            _ if state.closed => {}
            None if state.next.is_none() => {}
            None => self.handover.changed.wait(&mut state),
            Some(timeout) => {
                self.handover.changed.wait_for(&mut state, timeout);
            }
        }
    }
}

/// Writes zeros from `from` to `upto`, syncing chunk by chunk; `false` if `go_on` broke it off.
pub(crate) fn fill_zeros(
    file: &impl StorageFile,
    from: u64,
    upto: u64,
    go_on: &mut dyn FnMut() -> bool,
) -> io::Result<bool> {
    let zeros = vec![0; CHUNK_BYTES.min(width::in_memory(upto.saturating_sub(from)))];
    let mut offset = from;
    while offset < upto {
        let length = zeros.len().min(width::in_memory(upto - offset));
        file.write_at(&zeros[..length], offset)?;
        file.sync()?;
        offset += width::in_file(length);
        if !go_on() {
            return Ok(false);
        }
    }
    Ok(true)
}
