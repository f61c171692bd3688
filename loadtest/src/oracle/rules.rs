//! What a campaign promised, as far as it bounds what may be handed out.

use serde::{Deserialize, Serialize};

use crate::answer::Asked;
use crate::request::Kind;

/// The rules of one campaign, as far as they bound what may be handed out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Rules {
    /// The campaign's id.
    pub(crate) campaign: String,
    /// What it is asked for.
    pub(crate) kind: Kind,
    /// The ids of its coupon types, in order.
    pub(crate) coupon_types: Vec<String>,
    /// Units of each type for the whole campaign.
    pub(crate) total_quota: Vec<u64>,
    /// Units of each type on one UTC day.
    pub(crate) daily_quota: Option<u64>,
    /// Coupons that one user may have.
    pub(crate) limit: u32,
}

impl Rules {
    /// The request of `user`, so that its answer can be read.
    pub(crate) fn asked(&self, user: u64) -> Asked<'_> {
        Asked { campaign: &self.campaign, kind: self.kind, user, coupon_types: &self.coupon_types }
    }
}
