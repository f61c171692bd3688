//! Each planted fault is found and named; an honest checkout has none.

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::checkout::phase::SLACK;
use crate::checkout::told::{CouponState, Redemption, State};

fn code() -> Code {
    Code::parse("0000-0000-0000-0001").expect("a code")
}

/// So many milliseconds after some moment.
fn at(milliseconds: i64) -> Timestamp {
    let start: Timestamp = "2026-12-01T00:00:00Z".parse().expect("a time");
    start + SignedDuration::from_millis(milliseconds)
}

/// Sent and answered at once, so many milliseconds after that moment.
fn when(milliseconds: i64) -> When {
    When { sent: at(milliseconds), heard: at(milliseconds) }
}

fn redeem(order: u64) -> Step {
    Step::Redeem { order, hold_s: None }
}

/// A hold of one second.
fn hold(order: u64) -> Step {
    Step::Redeem { order, hold_s: Some(1) }
}

fn settle(id: u64, how: Settlement) -> Step {
    Step::Settle { id: format!("r-{id}"), how }
}

/// Redemption `r-<order>`.
fn redemption(order: u64, state: State, is_new: bool) -> Told {
    Told::Redemption(Redemption { id: format!("r-{order}"), order, state, expires_at: None, is_new })
}

/// Redemption `r-<order>`, held until so many milliseconds after that moment.
fn held(order: u64, until: i64, is_new: bool) -> Told {
    let expires_at = Some(at(until));
    Told::Redemption(Redemption { id: format!("r-{order}"), order, state: State::Reserved, expires_at, is_new })
}

fn refused(code: &str) -> Told {
    Told::Refused(code.into())
}

fn seen(state: CouponState) -> Told {
    Told::Coupon { state, latest: None }
}

struct Shop(Till);

impl Shop {
    fn new() -> Self {
        let mut till = Till::default();
        till.take_up(code(), 1);
        Self(till)
    }

    /// A coupon that order 1 has redeemed.
    fn redeemed() -> Self {
        Self::new().then(0, redeem(1), redemption(1, State::Confirmed, true))
    }

    /// A coupon that order 1 holds until 1,000.
    fn held() -> Self {
        Self::new().then(0, hold(1), held(1, 1_000, true))
    }

    fn then(mut self, milliseconds: i64, step: Step, told: Told) -> Self {
        self.0.sent(code());
        self.0.answered(code(), step, when(milliseconds), told);
        self
    }

    /// A step without an answer.
    fn lost(mut self, milliseconds: i64, step: Step) -> Self {
        self.0.sent(code());
        self.0.unanswered(code(), step, when(milliseconds));
        self
    }

    /// Steps that were all on their way at once.
    fn at_once(mut self, milliseconds: i64, steps: &[(Step, Option<Told>)]) -> Self {
        for _ in steps {
            self.0.sent(code());
        }
        for (step, told) in steps.iter().cloned() {
            match told {
                Some(told) => self.0.answered(code(), step, when(milliseconds), told),
                None => self.0.unanswered(code(), step, when(milliseconds)),
            }
        }
        self
    }

    #[track_caller]
    fn sound(self) -> Self {
        assert_eq!(self.0.violations(), []);
        self
    }

