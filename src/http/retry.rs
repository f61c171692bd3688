//! Owns when a refused client should come back: never all at once.

use std::time::Duration;

use landrush_engine::time::Timestamp;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::problem::{Code, Fact, Problem};

/// How long a client is asked to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry(u64);

impl Retry {
    /// A wait of so many milliseconds.
    pub fn from_milliseconds(milliseconds: u64) -> Self {
        Self(milliseconds)
    }

    /// The wait for `retry_after_ms`.
    pub fn milliseconds(self) -> u64 {
        self.0
    }

    /// The wait for `Retry-After`: whole seconds, never less than the wait in milliseconds.
    pub fn seconds(self) -> u64 {
        self.0.div_ceil(1_000)
    }
}

/// Spreads the waits of one I/O thread's clients.
#[derive(Debug)]
pub struct Spread(ChaCha8Rng);

impl Spread {
    /// A spread that follows from `seed`.
    pub fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha8Rng::from_seed(seed))
    }

    /// The wait that goes with `problem`: for each 429, 503 and `not_open`, none for the rest.
    ///
    /// One who comes too early is asked back in the [`NOT_OPEN_SPREAD`] after the opening, so that the crowd does not
    /// stand at the door in the same millisecond.
    pub fn retry(&mut self, problem: &Problem, now: Timestamp) -> Option<Retry> {
        let (least, spread) = match (problem.code, problem.fact) {
            (Code::NotOpen, Some(Fact::OpensAt(opens_at))) => (opens_at.saturating_since(now), NOT_OPEN_SPREAD),
            (Code::Overloaded | Code::Starting, _) => (Duration::from_millis(500), Duration::from_millis(2_500)),
            (Code::ShuttingDown | Code::LogUnavailable, _) => (Duration::from_secs(1), Duration::from_secs(4)),
            _ => return None,
        };
        Some(self.within(least, spread))
    }

    /// The wait of a watcher whose stream has broken.
    pub fn reconnect(&mut self) -> Retry {
        self.within(RECONNECT_LEAST, RECONNECT_SPREAD)
    }

    fn within(&mut self, least: Duration, spread: Duration) -> Retry {
        let milliseconds = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        // A modulo by a few thousand of 64 random bits: the bias is far below anything a client could see.
        let jitter = self.0.next_u64() % milliseconds(spread);
        Retry::from_milliseconds(milliseconds(least).saturating_add(jitter))
    }
}

/// The span after the opening over which early comers are asked back.
pub const NOT_OPEN_SPREAD: Duration = Duration::from_secs(2);

/// Watchers come back from so long after their stream broke: time enough for a restart.
const RECONNECT_LEAST: Duration = Duration::from_secs(1);

/// The span over which they come: 15,000 of them are then 3,750 a second.
const RECONNECT_SPREAD: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_503_and_not_open_carries_a_wait_and_nothing_else_does() {
        let mut spread = Spread::new([7; 32]);
        let now = Timestamp::from_milliseconds(1_000);
        for code in Code::ALL {
            let mut problem = Problem::new(code, "");
            if code == Code::NotOpen {
                problem.fact = Some(Fact::OpensAt(Timestamp::from_milliseconds(61_000)));
            }
            let expected = code.status().as_u16() == 503 || code == Code::NotOpen;
            assert_eq!(spread.retry(&problem, now).is_some(), expected, "{code:?}");
        }
    }

    #[test]
    fn early_comers_are_spread_over_the_time_after_the_opening() {
        let mut spread = Spread::new([7; 32]);
        let now = Timestamp::from_milliseconds(1_000);
        let opens_at = Timestamp::from_milliseconds(61_000);
        let problem = Problem { fact: Some(Fact::OpensAt(opens_at)), ..Problem::new(Code::NotOpen, "") };
        let waits: Vec<u64> =
            (0..1_000).map(|_| spread.retry(&problem, now).expect("not open").milliseconds()).collect();
        assert!(waits.iter().all(|wait| (60_000..62_000).contains(wait)));
        let early = waits.iter().filter(|wait| **wait < 61_000).count();
        assert!((400..600).contains(&early), "{early} of 1,000 in the first half");
    }

    #[test]
    fn seconds_are_rounded_up() {
        assert_eq!(Retry::from_milliseconds(1).seconds(), 1);
        assert_eq!(Retry::from_milliseconds(1_000).seconds(), 1);
        assert_eq!(Retry::from_milliseconds(1_001).seconds(), 2);
    }
}
