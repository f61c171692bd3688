//! The report on fraud: what went where, through the server, the command line and a restart.

use serde_json::{Value, json};

use crate::campaign_commands::program::{command, said};
use crate::client::{Client, JSON, Reply};
use crate::server::Server;

const REPORT: &str = "/v1/campaigns/c/report/fraud";

/// A server that takes its clients' addresses from a header, so that a test may come from anywhere.
const PROXIED: &str = "[gate]\ntrusted_proxies = [\"127.0.0.0/8\"]\n";

fn claim(client: &Client, body: &Value, address: &str, device: &str) -> Reply {
    let headers = [JSON, ("x-forwarded-for", address), ("x-device-id", device)];
    client.call("POST", "/v1/campaigns/c/claims", &headers, body.to_string().as_bytes())
}

fn report(client: &Client) -> Value {
    let reply = client.admin("GET", REPORT, None);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("cache-control"), Some("private, no-store"));
    reply.json()
}

fn by<'r>(report: &'r Value, kind: &str) -> &'r Value {
    let all = report["by"].as_array().expect("breakdowns");
    all.iter().find(|by| by["kind"] == kind).unwrap_or_else(|| panic!("no {kind} in {report}"))
}

#[test]
fn a_report_says_where_coupons_and_refusals_went() {
    let server = Server::start(PROXIED);
    let client = server.client();
    client.campaign(
        "c",
        &json!({
            "coupon_types": [{"id": "cash-5", "name": "cash", "total_quota": 5}],
            "protection": {"rate_limit": {"device": "3/1h"}}
        }),
    );
    // Three of one device, a fourth that its rate refuses, a repeat that it refuses too, and two others.
    for user in 0..4 {
        let body = json!({"user_id": format!("bot-{user}"), "phone": format!("+65912300{user:02}")});
        let status = claim(&client, &body, "203.0.113.9", "farm").status;
        assert_eq!(status, if user < 3 { 201 } else { 429 });
    }
    assert_eq!(claim(&client, &json!({"user_id": "ann"}), "198.51.100.1", "anns").status, 201);
    assert_eq!(claim(&client, &json!({"user_id": "ann"}), "198.51.100.1", "anns").status, 200);
    assert_eq!(claim(&client, &json!({"user_id": "bob"}), "2001:db8:1:2::3", "bobs").status, 201);
    let late = claim(&client, &json!({"user_id": "eve"}), "2001:db8:1:3::3", "eves").problem();
    assert_eq!(late, (409, "sold_out".into()));

    let report = report(&client);
    let totals = ["granted", "repeated", "refused", "no_coupon"].map(|name| report[name].as_u64().expect("a count"));
    assert_eq!(totals, [5, 1, 2, 0]);
    assert_eq!(report["gate_refused"]["rate_limited_device"], 1);
    assert_eq!(report["gate_refused"]["ticket_required"], 0);
    assert_eq!(report["early"], json!({"within_ms": 100, "granted": 0, "refused": 0}), "it opened long ago");
    let blocks = by(&report, "ipv4_24");
    assert_eq!((&blocks["distinct"], &blocks["granted"], &blocks["refused"]), (&json!(2), &json!(4), &json!(1)));
    let farm = json!({"name": "203.0.113.0/24", "granted": 3, "refused": 1, "share": 0.6});
    assert_eq!(blocks["top"][0], farm);
    assert_eq!(by(&report, "ipv6_48")["top"][0]["name"], "2001:db8:1::/48");
    assert_eq!(by(&report, "ipv6_48")["distinct"], 1);
    assert_eq!(by(&report, "ipv6_64")["distinct"], 2);
    let prefix = json!({"name": "+659123****", "granted": 3, "refused": 1, "share": 0.6});
    assert_eq!(by(&report, "phone_prefix")["top"], json!([prefix]));
    let devices = by(&report, "device");
    assert_eq!((&devices["distinct"], &devices["top"][0]["granted"]), (&json!(4), &json!(3)));
    for private in ["farm", "203.0.113.9", "bot-1", "9123001"] {
        assert!(!report.to_string().contains(private), "{private} is in {report}");
    }

    let table = said(command(&server, &["report", "fraud", "c"])).expect(0);
    let table = table.out_has("c: 5 granted, 2 refused, 1 repeated, since 20");
    table.out_has("4 devices took 100.0 % of what was granted").out_has("203.0.113.0/24").out_has("60.0 %");
    let json = said(command(&server, &["report", "fraud", "c", "--json"])).expect(0).json_lines();
    assert_eq!((json.len(), &json[0]["granted"]), (1, &json!(5)));
    said(command(&server, &["report", "fraud", "nobody"])).expect(1).err_has("no such campaign");
}

