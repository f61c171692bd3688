//! `landrush wal stats`: what is in the log, counted.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use landrush_engine::codec::decode_event;
use landrush_engine::time::Timestamp;
use landrush_wal::frame::FrameKind;
use landrush_wal::reader::End;
use landrush_wal::scan::Frame;

use super::event_json::kind;
use super::reading::{Log, steadily};
use super::{Failure, counted};
use crate::text;

#[derive(Default)]
struct Stats {
    frames: BTreeMap<&'static str, u64>,
    frame_bytes: u64,
    record_bytes: u64,
    records: BTreeMap<&'static str, u64>,
    /// Batches by the power of two that their number of records is below.
    batches_below: BTreeMap<u32, u64>,
    last_lsn: u64,
    epochs: Option<(u32, u32)>,
    first_at: Option<Timestamp>,
    last_at: Option<Timestamp>,
}

pub(super) fn run(dir: &Path) -> Result<(), Failure> {
    let (log, stats, ended) = steadily(|| {
        let log = Log::open(dir)?;
        let mut stats = Stats::default();
        let begins_after = log.reader.begins_after();
        let ended = log.frames(begins_after, "reading the log", &mut |_, frame| {
            stats.count(frame);
            Ok::<_, Failure>(ControlFlow::Continue(()))
        });
        match ended {
            Err(failure) if failure.may_pass() => Err(failure),
            // What can be counted has been, and is shown before it is said what is wrong.
            ended => Ok((log, stats, ended)),
        }
    })?;
    let mut out = std::io::stdout().lock();
    stats.print(&log, &mut out)?;
    for snapshot in &log.snapshots {
        writeln!(
            out,
            "snapshot        {}, {} bytes, up to record {}",
            snapshot.name, snapshot.bytes, snapshot.last_lsn
        )?;
    }
    if let Some(End { torn_tail: Some(tail), .. }) = ended? {
        writeln!(out, "torn tail       {} bytes in {} from offset {}", tail.bytes_dropped, tail.segment, tail.offset)?;
    }
    Ok(())
}

impl Stats {
    fn count(&mut self, frame: &Frame<'_>) {
        let header = &frame.header;
        let frame_kind = match header.kind {
            FrameKind::Batch => "batch",
            FrameKind::Seal => "seal",
            FrameKind::End => "end",
        };
        *self.frames.entry(frame_kind).or_default() += 1;
        self.frame_bytes += u64::from(header.frame_bytes);
        self.last_lsn = header.last_lsn().0;
        let (first, last) = self.epochs.unwrap_or((header.epoch, header.epoch));
        self.epochs = Some((first.min(header.epoch), last.max(header.epoch)));
        if header.kind == FrameKind::Batch {
            *self.batches_below.entry(u32::BITS - header.records.leading_zeros()).or_default() += 1;
        }
        for record in frame.records.clone() {
            self.record_bytes += record.len() as u64;
            let record_kind = match decode_event(record) {
                Ok(event) => {
                    self.first_at.get_or_insert(event.at);
                    self.last_at = Some(event.at);
                    kind(&event.change)
                }
                Err(_) => "undecodable",
            };
            *self.records.entry(record_kind).or_default() += 1;
        }
    }

    fn print(&self, log: &Log, out: &mut impl Write) -> Result<(), Failure> {
        let segments = log.reader.segments();
        writeln!(
            out,
            "segments        {}, {} bytes, {} of them frames",
            segments.len(),
            log.bytes(),
            self.frame_bytes
        )?;
        if let Some((first, last)) = self.epochs {
            writeln!(out, "epochs          {first} to {last}: one a start of the server")?;
        }
        let begins_after = log.reader.begins_after().0;
        let records: u64 = self.records.values().sum();
        if records == 0 {
            writeln!(out, "records         none after {begins_after}")?;
        } else {
            writeln!(out, "records         {records}, from {} to {}", begins_after + 1, self.last_lsn)?;
        }
        for (kind, count) in &self.records {
            writeln!(out, "  {kind:<13} {count}")?;
        }
        if let (Some(first), Some(last)) = (self.first_at, self.last_at) {
            writeln!(out, "time            {} to {}", text::rfc3339_string(first), text::rfc3339_string(last))?;
        }
        if let Some(each) = self.record_bytes.checked_div(records) {
            writeln!(out, "bytes a record  {each}, {} on disk", self.frame_bytes / records)?;
        }
        writeln!(out, "frames          {}", self.frames.values().sum::<u64>())?;
        for (kind, count) in &self.frames {
            writeln!(out, "  {kind:<13} {count}")?;
        }
        if !self.batches_below.is_empty() {
            writeln!(out, "records a batch")?;
        }
        for (power, count) in &self.batches_below {
            let (from, to) = ((1u64 << power) / 2, (1u64 << power) - 1);
            let range = if from == to { from.to_string() } else { format!("{from} to {to}") };
            writeln!(out, "  {range:<13} {}", counted(*count, "frame"))?;
        }
        Ok(())
    }
}
