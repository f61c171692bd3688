//! The store on a disk that loses power at every operation, again and again, held against what it told: what was told stays
//! true; what was not may have happened, whole or not at all; and no number is ever under two ids.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use landrush_engine::id::PhoneId;
use landrush_engine::people::{Known, People, PeopleError, PeopleReport, Ticket};

use super::disk::{Kept, Random, TestDisk};
use super::{phone, user};
use crate::shop::keys;

const USERS: u64 = 5;
const NUMBERS: u64 = 4;

fn number(n: u64) -> String {
    format!("+6591234{n:03}")
}

fn name(n: u64) -> String {
    format!("Name no. {n:03}")
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Put { user: u64, number: u64, name: u64 },
    Erase { user: u64 },
}

impl Change {
    fn random(random: &mut Random) -> Self {
        let user = random.below(USERS);
        match random.below(3) {
            0 => Change::Erase { user },
            _ => Change::Put { user, number: random.below(NUMBERS), name: random.below(3) },
        }
    }
}

/// What is known of one user: number, id and name. And whatever else may be true, of which nobody was told.
#[derive(Debug, Clone, Default)]
struct Told {
    is: Option<(u64, u64)>,
    in_doubt: Vec<Option<(u64, u64)>>,
    /// Numbers that were the user's since the user was last unknown.
    held: BTreeSet<u64>,
}

#[derive(Debug, Clone, Default)]
struct Model {
    users: BTreeMap<u64, Told>,
    /// The id of each number that somebody surely holds, or held and is still known.
    ids: BTreeMap<u64, PhoneId>,
    /// Which number an id stood for, of all ids that were ever told.
    owners: BTreeMap<PhoneId, u64>,
}

fn open(disk: &TestDisk) -> Result<(People, PeopleReport), PeopleError> {
    People::open_on(disk.open(), Path::new("people.dat"), &keys())
}

impl Model {
    fn told_id(&mut self, number: u64, id: PhoneId) {
        assert_eq!(*self.owners.entry(id).or_insert(number), number, "{id:?} stood for another number");
        assert_eq!(*self.ids.entry(number).or_insert(id), id, "number {number} is under two ids");
    }

    /// Ids of numbers that nobody holds are forgotten.
    fn forget(&mut self) {
        let held: BTreeSet<u64> = self.users.values().flat_map(|told| told.held.iter().copied()).collect();
        self.ids.retain(|number, _| held.contains(number));
    }

    fn told(&mut self, change: Change, id: Option<PhoneId>) {
        match change {
            Change::Put { user, number, name } => {
                let told = self.users.entry(user).or_default();
                told.is = Some((number, name));
                told.held.insert(number);
                self.told_id(number, id.expect("a number was given"));
            }
            Change::Erase { user } => {
                self.users.insert(user, Told::default());
                self.forget();
            }
        }
    }

    fn untold(&mut self, change: Change) {
        let (user, becomes) = match change {
            Change::Put { user, number, name } => (user, Some((number, name))),
            Change::Erase { user } => (user, None),
        };
        self.users.entry(user).or_default().in_doubt.push(becomes);
    }

    /// Makes some changes that go to the disk together; `false` if the power went.
    fn make(&mut self, people: &People, disk: &TestDisk, changes: &[Change]) -> bool {
        let mut under_way = Vec::new();
        let mut is_writing = false;
        disk.hold();
        for change in changes {
            let asked: Result<Option<(Ticket, Option<PhoneId>)>, ()> = match *change {
                Change::Put { user: who, number: n, name: named } => people
                    .put(&user(&format!("user-{who}")), Some(&phone(&number(n))), Some(&name(named)), Known::Update)
                    .map(|stored| Some((stored.ticket, stored.phone)))
                    .map_err(|_| ()),
                Change::Erase { user: who } => {
                    let erased = people.erase(&user(&format!("user-{who}")));
                    erased.map(|ticket| ticket.map(|ticket| (ticket, None))).map_err(|_| ())
                }
            };
            let ticket = asked.as_ref().ok().and_then(|told| told.map(|(ticket, _)| ticket));
            if !is_writing && ticket.is_some_and(|ticket| !people.is_durable(ticket)) && !disk.is_off() {
                // From here on all else goes to the disk together.
                disk.wait_for_writer();
                is_writing = true;
            }
            under_way.push((*change, asked));
        }
        disk.release();
        let mut went_well = true;
        // In their order: nobody is told of a change after one that failed.
        for (change, asked) in under_way {
            match asked {
                Ok(Some((ticket, id))) if people.wait(ticket).is_ok() => self.told(change, id),
                Ok(None) => self.told(change, None),
                Ok(Some(_)) | Err(()) => {
                    went_well = false;
                    self.untold(change);
                }
            }
        }
        went_well
    }

