//! Owns how a thread that has writes under way looks for their end before it sleeps: to be woken takes longer than many a write,
//! on a virtual machine above all, and whoever waits for the answers waits for that too.

use std::time::{Duration, Instant};

/// How a thread watches a write, and for how long it rather sleeps.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// When it was first looked for what is looked for now.
    began: Option<Instant>,
    /// How often one sleeps at once, since the processor was wanted by somebody else the last time.
    sleeps: u32,
}

impl Watch {
    /// Records under way from which on a write is watched: for fewer, the processor is worth more than their time.
    pub(super) const RECORDS_MIN: u64 = 8;
    /// How long a write is watched: twice what a quick disk needs for one that is synced. A slower one is slept for.
    const TIME_MAX: Duration = Duration::from_micros(300);
    /// The processor comes back this late only from somebody who computes on and on. A thread that sleeps is given it at once when
    /// its write has landed, one that has only stepped aside is not, so that here sleeping is quicker.
    const LATE: Duration = Duration::from_micros(500);
    /// How often one sleeps at once then, before it is tried again.
    const SLEEPS: u32 = 1_024;

    /// Steps aside for others, and says whether to look again rather than to sleep.
    pub(super) fn looks_again(&mut self) -> bool {
        self.looks_again_at(Instant::now(), || {
            std::thread::yield_now();
            Instant::now()
        })
    }

    /// The same `now`; `step_aside` gives when the processor came back.
    fn looks_again_at(&mut self, now: Instant, step_aside: impl FnOnce() -> Instant) -> bool {
        if self.sleeps > 0 {
            self.sleeps -= 1;
            return false;
        }
        if now - *self.began.get_or_insert(now) >= Self::TIME_MAX {
            return false;
        }
        if step_aside() - now >= Self::LATE {
            self.sleeps = Self::SLEEPS;
        }
        self.sleeps == 0
    }

    /// A write has ended: the next is watched anew.
    pub(super) fn end(&mut self) {
        self.began = None;
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn it_is_looked_again_until_the_time_is_over_and_anew_for_the_next_write() {
        let (mut watch, began) = (Watch::default(), Instant::now());
        let mut looks_again_after = |time| watch.looks_again_at(began + time, || began + time);
        assert!(looks_again_after(Duration::ZERO));
        assert!(looks_again_after(Watch::TIME_MAX - Duration::from_nanos(1)));
        assert!(!looks_again_after(Watch::TIME_MAX));
        assert!(!looks_again_after(2 * Watch::TIME_MAX));
        watch.end();
        assert!(watch.looks_again_at(began + 2 * Watch::TIME_MAX, || began + 2 * Watch::TIME_MAX));
    }

    #[test]
    fn who_gets_the_processor_back_late_sleeps_for_a_while() {
        let (mut watch, began) = (Watch::default(), Instant::now());
        assert!(!watch.looks_again_at(began, || began + Watch::LATE));
        for _ in 0..Watch::SLEEPS {
            assert!(!watch.looks_again_at(began, || unreachable!("it sleeps")));
        }
        assert!(watch.looks_again_at(began, || began), "and tries again");
    }
}
