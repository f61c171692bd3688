//! The HTTP contract.
pub mod campaign_body;
pub mod claim_body;
pub mod fields;
pub mod json;
pub mod json_text;
pub mod problem;
pub mod query;
pub mod retry;
pub mod route;
