//! The naive model: a list of claims, counted anew for each answer, and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use landrush_engine::campaign::{
    CampaignDefinition, CampaignPatch, CampaignView, Cancellation, Period, Return, TypeCounts,
};
use landrush_engine::command::{Claim, Command};
use landrush_engine::id::{CampaignNumber, IdempotencyKey, Serial, TypeIndex, UserId};
use landrush_engine::outcome::{ClaimItem, ClaimKind, ClaimView, CouponState, CouponView, Outcome, Refusal};
use landrush_engine::time::{Day, Timestamp};

use crate::shop::{DAY_MS, HOUR_MS, at};

/// Singapore is eight hours ahead, always: a calendar that a model can have.
pub(crate) const ZONE: &str = "Asia/Singapore";
const ZONE_MS: u64 = 8 * HOUR_MS;

#[derive(Debug)]
struct ModelCampaign {
    created: CampaignDefinition,
    definition: CampaignDefinition,
    created_at: Timestamp,
    accept_claims: bool,
    accept_redemptions: bool,
    cancelled: Option<Cancellation>,
    ended: bool,
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
    /// Its time is over, as the log has it.
    has_run_out: bool,
}

#[derive(Debug)]
struct ModelVoid {
    restock: bool,
    restock_today: bool,
    allow_again: bool,
}

/// What a shard should do, told in the simplest way.
#[derive(Debug, Default)]
pub(crate) struct Model {
    campaigns: BTreeMap<CampaignNumber, ModelCampaign>,
}

fn refuse(refusal: Refusal) -> Outcome {
    Outcome::Refused(refusal)
}

impl Model {
    pub(crate) fn submit(&mut self, command: &Command, now: Timestamp) -> Outcome {
        let number = command.campaign();
        self.campaigns
            .values_mut()
            .filter(|campaign| !campaign.archived)
            .for_each(|campaign| campaign.do_what_is_due(now));
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
            Command::Draw(_)
            | Command::Enter(_)
            | Command::Rank { .. }
            | Command::ImportCodes { .. }
            | Command::Coupon { .. }
            | Command::Redeem(_)
            | Command::Settle { .. } => unreachable!("no step of the model"),
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
            ended: false,
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

    fn do_what_is_due(&mut self, now: Timestamp) {
        let known_at = self.definition.ends_at.saturating_add(std::time::Duration::from_secs(1));
        self.ended |= self.cancelled.is_none() && now >= known_at;
        for (index, definition) in self.definition.coupon_types.iter().enumerate() {
            let Some(valid_for) = definition.valid_for.filter(|_| !self.is_revoked()) else { continue };
            // In the order of their issue: none before the one before it.
            for claim in self.claims.iter_mut().filter(|claim| claim.coupon_type.as_index() == index) {
                claim.has_run_out |= claim.at.saturating_add(valid_for) <= now;
                if !claim.has_run_out {
                    break;
                }
            }
        }
    }

    fn is_over(&self, moment: Timestamp) -> bool {
        self.ended || moment >= self.definition.ends_at
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
            handed_out: count(index, &|_| true),
            expired: count(index, &|claim| claim.void.is_none() && claim.has_run_out),
            ..TypeCounts::default()
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
            ended: self.ended,
            fairness: None,
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
        } else if claim.has_run_out || expires_at.is_some_and(|expires_at| expires_at <= now) {
            CouponState::Expired
        } else {
            CouponState::Issued
        };
        let serial = Serial(u32::try_from(index).expect("few claims"));
        let coupon = CouponView { coupon_type: claim.coupon_type, expires_at, state, imported: None };
        ClaimView { campaign, serial, decided_at: claim.at, kind: ClaimKind::Claim, coupon: Some(coupon) }
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
        if self.is_over(claim.stamped_at) {
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
                has_run_out: false,
            });
            let view = self.claim_view(claim.campaign, index, now);
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
        if reopens && self.is_over(now) {
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
        if self.cancelled.is_none() && !self.is_over(now) {
            return refuse(Refusal::StillLive { until: None });
        }
        // A type with a coupon that is not void lives until its last one would expire, void or not.
        let mut until = Some(Timestamp::from_milliseconds(0));
        for (index, definition) in self.definition.coupon_types.iter().enumerate() {
            let claims: Vec<_> = self.claims.iter().filter(|claim| claim.coupon_type.as_index() == index).collect();
            if self.is_revoked() || claims.iter().all(|claim| claim.void.is_some() || claim.has_run_out) {
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
