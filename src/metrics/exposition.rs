//! Owns the names, help texts and labels under which the counts are shown.

use std::collections::BTreeMap;
use std::fmt::Error;
use std::sync::atomic::{AtomicU64, Ordering};

use landrush_engine::engine::Status;
use landrush_wal::status::Histogram;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::Granted;
use crate::app::{App, Phase};
use crate::gate::challenge::siteverify::{Provider, Verdict};
use crate::gate::reason::Reason;
use crate::gate::user_token::Verifier;
use crate::http::Shed;
use crate::http::problem::Code;

/// The media type of the exposition: OpenMetrics text, which Prometheus reads.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All counts as they stand, as text.
pub fn exposition(app: &App) -> String {
    let mut registry = Registry::with_prefix("landrush");
    registry.register_collector(Box::new(Scrape::of(app)));
    let mut text = String::new();
    text::encode(&mut text, &registry).expect("a string takes all");
    text
}

/// The counts at the moment of a scrape, summed over the I/O threads.
#[derive(Debug)]
struct Scrape {
    claims: BTreeMap<&'static str, u64>,
    claim_seconds: Summed,
    gate_refused: [u64; Reason::ALL.len()],
    shed: [u64; Shed::ALL.len()],
    gate_reloads: [u64; 2],
    key_fetches: [u64; 2],
    verdicts: Vec<(Provider, Verdict, u64)>,
    responses: [u64; 6],
    connections: usize,
    watchers: usize,
    events_sent: u64,
    events_skipped: u64,
    is_ready: bool,
    engine: Option<EngineScrape>,
}

#[derive(Debug)]
struct EngineScrape {
    status: StatusFigures,
    sync_seconds: Summed,
    frame_records: Summed,
}

/// The part of [`Status`] that is shown as it is.
#[derive(Debug)]
struct StatusFigures {
    mailbox_depths: Vec<usize>,
    mailbox_commands_max: usize,
    log_bytes: u64,
    log_records: u64,
    log_frames: u64,
    log_segments: u64,
    durable_lsn: u64,
    log_accepts: bool,
    snapshots_made: u64,
    snapshots_failed: u64,
    snapshot_seconds: f64,
    recovery_seconds: f64,
    recovery_records: u64,
    recovery_frames: u64,
}

impl Scrape {
    fn of(app: &App) -> Self {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut claims = BTreeMap::new();
        let mut responses = [0; 6];
        let mut gate_refused = [0; Reason::ALL.len()];
        let mut shed = [0; Shed::ALL.len()];
        for counts in app.counts() {
            for (granted, count) in Granted::ALL.iter().zip(&counts.granted) {
                *claims.entry(granted.name()).or_default() += read(count);
            }
            for (code, count) in Code::ALL.iter().zip(&counts.refused) {
                // `ended` is the name of two codes, of which claims have one.
                *claims.entry(code.name()).or_default() += read(count);
            }
            for (sum, count) in shed.iter_mut().zip(&counts.shed) {
                *sum += count.load(Ordering::Relaxed);
            }
            for (sum, count) in gate_refused.iter_mut().zip(&counts.gate_refused) {
                *sum += read(count);
            }
            for (sum, count) in responses.iter_mut().zip(&counts.responses) {
                *sum += read(count);
            }
        }
        Self {
            claims,
            claim_seconds: Summed::of(app.counts().map(|counts| &counts.claim_us), MICROSECONDS),
            gate_refused,
            shed,
            gate_reloads: app.reloads(),
            verdicts: app
                .opened()
                .and_then(|opened| opened.site_verifier.as_ref())
                .map_or_else(Vec::new, |verifier| verifier.verdicts().collect()),
            key_fetches: app.verifier().map_or([0; 2], Verifier::fetches),
            responses,
            connections: app.connections(),
            watchers: app.live().watchers(),
            events_sent: app.counts().map(|counts| read(&counts.events_sent)).sum(),
            events_skipped: app.counts().map(|counts| read(&counts.events_skipped)).sum(),
            is_ready: app.phase() == Phase::Serving,
            engine: app.opened().map(|opened| EngineScrape::of(&opened.engine.status())),
        }
    }
}

