//! The one shard is lent to a thread that drives it itself: nothing is lost on the way there, on the way back, or with a borrower
//! that dies.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use landrush_engine::campaign::CampaignDefinition;
use landrush_engine::command::{Claim, Command, Gate};
use landrush_engine::fairness::Seed;
use landrush_engine::id::{CampaignNumber, UserId};
use landrush_engine::outcome::Outcome;
use landrush_engine::port::{Port, Reply};
use landrush_engine::router::Route;
use landrush_engine::{BorrowedShard, Engine, EngineOptions, Rest, ShardLoan};
use landrush_wal::log::Waker;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

const RUSH: CampaignNumber = CampaignNumber(0);
const PATIENCE: Duration = Duration::from_secs(20);

fn open(directory: &Path, shards: usize) -> Engine {
    let mut entropy = |buffer: &mut [u8]| getrandom::fill(buffer).expect("the system has random bytes");
    let options = EngineOptions { shards, ..EngineOptions::default() };
    Engine::open(directory, options, &mut entropy).expect("it opens").0
}

/// A right to the shard, and how to hear that it is offered.
fn loan(engine: &Engine) -> (ShardLoan, Receiver<()>) {
    let (offer, offered) = channel();
    let loan = engine.shard_loan(Waker::new(move || offer.send(()).unwrap_or_default()));
    (loan.expect("there is one shard, and io_uring"), offered)
}

/// The shard, with a campaign.
fn borrow(engine: &Engine, loan: &ShardLoan, offered: &Receiver<()>) -> BorrowedShard {
    engine.blocking_port().call(rush(engine), create()).expect("answered");
    loan.want(true);
    offered.recv_timeout(PATIENCE).expect("it is offered");
    loan.take().expect("it was offered")
}

fn definition() -> CampaignDefinition {
    CampaignDefinition::builder("rush").coupon_type("cash-5", 1_000).build().expect("valid")
}

fn create() -> Command {
    Command::Create { campaign: RUSH, definition: Box::new(definition()), seed: Seed::from_bytes([3; 32]) }
}

fn rush(engine: &Engine) -> Route {
    engine.route(&definition().id)
}

fn claim(engine: &Engine, user: &str) -> Command {
    let user = UserId::new(user).expect("an id");
    let stamped_at = engine.clock().now();
    Command::Claim(Claim {
        campaign: RUSH,
        user,
        coupon_type: None,
        key: None,
        phone: None,
        gate: Gate::default(),
        stamped_at,
    })
}

/// Drives `shard` until `port` has so many answers.
fn drive(shard: &mut BorrowedShard, port: &mut Port, answers: usize) -> Vec<Reply> {
    let (mut replies, until) = (Vec::new(), Instant::now() + PATIENCE);
    while replies.len() < answers {
        shard.turn().expect("the log is well");
        port.receive(&mut replies);
        assert!(Instant::now() < until, "{} answers came", replies.len());
    }
    replies
}

#[test]
fn the_borrower_decides_and_the_owner_goes_on_with_what_it_did() {
    let directory = tempfile::tempdir().expect("a directory");
    let engine = open(directory.path(), 1);
    let (loan, offered) = loan(&engine);
    let mut shard = borrow(&engine, &loan, &offered);
    let mut port = engine.port(Waker::new(|| {}));
    for (token, user) in ["ann", "bob"].into_iter().enumerate() {
        // Without a flush: nobody is to be woken.
        port.submit(rush(&engine), token as u64, claim(&engine, user)).expect("there is room");
    }
    let replies = drive(&mut shard, &mut port, 2);
    assert!(replies.iter().all(|reply| matches!(reply.outcome, Outcome::Won(_))), "{replies:?}");
    loan.want(false);
    drop(shard);

    let mut own = engine.blocking_port();
    let again = own.call(rush(&engine), claim(&engine, "ann")).expect("answered by the shard's own thread");
    assert!(matches!(again, Outcome::Repeated(_)), "{again:?}");
    engine.close().expect("all is on disk");
    let reopened = open(directory.path(), 1);
    let again = reopened.blocking_port().call(rush(&reopened), claim(&reopened, "bob")).expect("answered");
    assert!(matches!(again, Outcome::Repeated(_)), "{again:?}");
    reopened.close().expect("all is on disk");
}