    /// What is there after a loss of power becomes what is so.
    fn check(&mut self, people: &People, disk: &TestDisk) {
        let mut numbers = BTreeSet::new();
        let mut names = BTreeSet::new();
        let mut seen = Vec::new();
        for who in 0..USERS {
            let told = self.users.entry(who).or_default();
            let read = people.person(&user(&format!("user-{who}"))).expect("readable");
            let is = read.map(|person| {
                let (phone, named) = (person.phone.expect("was given"), person.name.expect("was given"));
                let n = (0..NUMBERS).find(|n| number(*n) == phone.as_str()).expect("one of them");
                (n, (0..3).find(|n| name(*n) == named).expect("one of them"))
            });
            let could_be = told.is == is || told.in_doubt.contains(&is);
            assert!(could_be, "user {who} is {is:?} after {told:?}");
            // Gone, or gone and come again: what was held before may be forgotten.
            let erased = told.in_doubt.iter().position(Option::is_none);
            let is_anew = erased.is_some_and(|erased| told.in_doubt[erased..].contains(&is));
            if is.is_none() || is_anew {
                told.held.clear();
            }
            told.is = is;
            told.in_doubt.clear();
            if let Some((number, name)) = is {
                told.held.insert(number);
                numbers.insert(number);
                names.insert(name);
                seen.push((who, number));
            }
        }
        self.forget();
        for (who, number) in seen {
            let (id, _) = people.phone(&user(&format!("user-{who}"))).expect("a number is known");
            self.told_id(number, id);
        }
        self.check_disk(disk, &numbers, &names);
    }

    fn check_disk(&self, disk: &TestDisk, numbers: &BTreeSet<u64>, names: &BTreeSet<u64>) {
        for n in 0..NUMBERS {
            assert_eq!(disk.holds(&number(n)[1..]), numbers.contains(&n), "number {n}");
        }
        for n in 0..3 {
            assert_eq!(disk.holds(&name(n)), names.contains(&n), "name {n}");
        }
    }

    /// A newcomer gets the id that each number has, if anybody holds it or held it.
    fn probe(&mut self, people: &People) {
        let probe = user("probe");
        for n in 0..NUMBERS {
            let stored = people.put(&probe, Some(&phone(&number(n))), None, Known::Update).expect("stored");
            people.wait(stored.ticket).expect("durable");
            let id = stored.phone.expect("a number was given");
            self.told_id(n, id);
            let erased = people.erase(&probe).expect("works").expect("is known");
            people.wait(erased).expect("durable");
        }
        self.forget();
    }
}

/// Runs one life after another, each to its own end of power.
fn run(seed: u64) {
    let mut random = Random(seed);
    let disk = TestDisk::default();
    let mut model = Model::default();
    for _ in 0..4 {
        if random.below(4) > 0 {
            disk.cut_after(random.below(60));
        }
        if let Ok((people, report)) = open(&disk) {
            assert_eq!(report.unreadable, 0, "a sector is written whole or not at all");
            for _ in 0..12 {
                let changes: Vec<Change> = (0..=random.below(5)).map(|_| Change::random(&mut random)).collect();
                if !model.make(&people, &disk, &changes) {
                    break;
                }
            }
        }
        let kept = [Kept::Nothing, Kept::Everything, Kept::Some][usize::try_from(random.below(3)).expect("small")];
        disk.reboot(kept, &mut random);
        let (people, report) = open(&disk).expect("opens after any loss of power");
        assert_eq!(report.unreadable, 0, "a sector is written whole or not at all");
        model.check(&people, &disk);
        model.probe(&people);
    }
}

#[test]
fn what_was_told_outlives_the_power_wherever_it_goes() {
    for seed in 0..150 {
        let outcome = std::panic::catch_unwind(|| run(seed));
        assert!(outcome.is_ok(), "seed {seed}");
    }
}

/// The whole way from an empty directory, with a cut at each operation in turn, and each way that it can end.
#[test]
fn every_single_operation_may_be_the_last() {
    let changes = [
        vec![Change::Put { user: 0, number: 0, name: 0 }],
        vec![Change::Put { user: 1, number: 0, name: 1 }, Change::Put { user: 0, number: 1, name: 0 }],
        vec![
            Change::Put { user: 2, number: 2, name: 2 },
            Change::Erase { user: 0 },
            Change::Put { user: 3, number: 1, name: 1 },
        ],
        vec![Change::Erase { user: 1 }, Change::Erase { user: 3 }, Change::Put { user: 4, number: 0, name: 1 }],
    ];
    let whole = TestDisk::default();
    let (people, _) = open(&whole).expect("opens");
    let mut model = Model::default();
    assert!(changes.iter().all(|changes| model.make(&people, &whole, changes)));
    drop(people);
    let operations = whole.operations();
    assert!(operations > 15, "{operations}");
    for operation in 0..operations {
        for kept in [Kept::Nothing, Kept::Everything, Kept::Some, Kept::Some, Kept::Some] {
            let disk = TestDisk::default();
            disk.cut_after(operation);
            let mut model = Model::default();
            if let Ok((people, _)) = open(&disk) {
                let _ = changes.iter().all(|changes| model.make(&people, &disk, changes));
            }
            assert!(disk.is_off(), "operation {operation} comes");
            disk.reboot(kept, &mut Random(operation));
            let (people, _) = open(&disk).expect("opens after any loss of power");
            model.check(&people, &disk);
            model.probe(&people);
        }
    }
}
