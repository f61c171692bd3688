//! Owns the running log and what may be acknowledged. Leaves starting writes to `launch` and `due`, filling
//! buffers and taking in completions in order to `group_commit`, making segments to [`prepare`](crate::prepare).

mod due;
mod launch;

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use crate::frame::{Chain, FRAME_HEADER_BYTES, Salt};
use crate::group_commit::{Committed, Filling, InFlight, Landed};
use crate::log::{Log, Poisoned, Waker};
use crate::lsn::Lsn;
use crate::options::{Durability, LogOptions, RESERVE_FRAMES};
use crate::prepare::Handover;
use crate::records::Records;
use crate::segment::{InstanceId, SegmentHeader};
use crate::status::LogStatus;
use crate::storage::{Device, Storage};
use crate::store::Roll;
use crate::width;

/// How long [`Log::close`] waits for a next segment when the disk is full.
const CLOSE_PATIENCE: (u32, Duration) = (50, Duration::from_millis(100));

/// A log of segments in a directory.
pub struct SegmentLog<S: Storage> {
    pub(crate) options: LogOptions,
    pub(crate) instance: InstanceId,
    pub(crate) epoch: u32,
    pub(crate) salts: Salts,
    pub(crate) device: S::Device,
    pub(crate) handover: Arc<Handover<S::File>>,
    pub(crate) roll: Arc<Roll>,
    pub(crate) status: Arc<LogStatus>,
    pub(crate) active: Active<S::File>,
    pub(crate) filling: Filling,
    pub(crate) in_flight: InFlight,
    pub(crate) seals: Seals,
    pub(crate) poisoned: Option<Poisoned>,
    pub(crate) closed: bool,
    /// Given back when the log is dropped.
    pub(crate) _lock: Arc<S::Lock>,
}

/// The segment that frames go to.
pub(crate) struct Active<F> {
    pub(crate) name: String,
    pub(crate) file: Arc<F>,
    pub(crate) header: SegmentHeader,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
    pub(crate) chain: Chain,
    /// Its header goes out with its first frame.
    pub(crate) header_waits: bool,
    pub(crate) ended: bool,
}

/// When seals and syncs were last made.
pub(crate) struct Seals {
    /// Nothing has been in flight or waiting since then.
    pub(crate) idle_since: Option<Duration>,
    pub(crate) last: Option<Duration>,
    /// What the last seal proves.
    pub(crate) sealed: Lsn,
    pub(crate) last_sync: Duration,
}

/// Gives each segment its salt: a random number, mixed with the segment's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Salts(pub(crate) u64);

impl Salts {
    /// One step of SplitMix64, whose outputs for different inputs differ.
    pub(crate) fn of(self, number: u64) -> Salt {
        let mut mixed = self.0.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Salt(mixed ^ (mixed >> 31))
    }
}

