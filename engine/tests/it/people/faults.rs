//! A disk that fails or is full: what the store answers then, and what it goes back to.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};

use landrush_engine::people::{Known, People, PutError};

use super::disk::TestDisk;
use super::{phone, user};
use crate::shop::keys;

fn open(disk: &TestDisk) -> People {
    People::open_on(disk.open(), Path::new("people.dat"), &keys()).expect("opens").0
}

fn put(people: &People, id: &str, number: &str) {
    let stored = people.put(&user(id), Some(&phone(number)), Some("N. N."), Known::Update).expect("stored");
    people.wait(stored.ticket).expect("durable");
}

#[test]
fn a_failed_sync_ends_all_acknowledgement_until_a_restart() {
    let disk = TestDisk::default();
    let people = open(&disk);
    put(&people, "ann", "+6591234567");
    disk.fail_syncs(true);
    let lost = people.put(&user("bob"), Some(&phone("+6580000000")), None, Known::Conflict).expect("taken");
    people.wait(lost.ticket).expect_err("not durable");
    // Another sync would go well. It would prove nothing of what the failed one has lost.
    disk.fail_syncs(false);
    assert!(people.has_failed());
    assert_eq!(people.failure().expect("a cause").to_string(), "the sync failed");
    assert!(matches!(
        people.put(&user("cyd"), Some(&phone("+6580000001")), None, Known::Conflict),
        Err(PutError::Failed(_))
    ));
    people.erase(&user("ann")).expect_err("nothing is erased");
    people.person(&user("bob")).expect_err("nobody knows");
    people.wait(lost.ticket).expect_err("still not durable");
    drop(people);
    let people = open(&disk.fork());
    let ann = people.person(&user("ann")).expect("readable").expect("known");
    assert_eq!(ann.phone, Some(phone("+6591234567")));
}

#[test]
fn a_full_disk_refuses_newcomers_until_there_is_room() {
    let disk = TestDisk::default();
    drop(open(&disk));
    // There is room for what one piece of the file holds, and a bit that is not enough for another.
    let capacity = 8_192 + (4 << 20);
    disk.limit(Some(capacity + 100));
    let people = open(&disk);
    let mut stored = 0u32;
    let refused = loop {
        let number = phone(&format!("+1{stored:09}"));
        match people.put(&user(&format!("user-{stored}")), Some(&number), None, Known::Conflict) {
            Ok(_) => stored += 1,
            // The thread that makes room has not looked yet.
            Err(PutError::Busy) => std::thread::yield_now(),
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, PutError::Full);
    // One slot stays for a number that becomes a former one.
    assert_eq!(stored, 16_383);
    assert!(!people.has_failed());
    // Erasing works, and what it frees can be used.
    let erased = people.erase(&user("user-0")).expect("works").expect("is known");
    people.wait(erased).expect("durable");
    put(&people, "newcomer", "+6591234567");
    assert_eq!(
        people.put(&user("late"), Some(&phone("+6580000000")), None, Known::Conflict).err(),
        Some(PutError::Full)
    );
    disk.limit(None);
    while let Err(refused) = people.put(&user("late"), Some(&phone("+6580000000")), None, Known::Conflict) {
        assert!(matches!(refused, PutError::Full | PutError::Busy), "{refused}");
        std::thread::yield_now();
    }
    drop(people);
    assert_eq!(open(&disk).count(), u64::from(stored) + 1);
}

#[test]
fn what_waits_to_be_written_is_bounded() {
    let disk = TestDisk::default();
    let people = open(&disk);
    let before = people.put(&user("ann"), Some(&phone("+6591234567")), None, Known::Conflict).expect("stored");
    people.wait(before.ticket).expect("durable");
    disk.hold();
    let mut taken = 0u32;
    while people.put(&user(&format!("user-{taken}")), None, None, Known::Conflict).is_ok() {
        taken += 1;
        assert!(taken < 1 << 20, "without end");
    }
    assert_eq!(people.put(&user("late"), None, None, Known::Conflict), Err(PutError::Busy));
    disk.release();
    while people.put(&user("late"), None, None, Known::Conflict).is_err() {
        std::thread::yield_now();
    }
    drop(people);
    assert_eq!(open(&disk).count(), u64::from(taken) + 2);
}

/// Nobody is told of what is not durable: not of a person, and not of one who is gone.
#[test]
fn reads_wait_for_what_they_show() {
    let disk = TestDisk::default();
    let people = open(&disk);
    put(&people, "ann", "+6591234567");
    disk.hold();
    let erased = people.erase(&user("ann")).expect("works").expect("is known");
    assert_eq!(people.erase(&user("ann")).expect("works"), Some(erased), "asked again, it is the same erasure");
    let stored = people.put(&user("bob"), None, Some("Bob"), Known::Conflict).expect("stored");
    let again = people.put(&user("bob"), None, Some("Bob"), Known::Conflict).expect("the same");
    assert_eq!((again.ticket, again.is_new), (stored.ticket, false));
    let released = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let read = |id| {
            let person = people.person(&user(id)).expect("readable");
            assert!(released.load(Ordering::Acquire), "{id} was shown before it was durable");
            person
        };
        let (ann, bob) = (scope.spawn(move || read("ann")), scope.spawn(move || read("bob")));
        disk.wait_for_writer();
        released.store(true, Ordering::Release);
        disk.release();
        assert_eq!(ann.join().expect("ends"), None);
        assert_eq!(bob.join().expect("ends").expect("known").name.as_deref(), Some("Bob"));
    });
}

/// A person who moves from slot to slot is there all the time, and one of the states that were stored.
#[test]
fn a_person_is_found_while_it_moves() {
    let disk = TestDisk::default();
    let people = open(&disk);
    put(&people, "ann", "+6591234500");
    let done = Arc::new(AtomicBool::new(false));
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            start.wait();
            for n in 0..2_000 {
                put(&people, "ann", &format!("+65912345{:02}", n % 7));
            }
            done.store(true, Ordering::Release);
        });
        start.wait();
        while !done.load(Ordering::Acquire) {
            let read = people.person(&user("ann")).expect("readable").expect("is always known");
            assert_eq!(read.name.as_deref(), Some("N. N."));
        }
    });
}

#[test]
fn eight_threads_give_a_number_one_id() {
    let disk = TestDisk::default();
    let people = open(&disk);
    let ids: Vec<Vec<_>> = std::thread::scope(|scope| {
        let people = &people;
        let threads = (0..8).map(|thread| {
            scope.spawn(move || {
                let ask = |n| {
                    people.put(
                        &user(&format!("user-{thread}-{n}")),
                        Some(&phone(&format!("+1{n:09}"))),
                        None,
                        Known::Update,
                    )
                };
                let stored: Vec<_> = (0..500).map(|n| ask(n).expect("stored")).collect();
                stored.last().map_or(Ok(()), |last| people.wait(last.ticket)).expect("durable");
                stored.into_iter().map(|stored| stored.phone).collect()
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().expect("ends")).collect()
    });
    assert!(ids.iter().all(|of_thread| *of_thread == ids[0]));
    let mut distinct = ids[0].clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 500);
    drop(people);
    let people = open(&disk);
    assert_eq!(people.count(), 4_000);
    for (n, id) in (0..500).zip(&ids[0]) {
        assert_eq!(people.phone(&user(&format!("user-3-{n}"))).map(|(id, _)| id), *id);
    }
}
