//! The bytes of campaigns in snapshots: pinned, and read back as the campaigns that they were.

use std::sync::Arc;
use std::time::Duration;

use landrush_engine::campaign::{
    CampaignDefinition, CampaignView, Limit, LimitBy, Mode, Period, Return, Weekdays, Windows,
};
use landrush_engine::command::{Claim, Command, CouponPlace, Redeem, Settlement};
use landrush_engine::fairness::{Probability, Ranks};
use landrush_engine::id::{PhoneId, TypeIndex};
use landrush_engine::outcome::Outcome;
use landrush_engine::shard::{CampaignDecoder, State};

use super::{definition, hex, patch, unhex};
use crate::imports::import;
use crate::shop::{DAY_MS, HOUR_MS, NOON_MS, RUSH, Shop, ask, at, keys, redeem, won};

const GOLDEN_1: &str = include_str!("../../golden/campaign-1.txt");
const GOLDEN_2: &str = include_str!("../../golden/campaign-2.txt");

/// Claims, one of them voided, in a campaign that was changed, ended and then cancelled.
pub(crate) fn claims() -> Shop {
    let mut definition = definition();
    definition.ends_at = at(NOON_MS + 1_000_000_000);
    definition.limit = Limit { max: 1, per: Period::Day, by: LimitBy::User };
    let mut shop = Shop::new(definition);
    for user in ["ann", "bob", "cyd"] {
        won(&shop.claim(user));
        shop.now += 40_000_000;
    }
    shop.void(1, Some(true), true);
    shop.patch(patch());
    shop.cancel(false);
    shop
}

/// Draws in two windows, by phone, some lost, and a redemption in each of its states.
pub(crate) fn draws() -> Shop {
    let at_times = ["14:00", "18:00"].map(|time| time.parse().expect("a time of day")).to_vec();
    let windows = Windows::new(at_times, Weekdays::all(), Duration::from_secs(300)).expect("valid");
    let half = Probability::from_billionths(500_000_000).expect("below one");
    let builder = CampaignDefinition::builder("rush").mode(Mode::Draw).windows(windows);
    let builder = builder.limit(1, Period::Window).limit_by(LimitBy::Phone).expired(Return::Restock);
    let builder = builder.open(at(NOON_MS), at(NOON_MS + DAY_MS)).coupon_type("a", 100).probability(half);
    let mut shop = Shop::new(builder.valid_for(Duration::from_millis(5 * HOUR_MS)).build().expect("valid"));
    for (opens_at, users) in [(2, 0..8), (6, 8..24)] {
        shop.now = NOON_MS + opens_at * HOUR_MS;
        for user in users {
            let phone = Some(PhoneId(1_000 + user));
            shop.submit(&Command::Draw(Claim { phone, ..ask(&format!("u-{user}"), None, None, shop.now) }));
        }
    }
    let winners = (0..24u32).filter(|serial| shop.claims_of(&format!("u-{serial}"))[0].coupon.is_some());
    let winners: Vec<u32> = winners.collect();
    let late = winners.iter().copied().filter(|serial| *serial >= 8);
    let hold = Some(Duration::from_millis(HOUR_MS));
    for (serial, settlements) in late.zip([
        &[Settlement::Confirm][..],
        &[Settlement::Release],
        &[Settlement::Confirm, Settlement::Reverse],
        &[],
        &[],
    ]) {
        let Outcome::Redeemed(item) = shop.redeem(serial, "o-1", hold) else { panic!("{serial} was won") };
        settlements.iter().for_each(|settlement| drop(shop.settle(item.redemption.number.0, *settlement)));
    }
    shop.void(winners[0], Some(false), true);
    shop.now += HOUR_MS;
    shop.redeem(*winners.last().expect("some won"), "o-2", Some(Duration::from_millis(4 * HOUR_MS)));
    shop.do_what_is_due();
    shop
}

/// A lottery that was drawn, for codes of the shop's own: one winner redeemed, one void.
pub(crate) fn lottery() -> Shop {
    let builder = CampaignDefinition::builder("rush").mode(Mode::Lottery).open(at(NOON_MS), at(NOON_MS + HOUR_MS));
    let mut shop = Shop::new(builder.coupon_type("own", 3).imported_codes().build().expect("valid"));
    shop.submit(&import(0, 1, 2, 0));
    shop.submit(&import(0, 2, 5, 2));
    (0..6).for_each(|user| drop(shop.enter(&format!("u-{user}"))));
    shop.now = NOON_MS + HOUR_MS + 1_000;
    shop.do_what_is_due();
    let (key, count) = shop.state.to_be_ranked(RUSH).expect("it is over");
    let ranks = Arc::new(Ranks::compute(&key, count));
    let second = ranks.number_at(2) - 1;
    shop.submit(&Command::Rank { campaign: RUSH, ranks });
    let Command::Redeem(first) = redeem(0, "o-1", None) else { unreachable!("it is a redemption") };
    let coupon = CouponPlace::Imported { coupon_type: TypeIndex(0), position: 0 };
    shop.submit(&Command::Redeem(Redeem { coupon, ..first }));
    shop.void(second, Some(true), false);
    shop
}

#[test]
fn campaigns_are_written_and_read_as_ever() {
    let shops = [("claims", claims()), ("draws", draws()), ("lottery", lottery())];
    let written: String = shops.iter().map(|(name, shop)| format!("{name} {}\n", hex(&stream(&shop.state)))).collect();
    assert_eq!(written, GOLDEN_2, "written now:\n{written}");
    for ((_, shop), line) in shops.iter().zip(GOLDEN_2.lines()) {
        shop.prove();
        let (_, golden) = line.split_once(' ').expect("a name and bytes");
        let read = read_back(golden);
        assert_eq!(read.view(RUSH), shop.state.view(RUSH));
        assert_eq!(read.campaign_hash(RUSH), shop.state.campaign_hash(RUSH));
        assert_eq!(read.code_files(RUSH), shop.state.code_files(RUSH));
    }
}

/// It did not know that coupons run out: they do so once it is read. Nor did it know that a campaign ended before it was
/// cancelled.
#[test]
fn a_campaign_of_the_first_version_is_read_and_lives_on() {
    let mut shop = Shop { state: read_back(GOLDEN_1), now: claims().now, ..Shop::empty() };
    assert_eq!(shop.do_what_is_due(), 1);
    let now = claims().state.view(RUSH).expect("it lives");
    assert_eq!(shop.state.view(RUSH), Some(CampaignView { ended: false, ..now }));
    assert!(shop.audit().is_sound());
}

/// The bytes of [`RUSH`].
pub(crate) fn stream(state: &State) -> Vec<u8> {
    let mut stream = Vec::new();
    let encoded: Result<(), std::convert::Infallible> = state.encode_campaign(RUSH, |block| {
        stream.extend_from_slice(block);
        Ok(())
    });
    encoded.expect("cannot fail");
    stream
}

pub(crate) fn read_back(golden: &str) -> State {
    let mut state = State::new(&keys());
    let mut decoder = CampaignDecoder::new(&state);
    decoder.push(&unhex(golden)).expect("it is read");
    decoder.finish(&mut state).expect("it is sound");
    state
}
