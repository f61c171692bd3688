//! Owns the words for a log that contradicts itself.

use thiserror::Error;

use crate::campaign::InvalidDefinition;
use crate::event::CodeKeyId;
use crate::id::{CampaignNumber, RedemptionNumber, Serial, TypeIndex};
use crate::time::Day;

/// An event contradicts those before it. Nothing of it was applied.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("campaign {}: {breach}", campaign.0)]
pub struct Inconsistent {
    /// The campaign that the event speaks of.
    pub campaign: CampaignNumber,
    /// What is wrong.
    pub breach: Breach,
}

/// What is wrong with an event.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Breach {
    /// The campaign was never made.
    #[error("it was never made")]
    NoSuchCampaign,
    /// The campaign was archived before.
    #[error("it was archived before")]
    Archived,
    /// The number or the id belongs to another campaign.
    #[error("its number or id is taken")]
    CampaignTaken,
    /// The definition or the patch breaks a rule.
    #[error("its definition is invalid: {0}")]
    Definition(#[from] InvalidDefinition),
    /// Its coupon codes were made with another key.
    #[error("its codes were made with code key {found:016x}, the key here is {present:016x}; restore `keys/code.key`", found = found.0, present = present.0)]
    CodeKey {
        /// The key that the log names.
        found: CodeKeyId,
        /// The key that is here.
        present: CodeKeyId,
    },
    /// Somebody registered who could not, or twice, or claimed without.
    #[error("somebody registered who could not, or claimed who had not")]
    Registration,
    /// A claim was granted though claims were stopped or paused.
    #[error("claim {} was granted while claims were stopped", .0.0)]
    ClaimsStopped(Serial),
    /// A claim is of a coupon type that is not there, or not of the one it asked for.
    #[error("claim {} is of a wrong coupon type", .0.0)]
    CouponType(Serial),
    /// A claim's user id or key is none, or a key is missing or given where none belongs.
    #[error("claim {} names an invalid user or key", .0.0)]
    Person(Serial),
    /// A claim counts for a day before that of an earlier one.
    #[error("claim {} goes back from day {} to day {}", claim.0, from.0, to.0)]
    DayBack {
        /// The claim.
        claim: Serial,
        /// The last day.
        from: Day,
        /// Its day.
        to: Day,
    },
    /// A claim exceeds the total quota.
    #[error("claim {} exceeds the total quota of coupon type {}", claim.0, coupon_type.0)]
    TotalQuota {
        /// The claim.
        claim: Serial,
        /// Its coupon type.
        coupon_type: TypeIndex,
    },
    /// A claim exceeds the daily quota.
    #[error("claim {} exceeds the daily quota of coupon type {}", claim.0, coupon_type.0)]
    DailyQuota {
        /// The claim.
        claim: Serial,
        /// Its coupon type.
        coupon_type: TypeIndex,
    },
    /// A claim exceeds what one person may have.
    #[error("claim {} exceeds its person's limit", .0.0)]
    Limit(Serial),
    /// A claim bears a key that belongs to another.
    #[error("claim {} bears the key of claim {}", claim.0, other.0)]
    KeyTwice {
        /// The claim.
        claim: Serial,
        /// The one before.
        other: Serial,
    },
    /// A total quota was set below what had been issued.
    #[error("the total quota of coupon type {} was set below what had been issued", .0.0)]
    QuotaBelowIssued(TypeIndex),
    /// It was cancelled twice, without more being revoked.
    #[error("it was cancelled twice")]
    CancelledTwice,
    /// It was archived while claims could come.
    #[error("it was archived before it was over")]
    ArchivedOpen,
    /// A claim was voided that does not exist.
    #[error("claim {} was voided and does not exist", .0.0)]
    NoSuchClaim(Serial),
    /// A claim was voided twice.
    #[error("claim {} was voided twice", .0.0)]
    VoidedTwice(Serial),
    /// A claim, a draw or an entry came to a campaign of another mode.
    #[error("claim {} is of a kind that the campaign does not take", .0.0)]
    Mode(Serial),
    /// A draw's outcome does not follow from the seed.
    #[error("draw {} does not follow from the seed", .0.0)]
    Sampled(Serial),
    /// A claim bears a phone number or a window where none belongs, or none where one does.
    #[error("claim {} counts for a wrong phone number or window", .0.0)]
    Period(Serial),
    /// It ended twice.
    #[error("it ended twice")]
    EndedTwice,
    /// A lottery was drawn before it ended, twice, or from other entries than those that came.
    #[error("its lottery was drawn from other entries than those that came")]
    Ranked,
    /// Codes were imported for a type that takes none, or twice from one file.
    #[error("codes were imported for coupon type {} that does not take them", .0.0)]
    Imported(TypeIndex),
    /// A coupon was redeemed that could not be.
    #[error("claim {} was redeemed and could not be", .0.0)]
    Redeemed(Serial),
    /// A redemption went on in a way that contradicts what had become of it.
    #[error("redemption {} went on in a way that contradicts what had become of it", .0.0)]
    Settled(RedemptionNumber),
    /// A hold ended before its time, or after it.
    #[error("the hold of redemption {} did not end in its time", .0.0)]
    Hold(RedemptionNumber),
    /// Coupons ran out that were not issued, or not yet due.
    #[error("coupons of type {} ran out that could not", .0.0)]
    RunOut(TypeIndex),
    /// Somebody came to a waiting room twice, or people were shuffled or let in otherwise than its rules say.
    #[error("its waiting room broke its rules")]
    Room,
    /// A unit was given back to a day that it was not issued on.
    #[error("the unit of claim {} was given back to another day", .0.0)]
    RestockedDay(Serial),
}
