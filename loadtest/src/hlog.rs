//! Latencies as interval logs, so that the standard tools of HdrHistogram can read them: an entry for each load and outcome, tagged
//! by both (`top-won`, `phase-2-sold_out`), values in nanoseconds.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow};
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::recorder::Recorder;

/// Maxima are written in milliseconds beside each entry.
const NANOSECONDS_PER_MS: f64 = 1e6;

/// The version of the format, in which entries have tags; the writer leaves it to its caller.
const VERSION: &str = "[Histogram log format version 1.3]";

/// The latencies of one load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interval<'a> {
    /// The load, as the first part of the tags.
    pub(crate) name: &'a str,
    /// When it began, after the beginning of the first.
    pub(crate) start: Duration,
    /// How long it took.
    pub(crate) length: Duration,
    pub(crate) recorder: &'a Recorder,
}

/// Writes the log of `intervals`, the first of which began at `began`, to `file`.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(file: &Path, began: SystemTime, intervals: &[Interval<'_>]) -> Result<()> {
    fs::write(file, encode(began, intervals)?).with_context(|| format!("cannot write {}", file.display()))
}

fn encode(began: SystemTime, intervals: &[Interval<'_>]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment(VERSION)
        .with_start_time(began)
        .with_max_value_divisor(NANOSECONDS_PER_MS)
        .begin_log_with(&mut bytes, &mut serializer)?;
    for Interval { name, start, length, recorder } in intervals {
        for (outcome, latencies) in recorder.outcomes() {
            let tag = format!("{name}-{outcome}");
            let tag = Tag::new(&tag).context("an outcome's name is a tag")?;
            log.write_histogram(latencies.histogram(), *start, *length, Some(tag))
                .map_err(|error| anyhow!("an interval log: {error:?}"))?;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;

    #[test]
    fn what_is_written_is_read_back_by_tag() {
        let (mut top, mut half) = (Recorder::new(), Recorder::new());
        for milliseconds in 1..=100 {
            top.record("won", Duration::from_millis(milliseconds));
        }
        half.record("won", Duration::from_millis(7));
        half.record("refused", Duration::from_millis(9));
        let length = Duration::from_secs(2);
        let load = |name, start, recorder| Interval { name, start, length, recorder };
        let began = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);
        let intervals = [load("top", Duration::ZERO, &top), load("half", length, &half)];
        let bytes = encode(began, &intervals).expect("encoded");
        let head = "#[Histogram log format version 1.3]\n#[StartTime: 1.500 (seconds since epoch)]\n";
        assert!(bytes.starts_with(head.as_bytes()), "{}", String::from_utf8_lossy(&bytes));
        let mut found = Vec::new();
        for entry in IntervalLogIterator::new(&bytes) {
            let LogEntry::Interval(interval) = entry.expect("well formed") else { continue };
            let tag = interval.tag().expect("tagged").as_str().to_owned();
            let histogram = base64(interval.encoded_histogram());
            let histogram: Histogram<u64> =
                Deserializer::new().deserialize(&mut histogram.as_slice()).expect("a histogram");
            let median_ms = histogram.value_at_quantile(0.5) / 1_000_000;
            found.push((tag, histogram.len(), median_ms));
        }
        let expected = [("top-won", 100, 50), ("half-won", 1, 7), ("half-refused", 1, 9)];
        assert_eq!(found, expected.map(|(tag, count, median)| (tag.to_owned(), count, median)));
    }

    /// The bytes of a text in base 64.
    fn base64(text: &str) -> Vec<u8> {
        let value = |symbol: u8| match symbol {
            b'A'..=b'Z' => u32::from(symbol - b'A'),
            b'a'..=b'z' => u32::from(symbol - b'a') + 26,
            b'0'..=b'9' => u32::from(symbol - b'0') + 52,
            b'+' => 62,
            _ => 63,
        };
        let mut bytes = Vec::new();
        let (mut held, mut bits) = (0_u32, 0);
        for symbol in text.trim_end_matches('=').bytes() {
            held = held << 6 | value(symbol);
            bits += 6;
            if bits >= 8 {
                bits -= 8;
                bytes.push(u8::try_from(held >> bits & 255).expect("a byte"));
            }
            held &= (1 << bits) - 1;
        }
        bytes
    }
}
