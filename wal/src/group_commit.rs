//! Owns what waits to be written and what is being written: buffers that fill while at most two writes are in flight, and
//! completions, which may come in any order and are taken in order.

use std::collections::VecDeque;
use std::time::Duration;

use crate::buffer::{Buffer, Pool};
use crate::lsn::Lsn;
use crate::records::Records;

/// Writes of frames in flight at once. More were slower.
const WRITES_MAX: usize = 2;

/// Records on their way into frames. One append never spans two.
#[derive(Debug)]
pub(crate) struct Filling {
    pool: Pool,
    queue: VecDeque<Filled>,
    appended: Lsn,
    bytes: usize,
}

/// A buffer with the records of one frame.
#[derive(Debug)]
pub(crate) struct Filled {
    pub(crate) buffer: Buffer,
    pub(crate) records: u32,
}

impl Filling {
    pub(crate) fn new(frame_bytes_max: u32, last_lsn: Lsn) -> Self {
        Self { pool: Pool::new(frame_bytes_max), queue: VecDeque::new(), appended: last_lsn, bytes: 0 }
    }

    pub(crate) fn append(&mut self, records: &Records) -> Lsn {
        assert!(!records.is_empty(), "a batch has at least one record");
        let bytes = records.as_bytes();
        if self.queue.back().is_none_or(|back| back.buffer.payload_room() < bytes.len()) {
            let buffer = self.pool.take();
            assert!(bytes.len() <= buffer.payload_room(), "a batch fits in a frame");
            self.queue.push_back(Filled { buffer, records: 0 });
        }
        let back = self.queue.back_mut().expect("one was pushed");
        back.buffer.push(bytes);
        back.records += records.count();
        self.bytes += bytes.len();
        self.appended = self.appended.plus(u64::from(records.count()));
        self.appended
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes of records that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Records in the frame that goes next.
    pub(crate) fn front_records(&self) -> u32 {
        self.queue.front().map_or(0, |front| front.records)
    }

    /// Bytes on disk of the frame that goes next.
    pub(crate) fn front_bytes(&self, block_bytes: usize) -> Option<usize> {
        self.queue.front().map(|front| front.buffer.padded_bytes(block_bytes))
    }

    pub(crate) fn take_front(&mut self) -> Option<Filled> {
        let front = self.queue.pop_front()?;
        self.bytes -= front.buffer.payload_bytes();
        Some(front)
    }

    /// A buffer for a frame without records.
    pub(crate) fn spare(&mut self) -> Buffer {
        self.pool.take()
    }
}

/// Writes under way, oldest first.
#[derive(Debug)]
pub(crate) struct InFlight {
    writes: VecDeque<Flight>,
    next_ticket: u64,
    launched: Lsn,
    written: Lsn,
    synced: Lsn,
    /// A write beside which no other may be in flight.
    alone: bool,
}

#[derive(Debug)]
struct Flight {
    ticket: u64,
    /// `None` for a bare sync.
    committed: Option<Committed>,
    /// Records up to this are durable once it has landed.
    syncs: Option<Lsn>,
    started: Duration,
    place: (String, u64),
    landed: bool,
}

/// What one write carries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Committed {
    pub(crate) last_lsn: Lsn,
    pub(crate) records: u32,
    pub(crate) bytes: usize,
}

/// A write that has landed, and all before it.
#[derive(Debug)]
pub(crate) struct Landed {
    pub(crate) committed: Committed,
    pub(crate) waited: Duration,
}

impl InFlight {
    pub(crate) fn new(last_lsn: Lsn) -> Self {
        let writes = VecDeque::new();
        Self { writes, next_ticket: 0, launched: last_lsn, written: last_lsn, synced: last_lsn, alone: false }
    }

