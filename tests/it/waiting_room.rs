//! The waiting room through the server: places, tickets and who may claim with them.

mod devices;
mod wait;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Client, JSON, Reply, request};
use crate::clock::noon_zone;
use crate::server::Server;

const TICKET: &str = "x-landrush-ticket";

/// Opens after so many milliseconds, and lets people in at this rate for so long.
fn sale(client: &Client, id: &str, opens_after: i64, room: &Value) {
    let starts_at = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(opens_after);
    client.campaign(
        id,
        &json!({
            "schedule": {"starts_at": format!("{starts_at:.3}"), "ends_at": "2099-12-31T00:00:00Z"},
            "protection": {"waiting_room": room},
            "coupon_types": [{"id": "cash-5", "name": "cash", "total_quota": 3}]
        }),
    );
}

fn quick() -> Value {
    json!({"admit_per_second": 100, "opens_before": "10m", "admitted_for": "10m"})
}

fn room(id: &str) -> String {
    format!("/v1/campaigns/{id}/waiting-room")
}

fn join(client: &Client, id: &str, user: &str) -> Reply {
    client.post(&room(id), &json!({"user_id": user}))
}

fn ticket_of(reply: &Reply) -> String {
    let json = reply.json();
    json["ticket"].as_str().unwrap_or_else(|| panic!("no ticket: {}", reply.text())).to_owned()
}

fn place(client: &Client, id: &str, ticket: &str) -> Value {
    client.call("GET", &room(id), &[(TICKET, ticket)], b"").json()
}

fn claim(client: &Client, id: &str, user: &str, ticket: &str) -> Reply {
    client.claim_with(id, user, &[(TICKET, ticket)])
}

/// Waits until a place is in this state.
fn wait_for(client: &Client, id: &str, ticket: &str, state: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let place = place(client, id, ticket);
        if place["state"] == state {
            return place;
        }
        assert!(Instant::now() < deadline, "it never was {state}: {place}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

fn required(reply: &Reply) -> bool {
    reply.problem() == (403, "ticket_required".into())
}

#[test]
fn who_came_before_the_opening_is_shuffled_then_let_in_and_claims() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "drop", 2_000, &quick());
    let early: Vec<String> = (0..3).map(|n| ticket_of(&join(&client, "drop", &format!("u-{n}")))).collect();
    let again = join(&client, "drop", "u-0");
    assert_eq!((again.status, ticket_of(&again)), (200, early[0].clone()));
    let first = again.json();
    assert_eq!((&first["state"], &first["position"], &first["ahead"]), (&json!("waiting"), &Value::Null, &Value::Null));
    assert_eq!(first["estimated_wait"], Value::Null, "nobody knows who is ahead before the shuffle");
    let before = client.get(&room("drop")).json();
    assert_eq!((&before["waiting"], &before["now_serving"]), (&json!(3), &json!(0)));
    assert_eq!(before["fairness"]["seed"], Value::Null);

    let mut positions: Vec<u64> = early
        .iter()
        .map(|ticket| wait_for(&client, "drop", ticket, "admitted")["position"].as_u64().unwrap())
        .collect();
    positions.sort_unstable();
    assert_eq!(positions, [1, 2, 3]);
    let after = client.get(&room("drop")).json();
    assert_eq!(after["fairness"]["commitment"], before["fairness"]["commitment"]);
    assert!(after["fairness"]["seed"].is_string() && after["fairness"]["entries"]["hash"].is_string(), "{after}");

    let late = ticket_of(&join(&client, "drop", "late"));
    let waits = place(&client, "drop", &late);
    assert_eq!((&waits["state"], &waits["position"], &waits["ahead"]), (&json!("waiting"), &json!(4), &json!(0)));
    assert_eq!(waits["estimated_wait"], "1s");
    assert!(required(&claim(&client, "drop", "late", &late)), "not let in yet");
    for (n, ticket) in early.iter().enumerate() {
        assert_eq!(claim(&client, "drop", &format!("u-{n}"), ticket).status, 201);
    }
    assert_eq!(client.claim("drop", "u-1").status, 200, "a repeat needs no ticket");
    wait_for(&client, "drop", &late, "sold_out");
    assert_eq!(join(&client, "drop", "later").problem(), (409, "sold_out".into()));
}

