//! Events that anybody could have written.

use std::time::Duration;

use landrush_engine::campaign::{
    CampaignDefinition, CampaignPatch, CouponTypePatch, Limit, LimitBy, Mode, Period, Return,
};
use landrush_engine::command::{CodeFile, Settlement};
use landrush_engine::event::{Change, CodeKeyId, Granted};
use landrush_engine::fairness::Probability;
use landrush_engine::id::{CodeFileId, PhoneId, RedemptionNumber, Serial, TypeIndex};
use landrush_engine::time::Day;
use proptest::prelude::*;

use crate::shop::{at, keys, seed};

/// Two types, the second one of the shop's own codes; what runs out is restocked.
pub(super) fn definition(mode: Mode, max: u16) -> CampaignDefinition {
    let per = if mode == Mode::Lottery { Period::Campaign } else { Period::Day };
    let builder = CampaignDefinition::builder("rush").mode(mode).limit(max, per).expired(Return::Restock);
    let builder = builder.coupon_type("a", 3).valid_for(Duration::from_millis(10));
    let builder = if mode == Mode::Lottery { builder } else { builder.daily_quota(2) };
    let builder = if mode == Mode::Draw { builder.probability(half()) } else { builder };
    let builder = builder.coupon_type("b", 2);
    let builder = if mode == Mode::FirstCome { builder } else { builder.imported_codes() };
    let builder = if mode == Mode::Draw { builder.probability(half()) } else { builder };
    builder.build().expect("valid")
}

fn half() -> Probability {
    Probability::from_billionths(500_000_000).expect("below one")
}

pub(super) fn created(mode: Mode, max: u16) -> Change<'static> {
    let max = if mode == Mode::Lottery { 1 } else { max };
    let seed = (mode != Mode::FirstCome).then(seed);
    Change::Created { definition: Box::new(definition(mode, max)), code_key: keys().code_key_id(), seed }
}

fn text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["ann", "bob", "", "a\nb", "cyd"])
}

fn grant() -> impl Strategy<Value = Granted<'static>> {
    let key = prop::option::weighted(0.5, text());
    let odd = (prop::option::weighted(0.02, 0..3u64), prop::option::weighted(0.02, 0..3u64));
    (0..4u32, text(), key, odd).prop_map(|(day, user, key, (window, phone))| Granted {
        day: Day(day),
        window: window.map(at),
        user,
        key,
        phone: phone.map(PhoneId),
    })
}

fn created_oddly() -> impl Strategy<Value = Change<'static>> {
    (0..3u16, any::<bool>(), any::<bool>()).prop_map(|(max, is_ours, has_seed)| Change::Created {
        definition: Box::new(CampaignDefinition {
            limit: Limit { max, per: Period::Day, by: LimitBy::User },
            ..definition(Mode::FirstCome, 1)
        }),
        code_key: if is_ours { keys().code_key_id() } else { CodeKeyId(1) },
        seed: has_seed.then(seed),
    })
}

fn patched() -> impl Strategy<Value = Change<'static>> {
    let quota = (0..3u16, prop::option::of(0..5u32), prop::option::of(prop::option::of(0..3u32)));
    let accept = || prop::option::of(any::<bool>());
    (quota, accept(), accept()).prop_map(
        |((coupon_type, total_quota, daily_quota), accept_claims, accept_redemptions)| {
            let change = CouponTypePatch { coupon_type: TypeIndex(coupon_type), total_quota, daily_quota };
            let coupon_types = vec![change];
            let patch = CampaignPatch { accept_claims, accept_redemptions, coupon_types, ..CampaignPatch::default() };
            Change::Patched { patch: Box::new(patch) }
        },
    )
}

fn resumed() -> impl Strategy<Value = Change<'static>> {
    (patched(), prop_oneof![Just(1_000), 0..100_000u64]).prop_map(|(change, longer_by)| {
        let Change::Patched { patch } = change else { unreachable!("it is a patch") };
        Change::Resumed { patch, longer_by: Duration::from_millis(longer_by) }
    })
}

