//! The log from outside: what it keeps, whatever happens to the disk.
#![allow(clippy::unwrap_used)]

mod crash;
mod damage;
mod failures;
mod golden;
mod harness;
mod model;
mod repair;
mod seals;
mod smoke;
mod snapshots;
mod starts;
