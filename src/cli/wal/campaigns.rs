//! What is known of the campaigns on the way through a log: their names, and how many claims there have been. Records say only
//! numbers.

use std::collections::HashMap;

use landrush_engine::campaign::CampaignDefinition;
use landrush_engine::codec::decode_event;
use landrush_engine::id::CampaignNumber;
use landrush_engine::snapshot::rebuild_state;
use landrush_wal::lsn::Lsn;

use super::Failure;
use super::history::{StoredHistory, empty_state};
use super::reading::Log;

/// What is known of a campaign on the way through the log.
pub(super) struct Known {
    pub(super) id: String,
    pub(super) coupon_types: Vec<String>,
    /// Claims so far; `None`: nobody can tell.
    pub(super) claims: Option<u32>,
}

impl Known {
    pub(super) fn new(definition: &CampaignDefinition, claims: Option<u32>) -> Self {
        let coupon_types = definition.coupon_types.iter().map(|coupon_type| coupon_type.id.to_string()).collect();
        Self { id: definition.id.to_string(), coupon_types, claims }
    }
}

/// The campaigns that were made before the log begins, out of the oldest snapshot.
pub(super) fn known_before(log: &Log) -> Result<HashMap<CampaignNumber, Known>, Failure> {
    let Some(oldest) = log.snapshots.last() else { return Ok(HashMap::new()) };
    // The keys do not matter, nothing here is made with them; and of the log nothing is wanted.
    let history = StoredHistory { log, snapshot: Some(oldest), upto: oldest.last_lsn, doing: "reading the snapshot" };
    let state = rebuild_state(&history, empty_state(None))?;
    let overlap = claims_upto(log, oldest.last_lsn);
    let known = state.campaigns().filter_map(|campaign| {
        let known = match state.view(campaign) {
            Some(view) => {
                let later = overlap.as_ref().map(|claims| claims.get(&campaign).copied().unwrap_or(0));
                let claims = later.and_then(|later| state.claim_count(campaign).checked_sub(later));
                Known::new(&view.definition, claims)
            }
            // Archived: only its name is left.
            None => Known { id: state.id(campaign)?.to_string(), coupon_types: Vec::new(), claims: None },
        };
        Some((campaign, known))
    });
    Ok(known.collect())
}

/// The claims in the log up to `upto`: the snapshot counts them already, and they are yet to come. `None` if they cannot be
/// read; whoever reads on comes upon the reason.
fn claims_upto(log: &Log, upto: Lsn) -> Option<HashMap<CampaignNumber, u32>> {
    let mut claims: HashMap<CampaignNumber, u32> = HashMap::new();
    let read = log.records(log.reader.begins_after(), upto, "reading the log", &mut |_, record| {
        if let Ok(event) = decode_event(record)
            && event.change.is_grant()
        {
            *claims.entry(event.campaign).or_default() += 1;
        }
        Ok::<(), Failure>(())
    });
    read.is_ok().then_some(claims)
}
