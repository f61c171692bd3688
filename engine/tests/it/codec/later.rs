//! The events, and the kinds of campaign, that came after the first release.

use std::time::Duration;

use landrush_engine::campaign::{
    CampaignBuilder, CampaignDefinition, CampaignPatch, Challenge, ChallengeProvider, Eligibility, LimitBy, Mode,
    Period, Protection, RateLimit, RateLimits, Return, TokenClaim, WaitingRoom, Weekday, Weekdays, WhenUnavailable,
    Who, Windows,
};
use landrush_engine::command::{CodeFile, Settlement};
use landrush_engine::event::{Change, CodeKeyId, Granted};
use landrush_engine::fairness::Probability;
use landrush_engine::id::{CodeFileId, PhoneId, RedemptionNumber, Serial, TypeIndex};
use landrush_engine::time::Day;

use crate::shop::{NOON_MS, at, seed};

const DAY: Day = Day(20_788);

fn created(builder: CampaignBuilder) -> Change<'static> {
    let definition = builder.open(at(NOON_MS), at(NOON_MS + 1_000_000_000)).build().expect("valid");
    let has_room = definition.protection.waiting_room.is_some();
    let seed = (definition.mode != Mode::FirstCome || has_room).then(seed);
    Change::Created { definition: Box::new(definition), code_key: CodeKeyId(0x0123_4567_89ab_cdef), seed }
}

/// Mondays and Fridays at ten and at three, one claim a window and phone, the shop's own codes.
fn with_windows() -> Change<'static> {
    let at_times = ["10:00", "15:00"].map(|time| time.parse().expect("a time of day")).to_vec();
    let days = Weekdays::new([Weekday::Monday, Weekday::Friday]).expect("two");
    let windows = Windows::new(at_times, days, Duration::from_secs(300)).expect("valid");
    let builder = CampaignDefinition::builder("flash").windows(windows).expired(Return::Restock);
    let builder = builder.limit(1, Period::Window).limit_by(LimitBy::Phone).coupon_type("own", 100).imported_codes();
    let Change::Created { definition, code_key, seed } = created(builder) else { unreachable!("it was created") };
    let definition = CampaignDefinition { phone_required: true, ..*definition };
    Change::Created { definition: Box::new(definition), code_key, seed }
}

/// Everything that can guard a campaign.
fn protected() -> Change<'static> {
    let rate = |requests, seconds| Some(RateLimit { requests, per: Duration::from_secs(seconds) });
    let rate_limits = RateLimits { user: rate(5, 10), address: rate(50, 10), device: None, phone: rate(10, 3_600) };
    let eligibility = Eligibility {
        who: Who::Registered,
        registration_closes_at: Some(at(NOON_MS)),
        devices_per_user: Some(2),
        users_per_device: None,
        token_claims: vec![TokenClaim { name: "segment".to_owned(), value: "\"vip\"".to_owned() }],
    };
    let waiting_room = WaitingRoom {
        admit_per_second: 500,
        opens_before: Duration::from_mins(10),
        admitted_for: Duration::from_mins(2),
    };
    let protection = Protection {
        rate_limits,
        challenge: Some(Challenge { provider: ChallengeProvider::Altcha, when_unavailable: WhenUnavailable::Closed }),
        eligibility: Some(eligibility),
        waiting_room: Some(waiting_room),
    };
    created(CampaignDefinition::builder("guarded").protection(protection).coupon_type("a", 100))
}

fn draws() -> Change<'static> {
    let tenth = Probability::from_billionths(100_000_000).expect("below one");
    let builder = CampaignDefinition::builder("draws").mode(Mode::Draw).limit(3, Period::Day);
    created(builder.coupon_type("cash-5", 10_000).daily_quota(500).probability(tenth))
}

fn lottery() -> Change<'static> {
    created(CampaignDefinition::builder("lottery").mode(Mode::Lottery).coupon_type("car", 1))
}

pub(super) fn events() -> Vec<(&'static str, Change<'static>)> {
    let grant = Granted { day: DAY, window: None, user: "u-90210-xy", key: None, phone: None };
    let in_window = Granted { window: Some(at(NOON_MS)), phone: Some(PhoneId(77)), ..grant };
    let drew = |key, sampled, won| Change::Drew { grant: Granted { key, ..grant }, sampled, won };
    let redeemed = |named_user, hold| Change::Redeemed { claim: Serial(77), order: "o-9", named_user, hold };
    let settled = |settlement| Change::Settled { redemption: RedemptionNumber(3), settlement, day: DAY };
    let (first, second) = (Some(TypeIndex(0)), Some(TypeIndex(1)));
    let resuming = CampaignPatch { accept_claims: Some(true), ..CampaignPatch::default() };
    let file = CodeFile { id: CodeFileId(8), count: 9, hash: [7; 32] };
    vec![
        ("created-with-windows", with_windows()),
        ("created-draws", draws()),
        ("created-lottery", lottery()),
        (
            "claimed-in-a-window-by-phone",
            Change::Claimed { grant: in_window, coupon_type: TypeIndex(0), requested: None },
        ),
        ("drew-won", drew(None, second, true)),
        ("drew-lost", drew(None, second, false)),
        ("drew-nothing", drew(None, None, false)),
        ("drew-under-key", drew(Some("k-1"), first, false)),
        ("entered", Change::Entered { grant }),
        ("ended", Change::Ended),
        ("ranked", Change::Ranked { count: 1_000_000, entries_hash: [6; 32], ranks: None }),
        ("codes-imported", Change::CodesImported { coupon_type: TypeIndex(1), file }),
        ("redeemed", redeemed(true, None)),
        ("redeemed-with-hold", redeemed(false, Some(Duration::from_secs(600)))),
        ("confirmed", settled(Settlement::Confirm)),
        ("released", settled(Settlement::Release)),
        ("reversed", settled(Settlement::Reverse)),
        ("hold-expired", Change::HoldExpired { redemption: RedemptionNumber(3), day: DAY }),
        ("expired", Change::Expired { coupon_type: TypeIndex(1), count: 4_096, day: DAY }),
        ("created-protected", protected()),
        ("arrived", Change::Arrived { window: at(NOON_MS), user: "u-90210-xy" }),
        ("shuffled", Change::Shuffled { window: at(NOON_MS), count: 1_000_000, hash: [6; 32] }),
        ("admitted", Change::Admitted { up_to: 4_096 }),
        ("registered", Change::Registered { user: "u-90210-xy" }),
        ("resumed", Change::Resumed { patch: Box::new(resuming), longer_by: Duration::from_millis(90_001) }),
    ]
}