impl EngineScrape {
    fn of(status: &Status) -> Self {
        let counters = status.log.counters();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Self {
            status: StatusFigures {
                mailbox_depths: status.mailbox_depths.clone(),
                mailbox_commands_max: status.mailbox_commands_max,
                log_bytes: read(&counters.bytes),
                log_records: read(&counters.records),
                log_frames: read(&counters.frames),
                log_segments: read(&counters.segments),
                durable_lsn: status.log.durable().0,
                log_accepts: status.log.accepts(),
                snapshots_made: status.snapshots.made(),
                snapshots_failed: status.snapshots.failed(),
                snapshot_seconds: status.snapshots.last_took().as_secs_f64(),
                recovery_seconds: status.recovery.took.as_secs_f64(),
                recovery_records: status.recovery.records,
                recovery_frames: status.recovery.frames,
            },
            sync_seconds: Summed::of([&counters.sync_us].into_iter(), MICROSECONDS),
            frame_records: Summed::of([&counters.frame_records].into_iter(), 1.0),
        }
    }
}

/// Microseconds in a second. Values are divided by it, which spells 15 us as 0.000015; a factor of 1e-6 would not.
const MICROSECONDS: f64 = 1e6;

/// Histograms of one kind added up, in the unit that is shown (so many of theirs make one).
#[derive(Debug)]
struct Summed {
    buckets: Vec<(f64, u64)>,
    sum: f64,
}

impl Summed {
    fn of<'h>(histograms: impl Iterator<Item = &'h Histogram>, unit: f64) -> Self {
        let mut buckets: Vec<(f64, u64)> = Vec::new();
        let mut sum = 0;
        for histogram in histograms {
            let (counts, histogram_sum) = histogram.snapshot();
            // Wraps like the counter it is read from.
            sum = u64::wrapping_add(sum, histogram_sum);
            buckets.resize(counts.len(), (f64::INFINITY, 0));
            for (bucket, (bound, count)) in buckets.iter_mut().zip(counts) {
                // The bound is exclusive and values are whole: at most one less.
                bucket.0 = bound.map_or(f64::INFINITY, |bound| float(bound - 1) / unit);
                bucket.1 += count;
            }
        }
        Self { buckets, sum: float(sum) / unit }
    }

    fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with 15 digits, which is plenty")]
fn float(value: u64) -> f64 {
    value as f64
}

fn gauge(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// No labels at all.
type Bare = [(&'static str, &'static str); 0];

struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn counter(&mut self, name: &str, help: &str, value: u64) -> Result<(), Error> {
        self.0.encode_descriptor(name, help, None, MetricType::Counter)?.encode_counter::<Bare, _, u64>(&value, None)
    }

    fn counters<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl Iterator<Item = (L, u64)>,
    ) -> Result<(), Error> {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            metric.encode_family(&labels)?.encode_counter::<Bare, _, u64>(&value, None)?;
        }
        Ok(())
    }

    fn gauge(&mut self, name: &str, help: &str, value: i64) -> Result<(), Error> {
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn seconds(&mut self, name: &str, help: &str, value: f64) -> Result<(), Error> {
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Summed) -> Result<(), Error> {
        self.0.encode_descriptor(name, help, None, MetricType::Histogram)?.encode_histogram::<Bare>(
            histogram.sum,
            histogram.count(),
            &histogram.buckets,
            None,
        )
    }
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder) -> Result<(), Error> {
        let mut page = Page(encoder);
        let outcomes = self.claims.iter().map(|(outcome, count)| ([("outcome", *outcome)], *count));
        page.counters("claims", "Claims by what was answered", outcomes)?;
        page.histogram("claim_seconds", "Time from a claim's head to its answer", &self.claim_seconds)?;
        let classes = ["other", "1xx", "2xx", "3xx", "4xx", "5xx"];
        let responses = classes.into_iter().zip(self.responses).map(|(class, count)| ([("class", class)], count));
        page.counters("http_responses", "Responses by class of status", responses)?;
        let shed = Shed::ALL.into_iter().zip(self.shed).map(|(what, count)| ([("kind", what.name())], count));
        page.counters("shed", "Requests that were refused for want of time or room, those worth least first", shed)?;
        let reasons = Reason::ALL.into_iter().zip(self.gate_refused);
        let reasons = reasons.map(|(reason, count)| ([("reason", reason.name())], count));
        page.counters("gate_refused", "Requests that the gate refused, by what it went by", reasons)?;
        let reloads = ["done", "failed"].into_iter().zip(self.gate_reloads);
        let reloads = reloads.map(|(outcome, count)| ([("outcome", outcome)], count));
        page.counters("gate_reloads", "Times that management keys and lists were read again", reloads)?;
        let fetches = ["done", "failed"].into_iter().zip(self.key_fetches);
        let fetches = fetches.map(|(outcome, count)| ([("outcome", outcome)], count));
        page.counters("key_fetches", "Times that a set of keys behind a URL was asked for", fetches)?;
        let verdicts = self.verdicts.iter();
        let verdicts = verdicts
            .map(|(provider, verdict, count)| ([("provider", provider.name()), ("verdict", verdict.name())], *count));
        page.counters("challenge_verdicts", "What providers of challenges have said of responses", verdicts)?;
        page.gauge("http_connections", "Open connections", gauge(self.connections))?;
        page.gauge("watchers", "Event streams that are open", gauge(self.watchers))?;
        page.counter("events_sent", "Events that watchers were sent", self.events_sent)?;
        page.counter("events_skipped", "Events that watchers were too slow for and never saw", self.events_skipped)?;
        page.gauge("ready", "1 while claims are taken", i64::from(self.is_ready))?;
        match &self.engine {
            Some(engine) => engine.encode(&mut page),
            None => Ok(()),
        }
    }
}

