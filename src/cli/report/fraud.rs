//! Owns how a report on fraud looks to people: sentences first, then a table for each kind of mark.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table};
use serde::Deserialize;

/// A report, as the server answers it.
#[derive(Debug, Deserialize)]
pub(super) struct Report {
    campaign_id: String,
    since: String,
    granted: u64,
    refused: u64,
    repeated: u64,
    early: Early,
    gate_refused: BTreeMap<String, u64>,
    by: Vec<Breakdown>,
}

#[derive(Debug, Deserialize)]
struct Early {
    within_ms: u64,
    granted: u64,
    refused: u64,
}

#[derive(Debug, Deserialize)]
struct Breakdown {
    kind: String,
    distinct: u64,
    granted: u64,
    refused: u64,
    granted_error: u64,
    refused_error: u64,
    top_share: f64,
    even_share: f64,
    top: Vec<Line>,
}

#[derive(Debug, Deserialize)]
struct Line {
    name: String,
    granted: u64,
    refused: u64,
    share: f64,
}

/// How many marks the shares are of.
const TOP: u64 = 10;

/// Writes `report`.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Report { campaign_id, since, granted, refused, repeated, early, gate_refused, by } = report;
    writeln!(out, "{campaign_id}: {granted} granted, {refused} refused, {repeated} repeated, since {since}")?;
    writeln!(
        out,
        "within {} ms of an opening: {} granted ({}), {} refused",
        early.within_ms,
        early.granted,
        percent(part(early.granted, *granted)),
        early.refused
    )?;
    let reasons: Vec<String> =
        gate_refused.iter().filter(|(_, count)| **count > 0).map(|(name, count)| format!("{name} {count}")).collect();
    let reasons = if reasons.is_empty() { String::from("nothing") } else { reasons.join(", ") };
    writeln!(out, "refused by the gate: {reasons}")?;
    by.iter().filter(|by| by.granted + by.refused > 0).try_for_each(|by| breakdown(by, out))
}

fn breakdown(by: &Breakdown, out: &mut dyn Write) -> io::Result<()> {
    let (one, many) = words(&by.kind);
    writeln!(out)?;
    writeln!(out, "{}", sentence(by, one, many))?;
    let mut table = table(io::stdout().is_terminal());
    table.set_header([one, "granted", "share", "refused"]);
    for Line { name, granted, refused, share } in &by.top {
        table.add_row([name.clone(), granted.to_string(), percent(*share), refused.to_string()]);
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    writeln!(out, "{}", table.trim_fmt())?;
    if by.granted_error + by.refused_error > 0 {
        writeln!(
            out,
            "Counts of single lines may be too low: granted by up to {}, refused by up to {}.",
            by.granted_error, by.refused_error
        )?;
    }
    Ok(())
}

/// What a marketer reads: a share, and what it would be if nothing were amiss.
fn sentence(by: &Breakdown, one: &str, many: &str) -> String {
    let count = by.distinct.min(TOP);
    let name = if count == 1 { one } else { many };
    if by.granted == 0 {
        return format!("{} {name} asked, and were granted nothing.", by.distinct);
    }
    format!(
        "{count} {name} took {} of what was granted; spread evenly over the {} seen it would be {}.",
        percent(by.top_share),
        by.distinct,
        percent(by.even_share)
    )
}

/// A kind, for people; one that this program does not know yet by its name.
fn words(kind: &str) -> (&str, &str) {
    match kind {
        "ipv4_24" => ("IPv4 block (/24)", "IPv4 blocks (/24)"),
        "ipv6_48" => ("IPv6 site (/48)", "IPv6 sites (/48)"),
        "ipv6_64" => ("IPv6 network (/64)", "IPv6 networks (/64)"),
        "device" => ("device", "devices"),
        "phone_prefix" => ("phone prefix", "phone prefixes"),
        other => (other, other),
    }
}

fn part(some: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { some as f64 / all as f64 }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Lines between cells for people, none for programs.
fn table(is_terminal: bool) -> Table {
    let mut table = Table::new();
    if is_terminal {
        table.load_style(comfy_table::presets::UTF8_FULL_CONDENSED);
        table.set_content_arrangement(ContentArrangement::Dynamic);
    } else {
        table.load_style(comfy_table::presets::NOTHING);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_told_in_sentences_and_tables() {
        let report = r#"{
            "campaign_id": "sale", "server_time": "2030-03-01T02:00:00.000Z", "since": "2030-03-01T01:00:00.000Z",
            "granted": 1000, "no_coupon": 0, "repeated": 3, "refused": 9000, "something_new": 1,
            "early": {"within_ms": 100, "granted": 380, "refused": 4100},
            "gate_refused": {"rate_limited_device": 70, "denied": 0},
            "by": [
                {"kind": "ipv4_24", "distinct": 0, "granted": 0, "refused": 0, "granted_error": 0,
                 "refused_error": 0, "top_share": 0, "even_share": 0, "top": []},
                {"kind": "device", "distinct": 1240, "granted": 1000, "refused": 9000, "granted_error": 0,
                 "refused_error": 12, "top_share": 0.41, "even_share": 0.0081,
                 "top": [{"name": "5be1c0ff3e5a0d71", "granted": 41, "refused": 360, "share": 0.041}]}
            ]}"#;
        let mut out = Vec::new();
        write(&serde_json::from_str(report).expect("a report"), &mut out).expect("written");
        let text = String::from_utf8(out).expect("UTF-8");
        for part in [
            "sale: 1000 granted, 9000 refused, 3 repeated, since 2030-03-01T01:00:00.000Z",
            "within 100 ms of an opening: 380 granted (38.0 %), 4100 refused",
            "refused by the gate: rate_limited_device 70\n",
            "10 devices took 41.0 % of what was granted; spread evenly over the 1240 seen it would be 0.8 %.",
            "refused by up to 12.",
        ] {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
        let row = text.lines().find(|line| line.contains("5be1c0ff3e5a0d71")).expect("a row");
        assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["5be1c0ff3e5a0d71", "41", "4.1", "%", "360"]);
        assert!(!text.contains("IPv4"), "what nobody bore is left out: {text}");
    }
}
