//! Latencies by outcome, in histograms that keep three digits.

use std::time::Duration;

use anyhow::{Result, anyhow};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};

/// Latencies outside these bounds are counted at them.
const LATENCY_MIN: Duration = Duration::from_micros(1);
const LATENCY_MAX: Duration = Duration::from_secs(120);

/// Latencies of everything that was asked, and of each outcome.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    all: Latencies,
    outcomes: Vec<(String, Latencies)>,
}

impl Recorder {
    /// Starts with nothing recorded.
    pub(crate) fn new() -> Self {
        Self { all: Latencies::new(), outcomes: Vec::new() }
    }

    /// Counts one request that ended as `outcome`.
    pub(crate) fn record(&mut self, outcome: &str, latency: Duration) {
        self.all.record(latency);
        let known = self.outcomes.iter_mut().find(|(name, _)| name == outcome);
        let latencies = match known {
            Some((_, latencies)) => latencies,
            None => {
                self.outcomes.push((outcome.to_owned(), Latencies::new()));
                &mut self.outcomes.last_mut().expect("just added").1
            }
        };
        latencies.record(latency);
    }

    /// Adds what another one has recorded.
    pub(crate) fn add(&mut self, other: &Self) {
        for (name, latencies) in &other.outcomes {
            self.add_outcome(name, latencies);
        }
    }

    /// Adds a whole distribution of requests that ended as `outcome`.
    pub(crate) fn add_outcome(&mut self, outcome: &str, latencies: &Latencies) {
        self.all.add(latencies);
        match self.outcomes.iter_mut().find(|(known, _)| known == outcome) {
            Some((_, known)) => known.add(latencies),
            None => self.outcomes.push((outcome.to_owned(), latencies.clone())),
        }
    }

    /// All outcomes together.
    pub(crate) fn all(&self) -> &Latencies {
        &self.all
    }

    /// Each outcome by name, the first seen first.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = (&str, &Latencies)> {
        self.outcomes.iter().map(|(name, latencies)| (name.as_str(), latencies))
    }
}

/// One distribution of latencies.
#[derive(Clone, Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    /// Starts with nothing recorded.
    pub(crate) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(nanoseconds(LATENCY_MIN), nanoseconds(LATENCY_MAX), 3);
        Self(histogram.expect("the bounds are ordered and three digits are allowed"))
    }

    /// Counts one.
    pub(crate) fn record(&mut self, latency: Duration) {
        self.0.saturating_record(nanoseconds(latency));
    }

    /// The distribution that [`Latencies::encode`] made bytes of.
    ///
    /// # Errors
    /// When the bytes are no histogram, or one that could not have been recorded here.
    pub(crate) fn decode(mut bytes: &[u8]) -> Result<Self> {
        let decoded: Histogram<u64> =
            Deserializer::new().deserialize(&mut bytes).map_err(|error| anyhow!("a histogram: {error:?}"))?;
        let mut latencies = Self::new();
        latencies.0.add(&decoded).map_err(|error| anyhow!("a histogram with other bounds: {error:?}"))?;
        Ok(latencies)
    }

    /// The distribution as bytes (HdrHistogram's version 2): every count, so that nothing is lost between processes.
    ///
    /// # Errors
    /// When it cannot be serialised.
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(&self.0, &mut bytes).map_err(|error| anyhow!("a histogram: {error:?}"))?;
        Ok(bytes)
    }

    /// How many were recorded.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency that `percent` of the requests did not exceed.
    pub(crate) fn percentile(&self, percent: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_percentile(percent))
    }

    /// Adds what another one has recorded.
    pub(crate) fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    /// The distribution itself, in nanoseconds, for what writes or draws it.
    pub(crate) fn histogram(&self) -> &Histogram<u64> {
        &self.0
    }

    /// The longest latency.
    pub(crate) fn max(&self) -> Duration {
        Duration::from_nanos(self.0.max())
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_recorded_latencies() {
        let mut recorder = Recorder::new();
        for milliseconds in 1..=1_000 {
            recorder.record("won", Duration::from_millis(milliseconds));
        }
        let check = |percent, milliseconds: f64| {
            let found = recorder.all().percentile(percent).as_secs_f64() * 1_000.0;
            assert!((found / milliseconds - 1.0).abs() < 0.002, "p{percent} is {found} ms, expected {milliseconds}");
        };
        check(50.0, 500.0);
        check(90.0, 900.0);
        check(99.0, 990.0);
        check(99.9, 999.0);
        assert!((recorder.all().max().as_secs_f64() - 1.0).abs() < 0.002);
    }

    #[test]
    fn outcomes_are_kept_apart_and_together() {
        let mut recorder = Recorder::new();
        recorder.record("won", Duration::from_millis(1));
        recorder.record("sold_out", Duration::from_millis(8));
        recorder.record("sold_out", Duration::from_millis(8));
        let counts: Vec<_> = recorder.outcomes().map(|(name, latencies)| (name, latencies.count())).collect();
        assert_eq!(counts, [("won", 1), ("sold_out", 2)]);
        assert_eq!(recorder.all().count(), 3);
    }
}
