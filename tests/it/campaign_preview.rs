//! What a campaign would be, before it is made: its windows above all.

use serde_json::{Value, json};

use crate::server::Server;

const DRY: &str = "/v1/campaigns?dry_run=true";

/// A campaign over the 25th of March 2998, when clocks in Berlin go forward from two to three.
fn over_a_clock_change() -> Value {
    json!({
        "id": "night-sale", "name": "Night sale", "time_zone": "Europe/Berlin", "mode": "first_come",
        "schedule": {
            "starts_at": "2998-03-23T23:00:00Z", "ends_at": "2998-03-26T22:00:00Z",
            "windows": {"at": ["02:30", "10:00"], "duration": "1h"}
        },
        "coupon_types": [{"id": "a", "name": "A", "total_quota": 5, "metadata": {"tier": 1}}]
    })
}

fn windows(document: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a moment").to_owned();
    let windows = document["windows"].as_array().expect("windows");
    windows.iter().map(|window| (text(&window["opens_at"]), text(&window["closes_at"]))).collect()
}

#[test]
fn a_dry_run_shows_the_windows_by_the_wall_clock_and_makes_nothing() {
    let server = Server::start("");
    let client = server.client();
    let dry = client.admin("POST", DRY, Some(&over_a_clock_change()));
    assert_eq!((dry.status, dry.header("location")), (200, None), "{}", dry.text());
    let document = dry.json();
    assert_eq!((&document["id"], &document["state"]), (&json!("night-sale"), &json!("scheduled")));
    assert_eq!(document["limit"], json!({"max": 1, "per": "campaign", "by": "user"}), "defaults are filled in");
    assert_eq!(document["coupon_types"][0]["metadata"], json!({"tier": 1}));
    assert_eq!(document["opens_at"], document["windows"][0]["opens_at"]);
    assert_eq!(client.get("/v1/campaigns/night-sale").problem(), (404, "not_found".into()));
    let expected = [
        ("2998-03-24T01:30:00.000Z", "2998-03-24T02:30:00.000Z"),
        ("2998-03-24T09:00:00.000Z", "2998-03-24T10:00:00.000Z"),
        // Half past two is skipped, so it opens at three; ten o'clock then comes an hour earlier.
        ("2998-03-25T01:00:00.000Z", "2998-03-25T02:00:00.000Z"),
        ("2998-03-25T08:00:00.000Z", "2998-03-25T09:00:00.000Z"),
        ("2998-03-26T00:30:00.000Z", "2998-03-26T01:30:00.000Z"),
        ("2998-03-26T08:00:00.000Z", "2998-03-26T09:00:00.000Z"),
    ];
    assert_eq!(windows(&document), expected.map(|(opens, closes)| (opens.to_owned(), closes.to_owned())));

    // What then is made opens when it was said.
    let made = client.admin("POST", "/v1/campaigns", Some(&over_a_clock_change()));
    assert_eq!((made.status, &made.json()["opens_at"]), (201, &document["opens_at"]));
}

#[test]
fn a_dry_run_is_refused_as_the_creation_would_be() {
    let server = Server::start("");
    let client = server.client();
    let body = over_a_clock_change();
    assert_eq!(client.post(DRY, &body).problem(), (401, "unauthorized".into()));
    assert_eq!(client.admin("POST", "/v1/campaigns?dryrun=true", Some(&body)).problem().0, 400);
    let mut wrong = body.clone();
    wrong["schedule"]["windows"]["at"] = json!(["02:30", "03:00"]);
    let reply = client.admin("POST", DRY, Some(&wrong));
    assert_eq!((reply.status, &reply.json()["errors"][0]["pointer"]), (400, &json!("/schedule/windows")));

    assert_eq!(client.admin("POST", "/v1/campaigns", Some(&body)).status, 201);
    assert_eq!(client.admin("POST", DRY, Some(&body)).status, 200, "the same again changes nothing");
    let mut other = body;
    other["name"] = json!("Day sale");
    assert_eq!(client.admin("POST", DRY, Some(&other)).problem(), (409, "conflict".into()));
    assert_eq!(client.get("/v1/campaigns/night-sale").json()["name"], "Night sale");
}

#[test]
fn a_dry_run_shows_the_next_fifty_windows_and_of_a_campaign_without_any_its_span() {
    let server = Server::start("");
    let client = server.client();
    let mut body = over_a_clock_change();
    body["schedule"]["ends_at"] = json!("2999-03-26T22:00:00Z");
    let long = client.admin("POST", DRY, Some(&body)).json();
    assert_eq!(windows(&long).len(), 50);
    assert_eq!(long["windows"][0]["opens_at"], "2998-03-24T01:30:00.000Z");

    body["schedule"] = json!({"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2999-01-01T00:00:00Z"});
    let open = client.admin("POST", DRY, Some(&body)).json();
    assert_eq!(open["state"], "open");
    assert_eq!(windows(&open), [("2020-01-01T00:00:00.000Z".to_owned(), "2999-01-01T00:00:00.000Z".to_owned())]);

    body["schedule"]["ends_at"] = json!("2020-02-01T00:00:00Z");
    let over = client.admin("POST", DRY, Some(&body)).json();
    assert_eq!((&over["state"], &over["windows"]), (&json!("ended"), &json!([])));
}

#[test]
fn the_counts_are_there_for_operators_also_where_metrics_have_a_listener_of_their_own() {
    let server = Server::start("[metrics]\nlisten = \"127.0.0.1:0\"\n");
    let client = server.client();
    assert_eq!(client.get("/metrics").problem().0, 404);
    assert_eq!(client.get("/v1/metrics").problem(), (401, "unauthorized".into()));
    let counts = client.admin("GET", "/v1/metrics", None);
    assert_eq!(counts.status, 200);
    assert!(counts.text().contains("landrush_claims_total{outcome=\"won\"} 0\n"), "{}", counts.text());
}
