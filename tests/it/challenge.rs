//! Challenges through the server: a proof of work gives a pass, the pass lets a claim through, and nobody gets by without.

use altcha::{Challenge, Payload, SolveChallengeOptions, solve_challenge};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::client::{Client, JSON, Reply};
use crate::server::Server;

/// The answer to a challenge, worked out.
pub(crate) fn solved(challenge: &Value) -> String {
    let challenge: Challenge = serde_json::from_value(challenge.clone()).expect("a challenge");
    let solution = solve_challenge(SolveChallengeOptions::new(&challenge)).expect("well formed").expect("in time");
    encoded(&serde_json::to_value(Payload { challenge, solution }).expect("plain JSON"))
}

fn encoded(payload: &Value) -> String {
    STANDARD.encode(payload.to_string())
}

fn decoded(payload: &str) -> Value {
    serde_json::from_slice(&STANDARD.decode(payload).expect("base64")).expect("JSON")
}

pub(crate) fn sale(client: &Client, id: &str) {
    client.campaign(
        id,
        &json!({
            "protection": {"challenge": {"provider": "altcha"}},
            "coupon_types": [{"id": "cash-5", "name": "cash", "total_quota": 3}]
        }),
    );
}

fn path(id: &str) -> String {
    format!("/v1/campaigns/{id}/challenge")
}

pub(crate) fn set(client: &Client, id: &str, user: &str) -> Value {
    let reply = client.get(&format!("{}?user_id={user}", path(id)));
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("cache-control"), Some("private, no-store"));
    reply.json()
}

pub(crate) fn answer(client: &Client, id: &str, user: &str, payload: &str) -> Reply {
    client.post(&path(id), &json!({"user_id": user, "provider": "altcha", "payload": payload}))
}

pub(crate) fn pass(client: &Client, id: &str, user: &str) -> String {
    let reply = answer(client, id, user, &solved(&set(client, id, user)));
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()["pass"].as_str().expect("a pass").to_owned()
}

pub(crate) fn claim(client: &Client, id: &str, user: &str, pass: &str) -> Reply {
    client.claim_with(id, user, &[("x-landrush-pass", pass)])
}

fn required(reply: &Reply) -> bool {
    reply.problem() == (403, "challenge_required".into())
}

#[test]
fn whoever_has_done_the_work_may_claim() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "drop");
    assert!(required(&client.claim("drop", "ann")), "no pass");
    let ann = pass(&client, "drop", "ann");
    assert_eq!(claim(&client, "drop", "ann", &ann).status, 201);
    assert_eq!(client.claim("drop", "ann").status, 200, "a repeat needs no pass");
    let bob = pass(&client, "drop", "bob");
    let server = Server::start_in(server.kill(), "");
    let client = server.client();
    assert_eq!(claim(&client, "drop", "bob", &bob).status, 201, "passes outlive a crash");
    assert_eq!(client.claim("drop", "ann").status, 200);
    let metrics = client.get("/metrics");
    assert!(
        metrics.text().contains("landrush_gate_refused_total{reason=\"challenge_required\"} 0"),
        "{}",
        metrics.text()
    );
}

#[test]
fn a_pass_is_good_for_its_user_in_its_campaign_alone() {
    let server = Server::start("");
    let client = server.client();
    ["drop", "other"].iter().for_each(|id| sale(&client, id));
    let ann = pass(&client, "drop", "ann");
    let last = if ann.ends_with('A') { "B" } else { "A" };
    let forged = format!("{}{last}", &ann[..ann.len() - 1]);
    assert!(required(&claim(&client, "drop", "bob", &ann)), "another user's");
    assert!(required(&claim(&client, "other", "ann", &ann)), "another campaign's");
    assert!(required(&claim(&client, "drop", "ann", &forged)), "forged");
    assert!(required(&claim(&client, "drop", "ann", "")), "empty");
    assert_eq!(claim(&client, "drop", "ann", &ann).status, 201);
    let metrics = client.get("/metrics");
    assert!(
        metrics.text().contains("landrush_gate_refused_total{reason=\"challenge_required\"} 4"),
        "{}",
        metrics.text()
    );
}

