//! All measurements of one contender at one number of connections: medians, spreads, and ratios round by round.

use std::collections::BTreeMap;

use crate::compare::contender::Contender;
use crate::compare::measure::{Sample, Verdict};
use crate::compare::transcript::SLICE;
use crate::recorder::Recorder;

/// What landrush is held against others by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    /// Claims a second in the closed loop.
    Claims,
    /// Refusals a second once sold out.
    Refusals,
    /// Processor time a claim.
    Cpu,
}

impl Figure {
    const ALL: [Self; 3] = [Self::Claims, Self::Refusals, Self::Cpu];

    /// The word for it on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Claims => "claims",
            Self::Refusals => "refusals",
            Self::Cpu => "cpu",
        }
    }

    /// The figure that `name` stands for.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|figure| figure.name() == name)
    }

    fn of(self, round: &Round) -> Option<f64> {
        match self {
            Self::Claims => Some(round.top_per_s),
            Self::Refusals => round.refusals_per_s,
            Self::Cpu => Some(round.cpu_s_per_100k),
        }
    }
}

/// What one contender came to over all rounds.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) contender: Contender,
    /// Connections of the group that it was measured with; its own may be fewer.
    pub(crate) group: u16,
    /// Its own connections.
    pub(crate) connections: u16,
    /// Requests that each of them had on their way at most.
    pub(crate) pipeline: u16,
    pub(crate) rounds: Vec<Round>,
    /// Latencies of the closed loops of all rounds.
    pub(crate) top: Recorder,
    /// Latencies of the open loops of all rounds.
    pub(crate) half: Recorder,
    /// Answers in each slice of time in the closed loop, added up over the rounds.
    pub(crate) slices: Vec<u64>,
    /// Refusals and failures by code, added up over the rounds.
    pub(crate) codes: BTreeMap<String, u64>,
    /// The oracle's judgements added up, or nothing where nothing is remembered.
    pub(crate) verdict: Option<Verdict>,
}

/// The figures of one round. Those that a contender does not have are absent.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct Round {
    /// Answers a second in the closed loop.
    pub(crate) top_per_s: f64,
    /// Requests a second planned in the open loop.
    pub(crate) offered_per_s: f64,
    /// Answers a second in the open loop.
    pub(crate) achieved_per_s: f64,
    /// Latency in the open loop, from the intended moment of sending.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
    /// Refusals a second once sold out, if it came to that.
    pub(crate) refusals_per_s: Option<f64>,
    /// How long the coupons of the small campaign lasted.
    pub(crate) sold_out_after_ms: Option<f64>,
    /// Processor time of the contender for 100,000 claims of the closed loop, in seconds.
    pub(crate) cpu_s_per_100k: f64,
    /// The same of the generator.
    pub(crate) generator_s_per_100k: f64,
    /// Bytes in the log a claim.
    pub(crate) disk_bytes_per_claim: Option<f64>,
    /// Claims that one sync made durable.
    pub(crate) claims_per_sync: Option<f64>,
    /// Memory a claimant.
    pub(crate) claimant_bytes: Option<f64>,
}

impl Line {
    /// Starts without a round.
    pub(crate) fn new(contender: Contender, group: u16, connections: u16, pipeline: u16) -> Self {
        Self {
            contender,
            group,
            connections,
            pipeline,
            rounds: Vec::new(),
            top: Recorder::new(),
            half: Recorder::new(),
            slices: Vec::new(),
            codes: BTreeMap::new(),
            verdict: None,
        }
    }

    /// Adds what one round came to.
    pub(crate) fn add(&mut self, sample: Sample) {
        self.rounds.push(Round::of(&sample));
        self.top.add(&sample.top.recorder);
        self.half.add(&sample.half.recorder);
        if self.slices.len() < sample.top.slices.len() {
            self.slices.resize(sample.top.slices.len(), 0);
        }
        for (sum, count) in self.slices.iter_mut().zip(&sample.top.slices) {
            *sum += count;
        }
        for (code, count) in sample.codes {
            *self.codes.entry(code).or_default() += count;
        }
        let Some(verdict) = sample.verdict else { return };
        let sum = self.verdict.get_or_insert(Verdict { wins: 0, violations: 0, words: Vec::new() });
        sum.wins += verdict.wins;
        sum.violations += verdict.violations;
        sum.words.extend(verdict.words);
    }

    /// The median over the rounds of what `part` picks.
    pub(crate) fn median(&self, part: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(part).collect())
    }

    /// The median over the rounds, if every round has a figure.
    pub(crate) fn median_of(&self, part: impl Fn(&Round) -> Option<f64>) -> Option<f64> {
        let values: Option<Vec<_>> = self.rounds.iter().map(part).collect();
        values.filter(|values| !values.is_empty()).map(median)
    }

    /// The least and the most over the rounds.
    pub(crate) fn spread(&self, part: impl Fn(&Round) -> f64) -> (f64, f64) {
        let values = self.rounds.iter().map(part);
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| (least.min(value), most.max(value)))
    }

    /// Answers a second in each slice of time of the closed loop, the mean of the rounds. The last slice, which the end of the load cuts
    /// short, is left out.
    pub(crate) fn throughput(&self) -> impl Iterator<Item = f64> {
        let whole = self.slices.len().saturating_sub(1);
        let seconds = self.rounds.len().max(1) as f64 * SLICE.as_secs_f64();
        self.slices[..whole].iter().map(move |count| *count as f64 / seconds)
    }

    /// How many times `other` this is, round by round, as the median: what the machine did in a round weighs on both. Nothing, where
    /// one of them has no such figure in a round.
    pub(crate) fn ratio(&self, other: &Self, figure: Figure) -> Option<f64> {
        let rounds = self.rounds.iter().zip(&other.rounds);
        let ratios: Option<Vec<_>> = rounds.map(|(own, other)| Some(figure.of(own)? / figure.of(other)?)).collect();
        ratios.map(median).filter(|ratio| ratio.is_finite())
    }

    /// Claims that one sync made durable, in words: nothing is synced where nothing is remembered, and not everybody counts.
    pub(crate) fn claims_per_sync(&self) -> String {
        match self.median_of(|round| round.claims_per_sync) {
            Some(claims) => format!("{claims:.1}"),
            None if self.contender == Contender::Floor => "-".into(),
            None => "not told".into(),
        }
    }

    /// Whether the oracle found nothing wrong.
    pub(crate) fn is_sound(&self) -> bool {
        self.verdict.as_ref().is_none_or(|verdict| verdict.violations == 0)
    }

    /// The judgement in a word or two.
    pub(crate) fn judgement(&self) -> String {
        match &self.verdict {
            None => "remembers nothing".into(),
            Some(verdict) if verdict.violations == 0 => "sound".into(),
            Some(verdict) => format!("{} violations", verdict.violations),
        }
    }
}

