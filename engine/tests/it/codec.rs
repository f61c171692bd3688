//! The bytes of events: pinned, and read back whole or not at all.

pub(crate) mod campaigns;
mod later;
mod rooms;
mod successor;

use std::fmt::Write;
use std::time::Duration;

use landrush_engine::campaign::{
    AvailabilityDisplay, CampaignDefinition, CampaignPatch, CouponTypePatch, Period, Return,
};
use landrush_engine::codec::{CodecError, EVENT_BYTES_MAX, decode_event, encode_event};
use landrush_engine::event::{Change, CodeKeyId, Event, Granted};
use landrush_engine::id::{CampaignNumber, Serial, TypeIndex};
use landrush_engine::time::Day;

use crate::shop::{NOON_MS, at};

const GOLDEN_EVENTS: &str = include_str!("../golden/events-1.txt");
/// What came after the first release.
const GOLDEN_LATER_EVENTS: &str = include_str!("../golden/events-2.txt");

fn definition() -> CampaignDefinition {
    let builder = CampaignDefinition::builder("spring-sale").time_zone("Asia/Singapore").voided(Return::Burn);
    let builder = builder.open(at(NOON_MS), at(NOON_MS + 1)).limit(3, Period::Day).expected_claimants(2_000_000);
    let builder = builder.coupon_type("cash-5", 10_000).daily_quota(500).valid_for(Duration::from_secs(60));
    let mut definition = builder.coupon_type("cash-9", 1).build().expect("valid");
    definition.name = "Spring sale \u{1f337}".to_owned();
    definition.availability_display = AvailabilityDisplay::Bucketed;
    definition.coupon_types[0].metadata = Some(r#"{"discount":"5 SGD"}"#.to_owned());
    definition
}

fn patch() -> CampaignPatch {
    let none = CouponTypePatch { coupon_type: TypeIndex(1), total_quota: None, daily_quota: Some(None) };
    let some = CouponTypePatch { coupon_type: TypeIndex(0), total_quota: Some(7), daily_quota: Some(Some(3)) };
    CampaignPatch {
        name: Some("Sale".to_owned()),
        ends_at: Some(at(NOON_MS + 2)),
        availability_display: Some(AvailabilityDisplay::Exact),
        accept_claims: Some(false),
        accept_redemptions: Some(true),
        coupon_types: vec![none, some],
    }
}

fn events() -> Vec<(&'static str, Change<'static>)> {
    let grant = |key| Granted { day: Day(20_788), window: None, user: "u-90210-xy", key, phone: None };
    let claimed = |key, requested| Change::Claimed { grant: grant(key), coupon_type: TypeIndex(1), requested };
    let voided =
        |restock, restock_today, allow_again| Change::Voided { claim: Serial(77), restock, restock_today, allow_again };
    vec![
        (
            "created",
            Change::Created {
                definition: Box::new(definition()),
                code_key: CodeKeyId(0x0123_4567_89ab_cdef),
                seed: None,
            },
        ),
        ("patched", Change::Patched { patch: Box::new(patch()) }),
        ("patched-nothing", Change::Patched { patch: Box::new(CampaignPatch::default()) }),
        ("cancelled", Change::Cancelled { revoke: false }),
        ("revoked", Change::Cancelled { revoke: true }),
        ("archived", Change::Archived),
        ("claimed", claimed(None, None)),
        ("claimed-by-name-under-key", claimed(Some("k-1"), Some(TypeIndex(1)))),
        ("voided", voided(false, false, false)),
        ("voided-restocked", voided(true, true, true)),
    ]
}

fn encode(change: Change<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_event(&Event { campaign: CampaignNumber(258), at: at(NOON_MS), change }, &mut bytes);
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.trim().as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex digits");
    digits.map(byte).collect()
}

/// All of them, with what they were written as.
fn golden_events() -> Vec<(&'static str, Change<'static>, Vec<u8>)> {
    let golden = GOLDEN_EVENTS.lines().chain(GOLDEN_LATER_EVENTS.lines());
    let events: Vec<_> = events().into_iter().chain(later::events()).collect();
    assert_eq!(golden.clone().count(), events.len());
    let pair = |(line, (name, change)): (&str, (&'static str, Change<'static>))| {
        let (golden_name, bytes) = line.split_once(' ').expect("a name and bytes");
        assert_eq!(golden_name, name);
        (name, change, unhex(bytes))
    };
    golden.zip(events).map(pair).collect()
}

#[test]
fn events_are_written_as_ever() {
    let write = |events: Vec<(&str, Change<'static>)>| {
        events.into_iter().fold(String::new(), |mut text, (name, change)| {
            writeln!(text, "{name} {}", hex(&encode(change))).expect("a string takes all");
            text
        })
    };
    let (first, later) = (write(events()), write(later::events()));
    assert_eq!(first, GOLDEN_EVENTS, "written now:\n{first}");
    assert_eq!(later, GOLDEN_LATER_EVENTS, "written now:\n{later}");
}

#[test]
fn events_of_every_released_format_are_read() {
    for (name, change, golden) in golden_events() {
        let expected = Event { campaign: CampaignNumber(258), at: at(NOON_MS), change };
        assert_eq!(decode_event(&golden).as_ref(), Ok(&expected), "{name}");
    }
}

#[test]
fn an_event_is_read_whole_or_not_at_all() {
    for (name, _, mut bytes) in golden_events() {
        for length in 0..bytes.len() {
            assert_eq!(decode_event(&bytes[..length]), Err(CodecError::Truncated), "{name}, {length} bytes");
        }
        bytes.push(0);
        assert_eq!(decode_event(&bytes), Err(CodecError::Trailing { bytes: 1 }), "{name}");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let check = |change, index: usize, byte: u8| {
        let mut bytes = encode(change);
        bytes[index] = byte;
        assert!(matches!(decode_event(&bytes), Err(CodecError::Invalid { .. })), "byte {index} = {byte}");
    };
    let claimed = || events()[6].1.clone();
    check(claimed(), 0, 0);
    check(claimed(), 0, 21);
    check(claimed(), 12, 0xff);
    check(claimed(), 19, 16);
    check(claimed(), 19, 32);
    check(claimed(), 21, 0xff);
    check(Change::Cancelled { revoke: false }, 13, 2);
    // A draw that sampled nothing and won, an entry that lost, a settlement and a redemption of no kind.
    let later = |wanted: &str| later::events().into_iter().find(|(name, _)| *name == wanted).expect("an event").1;
    check(later("drew-nothing"), 19, 0);
    check(later("entered"), 17, 16);
    check(later("confirmed"), 17, 4);
    check(later("redeemed"), 17, 4);
    let far = encode(events()[0].1.clone()).len();
    assert!(far < EVENT_BYTES_MAX);
}

#[test]
fn a_claim_takes_31_bytes_beside_nothing() {
    assert_eq!(encode(events()[6].1.clone()).len(), 31);
}

/// The largest definition that is taken fits an event.
#[test]
fn the_largest_definition_is_read_back() {
    let mut definition = definition();
    definition.coupon_types = vec![definition.coupon_types[0].clone(); CampaignDefinition::COUPON_TYPES_MAX];
    for (index, coupon_type) in definition.coupon_types.iter_mut().enumerate() {
        let id = format!("{index:064}");
        coupon_type.id = landrush_engine::id::CouponTypeId::new(&id).expect("valid");
        (coupon_type.name, coupon_type.metadata) = (String::new(), None);
    }
    let room = CampaignDefinition::TEXT_BYTES_MAX - 64_000 - definition.time_zone.len();
    definition.name = "x".repeat(room);
    definition.check().expect("it just fits");
    let change = Change::Created { definition: Box::new(definition), code_key: CodeKeyId(1), seed: None };
    let bytes = encode(change.clone());
    assert_eq!(decode_event(&bytes).expect("it is read").change, change);
}