#[test]
fn of_two_passes_neither_is_looked_at() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "drop");
    let pass = pass(&client, "drop", "ann");
    for other in ["", pass.as_str()] {
        let headers = [JSON, ("x-landrush-pass", pass.as_str()), ("x-landrush-pass", other)];
        let claim = client.call("POST", "/v1/campaigns/drop/claims", &headers, br#"{"user_id":"ann"}"#);
        assert!(required(&claim), "{other}");
    }
}

#[test]
fn an_answer_is_taken_once_and_from_whom_it_was_asked() {
    let server = Server::start("");
    let client = server.client();
    ["drop", "other"].iter().for_each(|id| sale(&client, id));
    let payload = solved(&set(&client, "drop", "ann"));
    assert!(required(&answer(&client, "drop", "bob", &payload)), "another user's");
    assert!(required(&answer(&client, "other", "ann", &payload)), "another campaign's");
    for (pointer, value) in [
        ("/challenge/parameters/data/user", json!("bob")),
        ("/challenge/parameters/cost", json!(1)),
        ("/challenge/parameters/keyPrefix", json!("")),
        ("/challenge/parameters/expiresAt", json!(4_000_000_000_u64)),
        ("/challenge/parameters/expiresAt", Value::Null),
        ("/challenge/signature", json!("00")),
        ("/challenge/signature", Value::Null),
    ] {
        let mut changed = decoded(&payload);
        *changed.pointer_mut(pointer).expect("there") = value;
        assert!(required(&answer(&client, "drop", "ann", &encoded(&changed))), "{pointer}");
    }
    assert_eq!(answer(&client, "drop", "ann", &payload).status, 201, "nothing that was false has used it up");
    assert!(required(&answer(&client, "drop", "ann", &payload)), "a second time");

    let mut wrong = decoded(&solved(&set(&client, "drop", "ann")));
    wrong["solution"]["counter"] = json!(wrong["solution"]["counter"].as_u64().expect("a number") + 1);
    assert!(required(&answer(&client, "drop", "ann", &encoded(&wrong))), "the work was not done");
    for garbage in ["", "%", "e30", "e30=", &STANDARD.encode("[]")] {
        assert_eq!(answer(&client, "drop", "ann", garbage).problem(), (400, "invalid_request".into()), "{garbage}");
    }
    let metrics = client.get("/metrics");
    assert!(
        metrics.text().contains("landrush_gate_refused_total{reason=\"challenge_failed\"} 11"),
        "{}",
        metrics.text()
    );
    let report = client.admin("GET", "/v1/campaigns/drop/report/fraud", None).json();
    assert_eq!(report["gate_refused"]["challenge_failed"], 10, "one of them was in the other campaign: {report}");
}

#[test]
fn a_challenge_does_not_outlive_a_restart_so_that_none_is_answered_twice() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "drop");
    let [taken, kept_back] = ["ann", "bob"].map(|user| solved(&set(&client, "drop", user)));
    let ann = answer(&client, "drop", "ann", &taken).json()["pass"].as_str().expect("a pass").to_owned();

    let server = Server::start_in(server.kill(), "");
    let client = server.client();
    assert!(required(&answer(&client, "drop", "ann", &taken)), "a second time");
    assert!(required(&answer(&client, "drop", "bob", &kept_back)), "nobody can tell that it is the first time");
    assert_eq!(claim(&client, "drop", "ann", &ann).status, 201, "her pass holds");
    let bob = pass(&client, "drop", "bob");
    assert_eq!(claim(&client, "drop", "bob", &bob).status, 201, "and he may be asked again");
}

#[test]
fn where_no_challenge_is_asked_there_is_none() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("free", &json!({"coupon_types": [{"id": "cash-5", "name": "cash", "total_quota": 3}]}));
    sale(&client, "drop");
    assert_eq!(client.get(&format!("{}?user_id=ann", path("free"))).problem(), (404, "not_found".into()));
    assert_eq!(answer(&client, "free", "ann", "e30=").problem(), (404, "not_found".into()));
    assert_eq!(client.get(&path("drop")).problem(), (400, "invalid_request".into()), "for whom?");
    let other = json!({"user_id": "ann", "provider": "turnstile", "payload": "x"});
    assert_eq!(client.post(&path("drop"), &other).problem(), (400, "invalid_request".into()));
    assert_eq!(claim(&client, "free", "ann", "not even a pass").status, 201);
}
