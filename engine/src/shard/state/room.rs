//! Owns the waiting room of a campaign's window: who came, as which number, and what is told of the rooms before. Leaves how
//! fast people are let in to [`pace`], snapshots to [`stored`], and what follows from a place to [`crate::room`].

mod pace;
mod stored;

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashTable;

use super::chunks::Chunks;
use crate::campaign::WaitingRoom;
use crate::fairness::{ENTRIES_MAX, Seed};
use crate::id::Serial;
use crate::room::{Place, RoomView, Shuffle, Standing, chained};
use crate::time::Timestamp;

use self::pace::LetIn;
pub(super) use self::pace::PLENTY;
pub(crate) use self::pace::Step;
pub(crate) use self::stored::{LaterRoomHead, PastHead, RoomHead, ShuffledHead};

/// The room of one window.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    rules: WaitingRoom,
    /// How many coupons one person may take.
    limit: u16,
    pub(super) view: RoomView,
    /// Over all who came so far.
    hash: [u8; 32],
    /// By number, from 0.
    people: Chunks<[u8; 16]>,
    /// The latest number of each person, from 0.
    numbers: HashTable<u32>,
    /// The first claim of the window: who has one from there on is decided.
    first_claim: Serial,
    steps: VecDeque<LetIn>,
    /// Let in, and neither decided nor lapsed.
    undecided: u32,
    /// Lapsed, and not made up for.
    lapsed: u32,
    /// When people were let in last, or could have been for the first time.
    last_at: Timestamp,
    /// Thousandths of people who may be let in beside those of the time since.
    carry: u64,
    /// When was looked last, the opening at first; in no log, as the next.
    looked_at: Timestamp,
    /// When to look again.
    look_at: Timestamp,
}

impl Room {
    /// A room that nobody has come to, each of whom may take `limit` coupons. Who has `first_claim` or a later one is decided
    /// in it.
    pub(super) fn new(rules: WaitingRoom, limit: u16, seed: &Seed, opens_at: Timestamp, first_claim: Serial) -> Self {
        assert!(limit > 0, "whoever is let in may take something");
        Self {
            rules,
            limit,
            view: RoomView::new(seed, opens_at, rules.admitted_for),
            hash: [0; 32],
            people: Chunks::default(),
            numbers: HashTable::new(),
            first_claim,
            steps: VecDeque::new(),
            undecided: 0,
            lapsed: 0,
            last_at: opens_at,
            carry: 0,
            looked_at: opens_at,
            look_at: opens_at,
        }
    }

    /// The room of a later window, that nobody has come to.
    pub(super) fn next(&self, seed: &Seed, opens_at: Timestamp, first_claim: Serial) -> Self {
        assert!(opens_at > self.opens_at(), "rooms follow one another");
        let mut next = Self::new(self.rules, self.limit, seed, opens_at, first_claim);
        next.view.follow(&self.view);
        next
    }

    pub(super) fn rules(&self) -> WaitingRoom {
        self.rules
    }

    pub(super) fn opens_at(&self) -> Timestamp {
        self.view.opens_at
    }

    pub(super) fn is_shuffled(&self) -> bool {
        self.view.shuffle.is_some()
    }

    pub(super) fn looked_at(&self) -> Timestamp {
        self.looked_at
    }

    pub(super) fn first_claim(&self) -> Serial {
        self.first_claim
    }

    /// How many came, and the hash over them.
    pub(super) fn arrivals(&self) -> (u32, [u8; 32]) {
        (self.view.arrivals, self.hash)
    }

    /// The place of somebody who came.
    pub(super) fn place(&self, user: &str) -> Option<Place> {
        let person = self.view.came.person(user);
        let number = *self.numbers.find(table_hash(&person), |number| self.people.at(*number) == Some(&person))?;
        Some(Place { window: self.view.opens_at, number: number + 1 })
    }

    /// The place of somebody who came, unless it has lapsed at `now`.
    pub(super) fn live_place(&self, user: &str, now: Timestamp) -> Option<Place> {
        self.place(user).filter(|place| !matches!(self.view.standing(*place, now), Standing::Lapsed { .. }))
    }

    /// Whether a log may give `user` no other place at `at`. A pause does not count here: logs of earlier versions, whose pauses
    /// let people lapse, gave them one.
    pub(super) fn is_bound(&self, user: &str, at: Timestamp) -> bool {
        self.place(user).is_some_and(|place| !matches!(self.view.standing_at(place, at), Standing::Lapsed { .. }))
    }

    pub(super) fn next_place(&self) -> Place {
        Place { window: self.view.opens_at, number: self.view.arrivals + 1 }
    }

    pub(super) fn is_full(&self) -> bool {
        self.view.arrivals == ENTRIES_MAX
    }

    /// Whether this is the place of `user`, and let in at `now`.
    pub(super) fn admits(&self, user: &str, place: Option<Place>, now: Timestamp) -> bool {
        place.is_some() && self.view.admits(place, now) && self.place(user) == place
    }

    /// Takes in somebody who comes.
    pub(super) fn push(&mut self, user: &str) {
        let person = self.view.came.person(user);
        self.hash = chained(&self.hash, user);
        self.push_person(person);
    }

    fn push_person(&mut self, person: [u8; 16]) {
        let (people, number) = (&self.people, self.people.count());
        let is_same = |other: &u32| people.at(*other) == Some(&person);
        match self.numbers.find_mut(table_hash(&person), is_same) {
            Some(latest) => *latest = number,
            None => {
                let rehash = |other: &u32| table_hash(people.at(*other).expect("who is in the table came"));
                self.numbers.insert_unique(table_hash(&person), number, rehash);
            }
        }
        self.view.came.insert(&person);
        self.people.push(person);
        self.view.arrivals = self.people.count();
    }

    /// The opening: those who came stand in the order of their ranks from now on.
    pub(super) fn shuffle(&mut self, first_claim: Serial) {
        self.view.shuffle_now(self.hash);
        self.first_claim = first_claim;
        self.last_at = self.view.opens_at;
    }

    /// Everybody who came, in order.
    pub(super) fn people(&self) -> impl Iterator<Item = &[u8; 16]> {
        (0..self.people.count()).filter_map(|number| self.people.at(number))
    }

    /// What it holds of the heap, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.people.heap_bytes()
            + self.view.came.heap_bytes()
            + self.numbers.allocation_size()
            + size_of_val(Arc::as_ref(&self.view.admissions))
            + size_of_val(Arc::as_ref(&self.view.past))
            + self.view.shuffle.as_ref().map_or(0, Shuffle::heap_bytes)
    }
}

/// Half of a keyed hash is a keyed hash.
fn table_hash(person: &[u8; 16]) -> u64 {
    let (first, _) = person.split_first_chunk().expect("it has 16 bytes");
    u64::from_le_bytes(*first)
}
