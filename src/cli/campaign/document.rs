//! Owns what the commands read of the server's answers. What they do not know they pass over, so that a newer server can be
//! asked too.

use std::fmt;

use serde::Deserialize;

/// A campaign, as management calls answer it.
#[derive(Debug, Deserialize)]
pub(in crate::cli) struct Campaign {
    pub(in crate::cli) id: String,
    pub(super) name: String,
    pub(super) state: String,
    pub(super) time_zone: String,
    pub(super) mode: String,
    pub(super) schedule: Schedule,
    pub(super) opens_at: Option<String>,
    pub(super) closes_at: Option<String>,
    pub(super) limit: Limit,
    #[serde(default)]
    pub(super) phone_required: bool,
    pub(super) accept_redemptions: Option<bool>,
    pub(super) cancelled_at: Option<String>,
    pub(super) revoked: Option<bool>,
    pub(super) fairness: Option<Fairness>,
    pub(super) coupon_types: Vec<CouponType>,
}

/// From when to when.
#[derive(Debug, Deserialize)]
pub(super) struct Schedule {
    pub(super) starts_at: String,
    pub(super) ends_at: String,
    pub(super) windows: Option<Windows>,
}

/// When it is open in between.
#[derive(Debug, Deserialize)]
pub(super) struct Windows {
    pub(super) at: Vec<String>,
    pub(super) days: Option<Vec<String>>,
    pub(super) duration: String,
}

/// How much a person gets.
#[derive(Debug, Deserialize)]
pub(super) struct Limit {
    pub(super) max: u64,
    pub(super) per: String,
    pub(super) by: String,
}

/// What lets anybody recompute a draw or a lottery.
#[derive(Debug, Deserialize)]
pub(super) struct Fairness {
    pub(super) commitment: String,
    pub(super) seed: Option<String>,
}

/// A coupon type; the counts are there for the admin key, and for all where the display is exact.
#[derive(Debug, Deserialize)]
pub(super) struct CouponType {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) total_quota: u64,
    pub(super) daily_quota: Option<u64>,
    pub(super) probability: Option<f64>,
    pub(super) valid_for: Option<String>,
    pub(super) issued: Option<u64>,
    pub(super) remaining: Option<u64>,
    pub(super) remaining_today: Option<u64>,
}

/// What is left of a campaign, as anybody may read it.
#[derive(Debug, Deserialize)]
pub(super) struct Availability {
    pub(super) campaign_id: String,
    pub(super) state: String,
    pub(super) server_time: String,
    pub(super) opens_at: Option<String>,
    pub(super) closes_at: Option<String>,
    pub(super) coupon_types: Vec<Left>,
}

/// What is left of one coupon type.
#[derive(Debug, Deserialize)]
pub(super) struct Left {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) remaining: Count,
    pub(super) remaining_today: Count,
}

/// So many, or a word for it where the display is bucketed.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Count {
    Exact(u64),
    Bucket(String),
}

impl Campaign {
    /// How many coupons it has issued, if the answer tells.
    pub(in crate::cli) fn issued(&self) -> Option<u64> {
        self.total(|coupon_type| coupon_type.issued)
    }

    /// How many coupons are left, if the answer tells.
    pub(super) fn remaining(&self) -> Option<u64> {
        self.total(|coupon_type| coupon_type.remaining)
    }

    /// Whether it takes no claims any more, whatever is done.
    pub(super) fn is_over(&self) -> bool {
        is_over(&self.state)
    }

    fn total(&self, count: impl Fn(&CouponType) -> Option<u64>) -> Option<u64> {
        self.coupon_types.iter().map(count).try_fold(0u64, |total, count| Some(total.saturating_add(count?)))
    }
}

impl Availability {
    /// Whether nothing will change any more.
    pub(super) fn is_over(&self) -> bool {
        is_over(&self.state)
    }
}

fn is_over(state: &str) -> bool {
    matches!(state, "ended" | "cancelled")
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Count::Exact(count) => count.fmt(f),
            Count::Bucket(word) => f.pad(word),
        }
    }
}