    #[track_caller]
    fn found(self, words: &str) {
        let [violation] = self.0.violations() else { panic!("not one violation: {:?}", self.0.violations()) };
        let said = violation.to_string();
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn an_honest_checkout_has_no_violation() {
    let shop = Shop::held()
        .then(10, hold(1), held(1, 1_000, false))
        .then(20, redeem(2), refused("reserved"))
        .then(30, Step::Look, seen(CouponState::Reserved))
        .then(40, settle(1, Settlement::Reverse), refused("not_confirmed"))
        .then(50, settle(1, Settlement::Release), redemption(1, State::Released, false))
        .then(60, settle(1, Settlement::Confirm), refused("already_released"))
        .then(70, hold(3), held(3, 1_070, true))
        .then(2_000, settle(3, Settlement::Confirm), refused("hold_expired"))
        .then(2_010, settle(3, Settlement::Release), redemption(3, State::Expired, false))
        .then(2_020, Step::Look, seen(CouponState::Issued))
        .then(2_030, hold(4), held(4, 3_030, true))
        .then(2_040, settle(4, Settlement::Confirm), redemption(4, State::Confirmed, false))
        .then(9_000, settle(4, Settlement::Release), refused("already_confirmed"))
        .then(9_010, redeem(5), refused("already_redeemed"))
        .then(9_020, Step::Look, seen(CouponState::Redeemed))
        .then(9_030, settle(4, Settlement::Reverse), redemption(4, State::Reversed, false))
        .then(9_040, settle(4, Settlement::Confirm), refused("already_reversed"))
        .then(9_050, redeem(6), redemption(6, State::Confirmed, true))
        .then(9_060, redeem(6), redemption(6, State::Confirmed, false))
        .sound();
    assert_eq!(shop.0.answers(), 20);
}

#[test]
fn a_coupon_that_two_orders_redeem_is_found() {
    let two = "went to two orders: o-1 has it, and o-2 got it";
    Shop::redeemed().then(10, redeem(2), redemption(2, State::Confirmed, true)).found(two);
    Shop::held().then(10, redeem(2), redemption(2, State::Confirmed, true)).found(two);
}

#[test]
fn of_several_orders_at_once_exactly_one_gets_the_coupon() {
    let got = |order| (redeem(order), Some(redemption(order, State::Confirmed, true)));
    let turned_away = |order| (redeem(order), Some(refused("already_redeemed")));
    Shop::new().at_once(0, &[turned_away(1), got(2), turned_away(3)]).sound();
    Shop::new().at_once(0, &[got(1), turned_away(2), got(3)]).found("went to two orders: o-1 has it, and o-3 got it");
    Shop::new().at_once(0, &[turned_away(1), turned_away(2)]).found("is free, and o-1 could not have it");
    // The one that was not answered may have been first.
    Shop::new().at_once(0, &[turned_away(1), (redeem(2), None)]).sound();
}

#[test]
fn a_redemption_that_is_forgotten_is_found() {
    let lost = "lost redemption: coupon 0000-0000-0000-0001 was redeemed by o-1";
    Shop::redeemed().then(10, Step::Look, seen(CouponState::Issued)).found(lost);
    Shop::redeemed().then(10, redeem(1), redemption(9, State::Confirmed, true)).found(lost);
    let as_new = Told::Redemption(Redemption {
        id: "r-9".into(),
        order: 1,
        state: State::Confirmed,
        expires_at: None,
        is_new: true,
    });
    Shop::redeemed().then(10, redeem(1), as_new).found(lost);
    Shop::redeemed().then(10, settle(1, Settlement::Reverse), refused("not_confirmed")).found(lost);
    let latest = Some(("r-1".to_owned(), 1, State::Reversed));
    Shop::redeemed().then(10, Step::Look, Told::Coupon { state: CouponState::Redeemed, latest }).found(lost);
}

#[test]
fn a_hold_that_outlives_its_end_is_found_but_for_some_slack() {
    let slack = i64::try_from(SLACK.as_millis()).expect("a moment");
    for (step, told) in [
        (redeem(2), refused("reserved")),
        (redeem(1), refused("idempotency_key_reused")),
        (Step::Look, seen(CouponState::Reserved)),
        (settle(1, Settlement::Confirm), redemption(1, State::Confirmed, false)),
        (hold(1), held(1, 1_000, false)),
    ] {
        Shop::held().then(1_000 + slack, step.clone(), told.clone()).sound();
        let late = Shop::held().then(1_001 + slack, step, told);
        late.found("was held for o-1 until 2026-12-01T00:00:01.000Z, and after that");
    }
}

#[test]
fn a_hold_that_ends_early_is_found_but_for_some_slack() {
    let slack = i64::try_from(SLACK.as_millis()).expect("a moment");
    for (step, told) in [
        (Step::Look, seen(CouponState::Issued)),
        (settle(1, Settlement::Confirm), refused("hold_expired")),
        (settle(1, Settlement::Release), redemption(1, State::Expired, false)),
    ] {
        Shop::held().then(1_000 - slack, step.clone(), told.clone()).sound();
        let early = Shop::held().then(999 - slack, step, told);
        early.found("is held for o-1 until 2026-12-01T00:00:01.000Z, and before that");
    }
    Shop::held().then(1_000 - slack, redeem(2), redemption(2, State::Confirmed, true)).sound();
}

#[test]
fn a_hold_of_another_length_than_asked_for_is_found() {
    Shop::new().then(0, hold(1), held(1, 2_000, true)).found("can only be free");
    Shop::new().then(0, hold(1), redemption(1, State::Confirmed, true)).found("can only be free");
    Shop::new().then(0, redeem(1), held(1, 1_000, true)).found("can only be free");
}

#[test]
fn an_order_is_told_of_another_body_only_while_it_holds_the_coupon_and_sends_one() {
    let reused = || refused("idempotency_key_reused");
    Shop::held().then(10, redeem(1), reused()).sound();
    Shop::held().then(10, hold(1), reused()).found("can only be held for o-1");
    Shop::held().then(10, redeem(2), reused()).found("can only be held for o-1");
    Shop::redeemed().then(10, redeem(1), reused()).found("lost redemption");
}

#[test]
fn a_coupon_that_came_back_can_be_had_again() {
    let released = || Shop::held().then(10, settle(1, Settlement::Release), redemption(1, State::Released, false));
    let reversed = || Shop::redeemed().then(10, settle(1, Settlement::Reverse), redemption(1, State::Reversed, false));
    for (name, shop) in [("released", released()), ("given back", reversed())] {
        shop.then(20, redeem(2), refused("already_redeemed")).found(&format!("is {name} by o-1, and o-2 could not"));
    }
    for shop in [released(), reversed()] {
        shop.then(20, redeem(2), redemption(2, State::Confirmed, true)).sound();
    }
    Shop::held().then(5_000, redeem(2), redemption(2, State::Confirmed, true)).sound();
    // A released order may come back, and is a new redemption; a cancelled one stays what it is.
    released().then(20, redeem(1), redemption(1, State::Confirmed, true)).found("can only be released");
    reversed().then(20, redeem(1), redemption(1, State::Reversed, false)).sound();
    reversed().then(20, redeem(1), redemption(1, State::Confirmed, true)).found("can only be given back");
}

#[test]
fn a_step_without_an_answer_is_settled_by_repeating_it() {
    for (told, state) in [(true, "201"), (false, "200")] {
        let shop = Shop::new().lost(0, redeem(1)).sound();
        assert_eq!((shop.0.phase(code()), shop.0.doubtful()), (None, vec![(code(), redeem(1))]), "{state}");
        let shop = shop.then(10, redeem(1), redemption(1, State::Confirmed, told)).sound();
        assert_eq!(shop.0.doubtful(), []);
        shop.then(20, Step::Look, seen(CouponState::Issued)).found("lost redemption");
    }
    let confirm = || Shop::held().lost(10, settle(1, Settlement::Confirm));
    confirm().then(5_000, settle(1, Settlement::Confirm), redemption(1, State::Confirmed, false)).sound();
    confirm().then(5_000, settle(1, Settlement::Confirm), refused("hold_expired")).sound();
    confirm().then(20, Step::Look, seen(CouponState::Issued)).found("can only be held for o-1 until");
    // Confirmed too late to be true.
    let late = Shop::held().lost(5_000, settle(1, Settlement::Confirm));
    late.then(5_010, settle(1, Settlement::Confirm), redemption(1, State::Confirmed, false)).found("and after that");
}

#[test]
fn of_orders_in_doubt_at_once_only_one_has_the_coupon() {
    let crashed = || Shop::new().at_once(0, &[(redeem(1), None), (redeem(2), None)]);
    let found = |order| redemption(order, State::Confirmed, false);
    let first = |order| redemption(order, State::Confirmed, true);
    let one = crashed().then(10, redeem(1), refused("already_redeemed")).then(20, redeem(2), found(2)).sound();
    assert_eq!(one.0.doubtful(), []);
    crashed().then(10, redeem(1), first(1)).then(20, redeem(2), refused("already_redeemed")).sound();
    crashed().then(10, redeem(1), found(1)).then(20, redeem(2), found(2)).found("lost redemption");
    // Nothing happened, and then something had.
    crashed().then(10, redeem(1), first(1)).then(20, redeem(2), found(2)).found("lost redemption");
}

#[test]
fn what_was_refused_in_passing_has_done_nothing_and_a_full_disk_leaves_a_doubt() {
    let shop = Shop::held().then(10, settle(1, Settlement::Confirm), refused("overloaded")).sound();
    assert!(shop.0.phase(code()).is_some_and(Phase::is_held));
    let shop = shop.then(20, settle(1, Settlement::Confirm), refused("log_unavailable")).sound();
    assert_eq!(shop.0.doubtful(), [(code(), settle(1, Settlement::Confirm))]);
    let mut shop = shop;
    shop.0.not_settled(code(), &settle(1, Settlement::Confirm));
    shop.found("what it did is not known");
}

#[test]
fn a_strange_answer_is_found() {
    Shop::new()
        .then(0, Step::Look, Told::Strange("status 500"))
        .found("\"show the coupon\" was answered with status 500");
    Shop::new().then(0, Step::Look, seen(CouponState::Void)).found("can only be free");
}

#[test]
fn what_is_held_is_looked_at_after_every_restart() {
    let mut shop = Shop::held();
    assert_eq!(shop.0.take_touched(), [code()].into());
    assert_eq!(shop.0.take_touched(), [code()].into());
    let mut shop = shop.then(10, settle(1, Settlement::Confirm), redemption(1, State::Confirmed, false));
    assert_eq!(shop.0.take_touched(), [code()].into());
    assert_eq!(shop.0.take_touched(), BTreeSet::new());
}
