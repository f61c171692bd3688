//! Owns the path between one shard and the thread that drives the log: batches of records go out, the number of the last
//! durable batch comes back. When both are one thread it costs a few nanoseconds a batch; the code is the same.

use landrush_wal::log::Waker;
use landrush_wal::records::Records;

use crate::sync::{ArrayQueue, AtomicU64, Ordering};

/// The number of a batch that a shard handed to the log, from 1; 0 is before all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BatchNumber(pub(crate) u64);

impl BatchNumber {
    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// One shard's end and the log's end of the path.
pub(crate) struct Link {
    outgoing: ArrayQueue<Records>,
    /// Emptied batches on their way back, for their memory.
    emptied: ArrayQueue<Records>,
    durable: AtomicU64,
    shard: Waker,
}

impl Link {
    /// Batches that may lie between a shard and the log. Two: one is taken while the next is filled.
    pub(crate) const BATCHES_MAX: usize = 2;

    /// A link to a shard that `shard` wakes.
    pub(crate) fn new(shard: Waker) -> Self {
        Self {
            outgoing: ArrayQueue::new(Self::BATCHES_MAX),
            emptied: ArrayQueue::new(Self::BATCHES_MAX),
            durable: AtomicU64::new(0),
            shard,
        }
    }

    /// Whether the shard may decide another batch. For the shard.
    pub(crate) fn has_room(&self) -> bool {
        !self.outgoing.is_full()
    }

    /// Hands over a batch. For the shard, after [`Link::has_room`].
    pub(crate) fn send(&self, records: Records) {
        assert!(self.outgoing.push(records).is_ok(), "a shard sends only when the link has room");
    }

    /// An empty batch to fill. For the shard.
    pub(crate) fn spare(&self) -> Records {
        self.emptied.pop().unwrap_or_default()
    }

    /// The next batch. For the log's thread.
    pub(crate) fn take(&self) -> Option<Records> {
        self.outgoing.pop()
    }

    /// Gives a batch's memory back. For the log's thread.
    pub(crate) fn recycle(&self, mut records: Records) {
        records.clear();
        // A full queue means that memory enough is on its way already.
        drop(self.emptied.push(records));
    }

    /// Says that all batches up to `number` are durable. For the log's thread.
    pub(crate) fn publish_durable(&self, number: BatchNumber) {
        // Pairs with the Acquire in `durable`: the log's thread is done with the batch when its number is seen.
        self.durable.store(number.0, Ordering::Release);
        self.shard.wake();
    }

    /// The last durable batch. For the shard.
    pub(crate) fn durable(&self) -> BatchNumber {
        BatchNumber(self.durable.load(Ordering::Acquire))
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Notify;
    use loom::thread;

    use super::*;

    /// A shard hands over two batches and sleeps until both are durable; the log's thread takes them as they come. What the
    /// log wrote before it published is seen by the shard that sees the number, and nobody sleeps for ever.
    #[test]
    fn loom_the_durable_position_reaches_a_sleeping_shard() {
        loom::model(|| {
            let bell = loom::sync::Arc::new(Notify::new());
            let ringer = bell.clone();
            let link = loom::sync::Arc::new(Link::new(Waker::new(move || ringer.notify())));
            // Relaxed: only the published number orders it.
            let disk = loom::sync::Arc::new(AtomicU64::new(0));

            let (log_link, log_disk) = (link.clone(), disk.clone());
            let log = thread::spawn(move || {
                let mut number = BatchNumber::default();
                while number < BatchNumber(2) {
                    let Some(records) = log_link.take() else {
                        thread::yield_now();
                        continue;
                    };
                    number = number.next();
                    log_disk.store(number.0, Ordering::Relaxed);
                    log_link.recycle(records);
                    if number == BatchNumber(2) {
                        log_link.publish_durable(number);
                    }
                }
            });
            for _ in 0..2 {
                let mut records = link.spare();
                records.push(|buffer| buffer.push(7));
                link.send(records);
            }
            while link.durable() < BatchNumber(2) {
                bell.wait();
            }
            assert_eq!(disk.load(Ordering::Relaxed), 2);
            log.join().unwrap();
        });
    }
}
