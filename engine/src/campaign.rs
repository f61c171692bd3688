//! What a campaign is: its definition, its times, its quotas. Pure.

mod definition;

pub use definition::{
    AvailabilityDisplay, CampaignDefinition, CampaignPatch, CampaignView, Cancellation, CouponTypeDefinition,
    CouponTypePatch, Limit, Mode, Period, Return, Returns, TypeCounts,
};
