//! A waiting room on a disk that loses power: a place that was told stays where it stands, nobody comes in twice, and nobody wins
//! who was not let in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use landrush_engine::Engine;
use landrush_engine::campaign::{CampaignDefinition, Protection, WaitingRoom};
use landrush_engine::command::{Arrive, Claim, Command, Gate};
use landrush_engine::fairness::Seed;
use landrush_engine::id::{CampaignNumber, Serial, UserId};
use landrush_engine::outcome::{Outcome, Refusal};
use landrush_engine::port::BlockingPort;
use landrush_engine::published::Listed;
use landrush_engine::room::{Place, RoomView, Shuffle, Standing};
use landrush_engine::time::{Clock, Timestamp};
use landrush_wal::storage::faulty::Faults;
use landrush_wal::storage::memory::MemoryStorage;

use super::{Random, open_with_clock, random_cut};
use crate::shop::{HOUR_MS, NOON_MS, at};

const QUOTA: u32 = 60;
const USERS: u64 = 120;
const OPENS: u64 = NOON_MS + 15_000;

/// Stands still until the test turns it, also while the power is off.
#[derive(Default)]
struct TurnedClock(AtomicU64);

impl Clock for TurnedClock {
    fn now(&self) -> Timestamp {
        at(self.0.load(Ordering::SeqCst))
    }
}

/// What was told of the room, and what may therefore never be told otherwise.
#[derive(Default)]
struct Told {
    campaign: Option<CampaignNumber>,
    /// The latest place of each.
    places: BTreeMap<u64, Place>,
    /// Whose number it is.
    holders: BTreeMap<u32, u64>,
    positions: BTreeMap<u32, u32>,
    lapsed: BTreeSet<u32>,
    wins: BTreeMap<u64, Serial>,
    now_serving: u32,
}

impl Told {
    /// Holds what everybody may see against what was seen before.
    fn see(&mut self, engine: &Engine, now: Timestamp) -> Arc<RoomView> {
        let Some(Listed::Live(published)) = engine.directory().find("rush") else { panic!("the sale is gone") };
        let room = published.room().expect("it has a waiting room");
        assert!(room.now_serving >= self.now_serving, "{} were in, now {}", self.now_serving, room.now_serving);
        self.now_serving = room.now_serving;
        for number in self.holders.keys() {
            let position = match room.standing(Place { window: at(OPENS), number: *number }, now) {
                Standing::Waiting { position } => position,
                Standing::Admitted { position, .. } => {
                    assert!(!self.lapsed.contains(number), "number {number} came in twice");
                    Some(position)
                }
                Standing::Lapsed { position } => {
                    self.lapsed.insert(*number);
                    Some(position)
                }
                Standing::Gone => panic!("number {number} was told, and is gone"),
            };
            let told = self.positions.get(number).copied();
            assert!(told.is_none() || told == position, "number {number} stood at {told:?}, now at {position:?}");
            self.positions.extend(position.map(|position| (*number, position)));
        }
        room
    }

    fn arrive(&mut self, port: &mut BlockingPort, engine: &Engine, user: u64, now: Timestamp) {
        let arrive =
            Arrive { campaign: self.campaign.expect("made"), user: name(user), stamped_at: now, refusal: None };
        match call(port, engine, Command::Arrive(arrive)) {
            Some(Outcome::Arrived { place, .. }) => {
                let holder = *self.holders.entry(place.number).or_insert(user);
                assert_eq!(holder, user, "number {} was told to two", place.number);
                self.see(engine, now);
                let before = self.places.insert(user, place).filter(|before| *before != place);
                assert!(
                    before.is_none_or(|before| self.lapsed.contains(&before.number)),
                    "user {user} lost {before:?}, and stands at {place:?}"
                );
            }
            Some(Outcome::Refused(Refusal::LimitReached)) => {
                let is_answered = self.claim(port, engine, user, user, now);
                assert!(!is_answered || self.wins.contains_key(&user), "user {user} has won nothing, and may not come");
            }
            None | Some(Outcome::Refused(Refusal::LogUnavailable | Refusal::SoldOut)) => {}
            Some(other) => panic!("who came was answered {other:?}"),
        }
    }

    /// Claims with the place of `holder`, who mostly is the user, and says whether the log was there to answer.
    fn claim(&mut self, port: &mut BlockingPort, engine: &Engine, user: u64, holder: u64, now: Timestamp) -> bool {
        let place = self.places.get(&holder).copied();
        let claim = Claim {
            campaign: self.campaign.expect("made"),
            user: name(user),
            coupon_type: None,
            key: None,
            phone: None,
            gate: Gate { place, refusal: None },
            stamped_at: now,
        };
        let outcome = call(port, engine, Command::Claim(claim));
        let room = self.see(engine, now);
        let is_in = user == holder && room.admits(place, now);
        match outcome {
            Some(Outcome::Won(claim)) => {
                assert!(is_in, "user {user} won with {place:?} of user {holder}");
                assert!(!self.wins.values().any(|serial| *serial == claim.serial), "one claim was given to two");
                assert_eq!(self.wins.insert(user, claim.serial), None, "user {user} won twice");
            }
            Some(Outcome::Repeated(claim)) => {
                assert_eq!(*self.wins.entry(user).or_insert(claim.serial), claim.serial, "user {user} won another");
            }
            Some(Outcome::Refused(Refusal::TicketRequired)) => assert!(!is_in, "user {user} shows {place:?} in vain"),
            Some(Outcome::Refused(Refusal::NotOpen { .. })) => assert!(now < at(OPENS)),
            Some(Outcome::Refused(Refusal::SoldOut)) => assert!(!is_in, "user {user} was led to an empty shelf"),
            None | Some(Outcome::Refused(Refusal::LogUnavailable)) => return false,
            Some(other) => panic!("a claim was answered {other:?}"),
        }
        true
    }
}

