//! Owns what is left of a campaign, for anybody: cacheable, cheap, and of durable decisions only.

use std::hash::Hasher;

use hyper::StatusCode;
use hyper::header;
use hyper::http::request::Parts;
use landrush_engine::campaign::{AvailabilityDisplay, CampaignView, Phase};
use landrush_engine::published::Published;
use landrush_engine::time::Timestamp;

use super::answer::Answer;
use super::campaign_json::{CampaignState, edges, left};
use super::claims;
use super::json_text::JsonText;
use super::lane::Lane;
use super::problem::Problem;
use crate::app::Opened;

const CACHE_CONTROL: &str = "public, max-age=1";

/// `GET /v1/campaigns/{id}/availability`.
pub(crate) fn read(lane: &Lane, opened: &Opened, id: &str, parts: &Parts) -> Result<Answer, Problem> {
    let campaign = claims::living(opened, id)?;
    let now = lane.now();
    let shown = Shown::of(&campaign, now);
    let mut body = Vec::with_capacity(512);
    shown.write(None, &mut body);
    let tag = entity_tag(&body);
    let answer = if not_modified(parts, &tag) {
        Answer::empty(StatusCode::NOT_MODIFIED)
    } else {
        Answer::json(StatusCode::OK, lane.body(|out| shown.write(Some(now), out)))
    };
    Ok(answer.with("etag", tag).with("cache-control", CACHE_CONTROL))
}

/// What anybody is shown of a campaign at one moment.
#[derive(Debug)]
pub(crate) struct Shown {
    view: CampaignView,
    phase: Phase,
    resets_at: Option<Timestamp>,
}

impl Shown {
    /// What is shown of `campaign` at `now`.
    pub(crate) fn of(campaign: &Published, now: Timestamp) -> Self {
        let view = campaign.view(now);
        let has_days = view.definition.coupon_types.iter().any(|coupon_type| coupon_type.daily_quota.is_some());
        Self { view, phase: campaign.phase(now), resets_at: has_days.then(|| campaign.resets_at(now)) }
    }

    /// The next moment at which it changes by the calendar alone: an opening, a close, a new day.
    pub(crate) fn changes_at(&self) -> Option<Timestamp> {
        let edge = match self.phase {
            Phase::Before { opens_at } | Phase::Between { opens_at } => Some(opens_at),
            Phase::Open { closes_at, .. } => Some(closes_at),
            Phase::Over => None,
        };
        [edge, self.resets_at].into_iter().flatten().min()
    }

    /// Names what a body says, given without the server's time.
    pub(crate) fn hash(body_without_time: &[u8]) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        hasher.write(body_without_time);
        hasher.finish()
    }

    /// Appends it as JSON.
    pub(crate) fn write(&self, server_time: Option<Timestamp>, out: &mut Vec<u8>) {
        let Self { view, phase, resets_at } = self;
        let definition = &*view.definition;
        let mut json = JsonText::object(out);
        json.text("campaign_id", definition.id.as_str());
        json.text("state", CampaignState::of(view, *phase).word());
        if let Some(server_time) = server_time {
            json.time("server_time", server_time);
        }
        let (opens_at, closes_at) = edges(view, *phase);
        json.optional_time("opens_at", opens_at);
        json.optional_time("closes_at", closes_at);
        json.optional_time("resets_at", *resets_at);
        json.array("coupon_types", left(view), |(coupon_type, left), json| {
            json.text("id", coupon_type.id.as_str());
            json.text("name", &coupon_type.name);
            let quota_today = coupon_type.daily_quota.unwrap_or(coupon_type.total_quota);
            match definition.availability_display {
                AvailabilityDisplay::Exact => {
                    json.number("remaining", u64::from(left.total));
                    json.number("remaining_today", u64::from(left.today));
                }
                AvailabilityDisplay::Bucketed => {
                    json.text("remaining", bucket(left.total, coupon_type.total_quota));
                    json.text("remaining_today", bucket(left.today, quota_today));
                }
            }
        });
        json.end();
    }
}

/// How much `left` is of `quota`, roughly.
pub(crate) fn bucket(left: u32, quota: u32) -> &'static str {
    let (left, quota) = (u64::from(left), u64::from(quota));
    match left {
        0 => "none",
        _ if left * 4 > quota => "plenty",
        _ if left * 20 > quota => "few",
        _ => "last",
    }
}

/// Names what the body says but for the server's time. Weak, since two bodies under one tag differ in that.
pub(crate) fn entity_tag(body_without_time: &[u8]) -> String {
    format!("W/\"{:016x}\"", Shown::hash(body_without_time))
}

/// Whether the client has what `tag` names.
pub(crate) fn not_modified(parts: &Parts, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let given = parts.headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).any(|given| given.trim() == "*" || opaque(given) == opaque(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cut_where_the_contract_says() {
        for (left, expected) in
            [(100, "plenty"), (26, "plenty"), (25, "few"), (6, "few"), (5, "last"), (1, "last"), (0, "none")]
        {
            assert_eq!(bucket(left, 100), expected, "{left} of 100");
        }
        assert_eq!(bucket(1_000_000_000, 1_000_000_000), "plenty");
        assert_eq!(bucket(1, 1), "plenty");
    }

    #[test]
    fn a_tag_is_matched_weakly_and_in_lists() {
        let tag = entity_tag(b"x");
        let check = |header: &str, expected| {
            let request = hyper::Request::get("/").header("if-none-match", header).body(()).expect("a request");
            assert_eq!(not_modified(&request.into_parts().0, &tag), expected, "{header}");
        };
        check(&tag, true);
        check(tag.trim_start_matches("W/"), true);
        check(&format!("\"other\", {tag}"), true);
        check("*", true);
        check("\"other\"", false);
        assert_ne!(tag, entity_tag(b"y"));
    }
}
