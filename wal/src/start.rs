//! Owns the start of a log: what was read last may not be on disk for certain, so it is written anew, synced, and only then
//! is anything served. Every step leaves a directory from which the next start reads the same records.
//!
//! 1. A new segment is made under a temporary name: header, the accepted tail, zeros; synced, renamed, the folder synced.
//! 2. The segment it continues ends where the new one's header says. An end frame is put there, and the rest cut off.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::damage::ReadError;
use crate::frame::{FRAME_HEADER_BYTES, FrameHeader, FrameKind, SECTOR_BYTES};
use crate::group_commit::{Filling, InFlight};
use crate::lsn::Lsn;
use crate::options::RESERVE_FRAMES;
use crate::prepare::{Handover, Preparer, fill_zeros};
use crate::recovery::{RecoverError, Tenure};
use crate::scan::{Place, Scan};
use crate::segment::{Origin, SegmentHeader, file_name, temporary_name};
use crate::snapshot;
use crate::status::LogStatus;
use crate::storage::{Device, Folder, Storage, StorageFile};
use crate::store::{Roll, Store};
use crate::walk::{SegmentFile, Walked};
use crate::width;
use crate::writer::{Active, Seals, SegmentLog};

/// A running log and its helpers.
pub struct Started<S: Storage> {
    /// For the thread that writes.
    pub log: SegmentLog<S>,
    /// For all other threads.
    pub store: Store<S>,
    /// Makes segments ahead; needs a thread, or to be stepped.
    pub preparer: Preparer<S>,
}

/// Why a log did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It cannot be written.
    #[error("cannot write {file}: {source}")]
    Write {
        /// The file or folder.
        file: String,
        /// What the operating system said.
        source: io::Error,
    },
}

impl<S: Storage> Tenure<S> {
    /// Makes everything that was replayed durable in a new segment, and starts the log after it. Replays first, without a
    /// visitor, if [`Tenure::replay`] has not been called.
    ///
    /// # Errors
    /// What keeps the log from being read or written. The next start reads the same records.
    pub fn start(mut self) -> Result<Started<S>, StartError> {
        let walked = match self.walked.take() {
            Some(walked) => walked,
            None => self.replay_all()?,
        };
        let device = self.storage.device(self.options.durability).map_err(write(Folder::Log.name()))?;
        self.sweep(&walked)?;
        let block_bytes = device.access().block_bytes;
        let header = self.next_header(&walked, block_bytes);
        let built = self.build(&header, &walked)?;
        self.settle(&header, &walked)?;

        let name = file_name(header.number);
        let file = self.storage.open_frames(&name, device.access()).map_err(write(&name))?;
        let mut segments = self.segments.used;
        segments.retain(|segment| segment.header.number < header.number);
        segments.push(SegmentFile { name: name.clone(), bytes: built.segment_bytes, header });
        let roll = Arc::new(Roll::new(segments));
        let handover = Arc::new(Handover::new(header.number + 1));
        let status = Arc::new(LogStatus::default());
        status.publish_synced(walked.last_lsn);
        status.publish_durable(walked.last_lsn);
        status.set_room(false);
        let lock = Arc::new(self.lock);
        let preparer = Preparer {
            storage: self.storage.clone(),
            handover: Arc::clone(&handover),
            segment_bytes: self.options.segment_bytes,
            access: device.access(),
            waker: device.waker(),
        };
        let store = Store {
            storage: self.storage,
            instance: self.instance,
            roll: Arc::clone(&roll),
            status: Arc::clone(&status),
            handover: Arc::clone(&handover),
            lock: Arc::clone(&lock),
        };
        let log = SegmentLog {
            instance: self.instance,
            epoch: self.epoch,
            salts: self.salts,
            handover,
            roll,
            status,
            active: Active {
                name,
                file: Arc::new(file),
                header,
                offset: built.end.offset,
                bytes: built.segment_bytes,
                chain: built.end.chain,
                header_waits: false,
                ended: false,
            },
            filling: Filling::new(self.options.frame_bytes_max, walked.last_lsn),
            in_flight: InFlight::new(walked.last_lsn),
            seals: Seals { idle_since: None, last: None, sealed: walked.last_lsn, last_sync: Duration::ZERO },
            poisoned: None,
            closed: false,
            _lock: lock,
            device,
            options: self.options,
        };
        log.publish_room();
        Ok(Started { log, store, preparer })
    }