fn granted() -> impl Strategy<Value = Change<'static>> {
    let claimed = (grant(), 0..3u16, any::<bool>()).prop_map(|(grant, coupon_type, named)| Change::Claimed {
        grant,
        coupon_type: TypeIndex(coupon_type),
        requested: named.then_some(TypeIndex(coupon_type)),
    });
    let drew = (grant(), prop::option::weighted(0.9, 0..3u16), any::<bool>());
    let drew = drew.prop_map(|(grant, sampled, won)| Change::Drew { grant, sampled: sampled.map(TypeIndex), won });
    prop_oneof![claimed, drew, grant().prop_map(|grant| Change::Entered { grant })]
}

fn after_the_issue() -> impl Strategy<Value = Change<'static>> {
    let voided = (0..8u32, any::<[bool; 3]>()).prop_map(|(claim, [restock, restock_today, allow_again])| {
        Change::Voided { claim: Serial(claim), restock, restock_today, allow_again }
    });
    let hold = prop::option::of(prop::sample::select(vec![0, 1, 10, 24 * 3_600_000, 24 * 3_600_000 + 1]));
    let redeemed = (0..8u32, text(), any::<bool>(), hold).prop_map(|(claim, order, named_user, hold)| {
        Change::Redeemed { claim: Serial(claim), order, named_user, hold: hold.map(Duration::from_millis) }
    });
    let settlement = prop::sample::select(vec![Settlement::Confirm, Settlement::Release, Settlement::Reverse]);
    let settled = (0..6u32, settlement, 0..4u32).prop_map(|(redemption, settlement, day)| Change::Settled {
        redemption: RedemptionNumber(redemption),
        settlement,
        day: Day(day),
    });
    let lapsed = (0..6u32, 0..4u32)
        .prop_map(|(redemption, day)| Change::HoldExpired { redemption: RedemptionNumber(redemption), day: Day(day) });
    let expired = (0..3u16, 0..4u32, 0..4u32).prop_map(|(coupon_type, count, day)| Change::Expired {
        coupon_type: TypeIndex(coupon_type),
        count,
        day: Day(day),
    });
    prop_oneof![2 => voided, 4 => redeemed, 4 => settled, 1 => lapsed, 1 => expired]
}

fn imported() -> impl Strategy<Value = Change<'static>> {
    (0..3u16, 0..3u64, prop::sample::select(vec![1, 2, u32::MAX])).prop_map(|(coupon_type, id, count)| {
        let file = CodeFile { id: CodeFileId(id), count, hash: [0; 32] };
        Change::CodesImported { coupon_type: TypeIndex(coupon_type), file }
    })
}

/// In a campaign without a waiting room or registrations none of them rightly.
fn waited() -> impl Strategy<Value = Change<'static>> {
    let window = || prop::sample::select(vec![at(0), at(crate::shop::NOON_MS)]);
    prop_oneof![
        window().prop_map(|window| Change::Arrived { window, user: "u-1" }),
        (window(), 0..2u32).prop_map(|(window, count)| Change::Shuffled { window, count, hash: [0; 32] }),
        (0..3u32).prop_map(|up_to| Change::Admitted { up_to }),
        Just(Change::Registered { user: "u-1" }),
    ]
}

/// None of them rightly.
fn ranked() -> impl Strategy<Value = Change<'static>> {
    (0..3u32).prop_map(|count| Change::Ranked { count, entries_hash: [0; 32], ranks: None })
}

pub(super) fn change() -> impl Strategy<Value = Change<'static>> {
    prop_oneof![
        1 => created_oddly(),
        2 => patched(),
        2 => resumed(),
        1 => prop::bool::weighted(0.3).prop_map(|revoke| Change::Cancelled { revoke }),
        1 => Just(Change::Archived),
        2 => Just(Change::Ended),
        3 => ranked(),
        2 => imported(),
        40 => granted(),
        24 => after_the_issue(),
        2 => waited(),
    ]
}
