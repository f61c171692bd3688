//! A log and a snapshot that contradict themselves are refused: never a panic, never a broken promise.

mod events;

use std::sync::LazyLock;

use landrush_engine::audit::Audit;
use landrush_engine::campaign::Mode;
use landrush_engine::codec::{decode_event, encode_event};
use landrush_engine::coupon::Codes;
use landrush_engine::event::{Change, Event};
use landrush_engine::fairness::EntriesHash;
use landrush_engine::id::CampaignNumber;
use landrush_engine::shard::{Breach, CampaignDecoder, State};
use proptest::prelude::*;

use self::events::{change, created, definition};
use crate::codec::campaigns::{claims, draws, lottery, stream};
use crate::shop::{DAY_MS, RUSH, Shop, at, keys, seeded, won};

proptest! {
    #![proptest_config(seeded(1_500))]

    /// Whatever is accepted keeps every promise.
    #[test]
    fn no_log_leads_to_a_broken_promise(
        mode in prop::sample::select(vec![Mode::FirstCome, Mode::Draw, Mode::Lottery]),
        max in 1..3u16,
        events in prop::collection::vec((0..2u32, 0..1_000u64, change()), 0..120),
    ) {
        let mut state = State::new(&keys());
        state.apply(&Event { campaign: RUSH, at: at(0), change: created(mode, max) }).expect("valid");
        for (campaign, moment, change) in events {
            let change = rightly_ranked(&state, change);
            let event = Event { campaign: CampaignNumber(campaign), at: at(moment), change };
            let before = state.campaigns().map(|campaign| state.campaign_hash(campaign)).collect::<Vec<_>>();
            if state.apply(&event).is_err() {
                let after = state.campaigns().map(|campaign| state.campaign_hash(campaign)).collect::<Vec<_>>();
                prop_assert_eq!(before, after, "a refused event changes nothing");
            }
        }
        let audit = Audit::of(&state, &Codes::new(&keys()));
        prop_assert!(audit.is_sound(), "{:?}", audit);
        let mut shop = Shop { state, ..Shop::empty() };
        shop.do_what_is_due();
        let restored = shop.restored();
        for campaign in shop.state.campaigns() {
            prop_assert_eq!(shop.state.campaign_hash(campaign), restored.campaign_hash(campaign));
        }
        prop_assert!(shop.audit().is_sound(), "{:?}", shop.audit());
    }

    #[test]
    fn no_bytes_upset_the_event_decoder(bytes in prop::collection::vec(any::<u8>(), 0..200), tag in 0..17u8) {
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

    /// A campaign whose bytes were changed is refused or is another one, and can be lived with.
    #[test]
    fn no_changed_bytes_upset_the_snapshot_decoder(
        which in 0..3usize,
        place in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        bytes in prop_oneof![
            (0..8u32).prop_map(|bit| vec![1 << bit]),
            prop::collection::vec(prop_oneof![Just(0), Just(0xff), any::<u8>()], 1..6),
        ],
    ) {
        static STREAMS: LazyLock<[Vec<u8>; 3]> =
            LazyLock::new(|| [claims(), draws(), lottery()].map(|shop| stream(&shop.state)));
        let mut changed = STREAMS[which].clone();
        let place = place.index(changed.len());
        changed[place..].iter_mut().zip(bytes).for_each(|(byte, change)| *byte ^= change);
        let mut state = State::new(&keys());
        let mut decoder = CampaignDecoder::new(&state);
        let (front, back) = changed.split_at(cut.index(changed.len()));
        let decoded = decoder.push(front).and_then(|()| decoder.push(back)).and_then(|()| decoder.finish(&mut state));
        if let Ok(number) = decoded {
            let mut again = Vec::new();
            let encoded: Result<(), std::convert::Infallible> = state.encode_campaign(number, |block| {
                again.extend_from_slice(block);
                Ok(())
            });
            encoded.expect("cannot fail");
            let mut shop = Shop { state, ..Shop::empty() };
            shop.now += 100 * DAY_MS;
            shop.do_what_is_due();
            prop_assert_eq!(shop.audit().campaigns.len(), 1);
            // What was read is written the same: nothing of it was passed over.
            let is_old = changed[0] == 1;
            prop_assert!(is_old || again == changed);
        }
    }
}

/// Ranks said to be of no entries are those of all entries: else no lottery here would ever be drawn.
fn rightly_ranked(state: &State, change: Change<'static>) -> Change<'static> {
    if !matches!(change, Change::Ranked { count: 0, .. }) {
        return change;
    }
    let mut hash = EntriesHash::new();
    state.for_each_person(RUSH, |user| hash.update(user));
    Change::Ranked { count: state.claim_count(RUSH), entries_hash: hash.value(), ranks: None }
}

fn snapshot() -> (Shop, Vec<u8>) {
    let mut shop = Shop::new(definition(Mode::FirstCome, 1));
    for user in ["ann", "bob", "cyd"] {
        won(&shop.claim(user));
    }
    shop.void(1, None, true);
    let stream = stream(&shop.state);
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
    let created = Change::Created {
        definition: Box::new(view.definition.as_ref().clone()),
        code_key: keys().code_key_id(),
        seed: None,
    };
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
    let created = Change::Created { definition: Box::new(definition.as_ref().clone()), code_key: other, seed: None };
    let error =
        restored.apply(&Event { campaign: CampaignNumber(1), at: at(0), change: created }).expect_err("another key");
    assert_eq!(error.breach, Breach::CodeKey { found: other, present: keys().code_key_id() });
}
