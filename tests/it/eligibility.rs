//! Whom a campaign is for, through the server: registrations, lists, what a token says, and how many come by one device.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::client::{Client, JSON, PATIENCE, Reply};
use crate::server::{ADMIN_KEY, Server};

const SECRET: &str = "a secret of at least thirty-two bytes";
const DEVICE: &str = "x-device-id";

fn sale(client: &Client, id: &str, eligibility: &Value, more: &Value) {
    let mut changes = json!({"protection": {"eligibility": eligibility}});
    changes.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    client.campaign(id, &changes);
}

fn register(client: &Client, id: &str, body: &Value) -> Reply {
    client.post(&format!("/v1/campaigns/{id}/registrations"), body)
}

fn upload(client: &Client, id: &str, media_type: &str, lines: &str) -> Reply {
    let key = format!("Bearer {ADMIN_KEY}");
    let headers = [("authorization", key.as_str()), ("content-type", media_type)];
    client.call("PUT", &format!("/v1/campaigns/{id}/eligible"), &headers, lines.as_bytes())
}

fn claim_by(client: &Client, id: &str, user: &str, device: &str, phone: Option<&str>) -> Reply {
    let body = json!({"user_id": user, "phone": phone.unwrap_or("+6591234567")});
    let body = if phone.is_some() { body } else { json!({"user_id": user}) };
    client.post_with(&format!("/v1/campaigns/{id}/claims"), &[(DEVICE, device)], &body)
}

fn not_eligible(reply: &Reply) -> bool {
    reply.problem() == (403, "not_eligible".into())
}

#[test]
fn who_registered_may_claim_and_nobody_else_also_after_a_crash() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "members", &json!({"who": "registered"}), &json!({}));
    assert!(not_eligible(&client.claim("members", "ann")));
    let first = register(&client, "members", &json!({"user_id": "ann"}));
    assert_eq!((first.status, first.json()), (201, json!({"state": "registered"})));
    assert_eq!(register(&client, "members", &json!({"user_id": "ann"})).status, 200);
    assert_eq!(register(&client, "members", &json!({"user_id": "cid"})).status, 201);
    assert_eq!(client.claim("members", "ann").status, 201);
    let server = Server::start_in(server.kill(), "");
    let client = server.client();
    assert_eq!(client.claim("members", "ann").status, 200);
    assert_eq!(client.claim("members", "cid").status, 201);
    assert!(not_eligible(&client.claim("members", "bob")));
    let batch = json!({"claims": [{"user_id": "bob"}, {"user_id": "cid"}]});
    let batch = client.admin("POST", "/v1/campaigns/members/claims:batch", Some(&batch)).json();
    let statuses: Vec<_> = batch["results"].as_array().expect("results").iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, [&json!(403), &json!(200)], "{batch}");
    let metrics = client.get("/metrics");
    assert!(metrics.text().contains("landrush_gate_refused_total{reason=\"not_eligible\"} 2"), "{}", metrics.text());
}

#[test]
fn after_the_cut_off_registration_is_closed() {
    let server = Server::start("");
    let client = server.client();
    let closed = json!({"who": "registered", "registration_closes_at": "2021-01-01T00:00:00Z"});
    sale(&client, "members", &closed, &json!({}));
    let ann = json!({"user_id": "ann", "phone": "+6591234567"});
    assert_eq!(register(&client, "members", &ann).problem(), (409, "registration_closed".into()));
    client.campaign("free", &json!({}));
    assert_eq!(register(&client, "free", &ann).problem(), (404, "not_found".into()));
    let stored = client.admin("GET", "/v1/users/ann", None);
    assert_eq!(stored.problem(), (404, "not_found".into()), "what is refused leaves no number behind");
    assert_eq!(register(&client, "none", &json!({"user_id": "ann"})).problem(), (404, "not_found".into()));
    assert_eq!(register(&client, "members", &json!({})).problem(), (400, "invalid_request".into()));
}

#[test]
fn registration_takes_the_phone_number_that_the_campaign_needs() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "members", &json!({"who": "registered"}), &json!({"phone_required": true}));
    let bare = register(&client, "members", &json!({"user_id": "ann"}));
    assert_eq!(bare.status, 400, "{}", bare.text());
    let with = json!({"user_id": "ann", "phone": "+65 9123 4567"});
    assert_eq!(register(&client, "members", &with).status, 201);
    assert_eq!(client.claim("members", "ann").status, 201, "the number is known");
}

