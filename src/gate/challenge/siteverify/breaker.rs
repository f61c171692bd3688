//! Owns when a provider that does not answer is left alone. Pure: the time comes as an argument.

use std::time::{Duration, Instant};

/// Calls in a row that come to nothing before the provider is left alone.
pub(super) const FAILURES_MAX: u32 = 5;

/// How long it is left alone before one call tries it.
pub(super) const OPEN_FOR: Duration = Duration::from_secs(10);

/// Whether a provider is asked.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is; so many calls in a row have failed.
    Closed { failures: u32 },
    /// It is not, until then.
    Open { until: Instant },
    /// One call is under way, by which it is judged.
    Probing,
}

impl Default for State {
    fn default() -> Self {
        State::Closed { failures: 0 }
    }
}

/// What a call is for. It is given back with what came of the call.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "what came of the call is to be told"]
pub(super) enum Admission {
    /// One of many.
    Ordinary,
    /// It tells whether the provider is back.
    Probe,
}

impl Breaker {
    /// Whether the provider may be asked at `now`; `None`: it is left alone.
    pub(super) fn admit(&mut self, now: Instant) -> Option<Admission> {
        match self.state {
            State::Closed { .. } => Some(Admission::Ordinary),
            State::Open { until } if now >= until => {
                self.state = State::Probing;
                Some(Admission::Probe)
            }
            State::Open { .. } | State::Probing => None,
        }
    }

    /// Notes at `now` whether the provider has answered a call. Says whether it is left alone from now on that was not before.
    pub(super) fn note(&mut self, admission: Admission, has_answered: bool, now: Instant) -> bool {
        let open = State::Open { until: now + OPEN_FOR };
        let was = self.state;
        self.state = match (admission, was, has_answered) {
            (Admission::Probe, _, true) | (Admission::Ordinary, State::Closed { .. }, true) => State::default(),
            (Admission::Probe, _, false) => open,
            (Admission::Ordinary, State::Closed { failures }, false) if failures + 1 >= FAILURES_MAX => open,
            (Admission::Ordinary, State::Closed { failures }, false) => State::Closed { failures: failures + 1 },
            // It was asked before the provider was left alone, and tells nothing of how it is now.
            (Admission::Ordinary, State::Open { .. } | State::Probing, _) => was,
        };
        self.state == open && matches!(was, State::Closed { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordinary(breaker: &mut Breaker, has_answered: bool, now: Instant) -> bool {
        assert_eq!(breaker.admit(now), Some(Admission::Ordinary));
        breaker.note(Admission::Ordinary, has_answered, now)
    }

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        let opens: Vec<bool> = (0..FAILURES_MAX).map(|_| ordinary(&mut breaker, false, now)).collect();
        assert_eq!(opens, [false, false, false, false, true]);
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_an_answer_between_them_does_not_let_them() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            for _ in 1..FAILURES_MAX {
                assert!(!ordinary(&mut breaker, false, now));
            }
            assert!(!ordinary(&mut breaker, true, now));
        }
        assert_eq!(opened(now).admit(now), None);
    }

    #[test]
    fn one_call_tries_it_after_a_while_and_closes_it() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert_eq!(breaker.admit(now + OPEN_FOR - Duration::from_nanos(1)), None);
        let later = now + OPEN_FOR;
        assert_eq!(breaker.admit(later), Some(Admission::Probe));
        assert_eq!(breaker.admit(later), None, "one at a time");
        assert!(!breaker.note(Admission::Probe, true, later));
        assert!(!ordinary(&mut breaker, false, later), "it begins to count anew");
    }

    #[test]
    fn a_try_that_fails_leaves_it_alone_for_as_long_again() {
        let now = Instant::now();
        let mut breaker = opened(now);
        let later = now + OPEN_FOR;
        assert_eq!(breaker.admit(later), Some(Admission::Probe));
        assert!(!breaker.note(Admission::Probe, false, later));
        assert_eq!(breaker.admit(later + OPEN_FOR - Duration::from_nanos(1)), None);
        assert_eq!(breaker.admit(later + OPEN_FOR), Some(Admission::Probe));
    }

    #[test]
    fn what_was_asked_before_it_opened_neither_closes_it_nor_stands_for_the_try() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert!(!breaker.note(Admission::Ordinary, true, now));
        assert_eq!(breaker.admit(now), None);
        assert_eq!(breaker.admit(now + OPEN_FOR), Some(Admission::Probe));
        assert!(!breaker.note(Admission::Ordinary, true, now + OPEN_FOR));
        assert_eq!(breaker.admit(now + OPEN_FOR), None, "the try is still under way");
    }
}
