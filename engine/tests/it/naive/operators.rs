//! What operators do to a campaign.

use landrush_engine::campaign::{CampaignPatch, Cancellation, Return};
use landrush_engine::outcome::{Outcome, RedemptionState, Refusal};
use landrush_engine::time::Timestamp;

use super::{ModelCampaign, refuse};

impl ModelCampaign {
    pub(super) fn patch(&mut self, patch: &CampaignPatch, dry_run: bool, now: Timestamp) -> Outcome {
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
        let before = (self.definition.clone(), self.accept_claims, self.accept_redemptions);
        if !dry_run && patch.accept_claims.is_some_and(|accept| accept != self.accept_claims) {
            self.pause_or_resume_room(now);
        }
        self.definition.ends_at = patch.ends_at.unwrap_or(self.definition.ends_at);
        self.accept_claims = patch.accept_claims.unwrap_or(self.accept_claims);
        self.accept_redemptions = patch.accept_redemptions.unwrap_or(self.accept_redemptions);
        for change in &patch.coupon_types {
            let coupon_type = &mut self.definition.coupon_types[change.coupon_type.as_index()];
            coupon_type.total_quota = change.total_quota.unwrap_or(coupon_type.total_quota);
            coupon_type.daily_quota = change.daily_quota.unwrap_or(coupon_type.daily_quota);
        }
        let view = self.view();
        if dry_run {
            (self.definition, self.accept_claims, self.accept_redemptions) = before;
        }
        Outcome::Campaign(view)
    }

    pub(super) fn cancel(&mut self, revoke: bool, dry_run: bool, now: Timestamp) -> Outcome {
        let before = self.cancelled;
        let cancellation = Cancellation {
            at: before.map_or(now, |before| before.at),
            revoke: revoke || before.is_some_and(|before| before.revoke),
        };
        if dry_run {
            let view = self.view();
            return Outcome::Campaign(std::sync::Arc::new(landrush_engine::campaign::CampaignView {
                cancelled: Some(cancellation),
                ..(*view).clone()
            }));
        }
        self.cancelled = Some(cancellation);
        if cancellation.revoke {
            (0..self.claims.len()).for_each(|claim| self.end_hold(claim));
        }
        Outcome::Campaign(self.view())
    }

    pub(super) fn archive(&mut self, dry_run: bool, now: Timestamp) -> Outcome {
        if self.cancelled.is_none() && !self.is_over(now) {
            return refuse(Refusal::StillLive { until: None });
        }
        let holds = self.redemptions.iter().filter(|redemption| redemption.state == RedemptionState::Reserved);
        let holds = holds.filter_map(|redemption| redemption.hold.map(|hold| redemption.at.saturating_add(hold)));
        let mut until = holds.max();
        for coupon_type in self.types().filter(|_| !self.is_revoked()) {
            // A type with a coupon that may be redeemed lives until its last one would expire, whatever became of that one.
            let issued = (0..self.claims.len()).filter(|index| self.claims[*index].won == Some(coupon_type));
            let is_settled =
                |index: usize| self.claims[index].is_void || self.claims[index].is_expired || self.is_redeemed(index);
            if issued.clone().all(is_settled) {
                continue;
            }
            let last = issued.map(|index| self.claims[index].at).max().expect("one is not settled");
            match self.definition.coupon_types[coupon_type.as_index()].valid_for {
                None => return refuse(Refusal::StillLive { until: None }),
                Some(valid_for) => until = until.max(Some(last.saturating_add(valid_for))),
            }
        }
        match until.filter(|until| now < *until) {
            None => {
                self.archived |= !dry_run;
                Outcome::Archived
            }
            until => refuse(Refusal::StillLive { until }),
        }
    }

    pub(super) fn void(&mut self, index: usize, restock: Option<bool>, allow_again: bool, now: Timestamp) -> Outcome {
        let (today, is_revoked) = (self.today(now), self.is_revoked());
        let restock = restock.unwrap_or(self.definition.returns.voided == Return::Restock);
        if index >= self.claims.len() {
            return refuse(Refusal::NoSuchClaim);
        }
        if self.is_redeemed(index) {
            return refuse(Refusal::AlreadyRedeemed);
        }
        let claim = &mut self.claims[index];
        if !claim.is_void && !is_revoked {
            (claim.is_void, claim.is_allowed_again) = (true, allow_again);
            // A unit returns once, and only where there was one.
            if restock && claim.won.is_some() && !claim.is_restocked {
                (claim.is_restocked, claim.is_restocked_today) = (true, claim.day == today);
            }
            self.end_hold(index);
        }
        Outcome::Voided
    }

    fn end_hold(&mut self, claim: usize) {
        if let Some((hold, RedemptionState::Reserved)) = self.latest(claim) {
            self.redemptions[hold].state = RedemptionState::Released;
        }
    }
}
