//! A waiting room that pretends is asked as one that is back from a crash, and held to what it had told.

use super::*;
use crate::schedule::{Stream, seeded};
use crate::server::ADMIN_KEY;
use crate::stub;

/// The promise that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Nothing,
    /// The second guest's place is given anew.
    Place,
    /// The second guest's ticket is another.
    Ticket,
    /// The second guest stands elsewhere.
    Position,
    /// The third guest stands where the second does.
    Shared,
    /// Whoever has no ticket wins.
    Door,
    /// Whoever has a ticket wins, let in or not.
    Early,
    /// Nobody who was let in wins.
    Shut,
    /// Another commitment.
    Seed,
    /// The second guest has another number.
    Number,
    /// Nothing is published of the shuffle.
    Unpublished,
    /// Another seed is published than the room was bound to.
    Unbound,
    /// The hash is of others than those who came.
    Entries,
    /// It is said that all were shuffled, and they stand in the order of their arrival.
    Unshuffled,
}

/// The room's seed.
const SEED: fairness::Hash = [7; 32];

fn hex(hash: fairness::Hash) -> String {
    landrush_engine::fairness::hex::Hex(&hash).to_string()
}

/// What the room publishes: that nobody came before the opening, so that all stand in the order of their arrival.
fn audit(broken: Broken) -> Value {
    if broken == Broken::Unpublished {
        return json!({"rooms": []});
    }
    let users: Vec<String> = (0..4).map(user_id).collect();
    let all = fairness::chained_hash(users.iter().map(String::as_str));
    let (count, hash) = match broken {
        Broken::Unshuffled => (4, all),
        Broken::Entries => (3, all),
        Broken::Nothing
        | Broken::Place
        | Broken::Ticket
        | Broken::Position
        | Broken::Shared
        | Broken::Door
        | Broken::Early
        | Broken::Shut
        | Broken::Seed
        | Broken::Number
        | Broken::Unpublished
        | Broken::Unbound => (0, [0; 32]),
    };
    let seed = if broken == Broken::Unbound { [8; 32] } else { SEED };
    let room = json!({"opens_at": "2026-12-01T13:00:00.000Z", "commitment": hex(fairness::commitment(&SEED)),
        "seed": hex(seed), "entries": {"count": count, "hash": hex(hash)}});
    json!({"rooms": [room]})
}

/// What is found wrong with a room of four guests, of whom two were let in, after all was told once.
fn found(broken: Broken) -> Vec<String> {
    let address = stub::serve(move |method, path, body| {
        let Some(user) = body["user_id"].as_str().and_then(crate::request::user_of).filter(|_| method == "POST") else {
            if path.ends_with("/audit") {
                return (200, audit(broken));
            }
            let commitment = if broken == Broken::Seed { "cd".into() } else { hex(fairness::commitment(&SEED)) };
            return (200, json!({"now_serving": 2, "fairness": {"commitment": commitment, "seed": null}}));
        };
        if path.ends_with("/claims") {
            // Without the headers a stub cannot tell a ticket: the first two were let in, and are asked without one first.
            let wins = matches!(broken, Broken::Door | Broken::Early);
            let code = format!("0000-0000-0000-000{user}");
            return if wins {
                (if broken == Broken::Door { 201 } else { 200 }, json!({"coupon": {"code": code}}))
            } else {
                (403, json!({"code": "ticket_required"}))
            };
        }
        let position = match (broken, user) {
            (Broken::Position, 1) => 9,
            (Broken::Shared, 2) => 2,
            (_, user) => user + 1,
        };
        let ticket = if broken == Broken::Ticket && user == 1 { "other".to_owned() } else { format!("t-{user}") };
        let state = if broken == Broken::Shut && user < 2 { "admitted" } else { "waiting" };
        let status = if broken == Broken::Place && user == 1 { 201 } else { 200 };
        let number = if broken == Broken::Number && user == 1 { 7 } else { user + 1 };
        (status, json!({"ticket": ticket, "state": state, "number": number, "position": position}))
    });
    let mut rooms = Rooms::default();
    rooms.next_generation(0, Timestamp::UNIX_EPOCH);
    rooms.rooms[0].commitment = Some(hex(fairness::commitment(&SEED)));
    for user in 0..4_u32 {
        let position = (user != 2).then_some(user + 1);
        let known = Known { ticket: Some(format!("t-{user}")), number: Some(user + 1), position, ..Known::default() };
        rooms.rooms[0].positions.extend(position.map(|position| (position, user as usize)));
        rooms.rooms[0].people.push(known);
    }
    let mut api = Api::new(address, ADMIN_KEY);
    rooms.hold_to_account(&mut api, 2, true, &mut seeded(1, Stream::Kill)).expect("a server");
    rooms.violations().iter().map(ToString::to_string).collect()
}

#[track_caller]
fn check(broken: Broken, expected: &str) {
    let found = found(broken);
    assert!(found.iter().any(|words| words.contains(expected)), "{found:?}");
}

#[test]
fn an_honest_room_is_sound() {
    assert_eq!(found(Broken::Nothing), [""; 0]);
}

#[test]
fn a_lost_place_another_ticket_and_another_position_are_noticed() {
    check(Broken::Place, "u-000000000001 had a place and was given one anew");
    check(Broken::Ticket, "u-000000000001 has another ticket");
    check(Broken::Position, "u-000000000001 had position 2 and now has 9");
    check(Broken::Shared, "u-000000000002 has position 2, as has u-000000000001");
}

#[test]
fn who_wins_without_being_let_in_is_noticed() {
    check(Broken::Door, "u-000000000000 has won without a ticket");
    check(Broken::Early, "u-000000000002 has won with position 3, and only 2 were let in");
}

#[test]
fn who_was_let_in_and_is_refused_is_noticed() {
    check(Broken::Shut, "u-000000000001 was told to be let in, and the claim was answered 403");
}

#[test]
fn a_shuffle_that_does_not_follow_from_what_is_published_is_noticed() {
    check(Broken::Number, "u-000000000001 came as number 2 and now as 7");
    check(Broken::Unpublished, "does not publish how it was shuffled");
    check(Broken::Unbound, "was shuffled by another seed than it was bound to");
    check(Broken::Entries, "publishes a hash that is not of the 3 who came first");
    check(Broken::Unshuffled, "follows from the audit");
}

#[test]
fn another_commitment_is_noticed() {
    check(Broken::Seed, "another seed");
}
