//! Every refusal that applies to claims, and that the first in the contract's table is the one that is given.

use serde_json::{Value, json};

use crate::client::{Client, JSON, Reply};
use crate::server::Server;

const PAST: &str = "2020-01-01T00:00:00Z";
const FUTURE: &str = "2999-01-01T00:00:00Z";

fn check(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.problem(), (status, code.to_owned()), "{}", reply.text());
}

fn schedule(starts_at: &str, ends_at: &str) -> Value {
    json!({"starts_at": starts_at, "ends_at": ends_at})
}

/// Claims of `campaign` for somebody new.
fn refused(client: &Client, campaign: &str, status: u16, code: &str) -> Reply {
    let reply = client.claim(campaign, "somebody-new");
    check(&reply, status, code);
    reply
}

#[test]
fn what_comes_earlier_in_the_table_wins() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    let claims = "/v1/campaigns/sale/claims";
    // Each request has every fault from its own line of the table on.
    let text = [("content-type", "text/plain")];
    check(&client.call("PUT", "/v2/nothing", &text, b"{"), 404, "not_found");
    let wrong_method = client.call("PUT", "/v1/campaigns/none/claims", &text, b"{");
    check(&wrong_method, 405, "method_not_allowed");
    assert_eq!(wrong_method.header("allow"), Some("GET, HEAD, POST"));
    let unauthorized = client.call("POST", "/v1/campaigns", &text, b"{");
    check(&unauthorized, 401, "unauthorized");
    assert!(unauthorized.header("www-authenticate").is_some());
    let wrong_key = [("authorization", "Bearer wrong"), text[0]];
    check(&client.call("POST", "/v1/campaigns", &wrong_key, b"{"), 401, "unauthorized");
    check(&client.call("POST", "/v1/campaigns/none/claims", &text, b"{"), 415, "unsupported_media_type");
    check(&client.call("POST", "/v1/campaigns/none/claims", &[], b"{"), 415, "unsupported_media_type");
    check(&client.call("POST", "/v1/campaigns/none/claims", &[JSON], &[b'['; 20_000]), 413, "too_large");
    check(&client.call("POST", "/v1/campaigns/none/claims", &[JSON], b"{"), 400, "invalid_request");
    check(&client.claim("none", "u-1"), 404, "not_found");
    check(&client.post(claims, &json!({"user_id": "u-1", "coupon_type": "none"})), 404, "not_found");
    check(&client.post("/v1/campaigns/sale/draws", &json!({"user_id": "u-1"})), 409, "wrong_mode");
    check(&client.post("/v1/campaigns/sale/entries", &json!({"user_id": "u-1"})), 409, "wrong_mode");
    check(&client.post("/v1/campaigns/none/draws", &json!({"user_id": "u-1"})), 404, "not_found");
}

#[test]
fn a_repeat_is_answered_before_the_state_and_after_everything_else() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    assert_eq!(client.claim("sale", "ann").status, 201);
    let entries = "/v1/campaigns/sale/entries";
    let ann = json!({"user_id": "ann"});
    for action in ["pause", "cancel"] {
        assert_eq!(client.admin("POST", &format!("/v1/campaigns/sale/{action}"), None).status, 200);
        let repeat = client.claim("sale", "ann");
        assert_eq!((repeat.status, repeat.json()["repeated"].clone()), (200, json!(true)), "{action}");
        // What is wrong with the request itself comes before what became of the campaign, for a repeat too.
        check(&client.post("/v1/campaigns/sale/claims", &json!({"user_id": "ann", "x": 1})), 400, "invalid_request");
        check(
            &client.post("/v1/campaigns/sale/claims", &json!({"user_id": "ann", "coupon_type": "none"})),
            404,
            "not_found",
        );
        check(&client.post(entries, &ann), 409, "wrong_mode");
    }
    client.campaign("over", &json!({"schedule": schedule(PAST, "2020-01-02T00:00:00Z")}));
    check(&client.post("/v1/campaigns/over/claims", &json!({"user_id": ""})), 400, "invalid_request");
    refused(&client, "over", 410, "ended");
    let keyed = json!({"limit": {"max": 2, "per": "campaign", "by": "user"}, "schedule": schedule("2998-01-01T00:00:00Z", FUTURE)});
    client.campaign("keyed", &keyed);
    refused(&client, "keyed", 400, "idempotency_key_required");
}

