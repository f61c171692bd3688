//! More to do than there is time for: what is worth least is refused first.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::client::{Client, JSON};
use crate::clock::noon_zone;
use crate::server::Server;

/// How long the server stands still and runs in turn: it never catches up, as under more than it can carry.
const STOPPED_FOR: Duration = Duration::from_millis(150);
const RUNS_FOR: Duration = Duration::from_millis(20);

/// How long a change may take to be noticed.
const NOTICED_WITHIN: Duration = Duration::from_secs(20);

#[test]
fn looks_at_what_is_left_are_refused_first_and_claims_repeats_and_checkouts_go_on() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("c", &json!({}));
    let won = client.claim("c", "ann").json();
    let path = format!("/v1/coupons/{}/redemptions", won["coupon"]["code"].as_str().expect("a code"));
    let pid = Pid::from_raw(i32::try_from(server.pid()).expect("a process id")).expect("a process");
    let is_over = AtomicBool::new(false);
    let looked_at = |path: &str, headers: &[(&str, &str)], expected: u16| {
        let end = Instant::now() + NOTICED_WITHIN;
        loop {
            let reply = client.call("GET", path, headers, b"");
            if reply.status == expected {
                return Some(reply);
            }
            if Instant::now() > end {
                return None;
            }
        }
    };
    let looked = |expected| looked_at("/v1/campaigns/c/availability", &[], expected);
    let (refused, forged, repeat, redeemed, newcomer, managed) = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                kill_process(pid, Signal::STOP).expect("the process is there");
                std::thread::sleep(STOPPED_FOR);
                kill_process(pid, Signal::CONT).expect("the process is there");
                std::thread::sleep(RUNS_FOR);
            }
        });
        let refused = looked(503);
        let forged = looked_at("/v1/campaigns/c/waiting-room", &[("x-landrush-ticket", "made-up")], 503);
        let repeat = client.claim("c", "ann");
        let redeemed = client.admin("POST", &path, Some(&json!({"order_id": "o-1"})));
        let newcomer = client.claim("c", "bob");
        let managed = client.admin("GET", "/v1/campaigns/c", None);
        is_over.store(true, Ordering::Relaxed);
        (refused, forged, repeat, redeemed, newcomer, managed)
    });
    let refused = refused.expect("a look is refused while the server is behind");
    assert_eq!(refused.problem(), (503, String::from("overloaded")));
    assert!(forged.is_some(), "a ticket that was not given here makes a look worth no more");
    assert!(refused.header("retry-after").is_some());
    assert_eq!((repeat.status, redeemed.status, newcomer.status, managed.status), (200, 201, 201, 200));
    assert!(looked(200).is_some(), "the server is well again");
    let metrics = client.get("/metrics").text();
    assert!(!metrics.contains("landrush_shed_total{kind=\"poll\"} 0\n"), "{metrics}");
    assert!(metrics.contains("landrush_shed_total{kind=\"newcomer\"} 0\n"), "{metrics}");
}

/// Mailboxes of which no thread has a part: the way to the shards is crowded from the first command on.
const CROWDED: &str = "[http]\nio_threads = 8\n[shards]\nmailbox_commands = 8";

