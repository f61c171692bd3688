//! The state against a model that keeps nothing but a list of claims and counts it anew for each answer.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use landrush_engine::audit::Audit;
use landrush_engine::campaign::{
    CampaignDefinition, CampaignPatch, CampaignView, Cancellation, CouponTypePatch, Period, Return, TypeCounts,
};
use landrush_engine::codec::{decode_event, encode_event};
use landrush_engine::command::{Claim, Command};
use landrush_engine::coupon::Codes;
use landrush_engine::event::{Change, Event};
use landrush_engine::id::{CampaignNumber, IdempotencyKey, Serial, TypeIndex, UserId};
use landrush_engine::outcome::{ClaimItem, ClaimView, CouponState, Outcome, Refusal};
use landrush_engine::shard::{CampaignDecoder, State};
use landrush_engine::time::{Day, Timestamp};
use proptest::prelude::*;

use crate::shop::{DAY_MS, HOUR_MS, NOON_MS, at, keys};

/// Singapore is eight hours ahead, always: a calendar that a model can have.
const ZONE: &str = "Asia/Singapore";
const ZONE_MS: u64 = 8 * HOUR_MS;

#[derive(Debug)]
struct ModelCampaign {
    created: CampaignDefinition,
    definition: CampaignDefinition,
    created_at: Timestamp,
    accept_claims: bool,
    accept_redemptions: bool,
    cancelled: Option<Cancellation>,
    archived: bool,
    claims: Vec<ModelClaim>,
}

#[derive(Debug)]
struct ModelClaim {
    user: UserId,
    key: Option<IdempotencyKey>,
    requested: Option<TypeIndex>,
    coupon_type: TypeIndex,
    at: Timestamp,
    day: Day,
    void: Option<ModelVoid>,
}

#[derive(Debug)]
struct ModelVoid {
    restock: bool,
    restock_today: bool,
    allow_again: bool,
}

#[derive(Debug, Default)]
struct Model {
    campaigns: BTreeMap<CampaignNumber, ModelCampaign>,
}

fn refuse(refusal: Refusal) -> Outcome {
    Outcome::Refused(refusal)
}

impl Model {
    fn submit(&mut self, command: &Command, now: Timestamp) -> Outcome {
        let number = command.campaign();
        if let Command::Create { definition, .. } = command {
            return self.create(number, definition, now);
        }
        let Some(campaign) = self.campaigns.get_mut(&number) else { return refuse(Refusal::NoSuchCampaign) };
        if campaign.archived {
            return if matches!(command, Command::Archive { .. }) {
                Outcome::Archived
            } else {
                refuse(Refusal::Archived)
            };
        }
        match command {
            Command::Claim(claim) => campaign.claim(claim, now),
            Command::Create { .. } => unreachable!("done above"),
            Command::Patch { patch, dry_run, .. } => campaign.patch(number, patch, *dry_run, now),
            Command::AcceptClaims { accept, .. } => {
                let patch = CampaignPatch { accept_claims: Some(*accept), ..CampaignPatch::default() };
                campaign.patch(number, &patch, false, now)
            }
            Command::Cancel { revoke, dry_run, .. } => {
                let before = campaign.cancelled;
                campaign.cancelled = Some(Cancellation {
                    at: before.map_or(now, |before| before.at),
                    revoke: *revoke || before.is_some_and(|before| before.revoke),
                });
                let outcome = campaign.view(number);
                if *dry_run {
                    campaign.cancelled = before;
                }
                outcome
            }
            Command::Archive { dry_run, .. } => campaign.archive(*dry_run, now),
            Command::Void { claim, restock, allow_again, .. } => campaign.void(*claim, *restock, *allow_again, now),
            Command::ClaimsByUser { user, .. } => {
                let items = campaign.items(number, now);
                Outcome::Claims { items: items.into_iter().filter(|item| item.user == *user).collect(), more: false }
            }
            Command::Claims { after, limit, .. } => {
                let after = after.map_or(-1, |after| i64::from(after.0));
                let rest: Vec<_> = campaign
                    .items(number, now)
                    .into_iter()
                    .filter(|item| i64::from(item.claim.serial.0) > after)
                    .collect();
                let more = rest.len() > usize::from(*limit);
                Outcome::Claims { items: rest.into_iter().take(usize::from(*limit)).collect(), more }
            }
        }
    }