/// What `landrush draw check` computes of a place.
fn checked(room: &Value, number: u64) -> Value {
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{value} in {room}")).to_owned();
    let (seed, hash) = (text(&room["seed"]), text(&room["entries"]["hash"]));
    let (count, number) = (room["entries"]["count"].to_string(), number.to_string());
    let mut check = std::process::Command::new(env!("CARGO_BIN_EXE_landrush"));
    check.args(["draw", "check", "--seed", &seed, "--entries-hash", &hash, "--count", &count, "--number", &number]);
    let output = check.arg("--json").output().expect("it runs");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn anybody_checks_afterwards_how_a_room_was_shuffled() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "drop", 2_000, &quick());
    let audit = format!("{}/audit", room("drop"));
    let early: Vec<Value> = (0..20).map(|n| join(&client, "drop", &format!("u-{n}")).json()).collect();
    let numbers: Vec<u64> = early.iter().map(|place| place["number"].as_u64().expect("a number")).collect();
    assert!(numbers.iter().copied().eq(1..=20));
    let before = client.get(&audit);
    assert_eq!((before.status, before.json()), (200, json!({"rooms": []})), "nothing before the opening");
    let commitment = client.get(&room("drop")).json()["fairness"]["commitment"].clone();
    for (place, number) in early.iter().zip(&numbers) {
        let deadline = Instant::now() + Duration::from_secs(20);
        let ticket = place["ticket"].as_str().expect("a ticket");
        while self::place(&client, "drop", ticket)["position"].is_null() {
            assert!(Instant::now() < deadline, "it never opened");
        }
        assert_eq!(self::place(&client, "drop", ticket)["number"], json!(number));
    }

    let told = client.get(&audit);
    let shared = client.get(&room("drop")).json();
    let rooms = told.json()["rooms"].clone();
    assert_eq!(rooms.as_array().map(Vec::len), Some(1), "{rooms}");
    assert_eq!((&rooms[0]["commitment"], &rooms[0]["opens_at"]), (&commitment, &shared["opens_at"]));
    for part in ["seed", "entries"] {
        assert_eq!(rooms[0][part], shared["fairness"][part]);
    }
    for (joined, number) in early.iter().zip(&numbers) {
        let (checked, ticket) = (checked(&rooms[0], *number), joined["ticket"].as_str().expect("a ticket"));
        assert_eq!(checked, json!({"commitment": commitment, "rank": place(&client, "drop", ticket)["position"]}));
    }
    assert_eq!(told.header("cache-control"), Some("public, max-age=10"));
    let tag = told.header("etag").expect("a tag").to_owned();
    assert_eq!(client.call("GET", &audit, &[("if-none-match", &tag)], b"").status, 304);
    client.campaign("plain", &json!({}));
    assert_eq!(client.get("/v1/campaigns/plain/waiting-room/audit").problem(), (404, "not_found".into()));

    let server = Server::start_in(server.kill(), "");
    assert_eq!(server.client().get(&audit).json()["rooms"], rooms, "after a crash too");
}

#[test]
fn a_ticket_is_good_for_its_user_in_its_campaign_alone() {
    let server = Server::start("");
    let client = server.client();
    for id in ["drop", "other"] {
        sale(&client, id, -1_000, &quick());
    }
    let ticket = ticket_of(&join(&client, "drop", "ann"));
    let others = ticket_of(&join(&client, "other", "ann"));
    wait_for(&client, "drop", &ticket, "admitted");
    wait_for(&client, "other", &others, "admitted");
    let last = if ticket.ends_with('A') { "B" } else { "A" };
    let forged = format!("{}{last}", &ticket[..ticket.len() - 1]);
    assert!(required(&client.claim("drop", "ann")), "no ticket");
    assert!(required(&claim(&client, "drop", "bob", &ticket)), "another user's");
    assert!(required(&claim(&client, "drop", "ann", &others)), "another campaign's");
    assert!(required(&claim(&client, "drop", "ann", &forged)), "forged");
    assert!(required(&claim(&client, "drop", "ann", "none")), "no ticket at all");
    assert!(required(&client.call("GET", &room("drop"), &[(TICKET, &forged)], b"")));
    assert_eq!(claim(&client, "drop", "ann", &ticket).status, 201);
    assert_eq!(claim(&client, "drop", "ann", &ticket).status, 200);
}

#[test]
fn who_could_not_claim_is_told_first_what_everybody_is_told() {
    let server = Server::start("");
    let client = Client::new(server.address());
    let campaign = |id: &str, starts_at: &str, room: Value| {
        client.campaign(
            id,
            &json!({
                "schedule": {"starts_at": starts_at, "ends_at": "2099-12-31T00:00:00Z"},
                "protection": {"eligibility": {"who": "list"}, "waiting_room": room},
                "coupon_types": [{"id": "cash-5", "name": "cash", "total_quota": 1}]
            }),
        );
    };
    campaign("open", "2020-01-01T00:00:00Z", quick());
    campaign("later", "2098-01-01T00:00:00Z", quick());
    campaign("roomless", "2020-01-01T00:00:00Z", Value::Null);
    let refused = |id: &str| join(&client, id, "nobody").problem();
    assert_eq!(refused("open"), (403, "not_eligible".into()));
    assert_eq!(refused("later"), (409, "not_open".into()));
    assert_eq!(refused("roomless"), (404, "not_found".into()));
    assert_eq!(client.admin("POST", "/v1/campaigns/open/cancel", None).status, 200);
    assert_eq!(refused("open"), (409, "cancelled".into()));
}

