//! Users, phones, and what is left on disk when they are gone.

use std::path::Path;

use serde_json::{Value, json};

use crate::client::Client;
use crate::server::Server;

fn is_on_disk(directory: &Path, text: &str) -> bool {
    std::fs::read_dir(directory).expect("readable").any(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            return is_on_disk(&path, text);
        }
        // The log renames its files when it is ready to: what is gone meanwhile is seen under its other name.
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

fn claim(client: &Client, campaign: &str, user: &str, phone: Option<&str>) -> crate::client::Reply {
    let mut body = json!({"user_id": user});
    if let Some(phone) = phone {
        body["phone"] = json!(phone);
    }
    client.post(&format!("/v1/campaigns/{campaign}/claims"), &body)
}

#[test]
fn a_user_is_made_read_and_erased_for_good() {
    let server = Server::start("");
    let client = server.client();
    let made = client.post("/v1/users", &json!({"phone": "+65 9123 4567", "name": "Ann Smith"}));
    assert_eq!(made.status, 201, "{}", made.text());
    let user = made.json()["user_id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/users/{user}");
    assert_eq!(made.header("location"), Some(path.as_str()));
    assert_eq!(client.get(&path).problem(), (401, "unauthorized".into()));
    let read = client.admin("GET", &path, None);
    let expected = json!({"user_id": user, "phone": "+6591234567", "name": "Ann Smith"});
    assert_eq!((read.status, read.json()), (200, expected));
    assert!(is_on_disk(&server.data_dir(), "91234567"));

    assert_eq!(client.admin("DELETE", &path, None).status, 204);
    assert_eq!(client.admin("GET", &path, None).problem(), (404, "not_found".into()));
    assert_eq!(client.admin("DELETE", &path, None).problem(), (404, "not_found".into()));
    for trace in ["91234567", "Ann Smith"] {
        assert!(!is_on_disk(&server.data_dir(), trace), "{trace}");
    }
}

#[test]
fn a_user_id_is_given_with_the_admin_key_and_conflicts_are_told() {
    let server = Server::start("");
    let client = server.client();
    let ann = json!({"user_id": "ann", "phone": "+6591234567"});
    assert_eq!(client.post("/v1/users", &ann).problem(), (401, "unauthorized".into()));
    assert_eq!(client.admin("POST", "/v1/users", Some(&ann)).status, 201);
    let again = client.admin("POST", "/user", Some(&ann));
    assert_eq!((again.status, &again.json()["repeated"]), (200, &json!(true)));
    let other = json!({"user_id": "ann", "phone": "+6580000000"});
    assert_eq!(client.admin("POST", "/v1/users", Some(&other)).problem(), (409, "conflict".into()));
    for (body, pointer) in [
        (json!({}), "/phone"),
        (json!({"phone": "12"}), "/phone"),
        (json!({"phone": "+6591234567", "name": ""}), "/name"),
        (json!({"phone": "+6591234567", "nmae": "x"}), "/nmae"),
    ] {
        let refused = client.post("/v1/users", &body);
        assert_eq!(refused.problem(), (400, "invalid_request".into()), "{body}");
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer);
    }
}

#[test]
fn one_coupon_a_phone_number_however_many_accounts() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({"limit": {"by": "phone"}}));
    assert_eq!(claim(&client, "sale", "ann", None).problem(), (400, "invalid_request".into()));
    let won = claim(&client, "sale", "ann", Some("+65 9123 4567"));
    assert_eq!(won.status, 201, "{}", won.text());
    let stranger = claim(&client, "sale", "bob", Some("+6591234567"));
    assert_eq!(stranger.problem(), (409, "limit_reached".into()));
    assert!(!stranger.text().contains(won.json()["coupon"]["code"].as_str().expect("a code")));
    // The number is known by now.
    assert_eq!(claim(&client, "sale", "ann", None).status, 200);
    // Taking another number does not set the first one free.
    assert_eq!(claim(&client, "sale", "ann", Some("+6580000000")).status, 200);
    assert_eq!(claim(&client, "sale", "cyd", Some("+6591234567")).problem(), (409, "limit_reached".into()));

    let before = client.get("/v1/campaigns/sale").json()["coupon_types"].clone();
    assert_eq!(client.admin("DELETE", "/v1/users/ann", None).status, 204);
    assert_eq!(client.get("/v1/campaigns/sale").json()["coupon_types"], before, "counts stay");
    let server = Server::start_in(server.kill(), "");
    let client = server.client();
    assert_eq!(client.get("/v1/campaigns/sale").json()["coupon_types"][0]["issued"], 1);
    // A win is repeated in any case.
    assert_eq!(claim(&client, "sale", "ann", None).status, 200);
    assert_eq!(claim(&client, "sale", "dan", Some("12")).problem(), (400, "invalid_request".into()));
}

#[test]
fn a_phone_may_be_required_without_being_the_limit() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({"phone_required": true}));
    assert_eq!(claim(&client, "sale", "ann", None).json()["errors"][0]["pointer"], "/phone");
    assert_eq!(claim(&client, "sale", "ann", Some("+6591234567")).status, 201);
    assert_eq!(claim(&client, "sale", "bob", Some("+6591234567")).status, 201);
    let cyd = json!({"user_id": "cyd", "phone": "+6580000000"});
    assert_eq!(client.admin("POST", "/v1/users", Some(&cyd)).status, 201);
    assert_eq!(claim(&client, "sale", "cyd", None).status, 201);
    let stored = client.admin("GET", "/v1/users/bob", None).json();
    assert_eq!((&stored["phone"], &stored["name"]), (&json!("+6591234567"), &Value::Null));
}

/// A backup that is older than the log, or none: numbers that come now must not be taken for those that the log counts by.
#[test]
fn a_lost_store_of_numbers_takes_no_strangers_for_somebody_else() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({"limit": {"by": "phone"}}));
    for (user, phone) in [("ann", "+6591234567"), ("bob", "+6580000000")] {
        assert_eq!(claim(&client, "sale", user, Some(phone)).status, 201);
    }
    let data_dir = server.data_dir();
    let directory = server.kill();
    std::fs::remove_dir_all(data_dir.join("people")).expect("it was there");
    let server = Server::start_in(directory, "");
    let client = server.client();
    assert_eq!(claim(&client, "sale", "cyd", Some("+6577777777")).status, 201);
    assert_eq!(claim(&client, "sale", "ann", None).status, 200);
}
