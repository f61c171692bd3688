//! Owns the patience with each connection of an I/O thread: one sweep a tick over all of them, instead of timers that are
//! set and cleared with every request.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::config::Http;

/// How often connections are looked at; patience ends up to one tick late.
pub(super) const TICK: Duration = Duration::from_millis(250);

/// What a connection is up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Its first byte, or the rest of a head, must come soon.
    Head,
    /// So many requests are in hand. Their bodies have a timeout of their own.
    Requests(u32),
    /// It waits for the next request.
    Idle,
}

/// The patience with one connection.
#[derive(Debug)]
pub(super) struct Pulse {
    phase: Cell<Phase>,
    since: Cell<u64>,
    /// The tick of the thread, shared by all its connections.
    now: Rc<Cell<u64>>,
    end: Cell<End>,
    /// The socket took less than it was last given.
    is_blocked: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// Whether a connection has been told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It has not.
    No,
    /// When the requests in hand are answered.
    Gracefully,
    /// At once.
    Now,
}

impl Pulse {
    /// Notes that bytes have come.
    pub(super) fn bytes_came(&self) {
        if self.phase.get() == Phase::Idle {
            self.enter(Phase::Head);
        }
    }

    /// Notes that a head was read; the request is in hand until the guard is dropped.
    pub(super) fn request(self: &Rc<Self>) -> InHand {
        let before = match self.phase.get() {
            Phase::Requests(count) => count,
            Phase::Head | Phase::Idle => 0,
        };
        self.phase.set(Phase::Requests(before + 1));
        InHand(Rc::clone(self))
    }

    /// Whether requests are in hand.
    pub(super) fn has_requests(&self) -> bool {
        matches!(self.phase.get(), Phase::Requests(_))
    }

    /// Notes whether the socket took what it was given last, or a part of it.
    pub(super) fn wrote(&self, is_blocked: bool) {
        self.is_blocked.set(is_blocked);
    }

    /// Whether something waits for the socket to have room.
    pub(super) fn is_blocked(&self) -> bool {
        self.is_blocked.get()
    }

    /// Notes that a connection is set up and waits for requests.
    pub(super) fn idle(&self) {
        self.enter(Phase::Idle);
    }

    /// Whether the connection should end, and how.
    pub(super) fn end(&self) -> End {
        self.end.get()
    }

    /// Runs `connection` until it ends or patience does.
    pub(super) fn guard<F: Future<Output = ()>>(self: Rc<Self>, connection: F) -> Guarded<F> {
        Guarded { pulse: self, connection: Box::pin(connection) }
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(self.now.get());
    }

    fn tell(&self, end: End) {
        self.end.set(end);
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

/// A request in hand.
#[derive(Debug)]
pub(super) struct InHand(Rc<Pulse>);

impl InHand {
    /// Whether its connection should end, and how.
    pub(super) fn end(&self) -> End {
        self.0.end()
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        match self.0.phase.get() {
            Phase::Requests(count) if count > 1 => self.0.phase.set(Phase::Requests(count - 1)),
            Phase::Requests(_) => self.0.enter(Phase::Idle),
            Phase::Head | Phase::Idle => unreachable!("a request was in hand"),
        }
    }
}

/// A connection that ends when patience with it does.
pub(super) struct Guarded<F> {
    pulse: Rc<Pulse>,
    connection: Pin<Box<F>>,
}

impl<F: Future<Output = ()>> Future for Guarded<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.pulse.end() == End::Now {
            return Poll::Ready(());
        }
        {
            let mut waker = self.pulse.waker.borrow_mut();
            if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                *waker = Some(context.waker().clone());
            }
        }
        self.connection.as_mut().poll(context)
    }
}

/// The connections of one I/O thread.
#[derive(Debug)]
pub(super) struct Pulses {
    now: Rc<Cell<u64>>,
    connections: RefCell<Vec<Weak<Pulse>>>,
    head_ticks: u64,
    idle_ticks: u64,
}

