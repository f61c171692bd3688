//! `landrush wal repair`: drops the end of a log that is damaged, after saying what is lost with it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use landrush_engine::codec::decode_event;
use landrush_engine::event::Change;
use landrush_engine::id::CampaignNumber;
use landrush_wal::lsn::Lsn;
use landrush_wal::repair::{Plan, apply, plan};
use landrush_wal::storage::file::FileStorage;

use super::campaigns::known_before;
use super::reading::Log;
use super::{Failure, counted};

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
    let planned = plan(&storage, keep).map_err(Failure::Repair)?;
    let losses = Losses::behind(&arguments.dir, keep)?;
    check_base(&arguments.dir, &planned)?;
    writeln!(out, "kept      records up to {keep}")?;
    writeln!(out, "cut       {} at offset {}", planned.cut_segment, planned.cut_offset)?;
    for name in planned.segments_set_aside.iter().chain(&planned.snapshots_set_aside) {
        writeln!(out, "set aside {name}")?;
    }
    losses.print(&planned, &mut out)?;
    if !arguments.yes {
        writeln!(
            out,
            "\nNothing has been changed. Whoever holds one of the coupons lost here is told that there is no such"
        )?;
        writeln!(out, "coupon, and its unit is handed out again. Copy the directory away, then add --yes to do it.")?;
        return Err(Failure::Usage(String::from("not done: --yes is missing")));
    }
    apply(&storage, &planned, |buffer| getrandom::fill(buffer).expect("the system has random bytes"))
        .map_err(Failure::Repair)?;
    writeln!(out, "\ndone; what was dropped lies beside the log, its names ending in `.dropped-` and a number")?;
    writeln!(out, "next: landrush wal verify {}", arguments.dir.display())?;
    Ok(())
}

/// A log whose first segments are trimmed needs a snapshot under it: refuses to drop the last one that could be.
fn check_base(dir: &Path, planned: &Plan) -> Result<(), Failure> {
    let Ok(log) = Log::open(dir) else { return Ok(()) };
    let begins_after = log.reader.begins_after();
    let has_base = log.snapshots.iter().any(|snapshot| snapshot.last_lsn <= planned.keep);
    if begins_after == Lsn::ZERO || has_base {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "the log begins after record {begins_after}, and every snapshot holds records behind {}: what would be left could not \
         be replayed. Nothing has been changed; keep at least the oldest snapshot's records, or restore a backup",
        planned.keep
    )))
}

/// What the records to be dropped say, as far as they can be read.
#[derive(Default)]
struct Losses {
    records: u64,
    undecodable: u64,
    campaigns: BTreeMap<CampaignNumber, Lost>,
}

#[derive(Default)]
struct Lost {
    id: Option<String>,
    created: u64,
    claims: u64,
    voids: u64,
    redemptions: u64,
    /// Settled by a checkout, or run out by themselves.
    settled: u64,
    changes: u64,
    cancelled: u64,
    archived: u64,
}

impl Losses {
    fn behind(dir: &Path, keep: Lsn) -> Result<Self, Failure> {
        let mut losses = Self::default();
        // What is behind the damage cannot be read: that is what the repair is about.
        let Ok(log) = Log::open(dir) else { return Ok(losses) };
        if log.reader.begins_after() > Lsn::ZERO {
            let known = known_before(&log)?;
            losses.campaigns = known
                .into_iter()
                .map(|(number, known)| (number, Lost { id: Some(known.id), ..Lost::default() }))
                .collect();
        }
        let read = log.records(log.reader.begins_after(), Lsn(u64::MAX), "reading the log", &mut |lsn, record| {
            losses.take(record, lsn > keep);
            Ok::<(), Failure>(())
        });
        match read {
            Ok(_) | Err(Failure::Log(_)) => Ok(losses),
            Err(failure) => Err(failure),
        }
    }

    fn take(&mut self, record: &[u8], is_lost: bool) {
        let Ok(event) = decode_event(record) else {
            self.undecodable += u64::from(is_lost);
            self.records += u64::from(is_lost);
            return;
        };
        let campaign = self.campaigns.entry(event.campaign).or_default();
        if let Change::Created { definition, .. } = &event.change {
            campaign.id = Some(definition.id.to_string());
        }
        if !is_lost {
            return;
        }
        self.records += 1;
        match event.change {
            Change::Created { .. } => campaign.created += 1,
            Change::Claimed { .. } | Change::Drew { .. } | Change::Entered { .. } => campaign.claims += 1,
            Change::Voided { .. } => campaign.voids += 1,
            Change::Redeemed { .. } => campaign.redemptions += 1,
            Change::Settled { .. } | Change::HoldExpired { .. } | Change::Expired { .. } => campaign.settled += 1,
            Change::Patched { .. }
            | Change::Resumed { .. }
            | Change::Ended
            | Change::Ranked { .. }
            | Change::CodesImported { .. }
            | Change::Arrived { .. }
            | Change::Registered { .. }
            | Change::Shuffled { .. }
            | Change::Admitted { .. } => campaign.changes += 1,
            Change::Cancelled { .. } => campaign.cancelled += 1,
            Change::Archived => campaign.archived += 1,
        }
    }

    fn print(&self, planned: &Plan, out: &mut impl Write) -> Result<(), Failure> {
        let lost = planned.last_seen.0.saturating_sub(planned.keep.0);
        writeln!(out, "lost      {}", counted(lost.max(self.records), "record"))?;
        for (number, campaign) in &self.campaigns {
            let words = campaign.words();
            if !words.is_empty() {
                let id = campaign.id.as_deref().unwrap_or("of an unknown name");
                writeln!(out, "  campaign {id} (number {}): {}", number.0, words.join(", "))?;
            }
        }
        if self.undecodable > 0 {
            writeln!(out, "  {} of no known form", counted(self.undecodable, "record"))?;
        }
        if lost > self.records {
            writeln!(
                out,
                "  {} behind the damage, seen but not readable in order",
                counted(lost - self.records, "record")
            )?;
        }
        Ok(())
    }
}

impl Lost {
    fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if self.created > 0 {
            words.push(String::from("the campaign itself"));
        }
        let counts = [
            (self.claims, "claim"),
            (self.voids, "void"),
            (self.redemptions, "redemption"),
            (self.settled, "settlement"),
            (self.changes, "change"),
            (self.cancelled, "cancellation"),
            (self.archived, "archiving"),
        ];
        words.extend(counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| counted(count, what)));
        words
    }
}
