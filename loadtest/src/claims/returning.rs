//! Those who were told to come again: they wait as long as they were asked to, and some more, and ask again, as the client of the
//! page does (`src/web/client/retry.js`). A campaign that has not opened asks its crowd back to the opening in the same way.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::schedule::{Stream, seeded, unit};

/// The bound of the first wait of one's own, which doubles with each try up to the longest.
const FIRST_DELAY: Duration = Duration::from_millis(400);
const LONGEST_DELAY: Duration = Duration::from_secs(8);

/// Whether people come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Manners {
    /// Whoever is turned away stays away.
    Never,
    /// Whoever is told to come again does so, until they have asked so often.
    UpTo { tries_max: u16, seed: u64 },
}

/// Who came again, and how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Returned {
    /// People who were told to come again and did.
    pub(crate) people: u64,
    /// How often all of them came again.
    pub(crate) times: u64,
    /// How often one of them came again at most.
    pub(crate) times_most: u16,
    /// People who were told to come again once too often.
    pub(crate) gave_up: u64,
}

impl Returned {
    fn add(&mut self, other: Self) {
        self.people += other.people;
        self.times += other.times;
        self.times_most = self.times_most.max(other.times_most);
        self.gave_up += other.gave_up;
    }
}

/// Somebody who was told to come again.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// How often, once for each wait.
    times: u16,
    /// They have yet to come again.
    is_away: bool,
}

/// The people of one load who are away.
#[derive(Debug)]
pub(crate) struct Returning {
    tries_max: u16,
    rng: ChaCha8Rng,
    away: BinaryHeap<Reverse<(Instant, u64)>>,
    told: BTreeMap<u64, Told>,
    returned: Returned,
}

impl Returning {
    /// Nobody is away.
    pub(crate) fn new(manners: Manners) -> Self {
        let (tries_max, seed) = match manners {
            Manners::Never => (1, 0),
            Manners::UpTo { tries_max, seed } => (tries_max, seed),
        };
        let rng = seeded(seed, Stream::Return);
        Self { tries_max, rng, away: BinaryHeap::new(), told: BTreeMap::new(), returned: Returned::default() }
    }

    /// Whether a refusal asks to come again.
    pub(crate) fn is_asked_back(status: u16, code: &str) -> bool {
        matches!(status, 429 | 503) || code == "not_open"
    }

    /// Takes note that `user` was told at `now` to come again, after `asked` if the server said when; `false` when they have asked
    /// often enough and do not.
    pub(crate) fn turned_away(&mut self, user: u64, asked: Option<Duration>, now: Instant) -> bool {
        if self.tries_max <= 1 {
            return false;
        }
        let told = self.told.entry(user).or_default();
        // Somebody who waits already, and pressed twice: there is one wait, after which they ask once.
        if told.is_away {
            return true;
        }
        told.times += 1;
        if told.times >= self.tries_max {
            self.returned.gave_up += 1;
            return false;
        }
        told.is_away = true;
        let wait = wait(told.times, asked, || unit(&mut self.rng));
        self.away.push(Reverse((now + wait, user)));
        true
    }

    /// When the next one comes.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.away.peek().map(|Reverse((at, _))| *at)
    }

    /// Who that is, now that they come.
    pub(crate) fn next(&mut self) -> Option<u64> {
        let Reverse((_, user)) = self.away.pop()?;
        let told = self.told.get_mut(&user)?;
        told.is_away = false;
        let times = told.times;
        self.returned.people += u64::from(times == 1);
        self.returned.times += 1;
        self.returned.times_most = self.returned.times_most.max(times);
        Some(user)
    }

    /// Who came again so far.
    pub(crate) fn returned(&self) -> Returned {
        self.returned
    }

    /// Adds those of another process.
    pub(crate) fn add(&mut self, other: Returned) {
        self.returned.add(other);
    }
}

/// How long to wait after having been turned away so many `times`: at random up to a bound that doubles, and never less than was
/// `asked` for, to which then some more is added, since that may be the same for everybody.
fn wait(times: u16, asked: Option<Duration>, mut random: impl FnMut() -> f64) -> Duration {
    let doubled = FIRST_DELAY.saturating_mul(1 << times.saturating_sub(1).min(16));
    let own = doubled.min(LONGEST_DELAY).mul_f64(random());
    asked.map_or(own, |asked| own.max(asked + FIRST_DELAY.mul_f64(random())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn nobody_comes_before_they_were_asked_to_and_alone_they_wait_longer_each_time() {
        assert_eq!(wait(1, Some(MS(700)), || 0.0), MS(700));
        assert_eq!(wait(1, Some(MS(700)), || 0.5), MS(900));
        assert_eq!(wait(6, Some(MS(700)), || 0.5), MS(4_000));
        let alone: Vec<_> = (1..=7).map(|times| wait(times, None, || 1.0)).collect();
        assert_eq!(alone, [400, 800, 1_600, 3_200, 6_400, 8_000, 8_000].map(MS));
        assert_eq!(wait(u16::MAX, None, || 1.0), MS(8_000));
    }

    #[test]
    fn tries_are_bounded_and_counted() {
        let now = Instant::now();
        let mut returning = Returning::new(Manners::UpTo { tries_max: 3, seed: 1 });
        assert!(returning.turned_away(7, Some(MS(100)), now) && returning.turned_away(8, Some(MS(5_000)), now));
        assert!(returning.next_at().is_some_and(|at| at >= now + MS(100) && at <= now + MS(500)));
        assert!(returning.turned_away(7, None, now), "pressed twice: told at once, and waits once");
        assert_eq!(returning.next(), Some(7));
        assert!(returning.turned_away(7, None, now));
        assert_eq!(returning.next(), Some(7));
        assert!(!returning.turned_away(7, None, now), "the third try was the last");
        assert_eq!(returning.next(), Some(8));
        assert_eq!((returning.next(), returning.next_at()), (None, None));
        assert_eq!(returning.returned(), Returned { people: 2, times: 3, times_most: 2, gave_up: 1 });
        assert!(!Returning::new(Manners::Never).turned_away(1, None, now));
    }

    #[test]
    fn only_what_may_pass_asks_people_back() {
        for (status, code, expected) in [
            (503, "overloaded", true),
            (503, "log_unavailable", true),
            (429, "rate_limited", true),
            (409, "not_open", true),
            (409, "sold_out", false),
            (410, "ended", false),
        ] {
            assert_eq!(Returning::is_asked_back(status, code), expected, "{code}");
        }
    }
}
