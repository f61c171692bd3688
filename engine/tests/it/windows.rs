//! Campaigns that open again and again: the edges of windows, limits within them, changes of their end.

use std::time::Duration;

use landrush_engine::campaign::{CampaignBuilder, CampaignDefinition, CampaignPatch, Period, Weekdays, Windows};
use landrush_engine::outcome::{Outcome, Refusal};

use crate::shop::{DAY_MS, HOUR_MS, NOON_MS, Shop, at, claim, refused, repeated, won};

const FIVE_MINUTES_MS: u64 = 300_000;
/// The campaign starts two hours before its first window, and its end cuts the last one.
const STARTS: u64 = NOON_MS;
const FIRST: u64 = NOON_MS + 2 * HOUR_MS;
const SECOND: u64 = NOON_MS + 6 * HOUR_MS;
const THIRD: u64 = FIRST + DAY_MS;
const ENDS: u64 = THIRD + FIVE_MINUTES_MS / 2;

/// Open at 14:00 and at 18:00 for five minutes each, until half of the third window is over.
fn sale() -> CampaignBuilder {
    let at_times = ["14:00", "18:00"].map(|time| time.parse().expect("a time of day")).to_vec();
    let windows = Windows::new(at_times, Weekdays::all(), Duration::from_millis(FIVE_MINUTES_MS)).expect("valid");
    CampaignDefinition::builder("rush").open(at(STARTS), at(ENDS)).windows(windows).coupon_type("a", 9)
}

fn shop(builder: CampaignBuilder) -> Shop {
    Shop::new(builder.build().expect("valid"))
}

fn not_open(opens_at: u64) -> Option<Refusal> {
    Some(Refusal::NotOpen { opens_at: at(opens_at) })
}

fn ends_at(milliseconds: u64) -> CampaignPatch {
    CampaignPatch { ends_at: Some(at(milliseconds)), ..CampaignPatch::default() }
}

#[test]
fn every_edge_is_judged_by_the_stamp() {
    let mut shop = shop(sale());
    // The clock of the shard is well within the first window: it does not matter.
    shop.now = FIRST + 1_000;
    let mut asked = 0;
    let mut ask = |stamped_at| {
        asked += 1;
        refused(&shop.submit(&claim(&format!("u-{asked}"), None, None, stamped_at)))
    };
    assert_eq!(ask(STARTS - 1), not_open(FIRST));
    assert_eq!(ask(STARTS), not_open(FIRST), "it has started, and no window is open");
    assert_eq!(ask(FIRST - 1), not_open(FIRST));
    assert_eq!(ask(FIRST), None);
    assert_eq!(ask(FIRST + 1), None);
    assert_eq!(ask(FIRST + FIVE_MINUTES_MS - 1), None);
    assert_eq!(ask(FIRST + FIVE_MINUTES_MS), not_open(SECOND));
    assert_eq!(ask(SECOND - 1), not_open(SECOND));
    assert_eq!(ask(SECOND), None);
    assert_eq!(ask(SECOND + FIVE_MINUTES_MS), not_open(THIRD));
    assert_eq!(ask(ENDS - 1), None);
    assert_eq!(ask(ENDS), Some(Refusal::Ended), "the end cuts the window");
    shop.prove();
}

#[test]
fn it_is_over_with_its_last_window() {
    let mut shop = shop(sale().open(at(STARTS), at(SECOND + 2 * HOUR_MS)));
    let last_closes = SECOND + FIVE_MINUTES_MS;
    shop.now = last_closes - 1;
    won(&shop.claim("ann"));
    shop.now = last_closes;
    assert_eq!(refused(&shop.claim("bob")), Some(Refusal::Ended));
    assert_eq!(refused(&shop.patch(ends_at(ENDS))), Some(Refusal::Ended), "what is over is not opened again");
    // The log knows a second later, and from then on whatever the clock says.
    assert_eq!(shop.do_what_is_due(), 0);
    shop.now = last_closes + 1_000;
    assert_eq!(shop.do_what_is_due(), 1);
    shop.now = FIRST;
    assert_eq!(refused(&shop.claim("bob")), Some(Refusal::Ended));
    assert_eq!(repeated(&shop.claim("ann")), 0);
    shop.prove();
}

