//! Claims that are granted: their answers, repeats, keys, lists, voiding.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::client::{Client, JSON};
use crate::server::Server;

fn code(reply: &Value) -> &str {
    reply["coupon"]["code"].as_str().expect("a code")
}

#[test]
fn a_claim_is_granted_once_and_repeated_ever_after() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    let won = client.claim("sale", "u-1");
    assert_eq!(won.status, 201, "{}", won.text());
    let first = won.json();
    assert_eq!((&first["outcome"], &first["repeated"]), (&json!("won"), &json!(false)));
    assert_eq!((&first["campaign_id"], &first["user_id"]), (&json!("sale"), &json!("u-1")));
    assert_eq!(first["coupon"]["state"], "issued");
    assert_eq!(code(&first).len(), 19);
    let decided: jiff::Timestamp = first["decided_at"].as_str().expect("a time").parse().expect("a time");
    let expires: jiff::Timestamp = first["coupon"]["expires_at"].as_str().expect("a time").parse().expect("a time");
    assert_eq!(expires.as_millisecond() - decided.as_millisecond(), 30 * 86_400_000);

    let expect_repeat = |client: &Client| {
        let again = client.claim("sale", "u-1");
        assert_eq!(again.status, 200, "{}", again.text());
        let mut again = again.json();
        assert_eq!(again["repeated"], true);
        again["repeated"] = json!(false);
        assert_eq!(again, first);
    };
    expect_repeat(&client);
    assert_eq!(client.admin("POST", "/v1/campaigns/sale/pause", None).status, 200);
    expect_repeat(&client);
    assert_eq!(client.admin("POST", "/v1/campaigns/sale/cancel", None).status, 200);
    expect_repeat(&client);

    let server = Server::start_in(server.kill(), "");
    expect_repeat(&server.client());
    let listed = server.client().get("/v1/campaigns/sale/claims/by-user/u-1").json();
    assert_eq!(listed["items"][0]["claim_id"], first["claim_id"]);
    assert_eq!(server.client().get("/v1/campaigns/sale/claims/by-user/nobody").json(), json!({"items": []}));
}

#[test]
fn user_ids_come_back_as_they_were_given() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    let user = "a \"b\" \\ /ü\u{1f600}?&#%";
    assert_eq!(client.claim("sale", user).json()["user_id"], user);
    let encoded: String = user.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let listed = client.get(&format!("/v1/campaigns/sale/claims/by-user/{encoded}")).json();
    assert_eq!(listed["items"][0]["user_id"], user);
}

#[test]
fn without_a_name_the_first_type_with_quota_left_is_granted() {
    let server = Server::start("");
    let client = server.client();
    let types = json!([
        {"id": "a", "name": "a", "total_quota": 1}, {"id": "b", "name": "b", "total_quota": 1}
    ]);
    client.campaign("sale", &json!({"coupon_types": types}));
    assert_eq!(client.claim("sale", "u-1").json()["coupon"]["coupon_type"], "a");
    assert_eq!(client.claim("sale", "u-2").json()["coupon"]["coupon_type"], "b");
    let claims = "/v1/campaigns/sale/claims";
    // A repeat that names another type gets the first coupon.
    let repeat = client.post(claims, &json!({"user_id": "u-1", "coupon_type": "b"}));
    assert_eq!((repeat.status, &repeat.json()["coupon"]["coupon_type"]), (200, &json!("a")));
    assert_eq!(client.claim("sale", "u-3").problem(), (409, "sold_out".into()));
    assert_eq!(
        client
            .admin("PATCH", "/v1/campaigns/sale", Some(&json!({"coupon_types": [{"id": "b", "total_quota": 2}]})))
            .status,
        200
    );
    // Named, a type is judged alone.
    let named = client.post(claims, &json!({"user_id": "u-3", "coupon_type": "a"}));
    assert_eq!(named.problem(), (409, "sold_out".into()));
    assert_eq!(client.claim("sale", "u-3").json()["coupon"]["coupon_type"], "b");
}

#[test]
fn above_one_coupon_a_person_the_key_tells_claims_apart() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({"limit": {"max": 2}}));
    let claim = |key: Option<&str>, body: &Value| {
        let mut headers = vec![JSON];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        client.call("POST", "/v1/campaigns/sale/claims", &headers, body.to_string().as_bytes())
    };
    let body = json!({"user_id": "u-1"});
    assert_eq!(claim(None, &body).problem(), (400, "idempotency_key_required".into()));
    assert_eq!(claim(Some(&"x".repeat(129)), &body).problem(), (400, "invalid_request".into()));
    let first = claim(Some("k-1"), &body);
    let quoted = claim(Some("\"k-1\""), &body);
    assert_eq!((first.status, quoted.status), (201, 200));
    assert_eq!(code(&first.json()), code(&quoted.json()));
    let other = json!({"user_id": "u-1", "coupon_type": "cash-5"});
    assert_eq!(claim(Some("k-1"), &other).problem(), (422, "idempotency_key_reused".into()));
    let second = claim(Some("k-2"), &body);
    assert_eq!(second.status, 201);
    assert_ne!(code(&first.json()), code(&second.json()));
    assert_eq!(claim(Some("k-3"), &body).problem(), (409, "limit_reached".into()));
    // A refusal is not kept: the key is as good as new for somebody else, whose key it is besides.
    assert_eq!(claim(Some("k-3"), &json!({"user_id": "u-2"})).status, 201);
}

