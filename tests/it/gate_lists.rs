//! Who is denied, and whom rates do not hold for.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::challenge;
use crate::client::{Client, JSON, PATIENCE, Reply};
use crate::server::Server;

fn claim(server: &Server, body: &serde_json::Value) -> Reply {
    server.client().call("POST", "/v1/campaigns/c/claims", &[JSON], body.to_string().as_bytes())
}

#[test]
fn users_and_phones_on_the_list_are_denied() {
    let server = Server::start("[gate]\ndeny = [\"user:u-1\", \"phone:+6591\"]\nallow = [\"user:u-1\"]\n");
    server.client().campaign("c", &json!({}));
    let denied = (403, String::from("forbidden"));
    assert_eq!(claim(&server, &json!({"user_id": "u-1"})).problem(), denied, "though on both lists");
    assert_eq!(claim(&server, &json!({"user_id": "u-2", "phone": "+65 9123 4567"})).problem(), denied);
    assert_eq!(claim(&server, &json!({"user_id": "u-2", "phone": "+65 8123 4567"})).status, 201);
    let metrics = server.client().get("/metrics").text();
    assert!(metrics.contains("landrush_gate_refused_total{reason=\"denied\"} 2\n"), "{metrics}");
}

#[test]
fn who_is_allowed_may_ask_as_often_as_they_like_and_others_may_not() {
    let server = Server::start("[gate]\nallow = [\"user:u-1\"]\n");
    server.client().campaign("c", &json!({"protection": {"rate_limit": {"user": "1/1h"}}}));
    for status in [201, 200, 200] {
        assert_eq!(claim(&server, &json!({"user_id": "u-1"})).status, status);
    }
    for status in [201, 429] {
        assert_eq!(claim(&server, &json!({"user_id": "u-2"})).status, status);
    }
}

#[test]
fn an_allowed_phone_lifts_the_rate_of_phones_and_no_other() {
    let server = Server::start("[gate]\nallow = [\"phone:+65\"]\n");
    let client = server.client();
    client.campaign("c", &json!({"protection": {"rate_limit": {"address": "2/1h", "phone": "1/1h"}}}));
    for (number, status) in [201, 201, 429].into_iter().enumerate() {
        let made_up = json!({"user_id": format!("u-{number}"), "phone": format!("+659123456{number}")});
        assert_eq!(claim(&server, &made_up).status, status, "{number}");
    }
    client.campaign("d", &json!({"protection": {"rate_limit": {"user": "2/1h", "phone": "1/1h"}}}));
    let ask = |user: &str, phone: &str| {
        let body = json!({"user_id": user, "phone": phone}).to_string();
        client.call("POST", "/v1/campaigns/d/claims", &[JSON], body.as_bytes()).status
    };
    let allowed = [(); 3].map(|()| ask("ann", "+6591234567"));
    assert_eq!(allowed, [201, 200, 429], "more than a phone may, and as often as a user may");
    assert_eq!([(); 2].map(|()| ask("bob", "+442079460000")), [201, 429]);
}

/// A campaign of each kind, which ask for all that a request can be about before a claim.
fn all_kinds_of_campaigns(client: &Client) {
    client.campaign("c", &json!({}));
    client.campaign("asking", &json!({"phone_required": true}));
    let drawn = json!([{"id": "cash-5", "name": "cash", "total_quota": 100, "probability": 0.5}]);
    client.campaign("drawn", &json!({"mode": "draw", "coupon_types": drawn}));
    client.campaign("lots", &json!({"mode": "lottery"}));
    client.campaign("members", &json!({"protection": {"eligibility": {"who": "registered"}}}));
    client.campaign("room", &json!({"protection": {"waiting_room": {"admit_per_second": 100, "admitted_for": "10m"}}}));
    client.campaign("puzzle", &json!({"protection": {"challenge": {"provider": "altcha"}}}));
}

