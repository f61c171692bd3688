//! Tokens that tell other servers who was let in from a waiting room: who gets one, and who verifies it.

use std::process::Command;
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde_json::{Value, json};

use crate::challenge;
use crate::client::{Client, JSON, PATIENCE, Reply};
use crate::server::{ADMIN_KEY, Server};

const TICKET: &str = "x-landrush-ticket";
const KEYS: &str = "/.well-known/landrush-keys.json";

fn sale(client: &Client, id: &str, opens_after: i64, admitted_for: &str) {
    let starts_at = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(opens_after);
    let room = json!({"admit_per_second": 100, "opens_before": "10m", "admitted_for": admitted_for});
    client.campaign(
        id,
        &json!({
            "schedule": {"starts_at": format!("{starts_at:.3}"), "ends_at": "2099-12-31T00:00:00Z"},
            "protection": {"waiting_room": room},
        }),
    );
}

fn join(client: &Client, id: &str, user: &str) -> String {
    join_with(client, id, user, &[])
}

fn join_with(client: &Client, id: &str, user: &str, headers: &[(&str, &str)]) -> String {
    let reply = client.post_with(&format!("/v1/campaigns/{id}/waiting-room"), headers, &json!({"user_id": user}));
    reply.json()["ticket"].as_str().unwrap_or_else(|| panic!("no ticket: {}", reply.text())).to_owned()
}

fn ask(client: &Client, id: &str, user: &str, ticket: &str) -> Reply {
    ask_with(client, id, user, &[(TICKET, ticket)])
}

fn ask_with(client: &Client, id: &str, user: &str, headers: &[(&str, &str)]) -> Reply {
    client.post_with(&format!("/v1/campaigns/{id}/waiting-room/token"), headers, &json!({"user_id": user}))
}

/// A campaign with a waiting room and `protection` beside it.
fn guarded(client: &Client, id: &str, mut protection: Value) {
    protection["waiting_room"] = json!({"admit_per_second": 100, "admitted_for": "10m"});
    client.campaign(id, &json!({"protection": protection}));
}

/// The ticket of somebody who has been let in.
fn let_in(client: &Client, id: &str, user: &str) -> String {
    let ticket = join(client, id, user);
    wait_for(client, id, &ticket, "admitted");
    ticket
}

/// Waits until a place is in this state.
fn wait_for(client: &Client, id: &str, ticket: &str, state: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let place = client.call("GET", &format!("/v1/campaigns/{id}/waiting-room"), &[(TICKET, ticket)], b"").json();
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

fn not_eligible(reply: &Reply) -> bool {
    reply.problem() == (403, "not_eligible".into())
}

/// What a token says to a server that has the public keys and knows which campaign it stands behind.
fn verified(token: &str, keys: &Value, campaign: &str) -> Result<Value, jsonwebtoken::errors::Error> {
    let set: JwkSet = serde_json::from_value(keys.clone()).expect("a set of keys");
    let name = decode_header(token)?.kid.expect("the key's name");
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[campaign]);
    validation.set_issuer(&["landrush"]);
    let key = DecodingKey::from_jwk(set.find(&name).expect("the key of that name"))?;
    decode(token, &key, &validation).map(|data| data.claims)
}

/// The token with the last symbol of its part `place` changed. Only of a signature does that symbol have bits that say nothing.
fn forged(token: &str, place: usize) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let middle = parts[place].len() / 2;
    let symbol = if &parts[place][middle..=middle] == "A" { "B" } else { "A" };
    parts[place].replace_range(middle..=middle, symbol);
    parts.join(".")
}

#[test]
fn whoever_is_let_in_gets_a_token_that_another_server_verifies() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "drop", -1_000, "10m");
    let ticket = join(&client, "drop", "ann");
    let place = wait_for(&client, "drop", &ticket, "admitted");
    let reply = ask(&client, "drop", "ann", &ticket);
    assert_eq!((reply.status, reply.header("cache-control")), (201, Some("private, no-store")), "{}", reply.text());
    let token = reply.json()["token"].as_str().expect("a token").to_owned();
    assert_eq!(ask(&client, "drop", "ann", &ticket).json(), reply.json(), "asked again, it is the same");

    let keys = client.get(KEYS);
    assert_eq!(keys.header("cache-control"), Some("public, max-age=3600"));
    let keys = keys.json();
    let claims = verified(&token, &keys, "drop").expect("it holds");
    assert_eq!((&claims["iss"], &claims["sub"], &claims["aud"]), (&json!("landrush"), &json!("ann"), &json!("drop")));
    let until: jiff::Timestamp = place["admitted_until"].as_str().expect("a moment").parse().expect("a moment");
    assert_eq!(claims["exp"].as_i64(), Some(until.as_second()));
    assert!(claims["jti"].as_str().is_some_and(|jti| jti.ends_with("-1")), "{claims}");

    assert!(verified(&token, &keys, "other").is_err(), "of another campaign");
    for part in [1, 2] {
        assert!(verified(&forged(&token, part), &keys, "drop").is_err(), "forged in part {part}");
    }
    let other = Server::start("").client().get(KEYS).json();
    assert_ne!(other["keys"][0]["x"], keys["keys"][0]["x"], "each data directory has its own");
    // Keys and tokens outlive a restart.
    let server = Server::start_in(server.kill(), "");
    assert_eq!(server.client().get(KEYS).json(), keys);
    assert_eq!(ask(&server.client(), "drop", "ann", &ticket).json()["token"], json!(token));
}