#[test]
fn the_list_of_claims_is_paged_oldest_first() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    let users: Vec<String> = (0..7).map(|i| format!("u-{i}")).collect();
    users.iter().for_each(|user| assert_eq!(client.claim("sale", user).status, 201));
    let mut listed = Vec::new();
    let mut path = String::from("/v1/campaigns/sale/claims?limit=3");
    for expected in [3, 3, 1] {
        let page = client.admin("GET", &path, None).json();
        let items = page["items"].as_array().expect("items");
        assert_eq!(items.len(), expected);
        listed.extend(items.iter().map(|item| item["user_id"].as_str().expect("a user").to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/campaigns/sale/claims?limit=3&cursor={cursor}"),
            None => assert_eq!(listed.len(), 7),
        }
    }
    assert_eq!(listed, users);
    for bad in ["limit=0", "limit=x", "cursor=!", "page=2"] {
        let reply = client.admin("GET", &format!("/v1/campaigns/sale/claims?{bad}"), None);
        assert_eq!(reply.problem(), (400, "invalid_request".into()), "{bad}");
    }
}

#[test]
fn a_voided_claim_gives_its_unit_back_and_stays_the_persons() {
    let server = Server::start("");
    let client = server.client();
    let types = json!([{"id": "a", "name": "a", "total_quota": 1}]);
    client.campaign("sale", &json!({"coupon_types": types}));
    client.campaign("other", &json!({}));
    let won = client.claim("sale", "u-1").json();
    let claim = format!("/v1/campaigns/sale/claims/{}", won["claim_id"].as_str().expect("an id"));
    assert_eq!(client.call("DELETE", &claim, &[], b"").problem(), (401, "unauthorized".into()));
    assert_eq!(client.admin("DELETE", "/v1/campaigns/sale/claims/nonsense", None).problem(), (404, "not_found".into()));
    let elsewhere = claim.replace("/sale/", "/other/");
    assert_eq!(client.admin("DELETE", &elsewhere, None).problem(), (404, "not_found".into()));
    assert_eq!(client.claim("sale", "u-2").problem(), (409, "sold_out".into()));
    let gone = client.admin("DELETE", &claim, None);
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    let repeat = client.claim("sale", "u-1").json();
    assert_eq!((&repeat["coupon"]["state"], &repeat["repeated"]), (&json!("void"), &json!(true)));
    let next = client.claim("sale", "u-2");
    assert_eq!(next.status, 201, "{}", next.text());
    assert_ne!(code(&won), code(&next.json()));
}

#[test]
fn many_at_once_get_exactly_what_there_is() {
    let server = Server::start("");
    let client = server.client();
    let types = json!([{"id": "a", "name": "a", "total_quota": 150}, {"id": "b", "name": "b", "total_quota": 50}]);
    client.campaign("rush", &json!({"coupon_types": types}));
    let workers: Vec<_> = (0..16)
        .map(|worker| {
            let mut connection = client.connect();
            std::thread::spawn(move || {
                let claim = |user: u32| {
                    let body = json!({"user_id": format!("u-{user}")}).to_string();
                    connection.call("POST", "/v1/campaigns/rush/claims", &[JSON], body.as_bytes())
                };
                (worker * 25..worker * 25 + 50).map(claim).map(|reply| (reply.status, reply.json())).collect::<Vec<_>>()
            })
        })
        .collect();
    let replies: Vec<_> = workers.into_iter().flat_map(|worker| worker.join().expect("a worker")).collect();
    let won: Vec<_> = replies.iter().filter(|(status, _)| *status == 201).collect();
    assert_eq!(won.len(), 200);
    assert_eq!(won.iter().map(|(_, body)| code(body)).collect::<HashSet<_>>().len(), 200);
    assert_eq!(won.iter().map(|(_, body)| body["user_id"].as_str()).collect::<HashSet<_>>().len(), 200);
    assert!(replies.iter().all(|(status, body)| matches!(status, 200 | 201) || body["code"] == "sold_out"));
}

#[test]
fn what_was_issued_streams_as_csv_and_as_lines() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({"coupon_types": [{"id": "a", "name": "a", "total_quota": 5_000}]}));
    let mut connection = client.connect();
    for n in 0..2_500 {
        let body = json!({"user_id": format!("u-{n}, \"x\"")}).to_string();
        assert_eq!(connection.call("POST", "/v1/campaigns/sale/claims", &[JSON], body.as_bytes()).status, 201);
    }
    let export = |media_type: &str| {
        let key = format!("Bearer {}", crate::server::ADMIN_KEY);
        let headers = [("authorization", key.as_str()), ("accept", media_type)];
        let reply = client.call("GET", "/v1/campaigns/sale/claims", &headers, b"");
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply
    };
    let lines = export("application/x-ndjson");
    assert_eq!(lines.header("content-type"), Some("application/x-ndjson"));
    let items: Vec<Value> = lines.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(items.len(), 2_500);
    let users: HashSet<&str> = items.iter().map(|item| item["user_id"].as_str().expect("an id")).collect();
    assert_eq!(users.len(), 2_500);
    let csv = export("text/csv, application/json;q=0.5").text();
    let mut rows = csv.lines();
    assert_eq!(rows.next(), Some("claim_id,user_id,coupon_type,code,state,decided_at,expires_at"));
    assert_eq!(rows.clone().count(), 2_500);
    let first = rows.next().expect("a row");
    let expected = format!(
        "{},\"u-0, \"\"x\"\"\",a,{},issued,{},",
        items[0]["claim_id"].as_str().expect("an id"),
        code(&items[0]),
        items[0]["decided_at"].as_str().expect("a time")
    );
    assert_eq!(first, expected);
}
