//! Owns the check that no coupon is redeemed or held twice, and no hold outlives its end.

use std::collections::HashMap;
use std::time::Duration;

use super::{CampaignAudit, Violation};
use crate::id::{RedemptionNumber, Serial};
use crate::outcome::RedemptionState;
use crate::shard::{Campaign, Life};

/// A hold may be found so long after its end, by the clock of the event that came last: what is due waits for its turn.
const HOLD_SLACK: Duration = Duration::from_secs(60);

pub(super) fn check(campaign: &Campaign, report: &mut CampaignAudit) {
    let mut open: HashMap<u32, u32, _> = HashMap::with_hasher(campaign.hasher());
    for (number, redemption) in (0..).map(RedemptionNumber).zip(campaign.redemptions()) {
        report.redemptions += 1;
        match redemption.state {
            RedemptionState::Confirmed => *open.entry(redemption.claim.0).or_insert(0) += 1,
            RedemptionState::Reserved => {
                *open.entry(redemption.claim.0).or_insert(0) += 1;
                let latest = redemption.expires_at().map(|at| at.saturating_add(HOLD_SLACK));
                if latest.is_none_or(|latest| latest < campaign.latest_at) {
                    report.report(Violation::Hold(number));
                }
            }
            RedemptionState::Released | RedemptionState::Expired | RedemptionState::Reversed => {}
        }
    }
    for fate in campaign.grants() {
        let expected = u32::from(matches!(fate.life, Life::Reserved | Life::Redeemed));
        // Most campaigns have no redemption at all.
        let times = if open.is_empty() { 0 } else { open.remove(&fate.serial.0).unwrap_or(0) };
        if times != expected {
            report.report(Violation::Redeemed { claim: fate.serial, times });
        }
    }
    for (claim, times) in open {
        report.report(Violation::Redeemed { claim: Serial(claim), times });
    }
}
