//! `landrush wal verify`: every frame and every snapshot is read and checked; and where two snapshots are kept, the older one
//! and the log behind it must lead to the newer one, bit by bit.

use std::io::Write;
use std::path::Path;

use landrush_engine::keys::Keys;
use landrush_engine::snapshot::{content_hash, rebuild};
use landrush_wal::reader::{Finding, Reader, verify};
use landrush_wal::snapshot::SnapshotInfo;
use landrush_wal::storage::file::FileStorage;

use super::history::{StoredHistory, Unreadable};
use super::{Failure, advice, open, progress_bar, unreadable};

pub(super) fn run(dir: &Path) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let reader = open(dir)?;
    let bytes: u64 = reader.segments().iter().map(|segment| segment.bytes).sum();
    let bar = progress_bar(bytes, "checking the log");
    let report = verify(&FileStorage::new(dir), &mut |_, frame| bar.inc(u64::from(frame.header.frame_bytes)))
        .map_err(|error| unreadable(&error))?;
    bar.finish_and_clear();
    let end = match report.finding {
        Finding::Sound(end) => end,
        Finding::Damaged(damage) => return Err(Failure::Damaged(format!("{damage}\n{}", advice()))),
    };
    writeln!(
        out,
        "log        sound: records {} to {} in {} frames, {} segments",
        report.first_lsn, end.last_lsn, end.frames, report.segments
    )?;
    if let Some(tail) = &end.torn_tail {
        writeln!(
            out,
            "torn tail  {} bytes in {} from offset {}: a write that a crash cut short (or one under way); never acknowledged",
            tail.bytes_dropped, tail.segment, tail.offset
        )?;
    }
    snapshots(dir, &reader, &mut out)?;
    Ok(())
}

fn snapshots(dir: &Path, reader: &Reader<FileStorage>, out: &mut impl Write) -> Result<(), Failure> {
    let snapshots = reader.snapshots().map_err(Failure::damaged)?;
    for snapshot in &snapshots {
        let mut blocks = reader.open_snapshot(snapshot).map_err(Failure::damaged)?;
        let mut block = Vec::new();
        while blocks.next_block(&mut block).map_err(Failure::damaged)? {}
        writeln!(out, "snapshot   sound: {}, up to record {}", snapshot.name, snapshot.last_lsn)?;
    }
    let [newer, older, ..] = snapshots.as_slice() else { return Ok(()) };
    match Keys::load(dir).map_err(Failure::damaged)? {
        Some(keys) => compare(reader, older, newer, &keys, out),
        None => {
            writeln!(out, "not compared: without the keys in {} no state can be rebuilt", dir.join("keys").display())?;
            Ok(())
        }
    }
}

fn compare(
    reader: &Reader<FileStorage>,
    older: &SnapshotInfo,
    newer: &SnapshotInfo,
    keys: &Keys,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let said = reader.open_snapshot(newer).map_err(Failure::damaged)?.summary().state_hash;
    let history = StoredHistory { reader, snapshot: Some(older), upto: newer.last_lsn };
    let found = content_hash(|sink| {
        rebuild(&history, keys, |block| {
            sink(block);
            Ok::<(), Unreadable>(())
        })
    })?;
    if found != said {
        return Err(Failure::Damaged(format!(
            "snapshot {} is not what {} and the log behind it lead to: one of them is wrong, though all checksums hold",
            newer.name, older.name
        )));
    }
    writeln!(out, "compared   {} and the log behind it lead to {}", older.name, newer.name)?;
    Ok(())
}
