//! Claims that come one after the other on a connection, which are read and answered by a way of their own: nobody can tell by the
//! answers, whatever comes between them and however it is cut.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Client, Connection, JSON, Reply, request};
use crate::server::{ADMIN_KEY, Server};

const PATH: &str = "/v1/campaigns/sale/claims";

fn claim(user: &str) -> Vec<u8> {
    request("POST", PATH, &[JSON], json!({"user_id": user}).to_string().as_bytes())
}

fn server(settings: &str, changes: &Value) -> (Server, Client) {
    let server = Server::start(settings);
    let client = server.client();
    client.campaign("sale", changes);
    (server, client)
}

/// What of an answer must not depend on who gives it: all but what differs with every one.
fn shape(reply: &Reply) -> (u16, BTreeSet<String>, Value) {
    let names = reply.headers.iter().map(|(name, _)| name.clone()).collect();
    let mut body = reply.json();
    for pointer in ["/claim_id", "/draw_id", "/decided_at", "/coupon/code", "/coupon/expires_at", "/retry_after_ms"] {
        if let Some(value) = body.pointer_mut(pointer) {
            *value = Value::from(value.is_null());
        }
    }
    (reply.status, names, body)
}

/// A connection that does not come back from hyper: it has named an option of the connection that only hyper need know.
fn kept_by_hyper(client: &Client) -> Connection {
    let mut connection = client.connect();
    assert_eq!(connection.call("GET", "/v1/time", &[("connection", "x-option")], b"").status, 200);
    connection
}

