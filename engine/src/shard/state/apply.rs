//! Owns how an event changes the state: the one way, for what was just decided and for what is read from a log. Every
//! event is checked before anything changes, so that a log that contradicts itself is refused and not believed.

use std::sync::Arc;

use super::breach::{Breach, Inconsistent};
use super::campaign::{Campaign, DailyQuota, Stock};
use super::claims::{Grant, Person};
use super::record::Void;
use super::{Archived, Slot, State};
use crate::campaign::{CampaignDefinition, CampaignPatch, Cancellation, InvalidDefinition};
use crate::event::{Change, CodeKeyId, Event};
use crate::id::{CampaignNumber, IdempotencyKey, Serial, UserId};
use crate::time::Timestamp;

impl State {
    /// Takes what happened. Either all of it, or nothing and an error.
    ///
    /// # Errors
    /// [`Inconsistent`] if it contradicts what happened before. What [`State::decide`] has just decided never does.
    pub fn apply(&mut self, event: &Event<'_>) -> Result<(), Inconsistent> {
        self.apply_change(event).map_err(|breach| Inconsistent { campaign: event.campaign, breach })?;
        self.last_event_at = self.last_event_at.max(event.at);
        Ok(())
    }

    fn apply_change(&mut self, event: &Event<'_>) -> Result<(), Breach> {
        if let Change::Created { definition, code_key } = &event.change {
            return self.apply_created(event, definition, *code_key);
        }
        let slot = self.campaigns.get_mut(&event.campaign).ok_or(Breach::NoSuchCampaign)?;
        let Slot::Live(campaign) = slot else { return Err(Breach::Archived) };
        match &event.change {
            Change::Created { .. } => unreachable!("creations have been applied above"),
            Change::Patched { patch } => campaign.apply_patch(patch)?,
            Change::Cancelled { revoke } => campaign.apply_cancel(*revoke, event.at)?,
            Change::Archived => {
                if campaign.cancelled.is_none() && event.at < campaign.definition.ends_at {
                    return Err(Breach::ArchivedOpen);
                }
                let last_event_at = campaign.last_event_at.max(event.at);
                *slot = Slot::Archived(Archived { id: campaign.definition.id.clone(), at: event.at, last_event_at });
                return Ok(());
            }
            Change::Claimed { day, coupon_type, user, key, requested } => {
                let named = requested.is_some();
                let grant = Grant { at: event.at, day: *day, coupon_type: *coupon_type, user, key: *key, named };
                if requested.is_some_and(|requested| requested != *coupon_type) {
                    return Err(Breach::CouponType(Serial(campaign.claims.count())));
                }
                campaign.apply_claim(&grant)?;
            }
            Change::Voided { claim, restock, restock_today, allow_again } => {
                let void = Void { restocked: *restock, restocked_today: *restock_today, allowed_again: *allow_again };
                campaign.apply_void(*claim, void)?;
            }
        }
        campaign.last_event_at = campaign.last_event_at.max(event.at);
        Ok(())
    }

    fn apply_created(
        &mut self,
        event: &Event<'_>,
        definition: &CampaignDefinition,
        code_key: CodeKeyId,
    ) -> Result<(), Breach> {
        if let Some(present) = self.code_key.filter(|present| *present != code_key) {
            return Err(Breach::CodeKey { found: code_key, present });
        }
        definition.check()?;
        let campaign = Campaign::new(event.campaign, definition.clone(), event.at, &self.person_key.0);
        self.adopt(event.campaign, Slot::Live(Box::new(campaign.ok_or(InvalidDefinition::TimeZone)?)))?;
        self.code_key = Some(code_key);
        Ok(())
    }

    /// Takes a campaign in under a number and an id that are free.
    pub(super) fn adopt(&mut self, number: CampaignNumber, slot: Slot) -> Result<(), Breach> {
        let id = match &slot {
            Slot::Live(campaign) => &campaign.definition.id,
            Slot::Archived(archived) => &archived.id,
        };
        // The last number is never dealt, so that there always is a next one.
        if number.0 == u32::MAX || self.campaigns.contains_key(&number) || self.numbers.contains_key(id) {
            return Err(Breach::CampaignTaken);
        }
        self.numbers.insert(id.clone(), number);
        self.campaigns.insert(number, slot);
        Ok(())
    }
}