impl Pulses {
    /// No connections yet; patience as in `settings`.
    pub(super) fn new(settings: &Http) -> Self {
        let ticks = |span: Duration| u64::try_from(span.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u64::MAX);
        Self {
            now: Rc::default(),
            connections: RefCell::default(),
            head_ticks: ticks(settings.head_timeout),
            idle_ticks: ticks(settings.keep_alive),
        }
    }

    /// The patience with a new connection: its first byte must come soon.
    pub(super) fn begin(&self) -> Rc<Pulse> {
        let pulse = Rc::new(Pulse {
            phase: Cell::new(Phase::Head),
            since: Cell::new(self.now.get()),
            now: Rc::clone(&self.now),
            end: Cell::new(End::No),
            is_blocked: Cell::new(false),
            waker: RefCell::default(),
        });
        self.connections.borrow_mut().push(Rc::downgrade(&pulse));
        pulse
    }

    /// A tick has passed: ends those connections with which patience is over.
    pub(super) fn tick(&self) {
        let now = self.now.get() + 1;
        self.now.set(now);
        self.connections.borrow_mut().retain(|connection| {
            let Some(pulse) = connection.upgrade() else { return false };
            let patience = match pulse.phase.get() {
                Phase::Head => self.head_ticks,
                Phase::Idle => self.idle_ticks,
                Phase::Requests(_) => return true,
            };
            // One more tick, since the first was cut short.
            if now - pulse.since.get() > patience {
                pulse.tell(End::Now);
            }
            true
        });
    }

    /// Ends all: gracefully at a drain, now at its deadline.
    pub(super) fn end_all(&self, end: End) {
        let connections = std::mem::take(&mut *self.connections.borrow_mut());
        for pulse in connections.iter().filter_map(Weak::upgrade) {
            pulse.tell(end);
        }
        *self.connections.borrow_mut() = connections;
    }

    /// Whether any connection is left.
    pub(super) fn is_empty(&self) -> bool {
        self.connections.borrow().iter().all(|connection| connection.strong_count() == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulses() -> Pulses {
        Pulses { now: Rc::default(), connections: RefCell::default(), head_ticks: 4, idle_ticks: 10 }
    }

    fn tick(pulses: &Pulses, times: usize) {
        (0..times).for_each(|_| pulses.tick());
    }

    #[test]
    fn a_silent_connection_is_ended() {
        let pulses = pulses();
        let pulse = pulses.begin();
        tick(&pulses, 4);
        assert_eq!(pulse.end(), End::No);
        tick(&pulses, 1);
        assert_eq!(pulse.end(), End::Now);
    }

    #[test]
    fn a_request_in_hand_is_waited_for_and_then_the_idle_time_runs() {
        let pulses = pulses();
        let pulse = pulses.begin();
        let (first, second) = (pulse.request(), pulse.request());
        tick(&pulses, 100);
        drop(first);
        tick(&pulses, 100);
        drop(second);
        tick(&pulses, 10);
        assert_eq!(pulse.end(), End::No);
        tick(&pulses, 1);
        assert_eq!(pulse.end(), End::Now);
    }

    #[test]
    fn more_bytes_of_a_head_buy_no_more_time() {
        let pulses = pulses();
        let pulse = pulses.begin();
        pulse.idle();
        tick(&pulses, 2);
        for _ in 0..5 {
            pulse.bytes_came();
            assert_eq!(pulse.end(), End::No);
            pulses.tick();
        }
        assert_eq!(pulse.end(), End::Now);
    }

    #[test]
    fn those_that_are_gone_are_forgotten() {
        let pulses = pulses();
        let pulse = pulses.begin();
        assert!(!pulses.is_empty());
        drop(pulse);
        assert!(pulses.is_empty());
        pulses.tick();
        assert_eq!(pulses.connections.borrow().len(), 0);
    }
}
