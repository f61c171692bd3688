//! Owns the way from one I/O thread's requests to the shards and back: a slot for each request that waits, one hand-over
//! a batch in each direction. Knows nothing of HTTP.
//!
//! Requests push their commands as they come. The first of a turn wakes the pump, a task at the end of the thread's run
//! queue, which rings the shards once for all that the turn brought; where it brought many they are rung before, so that they
//! decide and write the first while the last are still read. A shard's answers wake the pump again, once a batch.
//!
//! Where there is one I/O thread and one shard, the pump itself drives the shard while little waits: then nobody has to be woken.

mod own_shard;

use std::cell::{Cell, OnceCell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use landrush_engine::Engine;
use landrush_engine::command::Command;
use landrush_engine::outcome::Outcome;
use landrush_engine::port::Port;
use landrush_engine::port::Rejected;
use landrush_engine::port::Reply;
use landrush_engine::router::Route;

use self::own_shard::OwnShard;

/// The desk of one I/O thread.
pub struct Desk {
    slots: RefCell<Slots>,
    port: RefCell<Port>,
    pump: Arc<OnceLock<Waker>>,
    /// Commands of the port that no shard has been told of.
    unrung: Cell<usize>,
    /// Answers on their way from the port to the slots; empty but for its memory.
    replies: RefCell<Vec<Reply>>,
    /// The shard, where this thread may drive it.
    own_shard: RefCell<Option<OwnShard>>,
}

impl Desk {
    /// Requests that may wait at one desk. One more is turned away as if the mailbox were full.
    pub const WAITING_MAX: usize = 1 << 16;

    /// Commands after which the shards are rung though the turn goes on: about 0.1 ms of reading requests, half of what their write
    /// and sync take. Each ring may wake a thread, so that fewer at once cost more than they spare.
    const RING_AFTER: usize = 32;

    /// The same where this thread drives the shard: nobody is woken, but each write takes from the time for requests.
    const TURN_AFTER: usize = 128;

    /// A desk for this thread, and the pump that must run on it for as long as there are requests. `drives_shard`: this thread may
    /// drive the shard, if there is only one.
    pub fn open(engine: &Engine, drives_shard: bool) -> (Rc<Self>, impl Future<Output = ()> + use<>) {
        let pump: Arc<OnceLock<Waker>> = Arc::default();
        let bell = Arc::clone(&pump);
        // A wake before the pump first ran is not lost: nothing can have been submitted before that without waking it, and its first
        // run looks whether a shard is offered.
        let wake = landrush_wal::log::Waker::new(move || {
            if let Some(waker) = bell.get() {
                waker.wake_by_ref();
            }
        });
        let loan = if drives_shard { engine.shard_loan(wake.clone()) } else { None };
        let port = engine.port(wake);
        let desk = Rc::new(Self {
            slots: RefCell::default(),
            port: RefCell::new(port),
            pump,
            unrung: Cell::new(0),
            replies: RefCell::default(),
            own_shard: RefCell::new(loan.map(OwnShard::new)),
        });
        let pumped = Rc::downgrade(&desk);
        let pumping = poll_fn(move |context| match pumped.upgrade() {
            Some(desk) => {
                desk.pump.get_or_init(|| context.waker().clone());
                desk.run_pump(context);
                Poll::Pending
            }
            None => Poll::Ready(()),
        });
        (desk, pumping)
    }

    /// Hands `command` to its shard. The answer comes by the future.
    ///
    /// # Errors
    /// [`Rejected`]: nothing happened.
    pub fn ask(self: &Rc<Self>, route: Route, command: Command) -> Result<Answer, Rejected> {
        let token = self.slots.borrow_mut().take().ok_or(Rejected::Full)?;
        let mut port = self.port.borrow_mut();
        if let Err(rejected) = port.submit(route, token.to_bits(), command) {
            self.slots.borrow_mut().free(token);
            return Err(rejected);
        }
        let unrung = self.unrung.get() + 1;
        self.unrung.set(unrung);
        if unrung == 1 {
            if let Some(pump) = self.pump.get() {
                pump.wake_by_ref();
            }
        } else if unrung.is_multiple_of(Self::RING_AFTER) {
            match &mut *self.own_shard.borrow_mut() {
                Some(shard) if shard.is_here() => {
                    if unrung.is_multiple_of(Self::TURN_AFTER) {
                        shard.turn();
                    }
                }
                _ => port.flush(),
            }
        }
        Ok(Answer { desk: Rc::clone(self), token })
    }

    /// How many requests wait for an answer.
    pub fn waiting(&self) -> usize {
        let slots = self.slots.borrow();
        slots.slots.len() - slots.free.len()
    }

    /// Gives up all waiting requests: the log has failed, and no answer will come.
    pub fn give_up(&self) {
        self.slots.borrow_mut().give_up();
    }

    fn run_pump(&self, context: &mut Context<'_>) {
        if let Some(shard) = &mut *self.own_shard.borrow_mut()
            && shard.puts_off(self.unrung.get(), context)
        {
            return;
        }
        self.take_turn();
        if let Some(shard) = &mut *self.own_shard.borrow_mut() {
            shard.rest(context);
        }
    }

    /// Has the shards begin now, and takes what they have answered: for a task that asks for much without a pause, so that they work
    /// on the first of it while the last is still read.
    pub fn turn(&self) {
        self.take_turn();
        // A turn ends the pump's sleep for its own shard, and only the pump begins another.
        if let Some(pump) = self.pump.get() {
            pump.wake_by_ref();
        }
    }

    fn take_turn(&self) {
        let mut port = self.port.borrow_mut();
        let mut replies = self.replies.borrow_mut();
        let unrung = self.unrung.replace(0);
        let drove = self.own_shard.borrow_mut().as_mut().is_some_and(|shard| {
            shard.settle(self.waiting());
            shard.turn()
        });
        if !drove && unrung > 0 {
            port.flush();
        }
        port.receive(&mut replies);
        let mut slots = self.slots.borrow_mut();
        for Reply { token, outcome } in replies.drain(..) {
            slots.answer(Token::from_bits(token), outcome);
        }
    }
}

/// The log failed while a command was under way: it may have taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

/// The answer to a command, once it comes.
///
/// # Cancel safety
/// Dropping it gives the slot back; the command goes on, and its answer is thrown away.
pub struct Answer {
    desk: Rc<Desk>,
    token: Token,
}

impl Future for Answer {
    type Output = Result<Outcome, Lost>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.desk.slots.borrow_mut().poll(self.token, context)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.desk.slots.borrow_mut().free(self.token);
    }
}

