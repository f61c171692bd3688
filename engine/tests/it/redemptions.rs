//! Redemptions: at once or with a hold, confirmed, released, reversed, repeated, and what stands in their way.

use std::time::Duration;

use landrush_engine::campaign::{CampaignBuilder, CampaignDefinition, CampaignPatch, Return};
use landrush_engine::command::{Command, Redeem, Settlement};
use landrush_engine::id::{RedemptionNumber, UserId};
use landrush_engine::outcome::{CouponState, Outcome, RedemptionState, Refusal};

use crate::shop::{HOUR_MS, Shop, redeem, redeemed, refused, stands, won};

pub(crate) const HOLD: Option<Duration> = Some(Duration::from_millis(HOLD_MS));
pub(crate) const HOLD_MS: u64 = 600_000;
pub(crate) const LIFE_MS: u64 = HOUR_MS;

/// One coupon of Ann's that lives for an hour.
pub(crate) fn shop() -> Shop {
    shop_of(CampaignDefinition::builder("rush"))
}

fn shop_of(builder: CampaignBuilder) -> Shop {
    let builder = builder.coupon_type("a", 9).valid_for(Duration::from_millis(LIFE_MS));
    let mut shop = Shop::new(builder.build().expect("valid"));
    won(&shop.claim("ann"));
    shop
}

fn by(user: &str, order: &str, hold: Option<Duration>) -> Command {
    let Command::Redeem(redeem) = redeem(0, order, hold) else { unreachable!("it is a redemption") };
    Command::Redeem(Redeem { user: Some(UserId::new(user).expect("valid")), ..redeem })
}

/// Ann's coupon with its first redemption in this state, on a clock that stands at noon or, if it had to run out, behind it.
pub(crate) fn first_redemption(state: RedemptionState) -> Shop {
    let mut shop = shop();
    match state {
        RedemptionState::Reserved => drop(shop.redeem(0, "o-1", HOLD)),
        RedemptionState::Confirmed => drop(shop.redeem(0, "o-1", None)),
        RedemptionState::Released => {
            shop.redeem(0, "o-1", HOLD);
            shop.settle(0, Settlement::Release);
        }
        RedemptionState::Expired => {
            shop.redeem(0, "o-1", HOLD);
            shop.now += HOLD_MS;
            shop.do_what_is_due();
        }
        RedemptionState::Reversed => {
            shop.redeem(0, "o-1", None);
            shop.settle(0, Settlement::Reverse);
        }
    }
    shop
}

/// Every settlement in every state: what a redemption becomes and what its coupon is then, or why not.
#[test]
fn the_whole_table_of_settlements() {
    use {CouponState as Coupon, RedemptionState as State};
    let table = [
        (State::Reserved, Settlement::Confirm, Ok((State::Confirmed, Coupon::Redeemed))),
        (State::Reserved, Settlement::Release, Ok((State::Released, Coupon::Issued))),
        (State::Reserved, Settlement::Reverse, Err(Refusal::NotConfirmed)),
        (State::Confirmed, Settlement::Confirm, Ok((State::Confirmed, Coupon::Redeemed))),
        (State::Confirmed, Settlement::Release, Err(Refusal::AlreadyConfirmed)),
        (State::Confirmed, Settlement::Reverse, Ok((State::Reversed, Coupon::Issued))),
        (State::Released, Settlement::Confirm, Err(Refusal::AlreadyReleased)),
        (State::Released, Settlement::Release, Ok((State::Released, Coupon::Issued))),
        (State::Released, Settlement::Reverse, Err(Refusal::NotConfirmed)),
        (State::Expired, Settlement::Confirm, Err(Refusal::HoldExpired)),
        (State::Expired, Settlement::Release, Ok((State::Expired, Coupon::Issued))),
        (State::Expired, Settlement::Reverse, Err(Refusal::NotConfirmed)),
        (State::Reversed, Settlement::Confirm, Err(Refusal::AlreadyReversed)),
        (State::Reversed, Settlement::Release, Err(Refusal::AlreadyReversed)),
        (State::Reversed, Settlement::Reverse, Ok((State::Reversed, Coupon::Issued))),
    ];
    for (state, settlement, expected) in table {
        let mut shop = first_redemption(state);
        for time in ["first", "second"] {
            let outcome = shop.settle(0, settlement);
            match expected {
                Ok(expected) => assert_eq!(stands(&outcome), expected, "{state:?}, {settlement:?}, {time} time"),
                Err(refusal) => assert_eq!(refused(&outcome), Some(refusal), "{state:?}, {settlement:?}, {time} time"),
            }
        }
        let redeemed = expected.is_ok_and(|(_, coupon)| coupon == Coupon::Redeemed)
            || expected.is_err() && state == State::Confirmed;
        assert_eq!(shop.counts(0).redeemed, u32::from(redeemed), "{state:?}, {settlement:?}");
        shop.prove();
    }
}

