//! Owns an I/O thread: one runtime, one lane, and the connections that were handed to it.

use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use super::connection::{self, Accepted};
use super::express::Buffers;
use super::pulse::{End, Pulses, TICK};
use crate::app::{App, Place};
use crate::http::{Door, Lane, PRESSURE_LOOK_EVERY};

/// What an I/O thread is told.
pub(super) enum Order {
    /// Serve this connection.
    Serve {
        /// The connection.
        stream: std::net::TcpStream,
        /// Who has made it.
        peer: IpAddr,
        /// Which listener it came by.
        door: Door,
        /// Its place under the cap.
        place: Place,
    },
    /// The log has failed: let go of those who wait for it.
    LogFailed,
}

/// A running I/O thread. When its orders end, it drains and ends.
pub(super) struct IoThread {
    orders: UnboundedSender<Order>,
    thread: JoinHandle<()>,
}

impl IoThread {
    /// Starts thread number `number`.
    pub(super) fn start(app: Arc<App>, number: usize, seed: [u8; 32]) -> io::Result<Self> {
        // Unbounded by itself, and bounded by the cap on connections: each order but one holds a place under it.
        let (orders, received) = unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name(format!("landrush-io-{number}")).spawn(move || {
            let lane = Rc::new(Lane::new(Arc::clone(&app), number, seed));
            LocalSet::new().block_on(&runtime, run(&app, &lane, received));
        })?;
        Ok(Self { orders, thread })
    }

    /// Gives an order. A thread that has ended by a panic takes none, which is found out when it is joined.
    pub(super) fn order(&self, order: Order) {
        drop(self.orders.send(order));
    }

    /// Drains all of `threads` at once, and waits for their ends.
    pub(super) fn stop_all(threads: Vec<IoThread>) {
        // A thread drains when the sender of its orders is gone; all of them are before the first is waited for.
        let ending: Vec<_> = threads.into_iter().map(|IoThread { thread, .. }| thread).collect();
        for thread in ending {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

async fn run(app: &App, lane: &Rc<Lane>, mut orders: UnboundedReceiver<Order>) {
    let pulses = Pulses::new(&app.config().http);
    let buffers = Rc::new(Buffers::new());
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looks = interval(PRESSURE_LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Serve { stream, peer, door, place }) => serve(lane, &pulses, &buffers, stream, peer, door, place),
                Some(Order::LogFailed) => lane.give_up(),
                None => break,
            },
            _ = ticks.tick() => pulses.tick(),
            due = looks.tick() => lane.note_lateness(due.elapsed()),
        }
    }
    lane.end_watching();
    drain(app, &pulses).await;
}

fn serve(
    lane: &Rc<Lane>,
    pulses: &Pulses,
    buffers: &Rc<Buffers>,
    stream: std::net::TcpStream,
    peer: IpAddr,
    door: Door,
    place: Place,
) {
    let stream = match TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::warn!(%error, "a connection cannot be watched");
            return;
        }
    };
    let pulse = pulses.begin();
    let (lane, buffers) = (Rc::clone(lane), Rc::clone(buffers));
    let connection = connection::serve(Accepted { lane, buffers, door, peer, stream, pulse: Rc::clone(&pulse) });
    tokio::task::spawn_local(pulse.guard(async move {
        connection.await;
        drop(place);
    }));
}

/// Lets requests in flight end, until the deadline.
async fn drain(app: &App, pulses: &Pulses) {
    let deadline = Instant::now() + app.config().http.drain_deadline;
    pulses.end_all(End::Gracefully);
    let mut looks = interval(DRAIN_LOOK);
    let emptied = timeout_at(deadline, async {
        while !pulses.is_empty() {
            looks.tick().await;
        }
    });
    if emptied.await.is_err() {
        tracing::warn!("the drain deadline is over; connections with requests in flight are cut");
        pulses.end_all(End::Now);
    }
}

/// How often a drain looks whether it is done.
const DRAIN_LOOK: std::time::Duration = std::time::Duration::from_millis(5);