/// What `user`, who states no number, is answered to each call that the lists are asked about.
fn without_a_number(client: &Client, user: &str) -> Vec<(&'static str, u16)> {
    let body = json!({"user_id": user});
    let answer = json!({"user_id": user, "provider": "altcha", "payload": "e30="});
    let named = json!({"user_id": user, "campaign_id": "drawn"});
    let calls = [
        ("/v1/campaigns/c/claims", &body),
        ("/v1/campaigns/asking/claims", &body),
        ("/v1/campaigns/drawn/draws", &body),
        ("/draw", &named),
        ("/v1/campaigns/lots/entries", &body),
        ("/v1/campaigns/members/registrations", &body),
        ("/v1/campaigns/room/waiting-room", &body),
        ("/v1/campaigns/puzzle/challenge", &answer),
    ];
    let mut told: Vec<_> = calls.into_iter().map(|(path, body)| (path, client.post(path, body).status)).collect();
    let batch = client.admin("POST", "/v1/campaigns/c/claims:batch", Some(&json!({"claims": [body]})));
    let status = batch.json()["results"][0]["status"].as_u64().expect("a status");
    told.push(("batch", u16::try_from(status).expect("a status")));
    told
}

#[test]
fn a_number_that_is_stored_is_denied_where_the_request_leaves_it_out() {
    let server = Server::start("[gate]\ndeny = [\"phone:+6591\"]\n");
    let client = server.client();
    all_kinds_of_campaigns(&client);
    // Operators store whom they like.
    for (user, phone) in [("eve", "+6591234567"), ("ann", "+6581234567")] {
        let stored = client.admin("POST", "/v1/users", Some(&json!({"user_id": user, "phone": phone})));
        assert_eq!(stored.status, 201, "{}", stored.text());
    }
    for (call, status) in without_a_number(&client, "eve") {
        assert_eq!(status, 403, "{call}");
    }
    assert_eq!(client.claim("none", "eve").problem(), (403, "forbidden".into()), "nor is she told what there is not");
    // Those who are not denied are told what each call tells them: a draw and a claim a second time, and that it is no answer.
    let told = |user| without_a_number(&client, user).into_iter().map(|(_, status)| status).collect::<Vec<_>>();
    assert_eq!(told("ann"), [201, 201, 201, 200, 201, 201, 201, 400, 200], "another number");
    assert_eq!(told("bob"), [201, 400, 201, 200, 201, 201, 201, 400, 200], "none, which one campaign asks for");

    assert_eq!(claim(&server, &json!({"user_id": "eve", "phone": "+6581234568"})).status, 201, "as the gateway says");
    assert_eq!(client.claim("c", "eve").status, 200, "which is what is stored now");
}

#[test]
fn claims_on_one_connection_are_judged_by_stored_numbers_each_by_its_own() {
    let server = Server::start("[gate]\ndeny = [\"phone:+6591\"]\n");
    let client = server.client();
    client.campaign("c", &json!({}));
    let eve = json!({"user_id": "eve", "phone": "+6591234567"});
    assert_eq!(client.admin("POST", "/v1/users", Some(&eve)).status, 201);
    let mut connection = client.connect();
    for (user, status) in [("ann", 201), ("eve", 403), ("bob", 201), ("eve", 403), ("ann", 200)] {
        let body = json!({"user_id": user}).to_string();
        assert_eq!(
            connection.call("POST", "/v1/campaigns/c/claims", &[JSON], body.as_bytes()).status,
            status,
            "{user}"
        );
    }
}

#[test]
fn a_prefix_that_is_denied_later_denies_those_whose_number_was_stored_before() {
    let server = Server::start("");
    let client = server.client();
    all_kinds_of_campaigns(&client);
    assert_eq!(claim(&server, &json!({"user_id": "eve", "phone": "+6591234567"})).status, 201);
    assert_eq!(client.claim("c", "eve").status, 200);
    std::fs::write(server.settings(), "[gate]\ndeny = [\"phone:+6591\"]\n").expect("written");
    server.reload("done", 1);
    for (call, status) in without_a_number(&client, "eve") {
        assert_eq!(status, 403, "{call}, what she has won too");
    }
    assert_eq!(client.claim("c", "ann").status, 201, "of whom no number is stored");
    std::fs::write(server.settings(), "[gate]\ndeny = [\"phone:+44\"]\n").expect("written");
    server.reload("done", 2);
    assert_eq!(client.claim("c", "eve").status, 200, "another prefix");
}

#[test]
fn an_address_on_the_list_is_denied_everything_but_the_pages_and_its_health() {
    let server = Server::start("[gate]\ndeny = [\"127.0.0.0/8\"]\n");
    let client = server.client();
    assert_eq!(claim(&server, &json!({"user_id": "u-1"})).problem().0, 403);
    assert_eq!(client.get("/v1/campaigns").problem().0, 403);
    assert_eq!(client.admin("GET", "/v1/users/u-1", None).problem().0, 403);
    assert_eq!(client.get("/livez").status, 200);
    assert_eq!(client.get("/readyz").status, 200);
}

