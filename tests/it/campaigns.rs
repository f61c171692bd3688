//! Campaigns: made, read, changed, cancelled.

use serde_json::{Value, json};

use crate::server::Server;

fn example() -> Value {
    json!({
        "id": "spring-sale", "name": "Spring sale", "time_zone": "Asia/Singapore", "mode": "first_come",
        "schedule": {"starts_at": "2020-12-01T00:00:00Z", "ends_at": "2999-12-31T00:00:00Z"},
        "limit": {"max": 1, "per": "campaign", "by": "user"},
        "phone_required": false, "availability_display": "exact", "expected_claimants": 2000,
        "returns": {"voided": "restock", "expired": "burn"},
        "coupon_types": [{
            "id": "cash-5", "name": "$5 cash coupon", "total_quota": 10, "daily_quota": 5, "valid_for": "30d",
            "codes": "generated", "metadata": {"discount": "500 SGD cents"}
        }]
    })
}

#[test]
fn a_campaign_is_made_once() {
    let server = Server::start("");
    let client = server.client();
    let made = client.admin("POST", "/v1/campaigns", Some(&example()));
    assert_eq!((made.status, made.header("location")), (201, Some("/v1/campaigns/spring-sale")));
    let again = client.admin("POST", "/v1/campaigns", Some(&example()));
    assert_eq!(again.status, 200);
    let mut same = example();
    for default in ["limit", "phone_required", "availability_display", "returns"] {
        same.as_object_mut().expect("an object").remove(default);
    }
    assert_eq!(client.admin("POST", "/v1/campaigns", Some(&same)).status, 200, "compared after defaults");
    let mut other = example();
    other["coupon_types"][0]["total_quota"] = json!(11);
    assert_eq!(client.admin("POST", "/v1/campaigns", Some(&other)).problem(), (409, "conflict".into()));
    // Compared with the body as created, also after a change.
    let change = json!({"name": "Summer sale"});
    assert_eq!(client.admin("PATCH", "/v1/campaigns/spring-sale", Some(&change)).status, 200);
    let again = client.admin("POST", "/v1/campaigns", Some(&example()));
    assert_eq!((again.status, &again.json()["name"]), (200, &json!("Summer sale")));
}

#[test]
fn the_public_sees_no_metadata_and_no_bucketed_counts() {
    let server = Server::start("");
    let client = server.client();
    assert_eq!(client.admin("POST", "/v1/campaigns", Some(&example())).status, 201);
    assert_eq!(client.claim("spring-sale", "u-1").status, 201);
    let path = "/v1/campaigns/spring-sale";
    let public = client.get(path).json();
    for (name, value) in example().as_object().expect("an object") {
        if !matches!(name.as_str(), "schedule" | "coupon_types") {
            assert_eq!(&public[name], value, "{name}");
        }
    }
    assert_eq!((&public["state"], &public["accept_claims"]), (&json!("open"), &json!(true)));
    assert_eq!(public["schedule"]["starts_at"], "2020-12-01T00:00:00.000Z");
    let coupon_type = &public["coupon_types"][0];
    assert_eq!(coupon_type["metadata"], Value::Null);
    assert_eq!((&coupon_type["issued"], &coupon_type["remaining"]), (&json!(1), &json!(9)));
    assert_eq!(client.admin("GET", path, None).json()["coupon_types"][0]["metadata"]["discount"], "500 SGD cents");

    let bucketed = json!({"availability_display": "bucketed"});
    assert_eq!(client.admin("PATCH", path, Some(&bucketed)).status, 200);
    assert_eq!(client.get(path).json()["coupon_types"][0].get("issued"), None);
    assert_eq!(client.get("/v1/campaigns").json()["items"][0]["coupon_types"][0].get("issued"), None);
    assert_eq!(client.admin("GET", path, None).json()["coupon_types"][0]["issued"], 1);
}

#[test]
fn campaigns_are_listed_by_pages() {
    let server = Server::start("");
    let client = server.client();
    for id in ["c", "a", "e", "b", "d"] {
        client.campaign(id, &json!({}));
    }
    let first = client.get("/v1/campaigns?limit=3").json();
    let ids = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().expect("items");
        items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(ids(&first), ["a", "b", "c"]);
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let second = client.get(&format!("/v1/campaigns?limit=3&cursor={cursor}")).json();
    assert_eq!((ids(&second), &second["next_cursor"]), (vec!["d".into(), "e".into()], &Value::Null));
    assert_eq!(client.get("/v1/campaigns?cursor=nonsense").problem().0, 400);
}

