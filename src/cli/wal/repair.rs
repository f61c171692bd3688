//! `landrush wal repair`: drops the end of a log that is damaged, after saying what is lost with it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use landrush_engine::codec::decode_event;
use landrush_engine::id::CampaignNumber;
use landrush_wal::lsn::Lsn;
use landrush_wal::repair::{RepairError, apply, plan};
use landrush_wal::storage::file::FileStorage;
use landrush_wal::store::ReadRecordsError;

use super::stats::kind;
use super::{Failure, open};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The data directory.
    pub(in crate::cli) dir: PathBuf,
    /// The last record that is kept.
    #[arg(long, value_name = "LSN")]
    drop_after: u64,
    /// Do it. Without this, only what would be lost is listed.
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let storage = FileStorage::new(&arguments.dir);
    let keep = Lsn(arguments.drop_after);
    let planned = plan(&storage, keep).map_err(refused)?;
    writeln!(out, "kept: records up to {keep}; cut: {} at offset {}", planned.cut_segment, planned.cut_offset)?;
    let lost = planned.last_seen.0.saturating_sub(keep.0);
    writeln!(out, "lost: {lost} records that can be seen, and what cannot be read behind them")?;
    for ((campaign, kind), count) in losses(arguments, keep)? {
        writeln!(out, "  campaign number {}: {kind} {count}", campaign.0)?;
    }
    let aside = planned.segments_set_aside.iter().chain(&planned.snapshots_set_aside);
    for name in aside {
        writeln!(out, "set aside: {name}")?;
    }
    if !arguments.yes {
        return Err(Failure::Usage(String::from(
            "nothing has been changed; whoever holds a coupon from the lost records will be told that there is none. \
             Add --yes to do it",
        )));
    }
    apply(&storage, &planned, |buffer| getrandom::fill(buffer).expect("the system has random bytes"))
        .map_err(refused)?;
    writeln!(out, "done; what was dropped lies beside the log under other names")?;
    Ok(())
}

fn refused(error: RepairError) -> Failure {
    if matches!(error, RepairError::Locked { .. } | RepairError::Unreadable { .. }) {
        Failure::Usage(error.to_string())
    } else {
        Failure::damaged(error)
    }
}

/// What the records behind `keep` say, as far as they can be read.
fn losses(arguments: &Arguments, keep: Lsn) -> Result<BTreeMap<(CampaignNumber, &'static str), u64>, Failure> {
    let mut lost = BTreeMap::new();
    let reader = open(&arguments.dir)?;
    let read = reader.records(keep, Lsn(u64::MAX), &mut |_, record| {
        if let Ok(event) = decode_event(record) {
            *lost.entry((event.campaign, kind(&event.change))).or_default() += 1;
        }
        Ok::<(), std::convert::Infallible>(())
    });
    match read {
        // What is behind the damage is what the repair is about.
        Ok(_) | Err(ReadRecordsError::Read(_)) => Ok(lost),
        Err(ReadRecordsError::Visit(never)) => match never {},
    }
}
