//! Coupons run out: in the order of their issue, as events, also for the time that nobody was there.

use std::time::Duration;

use landrush_engine::campaign::{CampaignBuilder, CampaignDefinition, Return};
use landrush_engine::command::Command;
use landrush_engine::event::{Change, Event};
use landrush_engine::id::TypeIndex;
use landrush_engine::outcome::{CouponState, Outcome, Refusal};
use landrush_engine::shard::Due;
use landrush_engine::time::{Day, Timestamp};

use crate::shop::{DAY_MS, HOUR_MS, NOON_MS, RUSH, Shop, at, coupon, redeem, refused, repeated_claim, won};

/// Nine coupons that live for an hour.
fn hourly() -> CampaignBuilder {
    CampaignDefinition::builder("rush").coupon_type("a", 9).valid_for(Duration::from_millis(HOUR_MS))
}

fn shop(builder: CampaignBuilder) -> Shop {
    Shop::new(builder.build().expect("valid"))
}

fn states<const N: usize>(shop: &mut Shop, users: [&str; N]) -> [CouponState; N] {
    users.map(|user| coupon(&repeated_claim(&shop.claim(user))).state)
}

#[test]
fn coupons_run_out_one_after_the_other() {
    let mut shop = shop(hourly());
    for user in ["ann", "bob", "cyd"] {
        won(&shop.claim(user));
        shop.now += 60_000;
    }
    assert_eq!(shop.state.next_due_at(), Some(at(NOON_MS + HOUR_MS)));
    shop.now = NOON_MS + HOUR_MS - 1;
    assert_eq!(shop.do_what_is_due(), 0);
    shop.now += 1;
    assert_eq!(shop.do_what_is_due(), 1);
    assert_eq!(
        states(&mut shop, ["ann", "bob", "cyd"]),
        [CouponState::Expired, CouponState::Issued, CouponState::Issued]
    );
    assert_eq!((shop.counts(0).expired, shop.counts(0).issued), (1, 3), "burnt");
    assert_eq!(shop.state.next_due_at(), Some(at(NOON_MS + HOUR_MS + 60_000)));
    assert_eq!(refused(&shop.redeem(0, "o-1", None)), Some(Refusal::Expired));
    shop.prove();
}

#[test]
fn a_coupon_has_run_out_by_the_clock_before_its_event() {
    let mut shop = shop(hourly());
    won(&shop.claim("ann"));
    shop.now += HOUR_MS;
    assert_eq!(refused(&shop.submit_alone(&redeem(0, "o-1", None))), Some(Refusal::Expired));
    assert_eq!(shop.counts(0).expired, 0, "its turn has not come");
    shop.prove();
}

#[test]
fn what_returns_is_issued_again_and_counts_for_its_own_day() {
    let returning = hourly().expired(Return::Restock).coupon_type("b", 1);
    let mut definition = returning.build().expect("valid");
    definition.coupon_types[0].total_quota = 2;
    definition.coupon_types[0].daily_quota = Some(2);
    let mut shop = Shop::new(definition);
    let sold_out = Some(Refusal::SoldOut);
    assert_eq!([won(&shop.claim_type("ann", 0)), won(&shop.claim_type("bob", 0))], [0, 1]);
    assert_eq!(refused(&shop.claim_type("cyd", 0)), sold_out);
    // On the day of issue the unit returns to the total and to the day.
    shop.now += HOUR_MS;
    assert_eq!(won(&shop.claim_type("cyd", 0)), 2);
    assert_eq!((shop.counts(0).issued, shop.counts(0).issued_today, shop.counts(0).expired), (1, 1, 2));
    shop.now = NOON_MS + 12 * HOUR_MS - 1;
    assert_eq!(won(&shop.claim_type("dan", 0)), 3);
    // On the next day to the total alone: the day before is closed.
    shop.now += HOUR_MS;
    assert_eq!(won(&shop.claim_type("eve", 0)), 4);
    let audit = shop.audit();
    let days: Vec<_> = audit.campaigns[0].days.iter().map(|day| day.issued[0]).collect();
    assert_eq!((days, shop.counts(0).issued_today, shop.counts(0).expired), (vec![0, 1], 1, 4));
    shop.prove();
}

/// A unit that has returned once does not return again.
#[test]
fn a_void_of_what_has_run_out_returns_nothing_twice() {
    for (returns, issued) in [(Return::Restock, 0), (Return::Burn, 1)] {
        let mut shop = shop(hourly().expired(returns));
        won(&shop.claim("ann"));
        shop.now += HOUR_MS;
        shop.do_what_is_due();
        assert_eq!((shop.counts(0).issued, shop.counts(0).expired), (issued, 1));
        assert_eq!(shop.void(0, Some(true), true), Outcome::Voided);
        assert_eq!((shop.counts(0).issued, shop.counts(0).issued_today), (0, 0));
        assert_eq!((shop.counts(0).expired, shop.counts(0).voided), (0, 1));
        assert_eq!(won(&shop.claim("ann")), 1);
        shop.prove();
    }
}

