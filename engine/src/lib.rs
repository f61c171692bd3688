//! An in-memory, sharded inventory engine for flash campaigns, over a write-ahead log.

pub mod campaign;
pub mod command;
pub mod event;
pub mod id;
pub mod outcome;
pub mod time;