#[test]
fn where_the_way_to_the_shards_is_crowded_newcomers_are_refused_by_every_call_and_winners_by_none() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("c", &json!({}));
    let room = json!({"admit_per_second": 1, "opens_before": "10m", "admitted_for": "2m"});
    client.campaign("room", &json!({"protection": {"waiting_room": room}}));
    client.campaign("members", &json!({"protection": {"eligibility": {"who": "registered"}}}));
    let won = client.claim("c", "ann").json();
    let path = format!("/v1/coupons/{}/redemptions", won["coupon"]["code"].as_str().expect("a code"));
    let ann_joins = |client: &Client| client.post("/v1/campaigns/room/waiting-room", &json!({"user_id": "ann"}));
    let joined = ann_joins(&client);
    assert_eq!(joined.status, 201);

    let server = Server::start_in(server.kill(), CROWDED);
    let client = server.client();
    let bob = json!({"user_id": "bob", "phone": "+6591234567"});
    for refused in [
        client.claim("c", "bob"),
        client.post("/v1/campaigns/room/waiting-room", &json!({"user_id": "bob"})),
        client.post("/v1/campaigns/members/registrations", &bob),
    ] {
        assert_eq!(refused.problem(), (503, String::from("overloaded")));
        assert!(refused.header("retry-after").is_some());
    }
    assert_eq!(client.admin("GET", "/v1/users/bob", None).status, 404, "nothing happened");
    let batch = json!({"claims": [{"user_id": "ann"}, {"user_id": "bob"}, {"user_id": "cid"}]});
    let batch = client.admin("POST", "/v1/campaigns/c/claims:batch", Some(&batch)).json();
    let told = |one: &Value| (one["status"].clone(), one["code"].clone());
    let told: Vec<_> = batch["results"].as_array().expect("results").iter().map(told).collect();
    let overloaded = (json!(503), json!("overloaded"));
    assert_eq!(told, [(json!(200), Value::Null), overloaded.clone(), overloaded], "{batch}");
    let rejoined = ann_joins(&client);
    assert_eq!((rejoined.status, &rejoined.json()["ticket"]), (200, &joined.json()["ticket"]), "a place is told again");
    let repeat = client.claim("c", "ann");
    assert_eq!((repeat.status, &repeat.json()["coupon"]["code"]), (200, &won["coupon"]["code"]));
    assert_eq!(client.admin("POST", &path, Some(&json!({"order_id": "o-1"}))).status, 201);
    let metrics = client.get("/metrics").text();
    assert!(metrics.contains("landrush_shed_total{kind=\"newcomer\"} 5\n"), "{metrics}");
}

