//! What a run found, as a table for people and as JSON for programs.

use std::fmt::Write as _;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use crate::client::Driven;
use crate::oracle::Ledger;
use crate::recorder::{Latencies, Recorder};
use crate::violation::Violation;

/// Violations that are printed; the others are only counted.
const VIOLATIONS_SHOWN: usize = 20;
const PERCENTILES: [(&str, f64); 4] = [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9)];

/// What was measured in one load run.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    /// What was run, in words.
    pub(crate) workload: &'a str,
    pub(crate) driven: Driven,
    pub(crate) recorder: &'a Recorder,
    /// Distinct users who asked.
    pub(crate) users: u64,
    /// Processor time of the server while it was loaded, where the server is ours.
    pub(crate) server_cpu: Option<Duration>,
}

impl Report<'_> {
    /// The text of the report.
    pub(crate) fn text(&self) -> String {
        let driven = &self.driven;
        let mut text = format!("{}\n", self.workload);
        let seconds = driven.elapsed.as_secs_f64();
        let _ = writeln!(text, "{:.0} answers/s: {} in {seconds:.2} s", driven.rate(), driven.answered);
        if let Some(per_answer) = self.cpu_per_answer_us() {
            let _ = writeln!(text, "server processor time: {per_answer:.1} us an answer");
        }
        if driven.broken > 0 {
            let _ = writeln!(text, "connections broken: {}", driven.broken);
        }
        let _ = writeln!(text, "{}", latency_table(self.recorder));
        text
    }

    /// The report as a JSON document, with the judgement over it.
    pub(crate) fn json(&self, ledger: &Ledger) -> Value {
        let outcomes: serde_json::Map<_, _> =
            self.recorder.outcomes().map(|(name, latencies)| (name.to_owned(), latency_json(latencies))).collect();
        json!({
            "workload": self.workload,
            "answers_per_second": self.driven.rate(),
            "sent": self.driven.sent,
            "answered": self.driven.answered,
            "connections_broken": self.driven.broken,
            "elapsed_s": self.driven.elapsed.as_secs_f64(),
            "server_cpu_us_per_answer": self.cpu_per_answer_us(),
            "all": latency_json(self.recorder.all()),
            "outcomes": outcomes,
            "users": self.users,
            "wins": ledger.wins(),
            "violations": ledger.violations().iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }

    fn cpu_per_answer_us(&self) -> Option<f64> {
        let cpu = self.server_cpu?;
        (self.driven.answered > 0).then(|| cpu.as_secs_f64() * 1e6 / self.driven.answered as f64)
    }
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