#[test]
fn a_place_that_was_not_used_in_time_is_gone() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "drop", -1_000, &json!({"admit_per_second": 100, "opens_before": "10m", "admitted_for": "1s"}));
    let ticket = ticket_of(&join(&client, "drop", "ann"));
    wait_for(&client, "drop", &ticket, "admitted");
    wait_for(&client, "drop", &ticket, "over");
    assert!(required(&claim(&client, "drop", "ann", &ticket)));
    let again = join(&client, "drop", "ann");
    assert_eq!((again.status, &again.json()["position"]), (201, &json!(2)));
    let fresh = ticket_of(&again);
    wait_for(&client, "drop", &fresh, "admitted");
    assert!(required(&claim(&client, "drop", "ann", &ticket)), "the old ticket stays gone");
    assert_eq!(claim(&client, "drop", "ann", &fresh).status, 201);
}

#[test]
fn places_and_tickets_outlive_a_crash() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "drop", -1_000, &quick());
    let ticket = ticket_of(&join(&client, "drop", "ann"));
    let before = wait_for(&client, "drop", &ticket, "admitted");
    let server = Server::start_in(server.kill(), "");
    let client = server.client();
    assert_eq!(place(&client, "drop", &ticket)["position"], before["position"]);
    assert_eq!((join(&client, "drop", "ann").status, ticket_of(&join(&client, "drop", "ann"))), (200, ticket.clone()));
    assert!(required(&claim(&client, "drop", "bob", &ticket)), "another user's, after the restart too");
    assert_eq!(claim(&client, "drop", "ann", &ticket).status, 201);
}

#[test]
fn what_all_may_see_is_cacheable_and_ones_own_place_is_private() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "drop", 600_000, &json!({"admit_per_second": 100, "opens_before": "5m"}));
    assert_eq!(join(&client, "drop", "ann").problem(), (409, "not_open".into()), "too early even to wait");
    let shared = client.get(&room("drop"));
    assert_eq!(shared.header("cache-control"), Some("public, max-age=1"));
    let tag = shared.header("etag").expect("a tag").to_owned();
    assert_eq!(client.call("GET", &room("drop"), &[("if-none-match", &tag)], b"").status, 304);
    sale(&client, "open", -1_000, &quick());
    let joined = join(&client, "open", "ann");
    let own = client.call("GET", &room("open"), &[(TICKET, &ticket_of(&joined))], b"");
    for private in [&joined, &own] {
        assert_eq!(private.header("cache-control"), Some("private, no-store"));
    }
    client.campaign("plain", &json!({}));
    assert_eq!(client.get(&room("plain")).problem(), (404, "not_found".into()));
    assert_eq!(join(&client, "plain", "ann").problem(), (404, "not_found".into()));
}

/// Sends `requests` one behind the other over one connection, so many at a time, and has `each` look at every answer.
fn pipelined(client: &Client, requests: &[Vec<u8>], each: impl Fn(Reply)) {
    let mut connection = client.connect();
    for some in requests.chunks(100) {
        connection.send(&some.concat()).expect("sent");
        some.iter().for_each(|_| each(connection.receive(false).expect("an answer")));
    }
}

/// The processor time that the server's threads have used.
fn used(server: &Server) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{}/task", server.pid())).expect("a process");
    // A thread that has ended meanwhile was none of those that answer.
    let stats = threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok());
    let nanoseconds =
        stats.map(|stat| stat.split(' ').next().and_then(|used| used.parse::<u64>().ok()).expect("a number"));
    Duration::from_nanos(nanoseconds.sum())
}

