//! Owns what a report says of a campaign: shares beside what an even spread would give, so that they mean something to people.

use landrush_engine::time::Timestamp;

use super::mark::Kind;
use super::tally::{ByMark, Tally};
use crate::gate::reason::Reason;

/// How many marks of a kind are named, by what they were granted, and again by what they were refused.
pub const TOP: usize = 10;

/// What was noted of a campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Since when: the server's start, or later if the campaign had to make room for others.
    pub since: Timestamp,
    /// Coupons, or entries in a lottery.
    pub granted: u64,
    /// Draws that won nothing.
    pub no_coupon: u64,
    /// Repeats of what had been granted.
    pub repeated: u64,
    /// Refusals.
    pub refused: u64,
    /// Of the granted, those that came within [`super::EARLY`] of an opening.
    pub granted_early: u64,
    /// Of the refused, the same.
    pub refused_early: u64,
    /// What the gate refused.
    pub gate_refused: Vec<(Reason, u64)>,
    /// By marks of each kind.
    pub by: Vec<Breakdown>,
}

/// Where grants and refusals went, by marks of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Breakdown {
    /// The kind.
    pub kind: Kind,
    /// How many different marks there were, give or take 3 percent.
    pub distinct: u64,
    /// How many grants bore such a mark.
    pub granted: u64,
    /// How many refusals did.
    pub refused: u64,
    /// By how much each line's `granted` may be too low.
    pub granted_error: u64,
    /// By how much each line's `refused` may be too low.
    pub refused_error: u64,
    /// The part of all grants that went to the [`TOP`] marks that were granted most.
    pub top_share: f64,
    /// The part that would go to as many marks, were it spread evenly over all that were seen.
    pub even_share: f64,
    /// The marks that were granted most, then those that were refused most.
    pub top: Vec<Line>,
}

/// One mark.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// What it was granted, at least.
    pub granted: u64,
    /// What it was refused, at least.
    pub refused: u64,
    /// Its part of all grants.
    pub share: f64,
}

impl Report {
    pub(super) fn of(tally: &Tally) -> Self {
        let breakdown = |(kind, by): (Kind, &ByMark)| Breakdown::of(kind, by, tally.granted);
        Self {
            since: tally.since,
            granted: tally.granted,
            no_coupon: tally.no_coupon,
            repeated: tally.repeated,
            refused: tally.refused,
            granted_early: tally.granted_early,
            refused_early: tally.refused_early,
            gate_refused: Reason::ALL.into_iter().zip(tally.gate_refused).collect(),
            by: Kind::ALL.into_iter().zip(&tally.by).map(breakdown).collect(),
        }
    }
}

impl Breakdown {
    fn of(kind: Kind, by: &ByMark, all_granted: u64) -> Self {
        let by_grants = by.granted.top(TOP);
        let top_granted: u64 = by_grants.iter().map(|mark| by.granted.of(*mark)).sum();
        // Counted marks are there for certain, whatever the estimate says.
        let distinct = by.distinct.estimate().max(by_grants.len() as u64);
        let line = |mark: u64| {
            let granted = by.granted.of(mark);
            Line { name: kind.spell(mark), granted, refused: by.refused.of(mark), share: share(granted, all_granted) }
        };
        let by_refusals = by.refused.top(TOP).into_iter().filter(|mark| !by_grants.contains(mark));
        let evenly = share(distinct.min(TOP as u64), distinct);
        Self {
            kind,
            distinct,
            granted: by.granted.sum(),
            refused: by.refused.sum(),
            granted_error: by.granted.error(),
            refused_error: by.refused.error(),
            top_share: share(top_granted, all_granted),
            even_share: evenly * share(by.granted.sum(), all_granted),
            top: by_grants.iter().copied().chain(by_refusals).map(line).collect(),
        }
    }
}

/// The part that `some` is of `all`.
fn share(some: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { some as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use landrush_engine::campaign::Phase;

    use super::super::mark::Asked;
    use super::super::tally::Verdict;
    use super::*;

    #[test]
    fn ten_devices_that_took_much_stand_out() {
        let mut tally = Tally::new([7; 16], Timestamp::from_milliseconds(5));
        let note = |tally: &mut Tally, device: &str, verdict| {
            let address = std::net::IpAddr::from([192, 0, 2, 1]).into();
            let asked = Asked { address: Some(address), device: Some(device.as_bytes()), phone: None };
            tally.note(&asked.marks(&[7; 16]), Timestamp::from_milliseconds(9), verdict, || Phase::Over);
        };
        for number in 0..400 {
            note(&mut tally, &format!("bot-{}", number % 10), Verdict::Granted);
            note(&mut tally, &format!("bot-{}", number % 10), Verdict::Refused(Some(Reason::RateLimitedDevice)));
        }
        (0..600).for_each(|number| note(&mut tally, &format!("own-{number}"), Verdict::Granted));
        note(&mut tally, "own-1", Verdict::Repeated);
        let report = Report::of(&tally);
        assert_eq!((report.granted, report.refused, report.repeated), (1_000, 400, 1));
        assert!(report.gate_refused.contains(&(Reason::RateLimitedDevice, 400)));
        let devices = &report.by[3];
        assert_eq!((devices.kind, devices.granted, devices.granted_error), (Kind::Device, 1_000, 1));
        assert_eq!((devices.top.len(), devices.top[0].granted, devices.top[0].refused), (TOP, 39, 40));
        assert!((devices.top_share - 0.39).abs() < 1e-9, "{}", devices.top_share);
        assert!((devices.even_share - 10.0 / 610.0).abs() < 2e-3, "{}", devices.even_share);
        assert!((report.by[0].top_share - 1.0).abs() < 1e-9 && (report.by[0].even_share - 1.0).abs() < 1e-9);
    }
}
