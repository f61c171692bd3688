//! Owns what follows from readings: rates, quantiles, a short history. Pure but for the moment it is told.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::metrics::quantile;
use super::sample::Sample;

/// How many readings back the history reaches.
pub(super) const HISTORY: usize = 180;

/// All that is shown of a server.
#[derive(Debug, Default)]
pub(super) struct Board {
    last: Option<Sample>,
    /// Between the last two readings; `None` before the second, and after the server began anew.
    pub(super) now: Option<Figures>,
    /// Claims a second, the newest last.
    pub(super) history: VecDeque<u64>,
    /// Since when it has not answered, and what was the matter.
    pub(super) silent: Option<(Instant, String)>,
}

/// What happened between two readings.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Figures {
    /// Claims a second, in all.
    pub(super) claims: f64,
    /// The same by what was answered, those that happened at all, the most frequent first.
    pub(super) outcomes: Vec<(String, f64)>,
    /// Seconds from a claim's head to its answer, at most: of 50, 90, 99 and 99.9 percent.
    pub(super) claim_seconds: [Option<f64>; 4],
    /// Seconds until a write was durable: of 50 and 99 percent.
    pub(super) sync_seconds: [Option<f64>; 2],
    /// Bytes of log a second.
    pub(super) log_bytes: f64,
    /// Units issued a second, by campaign: below zero where more are given back.
    pub(super) issued: BTreeMap<String, f64>,
}

impl Board {
    /// The last reading.
    pub(super) fn last(&self) -> Option<&Sample> {
        self.last.as_ref()
    }

    /// Takes a new reading.
    pub(super) fn take(&mut self, sample: Sample) {
        self.silent = None;
        self.now = self.last.as_ref().and_then(|last| Figures::between(last, &sample));
        if let Some(now) = &self.now {
            self.history.push_back(rounded(now.claims));
            if self.history.len() > HISTORY {
                self.history.pop_front();
            }
        }
        self.last = Some(sample);
    }

    /// Takes note that there is none.
    pub(super) fn miss(&mut self, why: String) {
        let since = self.silent.take().map_or_else(Instant::now, |(since, _)| since);
        self.silent = Some((since, why));
    }
}

