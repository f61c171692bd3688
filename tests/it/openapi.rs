//! The OpenAPI document against the server that serves it: every operation is called, with the document's own examples, and all
//! that comes back must be in the document: status, media type, headers, schema.

mod described;
mod gate;
mod headers;

use serde_json::{Value, json};

use self::described::{Call, Described};
use crate::client::Client;
use crate::server::Server;

/// What is called without a body and grants it.
const OTHERS: [&str; 13] = [
    "time",
    "public_keys",
    "livez",
    "readyz",
    "metrics",
    "management_metrics",
    "openapi",
    "page",
    "campaign_page",
    "admin_page",
    "docs_page",
    "docs_page_2",
    "docs_page_3",
];

/// Other paths of what was called, and the stream, which does not end and has tests of its own.
const UNCALLED: [&str; 3] = ["create_campaign_2", "create_user_2", "events"];

/// Calls `operation` with each of its example bodies, and gives the answers, the last one last.
fn examples(described: &mut Described, client: &Client, operation: &str, paths: &[(&str, &str)]) -> Vec<Value> {
    let examples = described.example_bodies(operation);
    assert!(!examples.is_empty(), "{operation} has examples");
    let send = |described: &mut Described, body: &Value| {
        described.call(client, &Call { operation, paths, body: Some(body), ..Call::default() })
    };
    examples
        .iter()
        .map(|body| {
            let reply = send(described, body);
            assert!(matches!(reply.status, 200 | 201), "{operation} {body}: {}", reply.text());
            reply.json()
        })
        .collect()
}

/// Calls `operation` without a body.
fn bare(described: &mut Described, client: &Client, operation: &str, paths: &[(&str, &str)], status: u16) -> Value {
    let reply = described.call(client, &Call { operation, paths, ..Call::default() });
    assert_eq!(reply.status, status, "{operation}: {}", reply.text());
    if reply.body.is_empty() { Value::Null } else { serde_json::from_slice(&reply.body).unwrap_or(Value::Null) }
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {value}"))
}

