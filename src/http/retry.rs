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
    /// Who was turned away for want of room.
    crowd: Crowd,
    /// Who was over a rate. Apart from the others: whoever floods a rate makes nobody wait longer who lacks room.
    over_rates: Bookings,
}

impl Spread {
    /// A spread that follows from `seed`.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { jitter: ChaCha8Rng::from_seed(seed), crowd: Crowd::none(), over_rates: Bookings::none() }
    }

    /// The wait that goes with `problem`: for each 429, 503 and `not_open`, none for the rest.
    ///
    /// One who comes too early is asked back in the [`NOT_OPEN_SPREAD`] after the opening, so that the crowd does not
    /// stand at the door in the same millisecond. Who is turned away for want of room is asked back after
    /// those who were turned away before, so that no more than [`BACK_PER_SECOND`] come back a second, whatever came at once.
    /// So is who is over a rate, as far as `RATE_LATER_MAX` allows: all who share an address wait for the same moment.
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
                let wait = self.within(wait, (wait / 2).clamp(RATE_SPREAD_LEAST, RATE_SPREAD_MOST));
                return Some(self.over_rates.book(wait, now, &mut self.jitter));
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
        // A modulo by a few thousand of 64 random bits: the bias is far below anything a client could see.
        let jitter = self.jitter.next_u64() % milliseconds(spread);
        Retry::from_milliseconds(milliseconds(least).saturating_add(jitter))
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
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
        let passed = milliseconds(now.saturating_since(self.at));
        let back = passed.saturating_mul(BACK_PER_SECOND / 1_000);
        let before = self.away.saturating_sub(back);
        (self.away, self.at) = (before + 1, self.at.max(now));
        Duration::from_millis(before.saturating_mul(1_000) / BACK_PER_SECOND).min(AHEAD_MAX)
    }
}

/// How many of those who were over a rate one I/O thread has asked back in which of the next seconds. Their waits differ, so that no
/// count of all of them says how many come when.
#[derive(Debug)]
struct Bookings([Booked; BOOKED_SECONDS]);

/// Who is asked back in one second.
#[derive(Debug, Clone, Copy)]
struct Booked {
    /// Since 1970. Whichever stood in its place before is over.
    second: u64,
    /// If all wait to the millisecond.
    exact: u64,
    /// If all wait the whole seconds of the header: the same people, up to a second later.
    whole: u64,
}

impl Bookings {
    /// Nobody.
    fn none() -> Self {
        Self([Booked { second: 0, exact: 0, whole: 0 }; BOOKED_SECONDS])
    }

    /// Books one who would come back after `wait`; from a second that is full, into one of those after it. A wait that is longer
    /// than what is booked stays as it is: its own jitter is the longest.
    fn book(&mut self, wait: Retry, now: Timestamp, jitter: &mut ChaCha8Rng) -> Retry {
        let latest = wait.seconds().saturating_add(RATE_LATER_MAX.as_secs());
        if latest >= BOOKED_SECONDS as u64 || self.try_book(wait, now) {
            return wait;
        }
        let later = |milliseconds: u64| Retry::from_milliseconds(wait.milliseconds() + milliseconds);
        let fraction = jitter.next_u64() % 1_000;
        let mut waits = (0..RATE_LATER_MAX.as_secs()).map(|seconds| later(seconds * 1_000 + fraction));
        let booked = waits.find(|wait| self.try_book(*wait, now));
        // Where no second has room, all of them bear the rest alike.
        booked.unwrap_or_else(|| later(jitter.next_u64() % milliseconds(RATE_LATER_MAX)))
    }

    /// Books one who comes back after `wait`, if there is room whichever way they read it.
    fn try_book(&mut self, wait: Retry, now: Timestamp) -> bool {
        let [exact, whole] =
            [wait.milliseconds(), wait.seconds() * 1_000].map(|wait| (now.as_milliseconds() + wait) / 1_000);
        let has_room = self.at(exact).exact < BACK_PER_SECOND && self.at(whole).whole < BACK_PER_SECOND;
        if has_room {
            self.at(exact).exact += 1;
            self.at(whole).whole += 1;
        }
        has_room
    }

