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
pub struct Spread {
    jitter: ChaCha8Rng,
    crowd: Crowd,
}

impl Spread {
    /// A spread that follows from `seed`.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { jitter: ChaCha8Rng::from_seed(seed), crowd: Crowd::none() }
    }

    /// The wait that goes with `problem`: for each 429, 503 and `not_open`, none for the rest.
    ///
    /// One who comes too early is asked back in the [`NOT_OPEN_SPREAD`] after the opening, so that the crowd does not
    /// stand at the door in the same millisecond. Who is turned away for want of room is asked back after
    /// those who were turned away before, so that no more than [`BACK_PER_SECOND`] come back a second, whatever came at once.
    pub fn retry(&mut self, problem: &Problem, now: Timestamp) -> Option<Retry> {
        let (least, spread) = match (problem.code, problem.fact) {
            (Code::NotOpen, Some(Fact::OpensAt(opens_at))) => (opens_at.saturating_since(now), NOT_OPEN_SPREAD),
            (Code::Overloaded | Code::Starting, _) => {
                (Duration::from_millis(500) + self.crowd.ahead(now), Duration::from_millis(2_500))
            }
            (Code::ShuttingDown | Code::LogUnavailable, _) => {
                (Duration::from_secs(1) + self.crowd.ahead(now), Duration::from_secs(4))
            }
            (Code::RateLimited, Some(Fact::WaitFor(wait))) => {
                (wait, (wait / 2).clamp(RATE_SPREAD_LEAST, RATE_SPREAD_MOST))
            }
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
        let jitter = self.jitter.next_u64() % milliseconds(spread);
        Retry::from_milliseconds(milliseconds(least).saturating_add(jitter))
    }
}

/// Those who were turned away lately by one I/O thread and have yet to come back.
#[derive(Debug)]
struct Crowd {
    away: u64,
    /// As of when. The crowd shrinks by those who have come back since.
    at: Timestamp,
}

impl Crowd {
    /// Nobody.
    fn none() -> Self {
        Self { away: 0, at: Timestamp::from_milliseconds(0) }
    }

    /// Adds one, and says how long those before them take to come back.
    fn ahead(&mut self, now: Timestamp) -> Duration {
        let passed = u64::try_from(now.saturating_since(self.at).as_millis()).unwrap_or(u64::MAX);
        let back = passed.saturating_mul(BACK_PER_SECOND / 1_000);
        let before = self.away.saturating_sub(back);
        (self.away, self.at) = (before + 1, self.at.max(now));
        Duration::from_millis(before.saturating_mul(1_000) / BACK_PER_SECOND).min(AHEAD_MAX)
    }
}

/// So many of those turned away by one I/O thread are asked back in a second: a part of what a thread answers, which has
/// newcomers to serve too.
pub const BACK_PER_SECOND: u64 = 10_000;

/// Nobody is asked to wait longer than about this.
const AHEAD_MAX: Duration = Duration::from_mins(1);

/// The span after the opening over which early comers are asked back.
pub const NOT_OPEN_SPREAD: Duration = Duration::from_secs(2);

/// The span after a limit's wait over which callers are asked back: half of the wait, within these.
const RATE_SPREAD_LEAST: Duration = Duration::from_millis(200);
const RATE_SPREAD_MOST: Duration = Duration::from_secs(10);

/// Watchers come back from so long after their stream broke: time enough for a restart.
const RECONNECT_LEAST: Duration = Duration::from_secs(1);

