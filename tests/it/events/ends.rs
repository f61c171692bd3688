//! How streams end or never begin: the cap, a drain, an archived campaign, a watcher who goes.

use std::time::{Duration, Instant};

use serde_json::json;

use super::stream::Stream;
use crate::client::{Client, PATIENCE};
use crate::server::Server;

/// How many watch, as the metrics say.
pub(super) fn watchers(client: &Client) -> u64 {
    let metrics = client.get("/metrics").text();
    let line = metrics.lines().find_map(|line| line.strip_prefix("landrush_watchers "));
    line.expect("a metric").parse().expect("a count")
}

/// Asks again and again until that many watch.
pub(super) fn wait_for_watchers(client: &Client, count: u64) {
    let began = Instant::now();
    while watchers(client) != count {
        assert!(began.elapsed() < PATIENCE, "{} watch, not {count}", watchers(client));
    }
}

#[test]
fn at_the_cap_newcomers_are_sent_to_availability_and_nobody_is_cut_off() {
    let server = Server::start("[events]\nwatchers_max = 2\n");
    let client = server.client();
    client.campaign("sale", &json!({}));
    let mut streams: Vec<Stream> = (0..2).map(|_| Stream::open(&server, "sale", &[])).collect();
    streams.iter_mut().for_each(|stream| drop(stream.event()));
    let mut connection = client.connect();
    let refused = connection.call("GET", "/v1/campaigns/sale/events", &[], b"");
    assert_eq!(refused.problem(), (503, "overloaded".into()));
    assert!(refused.header("retry-after").is_some());
    let instead = connection.call("GET", "/v1/campaigns/sale/availability", &[], b"");
    assert_eq!((instead.status, instead.header("cache-control")), (200, Some("public, max-age=1")));
    assert_eq!(watchers(&client), 2);
    assert_eq!(client.claim("sale", "u-1").status, 201);
    for stream in &mut streams {
        assert_eq!(stream.event().1["coupon_types"][0]["remaining"], 99);
    }
    // Whoever goes makes room.
    drop(streams.pop());
    wait_for_watchers(&client, 1);
    assert_eq!(Stream::open(&server, "sale", &[]).event().1["coupon_types"][0]["remaining"], 99);
}

#[test]
fn a_drain_ends_all_streams_at_once() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    let mut streams: Vec<Stream> = (0..50).map(|_| Stream::open(&server, "sale", &[])).collect();
    streams.iter_mut().for_each(|stream| drop(stream.event()));
    let began = Instant::now();
    server.terminate();
    streams.iter_mut().for_each(Stream::ends);
    assert!(server.wait().0.success());
    assert!(began.elapsed() < Duration::from_secs(5), "not before the drain deadline: {:?}", began.elapsed());
}

#[test]
fn an_archived_campaign_ends_its_streams_after_the_last_event() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    let mut stream = Stream::open(&server, "sale", &[]);
    stream.event();
    assert_eq!(client.admin("POST", "/v1/campaigns/sale/cancel", None).status, 200);
    assert_eq!(stream.event().1["state"], "cancelled");
    assert_eq!(client.admin("POST", "/v1/campaigns/sale/archive", None).status, 200);
    stream.ends();
    assert_eq!(client.get("/v1/campaigns/sale/events").problem(), (410, "archived".into()));
}
