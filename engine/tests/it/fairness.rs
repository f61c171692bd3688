//! Draws and lotteries against values that were computed outside of this project's code, and against chance.
//!
//! The literal values come from a script of the formulae in `landrush_engine::fairness`, over a SHA-256 and a ChaCha8 that
//! share no code with the engine's. They never change: results that customers were promised to be able to check rest on them.

use landrush_engine::fairness::hex::{Hex, parse};
use landrush_engine::fairness::{DrawPlace, EntriesHash, LotteryKey, Odds, Probability, Ranks, Seed, rank};
use landrush_engine::id::TypeIndex;
use sha2::{Digest, Sha256};

const COUNTING: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn counting() -> Seed {
    Seed::from_hex(COUNTING).expect("valid")
}

fn odds(probabilities: &[&str]) -> Odds {
    Odds::new(probabilities.iter().map(|text| text.parse::<Probability>().expect("valid"))).expect("at most one")
}

fn place<'a>(campaign: &'a str, user: &'a str, period: &'a str, number: u32) -> DrawPlace<'a> {
    DrawPlace { campaign, user, period, number }
}

fn key_of(users: &[&str]) -> LotteryKey {
    let mut entries = EntriesHash::new();
    users.iter().for_each(|user| entries.update(user));
    LotteryKey::new(&counting(), &entries.value())
}

fn check_commitment(seed: &str, commitment: &str) {
    assert_eq!(Seed::from_hex(seed).expect("valid").commitment().to_string(), commitment);
}

#[test]
fn commitments_are_as_computed_elsewhere() {
    check_commitment(&"00".repeat(32), "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925");
    check_commitment(COUNTING, "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd");
    check_commitment(&"ff".repeat(32), "af9613760f72635fbdb44a5a0a63c39f12af30f950a6ee5c971be188e89c4051");
}

#[test]
fn a_seed_is_told_only_when_asked() {
    let seed = counting();
    assert_eq!(format!("{seed:?} {:?}", key_of(&[])), "Seed(secret) LotteryKey(secret)");
    assert_eq!(seed.to_hex(), COUNTING);
    assert_eq!(seed, Seed::from_bytes(*seed.as_bytes()));
}

fn check_point(place: DrawPlace<'_>, stream: u64, points: [u32; 3]) {
    assert_eq!(place.stream(), stream, "{place:?}");
    let seeds = [Seed::from_bytes([0; 32]), counting(), Seed::from_bytes([0xff; 32])];
    assert_eq!(seeds.map(|seed| place.point(&seed)), points, "{place:?}");
}

#[test]
fn streams_and_points_are_as_computed_elsewhere() {
    let moment = "2026-12-01T02:00:00.000Z";
    let (longest_campaign, longest_user) = ("a".repeat(64), "x".repeat(128));
    check_point(place("rush", "u-1", "campaign", 1), 0xc6b6_35f5_2d19_9cf6, [937_354_892, 772_324_923, 455_532_395]);
    check_point(place("rush", "u-1", "campaign", 2), 0x2c38_b7c4_4d13_a83b, [519_682_820, 387_751_155, 850_018_683]);
    check_point(place("rush", "u-1", "2026-12-01", 1), 0xac46_8c6b_5f54_07a8, [927_744_136, 161_462_067, 179_819_348]);
    check_point(place("rush", "u-1", moment, 1), 0x4818_9d7b_f0c2_4794, [392_553_888, 383_757_631, 536_471_266]);
    check_point(
        place("spring-sale", "Zoë 🦀", "2026-12-01", 10),
        0x9a76_b59e_f4c9_45c2,
        [871_364_802, 545_191_445, 563_137_895],
    );
    check_point(
        place(&longest_campaign, &longest_user, moment, u32::MAX),
        0x759a_770d_ebf7_269f,
        [44_682_184, 961_945_073, 643_654_641],
    );
}

#[test]
fn a_sample_is_the_type_that_holds_the_point() {
    let check = |probabilities: &[&str], period, sampled: Option<u16>| {
        let sample = odds(probabilities).sample(&counting(), &place("rush", "u-1", period, 1));
        assert_eq!(sample, sampled.map(TypeIndex), "{probabilities:?} {period}");
    };
    // Points 772,324,923 and 161,462,067, as computed elsewhere.
    check(&["0.1", "0.25"], "campaign", None);
    check(&["0.1", "0.25"], "2026-12-01", Some(1));
    check(&["0.161462067"], "2026-12-01", None);
    check(&["0.161462068"], "2026-12-01", Some(0));
    check(&["0.772324923", "0", "0.000000001", "0.2"], "campaign", Some(2));
}

