//! The commands over the log, run as an operator runs them.

mod broken;
mod damaged;
mod live;
pub(crate) mod shop;
mod sound;
