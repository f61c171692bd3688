//! How often events come: with changes all the time, with none, and when the schedule turns.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::stream::{Item, Stream};
use super::{LIVELY, availability};
use crate::client::JSON;
use crate::server::Server;

fn time(data: &Value, name: &str) -> Timestamp {
    data[name].as_str().expect("a time").parse().expect("a time")
}

#[test]
fn however_many_claim_there_are_four_events_a_second_and_the_last_is_right() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({"coupon_types": [{"id": "a", "name": "a", "total_quota": 1_000_000}]}));
    let mut stream = Stream::open(&server, "sale", &[]);
    let is_done = AtomicBool::new(false);
    let (events, last) = std::thread::scope(|scope| {
        let claiming = scope.spawn(|| {
            let mut connection = client.connect();
            let mut user = 0;
            while !is_done.load(Ordering::Relaxed) {
                let body = json!({"user_id": format!("u-{user}")}).to_string();
                let reply = connection.call("POST", "/v1/campaigns/sale/claims", &[JSON], body.as_bytes());
                assert_eq!(reply.status, 201);
                user += 1;
            }
        });
        let events: Vec<Value> = (0..9).map(|_| stream.event().1).collect();
        is_done.store(true, Ordering::Relaxed);
        claiming.join().expect("claims are granted");
        let truth = availability(&client);
        // The ninth may have shown the last claim already: then no event is to come, and none does.
        let mut last = events.last().cloned().expect("nine of them");
        while last["coupon_types"] != truth["coupon_types"] {
            last = stream.event().1;
        }
        (events, last)
    });
    let times: Vec<Timestamp> = events.iter().map(|data| time(data, "server_time")).collect();
    for five in times.windows(5) {
        let span = five[0].duration_until(five[4]);
        // The first event is a newcomer's own, out of turn; from the first publication on there are four a second.
        assert!(five[0] == times[0] || span >= SignedDuration::from_secs(1), "{times:?}");
        assert!(span < SignedDuration::from_secs(10), "{times:?}");
    }
    let left: Vec<u64> =
        events.iter().map(|data| data["coupon_types"][0]["remaining"].as_u64().expect("a count")).collect();
    assert!(left.is_sorted_by(|before, after| before > after), "{left:?}");
    assert!(last["coupon_types"][0]["remaining"].as_u64() <= left.last().copied());
}

#[test]
fn nothing_comes_when_nothing_changes() {
    let server = Server::start(LIVELY);
    let client = server.client();
    client.campaign("sale", &json!({}));
    client.campaign("other", &json!({}));
    let mut stream = Stream::open(&server, "sale", &[]);
    stream.event();
    assert_eq!(client.claim("other", "u-1").status, 201);
    assert_eq!(client.claim("sale", "u-1").status, 201);
    assert!(stream.event_at_last().is_some());
    assert_eq!(client.claim("sale", "u-1").status, 200);
    for _ in 0..3 {
        assert_eq!(stream.item(), Some(Item::Comment));
    }
}

#[test]
fn the_opening_and_the_end_are_told_when_they_come() {
    let server = Server::start("");
    let client = server.client();
    let starts_at = Timestamp::now() + SignedDuration::from_millis(1_620);
    let ends_at = starts_at + SignedDuration::from_millis(1_130);
    let schedule = json!({"starts_at": format!("{starts_at:.3}"), "ends_at": format!("{ends_at:.3}")});
    client.campaign("sale", &json!({"schedule": schedule}));
    let mut stream = Stream::open(&server, "sale", &[]);
    let (_, before) = stream.event();
    assert_eq!(before["state"], "scheduled");
    let (_, open) = stream.event();
    let (_, ended) = stream.event();
    assert_eq!((&open["state"], &ended["state"]), (&json!("open"), &json!("ended")));
    for (data, edge) in [(&open, time(&before, "opens_at")), (&ended, time(&before, "closes_at"))] {
        let late = edge.duration_until(time(data, "server_time"));
        // Less than the time between two events, also where tests crowd a small machine.
        assert!(late >= SignedDuration::ZERO && late < SignedDuration::from_millis(200), "{late}");
    }
}

#[test]
fn a_pause_is_told() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    let mut stream = Stream::open(&server, "sale", &[]);
    assert_eq!(stream.event().1["state"], "open");
    for (action, state) in [("pause", "paused"), ("resume", "open")] {
        assert_eq!(client.admin("POST", &format!("/v1/campaigns/sale/{action}"), None).status, 200);
        assert_eq!(stream.event().1["state"], state);
    }
}