#[test]
fn a_list_says_who_may_claim_until_another_takes_its_place() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "staff", &json!({"who": "list"}), &json!({}));
    assert!(not_eligible(&client.claim("staff", "ann")), "nobody is on the list");
    let lines = "{\"user_id\":\"ann\"}\n\"bob\"\n\n{\"user_id\":\"ann\"}";
    let taken = upload(&client, "staff", "application/x-ndjson", lines);
    assert_eq!((taken.status, taken.json()), (200, json!({"eligible": 2})));
    assert_eq!(client.claim("staff", "ann").status, 201);
    for (lines, status) in [("{\"user\":\"eve\"}", 400), ("{\"user_id\":\"eve\"}\nnonsense", 400), ("\"\"", 400)] {
        assert_eq!(upload(&client, "staff", "application/x-ndjson", lines).status, status, "{lines}");
    }
    let long = format!("\"{}\"", "x".repeat(1_100));
    assert_eq!(upload(&client, "staff", "application/x-ndjson", &long).problem(), (413, "too_large".into()));
    assert_eq!(upload(&client, "staff", "text/csv", "eve").problem(), (415, "unsupported_media_type".into()));
    assert!(not_eligible(&client.claim("staff", "eve")), "what is refused changes nothing");

    let server = Server::start_in(server.kill(), "");
    let client = server.client();
    assert_eq!(client.claim("staff", "bob").status, 201, "the list outlives a crash");
    assert_eq!(upload(&client, "staff", "application/x-ndjson", "\"cid\"\n").status, 200);
    assert_eq!(client.claim("staff", "bob").status, 200, "a repeat is answered whatever the list says");
    assert_eq!(client.claim("staff", "cid").status, 201);
    client.campaign("free", &json!({}));
    assert_eq!(upload(&client, "free", "application/x-ndjson", "\"cid\"\n").problem(), (409, "conflict".into()));
    let anybody = client.call("PUT", "/v1/campaigns/staff/eligible", &[("content-type", "application/x-ndjson")], b"");
    assert_eq!(anybody.problem(), (401, "unauthorized".into()));
}

#[test]
fn few_users_come_by_one_device_and_few_devices_by_one_user() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "few", &json!({"users_per_device": 2, "devices_per_user": 1}), &json!({}));
    assert!(not_eligible(&client.claim("few", "ann")), "without a device");
    assert_eq!(claim_by(&client, "few", "ann", "d-1", None).status, 201);
    assert_eq!(claim_by(&client, "few", "bob", "d-1", None).status, 201);
    assert!(not_eligible(&claim_by(&client, "few", "cid", "d-1", None)), "the third user of the device");
    assert_eq!(claim_by(&client, "few", "cid", "d-2", None).status, 201, "what was refused used up no device of hers");
    assert_eq!(claim_by(&client, "few", "ann", "d-1", None).status, 200);
    assert_eq!(claim_by(&client, "few", "ann", "d-9", None).status, 200, "a repeat may come by any");
    let phone = Some("+6581234567");
    assert_eq!(claim_by(&client, "few", "dan", "d-3", phone).status, 201);
    assert_eq!(claim_by(&client, "few", "eve", "d-4", phone).status, 201);
    assert!(not_eligible(&claim_by(&client, "few", "fay", "d-5", phone)), "the third user of the number");
}

/// A gateway may add the device that it knows to the header that the client has sent: the first of the two was the client's word.
#[test]
fn a_device_that_is_named_twice_is_none() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "few", &json!({"users_per_device": 1}), &json!({}));
    client.campaign("rated", &json!({"protection": {"rate_limit": {"device": "1/1h"}}}));
    client.campaign("free", &json!({}));
    client.campaign("paced", &json!({"protection": {"rate_limit": {"user": "5/10s"}}}));
    let claim = |id: &str, user: &str, more: &[(&str, &str)], devices: &[&str]| {
        let headers = more.iter().copied().chain(devices.iter().map(|name| (DEVICE, *name)));
        client.claim_with(id, user, &headers.collect::<Vec<_>>())
    };
    // The second way of sending is read by hyper, the first off the socket.
    for more in [&[][..], &[("connection", "close")]] {
        for id in ["few", "rated"] {
            for devices in [["d-1", "d-2"], ["d-1", "d-1"]] {
                let reply = claim(id, "ann", more, &devices);
                assert_eq!(reply.problem(), (400, "invalid_request".into()), "{id} {devices:?} {more:?}");
                assert!(reply.text().contains("X-Device-Id"), "{}", reply.text());
            }
        }
    }
    assert_eq!(claim("few", "ann", &[], &["d-1"]).status, 201, "nothing was used up");
    assert_eq!(claim("rated", "ann", &[], &["d-1"]).status, 201);
    for id in ["free", "paced"] {
        assert_eq!(
            claim(id, "ann", &[], &["d-1", "d-2"]).status,
            201,
            "where nobody asks for it, it says nothing: {id}"
        );
    }
}

