//! Each planted fault is found and named; an honest history has none.

use super::*;

fn ledger(limit: u32, quota: u64, daily_quota: Option<u64>) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.add(Rules {
        campaign: "spring".into(),
        kind: Kind::Claim,
        coupon_types: vec!["a".into()],
        total_quota: vec![quota],
        daily_quota,
        limit,
    });
    ledger
}

fn key(user: u64) -> ClaimKey {
    ClaimKey { campaign: 0, user, key: 0 }
}

fn code(number: u8) -> Code {
    Code::parse(&format!("0000-0000-0000-00{number:02}")).expect("a code")
}

fn win(number: u8, repeated: bool) -> Decision {
    let coupon = Some(Coupon { code: code(number), coupon_type: 0 });
    Decision { coupon, sampled: None, day: 20_261_201, fingerprint: u64::from(number), repeated }
}

/// A draw without a coupon, for which the odds chose the type `sampled`.
fn lost(sampled: Option<u16>, repeated: bool) -> Decision {
    Decision { coupon: None, sampled, day: 20_261_201, fingerprint: 1_000, repeated }
}

#[track_caller]
fn check(ledger: &Ledger, expected: &[Violation]) {
    assert_eq!(ledger.violations(), expected);
}

#[test]
fn an_honest_history_has_no_violation() {
    let mut ledger = ledger(1, 2, Some(2));
    ledger.decided(key(1), win(1, true));
    ledger.decided(key(1), win(1, false));
    ledger.decided(key(2), win(2, false));
    ledger.decided(key(2), win(2, true));
    ledger.refused(key(3), "sold_out", false);
    for user in 1..=3 {
        ledger.settle(key(user));
    }
    ledger.compare(0, &[0]);
    check(&ledger, &[]);
    assert_eq!(ledger.decisions(), [key(1), key(2)]);
}

#[test]
fn a_user_with_two_coupons_is_found() {
    let mut ledger = ledger(1, 9, None);
    ledger.decided(key(1), win(1, false));
    ledger.decided(key(1), win(2, false));
    check(&ledger, &[Violation::WonTwice { key: key(1), first: code(1), second: code(2) }]);
}

#[test]
fn a_coupon_called_new_twice_is_found() {
    let mut ledger = ledger(1, 9, None);
    ledger.decided(key(1), win(1, false));
    ledger.decided(key(1), win(1, false));
    check(&ledger, &[Violation::NewTwice { key: key(1), code: Some(code(1)) }]);
}

#[test]
fn a_coupon_never_called_new_is_found_unless_an_answer_is_missing() {
    let mut ledger = ledger(1, 9, None);
    ledger.decided(key(1), win(1, true));
    ledger.settle(key(1));
    ledger.unknown(key(2));
    ledger.decided(key(2), win(2, true));
    ledger.settle(key(2));
    check(&ledger, &[Violation::NeverNew { key: key(1), code: Some(code(1)) }]);
    ledger.decided(key(2), win(2, false));
    assert_eq!(ledger.violations().last(), Some(&Violation::NewTwice { key: key(2), code: Some(code(2)) }));
}

#[test]
fn a_code_given_to_two_users_is_found() {
    let mut ledger = ledger(1, 9, None);
    ledger.decided(key(1), win(1, false));
    ledger.decided(key(2), win(1, false));
    check(&ledger, &[Violation::SameCode { code: code(1), first: key(1), second: key(2) }]);
}

#[test]
fn a_repeat_with_other_words_is_found() {
    let mut ledger = ledger(1, 9, None);
    ledger.decided(key(1), win(1, false));
    ledger.decided(key(1), Decision { fingerprint: 77, ..win(1, true) });
    check(&ledger, &[Violation::AnswerChanged { key: key(1), code: Some(code(1)) }]);
}

#[test]
fn overselling_is_found() {
    let mut ledger = ledger(1, 2, None);
    for number in 1..=3 {
        ledger.decided(key(number.into()), win(number, false));
    }
    check(&ledger, &[Violation::OverQuota { coupon_type: "a".into(), wins: 3, quota: 2 }]);
}

#[test]
fn overselling_a_day_is_found_and_the_next_day_is_another() {
    let mut ledger = ledger(1, 9, Some(1));
    ledger.decided(key(1), win(1, false));
    ledger.decided(key(2), Decision { day: 20_261_202, ..win(2, false) });
    check(&ledger, &[]);
    ledger.decided(key(3), win(3, false));
    check(&ledger, &[Violation::OverDailyQuota { coupon_type: "a".into(), day: 20_261_201, wins: 2, quota: 1 }]);
}

#[test]
fn more_keys_than_the_limit_are_found() {
    let mut ledger = ledger(3, 9, None);
    for number in 1..=4 {
        ledger.decided(ClaimKey { key: number, ..key(1) }, win(u8::try_from(number).expect("small"), false));
    }
    check(&ledger, &[Violation::OverLimit { key: ClaimKey { key: 4, ..key(1) }, wins: 4, limit: 3 }]);
}

