//! Challenges that others set: Turnstile and hCaptcha, asked by `siteverify` before anybody claims.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Mutex;

use serde_json::json;

use crate::client::{Client, JSON, Reply};
use crate::elsewhere;
use crate::server::Server;

/// A provider to whom each response that begins with `good` holds once.
fn provider() -> SocketAddr {
    let seen = Mutex::new(BTreeSet::new());
    elsewhere::serving(move |request| {
        let (_, form) = request.split_once("\r\n\r\n").expect("it is whole");
        let field = |name: &str| form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let response = field("response").expect("a response is asked about").to_owned();
        if field("secret") != Some("hush") {
            return (200, json!({"success": false, "error-codes": ["invalid-input-secret"]}).to_string());
        }
        let is_fresh = seen.lock().expect("one asks").insert(response.clone());
        let success = response.starts_with("good") && is_fresh;
        let codes = if success { json!([]) } else { json!(["timeout-or-duplicate"]) };
        (200, json!({"success": success, "error-codes": codes}).to_string())
    })
}

/// A server that asks both providers at `address`.
fn server(address: SocketAddr) -> Server {
    let settings = ["turnstile", "hcaptcha"].map(|name| {
        format!(
            "{name}_secret = \"hush\"\n{name}_site_key = \"key of {name}\"\n{name}_verify_url = \"http://{address}/\"\n"
        )
    });
    Server::start(&format!("[challenge]\n{}", settings.concat()))
}

fn create(client: &Client, id: &str, provider: &str, when_unavailable: &str) {
    let challenge = json!({"provider": provider, "when_unavailable": when_unavailable});
    client.campaign(id, &json!({"protection": {"challenge": challenge}}));
}

fn meet(client: &Client, id: &str, provider: &str, payload: &str) -> Reply {
    let body = json!({"user_id": "ann", "provider": provider, "payload": payload});
    client.post(&format!("/v1/campaigns/{id}/challenge"), &body)
}

fn claim(client: &Client, id: &str, pass: &str) -> Reply {
    let body = json!({"user_id": "ann"}).to_string();
    client.call("POST", &format!("/v1/campaigns/{id}/claims"), &[JSON, ("x-landrush-pass", pass)], body.as_bytes())
}

#[test]
fn a_response_that_its_provider_confirms_gives_a_pass_and_holds_once() {
    let server = server(provider());
    let client = server.client();
    for name in ["turnstile", "hcaptcha"] {
        create(&client, name, name, "closed");
        let set = client.get(&format!("/v1/campaigns/{name}/challenge?user_id=ann"));
        assert_eq!(set.json(), json!({"provider": name, "site_key": format!("key of {name}")}));
        let response = format!("good-{name}");
        let met = meet(&client, name, name, &response);
        assert_eq!(met.status, 201, "{}", met.text());
        assert_eq!(meet(&client, name, name, &response).problem(), (403, "challenge_required".into()), "once");
        assert_eq!(meet(&client, name, name, "bad").problem(), (403, "challenge_required".into()));
        assert_eq!(
            meet(&client, name, "altcha", "e30=").problem(),
            (400, "invalid_request".into()),
            "another provider"
        );
        assert_eq!(claim(&client, name, "none").problem(), (403, "challenge_required".into()));
        let met = met.json();
        assert_eq!(claim(&client, name, met["pass"].as_str().expect("a pass")).status, 201);
    }
    let text = client.get("/metrics").text();
    for name in ["turnstile", "hcaptcha"] {
        for (verdict, count) in [("passed", 1), ("failed", 2), ("unavailable", 0)] {
            let line =
                format!("landrush_challenge_verdicts_total{{provider=\"{name}\",verdict=\"{verdict}\"}} {count}");
            assert!(text.contains(&line), "{line} in {text}");
        }
    }
}

#[test]
fn while_its_provider_is_away_a_campaign_is_closed_or_open_as_it_says() {
    let away = elsewhere::serving(|_| (503, String::new()));
    let server = server(away);
    let client = server.client();
    create(&client, "closed", "turnstile", "closed");
    create(&client, "open", "turnstile", "open");
    let reply = meet(&client, "closed", "turnstile", "good");
    assert_eq!(reply.problem(), (503, "overloaded".into()));
    assert!(reply.header("retry-after").is_some());
    let met = meet(&client, "open", "turnstile", "unavailable");
    assert_eq!(met.status, 201, "{}", met.text());
    assert_eq!(claim(&client, "open", met.json()["pass"].as_str().expect("a pass")).status, 201);
}

#[test]
fn only_its_page_may_load_what_the_provider_sends() {
    let server = server(provider());
    let client = server.client();
    create(&client, "widget", "hcaptcha", "closed");
    create(&client, "plain", "altcha", "closed");
    let policy = |path: &str| client.get(path).header("content-security-policy").expect("a policy").to_owned();
    assert!(policy("/c/widget").contains("script-src 'self' https://hcaptcha.com"), "{}", policy("/c/widget"));
    for path in ["/", "/c/plain", "/c/unknown", "/admin"] {
        assert!(!policy(path).contains("https://"), "{path}: {}", policy(path));
    }
}

#[test]
fn a_provider_whose_secret_is_not_set_cannot_be_asked_for() {
    let server = Server::start("");
    let body = json!({
        "id": "c", "name": "c", "time_zone": "UTC", "mode": "first_come",
        "schedule": {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2999-01-01T00:00:00Z"},
        "coupon_types": [{"id": "cash-5", "name": "cash", "total_quota": 1}],
        "protection": {"challenge": {"provider": "turnstile"}},
    });
    let reply = server.client().admin("POST", "/v1/campaigns", Some(&body));
    assert_eq!(reply.problem(), (400, "invalid_request".into()));
    let problem = reply.json();
    assert_eq!(problem["errors"][0]["pointer"], "/protection/challenge/provider", "{problem}");
    assert!(
        problem["errors"][0]["detail"].as_str().expect("a detail").contains("challenge.turnstile_secret"),
        "{problem}"
    );
}
