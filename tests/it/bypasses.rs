//! What people try in order to get by with something that is another's, or that was good once: tokens, passes and tickets together,
//! and over a restart.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Client, JSON, Reply};
use crate::server::Server;
use crate::{challenge, clock, tokens};

const SECRET: &str = "a secret of at least thirty-two bytes";
const TICKET: &str = "x-landrush-ticket";
const PASS: &str = "x-landrush-pass";

fn signed(secret: &[u8], claims: &Value) -> String {
    let token = encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret)).expect("signs");
    format!("Bearer {token}")
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn bearing(user: &str) -> String {
    signed(SECRET.as_bytes(), &json!({"sub": user, "exp": seconds() + 600}))
}

fn with_secret() -> String {
    format!("[auth]\nusers = \"jwt\"\n[[auth.keys]]\nalg = \"HS256\"\nsecret = \"{SECRET}\"\n")
}

fn refused(reply: &Reply, code: &str) -> bool {
    reply.problem() == (403, code.into())
}

#[test]
fn a_public_key_that_everybody_has_signs_nothing() {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let rsa = AsDer::<PublicKeyX509Der<'_>>::as_der(rsa.public_key()).expect("DER");
    let ec = AsDer::<PublicKeyX509Der<'_>>::as_der(ec.public_key()).expect("DER");
    for (word, der) in [("RS256", rsa.as_ref()), ("ES256", ec.as_ref())] {
        let pem = tokens::pem("PUBLIC KEY", der);
        let key = format!("[[auth.keys]]\nalg = \"{word}\"\npublic_key = \"\"\"\n{pem}\"\"\"\n");
        // Alone, and beside a shared secret, where the server does take HS256.
        for settings in [format!("[auth]\nusers = \"jwt\"\n{key}"), format!("{}{key}", with_secret())] {
            let server = Server::start(&settings);
            let client = server.client();
            client.campaign("c", &json!({}));
            for secret in [pem.as_bytes(), pem.trim_end().as_bytes(), der] {
                let forged = signed(secret, &json!({"sub": "ann", "exp": seconds() + 600}));
                let reply = client.claim_with("c", "ann", &[("authorization", &forged)]);
                assert_eq!(reply.problem(), (401, "unauthorized".into()), "{word}");
            }
            let sound = client.claim_with("c", "ann", &[("authorization", &bearing("ann"))]);
            assert_eq!(sound.status, if settings.contains(SECRET) { 201 } else { 401 }, "{word}");
        }
    }
}

#[test]
fn a_token_holds_within_the_leeway_and_beyond_it_not_even_for_a_repeat() {
    let server = Server::start(&with_secret());
    let client = server.client();
    client.campaign("c", &json!({}));
    let now = seconds();
    let ask = |user: &str, exp: u64, nbf: u64| {
        let token = signed(SECRET.as_bytes(), &json!({"sub": user, "exp": exp, "nbf": nbf}));
        client.claim_with("c", user, &[("authorization", &token)])
    };
    assert_eq!(ask("ann", now - 20, now - 600).status, 201, "over, within the leeway");
    assert_eq!(ask("bob", now + 600, now + 50).status, 201, "ahead, within the leeway");
    for (exp, nbf, why) in [(now - 61, now - 600, "has expired"), (now + 600, now + 200, "does not hold yet")] {
        let reply = ask("ann", exp, nbf);
        assert_eq!(reply.problem(), (401, "unauthorized".into()));
        assert!(reply.json()["detail"].as_str().is_some_and(|detail| detail.contains(why)), "{}", reply.text());
    }
}

#[test]
fn every_call_before_the_claim_needs_ones_own_token_too() {
    let server = Server::start(&with_secret());
    let client = server.client();
    let protection = json!({
        "challenge": {"provider": "altcha"}, "eligibility": {"who": "registered"},
        "waiting_room": {"admit_per_second": 100}
    });
    client.campaign("c", &json!({"protection": protection}));
    let (ann, bob) = (bearing("ann"), bearing("bob"));
    let over = signed(SECRET.as_bytes(), &json!({"sub": "ann", "exp": seconds() - 600}));
    let unsigned = format!("{}.", ann.rsplit_once('.').expect("three parts").0);
    let user = json!({"user_id": "ann"});
    let answer = json!({"user_id": "ann", "provider": "altcha", "payload": "e30="});
    let calls = [
        ("GET", "/v1/campaigns/c/challenge?user_id=ann", None),
        ("POST", "/v1/campaigns/c/challenge", Some(&answer)),
        ("POST", "/v1/campaigns/c/registrations", Some(&user)),
        ("POST", "/v1/campaigns/c/waiting-room", Some(&user)),
        ("POST", "/v1/campaigns/c/waiting-room/token", Some(&user)),
    ];
    for (method, path, body) in calls {
        let body = body.map(Value::to_string).unwrap_or_default();
        let ask = |headers: &[(&str, &str)]| {
            let headers: Vec<_> = [JSON].into_iter().chain(headers.iter().copied()).collect();
            client.call(method, path, &headers, body.as_bytes())
        };
        assert_eq!(ask(&[]).problem(), (401, "unauthorized".into()), "{method} {path}");
        for token in [&over, &unsigned] {
            assert_eq!(ask(&[("authorization", token)]).problem().0, 401, "{method} {path} {token}");
        }
        assert!(refused(&ask(&[("authorization", &bob)]), "forbidden"), "{method} {path}");
        assert_ne!(ask(&[("authorization", &ann)]).status, 401, "{method} {path}");
    }
}

