//! What a load found, as a table for people and as JSON for programs.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use crate::claims::Returned;
use crate::client::Driven;
use crate::oracle::Ledger;
use crate::recorder::{Latencies, Recorder};
use crate::used::Used;
use crate::violation::Violation;

/// Violations that are printed; the others are only counted.
const VIOLATIONS_SHOWN: usize = 20;
const PERCENTILES: [(&str, f64); 4] = [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9)];
/// Outcomes that are no errors: everything else is a refusal by its code, or no answer.
const DECISIONS: [&str; 7] = ["won", "repeated", "no_coupon", "redeemed", "joined", "looked", "place"];
/// Answers for which processor time is given.
const CPU_PER: f64 = 1e5;

/// What was measured in one load.
#[derive(Debug)]
pub(crate) struct Report {
    /// What was run, in words.
    pub(crate) workload: String,
    /// Requests a second that were planned, in an open loop.
    pub(crate) offered: Option<f64>,
    pub(crate) driven: Driven,
    pub(crate) recorder: Recorder,
    /// Distinct users who asked.
    pub(crate) users: u64,
    /// What the server used under the load, where the server is ours.
    pub(crate) used: Option<Used>,
    /// After which time the last coupon was given out, if none was left: from the opening, or the load's beginning if that came later.
    pub(crate) sold_out_after: Option<Duration>,
    /// Who was told to come again and did.
    pub(crate) returned: Returned,
}

impl Report {
    /// The text of the report.
    pub(crate) fn text(&self) -> String {
        let driven = &self.driven;
        let mut text = format!("{}\n", self.workload);
        let seconds = driven.elapsed.as_secs_f64();
        let offered = self.offered.map_or_else(String::new, |rate| format!("offered {rate:.0}/s, achieved "));
        let _ = writeln!(text, "{offered}{:.0} answers/s: {} in {seconds:.2} s", driven.rate(), driven.answered);
        let errors: Vec<_> = self.errors().map(|(code, count)| format!("{code} {count}")).collect();
        let _ = writeln!(text, "errors: {}", if errors.is_empty() { "none".into() } else { errors.join(", ") });
        if self.returned != Returned::default() {
            let Returned { people, times, times_most, gave_up } = self.returned;
            let _ = writeln!(
                text,
                "told to come again: {people} people came {times} times more, one at most {times_most} times; {gave_up} gave up"
            );
        }
        if let Some(after) = self.sold_out_after {
            let _ = writeln!(text, "sold out after {:.3} s", after.as_secs_f64());
        }
        if let Some(seconds) = self.cpu_s_per_100k() {
            let _ = writeln!(text, "server: {seconds:.2} s of processor time for 100,000 answers");
        }
        if let Some((bytes, syncs)) = self.used.and_then(|used| used.disk_bytes.zip(used.syncs)) {
            let _ = writeln!(text, "log: {bytes} bytes, {syncs} syncs");
        }
        if driven.broken > 0 {
            let _ = writeln!(text, "connections broken: {}", driven.broken);
        }
        let _ = writeln!(text, "{}", latency_table(&self.recorder));
        text
    }

    /// The report as a JSON document; the judgement is the whole run's.
    pub(crate) fn json(&self) -> Value {
        let outcomes: serde_json::Map<_, _> =
            self.recorder.outcomes().map(|(name, latencies)| (name.to_owned(), latency_json(latencies))).collect();
        json!({
            "workload": self.workload,
            "offered_per_second": self.offered,
            "answers_per_second": self.driven.rate(),
            "sent": self.driven.sent,
            "answered": self.driven.answered,
            "connections_broken": self.driven.broken,
            "elapsed_s": self.driven.elapsed.as_secs_f64(),
            "sold_out_after_s": self.sold_out_after.map(|after| after.as_secs_f64()),
            "came_again": {
                "people": self.returned.people,
                "times": self.returned.times,
                "times_most": self.returned.times_most,
                "gave_up": self.returned.gave_up,
            },
            "server_cpu_s_per_100k": self.cpu_s_per_100k(),
            "log_bytes": self.used.and_then(|used| used.disk_bytes),
            "log_syncs": self.used.and_then(|used| used.syncs),
            "errors": self.errors().map(|(code, count)| (code.to_owned(), count.into())).collect::<serde_json::Map<_, _>>(),
            "all": latency_json(self.recorder.all()),
            "outcomes": outcomes,
            "users": self.users,
        })
    }

