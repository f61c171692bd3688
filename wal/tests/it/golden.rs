//! A log and a snapshot of every released format, as bytes: this build writes the same, and still reads them.

use std::path::PathBuf;

use landrush_wal::log::Log;
use landrush_wal::lsn::Lsn;
use landrush_wal::options::LogOptions;
use landrush_wal::snapshot::SnapshotSummary;
use landrush_wal::storage::memory::MemoryStorage;
use landrush_wal::storage::{Folder, Storage};

use crate::harness::{Hand, look, open, record, small, write};

/// Set to write the files anew, when a new format is released.
const WRITE: &str = "LANDRUSH_WRITE_GOLDEN";

fn path(folder: Folder, name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1").join(folder.name()).join(name)
}

/// Two starts, a torn tail in between, and a snapshot.
fn build() -> MemoryStorage {
    let (storage, hand) = (MemoryStorage::new(), Hand::default());
    let options = LogOptions { clock: hand.clock(), ..small() };
    let (mut started, _) = open(&storage, &options).unwrap();
    let last = write(&mut started, Lsn::ZERO, &[1, 2, 20]).unwrap();
    drop(started);
    storage.reboot();
    let (mut started, _) = open(&storage, &options).unwrap();
    let last = write(&mut started, last, &[4]).unwrap();
    started.log.close().unwrap();
    let mut writer = started.store.snapshot_writer(last).unwrap();
    writer.write_block(b"a block").unwrap();
    writer.finish(SnapshotSummary { items: 1, state_hash: [3; 32] }).unwrap();
    storage
}

/// The zeros at a file's end are left out of the repository.
fn files(storage: &MemoryStorage) -> Vec<(Folder, String, Vec<u8>)> {
    let mut files = Vec::new();
    for folder in [Folder::Log, Folder::Snapshots] {
        for entry in storage.list(folder).unwrap() {
            let mut bytes = storage.read(folder, &entry.name).unwrap();
            let used = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            bytes.truncate(used);
            if used > 0 {
                files.push((folder, entry.name, bytes));
            }
        }
    }
    files
}

#[test]
fn this_build_writes_the_released_format_to_the_byte() {
    let files = files(&build());
    assert_eq!(files.len(), 3);
    for (folder, name, bytes) in files {
        let path = path(folder, &name);
        if std::env::var_os(WRITE).is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &bytes).unwrap();
        }
        assert!(std::fs::read(&path).unwrap() == bytes, "{} is written differently", path.display());
    }
}

#[test]
fn the_released_format_still_opens() {
    let storage = MemoryStorage::new();
    for folder in [Folder::Log, Folder::Snapshots] {
        for entry in std::fs::read_dir(path(folder, "")).unwrap() {
            let entry = entry.unwrap();
            let mut bytes = std::fs::read(entry.path()).unwrap();
            if folder == Folder::Log {
                bytes.resize(bytes.len().next_multiple_of(512), 0);
            }
            storage.put(folder, entry.file_name().to_str().unwrap(), bytes);
        }
    }
    assert_eq!(look(&storage).unwrap().last_lsn, Lsn(27));
    let (started, recovered) = open(&storage, &small()).unwrap();
    assert_eq!(recovered.records, 27);
    let info = started.store.snapshots().unwrap().remove(0);
    assert_eq!(info.last_lsn, Lsn(27));
    let mut block = Vec::new();
    assert!(started.store.open_snapshot(&info).unwrap().next_block(&mut block).unwrap());
    assert_eq!(block, b"a block");
    assert_eq!(record(1), b"record 1 .......");
}
