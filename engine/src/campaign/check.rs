//! Owns the rules that a definition, or a change to one, must keep. The front end words them field by field; here they are
//! checked once more, so that nothing that breaks them is ever written to the log or believed when read from it.

use std::collections::BTreeSet;
use std::time::Duration;

use thiserror::Error;

use super::calendar::Calendar;
use super::{
    CampaignDefinition, CampaignPatch, CouponTypeDefinition, InvalidProtection, InvalidSchedule, Limit, Mode, Period,
};
use crate::fairness::{InvalidOdds, Odds};
use crate::id::TypeIndex;
use crate::time::Timestamp;

/// Which rule a definition or a patch breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidDefinition {
    /// There is no coupon type, or more than [`CampaignDefinition::COUPON_TYPES_MAX`].
    #[error("must have 1 to {} coupon types", CampaignDefinition::COUPON_TYPES_MAX)]
    CouponTypes,
    /// Two coupon types have one id, or a patch names one twice.
    #[error("coupon type {} is named twice", .0.0)]
    CouponTypeTwice(TypeIndex),
    /// A patch names a coupon type that is not there.
    #[error("there is no coupon type {}", .0.0)]
    NoSuchCouponType(TypeIndex),
    /// A total quota is zero or above [`CouponTypeDefinition::TOTAL_QUOTA_MAX`].
    #[error("the total quota of coupon type {} must be 1 to {}", .0.0, CouponTypeDefinition::TOTAL_QUOTA_MAX)]
    TotalQuota(TypeIndex),
    /// A coupon's life is zero, no whole number of milliseconds, or longer than time.
    #[error("coupons of type {} must live for whole milliseconds, at least one, until the year 9999", .0.0)]
    ValidFor(TypeIndex),
    /// The limit is zero or above [`Limit::MAX`].
    #[error("the limit must be 1 to {}", Limit::MAX)]
    Limit,
    /// It ends before it starts, or as it starts.
    #[error("must end after it starts")]
    Span,
    /// The bundled database knows no zone of this name.
    #[error("the time zone is unknown")]
    TimeZone,
    /// Its windows cannot be as described.
    #[error(transparent)]
    Schedule(#[from] InvalidSchedule),
    /// A coupon type of a campaign of draws has no probability, or one of another campaign has.
    #[error("coupon type {} must have a probability in a campaign of draws, and none in another", .0.0)]
    Probability(TypeIndex),
    /// The probabilities are no odds.
    #[error("the probabilities {0}")]
    Odds(#[from] InvalidOdds),
    /// A lottery has windows.
    #[error("a lottery has no windows")]
    LotteryWindows,
    /// A coupon type of a lottery has a daily quota.
    #[error("coupon type {} of a lottery has no daily quota", .0.0)]
    LotteryDailyQuota(TypeIndex),
    /// A lottery takes more than one entry of a person.
    #[error("a lottery takes one entry of a person")]
    LotteryLimit,
    /// What guards it breaks a rule.
    #[error(transparent)]
    Protection(#[from] InvalidProtection),
    /// Names and metadata are longer than [`CampaignDefinition::TEXT_BYTES_MAX`] together.
    #[error("names and metadata must be at most {} bytes together", CampaignDefinition::TEXT_BYTES_MAX)]
    Text,
}

impl CampaignDefinition {
    /// The longest that its names and metadata may be together, in bytes: above what a request body holds, and
    /// what bounds a record of the log.
    pub const TEXT_BYTES_MAX: usize = 512 << 10;

    /// Checks all that a type cannot say.
    ///
    /// # Errors
    /// [`InvalidDefinition`] names the first rule that is broken.
    pub fn check(&self) -> Result<(), InvalidDefinition> {
        if self.coupon_types.is_empty() || self.coupon_types.len() > Self::COUPON_TYPES_MAX {
            return Err(InvalidDefinition::CouponTypes);
        }
        if self.limit.max == 0 || self.limit.max > Limit::MAX {
            return Err(InvalidDefinition::Limit);
        }
        if self.ends_at <= self.starts_at {
            return Err(InvalidDefinition::Span);
        }
        if self.text_bytes() > Self::TEXT_BYTES_MAX {
            return Err(InvalidDefinition::Text);
        }
        let mut ids = BTreeSet::new();
        for (index, coupon_type) in self.indexed_coupon_types() {
            if !ids.insert(coupon_type.id.as_str()) {
                return Err(InvalidDefinition::CouponTypeTwice(index));
            }
            coupon_type.check(index)?;
        }
        if Calendar::new(&self.time_zone).is_none() {
            return Err(InvalidDefinition::TimeZone);
        }
        self.schedule()?;
        self.protection.check()?;
        self.check_mode()
    }

    fn check_mode(&self) -> Result<(), InvalidDefinition> {
        let has_odds = self.mode == Mode::Draw;
        for (index, coupon_type) in self.indexed_coupon_types() {
            if coupon_type.probability.is_some() != has_odds {
                return Err(InvalidDefinition::Probability(index));
            }
        }
        match self.mode {
            Mode::FirstCome => Ok(()),
            Mode::Draw => {
                Odds::new(self.coupon_types.iter().filter_map(|coupon_type| coupon_type.probability))?;
                Ok(())
            }
            Mode::Lottery if self.windows.is_some() => Err(InvalidDefinition::LotteryWindows),
            Mode::Lottery if self.limit.max != 1 || self.limit.per != Period::Campaign => {
                Err(InvalidDefinition::LotteryLimit)
            }
            Mode::Lottery => {
                let mut types = self.indexed_coupon_types();
                let daily = types.find(|(_, coupon_type)| coupon_type.daily_quota.is_some());
                daily.map_or(Ok(()), |(index, _)| Err(InvalidDefinition::LotteryDailyQuota(index)))
            }
        }
    }

    /// Its coupon types with their places.
    pub(crate) fn indexed_coupon_types(&self) -> impl Iterator<Item = (TypeIndex, &CouponTypeDefinition)> {
        (0u16..).map(TypeIndex).zip(&self.coupon_types)
    }

    /// Whether patches alone lead from here to `other`.
    pub(crate) fn is_changed_to(&self, other: &CampaignDefinition) -> bool {
        let mut changed = self.clone();
        changed.name.clone_from(&other.name);
        changed.ends_at = other.ends_at;
        changed.availability_display = other.availability_display;
        for (coupon_type, other) in changed.coupon_types.iter_mut().zip(&other.coupon_types) {
            (coupon_type.total_quota, coupon_type.daily_quota) = (other.total_quota, other.daily_quota);
        }
        changed == *other
    }

    fn text_bytes(&self) -> usize {
        let types = self.coupon_types.iter();
        let types =
            types.map(|each| each.id.as_str().len() + each.name.len() + each.metadata.as_ref().map_or(0, String::len));
        self.name.len() + self.time_zone.len() + self.protection.text_bytes() + types.sum::<usize>()
    }
}

impl CouponTypeDefinition {
    fn check(&self, index: TypeIndex) -> Result<(), InvalidDefinition> {
        if !(1..=Self::TOTAL_QUOTA_MAX).contains(&self.total_quota) {
            return Err(InvalidDefinition::TotalQuota(index));
        }
        let life_max = Duration::from_millis(Timestamp::MAX.as_milliseconds());
        let is_life =
            |life: Duration| !life.is_zero() && life <= life_max && life.subsec_nanos().is_multiple_of(1_000_000);
        if self.valid_for.is_some_and(|life| !is_life(life)) {
            return Err(InvalidDefinition::ValidFor(index));
        }
        Ok(())
    }
}

impl CampaignPatch {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == CampaignPatch::default()
    }

    /// Checks that it can be applied to `definition`.
    ///
    /// # Errors
    /// [`InvalidDefinition`] names the first rule that is broken.
    pub fn check(&self, definition: &CampaignDefinition) -> Result<(), InvalidDefinition> {
        let mut seen = BTreeSet::new();
        for patch in &self.coupon_types {
            let index = patch.coupon_type;
            if index.as_index() >= definition.coupon_types.len() {
                return Err(InvalidDefinition::NoSuchCouponType(index));
            }
            if !seen.insert(index) {
                return Err(InvalidDefinition::CouponTypeTwice(index));
            }
            let total_max = CouponTypeDefinition::TOTAL_QUOTA_MAX;
            if patch.total_quota.is_some_and(|total| !(1..=total_max).contains(&total)) {
                return Err(InvalidDefinition::TotalQuota(index));
            }
            if definition.mode == Mode::Lottery && patch.daily_quota.flatten().is_some() {
                return Err(InvalidDefinition::LotteryDailyQuota(index));
            }
        }
        if self.ends_at.is_some_and(|ends_at| ends_at <= definition.starts_at) {
            return Err(InvalidDefinition::Span);
        }
        if self
            .name
            .as_ref()
            .is_some_and(|name| name.len() > CampaignDefinition::TEXT_BYTES_MAX - definition.text_bytes())
        {
            return Err(InvalidDefinition::Text);
        }
        if let Some(ends_at) = self.ends_at {
            let windows = definition.windows.as_ref();
            super::Schedule::new(definition.starts_at, ends_at, windows, &definition.time_zone)?;
        }
        Ok(())
    }

    /// What of it changes `definition`: what it only repeats is left out.
    pub(crate) fn against(&self, definition: &CampaignDefinition) -> CampaignPatch {
        let mut effective = self.clone();
        effective.name.take_if(|name| *name == definition.name);
        effective.ends_at.take_if(|ends_at| *ends_at == definition.ends_at);
        effective.availability_display.take_if(|display| *display == definition.availability_display);
        effective.coupon_types.retain_mut(|patch| {
            let coupon_type = &definition.coupon_types[patch.coupon_type.as_index()];
            patch.total_quota.take_if(|total| *total == coupon_type.total_quota);
            patch.daily_quota.take_if(|daily| *daily == coupon_type.daily_quota);
            patch.total_quota.is_some() || patch.daily_quota.is_some()
        });
        effective
    }

    /// `definition` as it is after it. Which coupon types exist has been checked.
    pub(crate) fn applied_to(&self, definition: &CampaignDefinition) -> CampaignDefinition {
        let mut changed = definition.clone();
        if let Some(name) = &self.name {
            changed.name.clone_from(name);
        }
        if let Some(ends_at) = self.ends_at {
            changed.ends_at = ends_at;
        }
        if let Some(display) = self.availability_display {
            changed.availability_display = display;
        }
        for patch in &self.coupon_types {
            let coupon_type = &mut changed.coupon_types[patch.coupon_type.as_index()];
            if let Some(total) = patch.total_quota {
                coupon_type.total_quota = total;
            }
            if let Some(daily) = patch.daily_quota {
                coupon_type.daily_quota = daily;
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::super::CouponTypePatch;
    use super::*;

    fn check(change: impl FnOnce(&mut CampaignDefinition), expected: Result<(), InvalidDefinition>) {
        let builder = CampaignDefinition::builder("rush").coupon_type("cash-5", 10).coupon_type("cash-9", 10);
        let mut definition = builder.build().expect("a valid definition");
        change(&mut definition);
        assert_eq!(definition.check(), expected);
    }

    #[test]
    fn every_rule_is_checked() {
        use InvalidDefinition as Invalid;
        let second = TypeIndex(1);
        check(|_| (), Ok(()));
        check(|d| d.coupon_types.clear(), Err(Invalid::CouponTypes));
        check(|d| d.coupon_types = vec![d.coupon_types[0].clone(); 1_001], Err(Invalid::CouponTypes));
        check(|d| d.coupon_types[1].id = d.coupon_types[0].id.clone(), Err(Invalid::CouponTypeTwice(second)));
        check(|d| d.coupon_types[1].total_quota = 0, Err(Invalid::TotalQuota(second)));
        check(|d| d.coupon_types[1].total_quota = 1_000_000_001, Err(Invalid::TotalQuota(second)));
        check(|d| d.coupon_types[1].valid_for = Some(Duration::ZERO), Err(Invalid::ValidFor(second)));
        check(|d| d.coupon_types[1].valid_for = Some(Duration::from_nanos(1)), Err(Invalid::ValidFor(second)));
        check(|d| d.limit.max = 0, Err(Invalid::Limit));
        check(|d| d.limit.max = 1_001, Err(Invalid::Limit));
        check(|d| d.starts_at = d.ends_at, Err(Invalid::Span));
        check(|d| d.time_zone = "Mars/Olympus".to_owned(), Err(Invalid::TimeZone));
        check(|d| d.name = "x".repeat(1 << 20), Err(Invalid::Text));
    }

    #[test]
    fn a_patch_is_checked_against_what_it_changes() {
        let definition = CampaignDefinition::builder("rush").coupon_type("cash-5", 10).build().expect("valid");
        let quota = |index, total| CouponTypePatch {
            coupon_type: TypeIndex(index),
            total_quota: Some(total),
            daily_quota: None,
        };
        let types = |coupon_types| CampaignPatch { coupon_types, ..CampaignPatch::default() };
        assert_eq!(types(vec![quota(0, 5)]).check(&definition), Ok(()));
        assert_eq!(types(vec![quota(1, 5)]).check(&definition), Err(InvalidDefinition::NoSuchCouponType(TypeIndex(1))));
        assert_eq!(
            types(vec![quota(0, 5); 2]).check(&definition),
            Err(InvalidDefinition::CouponTypeTwice(TypeIndex(0)))
        );
        assert_eq!(types(vec![quota(0, 0)]).check(&definition), Err(InvalidDefinition::TotalQuota(TypeIndex(0))));
        let early = CampaignPatch { ends_at: Some(Timestamp::from_milliseconds(0)), ..CampaignPatch::default() };
        assert_eq!(early.check(&definition), Err(InvalidDefinition::Span));
        assert!(types(vec![quota(0, 10)]).against(&definition).is_empty(), "it repeats what is so already");
    }
}