    fn create(&mut self, number: CampaignNumber, definition: &CampaignDefinition, now: Timestamp) -> Outcome {
        let same = self.campaigns.iter().find(|(_, campaign)| campaign.created.id == definition.id);
        if let Some((number, campaign)) = same {
            return if campaign.archived {
                refuse(Refusal::Archived)
            } else if campaign.created == *definition {
                campaign.view(*number)
            } else {
                refuse(Refusal::Conflict)
            };
        }
        let campaign = ModelCampaign {
            created: definition.clone(),
            definition: definition.clone(),
            created_at: now,
            accept_claims: true,
            accept_redemptions: true,
            cancelled: None,
            archived: false,
            claims: Vec::new(),
        };
        let Outcome::Campaign(view) = campaign.view(number) else { unreachable!("a view is a campaign") };
        self.campaigns.insert(number, campaign);
        Outcome::Created(view)
    }
}

impl ModelCampaign {
    fn last_day(&self) -> Day {
        self.claims.iter().map(|claim| claim.day).max().unwrap_or(Day(0))
    }

    fn today(&self, now: Timestamp) -> Day {
        let day = u32::try_from((now.as_milliseconds() + ZONE_MS) / DAY_MS).expect("a near day");
        Day(day).max(self.last_day())
    }

    fn is_revoked(&self) -> bool {
        self.cancelled.is_some_and(|cancelled| cancelled.revoke)
    }

    fn counts(&self) -> Vec<TypeCounts> {
        let count = |index: usize, keep: &dyn Fn(&ModelClaim) -> bool| {
            let of_type = self.claims.iter().filter(|claim| claim.coupon_type.as_index() == index);
            u32::try_from(of_type.filter(|claim| keep(claim)).count()).expect("few claims")
        };
        let types = 0..self.definition.coupon_types.len();
        let counts = types.map(|index| TypeCounts {
            issued: count(index, &|claim| !claim.void.as_ref().is_some_and(|void| void.restock)),
            issued_today: count(index, &|claim| {
                claim.day == self.last_day() && !claim.void.as_ref().is_some_and(|void| void.restock_today)
            }),
            voided: count(index, &|claim| claim.void.is_some()),
        });
        counts.collect()
    }

    fn view(&self, number: CampaignNumber) -> Outcome {
        Outcome::Campaign(Arc::new(CampaignView {
            number,
            definition: Arc::new(self.definition.clone()),
            created_at: self.created_at,
            accept_claims: self.accept_claims,
            accept_redemptions: self.accept_redemptions,
            cancelled: self.cancelled,
            today: self.last_day(),
            counts: self.counts(),
        }))
    }

    fn items(&self, number: CampaignNumber, now: Timestamp) -> Vec<ClaimItem> {
        let items = self.claims.iter().enumerate();
        items
            .map(|(index, claim)| ClaimItem { user: claim.user.clone(), claim: self.claim_view(number, index, now) })
            .collect()
    }

    fn claim_view(&self, campaign: CampaignNumber, index: usize, now: Timestamp) -> ClaimView {
        let claim = &self.claims[index];
        let valid_for = self.definition.coupon_types[claim.coupon_type.as_index()].valid_for;
        let expires_at = valid_for.map(|span| claim.at.saturating_add(span));
        let state = if claim.void.is_some() || self.is_revoked() {
            CouponState::Void
        } else if expires_at.is_some_and(|expires_at| expires_at <= now) {
            CouponState::Expired
        } else {
            CouponState::Issued
        };
        let serial = Serial(u32::try_from(index).expect("few claims"));
        ClaimView { campaign, serial, coupon_type: claim.coupon_type, decided_at: claim.at, expires_at, state }
    }

