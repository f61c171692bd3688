//! How long somebody is told to wait who has people ahead.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{join, place, wait_for};
use crate::client::Client;
use crate::server::Server;

/// Is open, and lets so many in a second.
fn sale(client: &Client, id: &str, admit_per_second: u64) {
    let types = json!([{"id": "cash-5", "name": "cash", "total_quota": 1_000}]);
    let room = json!({"admit_per_second": admit_per_second, "opens_before": "10m", "admitted_for": "10m"});
    client.campaign(id, &json!({"coupon_types": types, "protection": {"waiting_room": room}}));
}

#[test]
fn who_has_people_ahead_is_told_how_long_they_take_at_the_rooms_rate() {
    let server = Server::start("");
    let client = server.client();
    for (id, rate) in [("slow", 1), ("quicker", 7)] {
        sale(&client, id, rate);
        let (mut last, mut ahead_most) = (Value::Null, 0);
        for number in 1..=70u64 {
            last = join(&client, id, &format!("u-{number}")).json();
            assert_eq!(last["position"], json!(number), "those who come after the opening stand as they came");
            if last["state"] == "admitted" {
                assert_eq!(last["estimated_wait"], Value::Null);
                continue;
            }
            let ahead = last["ahead"].as_u64().expect("a number");
            assert!(ahead < number, "{last}");
            ahead_most = ahead_most.max(ahead);
            // They and whoever is told are let in, so many a second: a part of a second counts as a whole one.
            let seconds = (ahead + 1).div_ceil(rate);
            let spelt = match seconds {
                60 => String::from("1m"),
                0..60 => format!("{seconds}s"),
                _ => format!("1m{}s", seconds - 60),
            };
            assert_eq!(last["estimated_wait"], json!(spelt), "{last}");
        }
        assert!(ahead_most > 2 * rate, "nobody ever stood behind many: {last}");
        let told = place(&client, id, last["ticket"].as_str().expect("a ticket"));
        assert!(told["ahead"].as_u64() <= last["ahead"].as_u64(), "they only become fewer: {told}");
    }
}

#[test]
fn the_wait_that_is_told_is_about_the_wait_there_is() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "drop", 1);
    (0..9).for_each(|n| drop(join(&client, "drop", &format!("u-{n}"))));
    let last = join(&client, "drop", "last").json();
    let came = Instant::now();
    let told = last["estimated_wait"].as_str().and_then(|told| told.strip_suffix('s')).expect("seconds");
    let told = Duration::from_secs(told.parse().expect("a number"));
    assert!(told >= Duration::from_secs(2), "some are ahead: {last}");
    let admitted = wait_for(&client, "drop", last["ticket"].as_str().expect("a ticket"), "admitted");
    let waited = came.elapsed();
    // The step in which they came may be nearly over, and this machine may be busy.
    assert!(waited + Duration::from_secs(2) > told, "after {waited:?}, told {told:?}");
    assert!(waited < told + Duration::from_secs(10), "after {waited:?}, told {told:?}");
    assert_eq!(admitted["estimated_wait"], Value::Null);
}
