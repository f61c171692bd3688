//! x
#![forbid(unsafe_code)]
pub mod config;
pub mod gate;
pub mod http;
pub mod text;
