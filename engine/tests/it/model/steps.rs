//! The steps of a run: one list of all commands, and of what happens between them.

use std::time::Duration;

use landrush_engine::campaign::{
    CampaignDefinition, CampaignPatch, CouponTypePatch, Eligibility, LimitBy, Mode, Period, Protection, Return,
    WaitingRoom, Weekdays, Who, Windows,
};
use landrush_engine::command::{Arrive, Claim, Command, CouponPlace, Gate, Redeem, Register, Settlement};
use landrush_engine::fairness::Probability;
use landrush_engine::id::{
    CampaignNumber, IdempotencyKey, OrderId, PhoneId, RedemptionNumber, Serial, TypeIndex, UserId,
};
use proptest::prelude::*;

use crate::naive::{WINDOW_MS, WINDOWS_AT, ZONE};
use crate::shop::{DAY_MS, HOUR_MS, NOON_MS, at, seed};

/// How many campaigns there are.
pub(super) const CAMPAIGNS: u32 = 7;
/// The one that draws.
const DRAWS: u32 = 4;
/// The one that hears only who has registered.
const REGISTERED: u32 = 5;
/// The one with a waiting room.
pub(super) const ROOM: u32 = 6;

#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A claim, a draw, somebody who comes and a registration among them are stamped so many milliseconds before they are decided.
    Submit(Command),
    /// A claim in the campaign with a waiting room, and the place that it shows.
    ClaimInRoom(Claim, Shown),
    /// Later by so many milliseconds.
    Advance(u64),
    /// As after a restart under a clock that was set back.
    SetBack(u64),
    /// Through a snapshot and back.
    Snapshot,
    /// From the log alone.
    Replay,
}

/// The place that a claim shows.
#[derive(Debug, Clone)]
pub(super) enum Shown {
    Own,
    Of(UserId),
    Nothing,
}

/// Each campaign has its own kind of limit and of returns.
pub(super) fn definition(number: u32, variant: u8) -> CampaignDefinition {
    let builder = CampaignDefinition::builder(&format!("rush-{number}")).time_zone(ZONE).expected_claimants(4);
    let builder = builder.open(at(NOON_MS), at(NOON_MS + 6 * DAY_MS));
    let builder = match number {
        0 => builder.limit(1, Period::Campaign),
        1 => builder.limit(1, Period::Day).limit_by(LimitBy::Phone).voided(Return::Burn),
        2 => builder.limit(2, Period::Day).expired(Return::Restock),
        3 => {
            let at_times = WINDOWS_AT.map(|time| time.parse().expect("a time of day")).to_vec();
            let windows = Windows::new(at_times, Weekdays::all(), Duration::from_millis(WINDOW_MS)).expect("valid");
            builder.limit(1, Period::Window).limit_by(LimitBy::Phone).windows(windows).expired(Return::Restock)
        }
        REGISTERED => builder.limit(1, Period::Campaign).protection(registered()),
        ROOM => builder.limit(1, Period::Campaign).expired(Return::Restock).protection(waiting_room()),
        _ => builder.mode(Mode::Draw).limit(2, Period::Day).expired(Return::Restock),
    };
    let builder = builder.coupon_type("a", 4).daily_quota(2).valid_for(Duration::from_millis(DAY_MS));
    let builder = if number == DRAWS { builder.probability(two_fifths()) } else { builder };
    let builder = builder.coupon_type("b", 3 + u32::from(variant));
    let builder = if number == DRAWS { builder.probability(two_fifths()) } else { builder };
    builder.build().expect("valid")
}

/// Whoever registers within a day of the opening.
fn registered() -> Protection {
    let eligibility = Eligibility {
        who: Who::Registered,
        registration_closes_at: Some(at(NOON_MS + DAY_MS)),
        devices_per_user: None,
        users_per_device: None,
        token_claims: Vec::new(),
    };
    Protection { eligibility: Some(eligibility), ..Protection::default() }
}

/// Whoever can come in comes in at once, and has a minute.
fn waiting_room() -> Protection {
    let rules = WaitingRoom {
        admit_per_second: 1_000,
        opens_before: Duration::from_mins(30),
        // So long that nobody is let in together with those before: a look is a quarter of a second after the last.
        admitted_for: Duration::from_secs(64),
    };
    Protection { waiting_room: Some(rules), ..Protection::default() }
}

fn two_fifths() -> Probability {
    Probability::from_billionths(400_000_000).expect("below one")
}