impl Round {
    fn of(sample: &Sample) -> Self {
        let (top, half) = (&sample.top, &sample.half);
        let of_100k = |seconds: f64| seconds * 1e5 / top.driven.answered as f64;
        let latency = |percent| half.recorder.all().percentile(percent).as_secs_f64() * 1e3;
        Self {
            top_per_s: top.rate(),
            offered_per_s: sample.offered,
            achieved_per_s: half.rate(),
            p50_ms: latency(50.0),
            p99_ms: latency(99.0),
            p999_ms: latency(99.9),
            refusals_per_s: sample.refusals,
            sold_out_after_ms: sample.sold_out_after.map(|after| after.as_secs_f64() * 1e3),
            cpu_s_per_100k: of_100k(top.cpu.as_secs_f64()),
            generator_s_per_100k: of_100k(top.generator_cpu.as_secs_f64()),
            disk_bytes_per_claim: top.per_answer(top.disk_bytes),
            claims_per_sync: top.per_answer(top.syncs).filter(|each| *each > 0.0).map(|each| 1.0 / each),
            claimant_bytes: sample.claimant_bytes,
        }
    }
}

/// The middle of `values`, or between the two middles.
/// Of no values it is no number, which tables show as such and JSON as null.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

#[cfg(test)]
impl Line {
    /// A line of rounds that came to `rates` and to nothing else.
    pub(crate) fn with_rates(contender: Contender, group: u16, rates: &[f64]) -> Self {
        let rounds = rates.iter().map(|rate| Round::at(*rate)).collect();
        Self { rounds, ..Self::new(contender, group, group, 1) }
    }
}

#[cfg(test)]
impl Round {
    fn at(top_per_s: f64) -> Self {
        Self {
            top_per_s,
            offered_per_s: 0.0,
            achieved_per_s: 0.0,
            p50_ms: 0.0,
            p99_ms: 0.0,
            p999_ms: 0.0,
            refusals_per_s: None,
            sold_out_after_ms: None,
            cpu_s_per_100k: 0.0,
            generator_s_per_100k: 0.0,
            disk_bytes_per_claim: None,
            claims_per_sync: None,
            claimant_bytes: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(rates: &[f64]) -> Line {
        Line::with_rates(Contender::Landrush, 64, rates)
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine was half as fast in the second round: the ratio does not see it.
        let (own, other) = (line(&[200.0, 100.0, 220.0]), line(&[100.0, 50.0, 100.0]));
        assert!((own.ratio(&other, Figure::Claims).expect("claims") - 2.0).abs() < 1e-9);
        assert!((own.median(|round| round.top_per_s) - 200.0).abs() < 1e-9);
        assert_eq!(own.spread(|round| round.top_per_s), (100.0, 220.0));
    }

    #[test]
    fn throughput_is_the_mean_of_the_rounds_without_the_slice_that_is_cut_short() {
        let mut line = line(&[1.0, 1.0]);
        assert_eq!(line.throughput().count(), 0);
        line.slices = vec![200, 400, 10];
        assert_eq!(line.throughput().collect::<Vec<_>>(), [1_000.0, 2_000.0]);
    }

    #[test]
    fn syncs_that_nobody_counts_are_not_told_and_what_has_no_log_has_none() {
        let mut line = line(&[1.0]);
        assert_eq!(line.claims_per_sync(), "not told");
        line.rounds[0].claims_per_sync = Some(77.16);
        assert_eq!(line.claims_per_sync(), "77.2");
        assert_eq!(Line::with_rates(Contender::Floor, 64, &[1.0]).claims_per_sync(), "-");
    }

    #[test]
    fn refusals_of_who_never_sold_out_are_held_against_nothing() {
        let (own, mut other) = (line(&[1.0, 1.0]), line(&[1.0, 1.0]));
        other.rounds[0].refusals_per_s = Some(3.0);
        assert_eq!(own.ratio(&other, Figure::Refusals), None);
        assert_eq!(other.median_of(|round| round.refusals_per_s), None);
    }

    #[test]
    fn a_figure_that_a_round_lacks_has_no_median() {
        let mut line = line(&[]);
        line.rounds = vec![Round::at(1.0), Round::at(1.0)];
        line.rounds[0].claimant_bytes = Some(40.0);
        assert_eq!(line.median_of(|round| round.claimant_bytes), None);
        line.rounds.pop();
        assert_eq!(line.median_of(|round| round.claimant_bytes), Some(40.0));
    }
}
