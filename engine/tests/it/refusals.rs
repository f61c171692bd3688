//! Refusals, in the order of the contract's table: the first that applies is the answer.

use std::time::Duration;

use landrush_engine::campaign::{
    CampaignBuilder, CampaignDefinition, CampaignPatch, CouponTypePatch, InvalidDefinition, Period,
};
use landrush_engine::command::Command;
use landrush_engine::id::{CampaignNumber, TypeIndex};
use landrush_engine::outcome::{Outcome, Refusal};

use crate::shop::{
    DAY_MS, HOUR_MS, NOON_MS, RUSH, Shop, at, campaign, claim, coupon, refused, repeated, seed, won, won_claim,
};

fn rush() -> CampaignBuilder {
    CampaignDefinition::builder("rush").open(at(NOON_MS - HOUR_MS), at(NOON_MS + 10 * DAY_MS))
}

fn shop(builder: CampaignBuilder) -> Shop {
    Shop::new(builder.build().expect("a valid definition"))
}

fn patch(patch: CampaignPatch) -> Command {
    Command::Patch { campaign: RUSH, patch: Box::new(patch), dry_run: false }
}

fn quota(coupon_type: u16, total: Option<u32>, daily: Option<Option<u32>>) -> CampaignPatch {
    let change = CouponTypePatch { coupon_type: TypeIndex(coupon_type), total_quota: total, daily_quota: daily };
    CampaignPatch { coupon_types: vec![change], ..CampaignPatch::default() }
}

fn ends_at(milliseconds: u64) -> CampaignPatch {
    CampaignPatch { ends_at: Some(at(milliseconds)), ..CampaignPatch::default() }
}

fn cancel(revoke: bool) -> Command {
    Command::Cancel { campaign: RUSH, revoke, dry_run: false }
}

const PAUSE: Command = Command::AcceptClaims { campaign: RUSH, accept: false };
const RESUME: Command = Command::AcceptClaims { campaign: RUSH, accept: true };
const ARCHIVE: Command = Command::Archive { campaign: RUSH, dry_run: false };

/// Every reason at once; one after the other is taken away from the front, until the claim is granted.
#[test]
fn the_first_reason_that_applies_is_the_answer() {
    let builder = rush().limit(2, Period::Campaign).coupon_type("cash-5", 2).daily_quota(2);
    let ask = |shop: &mut Shop, stamped_at| refused(&shop.submit(&claim("ann", None, Some("k3"), stamped_at)));
    let sold_out = |shop: &mut Shop| {
        for key in ["k1", "k2"] {
            won(&shop.claim_keyed("ann", key));
        }
    };
    let (early, open, late) = (NOON_MS - 2 * HOUR_MS, NOON_MS, NOON_MS + 11 * DAY_MS);

    let mut shop = shop(builder);
    sold_out(&mut shop);
    shop.submit(&PAUSE);
    let mut cancelled = shop.clone();
    cancelled.submit(&cancel(false));

    let mut archived = Shop { now: NOON_MS, ..cancelled.clone() };
    archived.submit(&cancel(true));
    assert_eq!(archived.submit(&ARCHIVE), Outcome::Archived);
    assert_eq!(ask(&mut archived, late), Some(Refusal::Archived));
    assert_eq!(ask(&mut cancelled, late), Some(Refusal::Cancelled));
    assert_eq!(ask(&mut cancelled, early), Some(Refusal::Cancelled));
    assert_eq!(ask(&mut shop, late), Some(Refusal::Ended));
    assert_eq!(ask(&mut shop, early), Some(Refusal::Paused));
    shop.submit(&RESUME);
    assert_eq!(ask(&mut shop, early), Some(Refusal::NotOpen { opens_at: at(NOON_MS - HOUR_MS) }));
    assert_eq!(ask(&mut shop, open), Some(Refusal::LimitReached));
    assert_eq!(refused(&shop.claim_keyed("bob", "k1")), Some(Refusal::SoldOut));
    shop.submit(&patch(quota(0, Some(9), None)));
    let resets_at = at(NOON_MS + 12 * HOUR_MS);
    assert_eq!(refused(&shop.claim_keyed("bob", "k1")), Some(Refusal::DailySoldOut { resets_at }));
    shop.now = resets_at.as_milliseconds();
    assert_eq!(won(&shop.claim_keyed("bob", "k1")), 2);
    assert!(shop.audit().is_sound());
}

