//! When each request of an open-loop run is meant to leave: a list of moments fixed by rate, arrivals and seed,
//! and by nothing that the server does. Who sends it, and how late, is the client's matter.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::plan::Part;

/// How the gaps between two requests are spread around their mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Arrivals {
    /// Every gap is the same.
    Constant,
    /// Gaps are exponential, as when many people come independently of each other.
    Poisson,
}

/// The moments of sending, as offsets from the start of the run, in ascending order.
#[derive(Debug)]
pub(crate) struct Schedule {
    per_second: f64,
    arrivals: Arrivals,
    duration: Duration,
    rng: ChaCha8Rng,
    sent: u64,
    poisson_s: f64,
    part: Part,
}

impl Schedule {
    /// Plans `per_second` requests a second for `duration`; `seed` fixes the gaps of Poisson arrivals.
    pub(crate) fn new(per_second: f64, arrivals: Arrivals, duration: Duration, seed: u64) -> Self {
        assert!(per_second.is_finite() && per_second > 0.0, "a schedule needs a positive rate");
        Self {
            per_second,
            arrivals,
            duration,
            rng: seeded(seed, Stream::Schedule),
            sent: 0,
            poisson_s: 0.0,
            part: Part::WHOLE,
        }
    }

    /// The moments of one part of the same schedule.
    pub(crate) fn only(mut self, part: Part) -> Self {
        self.part = part;
        self
    }

    /// How long the schedule goes on.
    pub(crate) fn duration(&self) -> Duration {
        self.duration
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        loop {
            let offset_s = match self.arrivals {
                // From the index, not by adding gaps: rounding never builds up over a long run.
                Arrivals::Constant => self.sent as f64 / self.per_second,
                Arrivals::Poisson => {
                    self.poisson_s += -(1.0 - unit(&mut self.rng)).ln() / self.per_second;
                    self.poisson_s
                }
            };
            let offset = Duration::from_secs_f64(offset_s);
            if offset >= self.duration {
                return None;
            }
            self.sent += 1;
            if self.part.holds(self.sent - 1) {
                return Some(offset);
            }
        }
    }
}

/// The independent sources of randomness that one seed of a run feeds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    /// The gaps between requests.
    Schedule,
    /// Who asks, and who asks again.
    Workload,
    /// Which wins are looked up a second time.
    Sample,
    /// When a server is killed.
    Kill,
    /// How long those who are turned away stay away.
    Return,
}

/// A generator that depends on `seed` and `stream` alone.
pub(crate) fn seeded(seed: u64, stream: Stream) -> ChaCha8Rng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(bytes);
    rng.set_stream(match stream {
        Stream::Schedule => 1,
        Stream::Workload => 2,
        Stream::Sample => 3,
        Stream::Kill => 4,
        Stream::Return => 5,
    });
    rng
}

/// A number in `0.0 <= x < 1.0`, from the upper 53 bits of one draw.
pub(crate) fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A number in `0 <= x < bound`, near enough to uniform for choosing whom to ask (bias below `bound` in 2^64).
pub(crate) fn below(rng: &mut ChaCha8Rng, bound: u64) -> u64 {
    assert!(bound > 0, "nothing to choose from");
    let wide = u128::from(rng.next_u64()) * u128::from(bound);
    u64::try_from(wide >> 64).expect("the product's upper half is below the bound")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn constant_arrivals_are_evenly_spaced_and_end_with_the_run() {
        let offsets: Vec<_> = Schedule::new(1_000.0, Arrivals::Constant, SECOND, 1).collect();
        assert_eq!(offsets.len(), 1_000);
        assert_eq!(offsets[0], Duration::ZERO);
        assert_eq!(offsets[999], Duration::from_millis(999));
    }

    #[test]
    fn poisson_arrivals_keep_the_mean_and_vary_the_gap() {
        let offsets: Vec<_> = Schedule::new(20_000.0, Arrivals::Poisson, SECOND, 7).collect();
        // The count has a standard deviation of 141; five of them on either side.
        assert!((19_300..=20_700).contains(&offsets.len()), "{} arrivals", offsets.len());
        let gaps: Vec<_> = offsets.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = Duration::from_micros(50);
        let short = gaps.iter().filter(|gap| **gap < mean).count() as f64 / gaps.len() as f64;
        assert!((0.61..0.66).contains(&short), "1 - 1/e of exponential gaps are below the mean, here {short}");
    }

    #[test]
    fn the_same_seed_gives_the_same_moments_and_another_seed_others() {
        let of = |seed| Schedule::new(500.0, Arrivals::Poisson, SECOND, seed).collect::<Vec<_>>();
        assert_eq!(of(3), of(3));
        assert_ne!(of(3), of(4));
    }

    #[test]
    fn choices_stay_below_their_bound_and_reach_all_of_it() {
        let mut rng = seeded(1, Stream::Workload);
        let mut seen = [false; 7];
        for _ in 0..1_000 {
            seen[usize::try_from(below(&mut rng, 7)).expect("below seven")] = true;
        }
        assert_eq!(seen, [true; 7]);
    }
}
