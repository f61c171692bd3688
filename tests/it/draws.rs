//! Campaigns of draws: what is sampled, that a losing draw counts, and that anybody can recompute it afterwards.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::client::Client;
use crate::server::Server;

fn draws(client: &Client, id: &str, changes: &Value) {
    let mut body = json!({
        "mode": "draw",
        "coupon_types": [
            {"id": "cash-5", "name": "cash", "total_quota": 3, "probability": 0.3},
            {"id": "cash-9", "name": "cash", "total_quota": 1000, "probability": 0.2}
        ]
    });
    for (name, value) in changes.as_object().expect("an object of changes") {
        body[name] = value.clone();
    }
    client.campaign(id, &body);
}

fn draw(client: &Client, id: &str, user: &str) -> Value {
    let reply = client.post(&format!("/v1/campaigns/{id}/draws"), &json!({"user_id": user}));
    assert!(matches!(reply.status, 200 | 201), "{}", reply.text());
    let draw = reply.json();
    assert_eq!(draw["repeated"], reply.status == 200);
    draw
}

#[test]
fn draws_are_answered_alike_ever_after_and_never_sold_out() {
    let server = Server::start("");
    let client = server.client();
    draws(&client, "lucky", &json!({}));
    let mut first: Vec<Value> = (0..60).map(|n| draw(&client, "lucky", &format!("u-{n}"))).collect();
    let outcomes: HashSet<&str> = first.iter().map(|draw| draw["outcome"].as_str().expect("an outcome")).collect();
    assert_eq!(outcomes, HashSet::from(["won", "no_coupon"]));
    let sampled = |id: &Value| first.iter().filter(|draw| draw["sampled"] == *id).count();
    assert!(sampled(&json!("cash-5")) > 3 && sampled(&Value::Null) > 10, "{first:?}");
    let won = |id: &str| first.iter().filter(|draw| draw["coupon"]["coupon_type"] == id).count();
    // What has run out is still sampled, and wins nothing; the other type's odds are as before.
    assert_eq!((won("cash-5"), won("cash-9")), (3, sampled(&json!("cash-9"))));
    assert!(first.iter().all(|draw| draw["draw_id"].is_string() && draw.get("claim_id").is_none()));
    assert!(first.iter().all(|draw| (draw["outcome"] == "won") == draw["coupon"].is_object()));

    let server = Server::start_in(server.kill(), "");
    let client = server.client();
    for (n, before) in first.iter_mut().enumerate() {
        before["repeated"] = json!(true);
        assert_eq!(draw(&client, "lucky", &format!("u-{n}")), *before);
    }
    // What was issued is listed; a losing draw was not.
    let listed = client.admin("GET", "/v1/campaigns/lucky/claims?limit=1000", None).json();
    let issued = listed["items"].as_array().expect("items").len();
    assert_eq!(issued, first.iter().filter(|draw| draw["outcome"] == "won").count());
    let by_user = client.get("/v1/campaigns/lucky/claims/by-user/u-0").json();
    assert_eq!(by_user["items"][0]["draw_id"], first[0]["draw_id"]);
    assert_eq!(client.claim("lucky", "u-0").problem(), (409, "wrong_mode".into()));
    client.campaign("plain", &json!({}));
    let other = client.post("/v1/campaigns/plain/draws", &json!({"user_id": "u"}));
    assert_eq!(other.problem(), (409, "wrong_mode".into()));
    let named = client.post("/v1/campaigns/lucky/draws", &json!({"user_id": "u", "coupon_type": "cash-5"}));
    assert_eq!(named.problem(), (400, "invalid_request".into()));
}

#[test]
fn the_seed_comes_out_at_the_end_and_everything_follows_from_it() {
    let server = Server::start("");
    let client = server.client();
    draws(&client, "lucky", &json!({"limit": {"per": "campaign"}}));
    let drawn: Vec<Value> = (0..5).map(|n| draw(&client, "lucky", &format!("u-{n}"))).collect();
    let fairness = client.get("/v1/campaigns/lucky").json()["fairness"].clone();
    assert_eq!((fairness["commitment"].as_str().map(str::len), &fairness["seed"]), (Some(64), &Value::Null));
    assert_eq!(client.admin("POST", "/v1/campaigns/lucky/cancel", None).status, 200);
    let over = client.get("/v1/campaigns/lucky").json()["fairness"].clone();
    assert_eq!(over["commitment"], fairness["commitment"]);
    let seed = over["seed"].as_str().expect("it is out").to_owned();
    let verify = |dir: &std::path::Path| {
        let said =
            std::process::Command::new(env!("CARGO_BIN_EXE_landrush")).args(["draw", "verify"]).arg(dir).output();
        let said = said.expect("it runs");
        (said.status.code(), String::from_utf8(said.stdout).expect("UTF-8"))
    };
    let (code, out) = verify(&server.data_dir());
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "lucky: 5 results computed again from the seed\nall as the seeds have it\n")
    );
    for (n, draw) in drawn.iter().enumerate() {
        let user = format!("u-{n}");
        let mut check = std::process::Command::new(env!("CARGO_BIN_EXE_landrush"));
        check.args(["draw", "check", "--seed", &seed, "--campaign", "lucky", "--user", &user, "--period", "campaign"]);
        check.args(["--n", "1", "--odds", "0.3,0.2", "--types", "cash-5,cash-9", "--json"]);
        let said = check.output().expect("it runs");
        let said: Value = serde_json::from_slice(&said.stdout).expect("JSON");
        assert_eq!((&said["sampled"], &said["commitment"]), (&draw["sampled"], &over["commitment"]));
    }
}

#[test]
fn a_second_draw_is_for_another_day() {
    let server = Server::start("");
    let client = server.client();
    draws(&client, "lucky", &json!({}));
    let campaign = client.get("/v1/campaigns/lucky").json();
    assert_eq!(campaign["limit"], json!({"max": 1, "per": "day", "by": "user"}));
    assert_eq!(draw(&client, "lucky", "ann")["repeated"], false);
    assert_eq!(draw(&client, "lucky", "ann")["repeated"], true);
    let original = client.post("/draw", &json!({"campaign_id": "lucky", "user_id": "ann"}));
    assert_eq!((original.status, &original.json()["repeated"]), (200, &json!(true)));
    assert_eq!(client.post("/draw", &json!({"user_id": "ann"})).problem(), (400, "invalid_request".into()));
    let nowhere = client.post("/draw", &json!({"campaign_id": "nowhere", "user_id": "ann"}));
    assert_eq!(nowhere.problem(), (404, "not_found".into()));
}
