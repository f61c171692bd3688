//! A disk that fails or is full, without a loss of power.

use landrush_wal::log::Log;
use landrush_wal::lsn::Lsn;
use landrush_wal::prepare::Step;
use landrush_wal::recovery::{AcquireError, acquire};
use landrush_wal::storage::Folder;
use landrush_wal::storage::faulty::Faults;
use landrush_wal::storage::file::FileStorage;
use landrush_wal::storage::memory::MemoryStorage;

use crate::harness::{OpenError, batch, entropy, look, open, settle, small, write};

fn poisoned_by(faults: Faults) {
    let storage = MemoryStorage::new();
    let (mut started, _) = open(&storage, &small()).unwrap();
    let durable = write(&mut started, Lsn::ZERO, &[5, 1]).unwrap();
    storage.set_faults(faults);
    let lost = started.log.append(&batch(durable.0 + 1, 8));
    let poisoned = settle(&mut started, lost).unwrap_err();
    assert_eq!(poisoned.durable, durable);
    assert!(poisoned.segment.starts_with("0000") && poisoned.offset > 0, "{poisoned}");
    // The disk works again, and the log does not: what the failed write left is unknown.
    storage.set_faults(Faults::default());
    started.log.append(&batch(lost.0 + 1, 1));
    assert!(started.log.pump().is_err());
    assert!(started.log.close().is_err());
    assert!(started.log.status().is_poisoned() && !started.log.status().accepts());
    assert_eq!(started.log.status().durable(), durable);
    drop(started);
    let recovered = look(&storage).unwrap();
    assert!(recovered.last_lsn >= durable && recovered.last_lsn <= lost, "{recovered:?}");
}

#[test]
fn a_failed_write_poisons_the_log_until_a_restart() {
    poisoned_by(Faults { fail: Some(0), ..Faults::default() });
}

#[test]
fn a_short_write_poisons_the_log_and_is_a_torn_tail_afterwards() {
    poisoned_by(Faults { short_write: Some(0), ..Faults::default() });
}

#[test]
fn of_two_writes_in_flight_nothing_is_acknowledged_past_the_failed_one() {
    let storage = MemoryStorage::new();
    let (mut started, _) = open(&storage, &small()).unwrap();
    let durable = write(&mut started, Lsn::ZERO, &[5]).unwrap();
    storage.set_faults(Faults { fail: Some(1), backwards: true, ..Faults::default() });
    started.log.append(&batch(durable.0 + 1, 2));
    // In flight, not reaped; the second goes beside it.
    started.log.pump().unwrap();
    let last = started.log.append(&batch(durable.0 + 3, 30));
    let poisoned = settle(&mut started, last).unwrap_err();
    assert_eq!(started.log.status().durable(), poisoned.durable);
    drop(started);
    storage.reboot();
    assert_eq!(look(&storage).unwrap().last_lsn, poisoned.durable);
}

#[test]
fn a_failed_sync_at_a_start_leaves_everything_to_the_next() {
    let storage = MemoryStorage::new();
    let (mut started, _) = open(&storage, &small()).unwrap();
    let last = write(&mut started, Lsn::ZERO, &[5, 1]).unwrap();
    drop(started);
    let mut failed = 0;
    for operation in 0.. {
        storage.end_process();
        storage.set_faults(Faults { fail: Some(operation), ..Faults::default() });
        match open(&storage, &small()) {
            Err(OpenError::Start(_)) => failed += 1,
            Err(other) => panic!("operation {operation}: {other:?}"),
            Ok((_, recovered)) => {
                assert_eq!(recovered.last_lsn, last);
                if storage.operations().len() < usize::try_from(operation).unwrap() {
                    break;
                }
            }
        }
    }
    assert!(failed > 5, "{failed}");
    storage.reboot();
    assert_eq!(look(&storage).unwrap().last_lsn, last);
}

#[test]
fn a_full_disk_closes_the_log_to_records_in_time_and_room_opens_it_again() {
    let storage = MemoryStorage::new();
    let (mut started, _) = open(&storage, &small()).unwrap();
    let capacity_bytes = Some(2 * small().segment_bytes);
    storage.set_faults(Faults { capacity_bytes, ..Faults::default() });
    let status = started.log.status();
    let mut last = Lsn::ZERO;
    started.log.pump().unwrap();
    while status.accepts() {
        last = write(&mut started, last, &[20]).unwrap();
    }
    assert!(matches!(started.preparer.step(), Step::Failed(_)));
    assert!(started.store.sealed_segments().len() == 1, "the segment made ahead was used");
    // What the last answer allowed still fits, several times over.
    for _ in 0..4 {
        last = write(&mut started, last, &[20]).unwrap();
    }
    assert!(!status.accepts() && !status.is_poisoned());
    // Reads go on.
    started.store.read_records(Lsn::ZERO, last, &mut |_, _| Ok::<_, ()>(())).unwrap();

    storage.set_faults(Faults::default());
    assert!(matches!(started.preparer.step(), Step::Prepared));
    started.log.pump().unwrap();
    assert!(status.accepts());
    last = write(&mut started, last, &[20; 40]).unwrap();
    started.log.close().unwrap();
    drop(started);
    assert_eq!(look(&storage).unwrap().last_lsn, last);
}

#[test]
fn a_start_on_a_full_disk_serves_reads_and_takes_records_once_there_is_room() {
    let storage = MemoryStorage::new();
    let (mut started, _) = open(&storage, &small()).unwrap();
    let last = write(&mut started, Lsn::ZERO, &[20; 10]).unwrap();
    drop(started);
    storage.end_process();
    storage.set_faults(Faults { capacity_bytes: Some(small().segment_bytes + 10_000), ..Faults::default() });
    let (mut started, recovered) = open(&storage, &small()).unwrap();
    assert_eq!(recovered.last_lsn, last);
    assert_eq!(started.log.pump().unwrap(), last);
    assert!(!started.log.status().accepts());
    storage.set_faults(Faults::default());
    assert!(matches!(started.preparer.step(), Step::Prepared));
    started.log.pump().unwrap();
    assert!(started.log.status().accepts());
    let last = write(&mut started, last, &[20; 10]).unwrap();
    drop(started);
    storage.reboot();
    assert_eq!(look(&storage).unwrap().last_lsn, last);
}

#[test]
fn one_process_has_the_directory_and_the_refusal_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let storage = FileStorage::new(directory.path());
    let first = acquire(storage.clone(), small(), entropy(1)).unwrap();
    let Err(AcquireError::Locked { directory: named }) = acquire(storage.clone(), small(), entropy(1)) else {
        panic!("the directory was taken twice");
    };
    assert_eq!(named, directory.path().display().to_string());
    drop(first);
    acquire(storage, small(), entropy(1)).unwrap();
}

#[test]
fn taking_a_directory_writes_no_segment() {
    let storage = MemoryStorage::new();
    drop(acquire(storage.clone(), small(), entropy(1)).unwrap());
    assert!(storage.operations().is_empty());
    assert!(crate::harness::segments(&storage).is_empty());
    assert_eq!(storage.read(Folder::Log, "lock"), None);
}
