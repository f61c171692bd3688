//! Owns the way from a data directory to a running engine: lock, keys, snapshot, log, clock, threads. Every step may be
//! interrupted by a crash and is simply done again at the next start.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::bounded;
use hashbrown::HashMap;
use landrush_wal::lsn::Lsn;
use landrush_wal::recovery::{AcquireError, RecoverError, Recovered, Tenure};
use landrush_wal::snapshot::SnapshotError;
use landrush_wal::start::{StartError, Started};
use landrush_wal::storage::Storage;
use landrush_wal::storage::file::FileStorage;
use landrush_wal::walk::TornTail;
use thiserror::Error;

use crate::coupon::Codes;
use crate::driver;
use crate::engine::{Engine, Parts, Shared};
use crate::event::{Change, Event};
use crate::filter::{Claimant, PersonHash, PersonHasher};
use crate::id::CampaignNumber;
use crate::imported::{AdoptError, FileError, ImportedCodes};
use crate::keys::{Keys, KeysError};
use crate::options::{EngineOptions, InvalidOptions, RecoveryProgress};
use crate::published::{Directory, Listed, Published};
use crate::router::Router;
use crate::shard::State;
use crate::snapshot::{self, Loader};
use crate::snapshotter::{SnapshotStatus, Snapshotter};
use crate::time::Timestamp;
use crate::unsound::Unsound;

/// How a recovery went.
#[derive(Debug, Clone)]
pub struct RecoveryReport {
    /// The last position of the snapshot it began with; [`Lsn::ZERO`]: none.
    pub snapshot: Lsn,
    /// Records read from the log behind it.
    pub records: u64,
    /// Frames read from the log behind it.
    pub frames: u64,
    /// The last position of the log.
    pub last_lsn: Lsn,
    /// The number of this start, from 1.
    pub epoch: u32,
    /// What was cut off behind the last whole frame: written but never acknowledged.
    pub torn_tail: Option<TornTail>,
    /// How long it took to read snapshot and log, and to build the state and what is public of it.
    pub rebuilt_in: Duration,
    /// How long it took in all, with the new segment that is made and synced before anything is served.
    pub took: Duration,
}

