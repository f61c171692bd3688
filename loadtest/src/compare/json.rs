//! What a comparison found, as a JSON document: every round's figures, so that other medians can be taken of them.

use serde_json::{Value, json};

use crate::compare::contender::Contender;
use crate::compare::line::{Figure, Line};
use crate::compare::setting::Setting;
use crate::recorder::Recorder;

/// The document, over `lines` measured in `setting` with loads of `seconds`.
pub(super) fn document(lines: &[Line], setting: &Setting, seconds: u16, seed: u64) -> Value {
    let lines_json: Vec<_> = lines.iter().map(|line| of_line(line, lines)).collect();
    json!({"setting": setting, "seconds": seconds, "seed": seed, "measured": lines_json})
}

fn of_line(line: &Line, all: &[Line]) -> Value {
    let own = all.iter().find(|own| own.group == line.group && own.contender == Contender::Landrush);
    let ratio = |figure| own.and_then(|own| own.ratio(line, figure));
    let (least, most) = line.spread(|round| round.top_per_s);
    json!({
        "contender": line.contender.name(),
        "group": line.group,
        "connections": line.connections,
        "pipeline": line.pipeline,
        "top_per_s": {"median": line.median(|round| round.top_per_s), "min": least, "max": most},
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

fn outcomes(recorder: &Recorder) -> Value {
    recorder.outcomes().map(|(name, latencies)| (name.to_owned(), Value::from(latencies.count()))).collect()
}
