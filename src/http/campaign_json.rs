//! Owns how a campaign looks in an answer, and what state it is in.

use landrush_engine::campaign::{
    AvailabilityDisplay, CampaignDefinition, CampaignView, CodeSource, CouponTypeDefinition, Fairness, Mode, Phase,
    TypeCounts, Windows,
};
use landrush_engine::fairness::hex::Hex;
use landrush_engine::time::Timestamp;

use super::json_text::JsonText;
use super::{campaign_body, words};
use crate::text::Spelt;

/// What a campaign is up to, in the order in which a claim is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CampaignState {
    /// Claims were stopped for good.
    Cancelled,
    /// It is over.
    Ended,
    /// Claims are not taken for now.
    Paused,
    /// It has not begun.
    Scheduled,
    /// It is between two windows.
    Closed,
    /// All totals are gone.
    SoldOut,
    /// Claims are taken.
    Open,
}

impl CampaignState {
    /// The state of `view`, whose schedule is in `phase`.
    pub(crate) fn of(view: &CampaignView, phase: Phase) -> Self {
        if view.cancelled.is_some() {
            return Self::Cancelled;
        }
        match phase {
            Phase::Over => Self::Ended,
            Phase::Before { .. } | Phase::Between { .. } | Phase::Open { .. } if !view.accept_claims => Self::Paused,
            Phase::Before { .. } => Self::Scheduled,
            Phase::Between { .. } => Self::Closed,
            Phase::Open { .. } if is_sold_out(view) => Self::SoldOut,
            Phase::Open { .. } => Self::Open,
        }
    }

    /// The word in answers.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Ended => "ended",
            Self::Paused => "paused",
            Self::Scheduled => "scheduled",
            Self::Closed => "closed",
            Self::SoldOut => "sold_out",
            Self::Open => "open",
        }
    }
}

/// Where `view` stands in its schedule at `now`.
pub(crate) fn phase(view: &CampaignView, now: Timestamp) -> Phase {
    if view.ended {
        return Phase::Over;
    }
    view.definition.schedule().expect("a campaign's schedule was checked").phase(now)
}

/// Whether nothing is left to be won. The coupons of a lottery are there until it is drawn.
fn is_sold_out(view: &CampaignView) -> bool {
    view.definition.mode != Mode::Lottery && left(view).all(|(_, left)| left.total == 0)
}

/// When it opens, or opened, and closes: of the window that is open or, if none is, of the next one; none once it is over.
pub(crate) fn edges(view: &CampaignView, phase: Phase) -> (Option<Timestamp>, Option<Timestamp>) {
    match phase {
        Phase::Open { opened_at, closes_at, .. } => (Some(opened_at), Some(closes_at)),
        Phase::Before { opens_at } | Phase::Between { opens_at } => {
            let schedule = view.definition.schedule().expect("a campaign's schedule was checked");
            let next = schedule.upcoming(opens_at).next();
            (Some(opens_at), next.map(|window| window.closes_at))
        }
        Phase::Over => (Some(view.definition.starts_at), Some(view.definition.ends_at)),
    }
}

/// What is left of one coupon type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    /// Of the total quota.
    pub(crate) total: u32,
    /// For the rest of the day: of the daily quota, and not more than of the total.
    pub(crate) today: u32,
}

impl Left {
    /// What `counts` leave of `coupon_type`.
    pub(crate) fn of(coupon_type: &CouponTypeDefinition, counts: TypeCounts) -> Self {
        let codes = match coupon_type.codes {
            CodeSource::Generated => u32::MAX,
            CodeSource::Imported => counts.imported.saturating_sub(counts.handed_out),
        };
        let total = coupon_type.total_quota.saturating_sub(counts.issued).min(codes);
        // A daily quota may have been lowered below what was issued today.
        let today = coupon_type.daily_quota.map_or(total, |daily| daily.saturating_sub(counts.issued_today).min(total));
        Self { total, today }
    }
}

/// The coupon types of a campaign with what is left of each.
pub(crate) fn left(view: &CampaignView) -> impl Iterator<Item = (&CouponTypeDefinition, Left)> {
    let types = view.definition.coupon_types.iter();
    types.zip(&view.counts).map(|(coupon_type, counts)| (coupon_type, Left::of(coupon_type, *counts)))
}

