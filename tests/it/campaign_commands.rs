//! `landrush campaign` and `landrush export` against a running server, run as a marketer and a script run them.

mod ends;
mod export;
mod manage;
pub(crate) mod program;
mod relay;
mod watch;