    fn claim(&mut self, claim: &Claim, now: Timestamp) -> Outcome {
        if claim.coupon_type.is_some_and(|named| named.as_index() >= self.definition.coupon_types.len()) {
            return refuse(Refusal::NoSuchCouponType);
        }
        let limit = self.definition.limit;
        if limit.max > 1 && claim.key.is_none() {
            return refuse(Refusal::KeyRequired);
        }
        let today = self.today(now);
        let mine = |other: &&(usize, &ModelClaim)| {
            other.1.user == claim.user && !other.1.void.as_ref().is_some_and(|void| void.allow_again)
        };
        let mine: Vec<_> = self.claims.iter().enumerate().filter(|other| mine(&other)).collect();
        let in_period: Vec<_> =
            mine.iter().filter(|other| limit.per == Period::Campaign || other.1.day == today).collect();
        if limit.max == 1 {
            if let Some((index, _)) = in_period.first() {
                return Outcome::Repeated(self.claim_view(claim.campaign, *index, now));
            }
        } else if let Some((index, first)) = mine.iter().find(|other| other.1.key == claim.key) {
            return if first.requested == claim.coupon_type {
                Outcome::Repeated(self.claim_view(claim.campaign, *index, now))
            } else {
                refuse(Refusal::KeyReused)
            };
        }
        if self.cancelled.is_some() {
            return refuse(Refusal::Cancelled);
        }
        if claim.stamped_at >= self.definition.ends_at {
            return refuse(Refusal::Ended);
        }
        if !self.accept_claims {
            return refuse(Refusal::Paused);
        }
        if claim.stamped_at < self.definition.starts_at {
            return refuse(Refusal::NotOpen { opens_at: self.definition.starts_at });
        }
        if in_period.len() >= usize::from(limit.max) {
            return refuse(Refusal::LimitReached);
        }
        let is_today = today == self.last_day();
        let mut any_total = false;
        for (index, (definition, counts)) in self.definition.coupon_types.iter().zip(self.counts()).enumerate() {
            let coupon_type = TypeIndex(u16::try_from(index).expect("few types"));
            if claim.coupon_type.is_some_and(|named| named != coupon_type) || counts.issued >= definition.total_quota {
                continue;
            }
            any_total = true;
            let issued_today = if is_today { counts.issued_today } else { 0 };
            if definition.daily_quota.is_some_and(|daily| issued_today >= daily) {
                continue;
            }
            let index = self.claims.len();
            self.claims.push(ModelClaim {
                user: claim.user.clone(),
                key: claim.key.clone().filter(|_| limit.max > 1),
                requested: claim.coupon_type,
                coupon_type,
                at: now,
                day: today,
                void: None,
            });
            let mut view = self.claim_view(claim.campaign, index, now);
            view.state = CouponState::Issued;
            return Outcome::Won(view);
        }
        let resets_at = at((u64::from(today.0) + 1) * DAY_MS - ZONE_MS);
        refuse(if any_total { Refusal::DailySoldOut { resets_at } } else { Refusal::SoldOut })
    }

