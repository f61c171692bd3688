//! What is not a torn tail is refused, with segment and offset.

use std::ops::ControlFlow;

use landrush_wal::log::Log;
use landrush_wal::lsn::Lsn;
use landrush_wal::reader::{Finding, Reader, verify};
use landrush_wal::storage::memory::MemoryStorage;
use landrush_wal::storage::{Folder, Storage};

use crate::harness::{batch, flip, look, open, segments, settle, small, write};

/// A closed log of several segments and two starts.
fn sound() -> (MemoryStorage, Lsn) {
    let storage = MemoryStorage::new();
    let mut last = Lsn::ZERO;
    for _ in 0..2 {
        let (mut started, _) = open(&storage, &small()).unwrap();
        last = write(&mut started, last, &[2, 11, 20].repeat(35)).unwrap();
        started.log.close().unwrap();
    }
    (storage, last)
}

/// Segment, offset and length of each frame, in order.
fn frames(storage: &MemoryStorage) -> Vec<(String, usize, usize)> {
    let mut frames = Vec::new();
    let reader = Reader::open(storage.clone()).unwrap();
    let _ = reader
        .frames::<()>(Lsn::ZERO, &mut |segment, frame| {
            let length = usize::try_from(frame.header.frame_bytes).unwrap();
            frames.push((segment.name.clone(), usize::try_from(frame.offset).unwrap(), length));
            ControlFlow::Continue(())
        })
        .unwrap();
    frames
}

fn used_segments(storage: &MemoryStorage) -> Vec<String> {
    let reader = Reader::open(storage.clone()).unwrap();
    reader.segments().iter().map(|segment| segment.name.clone()).collect()
}

#[track_caller]
fn refused(storage: &MemoryStorage, segment: &str, offset: usize) {
    let error = look(storage).map(|found| found.last_lsn).unwrap_err();
    let expected = (segment.to_owned(), u64::try_from(offset).unwrap());
    assert_eq!(error.damage(), Some(expected), "{error:?}");
}

#[test]
fn a_flipped_bit_anywhere_but_in_the_tail_is_refused() {
    let (storage, _) = sound();
    let mut frames = frames(&storage);
    // The last frame is the seal: nobody was told anything on its account.
    frames.pop();
    let mut turned = 0;
    for (segment, offset, length) in frames {
        // Every header byte in some frame, and a sample of the rest in each.
        for at in (offset + turned % 5..offset + length).step_by(23) {
            let mask = 1 << (turned % 8);
            flip(&storage, &segment, at, mask);
            refused(&storage, &segment, offset);
            flip(&storage, &segment, at, mask);
            turned += 1;
        }
    }
    assert!(turned > 2_000, "{turned}");
    look(&storage).unwrap();
}

#[test]
fn a_flipped_bit_in_a_segments_header_is_refused() {
    let (storage, _) = sound();
    for segment in used_segments(&storage) {
        for at in 0..512 {
            flip(&storage, &segment, at, 0x10);
            let error = look(&storage).map(|found| found.last_lsn).unwrap_err();
            assert_eq!(error.damage(), Some((segment.clone(), 0)), "byte {at}: {error:?}");
            flip(&storage, &segment, at, 0x10);
        }
    }
}

#[test]
fn a_frame_blanked_out_is_refused() {
    let (storage, _) = sound();
    let mut frames = frames(&storage);
    frames.pop();
    for (segment, offset, length) in frames {
        let intact = storage.read(Folder::Log, &segment).unwrap();
        let mut blanked = intact.clone();
        blanked[offset..offset + length].fill(0);
        storage.put(Folder::Log, &segment, blanked);
        refused(&storage, &segment, offset);
        storage.put(Folder::Log, &segment, intact);
    }
}

#[test]
fn a_header_blanked_out_is_refused() {
    let (storage, _) = sound();
    for segment in used_segments(&storage) {
        let intact = storage.read(Folder::Log, &segment).unwrap();
        let mut blanked = intact.clone();
        blanked[..512].fill(0);
        storage.put(Folder::Log, &segment, blanked);
        let error = look(&storage).map(|found| found.last_lsn).unwrap_err();
        assert!(error.damage().is_some(), "{segment}: {error:?}");
        storage.put(Folder::Log, &segment, intact);
    }
}

