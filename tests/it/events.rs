//! The event stream: what comes, when, how often, and how it ends.

mod ends;
mod pace;
mod slow;
mod stream;

use std::time::Instant;

use serde_json::{Value, json};

use self::stream::{Item, Stream, timeless};
use crate::client::{Client, PATIENCE};
use crate::server::Server;

/// Heartbeats so often that a test can wait for one to know that nothing else came.
const LIVELY: &str = "[events]\nheartbeat = \"300ms\"\n";

fn availability(client: &Client) -> Value {
    timeless(&client.get("/v1/campaigns/sale/availability").json())
}

#[test]
fn the_first_event_is_there_at_once_and_says_what_availability_says() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    // Whatever the caller says that it takes: events are all there is.
    let mut stream = Stream::open(&server, "sale", &[("accept", "application/json")]);
    for (name, value) in
        [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")]
    {
        assert_eq!(stream.header(name), Some(value), "{name}");
    }
    let Some(Item::Retry(milliseconds)) = stream.item() else { panic!("no retry") };
    assert!((1_000..5_000).contains(&milliseconds), "{milliseconds}");
    let (id, data) = stream.event();
    assert_eq!(id.len(), 16);
    assert_eq!(timeless(&data), availability(&client));
    let told: jiff::Timestamp = data["server_time"].as_str().expect("a time").parse().expect("a time");
    assert!(told.duration_until(jiff::Timestamp::now()).unsigned_abs().as_secs() < 5, "{data}");
}

#[test]
fn a_change_is_told_to_all_in_the_same_bytes() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    let mut streams: Vec<Stream> = (0..20).map(|_| Stream::open(&server, "sale", &[])).collect();
    let first: Vec<String> = streams.iter_mut().map(|stream| stream.event().0).collect();
    assert!(first.iter().all(|id| *id == first[0]));
    assert_eq!(client.claim("sale", "u-1").status, 201);
    let second: Vec<(String, Value)> = streams.iter_mut().map(Stream::event).collect();
    assert!(second.iter().all(|event| *event == second[0] && event.0 != first[0]), "{second:?}");
    assert_eq!(second[0].1["coupon_types"][0]["remaining"], 99);
    assert_eq!(timeless(&second[0].1), availability(&client));
}

#[test]
fn how_far_the_waiting_room_is_comes_by_the_stream_until_nothing_is_left() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("plain", &json!({}));
    let room = json!({"admit_per_second": 100, "admitted_for": "10m"});
    let coupons = json!([{"id": "cash-5", "name": "cash", "total_quota": 1}]);
    client.campaign("sale", &json!({"protection": {"waiting_room": room}, "coupon_types": coupons}));
    let path = "/v1/campaigns/sale/waiting-room";
    // The shuffle of those who came before the opening, nobody here, follows the opening a little later.
    let began = Instant::now();
    while client.get(path).json()["fairness"]["seed"].is_null() {
        assert!(began.elapsed() < PATIENCE, "never shuffled");
    }
    let mut stream = Stream::open(&server, "sale", &[]);
    assert_eq!(stream.room(), client.get(path).json(), "at once, and what the call says");
    let tickets = ["ann", "bob"].map(|user| {
        let joined = client.post(path, &json!({"user_id": user})).json();
        joined["ticket"].as_str().expect("a ticket").to_owned()
    });
    let until = |stream: &mut Stream, holds: &dyn Fn(&Value) -> bool| loop {
        let room = stream.room();
        if holds(&room) {
            return room;
        }
    };
    let admitted = until(&mut stream, &|room| room["now_serving"] == 1 && room["waiting"] == 1);
    assert_eq!(admitted["state"], "waiting");
    let headers = [crate::client::JSON, ("x-landrush-ticket", tickets[0].as_str())];
    let won = client.call("POST", "/v1/campaigns/sale/claims", &headers, br#"{"user_id":"ann"}"#);
    assert_eq!(won.status, 201, "{}", won.text());
    until(&mut stream, &|room| room["state"] == "sold_out");
    let mut late = Stream::open(&server, "sale", &[]);
    assert_eq!(late.room()["state"], "sold_out", "whoever comes is told at once");
    let mut plain = Stream::open(&server, "plain", &[]);
    assert!(matches!(plain.item(), Some(Item::Retry(_))));
    assert!(matches!(plain.item(), Some(Item::Event(..))), "a campaign without a room has nothing to say of one");
}

