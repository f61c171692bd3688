//! The log from outside: what it keeps, whatever happens to the disk.
#![allow(clippy::unwrap_used)]

mod harness;
mod smoke;
