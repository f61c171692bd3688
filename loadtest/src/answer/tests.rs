//! Answers as the contract has them are read; all others are strange.

use super::*;

const WON: &str = r#"{"claim_id":"c-1","campaign_id":"spring","user_id":"u-000000000007","outcome":"won","repeated":false,
    "decided_at":"2026-12-01T02:00:00.123Z","coupon":{"code":"7K3M-0000-ZZZZ-0001","coupon_type":"b","state":"issued",
    "expires_at":"2026-12-31T02:00:00.123Z"}}"#;

const LOST: &str = r#"{"draw_id":"d-1","campaign_id":"spring","user_id":"u-000000000007","outcome":"no_coupon",
    "repeated":false,"decided_at":"2026-12-01T02:00:00.123Z","sampled":null}"#;

fn read_as<'a>(kind: Kind, status: u16, body: &'a str) -> Answer<'a> {
    let types = ["a".to_owned(), "b".to_owned()];
    let reply = Reply { status, body: body.as_bytes(), closes: false, taken: 0 };
    read(&reply, Asked { campaign: "spring", kind, user: 7, coupon_types: &types })
}

#[track_caller]
fn decided(kind: Kind, status: u16, body: &str) -> Decision {
    match read_as(kind, status, body) {
        Answer::Decided(decision) => decision,
        answer @ (Answer::Refused(_) | Answer::Strange(_)) => panic!("{answer:?}"),
    }
}

#[test]
fn a_win_is_read_with_its_type_day_and_code() {
    let won = decided(Kind::Claim, 201, WON);
    assert_eq!((won.day, won.repeated, won.sampled), (20_261_201, false, None));
    let coupon = won.coupon.expect("a coupon");
    assert_eq!((coupon.coupon_type, coupon.code.to_string().as_str()), (1, "7K3M-0000-ZZZZ-0001"));
}

#[test]
fn a_repeat_has_the_fingerprint_of_the_win_and_another_coupon_has_not() {
    let print = |status, body: &str| decided(Kind::Claim, status, body).fingerprint;
    let repeat = WON.replace("false", "true").replace("issued", "redeemed");
    assert_eq!(print(200, &repeat), print(201, WON));
    assert_ne!(print(201, &WON.replace("0001", "0002")), print(201, WON));
}

#[test]
fn a_draw_is_read_with_what_its_odds_chose_whether_it_wins_or_not() {
    let lost = decided(Kind::Draw, 201, LOST);
    assert_eq!((lost.coupon, lost.sampled), (None, None));
    let late = LOST.replace("\"sampled\":null", "\"sampled\":\"a\"");
    assert_eq!(decided(Kind::Draw, 201, &late).sampled, Some(0));
    assert_ne!(decided(Kind::Draw, 201, &late).fingerprint, lost.fingerprint);
    let won = WON.replace("claim_id", "draw_id").replace("\"repeated\"", "\"sampled\":\"b\",\"repeated\"");
    assert_eq!(decided(Kind::Draw, 201, &won).sampled, Some(1));
    for wrong in [won.replace("\"sampled\":\"b\"", "\"sampled\":\"a\""), LOST.replace("no_coupon", "won")] {
        assert_eq!(read_as(Kind::Draw, 201, &wrong), Answer::Strange(Strange::Contradiction), "{wrong}");
    }
    assert_eq!(read_as(Kind::Draw, 201, WON), Answer::Strange(Strange::Body(201)));
}

#[test]
fn a_refusal_is_read_by_its_code() {
    let problem = r#"{"type":"about:blank","status":409,"code":"sold_out"}"#;
    assert_eq!(read_as(Kind::Claim, 409, problem), Answer::Refused("sold_out".into()));
}

#[test]
fn what_breaks_the_contract_is_strange() {
    let strange = |status, body: &str, what| assert_eq!(read_as(Kind::Claim, status, body), Answer::Strange(what));
    strange(500, "", Strange::Status(500));
    strange(409, "", Strange::Body(409));
    strange(201, "{}", Strange::Body(201));
    strange(200, WON, Strange::Contradiction);
    strange(201, &WON.replace("\"won\"", "\"no_coupon\""), Strange::Contradiction);
    strange(201, &WON.replace("007", "008"), Strange::Misdirected);
    strange(201, &WON.replace("spring", "summer"), Strange::Misdirected);
    strange(201, &WON.replace("\"b\"", "\"c\""), Strange::CouponType);
    strange(201, &WON.replace("7K3M", "7K3U"), Strange::Form);
    strange(201, &WON.replace("7K3M-", "7K3M0"), Strange::Form);
    strange(201, &WON.replace("2026-12-01T", "2026-12-01 "), Strange::Form);
}
