//! The audit finds what the doors would never let in: states are doctored in their bytes, on their way through a snapshot,
//! which believes its file's checksums.

use landrush_engine::audit::{Audit, Violation};
use landrush_engine::campaign::{CampaignBuilder, CampaignDefinition, Period};
use landrush_engine::coupon::Codes;
use landrush_engine::id::{Serial, TypeIndex};
use landrush_engine::shard::{CampaignDecoder, State};

use crate::shop::{RUSH, Shop, at, keys, won};

const A: TypeIndex = TypeIndex(0);

fn rush() -> CampaignBuilder {
    CampaignDefinition::builder("rush").coupon_type("a", 5).daily_quota(4)
}

/// The state of `shop` with the one place that holds `find` holding `put`.
fn doctored(shop: &Shop, find: &[u8], put: &[u8]) -> State {
    let mut stream = Vec::new();
    let encoded: Result<(), std::convert::Infallible> = shop.state.encode_campaign(RUSH, |block| {
        stream.extend_from_slice(block);
        Ok(())
    });
    encoded.expect("cannot fail");
    let places: Vec<_> = (0..=stream.len() - find.len()).filter(|place| stream[*place..].starts_with(find)).collect();
    assert_eq!((places.len(), find.len()), (1, put.len()), "one place, nothing longer or shorter");
    stream[places[0]..][..put.len()].copy_from_slice(put);
    let mut state = State::new(&keys());
    let mut decoder = CampaignDecoder::new(&state);
    decoder.push(&stream).expect("it is still a campaign");
    decoder.finish(&mut state).expect("its counts are still right");
    state
}

fn check(builder: CampaignBuilder, users: [(&str, &str); 3], find: &[u8], put: &[u8], expected: &[Violation]) {
    let mut shop = Shop::new(builder.build().expect("valid"));
    for (user, key) in users {
        won(&shop.claim_keyed(user, key));
    }
    assert!(shop.audit().is_sound());
    let audit = Audit::of(&doctored(&shop, find, put), &Codes::new(&keys()));
    assert_eq!(audit.campaigns[0].violations, expected);
    assert_eq!((audit.is_sound(), audit.campaigns[0].violation_count), (expected.is_empty(), expected.len() as u64));
}

const PEOPLE: [(&str, &str); 3] = [("ann", "k1"), ("bob", "k1"), ("cyd", "k1")];

#[test]
fn more_than_the_total_is_found() {
    // The quotas follow the type's name: five, then one for "some", then four.
    let violation = Violation::TotalQuota { coupon_type: A, issued: 3, quota: 2 };
    check(rush(), PEOPLE, &[b'a', 5, 0, 0, 0, 1, 4], &[b'a', 2, 0, 0, 0, 1, 4], &[violation]);
}

#[test]
fn more_than_a_days_quota_is_found() {
    let mut shop = Shop::new(rush().build().expect("valid"));
    for (user, _) in PEOPLE {
        won(&shop.claim(user));
    }
    let day = shop.state.day(RUSH).expect("there");
    let violation = Violation::DailyQuota { coupon_type: A, day, issued: 3, quota: 2 };
    check(rush(), PEOPLE, &[b'a', 5, 0, 0, 0, 1, 4], &[b'a', 5, 0, 0, 0, 1, 2], &[violation]);
}

#[test]
fn somebody_with_two_is_found() {
    check(rush(), PEOPLE, b"\x03cyd", b"\x03ann", &[Violation::Limit(Serial(2))]);
}

#[test]
fn a_key_that_is_used_twice_is_found() {
    let people = [("ann", "k1"), ("ann", "k2"), ("bob", "k3")];
    check(rush().limit(2, Period::Campaign), people, b"\x02k2", b"\x02k1", &[Violation::KeyTwice(Serial(1))]);
}

#[test]
fn what_is_not_wrong_is_not_found() {
    check(rush(), PEOPLE, b"\x03cyd", b"\x03dan", &[]);
}

#[test]
fn an_archived_campaign_is_listed() {
    let mut shop = Shop::new(rush().open(at(0), at(1)).build().expect("valid"));
    shop.submit(&landrush_engine::command::Command::Archive { campaign: RUSH, dry_run: false });
    let audit = shop.audit();
    assert!(audit.is_sound() && audit.campaigns[0].archived);
    assert_eq!(audit.campaigns[0].id.as_str(), "rush");
}
