//! How often one caller may ask.

use serde_json::json;

use crate::client::{Client, JSON, Reply};
use crate::server::{ADMIN_KEY, Server};

fn claim(client: &Client, body: &serde_json::Value, headers: &[(&str, &str)]) -> Reply {
    let mut all = vec![JSON];
    all.extend(headers);
    client.call("POST", "/v1/campaigns/c/claims", &all, body.to_string().as_bytes())
}

#[test]
fn a_user_over_the_rate_is_asked_to_wait_also_for_a_repeat() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("c", &json!({"protection": {"rate_limit": {"user": "2/1h"}}}));
    client.campaign("d", &json!({"protection": {"rate_limit": {"user": "2/1h"}}}));
    assert_eq!(client.claim("c", "u-1").status, 201);
    assert_eq!(client.claim("c", "u-1").status, 200, "repeats count too");
    let refused = client.claim("c", "u-1");
    assert_eq!(refused.problem(), (429, String::from("rate_limited")));
    let seconds: u64 = refused.header("retry-after").expect("Retry-After").parse().expect("seconds");
    let wait_ms = refused.json()["retry_after_ms"].as_u64().expect("a wait");
    assert!((1_700_000..=1_810_000).contains(&wait_ms), "{wait_ms}");
    assert_eq!(seconds, wait_ms.div_ceil(1_000));
    assert_eq!(refused.header("x-landrush-refused-by"), None, "not for the public");
    assert_eq!(refused.header("ratelimit"), None);
    assert_eq!(client.claim("c", "u-2").status, 201, "another user");
    assert_eq!(client.claim("d", "u-1").status, 201, "another campaign");
    let metrics = client.get("/metrics").text();
    assert!(metrics.contains("landrush_gate_refused_total{reason=\"rate_limited_user\"} 1\n"), "{metrics}");
    assert!(metrics.contains("landrush_claims_total{outcome=\"rate_limited\"} 1\n"), "{metrics}");
}

#[test]
fn asking_again_during_a_wait_does_not_lengthen_it() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("c", &json!({"protection": {"rate_limit": {"user": "1/1h"}}}));
    assert_eq!(client.claim("c", "u-1").status, 201);
    for _ in 0..20 {
        let wait_ms = client.claim("c", "u-1").json()["retry_after_ms"].as_u64().expect("a wait");
        assert!(wait_ms <= 3_610_000, "{wait_ms}");
    }
}

#[test]
fn devices_and_phones_have_rates_of_their_own() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("c", &json!({"protection": {"rate_limit": {"device": "1/1h", "phone": "1/1h"}}}));
    let device = |name| [("x-device-id", name)];
    assert_eq!(claim(&client, &json!({"user_id": "u-1"}), &device("d-1")).status, 201);
    let refused = claim(&client, &json!({"user_id": "u-2"}), &device("d-1"));
    assert_eq!(refused.problem(), (429, String::from("rate_limited")));
    assert_eq!(claim(&client, &json!({"user_id": "u-2"}), &device("d-2")).status, 201);
    assert_eq!(claim(&client, &json!({"user_id": "u-3"}), &device(&"d".repeat(129))).status, 400);
    assert_eq!(claim(&client, &json!({"user_id": "u-4", "phone": "+6591234567"}), &[]).status, 201);
    let refused = claim(&client, &json!({"user_id": "u-5", "phone": "+65 9123 4567"}), &[]);
    assert_eq!(refused.problem(), (429, String::from("rate_limited")));
}

#[test]
fn a_rate_is_judged_after_the_request_itself_and_before_the_campaign() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("c", &json!({"protection": {"rate_limit": {"address": "1/1h"}}}));
    assert_eq!(client.admin("POST", "/v1/campaigns/c/pause", None).status, 200);
    assert_eq!(client.claim("c", "u-1").problem().1, "paused");
    assert_eq!(client.claim("c", "u-1").problem().1, "rate_limited");
    assert_eq!(claim(&client, &json!({"user_id": ""}), &[]).problem().1, "invalid_request");
    assert_eq!(client.claim("nowhere", "u-1").problem().1, "not_found");
    assert_eq!(client.post("/v1/campaigns/c/draws", &json!({"user_id": "u-1"})).problem().1, "wrong_mode");
}

#[test]
fn operators_are_told_what_refused_them() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("c", &json!({"protection": {"rate_limit": {"address": "1/1h", "user": "1/1h"}}}));
    let key = format!("Bearer {ADMIN_KEY}");
    let bearing = [("authorization", key.as_str())];
    assert_eq!(claim(&client, &json!({"user_id": "u-1"}), &bearing).status, 201);
    let refused = claim(&client, &json!({"user_id": "u-1"}), &bearing);
    assert_eq!(refused.header("x-landrush-refused-by"), Some("rate_limited_address"));
}

