//! Owns the way in and out for one thread that asks: commands go straight into the shards' mailboxes, answers come back in
//! batches, one wake a batch.

use std::sync::Arc;
use std::time::Duration;

use crossbeam::sync::Parker;
use landrush_wal::log::Waker;
use thiserror::Error;

use crate::command::Command;
use crate::engine::Shared;
use crate::outcome::{Outcome, Refusal};
use crate::router::Route;
use crate::shard::mailbox::Envelope;
use crate::sync::{AtomicBool, Ordering, SegQueue};

/// Names a port to the shards. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PortId(pub(crate) u32);

impl PortId {
    pub(crate) fn as_index(self) -> usize {
        self.0 as usize
    }
}

/// The answer to the command that was submitted with `token`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What the caller gave [`Port::submit`].
    pub token: u64,
    /// The answer. What it shows is durable.
    pub outcome: Outcome,
}

/// Why a command was not taken. Nothing happened, and nothing will.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Rejected {
    /// The shard's mailbox is full: shed load.
    #[error("the shard's mailbox is full")]
    Full,
    /// The engine is closing.
    #[error("the engine is closing")]
    Closing,
    /// A write of the log failed; only a restart helps.
    #[error("the log has failed")]
    LogFailed,
}

/// Answers on their way to one port.
pub(crate) struct ReplyQueue {
    batches: SegQueue<Vec<Reply>>,
    /// Whether the port's thread has been woken and has not yet looked.
    woken: AtomicBool,
    waker: Waker,
}

impl ReplyQueue {
    pub(crate) fn new(waker: Waker) -> Self {
        Self { batches: SegQueue::new(), woken: AtomicBool::new(false), waker }
    }

    /// Adds a batch and wakes the port's thread, unless it has been woken and has not looked since.
    pub(crate) fn deliver(&self, batch: Vec<Reply>) {
        self.batches.push(batch);
        // AcqRel pairs with the swap in `drain`: either the drain that resets the flag sees the batch just pushed, or
        // this swap sees the reset and wakes.
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }

    /// Takes what is there.
    pub(crate) fn drain(&self, into: &mut Vec<Reply>) {
        self.woken.swap(false, Ordering::AcqRel);
        while let Some(mut batch) = self.batches.pop() {
            if into.is_empty() {
                *into = batch;
            } else {
                into.append(&mut batch);
            }
        }
    }
}

/// One thread's way to the shards. A port is for a thread, not for a request: many commands may be under way in it.
pub struct Port {
    id: PortId,
    engine: Arc<Shared>,
    replies: Arc<ReplyQueue>,
    /// Whether a shard got something since it was last rung.
    unrung: Vec<bool>,
}

impl Port {
    pub(crate) fn new(engine: Arc<Shared>, waker: Waker) -> Self {
        let replies = Arc::new(ReplyQueue::new(waker));
        let id = engine.register(&replies);
        let unrung = vec![false; engine.shards().len()];
        Self { id, engine, replies, unrung }
    }

    /// Hands `command` to its shard and returns at once; the answer comes by [`Port::receive`], under `token`. The shard may
    /// go on sleeping until [`Port::flush`].
    ///
    /// # Errors
    /// [`Rejected`]: nothing happened.
    pub fn submit(&mut self, route: Route, token: u64, command: Command) -> Result<(), Rejected> {
        self.engine.check_open()?;
        let mailbox = self.engine.shards()[route.as_index()].mailbox();
        mailbox.try_push(Envelope { port: self.id, token, command }).map_err(|_| Rejected::Full)?;
        self.unrung[route.as_index()] = true;
        Ok(())
    }

    /// Wakes the shards that were handed something since the last flush: one wake for many commands.
    pub fn flush(&mut self) {
        for (unrung, shard) in self.unrung.iter_mut().zip(self.engine.shards()) {
            if std::mem::take(unrung) {
                shard.mailbox().ring();
            }
        }
    }

    /// Adds the answers that are there to `into`. Never blocks.
    pub fn receive(&mut self, into: &mut Vec<Reply>) {
        self.replies.drain(into);
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.flush();
        self.engine.unregister(self.id);
    }
}

/// A [`Port`] for a thread that may sleep.
pub struct BlockingPort {
    port: Port,
    parker: Parker,
    /// Answers to other commands that came while [`BlockingPort::call`] waited for its own.
    early: Vec<Reply>,
    next_call: u64,
}

