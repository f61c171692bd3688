//! Owns what a campaign would be if it were made: the answer to a creation that is only tried. The windows come from the very
//! schedule that would run them, so that what is shown is also right on the days when clocks change.

use std::sync::Arc;

use hyper::StatusCode;
use landrush_engine::campaign::{CampaignDefinition, CampaignView, Schedule, TypeCounts};
use landrush_engine::id::CampaignNumber;
use landrush_engine::time::{Day, Timestamp};

use super::answer::Answer;
use super::campaign_json;
use super::json_text::JsonText;
use super::lane::Lane;

/// The most windows that are shown.
const WINDOWS_MAX: usize = 50;

/// The campaign that `definition` would make, as of now: nothing issued, and without the commitment of a draw, which only
/// comes with the seed of a campaign that is really made.
pub(crate) fn fresh(definition: CampaignDefinition, now: Timestamp) -> CampaignView {
    CampaignView {
        // The one that no campaign bears, since a preview must not use numbers up.
        number: CampaignNumber(u32::MAX),
        counts: vec![TypeCounts::default(); definition.coupon_types.len()],
        definition: Arc::new(definition),
        created_at: now,
        accept_claims: true,
        accept_redemptions: true,
        cancelled: None,
        ended: false,
        fairness: None,
        // Of no consequence where nothing is issued.
        today: Day(0),
    }
}

/// `view`, with the windows of it that have not closed yet.
pub(crate) fn document(lane: &Lane, view: &CampaignView) -> Answer {
    let now = lane.now();
    let is_over = view.ended || view.cancelled.is_some();
    let schedule: Option<Schedule> =
        (!is_over).then(|| view.definition.schedule().expect("a campaign's schedule was checked"));
    let windows = schedule.iter().flat_map(|schedule| schedule.upcoming(now)).take(WINDOWS_MAX);
    let body = lane.body(|out| {
        let mut json = JsonText::object(out);
        campaign_json::write(view, campaign_json::phase(view, now), true, &mut json);
        json.array("windows", windows, |window, json| {
            json.time("opens_at", window.opened_at);
            json.time("closes_at", window.closes_at);
        });
        json.end();
    });
    Answer::json(StatusCode::OK, body)
}
