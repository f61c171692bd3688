//! Owns the waiting room of a campaign's window: who came, as which number, and how many are let in. Leaves what follows from
//! a place to [`crate::room`].
//!
//! The rate is of people who are let in, plus as many as lapsed without claiming; and never are more let in than find a coupon
//! each, were all of those who are let in to take as many as they may. A claim is counted for those who were let in first
//! among them. That may let somebody lapse a little later than they did, so that a no-show is made up for late, and never
//! lets in too many.

use std::collections::VecDeque;
use std::hash::Hasher;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashTable;
use sha2::{Digest, Sha256};
use siphasher::sip128::{Hasher128, SipHasher13};

use super::chunks::Chunks;
use crate::campaign::WaitingRoom;
use crate::fairness::{ENTRIES_MAX, Seed};
use crate::id::Serial;
use crate::room::{Admission, Place, RoomView, Shuffle, Standing, chained};
use crate::time::Timestamp;

/// People are let in at most so often.
pub(super) const STEP: Duration = Duration::from_millis(250);
/// After a pause nobody is let in for more than so long at once.
const BUDGET_MS_MAX: u64 = 1_000;
/// Those let in within this part of the time to claim lapse together.
const GRAINS: u32 = 256;

/// The room of one window.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    rules: WaitingRoom,
    /// How many coupons one person may take.
    limit: u16,
    pub(super) view: RoomView,
    /// Over all who came so far.
    hash: [u8; 32],
    person_key: [u8; 16],
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
    /// When to look again; in no log.
    look_at: Timestamp,
}

/// People who were let in together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) first_at: Timestamp,
    pub(crate) at: Timestamp,
    pub(crate) up_to: u32,
    pub(crate) undecided: u32,
}

impl Step {
    fn has_lapsed(&self, now: Timestamp, admitted_for: Duration) -> bool {
        now >= later(self.at, admitted_for)
    }
}

/// People who were let in together, and what they may take.
#[derive(Debug, Clone, Copy)]
struct LetIn {
    step: Step,
    /// How many coupons they may take yet, all of them together. In no snapshot: after one it is what they may take at most.
    takes: u64,
}

/// How those were shuffled who came before the opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShuffledHead {
    pub(crate) count: u32,
    pub(crate) hash: [u8; 32],
}

/// All of a room but its people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoomHead {
    pub(crate) opens_at: Timestamp,
    pub(crate) arrivals: u32,
    pub(crate) hash: [u8; 32],
    pub(crate) shuffled: Option<ShuffledHead>,
    pub(crate) now_serving: u32,
    pub(crate) first_claim: Serial,
    pub(crate) steps: Vec<Step>,
    pub(crate) lapsed: u32,
    pub(crate) last_at: Timestamp,
    pub(crate) carry: u32,
}

impl Room {
    /// A room that nobody has come to, each of whom may take `limit` coupons. Who has `first_claim` or a later one is decided
    /// in it.
    pub(super) fn new(rules: WaitingRoom, limit: u16, seed: &Seed, opens_at: Timestamp, first_claim: Serial) -> Self {
        assert!(limit > 0, "whoever is let in may take something");
        let digest = Sha256::new().chain_update(b"landrush waiting people\0").chain_update(seed.as_bytes()).finalize();
        let (person_key, _) = digest.split_first_chunk().expect("a digest has 32 bytes");
        Self {
            rules,
            limit,
            view: RoomView::new(seed, opens_at, rules.admitted_for),
            hash: [0; 32],
            person_key: *person_key,
            people: Chunks::default(),
            numbers: HashTable::new(),
            first_claim,
            steps: VecDeque::new(),
            undecided: 0,
            lapsed: 0,
            last_at: opens_at,
            carry: 0,
            look_at: opens_at,
        }
    }

    pub(super) fn rules(&self) -> WaitingRoom {
        self.rules
    }

    pub(super) fn limit(&self) -> u16 {
        self.limit
    }

    pub(super) fn opens_at(&self) -> Timestamp {
        self.view.opens_at
    }

    pub(super) fn is_shuffled(&self) -> bool {
        self.view.shuffle.is_some()
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
        let person = self.person(user);
        let number = *self.numbers.find(table_hash(&person), |number| self.people.at(*number) == Some(&person))?;
        Some(Place { window: self.view.opens_at, number: number + 1 })
    }

    /// The place of somebody who came, unless it has lapsed at `now`.
    pub(super) fn live_place(&self, user: &str, now: Timestamp) -> Option<Place> {
        self.place(user).filter(|place| !matches!(self.view.standing(*place, now), Standing::Lapsed { .. }))
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
        let person = self.person(user);
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
        self.people.push(person);
        self.view.arrivals = self.people.count();
    }

