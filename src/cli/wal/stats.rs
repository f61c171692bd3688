//! `landrush wal stats`: what is in the log, counted.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use landrush_engine::codec::decode_event;
use landrush_engine::event::Change;
use landrush_engine::time::Timestamp;
use landrush_wal::frame::FrameKind;

use super::{Failure, open, progress_bar, unreadable};
use crate::text;

#[derive(Default)]
struct Stats {
    frames: BTreeMap<&'static str, u64>,
    frame_bytes: u64,
    record_bytes: u64,
    records: BTreeMap<&'static str, u64>,
    /// Frames by the power of two that their number of records is below.
    frames_below: BTreeMap<u32, u64>,
    last_lsn: u64,
    epoch: u32,
    first_at: Option<Timestamp>,
    last_at: Option<Timestamp>,
}

pub(super) fn run(dir: &Path) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let reader = open(dir)?;
    let bytes: u64 = reader.segments().iter().map(|segment| segment.bytes).sum();
    let bar = progress_bar(bytes, "reading the log");
    let mut stats = Stats::default();
    let walked = reader.frames::<()>(reader.begins_after(), &mut |_, frame| {
        bar.inc(u64::from(frame.header.frame_bytes));
        stats.count(frame);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();

    writeln!(out, "segments       {}, {bytes} bytes with the room that is left", reader.segments().len())?;
    writeln!(out, "starts         {}", stats.epoch)?;
    writeln!(out, "records        after {} up to {}", reader.begins_after(), stats.last_lsn)?;
    for (kind, count) in &stats.records {
        writeln!(out, "  {kind:<12} {count}")?;
    }
    if let (Some(first), Some(last)) = (stats.first_at, stats.last_at) {
        writeln!(out, "from, to       {}, {}", text::rfc3339_string(first), text::rfc3339_string(last))?;
    }
    for (kind, count) in &stats.frames {
        writeln!(out, "{kind:<6} frames  {count}")?;
    }
    let records: u64 = stats.records.values().sum();
    if let Some(each) = stats.frame_bytes.checked_div(records) {
        writeln!(out, "bytes a record {each} on disk, {} of them its own", stats.record_bytes / records)?;
    }
    for (power, count) in &stats.frames_below {
        let (from, to) = ((1u64 << power) / 2, (1u64 << power) - 1);
        writeln!(out, "  frames of {from} to {to} records: {count}")?;
    }
    for snapshot in reader.snapshots().map_err(Failure::damaged)? {
        writeln!(
            out,
            "snapshot       {}, {} bytes, up to record {}",
            snapshot.name, snapshot.bytes, snapshot.last_lsn
        )?;
    }
    match walked {
        Ok(_) => Ok(()),
        // What can be counted has been.
        Err(error) => Err(unreadable(&error)),
    }
}

impl Stats {
    fn count(&mut self, frame: &landrush_wal::scan::Frame<'_>) {
        let header = &frame.header;
        let frame_kind = match header.kind {
            FrameKind::Batch => "batch",
            FrameKind::Seal => "seal",
            FrameKind::End => "end",
        };
        *self.frames.entry(frame_kind).or_default() += 1;
        self.frame_bytes += u64::from(header.frame_bytes);
        self.last_lsn = header.last_lsn().0;
        self.epoch = self.epoch.max(header.epoch);
        if header.kind == FrameKind::Batch {
            *self.frames_below.entry(u32::BITS - header.records.leading_zeros()).or_default() += 1;
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
}

/// What a change is called in the commands' output.
pub(super) fn kind(change: &Change<'_>) -> &'static str {
    match change {
        Change::Created { .. } => "created",
        Change::Patched { .. } => "patched",
        Change::Cancelled { .. } => "cancelled",
        Change::Archived => "archived",
        Change::Claimed { .. } => "claimed",
        Change::Voided { .. } => "voided",
    }
}