    /// Whether a frame with `records` may start now.
    pub(crate) fn admits(&self, records: u32, second_write_records_min: u32) -> bool {
        match self.writes.len() {
            0 => records > 0,
            count => !self.alone && count < WRITES_MAX && records >= second_write_records_min,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    pub(crate) fn launched(&self) -> Lsn {
        self.launched
    }

    pub(crate) fn written(&self) -> Lsn {
        self.written
    }

    pub(crate) fn synced(&self) -> Lsn {
        self.synced
    }

    /// Whether something is written and not synced, and nothing under way will sync it.
    pub(crate) fn wants_sync(&self) -> bool {
        self.written > self.synced && self.writes.iter().all(|flight| flight.syncs.is_none())
    }

    pub(crate) fn launch(
        &mut self,
        committed: Committed,
        sync: bool,
        alone: bool,
        now: Duration,
        (segment, offset): (&str, u64),
    ) -> u64 {
        assert!(!alone || self.writes.is_empty(), "a write that is to be alone is");
        assert!(committed.last_lsn >= self.launched, "frames are written in order");
        self.launched = committed.last_lsn;
        self.alone = alone;
        let place = (segment.to_owned(), offset);
        let syncs = sync.then_some(committed.last_lsn);
        self.add(Flight { ticket: 0, committed: Some(committed), syncs, started: now, place, landed: false })
    }

    /// A sync of what has been written so far.
    pub(crate) fn launch_sync(&mut self, now: Duration, (segment, offset): (&str, u64)) -> u64 {
        let (place, syncs) = ((segment.to_owned(), offset), Some(self.written));
        self.add(Flight { ticket: 0, committed: None, syncs, started: now, place, landed: false })
    }

    fn add(&mut self, flight: Flight) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.writes.push_back(Flight { ticket, ..flight });
        ticket
    }

    /// Notes that a write has landed, whatever is still under way before it.
    pub(crate) fn landed(&mut self, ticket: u64, filling: &mut Filling, buffer: Buffer) {
        let flight = self.writes.iter_mut().find(|flight| flight.ticket == ticket);
        flight.expect("what lands was launched").landed = true;
        filling.pool.give_back(buffer);
    }

    /// The oldest write, if it has landed: only a prefix of the writes may be acknowledged.
    pub(crate) fn next_landed(&mut self, now: Duration) -> Option<Landed> {
        loop {
            let flight = self.writes.pop_front_if(|oldest| oldest.landed)?;
            self.synced = self.synced.max(flight.syncs.unwrap_or(Lsn::ZERO));
            let Some(committed) = flight.committed else { continue };
            assert!(committed.last_lsn >= self.written, "positions only grow");
            self.written = committed.last_lsn;
            self.alone &= !self.writes.is_empty();
            return Some(Landed { committed, waited: now.saturating_sub(flight.started) });
        }
    }

    pub(crate) fn place_of(&self, ticket: u64) -> Option<(String, u64)> {
        self.writes.iter().find(|flight| flight.ticket == ticket).map(|flight| flight.place.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(last_lsn: u64) -> Committed {
        Committed { last_lsn: Lsn(last_lsn), records: 1, bytes: 512 }
    }

    #[test]
    fn what_lands_out_of_order_is_taken_in_order() {
        let mut filling = Filling::new(4096, Lsn::ZERO);
        let mut flights = InFlight::new(Lsn::ZERO);
        let first = flights.launch(batch(1), true, false, Duration::ZERO, ("a", 0));
        let second = flights.launch(batch(2), true, false, Duration::ZERO, ("a", 512));
        assert!(!flights.admits(1000, 1), "two are in flight");
        let buffer = filling.spare();
        flights.landed(second, &mut filling, buffer);
        assert!(flights.next_landed(Duration::ZERO).is_none());
        assert_eq!(flights.synced(), Lsn::ZERO);
        let buffer = filling.spare();
        flights.landed(first, &mut filling, buffer);
        assert_eq!(flights.next_landed(Duration::ZERO).expect("the first").committed.last_lsn, Lsn(1));
        assert_eq!(flights.next_landed(Duration::ZERO).expect("the second").committed.last_lsn, Lsn(2));
        assert_eq!(flights.synced(), Lsn(2));
    }

    #[test]
    fn a_second_write_needs_enough_records() {
        let mut flights = InFlight::new(Lsn::ZERO);
        assert!(flights.admits(1, 12));
        flights.launch(batch(1), true, false, Duration::ZERO, ("a", 0));
        assert!(!flights.admits(11, 12));
        assert!(flights.admits(12, 12));
    }
}
