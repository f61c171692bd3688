//! The connections of a run and the epoll that watches them: which have room for a request, which are ready, and making anew what
//! broke.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::connection::{Connection, InFlight};

/// Readiness reports taken at once.
const EVENTS_MAX: usize = 256;

/// How many connections a run has, and how much each of them carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Width {
    /// Keep-alive connections.
    pub(crate) connections: usize,
    /// Requests that each of them has on their way at most.
    pub(crate) pipeline: usize,
}

impl From<usize> for Width {
    /// So many connections with one request each.
    fn from(connections: usize) -> Self {
        Self { connections, pipeline: 1 }
    }
}

impl From<u16> for Width {
    fn from(connections: u16) -> Self {
        usize::from(connections).into()
    }
}

/// What a connection is ready for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    /// Which connection.
    pub(crate) slot: usize,
    /// It takes the rest of a request.
    pub(crate) writable: bool,
    /// It has bytes, an end or an error to be read.
    pub(crate) readable: bool,
}

/// A fixed number of places for connections.
pub(crate) struct Pool {
    target: SocketAddr,
    pipeline: usize,
    epoll: OwnedFd,
    slots: Vec<Slot>,
    idle: VecDeque<usize>,
    events: Vec<epoll::Event>,
    alive: usize,
}

#[derive(Default)]
struct Slot {
    connection: Option<Connection>,
    queued: bool,
}

impl Pool {
    /// Opens connections to `target`, as many as `width` says.
    ///
    /// # Errors
    /// When one of them cannot be made.
    pub(crate) fn open(target: SocketAddr, width: Width) -> io::Result<Self> {
        let Width { connections, pipeline } = width;
        assert!(pipeline > 0, "a connection carries a request");
        let mut pool = Self {
            target,
            pipeline,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            slots: Vec::with_capacity(connections),
            idle: VecDeque::with_capacity(connections),
            events: Vec::with_capacity(EVENTS_MAX),
            alive: 0,
        };
        for slot in 0..connections {
            pool.slots.push(Slot::default());
            pool.connect(slot)?;
        }
        Ok(pool)
    }

    /// Connections that work.
    pub(crate) fn alive(&self) -> usize {
        self.alive
    }

    /// Whether no connection has room for a request.
    pub(crate) fn all_busy(&self) -> bool {
        self.idle.is_empty()
    }

    /// Takes the connection that has had room for longest.
    pub(crate) fn take_idle(&mut self) -> Option<usize> {
        while let Some(slot) = self.idle.pop_front() {
            self.slots[slot].queued = false;
            if self.slots[slot].connection.is_some() {
                return Some(slot);
            }
        }
        None
    }

    /// Whether a connection that works has room for a request.
    pub(crate) fn has_room(&self, slot: usize) -> bool {
        let connection = self.slots[slot].connection.as_ref();
        connection.is_some_and(|connection| connection.in_flight.len() < self.pipeline)
    }

    /// Says that a connection has room.
    pub(crate) fn release(&mut self, slot: usize) {
        if !std::mem::replace(&mut self.slots[slot].queued, true) {
            self.idle.push_back(slot);
        }
    }

    /// The connection in a place, if it is alive.
    pub(crate) fn connection(&mut self, slot: usize) -> Option<&mut Connection> {
        self.slots[slot].connection.as_mut()
    }

    /// Writes what a connection has to send, now or as soon as its socket takes it; `false` when it broke.
    pub(crate) fn send(&mut self, slot: usize) -> io::Result<bool> {
        let Some(connection) = self.slots[slot].connection.as_mut() else { return Ok(false) };
        let waited = connection.waits_to_write;
        let Ok(all) = connection.flush() else { return Ok(false) };
        if all == waited {
            let interest = if all { epoll::EventFlags::IN } else { epoll::EventFlags::IN | epoll::EventFlags::OUT };
            epoll::modify(&self.epoll, connection.stream(), data(slot), interest)?;
            connection.waits_to_write = !all;
        }
        Ok(true)
    }

    /// Gives up a broken connection and makes another in its place, unless this one never had an answer: then the
    /// server takes no connections, and trying on would be an endless loop. Hands back the requests that are lost.
    pub(crate) fn renew(&mut self, slot: usize) -> VecDeque<InFlight> {
        let Some(broken) = self.slots[slot].connection.take() else { return VecDeque::new() };
        self.alive -= 1;
        if broken.answers > 0 && self.connect(slot).is_err() {
            self.slots[slot].connection = None;
        }
        broken.in_flight
    }

    /// Waits up to `timeout` for connections to become ready and lists them in `ready`.
    pub(crate) fn wait(&mut self, timeout: Duration, ready: &mut Vec<Ready>) -> io::Result<()> {
        let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        ready.clear();
        ready.extend(self.events.iter().map(|event| {
            let (data, flags) = (event.data, event.flags);
            Ready {
                slot: usize::try_from(data.u64()).expect("a slot number was registered"),
                writable: flags.contains(epoll::EventFlags::OUT),
                readable: flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::ERR | epoll::EventFlags::HUP),
            }
        }));
        Ok(())
    }

    /// The requests that have no answer.
    pub(crate) fn in_flight(&self) -> impl Iterator<Item = InFlight> {
        self.slots.iter().flat_map(|slot| &slot.connection).flat_map(|open| open.in_flight.iter().copied())
    }

    fn connect(&mut self, slot: usize) -> io::Result<()> {
        let connection = Connection::open(self.target, self.pipeline)?;
        epoll::add(&self.epoll, connection.stream(), data(slot), epoll::EventFlags::IN)?;
        self.slots[slot].connection = Some(connection);
        self.alive += 1;
        self.release(slot);
        Ok(())
    }
}

fn data(slot: usize) -> epoll::EventData {
    epoll::EventData::new_u64(u64::try_from(slot).expect("a slot number fits"))
}
