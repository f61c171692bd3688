//! What one shard is: its [`State`], which decides, and what runs it.

mod state;

pub use state::{Breach, Decision, Inconsistent, State};