#[test]
fn a_repeat_is_answered_in_every_state_but_archived() {
    let mut shop = shop(rush().coupon_type("cash-5", 1).coupon_type("cash-9", 9).valid_for(Duration::from_secs(60)));
    assert_eq!(won(&shop.claim_type("ann", 0)), 0);
    let ask = |shop: &mut Shop| assert_eq!(repeated(&shop.claim_type("ann", 1)), 0);
    ask(&mut shop);
    shop.submit(&PAUSE);
    ask(&mut shop);
    shop.now += 11 * DAY_MS;
    ask(&mut shop);
    shop.submit(&cancel(false));
    ask(&mut shop);
    shop.submit(&cancel(true));
    ask(&mut shop);
    shop.submit(&ARCHIVE);
    assert_eq!(refused(&shop.claim("ann")), Some(Refusal::Archived));
}

#[test]
fn opening_and_closing_are_half_open_and_judged_by_the_request() {
    let mut shop = shop(rush().coupon_type("cash-5", 9));
    let (opens, ends) = (NOON_MS - HOUR_MS, NOON_MS + 10 * DAY_MS);
    let mut ask = |user, stamped_at| refused(&shop.submit(&claim(user, None, None, stamped_at)));
    assert_eq!(ask("ann", opens - 1), Some(Refusal::NotOpen { opens_at: at(opens) }));
    assert_eq!(ask("bob", opens), None);
    assert_eq!(ask("cyd", ends - 1), None);
    assert_eq!(ask("dan", ends), Some(Refusal::Ended));
}

#[test]
fn what_does_not_exist_is_not_found() {
    let mut shop = shop(rush().coupon_type("cash-5", 9));
    assert_eq!(refused(&shop.claim_type("ann", 1)), Some(Refusal::NoSuchCouponType));
    assert_eq!(refused(&shop.void(0, None, false)), Some(Refusal::NoSuchClaim));
    let nowhere = CampaignNumber(1);
    let commands = [
        Command::Cancel { campaign: nowhere, revoke: false, dry_run: false },
        Command::Claims { campaign: nowhere, after: None, limit: 10 },
        Command::Archive { campaign: nowhere, dry_run: true },
    ];
    for command in &commands {
        assert_eq!(refused(&shop.submit(command)), Some(Refusal::NoSuchCampaign), "{command:?}");
    }
}

#[test]
fn without_a_type_the_first_with_quota_left_is_given() {
    let mut shop = shop(rush().coupon_type("a", 1).coupon_type("b", 9).daily_quota(1).coupon_type("c", 1));
    let mut give = |user| coupon(&won_claim(&shop.claim(user))).coupon_type.0;
    assert_eq!([give("ann"), give("bob"), give("cyd")], [0, 1, 2]);
    let resets_at = at(NOON_MS + 12 * HOUR_MS);
    assert_eq!(refused(&shop.claim("dan")), Some(Refusal::DailySoldOut { resets_at }));
    // A type that is named is judged alone.
    assert_eq!(refused(&shop.claim_type("dan", 0)), Some(Refusal::SoldOut));
    assert_eq!(refused(&shop.claim_type("dan", 1)), Some(Refusal::DailySoldOut { resets_at }));
}

#[test]
fn above_one_a_key_is_needed_and_tells_claims_apart() {
    let mut shop = shop(rush().limit(2, Period::Day).coupon_type("a", 9).coupon_type("b", 9));
    assert_eq!(refused(&shop.claim("ann")), Some(Refusal::KeyRequired));
    assert_eq!(won(&shop.claim_keyed("ann", "k1")), 0);
    assert_eq!(won(&shop.claim_keyed("bob", "k1")), 1);
    assert_eq!(won(&shop.submit(&claim("ann", Some(1), Some("k2"), NOON_MS))), 2);
    assert_eq!(repeated(&shop.claim_keyed("ann", "k1")), 0);
    // Another body under the same key.
    assert_eq!(refused(&shop.claim_keyed("ann", "k2")), Some(Refusal::KeyReused));
    assert_eq!(refused(&shop.submit(&claim("ann", Some(0), Some("k2"), NOON_MS))), Some(Refusal::KeyReused));
    assert_eq!(refused(&shop.claim_keyed("ann", "k3")), Some(Refusal::LimitReached));
    // A key lasts longer than its day.
    shop.now += DAY_MS;
    assert_eq!(repeated(&shop.claim_keyed("ann", "k1")), 0);
    assert_eq!(won(&shop.claim_keyed("ann", "k3")), 3);
    assert!(shop.audit().is_sound());
}