/// A slot, and which of its tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token {
    index: u32,
    generation: u32,
}

impl Token {
    fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    fn from_bits(bits: u64) -> Self {
        let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).expect("32 bits");
        Self { index: half(bits), generation: half(bits >> 32) }
    }
}

#[derive(Debug, Default)]
struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot {
    /// Counts tenants, so that an answer that comes after its request has gone is known as late.
    generation: u32,
    state: State,
}

#[derive(Debug)]
enum State {
    Free,
    Waiting(Option<Waker>),
    Answered(Outcome),
    Lost,
}

impl Slots {
    fn take(&mut self) -> Option<Token> {
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.slots.len() < Desk::WAITING_MAX => {
                self.slots.push(Slot { generation: 0, state: State::Free });
                u32::try_from(self.slots.len() - 1).expect("WAITING_MAX fits")
            }
            None => return None,
        };
        let slot = &mut self.slots[index as usize];
        assert!(matches!(slot.state, State::Free), "a free slot was taken");
        slot.state = State::Waiting(None);
        Some(Token { index, generation: slot.generation })
    }

    fn free(&mut self, token: Token) {
        let slot = &mut self.slots[token.index as usize];
        assert_eq!(slot.generation, token.generation, "a slot is freed by its tenant, once");
        slot.generation = slot.generation.wrapping_add(1);
        slot.state = State::Free;
        self.free.push(token.index);
    }

    fn answer(&mut self, token: Token, outcome: Outcome) {
        let slot = &mut self.slots[token.index as usize];
        if slot.generation != token.generation {
            return;
        }
        if let State::Waiting(Some(waker)) = std::mem::replace(&mut slot.state, State::Answered(outcome)) {
            waker.wake();
        }
    }

    fn give_up(&mut self) {
        for slot in &mut self.slots {
            if let State::Waiting(waker) = &mut slot.state {
                let waker = waker.take();
                slot.state = State::Lost;
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
        }
    }

    fn poll(&mut self, token: Token, context: &mut Context<'_>) -> Poll<Result<Outcome, Lost>> {
        let state = &mut self.slots[token.index as usize].state;
        match std::mem::replace(state, State::Waiting(None)) {
            State::Answered(outcome) => Poll::Ready(Ok(outcome)),
            State::Lost => Poll::Ready(Err(Lost)),
            State::Waiting(Some(waker)) if waker.will_wake(context.waker()) => {
                *state = State::Waiting(Some(waker));
                Poll::Pending
            }
            State::Waiting(_) => {
                *state = State::Waiting(Some(context.waker().clone()));
                Poll::Pending
            }
            State::Free => unreachable!("an answer owns its slot until it is dropped"),
        }
    }
}

