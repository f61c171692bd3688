//! Owns how a thread that has writes under way looks for their end before it sleeps: to be woken takes longer than many a write,
//! on a virtual machine above all, and whoever waits for the answers waits for that too.

use std::time::{Duration, Instant};

/// How a thread watches a write, and for how long it rather sleeps.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Writes that are slept for, since the processor was wanted by somebody else the last time.
    writes_to_sleep: u32,
}

/// What a watch came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// There is something to do.
    Something,
    /// Nothing; time to sleep.
    Nothing,
}

impl Watch {
    /// Records under way from which on a write is watched: for fewer, the processor is worth more than their time.
    pub(super) const RECORDS_MIN: u64 = 8;
    /// How long a write is watched: twice what a quick disk needs for one that is synced. A slower one is slept for.
    const TIME_MAX: Duration = Duration::from_micros(300);
    /// The processor comes back this late only from somebody who computes on and on. A thread that sleeps is given it at once when
    /// its write has landed, one that has only stepped aside is not, so that here sleeping is quicker.
    const LATE: Duration = Duration::from_micros(500);
    /// How many writes are slept for then, before it is tried again.
    const WRITES_TO_SLEEP: u32 = 1_024;

    /// Looks until there is something to do, stepping aside for others between two looks.
    ///
    /// # Errors
    /// What `look` fails with.
    pub(super) fn keep<E>(&mut self, mut look: impl FnMut() -> Result<bool, E>) -> Result<Seen, E> {
        if self.writes_to_sleep > 0 {
            self.writes_to_sleep -= 1;
            return Ok(Seen::Nothing);
        }
        let began = Instant::now();
        let mut before = began;
        loop {
            std::thread::yield_now();
            if look()? {
                return Ok(Seen::Something);
            }
            let now = Instant::now();
            if now - before >= Self::LATE {
                self.writes_to_sleep = Self::WRITES_TO_SLEEP;
                return Ok(Seen::Nothing);
            }
            if now - began >= Self::TIME_MAX {
                return Ok(Seen::Nothing);
            }
            before = now;
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn keep(watch: &mut Watch, mut look: impl FnMut() -> bool) -> Seen {
        watch.keep(|| Ok::<_, ()>(look())).expect("it cannot fail")
    }

    #[test]
    fn what_comes_while_one_looks_is_seen_and_what_does_not_is_given_up() {
        let mut watch = Watch::default();
        let mut looks = 0;
        let seen = keep(&mut watch, || {
            looks += 1;
            looks == 3
        });
        // A test that is robbed of the processor meets the other rule.
        assert!(seen == Seen::Something || watch.writes_to_sleep > 0, "{looks} looks");
        let began = Instant::now();
        assert_eq!(keep(&mut Watch::default(), || false), Seen::Nothing);
        assert!(began.elapsed() >= Watch::TIME_MAX);
    }

    #[test]
    fn who_gets_the_processor_back_late_sleeps_for_a_while() {
        let mut watch = Watch::default();
        let slow = || {
            std::thread::sleep(Watch::LATE);
            false
        };
        assert_eq!(keep(&mut watch, slow), Seen::Nothing);
        for _ in 0..Watch::WRITES_TO_SLEEP {
            assert_eq!(keep(&mut watch, || unreachable!("it sleeps")), Seen::Nothing);
        }
        let mut looked = false;
        keep(&mut watch, || {
            looked = true;
            true
        });
        assert!(looked, "and tries again");
    }

    #[test]
    fn a_failure_is_passed_on() {
        assert_eq!(Watch::default().keep(|| Err::<bool, _>("poisoned")), Err("poisoned"));
    }
}
