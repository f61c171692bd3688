//! What a comparison found, as tables for a terminal.

use std::fmt::Write as _;

use crate::compare::contender::Contender;
use crate::compare::line::{Figure, Line};
use crate::compare::measure::CLAIMANTS_MIN;
use crate::report::number_table;

/// The tables of all groups, each followed by its ratios.
pub(crate) fn text(lines: &[Line]) -> String {
    let mut groups: Vec<u16> = lines.iter().map(|line| line.group).collect();
    groups.dedup();
    let mut text = String::new();
    for group in groups {
        let lines: Vec<_> = lines.iter().filter(|line| line.group == group).collect();
        let _ = writeln!(text, "\n{group} connections\n{}", rates(&lines));
        let _ = writeln!(text, "\n{}", costs(&lines));
        for line in ratios(&lines) {
            let _ = writeln!(text, "{line}");
        }
        for line in &lines {
            for (code, count) in &line.codes {
                let _ = writeln!(text, "{}: {count} answered {code}", line.contender.name());
            }
            for words in line.verdict.iter().flat_map(|verdict| &verdict.words) {
                let _ = writeln!(text, "{}: VIOLATION: {words}", line.contender.name());
            }
        }
    }
    let _ = writeln!(text);
    for line in legend() {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// What the tables' words mean.
pub(super) fn legend() -> [String; 3] {
    [
        "cpu s, generator s: processor seconds of server and generator for 100,000 claims of the closed loop".into(),
        "pipelined: requests that a connection has on its way at most; -: there is none; not told: the server does not count it".into(),
        format!("memory a claimant: only where {CLAIMANTS_MIN} or more won in each round; refusals: only where all was sold out in each"),
    ]
}

fn rates(lines: &[&Line]) -> comfy_table::Table {
    let mut table = number_table([
        "",
        "conns",
        "pipelined",
        "claims/s",
        "min..max",
        "refusals/s",
        "offered/s",
        "achieved/s",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "oracle",
    ]);
    for line in lines {
        let (least, most) = line.spread(|round| round.top_per_s);
        table.add_row([
            line.contender.name().to_owned(),
            line.connections.to_string(),
            line.pipeline.to_string(),
            format!("{:.0}", line.median(|round| round.top_per_s)),
            format!("{least:.0}..{most:.0}"),
            shown(line.median_of(|round| round.refusals_per_s), 0),
            format!("{:.0}", line.median(|round| round.offered_per_s)),
            format!("{:.0}", line.median(|round| round.achieved_per_s)),
            format!("{:.2}", line.median(|round| round.p50_ms)),
            format!("{:.2}", line.median(|round| round.p99_ms)),
            format!("{:.2}", line.median(|round| round.p999_ms)),
            line.judgement(),
        ]);
    }
    table
}

fn costs(lines: &[&Line]) -> comfy_table::Table {
    let mut table =
        number_table(["", "cpu s", "generator s", "log B/claim", "claims/sync", "memory B/claimant", "sold out ms"]);
    for line in lines {
        table.add_row([
            line.contender.name().to_owned(),
            format!("{:.2}", line.median(|round| round.cpu_s_per_100k)),
            format!("{:.2}", line.median(|round| round.generator_s_per_100k)),
            shown(line.median_of(|round| round.disk_bytes_per_claim), 0),
            line.claims_per_sync(),
            shown(line.median_of(|round| round.claimant_bytes), 0),
            shown(line.median_of(|round| round.sold_out_after_ms), 1),
        ]);
    }
    table
}

/// Landrush against each of the others, in words.
pub(super) fn ratios(lines: &[&Line]) -> Vec<String> {
    let Some(own) = lines.iter().find(|line| line.contender == Contender::Landrush) else { return Vec::new() };
    let others = lines.iter().filter(|line| line.contender != Contender::Landrush);
    let sentence = |other: &&Line| {
        format!(
            "landrush against {}: claims {}, refusals {}, processor time a claim {}",
            other.contender.name(),
            shown(own.ratio(other, Figure::Claims), 2),
            shown(own.ratio(other, Figure::Refusals), 2),
            shown(own.ratio(other, Figure::Cpu), 2),
        )
    };
    others.map(sentence).collect()
}

/// A figure with so many digits after the point, or a dash where there is none.
pub(super) fn shown(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.digits$}"))
}
