//! The checkout: every line of the contract on coupons and redemptions.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Client, Reply};
use crate::server::Server;

/// The code of a new coupon for `user`.
fn code(client: &Client, user: &str) -> String {
    client.claim("sale", user).json()["coupon"]["code"].as_str().expect("a code").to_owned()
}

fn redeem(client: &Client, code: &str, body: &Value) -> Reply {
    let code = code.replace(' ', "%20");
    client.admin("POST", &format!("/v1/coupons/{code}/redemptions"), Some(body))
}

fn settle(client: &Client, redemption: &Value, how: &str) -> Reply {
    let id = redemption["redemption_id"].as_str().expect("an id");
    client.admin("POST", &format!("/v1/redemptions/{id}/{how}"), None)
}

fn state(client: &Client, code: &str) -> Value {
    client.admin("GET", &format!("/v1/coupons/{code}"), None).json()["state"].clone()
}

fn shop() -> (Server, Client) {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    (server, client)
}

#[test]
fn a_coupon_is_redeemed_once() {
    let (server, client) = shop();
    let code = code(&client, "ann");
    let coupon = client.admin("GET", &format!("/v1/coupons/{code}"), None).json();
    assert_eq!(
        (&coupon["state"], &coupon["user_id"], &coupon["code"]),
        (&json!("issued"), &json!("ann"), &json!(code))
    );
    assert_eq!((&coupon["campaign_id"], &coupon["coupon_type"]), (&json!("sale"), &json!("cash-5")));
    assert_eq!(client.get(&format!("/v1/coupons/{code}")).problem(), (401, "unauthorized".into()));

    let first = redeem(&client, &code, &json!({"order_id": "o-1", "user_id": "ann"}));
    assert_eq!(first.status, 201, "{}", first.text());
    let first = first.json();
    assert_eq!(
        (&first["state"], &first["order_id"], &first["code"]),
        (&json!("confirmed"), &json!("o-1"), &json!(code))
    );
    let again = redeem(&client, &code, &json!({"order_id": "o-1", "user_id": "ann"}));
    assert_eq!((again.status, &again.json()["redemption_id"]), (200, &first["redemption_id"]));
    assert_eq!(again.json()["repeated"], true);
    let other_body = redeem(&client, &code, &json!({"order_id": "o-1"}));
    assert_eq!(other_body.problem(), (422, "idempotency_key_reused".into()));
    assert_eq!(redeem(&client, &code, &json!({"order_id": "o-2"})).problem(), (409, "already_redeemed".into()));
    assert_eq!(settle(&client, &first, "release").problem(), (409, "already_confirmed".into()));
    assert_eq!(settle(&client, &first, "confirm").status, 200);

    let server = Server::start_in(server.kill(), "");
    let client = server.client();
    assert_eq!(state(&client, &code), "redeemed");
    let claim = client.get("/v1/campaigns/sale/claims/by-user/ann").json()["items"][0]["claim_id"].clone();
    let void = client.admin("DELETE", &format!("/v1/campaigns/sale/claims/{}", claim.as_str().expect("an id")), None);
    assert_eq!(void.problem(), (409, "already_redeemed".into()));
    assert_eq!(settle(&client, &first, "reverse").json()["state"], "reversed");
    assert_eq!(settle(&client, &first, "reverse").status, 200);
    assert_eq!(settle(&client, &first, "confirm").problem(), (409, "already_reversed".into()));
    assert_eq!(state(&client, &code), "issued");
    // The order that was reversed stays so; another one may have the coupon.
    let same = redeem(&client, &code, &json!({"order_id": "o-1", "user_id": "ann"}));
    assert_eq!((same.status, &same.json()["state"]), (200, &json!("reversed")));
    assert_eq!(redeem(&client, &code, &json!({"order_id": "o-2"})).status, 201);
}

#[test]
fn a_hundred_orders_race_and_one_wins() {
    let (_server, client) = shop();
    let code = code(&client, "ann");
    let won: usize = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..20)
            .map(|racer| {
                let (client, code) = (&client, &code);
                scope.spawn(move || {
                    let mut won = 0;
                    for order in 0..5 {
                        let reply = redeem(client, code, &json!({"order_id": format!("o-{racer}-{order}")}));
                        match reply.status {
                            201 => won += 1,
                            _ => assert_eq!(reply.problem(), (409, "already_redeemed".into())),
                        }
                    }
                    won
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().expect("a racer")).sum()
    });
    assert_eq!(won, 1);
}

