//! Nobody waits for an empty shelf: what a day's quota does to those who wait, and to those who come.

use std::time::Duration;

use landrush_engine::campaign::{CampaignBuilder, CampaignDefinition, Mode, Protection, Weekdays, Windows};
use landrush_engine::command::{Claim, Command, Gate};
use landrush_engine::fairness::Probability;
use landrush_engine::outcome::{Outcome, Refusal};
use landrush_engine::room::{Place, Standing};

use super::{OPENS, RULES, arrive, claim_with, let_in, open, pass, place, room, standing, user};
use crate::shop::{DAY_MS, HOUR_MS, NOON_MS, Shop, ask, at, refused, won};

/// The first moment of the day after the opening.
const MIDNIGHT: u64 = NOON_MS + DAY_MS / 2;

/// Ten coupons, two of them a day.
fn sale() -> CampaignBuilder {
    let protection = Protection { waiting_room: Some(RULES), ..Protection::default() };
    CampaignDefinition::builder("rush").coupon_type("a", 10).daily_quota(2).protection(protection)
}

fn shop(builder: CampaignBuilder) -> Shop {
    let mut shop = Shop::new(builder.build().expect("valid"));
    shop.now = OPENS - 1_000;
    shop
}

fn draw_with(shop: &mut Shop, user: &str, place: Place) -> Outcome {
    let gate = Gate { place: Some(place), refusal: None };
    shop.submit(&Command::Draw(Claim { gate, ..ask(user, None, None, shop.now) }))
}

/// Everybody who is let in within a second claims: how many win.
fn winners(shop: &mut Shop, places: &[Place]) -> usize {
    pass(shop, 1_000);
    let let_in = let_in(shop, places);
    for number in &let_in {
        won(&claim_with(shop, &user(*number), Some(places[*number as usize])));
    }
    let_in.len()
}

#[test]
fn who_comes_for_a_window_whose_day_has_nothing_left_is_told_when_there_is_more() {
    let at_times = ["13:00", "13:30"].map(|time| time.parse().expect("a time of day")).to_vec();
    let windows = Windows::new(at_times, Weekdays::all(), Duration::from_mins(5)).expect("valid windows");
    let builder = sale().windows(windows).open(at(NOON_MS), at(NOON_MS + 30 * DAY_MS));
    let (mut shop, places) = open(shop(builder), 5);
    assert_eq!(winners(&mut shop, &places), 2);
    let gone = Some(Refusal::DailySoldOut { resets_at: at(MIDNIGHT) });
    assert_eq!(refused(&arrive(&mut shop, "late")), gone);
    pass(&mut shop, 60_000);
    assert_eq!(room(&shop).now_serving, 2, "nobody is led to an empty shelf");
    assert_eq!(place(&arrive(&mut shop, &user(0))), places[0], "whoever has a place is told it");
    // The next window is of the same day.
    shop.now = OPENS + HOUR_MS / 2 - 1_000;
    assert_eq!(refused(&arrive(&mut shop, "late")), gone);
    shop.now += DAY_MS - HOUR_MS / 2;
    shop.do_what_is_due();
    assert_eq!(place(&arrive(&mut shop, "late")), Place { window: at(OPENS + DAY_MS), number: 1 });
    shop.prove();
}

#[test]
fn where_the_day_ends_before_the_window_places_are_kept_for_the_next() {
    let builder = sale().open(at(OPENS), at(OPENS + 30 * DAY_MS));
    let (mut shop, mut places) = open(shop(builder), 5);
    assert_eq!(winners(&mut shop, &places), 2);
    places.push(place(&arrive(&mut shop, &user(5))));
    assert_eq!(places[5].number, 6, "who comes meanwhile stands in line for the next day");
    shop.now = MIDNIGHT - 1_000;
    pass(&mut shop, 750);
    assert_eq!(room(&shop).now_serving, 2);
    pass(&mut shop, 1_000);
    assert_eq!(room(&shop).now_serving, 4, "two more, as many as there are coupons");
    assert!(matches!(standing(&shop, places[5]), Standing::Waiting { position: Some(6) }));
    shop.prove();
}

#[test]
fn nobody_is_let_in_to_draw_what_is_gone_for_today() {
    let always = Probability::from_billionths(1_000_000_000).expect("at most one");
    let builder = sale().mode(Mode::Draw).probability(always).open(at(OPENS), at(OPENS + 30 * DAY_MS));
    let (mut shop, places) = open(shop(builder), 20);
    pass(&mut shop, 250);
    assert_eq!(room(&shop).now_serving, 2, "a quarter of a second's worth");
    for number in let_in(&shop, &places) {
        won(&draw_with(&mut shop, &user(number), places[number as usize]));
    }
    pass(&mut shop, 60_000);
    assert_eq!(room(&shop).now_serving, 2);
    shop.now = MIDNIGHT - 250;
    pass(&mut shop, 250);
    assert_eq!(room(&shop).now_serving, 10, "not more than a second's worth at once");
    shop.prove();
}
