//! Owns the examples. They are one story: a test sends the bodies to a server, in the order of the operations, and holds what it
//! answers against the answers here.

use serde_json::{Value, json};

use super::operation::Operation;
use crate::gate::reason::Reason;

const STARTS_AT: &str = "2025-01-01T00:00:00.000Z";
const ENDS_AT: &str = "2099-12-31T00:00:00.000Z";
const DECIDED_AT: &str = "2026-12-01T02:00:00.123Z";
const EXPIRES_AT: &str = "2026-12-31T02:00:00.123Z";
const CODE: &str = "7K3M-2XQ9-D4TB-0HWV";
const SERVER_ID: &str = "0G4T1M8XQ2ZC7R5K";

/// The campaign in the path of an operation.
pub(crate) fn campaign_of(operation: Operation) -> &'static str {
    if operation == Operation::Draw {
        "lucky-day"
    } else if matches!(operation, Operation::Enter | Operation::EntryByUser) {
        "grand-prize"
    } else if matches!(
        operation,
        Operation::WaitingRoomJoin
            | Operation::WaitingRoomRead
            | Operation::WaitingRoomAudit
            | Operation::WaitingRoomToken
            | Operation::ChallengeRead
            | Operation::ChallengeMeet
    ) {
        "big-drop"
    } else if operation == Operation::Register {
        "members-day"
    } else if operation == Operation::EligibleUpload {
        "staff-day"
    } else {
        "spring-sale"
    }
}

pub(crate) fn campaigns() -> Vec<(&'static str, Value)> {
    vec![
        (
            "first_come",
            json!({
                "id": "spring-sale", "name": "Spring sale", "time_zone": "Asia/Singapore", "mode": "first_come",
                "schedule": {"starts_at": STARTS_AT, "ends_at": ENDS_AT},
                "limit": {"max": 1, "per": "campaign", "by": "user"},
                "expected_claimants": 10000,
                "returns": {"voided": "restock", "expired": "burn"},
                "coupon_types": [
                    {"id": "cash-5", "name": "$5 cash coupon", "total_quota": 10000, "daily_quota": 500,
                     "valid_for": "30d", "codes": "generated", "metadata": {"discount": "500 SGD cents"}},
                    {"id": "own-codes", "name": "Free delivery", "total_quota": 200, "codes": "imported"}
                ]
            }),
        ),
        (
            "draw",
            json!({
                "id": "lucky-day", "name": "Lucky day", "time_zone": "Asia/Singapore", "mode": "draw",
                "schedule": {"starts_at": STARTS_AT, "ends_at": ENDS_AT},
                "expected_claimants": 10000,
                "coupon_types": [
                    {"id": "cash-1", "name": "$1 cash coupon", "total_quota": 10000, "probability": 0.9, "valid_for": "30d"},
                    {"id": "cash-9", "name": "$9 cash coupon", "total_quota": 100, "probability": 0.1, "valid_for": "30d"}
                ]
            }),
        ),
        (
            "lottery",
            json!({
                "id": "grand-prize", "name": "Grand prize", "time_zone": "Asia/Singapore", "mode": "lottery",
                "schedule": {"starts_at": STARTS_AT, "ends_at": ENDS_AT},
                "expected_claimants": 10000,
                "coupon_types": [{"id": "car", "name": "A car", "total_quota": 1}]
            }),
        ),
        (
            "windows",
            json!({
                "id": "flash-hours", "name": "Flash hours", "time_zone": "Asia/Singapore", "mode": "first_come",
                "schedule": {
                    "starts_at": STARTS_AT, "ends_at": ENDS_AT,
                    "windows": {"at": ["10:00", "15:00", "20:00"], "days": ["mon", "fri"], "duration": "5m"}
                },
                "availability_display": "bucketed",
                "expected_claimants": 10000,
                "coupon_types": [{"id": "cash-5", "name": "$5 cash coupon", "total_quota": 300, "daily_quota": 100}]
            }),
        ),
        (
            "registered",
            json!({
                "id": "members-day", "name": "Members' day", "time_zone": "Asia/Singapore", "mode": "first_come",
                "schedule": {"starts_at": STARTS_AT, "ends_at": ENDS_AT},
                "protection": {"eligibility": {"who": "registered", "users_per_device": 2}},
                "expected_claimants": 10000,
                "coupon_types": [{"id": "cash-5", "name": "$5 cash coupon", "total_quota": 300}]
            }),
        ),
        (
            "listed",
            json!({
                "id": "staff-day", "name": "Staff day", "time_zone": "Asia/Singapore", "mode": "first_come",
                "schedule": {"starts_at": STARTS_AT, "ends_at": ENDS_AT},
                "protection": {"eligibility": {"who": "list"}},
                "expected_claimants": 10000,
                "coupon_types": [{"id": "cash-5", "name": "$5 cash coupon", "total_quota": 300}]
            }),
        ),
        (
            "waiting_room",
            json!({
                "id": "big-drop", "name": "Big drop", "time_zone": "Asia/Singapore", "mode": "first_come",
                "schedule": {"starts_at": STARTS_AT, "ends_at": ENDS_AT},
                "protection": {"waiting_room": {"admit_per_second": 500}, "challenge": {"provider": "altcha"}},
                "expected_claimants": 10000,
                "coupon_types": [{"id": "cash-5", "name": "$5 cash coupon", "total_quota": 300}]
            }),
        ),
    ]
}

