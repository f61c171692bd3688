//! Owns the handshake between a thread that goes to sleep and those that wake it: a ring is never lost, and costs a system
//! call only if somebody sleeps.

use std::time::Duration;

use crate::sync::{AtomicU8, Condvar, Mutex, Ordering};

const AWAKE: u8 = 0;
const ASLEEP: u8 = 1;
const RUNG: u8 = 2;

/// Whether one thread sleeps, and whether it was called since it last looked.
///
/// Every step is one atomic exchange on one word, so that a ring either comes before the sleeper's announcement, which then
/// fails, or after it, and then finds it. `AcqRel`: what was handed over before a ring is seen by the thread that it wakes.
#[derive(Debug)]
pub struct Doorbell {
    state: AtomicU8,
}

impl Default for Doorbell {
    fn default() -> Self {
        Self { state: AtomicU8::new(AWAKE) }
    }
}

impl Doorbell {
    /// Leaves a call, and says whether the sleeper has to be kicked awake.
    #[must_use]
    pub fn ring(&self) -> bool {
        self.state.swap(RUNG, Ordering::AcqRel) == ASLEEP
    }

    /// Announces a sleep; `false` if a call came first: then there is none, and the call is taken.
    #[must_use]
    pub fn fall_asleep(&self) -> bool {
        let asleep = self.state.compare_exchange(AWAKE, ASLEEP, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if !asleep {
            self.wake_up();
        }
        asleep
    }

    /// Ends a sleep and takes the call that ended it, if one did.
    pub fn wake_up(&self) {
        self.state.swap(AWAKE, Ordering::AcqRel);
    }
}

/// A doorbell whose sleeper waits on a condition variable.
#[derive(Debug, Default)]
pub struct Bell {
    doorbell: Doorbell,
    kicked: Mutex<bool>,
    condition: Condvar,
}

impl Bell {
    /// Ends the sleep, or makes the next one end at once.
    pub fn ring(&self) {
        if self.doorbell.ring() {
            *self.kicked.lock() = true;
            self.condition.notify_one();
        }
    }

    /// Sleeps until a ring, or until `timeout` is over. One thread only.
    pub fn sleep(&self, timeout: Option<Duration>) {
        if !self.doorbell.fall_asleep() {
            return;
        }
        let mut kicked = self.kicked.lock();
        match timeout {
            None => {
                while !*kicked {
                    kicked = self.condition.wait(kicked);
                }
            }
            // A stray wake-up only ends the sleep early, which is allowed.
            Some(timeout) if !*kicked => kicked = self.condition.wait_for(kicked, timeout),
            Some(_) => {}
        }
        // A kick that comes later, after a timeout, ends the next sleep early.
        *kicked = false;
        drop(kicked);
        self.doorbell.wake_up();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_ring_before_the_sleep_ends_it_at_once() {
        let bell = Bell::default();
        bell.ring();
        bell.ring();
        bell.sleep(None);
        assert!(bell.doorbell.fall_asleep(), "two rings are one call");
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicUsize;

    #[test]
    fn loom_no_ring_is_lost_and_what_was_handed_over_is_seen() {
        let mut model = loom::model::Builder::new();
        // Three threads are too many for every interleaving; two switches against a thread's will find a lost ring.
        model.preemption_bound = Some(2);
        model.check(|| {
            let bell = Arc::new(Bell::default());
            let handed = Arc::new(AtomicUsize::new(0));
            let ringers: Vec<_> = (0..2)
                .map(|_| {
                    let (bell, handed) = (bell.clone(), handed.clone());
                    loom::thread::spawn(move || {
                        handed.fetch_add(1, Ordering::Relaxed);
                        bell.ring();
                    })
                })
                .collect();
            // Ends only if every hand-over is seen after some sleep: a lost ring shows as a deadlock.
            while handed.load(Ordering::Relaxed) < 2 {
                bell.sleep(None);
            }
            for ringer in ringers {
                ringer.join().expect("a ringer ends");
            }
        });
    }

    #[test]
    fn loom_a_late_kick_does_not_swallow_the_next_call() {
        loom::model(|| {
            let bell = Arc::new(Bell::default());
            let handed = Arc::new(AtomicUsize::new(0));
            let ringer = {
                let (bell, handed) = (bell.clone(), handed.clone());
                loom::thread::spawn(move || {
                    for _ in 0..2 {
                        handed.fetch_add(1, Ordering::Relaxed);
                        bell.ring();
                    }
                })
            };
            bell.sleep(Some(Duration::ZERO));
            while handed.load(Ordering::Relaxed) < 2 {
                bell.sleep(None);
            }
            ringer.join().expect("the ringer ends");
        });
    }
}
