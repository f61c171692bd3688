//! A server that pretends to hold a lottery is asked after the end, and held to what it had told.

use serde_json::Value;

use super::*;
use crate::fairness::{Hash, commitment, entries_hash, lottery_key, rank};
use crate::lottery::Entry;
use crate::schedule::{Stream, seeded};
use crate::stub;

const USERS: u32 = 12;
const SEED: Hash = [3; 32];

/// The promise that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// Rank 1 goes to somebody else.
    Favour,
    /// The fourth entry is gone.
    Lose,
    /// The seed is another than that of the commitment.
    Reseed,
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn published() -> Hash {
    let users: Vec<_> = (0..USERS).map(|user| user_id(user.into())).collect();
    entries_hash(users.iter().map(String::as_str))
}

/// The entry of a user as it is shown after the drawing, with one prize for the first rank.
fn shown(user: u32, fault: Fault) -> (u16, Value) {
    if fault == Fault::Lose && user == 3 {
        return (410, json!({"code": "ended"}));
    }
    let key = lottery_key(&SEED, &published());
    let rank = match (fault, rank(&key, user + 1, USERS)) {
        (Fault::Favour, 1) => 2,
        (Fault::Favour, 2) => 1,
        (Fault::None | Fault::Lose | Fault::Reseed | Fault::Favour, rank) => rank,
    };
    let mut entry = json!({
        "entry_id": format!("e-{user}"), "number": user + 1, "campaign_id": "raffle", "user_id": user_id(user.into()),
        "outcome": "no_coupon", "repeated": true, "rank": rank,
    });
    if rank == 1 {
        entry["outcome"] = "won".into();
        entry["coupon"] = json!({"code": "0000-0000-0000-0001", "coupon_type": "gold"});
    }
    (200, entry)
}

/// The violations that are found in a lottery that everybody entered and that has ended long ago.
fn found(fault: Fault) -> Vec<String> {
    let address = stub::serve(move |method, path, body| {
        let user = if method == "POST" { body["user_id"].as_str() } else { path.rsplit('/').next() };
        match user.and_then(crate::request::user_of) {
            Some(user) => shown(user.try_into().expect("a few users"), fault),
            None => {
                let seed = if fault == Fault::Reseed { [4; 32] } else { SEED };
                let entries = json!({"count": USERS, "hash": hex(&published())});
                let commitment = hex(&commitment(&SEED));
                (200, json!({"fairness": {"commitment": commitment, "seed": hex(&seed), "entries": entries}}))
            }
        }
    });
    let (start, end) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1));
    let mut lottery = Lottery::new("raffle".into(), vec![("gold".into(), 1)], end, hex(&commitment(&SEED)));
    for user in 0..USERS {
        let entry = Entry { id: format!("e-{user}"), number: user + 1, is_new: true, drawn: None };
        lottery.told(user.into(), start, entry);
    }
    let mut lotteries = Lotteries { all: vec![Raffle { lottery, users: USERS.into(), stage: Stage::Running }] };
    let mut api = Api::new(address, "any");
    lotteries.hold_to_account(&mut api, 3, false).expect("a server");
    assert_eq!((lotteries.running(), lotteries.judged()), (None, 1));
    lotteries.violations().map(ToString::to_string).collect()
}

#[test]
fn an_honest_lottery_is_sound() {
    assert_eq!(found(Fault::None), [""; 0]);
}

#[test]
fn a_favoured_winner_is_noticed() {
    let found = found(Fault::Favour);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().any(|words| words.contains("was told rank 1 and prize 1, and is due rank 2 and no prize")));
}

#[test]
fn a_lost_entry_is_noticed() {
    let found = found(Fault::Lose);
    assert_eq!(found[0], "lottery raffle: lost entry: u-000000000003 had number 4 and is now told `ended`");
}

#[test]
fn another_seed_is_noticed() {
    let found = found(Fault::Reseed);
    assert!(found[0].contains("the seed is not the one it was bound to by"), "{found:?}");
}

#[test]
fn users_enter_the_running_lottery_and_some_again() {
    let lottery = Lottery::new("raffle".into(), Vec::new(), Timestamp::MAX, String::new());
    let mut lotteries = Lotteries { all: vec![Raffle { lottery, users: 0, stage: Stage::Running }] };
    let mut rng = seeded(1, Stream::Kill);
    let users: Vec<_> = (0..1_000).map(|_| lotteries.next_user(0, &mut rng)).collect();
    let distinct: std::collections::BTreeSet<_> = users.iter().collect();
    assert!((600..900).contains(&distinct.len()), "{}", distinct.len());
}
