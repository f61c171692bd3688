//! Owns the arithmetic of one rate limit: the generic cell rate algorithm, and the penalty for those who will not take no for an
//! answer. Pure.
//!
//! A bucket of `requests` is given back evenly, one each `per / requests`; its whole state is the moment at which it will be full
//! again. Who asks of an empty bucket commits an offence and must wait until one request has been given back. Each further
//! offence doubles that wait, to at most [`PENALTY_FACTOR_MAX`] times and [`PENALTY_MAX`]; an offence is forgotten for each
//! [`FORGIVEN_AFTER`] in which no wait runs. Asking during a wait changes nothing: a person who clicks on is not locked out for longer.

use landrush_engine::campaign::RateLimit;

/// A moment or a span, in microseconds.
pub(super) type Micros = u64;

/// The longest wait, in waits for one request.
pub const PENALTY_FACTOR_MAX: u64 = 64;

/// The longest wait that is longer than the limit itself asks for.
pub const PENALTY_MAX: std::time::Duration = std::time::Duration::from_mins(15);

const PENALTY_MAX_MICROS: Micros = PENALTY_MAX.as_secs() * 1_000_000;

/// The time without a wait after which one offence is forgotten.
pub const FORGIVEN_AFTER: std::time::Duration = std::time::Duration::from_mins(1);

const FORGIVEN_AFTER_MICROS: Micros = FORGIVEN_AFTER.as_secs() * 1_000_000;

/// Further offences change nothing.
const OFFENCES_MAX: u8 = 7;

const _: () = assert!(1 << (OFFENCES_MAX - 1) == PENALTY_FACTOR_MAX);

/// What is known of one caller. The default is a caller of whom nothing is known, whose bucket is full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cell {
    /// When the bucket will be full.
    full_at: Micros,
    /// When the caller may ask again, for those with offences.
    free_at: Micros,
    /// Offences by `free_at`, before any was forgotten.
    offences: u8,
}

impl Cell {
    /// Asks for one request.
    ///
    /// # Errors
    /// How long to wait, at least one microsecond.
    pub(super) fn ask(&mut self, limit: RateLimit, now: Micros) -> Result<(), Micros> {
        if now < self.free_at {
            return Err(self.free_at - now);
        }
        let span = u64::try_from(limit.per.as_micros()).unwrap_or(u64::MAX);
        let each = (span / u64::from(limit.requests.max(1))).max(1);
        let full_at = self.full_at.max(now).saturating_add(each);
        // Whole multiples of `each`, so that a span that does not divide evenly still allows all its requests.
        let capacity = each.saturating_mul(u64::from(limit.requests));
        let Some(wait) = full_at.checked_sub(now.saturating_add(capacity)).filter(|wait| *wait > 0) else {
            self.full_at = full_at;
            return Ok(());
        };
        self.offences = (self.remembered(now) + 1).min(OFFENCES_MAX);
        let lengthened = match self.offences {
            1 => wait,
            more => each.saturating_mul(1 << (more - 1)).min(PENALTY_MAX_MICROS),
        };
        let penalty = lengthened.max(wait);
        self.free_at = now.saturating_add(penalty);
        Err(penalty)
    }

    /// How many requests are left, and when all will be.
    pub(super) fn left(&self, limit: RateLimit, now: Micros) -> (u32, Micros) {
        let full_in = self.full_at.saturating_sub(now);
        if now < self.free_at {
            return (0, full_in.max(self.free_at - now));
        }
        let span = u64::try_from(limit.per.as_micros()).unwrap_or(u64::MAX);
        let each = (span / u64::from(limit.requests.max(1))).max(1);
        let taken = u32::try_from(full_in.div_ceil(each)).unwrap_or(u32::MAX);
        (limit.requests.saturating_sub(taken), full_in)
    }