pub(crate) fn patches() -> Vec<(&'static str, Value)> {
    vec![
        ("more", json!({"coupon_types": [{"id": "cash-5", "total_quota": 12000, "daily_quota": 600}]})),
        ("no_daily_quota", json!({"coupon_types": [{"id": "cash-5", "daily_quota": null}]})),
        ("bucketed", json!({"name": "Spring sale, extended", "availability_display": "bucketed"})),
    ]
}

pub(crate) fn claims() -> Vec<(&'static str, Value)> {
    vec![
        ("first_with_quota", json!({"user_id": "u-1"})),
        ("by_type", json!({"user_id": "u-2", "coupon_type": "cash-5"})),
        ("with_phone", json!({"user_id": "u-3", "phone": "+65 9123 4567"})),
    ]
}

pub(crate) fn draws() -> Vec<(&'static str, Value)> {
    vec![("of_user", json!({"user_id": "u-1"})), ("with_phone", json!({"user_id": "u-2", "phone": "+65 9123 4567"}))]
}

pub(crate) fn draw_by_body() -> Vec<(&'static str, Value)> {
    vec![("of_user", json!({"campaign_id": "lucky-day", "user_id": "u-3"}))]
}

pub(crate) fn batch() -> Vec<(&'static str, Value)> {
    vec![("two", json!({"claims": [{"user_id": "u-11"}, {"user_id": "u-12", "coupon_type": "cash-5"}]}))]
}

pub(crate) fn redemptions() -> Vec<(&'static str, Value)> {
    vec![("at_once", json!({"order_id": "o-1", "user_id": "u-1"})), ("held", json!({"order_id": "o-2", "hold": "10m"}))]
}

pub(crate) fn redemption_by_body() -> Vec<(&'static str, Value)> {
    vec![("at_once", json!({"code": CODE, "order_id": "o-3"}))]
}

pub(crate) fn users() -> Vec<(&'static str, Value)> {
    vec![("with_name", json!({"user_id": "u-21", "phone": "+65 9123 4568", "name": "Ann"}))]
}

/// The lines of an upload.
pub(crate) const ELIGIBLE_NDJSON: &str = "{\"user_id\":\"u-1\"}\n{\"user_id\":\"u-2\"}\n";

pub(crate) const CODES_NDJSON: &str = "{\"code\":\"SPRING-1\"}\n{\"code\":\"SPRING-2\"}\n";
/// The same as a table, of other codes.
pub(crate) const CODES_CSV: &str = "code\nSPRING-3\nSPRING-4\n";

fn coupon_of(coupon_type: &str) -> Value {
    json!({"code": CODE, "coupon_type": coupon_type, "state": "issued", "expires_at": EXPIRES_AT})
}

pub(crate) fn claim() -> Value {
    json!({
        "claim_id": SERVER_ID, "campaign_id": "spring-sale", "user_id": "u-1", "outcome": "won", "repeated": false,
        "decided_at": DECIDED_AT, "coupon": coupon_of("cash-5")
    })
}

pub(crate) fn draw() -> Value {
    json!({
        "draw_id": SERVER_ID, "campaign_id": "lucky-day", "user_id": "u-1", "outcome": "won", "repeated": false,
        "decided_at": DECIDED_AT, "sampled": "cash-1", "coupon": coupon_of("cash-1")
    })
}

pub(crate) fn entry() -> Value {
    json!({
        "entry_id": SERVER_ID, "number": 1, "campaign_id": "grand-prize", "user_id": "u-1", "outcome": "pending",
        "repeated": false, "decided_at": DECIDED_AT
    })
}

