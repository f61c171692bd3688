//! Owns the server's counts and how they are shown to Prometheus. Each I/O thread counts for itself, in atomics that only
//! it writes and that nothing is ordered by, so that `Relaxed` is enough for all; a scrape adds them up.

mod exposition;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::StatusCode;
use landrush_engine::outcome::{ClaimKind, ClaimView};
use landrush_wal::status::Histogram;

use crate::fraud::Verdict;
use crate::gate::reason::Reason;
use crate::http::Shed;
use crate::http::problem::Code;

pub use exposition::{MEDIA_TYPE, exposition};

/// What a claim, a draw or an entry came to that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Granted {
    /// A coupon.
    Won,
    /// A draw that won nothing.
    NoCoupon,
    /// An entry in a lottery.
    Entered,
    /// What had been granted before.
    Repeated,
}

impl Granted {
    const ALL: [Self; 4] = [Self::Won, Self::NoCoupon, Self::Entered, Self::Repeated];

    /// The label.
    fn name(self) -> &'static str {
        match self {
            Self::Won => "won",
            Self::NoCoupon => "no_coupon",
            Self::Entered => "entered",
            Self::Repeated => "repeated",
        }
    }

    /// What the report on fraud counts it as.
    pub(crate) fn verdict(self) -> Verdict {
        match self {
            Self::Won | Self::Entered => Verdict::Granted,
            Self::NoCoupon => Verdict::NoCoupon,
            Self::Repeated => Verdict::Repeated,
        }
    }

    /// What is new about `claim`.
    pub(crate) fn now(claim: &ClaimView) -> Self {
        match (claim.kind, claim.coupon) {
            (ClaimKind::Entry { .. }, _) => Self::Entered,
            (ClaimKind::Claim | ClaimKind::Draw { .. }, Some(_)) => Self::Won,
            (ClaimKind::Claim | ClaimKind::Draw { .. }, None) => Self::NoCoupon,
        }
    }
}

/// What one I/O thread has counted.
#[derive(Debug)]
pub struct Counts {
    /// By the place in [`Granted::ALL`].
    granted: [AtomicU64; Granted::ALL.len()],
    /// By the place of the code in [`Code::ALL`].
    refused: [AtomicU64; Code::ALL.len()],
    /// By the place of the reason in [`Reason::ALL`].
    gate_refused: [AtomicU64; Reason::ALL.len()],
    shed: [AtomicU64; Shed::ALL.len()],
    /// Time from a claim's head to its answer, in microseconds.
    claim_us: Histogram,
    /// By the hundreds of the status.
    responses: [AtomicU64; 6],
    events_sent: AtomicU64,
    events_skipped: AtomicU64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            granted: Default::default(),
            refused: std::array::from_fn(|_| AtomicU64::new(0)),
            gate_refused: std::array::from_fn(|_| AtomicU64::new(0)),
            shed: Default::default(),
            claim_us: Histogram::default(),
            responses: std::array::from_fn(|_| AtomicU64::new(0)),
            events_sent: AtomicU64::new(0),
            events_skipped: AtomicU64::new(0),
        }
    }
}

impl Counts {
    /// Counts a claim that was answered so long after its head was read.
    pub(crate) fn claim(&self, answer: Result<Granted, Code>, took: Duration) {
        let counter = match answer {
            Ok(granted) => &self.granted[granted as usize],
            Err(code) => &self.refused[code.place()],
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.claim_us.record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// Counts a request that was refused for want of time or room.
    pub(crate) fn shed(&self, what: Shed) {
        self.shed[what as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that the gate has refused.
    pub(crate) fn gate_refused(&self, reason: Reason) {
        self.gate_refused[reason.place()].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an event that a watcher gets, and those before it that it was too slow for.
    pub(crate) fn event_sent(&self, skipped: u64) {
        self.events_sent.fetch_add(1, Ordering::Relaxed);
        self.events_skipped.fetch_add(skipped, Ordering::Relaxed);
    }

    /// Events sent and skipped.
    #[cfg(test)]
    pub(crate) fn events(&self) -> (u64, u64) {
        (self.events_sent.load(Ordering::Relaxed), self.events_skipped.load(Ordering::Relaxed))
    }

    /// Counts a response.
    pub(crate) fn response(&self, status: StatusCode) {
        self.responses[usize::from(status.as_u16() / 100).min(5)].fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_counter() {
        let counts = Counts::default();
        for code in Code::ALL {
            counts.claim(Err(code), Duration::ZERO);
        }
        assert!(counts.refused.iter().all(|count| count.load(Ordering::Relaxed) == 1));
        assert_eq!(counts.claim_us.snapshot().0.iter().map(|(_, count)| count).sum::<u64>(), Code::ALL.len() as u64);
    }
    #[test]
    fn every_grant_has_a_counter() {
        let counts = Counts::default();
        for (place, granted) in Granted::ALL.into_iter().enumerate() {
            counts.claim(Ok(granted), Duration::ZERO);
            assert_eq!(counts.granted[place].load(Ordering::Relaxed), 1, "{granted:?}");
        }
    }
}
