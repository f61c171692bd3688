//! What a campaign is: its definition, its times, its quotas. Pure.

mod builder;
pub(crate) mod calendar;
mod check;
mod definition;
mod schedule;
mod windows;

pub use builder::{BuildError, CampaignBuilder};
pub use check::InvalidDefinition;
pub use definition::{
    AvailabilityDisplay, CampaignDefinition, CampaignPatch, CampaignView, Cancellation, CodeSource,
    CouponTypeDefinition, CouponTypePatch, Fairness, Limit, LimitBy, Mode, Period, Return, Returns, TypeCounts,
};
pub use schedule::{InvalidSchedule, Phase, Schedule, Window};
pub use windows::{InvalidTimeOfDay, InvalidWindows, NoWeekday, TimeOfDay, UnknownWeekday, Weekday, Weekdays, Windows};