fn repeated_claim() -> Value {
    let mut claim = claim();
    claim["repeated"] = Value::Bool(true);
    claim
}

pub(crate) fn items() -> Value {
    json!({"items": [repeated_claim()]})
}

pub(crate) fn claim_page() -> Value {
    json!({"items": [repeated_claim()], "next_cursor": null})
}

pub(crate) fn batch_results() -> Value {
    let granted = |user: &str| {
        let mut granted = claim();
        granted["status"] = json!(201);
        granted["user_id"] = json!(user);
        granted
    };
    json!({"results": [granted("u-11"), granted("u-12")]})
}

/// The campaign, as the admin key sees it or as anybody does.
pub(crate) fn campaign(is_admin: bool) -> Value {
    let mut campaign = json!({
        "id": "spring-sale", "name": "Spring sale", "state": "open", "time_zone": "Asia/Singapore", "mode": "first_come",
        "schedule": {"starts_at": STARTS_AT, "ends_at": ENDS_AT},
        "limit": {"max": 1, "per": "campaign", "by": "user"},
        "phone_required": false, "availability_display": "exact", "expected_claimants": 10000,
        "returns": {"voided": "restock", "expired": "burn"},
        "protection": {},
        "opens_at": STARTS_AT, "closes_at": ENDS_AT, "accept_claims": true, "accept_redemptions": true,
        "created_at": "2026-11-30T09:00:00.000Z",
        "coupon_types": [
            {"id": "cash-5", "name": "$5 cash coupon", "total_quota": 10000, "daily_quota": 500, "valid_for": "30d",
             "codes": "generated", "issued": 0, "remaining": 10000, "remaining_today": 500},
            {"id": "own-codes", "name": "Free delivery", "total_quota": 200, "daily_quota": null, "valid_for": null,
             "codes": "imported", "issued": 0, "remaining": 0, "remaining_today": 0}
        ]
    });
    if is_admin {
        for coupon_type in campaign["coupon_types"].as_array_mut().into_iter().flatten() {
            for count in ["voided", "redeemed", "expired"] {
                coupon_type[count] = json!(0);
            }
        }
        campaign["coupon_types"][0]["metadata"] = json!({"discount": "500 SGD cents"});
        campaign["coupon_types"][1]["imported"] = json!(0);
    }
    campaign
}

pub(crate) fn campaign_page() -> Value {
    json!({"items": [campaign(false)], "next_cursor": null})
}

pub(crate) fn availability() -> Value {
    json!({
        "campaign_id": "spring-sale", "state": "open", "server_time": DECIDED_AT, "opens_at": STARTS_AT,
        "closes_at": ENDS_AT, "resets_at": "2026-12-01T16:00:00.000Z",
        "coupon_types": [{"id": "cash-5", "name": "$5 cash coupon", "remaining": 9999, "remaining_today": 499}]
    })
}

pub(crate) fn arrivals() -> Vec<(&'static str, Value)> {
    vec![("anybody", json!({"user_id": "u-1"}))]
}

pub(crate) fn place() -> Value {
    json!({
        "ticket": "AAAAAADQ8i6iAQAATQAAACjM8tQ0pv9Pj4mVYgw0d5hZ0cYt2bXyM1FzYq9Vb3kA", "state": "waiting", "number": 77,
        "position": 77, "ahead": 76, "estimated_wait": "1s", "admitted_until": null, "resets_at": null
    })
}

pub(crate) fn waiting_room() -> Value {
    json!({
        "state": "waiting", "resets_at": null, "opens_at": STARTS_AT, "now_serving": 0, "waiting": 100,
        "admit_per_second": 500,
        "fairness": {
            "commitment": "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925",
            "seed": "0000000000000000000000000000000000000000000000000000000000000000",
            "entries": {"count": 100, "hash": "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"}
        }
    })
}

pub(crate) fn waiting_room_audit() -> Value {
    let room = waiting_room();
    let mut audited = room["fairness"].clone();
    audited["opens_at"] = room["opens_at"].clone();
    json!({"rooms": [audited]})
}

pub(crate) fn admission_token() -> Value {
    json!({
        "token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSIsImtpZCI6IkE0In0.eyJpc3MiOiJsYW5kcnVzaCIsInN1YiI6InUtMSJ9.5Zt0",
        "expires_at": DECIDED_AT
    })
}