#[test]
fn each_window_is_a_new_claim() {
    let mut shop = shop(sale().limit(1, Period::Window));
    shop.now = FIRST;
    assert_eq!(refused(&shop.submit(&claim("ann", None, None, STARTS))), not_open(FIRST), "nobody has claimed yet");
    assert_eq!(won(&shop.claim("ann")), 0);
    assert_eq!(repeated(&shop.claim("ann")), 0);
    // Between two windows the answer of the one before is given again.
    shop.now = FIRST + FIVE_MINUTES_MS;
    assert_eq!(repeated(&shop.claim("ann")), 0);
    assert_eq!(refused(&shop.claim("bob")), not_open(SECOND));
    shop.now = SECOND;
    assert_eq!(won(&shop.claim("ann")), 1);
    assert_eq!(won(&shop.claim("bob")), 2);
    shop.now = ENDS + HOUR_MS;
    assert_eq!(repeated(&shop.claim("ann")), 1);
    shop.prove();
}

#[test]
fn a_limit_above_one_counts_within_the_window() {
    let mut shop = shop(sale().limit(2, Period::Window));
    shop.now = FIRST;
    assert_eq!([won(&shop.claim_keyed("ann", "k1")), won(&shop.claim_keyed("ann", "k2"))], [0, 1]);
    assert_eq!(refused(&shop.claim_keyed("ann", "k3")), Some(Refusal::LimitReached));
    shop.now = SECOND;
    assert_eq!(repeated(&shop.claim_keyed("ann", "k1")), 0, "a key lasts as long as the campaign");
    assert_eq!([won(&shop.claim_keyed("ann", "k3")), won(&shop.claim_keyed("ann", "k4"))], [2, 3]);
    assert_eq!(refused(&shop.claim_keyed("ann", "k5")), Some(Refusal::LimitReached));
    shop.prove();
}

#[test]
fn a_clock_set_back_opens_no_window_a_second_time() {
    let mut shop = shop(sale().limit(1, Period::Window));
    shop.now = FIRST;
    assert_eq!(won(&shop.claim("ann")), 0);
    shop.now = SECOND;
    assert_eq!([won(&shop.claim("ann")), won(&shop.claim("bob"))], [1, 2]);
    shop.now = FIRST + 1;
    assert_eq!(repeated(&shop.claim("ann")), 1);
    assert_eq!(won(&shop.claim("cyd")), 3);
    shop.now = SECOND + 1;
    assert_eq!(repeated(&shop.claim("cyd")), 3, "it counted for the second window");
    shop.prove();
}

#[test]
fn a_window_voided_to_allow_another_claim_gives_one_more() {
    let mut shop = shop(sale().limit(1, Period::Window));
    shop.now = FIRST;
    won(&shop.claim("ann"));
    shop.void(0, None, true);
    assert_eq!(won(&shop.claim("ann")), 1);
    assert_eq!(repeated(&shop.claim("ann")), 1);
    shop.prove();
}

#[test]
fn an_end_that_moves_takes_and_gives_windows() {
    let mut shop = shop(sale());
    shop.now = FIRST;
    assert!(matches!(shop.patch(ends_at(FIRST + 60_000)), Outcome::Campaign(_)));
    shop.now = FIRST + 59_999;
    won(&shop.claim("ann"));
    assert!(matches!(shop.patch(ends_at(SECOND + 60_000)), Outcome::Campaign(_)));
    shop.now = FIRST + 60_000;
    won(&shop.claim("bob"));
    shop.now = FIRST + FIVE_MINUTES_MS;
    assert_eq!(refused(&shop.claim("cyd")), not_open(SECOND));
    shop.now = SECOND + 60_000;
    assert_eq!(refused(&shop.claim("cyd")), Some(Refusal::Ended));
    shop.now += 1_000;
    assert_eq!(shop.do_what_is_due(), 1);
    assert_eq!(refused(&shop.patch(ends_at(ENDS))), Some(Refusal::Ended));
    shop.prove();
}

/// Days of a campaign's zone and its windows are told apart: this window crosses midnight.
#[test]
fn a_window_over_midnight_is_one_window_and_two_days() {
    let at_times = vec!["23:58".parse().expect("a time of day")];
    let windows = Windows::new(at_times, Weekdays::all(), Duration::from_millis(FIVE_MINUTES_MS)).expect("valid");
    let builder = sale().windows(windows).limit(1, Period::Window).coupon_type("b", 9).daily_quota(1);
    let mut shop = shop(builder);
    let midnight = NOON_MS + 12 * HOUR_MS;
    shop.now = midnight - 1;
    assert_eq!(won(&shop.claim_type("ann", 1)), 0);
    assert_eq!(refused(&shop.claim_type("bob", 1)), Some(Refusal::DailySoldOut { resets_at: at(midnight) }));
    shop.now = midnight;
    assert_eq!(repeated(&shop.claim_type("ann", 1)), 0);
    assert_eq!(won(&shop.claim_type("bob", 1)), 1);
    shop.prove();
}
