//! Owns the shapes of campaigns: as they are made, changed and shown.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::protection::Protection;
use super::{DisplayName, Identifier, Moment, PartialSchema, Span, text_schemas, words as table};
use crate::http::words;

text_schemas! {
    /// How coupons are handed out: to whoever comes first, by draws of odds, or by a lottery at the end.
    Mode = |text| table(text, words::MODES);
    /// The span in which a limit counts.
    Period = |text| table(text, words::PERIODS);
    /// Whom a limit counts for.
    LimitBy = |text| table(text, words::LIMIT_BYS);
    /// How counts are shown to the public: as numbers or in buckets.
    AvailabilityDisplay = |text| table(text, words::DISPLAYS);
    /// What becomes of a unit whose coupon is gone.
    Return = |text| table(text, words::RETURNS);
    /// Where codes come from: the server, or the shop's upload.
    CodeSource = |text| table(text, words::CODE_SOURCES);
    /// What a campaign is up to.
    State = |text| text.enum_values(Some(["scheduled", "open", "paused", "sold_out", "closed", "ended", "cancelled"]));
    /// An IANA time zone.
    TimeZone = |text| text.min_length(Some(1)).max_length(Some(64)).examples(["Asia/Singapore"]);
    /// A time of day, wall clock.
    TimeOfDay = |text| text.pattern(Some("^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$")).examples(["10:00"]);
    /// A day of the week.
    Weekday = |text| text.enum_values(Some(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]));
    /// A SHA-256 hash or a seed, in lower-case hexadecimal.
    Hash = |text| text.pattern(Some("^[0-9a-f]{64}$"));
}

/// When a campaign takes claims.
#[derive(ToSchema)]
pub(crate) struct Schedule {
    starts_at: Moment,
    ends_at: Moment,
    /// Absent: open from `starts_at` to `ends_at`.
    #[schema(nullable = false)]
    windows: Option<Windows>,
}

/// Spans of the day in which it is open: half-open, wall clock in the campaign's zone, cut at `ends_at`, never overlapping.
#[derive(ToSchema)]
pub(crate) struct Windows {
    #[schema(min_items = 1, max_items = 1440)]
    at: Vec<TimeOfDay>,
    /// Absent: every day.
    #[schema(nullable = false, min_items = 1, max_items = 7)]
    days: Option<Vec<Weekday>>,
    duration: Span,
}

/// How many a person may have.
#[derive(ToSchema)]
pub(crate) struct Limit {
    #[schema(minimum = 1, maximum = 1000, nullable = false)]
    max: Option<u32>,
    #[schema(nullable = false)]
    per: Option<Period>,
    #[schema(nullable = false)]
    by: Option<LimitBy>,
}

/// What becomes of units whose coupons are gone.
#[derive(ToSchema)]
pub(crate) struct Returns {
    #[schema(nullable = false)]
    voided: Option<Return>,
    #[schema(nullable = false)]
    expired: Option<Return>,
}

/// A campaign to be made.
#[derive(ToSchema)]
pub(crate) struct NewCampaign {
    id: Identifier,
    name: DisplayName,
    time_zone: TimeZone,
    mode: Mode,
    schedule: Schedule,
    /// Default: one per campaign, for draws one per day.
    #[schema(nullable = false)]
    limit: Option<Limit>,
    /// Default: false.
    #[schema(nullable = false)]
    phone_required: Option<bool>,
    #[schema(nullable = false)]
    availability_display: Option<AvailabilityDisplay>,
    /// Only sizes tables. Default: 1,000,000.
    #[schema(minimum = 1, maximum = 1_000_000_000, nullable = false)]
    expected_claimants: Option<u32>,
    #[schema(nullable = false)]
    returns: Option<Returns>,
    /// Default: none.
    #[schema(nullable = false)]
    protection: Option<Protection>,
    #[schema(min_items = 1, max_items = 1000)]
    coupon_types: Vec<NewCouponType>,
}

/// A coupon type to be made.
#[derive(ToSchema)]
pub(crate) struct NewCouponType {
    id: Identifier,
    name: DisplayName,
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    total_quota: u32,
    /// Absent: no daily limit.
    #[schema(minimum = 1, maximum = 1_000_000_000, nullable = false)]
    daily_quota: Option<u32>,
    /// Of mode `draw`, and required there: at most 9 decimal places, all of them summing to at most 1.
    #[schema(minimum = 0, maximum = 1, nullable = false)]
    probability: Option<f64>,
    /// From the decision on. Absent: coupons never expire.
    #[schema(nullable = false)]
    valid_for: Option<Span>,
    #[schema(nullable = false)]
    codes: Option<CodeSource>,
    /// The shop's own, shown to the admin key only.
    #[schema(value_type = Option<Object>, nullable = false)]
    metadata: Option<serde_json::Value>,
}

/// A change to a campaign: what is not named stays.
#[derive(ToSchema)]
pub(crate) struct CampaignPatch {
    #[schema(nullable = false)]
    name: Option<DisplayName>,
    #[schema(nullable = false)]
    schedule: Option<SchedulePatch>,
    #[schema(nullable = false)]
    availability_display: Option<AvailabilityDisplay>,
    #[schema(nullable = false)]
    accept_claims: Option<bool>,
    #[schema(nullable = false)]
    accept_redemptions: Option<bool>,
    #[schema(nullable = false)]
    coupon_types: Option<Vec<CouponTypePatch>>,
}

