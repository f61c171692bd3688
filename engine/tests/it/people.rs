//! The store of personal data: what is told is durable, what is erased is on no disk, and a number has one id.

mod disk;
mod faults;
mod power;
mod rate;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use landrush_engine::id::{PhoneId, UserId};
use landrush_engine::people::{Known, People, PeopleReport, PhoneNumber, PutError, Stored};
use proptest::prelude::*;

use crate::shop::{keys, seeded};

fn user(id: &str) -> UserId {
    UserId::new(id).expect("valid")
}

fn phone(number: &str) -> PhoneNumber {
    PhoneNumber::new(number).expect("valid")
}

fn open(directory: &Path) -> (People, PeopleReport) {
    People::open(directory, &keys()).expect("opens")
}

/// Stores it and waits until it is durable.
fn put(people: &People, id: &str, number: &str) -> Stored {
    let stored = people.put(&user(id), Some(&phone(number)), None, Known::Update).expect("stored");
    people.wait(stored.ticket).expect("durable");
    stored
}

fn erase(people: &People, id: &str) {
    let ticket = people.erase(&user(id)).expect("works").expect("is known");
    people.wait(ticket).expect("durable");
}

/// Whether any file below `directory` holds `text`.
fn is_on_disk(directory: &Path, text: &str) -> bool {
    fs::read_dir(directory).expect("readable").any(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            return is_on_disk(&path, text);
        }
        let bytes = fs::read(path).expect("readable");
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[test]
fn equal_numbers_have_one_id_and_others_another() {
    let dir = tempfile::tempdir().expect("a directory");
    let (people, report) = open(dir.path());
    assert_eq!(report, PeopleReport { people: 0, unreadable: 0 });
    let ann = put(&people, "ann", "+6591234567");
    assert!(ann.is_new);
    assert_eq!(put(&people, "bob", "+6591234567").phone, ann.phone);
    assert_ne!(put(&people, "cyd", "+6591234568").phone, ann.phone);
    assert_eq!(people.phone(&user("bob")).map(|(id, _)| Some(id)), Some(ann.phone));
    assert_eq!(people.phone(&user("dan")), None);
    drop(people);

    let (people, report) = open(dir.path());
    assert_eq!(report.people, 3);
    assert_eq!(put(&people, "dan", "+6591234567").phone, ann.phone);
    let read = people.person(&user("cyd")).expect("readable").expect("known");
    assert_eq!((read.phone.expect("there").as_str().to_owned(), read.name), ("+6591234568".to_owned(), None));
}

#[test]
fn what_is_stored_again_is_compared() {
    let dir = tempfile::tempdir().expect("a directory");
    let (people, _) = open(dir.path());
    let (ann, number) = (user("ann"), phone("+6591234567"));
    let ask = |phone: Option<&PhoneNumber>, name, known| people.put(&ann, phone, name, known);
    let stored = ask(Some(&number), Some("Ann"), Known::Conflict).expect("new");
    let again = ask(Some(&number), Some("Ann"), Known::Conflict).expect("the same");
    assert_eq!((again.is_new, again.ticket, again.phone), (false, stored.ticket, stored.phone));
    assert_eq!(ask(Some(&number), Some("Eve"), Known::Conflict), Err(PutError::Conflict));
    assert_eq!(ask(Some(&number), None, Known::Conflict), Err(PutError::Conflict));
    assert_eq!(ask(None, Some("Ann"), Known::Conflict), Err(PutError::Conflict));
    // A number that comes with a claim replaces the number, and leaves the name.
    let other = ask(Some(&phone("+6580000000")), None, Known::Update).expect("changed");
    assert_ne!(other.phone, stored.phone);
    people.wait(other.ticket).expect("durable");
    let read = people.person(&ann).expect("readable").expect("known");
    assert_eq!((read.phone, read.name.as_deref()), (Some(phone("+6580000000")), Some("Ann")));
    assert_eq!(people.put(&ann, None, Some(&"x".repeat(89)), Known::Update), Err(PutError::Name));
}

#[test]
fn what_is_erased_is_in_no_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let (people, _) = open(dir.path());
    let stored = people.put(&user("ann"), Some(&phone("+6591234567")), Some("Ann Smith"), Known::Conflict);
    people.wait(stored.expect("stored").ticket).expect("durable");
    assert!(is_on_disk(dir.path(), "91234567") && is_on_disk(dir.path(), "Ann Smith"));
    put(&people, "bob", "+6580000000");
    // A number that was replaced is gone too, though its id is kept.
    put(&people, "ann", "+6577777777");
    assert!(!is_on_disk(dir.path(), "91234567") && is_on_disk(dir.path(), "77777777"));
    erase(&people, "ann");
    for trace in ["91234567", "77777777", "Ann", "ann"] {
        assert!(!is_on_disk(dir.path(), trace), "{trace}");
    }
    assert_eq!(people.person(&user("ann")).expect("readable"), None);
    assert!(people.erase(&user("ann")).expect("works").is_none());
    drop(people);
    let (people, report) = open(dir.path());
    assert_eq!(report, PeopleReport { people: 1, unreadable: 0 });
    assert!(is_on_disk(dir.path(), "80000000"));
    drop(people);
}

