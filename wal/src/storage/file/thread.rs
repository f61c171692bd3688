//! Owns writing by a thread, where io_uring is forbidden or syncs are few: one buffer is written and synced while the next fills.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::doorbell::Bell;
use crate::log::Waker;
use crate::slice;
use crate::storage::{Access, Completed, Write};

/// A thread that writes and syncs, one write after another.
#[derive(Debug)]
pub struct ThreadDevice {
    /// `None` only while it is dropped.
    work: Option<Sender<Write<File>>>,
    done: Receiver<Completed>,
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

impl ThreadDevice {
    pub(super) fn new() -> io::Result<Self> {
        // Both queues are bounded by the writes in flight that the log allows itself.
        let (work, orders) = mpsc::channel();
        let (results, done) = mpsc::channel();
        let bell = Arc::new(Bell::default());
        let ring = Arc::clone(&bell);
        let thread = std::thread::Builder::new().name("log-sync".to_owned()).spawn(move || {
            // Where it is refused, a busy machine takes longer for a sync, and everything else is as it was.
            slice::shorten().unwrap_or_default();
            for write in orders {
                // Nobody waits for it any more once the log is gone.
                if results.send(perform(write)).is_err() {
                    return;
                }
                ring.ring();
            }
        })?;
        Ok(Self { work: Some(work), done, bell, thread: Some(thread) })
    }

    pub(super) fn submit(&mut self, write: Write<File>) {
        let work = self.work.as_ref().expect("there while the device is");
        work.send(write).expect("the thread ends only after the device");
    }

    pub(super) fn reap(&mut self) -> Option<Completed> {
        self.done.try_recv().ok()
    }

    pub(super) fn wait(&mut self, timeout: Option<Duration>) {
        self.bell.sleep(timeout);
    }

    pub(super) fn waker(&self) -> Waker {
        let bell = Arc::clone(&self.bell);
        Waker::new(move || bell.ring())
    }

    pub(super) fn access(&self) -> Access {
        Access { direct: false, synced_writes: false, block_bytes: super::SECTOR }
    }

    pub(super) fn name(&self) -> &'static str {
        "thread, write + fdatasync"
    }
}

impl Drop for ThreadDevice {
    fn drop(&mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the thread does not panic");
        }
    }
}

fn perform(write: Write<File>) -> Completed {
    let Write { ticket, file, offset, buffer, range, sync } = write;
    let written = file.write_all_at(&buffer.bytes()[range], offset);
    let result = written.and_then(|()| if sync { file.sync_data() } else { Ok(()) });
    Completed { ticket, buffer, result }
}
