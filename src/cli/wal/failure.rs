//! Owns why a command ends early, and what is said then: what is wrong, where, and what to do next.

use std::io;
use std::path::Path;

use landrush_engine::keys::KeysError;
use landrush_engine::unsound::Unsound;
use landrush_wal::damage::ReadError;
use landrush_wal::lsn::Lsn;
use landrush_wal::repair::{RepairError, plan};
use landrush_wal::snapshot::SnapshotError;
use landrush_wal::storage::Folder;
use landrush_wal::storage::file::FileStorage;

/// Why a command ended early.
#[derive(Debug)]
pub(super) enum Failure {
    /// The log cannot be read on.
    Log(ReadError),
    /// A snapshot cannot be read.
    Snapshot(SnapshotError),
    /// Everything can be read, and does not make sense.
    Unsound(Unsound),
    /// A snapshot is not what `origin`, the log and an older snapshot perhaps, leads to.
    Mismatch { newer: String, origin: String },
    /// Promises are broken: so many.
    Broken(u64),
    /// The keys cannot be read.
    Keys(KeysError),
    /// A repair was refused.
    Repair(RepairError),
    /// The command cannot be carried out as it was given.
    Usage(String),
    /// Standard output cannot be written.
    Output(io::Error),
    /// Whoever read the output has gone.
    Closed,
}

/// Exit codes.
const DAMAGED: u8 = 1;
const USAGE: u8 = 2;

impl Failure {
    /// Whether a running server may have caused it, by removing what a newer snapshot replaces: worth another look.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Failure::Log(ReadError::Io { source, .. }) | Failure::Snapshot(SnapshotError::Io { source, .. }) => {
                source.kind() == io::ErrorKind::NotFound
            }
            Failure::Log(ReadError::Gap { .. }) => true,
            Failure::Log(_)
            | Failure::Snapshot(_)
            | Failure::Unsound(_)
            | Failure::Mismatch { .. }
            | Failure::Broken(_)
            | Failure::Keys(_)
            | Failure::Repair(_)
            | Failure::Usage(_)
            | Failure::Output(_)
            | Failure::Closed => false,
        }
    }

    /// The exit code, and what to tell; `None` if there is nobody to tell it to.
    pub(super) fn report(&self, dir: &Path) -> Option<(u8, String)> {
        let place = dir.display();
        Some(match self {
            Failure::Closed => return None,
            Failure::Output(error) => (DAMAGED, format!("cannot write the output: {error}")),
            Failure::Usage(what) => (USAGE, what.clone()),
            Failure::Keys(error) => (DAMAGED, format!("{place}: {error}")),
            Failure::Broken(1) => (DAMAGED, format!("{place}: a promise is broken; it is listed with its campaign")),
            Failure::Broken(count) => {
                (DAMAGED, format!("{place}: {count} promises are broken; they are listed with their campaigns"))
            }
            Failure::Mismatch { newer, origin } => (
                DAMAGED,
                format!(
                    "{place}: snapshot {newer} is not what follows from {origin}, though all checksums hold: one of them is \
                     wrong.\nCopy the directory away before anything else. The server would start from {newer}; `landrush \
                     wal replay {place}` counts what the others say. Compare that with a backup and with the shop's orders."
                ),
            ),
            Failure::Unsound(unsound) => (DAMAGED, format!("{place}: {unsound}\n{}", unsound_advice(unsound, dir))),
            Failure::Snapshot(error) => snapshot(error, dir),
            Failure::Log(error) => log(error, dir),
            Failure::Repair(error) => repair(error, dir),
        })
    }
}

impl From<io::Error> for Failure {
    /// An error of writing to standard output.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Failure::Closed } else { Failure::Output(error) }
    }
}

impl From<Unsound> for Failure {
    fn from(unsound: Unsound) -> Self {
        Failure::Unsound(unsound)
    }
}