pub(crate) fn public_keys() -> Value {
    json!({"keys": [{
        "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    }]})
}

pub(crate) fn fraud_report() -> Value {
    let gate_refused: serde_json::Map<String, Value> =
        Reason::ALL.into_iter().map(|reason| (reason.name().to_owned(), json!(0))).collect();
    let by = |kind: &str, distinct: u64, granted: u64, top: Value| {
        json!({
            "kind": kind, "distinct": distinct, "granted": granted, "refused": 9 * granted, "granted_error": 0,
            "refused_error": 0, "top_share": 0.41, "even_share": 0.008, "top": top
        })
    };
    let line = |name: &str| json!({"name": name, "granted": 41, "refused": 360, "share": 0.041});
    json!({
        "campaign_id": "spring-sale", "server_time": DECIDED_AT, "since": "2026-12-01T01:00:00.000Z", "granted": 1000,
        "no_coupon": 0, "repeated": 12, "refused": 9000,
        "early": {"within_ms": 100, "granted": 380, "refused": 4100},
        "gate_refused": gate_refused,
        "by": [
            by("ipv4_24", 640, 1000, json!([line("203.0.113.0/24")])),
            by("ipv6_48", 0, 0, json!([])),
            by("device", 1240, 1000, json!([line("5be1c0ff3e5a0d71")]))
        ]
    })
}

pub(crate) fn registrations() -> Vec<(&'static str, Value)> {
    vec![("of_user", json!({"user_id": "u-1"})), ("with_phone", json!({"user_id": "u-2", "phone": "+65 9123 4567"}))]
}

pub(crate) fn registration() -> Value {
    json!({"state": "registered"})
}

pub(crate) fn eligible_list() -> Value {
    json!({"eligible": 2})
}

pub(crate) fn altcha_challenge() -> Value {
    json!({
        "parameters": {
            "algorithm": "PBKDF2/SHA-256", "cost": 1000, "data": {"campaign": "big-drop", "user": "u-1"},
            "expiresAt": 1_796_083_200, "keyLength": 32, "keyPrefix": "00",
            "nonce": "8f1d0a6c2b7e4f3591c0d8e7a6b5f413", "salt": "0b9c6de45f2a71c83e4d5a6b7c8d9e0f"
        },
        "signature": "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925"
    })
}

pub(crate) fn challenge_answers() -> Vec<(&'static str, Value)> {
    vec![(
        "altcha",
        json!({"user_id": "u-1", "provider": "altcha", "payload": "eyJjaGFsbGVuZ2UiOiB7fSwgInNvbHV0aW9uIjoge319"}),
    )]
}

pub(crate) fn pass() -> Value {
    json!({
        "pass": "BwAAAADQ8i6iAQAAUlbQ1Kz1c9Pj4mVYgw0d5hZ0cYtU0pv9Pj4mVYgw0d5hZ0cYt",
        "expires_at": EXPIRES_AT
    })
}

pub(crate) fn time() -> Value {
    json!({"server_time": DECIDED_AT})
}

pub(crate) fn imported() -> Value {
    json!({"imported": 2, "available": 2})
}

fn redemption_core() -> Value {
    json!({"redemption_id": SERVER_ID, "order_id": "o-1", "state": "confirmed", "created_at": DECIDED_AT})
}

pub(crate) fn redemption(repeated: Option<bool>) -> Value {
    let mut redemption = redemption_core();
    redemption["code"] = json!(CODE);
    redemption["coupon_state"] = json!("redeemed");
    redemption["campaign_id"] = json!("spring-sale");
    redemption["coupon_type"] = json!("cash-5");
    if let Some(repeated) = repeated {
        redemption["repeated"] = json!(repeated);
    }
    redemption
}

pub(crate) fn coupon() -> Value {
    json!({
        "code": CODE, "state": "redeemed", "campaign_id": "spring-sale", "coupon_type": "cash-5", "user_id": "u-1",
        "claim_id": SERVER_ID, "decided_at": DECIDED_AT, "expires_at": EXPIRES_AT,
        "metadata": {"discount": "500 SGD cents"}, "redemption": redemption_core()
    })
}

pub(crate) fn user(repeated: Option<bool>) -> Value {
    let mut user = json!({"user_id": "u-21", "phone": "+6591234568", "name": "Ann"});
    if let Some(repeated) = repeated {
        user["repeated"] = json!(repeated);
    }
    user
}

pub(crate) fn health(status: &str) -> Value {
    json!({"status": status})
}