#[test]
fn a_hold_is_confirmed_released_or_runs_out() {
    let (server, client) = shop();
    let code = code(&client, "ann");
    let hold =
        |client: &Client, order: &str, hold: &str| redeem(client, &code, &json!({"order_id": order, "hold": hold}));
    let held = hold(&client, "o-1", "10m");
    assert_eq!(held.status, 201, "{}", held.text());
    let held = held.json();
    assert_eq!((&held["state"], &state(&client, &code)), (&json!("reserved"), &json!("reserved")));
    assert!(held["expires_at"].is_string());
    assert_eq!(hold(&client, "o-2", "10m").problem(), (409, "reserved".into()));
    assert_eq!(hold(&client, "o-1", "10m").status, 200, "a hold never blocks its own order");
    assert_eq!(hold(&client, "o-1", "9m").problem(), (422, "idempotency_key_reused".into()));
    assert_eq!(settle(&client, &held, "reverse").problem(), (409, "not_confirmed".into()));
    assert_eq!(settle(&client, &held, "release").json()["state"], "released");
    assert_eq!(settle(&client, &held, "release").status, 200);
    assert_eq!(settle(&client, &held, "confirm").problem(), (409, "already_released".into()));

    // After a release the order may try again, and that is a new redemption.
    let second = hold(&client, "o-1", "1s").json();
    assert_ne!(second["redemption_id"], held["redemption_id"]);
    let server = Server::start_in(server.kill(), "");
    let client = server.client();
    let deadline = Instant::now() + Duration::from_secs(20);
    while state(&client, &code) != "issued" {
        assert!(Instant::now() < deadline, "the hold never ran out");
        std::thread::park_timeout(Duration::from_millis(50));
    }
    assert_eq!(settle(&client, &second, "confirm").problem(), (410, "hold_expired".into()));
    assert_eq!(settle(&client, &second, "release").json()["state"], "expired");
    let third = hold(&client, "o-1", "1h").json();
    assert_eq!(settle(&client, &third, "confirm").json()["state"], "confirmed");
    assert_eq!(state(&client, &code), "redeemed");
    for wrong in ["0s", "25h", "soon"] {
        assert_eq!(hold(&client, "o-9", wrong).json()["errors"][0]["pointer"], "/hold");
    }
}

#[test]
fn what_cannot_be_redeemed_says_why() {
    let (_server, client) = shop();
    let ann = code(&client, "ann");
    let order = json!({"order_id": "o-1"});
    assert_eq!(
        redeem(&client, &ann, &json!({"order_id": "o-1", "user_id": "eve"})).problem(),
        (403, "wrong_user".into())
    );
    assert_eq!(redeem(&client, "0000-0000-0000-0000", &order).problem(), (404, "not_found".into()));
    let last = if ann.ends_with('A') { 'B' } else { 'A' };
    let forged = format!("{}{last}", &ann[..ann.len() - 1]);
    assert_eq!(client.admin("GET", &format!("/v1/coupons/{forged}"), None).problem(), (404, "not_found".into()));
    assert_eq!(client.admin("GET", "/v1/coupons/%zz", None).problem(), (404, "not_found".into()));
    let nothing = client.admin("POST", "/v1/redemptions/0000000000000000/confirm", None);
    assert_eq!(nothing.problem(), (404, "not_found".into()));
    assert_eq!(redeem(&client, &ann, &json!({})).json()["errors"][0]["pointer"], "/order_id");

    let paused = json!({"accept_redemptions": false});
    assert_eq!(client.admin("PATCH", "/v1/campaigns/sale", Some(&paused)).status, 200);
    assert_eq!(redeem(&client, &ann, &order).problem(), (409, "redemptions_paused".into()));
    let resumed = json!({"accept_redemptions": true});
    assert_eq!(client.admin("PATCH", "/v1/campaigns/sale", Some(&resumed)).status, 200);

    client.campaign(
        "brief",
        &json!({"coupon_types": [
        {"id": "brief", "name": "brief", "total_quota": 5, "valid_for": "1ms"}]}),
    );
    let brief = client.claim("brief", "ann").json()["coupon"]["code"].as_str().expect("a code").to_owned();
    std::thread::park_timeout(Duration::from_millis(2));
    assert_eq!(redeem(&client, &brief, &order).problem(), (410, "expired".into()));

    // Typed by hand, in the way of the original service.
    let typed = ann.to_lowercase().replace('-', " ");
    let redeemed = client.admin("POST", "/redeem", Some(&json!({"code": typed, "order_id": "o-1"})));
    assert_eq!((redeemed.status, &redeemed.json()["code"]), (201, &json!(ann)));
    let missing = client.admin("POST", "/redeem", Some(&json!({"order_id": "o-1"})));
    assert_eq!(missing.json()["errors"][0]["pointer"], "/code");

    let bob = code(&client, "bob");
    let held = redeem(&client, &bob, &json!({"order_id": "o-1", "hold": "10m"})).json();
    assert_eq!(client.admin("POST", "/v1/campaigns/sale/cancel?revoke=true", None).status, 200);
    assert_eq!((state(&client, &bob), state(&client, &ann)), (json!("void"), json!("redeemed")));
    assert_eq!(redeem(&client, &bob, &json!({"order_id": "o-2"})).problem(), (410, "void".into()));
    assert_eq!(settle(&client, &held, "confirm").problem(), (410, "void".into()));
}
