//! Owns the short way to a definition, for programs that embed the engine and for tests.

use std::time::Duration;

use super::{
    AvailabilityDisplay, CampaignDefinition, CodeSource, CouponTypeDefinition, InvalidDefinition, Limit, LimitBy, Mode,
    Period, Protection, Return, Returns, Windows,
};
use crate::fairness::Probability;
use crate::id::{CampaignId, CouponTypeId, InvalidId};
use crate::time::Timestamp;

/// Builds a [`CampaignDefinition`] from defaults: open always, one coupon a person, days in UTC, voided units back in stock.
#[derive(Debug, Clone)]
pub struct CampaignBuilder {
    definition: Result<CampaignDefinition, InvalidId>,
}

/// Why a built definition is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The campaign's id, or that of a coupon type, is none.
    #[error("an id is invalid: {0}")]
    Id(#[from] InvalidId),
    /// A rule is broken.
    #[error(transparent)]
    Definition(#[from] InvalidDefinition),
}

impl CampaignDefinition {
    /// Starts to build a campaign called `id`. Add at least one coupon type.
    ///
    /// ```
    /// use landrush_engine::campaign::CampaignDefinition;
    ///
    /// let rush = CampaignDefinition::builder("rush").coupon_type("cash-5", 100).daily_quota(10).build()?;
    /// assert_eq!(rush.coupon_types[0].daily_quota, Some(10));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder(id: &str) -> CampaignBuilder {
        let definition = CampaignId::new(id).map(|id| CampaignDefinition {
            name: id.as_str().to_owned(),
            id,
            time_zone: "UTC".to_owned(),
            mode: Mode::FirstCome,
            starts_at: Timestamp::from_milliseconds(0),
            ends_at: Timestamp::MAX,
            windows: None,
            limit: Limit { max: 1, per: Period::Campaign, by: LimitBy::User },
            phone_required: false,
            availability_display: AvailabilityDisplay::Exact,
            expected_claimants: CampaignDefinition::EXPECTED_CLAIMANTS_DEFAULT,
            returns: Returns { voided: Return::Restock, expired: Return::Burn },
            protection: Box::default(),
            coupon_types: Vec::new(),
        });
        CampaignBuilder { definition }
    }

    /// What [`CampaignDefinition::expected_claimants`] is when nobody says.
    pub const EXPECTED_CLAIMANTS_DEFAULT: u32 = 1_000_000;
}

impl CampaignBuilder {
    /// Adds a coupon type, `total_quota` of which may be issued.
    #[must_use]
    pub fn coupon_type(mut self, id: &str, total_quota: u32) -> Self {
        let id = CouponTypeId::new(id);
        self.definition = self.definition.and_then(|mut definition| {
            let id = id?;
            let name = id.as_str().to_owned();
            let coupon_type = CouponTypeDefinition {
                id,
                name,
                total_quota,
                daily_quota: None,
                probability: None,
                codes: CodeSource::Generated,
                valid_for: None,
                metadata: None,
            };
            definition.coupon_types.push(coupon_type);
            Ok(definition)
        });
        self
    }

    /// Limits the coupon type added last to `quota` a day.
    ///
    /// # Panics
    /// If there is no coupon type yet.
    #[must_use]
    pub fn daily_quota(self, quota: u32) -> Self {
        self.last_type(|coupon_type| coupon_type.daily_quota = Some(quota))
    }

    /// Lets coupons of the type added last live for `span`, in whole milliseconds.
    ///
    /// # Panics
    /// If there is no coupon type yet.
    #[must_use]
    pub fn valid_for(self, span: Duration) -> Self {
        self.last_type(|coupon_type| coupon_type.valid_for = Some(span))
    }

    /// Lets a draw sample the type added last with this probability.
    ///
    /// # Panics
    /// If there is no coupon type yet.
    #[must_use]
    pub fn probability(self, probability: Probability) -> Self {
        self.last_type(|coupon_type| coupon_type.probability = Some(probability))
    }

    /// Hands out the shop's own codes for the type added last.
    ///
    /// # Panics
    /// If there is no coupon type yet.
    #[must_use]
    pub fn imported_codes(self) -> Self {
        self.last_type(|coupon_type| coupon_type.codes = CodeSource::Imported)
    }

    /// Sets how coupons are handed out.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        self.with(|definition| definition.mode = mode)
    }

    /// Sets how many coupons one person may have in which period.
    #[must_use]
    pub fn limit(self, max: u16, per: Period) -> Self {
        self.with(|definition| (definition.limit.max, definition.limit.per) = (max, per))
    }

    /// Sets whom the limit counts for.
    #[must_use]
    pub fn limit_by(self, by: LimitBy) -> Self {
        self.with(|definition| definition.limit.by = by)
    }

    /// Opens it again and again, between its beginning and its end.
    #[must_use]
    pub fn windows(self, windows: Windows) -> Self {
        self.with(|definition| definition.windows = Some(windows))
    }

    /// Opens it at `starts_at` and ends it at `ends_at`.
    #[must_use]
    pub fn open(self, starts_at: Timestamp, ends_at: Timestamp) -> Self {
        self.with(|definition| (definition.starts_at, definition.ends_at) = (starts_at, ends_at))
    }

    /// Counts its days in the zone of this IANA name.
    #[must_use]
    pub fn time_zone(self, name: &str) -> Self {
        self.with(|definition| name.clone_into(&mut definition.time_zone))
    }

    /// Sizes its tables for so many people.
    #[must_use]
    pub fn expected_claimants(self, count: u32) -> Self {
        self.with(|definition| definition.expected_claimants = count)
    }

    /// Sets what becomes of units whose coupons are voided.
    #[must_use]
    pub fn voided(self, voided: Return) -> Self {
        self.with(|definition| definition.returns.voided = voided)
    }

    /// Sets what becomes of units whose coupons run out.
    #[must_use]
    pub fn expired(self, expired: Return) -> Self {
        self.with(|definition| definition.returns.expired = expired)
    }

    /// Guards it.
    #[must_use]
    pub fn protection(self, protection: Protection) -> Self {
        self.with(|definition| *definition.protection = protection)
    }

    /// The definition, checked.
    ///
    /// # Errors
    /// [`BuildError`] says which id or rule is broken.
    pub fn build(self) -> Result<CampaignDefinition, BuildError> {
        let definition = self.definition?;
        definition.check()?;
        Ok(definition)
    }

    fn with(mut self, change: impl FnOnce(&mut CampaignDefinition)) -> Self {
        if let Ok(definition) = &mut self.definition {
            change(definition);
        }
        self
    }

    fn last_type(self, change: impl FnOnce(&mut CouponTypeDefinition)) -> Self {
        self.with(|definition| change(definition.coupon_types.last_mut().expect("a coupon type was added before")))
    }
}