#[test]
fn a_sample_depends_on_nobody_else() {
    let (seed, odds) = (counting(), odds(&["0.2", "0.2", "0.2", "0.2"]));
    let draw = |user: &str, number| odds.sample(&seed, &place("rush", user, "2026-12-01", number));
    let alone: Vec<_> = (1..=500).map(|number| draw("ann", number)).collect();
    let mut in_a_crowd = Vec::new();
    for number in (1..=500).rev() {
        for other in 0..number % 7 {
            draw(&format!("user-{other}"), number);
        }
        in_a_crowd.insert(0, draw("ann", number));
    }
    assert_eq!(alone, in_a_crowd);
    let bob: Vec<_> = (1..=500).map(|number| draw("bob", number)).collect();
    assert_ne!(alone, bob);
}

/// Pearson's statistic: how far `observed` counts are from `expected` ones.
fn chi_square(observed: &[u32], expected: &[f64]) -> f64 {
    assert_eq!(observed.len(), expected.len());
    let cells = observed.iter().zip(expected);
    cells.map(|(observed, expected)| (f64::from(*observed) - expected).powi(2) / expected).sum()
}

/// How often each type, and then nothing, is sampled by a million draws: five of each of 200,000 people.
fn million_draws(odds: &Odds, types: usize) -> Vec<u32> {
    let seed = counting();
    let mut counts = vec![0; types + 1];
    for person in 0..200_000 {
        let user = format!("user-{person}");
        for number in 1..=5 {
            let sampled = odds.sample(&seed, &place("rush", &user, "campaign", number));
            counts[sampled.map_or(types, TypeIndex::as_index)] += 1;
        }
    }
    counts
}

/// A fair sampler passes 22.46, for six degrees of freedom, with one seed in a thousand. The seed is fixed, so this is passed
/// always or never.
#[test]
fn a_million_draws_follow_the_odds() {
    let probabilities = ["0.5", "0.25", "0.1", "0.05", "0.01", "0.001"];
    let counts = million_draws(&odds(&probabilities), probabilities.len());
    assert_eq!(counts.iter().sum::<u32>(), 1_000_000);
    let off = chi_square(&counts, &[500e3, 250e3, 100e3, 50e3, 10e3, 1e3, 89e3]);
    assert!(off < 22.46, "{off}: {counts:?}");
    // The test is sharp enough to see odds that are off by one in a hundred.
    let against_others = chi_square(&counts, &[505e3, 250e3, 100e3, 50e3, 10e3, 1e3, 84e3]);
    assert!(against_others > 22.46, "{against_others}");
}

/// 1,143 for 999 degrees of freedom, and 148.2 for 99, are passed with one seed in a thousand.
#[test]
fn points_are_spread_evenly_and_two_people_apart() {
    let seed = counting();
    let (mut alone, mut together) = (vec![0; 1_000], vec![0; 100]);
    for pair in 0..100_000 {
        let number = pair + 1;
        let [ann, bob] = ["ann", "bob"].map(|user| place("rush", user, "2026-12-01", number).point(&seed));
        for point in [ann, bob] {
            alone[point as usize / 1_000_000] += 1;
        }
        together[ann as usize / 100_000_000 * 10 + bob as usize / 100_000_000] += 1;
    }
    let off = chi_square(&alone, &[200.0; 1_000]);
    assert!(off < 1_143.0, "{off}");
    let off = chi_square(&together, &[1_000.0; 100]);
    assert!(off < 148.2, "{off}");
}

fn check_entries(users: &[&str], hash: &str, key: &str) {
    let mut entries = EntriesHash::new();
    users.iter().for_each(|user| entries.update(user));
    assert_eq!(Hex(&entries.value()).to_string(), hash, "{users:?}");
    let made = LotteryKey::new(&counting(), &parse(hash).expect("valid"));
    assert_eq!(Hex(made.as_bytes()).to_string(), key, "{users:?}");
}

#[test]
fn entries_hashes_and_keys_are_as_computed_elsewhere() {
    check_entries(
        &[],
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "8ca78abd423715513857081dc06d54935aa9d6b0cda5ecf3929fd63b6faf51aa",
    );
    check_entries(
        &["ann", "bob"],
        "62db38c904e8e97c2ac32d228b5c1d7d6623001300d27392eb63ee4a4ca89fad",
        "c0354a44aeedf1466607e7f055492f52205439cfeee23f5bf90935cbe9ae4c34",
    );
    // The same letters and the same people: another order, another lottery.
    check_entries(
        &["annb", "ob"],
        "1c9a3ab00bc4862e74cd0599436e99e7b48122c937f565b8c500cd8fa4bad506",
        "6c60194b45efaadbc8f34253b2a95557dc503be0234dab8ba5a5c6ade0ae04ee",
    );
    check_entries(
        &["bob", "ann"],
        "c02e150071dcec270498fe3babf63b96f0a5ef34b65925427c0771aba131ac4e",
        "f3b0070896f44b1e34c4f0c7792eeaa342db8aef0d9db8a463e24e8929a68330",
    );
    check_entries(
        &["Zoë 🦀", &"x".repeat(128)],
        "03f6524c8f7ecd270c94412c535cf5b6a9309b7d0f70c4b618cd0bf7b0a55c19",
        "47f91042dc9955b8c556644d50d0e96212b675b3bf4550d035e8cdf4b0ff0095",
    );
}

