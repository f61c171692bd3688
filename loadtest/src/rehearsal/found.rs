//! What a whole scenario found, beyond its phases, as text, as JSON and as an interval log.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use serde_json::{Value, json};

use crate::hlog::{self, Interval};
use crate::oracle::Ledger;
use crate::rehearsal::drift::Drift;
use crate::rehearsal::file::File;
use crate::report::{Report, claimant_bytes, claimant_line, verdict_json};
use crate::used::Used;

/// A scenario that has been played.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) file: &'a File,
    /// How much of the scenario was played (0 to 1).
    pub(super) scale: f64,
    /// Generator processes.
    pub(super) processes: u16,
    /// When the first phase began.
    pub(super) began: SystemTime,
    /// What each phase found, in order.
    pub(super) reports: Vec<Report>,
    /// How the ends of phases compare with their beginnings, by the phase's number.
    pub(super) drifts: Vec<(u64, Drift)>,
    /// What the server used from the opening to the end of the last phase.
    pub(super) used: Used,
    /// Distinct people who asked for coupons.
    pub(super) users: u64,
}

impl Found<'_> {
    /// The figures of the whole, in lines.
    pub(super) fn text(&self) -> String {
        let claimant = claimant_line(claimant_bytes(Some(self.used), self.users), self.users);
        let (bytes, syncs) = (self.used.disk_bytes.unwrap_or_default(), self.used.syncs.unwrap_or_default());
        format!("{claimant}log: {bytes} bytes, {syncs} syncs")
    }

    /// Everything, with the judgement: the oracle's, the redemptions that went wrong, and the watchers who were not told the truth.
    pub(super) fn json(&self, ledger: &Ledger, wrong_redemptions: u64, watchers_misled: usize) -> Value {
        json!({
            "scenario": self.file.name,
            "seed": self.file.seed,
            "scale": self.scale,
            "connections": self.file.connections,
            "processes": self.processes,
            "phases": self.reports.iter().map(Report::json).collect::<Vec<_>>(),
            "drift": self.drifts.iter().map(|(number, drift)| drift.json(*number)).collect::<Vec<_>>(),
            "claimants": self.users,
            "memory_bytes_per_claimant": claimant_bytes(Some(self.used), self.users),
            "log_bytes": self.used.disk_bytes,
            "log_syncs": self.used.syncs,
            "oracle": verdict_json(ledger),
            "wrong_redemptions": wrong_redemptions,
            "watchers_misled": watchers_misled,
        })
    }

    /// Writes the latencies of every phase, tagged by its number and outcome, one phase after another.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn write_hlog(&self, path: &Path) -> Result<()> {
        let names: Vec<_> = (1..=self.reports.len()).map(|number| format!("phase-{number}")).collect();
        let mut start = Duration::ZERO;
        let intervals = names.iter().zip(&self.reports).map(|(name, report)| {
            let length = report.driven.elapsed;
            let interval = Interval { name, start, length, recorder: &report.recorder };
            start += length;
            interval
        });
        hlog::write(path, self.began, &intervals.collect::<Vec<_>>())
    }
}
