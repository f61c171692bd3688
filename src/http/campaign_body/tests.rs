//! What campaign bodies are taken, and by what pointer the others are refused.

use serde_json::{Value, json};

use super::*;

fn minimal() -> Value {
    json!({
        "id": "c1", "name": "c", "time_zone": "UTC", "mode": "first_come",
        "schedule": {"starts_at": "2026-01-01T00:00:00Z", "ends_at": "2027-01-01T00:00:00Z"},
        "coupon_types": [{"id": "a", "name": "a", "total_quota": 5}]
    })
}

/// The minimal body with `value` at `pointer`.
fn with(pointer: &str, value: Value) -> Value {
    let mut body = minimal();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    body.pointer_mut(parent).expect("a parent")[name] = value;
    body
}

fn parse(body: &Value) -> Result<CampaignDefinition, Vec<FieldError>> {
    parse_definition(body.to_string().as_bytes())
}

fn refused(pointer: &str, value: Value) {
    let body = with(pointer, value);
    let errors = parse(&body).expect_err(&body.to_string());
    assert_eq!(errors.iter().map(|error| error.pointer.as_str()).collect::<Vec<_>>(), [pointer], "{body}: {errors:?}");
}

#[test]
fn defaults_are_filled_in() {
    let definition = parse(&minimal()).expect("valid");
    assert_eq!(definition.limit, Limit { max: 1, per: Period::Campaign });
    assert_eq!(definition.availability_display, AvailabilityDisplay::Exact);
    assert_eq!(definition.expected_claimants, EXPECTED_CLAIMANTS_DEFAULT);
    assert_eq!(definition.returns, Returns { voided: Return::Restock });
    assert_eq!(definition.coupon_types[0].daily_quota, None);
    assert_eq!(definition.coupon_types[0].valid_for, None);
}

#[test]
fn fields_that_say_the_default_outright_make_the_same_definition() {
    let mut body = minimal();
    body["limit"] = json!({"max": 1, "per": "campaign", "by": "user"});
    body["phone_required"] = json!(false);
    body["availability_display"] = json!("exact");
    body["expected_claimants"] = json!(1_000_000);
    body["returns"] = json!({"voided": "restock", "expired": "burn"});
    body["schedule"]["windows"] = Value::Null;
    body["coupon_types"][0]["codes"] = json!("generated");
    body["coupon_types"][0]["daily_quota"] = Value::Null;
    assert_eq!(parse(&body).expect("valid"), parse(&minimal()).expect("valid"));
}

