//! An in-memory, sharded inventory engine for flash campaigns, over a write-ahead log.

pub mod audit;
pub mod campaign;
pub mod codec;
pub mod command;
pub mod coupon;
pub mod event;
pub mod id;
pub mod keys;
pub mod outcome;
pub mod shard;
pub mod time;
