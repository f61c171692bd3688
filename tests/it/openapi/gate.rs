//! What the gate answers, to every call that it guards: the document says that too.

use serde_json::json;

use super::described::{Call, Described};
use crate::client::JSON;
use crate::server::Server;

/// What is answered also to those who are denied: whether the server lives, its pages and its clock.
const UNGUARDED: [&str; 11] = [
    "livez",
    "readyz",
    "metrics",
    "time",
    "openapi",
    "page",
    "campaign_page",
    "admin_page",
    "docs_page",
    "docs_page_2",
    "docs_page_3",
];

/// Claims, which bear no management key.
const UNCOUNTED: [&str; 3] = ["claim", "draw", "enter"];

#[test]
fn every_call_that_the_gate_guards_may_be_denied_or_over_a_keys_rate() {
    let key = "lrk_0123456789abcdef0123456789abcdef";
    let hash = landrush::gate::management_keys::KeyHash::of(key).to_hex();
    let server = Server::start(&format!(
        "[gate]\ntrusted_proxies = [\"127.0.0.0/8\"]\ndeny = [\"192.0.2.7\"]\n[[auth.management_keys]]\n\
         name = \"shop\"\nsha256 = \"{hash}\"\nscopes = [\"read\", \"campaigns:write\", \"redemptions\"]\nrate = \"1/1h\"\n"
    ));
    let client = server.client();
    let mut described = Described::by(&client);
    let bearer = format!("Bearer {key}");
    let counted = client.call("GET", "/v1/campaigns", &[("authorization", &bearer)], b"");
    assert_eq!(counted.status, 200, "the one that the rate has room for");
    for operation in described.operations() {
        let mut status = |header| {
            let headers = [header, JSON];
            let call = Call { operation: &operation, headers: &headers, anonymous: true, ..Call::default() };
            described.call(&client, &call).status
        };
        let is_guarded = !UNGUARDED.contains(&operation.as_str());
        assert_eq!(status(("x-forwarded-for", "192.0.2.7")) == 403, is_guarded, "{operation}");
        let is_counted = is_guarded && !UNCOUNTED.contains(&operation.as_str());
        assert_eq!(status(("authorization", bearer.as_str())) == 429, is_counted, "{operation}");
    }
}

#[test]
fn every_call_that_a_campaigns_rate_holds_for_may_be_over_it() {
    let server = Server::start("");
    let client = server.client();
    let mut described = Described::by(&client);
    let d = &mut described;
    // In the places of the document's examples.
    let limits = json!({"rate_limit": {"address": "1/1h"}, "challenge": {"provider": "altcha"}});
    let drawn = json!([{"id": "cash-5", "name": "cash", "total_quota": 100, "probability": 0.5}]);
    let entered = json!([{"id": "cash-5", "name": "cash", "total_quota": 100}]);
    for (operation, mode, types) in [
        ("claim", "first_come", &entered),
        ("draw", "draw", &drawn),
        ("draw_by_body", "draw", &drawn),
        ("enter", "lottery", &entered),
        ("join_waiting_room", "first_come", &entered),
        ("register", "first_come", &entered),
        ("meet_challenge", "first_come", &entered),
    ] {
        let id = operation.replace('_', "-");
        let mut protection = limits.clone();
        if operation == "join_waiting_room" {
            protection["waiting_room"] = json!({"admit_per_second": 1});
        }
        client.campaign(&id, &json!({"mode": mode, "coupon_types": types, "protection": protection}));
        let mut body = d.example_bodies(operation).remove(0);
        if operation == "draw_by_body" {
            body["campaign_id"] = json!(id);
        }
        if let Some(body) = body.as_object_mut() {
            body.remove("coupon_type");
        }
        let paths = [("campaign_id", id.as_str())];
        let mut ask = || d.call(&client, &Call { operation, paths: &paths, body: Some(&body), ..Call::default() });
        let first = ask();
        assert!(first.status != 429, "{operation}: {}", first.text());
        assert_eq!(ask().problem(), (429, String::from("rate_limited")), "{operation}");
    }
}
