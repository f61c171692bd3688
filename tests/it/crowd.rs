//! Crowds: many idle connections, more than there is room for, and more claims than a mailbox holds.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Connection, JSON, Reply, request};
use crate::server::Server;

/// Descriptors that this process needs for its side of the idle crowd.
const DESCRIPTORS: u64 = 12_000;

/// The server's memory, in MiB.
fn resident_mib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a size");
    line.split_whitespace().nth(1).expect("a number").parse::<u64>().expect("a number") / 1_024
}

#[test]
fn ten_thousand_idle_connections_cost_little_and_hold_up_nobody() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(DESCRIPTORS, |maximum| maximum.min(DESCRIPTORS)).max(limit.current.unwrap_or(0));
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum }).expect("within the maximum");

    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    let before = resident_mib(&server);
    // Half have asked something before, which leaves no buffers behind.
    let ask = request("GET", "/v1/time", &[], b"");
    let mut idle: Vec<Connection> = (0..10_000).map(|_| client.connect()).collect();
    for connection in idle.iter_mut().step_by(2) {
        connection.send(&ask).expect("sent");
    }
    for connection in idle.iter_mut().step_by(2) {
        assert_eq!(connection.receive(false).expect("an answer").status, 200);
    }
    let began = Instant::now();
    assert_eq!(client.claim("sale", "live").status, 201);
    assert!(began.elapsed() < Duration::from_secs(1), "a live client waited {:?}", began.elapsed());
    let metrics = client.get("/metrics").text();
    let connections = metrics.lines().find_map(|line| line.strip_prefix("landrush_http_connections "));
    let connections: u32 = connections.expect("a gauge").parse().expect("a number");
    // Those that never spoke may have been dropped by now, if this machine is very busy.
    assert!(connections >= 5_000, "{connections}");
    let grown = resident_mib(&server) - before;
    assert!(grown < 80, "10,000 idle connections took {grown} MiB");
}

#[test]
fn beyond_the_cap_a_connection_is_turned_away_with_a_reason() {
    let server = Server::start("[http]\nconnections_max = 5\n");
    let client = server.client();
    let mut held: Vec<Connection> = (0..5).map(|_| client.connect()).collect();
    for connection in &mut held {
        assert_eq!(connection.call("GET", "/v1/time", &[], b"").status, 200);
    }
    let mut refused = client.connect();
    let reply = refused.receive(false).expect("an answer");
    assert_eq!(reply.problem(), (503, "overloaded".into()));
    assert!(refused.is_closed_by_server());
    assert_eq!(reply.header("x-request-id").map(str::len), Some(16), "an operator can be told which answer it was");
    let wait = |reply: &Reply| {
        let milliseconds = reply.json()["retry_after_ms"].as_u64().expect("a wait");
        let seconds = reply.header("retry-after").and_then(|seconds| seconds.parse::<u64>().ok()).expect("the same");
        assert_eq!(seconds, milliseconds.div_ceil(1_000));
        milliseconds
    };
    // Else all who are turned away at once come again at once.
    let again = || wait(&client.connect().receive(false).expect("an answer"));
    let first = wait(&reply);
    assert!((0..20).any(|_| again() != first), "all are told {first} ms");
    // Nobody is evicted, and whoever leaves makes room.
    assert_eq!(held[0].call("GET", "/v1/time", &[], b"").status, 200);
    drop(held.pop());
    let deadline = Instant::now() + Duration::from_secs(10);
    while !admitted(&server) {
        assert!(Instant::now() < deadline, "a place was not given back");
    }
}

fn admitted(server: &Server) -> bool {
    let mut connection = server.client().connect();
    // The refusal may come before or after the request is sent.
    let sent = connection.send(&request("GET", "/v1/time", &[], b""));
    sent.is_ok() && connection.receive(false).is_some_and(|reply| reply.status == 200)
}

#[test]
fn a_full_mailbox_sheds_load_and_what_is_shed_did_not_happen() {
    let server = Server::start("[shards]\nmailbox_commands = 1\ncount = 1\n[http]\nio_threads = 1\n");
    let client = server.client();
    client.campaign("sale", &json!({"coupon_types": [{"id": "a", "name": "a", "total_quota": 1_000_000}]}));
    let mut connections: Vec<Connection> = (0..64).map(|_| client.connect()).collect();
    let claim = |user: &str| {
        let body = json!({"user_id": user}).to_string();
        request("POST", "/v1/campaigns/sale/claims", &[JSON], body.as_bytes())
    };
    for round in 0..200 {
        let user = |index: usize| format!("u-{round}-{index}");
        for (index, connection) in connections.iter_mut().enumerate() {
            connection.send(&claim(&user(index))).expect("sent");
        }
        let mut shed = Vec::new();
        for (index, connection) in connections.iter_mut().enumerate() {
            let reply = connection.receive(false).expect("an answer");
            if reply.status != 201 {
                assert_eq!(reply.problem(), (503, "overloaded".into()));
                assert!(reply.header("retry-after").is_some());
                shed.push(index);
            }
        }
        // Whoever was shed has nothing, and gets it by asking again.
        if let Some(index) = shed.first() {
            let held = client.get(&format!("/v1/campaigns/sale/claims/by-user/{}", user(*index)));
            assert_eq!(held.json(), json!({"items": []}));
            assert_eq!(client.claim("sale", &user(*index)).status, 201);
            return;
        }
    }
    panic!("64 claims at once never filled a mailbox of one");
}