    /// The offences that are not forgotten.
    fn remembered(&self, now: Micros) -> u8 {
        let forgotten = now.saturating_sub(self.free_at) / FORGIVEN_AFTER_MICROS;
        self.offences.saturating_sub(u8::try_from(forgotten).unwrap_or(u8::MAX))
    }

    /// From when on nothing is lost by forgetting the caller.
    pub(super) fn blank_at(&self) -> Micros {
        let forgiven = self.free_at.saturating_add(u64::from(self.offences) * FORGIVEN_AFTER_MICROS);
        if self.offences == 0 { self.full_at } else { self.full_at.max(forgiven) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const SECOND: Micros = 1_000_000;
    const START: Micros = 1_700_000_000 * SECOND;

    fn limit(requests: u32, seconds: u64) -> RateLimit {
        RateLimit { requests, per: Duration::from_secs(seconds) }
    }

    #[test]
    fn a_burst_passes_and_is_given_back_evenly() {
        let mut cell = Cell::default();
        for _ in 0..5 {
            cell.ask(limit(5, 10), START).expect("in the burst");
        }
        assert_eq!(cell.ask(limit(5, 10), START), Err(2 * SECOND));
        assert_eq!(cell.ask(limit(5, 10), START + 2 * SECOND - 1), Err(1));
        cell.ask(limit(5, 10), START + 2 * SECOND).expect("one was given back");
    }

    #[test]
    fn what_is_left_goes_down_with_each_request_and_up_with_time() {
        let mut cell = Cell::default();
        let limit = limit(5, 10);
        assert_eq!(cell.left(limit, START), (5, 0));
        for left in (0..5).rev() {
            cell.ask(limit, START).expect("in the burst");
            assert_eq!(cell.left(limit, START), (left, (5 - u64::from(left)) * 2 * SECOND));
        }
        assert_eq!(cell.ask(limit, START), Err(2 * SECOND));
        assert_eq!(cell.left(limit, START + SECOND), (0, 9 * SECOND));
        assert_eq!(cell.left(limit, START + 5 * SECOND), (2, 5 * SECOND));
    }

    #[test]
    fn each_offence_doubles_the_wait_up_to_a_cap_and_none_is_added_during_a_wait() {
        let mut cell = Cell::default();
        let mut now = START;
        let mut waits = Vec::new();
        while waits.len() < 9 {
            if let Err(wait) = cell.ask(limit(1, 2), now) {
                assert_eq!(cell.ask(limit(1, 2), now + wait - 1), Err(1), "asking again changes nothing");
                waits.push(wait / SECOND);
                now += wait;
            }
        }
        // One request is given back in 2 s.
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 128, 128]);
    }

    #[test]
    fn offences_are_forgotten_one_a_minute() {
        let offend = |cell: &mut Cell, now: Micros| {
            while cell.ask(limit(1, 2), now).is_ok() {}
            cell.free_at - now
        };
        let mut cell = Cell::default();
        let first = offend(&mut cell, START);
        let later = START + first + 60 * SECOND;
        assert_eq!(offend(&mut cell, later), first, "the first is forgotten");
        assert!(cell.blank_at() > later + 60 * SECOND);
        assert_eq!(cell.remembered(cell.blank_at()), 0);
    }

    proptest! {
        #[test]
        fn no_span_holds_more_than_the_burst_and_what_was_given_back(
            requests in 1u32..20, seconds in 1u64..20, gaps in prop::collection::vec(0u64..3 * SECOND, 1..200),
        ) {
            let limit = limit(requests, seconds);
            let mut cell = Cell::default();
            let mut now = START;
            let mut passed = Vec::new();
            for gap in gaps {
                now += gap;
                if cell.ask(limit, now).is_ok() {
                    passed.push(now);
                }
            }
            let each = seconds * SECOND / u64::from(requests);
            for (at, first) in passed.iter().enumerate() {
                for (count, last) in passed[at..].iter().enumerate() {
                    prop_assert!((count as u64) < u64::from(requests) + (last - first) / each);
                }
            }
        }
    }
}
