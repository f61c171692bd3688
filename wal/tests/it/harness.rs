//! A log on a disk in memory, driven on one thread, with the records that were appended and acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use landrush_wal::damage::ReadError;
use landrush_wal::log::{Log, Poisoned};
use landrush_wal::lsn::Lsn;
use landrush_wal::options::{Clock, LogOptions};
use landrush_wal::records::Records;
use landrush_wal::recovery::{AcquireError, RecoverError, Recovered, Tenure, acquire};
use landrush_wal::start::{StartError, Started};
use landrush_wal::storage::memory::MemoryStorage;
use landrush_wal::storage::{Folder, Storage};

/// Small segments, so that tests rotate often.
pub(crate) fn small() -> LogOptions {
    LogOptions { segment_bytes: 64 << 10, frame_bytes_max: 4096, second_write_records_min: 1, ..LogOptions::default() }
}

/// A clock that a test moves.
#[derive(Clone, Default)]
pub(crate) struct Hand(Arc<AtomicU64>);

impl Hand {
    pub(crate) fn clock(&self) -> Clock {
        let now = Arc::clone(&self.0);
        Clock::new(move || Duration::from_micros(now.load(Ordering::Relaxed)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_micros()).unwrap(), Ordering::Relaxed);
    }
}

/// Random bytes that are the same in every run: each call continues a counter.
pub(crate) fn entropy(seed: u8) -> impl FnMut(&mut [u8]) {
    let mut next = seed;
    move |bytes| {
        for byte in bytes {
            next = next.wrapping_mul(5).wrapping_add(113);
            *byte = next;
        }
    }
}

/// The record that a test appends as number `n`.
pub(crate) fn record(n: u64) -> Vec<u8> {
    let length = usize::try_from(n * 7 % 90).unwrap();
    let mut bytes = format!("record {n} ").into_bytes();
    bytes.resize(bytes.len() + length, b'.');
    bytes
}

pub(crate) fn batch(from: u64, count: u64) -> Records {
    let mut records = Records::new();
    for n in from..from + count {
        records.push(|bytes| bytes.extend_from_slice(&record(n)));
    }
    records
}

#[derive(Debug)]
pub(crate) enum OpenError {
    Acquire(AcquireError),
    Recover(RecoverError<String>),
    Start(StartError),
}

impl OpenError {
    /// The damage that it reports, as segment and offset.
    pub(crate) fn damage(&self) -> Option<(String, u64)> {
        let (OpenError::Acquire(AcquireError::Read(read))
        | OpenError::Recover(RecoverError::Read(read))
        | OpenError::Start(StartError::Read(read))) = self
        else {
            return None;
        };
        let ReadError::Damaged(damage) = read else { return None };
        Some((damage.segment.clone(), damage.offset))
    }
}

pub(crate) fn tenure<S: Storage>(storage: &S, options: &LogOptions) -> Result<Tenure<S>, OpenError> {
    acquire(storage.clone(), options.clone(), entropy(1)).map_err(OpenError::Acquire)
}

/// Replays all, checks that record `n` stands at position `n`, and gives what was found.
pub(crate) fn replay<S: Storage>(tenure: &mut Tenure<S>, after: Lsn) -> Result<Recovered, OpenError> {
    let mut expected = after.0;
    let mut check = |lsn: Lsn, bytes: &[u8]| {
        expected += 1;
        if lsn != Lsn(expected) || bytes != record(expected) {
            return Err(format!("record {lsn} is {:?}, not number {expected}", String::from_utf8_lossy(bytes)));
        }
        Ok(())
    };
    let recovered = tenure.replay(after, &mut check, &mut |_| {}).map_err(OpenError::Recover)?;
    assert_eq!(recovered.last_lsn, Lsn(expected.max(after.0)));
    Ok(recovered)
}

/// Opens, replays from the beginning, and starts.
pub(crate) fn open<S: Storage>(storage: &S, options: &LogOptions) -> Result<(Started<S>, Recovered), OpenError> {
    let mut tenure = tenure(storage, options)?;
    let recovered = replay(&mut tenure, Lsn::ZERO)?;
    let mut started = tenure.start().map_err(OpenError::Start)?;
    let _ = started.preparer.step();
    Ok((started, recovered))
}

/// Replays without starting, and lets go of the directory.
pub(crate) fn look<S: Storage>(storage: &S) -> Result<Recovered, OpenError> {
    replay(&mut tenure(storage, &small())?, Lsn::ZERO)
}

/// Pumps, and prepares segments, until everything appended is acknowledged.
pub(crate) fn settle<S: Storage>(started: &mut Started<S>, upto: Lsn) -> Result<Lsn, Poisoned> {
    loop {
        let durable = started.log.pump()?;
        if durable >= upto {
            return Ok(durable);
        }
        let _ = started.preparer.step();
        started.log.wait(Some(Duration::from_secs(1)));
    }
}

/// Appends `count` records one batch at a time, each acknowledged before the next, from the position after `last`.
pub(crate) fn write<S: Storage>(started: &mut Started<S>, last: Lsn, batches: &[u64]) -> Result<Lsn, Poisoned> {
    let mut last = last;
    for &count in batches {
        let appended = started.log.append(&batch(last.0 + 1, count));
        assert_eq!(appended, last.plus(count));
        last = settle(started, appended)?;
    }
    Ok(last)
}

/// The names of the segments, in order.
pub(crate) fn segments(storage: &MemoryStorage) -> Vec<String> {
    let names = storage.list(Folder::Log).unwrap().into_iter().map(|entry| entry.name);
    names.filter(|name| name.ends_with(".log")).collect()
}

/// Turns the bits of `mask` in one byte of a file.
pub(crate) fn flip(storage: &MemoryStorage, name: &str, offset: usize, mask: u8) {
    let mut bytes = storage.read(Folder::Log, name).unwrap();
    bytes[offset] ^= mask;
    storage.put(Folder::Log, name, bytes);
}