impl<S: Storage> SegmentLog<S> {
    /// What writes the frames, for the line that is logged at start.
    pub fn backend(&self) -> &'static str {
        self.device.name()
    }

    fn block_bytes(&self) -> usize {
        width::in_memory(u64::from(self.device.access().block_bytes))
    }

    /// Takes in completed writes.
    fn land(&mut self) -> Result<(), Poisoned> {
        while let Some(completed) = self.device.reap() {
            if let Err(error) = completed.result {
                return Err(self.poison(completed.ticket, error));
            }
            self.in_flight.landed(completed.ticket, &mut self.filling, completed.buffer);
        }
        let now = self.options.clock.now();
        while let Some(Landed { committed, waited }) = self.in_flight.next_landed(now) {
            self.count(&committed, waited);
        }
        Ok(())
    }

    fn count(&self, committed: &Committed, waited: Duration) {
        use std::sync::atomic::Ordering::Relaxed;
        let counters = self.status.counters();
        counters.bytes.fetch_add(width::in_file(committed.bytes), Relaxed);
        if committed.records > 0 {
            counters.frames.fetch_add(1, Relaxed);
            counters.records.fetch_add(u64::from(committed.records), Relaxed);
            counters.frame_records.record(u64::from(committed.records));
            counters.sync_us.record(u64::try_from(waited.as_micros()).unwrap_or(u64::MAX));
        }
    }

    /// How long until something of the log's own is due.
    fn until_due(&self) -> Option<Duration> {
        let due = if self.poisoned.is_some() { None } else { self.next_due() };
        due.map(|due| due.saturating_sub(self.options.clock.now()))
    }

    fn poison(&mut self, ticket: u64, error: io::Error) -> Poisoned {
        let (segment, offset) =
            self.in_flight.place_of(ticket).unwrap_or((self.active.name.clone(), self.active.offset));
        let poisoned = Poisoned { segment, offset, durable: self.status.durable(), cause: Arc::new(error) };
        self.poisoned = Some(poisoned.clone());
        self.status.poison();
        self.handover.close();
        poisoned
    }

    /// There is room while a next segment is ready, or this one holds all that waits and what may yet come.
    pub(crate) fn publish_room(&self) {
        let reserve = u64::from(self.options.frame_bytes_max) * RESERVE_FRAMES;
        let needed = width::in_file(self.filling.bytes()) + reserve;
        let room = self.handover.is_ready() || (!self.active.ended && self.active.offset + needed <= self.active.bytes);
        self.status.set_room(room && !self.closed);
    }

    fn drain(&mut self) -> Result<(), Poisoned> {
        let (mut patience, pause) = CLOSE_PATIENCE;
        while !(self.filling.is_empty() && self.in_flight.is_empty()) {
            self.pump()?;
            if !self.in_flight.is_empty() {
                self.device.wait(None);
            } else if !self.filling.is_empty() {
                if patience == 0 {
                    return Err(self.poison(u64::MAX, io::ErrorKind::StorageFull.into()));
                }
                patience -= 1;
                self.device.wait(Some(pause));
            }
        }
        Ok(())
    }
}

impl<S: Storage> Log for SegmentLog<S> {
    fn append(&mut self, records: &Records) -> Lsn {
        assert!(!self.closed, "a closed log takes no records");
        self.filling.append(records)
    }

    fn batch_bytes_max(&self) -> usize {
        width::in_memory(u64::from(self.options.frame_bytes_max)) - FRAME_HEADER_BYTES
    }

    fn pump(&mut self) -> Result<Lsn, Poisoned> {
        if let Some(poisoned) = &self.poisoned {
            return Err(poisoned.clone());
        }
        self.land()?;
        self.launch();
        self.tend();
        self.publish_room();
        let acknowledged = match self.options.durability {
            Durability::Sync => self.in_flight.synced(),
            Durability::Interval(_) => self.in_flight.written(),
        };
        assert!(acknowledged <= self.in_flight.launched(), "only what was written is acknowledged");
        self.status.publish_synced(self.in_flight.synced());
        self.status.publish_durable(acknowledged);
        Ok(acknowledged)
    }

    fn wait(&mut self, timeout: Option<Duration>) {
        let until_due = self.until_due();
        self.device.wait([timeout, until_due].into_iter().flatten().min());
    }

    fn readiness(&self) -> io::Result<Option<OwnedFd>> {
        self.device.readiness()
    }

    fn doze(&mut self) -> Option<Option<Duration>> {
        self.device.doze().then(|| self.until_due())
    }

    fn awake(&mut self) {
        self.device.awake();
    }

    fn waker(&self) -> Waker {
        self.device.waker()
    }

    fn status(&self) -> Arc<LogStatus> {
        Arc::clone(&self.status)
    }

    fn close(&mut self) -> Result<Lsn, Poisoned> {
        self.closed = true;
        self.drain()?;
        let now = self.options.clock.now();
        if self.in_flight.wants_sync() {
            self.launch_sync(now);
            self.drain()?;
        }
        if self.seal_due(now).is_some() {
            self.launch_seal(now);
            self.drain()?;
        }
        let durable = self.pump()?;
        self.handover.close();
        Ok(durable)
    }
}

impl<S: Storage> Drop for SegmentLog<S> {
    fn drop(&mut self) {
        self.handover.close();
    }
}
