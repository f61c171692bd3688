//! A log that was really written, with bytes of its segments replaced and, if the input says so, checksums that fit again:
//! recovery reads it or refuses it, and what it has once read it reads again after a start.
#![no_main]

use std::sync::OnceLock;

use landrush_wal::log::Log;
use landrush_wal::lsn::Lsn;
use landrush_wal::options::LogOptions;
use landrush_wal::reader::verify;
use landrush_wal::records::Records;
use landrush_wal::recovery::acquire;
use landrush_wal::storage::memory::MemoryStorage;
use landrush_wal::storage::{Folder, Storage};
use libfuzzer_sys::fuzz_target;

fn options() -> LogOptions {
    LogOptions { segment_bytes: 64 << 10, frame_bytes_max: 4096, ..LogOptions::default() }
}

/// Two starts and a change of segments.
fn sound() -> &'static MemoryStorage {
    static SOUND: OnceLock<MemoryStorage> = OnceLock::new();
    SOUND.get_or_init(|| {
        let storage = MemoryStorage::new();
        for round in 0..2u8 {
            let mut started = acquire(storage.clone(), options(), |bytes| bytes.fill(round)).unwrap().start().unwrap();
            for frame in 0..40u8 {
                started.preparer.step();
                let mut records = Records::new();
                (0..20).for_each(|_| records.push(|bytes| bytes.extend_from_slice(&[frame; 80])));
                let last = started.log.append(&records);
                while started.log.pump().unwrap() < last {}
            }
            started.log.close().unwrap();
        }
        storage
    })
}

/// Reads the whole log, from wherever it begins.
fn read(storage: &MemoryStorage) -> Option<Lsn> {
    let mut tenure = acquire(storage.clone(), options(), |bytes| bytes.fill(9)).ok()?;
    let mut last = Lsn::ZERO;
    let mut visit = |lsn, _: &[u8]| {
        assert_eq!(lsn, last.plus(1));
        last = lsn;
        Ok::<_, ()>(())
    };
    let recovered = tenure.replay(Lsn::ZERO, &mut visit, &mut |_| {}).ok()?;
    assert_eq!(recovered.last_lsn, last);
    Some(last)
}

fn edit(storage: &MemoryStorage, edits: &[u8], refit: bool) {
    let names: Vec<_> = storage.list(Folder::Log).unwrap().into_iter().map(|entry| entry.name).collect();
    for edit in edits.chunks_exact(8) {
        let name = &names[usize::from(edit[0]) % names.len()];
        let mut bytes = storage.read(Folder::Log, name).unwrap();
        // Near the beginning of some sector, where the headers are.
        let sector = usize::from(u16::from_le_bytes([edit[1], edit[2]])) * 512 % bytes.len();
        let at = sector + usize::from(edit[3]) % 96;
        for (byte, new) in bytes.iter_mut().skip(at).zip(&edit[4..]) {
            *byte = *new;
        }
        if refit && sector + 512 <= bytes.len() {
            refit_sector(&mut bytes, sector);
        }
        storage.put(Folder::Log, name, bytes);
    }
}

fn refit_sector(bytes: &mut [u8], sector: usize) {
    if sector == 0 {
        let crc = crc32c::crc32c(&bytes[..508]).to_le_bytes();
        bytes[508..512].copy_from_slice(&crc);
        return;
    }
    let crc = crc32c::crc32c(&bytes[sector..sector + 56]).to_le_bytes();
    bytes[sector + 56..sector + 60].copy_from_slice(&crc);
    let length: [u8; 4] = bytes[sector + 48..sector + 52].try_into().unwrap();
    let end = (sector + (u32::from_le_bytes(length) as usize).max(64)).min(bytes.len());
    let crc =
        crc32c::crc32c_append(crc32c::crc32c(&bytes[sector..sector + 60]), &bytes[sector + 64..end]).to_le_bytes();
    bytes[sector + 60..sector + 64].copy_from_slice(&crc);
}

fuzz_target!(|input: &[u8]| {
    let Some((&mode, edits)) = input.split_first() else { return };
    let storage = if mode & 2 == 0 {
        let storage = sound().fork();
        edit(&storage, edits, mode & 1 == 1);
        storage
    } else {
        let storage = MemoryStorage::new();
        storage.put(Folder::Log, "00000000000000000001.log", edits.to_vec());
        storage
    };
    drop(verify(&storage, &mut |_, _| {}));
    let Some(last) = read(&storage) else { return };
    let started = acquire(storage.clone(), options(), |bytes| bytes.fill(3)).unwrap().start();
    drop(started.unwrap_or_else(|error| panic!("what was read does not start: {error}")));
    storage.reboot();
    assert_eq!(read(&storage), Some(last));
});
