//! Owns the threads of the engine: who drives which shard, who drives the log, and how each sleeps. With one shard a single
//! thread does both, and sleeps in the log, and may lend them to another; with more, each shard has a thread and the log one of
//! its own.

mod loan;
mod pair;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::sync::Parker;
use hashbrown::HashMap;
use landrush_wal::log::{Log, Poisoned, Waker};
use landrush_wal::lsn::Lsn;
use landrush_wal::slice;
use landrush_wal::status::LogStatus;

pub(crate) use self::loan::Lending;
pub use self::loan::{BorrowedShard, Rest, ShardLoan};
use self::pair::Pair;
use crate::engine::Shared;
use crate::id::CampaignNumber;
use crate::published::Published;
use crate::shard::State;
use crate::shard::actor::{Shard, ShardHandle};
use crate::shard::link::BatchNumber;

/// Bytes of records that may be appended and not durable before no more are taken from the shards.
const APPENDED_BYTES_MAX: usize = 4 << 20;
/// A sleeping thread looks up this often even if nobody wakes it: what comes due while nobody asks is done so soon.
const LOOK: Duration = Duration::from_secs(1);

/// A log that is about to be driven, and how the threads of its shards will sleep.
pub(crate) struct Ready {
    log: Box<dyn Log>,
    /// One a shard; none where the one shard sleeps in the log.
    parkers: Vec<Parker>,
}

impl Ready {
    pub(crate) fn new(log: Box<dyn Log>, shards: usize) -> Self {
        let parkers = if shards == 1 { Vec::new() } else { (0..shards).map(|_| Parker::new()).collect() };
        Self { log, parkers }
    }

    pub(crate) fn status(&self) -> Arc<LogStatus> {
        self.log.status()
    }

    pub(crate) fn waker(&self) -> Waker {
        self.log.waker()
    }

    /// The counter for the one shard, where its log can be waited for elsewhere.
    pub(crate) fn lending(&self) -> Option<Lending> {
        let can_be_polled = matches!(self.log.readiness(), Ok(Some(_)));
        (self.parkers.is_empty() && can_be_polled).then(Lending::default)
    }

    /// What other threads will see of the shards.
    pub(crate) fn shard_handles(&self, mailbox_commands: usize) -> Box<[ShardHandle]> {
        if self.parkers.is_empty() {
            return [ShardHandle::new(mailbox_commands, self.waker())].into();
        }
        let waker = |parker: &Parker| {
            let unparker = parker.unparker().clone();
            Waker::new(move || unparker.unpark())
        };
        self.parkers.iter().map(|parker| ShardHandle::new(mailbox_commands, waker(parker))).collect()
    }

    /// Starts the threads that drive the log and the shards.
    pub(crate) fn spawn(
        self,
        shared: &Arc<Shared>,
        shards: impl Iterator<Item = (State, HashMap<CampaignNumber, Arc<Published>>)>,
    ) -> io::Result<Vec<JoinHandle<()>>> {
        let batch_bytes_max = self.log.batch_bytes_max();
        let mut shards = shards.enumerate().map(|(index, (state, published))| {
            Shard::new(index, Arc::clone(shared), state, published, batch_bytes_max)
        });
        let log = LogDriver::new(self.log, Arc::clone(shared));
        let mut threads = Vec::new();
        if self.parkers.is_empty() {
            let shard = shards.next().expect("there is one shard");
            let pair = Box::new(Pair::new(shard, log));
            threads.push(spawn("landrush-shard", move || pair::drive(pair))?);
        } else {
            for (shard, parker) in shards.zip(self.parkers) {
                let shared = Arc::clone(shared);
                threads.push(spawn("landrush-shard", move || drive_shard(shard, &parker, &shared))?);
            }
            threads.push(spawn("landrush-log", move || drive_log(log))?);
        }
        Ok(threads)
    }
}

/// Starts a thread of this name.
pub(crate) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}

/// A batch on its way to the disk.
struct Appended {
    lsn: Lsn,
    shard: usize,
    batch: BatchNumber,
    bytes: usize,
}

