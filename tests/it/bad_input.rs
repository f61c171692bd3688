//! What is no request of ours: each gets a clear answer, and the server goes on.

use serde_json::json;

use crate::client::{Client, JSON};
use crate::server::Server;

fn claim(client: &Client, body: &[u8], status: u16, pointer: Option<&str>) {
    let reply = client.call("POST", "/v1/campaigns/safe/claims", &[JSON], body);
    let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
    assert_eq!(reply.problem().0, status, "{shown}: {}", reply.text());
    if let Some(pointer) = pointer {
        let document = reply.json();
        assert_eq!(document["code"], "invalid_request");
        assert_eq!(document["errors"][0]["pointer"], pointer, "{shown}: {document}");
        assert!(document["errors"][0]["detail"].is_string());
    }
}

#[test]
fn bad_claims_are_refused_by_pointer() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("safe", &json!({}));
    claim(&client, b"", 400, Some(""));
    claim(&client, b"{", 400, Some(""));
    claim(&client, b"[]", 400, Some(""));
    claim(&client, b"null", 400, Some(""));
    claim(&client, &[b'['; 9_000], 400, Some(""));
    claim(&client, b"{\"user_id\":\"\xff\"}", 400, Some(""));
    claim(&client, br#"{"user_id":1}"#, 400, Some("/user_id"));
    claim(&client, br#"{"user_id":""}"#, 400, Some("/user_id"));
    claim(&client, br#"{"user_id":"a\u0000b"}"#, 400, Some("/user_id"));
    claim(&client, format!(r#"{{"user_id":"{}"}}"#, "x".repeat(129)).as_bytes(), 400, Some("/user_id"));
    claim(&client, br#"{"user_id":"u","colour":"red"}"#, 400, Some("/colour"));
    claim(&client, br#"{"user_id":"u","user_id":"v"}"#, 400, Some("/user_id"));
    claim(&client, br#"{"user_id":"u","phone":"12"}"#, 400, Some("/phone"));
    claim(&client, br#"{"user_id":"u","phone":12}"#, 400, Some("/phone"));
    claim(&client, br#"{"user_id":"u","coupon_type":"none"}"#, 404, None);
    claim(&client, format!(r#"{{"user_id":"{}"}}"#, "x".repeat(20_000)).as_bytes(), 413, None);
    assert_eq!(client.claim("safe", &"x".repeat(128)).status, 201);
}

#[test]
fn a_body_of_any_length_is_refused_in_bounded_room() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("safe", &json!({}));
    let mut connection = client.connect();
    let head = "POST /v1/campaigns/safe/claims HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    connection.send(format!("{head}content-length: 1000000000000\r\n\r\n").as_bytes()).expect("sent");
    // The server has read its fill at some point and closes; how much was sent by then is no matter.
    while connection.send(&[b'x'; 8_192]).is_ok() {}
    assert!(connection.receive(false).is_none_or(|reply| reply.status == 413));

    let mut chunked = client.connect();
    chunked.send(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes()).expect("sent");
    while chunked.send(format!("1000\r\n{}\r\n", "x".repeat(0x1000)).as_bytes()).is_ok() {}
    assert!(chunked.receive(false).is_none_or(|reply| reply.status == 413));
    assert_eq!(client.claim("safe", "u").status, 201);
}

#[test]
fn a_chunked_body_is_read() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("safe", &json!({}));
    let mut connection = client.connect();
    let head = "POST /v1/campaigns/safe/claims HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    let body = "8\r\n{\"user_i\r\n9\r\nd\":\"u-1\"}\r\n0\r\n\r\n";
    connection.send(format!("{head}transfer-encoding: chunked\r\n\r\n{body}").as_bytes()).expect("sent");
    assert_eq!(connection.receive(false).expect("an answer").json()["user_id"], "u-1");
}

#[test]
fn garbage_and_endless_heads_are_closed() {
    let server = Server::start("");
    let client = server.client();
    let mut garbage = client.connect();
    garbage.send(b"\x16\x03\x01\x02\x00\xff\xfe\0\0\0garbage\r\n\r\n").expect("sent");
    assert!(garbage.is_closed_by_server());
    let mut endless = client.connect();
    endless.send(b"GET / HTTP/1.1\r\n").expect("sent");
    while endless.send(b"x-more: and-more-and-more-and-more\r\n").is_ok() {}
    let reply = endless.receive(false);
    assert!(reply.is_none_or(|reply| reply.status == 431));
    assert_eq!(client.get("/readyz").status, 200);
}

#[test]
fn bad_campaigns_are_refused_by_pointer() {
    let server = Server::start("");
    let client = server.client();
    let good = json!({
        "id": "c1", "name": "c", "time_zone": "UTC", "mode": "first_come",
        "schedule": {"starts_at": "2026-01-01T00:00:00Z", "ends_at": "2027-01-01T00:00:00Z"},
        "coupon_types": [{"id": "a", "name": "a", "total_quota": 5, "valid_for": "1d"}]
    });
    for (pointer, value) in [
        ("/id", json!("../etc")),
        ("/time_zone", json!("Mars/Olympus")),
        ("/coupon_types", json!([])),
        ("/coupon_types/0/total_quota", json!(-1)),
        ("/coupon_types/0/total_quota", json!(1.5)),
        ("/coupon_types/0/valid_for", json!("5 bananas")),
        ("/schedule/ends_at", json!("2025-01-01T00:00:00Z")),
        ("/mode", json!("auction")),
    ] {
        let mut body = good.clone();
        *body.pointer_mut(pointer).expect("a place in the body") = value;
        let reply = client.admin("POST", "/v1/campaigns", Some(&body));
        assert_eq!(reply.problem(), (400, "invalid_request".into()), "{body}");
        assert_eq!(reply.json()["errors"][0]["pointer"], pointer, "{body}");
    }
    assert_eq!(client.admin("POST", "/v1/campaigns", Some(&good)).status, 201);
}
