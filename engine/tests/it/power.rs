//! The whole engine on a disk that loses power at a random operation, again and again over one directory, held against what it
//! answered: what was told stays true, what was not told may or may not have happened, and then stays so.

mod room;
mod told;
mod traffic;

use std::sync::Arc;
use std::time::Duration;

use landrush_engine::campaign::{CampaignDefinition, Mode};
use landrush_engine::command::{Command, Gate};
use landrush_engine::fairness::{Probability, Seed};
use landrush_engine::id::UserId;
use landrush_engine::keys::Keys;
use landrush_engine::outcome::{CouponState, Outcome};
use landrush_engine::published::Listed;
use landrush_engine::recovery::open_on;
use landrush_engine::time::Clock;
use landrush_engine::{Engine, EngineOptions};
use landrush_wal::options::LogOptions;
use landrush_wal::storage::faulty::{Cut, Faults, Kept, Others};
use landrush_wal::storage::memory::MemoryStorage;

use self::told::Told;
use self::traffic::{claim, live};

const CAMPAIGNS: [&str; 4] = ["alpha", "beta", "gamma", DRAWS];
/// Its users draw: half of them win.
const DRAWS: &str = "delta";
const QUOTA: u32 = 300;
const USERS: u64 = 500;

/// SplitMix64: a seed gives the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

fn keys() -> Keys {
    Keys::from_bytes([1; 16], [2; 32])
}

fn open(storage: &MemoryStorage, shards: usize, salt: u64) -> Result<Engine, String> {
    open_with_clock(storage, shards, salt, EngineOptions::default().clock)
}

fn open_with_clock(storage: &MemoryStorage, shards: usize, salt: u64, clock: Arc<dyn Clock>) -> Result<Engine, String> {
    // Small segments, and a snapshot as soon as one is sealed: recovery goes through both.
    let log = LogOptions { segment_bytes: 256 << 10, frame_bytes_max: 16 << 10, ..LogOptions::default() };
    let options = EngineOptions { shards, log, snapshot_every_bytes: 1, clock, ..EngineOptions::default() };
    let mut random = Random(salt);
    let mut entropy = |bytes: &mut [u8]| bytes.fill_with(|| u8::try_from(random.below(256)).expect("a byte"));
    let codes = tempfile::tempdir().expect("a directory");
    open_on(storage.clone(), &keys(), codes.path(), options, &mut entropy)
        .map(|(engine, _)| engine)
        .map_err(|error| error.to_string())
}

/// The power goes at one of so many operations.
fn random_cut(random: &mut Random, operations: u64) -> Cut {
    Cut {
        operation: random.below(operations),
        kept: match random.below(3) {
            0 => Kept::Prefix(usize::try_from(random.below(2_000)).expect("small")),
            1 => Kept::Suffix(usize::try_from(random.below(2_000)).expect("small")),
            _ => Kept::Sectors(random.below(u64::MAX)),
        },
        others: if random.below(2) == 0 { Others::Lost } else { Others::Kept },
    }
}

/// After a restart: everything told is still true, and every doubt is settled.
fn check(engine: &Engine, told: &mut [Told]) {
    let mut port = engine.blocking_port();
    for (id, told) in CAMPAIGNS.into_iter().zip(told) {
        let asked: Vec<u64> = told.wins.keys().chain(&told.in_doubt).copied().collect();
        for user in asked {
            let had = told.wins.contains_key(&user);
            let outcome = claim(engine, &mut port, told, id, user);
            assert!(told.note(user, outcome.as_ref()), "user {user} of {id} was answered {outcome:?}");
            assert!(
                !had || matches!(outcome, Some(Outcome::Repeated(_))),
                "user {user} of {id} lost a claim: {outcome:?}"
            );
        }
        let Some(Listed::Live(published)) = engine.directory().find(id) else { panic!("{id} is gone") };
        let counts = published.view(engine.clock().now()).counts[0];
        assert_eq!(counts.issued as usize, told.issued(), "what {id} has issued is what its users hold");
        let redeemed = told.wins.values().filter(|win| win.is(CouponState::Redeemed)).count();
        assert_eq!(counts.redeemed as usize, redeemed, "what {id} has redeemed is what its users have redeemed");
        assert!(counts.issued <= QUOTA, "{id} issued {} of {QUOTA}", counts.issued);
        for user in told.wins.keys() {
            let user = UserId::new(&format!("user-{user}")).expect("valid");
            let now = engine.clock().now();
            assert_eq!(
                published.refuse_early(&user, None, Gate::default(), now, now),
                None,
                "a winner is refused without being asked for"
            );
        }
    }
}

