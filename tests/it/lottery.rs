//! Lotteries: entries until the end, then winners by a rank that anybody can recompute.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::Client;
use crate::server::Server;

/// Open for so many milliseconds from now on.
fn lottery(client: &Client, id: &str, milliseconds: i64) {
    let ends_at = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(milliseconds);
    client.campaign(
        id,
        &json!({
            "mode": "lottery",
            "schedule": {"starts_at": "2020-01-01T00:00:00Z", "ends_at": format!("{ends_at:.3}")},
            "coupon_types": [
                {"id": "gold", "name": "gold", "total_quota": 2, "valid_for": "30d"},
                {"id": "silver", "name": "silver", "total_quota": 3}
            ]
        }),
    );
}

fn enter(client: &Client, id: &str, user: &str) -> crate::client::Reply {
    client.post(&format!("/v1/campaigns/{id}/entries"), &json!({"user_id": user}))
}

/// Waits until the lottery is drawn, and gives its fairness.
fn drawn(client: &Client, id: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let fairness = client.get(&format!("/v1/campaigns/{id}")).json()["fairness"].clone();
        if fairness["seed"].is_string() {
            return fairness;
        }
        assert!(Instant::now() < deadline, "it was never drawn: {fairness}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

#[test]
fn winners_are_drawn_at_the_end_and_can_be_recomputed() {
    let server = Server::start("");
    let client = server.client();
    lottery(&client, "raffle", 1_500);
    for n in 1..=9 {
        let entered = enter(&client, "raffle", &format!("u-{n}"));
        assert_eq!(entered.status, 201, "{}", entered.text());
        let entry = entered.json();
        assert_eq!((&entry["number"], &entry["outcome"]), (&json!(n), &json!("pending")));
        assert!(entry["entry_id"].is_string() && entry.get("coupon").is_none() && entry.get("rank").is_none());
    }
    let again = enter(&client, "raffle", "u-4");
    assert_eq!((again.status, &again.json()["number"]), (200, &json!(4)));
    let fairness = client.get("/v1/campaigns/raffle").json()["fairness"].clone();
    assert_eq!((&fairness["seed"], &fairness["entries"]), (&Value::Null, &json!({"count": 9, "hash": null})));

    let over = drawn(&client, "raffle");
    assert_eq!((&over["commitment"], &over["entries"]["count"]), (&fairness["commitment"], &json!(9)));
    assert_eq!(enter(&client, "raffle", "late").problem(), (410, "ended".into()));
    let entry = |client: &Client, n: u32| client.get(&format!("/v1/campaigns/raffle/entries/by-user/u-{n}")).json();
    let entries: Vec<Value> = (1..=9).map(|n| entry(&client, n)).collect();
    let mut ranks = HashSet::new();
    for (n, entry) in (1u32..).zip(&entries) {
        let rank = entry["rank"].as_u64().expect("a rank");
        assert!(ranks.insert(rank));
        let expected = match rank {
            1..=2 => json!("gold"),
            3..=5 => json!("silver"),
            _ => Value::Null,
        };
        assert_eq!(entry["coupon"]["coupon_type"], expected, "{entry}");
        assert_eq!(entry["outcome"], if expected.is_null() { "no_coupon" } else { "won" });
        let mut check = std::process::Command::new(env!("CARGO_BIN_EXE_landrush"));
        let text = |value: &Value| value.as_str().expect("hexadecimal").to_owned();
        check.args([
            "draw",
            "check",
            "--seed",
            &text(&over["seed"]),
            "--entries-hash",
            &text(&over["entries"]["hash"]),
        ]);
        check.args(["--count", "9", "--number", &n.to_string(), "--json"]);
        let said: Value = serde_json::from_slice(&check.output().expect("it runs").stdout).expect("JSON");
        assert_eq!(said["rank"], rank);
    }
    assert_eq!(ranks, (1..=9).collect());
    let listed = client.admin("GET", "/v1/campaigns/raffle/claims", None).json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(5));

    let server = Server::start_in(server.kill(), "");
    for (n, before) in (1..).zip(entries) {
        assert_eq!(entry(&server.client(), n), before);
    }
    let nobody = server.client().get("/v1/campaigns/raffle/entries/by-user/nobody");
    assert_eq!(nobody.problem(), (404, "not_found".into()));
}

#[test]
fn a_lottery_that_ended_while_the_server_was_down_is_drawn_when_it_is_back() {
    let server = Server::start("");
    lottery(&server.client(), "raffle", 400);
    let entered = enter(&server.client(), "raffle", "ann").status;
    let dir = server.kill();
    let deadline = Instant::now() + Duration::from_millis(500);
    while let Some(left) = deadline.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left);
    }
    let server = Server::start_in(dir, "");
    let over = drawn(&server.client(), "raffle");
    assert_eq!(over["entries"]["count"], u64::from(entered == 201));
}
