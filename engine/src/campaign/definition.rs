//! Owns what a shop says of a campaign, and what a reader may see of one. Checked when it is made; how JSON spells it
//! is the front end's.

use std::sync::Arc;
use std::time::Duration;

use crate::id::{CampaignId, CampaignNumber, CouponTypeId, TypeIndex};
use crate::time::{Day, Timestamp};

/// How coupons are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Who comes first is served first.
    FirstCome,
}

/// The span in which [`Limit::max`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// The campaign's whole life.
    Campaign,
    /// A day of the campaign's time zone.
    Day,
}

/// How many coupons one person may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// So many, 1 to [`Limit::MAX`].
    pub max: u16,
    /// In this span.
    pub per: Period,
}

impl Limit {
    /// The largest limit: a person's claims are walked one by one.
    pub const MAX: u16 = 1_000;
}

/// How counts are shown to the public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AvailabilityDisplay {
    /// As numbers.
    Exact,
    /// As `plenty`, `few`, `last`, `none`.
    Bucketed,
}

/// What becomes of a unit whose coupon is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// It may be issued again.
    Restock,
    /// It is gone too.
    Burn,
}

/// What becomes of units whose coupons are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returns {
    /// When an operator voids a coupon.
    pub voided: Return,
}

/// One kind of coupon in a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponTypeDefinition {
    /// Its name in requests.
    pub id: CouponTypeId,
    /// Its name for people.
    pub name: String,
    /// How many may be issued, 1 to [`CouponTypeDefinition::TOTAL_QUOTA_MAX`].
    pub total_quota: u32,
    /// How many may be issued a day; `None`: as many as the total allows.
    pub daily_quota: Option<u32>,
    /// How long a coupon lives from its issue; `None`: for ever. Whole milliseconds.
    pub valid_for: Option<Duration>,
    /// The shop's own words on it: JSON text, `None` if none were given.
    pub metadata: Option<String>,
}

impl CouponTypeDefinition {
    /// The largest total quota.
    pub const TOTAL_QUOTA_MAX: u32 = 1_000_000_000;
}

/// What a shop says of a campaign, defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignDefinition {
    /// Its name in requests.
    pub id: CampaignId,
    /// Its name for people.
    pub name: String,
    /// The IANA name of the zone its days are counted in. A name that the bundled database knows.
    pub time_zone: String,
    /// How coupons are handed out.
    pub mode: Mode,
    /// The first moment at which it is open.
    pub starts_at: Timestamp,
    /// The first moment after `starts_at` at which it is over.
    pub ends_at: Timestamp,
    /// How many coupons one person may have.
    pub limit: Limit,
    /// How counts are shown to the public.
    pub availability_display: AvailabilityDisplay,
    /// About how many people will be granted something: sizes tables, bounds nothing.
    pub expected_claimants: u32,
    /// What becomes of units whose coupons are gone.
    pub returns: Returns,
    /// The kinds of coupon, 1 to [`CampaignDefinition::COUPON_TYPES_MAX`], ids distinct.
    pub coupon_types: Vec<CouponTypeDefinition>,
}

impl CampaignDefinition {
    /// The most coupon types that a campaign has.
    pub const COUPON_TYPES_MAX: usize = 1_000;

    /// The place of the coupon type called `id`.
    pub fn coupon_type(&self, id: &str) -> Option<TypeIndex> {
        let index = self.coupon_types.iter().position(|coupon_type| coupon_type.id.as_str() == id)?;
        Some(TypeIndex(u16::try_from(index).expect("at most COUPON_TYPES_MAX coupon types")))
    }
}

/// A change to a campaign. What is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CampaignPatch {
    /// A new name for people.
    pub name: Option<String>,
    /// A new end.
    pub ends_at: Option<Timestamp>,
    /// A new way of showing counts.
    pub availability_display: Option<AvailabilityDisplay>,
    /// Whether claims are taken.
    pub accept_claims: Option<bool>,
    /// Whether redemptions are taken.
    pub accept_redemptions: Option<bool>,
    /// New quotas; coupon types not named stay.
    pub coupon_types: Vec<CouponTypePatch>,
}

/// A change to the quotas of one coupon type. What is `None` stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponTypePatch {
    /// Which one.
    pub coupon_type: TypeIndex,
    /// A new total quota.
    pub total_quota: Option<u32>,
    /// A new daily quota; `Some(None)`: none any more.
    pub daily_quota: Option<Option<u32>>,
}

/// That a campaign was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancellation {
    /// When.
    pub at: Timestamp,
    /// Whether its coupons were voided with it.
    pub revoke: bool,
}

/// What has been issued of one coupon type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TypeCounts {
    /// Units that count against the total quota: issued, less those given back.
    pub issued: u32,
    /// Units that count against the quota of [`CampaignView::today`].
    pub issued_today: u32,
    /// Coupons voided one by one, given back or not. Those of a revoked campaign are not counted here.
    pub voided: u32,
}

/// A campaign as a reader sees it at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignView {
    /// Its number in the log.
    pub number: CampaignNumber,
    /// What the shop says of it today.
    pub definition: Arc<CampaignDefinition>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether claims are taken.
    pub accept_claims: bool,
    /// Whether redemptions are taken.
    pub accept_redemptions: bool,
    /// Whether and how it was cancelled.
    pub cancelled: Option<Cancellation>,
    /// The day that the daily counts are of.
    pub today: Day,
    /// What has been issued, a coupon type at a time, in listed order.
    pub counts: Vec<TypeCounts>,
}
