//! Whether a load's end is as good as its beginning: rate, latencies, processor time and memory of the last tenth against the first.
//! A server that slows down, or keeps what it need not, shows here and in no average over the whole.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::claims::{Claims, Timeline};
use crate::load::Own;
use crate::rehearsal::file::Phase;
use crate::report::{Report, number_table};

/// Parts that a load is cut into.
const PARTS: u32 = 10;
/// A part that is shorter says nothing: processor time is told to 10 ms.
const PART_MIN: Duration = Duration::from_millis(500);

/// How much worse the last tenth may be than the first.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct Bounds {
    /// Share of the first tenth's rate that must be left (0 to 1).
    rate_least: f64,
    /// So many times the first tenth's median latency.
    p50_times: f64,
    /// So many times the first tenth's 99th percentile.
    p99_times: f64,
    /// Latencies may be higher by this anyway, in milliseconds: a part of a millisecond doubles easily.
    latency_slack_ms: f64,
    /// So many times the first tenth's processor time a claim.
    cpu_times: f64,
    /// Memory that the server may have grown by between the two, in bytes for each answer between them.
    memory_bytes_per_answer: f64,
}

impl Bounds {
    /// Refuses bounds that could not be kept or not be missed.
    pub(super) fn check(self) -> Result<()> {
        ensure!(self.rate_least > 0.0 && self.rate_least <= 1.0, "rate_least: above 0, at most 1");
        for (name, times) in
            [("p50_times", self.p50_times), ("p99_times", self.p99_times), ("cpu_times", self.cpu_times)]
        {
            ensure!(times >= 1.0 && times.is_finite(), "{name}: at least 1");
        }
        ensure!(self.latency_slack_ms >= 0.0 && self.memory_bytes_per_answer >= 0.0, "a slack: not below 0");
        Ok(())
    }
}

/// One tenth of a load.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tenth {
    rate: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// Processor time of the server an answer.
    cpu_us: f64,
    /// Memory of the server at its end.
    resident_bytes: u64,
}

/// The first and the last tenth, and in what the last is worse than it may be.
#[derive(Clone, Debug)]
pub(super) struct Drift {
    first: Tenth,
    last: Tenth,
    /// Memory that the server has grown by from the end of the one to the end of the other, for each answer between.
    growth: f64,
    /// What is worse, in words.
    pub(super) worse: Vec<String>,
}

/// What `/proc` said of the server at one moment.
#[derive(Clone, Copy, Debug)]
struct Look {
    at: Duration,
    cpu: Duration,
    resident_bytes: u64,
}

/// Lets `play` carry out a phase, and holds its end against its beginning where the phase wants that and is long enough; says so.
///
/// # Errors
/// When `play` fails, the server is gone, or several processes would have to be asked.
pub(super) fn watched(
    own: &Own,
    phase: &Phase,
    processes: u16,
    claims: &mut Claims,
    play: impl FnOnce(&mut Claims) -> Result<Report>,
) -> Result<(Report, Option<Drift>)> {
    let part = phase.length() / PARTS;
    let Some(bounds) = phase.drift.filter(|_| part >= PART_MIN) else {
        let report = play(claims)?;
        if phase.drift.is_some() {
            println!("a tenth of {part:.0?} is too short to hold the end against the beginning: {PART_MIN:?} at least");
        }
        return Ok((report, None));
    };
    ensure!(
        processes == 1,
        "drift: a load whose end is held against its beginning is sent by one process, leave out --processes"
    );
    claims.keep_time(part);
    let (done, is_done) = channel::<()>();
    let (report, looks) = thread::scope(|scope| {
        let looking = scope.spawn(move || {
            let begin = Instant::now();
            (0..=PARTS)
                .map(|number| {
                    let wait = (begin + part * number).saturating_duration_since(Instant::now());
                    // A load that ends early is looked at once more, when it has.
                    let _ended = matches!(is_done.recv_timeout(wait), Err(RecvTimeoutError::Disconnected));
                    let (cpu, resident_bytes) = (own.server.cpu()?, own.server.resident_bytes()?);
                    Ok(Look { at: begin.elapsed(), cpu, resident_bytes })
                })
                .collect::<Result<Vec<_>>>()
        });
        let report = play(claims);
        drop(done);
        anyhow::Ok((report?, looking.join().expect("looking does not panic")?))
    })?;
    let timeline = claims.take_timeline().context("time was kept")?;
    let drift = Drift::of(&timeline, &looks, &bounds)?;
    print!("{}", drift.text());
    Ok((report, Some(drift)))
}

impl Drift {
    fn of(timeline: &Timeline, looks: &[Look], bounds: &Bounds) -> Result<Self> {
        let last = usize::try_from(PARTS - 1)?;
        let tenth = |place: usize| {
            let latencies = timeline.part(place).with_context(|| format!("tenth {} had no answers", place + 1))?;
            let [from, to] = looks.get(place..place + 2).context("too few looks")? else { unreachable!("two of them") };
            let (count, ms) = (latencies.count() as f64, |percent| latencies.percentile(percent).as_secs_f64() * 1e3);
            anyhow::Ok(Tenth {
                rate: count / to.at.saturating_sub(from.at).as_secs_f64().max(f64::EPSILON),
                p50_ms: ms(50.0),
                p99_ms: ms(99.0),
                cpu_us: to.cpu.saturating_sub(from.cpu).as_secs_f64() * 1e6 / count,
                resident_bytes: to.resident_bytes,
            })
        };
        let between: u64 = (1..=last).filter_map(|place| timeline.part(place)).map(|part| part.count()).sum();
        Ok(Self::judge(tenth(0)?, tenth(last)?, between, bounds))
    }