/// Why an engine cannot be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A setting is out of bounds.
    #[error(transparent)]
    Options(#[from] InvalidOptions),
    /// The data directory cannot be made.
    #[error("cannot make the data directory {path}: {cause}")]
    Directory {
        /// Where.
        path: PathBuf,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// The keys cannot be read or made.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The directory cannot be taken: another process has it, say.
    #[error(transparent)]
    Acquire(#[from] AcquireError),
    /// A snapshot cannot be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The log is damaged.
    #[error(transparent)]
    Log(#[from] RecoverError<Unsound>),
    /// What the snapshot holds is not sound.
    #[error("the snapshot of record {snapshot} is whole, but its content is not sound: {cause}")]
    SnapshotContent {
        /// Which.
        snapshot: Lsn,
        /// Why.
        cause: Unsound,
    },
    /// The log cannot be written.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The clock is more than a day behind the log.
    #[error(
        "the log's last record was written {ahead_hours} hours ahead of this machine's clock; if the clock is right now, start with --accept-clock"
    )]
    ClockBehind {
        /// How far the log is ahead.
        ahead_hours: u64,
    },
    /// The files of imported codes cannot be read.
    #[error(transparent)]
    CodeFiles(#[from] FileError),
    /// A file of imported codes that the log names is missing or damaged.
    #[error(transparent)]
    Codes(#[from] AdoptError),
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

/// A log's stamps may be so far ahead of the clock before a start is refused.
const CLOCK_BEHIND_MAX: Duration = Duration::from_secs(24 * 3600);

pub(crate) fn open(
    data_dir: &Path,
    options: EngineOptions,
    entropy: &mut dyn FnMut(&mut [u8]),
) -> Result<(Engine, RecoveryReport), OpenError> {
    options.check()?;
    std::fs::create_dir_all(data_dir).map_err(|cause| OpenError::Directory { path: data_dir.to_path_buf(), cause })?;
    let tenure = landrush_wal::recovery::acquire(FileStorage::new(data_dir), options.log.clone(), &mut *entropy)?;
    // Behind the lock, so that two processes never make two sets of keys.
    let keys = Keys::load_or_create(data_dir, entropy)?;
    start(tenure, &keys, options, &data_dir.join(ImportedCodes::DIRECTORY))
}

/// Opens an engine over any storage, with imported codes in `codes`: for tests that crash disks and turn clocks.
///
/// # Errors
/// As [`Engine::open`].
pub fn open_on<S: Storage>(
    storage: S,
    keys: &Keys,
    codes: &Path,
    options: EngineOptions,
    entropy: &mut dyn FnMut(&mut [u8]),
) -> Result<(Engine, RecoveryReport), OpenError> {
    options.check()?;
    let tenure = landrush_wal::recovery::acquire(storage, options.log.clone(), entropy)?;
    start(tenure, keys, options, codes)
}

fn start<S: Storage>(
    mut tenure: Tenure<S>,
    keys: &Keys,
    options: EngineOptions,
    codes: &Path,
) -> Result<(Engine, RecoveryReport), OpenError> {
    let started = std::time::Instant::now();
    let router = Router::new(u16::try_from(options.shards).expect("checked"));
    let mut rebuilt = Rebuilt::new(router, options.shards, keys);
    let snapshot = load_newest_snapshot(&tenure, &mut rebuilt)?;
    let recovered = replay(&mut tenure, snapshot, &mut rebuilt, &options)?;
    check_clock(rebuilt.last_stamp(), &options)?;
    let imported = rebuilt.adopt_codes(codes, keys)?;
    let hasher = rebuilt.hasher;
    let (directory, published) = rebuilt.publish();
    let rebuilt_in = started.elapsed();
    let epoch = tenure.epoch();
    let Started { log, store, preparer } = tenure.start()?;
    let report = RecoveryReport {
        snapshot,
        records: recovered.records,
        frames: recovered.frames,
        last_lsn: recovered.last_lsn,
        epoch,
        torn_tail: recovered.torn_tail,
        rebuilt_in,
        took: started.elapsed(),
    };

    let snapshots = Arc::new(SnapshotStatus::new(snapshot));
    let log_backend = log.backend();
    let log = driver::Ready::new(Box::new(log), options.shards);
    let shared = Shared::new(Parts {
        router,
        shards: log.shard_handles(options.mailbox_commands),
        directory,
        clock: Arc::clone(&options.clock),
        codes: Codes::new(keys),
        imported,
        phone_ids_below: rebuilt.states.iter().map(State::phone_ids_below).max().unwrap_or(0),
        hasher,
        next_campaign: rebuilt.next_campaign(),
        log_status: log.status(),
        log_backend,
        log_waker: log.waker(),
        lending: log.lending(),
        recovery: report.clone(),
        snapshots: Arc::clone(&snapshots),
    });
    let snapshotter = Snapshotter::new(store, keys.clone(), snapshots, options.snapshot_every_bytes);
    let threads = log
        .spawn(&shared, rebuilt.states.into_iter().zip(published))
        .and_then(|mut threads| {
            threads.push(driver::spawn("landrush-segments", move || {
                let mut quiet_until = std::time::Instant::now();
                preparer.run(|error| {
                    // It tries again twice a second; once a minute is enough to be told.
                    if std::time::Instant::now() >= quiet_until {
                        quiet_until = std::time::Instant::now() + Duration::from_secs(60);
                        tracing::error!(%error, "the next segment cannot be made; claims are refused when this one is full");
                    }
                });
            })?);
            let closing = Arc::clone(&shared);
            threads.push(driver::spawn("landrush-snapshots", move || snapshotter.run(&|| closing.is_closing()))?);
            Ok(threads)
        })
        .map_err(OpenError::Thread)?;
    shared.keep_threads(threads);
    Ok((Engine::from_shared(shared), report))
}

/// Reads the log behind the snapshot and applies it: one thread reads and checks frames while another applies their records.
fn replay<S: Storage>(
    tenure: &mut Tenure<S>,
    after: Lsn,
    rebuilt: &mut Rebuilt,
    options: &EngineOptions,
) -> Result<Recovered, OpenError> {
    let (full, to_apply) = bounded::<RecordBatch>(RecordBatch::UNDER_WAY_MAX);
    let (empty, to_fill) = bounded::<RecordBatch>(RecordBatch::UNDER_WAY_MAX);
    std::thread::scope(|scope| {
        let applier = scope.spawn(move || {
            for batch in to_apply {
                rebuilt.apply_batch(&batch)?;
                // The reader may have ended; then nobody needs the memory.
                drop(empty.try_send(batch));
            }
            Ok::<(), Unsound>(())
        });
        let mut batch = RecordBatch::default();
        let hand_over = |batch: &mut RecordBatch| {
            let next = to_fill.try_recv().map(RecordBatch::cleared).unwrap_or_default();
            full.send(std::mem::replace(batch, next)).map_err(|_| ApplierEnded)
        };
        let read = tenure.replay(
            after,
            &mut |lsn, record| {
                batch.push(lsn, record);
                if batch.is_full() { hand_over(&mut batch) } else { Ok(()) }
            },
            &mut |progress| {
                (options.progress)(RecoveryProgress {
                    bytes_read: progress.bytes_read,
                    bytes_total: progress.bytes_total,
                    records: progress.records,
                });
            },
        );
        // What was read before the log turned out to be damaged is of no use: the applier may stop where it is.
        let handed_over = if read.is_ok() { hand_over(&mut batch) } else { Ok(()) };
        drop(full);
        let applied = applier.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        applied.map_err(|unsound| OpenError::Log(RecoverError::Visit(unsound)))?;
        assert!(handed_over.is_ok(), "an applier ends early only with an error");
        match read {
            Ok(recovered) => Ok(recovered),
            Err(RecoverError::Read(error)) => Err(OpenError::Log(RecoverError::Read(error))),
            Err(RecoverError::Visit(ApplierEnded)) => unreachable!("an applier ends early only with an error"),
        }
    })
}

/// The applier has found a record that it cannot apply.
#[derive(Debug)]
struct ApplierEnded;

/// Records on their way from the thread that reads to the one that applies.
#[derive(Default)]
struct RecordBatch {
    bytes: Vec<u8>,
    /// Each record's position, and where it ends.
    ends: Vec<(Lsn, usize)>,
}

impl RecordBatch {
    /// Batches between the two threads, full and empty each: so many that the reader can look through the blank rest of the
    /// log, which it does last, while the applier still has work.
    const UNDER_WAY_MAX: usize = 64;
    /// Large enough that handing over costs little, small enough to stay in the cache.
    const BYTES: usize = 128 << 10;

    fn push(&mut self, lsn: Lsn, record: &[u8]) {
        self.bytes.extend_from_slice(record);
        self.ends.push((lsn, self.bytes.len()));
    }

    fn is_full(&self) -> bool {
        self.bytes.len() >= Self::BYTES
    }

    fn cleared(mut self) -> Self {
        self.bytes.clear();
        self.ends.clear();
        self
    }

    fn iter(&self) -> impl Iterator<Item = (Lsn, &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        starts.zip(&self.ends).map(|(start, (lsn, end))| (*lsn, &self.bytes[start..*end]))
    }
}

/// Gives the position that the snapshot is of.
fn load_newest_snapshot<S: Storage>(tenure: &Tenure<S>, rebuilt: &mut Rebuilt) -> Result<Lsn, OpenError> {
    let Some(newest) = tenure.snapshots().first() else { return Ok(Lsn::ZERO) };
    let snapshot = newest.last_lsn;
    let mut reader = tenure.open_snapshot(newest)?;
    let mut loader = Loader::default();
    let mut block = Vec::new();
    let unsound = |cause| OpenError::SnapshotContent { snapshot, cause };
    while reader.next_block(&mut block)? {
        rebuilt.load(&mut loader, &block).map_err(unsound)?;
    }
    loader.finish().map_err(unsound)?;
    Ok(snapshot)
}

fn check_clock(last_stamp: Timestamp, options: &EngineOptions) -> Result<(), OpenError> {
    let ahead = last_stamp.saturating_since(options.clock.now());
    if ahead > CLOCK_BEHIND_MAX && !options.accept_clock {
        return Err(OpenError::ClockBehind { ahead_hours: ahead.as_secs() / 3600 });
    }
    Ok(())
}

/// The states of all shards, as snapshot and log give them.
struct Rebuilt {
    router: Router,
    states: Vec<State>,
    hasher: PersonHasher,
    /// Which shard a campaign was dealt to.
    homes: HashMap<CampaignNumber, usize>,
}

impl Rebuilt {
    /// As many records are looked at before the first of them is applied, for the reasons that a shard has.
    const LOOK_AHEAD: usize = 64;

    fn new(router: Router, shards: usize, keys: &Keys) -> Self {
        Self {
            router,
            states: (0..shards).map(|_| State::new(keys)).collect(),
            hasher: PersonHasher::new(keys.person),
            homes: HashMap::new(),
        }
    }

    /// Takes a block of the snapshot in.
    fn load(&mut self, loader: &mut Loader, block: &[u8]) -> Result<(), Unsound> {
        if let Some(loaded) = loader.push(block, &self.states[0])? {
            let home = self.router.route(loaded.id().ok_or(Unsound::Block)?).as_index();
            let campaign = loaded.put(&mut self.states[home])?;
            self.homes.insert(campaign, home);
        }
        Ok(())
    }

    /// Takes records of the log in, some at a time: each is read, then their people's places in the tables are looked at side
    /// by side, so that the waits for memory overlap, and then each is applied.
    fn apply_batch(&mut self, batch: &RecordBatch) -> Result<(), Unsound> {
        let mut records = batch.iter();
        let mut ahead = Vec::with_capacity(Self::LOOK_AHEAD);
        let mut claimants = Vec::with_capacity(Self::LOOK_AHEAD);
        loop {
            let mut undecodable = None;
            for (lsn, record) in records.by_ref().take(Self::LOOK_AHEAD) {
                match snapshot::decode(lsn, record) {
                    Ok(event) => {
                        let person = event.grant().map(|grant| self.hasher.hash(grant.user));
                        claimants.extend(person.map(|person| Claimant { campaign: event.campaign, person }));
                        ahead.push((lsn, event, person));
                    }
                    Err(unsound) => {
                        undecodable = Some(unsound);
                        break;
                    }
                }
            }
            let is_last = ahead.len() < Self::LOOK_AHEAD;
            for (campaign, people) in Claimant::by_campaign(&claimants) {
                let home = self.homes.get(&campaign).and_then(|home| self.states[*home].live(campaign));
                black_box(home.map(|live| live.glance(people)));
            }
            claimants.clear();
            for (lsn, event, person) in ahead.drain(..) {
                self.apply(lsn, &event, person)?;
            }
            // What came before it is judged first.
            match undecodable {
                Some(unsound) => return Err(unsound),
                None if is_last => return Ok(()),
                None => {}
            }
        }
    }

    fn apply(&mut self, lsn: Lsn, event: &Event<'_>, person: Option<PersonHash>) -> Result<(), Unsound> {
        let home = match (self.homes.get(&event.campaign), &event.change) {
            (Some(home), _) => *home,
            (None, Change::Created { definition, .. }) => {
                let home = self.router.route(&definition.id).as_index();
                self.homes.insert(event.campaign, home);
                home
            }
            // A campaign that was never made: the state says so.
            (None, _) => 0,
        };
        let applied = self.states[home].apply_hashed(event, person);
        applied.map_err(|cause| Unsound::Inconsistent { lsn, cause })
    }

    /// Takes in the files of imported codes that the log names, and removes those that it does not.
    fn adopt_codes(&self, directory: &Path, keys: &Keys) -> Result<ImportedCodes, OpenError> {
        let imported = ImportedCodes::open(directory, &keys.person)?;
        for state in &self.states {
            for campaign in state.campaigns() {
                for (coupon_type, file) in state.code_files(campaign) {
                    imported.adopt(campaign, coupon_type, &file)?;
                }
            }
        }
        for file in imported.retire_unadopted()? {
            tracing::info!(file = file.0, "a file of codes that nothing names was removed: its upload never ended");
        }
        Ok(imported)
    }

    fn last_stamp(&self) -> Timestamp {
        self.states.iter().map(State::last_event_at).max().expect("there is at least one shard")
    }

    fn next_campaign(&self) -> CampaignNumber {
        self.states.iter().map(State::next_campaign_number).max().expect("there is at least one shard")
    }

    /// Makes public what was recovered, a shard at a time: all of it is durable.
    fn publish(&self) -> (Directory, Vec<HashMap<CampaignNumber, Arc<Published>>>) {
        let mut listed = Vec::new();
        let mut by_shard = Vec::new();
        for state in &self.states {
            let mut published = HashMap::new();
            for campaign in state.campaigns() {
                let id = state.id(campaign).expect("it is listed");
                let Some(view) = state.view(campaign) else {
                    listed.push(Listed::Archived(id.clone()));
                    continue;
                };
                let (room, registered) = (state.room(campaign), state.registered_key(campaign));
                let public = Arc::new(Published::new(&view, room, registered, self.router.route(id), self.hasher));
                state.registered(campaign).for_each(|person| public.mark_registered_hash(person));
                let mut people = Vec::with_capacity(Self::LOOK_AHEAD);
                let mark = |people: &mut Vec<PersonHash>| {
                    black_box(public.glance(people.iter().copied()));
                    people.drain(..).for_each(|person| public.mark_decided(person));
                };
                state.for_each_person(campaign, |user| {
                    people.push(self.hasher.hash(user));
                    if people.len() == Self::LOOK_AHEAD {
                        mark(&mut people);
                    }
                });
                mark(&mut people);
                listed.push(Listed::Live(Arc::clone(&public)));
                published.insert(campaign, public);
            }
            by_shard.push(published);
        }
        let directory = Directory::default();
        directory.list(listed);
        (directory, by_shard)
    }
}
