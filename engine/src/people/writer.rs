//! Owns the thread that writes: all changes that have come meanwhile in one write, one sync for all of them, and one more
//! where something has to be erased. Tells everybody who waits.

use std::io;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::file::PeopleFile;
use super::slot::{self, Slot};
use super::{Failed, Ticket};
use crate::id::PhoneId;

/// Without room on the disk, it is looked for again after so long.
const NO_ROOM: Duration = Duration::from_millis(500);

/// Slots that may wait to be written, 16 MiB or so; more than that is for later.
const QUEUED_SLOTS_MAX: usize = 65_536;

/// What a change does to the file.
#[derive(Debug, Default)]
pub(super) struct Changes {
    write: Vec<(u32, [u8; slot::BYTES])>,
    /// Once what is written is durable.
    erase: Vec<u32>,
    phone_id: u64,
}

impl Changes {
    pub(super) fn write(&mut self, number: u32, slot: &Slot) {
        self.write.push((number, slot.encode()));
    }

    pub(super) fn erase(&mut self, number: u32) {
        self.erase.push(number);
    }

    /// Erases together with what is written: for what nothing takes the place of.
    pub(super) fn erase_at_once(&mut self, number: u32) {
        self.write.push((number, [0; slot::BYTES]));
    }

    /// An id that the header must know to be taken.
    pub(super) fn cover(&mut self, id: Option<PhoneId>) {
        self.phone_id = self.phone_id.max(id.map_or(0, |id| id.0));
    }

    fn slots(&self) -> usize {
        self.write.len() + self.erase.len()
    }

    fn append(&mut self, mut later: Changes) {
        self.write.append(&mut later.write);
        self.erase.append(&mut later.erase);
        self.phone_id = self.phone_id.max(later.phone_id);
    }
}

/// How far the file is.
#[derive(Debug)]
pub(super) struct Progress {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    durable: u64,
    failure: Option<Arc<io::Error>>,
    waiting: Vec<(u64, Waker)>,
}

impl Progress {
    pub(super) fn check(&self) -> Result<(), Failed> {
        if self.state.lock().failure.is_some() { Err(Failed) } else { Ok(()) }
    }

    /// What the operating system said when a write failed.
    pub(super) fn failure(&self) -> Option<Arc<io::Error>> {
        self.state.lock().failure.clone()
    }

    /// All changes up to `durable` were read from the disk.
    pub(super) fn new(durable: Ticket) -> Self {
        Self { state: Mutex::new(State { durable: durable.0, ..State::default() }), moved: Condvar::new() }
    }

    /// The last change that is durable.
    pub(super) fn durable(&self) -> Ticket {
        Ticket(self.state.lock().durable)
    }

    pub(super) fn poll(&self, ticket: Ticket, waker: &Waker) -> Poll<Result<(), Failed>> {
        let mut state = self.state.lock();
        if let Some(done) = state.done(ticket) {
            return Poll::Ready(done);
        }
        state.waiting.push((ticket.0, waker.clone()));
        Poll::Pending
    }

    pub(super) fn wait(&self, ticket: Ticket) -> Result<(), Failed> {
        let mut state = self.state.lock();
        loop {
            match state.done(ticket) {
                Some(done) => return done,
                None => self.moved.wait(&mut state),
            }
        }
    }

    fn advance(&self, to: Result<u64, io::Error>) {
        let mut state = self.state.lock();
        match to {
            Ok(durable) => state.durable = state.durable.max(durable),
            Err(error) => state.failure = Some(Arc::new(error)),
        }
        let (durable, has_failed) = (state.durable, state.failure.is_some());
        let ready: Vec<Waker> = state
            .waiting
            .extract_if(.., |(ticket, _)| has_failed || *ticket <= durable)
            .map(|(_, waker)| waker)
            .collect();
        drop(state);
        self.moved.notify_all();
        ready.into_iter().for_each(Waker::wake);
    }
}

impl State {
    fn done(&self, ticket: Ticket) -> Option<Result<(), Failed>> {
        if ticket.0 <= self.durable {
            return Some(Ok(()));
        }
        self.failure.is_some().then_some(Err(Failed))
    }
}

/// The thread that writes.
pub(super) struct Writer {
    inbox: Arc<Inbox>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Inbox {
    queue: Mutex<Queue>,
    bell: Condvar,
}

#[derive(Default)]
struct Queue {
    changes: Changes,
    last: u64,
    wants_room: bool,
    /// The last try to make room has failed.
    is_full: bool,
    is_closing: bool,
}

impl Writer {
    pub(super) fn start(file: PeopleFile, progress: Arc<Progress>) -> io::Result<Self> {
        let inbox = Arc::new(Inbox::default());
        let mailbox = Arc::clone(&inbox);
        let thread = crate::driver::spawn("landrush-people", move || run(&file, &mailbox, &progress))?;
        Ok(Self { inbox, thread: Some(thread) })
    }

    /// Hands a change over. Tickets come in order.
    pub(super) fn queue(&self, ticket: Ticket, changes: Changes) {
        let mut queue = self.inbox.queue.lock();
        queue.changes.append(changes);
        queue.last = ticket.0;
        drop(queue);
        self.inbox.bell.notify_one();
    }

    /// Whether more changes may be handed over: what waits is bounded.
    pub(super) fn accepts(&self) -> bool {
        self.inbox.queue.lock().changes.slots() < QUEUED_SLOTS_MAX
    }

    /// Has the file grow; `false` if the last try has failed for want of room.
    pub(super) fn make_room(&self) -> bool {
        let mut queue = self.inbox.queue.lock();
        if !std::mem::replace(&mut queue.wants_room, true) {
            self.inbox.bell.notify_one();
        }
        !queue.is_full
    }
}

/// Writes what was handed over, and ends the thread.
impl Drop for Writer {
    fn drop(&mut self) {
        self.inbox.queue.lock().is_closing = true;
        self.inbox.bell.notify_one();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn run(file: &PeopleFile, inbox: &Inbox, progress: &Progress) {
    let mut durable = 0;
    let mut queue = inbox.queue.lock();
    loop {
        if queue.last > durable {
            let (changes, last) = (std::mem::take(&mut queue.changes), queue.last);
            drop(queue);
            if let Err(error) = write(file, changes) {
                tracing::error!(%error, "personal data cannot be written; nothing that needs it is acknowledged any more");
                progress.advance(Err(error));
                return;
            }
            durable = last;
            progress.advance(Ok(last));
            queue = inbox.queue.lock();
        } else if queue.wants_room {
            drop(queue);
            let grown = file.grow();
            queue = inbox.queue.lock();
            queue.is_full = grown.is_err();
            match grown {
                Ok(()) => queue.wants_room = false,
                Err(error) if queue.is_closing => drop(error),
                Err(error) => {
                    tracing::warn!(%error, "there is no room for more people");
                    inbox.bell.wait_for(&mut queue, NO_ROOM);
                }
            }
            if queue.is_closing && queue.last == durable {
                return;
            }
        } else if queue.is_closing {
            return;
        } else {
            inbox.bell.wait(&mut queue);
        }
    }
}

fn write(file: &PeopleFile, changes: Changes) -> io::Result<()> {
    let Changes { mut write, erase, phone_id } = changes;
    file.cover_phone_id(phone_id)?;
    if !write.is_empty() {
        file.write(&mut write)?;
        file.sync()?;
    }
    let mut zeros: Vec<_> = erase.into_iter().map(|number| (number, [0; slot::BYTES])).collect();
    if !zeros.is_empty() {
        file.write(&mut zeros)?;
        file.sync()?;
    }
    Ok(())
}