#[test]
fn a_change_is_checked_against_what_happened() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    for user in ["u-1", "u-2"] {
        assert_eq!(client.claim("sale", user).status, 201);
    }
    let path = "/v1/campaigns/sale";
    let quota = |total: u32| json!({"coupon_types": [{"id": "cash-5", "total_quota": total}]});
    let below = client.admin("PATCH", path, Some(&quota(1)));
    assert_eq!(below.problem(), (409, "quota_below_issued".into()));
    let dry = client.admin("PATCH", &format!("{path}?dry_run=true"), Some(&quota(2)));
    assert_eq!((dry.status, &dry.json()["coupon_types"][0]["remaining"]), (200, &json!(0)));
    assert_eq!(client.get(path).json()["coupon_types"][0]["remaining"], 98);
    let changed = client.admin("PATCH", path, Some(&quota(2)));
    assert_eq!((changed.status, &changed.json()["state"]), (200, &json!("sold_out")));
    assert_eq!(client.claim("sale", "u-3").problem(), (409, "sold_out".into()));

    let unknown = json!({"coupon_types": [{"id": "none", "total_quota": 2}]});
    assert_eq!(client.admin("PATCH", path, Some(&unknown)).problem(), (404, "not_found".into()));
    assert_eq!(client.admin("PATCH", path, Some(&json!({"mode": "draw"}))).problem(), (400, "invalid_request".into()));
    assert_eq!(client.admin("PATCH", &format!("{path}?dryrun=true"), Some(&quota(3))).problem().0, 400);
    let over = json!({"schedule": {"ends_at": "2020-06-01T00:00:00Z"}});
    assert_eq!(client.admin("PATCH", path, Some(&over)).status, 200);
    let reopened = json!({"schedule": {"ends_at": "2999-06-01T00:00:00Z"}});
    assert_eq!(client.admin("PATCH", path, Some(&reopened)).problem(), (409, "ended".into()));
}

#[test]
fn cancelling_with_revoke_voids_what_was_issued() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    assert_eq!(client.claim("sale", "u-1").status, 201);
    let path = "/v1/campaigns/sale/cancel";
    let dry = client.admin("POST", &format!("{path}?dry_run=true&revoke=true"), None);
    assert_eq!((dry.status, &dry.json()["state"]), (200, &json!("cancelled")));
    assert_eq!(client.get("/v1/campaigns/sale").json()["state"], "open");
    assert_eq!(client.admin("POST", path, Some(&json!({"why": "?"}))).problem().0, 400);
    assert_eq!(client.admin("POST", &format!("{path}?revoke=true"), Some(&json!({}))).json()["revoked"], true);
    assert_eq!(client.claim("sale", "u-1").json()["coupon"]["state"], "void");
}

#[test]
fn availability_is_cacheable_and_changes_its_tag_only_with_its_content() {
    let server = Server::start("");
    let client = server.client();
    let types = json!([
        {"id": "a", "name": "A", "total_quota": 4, "daily_quota": 2}, {"id": "b", "name": "B", "total_quota": 4}
    ]);
    client.campaign("sale", &json!({"coupon_types": types}));
    let path = "/v1/campaigns/sale/availability";
    let reply = client.get(path);
    assert_eq!(reply.header("cache-control"), Some("public, max-age=1"));
    let body = reply.json();
    assert_eq!((&body["campaign_id"], &body["state"]), (&json!("sale"), &json!("open")));
    assert_eq!(body["closes_at"], "2999-01-01T00:00:00.000Z");
    assert!(body["server_time"].is_string() && body["resets_at"].is_string());
    assert_eq!(body["coupon_types"][0], json!({"id": "a", "name": "A", "remaining": 4, "remaining_today": 2}));
    assert_eq!(body["coupon_types"][1], json!({"id": "b", "name": "B", "remaining": 4, "remaining_today": 4}));

    let tag = reply.header("etag").expect("a tag").to_owned();
    let unchanged = client.call("GET", path, &[("if-none-match", &tag)], b"");
    assert_eq!((unchanged.status, unchanged.body.len(), unchanged.header("etag")), (304, 0, Some(tag.as_str())));
    assert_eq!(client.claim("sale", "u-1").status, 201);
    let changed = client.call("GET", path, &[("if-none-match", &tag)], b"");
    assert_eq!((changed.status, &changed.json()["coupon_types"][0]["remaining"]), (200, &json!(3)));
    assert_ne!(changed.header("etag"), Some(tag.as_str()));

    let bucketed = json!({"availability_display": "bucketed"});
    assert_eq!(client.admin("PATCH", "/v1/campaigns/sale", Some(&bucketed)).status, 200);
    assert_eq!(client.get(path).json()["coupon_types"][0]["remaining"], "plenty");
    assert_eq!(client.call("HEAD", path, &[], b"").status, 200);
}
