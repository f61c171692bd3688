//! Owns when an I/O thread has too much to do, and what is refused then: what is worth least, first. Looks at what is left come before
//! claims, since a page that waits a little longer costs nobody a coupon; newcomers come before winners who ask again and before
//! checkouts, which are never refused while there is any room.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How often a thread looks how late it is.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(25);

/// A thread that was never less late than this, for a [`WINDOW`], has a standing queue: it does not catch up between two bursts.
/// The minimum is what tells the two apart (Nichols and Jacobson, "Controlling Queue Delay", 2012). A claim waits in that queue
/// twice, to be read and to be answered: 100 ms, half of what nobody is to wait for longer.
pub(crate) const LATE_MAX: Duration = Duration::from_millis(50);

/// Over how long the least lateness is taken.
const WINDOW: Duration = Duration::from_millis(250);

/// Over how many looks, at least: one long pause is no queue.
const LOOKS_MIN: u32 = 4;

/// What is refused for want of time or room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shed {
    /// Somebody looked at a campaign, or at what is left of it.
    Poll,
    /// Somebody who has nothing yet asked for a coupon.
    Newcomer,
}

impl Shed {
    /// All there are.
    pub(crate) const ALL: [Self; 2] = [Self::Poll, Self::Newcomer];

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Shed::Poll => "poll",
            Shed::Newcomer => "newcomer",
        }
    }
}

/// How late one I/O thread is.
#[derive(Debug)]
pub(crate) struct Pressure {
    since: Cell<Instant>,
    looks: Cell<u32>,
    least: Cell<Duration>,
    is_strained: Cell<bool>,
}

impl Pressure {
    /// A thread that is on time, at `now`.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            since: Cell::new(now),
            looks: Cell::new(0),
            least: Cell::new(Duration::MAX),
            is_strained: Cell::new(false),
        }
    }

    /// Notes at `now` that the thread did so much later what it meant to do.
    pub(crate) fn note(&self, now: Instant, late: Duration) {
        self.least.set(self.least.get().min(late));
        self.looks.set(self.looks.get() + 1);
        if now.duration_since(self.since.get()) >= WINDOW && self.looks.get() >= LOOKS_MIN {
            self.looks.set(0);
            self.is_strained.set(self.least.replace(Duration::MAX) > LATE_MAX);
            self.since.set(now);
        }
    }

    /// Whether looks at what is left are refused.
    pub(crate) fn is_strained(&self) -> bool {
        self.is_strained.get()
    }
}

/// Whether so many commands of one of `io_threads` are more than its part of a mailbox of `places`, but for the eighth that is kept for
/// winners and checkouts.
pub(crate) fn is_crowded(waiting: usize, places: usize, io_threads: usize) -> bool {
    waiting >= (places - places / 8) / io_threads.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes these latenesses, one every 50 ms; whether the thread is strained after each.
    fn after(latenesses: &[u64]) -> Vec<bool> {
        let start = Instant::now();
        let pressure = Pressure::new(start);
        let noted = latenesses.iter().zip(1..).map(|(late, number)| {
            pressure.note(start + Duration::from_millis(50 * number), Duration::from_millis(*late));
            pressure.is_strained()
        });
        noted.collect()
    }

    #[test]
    fn a_burst_is_no_strain_and_a_standing_queue_is() {
        assert_eq!(after(&[500, 500, 1, 500, 500, 500]), [false; 6]);
        assert_eq!(after(&[51; 6]), [false, false, false, false, true, true]);
        assert_eq!(after(&[50; 6]), [false; 6]);
    }

    #[test]
    fn one_long_pause_is_no_strain() {
        let start = Instant::now();
        let pressure = Pressure::new(start);
        let pause = Duration::from_secs(1);
        for (number, late) in [(1, pause), (2, Duration::ZERO), (3, pause)] {
            pressure.note(start + pause * number, late);
            assert!(!pressure.is_strained());
        }
    }

    #[test]
    fn a_strain_ends_with_the_first_window_in_which_the_thread_was_on_time_once() {
        let noted = after(&[[200; 5], [200, 200, 2, 200, 200]].concat());
        assert_eq!((noted[4], noted[8], noted[9]), (true, true, false));
    }

    #[test]
    fn an_eighth_of_the_mailbox_is_kept_for_those_who_are_worth_most() {
        assert!(!is_crowded(13, 16, 1) && is_crowded(14, 16, 1));
        assert!(!is_crowded(6, 16, 2) && is_crowded(7, 16, 2));
        assert!(is_crowded(1, 1, 1) && !is_crowded(0, 1, 1));
    }
}
