//! A write-ahead log with group commit, torn-tail recovery and background segments.

pub mod log;
pub mod lsn;
pub mod records;
pub mod status;