    fn patch(&mut self, number: CampaignNumber, patch: &CampaignPatch, dry_run: bool, now: Timestamp) -> Outcome {
        let reopens = patch.ends_at.is_some_and(|ends_at| ends_at != self.definition.ends_at)
            || patch.accept_claims == Some(true) && !self.accept_claims;
        if reopens && self.cancelled.is_some() {
            return refuse(Refusal::Cancelled);
        }
        if reopens && now >= self.definition.ends_at {
            return refuse(Refusal::Ended);
        }
        let counts = self.counts();
        for change in &patch.coupon_types {
            let issued = counts[change.coupon_type.as_index()].issued;
            if change.total_quota.is_some_and(|total| total < issued) {
                return refuse(Refusal::QuotaBelowIssued { coupon_type: change.coupon_type, issued });
            }
        }
        let before = (self.definition.clone(), self.accept_claims);
        self.definition.ends_at = patch.ends_at.unwrap_or(self.definition.ends_at);
        self.accept_claims = patch.accept_claims.unwrap_or(self.accept_claims);
        for change in &patch.coupon_types {
            let coupon_type = &mut self.definition.coupon_types[change.coupon_type.as_index()];
            coupon_type.total_quota = change.total_quota.unwrap_or(coupon_type.total_quota);
            coupon_type.daily_quota = change.daily_quota.unwrap_or(coupon_type.daily_quota);
        }
        let outcome = self.view(number);
        if dry_run {
            (self.definition, self.accept_claims) = before;
        }
        outcome
    }

    fn archive(&mut self, dry_run: bool, now: Timestamp) -> Outcome {
        if self.cancelled.is_none() && now < self.definition.ends_at {
            return refuse(Refusal::StillLive { until: None });
        }
        // A type with a coupon that is not void lives until its last one would expire, void or not.
        let mut until = Some(Timestamp::from_milliseconds(0));
        for (index, definition) in self.definition.coupon_types.iter().enumerate() {
            let claims: Vec<_> = self.claims.iter().filter(|claim| claim.coupon_type.as_index() == index).collect();
            if self.is_revoked() || claims.iter().all(|claim| claim.void.is_some()) {
                continue;
            }
            let last = claims.iter().map(|claim| claim.at).max().expect("some claim is not void");
            until = until.and_then(|until| Some(until.max(last.saturating_add(definition.valid_for?))));
        }
        match until {
            Some(until) if until <= now => {
                self.archived |= !dry_run;
                Outcome::Archived
            }
            until => refuse(Refusal::StillLive { until }),
        }
    }

    fn void(&mut self, claim: Serial, restock: Option<bool>, allow_again: bool, now: Timestamp) -> Outcome {
        let (today, is_revoked) = (self.today(now), self.is_revoked());
        let restock = restock.unwrap_or(self.definition.returns.voided == Return::Restock);
        let Some(claim) = self.claims.get_mut(claim.as_index()) else { return refuse(Refusal::NoSuchClaim) };
        if claim.void.is_none() && !is_revoked {
            let restock_today = restock && claim.day == today;
            claim.void = Some(ModelVoid { restock, restock_today, allow_again });
        }
        Outcome::Voided
    }
}

#[derive(Debug, Clone)]
enum Step {
    Submit(Command),
    /// Later by so many milliseconds.
    Advance(u64),
    /// As after a restart under a clock that was set back.
    SetBack(u64),
    /// Through a snapshot and back.
    Snapshot,
    /// From the log alone.
    Replay,
}

fn definition(number: u32, variant: u8) -> CampaignDefinition {
    let ends_at = at(NOON_MS + 6 * DAY_MS);
    let builder = CampaignDefinition::builder(&format!("rush-{number}"));
    let builder = builder.time_zone(ZONE).open(at(NOON_MS), ends_at).expected_claimants(4);
    let per = if number == 0 { Period::Campaign } else { Period::Day };
    let max = if number == 2 { 2 } else { 1 };
    let builder = builder.limit(max, per).voided(if number == 1 { Return::Burn } else { Return::Restock });
    let builder = builder.coupon_type("a", 4).daily_quota(2).valid_for(Duration::from_millis(DAY_MS));
    builder.coupon_type("b", 3 + u32::from(variant)).build().expect("valid")
}