/// The same order and another one, in every state of the first redemption.
#[test]
fn the_whole_table_of_orders() {
    use RedemptionState as State;
    let table = [
        (State::Reserved, true, Some(Refusal::Reserved)),
        (State::Confirmed, true, Some(Refusal::AlreadyRedeemed)),
        (State::Released, false, None),
        (State::Expired, false, None),
        // Once confirmed, an order keeps its answer.
        (State::Reversed, true, None),
    ];
    for (state, is_repeated, other) in table {
        let hold = if matches!(state, State::Confirmed | State::Reversed) { None } else { HOLD };
        let mut shop = first_redemption(state);
        let events = shop.log.len();
        let same = shop.redeem(0, "o-1", hold);
        assert_eq!(matches!(same, Outcome::Redemption(_)), is_repeated, "{state:?}: {same:?}");
        assert_eq!(shop.log.len() == events, is_repeated, "{state:?}");
        if is_repeated {
            assert_eq!(stands(&same).0, state);
        } else {
            assert_eq!(redeemed(&same).number, RedemptionNumber(1));
        }
        let mut shop = first_redemption(state);
        assert_eq!(refused(&shop.redeem(0, "o-2", None)), other, "{state:?}");
        shop.prove();
    }
}

#[test]
fn a_repeat_with_another_body_is_refused() {
    for (hold, other) in [(HOLD, None), (None, HOLD), (HOLD, Some(Duration::from_secs(1)))] {
        let mut shop = shop();
        shop.redeem(0, "o-1", hold);
        assert_eq!(refused(&shop.redeem(0, "o-1", other)), Some(Refusal::KeyReused));
        assert_eq!(refused(&shop.submit(&by("ann", "o-1", hold))), Some(Refusal::KeyReused), "it named no user");
        assert!(matches!(shop.redeem(0, "o-1", hold), Outcome::Redemption(_)));
        shop.prove();
    }
}

#[test]
fn a_coupon_of_another_user_is_refused() {
    let mut shop = shop();
    assert_eq!(refused(&shop.submit(&by("bob", "o-1", None))), Some(Refusal::WrongUser));
    assert_eq!(redeemed(&shop.submit(&by("ann", "o-1", None))).state, RedemptionState::Confirmed);
    assert_eq!(refused(&shop.submit(&by("bob", "o-1", None))), Some(Refusal::WrongUser));
    assert!(matches!(shop.submit(&by("ann", "o-1", None)), Outcome::Redemption(_)));
    assert_eq!(refused(&shop.redeem(1, "o-1", None)), Some(Refusal::NoSuchCoupon));
    assert_eq!(refused(&shop.settle(1, Settlement::Confirm)), Some(Refusal::NoSuchRedemption));
    shop.prove();
}

#[test]
fn of_a_hundred_orders_one_wins() {
    let mut shop = shop();
    let orders: Vec<_> = (0..100).map(|number| shop.redeem(0, &format!("o-{number}"), None)).collect();
    assert_eq!(redeemed(&orders[0]).number, RedemptionNumber(0));
    assert!(orders[1..].iter().all(|outcome| refused(outcome) == Some(Refusal::AlreadyRedeemed)));
    shop.prove();
}