fn create(engine: &Engine, told: &mut [Told]) {
    let mut port = engine.blocking_port();
    for (id, told) in CAMPAIGNS.into_iter().zip(told) {
        let builder = CampaignDefinition::builder(id).coupon_type("a", QUOTA);
        let half = Probability::from_billionths(500_000_000).expect("below one");
        let builder = if id == DRAWS { builder.mode(Mode::Draw).probability(half) } else { builder };
        let definition = builder.build().expect("valid");
        let campaign = engine.next_campaign_number();
        let route = engine.route(&definition.id);
        let made = port.call(
            route,
            Command::Create { campaign, definition: Box::new(definition), seed: Seed::from_bytes([3; 32]) },
        );
        assert!(matches!(made, Ok(Outcome::Created(_))), "{made:?}");
        told.number = Some(campaign);
    }
}

fn outlive(seed: u64) {
    let mut random = Random(seed);
    let storage = MemoryStorage::new();
    let mut told: [Told; 4] = Default::default();
    let engine = open(&storage, 1, seed).expect("an empty directory opens");
    create(&engine, &mut told);
    engine.close().expect("nothing has failed yet");
    drop(engine);

    for life in 0..12 {
        let shards = if random.below(2) == 0 { 1 } else { 3 };
        // Some cuts come while the engine is still opening, twice in a row among them.
        let cut = random_cut(&mut random, if life % 3 == 0 { 40 } else { 600 });
        storage.set_faults(Faults { cut: Some(cut), backwards: random.below(2) == 0, ..Faults::default() });
        if let Ok(engine) = open(&storage, shards, seed + life) {
            live(&engine, &mut told, &mut random);
            // Whatever it says: the power may have gone.
            drop(engine.close());
        }
        storage.reboot();
        let engine = open(&storage, shards, seed + 1_000 + life)
            .unwrap_or_else(|error| panic!("seed {seed}, life {life}, {cut:?}: {error}"));
        check(&engine, &mut told);
        engine.close().expect("no fault is planned");
    }
}

/// `POWER_SEEDS` sets how many histories are lived through.
#[test]
fn what_was_told_outlives_every_loss_of_power() {
    let seeds = std::env::var("POWER_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(12);
    for seed in 0..seeds {
        outlive(seed);
    }
}

#[test]
fn a_failed_sync_is_told_to_everybody_and_forgotten_by_nobody() {
    let storage = MemoryStorage::new();
    let mut told: [Told; 4] = Default::default();
    let engine = open(&storage, 1, 1).expect("opens");
    create(&engine, &mut told);
    let mut random = Random(7);
    live(&engine, &mut told, &mut random);
    storage.set_faults(Faults { fail: Some(0), ..Faults::default() });
    live(&engine, &mut told, &mut random);
    assert!(engine.failure().is_some(), "the first write failed");
    assert!(!engine.is_ready());
    assert!(engine.close().is_err(), "closing cannot mend it");
    drop(engine);
    storage.reboot();
    let engine = open(&storage, 3, 2).expect("opens again");
    check(&engine, &mut told);
    engine.close().expect("closes");
}

#[test]
fn a_full_disk_refuses_claims_answers_repeats_and_recovers_by_itself() {
    let storage = MemoryStorage::new();
    let mut told: [Told; 4] = Default::default();
    let engine = open(&storage, 1, 1).expect("opens");
    let definition = CampaignDefinition::builder("alpha").coupon_type("a", 1_000_000).build().expect("valid");
    let route = engine.route(&definition.id);
    let campaign = engine.next_campaign_number();
    let mut port = engine.blocking_port();
    port.call(route, Command::Create { campaign, definition: Box::new(definition), seed: Seed::from_bytes([3; 32]) })
        .expect("made");
    let told = &mut told[0];
    told.number = Some(campaign);
    // No room for any byte more than there is: the segment in use fills, and no next one can be made.
    storage.set_faults(Faults { capacity_bytes: Some(0), ..Faults::default() });
    let mut user = 0;
    loop {
        let outcome = claim(&engine, &mut port, told, "alpha", user);
        if !told.note(user, outcome.as_ref()) {
            break;
        }
        user += 1;
        assert!(user < 100_000, "a log of 256 KiB segments took {user} claims on a full disk");
    }
    assert!(engine.failure().is_none(), "a full disk is no failure");
    assert!(matches!(claim(&engine, &mut port, told, "alpha", 0), Some(Outcome::Repeated(_))), "repeats go on");
    storage.set_faults(Faults::default());
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    loop {
        let outcome = claim(&engine, &mut port, told, "alpha", user);
        if told.note(user, outcome.as_ref()) {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "claims did not come back when there was room");
        std::thread::yield_now();
    }
    drop(port);
    engine.close().expect("closes");
}
