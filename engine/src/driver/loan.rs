//! Owns how the thread of the one shard lends it, and the log with it, to a thread that has requests of its own to serve: who has
//! them, and who waits for them. While few ask at once that thread had better decide itself than wake another and be woken again;
//! where much comes at once two threads do more than one.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use landrush_wal::log::{Poisoned, Waker};
use parking_lot::{Condvar, Mutex};

use super::pair::Pair;
use crate::engine::Shared;

/// The counter over which both go.
#[derive(Default)]
pub(crate) struct Lending {
    /// Whether the borrower would have them. It guards nothing: the locks order what is handed over.
    wanted: AtomicBool,
    borrower: Mutex<Option<Waker>>,
    place: Mutex<Place>,
    moved: Condvar,
}

/// Where both are.
#[derive(Default)]
enum Place {
    /// With the engine's own thread.
    #[default]
    Home,
    /// On the counter, for the borrower.
    Offered(Box<Pair>),
    /// With the borrower.
    Away,
    /// On the counter, on their way home.
    Returned(Box<Pair>),
    /// Gone with a borrower that panicked.
    Lost,
}

impl Lending {
    /// Whether somebody would borrow. For the engine's own thread.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Lends `pair`, and waits until it is back. For the engine's own thread.
    ///
    /// # Panics
    /// If the borrower panicked while it had them: nobody knows in the middle of what.
    pub(super) fn lend(&self, pair: Box<Pair>) -> Box<Pair> {
        *self.place.lock() = Place::Offered(pair);
        if let Some(borrower) = &*self.borrower.lock() {
            borrower.wake();
        }
        let mut place = self.place.lock();
        loop {
            match std::mem::take(&mut *place) {
                Place::Returned(pair) => return pair,
                // They are not wanted any more.
                Place::Offered(pair) if !self.is_wanted() => return pair,
                Place::Lost => panic!("the thread that had borrowed the shard panicked"),
                elsewhere @ (Place::Home | Place::Offered(_) | Place::Away) => *place = elsewhere,
            }
            self.moved.wait(&mut place);
        }
    }

    /// Says whether that is new.
    fn want(&self, wanted: bool) -> bool {
        let is_new = self.wanted.swap(wanted, Ordering::Relaxed) != wanted;
        if is_new && !wanted {
            // With the lock, so that the owner, who looks with it, is asleep or has yet to look.
            let _place = self.place.lock();
            self.moved.notify_one();
        }
        is_new
    }

    fn take(&self) -> Option<Box<Pair>> {
        let mut place = self.place.lock();
        match std::mem::replace(&mut *place, Place::Away) {
            Place::Offered(pair) => Some(pair),
            elsewhere @ (Place::Home | Place::Away | Place::Returned(_) | Place::Lost) => {
                *place = elsewhere;
                None
            }
        }
    }

    fn put(&self, place: Place) {
        *self.place.lock() = place;
        self.moved.notify_one();
    }
}

/// A thread's right to borrow the one shard of an engine. Dropping it gives the right back, which has to come before
/// [`Engine::close`](crate::Engine::close).
pub struct ShardLoan {
    shared: Arc<Shared>,
}

impl ShardLoan {
    /// The right, if there is a shard to be lent and nobody else has it; `waker` is called when the shard can be taken.
    pub(crate) fn new(shared: Arc<Shared>, waker: Waker) -> Option<Self> {
        let mut borrower = shared.lending()?.borrower.lock();
        if borrower.is_some() {
            return None;
        }
        *borrower = Some(waker);
        drop(borrower);
        Some(Self { shared })
    }

    /// Says whether this thread would drive the shard now. The engine's own thread offers it when it has nothing else to do.
    pub fn want(&self, wanted: bool) {
        if self.lending().want(wanted) && wanted {
            self.shared.wake_log();
        }
    }

    /// The shard, if it is offered.
    pub fn take(&self) -> Option<BorrowedShard> {
        let pair = self.lending().take()?;
        Some(BorrowedShard { shared: Arc::clone(&self.shared), pair: Some(pair) })
    }

    fn lending(&self) -> &Lending {
        self.shared.lending().expect("there was something to be lent")
    }
}

impl Drop for ShardLoan {
    fn drop(&mut self) {
        self.want(false);
        *self.lending().borrower.lock() = None;
    }
}

/// The one shard of an engine, and the log, for the borrower's thread to drive: nobody else does. Dropping it gives both back to the
/// engine's own thread.
pub struct BorrowedShard {
    shared: Arc<Shared>,
    /// `None` in a turn, and for good after one that panicked.
    pair: Option<Box<Pair>>,
}

/// What the borrower of a shard may do after a turn that found nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Take another turn soon, after what else there is to do, and without a sleep.
    Look,
    /// Sleep until [`BorrowedShard::readiness`], for so long at most.
    Sleep(Duration),
}

impl BorrowedShard {
    /// What becomes readable when a sleep is over.
    ///
    /// # Errors
    /// [`io::Error`]: no descriptor can be had.
    ///
    /// # Panics
    /// As [`BorrowedShard::turn`].
    pub fn readiness(&self) -> io::Result<OwnedFd> {
        let readiness = self.pair.as_ref().expect(NOT_HALF_DONE).log.log.readiness()?;
        Ok(readiness.expect("a log without it is not lent"))
    }

    /// Decides what was asked, has it written, and answers what is durable, as far as that can be done without waiting; says whether
    /// there was anything. Ports need no flush for it.
    ///
    /// # Errors
    /// [`Poisoned`]: the log has failed. Give the shard back: its own thread tells everybody.
    ///
    /// # Panics
    /// After a turn that panicked: what it had applied may be in no log, so that nobody may go on with it.
    pub fn turn(&mut self) -> Result<bool, Poisoned> {
        let mut pair = self.pair.take().expect(NOT_HALF_DONE);
        let did = pair.turn();
        self.pair = Some(pair);
        did
    }

    /// What to do after a turn that found nothing.
    ///
    /// # Panics
    /// As [`BorrowedShard::turn`].
    pub fn rest(&mut self) -> Rest {
        self.pair.as_mut().expect(NOT_HALF_DONE).rest()
    }
}

/// What holds unless a turn has panicked.
const NOT_HALF_DONE: &str = "no turn of the shard has panicked";

impl Drop for BorrowedShard {
    fn drop(&mut self) {
        let place = match self.pair.take() {
            Some(mut pair) if !std::thread::panicking() => {
                pair.log.log.awake();
                Place::Returned(pair)
            }
            _ => Place::Lost,
        };
        self.shared.lending().expect("there was something to be lent").put(place);
    }
}