impl BlockingPort {
    /// How often a waiting thread looks whether the engine has closed under it.
    const LOOK: Duration = Duration::from_millis(100);

    pub(crate) fn new(engine: Arc<Shared>) -> Self {
        let parker = Parker::new();
        let unparker = parker.unparker().clone();
        let port = Port::new(engine, Waker::new(move || unparker.unpark()));
        Self { port, parker, early: Vec::new(), next_call: u64::MAX }
    }

    /// As [`Port::submit`]. Tokens in the upper half of `u64` are [`BlockingPort::call`]'s own.
    ///
    /// # Errors
    /// [`Rejected`]: nothing happened.
    pub fn submit(&mut self, route: Route, token: u64, command: Command) -> Result<(), Rejected> {
        self.port.submit(route, token, command)
    }

    /// Sleeps until there are answers, and adds them to `into`.
    ///
    /// # Errors
    /// [`Rejected::Closing`] if the engine has closed and no answer is left: what was under way may have taken effect.
    pub fn wait(&mut self, into: &mut Vec<Reply>) -> Result<(), Rejected> {
        into.append(&mut self.early);
        self.receive_some(into)
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// [`Rejected`]: nothing happened; except [`Rejected::Closing`] from an engine that closed meanwhile, when it may have.
    pub fn call(&mut self, route: Route, command: Command) -> Result<Outcome, Rejected> {
        let token = self.next_call;
        self.next_call = if token == u64::MAX / 2 + 1 { u64::MAX } else { token - 1 };
        self.port.submit(route, token, command)?;
        let mut replies = Vec::new();
        loop {
            self.receive_some(&mut replies)?;
            if let Some(index) = replies.iter().position(|reply| reply.token == token) {
                let outcome = replies.swap_remove(index).outcome;
                self.early.append(&mut replies);
                return Ok(outcome);
            }
            self.early.append(&mut replies);
        }
    }

    /// Asks again and again until the command is taken, for as long as the engine runs: for what the engine asks of itself.
    pub(crate) fn insist(&mut self, route: Route, command: &Command) {
        loop {
            match self.call(route, command.clone()) {
                Ok(Outcome::Refused(Refusal::LogUnavailable)) | Err(Rejected::Full) => {
                    self.parker.park_timeout(Self::LOOK);
                }
                Ok(_) | Err(Rejected::Closing | Rejected::LogFailed) => return,
            }
        }
    }

    fn receive_some(&mut self, into: &mut Vec<Reply>) -> Result<(), Rejected> {
        self.port.flush();
        loop {
            // Asked before the look, so that answers given just before the end are still found.
            let over = self.port.engine.is_over();
            self.port.receive(into);
            if !into.is_empty() {
                return Ok(());
            }
            if over {
                return Err(Rejected::Closing);
            }
            self.parker.park_timeout(Self::LOOK);
        }
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Notify;
    use loom::thread;

    use super::*;

    fn reply(token: u64) -> Reply {
        Reply { token, outcome: Outcome::Refused(Refusal::SoldOut) }
    }

    /// Two shards answer while the port's thread drains and sleeps: every answer arrives, and no sleep misses its wake
    /// (the model checker reports a thread that sleeps for ever).
    #[test]
    fn loom_no_reply_is_left_behind_by_a_sleeping_port() {
        loom::model(|| {
            let bell = loom::sync::Arc::new(Notify::new());
            let ringer = bell.clone();
            let queue = loom::sync::Arc::new(ReplyQueue::new(Waker::new(move || ringer.notify())));
            let shards: Vec<_> = [1, 2]
                .map(|token| {
                    let queue = queue.clone();
                    thread::spawn(move || queue.deliver(vec![reply(token)]))
                })
                .into();
            let mut received = Vec::new();
            while received.len() < 2 {
                let before = received.len();
                queue.drain(&mut received);
                if received.len() == before {
                    bell.wait();
                }
            }
            for shard in shards {
                shard.join().unwrap();
            }
            let mut tokens: Vec<_> = received.iter().map(|reply| reply.token).collect();
            tokens.sort_unstable();
            assert_eq!(tokens, [1, 2]);
        });
    }
}