#[test]
fn who_is_denied_takes_no_place_and_no_other_step_before_a_claim() {
    const TRUSTING: &str = "[gate]\ntrusted_proxies = [\"127.0.0.0/8\"]\n";
    let server = Server::start(TRUSTING);
    let client = server.client();
    let room = json!({"admit_per_second": 100, "admitted_for": "10m"});
    let protection =
        json!({"waiting_room": room, "eligibility": {"who": "registered"}, "challenge": {"provider": "altcha"}});
    client.campaign("c", &json!({"protection": protection}));
    let ask = |from: &str, call: &str, headers: &[(&str, &str)], body: &serde_json::Value| {
        let headers: Vec<_> = [JSON, ("x-forwarded-for", from)].into_iter().chain(headers.iter().copied()).collect();
        client.call("POST", &format!("/v1/campaigns/c/{call}"), &headers, body.to_string().as_bytes())
    };
    let (ann, eve) = (json!({"user_id": "ann"}), json!({"user_id": "eve"}));
    assert_eq!(ask("192.0.2.1", "registrations", &[], &eve).status, 201);
    let pass = challenge::pass(&client, "c", "eve");
    let joined = ask("192.0.2.1", "waiting-room", &[], &eve).json();
    let borne =
        [("x-landrush-ticket", joined["ticket"].as_str().expect("a ticket")), ("x-landrush-pass", pass.as_str())];
    let began = Instant::now();
    while ask("192.0.2.1", "waiting-room/token", &borne, &eve).status != 201 {
        assert!(began.elapsed() < PATIENCE, "she was never let in");
        std::thread::park_timeout(Duration::from_millis(20));
    }

    let lists = "deny = [\"user:eve\", \"198.51.100.0/24\", \"phone:+6599\"]\n";
    std::fs::write(server.settings(), format!("{TRUSTING}{lists}")).expect("written");
    server.reload("done", 1);
    let denied = (403, String::from("forbidden"));
    let answer = |user: &str| json!({"user_id": user, "provider": "altcha", "payload": "e30="});
    for (call, hers, of_another) in [
        ("waiting-room", eve.clone(), ann.clone()),
        ("waiting-room/token", eve.clone(), ann.clone()),
        ("registrations", eve.clone(), ann.clone()),
        ("challenge", answer("eve"), answer("ann")),
    ] {
        assert_eq!(ask("192.0.2.1", call, &borne, &hers).problem(), denied, "{call}, the user");
        assert_eq!(ask("198.51.100.9", call, &[], &of_another).problem(), denied, "{call}, the address");
    }
    let with_phone = json!({"user_id": "ann", "phone": "+6599123456"});
    assert_eq!(ask("192.0.2.1", "registrations", &[], &with_phone).problem(), denied, "the phone");
    let place = ask("192.0.2.1", "waiting-room", &[], &ann);
    assert_eq!(
        (place.status, &place.json()["position"]),
        (201, &json!(2)),
        "behind nobody but who came before the list"
    );
}

#[test]
fn lists_are_read_again_without_a_connection_lost_and_a_wrong_one_changes_nothing() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("c", &json!({}));
    let mut connection = client.connect();
    let mut ask = |user: &str| {
        let body = json!({"user_id": user}).to_string();
        connection.call("POST", "/v1/campaigns/c/claims", &[JSON], body.as_bytes()).status
    };
    assert_eq!(ask("u-1"), 201);
    let list = server.data_dir().join("deny.txt");
    std::fs::write(&list, "user:u-1\n").expect("written");
    std::fs::write(server.settings(), format!("[gate]\ndeny = [\"file:{}\"]\n", list.display())).expect("written");
    server.reload("done", 1);
    assert_eq!((ask("u-1"), ask("u-2")), (403, 201));
    std::fs::write(&list, "nobody of this kind\n").expect("written");
    server.reload("failed", 1);
    assert_eq!((ask("u-1"), ask("u-2")), (403, 200));
}

#[test]
fn a_list_that_names_nobody_keeps_the_server_from_starting() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("landrush.toml");
    std::fs::write(&file, "[gate]\ndeny = [\"10.0.0.1/8\"]\n").expect("written");
    let output = crate::server::command(&directory.path().join("data"), &file).output().expect("the program runs");
    assert!(!output.status.success());
    let message = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(message.contains("10.0.0.1/8"), "{message}");
}