fn log(error: &ReadError, dir: &Path) -> (u8, String) {
    let place = dir.display();
    match error {
        ReadError::Damaged(damage) => (DAMAGED, format!("{place}: {damage}\n{}", damage_advice(dir))),
        ReadError::Gap { .. } | ReadError::Behind { .. } => (
            DAMAGED,
            format!("{place}: {error}\nPut the missing files back into {place}, or restore a backup of all of it."),
        ),
        ReadError::Io { source, .. } => unreadable(error, source, dir),
        ReadError::Version { .. } => (USAGE, format!("{place}: {error}; use the build that wrote it, or a newer one")),
        // The log's crate may learn of more.
        _ => (DAMAGED, format!("{place}: {error}")),
    }
}

fn snapshot(error: &SnapshotError, dir: &Path) -> (u8, String) {
    let place = dir.display();
    match error {
        SnapshotError::Io { source, .. } => unreadable(error, source, dir),
        SnapshotError::Damaged { name, .. } => {
            let path = dir.join(Folder::Snapshots.name()).join(name);
            let path = path.display();
            (
                DAMAGED,
                format!(
                    "{place}: {error}\nWhere an older snapshot is kept, it and the log behind it hold the same: stop the \
                     server, rename {path} to {path}.damaged, and run `landrush wal verify {place}` again. Else restore \
                     a backup."
                ),
            )
        }
        SnapshotError::Version { .. } => {
            (USAGE, format!("{place}: {error}; use the build that wrote it, or a newer one"))
        }
        // The log's crate may learn of more.
        _ => (DAMAGED, format!("{place}: {error}")),
    }
}

fn repair(error: &RepairError, dir: &Path) -> (u8, String) {
    let place = dir.display();
    match error {
        RepairError::Read(error) => log(error, dir),
        RepairError::Locked { .. } => (USAGE, format!("{error}: stop the server first; nothing has been changed")),
        RepairError::Changed => (USAGE, format!("{place}: {error}; nothing has been changed, run the command again")),
        RepairError::Unreadable { readable, .. } => {
            (USAGE, format!("{place}: {error}; keep at most these: --drop-after {readable}"))
        }
        RepairError::Write { .. } => {
            (DAMAGED, format!("{place}: {error}\nThe same repair can be run again once that is mended."))
        }
        // Of this one, and of what the log's crate may learn: nothing was changed.
        RepairError::Empty | _ => (DAMAGED, format!("{place}: {error}")),
    }
}

/// What the operating system refuses says nothing of the log, unless it is the disk that fails.
fn unreadable(error: &dyn std::fmt::Display, source: &io::Error, dir: &Path) -> (u8, String) {
    let place = dir.display();
    if source.kind() == io::ErrorKind::PermissionDenied {
        (USAGE, format!("{place}: {error}; run this as the server's user"))
    } else {
        (DAMAGED, format!("{place}: {error}"))
    }
}

fn unsound_advice(unsound: &Unsound, dir: &Path) -> String {
    let place = dir.display();
    match unsound {
        Unsound::Undecodable { lsn, .. } | Unsound::Inconsistent { lsn, .. } => format!(
            "Its checksum holds, so it was written like this; the server does not start over it. See it with `landrush wal \
             dump --from {lsn} --to {lsn} {place}`, and restore a backup, or give up everything from it on: `landrush wal \
             repair --drop-after {before} {place}` lists what that loses.",
            before = lsn.0.saturating_sub(1)
        ),
        Unsound::Block | Unsound::Campaign(_) => {
            format!("Its checksums hold, so it was written like this. Restore a backup of {place}.")
        }
        // The engine may learn of more.
        _ => format!("Restore a backup of {place}."),
    }
}

fn damage_advice(dir: &Path) -> String {
    let place = dir.display();
    let mut advice = String::from(
        "The server does not start over this: what it has promised lies at that place or behind it. Copy the directory \
         away first. Then restore a backup",
    );
    if let Some(readable) = last_readable(dir) {
        advice.push_str(&format!(
            "; or give up everything behind record {readable}, the last one that can be read: `landrush wal repair \
             --drop-after {readable} {place}` lists what that loses, and changes nothing without --yes"
        ));
    }
    advice.push('.');
    advice
}

/// The last record before the first damage, as a repair would find it.
pub(super) fn last_readable(dir: &Path) -> Option<Lsn> {
    match plan(&FileStorage::new(dir), Lsn(u64::MAX)) {
        Err(RepairError::Unreadable { readable, .. }) => Some(readable),
        Ok(_) | Err(_) => None,
    }
}