#[test]
fn who_came_by_which_device_is_known_after_a_crash_until_the_campaign_is_archived() {
    let server = Server::start("");
    let client = server.client();
    for id in ["few", "brief"] {
        let twice = json!({"limit": {"max": 2, "per": "campaign"}});
        sale(&client, id, &json!({"users_per_device": 2, "devices_per_user": 1}), &twice);
    }
    let claim = |client: &Client, id: &str, user: &str, device: &str| {
        let headers = [JSON, (DEVICE, device), ("idempotency-key", device)];
        let body = match user {
            "dan" | "eve" | "fay" => json!({"user_id": user, "phone": "+6581234567"}),
            _ => json!({"user_id": user}),
        };
        client.call("POST", &format!("/v1/campaigns/{id}/claims"), &headers, body.to_string().as_bytes())
    };
    for (user, device) in [("ann", "d-1"), ("bob", "d-1"), ("dan", "d-3"), ("eve", "d-4")] {
        assert_eq!(claim(&client, "few", user, device).status, 201);
    }
    let ann = claim(&client, "brief", "ann", "d-1");
    assert_eq!(ann.status, 201);
    // The device of each user, the users of each device, and two of the number.
    wait_for_pairs(&server, 12);

    let server = Server::start_in(server.kill(), "");
    let client = server.client();
    assert!(not_eligible(&claim(&client, "few", "cid", "d-1")), "the third user of the device");
    assert!(not_eligible(&claim(&client, "few", "fay", "d-5")), "the third user of the number");
    assert!(not_eligible(&claim(&client, "few", "ann", "d-9")), "her second device");
    assert_eq!(claim(&client, "few", "ann", "d-1").status, 200);
    assert_eq!(claim(&client, "few", "cid", "d-2").status, 201, "what was refused used nothing up");
    let bob = claim(&client, "brief", "bob", "d-1");
    assert_eq!(bob.status, 201, "each campaign counts for itself");
    wait_for_pairs(&server, 16);
    for won in [ann, bob] {
        let path = format!("/v1/campaigns/brief/claims/{}", won.json()["claim_id"].as_str().expect("an id"));
        assert_eq!(client.admin("DELETE", &path, None).status, 204);
    }
    for call in ["cancel", "archive"] {
        assert_eq!(client.admin("POST", &format!("/v1/campaigns/brief/{call}"), None).status, 200, "{call}");
    }
    wait_for_pairs(&server, 12);
    let names = std::fs::read_dir(server.data_dir().join("companions")).expect("there");
    for path in names.map(|entry| entry.expect("an entry").path()) {
        assert_eq!(std::fs::metadata(path).expect("there").permissions().mode() & 0o777, 0o600);
    }
}

