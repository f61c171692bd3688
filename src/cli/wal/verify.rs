//! `landrush wal verify`: every frame and every snapshot is read and checked; the older snapshot and the log behind it must lead
//! to the newer one, bit by bit; and the newest and the log behind it must make sense to the end, as they have to at a start.

use std::io::Write;
use std::path::Path;

use landrush_engine::keys::Keys;
use landrush_engine::snapshot::{Earlier, History, content_hash, rebuild, rebuild_reduced, rebuild_state};
use landrush_wal::lsn::Lsn;
use landrush_wal::reader::{End, Finding, Report, verify};
use landrush_wal::snapshot::SnapshotInfo;
use landrush_wal::storage::file::FileStorage;

use super::history::{StoredHistory, empty_state};
use super::reading::{Log, steadily};
use super::{Failure, counted, progress_bar};

pub(super) fn run(dir: &Path) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let report = frames(dir)?;
    match &report.finding {
        Finding::Sound(end) => print_log(&report, end, &mut out)?,
        Finding::Damaged(_) => {}
    }
    // Of a damaged log too: whoever has to choose what to keep wants to know.
    let whole = steadily(|| snapshots(dir))?;
    for snapshot in &whole {
        writeln!(out, "snapshot   whole: {}, up to record {}", snapshot.name, snapshot.last_lsn)?;
    }
    if let Finding::Damaged(damage) = report.finding {
        return Err(Failure::Log(damage.into()));
    }
    let keys = Keys::load(dir).map_err(Failure::Keys)?;
    let made = steadily(|| contents(dir, keys.as_ref()))?;
    if let Some(made) = made {
        writeln!(out, "compared   {made}")?;
    }
    writeln!(out, "replayed   every record makes sense")?;
    if keys.is_none() {
        writeln!(
            out,
            "keys       not all in {}; without them no coupon code works",
            dir.join(Keys::DIRECTORY).display()
        )?;
    }
    Ok(())
}

fn frames(dir: &Path) -> Result<Report, Failure> {
    let bar = progress_bar(Log::open(dir).map_or(0, |log| log.bytes()), "checking the log");
    let report = verify(&FileStorage::new(dir), &mut |_, frame| bar.inc(u64::from(frame.header.frame_bytes)));
    bar.finish_and_clear();
    report.map_err(Failure::Log)
}

fn print_log(report: &Report, end: &End, out: &mut impl Write) -> Result<(), Failure> {
    let (frames, segments) = (counted(end.frames, "frame"), counted(report.segments as u64, "segment"));
    if end.last_lsn < report.first_lsn {
        writeln!(out, "log        sound: no records in {segments}")?;
    } else {
        writeln!(out, "log        sound: records {} to {} in {frames}, {segments}", report.first_lsn, end.last_lsn)?;
    }
    if let Some(tail) = &end.torn_tail {
        writeln!(
            out,
            "torn tail  {} bytes in {} from offset {}: a write that a crash cut short, or one under way. Nobody was told \
             of it; the next start cuts it off",
            tail.bytes_dropped, tail.segment, tail.offset
        )?;
    }
    Ok(())
}

/// Reads every block of every snapshot, and gives those snapshots, newest first.
fn snapshots(dir: &Path) -> Result<Vec<SnapshotInfo>, Failure> {
    let log = Log::open(dir)?;
    for snapshot in &log.snapshots {
        log.blocks(snapshot, |_| Ok::<(), Failure>(()))?;
    }
    Ok(log.snapshots)
}

/// Rebuilds what the log and the snapshots say, and gives, in words, what was compared.
fn contents(dir: &Path, keys: Option<&Keys>) -> Result<Option<String>, Failure> {
    let log = Log::open(dir)?;
    let newest = log.snapshots.first();
    let older = log.snapshots.get(1);
    // With all of the log still there, even a single snapshot can be compared.
    let comparable = newest.filter(|_| older.is_some() || log.reader.begins_after() == Lsn::ZERO);
    let made = match comparable {
        Some(newer) => Some(compare(&log, older, newer, keys)?),
        None => None,
    };
    let history = StoredHistory { log: &log, snapshot: newest, upto: Lsn(u64::MAX), doing: "replaying the log" };
    rebuild_state(&history, empty_state(keys))?;
    Ok(made)
}

fn compare(
    log: &Log,
    older: Option<&SnapshotInfo>,
    newer: &SnapshotInfo,
    keys: Option<&Keys>,
) -> Result<String, Failure> {
    let said = log.reader.open_snapshot(newer).map_err(Failure::Snapshot)?.summary().state_hash;
    let history = StoredHistory { log, snapshot: older, upto: newer.last_lsn, doing: "rebuilding the snapshot" };
    let found = content_hash(|sink| {
        rebuild(&history, &empty_state(keys), |block| {
            sink(block);
            Ok::<(), Failure>(())
        })
    })?;
    let origin =
        older.map_or_else(|| String::from("the log alone"), |older| format!("{} and the log behind it", older.name));
    if found == said {
        Ok(format!("{} is what follows from {origin}", newer.name))
    } else if is_of_earlier_version(log, &history, newer, said, keys)? {
        Ok(format!("{} is what follows from {origin}, as far as the earlier version kept it that wrote it", newer.name))
    } else {
        Err(Failure::Mismatch { newer: newer.name.clone(), origin })
    }
}

/// Whether an earlier version wrote `newer`, and `history` leads to all that it kept.
fn is_of_earlier_version(
    log: &Log,
    history: &StoredHistory<'_>,
    newer: &SnapshotInfo,
    said: [u8; 32],
    keys: Option<&Keys>,
) -> Result<bool, Failure> {
    let doing = "reading the snapshot";
    let written = StoredHistory { log, snapshot: Some(newer), upto: newer.last_lsn, doing };
    let earlier = Earlier::of(&written)?;
    let is_whole = content_hash(|sink| {
        written.blocks(&mut |block| {
            sink(block);
            Ok(())
        })
    })? == said;
    if earlier.is_empty() || !is_whole {
        return Ok(false);
    }
    let reduced = |history: &StoredHistory<'_>| {
        content_hash(|sink| {
            rebuild_reduced(history, &empty_state(keys), &earlier, |block| {
                sink(block);
                Ok::<(), Failure>(())
            })
        })
    };
    Ok(reduced(&written)? == reduced(history)?)
}