/// The span over which they come: 15,000 of them are then 3,750 a second.
const RECONNECT_SPREAD: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_429_and_503_and_not_open_carries_a_wait_and_nothing_else_does() {
        let mut spread = Spread::new([7; 32]);
        let now = Timestamp::from_milliseconds(1_000);
        for code in Code::ALL {
            let mut problem = Problem::new(code, "");
            if code == Code::NotOpen {
                problem.fact = Some(Fact::OpensAt(Timestamp::from_milliseconds(61_000)));
            }
            if code == Code::RateLimited {
                problem.fact = Some(Fact::WaitFor(Duration::from_secs(2)));
            }
            let expected = matches!(code.status().as_u16(), 429 | 503) || code == Code::NotOpen;
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

    /// When the simulated crowd begins to come, in milliseconds since 1970.
    const BEGIN_MS: u64 = 1_000_000;

    /// Of a crowd that comes within `within_ms` and is turned away by `problem_at`, how many come back in each second after
    /// [`BEGIN_MS`]: by the header's whole seconds, or to the millisecond, as the pages do.
    fn back_by_second(crowd: u64, within_ms: u64, is_whole: bool, problem_at: impl Fn(u64) -> Problem) -> Vec<u64> {
        let mut spread = Spread::new([7; 32]);
        let mut seconds = vec![0; 120];
        for person in 0..crowd {
            let came_ms = person * within_ms / crowd;
            let now = Timestamp::from_milliseconds(BEGIN_MS + came_ms);
            let wait = spread.retry(&problem_at(came_ms), now).expect("it may come again");
            let back_ms = came_ms + if is_whole { wait.seconds() * 1_000 } else { wait.milliseconds() };
            seconds[usize::try_from(back_ms / 1_000).expect("within two minutes")] += 1;
        }
        seconds
    }

    /// No second between the first who comes back and the last carries more than twice the mean.
    fn check_even(seconds: &[u64], least_seconds: usize, what: &str) {
        let first = seconds.iter().position(|count| *count > 0).expect("they come back");
        let last = seconds.iter().rposition(|count| *count > 0).expect("they come back");
        let span = last - first + 1;
        assert!(span >= least_seconds, "{what}: all are back within {span} s");
        let mean = seconds.iter().sum::<u64>() / span as u64;
        let most = seconds.iter().max().expect("seconds");
        assert!(*most <= 2 * mean, "{what}: {most} in one second, {mean} on average");
    }

    #[test]
    fn a_crowd_that_is_turned_away_comes_back_evenly() {
        for (crowd, within_ms) in [(1_000, 1), (10_000, 100), (100_000, 1), (100_000, 1_000), (100_000, 5_000)] {
            for is_whole in [true, false] {
                let seconds = back_by_second(crowd, within_ms, is_whole, |_| Problem::new(Code::Overloaded, ""));
                check_even(&seconds, 2, &format!("{crowd} within {within_ms} ms, whole seconds {is_whole}"));
            }
        }
    }

    #[test]
    fn a_crowd_of_a_hundred_thousand_that_is_early_comes_back_evenly_after_the_opening() {
        const OPENS_MS: u64 = BEGIN_MS + 30_000;
        let opens_at = Timestamp::from_milliseconds(OPENS_MS);
        for within_ms in [1, 1_000, 30_000] {
            let early = |_| Problem { fact: Some(Fact::OpensAt(opens_at)), ..Problem::new(Code::NotOpen, "") };
            let seconds = back_by_second(100_000, within_ms, false, early);
            check_even(&seconds, 2, &format!("early within {within_ms} ms"));
            assert_eq!(seconds[..30].iter().sum::<u64>(), 0, "nobody before it opens");
        }
    }

    #[test]
    fn a_crowd_of_a_hundred_thousand_over_its_rates_comes_back_evenly() {
        // One user's limit or another's: waits as penalties double them.
        for (wait_s, within_ms) in [(4, 1), (10, 1_000), (60, 5_000)] {
            let over = |_| Problem {
                fact: Some(Fact::WaitFor(Duration::from_secs(wait_s))),
                ..Problem::new(Code::RateLimited, "")
            };
            for is_whole in [true, false] {
                let seconds = back_by_second(100_000, within_ms, is_whole, over);
                check_even(&seconds, 2, &format!("{wait_s} s, within {within_ms} ms, whole seconds {is_whole}"));
            }
        }
    }

    #[test]
    fn a_small_crowd_is_not_kept_waiting_and_a_crowd_that_left_is_forgotten() {
        let mut crowd = Crowd::none();
        let at = Timestamp::from_milliseconds;
        assert_eq!(crowd.ahead(at(1_000_000)), Duration::ZERO);
        for _ in 0..20_000 {
            let _ahead = crowd.ahead(at(1_000_000));
        }
        assert_eq!(crowd.ahead(at(1_000_000)), Duration::from_secs(2));
        assert_eq!(crowd.ahead(at(1_001_000)), Duration::from_secs(1));
        assert_eq!(crowd.ahead(at(1_003_000)), Duration::ZERO);
        for _ in 0..1_000_000 {
            let _ahead = crowd.ahead(at(1_003_000));
        }
        assert_eq!(crowd.ahead(at(1_003_000)), AHEAD_MAX);
    }

    #[test]
    fn seconds_are_rounded_up() {
        assert_eq!(Retry::from_milliseconds(1).seconds(), 1);
        assert_eq!(Retry::from_milliseconds(1_000).seconds(), 1);
        assert_eq!(Retry::from_milliseconds(1_001).seconds(), 2);
    }
}
