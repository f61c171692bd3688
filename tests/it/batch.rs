//! Many claims in one call: each judged by itself, answered in its place, and none too many.

use serde_json::{Value, json};

use crate::client::{Client, JSON};
use crate::server::Server;

const PATH: &str = "/v1/campaigns/c/claims:batch";

fn batch(client: &Client, claims: &Value) -> Vec<Value> {
    let reply = client.admin("POST", PATH, Some(&json!({"claims": claims})));
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["results"].as_array().expect("results").clone()
}

fn users(numbers: std::ops::Range<usize>) -> Value {
    numbers.map(|number| json!({"user_id": format!("u-{number}")})).collect()
}

#[test]
fn each_claim_has_an_outcome_of_its_own_in_its_place() {
    let server = Server::start("");
    let client = server.client();
    client.campaign(
        "c",
        &json!({"coupon_types": [
        {"id": "cash-5", "name": "five", "total_quota": 2, "valid_for": "30d"},
        {"id": "cash-9", "name": "nine", "total_quota": 1, "valid_for": "30d"}]}),
    );
    let results = batch(
        &client,
        &json!([
            {"user_id": "ann", "coupon_type": "cash-9"},
            {"user_id": "bob", "coupon_type": "cash-9"},
            {"user_id": "bob", "coupon_type": "none"},
            {"user_id": "ann"},
            {"user_id": ""},
            {"user_id": "cyd"},
            {"user_id": "dan", "colour": "red"},
            {"user_id": "eve"},
            {"user_id": "fay"},
        ]),
    );
    let told: Vec<(u64, &str)> = results
        .iter()
        .map(|one| {
            (one["status"].as_u64().expect("a status"), one["code"].as_str().or(one["user_id"].as_str()).expect("one"))
        })
        .collect();
    assert_eq!(
        told,
        [
            (201, "ann"),
            (409, "sold_out"),
            (404, "not_found"),
            (200, "ann"),
            (400, "invalid_request"),
            (201, "cyd"),
            (400, "invalid_request"),
            (201, "eve"),
            (409, "sold_out"),
        ]
    );
    assert_eq!(results[4]["errors"][0]["pointer"], "/claims/4/user_id");
    assert_eq!(results[6]["errors"][0]["pointer"], "/claims/6/colour");
    assert_eq!(results[3]["coupon"], results[0]["coupon"], "a repeat within the batch gets the same");
    // Each is the claim that the single call knows.
    let single = client.claim("c", "cyd");
    assert_eq!(single.status, 200);
    let mut expected = results[5].clone();
    expected["repeated"] = json!(true);
    expected.as_object_mut().expect("an object").remove("status");
    assert_eq!(single.json(), expected);
}

#[test]
fn a_full_batch_is_answered_whole_and_survives_a_restart() {
    let server = Server::start("");
    let client = server.client();
    client
        .campaign("c", &json!({"coupon_types": [{"id": "a", "name": "a", "total_quota": 5_000, "valid_for": "30d"}]}));
    let results = batch(&client, &users(0..8_192));
    let won = results.iter().filter(|one| one["status"] == 201).count();
    assert_eq!((results.len(), won), (8_192, 5_000));
    assert!(results[5_000..].iter().all(|one| one["code"] == "sold_out"));
    assert!(results.iter().take(5_000).enumerate().all(|(number, one)| one["user_id"] == format!("u-{number}")));
    let mut codes: Vec<&str> = results.iter().filter_map(|one| one["coupon"]["code"].as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), 5_000);
    let server = Server::start_in(server.kill(), "");
    let again = batch(&server.client(), &users(0..5_000));
    for (before, after) in results.iter().zip(&again) {
        assert_eq!((&after["status"], &after["coupon"]), (&json!(200), &before["coupon"]));
    }
}

#[test]
fn batches_at_once_hand_out_no_coupon_too_many() {
    let server = Server::start("");
    let client = server.client();
    client
        .campaign("c", &json!({"coupon_types": [{"id": "a", "name": "a", "total_quota": 1_500, "valid_for": "30d"}]}));
    // Every user is in two of the batches.
    let outcomes: Vec<Vec<Value>> = std::thread::scope(|scope| {
        let asked: Vec<_> =
            (0..4).map(|part| scope.spawn(move || batch(&client, &users(part * 500..part * 500 + 1_000)))).collect();
        asked.into_iter().map(|one| one.join().expect("answered")).collect()
    });
    let won = outcomes.iter().flatten().filter(|one| one["status"] == 201).count();
    let refused = outcomes.iter().flatten().filter(|one| one["code"] == "sold_out").count();
    let repeated = outcomes.iter().flatten().filter(|one| one["status"] == 200).count();
    assert_eq!((won, won + refused + repeated), (1_500, 4_000));
}

