//! Owns writing by io_uring, and the sleep of the thread that does: one ring waits for completed writes and for wakers, whose
//! eventfd it reads. Unsafe code of its own: the kernel is given memory, and it has to stay where it is.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use io_uring::types::{Fd, FsyncFlags, SubmitArgs, Timespec};
use io_uring::{IoUring, opcode, squeue};
use rustix::event::{EventfdFlags, eventfd};

use crate::doorbell::Doorbell;
use crate::log::Waker;
use crate::storage::{Access, Completed, Write};
use crate::width;

/// Entries of the ring: two frames, a sync and the wakers' read, with room to spare.
const ENTRIES: u32 = 8;
/// Writes that it can have in flight.
const SLOTS: usize = 4;
/// Marks the completion of the wakers' read.
const BELL: u64 = u64::MAX;

/// Writes by io_uring.
pub struct UringDevice {
    ring: IoUring,
    access: Access,
    slots: [Option<Flight>; SLOTS],
    bell: Arc<RingBell>,
    /// Where the kernel puts the wakers' count. Boxed: it stays where it is when the device is moved.
    count: Box<[u8; 8]>,
    /// Whether the wakers' read is under way.
    listening: bool,
}

/// A write under way. Its buffer's memory belongs to the kernel until the write completes: it is boxed, so that it stays in
/// place, and it is not touched.
struct Flight {
    write: Write<File>,
    done: usize,
}

struct RingBell {
    doorbell: Doorbell,
    event: OwnedFd,
}

impl RingBell {
    fn kick(&self) {
        // It fails only when the count is full, and then the sleeper wakes all the same.
        rustix::io::write(&self.event, &1u64.to_ne_bytes()).unwrap_or_default();
    }
}

impl UringDevice {
    pub(super) fn new(access: Access) -> io::Result<Self> {
        let ring = IoUring::new(ENTRIES)?;
        if !ring.params().is_feature_ext_arg() || !ring.params().is_feature_nodrop() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let event = eventfd(0, EventfdFlags::CLOEXEC)?;
        let bell = Arc::new(RingBell { doorbell: Doorbell::default(), event });
        Ok(Self { ring, access, slots: [const { None }; SLOTS], bell, count: Box::new([0; 8]), listening: false })
    }

    pub(super) fn submit(&mut self, write: Write<File>) {
        let slot = self.slots.iter().position(Option::is_none).expect("the log keeps to its writes in flight");
        self.slots[slot] = Some(Flight { write, done: 0 });
        self.push_slot(slot);
        self.enter();
    }

    pub(super) fn reap(&mut self) -> Option<Completed> {
        loop {
            let entry = self.ring.completion().next()?;
            if entry.user_data() == BELL {
                self.listening = false;
                continue;
            }
            let slot = usize::try_from(entry.user_data()).expect("the ring gives back what it was given");
            if let Some(completed) = self.advance(slot, entry.result()) {
                return Some(completed);
            }
        }
    }

    /// Takes in one completion; a write that came short goes on.
    fn advance(&mut self, slot: usize, result: i32) -> Option<Completed> {
        let flight = self.slots[slot].as_mut().expect("a completion belongs to a write");
        let outcome = match usize::try_from(result) {
            Err(_) => match io::Error::from_raw_os_error(-result) {
                error if error.kind() == io::ErrorKind::Interrupted => None,
                error => Some(Err(error)),
            },
            Ok(0) if !flight.write.range.is_empty() => Some(Err(io::ErrorKind::WriteZero.into())),
            Ok(written) => {
                flight.done += written;
                (flight.done >= flight.write.range.len()).then_some(Ok(()))
            }
        };
        let Some(result) = outcome else {
            self.push_slot(slot);
            self.enter();
            return None;
        };
        let Flight { write, .. } = self.slots[slot].take()?;
        Some(Completed { ticket: write.ticket, buffer: write.buffer, result })
    }

    fn push_slot(&mut self, slot: usize) {
        let Flight { write, done } = self.slots[slot].as_ref().expect("the slot is taken");
        let fd = Fd(write.file.as_raw_fd());
        let bytes = &write.buffer.bytes()[write.range.clone()][*done..];
        let entry = if bytes.is_empty() {
            opcode::Fsync::new(fd).flags(FsyncFlags::DATASYNC).build()
        } else {
            let length = width::in_frame(bytes.len());
            opcode::Write::new(fd, bytes.as_ptr(), length).offset(write.offset + width::in_file(*done)).build()
        };
        let entry = entry.user_data(width::in_file(slot));
        // SAFETY: the memory is the boxed slice of a buffer in `self.slots`, which is neither moved nor changed nor freed
        // until the completion with this slot's number was seen: `advance` alone takes it out, and `drop` waits for it. The
        // file is kept open by the same slot.
        unsafe { self.push(&entry) };
    }

