//! Owns what is noted of one campaign: exact totals, and a summary for each kind of mark.

use std::time::Duration;

use landrush_engine::campaign::Phase;
use landrush_engine::time::Timestamp;

use super::distinct::Distinct;
use super::mark::Kind;
use super::summary::{Keyed, Summary};
use crate::gate::reason::Reason;

/// A request is early that comes within this of the opening: sooner than people react.
pub const EARLY: Duration = Duration::from_millis(100);

/// What a request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A coupon, or an entry in a lottery.
    Granted,
    /// A draw that won nothing.
    NoCoupon,
    /// What had been granted before.
    Repeated,
    /// No; by the gate, if it was that.
    Refused(Option<Reason>),
}

/// What is noted of one campaign.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    /// Since when it is noted.
    pub(super) since: Timestamp,
    /// The ledger's count of notes when the last was made.
    pub(super) noted_at: u64,
    pub(super) granted: u64,
    pub(super) no_coupon: u64,
    pub(super) repeated: u64,
    pub(super) refused: u64,
    pub(super) granted_early: u64,
    pub(super) refused_early: u64,
    /// By the place in [`Reason::ALL`].
    pub(super) gate_refused: [u64; Reason::ALL.len()],
    /// By the place in [`Kind::ALL`].
    pub(super) by: [ByMark; Kind::ALL.len()],
    keyed: Keyed,
    opening: Opening,
}

/// Where grants and refusals went, by marks of one kind.
#[derive(Debug, Clone)]
pub(super) struct ByMark {
    pub(super) granted: Summary,
    pub(super) refused: Summary,
    pub(super) distinct: Distinct,
}

/// The last opening, as far as it is known without asking for the campaign's phase, which takes a lock that all threads share.
#[derive(Debug, Clone, Copy)]
struct Opening {
    from: Timestamp,
    until: Timestamp,
    opened_at: Option<Timestamp>,
}

impl Default for Opening {
    /// One that no moment is within.
    fn default() -> Self {
        Self { from: Timestamp::MAX, until: Timestamp::MAX, opened_at: None }
    }
}

impl Tally {
    /// Nothing noted since `since`.
    pub(super) fn new(key: [u8; 16], since: Timestamp) -> Self {
        let keyed = Keyed::new(key);
        let by_mark =
            || ByMark { granted: Summary::new(keyed), refused: Summary::new(keyed), distinct: Distinct::new() };
        Self {
            since,
            noted_at: 0,
            granted: 0,
            no_coupon: 0,
            repeated: 0,
            refused: 0,
            granted_early: 0,
            refused_early: 0,
            gate_refused: [0; Reason::ALL.len()],
            by: std::array::from_fn(|_| by_mark()),
            keyed,
            opening: Opening::default(),
        }
    }

    /// Notes what a request was answered. `phase` tells the campaign's at the moment `stamped_at`.
    pub(super) fn note(
        &mut self,
        marks: &[Option<u64>; Kind::ALL.len()],
        stamped_at: Timestamp,
        verdict: Verdict,
        phase: impl FnOnce() -> Phase,
    ) {
        let is_early = self.opening.is_early(stamped_at, phase);
        let is_granted = match verdict {
            Verdict::Granted => {
                self.granted += 1;
                self.granted_early += u64::from(is_early);
                true
            }
            Verdict::Refused(reason) => {
                self.refused += 1;
                self.refused_early += u64::from(is_early);
                if let Some(reason) = reason {
                    self.gate_refused[reason.place()] += 1;
                }
                false
            }
            // Neither more coupons nor a refusal: where these come from says nothing.
            Verdict::NoCoupon => return self.no_coupon += 1,
            Verdict::Repeated => return self.repeated += 1,
        };
        for (by, mark) in self.by.iter_mut().zip(marks) {
            let Some(mark) = *mark else { continue };
            let summary = if is_granted { &mut by.granted } else { &mut by.refused };
            let hash = self.keyed.hash(mark);
            if summary.count(mark, hash) {
                by.distinct.insert(hash);
            }
        }
    }

    /// Adds what another thread has noted.
    pub(super) fn add(&mut self, other: &Tally) {
        self.since = self.since.max(other.since);
        self.granted += other.granted;
        self.no_coupon += other.no_coupon;
        self.repeated += other.repeated;
        self.refused += other.refused;
        self.granted_early += other.granted_early;
        self.refused_early += other.refused_early;
        for (own, other) in self.gate_refused.iter_mut().zip(&other.gate_refused) {
            *own += other;
        }
        for (own, other) in self.by.iter_mut().zip(&other.by) {
            own.granted.add(&other.granted);
            own.refused.add(&other.refused);
            own.distinct.add(&other.distinct);
        }
    }
}

impl Opening {
    /// Whether `at` lies within [`EARLY`] of the campaign's last opening.
    fn is_early(&mut self, at: Timestamp, phase: impl FnOnce() -> Phase) -> bool {
        if !(self.from..self.until).contains(&at) {
            *self = match phase() {
                Phase::Open { opened_at, closes_at, is_last: _ } => {
                    Self { from: opened_at, until: closes_at, opened_at: Some(opened_at) }
                }
                Phase::Before { opens_at } | Phase::Between { opens_at } => {
                    Self { from: at, until: opens_at, opened_at: None }
                }
                Phase::Over => Self { from: at, until: at, opened_at: None },
            };
        }
        self.opened_at.is_some_and(|opened_at| at.saturating_since(opened_at) < EARLY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_is_within_100_ms_of_an_opening() {
        let at = Timestamp::from_milliseconds;
        let mut opening = Opening::default();
        assert!(!opening.is_early(at(900), || Phase::Before { opens_at: at(1_000) }));
        assert!(!opening.is_early(at(999), || panic!("known")));
        let open = || Phase::Open { opened_at: at(1_000), closes_at: at(5_000), is_last: true };
        assert!(opening.is_early(at(1_000), open));
        assert!(opening.is_early(at(1_099), || panic!("known")));
        assert!(!opening.is_early(at(1_100), || panic!("known")));
        assert!(!opening.is_early(at(5_000), || Phase::Over));
    }
}
