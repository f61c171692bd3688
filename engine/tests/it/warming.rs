//! Room is made ahead of an opening: in time, a part at a time, and not before.

use std::time::Duration;

use landrush_engine::campaign::{CampaignDefinition, Weekdays, Windows};
use landrush_engine::command::Command;
use landrush_engine::shard::Due;

use crate::shop::{DAY_MS, HOUR_MS, NOON_MS, RUSH, Shop, at, won};

const OPENS: u64 = NOON_MS + HOUR_MS;
const MINUTE_MS: u64 = 60_000;
const PEOPLE: u32 = 1_000_000;

fn sale(opens: u64) -> Shop {
    let builder = CampaignDefinition::builder("rush").open(at(opens), at(OPENS + DAY_MS));
    let builder = builder.coupon_type("a", PEOPLE).expected_claimants(PEOPLE);
    Shop::new(builder.build().expect("valid"))
}

#[test]
fn room_is_made_a_minute_before_the_opening_and_not_before() {
    let mut shop = sale(OPENS);
    let cold = shop.state.memory_bytes(RUSH);
    shop.now = OPENS - MINUTE_MS - 1;
    assert_eq!(shop.state.next_due_at(), Some(at(OPENS - MINUTE_MS)));
    assert_eq!(shop.state.due(at(shop.now)), None);
    assert_eq!((shop.do_what_is_due(), shop.state.memory_bytes(RUSH)), (0, cold));

    shop.now = OPENS - MINUTE_MS;
    assert_eq!(shop.state.due(at(shop.now)), Some(Due::Warm(RUSH)));
    shop.state.warm(RUSH);
    let begun = shop.state.memory_bytes(RUSH);
    assert_eq!(shop.state.due(at(shop.now)), Some(Due::Warm(RUSH)), "a part at a time");
    assert_eq!(shop.do_what_is_due(), 0, "it is in no log");
    let warm = shop.state.memory_bytes(RUSH);
    assert!(cold < begun && begun < warm && warm - cold >= 4 * PEOPLE as usize, "{cold}, {begun}, {warm}");
    assert_eq!(shop.state.due(at(OPENS)), None, "once is enough");

    shop.now = OPENS;
    won(&shop.claim("ann"));
    shop.prove();
}

#[test]
fn who_is_made_within_the_last_minute_is_made_room_for_at_once() {
    let shop = sale(NOON_MS + MINUTE_MS / 2);
    assert_eq!(shop.state.due(at(NOON_MS)), Some(Due::Warm(RUSH)));
}

#[test]
fn a_restart_makes_the_room_again_and_a_cancelled_campaign_needs_none() {
    let mut shop = sale(OPENS);
    shop.now = OPENS - MINUTE_MS;
    shop.do_what_is_due();
    let mut restarted = Shop { state: shop.restored(), ..shop };
    assert_eq!(restarted.state.due(at(restarted.now)), Some(Due::Warm(RUSH)));
    restarted.submit_alone(&Command::Cancel { campaign: RUSH, revoke: false, dry_run: false });
    assert_eq!(restarted.state.due(at(restarted.now)), None);
}

#[test]
fn later_windows_find_the_room_of_the_first() {
    let at_times = ["13:00", "20:00"].map(|time| time.parse().expect("a time of day")).to_vec();
    let windows = Windows::new(at_times, Weekdays::all(), Duration::from_mins(5)).expect("valid windows");
    let builder = CampaignDefinition::builder("rush").open(at(NOON_MS), at(OPENS + DAY_MS)).windows(windows);
    let mut shop = Shop::new(builder.coupon_type("a", 1_000).build().expect("valid"));
    assert_eq!(shop.state.next_due_at(), Some(at(OPENS - MINUTE_MS)));
    shop.now = OPENS;
    shop.do_what_is_due();
    let second = OPENS + 7 * HOUR_MS;
    assert_eq!(shop.state.due(at(second - MINUTE_MS)), None);
}
