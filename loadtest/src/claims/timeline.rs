//! Latencies by time: each part of a load by itself, so that its end can be held against its beginning.

use std::time::Duration;

use crate::recorder::Latencies;

/// Parts that are kept at most; what comes later counts with the last.
const PARTS_MAX: usize = 100;

/// The latencies of a load, part by part.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    part: Duration,
    parts: Vec<Latencies>,
}

impl Timeline {
    /// Parts of so long.
    pub(crate) fn new(part: Duration) -> Self {
        assert!(!part.is_zero(), "a part takes time");
        Self { part, parts: Vec::new() }
    }

    /// Counts an answer that came so long `after` the beginning.
    pub(crate) fn record(&mut self, after: Duration, latency: Duration) {
        let place = usize::try_from(after.as_nanos() / self.part.as_nanos()).unwrap_or(usize::MAX).min(PARTS_MAX - 1);
        while self.parts.len() <= place {
            self.parts.push(Latencies::new());
        }
        self.parts[place].record(latency);
    }

    /// The latencies of a part, if anything was answered then.
    pub(crate) fn part(&self, place: usize) -> Option<&Latencies> {
        self.parts.get(place).filter(|latencies| latencies.count() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_counts_in_the_part_it_came_in() {
        let ms = Duration::from_millis;
        let mut timeline = Timeline::new(ms(100));
        for (after, latency) in [(0, 1), (99, 1), (100, 2), (350, 4), (1_000_000, 9)] {
            timeline.record(ms(after), ms(latency));
        }
        let counts: Vec<_> = (0..5).map(|place| timeline.part(place).map(Latencies::count)).collect();
        assert_eq!(counts, [Some(2), Some(1), None, Some(1), None]);
        assert_eq!(timeline.part(PARTS_MAX - 1).map(Latencies::count), Some(1));
    }
}