    fn replay_all(&mut self) -> Result<Walked, ReadError> {
        let after = self.segments.used.first().map_or(Lsn::ZERO, |segment| segment.header.continues_from());
        self.replay::<Infallible>(after, &mut |_, _| Ok(()), &mut |_| {}).map_err(|error| match error {
            RecoverError::Read(error) => error,
            RecoverError::Visit(never) => match never {},
        })?;
        Ok(self.walked.take().expect("the replay has just left it"))
    }

    /// Removes what earlier processes did not finish.
    fn sweep(&self, walked: &Walked) -> Result<(), StartError> {
        let mut doomed = Vec::new();
        for (folder, is_left_over) in
            [(Folder::Log, is_temporary_segment as fn(&str) -> bool), (Folder::Snapshots, snapshot::is_temporary)]
        {
            let entries = self.storage.list(folder).map_err(write(folder.name()))?;
            doomed.extend(
                entries.into_iter().filter(|entry| is_left_over(&entry.name)).map(|entry| (folder, entry.name)),
            );
        }
        // The segment made ahead will be made anew: its room may be needed now. Where an end frame promises it, it stays
        // until it is replaced.
        let promised = walked.tail.last().is_some_and(|last| last.kind == FrameKind::End);
        doomed.extend(self.segments.blank.iter().filter(|_| !promised).map(|(_, name)| (Folder::Log, name.clone())));
        for (folder, name) in doomed {
            self.storage.remove(folder, &name).map_err(write(&name))?;
        }
        Ok(())
    }

    fn next_header(&self, walked: &Walked, block_bytes: u32) -> SegmentHeader {
        let last = self.segments.used.last().map(|segment| segment.header);
        let number = match last {
            None => 1,
            // Not even its header is certain to be on disk: the new one takes its place.
            Some(last) if self.is_replaced(walked) => last.number,
            Some(last) => last.number + 1,
        };
        SegmentHeader {
            origin: if last.is_none() { Origin::First } else { Origin::Start },
            instance: self.instance,
            number,
            predecessor: number - 1,
            salt: self.salts.of(number),
            first_lsn: walked.proven.next_lsn,
            born_durable: walked.last_lsn,
            chain: walked.proven.chain,
            epoch: self.epoch,
            frames_start: block_bytes,
        }
    }

    fn is_replaced(&self, walked: &Walked) -> bool {
        self.segments.used.last().is_some_and(|last| {
            last.header.origin == Origin::Rotation && walked.proven.offset == u64::from(last.header.frames_start)
        })
    }

    /// Puts the new segment in place, with the accepted tail.
    fn build(&self, header: &SegmentHeader, walked: &Walked) -> Result<Built, StartError> {
        let name = temporary_name(header.number);
        let error = || write(&name);
        let file = self.storage.create(Folder::Log, &name).map_err(error())?;
        file.write_at(&header.encode(), 0).map_err(error())?;
        let mut end = Place { offset: u64::from(header.frames_start), next_lsn: header.first_lsn, chain: header.chain };
        self.copy_tail(&file, header, walked, &mut end)?;
        assert_eq!(end.last_lsn(), walked.last_lsn, "the new segment ends where the old one did");

        let room = u64::from(self.options.frame_bytes_max) * RESERVE_FRAMES;
        let wanted = (end.offset + room).next_multiple_of(room).max(self.options.segment_bytes);
        let filled = fill_zeros(&file, end.offset, wanted, &mut || true);
        let segment_bytes = match filled {
            Ok(_) => wanted,
            // Enough to serve reads; records are refused until the next segment could be made.
            Err(full) if full.kind() == io::ErrorKind::StorageFull => {
                let least = end.offset + 2 * u64::from(header.frames_start);
                file.set_len(least).map_err(error())?;
                least
            }
            Err(other) => return Err(error()(other)),
        };
        file.sync().map_err(error())?;
        drop(file);
        self.storage.rename(Folder::Log, &name, &file_name(header.number)).map_err(error())?;
        self.storage.sync_folder(Folder::Log).map_err(error())?;
        Ok(Built { end, segment_bytes })
    }