/// Writes the members of a campaign whose schedule is in `phase`. The admin key shows `metadata`, and counts in any display.
pub(crate) fn write(view: &CampaignView, phase: Phase, is_admin: bool, json: &mut JsonText<'_>) {
    let definition = &*view.definition;
    let shows_counts = is_admin || definition.availability_display == AvailabilityDisplay::Exact;
    let (opens_at, closes_at) = edges(view, phase);
    json.text("id", definition.id.as_str());
    json.text("name", &definition.name);
    json.text("state", CampaignState::of(view, phase).word());
    write_rules(definition, json);
    json.optional_time("opens_at", opens_at);
    json.optional_time("closes_at", closes_at);
    json.bool("accept_claims", view.accept_claims);
    json.bool("accept_redemptions", view.accept_redemptions);
    json.time("created_at", view.created_at);
    if let Some(cancelled) = view.cancelled {
        json.time("cancelled_at", cancelled.at);
        json.bool("revoked", cancelled.revoke);
    }
    if let Some(fairness) = &view.fairness {
        json.nested("fairness", |json| write_fairness(fairness, definition.mode, shows_counts, json));
    }
    json.array("coupon_types", left(view).zip(&view.counts), |((coupon_type, left), counts), json| {
        write_type(coupon_type, is_admin, json);
        if shows_counts {
            json.number("issued", u64::from(counts.issued));
            json.number("remaining", u64::from(left.total));
            json.number("remaining_today", u64::from(left.today));
        }
        if is_admin {
            json.number("voided", u64::from(counts.voided));
            json.number("redeemed", u64::from(counts.redeemed));
            json.number("expired", u64::from(counts.expired));
            if coupon_type.codes == CodeSource::Imported {
                json.number("imported", u64::from(counts.imported));
            }
        }
    });
}

/// Writes what a campaign was made with, but for its coupon types.
pub(crate) fn write_rules(definition: &CampaignDefinition, json: &mut JsonText<'_>) {
    json.text("time_zone", &definition.time_zone);
    json.text("mode", words::mode(definition.mode));
    json.nested("schedule", |json| {
        json.time("starts_at", definition.starts_at);
        json.time("ends_at", definition.ends_at);
        if let Some(windows) = &definition.windows {
            json.nested("windows", |json| write_windows(windows, json));
        }
    });
    json.nested("limit", |json| {
        json.number("max", u64::from(definition.limit.max));
        json.text("per", words::period(definition.limit.per));
        json.text("by", words::limit_by(definition.limit.by));
    });
    json.bool("phone_required", definition.phone_required);
    json.text("availability_display", words::display(definition.availability_display));
    json.number("expected_claimants", u64::from(definition.expected_claimants));
    json.nested("returns", |json| {
        json.text("voided", words::returned(definition.returns.voided));
        json.text("expired", words::returned(definition.returns.expired));
    });
    json.nested("protection", |json| campaign_body::protection::write(&definition.protection, json));
}

fn write_windows(windows: &Windows, json: &mut JsonText<'_>) {
    json.texts("at", windows.at().iter().map(ToString::to_string));
    json.texts("days", windows.days().iter().map(|day| day.as_str().to_owned()));
    json.text("duration", &Spelt(windows.duration()).to_string());
}

fn write_fairness(fairness: &Fairness, mode: Mode, shows_counts: bool, json: &mut JsonText<'_>) {
    json.text("commitment", &fairness.commitment.to_string());
    json.optional_text("seed", fairness.seed.as_ref().map(landrush_engine::fairness::Seed::to_hex).as_deref());
    if mode == Mode::Lottery {
        json.nested("entries", |json| {
            // Once it is drawn, everybody needs the count to compute ranks.
            if shows_counts || fairness.entries_hash.is_some() {
                json.number("count", u64::from(fairness.entries));
            }
            json.optional_text("hash", fairness.entries_hash.as_ref().map(|hash| Hex(hash).to_string()).as_deref());
        });
    }
}

/// Writes what a coupon type was made with. The admin key shows `metadata`.
pub(crate) fn write_type(coupon_type: &CouponTypeDefinition, is_admin: bool, json: &mut JsonText<'_>) {
    json.text("id", coupon_type.id.as_str());
    json.text("name", &coupon_type.name);
    json.number("total_quota", u64::from(coupon_type.total_quota));
    match coupon_type.daily_quota {
        Some(daily) => json.number("daily_quota", u64::from(daily)),
        None => json.raw("daily_quota", b"null"),
    }
    if let Some(probability) = coupon_type.probability {
        json.raw("probability", probability.to_string().as_bytes());
    }
    json.optional_text("valid_for", coupon_type.valid_for.map(|span| Spelt(span).to_string()).as_deref());
    json.text("codes", words::codes(coupon_type.codes));
    if let Some(metadata) = coupon_type.metadata.as_deref().filter(|_| is_admin) {
        json.raw("metadata", metadata.as_bytes());
    }
}
