//! A write-ahead log with group commit, torn-tail recovery and background segments.

pub mod buffer;
pub mod damage;
pub mod doorbell;
pub mod frame;
mod group_commit;
pub mod log;
pub mod lsn;
pub mod options;
pub mod prepare;
pub mod reader;
pub mod records;
pub mod recovery;
pub mod repair;
pub mod scan;
pub mod segment;
pub mod snapshot;
pub mod start;
pub mod status;
pub mod storage;
pub mod store;
mod sync;
pub mod walk;
mod width;
pub mod writer;
