//! The front end of landrush: the HTTP server and the command line over the [engine](landrush_engine).
//!
//! A request comes in by [`server`], is named and parsed in [`http`], admitted by [`gate`], asked of its shard over
//! [`desk`], and answered from the one table in [`http::problem`]. Nothing here decides who gets a coupon: that is the
//! engine's.

#![forbid(unsafe_code)]

pub mod app;
pub mod cli;
pub mod config;
pub mod demo;
pub mod desk;
pub mod fraud;
pub mod gate;
pub mod http;
pub mod live;
pub mod metrics;
pub mod openapi;
pub mod outbound;
pub mod server;
pub mod text;
mod web;