#[test]
fn everything_that_can_be_said_is_taken() {
    let mut body = minimal();
    body["time_zone"] = json!("Asia/Singapore");
    body["limit"] = json!({"max": 3, "per": "day"});
    body["availability_display"] = json!("bucketed");
    body["returns"] = json!({"voided": "burn"});
    body["coupon_types"][0] = json!({
        "id": "a", "name": "ä", "total_quota": 1_000_000_000, "daily_quota": 500, "valid_for": "30d",
        "metadata": {"discount": "500 SGD cents", "tiers": [1, 2.5, null]}
    });
    let definition = parse(&body).expect("valid");
    assert_eq!(definition.time_zone, "Asia/Singapore");
    assert_eq!(definition.limit, Limit { max: 3, per: Period::Day });
    let coupon_type = &definition.coupon_types[0];
    assert_eq!(coupon_type.valid_for, Some(Duration::from_secs(30 * 86_400)));
    assert_eq!(coupon_type.metadata.as_deref(), Some(r#"{"discount":"500 SGD cents","tiers":[1,2.5,null]}"#));
}

#[test]
fn faults_are_named_by_pointer() {
    refused("/id", json!("../etc"));
    refused("/name", json!(""));
    refused("/time_zone", json!("Mars/Olympus"));
    refused("/time_zone", json!("+08:00"));
    refused("/mode", json!("auction"));
    refused("/schedule/starts_at", json!("tomorrow"));
    refused("/schedule/ends_at", json!("2026-01-01T00:00:00Z"));
    refused("/limit", json!(2));
    refused("/availability_display", json!("rough"));
    refused("/expected_claimants", json!(0));
    refused("/coupon_types", json!([]));
    refused("/coupon_types", json!({}));
    for quota in [json!(-1), json!(0), json!(1.5), json!(1_000_000_001u64), json!(u64::MAX), json!("5"), Value::Null] {
        refused("/coupon_types/0/total_quota", quota);
    }
    refused("/coupon_types/0/daily_quota", json!(-1));
    refused("/coupon_types/0/valid_for", json!("5 bananas"));
    refused("/coupon_types/0/valid_for", json!("0s"));
    refused("/coupon_types/0/metadata", json!("text"));
    refused("/coupon_types/0/total_qouta", json!(5));
    refused("/colour", json!("red"));
}

#[test]
fn two_types_of_one_id_and_a_repeated_metadata_field_are_refused() {
    let body = with("/coupon_types", json!([minimal()["coupon_types"][0], minimal()["coupon_types"][0]]));
    assert_eq!(parse(&body).expect_err("twice")[0].pointer, "/coupon_types/1/id");
    let body = minimal().to_string().replace(r#""total_quota":5"#, r#""total_quota":5,"metadata":{"a":1,"a":2}"#);
    assert_eq!(parse_definition(body.as_bytes()).expect_err("twice")[0].pointer, "/coupon_types/0/metadata/a");
}

#[test]
fn what_this_version_does_not_have_is_refused_by_name() {
    refused("/mode", json!("draw"));
    refused("/mode", json!("lottery"));
    refused("/phone_required", json!(true));
    refused("/protection", json!({"rate_limit": {"user": "5/10s"}}));
    refused("/schedule/windows", json!({"at": ["10:00"], "duration": "5m"}));
    refused("/coupon_types/0/codes", json!("imported"));
    refused("/coupon_types/0/probability", json!(0.1));
    for (pointer, limit) in [("/limit/per", json!({"per": "window"})), ("/limit/by", json!({"by": "phone"}))] {
        assert_eq!(parse(&with("/limit", limit)).expect_err(pointer)[0].pointer, pointer);
    }
    let errors = parse(&with("/returns", json!({"expired": "restock"}))).expect_err("expired");
    assert_eq!(errors[0], FieldError::new("/returns/expired", NOT_IN_THIS_VERSION));
}

fn patch_of(body: &Value) -> Result<CampaignPatch, PatchError> {
    let definition = parse(&minimal()).expect("valid");
    PatchBody::parse(body.to_string().as_bytes()).map_err(PatchError::Invalid)?.against(&definition)
}

#[test]
fn a_patch_names_what_changes() {
    let patch = patch_of(&json!({
        "name": "new", "schedule": {"ends_at": "2028-01-01T00:00:00Z"}, "accept_claims": false,
        "coupon_types": [{"id": "a", "total_quota": 9, "daily_quota": null}]
    }));
    let patch = patch.expect("valid");
    assert_eq!(patch.name.as_deref(), Some("new"));
    assert_eq!(patch.ends_at.map(text::rfc3339_string).as_deref(), Some("2028-01-01T00:00:00.000Z"));
    assert_eq!((patch.accept_claims, patch.accept_redemptions), (Some(false), None));
    assert_eq!((patch.coupon_types[0].total_quota, patch.coupon_types[0].daily_quota), (Some(9), Some(None)));
    assert_eq!(patch_of(&json!({})).expect("valid"), CampaignPatch::default());
}

#[test]
fn a_patch_of_what_cannot_change_is_refused() {
    for (body, pointer) in [
        (json!({"time_zone": "UTC"}), "/time_zone"),
        (json!({"schedule": {"starts_at": "2026-01-01T00:00:00Z"}}), "/schedule/starts_at"),
        (json!({"schedule": {"ends_at": "2025-01-01T00:00:00Z"}}), "/schedule/ends_at"),
        (json!({"coupon_types": [{"total_quota": 1}]}), "/coupon_types/0/id"),
        (json!({"coupon_types": [{"id": "a", "valid_for": "1d"}]}), "/coupon_types/0/valid_for"),
        (json!({"coupon_types": [{"id": "a"}, {"id": "a"}]}), "/coupon_types/1/id"),
        (json!({"nmae": "x"}), "/nmae"),
    ] {
        match patch_of(&body) {
            Err(PatchError::Invalid(errors)) => assert_eq!(errors[0].pointer, pointer, "{body}"),
            other => panic!("{body}: {other:?}"),
        }
    }
    let missing = patch_of(&json!({"coupon_types": [{"id": "b", "total_quota": 1}]}));
    assert!(matches!(missing, Err(PatchError::NoSuchCouponType(id)) if id.as_str() == "b"));
}
