//! The whole engine on a disk that loses power at a random operation, again and again over one directory, held against what it
//! answered: what was told stays true, what was not told may or may not have happened, and then stays so.

use std::collections::{BTreeMap, BTreeSet};

use landrush_engine::campaign::CampaignDefinition;
use landrush_engine::command::{Claim, Command};
use landrush_engine::fairness::Seed;
use landrush_engine::id::{CampaignId, CampaignNumber, Serial, UserId};
use landrush_engine::keys::Keys;
use landrush_engine::outcome::{CouponState, Outcome, Refusal};
use landrush_engine::port::BlockingPort;
use landrush_engine::published::Listed;
use landrush_engine::recovery::open_on;
use landrush_engine::{Engine, EngineOptions};
use landrush_wal::options::LogOptions;
use landrush_wal::storage::faulty::{Cut, Faults, Kept, Others};
use landrush_wal::storage::memory::MemoryStorage;

const CAMPAIGNS: [&str; 3] = ["alpha", "beta", "gamma"];
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
    // Small segments, and a snapshot as soon as one is sealed: recovery goes through both.
    let log = LogOptions { segment_bytes: 256 << 10, frame_bytes_max: 16 << 10, ..LogOptions::default() };
    let options = EngineOptions { shards, log, snapshot_every_bytes: 1, ..EngineOptions::default() };
    let mut random = Random(salt);
    let mut entropy = |bytes: &mut [u8]| bytes.fill_with(|| u8::try_from(random.below(256)).expect("a byte"));
    let codes = tempfile::tempdir().expect("a directory");
    open_on(storage.clone(), &keys(), codes.path(), options, &mut entropy)
        .map(|(engine, _)| engine)
        .map_err(|error| error.to_string())
}

/// What the engine has told of one campaign.
#[derive(Default)]
struct Told {
    number: Option<CampaignNumber>,
    wins: BTreeMap<u64, Serial>,
    /// Asked for, and no answer came.
    in_doubt: BTreeSet<u64>,
    voided: BTreeSet<u64>,
    voids_in_doubt: BTreeSet<u64>,
}

fn claim(engine: &Engine, port: &mut BlockingPort, told: &Told, id: &str, user: u64) -> Option<Outcome> {
    let user = UserId::new(&format!("user-{user}")).expect("valid");
    let stamped_at = engine.clock().now();
    let claim = Claim { campaign: told.number?, user, coupon_type: None, key: None, phone: None, stamped_at };
    port.call(engine.route(&CampaignId::new(id).expect("valid")), Command::Claim(claim)).ok()
}

/// Takes in the answer to a claim; `false` if none came, or none that tells.
fn note(told: &mut Told, user: u64, outcome: Option<&Outcome>) -> bool {
    match outcome {
        Some(Outcome::Won(view)) => {
            assert!(!told.wins.values().any(|serial| *serial == view.serial), "one coupon was given to two");
            assert!(told.wins.insert(user, view.serial).is_none(), "user {user} was granted two");
            told.in_doubt.remove(&user);
            true
        }
        Some(Outcome::Repeated(view)) => {
            let before = *told.wins.entry(user).or_insert(view.serial);
            assert_eq!(before, view.serial, "user {user} was shown another coupon");
            told.in_doubt.remove(&user);
            if told.voided.contains(&user) {
                assert_eq!(view.coupon.expect("won").state, CouponState::Void, "the coupon of user {user} was voided");
            } else if !told.voids_in_doubt.contains(&user) {
                assert_eq!(
                    view.coupon.expect("won").state,
                    CouponState::Issued,
                    "nobody voided the coupon of user {user}"
                );
            }
            true
        }
        Some(Outcome::Refused(Refusal::SoldOut)) => {
            assert!(!told.wins.contains_key(&user), "user {user} has a coupon and is told that there is none");
            told.in_doubt.remove(&user);
            true
        }
        Some(Outcome::Refused(Refusal::LogUnavailable)) | None => {
            if !told.wins.contains_key(&user) {
                told.in_doubt.insert(user);
            }
            false
        }
        Some(other) => panic!("a claim was answered {other:?}"),
    }
}