#[test]
fn to_look_costs_the_same_however_many_wait() {
    const MANY: usize = 104_000;
    const LOOKS: usize = 3_000;
    const OPENS_AFTER: Duration = Duration::from_secs(10);
    // No newcomer is told to come again for want of room, and none waits for a disk.
    let server = Server::start("[log]\ndurability = \"interval\"\n");
    let client = server.client();
    let opens = Instant::now() + OPENS_AFTER;
    let slow = json!({"admit_per_second": 1, "opens_before": "10m", "admitted_for": "10m"});
    for id in ["few", "many"] {
        sale(&client, id, i64::try_from(OPENS_AFTER.as_millis()).expect("a few seconds"), &slow);
    }
    let come = |id: &str, users: std::ops::Range<usize>| {
        let body = |user| json!({"user_id": format!("u-{user}")}).to_string();
        let joins: Vec<_> = users.map(|user| request("POST", &room(id), &[JSON], body(user).as_bytes())).collect();
        pipelined(&client, &joins, |reply| assert_eq!(reply.status, 201, "{}", reply.text()));
    };
    come("few", 0..10);
    std::thread::scope(|scope| {
        for part in 0..8 {
            let come = &come;
            scope.spawn(move || come("many", part * MANY / 8..(part + 1) * MANY / 8));
        }
    });

    // What so many looks cost in each room: of some rounds in turn, together, for the kernel counts the time of a running thread
    // some milliseconds late.
    let costs = |looks: [Vec<Vec<u8>>; 2]| {
        let mut all = [Duration::ZERO; 2];
        for _ in 0..5 {
            for (all, looks) in all.iter_mut().zip(&looks) {
                let before = used(&server);
                pipelined(&client, looks, |reply| assert_eq!(reply.status, 200, "{}", reply.text()));
                *all += used(&server) - before;
            }
        }
        all
    };
    let check = |when: &str| {
        let waiting = client.get(&room("many")).json()["waiting"].as_u64().expect("a number");
        assert!(waiting >= 100_000, "{waiting} wait {when}");
        for with_ticket in [false, true] {
            let looks = ["few", "many"].map(|id| {
                let ticket = ticket_of(&join(&client, id, "u-7"));
                let headers: &[_] = if with_ticket { &[(TICKET, ticket.as_str())] } else { &[] };
                vec![request("GET", &room(id), headers, b""); LOOKS]
            });
            let [few, many] = costs(looks);
            // To go through those who wait would take many times as long as all the rest of an answer.
            assert!(many < 3 * few, "{when}, ticket {with_ticket}: {few:?} with ten who wait, {many:?} with {waiting}");
        }
    };
    check("before the opening");
    for id in ["few", "many"] {
        let ticket = ticket_of(&join(&client, id, "u-7"));
        while place(&client, id, &ticket)["position"].is_null() {
            assert!(opens.elapsed() < Duration::from_secs(20), "{id} never opened");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
    check("after it");
}

/// A sale of ten coupons, one of them a day, that is open until `ends_at`. A room lets people in at once.
fn one_a_day(client: &Client, id: &str, ends_at: &str) {
    let one_a_day = json!([{"id": "cash-5", "name": "cash", "total_quota": 10, "daily_quota": 1}]);
    let schedule = json!({"starts_at": "2020-01-01T00:00:00Z", "ends_at": ends_at});
    let protection = json!({"waiting_room": quick()});
    let zone = noon_zone();
    client.campaign(
        id,
        &json!({"schedule": schedule, "protection": protection, "coupon_types": one_a_day, "time_zone": zone}),
    );
}

#[test]
fn who_waits_when_the_day_has_nothing_left_is_told_so_and_when_there_is_more() {
    let server = Server::start("");
    let client = server.client();
    one_a_day(&client, "goes-on", "2099-12-31T00:00:00Z");
    let [ann, bob] = ["ann", "bob"].map(|user| ticket_of(&join(&client, "goes-on", user)));
    wait_for(&client, "goes-on", &ann, "admitted");
    let waits = place(&client, "goes-on", &bob);
    assert_eq!((&waits["state"], &waits["resets_at"]), (&json!("waiting"), &Value::Null));
    assert_eq!(claim(&client, "goes-on", "ann", &ann).status, 201);
    let kept = wait_for(&client, "goes-on", &bob, "sold_out");
    let resets_at = kept["resets_at"].as_str().unwrap_or_else(|| panic!("{kept}"));
    assert!(resets_at.parse::<jiff::Timestamp>().expect("a moment") > jiff::Timestamp::now(), "{kept}");
    assert_eq!((&kept["position"], &kept["ahead"]), (&json!(2), &json!(0)));
    assert_ne!(kept["estimated_wait"], Value::Null, "until the next day begins");
    let shared = client.get(&room("goes-on")).json();
    assert_eq!((&shared["state"], &shared["resets_at"]), (&json!("sold_out"), &kept["resets_at"]));
    let late = join(&client, "goes-on", "cyd");
    assert_eq!((late.status, &late.json()["position"]), (201, &json!(3)));
    assert_eq!(late.json()["resets_at"], kept["resets_at"]);

    // Where it ends with the day at the latest, nobody comes in any more.
    one_a_day(&client, "ends", resets_at);
    let [ann, bob] = ["ann", "bob"].map(|user| ticket_of(&join(&client, "ends", user)));
    wait_for(&client, "ends", &ann, "admitted");
    assert_eq!(claim(&client, "ends", "ann", &ann).status, 201);
    let over = wait_for(&client, "ends", &bob, "sold_out");
    assert_eq!((&over["resets_at"], &over["estimated_wait"]), (&Value::Null, &Value::Null));
    let late = join(&client, "ends", "cyd");
    assert_eq!(late.problem(), (409, "daily_sold_out".into()));
    assert_eq!(late.json()["resets_at"], resets_at);
}