#[test]
fn a_borrower_that_sleeps_is_called_by_other_threads_and_by_the_disk() {
    let directory = tempfile::tempdir().expect("a directory");
    let engine = open(directory.path(), 1);
    let (loan, offered) = loan(&engine);
    let mut shard = borrow(&engine, &loan, &offered);
    let answered = Arc::new(AtomicBool::new(false));
    let bell = Arc::clone(&answered);
    let mut port = engine.port(Waker::new(move || bell.store(true, Ordering::SeqCst)));
    let (route, ann) = (rush(&engine), claim(&engine, "ann"));
    let other = std::thread::spawn(move || {
        // The borrower is asleep by then.
        std::thread::sleep(Duration::from_millis(50));
        port.submit(route, 7, ann).expect("there is room");
        port.flush();
        port
    });
    let readiness = shard.readiness().expect("a descriptor");
    while !answered.load(Ordering::SeqCst) {
        if !shard.turn().expect("the log is well")
            && let Rest::Sleep(most) = shard.rest()
        {
            assert!(most <= Duration::from_secs(1));
            // Much longer than it asks for: only a call ends this in time.
            let mut polled = [PollFd::new(&readiness, PollFlags::IN)];
            let called = poll(&mut polled, Some(&Timespec { tv_sec: 20, tv_nsec: 0 })).expect("polled");
            assert_eq!(called, 1, "nobody called");
        }
    }
    let mut replies = Vec::new();
    other.join().expect("no panic").receive(&mut replies);
    assert!(matches!(replies[..], [Reply { token: 7, outcome: Outcome::Won(_) }]), "{replies:?}");
    drop((shard, loan));
    engine.close().expect("all is on disk");
}

#[test]
fn a_shard_that_is_offered_and_never_fetched_goes_on_at_home() {
    let directory = tempfile::tempdir().expect("a directory");
    let engine = open(directory.path(), 1);
    let (loan, offered) = loan(&engine);
    engine.blocking_port().call(rush(&engine), create()).expect("answered");
    loan.want(true);
    offered.recv_timeout(PATIENCE).expect("it is offered");
    drop(loan);
    let won = engine.blocking_port().call(rush(&engine), claim(&engine, "ann")).expect("answered");
    assert!(matches!(won, Outcome::Won(_)), "{won:?}");
    engine.close().expect("all is on disk");
}

#[test]
fn one_thread_at_a_time_has_the_right_and_several_shards_are_not_lent() {
    let directory = tempfile::tempdir().expect("a directory");
    let engine = open(directory.path(), 1);
    let (first, _) = loan(&engine);
    assert!(engine.shard_loan(Waker::new(|| {})).is_none());
    drop(first);
    assert!(engine.shard_loan(Waker::new(|| {})).is_some());
    engine.close().expect("all is on disk");
    let several = open(directory.path(), 2);
    assert!(several.shard_loan(Waker::new(|| {})).is_none());
    several.close().expect("all is on disk");
}

#[test]
fn a_borrower_that_panics_takes_the_shard_with_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let engine = open(directory.path(), 1);
    let (loan, offered) = loan(&engine);
    let shard = borrow(&engine, &loan, &offered);
    let panicked = std::thread::spawn(move || {
        let _shard = shard;
        panic!("in the middle of a turn");
    });
    assert!(panicked.join().is_err());
    let closed = catch_unwind(AssertUnwindSafe(|| engine.close()));
    assert!(closed.is_err(), "what it had decided may be half done: nobody goes on with it");
}
