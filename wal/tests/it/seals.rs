//! Seal frames and syncs at intervals: what is due when the log has nothing else to do.

use std::ops::ControlFlow;
use std::time::Duration;

use landrush_wal::frame::FrameKind;
use landrush_wal::log::Log;
use landrush_wal::lsn::Lsn;
use landrush_wal::options::{Durability, LogOptions};
use landrush_wal::reader::Reader;
use landrush_wal::start::Started;
use landrush_wal::storage::memory::MemoryStorage;

use crate::harness::{Hand, look, open, small, write};

fn seals(storage: &MemoryStorage) -> usize {
    let mut seals = 0;
    let reader = Reader::open(storage.clone()).unwrap();
    let _ = reader
        .frames::<()>(Lsn::ZERO, &mut |_, frame| {
            seals += usize::from(frame.header.kind == FrameKind::Seal);
            ControlFlow::Continue(())
        })
        .unwrap();
    seals
}

/// Lets `ms` milliseconds go by in steps of one.
fn idle(started: &mut Started<MemoryStorage>, hand: &Hand, ms: u64) {
    for _ in 0..ms {
        hand.advance(Duration::from_millis(1));
        started.log.pump().unwrap();
    }
}

#[test]
fn a_seal_follows_ten_milliseconds_after_the_last_frame_and_no_more_than_one_in_a_hundred() {
    let (storage, hand) = (MemoryStorage::new(), Hand::default());
    let options = LogOptions { clock: hand.clock(), ..small() };
    let (mut started, _) = open(&storage, &options).unwrap();
    idle(&mut started, &hand, 500);
    assert_eq!(seals(&storage), 0, "nothing to prove");
    let last = write(&mut started, Lsn::ZERO, &[1]).unwrap();
    idle(&mut started, &hand, 8);
    assert_eq!(seals(&storage), 0);
    idle(&mut started, &hand, 5);
    assert_eq!(seals(&storage), 1);
    let last = write(&mut started, last, &[1]).unwrap();
    idle(&mut started, &hand, 80);
    assert_eq!(seals(&storage), 1, "too soon after the first");
    idle(&mut started, &hand, 40);
    assert_eq!(seals(&storage), 2);
    idle(&mut started, &hand, 1000);
    assert_eq!(seals(&storage), 2, "once is enough");
    write(&mut started, last, &[1]).unwrap();
    started.log.close().unwrap();
    assert_eq!(seals(&storage), 3, "a close does not wait");
}

#[test]
fn a_wait_ends_when_a_seal_is_due() {
    // The machine's clock: what is told apart is a wait that ends and one that does not.
    let storage = MemoryStorage::new();
    let (mut started, _) = open(&storage, &small()).unwrap();
    write(&mut started, Lsn::ZERO, &[1]).unwrap();
    started.log.wait(None);
    while seals(&storage) == 0 {
        started.log.pump().unwrap();
    }
    assert_eq!(seals(&storage), 1);
}

#[test]
fn at_intervals_a_loss_of_power_takes_no_more_than_was_not_synced() {
    let (storage, hand) = (MemoryStorage::new(), Hand::default());
    let durability = Durability::Interval(Duration::from_millis(50));
    let options = LogOptions { clock: hand.clock(), durability, ..small() };
    let (mut started, _) = open(&storage, &options).unwrap();
    hand.advance(Duration::from_millis(60));
    let first = write(&mut started, Lsn::ZERO, &[3]).unwrap();
    idle(&mut started, &hand, 60);
    let status = started.log.status();
    assert_eq!((status.durable(), status.synced()), (first, first));
    let second = write(&mut started, first, &[4]).unwrap();
    assert_eq!((status.durable(), status.synced()), (second, first), "acknowledged, and not yet synced");
    drop(started);
    let after_process = storage.fork();
    assert_eq!(look(&after_process).unwrap().last_lsn, second, "the process's end alone loses nothing");
    storage.reboot();
    assert_eq!(look(&storage).unwrap().last_lsn, first);
}

#[test]
fn at_intervals_a_close_syncs() {
    let storage = MemoryStorage::new();
    let durability = Durability::Interval(Duration::from_secs(3600));
    let (mut started, _) = open(&storage, &LogOptions { durability, ..small() }).unwrap();
    let last = write(&mut started, Lsn::ZERO, &[9; 30]).unwrap();
    started.log.close().unwrap();
    drop(started);
    storage.reboot();
    assert_eq!(look(&storage).unwrap().last_lsn, last);
}