    /// How often each error came, by code.
    fn errors(&self) -> impl Iterator<Item = (&str, u64)> {
        let errors = self.recorder.outcomes().filter(|(name, _)| !DECISIONS.contains(name));
        errors.map(|(name, latencies)| (name, latencies.count()))
    }

    fn cpu_s_per_100k(&self) -> Option<f64> {
        let cpu = self.used?.cpu;
        (self.driven.answered > 0).then(|| cpu.as_secs_f64() * CPU_PER / self.driven.answered as f64)
    }
}

/// What the server's memory has grown by for each who asked, connections and all; nothing where nobody asked, or it is not known.
pub(crate) fn claimant_bytes(used: Option<Used>, claimants: u64) -> Option<u64> {
    used?.resident_bytes?.checked_div(claimants)
}

/// The same in a line, for so many who asked.
pub(crate) fn claimant_line(bytes: Option<u64>, claimants: u64) -> String {
    bytes.map_or_else(String::new, |bytes| {
        format!("memory of the server: grown by {bytes} bytes for each of {claimants} who asked, connections and all\n")
    })
}

/// What the oracle has to say, as JSON.
pub(crate) fn verdict_json(ledger: &Ledger) -> Value {
    let violations: Vec<_> = ledger.violations().iter().map(ToString::to_string).collect();
    json!({"wins": ledger.wins(), "is_sound": violations.is_empty(), "violations": violations})
}

/// Makes sure, before a run, that what it finds can be written to those of `files` that are asked for. A file that is not there yet is
/// not there afterwards: a run that fails leaves no empty one.
///
/// # Errors
/// When one of them cannot be written.
pub(crate) fn ensure_writable(files: &[Option<&Path>]) -> Result<()> {
    let writable = |file: &Path| {
        let is_new = !file.try_exists()?;
        fs::OpenOptions::new().create(true).append(true).open(file)?;
        if is_new { fs::remove_file(file) } else { Ok(()) }
    };
    files
        .iter()
        .flatten()
        .try_for_each(|file| writable(file).with_context(|| format!("cannot write {}", file.display())))
}

/// Writes `document` to `file`, to be read by people too.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write_json(file: &Path, document: &Value) -> Result<()> {
    let text = serde_json::to_string_pretty(document)?;
    fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
}

/// What the oracle has to say, in lines.
pub(crate) fn verdict(violations: &[Violation]) -> String {
    if violations.is_empty() {
        return "oracle: sound\n".into();
    }
    let mut text = format!("oracle: {} violations\n", violations.len());
    for violation in violations.iter().take(VIOLATIONS_SHOWN) {
        let _ = writeln!(text, "  {violation}");
    }
    if violations.len() > VIOLATIONS_SHOWN {
        let _ = writeln!(text, "  and {} more", violations.len() - VIOLATIONS_SHOWN);
    }
    text
}

/// A table without frame whose columns after the first are numbers.
pub(crate) fn number_table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn latency_table(recorder: &Recorder) -> Table {
    let mut table = number_table(["latency, ms", "count", "p50", "p90", "p99", "p99.9", "max"]);
    for (name, latencies) in recorder.outcomes().chain([("all", recorder.all())]) {
        let mut row = vec![name.to_owned(), latencies.count().to_string()];
        row.extend(PERCENTILES.map(|(_, percent)| format!("{:.2}", milliseconds(latencies.percentile(percent)))));
        row.push(format!("{:.2}", milliseconds(latencies.max())));
        table.add_row(row);
    }
    table
}

fn latency_json(latencies: &Latencies) -> Value {
    let mut value = json!({"count": latencies.count(), "max_ms": milliseconds(latencies.max())});
    for (name, percent) in PERCENTILES {
        value[format!("{name}_ms")] = milliseconds(latencies.percentile(percent)).into();
    }
    value
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
