//! Owns what a shard has decided and may not show yet: answers and published facts wait here, under the batch that makes
//! them true on disk, and leave in order.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::outcome::Outcome;
use crate::port::{PortId, Reply, ReplyQueue};
use crate::published::Publication;
use crate::shard::link::BatchNumber;

/// An answer and where it goes.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) port: PortId,
    pub(crate) token: u64,
    pub(crate) outcome: Outcome,
}

/// What one batch makes true.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) answers: Vec<Answer>,
    pub(crate) publications: Vec<Publication>,
}

/// Effects that wait for their batch to be durable, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Parked {
    waiting: VecDeque<(BatchNumber, Effects)>,
    spare: Vec<Effects>,
}

impl Parked {
    /// As many emptied effects are kept for their memory as can wait at once when all goes well.
    const SPARE_MAX: usize = 8;

    /// Keeps `effects` until `batch` is durable.
    pub(crate) fn park(&mut self, batch: BatchNumber, effects: Effects) {
        let last = self.waiting.back().map_or(BatchNumber::default(), |(number, _)| *number);
        assert!(last <= batch, "effects are parked in the order of their batches");
        self.waiting.push_back((batch, effects));
    }

    /// The next effects that `durable` covers.
    pub(crate) fn release(&mut self, durable: BatchNumber) -> Option<Effects> {
        let (batch, _) = self.waiting.front()?;
        if *batch > durable {
            return None;
        }
        self.waiting.pop_front().map(|(_, effects)| effects)
    }

    /// All effects, durable or not: for a log that has failed.
    pub(crate) fn abandon(&mut self) -> impl Iterator<Item = Effects> + '_ {
        self.waiting.drain(..).map(|(_, effects)| effects)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Empty effects to fill.
    pub(crate) fn spare(&mut self) -> Effects {
        self.spare.pop().unwrap_or_default()
    }

    /// Gives the memory of `effects` back.
    pub(crate) fn recycle(&mut self, effects: Effects) {
        debug_assert!(effects.answers.is_empty() && effects.publications.is_empty(), "only what is empty is kept");
        if self.spare.len() < Self::SPARE_MAX {
            self.spare.push(effects);
        }
    }
}

/// Sorts answers by port, so that each port gets one batch and one wake.
#[derive(Default)]
pub(crate) struct Sorter {
    /// By port; ports are few, and their numbers are small.
    batches: Vec<Vec<Reply>>,
    touched: Vec<PortId>,
}

impl Sorter {
    pub(crate) fn add(&mut self, answer: Answer) {
        let index = answer.port.as_index();
        if index >= self.batches.len() {
            self.batches.resize_with(index + 1, Vec::new);
        }
        if self.batches[index].is_empty() {
            self.touched.push(answer.port);
        }
        self.batches[index].push(Reply { token: answer.token, outcome: answer.outcome });
    }

    /// Hands every port its batch. `queue` finds a port's queue; answers to a port that is gone are dropped.
    pub(crate) fn deliver(&mut self, mut queue: impl FnMut(PortId) -> Option<Arc<ReplyQueue>>) {
        for port in self.touched.drain(..) {
            let batch = std::mem::take(&mut self.batches[port.as_index()]);
            if let Some(queue) = queue(port) {
                queue.deliver(batch);
            }
        }
    }
}