#[test]
fn the_state_of_a_campaign_is_judged_in_order() {
    let server = Server::start("");
    let client = server.client();
    let one = json!([{"id": "a", "name": "a", "total_quota": 1}]);

    // Scheduled, paused and over at once can only be told apart by undoing one after the other.
    client.campaign("early", &json!({"schedule": schedule("2998-01-01T00:00:00Z", FUTURE), "coupon_types": one}));
    let not_open = refused(&client, "early", 409, "not_open");
    assert_eq!(not_open.json()["opens_at"], "2998-01-01T00:00:00.000Z");
    let wait_ms = not_open.json()["retry_after_ms"].as_u64().expect("a wait");
    let wait_s: u64 = not_open.header("retry-after").expect("a wait").parse().expect("seconds");
    assert_eq!(wait_s, wait_ms.div_ceil(1_000));
    assert!(wait_s > 900 * 365 * 86_400, "not before the opening: {wait_s}");
    assert_eq!(client.admin("POST", "/v1/campaigns/early/pause", None).status, 200);
    refused(&client, "early", 409, "paused");
    assert_eq!(client.admin("POST", "/v1/campaigns/early/cancel", None).status, 200);
    refused(&client, "early", 409, "cancelled");

    client.campaign("over", &json!({"schedule": schedule(PAST, "2020-02-01T00:00:00Z")}));
    refused(&client, "over", 410, "ended");
    assert_eq!(client.admin("POST", "/v1/campaigns/over/cancel", None).status, 200);
    refused(&client, "over", 409, "cancelled");

    client.campaign("gone", &json!({"coupon_types": one}));
    assert_eq!(client.claim("gone", "u-1").status, 201);
    let sold_out = refused(&client, "gone", 409, "sold_out");
    assert_eq!(sold_out.header("retry-after"), None);
    assert_eq!(client.admin("POST", "/v1/campaigns/gone/pause", None).status, 200);
    refused(&client, "gone", 409, "paused");
    assert_eq!(client.admin("POST", "/v1/campaigns/gone/resume", None).status, 200);
    refused(&client, "gone", 409, "sold_out");
}

#[test]
fn a_daily_quota_that_is_gone_says_when_it_comes_back() {
    let server = Server::start("");
    let client = server.client();
    let types = json!([{"id": "a", "name": "a", "total_quota": 9, "daily_quota": 1}]);
    client.campaign("sale", &json!({"coupon_types": types, "time_zone": "Asia/Singapore"}));
    assert_eq!(client.claim("sale", "u-1").status, 201);
    // At midnight in Singapore a second unit is there for the asking; then the third claim is the one refused.
    let second = client.claim("sale", "u-2");
    let refused = if second.status == 201 { client.claim("sale", "u-3") } else { second };
    check(&refused, 409, "daily_sold_out");
    let resets_at: jiff::Timestamp = refused.json()["resets_at"].as_str().expect("a time").parse().expect("a time");
    assert_eq!(resets_at.as_second() % 86_400, 16 * 3_600, "midnight in Singapore");
    assert!(resets_at > jiff::Timestamp::now());
}

#[test]
fn the_limit_and_quota_are_told_apart() {
    let server = Server::start("");
    let client = server.client();
    let types = json!([{"id": "a", "name": "a", "total_quota": 2}]);
    client.campaign("sale", &json!({"coupon_types": types, "limit": {"max": 2}}));
    let claim = |key: &str, user: &str| {
        let body = json!({"user_id": user}).to_string();
        client.call("POST", "/v1/campaigns/sale/claims", &[JSON, ("idempotency-key", key)], body.as_bytes())
    };
    assert_eq!((claim("a", "u-1").status, claim("b", "u-1").status), (201, 201));
    check(&claim("c", "u-1"), 409, "limit_reached");
    check(&claim("c", "u-2"), 409, "sold_out");
}

#[test]
fn an_archived_campaign_is_gone_and_its_id_stays_taken() {
    let server = Server::start("");
    let client = server.client();
    let types = json!([{"id": "a", "name": "a", "total_quota": 3, "valid_for": "1ms"}]);
    client.campaign("sale", &json!({"coupon_types": types}));
    let won = client.claim("sale", "u-1").json();
    check(&client.admin("POST", "/v1/campaigns/sale/archive", None), 409, "still_live");
    assert_eq!(client.admin("POST", "/v1/campaigns/sale/cancel", None).status, 200);
    assert_eq!(client.admin("POST", "/v1/campaigns/sale/archive?dry_run=true", None).status, 200);
    assert_eq!(client.claim("sale", "u-1").status, 200);
    let archived = client.admin("POST", "/v1/campaigns/sale/archive", Some(&json!({})));
    assert_eq!(archived.status, 200, "{}", archived.text());
    assert_eq!(archived.json()["id"], "sale");

    for path in ["/v1/campaigns/sale", "/v1/campaigns/sale/availability", "/v1/campaigns/sale/claims/by-user/u-1"] {
        check(&client.get(path), 410, "archived");
    }
    check(&client.claim("sale", "u-1"), 410, "archived");
    check(&client.admin("POST", "/v1/campaigns/sale/resume", None), 410, "archived");
    assert_eq!(client.get("/v1/campaigns").json()["items"], json!([]));
    let export = std::fs::read_to_string(server.data_dir().join("exports/sale.ndjson")).expect("an export");
    let lines: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["coupon"]["code"], won["coupon"]["code"]);
}