/// Waits until so many pairs of users and devices or numbers are written.
fn wait_for_pairs(server: &Server, expected: u64) {
    let began = Instant::now();
    loop {
        let files = std::fs::read_dir(server.data_dir().join("companions")).into_iter().flatten();
        let bytes: u64 = files.map(|file| file.and_then(|file| file.metadata()).map_or(0, |file| file.len())).sum();
        if bytes == expected * 16 {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{bytes} bytes are written, and not {expected} pairs");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn whoever_repeats_takes_no_place_of_a_device() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "one", &json!({"users_per_device": 1}), &json!({}));
    assert_eq!(claim_by(&client, "one", "ann", "d-1", None).status, 201);
    assert_eq!(claim_by(&client, "one", "ann", "d-2", None).status, 200);
    assert_eq!(claim_by(&client, "one", "bob", "d-2", None).status, 201, "it is nobody's yet");
    assert!(not_eligible(&claim_by(&client, "one", "cid", "d-1", None)), "which is ann's");
}

#[test]
fn one_user_comes_by_a_bounded_number_of_devices_also_where_the_campaign_names_no_bound() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "many", &json!({"users_per_device": 1}), &json!({"limit": {"max": 100, "per": "campaign"}}));
    let claim = |device: &str| {
        let headers = [JSON, (DEVICE, device), ("idempotency-key", device)];
        client.call("POST", "/v1/campaigns/many/claims", &headers, br#"{"user_id":"eve"}"#)
    };
    for number in 0..16 {
        assert_eq!(claim(&format!("d-{number}")).status, 201);
    }
    assert!(not_eligible(&claim("d-16")));
    assert_eq!(claim("d-15").status, 200, "a repeat");
}

#[test]
fn a_token_must_say_what_the_campaign_asks_for() {
    let settings = format!("[auth]\nusers = \"jwt\"\n[[auth.keys]]\nalg = \"HS256\"\nsecret = \"{SECRET}\"");
    let server = Server::start(&settings);
    let client = server.client();
    sale(&client, "vip", &json!({"token_claims": {"segment": "vip", "level": 3}}), &json!({}));
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let claim = |user: &str, says: Value| {
        let mut claims = json!({"sub": user, "exp": seconds + 600});
        claims.as_object_mut().expect("an object").extend(says.as_object().expect("an object").clone());
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let token = encode(&Header::new(Algorithm::HS256), &claims, &key).expect("signs");
        let bearer = format!("Bearer {token}");
        client.call("POST", "/v1/campaigns/vip/claims", &[JSON, ("authorization", &bearer)], b"{}")
    };
    assert!(not_eligible(&claim("ann", json!({}))));
    assert!(not_eligible(&claim("ann", json!({"segment": "vip"}))));
    assert!(not_eligible(&claim("ann", json!({"segment": "vip", "level": "3"}))), "a string is no number");
    assert!(not_eligible(&claim("ann", json!({"segment": ["vip"], "level": 3}))));
    assert_eq!(claim("ann", json!({"segment": "vip", "level": 3, "more": true})).status, 201);

    let server = Server::start("");
    let body = json!({
        "id": "vip", "name": "vip", "time_zone": "UTC", "mode": "first_come",
        "schedule": {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2999-01-01T00:00:00Z"},
        "protection": {"eligibility": {"token_claims": {"segment": "vip"}}},
        "coupon_types": [{"id": "cash-5", "name": "cash", "total_quota": 100}]
    });
    let refused = server.client().admin("POST", "/v1/campaigns", Some(&body));
    assert_eq!(refused.json()["errors"][0]["pointer"], "/protection/eligibility/token_claims", "{}", refused.text());
}

#[test]
fn what_a_token_is_known_to_say_is_held_against_what_each_campaign_asks_for_and_for_no_longer_than_it_holds() {
    let key = format!("[[auth.keys]]\nalg = \"HS256\"\nsecret = \"{SECRET}\"");
    let server = Server::start(&format!("[http]\nio_threads = 1\n[auth]\nusers = \"jwt\"\n{key}"));
    let client = server.client();
    let ask = |segment: &str| json!({"protection": {"eligibility": {"token_claims": {"segment": segment}}}});
    client.campaign("first", &ask("vip"));
    client.campaign("second", &ask("staff"));
    client.campaign("third", &ask("vip"));
    // It is taken for a minute after its end: for two seconds from now.
    let exp = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() + 2 - 60;
    let bearer = |user: &str, exp: u64| {
        let claims = json!({"sub": user, "exp": exp, "segment": "vip"});
        let token = encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(SECRET.as_bytes()));
        format!("Bearer {}", token.expect("signs"))
    };
    let (ann, bob) = (bearer("ann", exp + 600), bearer("bob", exp));
    let claim = |id: &str, bearer: &str| {
        client.call("POST", &format!("/v1/campaigns/{id}/claims"), &[JSON, ("authorization", bearer)], b"{}")
    };
    assert!(not_eligible(&claim("second", &ann)));
    assert_eq!(claim("first", &ann).status, 201);
    assert!(not_eligible(&claim("second", &ann)), "though she is known to be what another campaign asks for");
    assert_eq!(claim("third", &ann).status, 201, "and to be nothing that another one asks for");
    // What is known of a token is no reason to take it for longer than it holds.
    let deadline = Instant::now() + PATIENCE;
    let mut expired = claim("first", &bob);
    while expired.status != 401 {
        assert!([200, 201].contains(&expired.status) && Instant::now() < deadline, "{}", expired.text());
        std::thread::park_timeout(Duration::from_millis(100));
        expired = claim("first", &bob);
    }
    assert!(expired.text().contains("has expired"), "{}", expired.text());
}

#[test]
fn who_could_not_claim_takes_no_place_in_a_waiting_room() {
    let server = Server::start("");
    let client = server.client();
    let sale = |id: &str, eligibility: &Value| {
        let waiting_room = json!({"admit_per_second": 1, "opens_before": "10m", "admitted_for": "2m"});
        client.campaign(id, &json!({"protection": {"eligibility": eligibility, "waiting_room": waiting_room}}));
    };
    let join =
        |id: &str, user: &str| client.post(&format!("/v1/campaigns/{id}/waiting-room"), &json!({"user_id": user}));
    sale("staff", &json!({"who": "list"}));
    assert_eq!(upload(&client, "staff", "application/x-ndjson", "\"ann\"\n").status, 200);
    assert!(not_eligible(&join("staff", "eve")));
    assert_eq!(join("staff", "ann").json()["position"], 1, "eve is not before her");
    sale("closed", &json!({"who": "registered", "registration_closes_at": "2021-01-01T00:00:00Z"}));
    assert!(not_eligible(&join("closed", "ann")), "and cannot register any more");
    sale("members", &json!({"who": "registered"}));
    assert_eq!(join("members", "ann").status, 201, "she may register while she waits");
}
