//! Owns which frame goes where: in order, padded to blocks, and around a change of segments one at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Active, SegmentLog};
use crate::frame::{FrameHeader, FrameKind};
use crate::group_commit::{Committed, Filled};
use crate::options::Durability;
use crate::segment::{Origin, SegmentHeader};
use crate::storage::{Device, Storage, Write};
use crate::width;

impl<S: Storage> SegmentLog<S> {
    /// Starts what may start: frames in order, and around a change of segments one at a time.
    pub(super) fn launch(&mut self) {
        while self.in_flight.admits(self.filling.front_records(), self.options.second_write_records_min) {
            let Some(bytes) = self.filling.front_bytes(self.block_bytes()) else { return };
            if self.active.fits(bytes + self.block_bytes()) {
                self.launch_batch();
            } else if !self.in_flight.is_empty() || !self.turn_over() {
                return;
            }
        }
    }

    /// One step from the full segment to the next; `false` if it has to be waited for.
    fn turn_over(&mut self) -> bool {
        if !self.active.ended {
            // An end frame promises a successor, so that one has to be there first.
            if self.handover.is_ready() {
                self.launch_empty(FrameKind::End);
                self.active.ended = true;
            }
            return false;
        }
        let Some(next) = self.handover.take() else { return false };
        let header = SegmentHeader {
            origin: Origin::Rotation,
            instance: self.instance,
            number: next.number,
            predecessor: self.active.header.number,
            salt: self.salts.of(next.number),
            first_lsn: self.in_flight.written().plus(1),
            born_durable: self.in_flight.written(),
            chain: self.active.chain,
            epoch: self.epoch,
            frames_start: self.device.access().block_bytes,
        };
        assert_eq!(next.number, header.predecessor + 1, "segments are used in order");
        self.roll.begin(&next.name, next.bytes, header);
        self.status.counters().segments.fetch_add(1, Ordering::Relaxed);
        self.active = Active {
            name: next.name,
            file: next.file,
            header,
            offset: u64::from(header.frames_start),
            bytes: next.bytes,
            chain: header.chain,
            header_waits: true,
            ended: false,
        };
        true
    }

    fn launch_batch(&mut self) {
        let Some(filled) = self.filling.take_front() else { return };
        let alone = self.active.header_waits;
        self.launch_frame(FrameKind::Batch, filled, alone);
    }

    pub(super) fn launch_empty(&mut self, kind: FrameKind) {
        assert!(self.in_flight.is_empty(), "a frame without records is never in flight beside another");
        let buffer = self.filling.spare();
        self.launch_frame(kind, Filled { buffer, records: 0 }, true);
    }

    fn launch_frame(&mut self, kind: FrameKind, filled: Filled, alone: bool) {
        let Filled { mut buffer, records } = filled;
        let block_bytes = self.block_bytes();
        let first_lsn = self.in_flight.launched().plus(1);
        let header = FrameHeader {
            kind,
            payload_bytes: width::in_frame(buffer.payload_bytes()),
            records,
            first_lsn,
            salt: self.active.header.salt,
            known_durable: self.in_flight.synced(),
            epoch: self.epoch,
            chain: self.active.chain,
            frame_bytes: width::in_frame(buffer.padded_bytes(block_bytes)),
        };
        let chain = header.seal(buffer.padded_frame(block_bytes));
        let mut range = buffer.frame_range(block_bytes);
        let mut offset = self.active.offset;
        if self.active.header_waits {
            range = buffer.prepend(&self.active.header.encode(), block_bytes);
            offset = 0;
            self.active.header_waits = false;
        }
        let committed = Committed { last_lsn: header.last_lsn(), records, bytes: range.len() };
        let sync = alone || self.options.durability == Durability::Sync;
        let ticket =
            self.in_flight.launch(committed, sync, alone, self.options.clock.now(), (&self.active.name, offset));
        self.active.offset += u64::from(header.frame_bytes);
        self.active.chain = chain;
        let file = Arc::clone(&self.active.file);
        // Left out in one build, whose tests have to notice.
        let sync = sync && !cfg!(sabotage = "sync");
        self.device.submit(Write { ticket, file, offset, buffer, range, sync });
    }
}

impl<F> Active<F> {
    pub(super) fn fits(&self, bytes: usize) -> bool {
        !self.ended && self.offset + width::in_file(bytes) <= self.bytes
    }
}
