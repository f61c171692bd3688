//! One contender measured once: warm-up, the top rate in a closed loop, latencies in an open loop at half of it, a campaign that sells
//! out under its users' hands, and the oracle's judgement over all of it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::cli::ServerOptions;
use crate::client::{Driven, Width};
use crate::compare::contender::{Contender, Running, Stock};
use crate::compare::transcript::Transcript;
use crate::departures::Pace;
use crate::oracle::Ledger;
use crate::recorder::Recorder;
use crate::schedule::{Arrivals, Schedule};
use crate::server::own_cpu;

/// Load before the measurement, so that neither connections nor caches are cold.
const WARM_UP: Duration = Duration::from_millis(500);
/// Of fewer claimants a server's memory says nothing: buffers of connections, and tables that double, are most of what it grows by.
pub(super) const CLAIMANTS_MIN: u64 = 50_000;
/// Violations whose words are kept.
const VIOLATIONS_KEPT: usize = 20;

/// What is measured, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measurement<'a> {
    /// Keep-alive connections.
    pub(crate) connections: u16,
    /// Requests that each of them has on their way at most.
    pub(crate) pipeline: u16,
    /// How long each of the three loads is.
    pub(crate) length: Duration,
    /// Fixes when the requests of the open loop leave: at random, as people come who know nothing of each other.
    pub(crate) seed: u64,
    pub(crate) server: &'a ServerOptions,
}

/// One load.
#[derive(Debug)]
pub(crate) struct Phase {
    pub(crate) driven: Driven,
    pub(crate) recorder: Recorder,
    /// Answers in each slice of time.
    pub(crate) slices: Vec<u64>,
    /// Processor time of the contender.
    pub(crate) cpu: Duration,
    /// Processor time of the generator.
    pub(crate) generator_cpu: Duration,
    pub(crate) disk_bytes: Option<u64>,
    pub(crate) syncs: Option<u64>,
}

impl Phase {
    /// How many ended as `outcome`.
    pub(crate) fn count(&self, outcome: &str) -> u64 {
        self.recorder.outcomes().find(|(name, _)| *name == outcome).map_or(0, |(_, latencies)| latencies.count())
    }

    /// Answers a second, without those that only say that nothing was done (a server whose queue is full, say).
    pub(crate) fn rate(&self) -> f64 {
        a_second(self.driven.answered - self.count("failed"), self.driven.elapsed)
    }

    /// So much of something for each answer, if it was counted.
    pub(crate) fn per_answer(&self, total: Option<u64>) -> Option<f64> {
        (self.driven.answered > 0).then_some(total? as f64 / self.driven.answered as f64)
    }
}

fn bytes_each(grown: u64, claimants: u64) -> Option<f64> {
    (claimants >= CLAIMANTS_MIN).then(|| grown as f64 / claimants as f64)
}

fn a_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(f64::EPSILON)
}

/// One contender, measured once.
#[derive(Debug)]
pub(crate) struct Sample {
    /// As fast as it goes.
    pub(crate) top: Phase,
    /// Requests a second of the open loop.
    pub(crate) offered: f64,
    /// The open loop.
    pub(crate) half: Phase,
    /// Refusals a second once the few coupons were gone; nothing, if they lasted to the end.
    pub(crate) refusals: Option<f64>,
    /// How long the few coupons lasted.
    pub(crate) sold_out_after: Option<Duration>,
    /// Memory that a claimant costs, in bytes, where that is what holds the claims, and enough of them.
    pub(crate) claimant_bytes: Option<f64>,
    /// Refusals and failures by code, over everything.
    pub(crate) codes: BTreeMap<String, u64>,
    /// What the oracle found, or nothing where nothing is remembered.
    pub(crate) verdict: Option<Verdict>,
}

/// The oracle's judgement.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    /// Coupons that were told.
    pub(crate) wins: usize,
    /// Broken promises.
    pub(crate) violations: usize,
    /// The first of them, in words.
    pub(crate) words: Vec<String>,
}

