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
    assert_eq!(definition.limit, Limit { max: 1, per: Period::Campaign, by: LimitBy::User });
    assert_eq!(definition.availability_display, AvailabilityDisplay::Exact);
    assert_eq!(definition.expected_claimants, EXPECTED_CLAIMANTS_DEFAULT);
    assert_eq!(definition.returns, Returns { voided: Return::Restock, expired: Return::Burn });
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
    assert_eq!(definition.limit, Limit { max: 3, per: Period::Day, by: LimitBy::User });
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
fn a_protection_that_asks_for_nothing_is_none() {
    for nothing in [json!({}), json!({"rate_limit": {}, "eligibility": {"who": "anyone"}}), json!({"challenge": null})]
    {
        assert!(parse(&with("/protection", nothing)).expect("valid").protection.is_none());
    }
}

#[test]
fn a_protections_faults_are_named_by_pointer() {
    let check = |protection: Value, pointer: &str| {
        let errors = parse(&with("/protection", protection)).expect_err(pointer);
        assert!(errors.iter().any(|error| error.pointer == format!("/protection{pointer}")), "{pointer}: {errors:?}");
    };
    check(json!([]), "");
    check(json!({"rate_limits": {}}), "/rate_limits");
    for rate in ["", "5", "5/", "/10s", "+5/10s", "0x5/10s", "5/10", "5/10s/2", "99999999999/1s"] {
        check(json!({"rate_limit": {"user": rate}}), "/rate_limit/user");
    }
    check(json!({"challenge": {}}), "/challenge/provider");
    check(json!({"challenge": {"provider": "riddle"}}), "/challenge/provider");
    check(json!({"challenge": {"provider": "altcha", "when_unavailable": "ajar"}}), "/challenge/when_unavailable");
    check(json!({"eligibility": {"who": "friends"}}), "/eligibility/who");
    check(json!({"eligibility": {"users_per_device": 0}}), "/eligibility/users_per_device");
    check(json!({"eligibility": {"token_claims": {"vip": [1]}}}), "/eligibility/token_claims/vip");
    check(json!({"waiting_room": {}}), "/waiting_room/admit_per_second");
    check(json!({"waiting_room": {"admit_per_second": 1, "opens_before": "soon"}}), "/waiting_room/opens_before");
}

/// The minimal body, changed by all of these.
fn with_all(changes: &[(&str, Value)]) -> Value {
    let mut body = minimal();
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        body.pointer_mut(parent).expect("a parent")[name] = value.clone();
    }
    body
}

fn pointer_of(body: &Value) -> String {
    parse(body).expect_err(&body.to_string())[0].pointer.clone()
}

#[test]
fn draws_need_odds_and_count_by_the_day() {
    let draw = |odds: Value| with_all(&[("/mode", json!("draw")), ("/coupon_types/0/probability", odds)]);
    let definition = parse(&draw(json!(0.1))).expect("valid");
    assert_eq!(definition.limit, Limit { max: 1, per: Period::Day, by: LimitBy::User });
    assert_eq!(definition.coupon_types[0].probability.map(Probability::billionths), Some(100_000_000));
    for (odds, billionths) in [(json!(1), 1_000_000_000), (json!(0.000_000_001), 1), (json!(0), 0), (json!(1e-9), 1)] {
        let read = parse(&draw(odds)).expect("valid").coupon_types[0].probability;
        assert_eq!(read.map(Probability::billionths), Some(billionths));
    }
    for odds in [json!(1.1), json!(-0.1), json!("0.1"), json!(0.000_000_000_1), Value::Null] {
        assert_eq!(pointer_of(&draw(odds)), "/coupon_types/0/probability");
    }
    assert_eq!(pointer_of(&with("/coupon_types/0/probability", json!(0.1))), "/coupon_types/0/probability");
    let types = json!([
        {"id": "a", "name": "a", "total_quota": 5, "probability": 0.6},
        {"id": "b", "name": "b", "total_quota": 5, "probability": 0.6}
    ]);
    assert_eq!(pointer_of(&with_all(&[("/mode", json!("draw")), ("/coupon_types", types)])), "/coupon_types");
}

#[test]
fn a_lottery_has_neither_windows_nor_daily_quotas_nor_several_entries() {
    let lottery = |pointer: &str, value| with_all(&[("/mode", json!("lottery")), (pointer, value)]);
    assert_eq!(parse(&lottery("/name", json!("x"))).expect("valid").mode, Mode::Lottery);
    let windows = json!({"at": ["10:00"], "duration": "5m"});
    assert_eq!(pointer_of(&lottery("/schedule/windows", windows)), "/schedule/windows");
    assert_eq!(pointer_of(&lottery("/coupon_types/0/daily_quota", json!(1))), "/coupon_types/0/daily_quota");
    assert_eq!(pointer_of(&lottery("/limit", json!({"max": 2}))), "/limit");
    assert_eq!(pointer_of(&lottery("/limit", json!({"per": "day"}))), "/limit");
}

#[test]
fn windows_are_read_and_their_faults_named() {
    let windows = |value| with("/schedule/windows", value);
    let definition = parse(&windows(json!({"at": ["20:00", "10:00"], "days": ["fri", "mon"], "duration": "5m"})));
    let read = definition.expect("valid").windows.expect("there");
    assert_eq!(read.at().iter().map(ToString::to_string).collect::<Vec<_>>(), ["10:00", "20:00"]);
    assert_eq!((read.days().to_string(), read.duration()), ("mon,fri".to_owned(), Duration::from_secs(300)));
    for (value, pointer) in [
        (json!({"duration": "5m"}), "/schedule/windows/at"),
        (json!({"at": ["10:00"]}), "/schedule/windows/duration"),
        (json!({"at": ["25:00"], "duration": "5m"}), "/schedule/windows/at/0"),
        (json!({"at": ["10:00"], "days": ["someday"], "duration": "5m"}), "/schedule/windows/days/0"),
        (json!({"at": ["10:00"], "days": ["mon", "mon"], "duration": "5m"}), "/schedule/windows/days"),
        (json!({"at": ["10:00"], "days": [], "duration": "5m"}), "/schedule/windows/days"),
        (json!({"at": ["10:00", "10:00"], "duration": "5m"}), "/schedule/windows"),
        (json!({"at": ["10:00", "10:04"], "duration": "5m"}), "/schedule/windows"),
        (json!({"at": ["10:00"], "duration": "5m", "every": "day"}), "/schedule/windows/every"),
    ] {
        assert_eq!(pointer_of(&windows(value.clone())), pointer, "{value}");
    }
}

#[test]
fn limits_phones_codes_and_returns_are_read() {
    let definition = parse(&with_all(&[
        ("/limit", json!({"max": 2, "per": "window", "by": "phone"})),
        ("/phone_required", json!(true)),
        ("/returns", json!({"expired": "restock"})),
        ("/coupon_types/0/codes", json!("imported")),
    ]));
    let definition = definition.expect("valid");
    assert_eq!(definition.limit, Limit { max: 2, per: Period::Window, by: LimitBy::Phone });
    assert!(definition.phone_required && definition.needs_phone());
    assert_eq!(definition.returns, Returns { voided: Return::Restock, expired: Return::Restock });
    assert_eq!(definition.coupon_types[0].codes, CodeSource::Imported);
    refused("/returns", json!(1));
    refused("/phone_required", json!("yes"));
    refused("/coupon_types/0/codes", json!("printed"));
    for (pointer, limit) in [("/limit/per", json!({"per": "year"})), ("/limit/by", json!({"by": "name"}))] {
        assert_eq!(pointer_of(&with("/limit", limit)), pointer);
    }
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