    fn at(&mut self, second: u64) -> &mut Booked {
        let place = usize::try_from(second % BOOKED_SECONDS as u64).expect("less than the number of seconds");
        let booked = &mut self.0[place];
        if booked.second != second {
            *booked = Booked { second, exact: 0, whole: 0 };
        }
        booked
    }
}

/// So many of those turned away by one I/O thread are asked back in a second: a part of what a thread answers, which has
/// newcomers to serve too.
pub const BACK_PER_SECOND: u64 = 10_000;

/// Nobody is asked to wait longer than about this.
const AHEAD_MAX: Duration = Duration::from_mins(1);

/// Nobody who is over a rate is asked to come more than so long after the limit and the jitter would let them, however many ask in
/// vain: time enough for 100,000.
const RATE_LATER_MAX: Duration = Duration::from_secs(15);

/// So many seconds ahead are booked: the waits whose jitter is short, and the delay behind them.
const BOOKED_SECONDS: usize = 64;

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
    use std::net::IpAddr;

    use landrush_engine::campaign::RateLimit;
    use landrush_engine::id::{CampaignNumber, UserId};

    use super::*;
    use crate::gate::rate_limit::{Limiter, Mark};
    use crate::gate::reason::Reason;

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

    const CROWD: u64 = 100_000;

    /// How a client reads when it may come again.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Reads {
        /// The header's whole seconds.
        Header,
        /// The body's milliseconds, as the pages do.
        Body,
    }

    /// When each of a crowd that comes within `within_ms` and is turned away by `problem_of` comes back, in milliseconds after
    /// [`BEGIN_MS`].
    fn back(
        crowd: u64,
        within_ms: u64,
        reads: Reads,
        mut problem_of: impl FnMut(u64, Timestamp) -> Problem,
    ) -> Vec<u64> {
        let mut spread = Spread::new([7; 32]);
        let comes_back = |person| {
            let came_ms = person * within_ms / crowd;
            let now = Timestamp::from_milliseconds(BEGIN_MS + came_ms);
            let wait = spread.retry(&problem_of(person, now), now).expect("it may come again");
            came_ms + if reads == Reads::Header { wait.seconds() * 1_000 } else { wait.milliseconds() }
        };
        (0..crowd).map(comes_back).collect()
    }

    /// None of the equal spans of `span_ms` between the first who comes back and the last carries more than twice the mean. With
    /// fewer than three spans that says nothing, so `spans_least` is more.
    fn check_even(back_ms: &[u64], span_ms: u64, spans_least: u64, what: &str) {
        assert!(spans_least > 2, "{what}: nothing would be checked");
        let first = back_ms.iter().min().expect("they come back") / span_ms;
        let last = back_ms.iter().max().expect("they come back") / span_ms;
        let spans = last - first + 1;
        assert!(spans >= spans_least, "{what}: all are back within {spans} times {span_ms} ms");
        let mut counts = vec![0; usize::try_from(spans).expect("a few")];
        for back_ms in back_ms {
            counts[usize::try_from(back_ms / span_ms - first).expect("a few")] += 1;
        }
        let mean = back_ms.len() / counts.len();
        let most = counts.iter().max().expect("spans");
        assert!(*most <= 2 * mean, "{what}: {most} in {span_ms} ms, {mean} on average");
    }

    /// Why somebody is turned away who may come again, whatever they asked for.
    const TURNED_AWAY: [Code; 4] = [Code::Overloaded, Code::Starting, Code::ShuttingDown, Code::LogUnavailable];

    #[test]
    fn a_crowd_that_is_turned_away_comes_back_evenly_whatever_it_is_told() {
        for (crowd, within_ms) in [(1_000, 1), (10_000, 100), (CROWD, 1), (CROWD, 1_000), (CROWD, 5_000)] {
            // Over the jitter alone a large crowd is even too, and too many a second.
            let seconds_least = 3.max(crowd / BACK_PER_SECOND);
            for reads in [Reads::Header, Reads::Body] {
                for code in TURNED_AWAY {
                    let back = back(crowd, within_ms, reads, |_, _| Problem::new(code, ""));
                    let what = format!("{code:?} to {crowd} within {within_ms} ms, {reads:?}");
                    check_even(&back, 1_000, seconds_least, &what);
                }
            }
        }
    }

    #[test]
    fn those_who_are_turned_away_one_after_the_other_by_a_server_that_goes_down_are_one_crowd() {
        // First there is no room, then no server, then one that has yet to read its log: four parts of one crowd.
        let part_of = |person| TURNED_AWAY[usize::try_from(person * 4 / CROWD).expect("one of four")];
        for reads in [Reads::Header, Reads::Body] {
            let back = back(CROWD, 1_000, reads, |person, _| Problem::new(part_of(person), ""));
            check_even(&back, 1_000, 10, &format!("{reads:?}"));
        }
    }

    #[test]
    fn a_crowd_of_a_hundred_thousand_that_is_early_comes_back_evenly_after_the_opening() {
        const OPENS_MS: u64 = 30_000;
        let opens_at = Timestamp::from_milliseconds(BEGIN_MS + OPENS_MS);
        let early = |_, _| Problem { fact: Some(Fact::OpensAt(opens_at)), ..Problem::new(Code::NotOpen, "") };
        for within_ms in [1, 1_000, OPENS_MS] {
            for (reads, span_ms, spans_least) in [(Reads::Header, 1_000, 3), (Reads::Body, 100, 20)] {
                let back = back(CROWD, within_ms, reads, early);
                check_even(&back, span_ms, spans_least, &format!("early within {within_ms} ms, {reads:?}"));
                assert!(back.iter().all(|back_ms| *back_ms >= OPENS_MS), "nobody before it opens");
            }
        }
    }

    /// The refusal of whoever has asked until the limit of `mark` was used up.
    fn over(limiter: &Limiter, mark: Mark<'_>, limit: RateLimit, now: Timestamp) -> Problem {
        loop {
            if let Err(wait) = limiter.ask(CampaignNumber(1), mark, limit, now) {
                return Problem::rate_limited(Reason::RateLimitedUser, wait);
            }
        }
    }

    #[test]
    fn a_crowd_of_a_hundred_thousand_each_over_their_own_rate_comes_back_evenly() {
        for (requests, seconds, within_ms) in [(5, 10, 1), (5, 10, 5_000), (1, 1, 1_000), (1, 60, 1)] {
            let limit = RateLimit { requests, per: Duration::from_secs(seconds) };
            for reads in [Reads::Header, Reads::Body] {
                let limiter = Limiter::new(4 * 100_000, [7; 16]);
                let back = back(CROWD, within_ms, reads, |person, now| {
                    let user = UserId::new(&format!("u-{person}")).expect("an id");
                    over(&limiter, Mark::User(&user), limit, now)
                });
                check_even(&back, 1_000, 5, &format!("{requests}/{seconds}s within {within_ms} ms, {reads:?}"));
            }
        }
    }

    #[test]
    fn a_crowd_of_a_hundred_thousand_behind_one_address_comes_back_evenly() {
        // Its bucket gives one back every 200 ms: that is what all of them are told to wait.
        let limit = RateLimit { requests: 50, per: Duration::from_secs(10) };
        let address = Mark::Address(IpAddr::from([192, 0, 2, 1]).into());
        for within_ms in [1, 100, 1_000, 5_000] {
            for reads in [Reads::Header, Reads::Body] {
                let limiter = Limiter::new(1_024, [7; 16]);
                let back = back(CROWD, within_ms, reads, |_, now| over(&limiter, address, limit, now));
                check_even(&back, 1_000, 5, &format!("one address within {within_ms} ms, {reads:?}"));
            }
        }
    }

    #[test]
    fn one_over_a_rate_waits_for_the_limit_and_no_flood_makes_that_much_longer() {
        let mut spread = Spread::new([7; 32]);
        let now = Timestamp::from_milliseconds(BEGIN_MS);
        let problem = Problem::rate_limited(Reason::RateLimitedUser, Duration::from_secs(2));
        let mut wait = || spread.retry(&problem, now).expect("it may come again").milliseconds();
        assert!((2_000..3_000).contains(&wait()));
        let longest = (0..1_000_000).map(|_| wait()).max().expect("waits");
        assert!((17_000..18_000).contains(&longest), "{longest}");
        let overloaded = spread.retry(&Problem::new(Code::Overloaded, ""), now).expect("it may come again");
        assert!(overloaded.milliseconds() < 3_000, "who is over a rate is no crowd that lacks room");
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