#[test]
fn a_hash_goes_on_from_a_copy() {
    let mut entries = EntriesHash::new();
    entries.update("ann");
    let (before, mut copy) = (entries.value(), entries.clone());
    copy.update("bob");
    assert_eq!(entries.value(), before);
    entries.update("bob");
    assert_eq!(entries.value(), copy.value());
}

fn check_ranks(count: u32, ranks: &[(u32, u32)]) {
    let key = key_of(&["ann", "bob", "cyd"]);
    for (number, expected) in ranks {
        assert_eq!(rank(&key, *number, count), *expected, "{number} of {count}");
    }
}

#[test]
fn ranks_are_as_computed_elsewhere() {
    check_ranks(1, &[(1, 1)]);
    check_ranks(2, &[(1, 2), (2, 1)]);
    check_ranks(3, &[(1, 3), (2, 2), (3, 1)]);
    check_ranks(10, &[(1, 5), (2, 1), (3, 6), (4, 3), (5, 2), (6, 4), (7, 8), (8, 7), (9, 10), (10, 9)]);
    check_ranks(255, &[(1, 236), (2, 240), (127, 221), (254, 193), (255, 36)]);
    check_ranks(256, &[(1, 108), (2, 247), (128, 199), (255, 8), (256, 56)]);
    check_ranks(257, &[(1, 53), (2, 161), (128, 59), (256, 185), (257, 131)]);
    check_ranks(1_000_000, &[(1, 273_835), (2, 118_415), (500_000, 811_438), (999_999, 512_875), (1_000_000, 753_519)]);
    check_ranks(
        4_294_967_294,
        &[
            (1, 2_789_658_469),
            (2, 3_016_098_272),
            (2_147_483_647, 2_856_176_050),
            (4_294_967_293, 441_090_972),
            (4_294_967_294, 550_930_628),
        ],
    );
}

#[test]
fn all_ranks_of_a_thousand_are_as_computed_elsewhere() {
    let ranks = Ranks::compute(&key_of(&["ann", "bob", "cyd"]), 1_000);
    let mut hash = Sha256::new();
    (1..=1_000).for_each(|number| hash.update(ranks.rank_of(number).to_le_bytes()));
    let hash: [u8; 32] = hash.finalize().into();
    assert_eq!(Hex(&hash).to_string(), "2f2ac90dce6dac4ed55e44eb9451ca4ab101a52643b5c8e6c6ffc97edc812555");
}

#[test]
fn ranks_are_a_permutation_and_agree_with_each_alone() {
    let key = key_of(&["ann"]);
    for count in (0..=40).chain([127, 128, 255, 256, 257, 511, 512, 513, 1_000, 4_099]) {
        let ranks = Ranks::compute(&key, count);
        assert_eq!(ranks.count(), count);
        let mut seen = vec![false; count as usize];
        for number in 1..=count {
            let its_rank = ranks.rank_of(number);
            assert!(!std::mem::replace(&mut seen[its_rank as usize - 1], true), "rank {its_rank} of {count} twice");
            assert_eq!(ranks.number_at(its_rank), number);
            if count <= 513 || number % 97 == 0 {
                assert_eq!(rank(&key, number, count), its_rank, "{number} of {count}");
            }
        }
    }
}

#[test]
fn a_million_ranks_agree_with_each_alone() {
    let (key, count) = (key_of(&["ann", "bob"]), 1_000_000);
    let ranks = Ranks::compute(&key, count);
    let checked = [1, 2, 255, 256, 257, 499_999, 500_000, 500_001, 999_999, 1_000_000].into_iter();
    for number in checked.chain((3..count).step_by(9_973)) {
        assert_eq!(ranks.rank_of(number), rank(&key, number, count), "{number}");
        assert_eq!(ranks.number_at(ranks.rank_of(number)), number);
    }
}

/// 148.2 for 99 degrees of freedom is passed with one key in a thousand.
#[test]
fn early_entries_rank_no_better() {
    let ranks = Ranks::compute(&key_of(&["ann", "bob", "cyd", "dan"]), 100_000);
    let mut cells = vec![0; 100];
    for number in 1..=100_000 {
        cells[(number as usize - 1) / 10_000 * 10 + (ranks.rank_of(number) as usize - 1) / 10_000] += 1;
    }
    let off = chi_square(&cells, &[1_000.0; 100]);
    assert!(off < 148.2, "{off}");
}

#[test]
#[should_panic(expected = "there is no entry 11 among 10")]
fn an_entry_that_is_not_there_has_no_rank() {
    rank(&key_of(&[]), 11, 10);
}