#[test]
fn nobody_else_gets_one() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "drop", -1_000, "1s");
    sale(&client, "other", -1_000, "10m");
    sale(&client, "later", 600_000, "10m");
    client.campaign("plain", &json!({}));
    let ticket = join(&client, "other", "ann");
    wait_for(&client, "other", &ticket, "admitted");
    assert!(required(&ask(&client, "other", "bob", &ticket)), "another's ticket");
    assert!(required(&ask(&client, "drop", "ann", &ticket)), "another campaign's");
    let (first, rest) = ticket.split_at(1);
    let changed = format!("{}{rest}", if first == "A" { "B" } else { "A" });
    assert!(required(&ask(&client, "other", "ann", &changed)), "forged");
    assert!(required(&ask(&client, "other", "ann", "none")), "no ticket at all");
    let bare = client.post("/v1/campaigns/other/waiting-room/token", &json!({"user_id": "ann"}));
    assert!(required(&bare), "no header");
    let waits = join(&client, "later", "ann");
    assert!(required(&ask(&client, "later", "ann", &waits)), "waits, and is not let in");
    let short = join(&client, "drop", "ann");
    wait_for(&client, "drop", &short, "over");
    assert!(required(&ask(&client, "drop", "ann", &short)), "the place has lapsed");
    assert_eq!(ask(&client, "plain", "ann", &ticket).problem(), (404, "not_found".into()));
    client.admin("POST", "/v1/campaigns/other/cancel", None);
    assert!(required(&ask(&client, "other", "ann", &ticket)), "nobody is let in any more");
}

#[test]
fn a_campaign_with_a_challenge_gives_one_for_a_pass_alone() {
    let server = Server::start("");
    let client = server.client();
    guarded(&client, "drop", json!({"challenge": {"provider": "altcha"}}));
    let ticket = let_in(&client, "drop", "ann");
    let required = |reply: &Reply| reply.problem() == (403, "challenge_required".into());
    let with = |pass: &str| ask_with(&client, "drop", "ann", &[(TICKET, &ticket), ("x-landrush-pass", pass)]);
    assert!(required(&ask(&client, "drop", "ann", &ticket)), "no pass");
    assert!(required(&with(&challenge::pass(&client, "drop", "bob"))), "another's");
    assert_eq!(with(&challenge::pass(&client, "drop", "ann")).status, 201);
}

#[test]
fn whoever_has_not_registered_gets_none() {
    let server = Server::start("");
    let client = server.client();
    guarded(&client, "drop", json!({"eligibility": {"who": "registered"}}));
    let tickets = ["ann", "bob"].map(|user| let_in(&client, "drop", user));
    assert!(not_eligible(&ask(&client, "drop", "ann", &tickets[0])));
    let registered = client.post("/v1/campaigns/drop/registrations", &json!({"user_id": "ann"}));
    assert_eq!(registered.status, 201, "{}", registered.text());
    for _ in 0..2 {
        assert_eq!(ask(&client, "drop", "ann", &tickets[0]).status, 201);
    }
    assert!(not_eligible(&ask(&client, "drop", "bob", &tickets[1])));
}

#[test]
fn whoever_is_on_the_list_no_more_gets_none() {
    let server = Server::start("");
    let client = server.client();
    guarded(&client, "drop", json!({"eligibility": {"who": "list"}}));
    let key = format!("Bearer {ADMIN_KEY}");
    let list = |lines: &str| {
        let headers = [("authorization", key.as_str()), ("content-type", "application/x-ndjson")];
        let reply = client.call("PUT", "/v1/campaigns/drop/eligible", &headers, lines.as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text());
    };
    list("\"ann\"\n");
    let ticket = let_in(&client, "drop", "ann");
    assert_eq!(ask(&client, "drop", "ann", &ticket).status, 201);
    list("\"bob\"\n");
    assert!(not_eligible(&ask(&client, "drop", "ann", &ticket)));
}

