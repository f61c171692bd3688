//! The bytes of events and of a campaign's stream: pinned, and read by a second library.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;

use landrush_engine::campaign::{
    AvailabilityDisplay, CampaignDefinition, CampaignPatch, CampaignView, CouponTypePatch, Limit, LimitBy, Period,
    Return,
};
use landrush_engine::codec::{CodecError, EVENT_BYTES_MAX, decode_event, encode_event};
use landrush_engine::event::{Change, CodeKeyId, Event, Granted};
use landrush_engine::id::{CampaignNumber, Serial, TypeIndex};
use landrush_engine::shard::{CampaignDecoder, State};
use landrush_engine::time::Day;

use crate::shop::{NOON_MS, RUSH, Shop, at, keys, won};

const GOLDEN_EVENTS: &str = include_str!("../golden/events-1.txt");
const GOLDEN_CAMPAIGN_1: &str = include_str!("../golden/campaign-1.txt");
const GOLDEN_CAMPAIGN: &str = include_str!("../golden/campaign-2.txt");

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
                definition: Cow::Owned(definition()),
                code_key: CodeKeyId(0x0123_4567_89ab_cdef),
                seed: None,
            },
        ),
        ("patched", Change::Patched { patch: Cow::Owned(patch()) }),
        ("patched-nothing", Change::Patched { patch: Cow::Owned(CampaignPatch::default()) }),
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

#[test]
fn events_are_written_as_ever() {
    let written = events().into_iter().fold(String::new(), |mut text, (name, change)| {
        writeln!(text, "{name} {}", hex(&encode(change))).expect("a string takes all");
        text
    });
    assert_eq!(written, GOLDEN_EVENTS, "written now:\n{written}");
}

#[test]
fn events_of_every_released_format_are_read() {
    let mut read = 0;
    for (line, (name, change)) in GOLDEN_EVENTS.lines().zip(events()) {
        let (golden_name, golden) = line.split_once(' ').expect("a name and bytes");
        let expected = Event { campaign: CampaignNumber(258), at: at(NOON_MS), change };
        assert_eq!((golden_name, decode_event(&unhex(golden)).as_ref()), (name, Ok(&expected)));
        read += 1;
    }
    assert_eq!(read, events().len());
}

