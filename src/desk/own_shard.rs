//! Owns the shard that an I/O thread drives beside its requests: when it is borrowed and when it goes back, how long a turn waits
//! for a batch to grow, and what calls the thread back to it.

use std::future::Future;
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use landrush_engine::{BorrowedShard, Rest, ShardLoan};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, Sleep, sleep};

/// The right to the shard, and the shard while this thread has it.
pub(super) struct OwnShard {
    loan: ShardLoan,
    borrowed: Option<Borrowed>,
    /// It is not borrowed before that.
    not_before: Option<Instant>,
}

struct Borrowed {
    shard: BorrowedShard,
    readiness: AsyncFd<OwnedFd>,
    timer: Pin<Box<Sleep>>,
    /// Whether the last turn found something to do.
    did: bool,
    /// How often the next turn has been put off, and for how many commands.
    put_off: (usize, usize),
}

impl OwnShard {
    /// Requests under way from which on the shard's own thread drives it: it decides and writes while this one reads and answers,
    /// which is more in all, though each costs more. Below, they would only wait for each other.
    const MUCH: usize = 512;
    /// Only when there has not been so much for so long is the shard borrowed again.
    const CALM_FOR: Duration = Duration::from_millis(20);
    /// When it is tried again where no descriptor is to be had.
    const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
    /// How often a turn is put off while its batch still grows: one larger write is cheaper than two.
    const PUT_OFF_MAX: usize = 3;

    pub(super) fn new(loan: ShardLoan) -> Self {
        loan.want(true);
        Self { loan, borrowed: None, not_before: None }
    }

    /// Whether this thread drives the shard.
    pub(super) fn is_here(&self) -> bool {
        self.borrowed.is_some()
    }

    /// Borrows the shard if little waits, and it is to be had; gives it back if `waiting` requests are much.
    pub(super) fn settle(&mut self, waiting: usize) {
        if waiting >= Self::MUCH {
            self.borrowed = None;
            self.leave_for(Self::CALM_FOR);
        } else if self.borrowed.is_none() && self.not_before.is_none_or(|then| then <= Instant::now()) {
            self.loan.want(true);
            if let Some(shard) = self.loan.take() {
                self.borrowed = Borrowed::new(shard);
                if self.borrowed.is_none() {
                    self.leave_for(Self::TRY_AGAIN_AFTER);
                }
            }
        }
    }

    fn leave_for(&mut self, time: Duration) {
        self.not_before = Some(Instant::now() + time);
        self.loan.want(false);
    }

    /// Drives the shard for a turn, if it is here; says whether it is.
    pub(super) fn turn(&mut self) -> bool {
        let Some(borrowed) = &mut self.borrowed else { return false };
        match borrowed.shard.turn() {
            Ok(did) => borrowed.did = did,
            // Its own thread meets the same, and tells everybody.
            Err(_poisoned) => self.borrowed = None,
        }
        self.is_here()
    }

    /// Whether the next turn is put off, since its `commands` have become more: the task is called again when whoever is ready by
    /// then has been served.
    pub(super) fn puts_off(&mut self, commands: usize, context: &mut Context<'_>) -> bool {
        let Some(Borrowed { put_off: (times, before), .. }) = &mut self.borrowed else { return false };
        if *times < Self::PUT_OFF_MAX && commands > *before {
            (*times, *before) = (*times + 1, commands);
            call_soon(context);
            return true;
        }
        (*times, *before) = (0, 0);
        false
    }

    /// After a turn: has the task called again when there is something to do for the shard.
    pub(super) fn rest(&mut self, context: &mut Context<'_>) {
        let Some(borrowed) = &mut self.borrowed else { return };
        if std::mem::take(&mut borrowed.did) {
            // Behind those whom it answered.
            context.waker().wake_by_ref();
            return;
        }
        match borrowed.shard.rest() {
            Rest::Look => call_soon(context),
            Rest::Sleep(most) => borrowed.sleep(most, context),
        }
    }
}

impl Borrowed {
    /// Gives it back if this thread cannot wait for it.
    fn new(shard: BorrowedShard) -> Option<Self> {
        #[expect(deprecated, reason = "it is sound for an `OwnedFd`, which is one descriptor for as long as it lives")]
        let readiness = AsyncFd::with_interest(shard.readiness().ok()?, Interest::READABLE).ok()?;
        Some(Self { shard, readiness, timer: Box::pin(sleep(Duration::ZERO)), did: true, put_off: (0, 0) })
    }

    fn sleep(&mut self, most: Duration, context: &mut Context<'_>) {
        if let Poll::Ready(Ok(mut ready)) = self.readiness.poll_read_ready(context) {
            ready.clear_ready();
            context.waker().wake_by_ref();
            return;
        }
        let until = Instant::now() + most;
        // A call that comes too early does no harm, and spares setting the timer anew each time.
        if self.timer.is_elapsed() || until < self.timer.deadline() {
            self.timer.as_mut().reset(until);
        }
        if self.timer.as_mut().poll(context).is_ready() {
            context.waker().wake_by_ref();
        }
    }
}

/// Has the task called again after those that are ready, and after a look at the sockets.
fn call_soon(context: &mut Context<'_>) {
    // It is pending once, and arranges for that.
    let _pending = pin!(tokio::task::yield_now()).poll(context);
}
