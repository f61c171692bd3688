//! What a comparison found, as a JSON document: every round's figures, so that other medians can be taken of them.

use serde_json::{Value, json};

use crate::compare::contender::Contender;
use crate::compare::line::{Figure, Line, Round};
use crate::compare::setting::Setting;
use crate::compare::transcript::SLICE;
use crate::recorder::Recorder;

/// The document, over `lines` measured in `setting` with loads of `seconds`.
pub(super) fn document(lines: &[Line], setting: &Setting, seconds: u16, seed: u64) -> Value {
    let lines_json: Vec<_> = lines.iter().map(|line| of_line(line, lines)).collect();
    json!({"setting": setting, "seconds": seconds, "seed": seed, "measured": lines_json})
}

fn of_line(line: &Line, all: &[Line]) -> Value {
    let own = all.iter().find(|own| own.group == line.group && own.contender == Contender::Landrush);
    let ratio = |figure| own.and_then(|own| own.ratio(line, figure));
    let of = |part: fn(&Round) -> f64| summary(line, |round| Some(part(round)));
    json!({
        "contender": line.contender.name(),
        "group": line.group,
        "connections": line.connections,
        "pipeline": line.pipeline,
        "top_per_s": of(|round| round.top_per_s),
        "refusals_per_s": summary(line, |round| round.refusals_per_s),
        "offered_per_s": of(|round| round.offered_per_s),
        "achieved_per_s": of(|round| round.achieved_per_s),
        "p50_ms": of(|round| round.p50_ms),
        "p99_ms": of(|round| round.p99_ms),
        "p999_ms": of(|round| round.p999_ms),
        "cpu_s_per_100k": of(|round| round.cpu_s_per_100k),
        "throughput": {"slice_ms": SLICE.as_secs_f64() * 1e3, "per_s": line.throughput().collect::<Vec<_>>()},
        "landrush_times": {
            "top_per_s": ratio(Figure::Claims),
            "refusals_per_s": ratio(Figure::Refusals),
            "cpu_s_per_100k": ratio(Figure::Cpu),
        },
        "rounds": line.rounds,
        "outcomes": {"top": outcomes(&line.top), "half": outcomes(&line.half)},
        "codes": line.codes,
        "oracle": line.verdict.as_ref().map(|verdict| {
            json!({"wins": verdict.wins, "violations": verdict.violations, "words": verdict.words})
        }),
    })
}

/// Median, least and most over the rounds; nothing, where a round has no such figure.
fn summary(line: &Line, part: impl Fn(&Round) -> Option<f64> + Copy) -> Value {
    let Some(median) = line.median_of(part) else { return Value::Null };
    let (least, most) = line.spread(|round| part(round).unwrap_or(median));
    json!({"median": median, "min": least, "max": most})
}

fn outcomes(recorder: &Recorder) -> Value {
    recorder.outcomes().map(|(name, latencies)| (name.to_owned(), Value::from(latencies.count()))).collect()
}
