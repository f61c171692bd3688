//! One coupon a phone number, however many accounts.

use std::time::Duration;

use landrush_engine::campaign::{CampaignBuilder, CampaignDefinition, LimitBy, Mode, Period, Weekdays, Windows};
use landrush_engine::command::{Claim, Command};
use landrush_engine::fairness::Probability;
use landrush_engine::id::PhoneId;
use landrush_engine::outcome::{Outcome, Refusal};

use crate::shop::{DAY_MS, HOUR_MS, NOON_MS, Shop, ask, at, refused, repeated, won};

fn by_phone() -> CampaignBuilder {
    CampaignDefinition::builder("rush").limit_by(LimitBy::Phone).coupon_type("a", 9)
}

fn shop(builder: CampaignBuilder) -> Shop {
    Shop::new(builder.build().expect("valid"))
}

fn with_phone(shop: &mut Shop, user: &str, phone: u64) -> Outcome {
    let claim = Claim { phone: Some(PhoneId(phone)), ..ask(user, None, None, shop.now) };
    shop.submit(&Command::Claim(claim))
}

#[test]
fn two_accounts_with_one_phone_get_one_coupon() {
    let mut shop = shop(by_phone());
    assert_eq!(won(&with_phone(&mut shop, "ann", 1)), 0);
    assert_eq!(refused(&with_phone(&mut shop, "bob", 1)), Some(Refusal::LimitReached));
    assert_eq!(won(&with_phone(&mut shop, "bob", 2)), 1);
    // The person is the key, whichever phone comes with it, or none.
    assert_eq!(repeated(&with_phone(&mut shop, "ann", 3)), 0);
    assert_eq!(repeated(&shop.claim("ann")), 0);
    assert_eq!(refused(&with_phone(&mut shop, "cyd", 2)), Some(Refusal::LimitReached));
    assert_eq!(won(&with_phone(&mut shop, "cyd", 3)), 2, "a phone that came with a repeat counts for nothing");
    shop.prove();
}

#[test]
fn without_a_phone_nobody_claims() {
    let mut shop = shop(by_phone());
    assert_eq!(refused(&shop.claim("ann")), Some(Refusal::PhoneRequired));
    let mut definition = CampaignDefinition::builder("rush").coupon_type("a", 9).build().expect("valid");
    definition.phone_required = true;
    let mut shop = Shop::new(definition);
    assert_eq!(refused(&shop.claim("ann")), Some(Refusal::PhoneRequired));
    // It is needed, and counts for nothing.
    assert_eq!([won(&with_phone(&mut shop, "ann", 1)), won(&with_phone(&mut shop, "bob", 1))], [0, 1]);
    shop.prove();
}

#[test]
fn a_day_is_a_new_claim_for_a_phone() {
    let mut shop = shop(by_phone().limit(1, Period::Day));
    assert_eq!(won(&with_phone(&mut shop, "ann", 1)), 0);
    shop.now += DAY_MS;
    assert_eq!(won(&with_phone(&mut shop, "bob", 1)), 1);
    assert_eq!(refused(&with_phone(&mut shop, "ann", 1)), Some(Refusal::LimitReached), "bob has had today's");
    shop.now -= DAY_MS;
    assert_eq!(refused(&with_phone(&mut shop, "cyd", 1)), Some(Refusal::LimitReached), "a clock set back gives no day");
    shop.prove();
}

#[test]
fn a_window_is_a_new_claim_for_a_phone() {
    let at_times = ["14:00", "18:00"].map(|time| time.parse().expect("a time of day")).to_vec();
    let windows = Windows::new(at_times, Weekdays::all(), Duration::from_secs(300)).expect("valid");
    let open = by_phone().open(at(NOON_MS), at(NOON_MS + DAY_MS));
    let mut shop = shop(open.windows(windows).limit(1, Period::Window));
    shop.now = NOON_MS + 2 * HOUR_MS;
    assert_eq!(won(&with_phone(&mut shop, "ann", 1)), 0);
    assert_eq!(refused(&with_phone(&mut shop, "bob", 1)), Some(Refusal::LimitReached));
    shop.now = NOON_MS + 6 * HOUR_MS;
    assert_eq!(won(&with_phone(&mut shop, "bob", 1)), 1);
    assert_eq!(refused(&with_phone(&mut shop, "ann", 1)), Some(Refusal::LimitReached));
    shop.prove();
}

#[test]
fn a_void_that_allows_another_claim_gives_the_phone_back() {
    let mut shop = shop(by_phone().limit(1, Period::Day));
    won(&with_phone(&mut shop, "ann", 1));
    shop.void(0, None, false);
    assert_eq!(refused(&with_phone(&mut shop, "bob", 1)), Some(Refusal::LimitReached));
    won(&with_phone(&mut shop, "cyd", 2));
    shop.void(1, None, true);
    assert_eq!(won(&with_phone(&mut shop, "bob", 2)), 2);
    assert_eq!(refused(&with_phone(&mut shop, "cyd", 2)), Some(Refusal::LimitReached));
    // What is given back of an earlier day is no second claim today.
    shop.now += DAY_MS;
    won(&with_phone(&mut shop, "dan", 2));
    shop.void(2, None, true);
    assert_eq!(refused(&with_phone(&mut shop, "bob", 2)), Some(Refusal::LimitReached));
    shop.prove();
}

#[test]
fn a_limit_above_one_counts_a_phone_and_a_person() {
    let mut shop = shop(by_phone().limit(2, Period::Campaign));
    let mut claim = |user: &str, key: &str, phone| {
        let claim = Claim { phone: Some(PhoneId(phone)), ..ask(user, None, Some(key), NOON_MS) };
        shop.submit(&Command::Claim(claim))
    };
    assert_eq!([won(&claim("ann", "k1", 1)), won(&claim("bob", "k1", 1))], [0, 1]);
    assert_eq!(refused(&claim("cyd", "k1", 1)), Some(Refusal::LimitReached));
    assert_eq!(won(&claim("ann", "k2", 2)), 2);
    assert_eq!(refused(&claim("ann", "k3", 3)), Some(Refusal::LimitReached), "the person has had two");
    assert_eq!(repeated(&claim("bob", "k1", 9)), 1);
    shop.prove();
}

/// A draw that loses uses the phone up as one that wins does.
#[test]
fn a_losing_draw_counts_for_its_phone() {
    let never = Probability::from_billionths(0).expect("none");
    let mut shop = shop(by_phone().mode(Mode::Draw).probability(never));
    let mut draw = |user: &str, phone| {
        let draw = Claim { phone: Some(PhoneId(phone)), ..ask(user, None, None, NOON_MS) };
        shop.submit(&Command::Draw(draw))
    };
    assert_eq!(won(&draw("ann", 1)), 0);
    assert_eq!(refused(&draw("bob", 1)), Some(Refusal::LimitReached));
    assert_eq!(won(&draw("bob", 2)), 1);
    shop.prove();
}
