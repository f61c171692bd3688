//! Tokens that tell other servers who was let in from a waiting room: who gets one, and who verifies it.

use std::process::Command;
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::client::{Client, JSON, Reply};
use crate::server::Server;

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
    let reply = client.post(&format!("/v1/campaigns/{id}/waiting-room"), &json!({"user_id": user}));
    reply.json()["ticket"].as_str().unwrap_or_else(|| panic!("no ticket: {}", reply.text())).to_owned()
}

fn ask(client: &Client, id: &str, user: &str, ticket: &str) -> Reply {
    let body = json!({"user_id": user}).to_string();
    let path = format!("/v1/campaigns/{id}/waiting-room/token");
    client.call("POST", &path, &[JSON, (TICKET, ticket)], body.as_bytes())
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
