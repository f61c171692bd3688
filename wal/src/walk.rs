//! Owns the way through all segments in order, and the judgement over the first bad frame: torn tail or damage. Recovery,
//! the read-only reader, repair and snapshots all read through here, so that they agree on what the log holds.

mod headers;

use std::collections::VecDeque;
use std::ops::ControlFlow;

use crate::damage::{Damage, DamageKind, Proof, ReadError};
use crate::frame::{FrameFault, FrameKind};
use crate::lsn::Lsn;
use crate::scan::{Frame, Place, Scan, look_into_blank};
use crate::segment::SegmentHeader;
use crate::storage::{Folder, Storage};

/// A segment that is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFile {
    /// Its file name.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its header.
    pub header: SegmentHeader,
}

/// All segments of a log, their headers checked against one another.
#[derive(Debug, Clone)]
pub(crate) struct Segments {
    pub(crate) used: Vec<SegmentFile>,
    /// The one that was made ahead and not begun.
    pub(crate) blank: Option<(u64, String)>,
}

/// What could be read of the headers.
pub(crate) struct Loaded {
    pub(crate) segments: Segments,
    pub(crate) fault: Option<ReadError>,
    /// Files from the fault on.
    pub(crate) rest: Vec<String>,
}

/// The end of a log that cannot be read, as a crash leaves it: nothing in it was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The segment it is in.
    pub segment: String,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// Its length in bytes.
    pub bytes_dropped: u64,
}

/// Where a walk came to.
#[derive(Debug, Clone)]
pub(crate) struct Walked {
    /// The last record read.
    pub(crate) last_lsn: Lsn,
    pub(crate) frames: u64,
    pub(crate) records: u64,
    pub(crate) torn_tail: Option<TornTail>,
    /// The end of what the last segment proves to be durable.
    pub(crate) proven: Place,
    /// What may or may not have been acknowledged: to be made durable before anything else.
    pub(crate) tail: Vec<FrameAt>,
    /// Segments that a later start left behind, and where they end.
    pub(crate) left_behind: Vec<(usize, Place)>,
}

/// A frame of the last segment, to be found again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameAt {
    pub(crate) before: Place,
    pub(crate) after: Place,
    pub(crate) kind: FrameKind,
}

impl Segments {
    pub(crate) fn bytes(&self) -> u64 {
        self.used.iter().map(|segment| segment.bytes).sum()
    }

    /// The first segment that has to be read for records after `after`.
    fn first_needed(&self, after: Lsn) -> usize {
        let past = |segment: &SegmentFile| segment.header.continues_from() > after;
        self.used.iter().position(past).unwrap_or(self.used.len()).saturating_sub(1)
    }

    /// Visits every frame that may hold records after `after`, in order, to the end or until `visit` breaks off.
    pub(crate) fn walk<S: Storage, B>(
        &self,
        storage: &S,
        after: Lsn,
        visit: &mut dyn FnMut(&SegmentFile, &Frame<'_>) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B, Walked>, ReadError> {
        let first = self.first_needed(after);
        let begins_after = self.used.first().map_or(Lsn::ZERO, |segment| segment.header.continues_from());
        if begins_after > after {
            return Err(ReadError::Gap { begins_after, wanted_after: after });
        }
        let mut walked = Walked {
            last_lsn: Lsn::ZERO,
            frames: 0,
            records: 0,
            torn_tail: None,
            proven: Place { offset: 0, next_lsn: Lsn(1), chain: crate::frame::Chain::default() },
            tail: Vec::new(),
            left_behind: Vec::new(),
        };
        for index in first..self.used.len() {
            let mut leg = Leg { segments: self, index, storage, walked: &mut walked };
            if let ControlFlow::Break(stopped) = leg.run(visit)? {
                return Ok(ControlFlow::Break(stopped));
            }
        }
        if walked.last_lsn < after {
            return Err(ReadError::Behind { last_lsn: walked.last_lsn, wanted_after: after });
        }
        Ok(ControlFlow::Continue(walked))
    }
}

/// The walk through one segment.
struct Leg<'a, S> {
    segments: &'a Segments,
    index: usize,
    storage: &'a S,
    walked: &'a mut Walked,
}