/// A limit by phone must not be escaped by taking another number and leaving the first to somebody else.
#[test]
fn a_number_that_somebody_had_keeps_its_id_until_they_are_erased() {
    let dir = tempfile::tempdir().expect("a directory");
    let (people, _) = open(dir.path());
    let first = put(&people, "ann", "+6591234567").phone;
    put(&people, "ann", "+6580000000");
    assert_eq!(put(&people, "bob", "+6591234567").phone, first);
    erase(&people, "bob");
    drop(people);
    let (people, _) = open(dir.path());
    assert_eq!(put(&people, "cyd", "+6591234567").phone, first);
    erase(&people, "cyd");
    erase(&people, "ann");
    let later = put(&people, "dan", "+6591234567").phone;
    assert!(later > first, "an id is never given again");
    drop(people);
    // Also not after a restart, when nobody has it any more.
    let (people, _) = open(dir.path());
    erase(&people, "dan");
    drop(people);
    assert!(put(&open(dir.path()).0, "eve", "+6591234567").phone > later);
}

#[test]
fn many_at_once_are_durable_together() {
    let dir = tempfile::tempdir().expect("a directory");
    let (people, _) = open(dir.path());
    let deadline = Instant::now() + Duration::from_secs(60);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let people = &people;
            scope.spawn(move || {
                for n in 0..5_000 {
                    let (user, phone) = (user(&format!("u-{thread}-{n}")), phone(&format!("+1{:09}", n + 1)));
                    let stored = loop {
                        match people.put(&user, Some(&phone), None, Known::Update) {
                            // The file is growing: a slow disk makes whoever comes meanwhile come again.
                            Err(PutError::Busy) => {
                                assert!(Instant::now() < deadline, "the file does not grow");
                                std::thread::park_timeout(Duration::from_millis(1));
                            }
                            stored => break stored.expect("stored"),
                        }
                    };
                    if n % 100 == 0 {
                        people.wait(stored.ticket).expect("durable");
                    }
                }
            });
        }
    });
    drop(people);
    let (people, report) = open(dir.path());
    assert_eq!(report, PeopleReport { people: 20_000, unreadable: 0 });
    let ids: HashSet<_> =
        (0..4).map(|thread| people.phone(&user(&format!("u-{thread}-77"))).map(|(id, _)| id)).collect();
    assert_eq!(ids.len(), 1, "one number, one id");
}

/// A slot that power was lost over, or that the disk has lost, is reported and gone; the others stay.
#[test]
fn a_rotten_slot_is_reported() {
    let dir = tempfile::tempdir().expect("a directory");
    let (people, _) = open(dir.path());
    put(&people, "ann", "+6591234567");
    let bob = put(&people, "bob", "+6580000000").phone;
    drop(people);
    let path = dir.path().join("people.dat");
    let mut bytes = fs::read(&path).expect("readable");
    bytes[8_192 + 30] ^= 1;
    fs::write(&path, bytes).expect("written");
    let (people, report) = open(dir.path());
    assert_eq!(report, PeopleReport { people: 1, unreadable: 1 });
    assert_eq!(people.phone(&user("bob")).map(|(id, _)| id), bob);
    assert!(put(&people, "cyd", "+6591234567").phone > bob, "an id is never given again");
    drop(people);
    assert_eq!(open(dir.path()).1, PeopleReport { people: 2, unreadable: 0 });
}

#[derive(Debug, Clone)]
enum Step {
    Put(u8, u8),
    Erase(u8),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..6u8, 0..5u8).prop_map(|(user, phone)| Step::Put(user, phone)),
        3 => (0..6u8).prop_map(Step::Erase),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(seeded(24))]

    /// Held against two maps: who has which number, and which numbers have met which id.
    #[test]
    fn the_store_is_as_two_maps(steps in prop::collection::vec(step(), 1..40)) {
        let dir = tempfile::tempdir().expect("a directory");
        let mut people = open(dir.path()).0;
        let mut numbers: HashMap<u8, Vec<u8>> = HashMap::new();
        let mut ids: HashMap<u8, PhoneId> = HashMap::new();
        let mut given: HashSet<PhoneId> = HashSet::new();
        for step in steps {
            match step {
                Step::Put(who, number) => {
                    let stored = put(&people, &format!("u-{who}"), &format!("+6591234{number:03}"));
                    let id = stored.phone.expect("a number was given");
                    match ids.get(&number) {
                        Some(known) => prop_assert_eq!(*known, id),
                        None => prop_assert!(given.insert(id), "an id is never given again"),
                    }
                    ids.insert(number, id);
                    numbers.entry(who).or_default().push(number);
                }
                Step::Erase(who) => {
                    let erased = people.erase(&user(&format!("u-{who}"))).expect("works");
                    prop_assert_eq!(erased.is_some(), numbers.remove(&who).is_some());
                    erased.map_or(Ok(()), |ticket| people.wait(ticket)).expect("durable");
                    ids.retain(|number, _| numbers.values().flatten().any(|held| held == number));
                }
                Step::Reopen => {
                    drop(people);
                    let (opened, report) = open(dir.path());
                    prop_assert_eq!(report, PeopleReport { people: numbers.len() as u64, unreadable: 0 });
                    people = opened;
                }
            }
            for (who, held) in &numbers {
                let (id, _) = people.phone(&user(&format!("u-{who}"))).expect("known");
                prop_assert_eq!(ids.get(held.last().expect("one")), Some(&id));
            }
        }
    }
}
