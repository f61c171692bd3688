//! Many people at once on a real disk: all of them are durable in few syncs, and back after a restart. Prints how fast, for
//! whoever looks (`cargo test -p landrush-engine --test it people::rate -- --nocapture`).

use std::time::Instant;

use landrush_engine::people::{Known, People, PutError, Ticket};

use super::{open, phone, user};

const THREADS: u32 = 2;
const PEOPLE_EACH: u32 = 50_000;
/// Under way at one thread.
const WINDOW: usize = 1_000;

fn store(people: &People, thread: u32) {
    let mut under_way: std::collections::VecDeque<Ticket> = std::collections::VecDeque::new();
    for n in 0..PEOPLE_EACH {
        let (user, phone) = (user(&format!("user-{thread}-{n}")), phone(&format!("+65{thread}{n:07}")));
        let stored = loop {
            match people.put(&user, Some(&phone), None, Known::Update) {
                Err(PutError::Busy) => std::thread::yield_now(),
                stored => break stored.expect("stored"),
            }
        };
        under_way.push_back(stored.ticket);
        if under_way.len() == WINDOW {
            people.wait(under_way.pop_front().expect("the oldest")).expect("durable");
        }
    }
    under_way.into_iter().for_each(|ticket| people.wait(ticket).expect("durable"));
}

#[test]
fn a_crowd_is_durable_together() {
    let dir = tempfile::tempdir().expect("a directory");
    let (people, _) = open(dir.path());
    let started = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let people = &people;
            scope.spawn(move || store(people, thread));
        }
    });
    let count = THREADS * PEOPLE_EACH;
    let stored = started.elapsed();
    let memory_bytes = people.memory_bytes();
    drop(people);
    let started = Instant::now();
    let (_people, report) = open(dir.path());
    assert_eq!(report.people, u64::from(count));
    println!(
        "{count} new numbers, {WINDOW} under way at each of {THREADS} threads: {:.0}/s durable; {} bytes of memory each; open in {:?}",
        f64::from(count) / stored.as_secs_f64(),
        memory_bytes / usize::try_from(count).expect("small"),
        started.elapsed(),
    );
}
