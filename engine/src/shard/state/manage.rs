//! Owns what commands of operators lead to: create, change, cancel, archive, void. Each may be sent again: what is so
//! already is answered as before, and leaves no event.

use std::borrow::Cow;
use std::sync::Arc;

use super::campaign::Campaign;
use super::decide::Decision;
use super::{Slot, State};
use crate::campaign::{CampaignDefinition, CampaignPatch, CampaignView, Cancellation, Return, TypeCounts};
use crate::event::{Change, Event};
use crate::id::{CampaignNumber, Serial};
use crate::outcome::{Outcome, Refusal};
use crate::time::{Day, Timestamp};

impl State {
    pub(super) fn create<'c>(
        &self,
        number: CampaignNumber,
        definition: &'c CampaignDefinition,
        now: Timestamp,
    ) -> Decision<'c> {
        let taken = self.find(&definition.id).or_else(|| self.slot(number).map(|_| number));
        if let Some(taken) = taken {
            return Decision::answer(match self.slot(taken).expect("every id has its slot") {
                Slot::Archived(_) => Outcome::Refused(Refusal::Archived),
                Slot::Live(campaign) if *campaign.created == *definition => {
                    Outcome::Campaign(Arc::new(campaign.view()))
                }
                Slot::Live(_) => Outcome::Refused(Refusal::Conflict),
            });
        }
        if let Err(invalid) = definition.check() {
            return Decision::refuse(Refusal::Invalid(invalid));
        }
        let view = CampaignView {
            number,
            definition: Arc::new(definition.clone()),
            created_at: now,
            accept_claims: true,
            accept_redemptions: true,
            cancelled: None,
            today: Day(0),
            counts: vec![TypeCounts::default(); definition.coupon_types.len()],
        };
        let code_key = self.code_key.expect("a state that decides was made with keys");
        let change = Change::Created { definition: Cow::Borrowed(definition), code_key };
        Decision { outcome: Outcome::Created(Arc::new(view)), event: Some(Event { campaign: number, at: now, change }) }
    }
}

impl Campaign {
    pub(super) fn patch<'c>(&self, patch: &'c CampaignPatch, dry_run: bool, now: Timestamp) -> Decision<'c> {
        if let Err(invalid) = patch.check(&self.definition) {
            return Decision::refuse(Refusal::Invalid(invalid));
        }
        self.patch_checked(patch, dry_run, now)
    }

    pub(super) fn accept_claims<'c>(&self, accept: bool, now: Timestamp) -> Decision<'c> {
        self.patch_checked(&CampaignPatch { accept_claims: Some(accept), ..CampaignPatch::default() }, false, now)
    }

    fn patch_checked<'c>(&self, patch: &CampaignPatch, dry_run: bool, now: Timestamp) -> Decision<'c> {
        let mut patch = patch.against(&self.definition);
        patch.accept_claims.take_if(|accept| *accept == self.flags.accept_claims);
        patch.accept_redemptions.take_if(|accept| *accept == self.flags.accept_redemptions);
        if let Some(refusal) = self.refuses(&patch, now) {
            return Decision::refuse(refusal);
        }
        let outcome = Outcome::Campaign(Arc::new(self.view_after(&patch)));
        let happens = !dry_run && !patch.is_empty();
        Decision { outcome, event: happens.then(|| self.event(now, Change::Patched { patch: Cow::Owned(patch) })) }
    }

    /// Why the campaign does not take this patch, which holds changes only.
    ///
    /// One that is over is not opened again: neither its end nor a pause is lifted. All else may still be corrected.
    fn refuses(&self, patch: &CampaignPatch, now: Timestamp) -> Option<Refusal> {
        let reopens = patch.ends_at.is_some() || patch.accept_claims == Some(true);
        if reopens && self.cancelled.is_some() {
            return Some(Refusal::Cancelled);
        }
        if reopens && now >= self.definition.ends_at {
            return Some(Refusal::Ended);
        }
        patch.coupon_types.iter().find_map(|change| {
            let issued = self.counts[change.coupon_type.as_index()].issued;
            let is_below = change.total_quota.is_some_and(|total| total < issued);
            is_below.then_some(Refusal::QuotaBelowIssued { coupon_type: change.coupon_type, issued })
        })
    }

    /// A campaign cancelled without revoking may still be revoked; one that was revoked stays so.
    pub(super) fn cancel<'c>(&self, revoke: bool, dry_run: bool, now: Timestamp) -> Decision<'c> {
        let changes = self.cancelled.is_none_or(|cancellation| revoke && !cancellation.revoke);
        let mut view = self.view();
        if changes {
            let at = self.cancelled.map_or(now, |cancellation| cancellation.at);
            view.cancelled = Some(Cancellation { at, revoke });
        }
        let outcome = Outcome::Campaign(Arc::new(view));
        let happens = changes && !dry_run;
        Decision { outcome, event: happens.then(|| self.event(now, Change::Cancelled { revoke })) }
    }

    pub(super) fn archive<'c>(&self, dry_run: bool, now: Timestamp) -> Decision<'c> {
        match self.still_live(now) {
            Some(refusal) => Decision::refuse(refusal),
            None => {
                Decision { outcome: Outcome::Archived, event: (!dry_run).then(|| self.event(now, Change::Archived)) }
            }
        }
    }

    pub(super) fn void_claim<'c>(
        &self,
        claim: Serial,
        restock: Option<bool>,
        allow_again: bool,
        now: Timestamp,
    ) -> Decision<'c> {
        let Some(record) = self.claims.record(claim) else { return Decision::refuse(Refusal::NoSuchClaim) };
        if record.void().is_some() || self.is_revoked() {
            return Decision::answer(Outcome::Voided);
        }
        let restock = restock.unwrap_or(self.definition.returns.voided == Return::Restock);
        let restock_today = restock && self.claims.day(claim) == self.today(now);
        let change = Change::Voided { claim, restock, restock_today, allow_again };
        Decision { outcome: Outcome::Voided, event: Some(self.event(now, change)) }
    }
}