#[test]
fn every_operation_answers_as_the_document_says() {
    let server = Server::start("");
    let client = server.client();
    let mut described = Described::by(&client);
    let d = &mut described;

    // The story of the examples, in its order.
    examples(d, &client, "create_campaign", &[]);
    examples(d, &client, "create_campaign", &[]);
    let body = json!({"id": "new", "name": "New", "time_zone": "UTC", "mode": "first_come",
        "schedule": {"starts_at": "2025-01-01T00:00:00Z", "ends_at": "2099-01-01T00:00:00Z"},
        "coupon_types": [{"id": "cash-5", "name": "cash", "total_quota": 5}]});
    let preview = Call { operation: "create_campaign", query: "?dry_run=true", body: Some(&body), ..Call::default() };
    assert!(d.call(&client, &preview).json()["windows"].is_array());
    bare(d, &client, "list_campaigns", &[], 200);
    bare(d, &client, "read_campaign", &[], 200);
    let claims = examples(d, &client, "claim", &[]);
    assert!(examples(d, &client, "claim", &[]).iter().all(|claim| claim["repeated"] == true));
    examples(d, &client, "claim_batch", &[]);
    examples(d, &client, "draw", &[]);
    examples(d, &client, "draw", &[]);
    examples(d, &client, "draw_by_body", &[]);
    examples(d, &client, "draw_by_body", &[]);
    examples(d, &client, "enter", &[]);
    examples(d, &client, "enter", &[]);
    examples(d, &client, "join_waiting_room", &[]);
    examples(d, &client, "join_waiting_room", &[]);
    bare(d, &client, "waiting_room", &[], 200);
    bare(d, &client, "waiting_room_audit", &[], 200);
    examples(d, &client, "register", &[]);
    examples(d, &client, "register", &[]);
    for (media_type, lines) in d.example_uploads("upload_eligible") {
        let headers = [("content-type", media_type.as_str())];
        let call =
            Call { operation: "upload_eligible", headers: &headers, raw: Some(lines.as_bytes()), ..Call::default() };
        assert_eq!(d.call(&client, &call).status, 200, "{media_type}");
    }
    let set = Call { operation: "challenge", query: "?user_id=u-1", ..Call::default() };
    let set = d.call(&client, &set).json();
    let mut answer = d.example_bodies("meet_challenge").remove(0);
    answer["payload"] = json!(crate::challenge::solved(&set));
    let met = [201, 403].map(|status| {
        let call = Call { operation: "meet_challenge", body: Some(&answer), ..Call::default() };
        let reply = d.call(&client, &call);
        assert_eq!(reply.status, status);
        reply.json()
    });
    let pass = text(&met[0], "/pass").to_owned();
    bare(d, &client, "claims_by_user", &[], 200);
    bare(d, &client, "claims_by_user", &[("campaign_id", "lucky-day")], 200);
    bare(d, &client, "entry_by_user", &[], 200);
    bare(d, &client, "read_campaign", &[("campaign_id", "grand-prize")], 200);
    for accept in ["application/json", "text/csv", "application/x-ndjson"] {
        let reply =
            d.call(&client, &Call { operation: "list_claims", headers: &[("accept", accept)], ..Call::default() });
        assert_eq!(reply.status, 200);
        assert!(reply.header("content-type").is_some_and(|given| given.starts_with(accept)), "{accept}");
    }
    for campaign in ["spring-sale", "flash-hours"] {
        bare(d, &client, "availability", &[("campaign_id", campaign)], 200);
    }
    for (media_type, lines) in d.example_uploads("upload_codes") {
        let headers = [("content-type", media_type.as_str())];
        let call =
            Call { operation: "upload_codes", headers: &headers, raw: Some(lines.as_bytes()), ..Call::default() };
        assert_eq!(d.call(&client, &call).status, 201, "{media_type}");
        assert_eq!(d.call(&client, &call).problem(), (409, "duplicate_code".into()));
    }

    bare(d, &client, "fraud_report", &[], 200);

    // The waiting room.
    let ticket = examples(d, &client, "join_waiting_room", &[])[0]["ticket"].as_str().expect("a ticket").to_owned();
    let headers = [("x-landrush-ticket", ticket.as_str()), ("x-landrush-pass", pass.as_str())];
    let body = d.example_bodies("waiting_room_token").remove(0);
    let call = Call { operation: "waiting_room_token", headers: &headers, body: Some(&body), ..Call::default() };
    let deadline = std::time::Instant::now() + crate::client::PATIENCE;
    while d.call(&client, &call).status != 201 {
        assert!(std::time::Instant::now() < deadline, "nobody is let in");
    }
    bare(d, &client, "waiting_room", &[], 200);
    // Those who come now wait for the next step, as in the example, unless it comes between their two calls.
    for user in 0.. {
        let body = json!({"user_id": format!("late-{user}")});
        for _ in 0..2 {
            d.call(&client, &Call { operation: "join_waiting_room", body: Some(&body), ..Call::default() });
        }
        if d.examples_never_seen().iter().all(|unseen| !unseen.starts_with("join_waiting_room")) {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "nobody waits");
    }

    // The checkout.
    let claim = |user: &str| claims.iter().find(|claim| claim["user_id"] == user).expect("a claim of each user");
    let code = |user: &str| text(claim(user), "/coupon/code").to_owned();
    let bodies = d.example_bodies("redeem");
    let redeem = |d: &mut Described, code: &str, body: &Value| {
        d.call(&client, &Call { operation: "redeem", paths: &[("code", code)], body: Some(body), ..Call::default() })
    };
    let redeemed = redeem(d, &code("u-1"), &bodies[0]);
    assert_eq!((redeemed.status, redeem(d, &code("u-1"), &bodies[0]).status), (201, 200));
    bare(d, &client, "read_coupon", &[("code", &code("u-1"))], 200);
    let held = redeem(d, &code("u-2"), &bodies[1]).json();
    bare(d, &client, "confirm_redemption", &[("redemption_id", text(&held, "/redemption_id"))], 200);
    bare(d, &client, "release_redemption", &[("redemption_id", text(&held, "/redemption_id"))], 409);
    bare(d, &client, "reverse_redemption", &[("redemption_id", text(&held, "/redemption_id"))], 200);
    let held = redeem(d, &code("u-3"), &bodies[1]).json();
    bare(d, &client, "release_redemption", &[("redemption_id", text(&held, "/redemption_id"))], 200);
    let mut by_body = d.example_bodies("redeem_by_body").remove(0);
    by_body["code"] = json!(code("u-3"));
    for status in [201, 200] {
        let call = Call { operation: "redeem_by_body", body: Some(&by_body), ..Call::default() };
        assert_eq!(d.call(&client, &call).status, status);
    }
    bare(d, &client, "void_claim", &[("claim_id", text(claim("u-1"), "/claim_id"))], 409);
    bare(d, &client, "void_claim", &[("claim_id", text(claim("u-2"), "/claim_id"))], 204);

    // Users.
    examples(d, &client, "create_user", &[]);
    examples(d, &client, "create_user", &[]);
    bare(d, &client, "read_user", &[("user_id", "u-21")], 200);
    bare(d, &client, "erase_user", &[("user_id", "u-21")], 204);
    bare(d, &client, "erase_user", &[("user_id", "u-21")], 404);

    // Changes, and the end.
    examples(d, &client, "change_campaign", &[]);
    bare(d, &client, "read_campaign", &[], 200);
    for (operation, status) in
        [("pause_campaign", 200), ("resume_campaign", 200), ("archive_campaign", 409), ("cancel_campaign", 200)]
    {
        bare(d, &client, operation, &[("campaign_id", "lucky-day")], status);
    }
    bare(d, &client, "read_campaign", &[("campaign_id", "lucky-day")], 200);
    bare(d, &client, "cancel_campaign", &[("campaign_id", "flash-hours")], 200);
    bare(d, &client, "archive_campaign", &[("campaign_id", "flash-hours")], 200);
    bare(d, &client, "read_campaign", &[("campaign_id", "flash-hours")], 410);

    for operation in OTHERS {
        bare(d, &client, operation, &[], 200);
    }
    for operation in ["openapi", "admin_page", "docs_page"] {
        let headers = [("if-none-match", "*")];
        assert_eq!(d.call(&client, &Call { operation, headers: &headers, ..Call::default() }).status, 304);
    }
    assert_eq!(d.operations_never_granted(), UNCALLED);
    // What a place looks like moves from one moment to the next; the waiting room's own tests hold it.
    let never_seen = d.examples_never_seen();
    let never_seen: Vec<_> = never_seen.into_iter().filter(|example| !example.contains("waiting_room")).collect();
    assert_eq!(
        never_seen,
        ["create_campaign_2 200", "create_campaign_2 201", "create_user_2 200", "create_user_2 201"]
    );
}

