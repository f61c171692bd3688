//! The plain way: append, acknowledge, close, open again.

use landrush_wal::log::Log;
use landrush_wal::lsn::Lsn;
use landrush_wal::reader::{Finding, verify};
use landrush_wal::storage::Storage;
use landrush_wal::storage::file::{Backend, Direct, FileStorage};
use landrush_wal::storage::memory::MemoryStorage;

use crate::harness::{open, settle, small, write};

fn round_trip<S: Storage>(storage: &S) {
    let mut last = Lsn::ZERO;
    for round in 1..=3 {
        let (mut started, recovered) = open(storage, &small()).unwrap();
        assert_eq!(recovered.last_lsn, last);
        assert_eq!(recovered.torn_tail, None);
        // More than a segment holds, so that each round rotates.
        last = write(&mut started, last, &[1, 2, 20, 5].repeat(100)).unwrap();
        assert!(started.store.sealed_segments().len() >= 2 * round, "{:?}", started.store.sealed_segments());
        assert_eq!(started.log.close().unwrap(), last);
    }
    let report = verify(storage, &mut |_, _| {}).unwrap();
    assert!(
        matches!(&report.finding, Finding::Sound(end) if end.last_lsn == last && end.torn_tail.is_none()),
        "{report:?}"
    );
}

#[test]
fn what_was_acknowledged_is_there_after_a_restart() {
    round_trip(&MemoryStorage::new());
}

#[test]
fn every_backend_on_a_file_system_keeps_what_it_acknowledged() {
    for (backend, direct) in
        [(Backend::Auto, Direct::Auto), (Backend::Auto, Direct::Off), (Backend::Thread, Direct::Off)]
    {
        let directory = tempfile::tempdir().unwrap();
        round_trip(&FileStorage::new(directory.path()).with_backend(backend).with_direct(direct));
    }
}

#[test]
fn many_batches_at_once_share_frames_and_are_acknowledged_in_order() {
    let storage = MemoryStorage::new();
    let (mut started, _) = open(&storage, &small()).unwrap();
    let mut last = Lsn::ZERO;
    for _ in 0..30 {
        last = started.log.append(&crate::harness::batch(last.0 + 1, 3));
    }
    settle(&mut started, last).unwrap();
    let frames = started.log.status().counters().frames.load(std::sync::atomic::Ordering::Relaxed);
    assert!(frames < 6, "{frames} frames");
}