#[test]
fn whoever_comes_back_is_told_what_it_has_not_seen() {
    let server = Server::start(LIVELY);
    let client = server.client();
    client.campaign("sale", &json!({}));
    let (stale, _) = Stream::open(&server, "sale", &[]).event();
    assert_eq!(client.claim("sale", "u-1").status, 201);
    let (current, data) = Stream::open(&server, "sale", &[("last-event-id", &stale)]).event();
    assert_eq!(data["coupon_types"][0]["remaining"], 99);
    let resumed = |server: &Server| {
        let mut stream = Stream::open(server, "sale", &[("last-event-id", &current)]);
        assert!(matches!(stream.item(), Some(Item::Retry(_))));
        stream.item()
    };
    assert_eq!(resumed(&server), Some(Item::Comment));
    assert_ne!(Stream::open(&server, "sale", &[("last-event-id", "x")]).event().0, stale);
    // A restart takes nothing from what was seen.
    let server = Server::start_in(server.kill(), LIVELY);
    assert_eq!(resumed(&server), Some(Item::Comment));
}

#[test]
fn rough_counts_hide_that_anything_changed() {
    let server = Server::start(LIVELY);
    let client = server.client();
    client.campaign("sale", &json!({"availability_display": "bucketed"}));
    let mut stream = Stream::open(&server, "sale", &[]);
    let (plenty, data) = stream.event();
    assert_eq!(data["coupon_types"][0]["remaining"], "plenty");
    let claim = |users: std::ops::Range<u32>| {
        for user in users {
            assert_eq!(client.claim("sale", &format!("u-{user}")).status, 201);
        }
    };
    claim(0..74);
    assert_eq!(stream.item(), Some(Item::Comment));
    assert_eq!(Stream::open(&server, "sale", &[]).event().0, plenty);
    claim(74..75);
    // Heartbeats alone come before it, however long the claims took.
    let (few, data) = stream.event_at_last().expect("the stream goes on");
    assert_eq!(data["coupon_types"][0]["remaining"], "few");
    assert_ne!(few, plenty);
}

#[test]
fn head_shows_what_get_would_and_goes_on() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    let mut connection = client.connect();
    for _ in 0..2 {
        let head = connection.call("HEAD", "/v1/campaigns/sale/events", &[], b"");
        assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
        assert!(head.body.is_empty());
    }
    assert_eq!(connection.call("GET", "/v1/time", &[], b"").status, 200);
    assert_eq!(client.get("/v1/campaigns/none/events").problem(), (404, "not_found".into()));
    assert_eq!(client.post("/v1/campaigns/sale/events", &json!({})).problem(), (405, "method_not_allowed".into()));
}

#[test]
fn an_old_client_gets_the_events_without_chunks() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    let mut connection = client.connect();
    connection.send(b"GET /v1/campaigns/sale/events HTTP/1.0\r\nhost: x\r\n\r\n").expect("sent");
    let head = connection.receive(true).expect("a head");
    assert_eq!((head.status, head.header("transfer-encoding")), (200, None));
    let mut stream = Stream::without_chunks(connection);
    assert_eq!(stream.event().1["coupon_types"][0]["remaining"], 100);
    assert_eq!(client.claim("sale", "u-1").status, 201);
    assert_eq!(stream.event().1["coupon_types"][0]["remaining"], 99);
}

#[test]
fn a_stream_may_follow_other_requests_on_its_connection() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    let mut connection = client.connect();
    let mut requests = crate::client::request("GET", "/v1/time", &[], b"").repeat(3);
    requests.extend(crate::client::request("GET", "/v1/campaigns/sale/events", &[], b""));
    connection.send(&requests).expect("sent");
    for _ in 0..3 {
        assert!(connection.receive(false).expect("an answer").json()["server_time"].is_string());
    }
    assert_eq!(connection.receive(true).expect("a head").status, 200);
    assert_eq!(Stream::of(connection).event().1["campaign_id"], "sale");
}

#[test]
fn a_stream_is_one_of_many_requests_on_an_http_2_connection() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut sender = stream::http_2(server.address()).await;
        let mut first = stream::events_over_http_2(&mut sender, "sale").await;
        assert!(stream::frame(&mut first).await.expect("an event").contains("\"remaining\":100"));
        let mut second = stream::events_over_http_2(&mut sender, "sale").await;
        assert!(stream::frame(&mut second).await.expect("an event").contains("\"remaining\":100"));
        assert_eq!(client.claim("sale", "u-1").status, 201);
        for events in [&mut first, &mut second] {
            assert!(stream::frame(events).await.expect("an event").contains("\"remaining\":99"));
        }
        server.terminate();
        assert_eq!(stream::frame(&mut first).await, None);
    });
    assert!(server.wait().0.success());
}
