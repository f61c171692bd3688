//! Snapshots, trimming, and reading what is sealed.

use landrush_wal::lsn::Lsn;
use landrush_wal::snapshot::{SnapshotError, SnapshotInfo, SnapshotSummary};
use landrush_wal::start::Started;
use landrush_wal::storage::faulty::{Cut, Faults, Kept, Others};
use landrush_wal::storage::memory::MemoryStorage;
use landrush_wal::storage::{Folder, Storage};
use landrush_wal::store::Store;

use crate::harness::{look, open, record, replay, small, tenure, write};

fn running() -> (MemoryStorage, Started<MemoryStorage>, Lsn) {
    let storage = MemoryStorage::new();
    let (mut started, _) = open(&storage, &small()).unwrap();
    let last = write(&mut started, Lsn::ZERO, &[20; 150]).unwrap();
    (storage, started, last)
}

fn save(store: &Store<MemoryStorage>, last_lsn: Lsn) -> Result<SnapshotInfo, SnapshotError> {
    let mut writer = store.snapshot_writer(last_lsn)?;
    for block in [&b"first"[..], &[7; 5000], b"last"] {
        writer.write_block(block)?;
    }
    writer.finish(SnapshotSummary { items: 3, state_hash: [5; 32] })
}

fn blocks(store: &Store<MemoryStorage>, info: &SnapshotInfo) -> Result<Vec<Vec<u8>>, SnapshotError> {
    let mut reader = store.open_snapshot(info)?;
    assert_eq!(reader.summary(), SnapshotSummary { items: 3, state_hash: [5; 32] });
    let (mut all, mut block) = (Vec::new(), Vec::new());
    while reader.next_block(&mut block)? {
        all.push(block.clone());
    }
    Ok(all)
}

#[test]
fn a_snapshot_is_read_back_and_two_are_kept() {
    let (_storage, started, last) = running();
    for lsn in [Lsn(5), Lsn(50), last] {
        let info = save(&started.store, lsn).unwrap();
        assert_eq!(blocks(&started.store, &info).unwrap(), [b"first".to_vec(), vec![7; 5000], b"last".to_vec()]);
    }
    let removed = started.store.remove_old_snapshots().unwrap();
    assert_eq!(removed.iter().map(|info| info.last_lsn).collect::<Vec<_>>(), [Lsn(5)]);
    let kept = started.store.snapshots().unwrap();
    assert_eq!(kept.iter().map(|info| info.last_lsn).collect::<Vec<_>>(), [last, Lsn(50)]);
    assert!(started.store.disk_usage().unwrap().snapshot_bytes > 10_000);
}

#[test]
fn no_flipped_bit_in_a_snapshot_passes() {
    let (storage, started, last) = running();
    let info = save(&started.store, last).unwrap();
    let intact = storage.read(Folder::Snapshots, &info.name).unwrap();
    for at in 0..intact.len() {
        let mut rotten = intact.clone();
        rotten[at] ^= 1 << (at % 8);
        storage.put(Folder::Snapshots, &info.name, rotten);
        // The reserved bytes of the header are covered by its checksum too.
        assert!(blocks(&started.store, &info).is_err(), "byte {at}");
    }
    for length in (0..intact.len()).step_by(11) {
        storage.put(Folder::Snapshots, &info.name, intact[..length].to_vec());
        assert!(blocks(&started.store, &info).is_err(), "cut at {length}");
    }
}

#[test]
fn a_snapshot_cut_at_any_step_is_whole_or_not_there() {
    let (storage, started, last) = running();
    drop(started);
    storage.reboot();
    let mut whole = 0;
    for operation in 0.. {
        let disk = storage.fork();
        let (started, _) = open(&disk, &small()).unwrap();
        let others = if operation % 2 == 0 { Others::Lost } else { Others::Kept };
        disk.set_faults(Faults { cut: Some(Cut { operation, kept: Kept::Prefix(9), others }), ..Faults::default() });
        let saved = save(&started.store, last).is_ok();
        assert!(saved || disk.is_off());
        drop(started);
        disk.reboot();
        let (started, _) = open(&disk, &small()).unwrap();
        for info in started.store.snapshots().unwrap() {
            blocks(&started.store, &info).unwrap();
            whole += 1;
        }
        let left_over = disk.list(Folder::Snapshots).unwrap().iter().any(|entry| entry.name.ends_with(".new"));
        assert!(!left_over);
        if saved {
            break;
        }
    }
    assert!(whole > 0);
}

#[test]
fn trimmed_segments_are_gone_and_the_rest_replays_from_the_snapshot() {
    let (storage, started, last) = running();
    let sealed = started.store.sealed_segments();
    assert!(sealed.len() > 2);
    let covered = sealed[1].last_lsn;
    let removed = started.store.trim(Lsn(covered.0)).unwrap();
    assert_eq!(removed, sealed[..2]);
    assert_eq!(started.store.trim(Lsn(sealed[2].last_lsn.0 - 1)).unwrap(), []);
    drop(started);
    assert!(look(&storage).is_err(), "the beginning is gone");
    let mut tenure = tenure(&storage, &small()).unwrap();
    let recovered = replay(&mut tenure, covered).unwrap();
    assert_eq!((recovered.last_lsn, recovered.records), (last, last.0 - covered.0));
    tenure.start().unwrap();
}

#[test]
fn a_snapshot_from_further_on_than_the_log_is_noticed() {
    let (storage, started, last) = running();
    drop(started);
    let mut tenure = tenure(&storage, &small()).unwrap();
    assert!(replay(&mut tenure, last.plus(1)).is_err());
}

#[test]
fn records_are_read_beside_the_running_log_in_any_part() {
    let (_storage, mut started, last) = running();
    for (after, upto) in [(0, 10), (7, 8), (100, 1500), (last.0 - 3, last.0), (5, 5), (0, u64::MAX)] {
        let (mut next, store) = (after, started.store.clone());
        let reached = store
            .read_records(Lsn(after), Lsn(upto), &mut |lsn, bytes| {
                next += 1;
                if lsn == Lsn(next) && bytes == record(next) { Ok(()) } else { Err(lsn) }
            })
            .unwrap();
        assert_eq!((reached, next), (Lsn(upto.min(last.0)), upto.min(last.0)));
    }
    write(&mut started, last, &[1]).unwrap();
}
