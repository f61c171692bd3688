//! Owns the shape of the report on fraud.

use std::collections::BTreeMap;

use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::{Identifier, Moment, PartialSchema, text_schemas};
use crate::fraud::Kind;

text_schemas! {
    /// By what requests are counted together: an address block, a device (shown as a hash that holds for one run of the server), a phone
    /// number but for its last four digits.
    MarkKind = |text| text.enum_values(Some(Kind::ALL.map(Kind::name)));
}

/// Where a campaign's coupons and refusals went.
#[derive(ToSchema)]
pub(crate) struct FraudReport {
    campaign_id: Identifier,
    server_time: Moment,
    /// Since when it is counted: the server's start, or later.
    since: Moment,
    /// Coupons, or entries in a lottery.
    granted: u64,
    /// Draws that won nothing.
    no_coupon: u64,
    /// Repeats of what had been granted.
    repeated: u64,
    refused: u64,
    early: EarlyArrivals,
    /// Of the refused, what the gate refused, by reason.
    gate_refused: BTreeMap<String, u64>,
    by: Vec<FraudBreakdown>,
}

/// What came sooner after an opening than people react.
#[derive(ToSchema)]
pub(crate) struct EarlyArrivals {
    /// How soon, in milliseconds.
    within_ms: u64,
    granted: u64,
    refused: u64,
}

/// Where grants and refusals went, by marks of one kind.
#[derive(ToSchema)]
pub(crate) struct FraudBreakdown {
    kind: MarkKind,
    /// How many different marks there were: an estimate, within a few percent.
    distinct: u64,
    /// How many grants bore such a mark.
    granted: u64,
    /// How many refusals did.
    refused: u64,
    /// By how much `granted` of each line may be too low.
    granted_error: u64,
    /// By how much `refused` of each line may be too low.
    refused_error: u64,
    /// The part of all grants that went to the ten marks that were granted most.
    #[schema(minimum = 0, maximum = 1)]
    top_share: f64,
    /// The part that as many would have, were grants spread evenly over all marks that were seen.
    #[schema(minimum = 0, maximum = 1)]
    even_share: f64,
    /// The ten that were granted most, then the others of the ten that were refused most.
    #[schema(max_items = 20)]
    top: Vec<MarkLine>,
}

/// One mark.
#[derive(ToSchema)]
pub(crate) struct MarkLine {
    name: String,
    granted: u64,
    refused: u64,
    /// Its part of all grants.
    #[schema(minimum = 0, maximum = 1)]
    share: f64,
}
