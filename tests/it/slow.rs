//! Clients that are slow, silent or stalled: dropped in time, and nobody else waits for them.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Client, JSON};
use crate::server::Server;

/// Short patience, so that tests need little.
const IMPATIENT: &str = "[http]\nhead_timeout = \"1s\"\nbody_timeout = \"1s\"\nkeep_alive = \"2s\"\n";

const HEAD: &str = "POST /v1/campaigns/sale/claims HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";

fn server() -> (Server, Client) {
    let server = Server::start(IMPATIENT);
    let client = server.client();
    client.campaign("sale", &json!({}));
    (server, client)
}

#[test]
fn silent_and_half_said_connections_are_dropped_and_hold_up_nobody() {
    let (_server, client) = server();
    let mut connections: Vec<_> = (0..60).map(|_| client.connect()).collect();
    for (index, connection) in connections.iter_mut().enumerate() {
        match index % 3 {
            0 => {}
            1 => connection.send(b"POST /v1/camp").expect("sent"),
            _ => connection.send(format!("{HEAD}content-length: 30\r\n\r\n{{\"user").as_bytes()).expect("sent"),
        }
    }
    let began = Instant::now();
    assert_eq!(client.claim("sale", "live").status, 201);
    assert!(began.elapsed() < Duration::from_secs(1), "a live client waited {:?}", began.elapsed());
    for (index, connection) in connections.iter_mut().enumerate() {
        if index % 3 == 2 {
            let reply = connection.receive(false).expect("an answer to a stalled body");
            assert_eq!(reply.problem(), (408, "request_timeout".into()));
        }
        assert!(connection.is_closed_by_server(), "connection {index} is still open");
    }
}

#[test]
fn a_head_that_stalls_on_a_kept_connection_is_dropped_too() {
    let (_server, client) = server();
    let mut connection = client.connect();
    assert_eq!(connection.call("GET", "/v1/time", &[], b"").status, 200);
    connection.send(b"GET /v1/ti").expect("sent");
    let began = Instant::now();
    assert!(connection.is_closed_by_server());
    assert!(began.elapsed() < Duration::from_millis(1_900), "by the idle time instead: {:?}", began.elapsed());
}

#[test]
fn an_idle_connection_is_closed_after_its_time_and_not_before() {
    let (_server, client) = server();
    let mut connection = client.connect();
    assert_eq!(connection.call("GET", "/v1/time", &[], b"").status, 200);
    let began = Instant::now();
    assert!(connection.is_closed_by_server());
    let idled = began.elapsed();
    assert!(idled > Duration::from_millis(1_500) && idled < Duration::from_secs(5), "{idled:?}");
}

#[test]
fn a_body_that_trickles_is_waited_for() {
    let (_server, client) = server();
    let body = br#"{"user_id":"slow"}"#;
    let mut connection = client.connect();
    connection.send(format!("{HEAD}content-length: {}\r\n\r\n", body.len()).as_bytes()).expect("sent");
    // The pace of a slow client, and no wait for anything: each piece is well within patience, all together are not.
    let (ticks, paced) = std::sync::mpsc::channel::<()>();
    for piece in body.chunks(3) {
        connection.send(piece).expect("sent");
        assert!(paced.recv_timeout(Duration::from_millis(300)).is_err());
    }
    drop(ticks);
    assert_eq!(connection.receive(false).expect("an answer").status, 201);
}

#[test]
fn requests_on_one_connection_are_answered_in_order() {
    let (_server, client) = server();
    let mut connection = client.connect();
    let mut sent = Vec::new();
    for user in 0..20 {
        let body = json!({"user_id": format!("u-{user}")}).to_string();
        sent.extend(crate::client::request("POST", "/v1/campaigns/sale/claims", &[JSON], body.as_bytes()));
    }
    connection.send(&sent).expect("sent");
    for user in 0..20 {
        let reply = connection.receive(false).expect("an answer");
        assert_eq!((reply.status, &reply.json()["user_id"]), (201, &json!(format!("u-{user}"))));
    }
}