fn step() -> impl Strategy<Value = Step> {
    let campaign = || (0..3u32).prop_map(CampaignNumber);
    let user =
        || prop::sample::select(vec!["ann", "bob", "cyd", "dan"]).prop_map(|user| UserId::new(user).expect("valid"));
    let key = prop::option::weighted(0.9, prop::sample::select(vec!["k1", "k2", "k3"]));
    let claim = (campaign(), user(), prop::option::weighted(0.3, 0..3u16), key);
    let claim = claim.prop_map(|(campaign, user, coupon_type, key)| {
        let key = key.map(|key| IdempotencyKey::new(key).expect("valid"));
        Command::Claim(Claim { campaign, user, coupon_type: coupon_type.map(TypeIndex), key, stamped_at: at(0) })
    });
    let create = (0..3u32, 0..4u8).prop_map(|(number, variant)| Command::Create {
        campaign: CampaignNumber(number),
        definition: Box::new(definition(number, variant / 3)),
    });
    let quota = (0..2u16, prop::option::of(1..8u32), prop::option::of(prop::option::of(0..4u32)));
    let patch = (campaign(), prop::option::of(0..8u64), quota, any::<bool>());
    let patch = patch.prop_map(|(campaign, ends, (coupon_type, total_quota, daily_quota), dry_run)| {
        let coupon_types = vec![CouponTypePatch { coupon_type: TypeIndex(coupon_type), total_quota, daily_quota }];
        let ends_at = ends.map(|days| at(NOON_MS + HOUR_MS + days * DAY_MS));
        let patch = Box::new(CampaignPatch { ends_at, coupon_types, ..CampaignPatch::default() });
        Command::Patch { campaign, patch, dry_run }
    });
    let accept = (campaign(), prop::bool::weighted(0.7))
        .prop_map(|(campaign, accept)| Command::AcceptClaims { campaign, accept });
    let cancel = (campaign(), any::<[bool; 2]>()).prop_map(|(campaign, [revoke, dry_run])| Command::Cancel {
        campaign,
        revoke,
        dry_run,
    });
    let archive = (campaign(), any::<bool>()).prop_map(|(campaign, dry_run)| Command::Archive { campaign, dry_run });
    let void = (campaign(), 0..12u32, prop::option::of(any::<bool>()), any::<bool>());
    let void = void.prop_map(|(campaign, claim, restock, allow_again)| Command::Void {
        campaign,
        claim: Serial(claim),
        restock,
        allow_again,
    });
    let by_user = (campaign(), user()).prop_map(|(campaign, user)| Command::ClaimsByUser { campaign, user });
    let page = (campaign(), prop::option::of(0..12u32), 0..6u16).prop_map(|(campaign, after, limit)| Command::Claims {
        campaign,
        after: after.map(Serial),
        limit,
    });
    prop_oneof![
        60 => claim.prop_map(Step::Submit),
        4 => create.prop_map(Step::Submit),
        4 => patch.prop_map(Step::Submit),
        5 => accept.prop_map(Step::Submit),
        1 => cancel.prop_map(Step::Submit),
        2 => archive.prop_map(Step::Submit),
        8 => void.prop_map(Step::Submit),
        2 => by_user.prop_map(Step::Submit),
        2 => page.prop_map(Step::Submit),
        10 => (1..DAY_MS).prop_map(Step::Advance),
        2 => (1..2 * DAY_MS).prop_map(Step::SetBack),
        2 => Just(Step::Snapshot),
        2 => Just(Step::Replay),
    ]
}

struct Run {
    state: State,
    model: Model,
    log: Vec<Vec<u8>>,
    now: u64,
}