/// The log's side of all links.
pub(crate) struct LogDriver {
    log: Box<dyn Log>,
    shared: Arc<Shared>,
    /// What was appended and is not durable yet, oldest first.
    appended: VecDeque<Appended>,
    /// Bytes of records in it.
    appended_bytes: usize,
    /// The last batch taken from each shard.
    taken: Vec<BatchNumber>,
    /// By shard, the newest batch that became durable and that the shard has not been told of.
    newest: Vec<Option<BatchNumber>>,
}

impl LogDriver {
    pub(crate) fn new(log: Box<dyn Log>, shared: Arc<Shared>) -> Self {
        let shards = shared.shards().len();
        Self {
            log,
            shared,
            appended: VecDeque::new(),
            appended_bytes: 0,
            taken: vec![BatchNumber::default(); shards],
            newest: vec![None; shards],
        }
    }

    /// Appends what the shards have handed over; says whether there was anything.
    fn gather(&mut self) -> bool {
        let mut gathered = false;
        for (index, shard) in self.shared.shards().iter().enumerate() {
            // A disk that stalls stalls the shards: their mailboxes fill, and what finds no place is refused.
            while self.appended_bytes < APPENDED_BYTES_MAX
                && let Some(records) = shard.link().take()
            {
                let (lsn, bytes) = (self.log.append(&records), records.as_bytes().len());
                shard.link().recycle(records);
                let batch = self.taken[index].next();
                self.taken[index] = batch;
                self.appended.push_back(Appended { lsn, shard: index, batch, bytes });
                self.appended_bytes += bytes;
                gathered = true;
            }
        }
        gathered
    }

    /// Lets the log write and sync, and tells the shards what is durable; says whether anything became so.
    fn pump(&mut self) -> Result<bool, Poisoned> {
        let durable = self.log.pump()?;
        Ok(self.publish(durable))
    }

    fn publish(&mut self, durable: Lsn) -> bool {
        let mut progressed = false;
        while let Some(appended) = self.appended.pop_front_if(|appended| appended.lsn <= durable) {
            self.newest[appended.shard] = Some(appended.batch);
            self.appended_bytes -= appended.bytes;
            progressed = true;
        }
        // Batches of one shard become durable in order, so that telling it the newest tells it all.
        for (newest, shard) in self.newest.iter_mut().zip(self.shared.shards()) {
            if let Some(batch) = newest.take() {
                shard.link().publish_durable(batch);
            }
        }
        progressed
    }

    fn close(&mut self) -> Result<(), Poisoned> {
        self.gather();
        let durable = self.log.close()?;
        self.publish(durable);
        Ok(())
    }
}

/// Drives the log for several shards until all of them are done.
pub(crate) fn drive_log(mut log: LogDriver) {
    ask_to_be_woken_soon();
    let shared = Arc::clone(&log.shared);
    let ended = loop {
        // Asked before the look, so that what the last shard handed over before it was done is still taken.
        let shards_done = shared.all_shards_done();
        let gathered = log.gather();
        match log.pump() {
            Err(poisoned) => break Err(poisoned),
            Ok(progressed) => {
                if progressed || gathered {
                    continue;
                }
            }
        }
        if shards_done {
            break log.close();
        }
        log.log.wait(Some(LOOK));
    };
    finish(&shared, ended, || std::thread::park_timeout(LOOK / 100));
}

/// Where it is refused, a busy machine takes longer for a sync, and everything else is as it was.
fn ask_to_be_woken_soon() {
    slice::shorten().unwrap_or_default();
}

/// Drives one shard of several until the engine closes. `parker` is what its waker unparks.
pub(crate) fn drive_shard(mut shard: Shard, parker: &Parker, shared: &Shared) {
    loop {
        let closing = shared.is_closing();
        let turn = shard.turn();
        if turn.commands > 0 {
            shared.wake_log();
        }
        if shared.has_failed() {
            shard.abandon();
            if closing {
                break;
            }
        } else if closing && turn.idle && shard.is_drained() {
            break;
        }
        if turn.idle {
            parker.park_timeout(LOOK);
        }
    }
    shared.shard_done();
}

/// Ends a thread of the log. After a failure it keeps answering, by `answer`, until the engine is closed.
fn finish(shared: &Shared, ended: Result<(), Poisoned>, mut answer: impl FnMut()) {
    match ended {
        Ok(()) => {}
        Err(poisoned) => {
            shared.fail(poisoned);
            while !shared.is_closing() {
                answer();
            }
            answer();
        }
    }
}