/// A change to when a campaign ends.
#[derive(ToSchema)]
pub(crate) struct SchedulePatch {
    #[schema(nullable = false)]
    ends_at: Option<Moment>,
}

/// A change to a coupon type, named by its id.
#[derive(ToSchema)]
pub(crate) struct CouponTypePatch {
    id: Identifier,
    #[schema(minimum = 1, maximum = 1_000_000_000, nullable = false)]
    total_quota: Option<u32>,
    /// Null: no daily limit any more.
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    daily_quota: Option<u32>,
}

/// A campaign as it is shown.
#[derive(ToSchema)]
pub(crate) struct Campaign {
    id: Identifier,
    name: DisplayName,
    state: State,
    time_zone: TimeZone,
    mode: Mode,
    schedule: Schedule,
    limit: Limit,
    phone_required: bool,
    availability_display: AvailabilityDisplay,
    expected_claimants: u32,
    returns: Returns,
    protection: Protection,
    #[schema(required = true)]
    opens_at: Option<Moment>,
    #[schema(required = true)]
    closes_at: Option<Moment>,
    accept_claims: bool,
    accept_redemptions: bool,
    created_at: Moment,
    #[schema(nullable = false)]
    cancelled_at: Option<Moment>,
    /// With `cancelled_at`: whether its coupons were voided.
    #[schema(nullable = false)]
    revoked: Option<bool>,
    /// Of a draw or a lottery.
    #[schema(nullable = false)]
    fairness: Option<Fairness>,
    coupon_types: Vec<CouponType>,
    /// Of a creation with `dry_run`: the next windows, at most 50.
    #[schema(nullable = false)]
    windows: Option<Vec<Opening>>,
}

/// A window of a campaign, half-open.
#[derive(ToSchema)]
pub(crate) struct Opening {
    opens_at: Moment,
    closes_at: Moment,
}

/// What lets anybody check the draws.
#[derive(ToSchema)]
pub(crate) struct Fairness {
    /// SHA-256 over the seed's 32 bytes.
    commitment: Hash,
    /// Null until it can change nothing any more.
    #[schema(required = true)]
    seed: Option<Hash>,
    /// Of a lottery.
    #[schema(nullable = false)]
    entries: Option<FairnessEntries>,
}

/// The entries of a lottery.
#[derive(ToSchema)]
pub(crate) struct FairnessEntries {
    #[schema(nullable = false)]
    count: Option<u32>,
    #[schema(required = true)]
    hash: Option<Hash>,
}

/// A coupon type as it is shown. Counts are absent where they are shown in buckets, and the last ones without the admin key.
#[derive(ToSchema)]
pub(crate) struct CouponType {
    id: Identifier,
    name: DisplayName,
    total_quota: u32,
    #[schema(required = true)]
    daily_quota: Option<u32>,
    #[schema(minimum = 0, maximum = 1, nullable = false)]
    probability: Option<f64>,
    #[schema(required = true)]
    valid_for: Option<Span>,
    codes: CodeSource,
    #[schema(value_type = Option<Object>, nullable = false)]
    metadata: Option<serde_json::Value>,
    #[schema(nullable = false)]
    issued: Option<u32>,
    #[schema(nullable = false)]
    remaining: Option<u32>,
    #[schema(nullable = false)]
    remaining_today: Option<u32>,
    #[schema(nullable = false)]
    voided: Option<u32>,
    #[schema(nullable = false)]
    redeemed: Option<u32>,
    #[schema(nullable = false)]
    expired: Option<u32>,
    /// Codes uploaded, of a type whose codes are imported.
    #[schema(nullable = false)]
    imported: Option<u32>,
}

/// A page of campaigns.
#[derive(ToSchema)]
pub(crate) struct CampaignPage {
    items: Vec<Campaign>,
    /// For the parameter `cursor`; null: this is the last page.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// What is left of a campaign.
#[derive(ToSchema)]
pub(crate) struct Availability {
    campaign_id: Identifier,
    state: State,
    server_time: Moment,
    #[schema(required = true)]
    opens_at: Option<Moment>,
    #[schema(required = true)]
    closes_at: Option<Moment>,
    /// When the daily quotas begin anew, where there are any.
    #[schema(required = true)]
    resets_at: Option<Moment>,
    coupon_types: Vec<TypeAvailability>,
}

/// What is left of a coupon type.
#[derive(ToSchema)]
pub(crate) struct TypeAvailability {
    id: Identifier,
    name: DisplayName,
    remaining: Left,
    remaining_today: Left,
}

/// How much is left: a count or, where the campaign shows them so, a bucket.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Left {
    /// So many.
    Count(u32),
    /// Roughly.
    Bucket(Bucket),
}

/// Over a quarter, over a twentieth, less, nothing.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bucket {
    Plenty,
    Few,
    Last,
    None,
}
