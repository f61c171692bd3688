//! What came after the first release, described to the other library.

use wincode::containers::Vec as Counted;
use wincode::len::FixIntLen;
use wincode::{SchemaRead, SchemaWrite};

use super::{Claimed, ClaimedUnderKey, CouponType, Created, Long, Short, golden, read_back};
use crate::shop::NOON_MS;

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

#[derive(SchemaRead, SchemaWrite)]
struct RateLimit {
    requests: u32,
    per_ms: u64,
}

#[derive(SchemaRead, SchemaWrite)]
struct TokenClaim {
    #[wincode(with = "Long")]
    name: Vec<u8>,
    #[wincode(with = "Long")]
    value: Vec<u8>,
}

#[derive(SchemaRead, SchemaWrite)]
struct Eligibility {
    who: u8,
    registration_closes_at: Option<u64>,
    devices_per_user: Option<u32>,
    users_per_device: Option<u32>,
    #[wincode(with = "Counted<TokenClaim, FixIntLen<u16>>")]
    token_claims: Vec<TokenClaim>,
}

#[derive(SchemaRead, SchemaWrite)]
struct WaitingRoom {
    admit_per_second: u32,
    opens_before_ms: u64,
    admitted_for_ms: u64,
}

#[derive(SchemaRead, SchemaWrite)]
struct Protection {
    rate_limits: [Option<RateLimit>; 4],
    challenge: Option<[u8; 2]>,
    eligibility: Option<Eligibility>,
    waiting_room: Option<WaitingRoom>,
}

/// Without the code key, which a description of the first campaigns ends with.
#[derive(SchemaRead, SchemaWrite)]
struct CreatedProtected {
    head: Head,
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
    protection: Protection,
    code_key: u64,
    /// Of the waiting room.
    seed: [u8; 32],
}

#[derive(SchemaRead, SchemaWrite)]
struct Arrived {
    head: Head,
    window: u64,
    #[wincode(with = "Short")]
    user: Vec<u8>,
}

#[derive(SchemaRead, SchemaWrite)]
struct Shuffled {
    head: Head,
    window: u64,
    count: u32,
    hash: [u8; 32],
}

#[derive(SchemaRead, SchemaWrite)]
struct Admitted {
    head: Head,
    up_to: u32,
}

#[derive(SchemaRead, SchemaWrite)]
struct Registered {
    head: Head,
    #[wincode(with = "Short")]
    user: Vec<u8>,
}

#[test]
fn a_second_library_reads_and_writes_who_has_registered() {
    let registered = read_back!("registered", Registered);
    assert_eq!((registered.head.tag, &registered.user[..]), (19, &b"u-90210-xy"[..]));
}

#[test]
fn a_second_library_reads_and_writes_who_came_and_who_was_let_in() {
    let arrived = read_back!("arrived", Arrived);
    assert_eq!((arrived.head.tag, arrived.window, &arrived.user[..]), (16, NOON_MS, &b"u-90210-xy"[..]));
    let shuffled = read_back!("shuffled", Shuffled);
    assert_eq!((shuffled.head.tag, shuffled.window, shuffled.count, shuffled.hash), (17, NOON_MS, 1_000_000, [6; 32]));
    let admitted = read_back!("admitted", Admitted);
    assert_eq!((admitted.head.tag, admitted.up_to), (18, 4_096));
}

#[test]
fn a_second_library_reads_and_writes_what_guards_a_campaign() {
    let created = read_back!("created-protected", CreatedProtected);
    assert_eq!((created.head.tag, created.mode, created.code_key), (1, 65, 0x0123_4567_89ab_cdef));
    let Protection { rate_limits, challenge, eligibility, waiting_room } = created.protection;
    let rates = rate_limits.map(|rate| rate.map(|RateLimit { requests, per_ms }| (requests, per_ms)));
    assert_eq!(rates, [Some((5, 10_000)), Some((50, 10_000)), None, Some((10, 3_600_000))]);
    assert_eq!(challenge, Some([1, 1]));
    let eligibility = eligibility.expect("it is there");
    assert_eq!((eligibility.who, eligibility.registration_closes_at), (2, Some(NOON_MS)));
    assert_eq!((eligibility.devices_per_user, eligibility.users_per_device), (Some(2), None));
    assert_eq!(eligibility.token_claims[0].value, br#""vip""#);
    let room = waiting_room.expect("it is there");
    assert_eq!((room.admit_per_second, room.opens_before_ms, room.admitted_for_ms), (500, 600_000, 120_000));
}