#[test]
fn a_limit_of_one_a_day_ignores_keys_and_begins_anew_with_the_day() {
    let mut shop = shop(rush().limit(1, Period::Day).coupon_type("a", 9));
    assert_eq!(won(&shop.claim_keyed("ann", "k1")), 0);
    assert_eq!(repeated(&shop.claim_keyed("ann", "k2")), 0);
    shop.now += DAY_MS;
    assert_eq!(won(&shop.claim_keyed("ann", "k1")), 1);
    // A clock set back gives nobody a second day.
    shop.now -= DAY_MS;
    assert_eq!(repeated(&shop.claim("ann")), 1);
    assert!(shop.audit().is_sound());
}

#[test]
fn a_clock_set_back_hands_out_no_second_daily_quota() {
    let mut shop = shop(rush().coupon_type("a", 9).daily_quota(1));
    won(&shop.claim("ann"));
    shop.now += DAY_MS;
    won(&shop.claim("bob"));
    shop.now -= DAY_MS;
    let resets_at = at(NOON_MS + 36 * HOUR_MS);
    assert_eq!(refused(&shop.claim("cyd")), Some(Refusal::DailySoldOut { resets_at }));
}

#[test]
fn creating_twice_compares_with_the_body_as_created() {
    let definition = rush().coupon_type("a", 9).build().expect("valid");
    let mut shop = Shop::new(definition.clone());
    shop.submit(&patch(quota(0, Some(5), None)));
    let mut create = |definition| {
        shop.submit(&Command::Create { campaign: CampaignNumber(9), definition: Box::new(definition), seed: seed() })
    };
    let repeated = create(definition.clone());
    let view = campaign(&repeated);
    assert_eq!((view.number, view.definition.coupon_types[0].total_quota), (RUSH, 5));
    let mut other = definition.clone();
    other.coupon_types[0].total_quota = 5;
    assert_eq!(refused(&create(other)), Some(Refusal::Conflict));
    let mut invalid = rush().coupon_type("a", 9).build().expect("valid");
    invalid.id = landrush_engine::id::CampaignId::new("crash").expect("valid");
    invalid.limit.max = 0;
    assert_eq!(refused(&create(invalid)), Some(Refusal::Invalid(InvalidDefinition::Limit)));
    shop.submit(&cancel(true));
    shop.submit(&ARCHIVE);
    let again = Command::Create { campaign: CampaignNumber(9), definition: Box::new(definition), seed: seed() };
    assert_eq!(refused(&shop.submit(&again)), Some(Refusal::Archived));
}

#[test]
fn what_is_over_is_corrected_but_not_reopened() {
    let renamed = CampaignPatch { name: Some("Over".to_owned()), ..CampaignPatch::default() };
    let mut over = shop(rush().coupon_type("a", 9));
    over.submit(&PAUSE);
    let mut cancelled = over.clone();
    cancelled.submit(&cancel(false));
    over.now += 10 * DAY_MS;
    for (shop, refusal) in [(&mut over, Refusal::Ended), (&mut cancelled, Refusal::Cancelled)] {
        assert_eq!(refused(&shop.submit(&patch(ends_at(NOON_MS + 20 * DAY_MS)))), Some(refusal));
        assert_eq!(refused(&shop.submit(&RESUME)), Some(refusal));
        assert_eq!(refused(&shop.submit(&patch(renamed.clone()))), None);
        assert_eq!(refused(&shop.submit(&PAUSE)), None);
        // What is so already is no change.
        assert_eq!(refused(&shop.submit(&patch(ends_at(NOON_MS + 10 * DAY_MS)))), None);
    }
}

