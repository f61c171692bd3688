//! Owns the memory of which challenges have been tried, until they expire by themselves.
//!
//! Two generations, each a lifetime of challenges long: what was tried is remembered for one lifetime at least and two at most. A
//! generation takes so many and no more; then nobody passes, rather than somebody twice.

use std::collections::HashSet;
use std::time::Duration;

use landrush_engine::time::Timestamp;
use parking_lot::Mutex;

/// How many challenges may be tried within a lifetime: at 17 bytes each about 70 MB, and more than one processor can verify.
const TRIES_MAX: usize = 4 << 20;

/// Which challenges have been tried.
pub(super) struct Spent {
    generations: Mutex<Generations>,
    lifetime: Duration,
}

struct Generations {
    until: Timestamp,
    now: HashSet<[u8; 16]>,
    before: HashSet<[u8; 16]>,
}

/// Why a challenge may not be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotFresh {
    /// It has been tried.
    Tried,
    /// Too many have been tried of late.
    Full,
}

impl Spent {
    /// Nothing has been tried. A challenge lives for `lifetime`.
    pub(super) fn new(lifetime: Duration) -> Self {
        let nothing =
            Generations { until: Timestamp::from_milliseconds(0), now: HashSet::new(), before: HashSet::new() };
        Self { generations: Mutex::new(nothing), lifetime }
    }

    /// Notes that the challenge called `nonce` is tried at `now`.
    pub(super) fn spend(&self, nonce: [u8; 16], now: Timestamp) -> Result<(), NotFresh> {
        let mut generations = self.generations.lock();
        if now >= generations.until {
            let both_are_past = now >= generations.until.saturating_add(self.lifetime);
            generations.before = if both_are_past { HashSet::new() } else { std::mem::take(&mut generations.now) };
            generations.now = HashSet::new();
            generations.until = now.saturating_add(self.lifetime);
        }
        if generations.before.contains(&nonce) || generations.now.contains(&nonce) {
            return Err(NotFresh::Tried);
        }
        if generations.now.len() >= TRIES_MAX {
            return Err(NotFresh::Full);
        }
        generations.now.insert(nonce);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_milliseconds(seconds * 1_000)
    }

    #[test]
    fn a_challenge_is_tried_once_for_as_long_as_it_lives() {
        let spent = Spent::new(Duration::from_secs(10));
        for (second, nonce) in [(100, [1; 16]), (109, [2; 16]), (110, [3; 16])] {
            assert_eq!(spent.spend(nonce, at(second)), Ok(()));
        }
        assert_eq!(spent.spend([1; 16], at(110)), Err(NotFresh::Tried));
        assert_eq!(spent.spend([2; 16], at(118)), Err(NotFresh::Tried), "of the generation before");
        assert_eq!(spent.spend([3; 16], at(119)), Err(NotFresh::Tried));
        assert_eq!(spent.spend([3; 16], at(121)), Err(NotFresh::Tried), "kept for longer than it lives");
        assert_eq!(spent.spend([1; 16], at(130)), Ok(()), "expired long since");
    }
}
