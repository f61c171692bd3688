//! Owns the way into a shard: a bounded, lock-free queue. What finds no place is refused at once; nothing waits to be let in.

use landrush_wal::log::Waker;

use crate::command::Command;
use crate::port::PortId;
use crate::sync::ArrayQueue;

/// A command and where its answer goes.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) port: PortId,
    pub(crate) token: u64,
    pub(crate) command: Command,
}

/// The queue into one shard, and the bell that ends its sleep.
pub(crate) struct Mailbox {
    queue: ArrayQueue<Envelope>,
    waker: Waker,
}

impl Mailbox {
    pub(crate) fn new(commands_max: usize, waker: Waker) -> Self {
        Self { queue: ArrayQueue::new(commands_max), waker }
    }

    /// Puts `envelope` in and wakes nobody: [`Mailbox::ring`] does, once for many.
    #[expect(clippy::result_large_err, reason = "what finds no place goes back whole to whoever sent it")]
    pub(crate) fn try_push(&self, envelope: Envelope) -> Result<(), Envelope> {
        self.queue.push(envelope)
    }

    pub(crate) fn pop(&self) -> Option<Envelope> {
        self.queue.pop()
    }

    /// Wakes the shard. What was pushed before is seen by its next look into the queue.
    pub(crate) fn ring(&self) {
        self.waker.wake();
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.queue.capacity()
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Notify;
    use loom::thread;

    use super::*;
    use crate::id::CampaignNumber;

    fn envelope(token: u64) -> Envelope {
        let command = Command::AcceptClaims { campaign: CampaignNumber(0), accept: true };
        Envelope { port: PortId(0), token, command }
    }

    /// Two ports push and ring while the shard pops and sleeps: every command is taken, and no sleep misses its wake.
    #[test]
    fn loom_no_command_is_left_behind_by_a_sleeping_shard() {
        loom::model(|| {
            let bell = loom::sync::Arc::new(Notify::new());
            let ringer = bell.clone();
            let mailbox = loom::sync::Arc::new(Mailbox::new(2, Waker::new(move || ringer.notify())));
            let ports: Vec<_> = [1, 2]
                .map(|token| {
                    let mailbox = mailbox.clone();
                    thread::spawn(move || {
                        assert!(mailbox.try_push(envelope(token)).is_ok(), "there is room for both");
                        mailbox.ring();
                    })
                })
                .into();
            let mut tokens = Vec::new();
            while tokens.len() < 2 {
                match mailbox.pop() {
                    Some(envelope) => tokens.push(envelope.token),
                    None => bell.wait(),
                }
            }
            for port in ports {
                port.join().unwrap();
            }
            tokens.sort_unstable();
            assert_eq!(tokens, [1, 2]);
        });
    }
}
