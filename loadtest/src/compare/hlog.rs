//! Latencies as interval logs, so that the standard tools of HdrHistogram can read them: one file for each contender and number of
//! connections, an entry for each load and outcome, tagged `top-won`, `half-won` and so on, values in nanoseconds.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::compare::line::Line;

/// Maxima are written in milliseconds beside each entry.
const NANOSECONDS_PER_MS: f64 = 1e6;

/// Writes the log of `line`, whose loads took `length` each in every round, into `folder`.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(line: &Line, length: Duration, folder: &Path) -> Result<()> {
    let file = folder.join(format!("{}-{}.hlog", line.contender.name(), line.group));
    fs::write(&file, encode(line, length)?).with_context(|| format!("cannot write {}", file.display()))
}

fn encode(line: &Line, length: Duration) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        .with_max_value_divisor(NANOSECONDS_PER_MS)
        .begin_log_with(&mut bytes, &mut serializer)?;
    let whole = length * u32::try_from(line.rounds.len())?;
    for (place, (load, recorder)) in (0_u32..).zip([("top", &line.top), ("half", &line.half)]) {
        for (outcome, latencies) in recorder.outcomes() {
            let tag = format!("{load}-{outcome}");
            let tag = Tag::new(&tag).context("an outcome's name is a tag")?;
            log.write_histogram(latencies.histogram(), whole * place, whole, Some(tag))
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
    use crate::compare::contender::Contender;

    #[test]
    fn what_is_written_is_read_back_by_tag() {
        let mut line = Line::new(Contender::Landrush, 64, 64);
        for milliseconds in 1..=100 {
            line.top.record("won", Duration::from_millis(milliseconds));
        }
        line.half.record("won", Duration::from_millis(7));
        line.half.record("refused", Duration::from_millis(9));
        let bytes = encode(&line, Duration::from_secs(2)).expect("encoded");
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