#[test]
fn where_the_way_to_the_shards_is_crowded_whoever_is_refused_anyhow_is_told_why() {
    let server = Server::start("");
    let client = server.client();
    let (past, future) = ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z");
    let one = json!([{"id": "a", "name": "a", "total_quota": 1}]);
    let daily = json!([{"id": "a", "name": "a", "total_quota": 9, "daily_quota": 1}]);
    // Each with why somebody new is refused there, also by a server that has nothing else to do.
    let campaigns = [
        ("cancelled", json!({}), (409, "cancelled")),
        ("over", json!({"schedule": {"starts_at": past, "ends_at": "2020-01-02T00:00:00Z"}}), (410, "ended")),
        ("paused", json!({}), (409, "paused")),
        ("early", json!({"schedule": {"starts_at": "2998-01-01T00:00:00Z", "ends_at": future}}), (409, "not_open")),
        ("room", json!({"protection": {"waiting_room": {"admit_per_second": 1}}}), (403, "ticket_required")),
        ("guarded", json!({"protection": {"challenge": {"provider": "altcha"}}}), (403, "challenge_required")),
        ("listed", json!({"protection": {"eligibility": {"who": "list"}}}), (403, "not_eligible")),
        ("members", json!({"protection": {"eligibility": {"who": "registered"}}}), (403, "not_eligible")),
        // Where devices are counted, whoever names none is one of too many.
        ("counted", json!({"protection": {"eligibility": {"users_per_device": 1}}}), (403, "not_eligible")),
        ("gone", json!({"coupon_types": one}), (409, "sold_out")),
        // Whose day ends at noon, so that no midnight of a test's comes between.
        ("today", json!({"coupon_types": daily, "time_zone": noon_zone()}), (409, "daily_sold_out")),
    ];
    for (id, body, _) in &campaigns {
        client.campaign(id, body);
    }
    for (path, status) in [("cancelled/cancel", 200), ("paused/pause", 200)] {
        assert_eq!(client.admin("POST", &format!("/v1/campaigns/{path}"), None).status, status, "{path}");
    }
    for id in ["gone", "today"] {
        assert_eq!(client.claim(id, "ann").status, 201, "{id}");
    }
    client.campaign("open", &json!({}));
    let room = json!({"waiting_room": {"admit_per_second": 1}});
    let members = json!({"eligibility": {"who": "registered"}});
    let late = json!({"eligibility": {"who": "registered", "registration_closes_at": past}});
    let (over, early) = (&campaigns[1].1["schedule"], &campaigns[3].1["schedule"]);
    let imported = json!([{"id": "a", "name": "a", "total_quota": 9, "codes": "imported"}]);
    let counted = json!({"waiting_room": {"admit_per_second": 1}, "eligibility": {"users_per_device": 1}});
    client.campaign("room-cancelled", &json!({"protection": room}));
    client.campaign("room-counted", &json!({"protection": counted}));
    let listed = json!({"waiting_room": {"admit_per_second": 1}, "eligibility": {"who": "list"}});
    client.campaign("room-listed", &json!({"protection": listed}));
    client.campaign("room-over", &json!({"protection": room, "schedule": over}));
    client.campaign("room-early", &json!({"protection": room, "schedule": early}));
    client.campaign("room-gone", &json!({"protection": room, "coupon_types": imported}));
    client.campaign("members-cancelled", &json!({"protection": members}));
    client.campaign("members-over", &json!({"protection": members, "schedule": over}));
    client.campaign("members-late", &json!({"protection": late}));
    for id in ["room-cancelled", "members-cancelled"] {
        assert_eq!(client.admin("POST", &format!("/v1/campaigns/{id}/cancel"), None).status, 200, "{id}");
    }
    let call_by_device = |client: &Client, call: &str, user: &str, device: &str| {
        let body = json!({"user_id": user}).to_string();
        let path = format!("/v1/campaigns/{call}");
        client.call("POST", &path, &[JSON, ("x-device-id", device)], body.as_bytes())
    };
    let by_device = |client: &Client, user: &str, device: &str| call_by_device(client, "counted/claims", user, device);
    assert_eq!(by_device(&client, "ann", "anns").status, 201);

    // In good order: what is known of devices is written down then.
    server.terminate();
    let (_, directory) = server.wait();
    let server = Server::start_in(directory, &format!("{CROWDED}\n[gate]\ndeny = [\"user:eve\"]"));
    let client = server.client();
    assert_eq!(client.claim("open", "bob").problem(), (503, "overloaded".into()), "it is crowded");
    assert_eq!(by_device(&client, "bob", "anns").problem(), (403, "not_eligible".into()), "another's device");
    // Who finds no room takes no device's place.
    for user in ["bob", "cid"] {
        for call in ["counted/claims", "room-counted/waiting-room"] {
            let refused = call_by_device(&client, call, user, "new");
            assert_eq!(refused.problem(), (503, "overloaded".into()), "{call} {user}");
        }
    }
    assert_eq!(by_device(&client, "ann", "anns").status, 200);
    let batch = json!({"claims": [{"user_id": "bob"}]});
    for (id, _, (status, code)) in &campaigns {
        let refused = client.claim(id, "bob");
        assert_eq!(refused.problem(), (*status, (*code).to_owned()), "{id}");
        assert_eq!(refused.header("retry-after").is_some(), *code == "not_open", "{id}");
        let batch = client.admin("POST", &format!("/v1/campaigns/{id}/claims:batch"), Some(&batch)).json();
        assert_eq!((&batch["results"][0]["status"], &batch["results"][0]["code"]), (&json!(status), &json!(code)));
        let denied = (403, "forbidden".into());
        assert_eq!(client.claim(id, "eve").problem(), denied, "{id}");
    }
    for (call, id, user, code) in [
        ("waiting-room", "members", "eve", "forbidden"),
        ("waiting-room", "room-listed", "bob", "not_eligible"),
        ("waiting-room", "room-counted", "bob", "not_eligible"),
        ("registrations", "members", "eve", "forbidden"),
    ] {
        let refused = client.post(&format!("/v1/campaigns/{id}/{call}"), &json!({"user_id": user}));
        assert_eq!(refused.problem(), (403, code.into()), "{call} {id}");
    }
    for (call, id, status, code) in [
        ("waiting-room", "room-cancelled", 409, "cancelled"),
        ("waiting-room", "room-over", 410, "ended"),
        ("waiting-room", "room-early", 409, "not_open"),
        ("waiting-room", "room-gone", 409, "sold_out"),
        ("waiting-room", "room", 503, "overloaded"),
        ("registrations", "members-cancelled", 409, "cancelled"),
        ("registrations", "members-over", 410, "ended"),
        ("registrations", "members-late", 409, "registration_closed"),
        ("registrations", "members", 503, "overloaded"),
    ] {
        let refused = client.post(&format!("/v1/campaigns/{id}/{call}"), &json!({"user_id": "bob"}));
        assert_eq!(refused.problem(), (status, code.into()), "{call} {id}");
    }
    let metrics = client.get("/metrics").text();
    assert!(metrics.contains("landrush_shed_total{kind=\"newcomer\"} 7\n"), "{metrics}");
}