/// A desk that is opened when the engine is there.
pub struct LateDesk {
    desk: OnceCell<Rc<Desk>>,
    drives_shard: bool,
}

impl LateDesk {
    /// No desk yet; `drives_shard` as for [`Desk::open`].
    pub fn new(drives_shard: bool) -> Self {
        Self { desk: OnceCell::new(), drives_shard }
    }

    /// The desk; at first its pump is spawned on this thread's local set.
    pub fn get(&self, engine: &Engine) -> &Rc<Desk> {
        self.desk.get_or_init(|| {
            let (desk, pump) = Desk::open(engine, self.drives_shard);
            tokio::task::spawn_local(pump);
            desk
        })
    }

    /// The desk, if it has been opened.
    pub fn opened(&self) -> Option<&Rc<Desk>> {
        self.desk.get()
    }
}

#[cfg(test)]
mod tests {
    use landrush_engine::outcome::Refusal;

    use super::*;

    const SOLD_OUT: Outcome = Outcome::Refused(Refusal::SoldOut);

    fn poll(slots: &mut Slots, token: Token) -> Poll<Result<Outcome, Lost>> {
        slots.poll(token, &mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn an_answer_finds_its_request() {
        let mut slots = Slots::default();
        let (first, second) = (slots.take().expect("room"), slots.take().expect("room"));
        assert_eq!(poll(&mut slots, first), Poll::Pending);
        slots.answer(Token::from_bits(second.to_bits()), SOLD_OUT);
        assert_eq!(poll(&mut slots, first), Poll::Pending);
        assert_eq!(poll(&mut slots, second), Poll::Ready(Ok(SOLD_OUT)));
    }

    #[test]
    fn a_late_answer_does_not_reach_the_next_tenant() {
        let mut slots = Slots::default();
        let gone = slots.take().expect("room");
        slots.free(gone);
        let next = slots.take().expect("room");
        assert_eq!((gone.index, gone.generation + 1), (next.index, next.generation));
        slots.answer(gone, SOLD_OUT);
        assert_eq!(poll(&mut slots, next), Poll::Pending);
    }

    #[test]
    fn slots_are_bounded_and_used_again() {
        let mut slots = Slots::default();
        let tokens: Vec<_> = (0..Desk::WAITING_MAX).map(|_| slots.take().expect("room")).collect();
        assert_eq!(slots.take(), None);
        slots.free(tokens[7]);
        assert_eq!(slots.take().map(|token| token.index), Some(7));
    }

    #[test]
    fn who_waits_when_the_log_fails_is_told() {
        let mut slots = Slots::default();
        let (waiting, answered) = (slots.take().expect("room"), slots.take().expect("room"));
        slots.answer(answered, SOLD_OUT);
        slots.give_up();
        assert_eq!(poll(&mut slots, waiting), Poll::Ready(Err(Lost)));
        assert_eq!(poll(&mut slots, answered), Poll::Ready(Ok(SOLD_OUT)));
    }
}