    /// The opening: those who came stand in the order of their ranks from now on.
    pub(super) fn shuffle(&mut self, first_claim: Serial) {
        self.view.shuffle_now(self.hash);
        self.first_claim = first_claim;
        self.last_at = self.view.opens_at;
    }

    /// Somebody who was let in has claimed, and is decided if it is for the first time here.
    pub(super) fn count_claim(&mut self, is_first: bool, at: Timestamp) {
        if is_first {
            self.lapse(at);
            if let Some(LetIn { step, .. }) = self.steps.iter_mut().find(|let_in| let_in.step.undecided > 0) {
                step.undecided -= 1;
                self.undecided -= 1;
            }
        }
        let admitted_for = self.rules.admitted_for;
        let may_take = |let_in: &&mut LetIn| let_in.takes > 0 && !let_in.step.has_lapsed(at, admitted_for);
        if let Some(let_in) = self.steps.iter_mut().find(may_take) {
            let_in.takes -= 1;
        }
    }

    /// When to see next whether somebody can be let in: nobody can, where nobody waits.
    pub(super) fn next_look(&self) -> Option<Timestamp> {
        (self.is_shuffled() && self.view.waiting() > 0).then(|| self.look_at.max(later(self.last_at, STEP)))
    }

    /// Looks again a step after `now`.
    pub(super) fn look_later(&mut self, now: Timestamp) {
        self.look_at = later(now, STEP);
    }

    /// How many are to be let in at `now`, where so many coupons are left; [`PLENTY`]: however many come.
    ///
    /// Of what is left, those who are let in keep what they may take yet. Of what is free then, one more person may find only
    /// one: so the last coupon is offered too.
    pub(super) fn admissible(&self, now: Timestamp, left: u32) -> u32 {
        let most = self.admissible_at_most(now, left);
        if left == PLENTY {
            return most;
        }
        let live = self.steps.iter().filter(|let_in| !let_in.step.has_lapsed(now, self.rules.admitted_for));
        let kept: u64 = live.map(|let_in| let_in.takes).sum();
        let free = u64::from(left).saturating_sub(kept).div_ceil(u64::from(self.limit));
        most.min(u32::try_from(free).expect("at most what is left"))
    }

    /// How many a log may let in at `now`: one coupon each for those who are undecided is the least that is kept, and follows
    /// from what snapshots keep.
    pub(super) fn admissible_at_most(&self, now: Timestamp, left: u32) -> u32 {
        let lapsing = self.lapsing(now);
        let free = left.saturating_sub(self.undecided - lapsing);
        let by_rate = u32::try_from(self.budget(now) / 1_000).unwrap_or(u32::MAX);
        by_rate.saturating_add(self.lapsed).saturating_add(lapsing).min(free).min(self.view.waiting())
    }

    /// Lets people in, up to this position.
    pub(super) fn admit(&mut self, up_to: u32, at: Timestamp) {
        self.lapse(at);
        let count = up_to - self.view.now_serving;
        let budget = self.budget(at);
        let by_rate = u64::from(count) * 1_000;
        // First the rate, then those who are made up for.
        if by_rate <= budget {
            self.carry = (budget - by_rate).min(999);
        } else {
            self.carry = budget % 1_000;
            let made_up = u64::from(count) - budget / 1_000;
            self.lapsed = self.lapsed.saturating_sub(u32::try_from(made_up).unwrap_or(u32::MAX));
        }
        self.last_at = self.last_at.max(at);
        self.view.now_serving = up_to;
        self.undecided += count;
        let grain = self.rules.admitted_for / GRAINS;
        let takes = u64::from(count) * u64::from(self.limit);
        match self.steps.back_mut() {
            Some(last) if at < later(last.step.first_at, grain) => {
                last.step.up_to = up_to;
                last.step.at = last.step.at.max(at);
                last.step.undecided += count;
                last.takes += takes;
            }
            Some(_) | None => {
                self.steps.push_back(LetIn { step: Step { first_at: at, at, up_to, undecided: count }, takes });
            }
        }
        self.publish();
    }

    fn publish(&mut self) {
        let admissions = self.steps.iter().map(|LetIn { step, .. }| Admission { up_to: step.up_to, at: step.at });
        self.view.admissions = admissions.collect::<Vec<_>>().into();
    }

    /// Thousandths of people who may be let in at `now`.
    fn budget(&self, now: Timestamp) -> u64 {
        let since = now.as_milliseconds().saturating_sub(self.last_at.as_milliseconds()).min(BUDGET_MS_MAX);
        self.carry + since * u64::from(self.rules.admit_per_second)
    }

    /// How many will lapse by `now`, and are not counted so yet.
    fn lapsing(&self, now: Timestamp) -> u32 {
        self.steps.iter().take_while(|let_in| self.is_past(let_in, now)).map(|let_in| let_in.step.undecided).sum()
    }

