//! A log and a snapshot that contradict themselves are refused: never a panic, never a broken promise.

use std::borrow::Cow;

use landrush_engine::audit::Audit;
use landrush_engine::campaign::{CampaignDefinition, CampaignPatch, CouponTypePatch, LimitBy, Period};
use landrush_engine::codec::{decode_event, encode_event};
use landrush_engine::coupon::Codes;
use landrush_engine::event::{Change, CodeKeyId, Event, Granted};
use landrush_engine::id::{CampaignNumber, Serial, TypeIndex};
use landrush_engine::shard::{Breach, CampaignDecoder, State};
use landrush_engine::time::Day;
use proptest::prelude::*;

use crate::shop::{RUSH, Shop, at, keys, seeded, won};

fn definition(max: u16) -> CampaignDefinition {
    let builder = CampaignDefinition::builder("rush").limit(max, Period::Day);
    builder.coupon_type("a", 3).daily_quota(2).coupon_type("b", 2).build().expect("valid")
}

fn text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["ann", "bob", "", "a\nb", "cyd"])
}

fn change() -> impl Strategy<Value = Change<'static>> {
    let claimed = (0..4u32, 0..3u16, text(), prop::option::of(text()), any::<bool>());
    let quota = (0..3u16, prop::option::of(0..5u32), prop::option::of(prop::option::of(0..3u32)));
    prop_oneof![
        1 => (0..3u16, any::<bool>()).prop_map(|(max, mine)| Change::Created {
            definition: Cow::Owned(CampaignDefinition { limit: landrush_engine::campaign::Limit { max, per: Period::Day, by: LimitBy::User }, ..definition(1) }),
            code_key: if mine { keys().code_key_id() } else { CodeKeyId(1) },
            seed: None,
        }),
        2 => (quota, prop::option::of(any::<bool>())).prop_map(|((coupon_type, total_quota, daily_quota), accept_claims)| {
            let change = CouponTypePatch { coupon_type: TypeIndex(coupon_type), total_quota, daily_quota };
            let patch = CampaignPatch { accept_claims, coupon_types: vec![change], ..CampaignPatch::default() };
            Change::Patched { patch: Cow::Owned(patch) }
        }),
        1 => any::<bool>().prop_map(|revoke| Change::Cancelled { revoke }),
        1 => Just(Change::Archived),
        20 => claimed.prop_map(|(day, coupon_type, user, key, named)| Change::Claimed {
            grant: Granted { day: Day(day), window: None, user, key, phone: None },
            coupon_type: TypeIndex(coupon_type),
            requested: named.then_some(TypeIndex(coupon_type)),
        }),
        5 => (0..8u32, any::<[bool; 3]>()).prop_map(|(claim, [restock, restock_today, allow_again])| Change::Voided {
            claim: Serial(claim), restock, restock_today, allow_again,
        }),
    ]
}

proptest! {
    #![proptest_config(seeded(1_000))]

    /// Whatever is accepted keeps every promise.
    #[test]
    fn no_log_leads_to_a_broken_promise(
        max in 1..3u16,
        events in prop::collection::vec((0..2u32, 0..1_000u64, change()), 0..120),
    ) {
        let mut state = State::new(&keys());
        let created = Change::Created { definition: Cow::Owned(definition(max)), code_key: keys().code_key_id(), seed: None };
        state.apply(&Event { campaign: RUSH, at: at(0), change: created }).expect("valid");
        for (campaign, moment, change) in events {
            let event = Event { campaign: CampaignNumber(campaign), at: at(moment), change };
            let before = state.campaigns().map(|campaign| state.campaign_hash(campaign)).collect::<Vec<_>>();
            if state.apply(&event).is_err() {
                let after = state.campaigns().map(|campaign| state.campaign_hash(campaign)).collect::<Vec<_>>();
                prop_assert_eq!(before, after, "a refused event changes nothing");
            }
        }
        let audit = Audit::of(&state, &Codes::new(&keys()));
        prop_assert!(audit.is_sound(), "{:?}", audit);
    }

    #[test]
    fn no_bytes_upset_the_event_decoder(bytes in prop::collection::vec(any::<u8>(), 0..200), tag in 0..8u8) {
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() {
            *first = tag;
        }
        if let Ok(event) = decode_event(&bytes) {
            let mut again = Vec::new();
            encode_event(&event, &mut again);
            prop_assert_eq!(again, bytes, "what is read is written the same");
        }
    }

    #[test]
    fn no_flipped_bit_upsets_the_snapshot_decoder(byte in any::<prop::sample::Index>(), bit in 0..8u32, cut in any::<prop::sample::Index>()) {
        let (shop, mut stream) = snapshot();
        let index = byte.index(stream.len());
        stream[index] ^= 1 << bit;
        let mut restored = State::new(&keys());
        let mut decoder = CampaignDecoder::new(&restored);
        let (front, back) = stream.split_at(cut.index(stream.len()));
        let decoded = decoder.push(front).and_then(|()| decoder.push(back)).and_then(|()| decoder.finish(&mut restored));
        if let Ok(number) = decoded {
            prop_assert!(number != RUSH || restored.campaign_hash(RUSH) != shop.state.campaign_hash(RUSH));
            let _ = Audit::of(&restored, &Codes::new(&keys()));
        }
    }
}