#[test]
fn after_downtime_all_run_out_in_bounded_events() {
    const CLAIMS: u32 = 10_000;
    let mut shop = shop(
        CampaignDefinition::builder("rush")
            .expected_claimants(CLAIMS)
            .coupon_type("a", CLAIMS)
            .valid_for(Duration::from_millis(HOUR_MS)),
    );
    for number in 0..CLAIMS {
        won(&shop.claim(&format!("u-{number}")));
    }
    let mut restarted = Shop { state: shop.restored(), now: NOON_MS + 9 * DAY_MS, ..shop };
    let Some(Due::Event(first)) = restarted.state.due(at(restarted.now)) else { panic!("coupons are due") };
    assert!(matches!(first.change, Change::Expired { count: 4_096, .. }), "{first:?}");
    assert_eq!(restarted.do_what_is_due(), 3);
    assert_eq!(restarted.counts(0).expired, CLAIMS);
    assert_eq!(restarted.state.next_due_at(), Some(Timestamp::MAX));
    restarted.prove();
}

/// The type that is due first goes first, and each type waits for its own.
#[test]
fn types_run_out_by_themselves() {
    let mut shop = shop(hourly().coupon_type("b", 9).valid_for(Duration::from_millis(HOUR_MS / 2)).coupon_type("c", 9));
    for (user, coupon_type) in [("ann", 0), ("bob", 1), ("cyd", 2)] {
        won(&shop.claim_type(user, coupon_type));
    }
    shop.now += HOUR_MS / 2;
    assert_eq!(shop.do_what_is_due(), 1);
    assert_eq!([0, 1, 2].map(|index| shop.counts(index).expired), [0, 1, 0]);
    shop.now += DAY_MS;
    assert_eq!(shop.do_what_is_due(), 1);
    assert_eq!([0, 1, 2].map(|index| shop.counts(index).expired), [1, 1, 0]);
    shop.prove();
}

/// One that was issued under a clock set back waits for the one before it; nobody can redeem it meanwhile.
#[test]
fn the_order_of_issue_holds_under_a_clock_set_back() {
    let mut shop = shop(hourly());
    won(&shop.claim("ann"));
    shop.now -= HOUR_MS / 2;
    won(&shop.claim("bob"));
    shop.now = NOON_MS + HOUR_MS / 2;
    assert_eq!(shop.do_what_is_due(), 0);
    assert_eq!(states(&mut shop, ["ann", "bob"]), [CouponState::Issued, CouponState::Expired]);
    assert_eq!(refused(&shop.redeem(1, "o-1", None)), Some(Refusal::Expired));
    shop.now = NOON_MS + HOUR_MS;
    assert_eq!(shop.do_what_is_due(), 1);
    assert_eq!(shop.counts(0).expired, 2);
    // What has run out stays so, whatever the clock says.
    shop.now = NOON_MS;
    assert_eq!(states(&mut shop, ["ann", "bob"]), [CouponState::Expired; 2]);
    shop.prove();
}

#[test]
fn coupons_outlive_their_campaign_until_they_run_out() {
    let mut shop = shop(hourly().open(at(NOON_MS), at(NOON_MS + 1)));
    won(&shop.claim("ann"));
    shop.now += 1_001;
    assert_eq!(shop.do_what_is_due(), 1);
    let archive = Command::Archive { campaign: RUSH, dry_run: false };
    let until = Some(at(NOON_MS + HOUR_MS));
    assert_eq!(refused(&shop.submit(&archive)), Some(Refusal::StillLive { until }));
    assert!(matches!(shop.redeem(0, "o-1", None), Outcome::Redeemed(_)));
    assert_eq!(shop.submit(&archive), Outcome::Archived, "nothing lives any more");
    assert_eq!(shop.state.next_due_at(), None);
    shop.prove();
}

#[test]
fn nothing_runs_out_that_was_never_handed_out() {
    let mut shop = shop(hourly());
    won(&shop.claim("ann"));
    let change = |coupon_type, count| {
        let day = Day(0);
        Event {
            campaign: RUSH,
            at: at(shop.now),
            change: Change::Expired { coupon_type: TypeIndex(coupon_type), count, day },
        }
    };
    for event in [change(0, 2), change(0, u32::MAX), change(1, 1)] {
        assert!(shop.state.clone().apply(&event).is_err(), "{event:?}");
    }
    assert!(shop.state.clone().apply(&change(0, 1)).is_ok());
}