#[test]
fn whoever_joins_registers_or_answers_a_challenge_asks_too() {
    let server = Server::start("");
    let client = server.client();
    let protection = json!({
        "rate_limit": {"user": "1/1h"}, "waiting_room": {"admit_per_second": 1},
        "eligibility": {"who": "registered"}, "challenge": {"provider": "altcha"}
    });
    client.campaign("c", &json!({"protection": protection}));
    let answer = json!({"user_id": "u-3", "provider": "altcha", "payload": "e30="});
    for (call, body, first) in [
        ("waiting-room", json!({"user_id": "u-1"}), 201),
        ("registrations", json!({"user_id": "u-2"}), 201),
        ("challenge", answer, 400),
    ] {
        let path = format!("/v1/campaigns/c/{call}");
        assert_eq!(client.post(&path, &body).status, first, "{call}");
        assert_eq!(client.post(&path, &body).problem(), (429, String::from("rate_limited")), "{call}");
    }
    assert_eq!(client.get("/v1/campaigns/c/challenge?user_id=u-3").status, 200, "a challenge is asked for at no cost");
}

#[test]
fn draws_and_entries_are_asked_for_too() {
    let server = Server::start("");
    let client = server.client();
    let limits = json!({"rate_limit": {"user": "1/1h", "address": "3/1h"}});
    let drawn = json!([{"id": "cash-5", "name": "cash", "total_quota": 100, "probability": 0.5}]);
    client.campaign("draws", &json!({"mode": "draw", "coupon_types": drawn, "protection": limits}));
    client.campaign("entries", &json!({"mode": "lottery", "protection": limits}));
    let draw = |user: &str| client.post("/v1/campaigns/draws/draws", &json!({"user_id": user}));
    let named = |user: &str| client.post("/draw", &json!({"campaign_id": "draws", "user_id": user}));
    let enter = |user: &str| client.post("/v1/campaigns/entries/entries", &json!({"user_id": user}));
    let refused = (429, String::from("rate_limited"));
    assert_eq!(draw("u-1").status, 201);
    assert_eq!(draw("u-1").problem(), refused);
    assert_eq!(named("u-1").problem(), refused, "one rate for both ways to ask");
    // Refused requests of the address count for it too: it has asked thrice.
    assert_eq!(named("u-2").problem(), refused);
    assert_eq!(enter("u-1").status, 201);
    assert_eq!(enter("u-1").problem(), refused);
    assert_eq!(enter("u-2").status, 201, "another campaign, and its third request");
    assert_eq!(enter("u-3").problem(), refused);
}

#[test]
fn leaving_out_a_number_that_is_known_does_not_evade_its_rate() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("c", &json!({"protection": {"rate_limit": {"phone": "1/1h"}}}));
    let stored = json!({"user_id": "u-1", "phone": "+6591234567"});
    assert_eq!(client.admin("POST", "/v1/users", Some(&stored)).status, 201);
    assert_eq!(client.claim("c", "u-1").status, 201);
    assert_eq!(client.claim("c", "u-1").problem(), (429, String::from("rate_limited")));
    let another = claim(&client, &json!({"user_id": "u-2", "phone": "+6591234567"}), &[]);
    assert_eq!(another.problem(), (429, String::from("rate_limited")), "the same number");
    assert_eq!(client.claim("c", "u-3").status, 201, "no number is known");
}

#[test]
fn a_management_key_with_a_rate_is_told_what_is_left_and_the_public_is_not() {
    let key = "lrk_0123456789abcdef0123456789abcdef";
    let hash = landrush::gate::management_keys::KeyHash::of(key).to_hex();
    let server = Server::start(&format!(
        "[[auth.management_keys]]\nname = \"shop\"\nsha256 = \"{hash}\"\nscopes = [\"read\"]\nrate = \"3/1h\"\n"
    ));
    let client = server.client();
    client.campaign("c", &json!({}));
    let bearer = format!("Bearer {key}");
    let ask = |path: &str| client.call("GET", path, &[("authorization", bearer.as_str())], b"");
    for (path, status, left) in
        [("/v1/campaigns", 200, 2), ("/v1/users/nobody", 404, 1), ("/v1/campaigns/c/claims", 200, 0)]
    {
        let reply = ask(path);
        assert_eq!(reply.status, status, "{}", reply.text());
        assert_eq!(reply.header("ratelimit-policy"), Some("\"key\";q=3;w=3600"));
        let told = reply.header("ratelimit").expect("what is left");
        assert!(told.starts_with(&format!("\"key\";r={left};t=")), "{told}");
    }
    let refused = ask("/v1/campaigns");
    assert_eq!(refused.problem(), (429, String::from("rate_limited")));
    assert_eq!(refused.header("x-landrush-refused-by"), Some("rate_limited_key"));
    let told = refused.header("ratelimit").expect("what is left");
    let wait: u64 = told.strip_prefix("\"key\";r=0;t=").expect("none").parse().expect("seconds");
    assert!((1_190..=1_200).contains(&wait), "{wait}");
    assert!(refused.header("retry-after").expect("a time").parse::<u64>().expect("seconds") >= wait);
    for reply in [client.get("/v1/campaigns"), client.claim("c", "u-1"), client.admin("GET", "/v1/metrics", None)] {
        assert_eq!((reply.header("ratelimit"), reply.header("ratelimit-policy")), (None, None));
    }
}
