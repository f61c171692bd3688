//! What one shard is: its [`State`], which decides, and what runs it.

mod state;

pub use state::{BLOCK_BYTES_MAX, Breach, CampaignDecoder, Decision, Inconsistent, SnapshotError, State};
pub(crate) use state::{Campaign, DailyQuota, DayStart, Grant, Void};