#[test]
fn an_event_is_read_whole_or_not_at_all() {
    for (name, change) in events() {
        let mut bytes = encode(change);
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
    check(claimed(), 0, 16);
    check(claimed(), 12, 0xff);
    check(claimed(), 19, 16);
    check(claimed(), 19, 32);
    check(claimed(), 21, 0xff);
    check(Change::Cancelled { revoke: false }, 13, 2);
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
    let change = Change::Created { definition: Cow::Owned(definition), code_key: CodeKeyId(1), seed: None };
    let bytes = encode(change.clone());
    assert_eq!(decode_event(&bytes).expect("it is read").change, change);
}

fn campaign() -> Shop {
    let mut definition = definition();
    definition.ends_at = at(NOON_MS + 1_000_000_000);
    definition.limit = Limit { max: 1, per: Period::Day, by: LimitBy::User };
    let mut shop = Shop::new(definition);
    for user in ["ann", "bob", "cyd"] {
        won(&shop.claim(user));
        shop.now += 40_000_000;
    }
    shop.void(1, Some(true), true);
    shop.submit(&landrush_engine::command::Command::Patch { campaign: RUSH, patch: Box::new(patch()), dry_run: false });
    shop.submit(&landrush_engine::command::Command::Cancel { campaign: RUSH, revoke: false, dry_run: false });
    shop
}

#[test]
fn a_campaign_is_written_and_read_as_ever() {
    let written = stream(&campaign().state);
    assert_eq!(hex(&written), GOLDEN_CAMPAIGN.trim(), "written now:\n{}", hex(&written));
    assert_eq!(read_back(GOLDEN_CAMPAIGN).view(RUSH), campaign().state.view(RUSH));
}

/// It did not know that coupons run out: they do so once it is read. Nor did it know that a campaign ended before it was
/// cancelled.
#[test]
fn a_campaign_of_the_first_version_is_read_and_lives_on() {
    let mut shop = Shop { state: read_back(GOLDEN_CAMPAIGN_1), now: campaign().now, ..Shop::empty() };
    assert_eq!(shop.do_what_is_due(), 1);
    let now = campaign().state.view(RUSH).expect("it lives");
    assert_eq!(shop.state.view(RUSH), Some(CampaignView { ended: false, ..now }));
    assert!(shop.audit().is_sound());
}

fn stream(state: &State) -> Vec<u8> {
    let mut stream = Vec::new();
    let encoded: Result<(), std::convert::Infallible> = state.encode_campaign(RUSH, |block| {
        stream.extend_from_slice(block);
        Ok(())
    });
    encoded.expect("cannot fail");
    stream
}

fn read_back(golden: &str) -> State {
    let mut state = State::new(&keys());
    let mut decoder = CampaignDecoder::new(&state);
    decoder.push(&unhex(golden)).expect("it is read");
    decoder.finish(&mut state).expect("it is sound");
    state
}

/// The same bytes, described to another library: whatever becomes of the first, the logs stay readable.
mod successor {
    use wincode::containers::Vec as Counted;
    use wincode::len::FixIntLen;
    use wincode::{SchemaRead, SchemaWrite};

    use super::*;

    type Short = Counted<u8, FixIntLen<u8>>;
    type Long = Counted<u8, FixIntLen<u32>>;

    #[derive(SchemaRead, SchemaWrite)]
    struct Claimed {
        tag: u8,
        campaign: u32,
        at: u64,
        day: u32,
        coupon_type: u16,
        flags: u8,
        #[wincode(with = "Short")]
        user: Vec<u8>,
    }

    #[derive(SchemaRead, SchemaWrite)]
    struct ClaimedUnderKey {
        claimed: Claimed,
        #[wincode(with = "Short")]
        key: Vec<u8>,
    }

    #[derive(SchemaRead, SchemaWrite)]
    struct Voided {
        tag: u8,
        campaign: u32,
        at: u64,
        claim: u32,
        flags: u8,
    }

    #[derive(SchemaRead, SchemaWrite)]
    struct CouponType {
        #[wincode(with = "Short")]
        id: Vec<u8>,
        #[wincode(with = "Long")]
        name: Vec<u8>,
        total_quota: u32,
        daily_quota: Option<u32>,
        valid_for_ms: Option<u64>,
        #[wincode(with = "Option<Long>")]
        metadata: Option<Vec<u8>>,
    }

    #[derive(SchemaRead, SchemaWrite)]
    struct Created {
        tag: u8,
        campaign: u32,
        at: u64,
        #[wincode(with = "Short")]
        id: Vec<u8>,
        #[wincode(with = "Long")]
        name: Vec<u8>,
        #[wincode(with = "Long")]
        time_zone: Vec<u8>,
        mode: u8,
        starts_at: u64,
        ends_at: u64,
        limit_max: u16,
        limit_per: u8,
        display: u8,
        expected_claimants: u32,
        voided: u8,
        #[wincode(with = "Counted<CouponType, FixIntLen<u16>>")]
        coupon_types: Vec<CouponType>,
        code_key: u64,
    }

    #[derive(SchemaRead, SchemaWrite)]
    struct TypePatch {
        coupon_type: u16,
        total_quota: Option<u32>,
        daily_quota: Option<Option<u32>>,
    }

    #[derive(SchemaRead, SchemaWrite)]
    struct Patched {
        tag: u8,
        campaign: u32,
        at: u64,
        #[wincode(with = "Option<Long>")]
        name: Option<Vec<u8>>,
        ends_at: Option<u64>,
        display: Option<u8>,
        accept_claims: Option<bool>,
        accept_redemptions: Option<bool>,
        #[wincode(with = "Counted<TypePatch, FixIntLen<u16>>")]
        coupon_types: Vec<TypePatch>,
    }

    fn golden(name: &str) -> Vec<u8> {
        let line = GOLDEN_EVENTS.lines().find(|line| line.split(' ').next() == Some(name));
        unhex(line.and_then(|line| line.split(' ').nth(1)).expect("a golden event"))
    }

    macro_rules! read_back {
        ($name:literal, $type:ty) => {{
            let bytes = golden($name);
            let value: $type = wincode::deserialize_exact(&bytes).expect("the second library reads it");
            assert_eq!(wincode::serialize(&value).expect("and writes it"), bytes, "{}", $name);
            value
        }};
    }

    #[test]
    fn a_second_library_reads_and_writes_the_same_bytes() {
        let claimed = read_back!("claimed", Claimed);
        assert_eq!((claimed.tag, claimed.campaign, claimed.at, claimed.day), (5, 258, NOON_MS, 20_788));
        assert_eq!((claimed.coupon_type, claimed.flags, &claimed.user[..]), (1, 0, &b"u-90210-xy"[..]));
        let keyed = read_back!("claimed-by-name-under-key", ClaimedUnderKey);
        assert_eq!((keyed.claimed.flags, &keyed.key[..]), (3, &b"k-1"[..]));
        let voided = read_back!("voided-restocked", Voided);
        assert_eq!((voided.claim, voided.flags), (77, 7));
        let created = read_back!("created", Created);
        assert_eq!((created.code_key, created.coupon_types.len()), (0x0123_4567_89ab_cdef, 2));
        assert_eq!((&created.name[..], created.limit_max), ("Spring sale \u{1f337}".as_bytes(), 3));
        let patched = read_back!("patched", Patched);
        assert_eq!(patched.coupon_types[1].daily_quota, Some(Some(3)));
        assert_eq!(read_back!("patched-nothing", Patched).coupon_types.len(), 0);
    }
}