impl EngineScrape {
    fn encode(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let status = &self.status;
        {
            let help = "Commands that wait at a shard";
            let mut metric = page.0.encode_descriptor("mailbox_depth", help, None, MetricType::Gauge)?;
            for (shard, depth) in status.mailbox_depths.iter().enumerate() {
                metric.encode_family(&[("shard", shard.to_string())])?.encode_gauge(&gauge(*depth))?;
            }
        }
        page.gauge("mailbox_capacity", "Commands that may wait at one shard", gauge(status.mailbox_commands_max))?;
        page.histogram("log_sync_seconds", "Time from handing a write over until it was durable", &self.sync_seconds)?;
        page.histogram("log_frame_records", "Records in a frame, one group commit", &self.frame_records)?;
        page.counter("log_bytes", "Bytes written to the log, padding included", status.log_bytes)?;
        page.counter("log_records", "Records made durable", status.log_records)?;
        page.counter("log_frames", "Frames made durable", status.log_frames)?;
        page.counter("log_segments", "Segments begun", status.log_segments)?;
        let lsn = i64::try_from(status.durable_lsn).unwrap_or(i64::MAX);
        page.gauge("log_durable_lsn", "The last durable position", lsn)?;
        page.gauge("log_accepts", "1 while the log has room and has not failed", i64::from(status.log_accepts))?;
        page.counter("snapshots", "Snapshots made", status.snapshots_made)?;
        page.counter("snapshots_failed", "Snapshots that could not be made", status.snapshots_failed)?;
        page.seconds("snapshot_seconds", "How long the last snapshot took", status.snapshot_seconds)?;
        page.seconds("recovery_seconds", "How long the last recovery took", status.recovery_seconds)?;
        page.counter("recovery_records", "Records read by the last recovery", status.recovery_records)?;
        page.counter("recovery_frames", "Frames read by the last recovery", status.recovery_frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Raw};
    use crate::gate::lists::Lists;

    #[test]
    fn a_server_that_has_not_opened_shows_its_counts() {
        let config = Config::load(Raw::default(), |_| None, None).expect("defaults");
        let app = App::new(config, None, Lists::default(), [0; 16]);
        app.counts_of(0).response(hyper::StatusCode::OK);
        let text = exposition(&app);
        assert!(text.contains("landrush_http_responses_total{class=\"2xx\"} 1\n"), "{text}");
        assert!(text.contains("landrush_claims_total{outcome=\"won\"} 0\n"), "{text}");
        assert!(text.contains("landrush_claim_seconds_bucket{le=\"+Inf\"} 0\n"), "{text}");
        assert!(text.contains("landrush_ready 0\n"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn histograms_are_added_up_in_seconds() {
        let (one, two) = (Histogram::default(), Histogram::default());
        one.record(3);
        two.record(3);
        two.record(1_000_000);
        let summed = Summed::of([&one, &two].into_iter(), MICROSECONDS);
        assert_eq!(summed.count(), 3);
        assert!((summed.sum - 1.000_006).abs() < 1e-9);
        assert_eq!(summed.buckets[2], (3.0 / MICROSECONDS, 2));
    }
}