impl Campaign {
    fn apply_patch(&mut self, patch: &CampaignPatch) -> Result<(), Breach> {
        patch.check(&self.definition)?;
        for change in &patch.coupon_types {
            let issued = self.counts[change.coupon_type.as_index()].issued;
            if change.total_quota.is_some_and(|total| total < issued) {
                return Err(Breach::QuotaBelowIssued(change.coupon_type));
            }
        }
        let from = Serial(self.claims.count());
        for change in &patch.coupon_types {
            if let Some(quota) = change.daily_quota {
                self.daily_quotas.push(DailyQuota { from, coupon_type: change.coupon_type, quota });
            }
        }
        self.definition = Arc::new(patch.applied_to(&self.definition));
        self.flags.accept_claims = patch.accept_claims.unwrap_or(self.flags.accept_claims);
        self.flags.accept_redemptions = patch.accept_redemptions.unwrap_or(self.flags.accept_redemptions);
        Ok(())
    }

    fn apply_cancel(&mut self, revoke: bool, at: Timestamp) -> Result<(), Breach> {
        self.cancelled = Some(match self.cancelled {
            None => Cancellation { at, revoke },
            Some(before) if revoke && !before.revoke => Cancellation { revoke, ..before },
            Some(_) => return Err(Breach::CancelledTwice),
        });
        Ok(())
    }

    fn apply_claim(&mut self, grant: &Grant<'_>) -> Result<(), Breach> {
        let claim = Serial(self.claims.count());
        if self.cancelled.is_some() || !self.flags.accept_claims {
            return Err(Breach::ClaimsStopped(claim));
        }
        self.check_grant(grant)?;
        match self.stock(grant.coupon_type, grant.day) {
            Stock::Left => {}
            Stock::GoneToday => return Err(Breach::DailyQuota { claim, coupon_type: grant.coupon_type }),
            Stock::Gone => return Err(Breach::TotalQuota { claim, coupon_type: grant.coupon_type }),
        }
        let person = self.claims.person(grant.user);
        if self.is_limit_reached(person, grant.day) {
            return Err(Breach::Limit(claim));
        }
        if let Some(other) = grant.key.and_then(|key| self.under_key(grant.user, key)) {
            return Err(Breach::KeyTwice { claim, other });
        }
        self.push(grant, person);
        Ok(())
    }

    /// What holds of every claim, whatever else has happened since: a snapshot's claims are held against it too.
    pub(super) fn check_grant(&self, grant: &Grant<'_>) -> Result<(), Breach> {
        let claim = Serial(self.claims.count());
        if claim.0 == u32::MAX || grant.coupon_type.as_index() >= self.counts.len() {
            return Err(Breach::CouponType(claim));
        }
        let keyed = self.definition.limit.max > 1;
        let is_valid_key = grant.key.map_or(!keyed, |key| keyed && IdempotencyKey::check(key).is_ok());
        if UserId::check(grant.user).is_err() || !is_valid_key {
            return Err(Breach::Person(claim));
        }
        if grant.day < self.day {
            return Err(Breach::DayBack { claim, from: self.day, to: grant.day });
        }
        Ok(())
    }

    /// Adds a claim that has been checked, and counts it.
    pub(super) fn push(&mut self, grant: &Grant<'_>, person: Person) {
        if grant.day > self.day {
            self.day = grant.day;
            self.counts.iter_mut().for_each(|counts| counts.issued_today = 0);
        }
        let index = grant.coupon_type.as_index();
        self.counts[index].issued += 1;
        self.counts[index].issued_today += 1;
        self.issues[index].count += 1;
        self.issues[index].last_at = self.issues[index].last_at.max(Some(grant.at));
        self.claims.push(grant, person);
    }

    fn apply_void(&mut self, claim: Serial, void: Void) -> Result<(), Breach> {
        let record = *self.claims.record(claim).ok_or(Breach::NoSuchClaim(claim))?;
        if record.void().is_some() {
            return Err(Breach::VoidedTwice(claim));
        }
        if void.restocked_today && (!void.restocked || self.claims.day(claim) != self.day) {
            return Err(Breach::RestockedDay(claim));
        }
        self.void(claim, void);
        Ok(())
    }

    /// Voids a claim that has been checked, and counts it.
    pub(super) fn void(&mut self, claim: Serial, void: Void) {
        let counts = &mut self.counts[self.claims.record(claim).expect("checked").coupon_type().as_index()];
        counts.voided += 1;
        counts.issued -= u32::from(void.restocked);
        counts.issued_today -= u32::from(void.restocked_today);
        self.claims.void(claim, void);
    }
}
