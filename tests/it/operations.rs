//! What operators see: health, time, metrics, request ids, both protocols.

use std::time::Duration;

use serde_json::json;

use crate::client::Client;
use crate::server::Server;

#[test]
fn health_and_time_are_told() {
    let server = Server::start("");
    let client = server.client();
    assert_eq!((client.get("/livez").status, client.get("/readyz").status), (200, 200));
    let time = client.get("/v1/time");
    assert_eq!(time.header("cache-control"), Some("no-store"));
    let told: jiff::Timestamp = time.json()["server_time"].as_str().expect("a time").parse().expect("a time");
    let apart = told.duration_until(jiff::Timestamp::now()).unsigned_abs();
    assert!(apart < Duration::from_secs(5), "{apart:?}");
}

#[test]
fn every_answer_has_a_request_id_and_the_callers_is_kept() {
    let server = Server::start("");
    let client = server.client();
    let mut made = Vec::new();
    for path in ["/livez", "/nope", "/v1/campaigns/none"] {
        made.push(client.get(path).header("x-request-id").expect("an id").to_owned());
    }
    made.dedup();
    assert_eq!(made.len(), 3);
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let given = client.call("GET", "/livez", &[("x-request-id", "mine-1"), ("traceparent", trace)], b"");
    assert_eq!((given.header("x-request-id"), given.header("traceparent")), (Some("mine-1"), Some(trace)));
    let insane = client.call("GET", "/livez", &[("x-request-id", &"x".repeat(200))], b"");
    assert_eq!(insane.header("x-request-id").map(str::len), Some(16));
}

fn value(metrics: &str, name: &str) -> Option<f64> {
    metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

#[test]
fn metrics_count_claims_by_outcome_and_show_the_log() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({"coupon_types": [{"id": "a", "name": "a", "total_quota": 2}]}));
    for user in ["u-1", "u-2", "u-1", "u-3"] {
        client.claim("sale", user);
    }
    let hopeless = json!([{"id": "a", "name": "a", "total_quota": 2, "probability": 0}]);
    client.campaign("draws", &json!({"mode": "draw", "coupon_types": hopeless}));
    client.post("/v1/campaigns/draws/draws", &json!({"user_id": "u-1"}));
    client.post("/draw", &json!({"campaign_id": "draws", "user_id": "u-2"}));
    client.campaign("raffle", &json!({"mode": "lottery"}));
    client.post("/v1/campaigns/raffle/entries", &json!({"user_id": "u-1"}));
    let reply = client.get("/metrics");
    assert!(reply.header("content-type").expect("a type").starts_with("application/openmetrics-text"));
    let metrics = reply.text();
    for (name, expected) in [
        ("landrush_claims_total{outcome=\"won\"}", 2.0),
        ("landrush_claims_total{outcome=\"repeated\"}", 1.0),
        ("landrush_claims_total{outcome=\"sold_out\"}", 1.0),
        ("landrush_claims_total{outcome=\"no_coupon\"}", 2.0),
        ("landrush_claims_total{outcome=\"entered\"}", 1.0),
        ("landrush_claim_seconds_count", 7.0),
        ("landrush_ready", 1.0),
        ("landrush_log_accepts", 1.0),
        ("landrush_mailbox_depth{shard=\"0\"}", 0.0),
    ] {
        assert_eq!(value(&metrics, name), Some(expected), "{name}\n{metrics}");
    }
    for name in ["landrush_log_bytes_total", "landrush_log_sync_seconds_count", "landrush_log_frame_records_count"] {
        assert!(value(&metrics, name).is_some_and(|value| value > 0.0), "{name}\n{metrics}");
    }
    assert!(value(&metrics, "landrush_recovery_seconds").is_some());
}

#[test]
fn metrics_can_have_a_listener_of_their_own() {
    let mut server = Server::start("[metrics]\nlisten = \"127.0.0.1:0\"\n");
    let told = server.wait_for("metrics on http://");
    let address = told.trim_start_matches("metrics on http://").trim_end_matches("/metrics");
    let metrics = Client::new(address.parse().expect("an address"));
    assert_eq!(metrics.get("/metrics").status, 200);
    assert_eq!(metrics.get("/readyz").status, 200);
    assert_eq!(metrics.get("/v1/campaigns").problem(), (404, "not_found".into()));
    assert_eq!(metrics.claim("sale", "u").problem(), (404, "not_found".into()));
    assert_eq!(server.client().get("/metrics").problem(), (404, "not_found".into()));
}

#[test]
fn http_2_is_spoken_on_the_same_port() {
    let server = Server::start("");
    server.client().campaign("sale", &json!({}));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let statuses = runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(server.address()).await.expect("the server listens");
        let io = hyper_util::rt::TokioIo::new(stream);
        let executor = hyper_util::rt::TokioExecutor::new();
        let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.expect("HTTP/2");
        tokio::spawn(connection);
        let mut statuses = Vec::new();
        for _ in 0..2 {
            let request = hyper::Request::post("http://test/v1/campaigns/sale/claims")
                .header("content-type", "application/json")
                .body(http_body_util::Full::new(bytes::Bytes::from_static(br#"{"user_id":"u-1"}"#)))
                .expect("a request");
            statuses.push(sender.send_request(request).await.expect("an answer").status().as_u16());
        }
        statuses
    });
    assert_eq!(statuses, [201, 200]);
}
