//! Watchers who do not read: they cost a bounded number of bytes, see the newest when they read again, and are cut off at last.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::availability;
use super::ends::{wait_for_watchers, watchers};
use super::stream::{Stream, timeless};
use crate::client::{Client, Connection};
use crate::server::Server;

/// A campaign whose events are so large that a socket holds but a few.
fn campaign_of_large_events(client: &Client) {
    let types: Vec<Value> = (0..100)
        .map(|number| json!({"id": format!("t-{number}"), "name": format!("{number}{}", "n".repeat(190)), "total_quota": 9}))
        .collect();
    client.campaign("sale", &json!({"coupon_types": types}));
}

/// A connection that takes few bytes unread.
fn narrow(server: &Server) -> Connection {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a socket");
    socket.connect(&server.address().into()).expect("the server listens");
    Connection::over(TcpStream::from(socket))
}

#[test]
fn whoever_does_not_read_sees_the_newest_when_it_does() {
    let server = Server::start("");
    let client = server.client();
    campaign_of_large_events(&client);
    let mut slow = Stream::ask(narrow(&server), "sale", &[]).expect("a stream");
    let mut quick = Stream::open(&server, "sale", &[]);
    quick.event();
    for user in 0..14 {
        assert_eq!(client.claim("sale", &format!("u-{user}")).status, 201);
        quick.event();
    }
    let truth = availability(&client);
    let mut seen = 0;
    while timeless(&slow.event().1) != truth {
        seen += 1;
    }
    assert!(seen < 10, "{seen} of 14 old states were kept for it");
    let metrics = client.get("/metrics").text();
    let skipped = metrics.lines().find_map(|line| line.strip_prefix("landrush_events_skipped_total "));
    assert!(skipped.expect("a metric").parse::<u64>().expect("a count") >= 14 - seen, "{metrics}");
}

#[test]
fn whoever_takes_nothing_for_too_long_is_cut_off() {
    let server = Server::start("[events]\nheartbeat = \"200ms\"\nstall_timeout = \"1s\"\n");
    let client = server.client();
    campaign_of_large_events(&client);
    let mut slow = Stream::ask(narrow(&server), "sale", &[]).expect("a stream");
    let mut quick = Stream::open(&server, "sale", &[]);
    quick.event();
    for user in 0..6 {
        assert_eq!(client.claim("sale", &format!("u-{user}")).status, 201);
        quick.event_at_last().expect("the stream goes on");
    }
    assert!(watchers(&client) >= 1);
    wait_for_watchers(&client, 1);
    // Who reads is served as before.
    assert_eq!(client.claim("sale", "u-9").status, 201);
    let left = |data: &Value| data["coupon_types"][0]["remaining"].as_u64();
    assert_eq!(left(&quick.event_at_last().expect("the stream goes on").1), left(&availability(&client)));
    assert!(slow.is_cut_off());
}

#[test]
fn a_drain_does_not_wait_for_whoever_takes_nothing() {
    let server = Server::start("");
    let client = server.client();
    campaign_of_large_events(&client);
    let mut slow = Stream::ask(narrow(&server), "sale", &[]).expect("a stream");
    let mut quick = Stream::open(&server, "sale", &[]);
    quick.event();
    for user in 0..6 {
        assert_eq!(client.claim("sale", &format!("u-{user}")).status, 201);
        quick.event();
    }
    let began = Instant::now();
    server.terminate();
    quick.ends();
    assert!(server.wait().0.success());
    assert!(began.elapsed() < Duration::from_secs(5), "not before the drain deadline: {:?}", began.elapsed());
    assert!(slow.is_cut_off());
}
