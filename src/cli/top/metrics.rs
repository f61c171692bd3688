//! Owns the server's metrics as they are read: OpenMetrics text into samples by name and labels. Pure.

use std::collections::BTreeMap;

/// The samples of one scrape. What is not there reads as nothing: an older or a newer server may have less or more.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Metrics(BTreeMap<String, f64>);

/// A histogram's buckets: their upper bounds, and how many values are at or below each.
pub(super) type Buckets = Vec<(f64, f64)>;

impl Metrics {
    /// Reads `text`; lines that are no samples are passed over.
    pub(super) fn parse(text: &str) -> Self {
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.strip_prefix("landrush_")?.to_owned(), value.parse().ok()?))
        };
        Self(text.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect())
    }

    /// A counter or a gauge, by its name without the prefix.
    pub(super) fn value(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// The samples of `name`, by the value of their only label.
    pub(super) fn labelled<'m>(&'m self, name: &'m str) -> impl Iterator<Item = (&'m str, f64)> {
        let samples = self
            .0
            .range(format!("{name}{{")..)
            .take_while(move |(key, _)| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('{')));
        samples.filter_map(|(key, value)| Some((key.split('"').nth(1)?, *value)))
    }

    /// A histogram, ascending.
    pub(super) fn buckets(&self, name: &str) -> Buckets {
        let name = format!("{name}_bucket");
        let bound = |text: &str| if text == "+Inf" { Some(f64::INFINITY) } else { text.parse().ok() };
        let mut buckets: Buckets = self.labelled(&name).filter_map(|(le, count)| Some((bound(le)?, count))).collect();
        buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        buckets
    }
}

/// The value at or below which a share of what lies between two readings of a histogram is: a bucket's bound, so that it is too
/// high rather than too low. `None` if nothing lies between.
pub(super) fn quantile(earlier: &Buckets, later: &Buckets, share: f64) -> Option<f64> {
    let before =
        |bound: f64| earlier.iter().find(|(other, _)| other.total_cmp(&bound).is_eq()).map_or(0.0, |(_, count)| *count);
    let grown: Buckets = later.iter().map(|(bound, count)| (*bound, count - before(*bound))).collect();
    let total = grown.last().map(|(_, count)| *count).filter(|total| *total > 0.0)?;
    grown.into_iter().find(|(_, count)| *count >= total * share).map(|(bound, _)| bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP landrush_claims Claims.\n# TYPE landrush_claims counter\n\
        landrush_claims_total{outcome=\"won\"} 12\nlandrush_claims_total{outcome=\"sold_out\"} 3\n\
        landrush_claims_totals 9\nlandrush_watchers 7\nother 1\n\
        landrush_claim_seconds_bucket{le=\"0.001\"} 5\nlandrush_claim_seconds_bucket{le=\"0.01\"} 9\n\
        landrush_claim_seconds_bucket{le=\"+Inf\"} 10\n# EOF\n";

    #[test]
    fn samples_are_read_by_name_and_label() {
        let metrics = Metrics::parse(TEXT);
        assert_eq!(metrics.value("watchers"), Some(7.0));
        assert_eq!(metrics.value("other"), None);
        let outcomes: Vec<_> = metrics.labelled("claims_total").collect();
        assert_eq!(outcomes, [("sold_out", 3.0), ("won", 12.0)]);
        assert_eq!(metrics.buckets("claim_seconds"), [(0.001, 5.0), (0.01, 9.0), (f64::INFINITY, 10.0)]);
    }

    #[test]
    fn quantiles_are_of_what_came_in_between() {
        let earlier = vec![(0.001, 5.0), (0.01, 9.0), (f64::INFINITY, 10.0)];
        let later = vec![(0.001, 5.0), (0.01, 108.0), (f64::INFINITY, 110.0)];
        assert_eq!(quantile(&earlier, &later, 0.5), Some(0.01));
        assert_eq!(quantile(&earlier, &later, 0.999), Some(f64::INFINITY));
        assert_eq!(quantile(&earlier, &earlier, 0.5), None);
        assert_eq!(quantile(&Vec::new(), &later, 0.01), Some(0.001));
    }
}