#[test]
fn phones_are_stored_and_limit_within_a_batch_too() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("c", &json!({"phone_required": true, "limit": {"max": 1, "per": "campaign", "by": "phone"}}));
    let results = batch(
        &client,
        &json!([
            {"user_id": "ann", "phone": "+6591234567"},
            {"user_id": "bob", "phone": "+6591234567"},
            {"user_id": "cyd"},
            {"user_id": "dan", "phone": "+6591234568"},
        ]),
    );
    let statuses: Vec<&Value> = results.iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, [201, 409, 400, 201]);
    assert_eq!(results[1]["code"], "limit_reached");
}

#[test]
fn what_is_wrong_with_the_whole_is_refused_whole() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("c", &json!({}));
    client.campaign("entered", &json!({"mode": "lottery"}));
    client.campaign("keyed", &json!({"limit": {"max": 2, "per": "campaign", "by": "user"}}));
    let one = json!({"claims": [{"user_id": "ann"}]});
    assert_eq!(client.post(PATH, &one).problem(), (401, "unauthorized".into()));
    assert_eq!(client.admin("GET", PATH, None).problem(), (405, "method_not_allowed".into()));
    let admin = |path: &str, body: &Value| client.admin("POST", path, Some(body)).problem();
    assert_eq!(admin("/v1/campaigns/none/claims:batch", &one), (404, "not_found".into()));
    assert_eq!(admin("/v1/campaigns/entered/claims:batch", &one), (409, "wrong_mode".into()));
    assert_eq!(admin(PATH, &json!({"claims": []})), (400, "invalid_request".into()));
    assert_eq!(admin(PATH, &json!({"claims": users(0..8_193)})), (400, "invalid_request".into()));
    let key = format!("Bearer {}", crate::server::ADMIN_KEY);
    let large = vec![b' '; (4 << 20) + 1];
    let reply = client.call("POST", PATH, &[("authorization", &key), JSON], &large);
    assert_eq!(reply.problem(), (413, "too_large".into()));
    // A key that names one claim names none of a batch.
    let keyed = client.admin("POST", "/v1/campaigns/keyed/claims:batch", Some(&one));
    assert_eq!((keyed.status, &keyed.json()["results"][0]["code"]), (200, &json!("idempotency_key_required")));
}

#[test]
fn lists_and_rates_hold_for_each_claim_by_user_and_phone_and_not_for_the_gateway() {
    let server = Server::start("[gate]\ndeny = [\"user:mallory\", \"phone:+6599\"]\n");
    let client = server.client();
    client.campaign("c", &json!({"protection": {"rate_limit": {"user": "2/1h", "phone": "1/1h", "address": "1/1h"}}}));
    let told = |claims: &Value| -> Vec<(u64, String)> {
        let word = |one: &Value| one["code"].as_str().or(one["user_id"].as_str()).expect("one").to_owned();
        batch(&client, claims).iter().map(|one| (one["status"].as_u64().expect("a status"), word(one))).collect()
    };
    let expected = |status: u64, word: &str| (status, word.to_owned());
    assert_eq!(
        told(&json!([
            {"user_id": "ann"},
            {"user_id": "ann"},
            {"user_id": "ann"},
            {"user_id": "mallory"},
            {"user_id": "bob", "phone": "+6599123456"},
            {"user_id": "cyd", "phone": "+6591234567"},
            {"user_id": "dan", "phone": "+6591234567"},
            {"user_id": "eve"},
        ])),
        [
            expected(201, "ann"),
            expected(200, "ann"),
            expected(429, "rate_limited"),
            expected(403, "forbidden"),
            expected(403, "forbidden"),
            expected(201, "cyd"),
            expected(429, "rate_limited"),
            expected(201, "eve"),
        ]
    );
}

#[test]
fn what_names_no_type_uses_up_no_rate_and_stores_no_number() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("c", &json!({"protection": {"rate_limit": {"user": "1/1h"}}}));
    let nameless = json!({"user_id": "ann", "coupon_type": "none", "phone": "+6591234567"});
    let results = batch(&client, &json!([nameless, nameless, {"user_id": "ann"}, nameless]));
    let statuses: Vec<_> = results.iter().map(|one| one["status"].as_u64()).collect();
    assert_eq!(statuses, [404, 404, 201, 404].map(Some), "{results:?}");
    assert_eq!(client.admin("GET", "/v1/users/ann", None).status, 404);
}
