//! Owns what a caller must do before a claim where the campaign asks for it: a proof of work ([`altcha`]). Who has done it gets a short
//! signed [`pass`], so that the claim itself is judged in memory alone.

pub mod altcha;
pub mod pass;
pub mod siteverify;
mod spent;
