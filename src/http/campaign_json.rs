//! Owns how a campaign looks in an answer, and what state it is in.

use landrush_engine::campaign::{
    AvailabilityDisplay, CampaignView, CouponTypeDefinition, Mode, Period, Return, TypeCounts,
};
use landrush_engine::time::Timestamp;

use super::json_text::JsonText;
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
    /// All totals are gone.
    SoldOut,
    /// Claims are taken.
    Open,
}

impl CampaignState {
    /// The state of `view` at `now`.
    pub(crate) fn of(view: &CampaignView, now: Timestamp) -> Self {
        if view.cancelled.is_some() {
            Self::Cancelled
        } else if now >= view.definition.ends_at {
            Self::Ended
        } else if !view.accept_claims {
            Self::Paused
        } else if now < view.definition.starts_at {
            Self::Scheduled
        } else if left(view).all(|(_, left)| left.total == 0) {
            Self::SoldOut
        } else {
            Self::Open
        }
    }

    /// The word in answers.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Ended => "ended",
            Self::Paused => "paused",
            Self::Scheduled => "scheduled",
            Self::SoldOut => "sold_out",
            Self::Open => "open",
        }
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
        let total = coupon_type.total_quota.saturating_sub(counts.issued);
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

/// Writes the members of a campaign. The admin key shows `metadata`, and counts in any display.
pub(crate) fn write(view: &CampaignView, now: Timestamp, is_admin: bool, json: &mut JsonText<'_>) {
    let definition = &*view.definition;
    let shows_counts = is_admin || definition.availability_display == AvailabilityDisplay::Exact;
    json.text("id", definition.id.as_str());
    json.text("name", &definition.name);
    json.text("state", CampaignState::of(view, now).word());
    json.text("time_zone", &definition.time_zone);
    json.text(
        "mode",
        match definition.mode {
            Mode::FirstCome => "first_come",
        },
    );
    json.nested("schedule", |schedule| {
        schedule.time("starts_at", definition.starts_at);
        schedule.time("ends_at", definition.ends_at);
    });
    json.time("opens_at", definition.starts_at);
    json.time("closes_at", definition.ends_at);
    json.nested("limit", |limit| {
        limit.number("max", u64::from(definition.limit.max));
        limit.text(
            "per",
            match definition.limit.per {
                Period::Campaign => "campaign",
                Period::Day => "day",
            },
        );
        limit.text("by", "user");
    });
    json.bool("phone_required", false);
    json.text(
        "availability_display",
        match definition.availability_display {
            AvailabilityDisplay::Exact => "exact",
            AvailabilityDisplay::Bucketed => "bucketed",
        },
    );
    json.number("expected_claimants", u64::from(definition.expected_claimants));
    json.nested("returns", |returns| {
        returns.text(
            "voided",
            match definition.returns.voided {
                Return::Restock => "restock",
                Return::Burn => "burn",
            },
        );
        returns.text("expired", "burn");
    });
    json.bool("accept_claims", view.accept_claims);
    json.bool("accept_redemptions", view.accept_redemptions);
    json.time("created_at", view.created_at);
    if let Some(cancelled) = view.cancelled {
        json.time("cancelled_at", cancelled.at);
        json.bool("revoked", cancelled.revoke);
    }
    json.array("coupon_types", left(view).zip(&view.counts), |((coupon_type, left), counts), json| {
        write_type(coupon_type, is_admin, json);
        if shows_counts {
            json.number("issued", u64::from(counts.issued));
            json.number("remaining", u64::from(left.total));
            json.number("remaining_today", u64::from(left.today));
        }
    });
}

fn write_type(coupon_type: &CouponTypeDefinition, is_admin: bool, json: &mut JsonText<'_>) {
    json.text("id", coupon_type.id.as_str());
    json.text("name", &coupon_type.name);
    json.number("total_quota", u64::from(coupon_type.total_quota));
    match coupon_type.daily_quota {
        Some(daily) => json.number("daily_quota", u64::from(daily)),
        None => json.raw("daily_quota", b"null"),
    }
    json.optional_text("valid_for", coupon_type.valid_for.map(|span| Spelt(span).to_string()).as_deref());
    json.text("codes", "generated");
    if let Some(metadata) = coupon_type.metadata.as_deref().filter(|_| is_admin) {
        json.raw("metadata", metadata.as_bytes());
    }
}