fn campaign() -> impl Strategy<Value = CampaignNumber> {
    (0..CAMPAIGNS).prop_map(CampaignNumber)
}

fn user() -> impl Strategy<Value = UserId> {
    prop::sample::select(vec!["ann", "bob", "cyd", "dan"]).prop_map(|user| UserId::new(user).expect("valid"))
}

fn claim() -> impl Strategy<Value = Command> {
    let key = prop::option::weighted(0.9, prop::sample::select(vec!["k1", "k2", "k3"]));
    let key = key.prop_map(|key| key.map(|key| IdempotencyKey::new(key).expect("valid")));
    let named = prop::option::weighted(0.3, 0..3u16);
    let phone = prop::option::weighted(0.9, 0..4u64);
    let stamped_before = prop_oneof![4 => Just(0), 1 => 0..2_000u64];
    let claim = (campaign(), user(), named, key, phone, stamped_before, prop::bool::weighted(0.05));
    claim.prop_map(|(campaign, user, named, key, phone, stamped_before, is_mistaken)| {
        let draws = campaign == CampaignNumber(DRAWS);
        let coupon_type = named.map(TypeIndex).filter(|_| !draws);
        let phone = phone.map(PhoneId);
        let claim =
            Claim { campaign, user, coupon_type, key, phone, gate: Gate::default(), stamped_at: at(stamped_before) };
        if draws == is_mistaken { Command::Claim(claim) } else { Command::Draw(claim) }
    })
}

fn arrive() -> impl Strategy<Value = Command> {
    let campaign = prop_oneof![12 => Just(CampaignNumber(ROOM)), 1 => campaign()];
    let stamped_before = prop_oneof![4 => Just(0), 1 => 0..2_000u64];
    (campaign, user(), stamped_before).prop_map(|(campaign, user, stamped_before)| {
        Command::Arrive(Arrive { campaign, user, stamped_at: at(stamped_before), refusal: None })
    })
}

fn claim_in_room() -> impl Strategy<Value = Step> {
    let shown = prop_oneof![8 => Just(Shown::Own), 1 => user().prop_map(Shown::Of), 1 => Just(Shown::Nothing)];
    let stamped_before = prop_oneof![4 => Just(0), 1 => 0..2_000u64];
    (user(), shown, stamped_before).prop_map(|(user, shown, stamped_before)| {
        let stamped_at = at(stamped_before);
        let gate = Gate::default();
        let campaign = CampaignNumber(ROOM);
        Step::ClaimInRoom(Claim { campaign, user, coupon_type: None, key: None, phone: None, gate, stamped_at }, shown)
    })
}

fn register() -> impl Strategy<Value = Command> {
    let campaign = prop_oneof![8 => Just(CampaignNumber(REGISTERED)), 1 => campaign()];
    let stamped_before = prop_oneof![4 => Just(0), 1 => 0..2_000u64];
    (campaign, user(), stamped_before).prop_map(|(campaign, user, stamped_before)| {
        Command::Register(Register { campaign, user, stamped_at: at(stamped_before) })
    })
}

fn manage() -> impl Strategy<Value = Command> {
    let create = (0..CAMPAIGNS, 0..4u8).prop_map(|(number, variant)| Command::Create {
        campaign: CampaignNumber(number),
        definition: Box::new(definition(number, variant / 3)),
        seed: seed(),
    });
    let quota = (0..2u16, prop::option::of(1..8u32), prop::option::of(prop::option::of(0..4u32)));
    let accept_redemptions = prop::option::weighted(0.3, prop::bool::weighted(0.7));
    let patch = (campaign(), prop::option::of(0..8u64), quota, accept_redemptions, any::<bool>());
    let patch =
        patch.prop_map(|(campaign, ends, (coupon_type, total_quota, daily_quota), accept_redemptions, dry_run)| {
            let coupon_types = vec![CouponTypePatch { coupon_type: TypeIndex(coupon_type), total_quota, daily_quota }];
            let ends_at = ends.map(|days| at(NOON_MS + HOUR_MS + days * DAY_MS));
            let patch = CampaignPatch { ends_at, accept_redemptions, coupon_types, ..CampaignPatch::default() };
            Command::Patch { campaign, patch: Box::new(patch), dry_run }
        });
    let accept = (campaign(), prop::bool::weighted(0.7));
    let accept = accept.prop_map(|(campaign, accept)| Command::AcceptClaims { campaign, accept });
    let cancel = (campaign(), prop::bool::weighted(0.3), any::<bool>());
    let cancel = cancel.prop_map(|(campaign, revoke, dry_run)| Command::Cancel { campaign, revoke, dry_run });
    let archive = (campaign(), any::<bool>()).prop_map(|(campaign, dry_run)| Command::Archive { campaign, dry_run });
    let void = (campaign(), 0..12u32, prop::option::of(any::<bool>()), any::<bool>());
    let void = void.prop_map(|(campaign, claim, restock, allow_again)| Command::Void {
        campaign,
        claim: Serial(claim),
        restock,
        allow_again,
    });
    prop_oneof![4 => create, 4 => patch, 5 => accept, 1 => cancel, 2 => archive, 8 => void]
}

