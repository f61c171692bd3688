//! Owns the check that no coupon is redeemed or held twice. That none is confirmed after its hold's end is checked where events
//! are applied; that a hold which is over is still found reserved says only that its turn had not come when the log ends.

use std::collections::HashMap;

use super::{CampaignAudit, Violation};
use crate::id::Serial;
use crate::outcome::RedemptionState;
use crate::shard::{Campaign, Life};

pub(super) fn check(campaign: &Campaign, report: &mut CampaignAudit) {
    let mut open: HashMap<u32, u32, _> = HashMap::with_hasher(campaign.hasher());
    for redemption in campaign.redemptions() {
        report.redemptions += 1;
        match redemption.state {
            RedemptionState::Confirmed | RedemptionState::Reserved => {
                *open.entry(redemption.claim.0).or_insert(0) += 1;
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