#[test]
fn the_user_s_own_token_must_say_what_the_campaign_asks_for() {
    const SECRET: &str = "a secret of at least thirty-two bytes";
    let key = format!("[[auth.keys]]\nalg = \"HS256\"\nsecret = \"{SECRET}\"");
    let server = Server::start(&format!("[auth]\nusers = \"jwt\"\n{key}"));
    let client = server.client();
    guarded(&client, "drop", json!({"eligibility": {"token_claims": {"segment": "vip"}}}));
    let seconds = jiff::Timestamp::now().as_second();
    let [vip, plain] = ["vip", "plain"].map(|segment| {
        let claims = json!({"sub": "ann", "exp": seconds + 600, "segment": segment});
        let token = encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(SECRET.as_bytes()));
        format!("Bearer {}", token.expect("signs"))
    });
    let headers = [JSON, ("authorization", vip.as_str())];
    let joined = client.call("POST", "/v1/campaigns/drop/waiting-room", &headers, b"{}").json();
    let ticket = joined["ticket"].as_str().expect("a ticket");
    let ask = |bearer: &str| ask_with(&client, "drop", "ann", &[(TICKET, ticket), ("authorization", bearer)]);
    let deadline = Instant::now() + PATIENCE;
    while ask(&vip).status != 201 {
        assert!(Instant::now() < deadline, "she was never let in");
        std::thread::park_timeout(Duration::from_millis(50));
    }
    assert!(not_eligible(&ask(&plain)));
}

#[test]
fn few_users_of_one_device_get_one() {
    let server = Server::start("");
    let client = server.client();
    guarded(&client, "drop", json!({"eligibility": {"users_per_device": 1}}));
    let let_in_by = |user: &str, device: &str| {
        let ticket = join_with(&client, "drop", user, &[("x-device-id", device)]);
        wait_for(&client, "drop", &ticket, "admitted");
        ticket
    };
    let (ann, bob) = (let_in_by("ann", "d-1"), let_in_by("bob", "d-2"));
    let by = |user: &str, ticket: &str, device: &str| {
        ask_with(&client, "drop", user, &[(TICKET, ticket), ("x-device-id", device)])
    };
    assert!(not_eligible(&ask(&client, "drop", "ann", &ann)), "without a device");
    for _ in 0..2 {
        assert_eq!(by("ann", &ann, "d-1").status, 201);
    }
    assert!(not_eligible(&by("bob", &bob, "d-1")), "which is ann's");
    assert_eq!(by("bob", &bob, "d-2").status, 201);
    assert!(required(&by("bob", &ann, "d-3")), "whose place it is not");
    let_in_by("cyd", "d-3");
    assert_eq!(by("bob", &bob, "").problem(), (400, "invalid_request".into()));
}

#[test]
fn whoever_asks_for_one_asks_as_often_as_the_campaign_lets_them() {
    let server = Server::start("");
    let client = server.client();
    // Whoever joins asks too, there without a device.
    for (rate, limit) in [("user", "2/1h"), ("address", "2/1h"), ("device", "1/1h")] {
        guarded(&client, rate, json!({"rate_limit": {rate: limit}}));
        let ticket = let_in(&client, rate, "ann");
        let ask = || ask_with(&client, rate, "ann", &[(TICKET, &ticket), ("x-device-id", "d-1")]);
        assert_eq!(ask().status, 201, "{rate}");
        assert_eq!(ask().problem(), (429, "rate_limited".into()), "{rate}");
    }
}

#[test]
fn the_example_in_the_documentation_verifies_a_token() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "drop", -1_000, "10m");
    let ticket = join(&client, "drop", "ann");
    wait_for(&client, "drop", &ticket, "admitted");
    let token = ask(&client, "drop", "ann", &ticket).json()["token"].as_str().expect("a token").to_owned();
    let page = include_str!("../../docs/waiting-room-token.md");
    let (_, example) = page.split_once("```js\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("admitted.mjs");
    std::fs::write(&file, example).expect("written");
    let run = |token: &str, campaign: &str| {
        let mut node = Command::new("node");
        node.arg(&file).arg(token).env("CAMPAIGN", campaign);
        node.env("LANDRUSH_URL", format!("http://{}", server.address()));
        let output = node.output().expect("Node is needed, as for the tests of the pages");
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        (output.status.success(), said.concat())
    };
    assert_eq!(run(&token, "drop"), (true, String::from("ann\n")));
    for (token, campaign, why) in [
        (forged(&token, 1), "drop", "forged"),
        (forged(&token, 2), "drop", "forged"),
        (token, "other", "for something else"),
    ] {
        let (is_admitted, said) = run(&token, campaign);
        assert!(!is_admitted && said.contains(why), "{why}: {said}");
    }
}
