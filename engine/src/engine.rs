//! Owns the running engine: opening it over a data directory, what its threads share, and closing it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use landrush_wal::log::{Poisoned, Waker};
use landrush_wal::status::LogStatus;
use parking_lot::Mutex;

use crate::command::Command;
use crate::coupon::Codes;
use crate::driver::{self, Lending, ShardLoan};
use crate::fairness::Ranks;
use crate::filter::PersonHasher;
use crate::id::{CampaignId, CampaignNumber};
use crate::imported::ImportedCodes;
use crate::options::EngineOptions;
use crate::port::{BlockingPort, Port, PortId, Rejected, ReplyQueue};
use crate::published::Directory;
use crate::recovery::{OpenError, RecoveryReport};
use crate::router::{Route, Router};
use crate::shard::State;
use crate::shard::actor::ShardHandle;
use crate::snapshotter::SnapshotStatus;
use crate::time::Clock;

/// A running engine. Cheap to clone; all clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

/// What the threads of one engine share.
pub(crate) struct Shared {
    router: Router,
    shards: Box<[ShardHandle]>,
    directory: Directory,
    clock: Arc<dyn Clock>,
    codes: Codes,
    imported: ImportedCodes,
    phone_ids_below: u64,
    hasher: PersonHasher,
    next_campaign: AtomicU32,
    /// By [`PortId`]; `None`: the port is gone.
    ports: ArcSwap<Vec<Option<Arc<ReplyQueue>>>>,
    log_status: Arc<LogStatus>,
    log_backend: &'static str,
    log_waker: Waker,
    lending: Option<Lending>,
    /// Ends the sleep of the thread that makes segments and snapshots.
    closing: AtomicBool,
    shards_running: AtomicUsize,
    failed: OnceLock<Poisoned>,
    recovery: RecoveryReport,
    snapshots: Arc<SnapshotStatus>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What an engine is made of, once its log has been recovered.
pub(crate) struct Parts {
    pub(crate) router: Router,
    pub(crate) shards: Box<[ShardHandle]>,
    pub(crate) directory: Directory,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) codes: Codes,
    pub(crate) imported: ImportedCodes,
    pub(crate) phone_ids_below: u64,
    pub(crate) hasher: PersonHasher,
    pub(crate) next_campaign: CampaignNumber,
    pub(crate) log_status: Arc<LogStatus>,
    pub(crate) log_backend: &'static str,
    pub(crate) log_waker: Waker,
    pub(crate) lending: Option<Lending>,
    pub(crate) recovery: RecoveryReport,
    pub(crate) snapshots: Arc<SnapshotStatus>,
}

/// Figures of a running engine, for whoever watches.
#[derive(Debug, Clone)]
pub struct Status {
    /// A shard at a time: how many commands wait.
    pub mailbox_depths: Vec<usize>,
    /// How many may wait at one shard.
    pub mailbox_commands_max: usize,
    /// The log's positions and counts.
    pub log: Arc<LogStatus>,
    /// How the log writes, in words.
    pub log_backend: &'static str,
    /// How the last recovery went.
    pub recovery: RecoveryReport,
    /// How snapshots are going.
    pub snapshots: Arc<SnapshotStatus>,
}

