//! Holds: for how long, when they end by themselves, and what they keep alive.

use std::time::Duration;

use landrush_engine::command::{Command, CouponPlace, Settlement};
use landrush_engine::id::{RedemptionNumber, Serial};
use landrush_engine::outcome::{CouponState, Outcome, RedemptionState, Refusal};
use landrush_engine::shard::HOLD_MAX;

use crate::redemptions::{HOLD, HOLD_MS, LIFE_MS, first_redemption, shop};
use crate::shop::{NOON_MS, RUSH, Shop, at, coupon, redeem, redeemed, refused, settle, stands, won};

#[test]
fn a_hold_ends_by_itself_at_its_moment() {
    let mut shop = shop();
    let hold = shop.redeem(0, "o-1", HOLD);
    assert_eq!(redeemed(&hold).expires_at, Some(at(NOON_MS + HOLD_MS)));
    shop.now += HOLD_MS - 1;
    assert_eq!(shop.do_what_is_due(), 0);
    assert_eq!(refused(&shop.redeem(0, "o-2", None)), Some(Refusal::Reserved));
    let mut in_time = shop.clone();
    assert_eq!(stands(&in_time.settle(0, Settlement::Confirm)).0, RedemptionState::Confirmed);
    in_time.now += HOLD_MS;
    assert_eq!(in_time.coupon_state(0), CouponState::Redeemed, "a confirmed hold does not end");
    in_time.prove();
    shop.now += 1;
    assert_eq!(shop.coupon(0).redemption.expect("there was one").state, RedemptionState::Expired);
    assert_eq!(shop.coupon_state(0), CouponState::Issued);
    shop.prove();
}

/// So much may be due that a hold's turn has not come: who asks for it gets what the clock says.
#[test]
fn a_hold_is_over_by_the_clock_before_its_event() {
    let over = |shop: &mut Shop| shop.now += HOLD_MS;
    let check = |command: Command, expected: &dyn Fn(&Outcome), events: usize| {
        let mut shop = first_redemption(RedemptionState::Reserved);
        over(&mut shop);
        let before = shop.log.len();
        expected(&shop.submit_alone(&command));
        assert_eq!(shop.log.len(), before + events, "{command:?}");
        shop.do_what_is_due();
        shop.prove();
    };
    let read = Command::Coupon { campaign: RUSH, coupon: CouponPlace::Claim(Serial(0)) };
    let is_issued = |outcome: &Outcome| {
        let Outcome::Coupon(item) = outcome else { panic!("no coupon: {outcome:?}") };
        assert_eq!(coupon(&item.claim).state, CouponState::Issued);
        assert_eq!(item.redemption.as_ref().map(|hold| hold.state), Some(RedemptionState::Expired));
    };
    check(read, &is_issued, 0);
    let is_late = |outcome: &Outcome| assert_eq!(refused(outcome), Some(Refusal::HoldExpired));
    check(settle(0, Settlement::Confirm), &is_late, 1);
    let is_new = |outcome: &Outcome| assert_eq!(redeemed(outcome).number, RedemptionNumber(1));
    check(redeem(0, "o-2", None), &is_new, 2);
    check(redeem(0, "o-1", HOLD), &is_new, 2);
    let void = Command::Void { campaign: RUSH, claim: Serial(0), restock: None, allow_again: false };
    check(void, &|outcome| assert_eq!(*outcome, Outcome::Voided), 2);
}

#[test]
fn a_hold_outlives_its_coupon() {
    let mut shop = shop();
    shop.now += LIFE_MS - 1;
    assert_eq!(redeemed(&shop.redeem(0, "o-1", HOLD)).state, RedemptionState::Reserved);
    shop.now += HOLD_MS - 1;
    assert_eq!(shop.do_what_is_due(), 1, "the coupon's time is over");
    assert_eq!(shop.coupon_state(0), CouponState::Reserved);
    assert_eq!(shop.counts(0).expired, 0);
    let mut confirmed = shop.clone();
    assert_eq!(stands(&confirmed.settle(0, Settlement::Confirm)), (RedemptionState::Confirmed, CouponState::Redeemed));
    confirmed.prove();
    let mut released = shop.clone();
    assert_eq!(stands(&released.settle(0, Settlement::Release)), (RedemptionState::Released, CouponState::Expired));
    assert_eq!(released.counts(0).expired, 1);
    released.prove();
    shop.now += 1;
    assert_eq!(refused(&shop.redeem(0, "o-1", HOLD)), Some(Refusal::Expired), "a hold that lapsed is no way back");
    assert_eq!((shop.coupon_state(0), shop.counts(0).expired), (CouponState::Expired, 1));
    shop.prove();
}

#[test]
fn holds_are_whole_milliseconds_within_bounds() {
    for (asked, granted) in [
        (Duration::ZERO, Duration::from_millis(1)),
        (Duration::from_micros(300), Duration::from_millis(1)),
        (Duration::from_micros(2_700), Duration::from_millis(2)),
        (HOLD_MAX, HOLD_MAX),
        (HOLD_MAX + Duration::from_secs(1), HOLD_MAX),
    ] {
        let mut shop = shop();
        assert_eq!(redeemed(&shop.redeem(0, "o-1", Some(asked))).hold, Some(granted));
        assert!(matches!(shop.redeem(0, "o-1", Some(asked)), Outcome::Redemption(_)), "it is the same order");
        shop.prove();
    }
}

/// As after a restart under a clock that was set back: the hold ends by the new clock.
#[test]
fn a_hold_under_a_clock_set_back_is_sound() {
    let mut shop = shop();
    shop.now += LIFE_MS / 2;
    won(&shop.claim("bob"));
    shop.now = NOON_MS;
    assert_eq!(redeemed(&shop.redeem(0, "o-1", HOLD)).expires_at, Some(at(NOON_MS + HOLD_MS)));
    shop.prove();
    shop.now += HOLD_MS;
    assert_eq!(shop.coupon_state(0), CouponState::Issued);
    shop.prove();
}

#[test]
fn a_campaign_with_a_hold_is_not_archived() {
    let mut shop = shop();
    shop.now += LIFE_MS - 1;
    shop.redeem(0, "o-1", HOLD);
    shop.cancel(false);
    shop.now += 1;
    let archive = Command::Archive { campaign: RUSH, dry_run: false };
    let until = Some(at(NOON_MS + LIFE_MS - 1 + HOLD_MS));
    assert_eq!(refused(&shop.submit(&archive)), Some(Refusal::StillLive { until }));
    shop.now += HOLD_MS - 1;
    assert_eq!(shop.submit(&archive), Outcome::Archived);
    shop.prove();
}