impl Figures {
    fn between(earlier: &Sample, later: &Sample) -> Option<Self> {
        let seconds = later.at.saturating_duration_since(earlier.at).max(Duration::from_millis(1)).as_secs_f64();
        let before: BTreeMap<&str, f64> = earlier.metrics.labelled("claims_total").collect();
        let mut outcomes = Vec::new();
        for (outcome, count) in later.metrics.labelled("claims_total") {
            let more = count - before.get(outcome).copied().unwrap_or(0.0);
            if more < 0.0 {
                // Counters go back only where a server begins anew.
                return None;
            }
            if more > 0.0 {
                outcomes.push((outcome.to_owned(), more / seconds));
            }
        }
        outcomes.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let grown = |name: &str| {
            let value = |sample: &Sample| sample.metrics.value(name).unwrap_or(0.0);
            (value(later) - value(earlier)).max(0.0) / seconds
        };
        let [claims, syncs] = ["claim_seconds", "log_sync_seconds"]
            .map(|name| (earlier.metrics.buckets(name), later.metrics.buckets(name)));
        let issued_before: BTreeMap<&str, u64> =
            earlier.campaigns.iter().map(|campaign| (campaign.id.as_str(), campaign.stock().0)).collect();
        let issued = later.campaigns.iter().filter_map(|campaign| {
            let before = *issued_before.get(campaign.id.as_str())?;
            Some((campaign.id.clone(), (float(campaign.stock().0) - float(before)) / seconds))
        });
        Some(Self {
            claims: outcomes.iter().map(|(_, rate)| rate).sum(),
            outcomes,
            claim_seconds: [0.5, 0.9, 0.99, 0.999].map(|share| quantile(&claims.0, &claims.1, share)),
            sync_seconds: [0.5, 0.99].map(|share| quantile(&syncs.0, &syncs.1, share)),
            log_bytes: grown("log_bytes_total"),
            issued: issued.collect(),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rates are positive and far below 2^64")]
pub(super) fn rounded(rate: f64) -> u64 {
    rate.max(0.0).round() as u64
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::metrics::Metrics;
    use super::super::sample::{Campaign, CouponType};
    use super::*;

    /// A reading of a server with one campaign.
    pub(in super::super) fn sample(at: Instant, won: u64, sold_out: u64, issued: u64) -> Sample {
        let metrics = format!(
            "landrush_claims_total{{outcome=\"won\"}} {won}\nlandrush_claims_total{{outcome=\"sold_out\"}} {sold_out}\n\
             landrush_claim_seconds_bucket{{le=\"0.001\"}} {won}\nlandrush_claim_seconds_bucket{{le=\"+Inf\"}} {won}\n\
             landrush_log_sync_seconds_bucket{{le=\"0.0005\"}} {won}\nlandrush_log_bytes_total {}\n\
             landrush_http_connections 12\nlandrush_watchers 3\nlandrush_mailbox_depth{{shard=\"0\"}} 5\n\
             landrush_mailbox_capacity 1000\nlandrush_ready 1\nlandrush_log_accepts 1\n",
            won * 64
        );
        let coupon_type = CouponType {
            id: String::from("cash-5"),
            name: String::from("$5 cash coupon"),
            total_quota: 1_000,
            daily_quota: Some(500),
            issued: Some(issued),
            remaining: Some(1_000 - issued),
            remaining_today: Some(500_u64.saturating_sub(issued)),
        };
        let campaign = Campaign {
            id: String::from("spring-sale"),
            name: String::from("Spring sale"),
            state: String::from("open"),
            mode: String::from("first_come"),
            opens_at: Some(String::from("2026-12-01T00:00:00.000Z")),
            closes_at: Some(String::from("2099-12-31T00:00:00.000Z")),
            coupon_types: vec![coupon_type],
        };
        Sample { at, metrics: Metrics::parse(&metrics), campaigns: vec![campaign], has_more: false }
    }

    #[test]
    fn rates_are_of_the_time_between_two_readings() {
        let begun = Instant::now();
        let mut board = Board::default();
        board.take(sample(begun, 100, 0, 100));
        assert_eq!(board.now, None);
        board.take(sample(begun + Duration::from_secs(2), 300, 50, 300));
        let now = board.now.clone().expect("two readings");
        assert_eq!(now.outcomes, [(String::from("won"), 100.0), (String::from("sold_out"), 25.0)]);
        assert_eq!((now.claims, now.issued["spring-sale"], now.log_bytes), (125.0, 100.0, 6_400.0));
        assert_eq!(now.claim_seconds, [Some(0.001); 4]);
        assert_eq!(board.history, [125]);
    }

    #[test]
    fn a_server_that_began_anew_has_no_rates_and_its_silence_is_remembered_until_it_speaks() {
        let begun = Instant::now();
        let mut board = Board::default();
        board.take(sample(begun, 100, 0, 100));
        board.miss(String::from("no answer"));
        let since = board.silent.clone().expect("silent").0;
        board.miss(String::from("still none"));
        assert_eq!(board.silent, Some((since, String::from("still none"))));
        board.take(sample(begun + Duration::from_secs(1), 3, 0, 100));
        assert_eq!((board.now.clone(), board.silent.clone()), (None, None));
    }

    #[test]
    fn the_history_is_bounded() {
        let begun = Instant::now();
        let mut board = Board::default();
        for second in 0..1_000 {
            board.take(sample(begun + Duration::from_secs(second), second * 7, 0, 0));
        }
        assert_eq!((board.history.len(), board.history.back()), (HISTORY, Some(&7)));
    }
}