impl Engine {
    /// Opens the engine over `data_dir`, which is made if it is missing: takes the directory's lock, reads the newest snapshot
    /// and the log behind it, and starts the threads. Blocks until all that was ever acknowledged is back.
    ///
    /// `entropy` fills a buffer with random bytes that nobody can guess.
    ///
    /// # Errors
    /// [`OpenError`] if another process has the directory, if the log or a snapshot is damaged, if the clock stands more than
    /// a day behind the log, or if the keys are not those that the log was written with.
    pub fn open(
        data_dir: &Path,
        options: EngineOptions,
        entropy: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(Self, RecoveryReport), OpenError> {
        crate::recovery::open(data_dir, options, entropy)
    }

    pub(crate) fn from_shared(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The engine's clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.shared.clock
    }

    /// Coupon codes and claim ids.
    pub fn codes(&self) -> &Codes {
        &self.shared.codes
    }

    /// The codes of the shops' own.
    pub fn imported_codes(&self) -> &ImportedCodes {
        &self.shared.imported
    }

    /// Every phone id that the log counted by when it was opened is below this: give it to
    /// [`crate::people::People::skip_phone_ids`].
    pub fn phone_ids_below(&self) -> u64 {
        self.shared.phone_ids_below
    }

    /// All campaigns.
    pub fn directory(&self) -> &Directory {
        &self.shared.directory
    }

    /// The shard that a campaign called `id` lives on, or will.
    pub fn route(&self, id: &CampaignId) -> Route {
        self.shared.route(id)
    }

    /// Deals the number for a campaign that is about to be made. One that is not used stays unused.
    ///
    /// # Panics
    /// If four billion have been dealt.
    pub fn next_campaign_number(&self) -> CampaignNumber {
        let number = self.shared.next_campaign.fetch_add(1, Ordering::Relaxed);
        assert!(number < u32::MAX, "campaign numbers have run out");
        CampaignNumber(number)
    }

    /// A way to the shards for one thread; `waker` is called once for a batch of answers by the thread that drives the shard,
    /// which may be this one: in [`BorrowedShard::turn`](crate::BorrowedShard::turn).
    pub fn port(&self, waker: Waker) -> Port {
        Port::new(Arc::clone(&self.shared), waker)
    }

    /// A way to the shards for one thread that may sleep.
    pub fn blocking_port(&self) -> BlockingPort {
        BlockingPort::new(Arc::clone(&self.shared))
    }

    /// A right to drive the one shard, for a thread that would rather do so than wake the shard's own; `waker` is called when the
    /// shard can be taken. `None` if there are several shards, if the log can be waited for by a thread of its own alone (without
    /// io_uring), or if another thread has the right.
    pub fn shard_loan(&self, waker: Waker) -> Option<ShardLoan> {
        ShardLoan::new(Arc::clone(&self.shared), waker)
    }

    /// Figures for whoever watches.
    pub fn status(&self) -> Status {
        Status {
            mailbox_depths: self.shared.shards.iter().map(|shard| shard.mailbox().len()).collect(),
            mailbox_commands_max: self.shared.shards[0].mailbox().capacity(),
            log: Arc::clone(&self.shared.log_status),
            log_backend: self.shared.log_backend,
            recovery: self.shared.recovery.clone(),
            snapshots: Arc::clone(&self.shared.snapshots),
        }
    }

    /// Why the log has failed, if it has: nothing is acknowledged any more, and the process should end.
    pub fn failure(&self) -> Option<&Poisoned> {
        self.shared.failed.get()
    }

    /// Whether commands are taken.
    pub fn is_ready(&self) -> bool {
        self.shared.check_open().is_ok()
    }

    /// Answers all that has been submitted, syncs the log, seals it, and ends the threads. Blocks. Submit nothing while it
    /// runs: what comes late may never be answered. Waits until every [`ShardLoan`] and
    /// [`BorrowedShard`](crate::BorrowedShard) has been dropped.
    ///
    /// # Errors
    /// [`Poisoned`] if the log has failed, now or before.
    pub fn close(&self) -> Result<(), Poisoned> {
        self.shared.closing.store(true, Ordering::SeqCst);
        self.shared.wake_all();
        let threads = std::mem::take(&mut *self.shared.threads.lock());
        for thread in threads {
            // Some sleep until they are due.
            thread.thread().unpark();
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
        self.shared.failed.get().cloned().map_or(Ok(()), Err)
    }
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        let shards_running = AtomicUsize::new(parts.shards.len());
        Arc::new(Self {
            router: parts.router,
            shards: parts.shards,
            directory: parts.directory,
            clock: parts.clock,
            codes: parts.codes,
            imported: parts.imported,
            phone_ids_below: parts.phone_ids_below,
            hasher: parts.hasher,
            next_campaign: AtomicU32::new(parts.next_campaign.0),
            ports: ArcSwap::default(),
            log_status: parts.log_status,
            log_backend: parts.log_backend,
            log_waker: parts.log_waker,
            lending: parts.lending,
            closing: AtomicBool::new(false),
            shards_running,
            failed: OnceLock::new(),
            recovery: parts.recovery,
            snapshots: parts.snapshots,
            threads: Mutex::new(Vec::new()),
        })
    }

    pub(crate) fn route(&self, id: &CampaignId) -> Route {
        self.router.route(id)
    }

    /// Has the ranks of the campaign's lottery computed, if it is over and not drawn: on a thread of its own, which comes
    /// back with them like anybody who asks. A crash before that leads here again.
    pub(crate) fn rank(self: &Arc<Self>, state: &State, campaign: CampaignNumber) {
        let Some((key, count)) = state.to_be_ranked(campaign) else { return };
        let route = self.route(state.id(campaign).expect("a campaign of the state"));
        let engine = Arc::clone(self);
        let spawned = driver::spawn("landrush-ranks", move || {
            let ranks = Arc::new(Ranks::compute(&key, count));
            BlockingPort::new(engine).insist(route, &Command::Rank { campaign, ranks });
        });
        match spawned {
            Ok(thread) => self.keep_threads([thread]),
            Err(error) => {
                tracing::error!(campaign = campaign.0, %error, "the lottery cannot be drawn before a restart")
            }
        }
    }

    /// Has the places of those computed who were shuffled in the campaign's waiting room, if they were not: on a thread of its
    /// own, so that claims cost a look and not hashes. Until it is done each place is computed where it is asked for, and is
    /// the same.
    pub(crate) fn place(self: &Arc<Self>, state: &State, campaign: CampaignNumber) {
        let shuffle = state.room(campaign).and_then(|room| room.shuffle).filter(|shuffle| !shuffle.is_computed());
        let Some(shuffle) = shuffle else { return };
        match driver::spawn("landrush-places", move || shuffle.compute()) {
            Ok(thread) => self.keep_threads([thread]),
            Err(error) => tracing::warn!(campaign = campaign.0, %error, "each place is computed where it is asked for"),
        }
    }

    pub(crate) fn shards(&self) -> &[ShardHandle] {
        &self.shards
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn hasher(&self) -> PersonHasher {
        self.hasher
    }

    pub(crate) fn log_status(&self) -> &LogStatus {
        &self.log_status
    }

    pub(crate) fn keep_threads(&self, threads: impl IntoIterator<Item = JoinHandle<()>>) {
        self.threads.lock().extend(threads);
    }

    pub(crate) fn check_open(&self) -> Result<(), Rejected> {
        if self.has_failed() {
            Err(Rejected::LogFailed)
        } else if self.is_closing() {
            Err(Rejected::Closing)
        } else {
            Ok(())
        }
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// Whether all threads have given all the answers that they will.
    pub(crate) fn is_over(&self) -> bool {
        self.all_shards_done()
    }

    pub(crate) fn register(&self, replies: &Arc<ReplyQueue>) -> PortId {
        let mut id = 0;
        self.ports.rcu(|ports| {
            id = ports.len();
            let mut ports = Vec::clone(ports);
            ports.push(Some(Arc::clone(replies)));
            ports
        });
        PortId(u32::try_from(id).expect("fewer than four billion ports"))
    }

    pub(crate) fn unregister(&self, id: PortId) {
        self.ports.rcu(|ports| {
            let mut ports = Vec::clone(ports);
            ports[id.as_index()] = None;
            ports
        });
    }

    pub(crate) fn ports(&self) -> Arc<Vec<Option<Arc<ReplyQueue>>>> {
        self.ports.load_full()
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed.get().is_some()
    }

    /// Says that the log has failed, to all.
    pub(crate) fn fail(&self, poisoned: Poisoned) {
        // Only the log's thread says so, and only once.
        assert!(self.failed.set(poisoned).is_ok(), "a log fails once");
        self.wake_all();
    }

    pub(crate) fn lending(&self) -> Option<&Lending> {
        self.lending.as_ref()
    }

    pub(crate) fn wake_log(&self) {
        self.log_waker.wake();
    }

    fn wake_all(&self) {
        self.log_waker.wake();
        for shard in &self.shards {
            shard.mailbox().ring();
        }
    }

    pub(crate) fn shard_done(&self) {
        self.shards_running.fetch_sub(1, Ordering::SeqCst);
        self.wake_log();
    }

    pub(crate) fn all_shards_done(&self) -> bool {
        self.shards_running.load(Ordering::SeqCst) == 0
    }
}
