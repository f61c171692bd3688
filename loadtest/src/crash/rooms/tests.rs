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
}

/// What is found wrong with a room of four guests, of whom two were let in, after all was told once.
fn found(broken: Broken) -> Vec<String> {
    let address = stub::serve(move |method, path, body| {
        let Some(user) = body["user_id"].as_str().and_then(crate::request::user_of).filter(|_| method == "POST") else {
            let commitment = if broken == Broken::Seed { "cd" } else { "ab" };
            return (200, json!({"now_serving": 2, "fairness": {"commitment": commitment, "seed": null}}));
        };
        if path.ends_with("/claims") {
            // Without the headers a stub cannot tell a ticket: the first two were let in, and are asked without one first.
            let wins = match broken {
                Broken::Door | Broken::Early => true,
                Broken::Nothing
                | Broken::Place
                | Broken::Ticket
                | Broken::Position
                | Broken::Shared
                | Broken::Seed
                | Broken::Shut => false,
            };
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
        (status, json!({"ticket": ticket, "state": state, "position": position}))
    });
    let mut rooms = Rooms::default();
    rooms.next_generation(0, Timestamp::UNIX_EPOCH);
    rooms.rooms[0].commitment = Some("ab".into());
    for user in 0..4_u32 {
        let position = (user != 2).then_some(user + 1);
        let known = Known { ticket: Some(format!("t-{user}")), position, ..Known::default() };
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
fn another_commitment_is_noticed() {
    check(Broken::Seed, "another seed");
}
