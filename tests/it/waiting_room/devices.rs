//! Whom a waiting room gives a place where users of devices are counted: whoever could not claim holds back nobody's coupon.

use serde_json::{Value, json};

use super::{TICKET, claim, quick, required, room, ticket_of, wait_for};
use crate::client::{Client, Reply};
use crate::server::{ADMIN_KEY, Server};

const DEVICE: &str = "x-device-id";

/// Is open, has three coupons, and one user a device may ask for them.
fn sale(client: &Client, id: &str, room: &Value) {
    client.campaign(
        id,
        &json!({
            "protection": {"eligibility": {"users_per_device": 1}, "waiting_room": room},
            "coupon_types": [{"id": "cash-5", "name": "cash", "total_quota": 3}]
        }),
    );
}

fn join(client: &Client, id: &str, user: &str, headers: &[(&str, &str)]) -> Reply {
    client.post_with(&room(id), headers, &json!({"user_id": user}))
}

fn claim_by(client: &Client, id: &str, user: &str, device: &str, ticket: &str) -> Reply {
    client.claim_with(id, user, &[(TICKET, ticket), (DEVICE, device)])
}

fn not_eligible(reply: &Reply) -> bool {
    reply.problem() == (403, "not_eligible".into())
}

#[test]
fn one_too_many_of_a_device_gets_no_place_and_the_first_keeps_hers_and_claims() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "few", &quick());
    let first = join(&client, "few", "ann", &[(DEVICE, "d-1")]);
    assert_eq!(first.status, 201, "{}", first.text());
    let anns = ticket_of(&first);
    for user in ["bob", "cid", "eve"] {
        assert!(not_eligible(&join(&client, "few", user, &[(DEVICE, "d-1")])), "{user}");
    }
    assert!(not_eligible(&join(&client, "few", "bob", &[])), "without a device");
    let key = format!("Bearer {ADMIN_KEY}");
    let told = join(&client, "few", "bob", &[(DEVICE, "d-1"), ("authorization", &key)]);
    assert_eq!((told.status, told.header("x-landrush-refused-by")), (403, Some("not_eligible")));
    let long = "d".repeat(129);
    assert_eq!(join(&client, "few", "bob", &[(DEVICE, &long)]).problem(), (400, "invalid_request".into()));
    for headers in [&[(DEVICE, "d-1")][..], &[(DEVICE, "d-2")], &[]] {
        let again = join(&client, "few", "ann", headers);
        assert_eq!((again.status, ticket_of(&again)), (200, anns.clone()), "{headers:?}");
    }
    let bobs = join(&client, "few", "bob", &[(DEVICE, "d-2")]);
    assert_eq!((bobs.status, &bobs.json()["position"]), (201, &json!(2)), "nobody is between, and d-2 is nobody's yet");

    wait_for(&client, "few", &anns, "admitted");
    let bobs = ticket_of(&bobs);
    wait_for(&client, "few", &bobs, "admitted");
    assert!(not_eligible(&claim(&client, "few", "ann", &anns)), "the claim asks for the device too");
    assert_eq!(claim_by(&client, "few", "ann", "d-1", &anns).status, 201);
    assert_eq!(claim_by(&client, "few", "bob", "d-2", &bobs).status, 201);
    let metrics = client.get("/metrics").text();
    assert!(metrics.contains("landrush_gate_refused_total{reason=\"not_eligible\"} 6"), "{metrics}");
}

#[test]
fn whoever_lost_a_place_comes_again_by_the_same_device_and_still_nobody_else_does() {
    let server = Server::start("");
    let client = server.client();
    sale(&client, "few", &json!({"admit_per_second": 100, "opens_before": "10m", "admitted_for": "1s"}));
    let by = [(DEVICE, "d-1")];
    let anns = ticket_of(&join(&client, "few", "ann", &by));
    wait_for(&client, "few", &anns, "over");
    assert!(required(&claim_by(&client, "few", "ann", "d-1", &anns)));
    assert!(not_eligible(&join(&client, "few", "bob", &by)), "the device is hers");
    assert!(not_eligible(&join(&client, "few", "ann", &[])), "she has no place that she could be told");
    let again = join(&client, "few", "ann", &by);
    assert_eq!((again.status, &again.json()["position"]), (201, &json!(2)));
}
