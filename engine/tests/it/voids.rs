//! Voiding, reading claims, and nobody getting two.

use std::time::Duration;

use landrush_engine::campaign::{CampaignDefinition, Period, Return};
use landrush_engine::command::Command;
use landrush_engine::id::{Serial, UserId};
use landrush_engine::outcome::{CouponState, Outcome, Refusal};

use crate::shop::{DAY_MS, NOON_MS, RUSH, Shop, refused, repeated, repeated_claim, won};

fn state_of(outcome: &Outcome) -> CouponState {
    crate::shop::coupon(&repeated_claim(outcome)).state
}

/// Fails in a build with `--cfg sabotage="duplicate"`.
#[test]
fn nobody_is_granted_two() {
    let mut shop = Shop::new(CampaignDefinition::builder("rush").coupon_type("a", 1_000).build().expect("valid"));
    for round in 0..3 {
        for person in 0..100 {
            let outcome = shop.claim(&format!("u-{person}"));
            match round {
                0 => assert_eq!(won(&outcome), person),
                _ => assert_eq!(repeated(&outcome), person),
            }
        }
    }
    assert_eq!(shop.state.counts(RUSH)[0].issued, 100);
    assert!(shop.audit().is_sound());
}

#[test]
fn a_voided_coupon_is_shown_void_and_counts() {
    let mut shop = Shop::new(CampaignDefinition::builder("rush").coupon_type("a", 1).build().expect("valid"));
    won(&shop.claim("ann"));
    assert_eq!(shop.void(0, None, false), Outcome::Voided);
    assert_eq!(shop.void(0, None, true), Outcome::Voided, "a second time changes nothing");
    assert_eq!(state_of(&shop.claim("ann")), CouponState::Void);
    assert_eq!(won(&shop.claim("bob")), 1, "the unit came back");
    assert!(shop.audit().is_sound());
}

#[test]
fn whoever_may_claim_again_does() {
    let builder = CampaignDefinition::builder("rush").limit(2, Period::Campaign).coupon_type("a", 9);
    let mut shop = Shop::new(builder.build().expect("valid"));
    won(&shop.claim_keyed("ann", "k1"));
    won(&shop.claim_keyed("ann", "k2"));
    shop.void(0, None, true);
    assert_eq!(repeated(&shop.claim_keyed("ann", "k2")), 1);
    assert_eq!(won(&shop.claim_keyed("ann", "k1")), 2, "the key is free again");
    assert_eq!(refused(&shop.claim_keyed("ann", "k3")), Some(Refusal::LimitReached));
    assert!(shop.audit().is_sound());
}

#[test]
fn a_unit_returns_as_the_campaign_says_unless_told_otherwise() {
    let check = |returns, restock, is_back: bool| {
        let builder = CampaignDefinition::builder("rush").voided(returns).coupon_type("a", 1);
        let mut shop = Shop::new(builder.build().expect("valid"));
        won(&shop.claim("ann"));
        shop.void(0, restock, false);
        assert_eq!(refused(&shop.claim("bob")).is_none(), is_back, "{returns:?} {restock:?}");
        assert!(shop.audit().is_sound());
    };
    check(Return::Restock, None, true);
    check(Return::Restock, Some(false), false);
    check(Return::Burn, None, false);
    check(Return::Burn, Some(true), true);
}

#[test]
fn a_unit_returns_to_its_day_only_on_that_day() {
    let builder = CampaignDefinition::builder("rush").coupon_type("a", 9).daily_quota(1);
    let mut shop = Shop::new(builder.build().expect("valid"));
    won(&shop.claim("ann"));
    shop.void(0, None, false);
    won(&shop.claim("bob"));
    shop.now += DAY_MS;
    // Nobody has claimed today: what is voided was issued on another day.
    shop.void(1, None, false);
    won(&shop.claim("cyd"));
    assert!(matches!(refused(&shop.claim("dan")), Some(Refusal::DailySoldOut { .. })));
    let counts = shop.state.counts(RUSH)[0];
    assert_eq!((counts.issued, counts.issued_today, counts.voided), (1, 1, 2));
    let audit = shop.audit();
    assert!(audit.is_sound(), "{audit:?}");
    assert_eq!(audit.campaigns[0].days.iter().map(|day| day.issued[0]).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn revoking_voids_everything_at_once() {
    let mut shop = Shop::new(CampaignDefinition::builder("rush").coupon_type("a", 9).build().expect("valid"));
    won(&shop.claim("ann"));
    shop.submit(&Command::Cancel { campaign: RUSH, revoke: false, dry_run: false });
    assert_eq!(state_of(&shop.claim("ann")), CouponState::Issued);
    shop.submit(&Command::Cancel { campaign: RUSH, revoke: true, dry_run: false });
    assert_eq!(state_of(&shop.claim("ann")), CouponState::Void);
    assert_eq!(shop.void(0, None, false), Outcome::Voided);
    assert_eq!(shop.state.counts(RUSH)[0].voided, 0);
}

#[test]
fn a_coupon_expires_at_its_last_instant() {
    let builder = CampaignDefinition::builder("rush").coupon_type("a", 9).valid_for(Duration::from_secs(60));
    let mut shop = Shop::new(builder.build().expect("valid"));
    won(&shop.claim("ann"));
    shop.now = NOON_MS + 59_999;
    assert_eq!(state_of(&shop.claim("ann")), CouponState::Issued);
    shop.now += 1;
    assert_eq!(state_of(&shop.claim("ann")), CouponState::Expired);
}

#[test]
fn claims_are_listed_oldest_first() {
    let builder = CampaignDefinition::builder("rush").limit(1, Period::Day).coupon_type("a", 99);
    let mut shop = Shop::new(builder.build().expect("valid"));
    for _ in 0..3 {
        for user in ["ann", "bob"] {
            won(&shop.claim(user));
        }
        shop.now += DAY_MS;
    }
    let mut read = |command| {
        let outcome = shop.submit(&command);
        let Outcome::Claims { items, more } = outcome else { panic!("not claims: {outcome:?}") };
        (items.iter().map(|item| (item.user.to_string(), item.claim.serial.0)).collect::<Vec<_>>(), more)
    };
    let named =
        |name: &str, serials: &[u32]| serials.iter().map(|serial| (name.to_owned(), *serial)).collect::<Vec<_>>();
    let user = UserId::new("bob").expect("valid");
    assert_eq!(read(Command::ClaimsByUser { campaign: RUSH, user }), (named("bob", &[1, 3, 5]), false));
    let page = |after: Option<u32>, limit| Command::Claims { campaign: RUSH, after: after.map(Serial), limit };
    let (first, more) = read(page(None, 4));
    assert_eq!((first.len(), first[3].clone(), more), (4, ("bob".to_owned(), 3), true));
    let (last, more) = read(page(Some(3), 2));
    assert_eq!((last.len(), more), (2, false));
    assert_eq!(read(page(Some(u32::MAX), 2)), (Vec::new(), false));
}