#[test]
fn what_comes_right_after_the_opening_is_told_apart() {
    let server = Server::start("");
    let client = server.client();
    // One asks on and on, as a bot does: its first grant comes within milliseconds of the opening, unless the machine stands still
    // just then.
    for attempt in 0..20 {
        let id = format!("c-{attempt}");
        let starts_at = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(400);
        let schedule = json!({"starts_at": format!("{starts_at:.3}"), "ends_at": "2099-12-31T00:00:00Z"});
        client.campaign(&id, &json!({"schedule": schedule}));
        let mut refused = 0;
        let granted = loop {
            let reply = client.claim(&id, "bot");
            if reply.status == 201 {
                break reply.json();
            }
            refused += 1;
        };
        assert_eq!(client.claim(&id, "late").status, 201);
        let report = client.admin("GET", &format!("/v1/campaigns/{id}/report/fraud"), None).json();
        assert_eq!((report["granted"].as_u64(), report["refused"].as_u64()), (Some(2), Some(refused)));
        let decided_at: jiff::Timestamp = granted["decided_at"].as_str().expect("a moment").parse().expect("a moment");
        if decided_at.duration_since(starts_at) < jiff::SignedDuration::from_millis(100) {
            let early = report["early"]["granted"].as_u64().expect("a count");
            assert!((1..=2).contains(&early) && report["early"]["refused"] == 0, "{report}");
            return;
        }
    }
    panic!("the machine stands still whenever a campaign opens");
}

#[test]
fn what_comes_in_batches_is_counted_too() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("c", &json!({"coupon_types": [{"id": "cash-5", "name": "cash", "total_quota": 3}]}));
    let claims = json!({"claims": [
        {"user_id": "a", "phone": "+6591234567"}, {"user_id": "b", "phone": "+6591239999"}, {"user_id": "a"}, {"user_id": "c"},
        {"user_id": "d", "phone": "+6598887777"}, {"user_id": ""}]});
    let reply = client.admin("POST", "/v1/campaigns/c/claims:batch", Some(&claims));
    let results = reply.json();
    let statuses: Vec<_> =
        results["results"].as_array().expect("results").iter().map(|one| one["status"].as_u64()).collect();
    assert_eq!(statuses, [201, 201, 200, 201, 409, 400].map(Some), "{results}");
    let report = report(&client);
    let counts = ["granted", "repeated", "refused"].map(|name| report[name].as_u64());
    assert_eq!(counts, [Some(3), Some(1), Some(2)], "{report}");
    let phones = by(&report, "phone_prefix").to_string();
    assert!(phones.contains("+659123****") && phones.contains("+659888****"), "{phones}");
    assert_eq!(by(&report, "ipv4_24")["granted"], 0, "the gateway's address is nobody's: {report}");
}

#[test]
fn a_number_in_a_batch_that_a_list_or_a_rate_refuses_is_in_the_report() {
    let server = Server::start("[gate]\ndeny = [\"phone:+6599\"]\n");
    let client = server.client();
    client.campaign("c", &json!({"protection": {"rate_limit": {"phone": "1/1h"}}}));
    let claims = json!({"claims": [
        {"user_id": "a", "phone": "+6599123456"}, {"user_id": "b", "phone": "+6591234567"},
        {"user_id": "c", "phone": "+6591234567"}]});
    assert_eq!(client.admin("POST", "/v1/campaigns/c/claims:batch", Some(&claims)).status, 200);
    let report = report(&client);
    for reason in ["denied", "rate_limited_phone"] {
        assert_eq!(report["gate_refused"][reason], 1, "{reason}: {report}");
    }
    let lines = by(&report, "phone_prefix")["top"].as_array().expect("lines");
    let mut prefixes: Vec<_> =
        lines.iter().map(|line| (line["name"].as_str(), line["granted"].as_u64(), line["refused"].as_u64())).collect();
    prefixes.sort_unstable();
    let expected = [(Some("+659123****"), Some(1), Some(1)), (Some("+659912****"), Some(0), Some(1))];
    assert_eq!(prefixes, expected, "{report}");
}

#[test]
fn a_report_is_for_operators_and_counts_from_the_start_of_the_server() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("c", &json!({}));
    assert_eq!(client.get(REPORT).problem(), (401, "unauthorized".into()));
    assert_eq!(client.admin("GET", &format!("{REPORT}?x=1"), None).problem(), (400, "invalid_request".into()));
    let unknown = client.admin("GET", "/v1/campaigns/d/report/fraud", None).problem();
    assert_eq!(unknown, (404, "not_found".into()));
    assert_eq!(client.claim("c", "ann").status, 201);
    let before = report(&client);
    assert_eq!(before["granted"], 1);
    let server = Server::start_in(server.kill(), "");
    let after = report(&server.client());
    assert_eq!((&after["granted"], &by(&after, "ipv4_24")["top"]), (&json!(0), &json!([])));
    let since = |report: &Value| report["since"].as_str().expect("a moment").to_owned();
    assert!(since(&after) > since(&before), "{after}");
}