impl<S: Storage> Leg<'_, S> {
    fn run<B>(
        &mut self,
        visit: &mut dyn FnMut(&SegmentFile, &Frame<'_>) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, ReadError> {
        let segment = &self.segments.used[self.index];
        let successor = self.segments.used.get(self.index + 1);
        let io = || ReadError::io(&segment.name);
        let file = self.storage.open(Folder::Log, &segment.name).map_err(io())?;
        let mut scan = Scan::new(file, segment.header).map_err(io())?;
        let mut tail: VecDeque<FrameAt> = VecDeque::new();
        let mut proven = scan.place();
        let mut durable = segment.header.born_durable;
        let mut ended = false;
        loop {
            let before = scan.place();
            if successor.is_some_and(|next| continues(&next.header, &before)) {
                if !ended {
                    self.walked.left_behind.push((self.index, before));
                }
                return Ok(ControlFlow::Continue(()));
            }
            if ended {
                break;
            }
            let frame = match scan.next().map_err(io())? {
                Ok(frame) => frame,
                Err(fault) => {
                    self.judge(&mut scan, fault)?;
                    break;
                }
            };
            self.walked.frames += 1;
            self.walked.records += u64::from(frame.header.records);
            self.walked.last_lsn = frame.header.last_lsn();
            let frame_kind = frame.header.kind;
            ended = frame_kind == FrameKind::End;
            durable = durable.max(frame.header.known_durable);
            let flow = visit(segment, &frame);
            while let Some(proved) = tail.pop_front_if(|older| older.after.last_lsn() <= durable) {
                proven = proved.after;
            }
            let at = FrameAt { before, after: scan.place(), kind: frame_kind };
            // What a segment was put in place with is proven without a later frame.
            let born_with = frame_kind == FrameKind::Batch && at.after.last_lsn() <= segment.header.born_durable;
            if born_with {
                proven = at.after;
            } else {
                tail.push_back(at);
            }
            if flow.is_break() {
                return Ok(flow);
            }
        }
        if let Some(next) = successor {
            return Err(damage(&next.name, 0, DamageKind::Predecessor));
        }
        if ended && self.segments.blank.is_none() {
            let number = segment.header.number + 1;
            return Err(damage(&segment.name, scan.place().offset, DamageKind::Missing { number }));
        }
        if ended {
            // The successor's header was torn off, and its first frame with it.
            let bytes_dropped = self.look_into_blank(&scan.place(), FrameFault::Unwritten)?;
            let blank = self.segments.blank.as_ref().filter(|_| bytes_dropped > 0);
            self.walked.torn_tail = blank.map(|(_, name)| TornTail { segment: name.clone(), offset: 0, bytes_dropped });
        }
        self.walked.last_lsn = scan.place().last_lsn();
        self.walked.proven = proven;
        self.walked.tail = tail.into();
        Ok(ControlFlow::Continue(()))
    }

    /// Damage, unless everything speaks for a torn tail, which is noted.
    fn judge(&mut self, scan: &mut Scan<S::File>, fault: FrameFault) -> Result<(), ReadError> {
        let segment = &self.segments.used[self.index];
        let place = scan.place();
        let damaged = |proof| Err(damage(&segment.name, place.offset, DamageKind::Frame { fault, proof }));
        if let FrameFault::Version { found } = fault {
            return Err(ReadError::Version { segment: segment.name.clone(), found: u32::from(found) });
        }
        if let Some(next) = self.segments.used.get(self.index + 1) {
            let from = next.header.continues_from();
            return damaged(Proof::LaterSegment { number: next.header.number, from });
        }
        if place.last_lsn() < segment.header.born_durable {
            return damaged(Proof::Birth { upto: segment.header.born_durable });
        }
        let beyond = scan.look_ahead().map_err(ReadError::io(&segment.name))?;
        if let Some(offset) = beyond.proof {
            return damaged(Proof::LaterFrame { segment: segment.name.clone(), offset });
        }
        self.look_into_blank(&place, fault)?;
        let bytes_dropped = beyond.written_end.saturating_sub(place.offset);
        let segment = segment.name.clone();
        self.walked.torn_tail =
            (bytes_dropped > 0).then_some(TornTail { segment, offset: place.offset, bytes_dropped });
        Ok(())
    }

    /// Looks for a proof in the segment made ahead, and gives how far that one is written.
    fn look_into_blank(&self, place: &Place, fault: FrameFault) -> Result<u64, ReadError> {
        let Some((_, name)) = &self.segments.blank else { return Ok(0) };
        let segment = &self.segments.used[self.index];
        let file = self.storage.open(Folder::Log, name).map_err(ReadError::io(name))?;
        let beyond = look_into_blank(file, place.next_lsn, segment.header.epoch).map_err(ReadError::io(name))?;
        match beyond.proof {
            None => Ok(beyond.written_end),
            // After an end frame nothing can follow here, so it is the blank header that is wrong.
            Some(_) if fault == FrameFault::Unwritten => Err(damage(name, 0, DamageKind::HeaderBlank)),
            Some(offset) => {
                let proof = Proof::LaterFrame { segment: name.clone(), offset };
                Err(damage(&segment.name, place.offset, DamageKind::Frame { fault, proof }))
            }
        }
    }
}

fn continues(next: &SegmentHeader, place: &Place) -> bool {
    next.first_lsn == place.next_lsn && next.chain == place.chain
}

pub(crate) fn damage(segment: &str, offset: u64, what: DamageKind) -> ReadError {
    ReadError::Damaged(Damage { segment: segment.to_owned(), offset, what })
}