#[test]
fn a_pass_and_a_ticket_that_were_handed_on_are_worth_nothing_under_another_s_token() {
    let server = Server::start(&with_secret());
    let client = server.client();
    let room = json!({"admit_per_second": 100, "admitted_for": "10m"});
    client.campaign("room", &json!({"protection": {"waiting_room": room}}));
    client.campaign("work", &json!({"protection": {"challenge": {"provider": "altcha"}}}));
    let tokens = ["ann", "bob"].map(bearing);
    let [ann, bob] = tokens.each_ref().map(|token| ("authorization", token.as_str()));

    let joined = client.post_with("/v1/campaigns/room/waiting-room", &[ann], &json!({}));
    let ticket = joined.json()["ticket"].as_str().expect("a ticket").to_owned();
    let handed_on = (TICKET, ticket.as_str());
    let deadline = Instant::now() + Duration::from_secs(20);
    while place_with(&client, "room", &[ann, handed_on]).json()["state"] != "admitted" {
        assert!(Instant::now() < deadline, "she never was let in");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    assert!(refused(&place_with(&client, "room", &[bob, handed_on]), "ticket_required"), "her place is not his to see");
    assert!(refused(&client.claim_with("room", "bob", &[bob, handed_on]), "ticket_required"));
    assert!(refused(&client.claim_with("room", "ann", &[bob, handed_on]), "forbidden"), "nor in her name");
    let token = client.post_with("/v1/campaigns/room/waiting-room/token", &[bob, handed_on], &json!({}));
    assert!(refused(&token, "ticket_required"));

    let set = client.call("GET", "/v1/campaigns/work/challenge", &[ann], b"").json();
    let answer = json!({"provider": "altcha", "payload": challenge::solved(&set)});
    let stolen = client.post_with("/v1/campaigns/work/challenge", &[bob], &answer);
    assert!(refused(&stolen, "challenge_required"), "she has done the work");
    let given = client.post_with("/v1/campaigns/work/challenge", &[ann], &answer);
    let pass = given.json()["pass"].as_str().expect("a pass").to_owned();
    let handed_on = (PASS, pass.as_str());
    assert!(refused(&client.claim_with("work", "bob", &[bob, handed_on]), "challenge_required"));
    assert!(refused(&client.claim_with("work", "ann", &[bob, handed_on]), "forbidden"), "nor in her name");

    // None of it was used up.
    assert_eq!(client.claim_with("room", "ann", &[ann, (TICKET, &ticket)]).status, 201);
    assert_eq!(client.claim_with("work", "ann", &[ann, (PASS, &pass)]).status, 201);
}

fn place(client: &Client, id: &str, ticket: &str) -> Value {
    place_with(client, id, &[(TICKET, ticket)]).json()
}

fn place_with(client: &Client, id: &str, headers: &[(&str, &str)]) -> Reply {
    client.call("GET", &format!("/v1/campaigns/{id}/waiting-room"), headers, b"")
}

/// Waits until the bearer of a ticket is let in.
fn admitted(client: &Client, id: &str, ticket: &str) {
    comes_to(client, id, ticket, "admitted");
}

fn comes_to(client: &Client, id: &str, ticket: &str, state: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while place(client, id, ticket)["state"] != state {
        assert!(Instant::now() < deadline, "it never was {state}: {}", place(client, id, ticket));
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn join(client: &Client, id: &str, user: &str) -> String {
    let reply = client.post(&format!("/v1/campaigns/{id}/waiting-room"), &json!({"user_id": user}));
    reply.json()["ticket"].as_str().unwrap_or_else(|| panic!("no ticket: {}", reply.text())).to_owned()
}

fn with_ticket(client: &Client, id: &str, user: &str, ticket: &str) -> Reply {
    client.claim_with(id, user, &[(TICKET, ticket)])
}

#[test]
fn a_ticket_that_was_used_or_is_over_gives_nothing_more_after_a_restart() {
    let server = Server::start("");
    let client = server.client();
    let sale = |id: &str, admitted_for: &str| {
        let room = json!({"admit_per_second": 100, "admitted_for": admitted_for});
        let coupons = json!([{"id": "cash-5", "name": "cash", "total_quota": 5}]);
        client.campaign(id, &json!({"protection": {"waiting_room": room}, "coupon_types": coupons}));
    };
    sale("used", "10m");
    sale("short", "1s");
    sale("stopped", "10m");
    let [used, over, stopped] = ["used", "short", "stopped"].map(|id| join(&client, id, "ann"));
    admitted(&client, "used", &used);
    admitted(&client, "stopped", &stopped);
    let won = with_ticket(&client, "used", "ann", &used);
    assert_eq!(won.status, 201);
    comes_to(&client, "short", &over, "over");
    assert_eq!(client.admin("POST", "/v1/campaigns/stopped/cancel", None).status, 200);

    let server = Server::start_in(server.kill(), "");
    let client = server.client();
    let again = with_ticket(&client, "used", "ann", &used);
    assert_eq!((again.status, &again.json()["coupon"]), (200, &won.json()["coupon"]), "the same coupon, no second one");
    assert!(refused(&with_ticket(&client, "used", "bob", &used), "ticket_required"), "used up, and never his");
    let left = client.get("/v1/campaigns/used/availability").json()["coupon_types"][0]["remaining"].clone();
    assert_eq!(left, 4);
    assert_eq!(place(&client, "short", &over)["state"], "over");
    assert!(refused(&with_ticket(&client, "short", "ann", &over), "ticket_required"), "its time is not given anew");
    let fresh = join(&client, "short", "ann");
    assert_ne!(fresh, over);
    assert_eq!(place(&client, "short", &fresh)["position"], 2, "at the back");
    assert_eq!(with_ticket(&client, "stopped", "ann", &stopped).problem(), (409, "cancelled".into()));
}

#[test]
fn what_another_server_signed_is_worth_nothing_here_whatever_it_is_called() {
    let room = json!({"admit_per_second": 100, "admitted_for": "10m"});
    let open = || {
        let server = Server::start("");
        server.client().campaign("room", &json!({"protection": {"waiting_room": room}}));
        server.client().campaign("work", &json!({"protection": {"challenge": {"provider": "altcha"}}}));
        server
    };
    let (here, there) = (open(), open());
    let (ticket, foreign) = (join(&here.client(), "room", "ann"), join(&there.client(), "room", "ann"));
    admitted(&here.client(), "room", &ticket);
    admitted(&there.client(), "room", &foreign);
    assert_ne!(ticket, foreign);
    assert!(refused(&with_ticket(&here.client(), "room", "ann", &foreign), "ticket_required"));
    let pass = challenge::pass(&there.client(), "work", "ann");
    assert!(refused(&challenge::claim(&here.client(), "work", "ann", &pass), "challenge_required"));
    let answer = challenge::solved(&challenge::set(&there.client(), "work", "ann"));
    assert!(refused(&challenge::answer(&here.client(), "work", "ann", &answer), "challenge_required"));
    assert_eq!(with_ticket(&there.client(), "room", "ann", &foreign).status, 201);
    assert_eq!(challenge::claim(&there.client(), "work", "ann", &pass).status, 201);
}

#[test]
fn a_ticket_of_this_morning_is_not_one_for_the_afternoon() {
    let tools = TempDir::new().expect("a temporary directory");
    let library = clock::shim(tools.path());
    let start =
        |directory, at: &str| Server::start_adjusted(directory, "", |command| clock::set(command, &library, at));
    let server = start(TempDir::new().expect("a temporary directory"), "2030-06-18T09:55:00Z");
    let room = json!({"admit_per_second": 100, "opens_before": "10m", "admitted_for": "2m"});
    let windows = json!({"at": ["10:00", "15:00"], "duration": "30m"});
    server.client().campaign(
        "c",
        &json!({
            "schedule": {"starts_at": "2030-06-01T00:00:00Z", "ends_at": "2030-07-01T00:00:00Z", "windows": windows},
            "protection": {"waiting_room": room},
        }),
    );
    let morning = join(&server.client(), "c", "ann");
    let server = start(server.kill(), "2030-06-18T10:00:30Z");
    admitted(&server.client(), "c", &morning);
    let server = start(server.kill(), "2030-06-18T15:00:30Z");
    let client = server.client();
    assert!(refused(&with_ticket(&client, "c", "ann", &morning), "ticket_required"));
    assert_eq!(place(&client, "c", &morning)["state"], "over");
    let afternoon = join(&client, "c", "ann");
    admitted(&client, "c", &afternoon);
    assert!(refused(&with_ticket(&client, "c", "ann", &morning), "ticket_required"), "though she is in with another");
    assert_eq!(with_ticket(&client, "c", "ann", &afternoon).status, 201);
}
