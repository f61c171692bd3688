//! Each planted fault is found and named; an honest history has none.

use super::*;

fn ledger(limit: u32, quota: u64, daily_quota: Option<u64>) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.add(Rules {
        campaign: "spring".into(),
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

fn win(number: u8, repeated: bool) -> Win {
    let code = Code::parse(&format!("0000-0000-0000-00{number:02}")).expect("a code");
    Win { code, coupon_type: 0, day: 20_261_201, fingerprint: u64::from(number), repeated }
}

#[track_caller]
fn check(ledger: &Ledger, expected: &[Violation]) {
    assert_eq!(ledger.violations(), expected);
}

#[test]
fn an_honest_history_has_no_violation() {
    let mut ledger = ledger(1, 2, Some(2));
    ledger.won(key(1), win(1, true));
    ledger.won(key(1), win(1, false));
    ledger.won(key(2), win(2, false));
    ledger.won(key(2), win(2, true));
    ledger.refused(key(3), "sold_out", false);
    for user in 1..=3 {
        ledger.settle(key(user));
    }
    ledger.compare(0, &[0]);
    check(&ledger, &[]);
    assert_eq!(ledger.winners(), [key(1), key(2)]);
}

#[test]
fn a_user_with_two_coupons_is_found() {
    let mut ledger = ledger(1, 9, None);
    ledger.won(key(1), win(1, false));
    ledger.won(key(1), win(2, false));
    check(&ledger, &[Violation::WonTwice { key: key(1), first: win(1, false).code, second: win(2, false).code }]);
}

#[test]
fn a_coupon_called_new_twice_is_found() {
    let mut ledger = ledger(1, 9, None);
    ledger.won(key(1), win(1, false));
    ledger.won(key(1), win(1, false));
    check(&ledger, &[Violation::NewTwice { key: key(1), code: win(1, false).code }]);
}

#[test]
fn a_coupon_never_called_new_is_found_unless_an_answer_is_missing() {
    let mut ledger = ledger(1, 9, None);
    ledger.won(key(1), win(1, true));
    ledger.settle(key(1));
    ledger.unknown(key(2));
    ledger.won(key(2), win(2, true));
    ledger.settle(key(2));
    check(&ledger, &[Violation::NeverNew { key: key(1), code: win(1, true).code }]);
    ledger.won(key(2), win(2, false));
    assert_eq!(ledger.violations().last(), Some(&Violation::NewTwice { key: key(2), code: win(2, true).code }));
}

#[test]
fn a_code_given_to_two_users_is_found() {
    let mut ledger = ledger(1, 9, None);
    ledger.won(key(1), win(1, false));
    ledger.won(key(2), win(1, false));
    check(&ledger, &[Violation::SameCode { code: win(1, false).code, first: key(1), second: key(2) }]);
}

#[test]
fn a_repeat_with_other_words_is_found() {
    let mut ledger = ledger(1, 9, None);
    ledger.won(key(1), win(1, false));
    ledger.won(key(1), Win { fingerprint: 77, ..win(1, true) });
    check(&ledger, &[Violation::AnswerChanged { key: key(1), code: win(1, true).code }]);
}

#[test]
fn overselling_is_found() {
    let mut ledger = ledger(1, 2, None);
    for number in 1..=3 {
        ledger.won(key(number.into()), win(number, false));
    }
    check(&ledger, &[Violation::OverQuota { coupon_type: "a".into(), wins: 3, quota: 2 }]);
}

#[test]
fn overselling_a_day_is_found_and_the_next_day_is_another() {
    let mut ledger = ledger(1, 9, Some(1));
    ledger.won(key(1), win(1, false));
    ledger.won(key(2), Win { day: 20_261_202, ..win(2, false) });
    check(&ledger, &[]);
    ledger.won(key(3), win(3, false));
    check(&ledger, &[Violation::OverDailyQuota { coupon_type: "a".into(), day: 20_261_201, wins: 2, quota: 1 }]);
}

#[test]
fn more_keys_than_the_limit_are_found() {
    let mut ledger = ledger(3, 9, None);
    for number in 1..=4 {
        ledger.won(ClaimKey { key: number, ..key(1) }, win(u8::try_from(number).expect("small"), false));
    }
    check(&ledger, &[Violation::OverLimit { key: ClaimKey { key: 4, ..key(1) }, wins: 4, limit: 3 }]);
}

#[test]
fn a_lost_win_is_found_and_a_refusal_that_raced_the_win_is_none() {
    let mut ledger = ledger(1, 9, None);
    ledger.won(key(1), win(1, false));
    ledger.refused(key(1), "overloaded", false);
    check(&ledger, &[]);
    ledger.refused(key(1), "sold_out", true);
    check(&ledger, &[Violation::LostWin { key: key(1), code: win(1, false).code, told: "sold_out".into() }]);
}

#[test]
fn counts_that_do_not_add_up_are_found() {
    let mut ledger = ledger(1, 9, None);
    ledger.won(key(1), win(1, false));
    ledger.compare(0, &[8]);
    check(&ledger, &[]);
    ledger.compare(0, &[7]);
    let (told, remaining, quota) = (vec![1], vec![7], vec![9]);
    check(&ledger, &[Violation::CountsDiffer { campaign: "spring".into(), told, remaining, quota }]);
}

#[test]
fn sold_out_with_stock_left_is_found() {
    let mut ledger = ledger(1, 9, None);
    ledger.won(key(1), win(1, false));
    ledger.refused(key(2), "sold_out", false);
    ledger.compare(0, &[8]);
    check(&ledger, &[Violation::RefusedWithStock { campaign: "spring".into(), wins: 1, quota: 9 }]);
}

#[test]
fn a_limit_reached_too_early_is_found() {
    let mut ledger = ledger(2, 9, None);
    ledger.won(ClaimKey { key: 1, ..key(1) }, win(1, false));
    ledger.refused(ClaimKey { key: 3, ..key(1) }, "limit_reached", false);
    ledger.won(ClaimKey { key: 1, ..key(2) }, win(2, false));
    ledger.won(ClaimKey { key: 2, ..key(2) }, win(3, false));
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