/// Asks on a connection that has said nothing else, and on one that hyper keeps.
fn both(client: &Client, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (Reply, Reply) {
    let express = client.connect().call("POST", path, headers, body);
    (express, kept_by_hyper(client).call("POST", path, headers, body))
}

#[test]
fn a_claim_is_answered_alike_whoever_reads_it() {
    let (_server, client) = server(
        "",
        &json!({"coupon_types": [
            {"id": "many", "name": "Many", "total_quota": 1000}, {"id": "gone", "name": "Gone", "total_quota": 1},
        ]}),
    );
    client.campaign("twice", &json!({"limit": {"max": 2, "per": "campaign"}}));
    client.campaign(
        "drawn",
        &json!({"mode": "draw", "coupon_types": [
            {"id": "a", "name": "A", "total_quota": 1000, "probability": 1.0},
        ]}),
    );
    client.campaign("slow", &json!({"protection": {"rate_limit": {"user": "1/1h"}}}));
    client.campaign("proven", &json!({"protection": {"challenge": {"provider": "altcha"}}}));
    client.campaign("called", &json!({"phone_required": true}));
    let last = json!({"user_id": "last", "coupon_type": "gone"}).to_string();
    assert_eq!(client.call("POST", PATH, &[JSON], last.as_bytes()).status, 201);
    assert_eq!(client.claim("slow", "limited").status, 201);
    // Once, so that both are repeats.
    for campaign in ["sale", "twice", "drawn", "called"] {
        let body = json!({"user_id": "repeats", "phone": "+6591234567"}).to_string();
        let headers = [JSON, ("idempotency-key", "k-1")];
        let kind = if campaign == "drawn" { "draws" } else { "claims" };
        let path = format!("/v1/campaigns/{campaign}/{kind}");
        assert_eq!(client.call("POST", &path, &headers, body.as_bytes()).status, 201, "{campaign}");
    }
    let check = |path: &str, headers: &[(&str, &str)], body: &str, status: u16| {
        let mut all = vec![JSON];
        all.extend(headers);
        let (express, other) = both(&client, path, &all, body.as_bytes());
        assert_eq!(express.status, status, "{path} {body}: {}", express.text());
        assert_eq!(shape(&express), shape(&other), "{path} {headers:?} {body}");
        for name in ["content-type", "x-request-id", "traceparent", "content-length"] {
            let is_given = headers.iter().any(|(given, _)| *given == name);
            if name == "content-type" || is_given {
                assert_eq!(express.header(name), other.header(name), "{name}");
            }
        }
        assert!(express.header("date").is_some_and(|date| date.ends_with(" GMT") && date.len() == 29));
    };
    let repeats = r#"{"user_id":"repeats"}"#;
    check(PATH, &[], repeats, 200);
    check(PATH, &[("x-request-id", "abc"), ("traceparent", "00-1-2-00")], repeats, 200);
    check(PATH, &[("connection", "keep-alive"), ("accept", "*/*"), ("x-anything", "x")], repeats, 200);
    check(PATH, &[], r#"{"user_id":"new","coupon_type":"gone"}"#, 409);
    check(PATH, &[], r#"{"user_id":"new","coupon_type":"none"}"#, 404);
    check(PATH, &[], r#"{"user_id":""}"#, 400);
    check(PATH, &[], "", 400);
    check(PATH, &[], "{", 400);
    check("/v1/campaigns/none/claims", &[], repeats, 404);
    check("/v1/campaigns/No%20Such/claims", &[], repeats, 404);
    check("/v1/campaigns/sale/draws", &[], repeats, 409);
    check("/v1/campaigns/drawn/draws", &[], repeats, 200);
    check("/v1/campaigns/drawn/claims", &[], repeats, 409);
    check("/v1/campaigns/twice/claims", &[], repeats, 400);
    check("/v1/campaigns/twice/claims", &[("idempotency-key", "k-1")], repeats, 200);
    check("/v1/campaigns/slow/claims", &[], r#"{"user_id":"limited"}"#, 429);
    check("/v1/campaigns/proven/claims", &[], r#"{"user_id":"new"}"#, 403);
    check("/v1/campaigns/called/claims", &[], repeats, 200);
    check("/v1/campaigns/called/claims", &[], r#"{"user_id":"new"}"#, 400);
    let key = format!("Bearer {ADMIN_KEY}");
    let operator = [("authorization", key.as_str())];
    check("/v1/campaigns/proven/claims", &operator, r#"{"user_id":"new"}"#, 403);
    // A new one each.
    let [express, other] = ["first", "second"].map(|user| {
        let mut connection = if user == "second" { kept_by_hyper(&client) } else { client.connect() };
        let reply = connection.call("POST", PATH, &[JSON], json!({"user_id": user}).to_string().as_bytes());
        assert_eq!(reply.status, 201);
        let (status, names, mut body) = shape(&reply);
        assert_eq!(body["user_id"].take(), user);
        (status, names, body)
    });
    assert_eq!(express, other);
}

#[test]
fn whatever_comes_between_claims_is_answered_in_its_order() {
    let (_server, client) = server("", &json!({}));
    let mut connection = client.connect();
    let mut sent = [claim("a"), claim("b")].concat();
    sent.extend(request("GET", "/v1/campaigns/sale/claims/by-user/b", &[], b""));
    sent.extend(claim("c"));
    sent.extend(request("GET", "/nowhere", &[], b""));
    sent.extend(claim("a"));
    connection.send(&sent).expect("sent");
    let mut next = || connection.receive(false).expect("an answer");
    assert_eq!([next().json()["user_id"].take(), next().json()["user_id"].take()], ["a", "b"]);
    assert_eq!(next().json()["items"][0]["user_id"], "b");
    assert_eq!(next().json()["user_id"], "c");
    assert_eq!(next().status, 404);
    assert_eq!((next().status, client.claim("sale", "a").status), (200, 200));
}

#[test]
fn claims_are_read_however_they_are_cut() {
    let (_server, client) = server("", &json!({"coupon_types": [{"id": "a", "name": "A", "total_quota": 1000}]}));
    let mut connection = client.connect();
    for cut in 1..claim("u-0").len() {
        let users = [format!("u-{cut}"), format!("v-{cut}")];
        let bytes = [claim(&users[0]), claim(&users[1])].concat();
        // The rest comes while the first part is looked at, before that, or after.
        connection.send(&bytes[..cut]).expect("sent");
        connection.send(&bytes[cut..]).expect("sent");
        for user in users {
            let reply = connection.receive(false).expect("an answer");
            assert_eq!((reply.status, &reply.json()["user_id"]), (201, &json!(user)), "cut at {cut}");
        }
    }
}

#[test]
fn a_connection_that_asked_for_something_else_claims_on_however_it_is_cut() {
    let (_server, client) = server("", &json!({"coupon_types": [{"id": "a", "name": "A", "total_quota": 1000}]}));
    let mut connection = client.connect();
    let look = request("GET", "/v1/campaigns/sale/availability", &[("connection", "Keep-Alive")], b"");
    for cut in 1..2 * look.len() + claim("u-000").len() {
        let user = format!("u-{cut:03}");
        let bytes = [look.clone(), claim(&user), look.clone()].concat();
        connection.send(&bytes[..cut]).expect("sent");
        // Time for what came to be answered, and the connection given back with nothing or with the beginning of what follows.
        if cut % 7 == 0 {
            std::thread::sleep(Duration::from_millis(2));
        }
        connection.send(&bytes[cut..]).expect("sent");
        assert_eq!(connection.receive(false).expect("an answer").status, 200, "cut at {cut}");
        let reply = connection.receive(false).expect("an answer");
        assert_eq!((reply.status, &reply.json()["user_id"]), (201, &json!(user)), "cut at {cut}");
        assert_eq!(connection.receive(false).expect("an answer").status, 200, "cut at {cut}");
    }
    // More at once than hyper answers at one go, and a body that nobody reads.
    let sent =
        [look.repeat(100), request("POST", "/nowhere", &[JSON], b"{\"a\":1}"), claim("u-001"), look, claim("last")];
    connection.send(&sent.concat()).expect("sent");
    let statuses: Vec<_> = (0..104).map(|_| connection.receive(false).expect("an answer").status).collect();
    assert_eq!(statuses, [vec![200; 100], vec![404, 200, 200, 201]].concat());
}

#[test]
fn a_client_that_sends_much_and_listens_late_hears_everything() {
    const CLAIMS: usize = 20_000;
    let (_server, client) = server("", &json!({"coupon_types": [{"id": "a", "name": "A", "total_quota": CLAIMS}]}));
    let stream = TcpStream::connect(client.address()).expect("the server listens");
    let mut sending = stream.try_clone().expect("a socket");
    let sender = std::thread::spawn(move || {
        for number in 0..CLAIMS {
            sending.write_all(&claim(&format!("u-{number}"))).expect("sent");
        }
        sending.shutdown(Shutdown::Write).expect("a socket");
    });
    let mut connection = Connection::over(stream);
    for number in 0..CLAIMS {
        let reply = connection.receive(false).expect("an answer");
        assert_eq!((reply.status, &reply.json()["user_id"]), (201, &json!(format!("u-{number}"))));
    }
    sender.join().expect("it has sent");
    assert!(connection.is_closed_by_server(), "the client has said that nothing follows");
}

#[test]
fn who_stops_listening_is_not_written_to_without_end_and_holds_up_nobody() {
    let (_server, client) = server("", &json!({}));
    let mut deaf = TcpStream::connect(client.address()).expect("the server listens");
    deaf.set_write_timeout(Some(Duration::from_millis(500))).expect("a socket");
    let many = claim("same").repeat(100);
    let mut sent = 0;
    // Until the server reads no more: it neither listens to nor remembers more than a bounded number.
    while deaf.write_all(&many).is_ok() {
        sent += 100;
        assert!(sent < 1_000_000, "the server goes on listening to somebody who does not listen");
    }
    let began = Instant::now();
    assert_eq!(client.claim("sale", "other").status, 201);
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[test]
fn patience_and_drain_hold_for_connections_that_only_claim() {
    let settings = "[http]\nhead_timeout = \"1s\"\nbody_timeout = \"1s\"\nkeep_alive = \"2s\"\n";
    let (server, client) = server(settings, &json!({}));
    let claimed = |user| {
        let mut connection = client.connect();
        connection.send(&claim(user)).expect("sent");
        assert_eq!(connection.receive(false).expect("an answer").status, 201);
        connection
    };
    let (mut idle, mut head, mut body) = (claimed("idle"), claimed("head"), claimed("body"));
    let (whole, began) = (claim("never"), Instant::now());
    head.send(&whole[..40]).expect("sent");
    body.send(&whole[..whole.len() - 3]).expect("sent");
    assert!(head.is_closed_by_server());
    assert!(began.elapsed() < Duration::from_millis(1_900), "by the idle time instead: {:?}", began.elapsed());
    assert_eq!(body.receive(false).expect("an answer to a stalled body").problem(), (408, "request_timeout".into()));
    assert!(body.is_closed_by_server());
    assert!(idle.is_closed_by_server());
    assert!(began.elapsed() > Duration::from_millis(1_500), "idle connections have their time");
    // The part of a claim behind a whole one has a head's time.
    let mut pair = client.connect();
    pair.send(&[&claim("pair"), &whole[..40]].concat()).expect("sent");
    let began = Instant::now();
    assert_eq!(pair.receive(false).expect("an answer").status, 201);
    assert!(pair.is_closed_by_server());
    assert!(began.elapsed() < Duration::from_millis(1_900), "by the idle time instead: {:?}", began.elapsed());

    let mut draining = claimed("drains");
    server.terminate();
    assert!(draining.is_closed_by_server(), "an idle connection ends with the drain");
}