#[test]
fn a_missing_segment_is_noticed_wherever_it_was() {
    let (storage, last) = sound();
    let names = segments(&storage);
    assert!(names.len() > 4, "{names:?}");
    for name in &names {
        let short = storage.fork();
        short.remove(Folder::Log, name).unwrap();
        let blank = !used_segments(&storage).contains(name);
        let found = look(&short);
        // The segment made ahead holds nothing, unless the one before has promised it.
        assert!(if blank { found.unwrap().last_lsn == last } else { found.is_err() }, "{name}");
    }
    let without_last_two = storage.fork();
    for name in names.iter().rev().take(2) {
        without_last_two.remove(Folder::Log, name).unwrap();
    }
    assert!(look(&without_last_two).is_err());
}

#[test]
fn swapped_segments_are_refused() {
    let (storage, _) = sound();
    let names = used_segments(&storage);
    let bytes: Vec<_> = names.iter().map(|name| storage.read(Folder::Log, name).unwrap()).collect();
    storage.put(Folder::Log, &names[0], bytes[1].clone());
    storage.put(Folder::Log, &names[1], bytes[0].clone());
    refused(&storage, &names[0], 0);
}

#[test]
fn a_segment_of_another_log_is_refused() {
    let (storage, _) = sound();
    let other = MemoryStorage::new();
    let tenure = landrush_wal::recovery::acquire(other.clone(), small(), crate::harness::entropy(99)).unwrap();
    let mut started = tenure.start().unwrap();
    let _ = started.preparer.step();
    write(&mut started, Lsn::ZERO, &[2, 11, 20].repeat(35)).unwrap();
    let names = used_segments(&storage);
    storage.put(Folder::Log, &names[1], other.read(Folder::Log, &names[1]).unwrap());
    refused(&storage, &names[1], 0);
}

/// Frames of an earlier segment in the free space of this one are not taken for its own: another salt, or another place.
#[test]
fn stale_bytes_are_no_frames() {
    let (storage, last) = sound();
    let names = used_segments(&storage);
    let stale = storage.read(Folder::Log, &names[0]).unwrap();
    let (segment, offset, length) = frames(&storage).pop().unwrap();
    let mut bytes = storage.read(Folder::Log, &segment).unwrap();
    let free = offset + length;
    let count = bytes.len() - free;
    bytes[free..].copy_from_slice(&stale[512..512 + count]);
    storage.put(Folder::Log, &segment, bytes.clone());
    let found = look(&storage).unwrap();
    assert_eq!(found.last_lsn, last);
    assert_eq!(found.torn_tail.unwrap().offset, u64::try_from(free).unwrap());
    // Nor are the segment's own, a second time.
    let own = bytes[512..free].to_vec();
    bytes[free..].fill(0);
    let count = own.len().min(bytes.len() - free);
    bytes[free..free + count].copy_from_slice(&own[..count]);
    storage.put(Folder::Log, &segment, bytes);
    assert_eq!(look(&storage).unwrap().last_lsn, last);
}

#[test]
fn a_newer_format_is_refused_and_both_versions_named() {
    let (storage, _) = sound();
    let segment = used_segments(&storage).remove(0);
    let mut bytes = storage.read(Folder::Log, &segment).unwrap();
    bytes[8..12].copy_from_slice(&7u32.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..508]).to_le_bytes();
    bytes[508..512].copy_from_slice(&crc);
    storage.put(Folder::Log, &segment, bytes);
    let message = verify(&storage, &mut |_, _| {}).unwrap_err().to_string();
    assert!(message.contains("format version 7") && message.contains("version 1"), "{message}");
}

#[test]
fn verify_tells_a_torn_tail_from_damage() {
    let storage = MemoryStorage::new();
    let (mut started, _) = open(&storage, &small()).unwrap();
    let durable = write(&mut started, Lsn::ZERO, &[3, 3]).unwrap();
    let pending = started.log.append(&batch(durable.0 + 1, 3));
    settle(&mut started, pending).unwrap();
    drop(started);
    let (segment, offset, _) = frames(&storage).pop().unwrap();
    flip(&storage, &segment, offset + 70, 1);
    let report = verify(&storage, &mut |_, _| {}).unwrap();
    let Finding::Sound(end) = report.finding else { panic!("{report:?}") };
    assert_eq!(end.last_lsn, durable);
    assert_eq!(end.torn_tail.map(|tail| (tail.segment, tail.offset)), Some((segment.clone(), offset as u64)));
    flip(&storage, &segment, 600, 1);
    let report = verify(&storage, &mut |_, _| {}).unwrap();
    assert!(matches!(&report.finding, Finding::Damaged(damage) if damage.segment == segment), "{report:?}");
}
