//! The same bytes, described to another library: whatever becomes of the first, the logs stay readable.

use wincode::containers::Vec as Counted;
use wincode::len::FixIntLen;
use wincode::{SchemaRead, SchemaWrite};

use super::{GOLDEN_EVENTS, GOLDEN_LATER_EVENTS, unhex};
use crate::shop::NOON_MS;

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
    let mut lines = GOLDEN_EVENTS.lines().chain(GOLDEN_LATER_EVENTS.lines());
    let line = lines.find(|line| line.split(' ').next() == Some(name));
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

#[derive(SchemaRead, SchemaWrite)]
struct Windows {
    #[wincode(with = "Counted<u32, FixIntLen<u16>>")]
    at: Vec<u32>,
    days: u8,
    duration_ms: u64,
}

#[derive(SchemaRead, SchemaWrite)]
struct LaterType {
    probability: Option<u32>,
    codes: u8,
}

#[derive(SchemaRead, SchemaWrite)]
struct Later {
    windows: Option<Windows>,
    limit_by: u8,
    phone_required: bool,
    expired: u8,
    #[wincode(with = "Counted<LaterType, FixIntLen<u16>>")]
    types: Vec<LaterType>,
}

#[derive(SchemaRead, SchemaWrite)]
struct Definition {
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
    later: Later,
}

/// What every event begins with.
#[derive(SchemaRead, SchemaWrite)]
struct Head {
    tag: u8,
    campaign: u32,
    at: u64,
}

#[derive(SchemaRead, SchemaWrite)]
struct CreatedLater {
    head: Head,
    definition: Definition,
    code_key: u64,
}

#[derive(SchemaRead, SchemaWrite)]
struct CreatedWithSeed {
    created: CreatedLater,
    seed: [u8; 32],
}

#[derive(SchemaRead, SchemaWrite)]
struct ClaimedInWindowByPhone {
    head: Head,
    day: u32,
    coupon_type: u16,
    flags: u8,
    window: u64,
    phone: u64,
    #[wincode(with = "Short")]
    user: Vec<u8>,
}

#[derive(SchemaRead, SchemaWrite)]
struct Entered {
    head: Head,
    day: u32,
    flags: u8,
    #[wincode(with = "Short")]
    user: Vec<u8>,
}

#[derive(SchemaRead, SchemaWrite)]
struct Ranked {
    head: Head,
    count: u32,
    entries_hash: [u8; 32],
}

#[derive(SchemaRead, SchemaWrite)]
struct CodesImported {
    head: Head,
    coupon_type: u16,
    file: u64,
    count: u32,
    hash: [u8; 32],
}

#[derive(SchemaRead, SchemaWrite)]
struct Redeemed {
    head: Head,
    claim: u32,
    flags: u8,
    #[wincode(with = "Short")]
    order: Vec<u8>,
}

#[derive(SchemaRead, SchemaWrite)]
struct RedeemedWithHold {
    head: Head,
    claim: u32,
    flags: u8,
    hold_ms: u64,
    #[wincode(with = "Short")]
    order: Vec<u8>,
}

#[derive(SchemaRead, SchemaWrite)]
struct Settled {
    head: Head,
    redemption: u32,
    settlement: u8,
    day: u32,
}

#[derive(SchemaRead, SchemaWrite)]
struct HoldExpired {
    head: Head,
    redemption: u32,
    day: u32,
}

#[derive(SchemaRead, SchemaWrite)]
struct Expired {
    head: Head,
    coupon_type: u16,
    count: u32,
    day: u32,
}

#[test]
fn a_second_library_reads_and_writes_definitions_of_later_campaigns() {
    let windows = read_back!("created-with-windows", CreatedLater);
    assert_eq!((windows.head.tag, windows.definition.mode, windows.code_key), (1, 129, 0x0123_4567_89ab_cdef));
    let later = windows.definition.later;
    assert_eq!((later.limit_by, later.phone_required, later.expired), (2, true, 1));
    assert_eq!(later.windows.map(|windows| (windows.at, windows.days)), Some((vec![36_000, 54_000], 0b001_0001)));
    assert_eq!(later.types.iter().map(|each| (each.probability, each.codes)).collect::<Vec<_>>(), [(None, 2)]);
    let draws = read_back!("created-draws", CreatedWithSeed);
    assert_eq!((draws.created.definition.mode, draws.seed), (130, [5; 32]));
    assert_eq!(draws.created.definition.later.types[0].probability, Some(100_000_000));
    let lottery = read_back!("created-lottery", CreatedWithSeedOnly);
    assert_eq!((lottery.created.coupon_types.len(), lottery.seed), (1, [5; 32]));
}

/// A lottery that needs nothing of what came later is written as the first campaigns were, but for its mode and its seed.
#[derive(SchemaRead, SchemaWrite)]
struct CreatedWithSeedOnly {
    created: Created,
    seed: [u8; 32],
}

#[test]
fn a_second_library_reads_and_writes_what_came_later() {
    let claimed = read_back!("claimed-in-a-window-by-phone", ClaimedInWindowByPhone);
    assert_eq!((claimed.head.tag, claimed.flags, claimed.window, claimed.phone), (5, 12, NOON_MS, 77));
    let drew = read_back!("drew-won", Claimed);
    assert_eq!((drew.tag, drew.flags, drew.coupon_type), (7, 0, 1));
    assert_eq!(read_back!("drew-lost", Claimed).flags, 16);
    assert_eq!(read_back!("drew-nothing", Claimed).coupon_type, u16::MAX);
    assert_eq!(read_back!("drew-under-key", ClaimedUnderKey).claimed.flags, 18);
    let entered = read_back!("entered", Entered);
    assert_eq!((entered.head.tag, entered.flags, &entered.user[..]), (8, 0, &b"u-90210-xy"[..]));
    assert_eq!(read_back!("ended", Head).tag, 9);
    let ranked = read_back!("ranked", Ranked);
    assert_eq!((ranked.head.tag, ranked.count, ranked.entries_hash), (10, 1_000_000, [6; 32]));
    let imported = read_back!("codes-imported", CodesImported);
    assert_eq!((imported.head.tag, imported.file, imported.count, imported.hash), (11, 8, 9, [7; 32]));
    let redeemed = read_back!("redeemed", Redeemed);
    assert_eq!((redeemed.head.tag, redeemed.claim, redeemed.flags), (12, 77, 1));
    let held = read_back!("redeemed-with-hold", RedeemedWithHold);
    assert_eq!((held.flags, held.hold_ms, &held.order[..]), (2, 600_000, &b"o-9"[..]));
    assert_eq!(read_back!("confirmed", Settled).settlement, 1);
    assert_eq!(read_back!("released", Settled).settlement, 2);
    assert_eq!(read_back!("reversed", Settled).settlement, 3);
    let hold = read_back!("hold-expired", HoldExpired);
    assert_eq!((hold.head.tag, hold.redemption, hold.day), (14, 3, 20_788));
    let expired = read_back!("expired", Expired);
    assert_eq!((expired.head.tag, expired.coupon_type, expired.count, expired.day), (15, 1, 4_096, 20_788));
}
