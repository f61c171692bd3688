//! The load generator: one thread, one epoll, many keep-alive connections with one request each on its way, or with several that
//! leave without waiting for each other's answers (pipelined). It brings pace and connections together; what is asked and what an
//! answer means is the exchange's matter.
//!
//! Whatever is due when a connection has room leaves by it with one write, up to its depth; all answers that one read brought are
//! taken before the next requests leave. At a depth of one that is a request, a write, a read and an answer in turn.
//! In an open loop a request that cannot leave on time (every connection is still waiting) leaves as soon as one is
//! free, and its latency counts from when it should have left, so that a server that stalls is not asked less.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};

use crate::connection::InFlight;
use crate::departures::{Departures, GRACE, Pace};
pub(crate) use crate::pool::Width;
use crate::pool::{Pool, Ready};
use crate::response::{self, Parser, Reply};

/// How often the progress bar is told.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// What is asked over the connections, and what becomes of the answers.
pub(crate) trait Exchange {
    /// How answers are told apart in the bytes that come: as HTTP, unless an exchange speaks to another kind of server.
    fn parser(&self) -> Parser {
        response::parse
    }
    /// Takes note that the first request may leave from `start` on.
    fn begins(&mut self, _start: Instant) {}
    /// Appends the bytes of the next request and names it, or says that there is nothing more to ask.
    fn request(&mut self, bytes: &mut Vec<u8>) -> Option<u64>;
    /// When the next of those who were told to come again does so, which is beside what the pace plans.
    fn returning(&self) -> Option<Instant> {
        None
    }
    /// Appends the bytes of the request of whoever comes again next, and names it.
    fn request_again(&mut self, _bytes: &mut Vec<u8>) -> Option<u64> {
        None
    }
    /// Takes the answer to `ticket`, which came `latency` after the request should have left.
    fn answered(&mut self, ticket: u64, latency: Duration, reply: &Reply<'_>);
    /// Takes note that `ticket` was sent and has no answer, so that its effect is unknown.
    fn unanswered(&mut self, ticket: u64, waited: Duration);
    /// Takes note that a planned request never left, because no connection was free for it.
    fn unsent(&mut self, waited: Duration);
}

/// What a run was like as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Driven {
    /// Requests sent.
    pub(crate) sent: u64,
    /// Requests answered.
    pub(crate) answered: u64,
    /// Connections that broke.
    pub(crate) broken: u64,
    /// From the start to the last answer.
    pub(crate) elapsed: Duration,
}

impl Driven {
    /// Adds what another process did at the same time.
    pub(crate) fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.answered += other.answered;
        self.broken += other.broken;
        self.elapsed = self.elapsed.max(other.elapsed);
    }

    /// Answers a second.
    pub(crate) fn rate(&self) -> f64 {
        self.answered as f64 / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }
}

/// Sends what `exchange` asks over the connections of `width` to `target` at `pace`, until that ends and everything is
/// answered, or the grace period after it is over, or no connection is left.
///
/// # Errors
/// When a first connection cannot be made, or epoll fails. A connection that breaks later is made anew.
pub(crate) fn drive(
    target: SocketAddr,
    width: impl Into<Width>,
    pace: Pace,
    exchange: &mut impl Exchange,
    progress: &ProgressBar,
) -> io::Result<Driven> {
    drive_after(target, width, pace, exchange, progress, || Ok(()))
}

/// Does the same, but between making the connections and the first request it waits for `barrier` to return.
///
/// # Errors
/// As [`drive`], or when `barrier` fails.
pub(crate) fn drive_after(
    target: SocketAddr,
    width: impl Into<Width>,
    pace: Pace,
    exchange: &mut impl Exchange,
    progress: &ProgressBar,
    barrier: impl FnOnce() -> io::Result<()>,
) -> io::Result<Driven> {
    // A timer that fires 50 us late, as is the default, would show as latency of the server. Where it cannot be
    // changed the run is still valid, only its latencies are that much too high.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1_000));
    let pool = Pool::open(target, width.into())?;
    barrier()?;
    let start = Instant::now();
    exchange.begins(start);
    let departures = Departures::new(pace, start);
    let mut run = Run {
        pool,
        departures,
        exchange,
        driven: Driven::default(),
        in_flight: 0,
        last_answer: start,
        last_return: start,
    };
    let mut ready = Vec::new();
    let mut told = start;
    loop {
        run.dispatch()?;
        let now = Instant::now();
        let returning = run.exchange.returning();
        let done = run.in_flight == 0 && run.departures.ended(now) && returning.is_none();
        if done || run.pool.alive() == 0 || run.given_up(now) {
            return Ok(run.close(start));
        }
        if now.duration_since(told) >= PROGRESS_EVERY {
            told = now;
            progress.set_position(run.driven.answered);
        }
        let mut timeout = run.departures.wait(now, run.pool.all_busy());
        if let Some(at) = returning.filter(|_| !run.pool.all_busy()) {
            timeout = timeout.min(at.saturating_duration_since(now));
        }
        run.pool.wait(timeout, &mut ready)?;
        for event in &ready {
            run.attend(*event)?;
        }
    }
}