    fn listen(&mut self) {
        if self.listening {
            return;
        }
        let fd = Fd(self.bell.event.as_raw_fd());
        let length = width::in_frame(self.count.len());
        let entry = opcode::Read::new(fd, self.count.as_mut_ptr(), length).build().user_data(BELL);
        // SAFETY: `self.count` is boxed and used for nothing else; `self.bell` keeps the eventfd open. Both live until
        // `drop`, which waits for this read.
        unsafe { self.push(&entry) };
        self.listening = true;
    }

    /// # Safety
    /// Memory and file of `entry` stay valid until its completion.
    unsafe fn push(&mut self, entry: &squeue::Entry) {
        // SAFETY: the caller's promise is what `push` asks for.
        let pushed = unsafe { self.ring.submission().push(entry) };
        pushed.expect("the ring has more entries than can be under way");
    }

    fn enter(&mut self) {
        match self.ring.submit() {
            Ok(_) => {}
            // What was not taken stays in the ring, and goes with the next call: `wait` makes it, and `doze` does not sleep over it.
            Err(error) if is_passing(&error) => {}
            Err(error) => panic!("io_uring refuses what its probe accepted: {error}"),
        }
    }

    pub(super) fn wait(&mut self, timeout: Option<Duration>) {
        if self.fall_asleep() {
            self.block(timeout);
            self.awake();
        }
    }

    /// Announces a sleep; `false` if there is something to do.
    fn fall_asleep(&mut self) -> bool {
        if !self.ring.completion().is_empty() {
            return false;
        }
        self.listen();
        self.bell.doorbell.fall_asleep()
    }

    /// The ring itself: it is readable when something has completed, and a wake completes the wakers' read.
    pub(super) fn readiness(&self) -> io::Result<OwnedFd> {
        // SAFETY: the ring is open for as long as `self`.
        let ring = unsafe { BorrowedFd::borrow_raw(self.ring.as_raw_fd()) };
        ring.try_clone_to_owned()
    }

    pub(super) fn doze(&mut self) -> bool {
        if !self.fall_asleep() {
            return false;
        }
        // What was pushed has to be on its way before anybody polls for its end.
        if !self.ring.submission().is_empty() {
            self.enter();
        }
        let is_under_way = self.ring.submission().is_empty();
        if !is_under_way {
            self.awake();
        }
        is_under_way
    }

    pub(super) fn awake(&mut self) {
        self.bell.doorbell.wake_up();
    }

    fn block(&mut self, timeout: Option<Duration>) {
        let entered = match timeout.map(Timespec::from) {
            None => self.ring.submit_and_wait(1),
            Some(timespec) => {
                let arguments = SubmitArgs::new().timespec(&timespec);
                self.ring.submitter().submit_with_args(1, &arguments)
            }
        };
        match entered {
            Ok(_) => {}
            Err(error)
                if error.raw_os_error() == Some(rustix::io::Errno::TIME.raw_os_error()) || is_passing(&error) => {}
            Err(error) => panic!("io_uring refuses what its probe accepted: {error}"),
        }
    }

    pub(super) fn waker(&self) -> Waker {
        let bell = Arc::clone(&self.bell);
        Waker::new(move || {
            if bell.doorbell.ring() {
                bell.kick();
            }
        })
    }

    pub(super) fn access(&self) -> Access {
        self.access
    }

    pub(super) fn name(&self) -> &'static str {
        match (self.access.direct, self.access.block_bytes == super::SECTOR) {
            (true, true) => "io_uring, O_DIRECT|O_DSYNC, 512-byte blocks",
            (true, false) => "io_uring, O_DIRECT|O_DSYNC, 4096-byte blocks",
            (false, _) => "io_uring, O_DSYNC",
        }
    }
}

impl Drop for UringDevice {
    /// Waits until the kernel has given back all memory.
    fn drop(&mut self) {
        self.bell.kick();
        while self.listening || self.slots.iter().any(Option::is_some) {
            while self.reap().is_some() {}
            if self.listening || self.slots.iter().any(Option::is_some) {
                self.block(None);
            }
        }
    }
}

impl std::fmt::Debug for UringDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UringDevice").field("access", &self.access).finish_non_exhaustive()
    }
}

/// Whether the same call will do later.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::ResourceBusy)
}