fn checkout() -> impl Strategy<Value = Command> {
    let order = prop::sample::select(vec!["o-1", "o-2", "o-3"]).prop_map(|order| OrderId::new(order).expect("valid"));
    let hold = prop::sample::select(vec![None, Some(HOUR_MS), Some(HOUR_MS), Some(20 * HOUR_MS)]);
    let redeem = (campaign(), 0..8u32, order, prop::option::weighted(0.2, user()), hold);
    let redeem = redeem.prop_map(|(campaign, claim, order, user, hold)| {
        let coupon = CouponPlace::Claim(Serial(claim));
        Command::Redeem(Redeem { campaign, coupon, order, user, hold: hold.map(Duration::from_millis) })
    });
    let settlement = prop::sample::select(vec![Settlement::Confirm, Settlement::Release, Settlement::Reverse]);
    let settle = (campaign(), 0..8u32, settlement).prop_map(|(campaign, redemption, settlement)| Command::Settle {
        campaign,
        redemption: RedemptionNumber(redemption),
        settlement,
    });
    let coupon = (campaign(), 0..8u32);
    let coupon =
        coupon.prop_map(|(campaign, claim)| Command::Coupon { campaign, coupon: CouponPlace::Claim(Serial(claim)) });
    prop_oneof![6 => redeem, 5 => settle, 1 => coupon]
}

fn read() -> impl Strategy<Value = Command> {
    let by_user = (campaign(), user()).prop_map(|(campaign, user)| Command::ClaimsByUser { campaign, user });
    let page = (campaign(), prop::option::of(0..12u32), 0..6u16).prop_map(|(campaign, after, limit)| Command::Claims {
        campaign,
        after: after.map(Serial),
        limit,
    });
    let registration = (campaign(), user()).prop_map(|(campaign, user)| Command::Registration { campaign, user });
    prop_oneof![by_user, page, registration]
}

/// What happens to a waiting room that people come to and claim from, while little time passes.
pub(super) fn room_step() -> impl Strategy<Value = Step> {
    let campaign = CampaignNumber(ROOM);
    let accept = prop::bool::weighted(0.8).prop_map(move |accept| Command::AcceptClaims { campaign, accept });
    let void = (0..8u32, any::<bool>()).prop_map(move |(claim, allow_again)| Command::Void {
        campaign,
        claim: Serial(claim),
        restock: Some(true),
        allow_again,
    });
    prop_oneof![
        30 => arrive().prop_map(Step::Submit),
        30 => claim_in_room(),
        2 => accept.prop_map(Step::Submit),
        2 => void.prop_map(Step::Submit),
        12 => (1..1_000u64).prop_map(Step::Advance),
        6 => (1..70_000u64).prop_map(Step::Advance),
        2 => (1..70_000u64).prop_map(Step::SetBack),
        2 => Just(Step::Snapshot),
        2 => Just(Step::Replay),
    ]
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        60 => claim().prop_map(Step::Submit),
        6 => register().prop_map(Step::Submit),
        16 => arrive().prop_map(Step::Submit),
        16 => claim_in_room(),
        24 => manage().prop_map(Step::Submit),
        40 => checkout().prop_map(Step::Submit),
        4 => read().prop_map(Step::Submit),
        10 => (1..40_000u64).prop_map(Step::Advance),
        6 => (1..DAY_MS).prop_map(Step::Advance),
        8 => (1..2 * HOUR_MS).prop_map(Step::Advance),
        2 => (1..2 * DAY_MS).prop_map(Step::SetBack),
        2 => Just(Step::Snapshot),
        2 => Just(Step::Replay),
    ]
}