    fn is_past(&self, let_in: &LetIn, now: Timestamp) -> bool {
        let_in.step.has_lapsed(now, self.rules.admitted_for)
    }

    fn lapse(&mut self, now: Timestamp) {
        let lapsing = self.lapsing(now);
        self.undecided -= lapsing;
        self.lapsed = self.lapsed.saturating_add(lapsing);
        let (admitted_for, long_ago) = (self.rules.admitted_for, Timestamp::from_milliseconds(0));
        let mut is_news = false;
        for LetIn { step, takes } in &mut self.steps {
            if !step.has_lapsed(now, admitted_for) {
                break;
            }
            is_news |= step.at > long_ago;
            // For good: they have been made up for, and a clock that is set back would let them in a second time.
            (step.first_at, step.at) = (long_ago, long_ago);
            (step.undecided, *takes) = (0, 0);
        }
        // The last of those that are past stays: the ones before it are told from the next by it.
        while self.steps.get(1).is_some_and(|second| self.is_past(second, now)) {
            self.steps.pop_front();
        }
        if is_news {
            self.publish();
        }
    }

    fn person(&self, user: &str) -> [u8; 16] {
        let mut hasher = SipHasher13::new_with_key(&self.person_key);
        hasher.write(user.as_bytes());
        hasher.finish128().as_bytes()
    }

    /// All of it but the people.
    pub(super) fn head(&self) -> RoomHead {
        RoomHead {
            opens_at: self.view.opens_at,
            arrivals: self.view.arrivals,
            hash: self.hash,
            shuffled: self
                .view
                .shuffle
                .as_ref()
                .map(|shuffle| ShuffledHead { count: shuffle.count, hash: shuffle.hash }),
            now_serving: self.view.now_serving,
            first_claim: self.first_claim,
            steps: self.steps.iter().map(|let_in| let_in.step).collect(),
            lapsed: self.lapsed,
            last_at: self.last_at,
            carry: u32::try_from(self.carry).expect("less than a person"),
        }
    }

    /// Everybody who came, in order.
    pub(super) fn people(&self) -> impl Iterator<Item = &[u8; 16]> {
        (0..self.people.count()).filter_map(|number| self.people.at(number))
    }

    /// The room that `head` and `people` are of; `None` if they contradict each other.
    pub(super) fn restored(
        rules: WaitingRoom,
        limit: u16,
        seed: &Seed,
        head: RoomHead,
        people: &[[u8; 16]],
    ) -> Option<Self> {
        let mut room = Self::new(rules, limit, seed, head.opens_at, head.first_claim);
        people.iter().for_each(|person| room.push_person(*person));
        room.hash = head.hash;
        if let Some(ShuffledHead { count, hash }) = head.shuffled {
            if count > room.view.arrivals || (count == room.view.arrivals && hash != head.hash) {
                return None;
            }
            let arrivals = std::mem::replace(&mut room.view.arrivals, count);
            room.view.shuffle_now(hash);
            room.view.arrivals = arrivals;
        }
        let in_order = head.steps.is_sorted_by(|one, next| one.up_to < next.up_to)
            && head.steps.last().map_or(0, |step| step.up_to) == head.now_serving;
        let undecided = head.steps.iter().try_fold(0u32, |sum, step| sum.checked_add(step.undecided))?;
        let is_sound = in_order
            && room.view.arrivals == head.arrivals
            && head.now_serving <= head.arrivals
            && undecided <= head.now_serving
            && (head.now_serving == 0 || head.shuffled.is_some())
            && head.carry < 1_000;
        room.view.now_serving = head.now_serving;
        let mut before = 0;
        for step in head.steps {
            // Who has claimed took one at least.
            let people = u64::from(step.up_to.saturating_sub(before));
            let decided = people.saturating_sub(u64::from(step.undecided));
            room.steps.push_back(LetIn { step, takes: people * u64::from(limit) - decided });
            before = step.up_to;
        }
        (room.undecided, room.lapsed, room.last_at) = (undecided, head.lapsed, head.last_at);
        room.carry = u64::from(head.carry);
        room.publish();
        is_sound.then_some(room)
    }

    /// What it holds of the heap, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.people.heap_bytes()
            + self.numbers.allocation_size()
            + size_of_val(Arc::as_ref(&self.view.admissions))
            + self.view.shuffle.as_ref().map_or(0, Shuffle::heap_bytes)
    }
}

/// As many coupons as no crowd can take.
pub(super) const PLENTY: u32 = u32::MAX;

fn later(moment: Timestamp, span: Duration) -> Timestamp {
    moment.saturating_add(span)
}

/// Half of a keyed hash is a keyed hash.
fn table_hash(person: &[u8; 16]) -> u64 {
    let (first, _) = person.split_first_chunk().expect("it has 16 bytes");
    u64::from_le_bytes(*first)
}
