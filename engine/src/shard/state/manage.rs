//! Owns what commands of operators lead to: create, change, cancel, archive, rank, import, void. Each may be sent again: what is so
//! already is answered as before, and leaves no event.

use std::sync::Arc;

use super::campaign::Campaign;
use super::decide::Decision;
use super::record::Life;
use super::{Slot, State};
use crate::campaign::{
    CampaignDefinition, CampaignPatch, CampaignView, Cancellation, CodeSource, Fairness, Mode, Return, TypeCounts,
};
use crate::command::CodeFile;
use crate::event::{Change, Event};
use crate::fairness::{Ranks, Seed};
use crate::id::{CampaignNumber, Serial, TypeIndex};
use crate::outcome::{Outcome, Refusal};
use crate::time::{Day, Timestamp};

impl State {
    pub(super) fn create<'c>(
        &self,
        number: CampaignNumber,
        definition: &'c CampaignDefinition,
        seed: &Seed,
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
        let seed = definition.needs_seed().then(|| seed.clone());
        let fairness = seed.as_ref().filter(|_| definition.mode != Mode::FirstCome).map(|seed| Fairness {
            commitment: seed.commitment(),
            seed: None,
            entries: 0,
            entries_hash: None,
        });
        let view = CampaignView {
            number,
            definition: Arc::new(definition.clone()),
            created_at: now,
            accept_claims: true,
            accept_redemptions: true,
            cancelled: None,
            ended: false,
            fairness,
            today: Day(0),
            counts: vec![TypeCounts::default(); definition.coupon_types.len()],
        };
        let code_key = self.code_key.expect("a state that decides was made with keys");
        let change = Change::Created { definition: Box::new(definition.clone()), code_key, seed };
        Decision { outcome: Outcome::Created(Arc::new(view)), event: Some(Event { campaign: number, at: now, change }) }
    }
}

impl Campaign {
    pub(super) fn patch<'c>(&self, patch: &'c CampaignPatch, dry_run: bool, now: Timestamp) -> Decision<'c> {
        match patch.check(&self.definition) {
            Ok(()) => self.patch_checked(patch, dry_run, now),
            Err(invalid) => Decision::refuse(Refusal::Invalid(invalid)),
        }
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
        let longer_by = self.room.as_ref().filter(|_| patch.accept_claims == Some(true));
        let longer_by = longer_by.and_then(|room| room.stood_still(now));
        let patch = Box::new(patch);
        let change = match longer_by {
            Some(longer_by) => Change::Resumed { patch, longer_by },
            None => Change::Patched { patch },
        };
        Decision { outcome, event: happens.then(|| self.event(now, change)) }
    }

    /// Why the campaign does not take this patch, which holds changes only.
    ///
    /// One that is over is not opened again: neither its end nor a pause is lifted. All else may still be corrected.
    fn refuses(&self, patch: &CampaignPatch, now: Timestamp) -> Option<Refusal> {
        let reopens = patch.ends_at.is_some() || patch.accept_claims == Some(true);
        if reopens && self.cancelled.is_some() {
            return Some(Refusal::Cancelled);
        }
        if reopens && self.is_over(now) {
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
        let happens = changes && !dry_run;
        if happens {
            // A dry run gives no seed away.
            view.fairness = self.fairness(true);
        }
        let outcome = Outcome::Campaign(Arc::new(view));
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

    /// Takes the ranks of a lottery, which were computed for it as it was when it ended: it has not changed since, unless
    /// it was cancelled meanwhile, and then nobody wins.
    pub(super) fn rank<'c>(&self, ranks: &Arc<Ranks>, now: Timestamp) -> Decision<'c> {
        if self.definition.mode != Mode::Lottery || !self.ended {
            return Decision::refuse(Refusal::WrongMode);
        }
        if self.ranking.is_some() {
            return Decision::answer(Outcome::Ranked);
        }
        if self.cancelled.is_some() {
            return Decision::refuse(Refusal::Cancelled);
        }
        assert_eq!(ranks.count(), self.claims.count(), "nobody enters a lottery that is over");
        let change = Change::Ranked {
            count: ranks.count(),
            entries_hash: self.entries_hash.value(),
            ranks: Some(Arc::clone(ranks)),
        };
        Decision { outcome: Outcome::Ranked, event: Some(self.event(now, change)) }
    }

    /// Adds codes to a coupon type. A file that was added before is not added again.
    pub(super) fn import_codes<'c>(
        &self,
        coupon_type: TypeIndex,
        file: CodeFile,
        first: u32,
        now: Timestamp,
    ) -> Decision<'c> {
        let index = coupon_type.as_index();
        let Some(definition) = self.definition.coupon_types.get(index) else {
            return Decision::refuse(Refusal::NoSuchCouponType);
        };
        if definition.codes == CodeSource::Generated {
            return Decision::refuse(Refusal::CodesGenerated);
        }
        let counts = &self.counts[index];
        let available = counts.imported - counts.handed_out;
        if self.issues[index].files.iter().any(|before| before.id == file.id) {
            return Decision::answer(Outcome::CodesImported { available });
        }
        if self.cancelled.is_some() {
            return Decision::refuse(Refusal::Cancelled);
        }
        if self.is_over(now) {
            return Decision::refuse(Refusal::Ended);
        }
        if counts.imported != first {
            return Decision::refuse(Refusal::Conflict);
        }
        let Some(available) = counts.imported.checked_add(file.count).map(|imported| imported - counts.handed_out)
        else {
            return Decision::refuse(Refusal::SoldOut);
        };
        let change = Change::CodesImported { coupon_type, file };
        Decision { outcome: Outcome::CodesImported { available }, event: Some(self.event(now, change)) }
    }

    pub(super) fn void_claim<'c>(
        &self,
        claim: Serial,
        restock: Option<bool>,
        allow_again: bool,
        now: Timestamp,
    ) -> Decision<'c> {
        let Some(record) = self.claims.record(claim) else { return Decision::refuse(Refusal::NoSuchClaim) };
        if self.definition.mode == Mode::Lottery && self.win(claim).is_none() {
            // An entry has nothing that could be voided: the count and the hash that winners follow from stay as they are.
            return Decision::refuse(Refusal::NoSuchClaim);
        }
        if record.life() == Life::Redeemed {
            return Decision::refuse(Refusal::AlreadyRedeemed);
        }
        if record.void().is_some() || self.is_revoked() {
            return Decision::answer(Outcome::Voided);
        }
        let restock = restock.unwrap_or(self.definition.returns.voided == Return::Restock);
        // A losing draw has no unit; one that ran out may have gone back already.
        let restock = restock && self.won_type(claim).is_some() && !record.restocked().total;
        let restock_today = restock && record.counts_for_its_day() && self.claims.day(claim) == self.today(now);
        let change = Change::Voided { claim, restock, restock_today, allow_again };
        Decision { outcome: Outcome::Voided, event: Some(self.event(now, change)) }
    }
}
