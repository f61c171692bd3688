//! Owns what a shop says of a campaign, and what a reader may see of one. Checked when it is made; how JSON spells it
//! is the front end's.

use std::sync::Arc;
use std::time::Duration;

use super::{InvalidSchedule, Protection, Schedule, Who, Windows};
use crate::fairness::{Commitment, Odds, Probability, Seed};
use crate::id::{CampaignId, CampaignNumber, CouponTypeId, TypeIndex};
use crate::time::{Day, Timestamp};

/// How coupons are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Who comes first is served first.
    FirstCome,
    /// Every request draws a coupon type, or none, by the odds.
    Draw,
    /// People enter until the end; then the winners are drawn.
    Lottery,
}

/// The span in which [`Limit::max`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// The campaign's whole life.
    Campaign,
    /// A day of the campaign's time zone.
    Day,
    /// One opening of the campaign.
    Window,
}

/// Whom [`Limit::max`] counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitBy {
    /// A user id.
    User,
    /// A phone number, however many user ids come with it; and a user id too.
    Phone,
}

/// How many coupons one person may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// So many, 1 to [`Limit::MAX`].
    pub max: u16,
    /// In this span.
    pub per: Period,
    /// For each of these.
    pub by: LimitBy,
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
    /// When a coupon's time runs out.
    pub expired: Return,
}

/// Where a coupon type's codes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeSource {
    /// They are computed.
    Generated,
    /// The shop uploads its own.
    Imported,
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
    /// How likely a draw is to sample it; `None` where nothing is drawn.
    pub probability: Option<Probability>,
    /// Where its codes come from.
    pub codes: CodeSource,
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
    /// When it is open between the two; `None`: all the time.
    pub windows: Option<Windows>,
    /// How many coupons one person may have.
    pub limit: Limit,
    /// Whether a phone number is needed. A limit by phone needs one in any case.
    pub phone_required: bool,
    /// How counts are shown to the public.
    pub availability_display: AvailabilityDisplay,
    /// About how many people will be granted something: sizes tables, bounds nothing.
    pub expected_claimants: u32,
    /// What becomes of units whose coupons are gone.
    pub returns: Returns,
    /// What guards it. Most campaigns have nothing there, and definitions are moved about in events.
    pub protection: Box<Protection>,
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

    /// When it is open.
    ///
    /// # Errors
    /// [`InvalidSchedule`] if it never could be.
    pub fn schedule(&self) -> Result<Schedule, InvalidSchedule> {
        Schedule::new(self.starts_at, self.ends_at, self.windows.as_ref(), &self.time_zone)
    }

    /// How likely each coupon type is, where draws are made: of a definition that has been checked.
    pub(crate) fn odds(&self) -> Option<Odds> {
        let probabilities =
            self.coupon_types.iter().map(|coupon_type| coupon_type.probability.unwrap_or(Probability::ZERO));
        (self.mode == Mode::Draw).then(|| Odds::new(probabilities).expect("a definition's odds have been checked"))
    }

    /// Whether anything of it is computed from a seed: draws, a lottery, waiting rooms, what stands for those who register.
    pub(crate) fn needs_seed(&self) -> bool {
        self.mode != Mode::FirstCome || self.protection.waiting_room.is_some() || self.hears_only_registered()
    }

    /// Whether claims are heard only of those who have registered.
    pub(crate) fn hears_only_registered(&self) -> bool {
        self.protection.eligibility.as_ref().is_some_and(|eligibility| eligibility.who == Who::Registered)
    }

    /// Whether a claim needs a phone number.
    pub fn needs_phone(&self) -> bool {
        self.phone_required || self.limit.by == LimitBy::Phone
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
    /// Coupons that are redeemed.
    pub redeemed: u32,
    /// Coupons whose time ran out before anything else became of them.
    pub expired: u32,
    /// Codes that were imported, handed out or not.
    pub imported: u32,
    /// Coupons that were ever issued: how many imported codes are handed out.
    pub handed_out: u32,
}

/// What lets anybody recompute draws and lotteries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fairness {
    /// SHA-256 over the seed: public from the beginning.
    pub commitment: Commitment,
    /// The seed, once nothing is left to be drawn from it.
    pub seed: Option<Seed>,
    /// How many have entered a lottery.
    pub entries: u32,
    /// The hash of the ordered entries, once the lottery is drawn.
    pub entries_hash: Option<[u8; 32]>,
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
    /// Whether it came to its end: it stays over, whatever the clock says.
    pub ended: bool,
    /// Of a draw or a lottery.
    pub fairness: Option<Fairness>,
    /// The day that the daily counts are of.
    pub today: Day,
    /// What has been issued, a coupon type at a time, in listed order.
    pub counts: Vec<TypeCounts>,
}