/// One life of the process: random commands until the power goes or enough has been done.
fn live(engine: &Engine, told: &mut [Told], random: &mut Random) {
    let mut port = engine.blocking_port();
    for _ in 0..400 {
        let index = usize::try_from(random.below(3)).expect("small");
        let (id, told) = (CAMPAIGNS[index], &mut told[index]);
        let Some(campaign) = told.number else { continue };
        let user = random.below(USERS);
        let went_on = if random.below(20) == 0 && told.wins.contains_key(&user) {
            let void = Command::Void { campaign, claim: told.wins[&user], restock: Some(false), allow_again: false };
            match port.call(engine.route(&CampaignId::new(id).expect("valid")), void) {
                Ok(Outcome::Voided) => {
                    told.voided.insert(user);
                    true
                }
                Ok(Outcome::Refused(Refusal::LogUnavailable)) | Err(_) => {
                    told.voids_in_doubt.insert(user);
                    false
                }
                Ok(other) => panic!("a void was answered {other:?}"),
            }
        } else {
            let outcome = claim(engine, &mut port, told, id, user);
            note(told, user, outcome.as_ref())
        };
        if !went_on && engine.failure().is_some() {
            return;
        }
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
            assert!(note(told, user, outcome.as_ref()), "user {user} of {id} was answered {outcome:?}");
            assert!(
                !had || matches!(outcome, Some(Outcome::Repeated(_))),
                "user {user} of {id} lost a coupon: {outcome:?}"
            );
        }
        let Some(Listed::Live(published)) = engine.directory().find(id) else { panic!("{id} is gone") };
        let issued = published.view(engine.clock().now()).counts[0].issued;
        assert_eq!(issued as usize, told.wins.len(), "what {id} has issued is what its users hold");
        assert!(issued <= QUOTA, "{id} issued {issued} of {QUOTA}");
        for user in told.wins.keys() {
            let user = UserId::new(&format!("user-{user}")).expect("valid");
            let now = engine.clock().now();
            assert_eq!(
                published.refuse_early(&user, None, now, now),
                None,
                "a winner is refused without being asked for"
            );
        }
    }
}

fn create(engine: &Engine, told: &mut [Told]) {
    let mut port = engine.blocking_port();
    for (id, told) in CAMPAIGNS.into_iter().zip(told) {
        let definition = CampaignDefinition::builder(id).coupon_type("a", QUOTA).build().expect("valid");
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
    let mut told = [Told::default(), Told::default(), Told::default()];
    let engine = open(&storage, 1, seed).expect("an empty directory opens");
    create(&engine, &mut told);
    engine.close().expect("nothing has failed yet");
    drop(engine);

    for life in 0..12 {
        let shards = if random.below(2) == 0 { 1 } else { 3 };
        // Some cuts come while the engine is still opening, twice in a row among them.
        let cut = Cut {
            operation: random.below(if life % 3 == 0 { 40 } else { 600 }),
            kept: match random.below(3) {
                0 => Kept::Prefix(usize::try_from(random.below(2_000)).expect("small")),
                1 => Kept::Suffix(usize::try_from(random.below(2_000)).expect("small")),
                _ => Kept::Sectors(random.below(u64::MAX)),
            },
            others: if random.below(2) == 0 { Others::Lost } else { Others::Kept },
        };
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
    let mut told = [Told::default(), Told::default(), Told::default()];
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
    let mut told = [Told::default(), Told::default(), Told::default()];
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
        if !note(told, user, outcome.as_ref()) {
            break;
        }
        user += 1;
        assert!(user < 100_000, "a log of 256 KiB segments took {user} claims on a full disk");
    }
    assert!(engine.failure().is_none(), "a full disk is no failure");
    assert!(matches!(claim(&engine, &mut port, told, "alpha", 0), Some(Outcome::Repeated(_))), "repeats go on");
    storage.set_faults(Faults::default());
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let outcome = claim(&engine, &mut port, told, "alpha", user);
        if note(told, user, outcome.as_ref()) {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "claims did not come back when there was room");
        std::thread::yield_now();
    }
    drop(port);
    engine.close().expect("closes");
}
