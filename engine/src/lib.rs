//! An in-memory, sharded inventory engine for flash campaigns, over a write-ahead log: the heart of landrush, usable without
//! HTTP. It knows no HTTP, no JSON and no async runtime.
//!
//! # The way of a claim
//!
//! ```text
//! Port::submit -> Mailbox -> State::decide -> State::apply -> Records -> log -> durable -> Port::receive
//! (any thread)    (bounded,  (the thread of the campaign's shard, alone)  (one write and sync   (the same
//!                 lock-free)                                               for many claims)     thread)
//! ```
//!
//! - A campaign lives on one shard; the shard's thread alone changes it, and takes no lock. [`router`] deals campaigns to shards.
//! - [`shard::State::decide`] says what a command leads to and changes nothing; [`shard::State::apply`] takes the event that
//!   resulted. Recovery, snapshots, replay and the [`audit`] call the same `apply` on the same events.
//! - An answer waits in the shard until all that it may rest on is durable. What anybody may read without asking the shard
//!   ([`published`]) is stored at that same moment, before the answer leaves.
//! - All shards append to one log ([`landrush_wal`]), which one thread drives: the shard's own if there is only one.
//!
//! # What holds everywhere
//!
//! No answer shows an effect that is not durable. One thread owns a shard. The same log gives the same state. After a failed
//! write nothing is acknowledged until a restart. Every queue has a bound: a full mailbox is [`port::Rejected::Full`] at once.
//! There is no clock and no randomness in here but what is passed in.
//!
//! # Example
//!
//! ```
//! use landrush_engine::campaign::CampaignDefinition;
//! use landrush_engine::command::{Claim, Command, Gate};
//! use landrush_engine::fairness::Seed;
//! use landrush_engine::id::UserId;
//! use landrush_engine::outcome::Outcome;
//! use landrush_engine::{Engine, EngineOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let data = tempfile::tempdir()?;
//! # let data_dir = data.path();
//! let mut entropy = |buffer: &mut [u8]| getrandom::fill(buffer).expect("the system has random bytes");
//! let (engine, _recovery) = Engine::open(data_dir, EngineOptions::default(), &mut entropy)?;
//! let mut port = engine.blocking_port();
//!
//! let definition = CampaignDefinition::builder("rush").coupon_type("cash-5", 100).build()?;
//! let route = engine.route(&definition.id);
//! let campaign = engine.next_campaign_number();
//! port.call(route, Command::Create { campaign, definition: Box::new(definition), seed: Seed::random(&mut entropy) })?;
//!
//! let claim = Claim {
//!     campaign,
//!     user: UserId::new("u-1")?,
//!     coupon_type: None,
//!     key: None,
//!     phone: None,
//!     gate: Gate::default(),
//!     stamped_at: engine.clock().now(),
//! };
//! let Outcome::Won(won) = port.call(route, Command::Claim(claim.clone()))? else { panic!("there were 100") };
//! println!("{}", engine.codes().code(won.campaign, won.serial));
//!
//! // Asked again, it is the same coupon.
//! let Outcome::Repeated(again) = port.call(route, Command::Claim(claim))? else { panic!("one a person") };
//! assert_eq!(again.serial, won.serial);
//! engine.close()?;
//! # Ok(())
//! # }
//! ```
//!
//! `examples/million_claims.rs` makes a million claims this way, many under way at once.
#![forbid(unsafe_code)]

pub mod audit;
pub mod campaign;
pub mod codec;
pub mod command;
pub mod coupon;
mod driver;
pub mod engine;
pub mod event;
pub mod fairness;
mod filter;
pub mod id;
pub mod imported;
pub mod keys;
pub mod options;
pub mod outcome;
pub mod people;
pub mod port;
pub mod published;
pub mod recovery;
mod registered;
pub mod room;
pub mod router;
pub mod shard;
pub mod snapshot;
pub mod snapshotter;
mod sync;
pub mod time;
pub mod unsound;

pub use driver::{BorrowedShard, Rest, ShardLoan};
pub use engine::Engine;
pub use options::EngineOptions;
pub use recovery::RecoveryReport;
