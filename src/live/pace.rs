//! Owns when a campaign is looked at and when it may be published: pure, over moments that it is given.

use std::time::Duration;

use landrush_engine::time::Timestamp;

/// The least time between two publications: four a second.
pub(super) const PUBLISH_EVERY: Duration = Duration::from_millis(250);

/// How often a campaign is looked at while nothing changes: how late the first change after a silence may be.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The pace of one campaign.
#[derive(Debug)]
pub(super) struct Pace {
    looked_at: Timestamp,
    published_at: Timestamp,
    /// When the schedule changes what is shown: an opening, a close, a new day.
    edge: Option<Timestamp>,
}

impl Pace {
    /// Begins with a publication at `now`; the schedule's next change is at `edge`.
    pub(super) fn begin(now: Timestamp, edge: Option<Timestamp>) -> Self {
        Self { looked_at: now, published_at: now, edge }
    }

    /// When to look next. Whatever is seen then may be published.
    ///
    /// Countdowns hang on the schedule's changes, so these are published when they come: whatever would be too shortly
    /// before one waits for it.
    pub(super) fn due(&self) -> Timestamp {
        let earliest = self.published_at.saturating_add(PUBLISH_EVERY);
        let next = self.looked_at.saturating_add(LOOK_EVERY).max(earliest);
        match self.edge {
            Some(edge) if edge < next.saturating_add(PUBLISH_EVERY) => edge.max(earliest),
            Some(_) | None => next,
        }
    }

    /// Notes a look at `now`, whether something was published, and the schedule's next change.
    pub(super) fn looked(&mut self, now: Timestamp, has_published: bool, edge: Option<Timestamp>) {
        self.looked_at = now;
        self.edge = edge;
        if has_published {
            self.published_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Timestamp {
        Timestamp::from_milliseconds(milliseconds)
    }

    #[track_caller]
    fn due(looked: u64, published: u64, edge: Option<u64>, expected: u64) {
        let mut pace = Pace::begin(at(published), None);
        pace.looked(at(looked), false, edge.map(at));
        assert_eq!(pace.due(), at(expected));
    }

    #[test]
    fn the_first_change_after_a_silence_is_seen_soon_and_the_next_ones_four_times_a_second() {
        due(10_000, 5_000, None, 10_050);
        due(10_000, 10_000, None, 10_250);
        due(10_000, 9_900, None, 10_150);
    }

    #[test]
    fn a_change_by_schedule_is_looked_for_when_it_comes() {
        due(10_000, 5_000, Some(10_020), 10_020);
        due(10_000, 5_000, Some(60_000), 10_050);
        due(10_000, 5_000, Some(10_000), 10_000);
    }

    #[test]
    fn what_would_come_shortly_before_a_change_by_schedule_waits_for_it() {
        due(10_000, 10_000, Some(10_300), 10_300);
        due(10_000, 10_000, Some(10_499), 10_499);
        due(10_000, 10_000, Some(10_500), 10_250);
    }

    #[test]
    fn a_change_by_schedule_that_was_not_foreseen_waits_for_its_turn() {
        due(10_000, 10_000, Some(10_100), 10_250);
    }

    #[test]
    fn there_are_never_more_than_four_publications_in_a_second() {
        // Changes all the time, a schedule that changes every 730 ms, and every look publishes.
        let edge = |now: u64| Some(at((now / 730 + 1) * 730));
        let mut pace = Pace::begin(at(0), edge(0));
        let mut published = vec![0];
        while published.len() < 1_000 {
            let now = pace.due();
            pace.looked(now, true, edge(now.as_milliseconds()));
            published.push(now.as_milliseconds());
        }
        assert!(published.windows(5).all(|five| five[4] - five[0] >= 1_000));
        let edges: Vec<u64> = (1..100).map(|n| n * 730).collect();
        assert!(edges.iter().all(|edge| published.contains(edge)), "{published:?}");
    }
}
