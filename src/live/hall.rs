//! Owns the watchers of a campaign on one I/O thread, and waking them: a slice at a time, so that the requests of others
//! have their turns in between.

use std::cell::{Cell, Ref, RefCell};
use std::sync::Arc;
use std::task::Waker;

use super::channel::Newest;
use crate::metrics::Counts;

/// The watchers of a campaign on one I/O thread, and the newest that they may see.
#[derive(Debug)]
pub(super) struct Hall {
    newest: RefCell<Newest>,
    /// Counts heartbeats, and wraps.
    beat: Cell<u32>,
    is_closed: Cell<bool>,
    seats: RefCell<Seats>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Seats {
    /// By seat; `None`: nobody sits there, or one who has not listened yet.
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
    /// Whose turn it is to be woken.
    next: usize,
    /// How many are still to be woken, from `next` on, around.
    to_wake: usize,
}

impl Hall {
    /// An empty hall.
    pub(super) fn new(newest: Newest, counts: Arc<Counts>) -> Self {
        Self {
            newest: RefCell::new(newest),
            beat: Cell::new(0),
            is_closed: Cell::new(false),
            seats: RefCell::default(),
            counts,
        }
    }

    /// Takes what was published, and says whether it is news. Then all are to be woken; those who are still to be woken for
    /// what was before see only this.
    pub(super) fn accept(&self, newest: Newest) -> bool {
        let is_news = newest.version > self.newest.borrow().version;
        if newest.version >= self.newest.borrow().version {
            self.newest.replace(newest);
        }
        if is_news {
            self.call_all();
        }
        is_news
    }

    /// Shows that the server lives, to all.
    pub(super) fn beat(&self) {
        self.beat.set(self.beat.get().wrapping_add(1));
        self.call_all();
    }

    /// Ends all streams, and wakes everybody at once: a server that drains has nobody else to serve.
    pub(super) fn close(&self) {
        self.is_closed.set(true);
        self.call_all();
        self.wake_slice(usize::MAX);
    }

    /// Wakes up to `slice` of those who are still to be woken, and says whether any are left. Goes around, so that news in
    /// the middle of a round cannot keep anybody waiting for longer than a round.
    pub(super) fn wake_slice(&self, slice: usize) -> bool {
        let mut seats = self.seats.borrow_mut();
        let Seats { wakers, next, to_wake, .. } = &mut *seats;
        for _ in 0..slice.min(*to_wake) {
            if let Some(waker) = &wakers[*next] {
                waker.wake_by_ref();
            }
            *next = (*next + 1) % wakers.len();
            *to_wake -= 1;
        }
        *to_wake > 0
    }

    /// Whether nobody is there.
    pub(super) fn is_empty(&self) -> bool {
        let seats = self.seats.borrow();
        seats.free.len() == seats.wakers.len()
    }

    /// Whether nothing will follow what is there.
    pub(super) fn is_over(&self) -> bool {
        self.is_closed.get() || self.newest.borrow().is_last
    }

    /// What was published last.
    pub(super) fn newest(&self) -> Ref<'_, Newest> {
        self.newest.borrow()
    }

    /// How many heartbeats there were.
    pub(super) fn beats(&self) -> u32 {
        self.beat.get()
    }

    /// The counts of this I/O thread.
    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// A seat for one more.
    pub(super) fn sit(&self) -> usize {
        let mut seats = self.seats.borrow_mut();
        seats.free.pop().unwrap_or_else(|| {
            seats.wakers.push(None);
            seats.wakers.len() - 1
        })
    }

    /// Notes by what the one in `seat` is woken, from now on.
    pub(super) fn listen(&self, seat: usize, waker: &Waker) {
        let place = &mut self.seats.borrow_mut().wakers[seat];
        if !place.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *place = Some(waker.clone());
        }
    }

    /// Gives `seat` back.
    pub(super) fn leave(&self, seat: usize) {
        let mut seats = self.seats.borrow_mut();
        // Dropped when the seats are free to be borrowed again: a waker may own a task, and that the one who leaves.
        let waker = seats.wakers[seat].take();
        seats.free.push(seat);
        drop(seats);
        drop(waker);
    }

    fn call_all(&self) {
        let mut seats = self.seats.borrow_mut();
        seats.to_wake = seats.wakers.len();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use landrush_engine::time::Timestamp;

    use super::*;
    use crate::live::{Piece, Tag};

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn newest(version: u64) -> Newest {
        let (tag, shown_at) = (Tag(version), Timestamp::from_milliseconds(version));
        Newest { version, tag, piece: Piece::availability(tag, b"{}"), room: None, shown_at, is_last: false }
    }

    fn hall_of(watchers: usize) -> (Hall, Vec<Arc<Woken>>) {
        let hall = Hall::new(newest(0), Arc::default());
        let woken: Vec<Arc<Woken>> = (0..watchers).map(|_| Arc::default()).collect();
        for woken in &woken {
            hall.listen(hall.sit(), &Waker::from(Arc::clone(woken)));
        }
        (hall, woken)
    }

    fn times(woken: &[Arc<Woken>]) -> Vec<usize> {
        woken.iter().map(|woken| woken.0.load(Ordering::Relaxed)).collect()
    }

    #[test]
    fn news_reach_everybody_by_slices() {
        let (hall, woken) = hall_of(5);
        assert!(hall.accept(newest(1)));
        assert!(hall.wake_slice(2));
        assert_eq!(times(&woken), [1, 1, 0, 0, 0]);
        assert!(hall.wake_slice(2));
        assert!(!hall.wake_slice(2));
        assert_eq!(times(&woken), [1, 1, 1, 1, 1]);
        assert!(!hall.wake_slice(2));
        assert_eq!(times(&woken), [1, 1, 1, 1, 1]);
    }

    #[test]
    fn news_in_the_middle_of_a_round_begin_a_round_there() {
        let (hall, woken) = hall_of(5);
        hall.accept(newest(1));
        hall.wake_slice(3);
        hall.accept(newest(2));
        assert!(hall.wake_slice(3));
        assert_eq!(times(&woken), [2, 1, 1, 1, 1]);
        assert!(!hall.wake_slice(3));
        assert_eq!(times(&woken), [2, 2, 2, 1, 1]);
    }

    #[test]
    fn old_news_are_none() {
        let (hall, woken) = hall_of(1);
        assert!(hall.accept(newest(2)));
        assert!(!hall.accept(newest(2)) && !hall.accept(newest(1)));
        assert_eq!(hall.newest().version, 2);
        hall.wake_slice(9);
        assert_eq!(times(&woken), [1]);
    }

    #[test]
    fn seats_are_used_again_and_whoever_has_left_is_not_woken() {
        let (hall, woken) = hall_of(2);
        hall.leave(0);
        hall.beat();
        hall.wake_slice(9);
        assert_eq!(times(&woken), [0, 1]);
        assert_eq!(hall.sit(), 0);
        hall.leave(0);
        assert!(!hall.is_empty());
        hall.leave(1);
        assert!(hall.is_empty());
    }

    #[test]
    fn closing_wakes_all_at_once() {
        let (hall, woken) = hall_of(100);
        hall.close();
        assert!(hall.is_over());
        assert_eq!(times(&woken), [1; 100]);
    }
}
