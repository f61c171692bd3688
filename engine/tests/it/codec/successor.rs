//! The same bytes, described to another library: whatever becomes of the first, the logs stay readable.

mod later;

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

#[derive(SchemaRead, SchemaWrite)]
struct Resumed {
    patched: Patched,
    longer_by_ms: u64,
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

use read_back;

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
    let resumed = read_back!("resumed", Resumed);
    assert_eq!((resumed.patched.tag, resumed.patched.accept_claims, resumed.longer_by_ms), (20, Some(true), 90_001));
}