fn name(user: u64) -> UserId {
    UserId::new(&format!("user-{user}")).expect("valid")
}

fn definition() -> CampaignDefinition {
    let rules = WaitingRoom {
        admit_per_second: 20,
        opens_before: Duration::from_mins(10),
        admitted_for: Duration::from_secs(10),
    };
    CampaignDefinition::builder("rush")
        .open(at(OPENS), at(OPENS + HOUR_MS))
        .coupon_type("a", QUOTA)
        .protection(Protection { waiting_room: Some(rules), ..Protection::default() })
        .build()
        .expect("valid")
}

fn call(port: &mut BlockingPort, engine: &Engine, command: Command) -> Option<Outcome> {
    port.call(engine.route(&definition().id), command).ok()
}

/// One life of the process: people come and claim until the power goes or enough has been done.
fn live(engine: &Engine, clock: &TurnedClock, told: &mut Told, random: &mut Random) {
    let mut port = engine.blocking_port();
    for _ in 0..120 {
        clock.0.fetch_add(random.below(150), Ordering::SeqCst);
        let now = clock.now();
        let user = random.below(USERS);
        match random.below(10) {
            0..5 => told.arrive(&mut port, engine, user, now),
            5 => drop(told.claim(&mut port, engine, user, random.below(USERS), now)),
            _ => {
                // Those who are in and have not won, mostly: a claim of anybody else changes nothing.
                let room = told.see(engine, now);
                let is_in =
                    |(user, place): &(&u64, &Place)| room.admits(Some(**place), now) && !told.wins.contains_key(user);
                let user = told.places.iter().find(is_in).map_or(user, |(user, _)| *user);
                told.claim(&mut port, engine, user, user, now);
            }
        }
        if engine.failure().is_some() {
            return;
        }
    }
}

/// After a restart: everybody's place and coupon are what they were told. Gives the room as it is then.
fn check(engine: &Engine, clock: &TurnedClock, told: &mut Told) -> Arc<RoomView> {
    let mut port = engine.blocking_port();
    let now = clock.now();
    told.see(engine, now);
    for user in told.places.keys().copied().collect::<Vec<_>>() {
        told.arrive(&mut port, engine, user, now);
    }
    for (user, serial) in told.wins.clone() {
        told.claim(&mut port, engine, user, user, now);
        assert_eq!(told.wins[&user], serial);
    }
    told.see(engine, now)
}

fn outlive(seed: u64) -> usize {
    let mut random = Random(seed);
    let storage = MemoryStorage::new();
    let clock = Arc::new(TurnedClock(AtomicU64::new(NOON_MS)));
    let open = |shards, salt| open_with_clock(&storage, shards, salt, Arc::clone(&clock) as Arc<dyn Clock>);
    let mut told = Told::default();
    let engine = open(1, seed).expect("an empty directory opens");
    let campaign = engine.next_campaign_number();
    let create = Command::Create { campaign, definition: Box::new(definition()), seed: Seed::from_bytes([3; 32]) };
    assert!(matches!(call(&mut engine.blocking_port(), &engine, create), Some(Outcome::Created(_))));
    told.campaign = Some(campaign);
    engine.close().expect("nothing has failed yet");
    drop(engine);

    for life in 0..8 {
        let shards = if random.below(2) == 0 { 1 } else { 3 };
        let cut = random_cut(&mut random, 400);
        storage.set_faults(Faults { cut: Some(cut), backwards: random.below(2) == 0, ..Faults::default() });
        if let Ok(engine) = open(shards, seed + life) {
            live(&engine, &clock, &mut told, &mut random);
            // Whatever it says: the power may have gone.
            drop(engine.close());
        }
        storage.reboot();
        let engine = open(shards, seed + 1_000 + life)
            .unwrap_or_else(|error| panic!("seed {seed}, life {life}, {cut:?}: {error}"));
        let room = check(&engine, &clock, &mut told);
        engine.close().expect("no fault is planned");
        // Closing waits for whoever computes them.
        assert!(room.shuffle.as_ref().is_none_or(Shuffle::is_computed), "places are computed off the shard");
    }
    told.wins.len()
}

/// `POWER_SEEDS` sets how many histories are lived through.
#[test]
fn places_that_were_told_outlive_every_loss_of_power() {
    let seeds = std::env::var("POWER_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(12);
    let won: usize = (0..seeds).map(outlive).sum();
    assert!(won as u64 >= 20 * seeds, "{won} came in and won");
}
