//! What one shard is: its [`State`], which decides, and what runs it: a mailbox in, a link to the log, answers parked until
//! they are durable, and the loop around them.

pub(crate) mod actor;
pub(crate) mod link;
pub(crate) mod mailbox;
pub(crate) mod parked;
mod state;
mod taken;

pub use state::{
    BLOCK_BYTES_MAX, Breach, CampaignDecoder, Decision, Due, HOLD_MAX, Inconsistent, SnapshotError, State,
};
pub(crate) use state::{
    Campaign, DailyQuota, DayStart, Fate, Grant, LaterRoomHead, Life, PastHead, Redemption, Restocked, RoomHead,
    ShuffledHead, Step, Void, WindowStart, period_text,
};