    /// Holds `last` against `first`, `answers` after its end, by `bounds`.
    fn judge(first: Tenth, last: Tenth, answers: u64, bounds: &Bounds) -> Self {
        let growth = last.resident_bytes.saturating_sub(first.resident_bytes) as f64 / answers.max(1) as f64;
        let mut worse = Vec::new();
        if last.rate < first.rate * bounds.rate_least {
            let (now, then, least) = (last.rate, first.rate, bounds.rate_least);
            worse.push(format!("{now:.0} answers/s at the end, {then:.0} at the beginning: below {least} of it"));
        }
        for (name, now, then, times) in
            [("p50", last.p50_ms, first.p50_ms, bounds.p50_times), ("p99", last.p99_ms, first.p99_ms, bounds.p99_times)]
        {
            if now > then * times && now > then + bounds.latency_slack_ms {
                worse.push(format!("{name} {now:.2} ms at the end, {then:.2} ms at the beginning: over {times} times"));
            }
        }
        if last.cpu_us > first.cpu_us * bounds.cpu_times {
            let (now, then, times) = (last.cpu_us, first.cpu_us, bounds.cpu_times);
            worse.push(format!("{now:.1} us a claim at the end, {then:.1} at the beginning: over {times} times"));
        }
        if growth > bounds.memory_bytes_per_answer {
            let most = bounds.memory_bytes_per_answer;
            worse.push(format!("memory grew by {growth:.0} bytes an answer, {most:.0} are allowed"));
        }
        Self { first, last, growth, worse }
    }

    fn text(&self) -> String {
        let mut table =
            number_table(["", "answers/s", "p50 ms", "p99 ms", "server cpu us a claim", "server memory, MiB"]);
        for (name, tenth) in [("first tenth", self.first), ("last tenth", self.last)] {
            table.add_row([
                name.to_owned(),
                format!("{:.0}", tenth.rate),
                format!("{:.2}", tenth.p50_ms),
                format!("{:.2}", tenth.p99_ms),
                format!("{:.1}", tenth.cpu_us),
                format!("{:.1}", tenth.resident_bytes as f64 / f64::from(1 << 20)),
            ]);
        }
        let words = self.worse.iter().fold(String::new(), |words, worse| words + "DRIFT: " + worse + "\n");
        let verdict = if self.worse.is_empty() { "drift: none\n".to_owned() } else { words };
        format!("{table}\nmemory grew by {:.0} bytes an answer between the two\n{verdict}", self.growth)
    }

    pub(super) fn json(&self, phase: u64) -> Value {
        let tenth = |tenth: &Tenth| {
            json!({
                "answers_per_second": tenth.rate,
                "p50_ms": tenth.p50_ms,
                "p99_ms": tenth.p99_ms,
                "server_cpu_us_per_answer": tenth.cpu_us,
                "server_resident_bytes": tenth.resident_bytes,
            })
        };
        json!({
            "phase": phase,
            "first_tenth": tenth(&self.first),
            "last_tenth": tenth(&self.last),
            "memory_bytes_per_answer": self.growth,
            "worse": self.worse,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        rate_least: 0.9,
        p50_times: 1.5,
        p99_times: 2.0,
        latency_slack_ms: 1.0,
        cpu_times: 1.25,
        memory_bytes_per_answer: 100.0,
    };
    const FIRST: Tenth = Tenth { rate: 5_000.0, p50_ms: 2.0, p99_ms: 4.0, cpu_us: 20.0, resident_bytes: 10_000 };

    /// How the last tenth, which differs from the first as `change` says, is judged after 1,000 answers.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Tenth), expected: &[&str]) {
        let mut last = FIRST;
        change(&mut last);
        let found = Drift::judge(FIRST, last, 1_000, &BOUNDS).worse;
        assert_eq!(found.len(), expected.len(), "{found:?}");
        assert!(found.iter().zip(expected).all(|(words, start)| words.starts_with(start)), "{found:?}");
    }

    #[test]
    fn what_is_as_good_as_at_the_beginning_or_within_the_bounds_is_no_drift() {
        check(|_| {}, &[]);
        check(
            |last| *last = Tenth { rate: 4_501.0, p50_ms: 3.0, p99_ms: 8.0, cpu_us: 25.0, resident_bytes: 110_000 },
            &[],
        );
        check(|last| *last = Tenth { rate: 9_000.0, p50_ms: 0.1, p99_ms: 0.2, cpu_us: 1.0, resident_bytes: 1 }, &[]);
    }

    #[test]
    fn whatever_is_worse_by_more_than_its_bound_is_named() {
        check(|last| last.rate = 4_499.0, &["4499 answers/s at the end, 5000 at the beginning"]);
        check(|last| last.p50_ms = 3.1, &["p50 3.10 ms at the end, 2.00 ms"]);
        check(|last| last.p99_ms = 8.1, &["p99 8.10 ms at the end, 4.00 ms"]);
        check(|last| last.cpu_us = 25.1, &["25.1 us a claim"]);
        check(|last| last.resident_bytes = 111_000, &["memory grew by 101 bytes an answer, 100"]);
    }

    #[test]
    fn a_part_of_a_millisecond_is_no_drift_however_many_times_it_is() {
        let first = Tenth { p50_ms: 0.2, p99_ms: 0.4, ..FIRST };
        let last = Tenth { p50_ms: 0.9, p99_ms: 1.3, ..FIRST };
        assert_eq!(Drift::judge(first, last, 1_000, &BOUNDS).worse, [""; 0]);
    }
}
