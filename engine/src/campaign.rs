//! What a campaign is: its definition, its times, its quotas. Pure.

mod builder;
pub(crate) mod calendar;
mod check;
mod definition;
mod protection;
mod schedule;
mod windows;

pub use builder::{BuildError, CampaignBuilder};
pub use check::InvalidDefinition;
pub use definition::{
    AvailabilityDisplay, CampaignDefinition, CampaignPatch, CampaignView, Cancellation, CodeSource,
    CouponTypeDefinition, CouponTypePatch, Fairness, Limit, LimitBy, Mode, Period, Return, Returns, TypeCounts,
};
pub use protection::{
    Challenge, ChallengeProvider, Eligibility, InvalidProtection, Protection, RateLimit, RateLimits, TokenClaim,
    WaitingRoom, WhenUnavailable, Who,
};
pub use schedule::{InvalidSchedule, Phase, Schedule, Window};
pub use windows::{InvalidTimeOfDay, InvalidWindows, NoWeekday, TimeOfDay, UnknownWeekday, Weekday, Weekdays, Windows};
