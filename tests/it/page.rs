//! The shopper's page as it leaves the server: readable without scripts, its texts escaped, under the policy of all pages. What
//! its scripts do is tried in a browser.

use serde_json::json;

use crate::server::Server;

#[test]
fn the_list_names_campaigns_with_state_and_times() {
    let server = Server::start("");
    let client = server.client();
    let schedule = json!({"starts_at": "2090-01-02T03:04:00Z", "ends_at": "2090-01-03T03:04:00Z"});
    let name = "Tea & <b>cake</b>";
    client.campaign(
        "sale",
        &json!({"name": name, "schedule": schedule, "coupon_types": [{"id": "a", "name": "a", "total_quota": 2}]}),
    );
    let reply = client.get("/");
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(reply.header("cache-control"), Some("public, max-age=1"));
    let policy = reply.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    let page = reply.text();
    for expected in [
        "<a class=\"campaign-name\" href=\"/c/sale\">Tea &amp; &lt;b&gt;cake&lt;/b&gt;</a>",
        "data-state=\"scheduled\">Opens soon<",
        "Opens <time datetime=\"2090-01-02T03:04:00.000Z\">2090-01-02 03:04 UTC</time>",
        "data-users=\"trusted\"",
    ] {
        assert!(page.contains(expected), "{expected} in {page}");
    }
    assert!(!page.contains("{{"), "{page}");
}

#[test]
fn a_campaign_says_what_is_left_and_buckets_hide_the_count() {
    let server = Server::start("");
    let client = server.client();
    let types = json!([{"id": "a", "name": "Tea", "total_quota": 40}, {"id": "b", "name": "Cake", "total_quota": 30, "daily_quota": 7}]);
    client.campaign("exact", &json!({"coupon_types": types}));
    client.campaign("bucketed", &json!({"coupon_types": types, "availability_display": "bucketed"}));
    let exact = client.get("/c/exact").text();
    assert!(exact.contains("40 of 40 left<") && exact.contains("7 of 7 left today<"), "{exact}");
    let bucketed = client.get("/c/bucketed").text();
    assert!(bucketed.contains("Plenty left<") && !bucketed.contains("40"), "{bucketed}");
}

#[test]
fn unknown_campaigns_have_a_page_and_a_status() {
    let server = Server::start("");
    let client = server.client();
    for id in ["none", "%3Cscript%3E", "none%22%3E"] {
        let reply = client.get(&format!("/c/{id}"));
        assert_eq!((reply.status, reply.header("cache-control")), (404, Some("no-store")), "{id}");
        let page = reply.text();
        assert!(page.contains("There is no such campaign.") && page.contains("data-view=\"notice\""), "{page}");
    }
    let wrong = client.call("POST", "/c/none", &[], b"");
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET, HEAD")));
}
