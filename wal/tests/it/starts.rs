//! A start is cut at every step, and the next one too: the third reads what the first found.

use std::time::Duration;

use landrush_wal::log::Log;
use landrush_wal::lsn::Lsn;
use landrush_wal::options::{Durability, LogOptions};
use landrush_wal::storage::faulty::{Cut, Faults, Kept, Others};
use landrush_wal::storage::memory::MemoryStorage;

use crate::harness::{batch, look, open, settle, small, write};

const TEARS: [(Kept, Others); 3] =
    [(Kept::Prefix(0), Others::Lost), (Kept::Prefix(700), Others::Kept), (Kept::Prefix(usize::MAX), Others::Kept)];

/// A log that crashed with two writes in flight; `backwards` says which of the two reached the disk.
fn crashed(rounds: u64, kept: Kept, others: Others) -> MemoryStorage {
    let storage = MemoryStorage::new();
    let (mut started, _) = open(&storage, &small()).unwrap();
    let mut last = write(&mut started, Lsn::ZERO, &vec![12; usize::try_from(rounds).unwrap()]).unwrap();
    let operation = 0;
    storage.set_faults(Faults { cut: Some(Cut { operation, kept, others }), ..Faults::default() });
    for _ in 0..2 {
        last = started.log.append(&batch(last.0 + 1, 20));
        started.log.pump().unwrap_or(Lsn::ZERO);
    }
    started.log.pump().unwrap_err();
    drop(started);
    storage.reboot();
    storage
}

/// Cuts a start at each of its steps, then the next one at each of its steps, then starts.
fn cut_twice(base: &MemoryStorage, expected: Lsn) {
    let mut steps = 0;
    for_each_cut_start(base, &mut |once| {
        assert_eq!(look(once).unwrap().last_lsn, expected);
        for_each_cut_start(once, &mut |twice| {
            steps += 1;
            let (mut started, recovered) = open(twice, &small()).unwrap();
            assert_eq!(recovered.last_lsn, expected);
            let last = write(&mut started, expected, &[1, 5]).unwrap();
            drop(started);
            twice.reboot();
            assert_eq!(look(twice).unwrap().last_lsn, last);
        });
    });
    assert!(steps > 200, "{steps}");
}

fn for_each_cut_start(base: &MemoryStorage, then: &mut dyn FnMut(&MemoryStorage)) {
    for (kept, others) in TEARS {
        for operation in 0.. {
            let storage = base.fork();
            storage.set_faults(Faults { cut: Some(Cut { operation, kept, others }), ..Faults::default() });
            let opened = open(&storage, &small());
            let was_cut = storage.is_off();
            drop(opened);
            if !was_cut {
                break;
            }
            storage.reboot();
            then(&storage);
        }
    }
}

#[test]
fn a_start_may_be_cut_at_every_step_twice_in_a_row() {
    // With nothing of the last two frames on disk, one of them, both, and the second without the first.
    for (kept, others) in [
        (Kept::Prefix(0), Others::Lost),
        (Kept::Prefix(usize::MAX), Others::Lost),
        (Kept::Prefix(usize::MAX), Others::Kept),
        (Kept::Prefix(600), Others::Kept),
    ] {
        let base = crashed(3, kept, others);
        let expected = look(&base).unwrap().last_lsn;
        cut_twice(&base, expected);
    }
}

#[test]
fn a_start_after_a_crash_around_a_change_of_segments_may_be_cut_too() {
    // Somewhere among these counts the cut write is the end frame, the next segment's first, and the one after it.
    let mut around_the_change = 0;
    for rounds in 50..66 {
        let base = crashed(rounds, Kept::Prefix(usize::MAX), Others::Lost);
        let expected = look(&base).unwrap().last_lsn;
        for_each_cut_start(&base, &mut |storage| {
            assert_eq!(look(storage).unwrap().last_lsn, expected);
            let (started, recovered) = open(storage, &small()).unwrap();
            assert_eq!(recovered.last_lsn, expected);
            drop(started);
            storage.reboot();
            assert_eq!(look(storage).unwrap().last_lsn, expected);
        });
        around_the_change += usize::from(crate::harness::segments(&base).len() > 2);
    }
    assert!(around_the_change > 0);
}

/// The process ends, and what it wrote is visible but not on disk. Whatever a start then reads, it keeps for good.
#[test]
fn what_a_start_has_read_outlives_the_power_after_it() {
    let options = || LogOptions { durability: Durability::Interval(Duration::from_secs(3600)), ..small() };
    // The last ones are around a change of segments.
    for rounds in (0..10).chain(55..75) {
        let storage = MemoryStorage::new();
        let (mut started, _) = open(&storage, &options()).unwrap();
        let last = write(&mut started, Lsn::ZERO, &vec![12; rounds]).unwrap();
        drop(started);
        storage.end_process();
        let (started, recovered) = open(&storage, &options()).unwrap();
        assert_eq!(recovered.last_lsn, last);
        drop(started);
        storage.reboot();
        assert_eq!(look(&storage).unwrap().last_lsn, last, "{rounds} rounds");
    }
}

#[test]
fn the_end_of_the_process_alone_loses_nothing_and_each_start_has_its_epoch() {
    let storage = MemoryStorage::new();
    let mut last = Lsn::ZERO;
    for epoch in 1..6 {
        let tenure = crate::harness::tenure(&storage, &small()).unwrap();
        assert_eq!(tenure.epoch(), epoch);
        drop(tenure);
        let (mut started, _) = open(&storage, &small()).unwrap();
        last = write(&mut started, last, &[7; 20]).unwrap();
        let pending = started.log.append(&batch(last.0 + 1, 4));
        last = settle(&mut started, pending).unwrap();
        drop(started);
        storage.end_process();
    }
    assert_eq!(look(&storage).unwrap().last_lsn, last);
}