#[test]
fn what_is_reversed_too_late_has_run_out() {
    for (returns, issued) in [(Return::Burn, 1), (Return::Restock, 0)] {
        let mut shop = shop_of(CampaignDefinition::builder("rush").expired(returns));
        shop.redeem(0, "o-1", None);
        shop.now += LIFE_MS;
        assert_eq!(shop.coupon_state(0), CouponState::Redeemed);
        assert_eq!(stands(&shop.settle(0, Settlement::Reverse)), (RedemptionState::Reversed, CouponState::Expired));
        assert_eq!((shop.counts(0).issued, shop.counts(0).expired, shop.counts(0).redeemed), (issued, 1, 0));
        assert_eq!(refused(&shop.redeem(0, "o-2", None)), Some(Refusal::Expired));
        shop.prove();
    }
}

#[test]
fn a_void_ends_a_hold_and_not_a_redemption() {
    let mut shop = first_redemption(RedemptionState::Reserved);
    assert_eq!(shop.void(0, None, false), Outcome::Voided);
    assert_eq!(shop.coupon_state(0), CouponState::Void);
    assert_eq!(refused(&shop.settle(0, Settlement::Confirm)), Some(Refusal::Void));
    assert_eq!(stands(&shop.settle(0, Settlement::Release)), (RedemptionState::Released, CouponState::Void));
    assert_eq!(refused(&shop.redeem(0, "o-1", HOLD)), Some(Refusal::Void));
    shop.now += 2 * LIFE_MS;
    assert_eq!(shop.do_what_is_due(), 1, "it runs out with the others, and stays void");
    assert_eq!((shop.coupon_state(0), shop.counts(0).expired), (CouponState::Void, 0));
    shop.prove();
    let mut shop = first_redemption(RedemptionState::Confirmed);
    assert_eq!(refused(&shop.void(0, None, false)), Some(Refusal::AlreadyRedeemed));
    shop.settle(0, Settlement::Reverse);
    assert_eq!(shop.void(0, None, false), Outcome::Voided);
    shop.prove();
}

#[test]
fn a_revoked_campaign_keeps_what_was_redeemed_and_ends_every_hold() {
    let mut shop = shop();
    won(&shop.claim("bob"));
    won(&shop.claim("cyd"));
    shop.redeem(0, "o-1", None);
    shop.redeem(1, "o-1", HOLD);
    shop.cancel(false);
    assert_eq!(shop.coupon_state(1), CouponState::Reserved, "cancelled alone, coupons stay good");
    shop.cancel(true);
    assert_eq!(
        [0, 1, 2].map(|serial| shop.coupon_state(serial)),
        [CouponState::Redeemed, CouponState::Void, CouponState::Void]
    );
    assert_eq!(refused(&shop.settle(1, Settlement::Confirm)), Some(Refusal::Void));
    assert_eq!(refused(&shop.redeem(2, "o-1", None)), Some(Refusal::Void));
    assert_eq!(stands(&shop.settle(0, Settlement::Reverse)), (RedemptionState::Reversed, CouponState::Void));
    shop.now += 2 * LIFE_MS;
    assert_eq!(shop.do_what_is_due(), 0, "nothing of it runs out");
    shop.prove();
}

#[test]
fn paused_redemptions_answer_what_was_asked_before() {
    let mut shop = first_redemption(RedemptionState::Reserved);
    won(&shop.claim("bob"));
    let accept = |accept| CampaignPatch { accept_redemptions: Some(accept), ..CampaignPatch::default() };
    shop.patch(accept(false));
    assert_eq!(refused(&shop.redeem(1, "o-1", None)), Some(Refusal::RedemptionsPaused));
    assert!(matches!(shop.redeem(0, "o-1", HOLD), Outcome::Redemption(_)));
    assert_eq!(stands(&shop.settle(0, Settlement::Confirm)).0, RedemptionState::Confirmed, "it was granted");
    shop.patch(accept(true));
    assert_eq!(redeemed(&shop.redeem(1, "o-1", None)).state, RedemptionState::Confirmed);
    shop.prove();
}
