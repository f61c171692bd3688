//! Giving up the end of a damaged log.

use landrush_wal::log::Log;
use landrush_wal::lsn::Lsn;
use landrush_wal::reader::{Finding, verify};
use landrush_wal::repair::{RepairError, apply, plan};
use landrush_wal::storage::faulty::{Cut, Faults, Kept, Others};
use landrush_wal::storage::memory::MemoryStorage;
use landrush_wal::storage::{Folder, Storage};

use crate::harness::{entropy, flip, look, open, segments, small, write};

/// A closed log of several segments, damaged in the second one.
fn damaged() -> (MemoryStorage, Lsn, Lsn) {
    let storage = MemoryStorage::new();
    let (mut started, _) = open(&storage, &small()).unwrap();
    let last = write(&mut started, Lsn::ZERO, &[20; 150]).unwrap();
    started.log.close().unwrap();
    drop(started);
    let second = segments(&storage)[1].clone();
    flip(&storage, &second, 30_000, 4);
    let report = verify(&storage, &mut |_, _| {}).unwrap();
    let Finding::Damaged(damage) = report.finding else { panic!("{report:?}") };
    assert_eq!(damage.segment, second);
    let Err(RepairError::Unreadable { readable, .. }) = plan(&storage, last) else { panic!("all is readable") };
    (storage, readable, last)
}

#[test]
fn after_a_repair_the_log_holds_what_was_kept_and_goes_on() {
    let (storage, readable, last) = damaged();
    // At the damage, inside a frame, in the segment before, at its very beginning.
    for keep in [readable, Lsn(readable.0 - 7), Lsn(25), Lsn(0)] {
        let storage = storage.fork();
        let planned = plan(&storage, keep).unwrap();
        assert_eq!((planned.keep, planned.last_seen), (keep, last));
        apply(&storage, &planned, entropy(7)).unwrap();
        assert_eq!(look(&storage).unwrap().last_lsn, keep);
        let (mut started, recovered) = open(&storage, &small()).unwrap();
        assert_eq!((recovered.last_lsn, recovered.torn_tail), (keep, None));
        let last = write(&mut started, keep, &[3; 60]).unwrap();
        started.log.close().unwrap();
        drop(started);
        storage.reboot();
        assert_eq!(look(&storage).unwrap().last_lsn, last);
        let aside = storage.list(Folder::Log).unwrap().into_iter().filter(|entry| entry.name.contains(".dropped-"));
        assert!(aside.count() >= 2, "what was dropped is still there");
    }
}

#[test]
fn a_repair_can_be_made_again_after_a_cut_at_any_step() {
    let (storage, readable, _) = damaged();
    let keep = Lsn(readable.0 - 5);
    let mut cuts = 0;
    for operation in 0.. {
        let storage = storage.fork();
        let others = if operation % 2 == 0 { Others::Lost } else { Others::Kept };
        storage
            .set_faults(Faults { cut: Some(Cut { operation, kept: Kept::Prefix(100), others }), ..Faults::default() });
        let planned = plan(&storage, keep).unwrap();
        if apply(&storage, &planned, entropy(7)).is_ok() {
            break;
        }
        cuts += 1;
        storage.reboot();
        let planned = plan(&storage, keep).unwrap();
        apply(&storage, &planned, entropy(8)).unwrap();
        storage.reboot();
        assert_eq!(look(&storage).unwrap().last_lsn, keep);
    }
    assert!(cuts > 8, "{cuts}");
}

#[test]
fn what_cannot_be_read_cannot_be_kept_and_a_running_log_is_left_alone() {
    let (storage, readable, _) = damaged();
    let refused = plan(&storage, readable.plus(1));
    assert!(
        matches!(refused, Err(RepairError::Unreadable { readable: found, .. }) if found == readable),
        "{refused:?}"
    );
    let planned = plan(&storage, readable).unwrap();
    let _lock = storage.lock().unwrap();
    assert!(matches!(apply(&storage, &planned, entropy(1)), Err(RepairError::Locked { .. })));
}
