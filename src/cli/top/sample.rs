//! Owns one reading of a server: its metrics, and its campaigns with their counts.

use std::time::Instant;

use serde::Deserialize;

use super::metrics::Metrics;
use crate::cli::api::{Api, Failure, Page};

/// The server at one moment.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) at: Instant,
    pub(super) metrics: Metrics,
    pub(super) campaigns: Vec<Campaign>,
    /// Whether there are more campaigns than are read.
    pub(super) has_more: bool,
}

/// A campaign as management calls answer it, as far as it is shown.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Campaign {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) state: String,
    pub(super) mode: String,
    pub(super) opens_at: Option<String>,
    pub(super) closes_at: Option<String>,
    pub(super) coupon_types: Vec<CouponType>,
}

/// A coupon type of it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CouponType {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) total_quota: u64,
    pub(super) daily_quota: Option<u64>,
    pub(super) issued: Option<u64>,
    pub(super) remaining: Option<u64>,
    pub(super) remaining_today: Option<u64>,
}

/// Campaigns on a page.
const PAGE: u16 = 100;
/// The most pages that are read: a terminal shows no more, and a reading is to be light for the server.
const PAGES_MAX: usize = 3;

/// Reads the server.
///
/// # Errors
/// It refuses or cannot be reached.
pub(super) async fn read(api: &mut Api) -> Result<Sample, Failure> {
    let metrics = api.get("/v1/metrics").await?;
    let metrics = Metrics::parse(&String::from_utf8_lossy(&metrics.body));
    let mut campaigns = Vec::new();
    let mut cursor: Option<String> = None;
    let mut has_more = false;
    for number in 1..=PAGES_MAX {
        let reply = api.get_page("/v1/campaigns", PAGE, cursor.as_deref()).await?;
        let page: Page<'_> = api.read(&reply)?;
        for item in &page.items {
            campaigns.push(api.read_item(item)?);
        }
        cursor = api.next_cursor(page, cursor.as_deref())?;
        if cursor.is_none() {
            break;
        }
        has_more = number == PAGES_MAX;
    }
    Ok(Sample { at: Instant::now(), metrics, campaigns, has_more })
}

impl Campaign {
    /// Units that are issued, of how many. Both are known to the admin key.
    pub(super) fn stock(&self) -> (u64, u64) {
        let issued = self.coupon_types.iter().filter_map(|coupon_type| coupon_type.issued).sum();
        (issued, self.coupon_types.iter().map(|coupon_type| coupon_type.total_quota).sum())
    }
}