impl Run {
    fn new() -> Self {
        let mut run =
            Self { state: State::new(&keys()), model: Model::default(), log: Vec::new(), now: NOON_MS - HOUR_MS };
        for number in 0..3 {
            let definition = Box::new(definition(number, 0));
            run.submit(Command::Create { campaign: CampaignNumber(number), definition });
        }
        run
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Submit(command) => self.submit(command),
            Step::Advance(milliseconds) => self.now += milliseconds,
            Step::SetBack(milliseconds) => self.now = (self.now - milliseconds).max(NOON_MS - DAY_MS),
            Step::Snapshot => self.snapshot(),
            Step::Replay => self.replay(),
        }
    }

    fn submit(&mut self, mut command: Command) {
        if let Command::Claim(claim) = &mut command {
            claim.stamped_at = at(self.now);
        }
        let decision = self.state.decide(&command, at(self.now));
        let expected = self.model.submit(&command, at(self.now));
        assert_eq!(decision.outcome, expected, "{command:?} at {}", self.now);
        let Some(event) = decision.event else { return };
        let mut bytes = Vec::new();
        encode_event(&event, &mut bytes);
        assert_eq!(decode_event(&bytes).as_ref(), Ok(&event));
        self.state.apply(&event).expect("what was decided can be applied");
        self.log.push(bytes);
    }

    fn snapshot(&mut self) {
        let mut restored = State::new(&keys());
        for campaign in self.state.campaigns() {
            let mut decoder = CampaignDecoder::new(&restored);
            self.state.encode_campaign(campaign, |block| decoder.push(block)).expect("it can be read back");
            assert_eq!(decoder.finish(&mut restored), Ok(campaign));
        }
        self.become_same(restored);
    }

    fn replay(&mut self) {
        let mut rebuilt = State::new(&keys());
        for bytes in &self.log {
            rebuilt.apply(&decode_event(bytes).expect("an event")).expect("it was applied before");
        }
        self.become_same(rebuilt);
    }

    fn become_same(&mut self, other: State) {
        assert!(self.state.campaigns().eq(other.campaigns()));
        for campaign in self.state.campaigns() {
            assert_eq!(self.state.campaign_hash(campaign), other.campaign_hash(campaign), "{campaign:?}");
            assert_eq!(self.state.view(campaign), other.view(campaign));
        }
        assert_eq!(self.state.last_event_at(), other.last_event_at());
        self.state = other;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_state_answers_as_the_model_does(steps in prop::collection::vec(step(), 1..250)) {
        let mut run = Run::new();
        for step in steps {
            run.step(step);
        }
        run.snapshot();
        run.replay();
        let audit = Audit::of(&run.state, &Codes::new(&keys()));
        prop_assert!(audit.is_sound(), "{:?}", audit);
    }
}

/// Two campaigns whose claims alternate: each has its own serials, and its own blocks.
#[test]
fn many_claims_come_back_from_many_blocks() {
    let mut state = State::new(&keys());
    let definition = CampaignDefinition::builder("rush").coupon_type("a", 1_000_000).build().expect("valid");
    let campaign = CampaignNumber(5);
    let created = Change::Created { definition: Cow::Owned(definition), code_key: keys().code_key_id() };
    state.apply(&Event { campaign, at: at(NOON_MS), change: created }).expect("valid");
    for number in 0..50_000u32 {
        let user = format!("user-{number}");
        let change = Change::Claimed {
            day: Day(number / 9_000),
            coupon_type: TypeIndex(0),
            user: &user,
            key: None,
            requested: None,
        };
        state.apply(&Event { campaign, at: at(NOON_MS + u64::from(number)), change }).expect("valid");
    }
    let mut restored = State::new(&keys());
    let mut decoder = CampaignDecoder::new(&restored);
    let mut lengths = Vec::new();
    let encoded = state.encode_campaign(campaign, |block| {
        lengths.push(block.len());
        decoder.push(block)
    });
    encoded.expect("it can be read back");
    assert_eq!(decoder.finish(&mut restored), Ok(campaign));
    assert!(lengths.len() > 10 && lengths[..lengths.len() - 1].iter().all(|length| *length == 64 << 10), "{lengths:?}");
    assert_eq!(restored.campaign_hash(campaign), state.campaign_hash(campaign));
    assert_eq!(restored.claim_count(campaign), 50_000);
    let audit = Audit::of(&restored, &Codes::new(&keys()));
    assert!(audit.is_sound());
    assert_eq!(
        audit.campaigns[0].days.iter().map(|day| day.issued[0]).collect::<Vec<_>>(),
        [9_000, 9_000, 9_000, 9_000, 9_000, 5_000]
    );
}