    fn copy_tail(
        &self,
        file: &S::File,
        header: &SegmentHeader,
        walked: &Walked,
        end: &mut Place,
    ) -> Result<(), StartError> {
        let Some(last) = self.segments.used.last() else { return Ok(()) };
        let source = self.storage.open(Folder::Log, &last.name).map_err(ReadError::io(&last.name))?;
        let mut scan = Scan::new(source, last.header).map_err(ReadError::io(&last.name))?;
        for at in walked.tail.iter().filter(|at| at.kind == FrameKind::Batch) {
            scan.seek(at.before);
            let frame = scan
                .next()
                .map_err(ReadError::io(&last.name))?
                .map_err(|fault| unstable(&last.name, at.before, fault))?;
            *end = write_frame(file, header, *end, frame.header.records, frame.records.payload())
                .map_err(write(&temporary_name(header.number)))?;
        }
        Ok(())
    }

    /// Ends the segments that starts left behind where their successors say.
    fn settle(&self, header: &SegmentHeader, walked: &Walked) -> Result<(), StartError> {
        let last = self.segments.used.len().checked_sub(1).filter(|_| !self.is_replaced(walked));
        let ends = walked.left_behind.iter().copied().chain(last.map(|last| (last, walked.proven)));
        for (index, place) in ends {
            let segment = &self.segments.used[index];
            assert!(segment.header.number < header.number, "the new segment is not touched");
            let file = self.storage.open(Folder::Log, &segment.name).map_err(write(&segment.name))?;
            end_at(&file, &segment.header, place).map_err(write(&segment.name))?;
        }
        Ok(())
    }
}

struct Built {
    end: Place,
    segment_bytes: u64,
}

/// Writes records at `place` as a frame of the segment, and gives the place after it.
pub(crate) fn write_frame(
    file: &impl StorageFile,
    segment: &SegmentHeader,
    place: Place,
    records: u32,
    payload: &[u8],
) -> io::Result<Place> {
    let mut frame = vec![0; FRAME_HEADER_BYTES];
    frame.extend_from_slice(payload);
    frame.resize(frame.len().next_multiple_of(width::in_memory(u64::from(segment.frames_start))), 0);
    let header = FrameHeader {
        kind: FrameKind::Batch,
        payload_bytes: width::in_frame(payload.len()),
        records,
        known_durable: segment.continues_from(),
        frame_bytes: width::in_frame(frame.len()),
        ..blank_frame(segment, place)
    };
    let chain = header.seal(&mut frame);
    file.write_at(&frame, place.offset)?;
    Ok(Place { offset: place.offset + width::in_file(frame.len()), next_lsn: header.next_lsn(), chain })
}

/// Puts an end frame at `place`, unless it is there, and cuts off what follows. A crash in between does no harm: the next
/// segment's header says already that this one ends here.
pub(crate) fn end_at(file: &impl StorageFile, segment: &SegmentHeader, place: Place) -> io::Result<()> {
    let mut frame = vec![0; SECTOR_BYTES];
    let header = FrameHeader { kind: FrameKind::End, ..blank_frame(segment, place) };
    header.seal(&mut frame);
    let end = place.offset + width::in_file(frame.len());
    let mut there = vec![0; SECTOR_BYTES];
    crate::storage::read_full(file, &mut there, place.offset)?;
    if there != frame {
        file.write_at(&frame, place.offset)?;
    } else if file.len()? == end {
        return Ok(());
    }
    file.set_len(end)?;
    file.sync()
}

fn blank_frame(segment: &SegmentHeader, place: Place) -> FrameHeader {
    FrameHeader {
        kind: FrameKind::Seal,
        payload_bytes: 0,
        records: 0,
        first_lsn: place.next_lsn,
        salt: segment.salt,
        known_durable: place.last_lsn(),
        epoch: segment.epoch,
        chain: place.chain,
        frame_bytes: width::in_frame(SECTOR_BYTES),
    }
}

fn is_temporary_segment(name: &str) -> bool {
    name.ends_with(".log.new")
}

fn write(file: &str) -> impl FnOnce(io::Error) -> StartError + '_ {
    move |source| StartError::Write { file: file.to_owned(), source }
}

/// What was read a moment ago reads differently now.
fn unstable(segment: &str, place: Place, fault: crate::frame::FrameFault) -> ReadError {
    use crate::damage::{DamageKind, Proof};
    let proof = Proof::LaterFrame { segment: segment.to_owned(), offset: place.offset };
    crate::walk::damage(segment, place.offset, DamageKind::Frame { fault, proof })
}