#[test]
fn quotas_move_between_two_claims() {
    let mut shop = shop(rush().coupon_type("a", 9).daily_quota(2));
    won(&shop.claim("ann"));
    won(&shop.claim("bob"));
    let below = Refusal::QuotaBelowIssued { coupon_type: TypeIndex(0), issued: 2 };
    assert_eq!(refused(&shop.submit(&patch(quota(0, Some(1), None)))), Some(below));
    let resets_at = at(NOON_MS + 12 * HOUR_MS);
    let daily = Some(Refusal::DailySoldOut { resets_at });
    assert_eq!(refused(&shop.submit(&patch(quota(0, None, Some(Some(1)))))), None);
    assert_eq!(refused(&shop.claim("cyd")), daily);
    shop.submit(&patch(quota(0, None, Some(None))));
    won(&shop.claim("cyd"));
    shop.submit(&patch(quota(0, Some(3), None)));
    assert_eq!(refused(&shop.claim("dan")), Some(Refusal::SoldOut));
    // Past days are judged by the quota of their time.
    assert!(shop.audit().is_sound());
}

#[test]
fn a_dry_run_says_and_does_nothing() {
    let mut shop = shop(rush().coupon_type("a", 9));
    won(&shop.claim("ann"));
    let before = shop.state.campaign_hash(RUSH);
    let dry_patch = Command::Patch { campaign: RUSH, patch: Box::new(quota(0, Some(5), None)), dry_run: true };
    assert_eq!(campaign(&shop.submit(&dry_patch)).definition.coupon_types[0].total_quota, 5);
    let dry_cancel = Command::Cancel { campaign: RUSH, revoke: true, dry_run: true };
    assert!(campaign(&shop.submit(&dry_cancel)).cancelled.is_some_and(|cancellation| cancellation.revoke));
    let dry_archive = Command::Archive { campaign: RUSH, dry_run: true };
    assert_eq!(refused(&shop.submit(&dry_archive)), Some(Refusal::StillLive { until: None }));
    assert_eq!(shop.state.campaign_hash(RUSH), before);
}

#[test]
fn archiving_waits_for_the_last_coupon() {
    let day = Duration::from_millis(DAY_MS);
    let mut shop = shop(rush().coupon_type("a", 9).valid_for(day).coupon_type("b", 9));
    won(&shop.claim_type("ann", 0));
    won(&shop.claim_type("bob", 1));
    let refusal = |shop: &mut Shop| refused(&shop.submit(&ARCHIVE));
    assert_eq!(refusal(&mut shop), Some(Refusal::StillLive { until: None }), "it is open");
    shop.submit(&cancel(false));
    assert_eq!(refusal(&mut shop), Some(Refusal::StillLive { until: None }), "one coupon never expires");
    shop.void(1, None, false);
    let until = at(NOON_MS + DAY_MS);
    assert_eq!(refusal(&mut shop), Some(Refusal::StillLive { until: Some(until) }));
    shop.now = until.as_milliseconds();
    assert_eq!(shop.submit(&ARCHIVE), Outcome::Archived);
    assert_eq!(shop.submit(&ARCHIVE), Outcome::Archived, "somebody whose answer was lost asks again");
    assert!(shop.state.is_archived(RUSH) && shop.state.view(RUSH).is_none());
    assert_eq!(shop.state.next_campaign_number(), CampaignNumber(1));
}

/// Room is made a minute before the opening: as much as is expected, within bounds.
#[test]
fn a_billion_is_made_as_cheaply_as_ten() {
    let opens_at = NOON_MS + HOUR_MS;
    let billion = CampaignDefinition::builder("rush").open(at(opens_at), at(opens_at + DAY_MS));
    let mut shop = shop(billion.coupon_type("a", 1_000_000_000).expected_claimants(u32::MAX));
    shop.now = opens_at - 60_001;
    shop.do_what_is_due();
    assert_eq!(shop.state.memory_bytes(RUSH), 0);
    shop.now += 1;
    shop.do_what_is_due();
    assert_eq!(shop.state.next_due_at(), Some(at(opens_at + DAY_MS + 1_000)), "nothing is left to be made");
    assert!((1..512 << 20).contains(&shop.state.memory_bytes(RUSH)), "{} bytes", shop.state.memory_bytes(RUSH));
}