#[test]
fn a_lost_win_is_found_and_a_refusal_that_raced_the_win_is_none() {
    let mut ledger = ledger(1, 9, None);
    ledger.decided(key(1), win(1, false));
    ledger.refused(key(1), "overloaded", false);
    check(&ledger, &[]);
    ledger.refused(key(1), "sold_out", true);
    check(&ledger, &[Violation::Lost { key: key(1), code: Some(code(1)), told: "sold_out".into() }]);
}

#[test]
fn counts_that_do_not_add_up_are_found() {
    let mut ledger = ledger(1, 9, None);
    ledger.decided(key(1), win(1, false));
    ledger.compare(0, &[8]);
    check(&ledger, &[]);
    ledger.compare(0, &[7]);
    let (told, remaining, quota) = (vec![1], vec![7], vec![9]);
    check(&ledger, &[Violation::CountsDiffer { campaign: "spring".into(), told, remaining, quota }]);
}

#[test]
fn sold_out_with_stock_left_is_found() {
    let mut ledger = ledger(1, 9, None);
    ledger.decided(key(1), win(1, false));
    ledger.refused(key(2), "sold_out", false);
    ledger.compare(0, &[8]);
    check(&ledger, &[Violation::RefusedWithStock { campaign: "spring".into(), wins: 1, quota: 9 }]);
}

#[test]
fn a_limit_reached_too_early_is_found() {
    let mut ledger = ledger(2, 9, None);
    ledger.decided(ClaimKey { key: 1, ..key(1) }, win(1, false));
    ledger.refused(ClaimKey { key: 3, ..key(1) }, "limit_reached", false);
    ledger.decided(ClaimKey { key: 1, ..key(2) }, win(2, false));
    ledger.decided(ClaimKey { key: 2, ..key(2) }, win(3, false));
    ledger.refused(ClaimKey { key: 3, ..key(2) }, "limit_reached", false);
    ledger.compare(0, &[6]);
    check(&ledger, &[Violation::RefusedBelowLimit { key: key(1), wins: 1, limit: 2 }]);
}

#[test]
fn a_refusal_without_reason_is_found() {
    let mut ledger = ledger(1, 9, None);
    ledger.refused(key(1), "not_found", false);
    check(&ledger, &[Violation::UnexpectedRefusal { key: key(1), code: "not_found".into() }]);
}

#[test]
fn a_draw_that_changes_is_found() {
    let told = |first, then| {
        let mut ledger = ledger(1, 9, None);
        ledger.decided(key(1), first);
        ledger.decided(key(1), then);
        ledger.violations().to_vec()
    };
    assert_eq!(told(lost(None, false), lost(None, true)), []);
    assert_eq!(told(lost(None, false), win(1, true)), [Violation::WonLater { key: key(1), code: code(1) }]);
    let gone = Violation::Lost { key: key(1), code: Some(code(1)), told: "no_coupon".into() };
    assert_eq!(told(win(1, false), lost(None, true)), [gone]);
    assert_eq!(told(lost(None, false), lost(None, false)), [Violation::NewTwice { key: key(1), code: None }]);
    let other = Decision { fingerprint: 7, ..lost(Some(0), true) };
    assert_eq!(told(lost(None, false), other), [Violation::AnswerChanged { key: key(1), code: None }]);
}

#[test]
fn a_lost_draw_that_is_forgotten_is_found() {
    let mut ledger = ledger(1, 9, None);
    ledger.decided(key(1), lost(None, false));
    ledger.refused(key(1), "limit_reached", true);
    check(&ledger, &[Violation::Lost { key: key(1), code: None, told: "limit_reached".into() }]);
}

#[test]
fn a_draw_is_never_sold_out() {
    let mut ledger = ledger(1, 9, None);
    ledger.rules[0].kind = Kind::Draw;
    ledger.refused(key(1), "sold_out", false);
    check(&ledger, &[Violation::UnexpectedRefusal { key: key(1), code: "sold_out".into() }]);
}

#[test]
fn a_draw_that_gets_nothing_of_a_type_with_stock_is_found() {
    let mut ledger = ledger(1, 2, None);
    ledger.decided(key(1), Decision { sampled: Some(0), ..win(1, false) });
    ledger.decided(key(2), lost(Some(0), false));
    ledger.compare(0, &[1]);
    check(&ledger, &[Violation::WithheldWithStock { coupon_type: "a".into(), wins: 1, quota: 2 }]);
    ledger.violations.clear();
    ledger.decided(key(3), Decision { sampled: Some(0), ..win(2, false) });
    ledger.compare(0, &[0]);
    check(&ledger, &[]);
}

#[test]
fn what_is_not_answered_again_is_said_to_be_lost_by_nobody() {
    let mut ledger = ledger(1, 9, None);
    ledger.decided(key(1), win(1, false));
    ledger.unknown(key(2));
    ledger.not_confirmed(key(1));
    ledger.not_confirmed(key(2));
    let told = Violation::NotConfirmed { key: key(1), code: Some(code(1)) };
    check(&ledger, &[told, Violation::NotSettled { key: key(2) }]);
    let words = ledger.violations()[1].to_string();
    assert!(words.contains("not known") && !words.contains("win"), "{words}");
}