/// Starts `contender`, measures and judges it, and ends it.
///
/// # Errors
/// When it cannot be started, or does not answer.
pub(crate) fn measure(contender: Contender, measurement: Measurement<'_>) -> Result<Sample> {
    let mut running = Running::start(contender, measurement.server, measurement.pipeline)?;
    let sample = take(contender, measurement, &mut running);
    let sample = running.server().blame(sample)?;
    running.stop()?;
    Ok(sample)
}

/// Measures and judges who is running.
fn take(contender: Contender, measurement: Measurement<'_>, running: &mut Running) -> Result<Sample> {
    let Measurement { connections, pipeline, length, seed, server: _ } = measurement;
    let width = Width { connections: connections.into(), pipeline: pipeline.into() };
    let mut plenty = running.transcript(Stock::Plenty);
    running.drive(Stock::Plenty, width, Pace::Closed(WARM_UP), &mut plenty)?;

    let (before, wins_before) = (running.used()?, plenty.wins().0);
    let top = load(running, Stock::Plenty, width, Pace::Closed(length), &mut plenty)?;
    let offered = (top.rate() / 2.0).max(1.0);
    let schedule = Schedule::new(offered, Arrivals::Poisson, length, seed);
    let half = load(running, Stock::Plenty, width, Pace::Open(Box::new(schedule)), &mut plenty)?;
    let grown = running.used()?.since(before).resident_bytes;
    let claimants = plenty.wins().0 - wins_before;
    let claimant_bytes = grown.and_then(|bytes| bytes_each(bytes, claimants));

    let mut few = running.transcript(Stock::Few);
    let rush = load(running, Stock::Few, width, Pace::Closed(length), &mut few)?;
    let (wins, last_win) = few.wins();
    let sold_out_after = (wins >= Stock::Few.quota()).then_some(last_win);
    let refusals = match contender {
        // It has nothing to sell: all of its answers are held against refusals.
        Contender::Floor => Some(a_second(rush.driven.answered, rush.driven.elapsed)),
        Contender::Landrush | Contender::RedisAlways | Contender::RedisEverysec | Contender::Postgres => {
            sold_out_after.map(|sold_out| a_second(rush.count("refused"), rush.driven.elapsed.saturating_sub(sold_out)))
        }
    };

    let mut ledger = Ledger::default();
    let mut codes = BTreeMap::new();
    for (stock, transcript) in Stock::ALL.into_iter().zip([plenty, few]) {
        let campaign = ledger.add(stock.rules());
        for (code, count) in transcript.tell(&mut ledger, campaign) {
            *codes.entry(code).or_default() += count;
        }
    }
    let verdict = if contender == Contender::Floor {
        ensure!(top.count("answered") == top.driven.answered, "the floor answered with something else");
        None
    } else {
        running.judge(connections.into(), &mut ledger)?;
        let violations = ledger.violations();
        let words = violations.iter().take(VIOLATIONS_KEPT).map(ToString::to_string).collect();
        Some(Verdict { wins: ledger.wins(), violations: violations.len(), words })
    };
    Ok(Sample { top, offered, half, refusals, sold_out_after, claimant_bytes, codes, verdict })
}

fn load(running: &mut Running, stock: Stock, width: Width, pace: Pace, transcript: &mut Transcript) -> Result<Phase> {
    let (before, own_before) = (running.used()?, own_cpu()?);
    transcript.begin();
    let driven = running.drive(stock, width, pace, transcript)?;
    let (used, own_after) = (running.used()?.since(before), own_cpu()?);
    ensure!(driven.answered > 0, "no answers");
    Ok(Phase {
        driven,
        recorder: transcript.recorder().clone(),
        slices: transcript.slices().to_vec(),
        cpu: used.cpu,
        generator_cpu: own_after.saturating_sub(own_before),
        disk_bytes: used.disk_bytes,
        syncs: used.syncs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_few_claimants_is_not_told() {
        assert_eq!(bytes_each(4_000_000, CLAIMANTS_MIN - 1), None);
        assert_eq!(bytes_each(4_000_000, CLAIMANTS_MIN), Some(80.0));
    }
}