struct Run<'a, E> {
    pool: Pool,
    departures: Departures,
    exchange: &'a mut E,
    driven: Driven,
    in_flight: usize,
    last_answer: Instant,
    /// When the last of those who came again did so.
    last_return: Instant,
}

/// A request that may leave.
#[derive(Clone, Copy, Debug)]
struct Due {
    at: Instant,
    /// Somebody comes again.
    again: bool,
}

impl<E: Exchange> Run<'_, E> {
    /// Sends every request that may leave now.
    fn dispatch(&mut self) -> io::Result<()> {
        while let Some(waited) = self.departures.turn_away() {
            self.exchange.unsent(waited);
        }
        while let Some(due) = self.due() {
            let Some(slot) = self.pool.take_idle() else { return Ok(()) };
            self.fill(slot, due);
            if !self.pool.send(slot)? {
                self.renew(slot);
            } else if self.pool.has_room(slot) {
                self.pool.release(slot);
            }
        }
        Ok(())
    }

    /// The request that may leave next, if one may.
    fn due(&mut self) -> Option<Due> {
        if let Some(at) = self.exchange.returning()
            && at <= Instant::now()
        {
            return Some(Due { at, again: true });
        }
        Some(Due { at: self.departures.due()?, again: false })
    }

    /// Whether even answers are waited for no longer, nor for anybody who is to come again.
    fn given_up(&self, now: Instant) -> bool {
        let is_late = |at: Instant| now >= at + GRACE;
        self.departures.given_up(now) && is_late(self.last_return) && self.exchange.returning().is_none_or(is_late)
    }

    /// Gives a connection the request that is `due`, and those that are due after it, as far as it has room.
    fn fill(&mut self, slot: usize, due: Due) {
        let mut next = Some(due);
        while let Some(Due { at, again }) = next {
            let Some(connection) = self.pool.connection(slot) else { return };
            let asked = if again {
                self.last_return = at;
                self.exchange.request_again(&mut connection.outbox)
            } else {
                self.departures.depart();
                self.exchange.request(&mut connection.outbox)
            };
            let Some(ticket) = asked else {
                self.departures.finish();
                return;
            };
            connection.in_flight.push_back(InFlight { ticket, due: at });
            self.driven.sent += 1;
            self.in_flight += 1;
            next = if self.pool.has_room(slot) { self.due() } else { None };
        }
    }

    /// Reads or writes where a connection is ready, and sends the next request at once where it became free: the
    /// server then works on it while the other answers are read.
    fn attend(&mut self, ready: Ready) -> io::Result<()> {
        if ready.writable && !self.pool.send(ready.slot)? {
            self.renew(ready.slot);
            return Ok(());
        }
        let Some(connection) = self.pool.connection(ready.slot).filter(|_| ready.readable) else { return Ok(()) };
        let received = connection.receive(self.exchange.parser(), |asked, read_at, reply| {
            self.last_answer = read_at;
            self.driven.answered += 1;
            self.in_flight -= 1;
            self.exchange.answered(asked.ticket, read_at.saturating_duration_since(asked.due), &reply);
        });
        match received {
            Ok(0) => return Ok(()),
            Ok(_) => self.pool.release(ready.slot),
            Err(_) => self.renew(ready.slot),
        }
        self.dispatch()
    }

    fn renew(&mut self, slot: usize) {
        self.driven.broken += 1;
        for lost in self.pool.renew(slot) {
            self.in_flight -= 1;
            self.exchange.unanswered(lost.ticket, lost.due.elapsed());
        }
    }

    fn close(mut self, start: Instant) -> Driven {
        let now = Instant::now();
        for lost in self.pool.in_flight() {
            self.exchange.unanswered(lost.ticket, now.saturating_duration_since(lost.due));
        }
        self.departures.left_behind(now).for_each(|waited| self.exchange.unsent(waited));
        self.driven.elapsed = self.last_answer.duration_since(start);
        self.driven
    }
}

#[cfg(test)]
mod tests;