#[test]
fn every_refusal_is_one_that_the_document_knows() {
    let server = Server::start("");
    let client = server.client();
    let mut described = Described::by(&client);
    let d = &mut described;
    let mut statuses = Vec::new();
    for operation in d.operations() {
        // Without a key; with one, nothing there, nothing in the body, a parameter too many, a body that is no JSON.
        let junk = [("content-type", "application/json")];
        let text = [("content-type", "text/plain")];
        for call in [
            Call { operation: &operation, anonymous: true, ..Call::default() },
            Call { operation: &operation, ..Call::default() },
            Call { operation: &operation, query: "?nonsense=1", raw: Some(b"{}"), headers: &junk, ..Call::default() },
            Call { operation: &operation, raw: Some(b"{"), headers: &junk, ..Call::default() },
            Call { operation: &operation, raw: Some(b"x"), headers: &text, ..Call::default() },
            Call { operation: &operation, raw: Some(&[b' '; 17 << 10]), headers: &junk, ..Call::default() },
        ] {
            statuses.push(d.call(&client, &call).status);
        }
    }
    for expected in [400, 401, 404, 413, 415] {
        assert!(statuses.contains(&expected), "{expected} is among them");
    }
}

#[test]
fn a_campaign_that_opens_later_says_when() {
    let server = Server::start("");
    let client = server.client();
    let mut described = Described::by(&client);
    client.campaign(
        "spring-sale",
        &json!({"schedule": {"starts_at": "2998-01-01T00:00:00Z", "ends_at": "2999-01-01T00:00:00Z"}}),
    );
    let body = described.example_bodies("claim").remove(0);
    let reply = described.call(&client, &Call { operation: "claim", body: Some(&body), ..Call::default() });
    assert_eq!(reply.problem(), (409, "not_open".into()));
    assert!(reply.header("retry-after").is_some() && reply.json()["opens_at"].is_string());
}

#[test]
fn the_document_is_made_once_and_its_pages_load_only_what_is_here() {
    let server = Server::start("");
    let client = server.client();
    let first = client.get("/openapi.json");
    assert_eq!(first.json()["openapi"], "3.1.0");
    let tag = first.header("etag").expect("a tag").to_owned();
    let again = client.call("GET", "/openapi.json", &[("if-none-match", &tag)], b"");
    assert_eq!((again.status, again.body.len()), (304, 0));
    for page in ["/swagger-ui", "/redoc", "/rapidoc"] {
        let reply = client.get(page);
        let policy = reply.header("content-security-policy").expect("a policy").to_owned();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        let html = reply.text();
        let mut loaded = 0;
        for attribute in ["src=\"", "href=\""] {
            for url in html.split(attribute).skip(1).map(|rest| rest.split('"').next().expect("an end")) {
                if url != "data:," {
                    assert!(url.starts_with('/') && !url.starts_with("//"), "{page} loads {url}");
                    assert_eq!(client.get(url).status, 200, "{page} loads {url}");
                    loaded += 1;
                }
            }
        }
        assert!(loaded > 5, "{page}");
    }
}