fn snapshot() -> (Shop, Vec<u8>) {
    let mut shop = Shop::new(definition(1));
    for user in ["ann", "bob", "cyd"] {
        won(&shop.claim(user));
    }
    shop.void(1, None, true);
    let mut stream = Vec::new();
    let encoded: Result<(), std::convert::Infallible> = shop.state.encode_campaign(RUSH, |block| {
        stream.extend_from_slice(block);
        Ok(())
    });
    encoded.expect("cannot fail");
    (shop, stream)
}

#[test]
fn a_snapshot_cut_short_or_too_long_is_refused() {
    let (_, stream) = snapshot();
    for length in 0..stream.len() {
        let mut restored = State::new(&keys());
        let mut decoder = CampaignDecoder::new(&restored);
        decoder.push(&stream[..length]).expect("it may go on");
        assert!(decoder.finish(&mut restored).is_err(), "{length} of {} bytes", stream.len());
    }
    let mut decoder = CampaignDecoder::new(&State::new(&keys()));
    decoder.push(&stream).expect("whole");
    assert!(decoder.push(b"x").is_err());
}

#[test]
fn another_code_key_is_noticed() {
    let (shop, stream) = snapshot();
    let other = landrush_engine::keys::Keys::from_bytes([7; 16], [8; 32]);
    let mut state = State::new(&other);
    let view = shop.state.view(RUSH).expect("there");
    let created =
        Change::Created { definition: Cow::Borrowed(&view.definition), code_key: keys().code_key_id(), seed: None };
    let error = state.apply(&Event { campaign: RUSH, at: at(0), change: created }).expect_err("another key");
    assert_eq!(error.breach, Breach::CodeKey { found: keys().code_key_id(), present: other.code_key_id() });
    assert!(CampaignDecoder::new(&state).push(&stream).is_err());
}

#[test]
fn another_person_key_changes_nothing_that_is_kept() {
    let (shop, stream) = snapshot();
    let mut restored = State::new(&landrush_engine::keys::Keys::from_bytes([1; 16], [9; 32]));
    let mut decoder = CampaignDecoder::new(&restored);
    decoder.push(&stream).expect("whole");
    decoder.finish(&mut restored).expect("sound");
    assert_eq!(restored.campaign_hash(RUSH), shop.state.campaign_hash(RUSH));
    let mut people = Vec::new();
    restored.for_each_person(RUSH, |user| people.push(user.to_owned()));
    people.sort();
    assert_eq!(people, ["ann", "bob", "cyd"]);
}

#[test]
fn without_keys_a_state_takes_the_code_key_that_comes_first_and_no_other() {
    let (shop, stream) = snapshot();
    let mut restored = State::without_keys();
    let mut decoder = CampaignDecoder::new(&restored);
    decoder.push(&stream).expect("whole");
    decoder.finish(&mut restored).expect("sound");
    assert_eq!(restored.campaign_hash(RUSH), shop.state.campaign_hash(RUSH));
    assert_eq!(Audit::without_codes(&restored), Audit::of(&restored, &Codes::new(&keys())));
    let other = landrush_engine::keys::Keys::from_bytes([7; 16], [8; 32]).code_key_id();
    let definition = shop.state.view(RUSH).expect("there").definition;
    let created = Change::Created { definition: Cow::Borrowed(&definition), code_key: other, seed: None };
    let error =
        restored.apply(&Event { campaign: CampaignNumber(1), at: at(0), change: created }).expect_err("another key");
    assert_eq!(error.breach, Breach::CodeKey { found: other, present: keys().code_key_id() });
}
