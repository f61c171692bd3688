//! Owns giving up the end of a damaged log: everything after a record that its owner names is dropped, so that the next start
//! is sound. What is dropped is set aside under another name, not destroyed.

use std::io;
use std::ops::ControlFlow;

use thiserror::Error;

use crate::damage::ReadError;
use crate::lsn::Lsn;
use crate::records::Records;
use crate::scan::{Place, last_lsn_in};
use crate::segment::{Origin, SegmentHeader, file_name, number_of, temporary_name};
use crate::snapshot;
use crate::start::{end_at, write_frame};
use crate::storage::{Folder, Storage, StorageFile, read_full};
use crate::walk::{Loaded, SegmentFile, Segments};
use crate::width;
use crate::writer::Salts;

/// Bytes copied at once.
const COPY_BYTES: usize = 1 << 20;

/// What a repair will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The last record that is kept.
    pub keep: Lsn,
    /// The highest position that any readable frame holds: at most `last_seen - keep` readable records are lost.
    pub last_seen: Lsn,
    /// The segment that is cut.
    pub cut_segment: String,
    /// Where it is cut, in bytes.
    pub cut_offset: u64,
    /// Segments that are set aside whole.
    pub segments_set_aside: Vec<String>,
    /// Snapshots that hold dropped records, set aside.
    pub snapshots_set_aside: Vec<String>,
    cut: Cut,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Cut {
    segment: SegmentFile,
    place: Place,
    /// Kept records of a frame that is cut through.
    kept: Records,
    epoch: u32,
}

/// Why a log cannot be repaired so.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RepairError {
    /// Another process has the directory.
    #[error("{directory} is in use by another process")]
    Locked {
        /// The directory.
        directory: String,
    },
    /// The records to keep cannot be read.
    #[error("the log is readable up to record {readable} only, before record {keep}")]
    Unreadable {
        /// The last readable record.
        readable: Lsn,
        /// The last record that was to be kept.
        keep: Lsn,
    },
    /// No segment is left to cut.
    #[error("the log has no readable segment")]
    Empty,
    /// It is not what was planned any more.
    #[error("the log has changed since the repair was planned")]
    Changed,
    /// The files cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The files cannot be changed.
    #[error("cannot change {file}: {source}")]
    Write {
        /// The file or folder.
        file: String,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Works out what dropping everything after `keep` means. Changes nothing.
///
/// # Errors
/// If the records up to `keep` cannot be read.
pub fn plan<S: Storage>(storage: &S, keep: Lsn) -> Result<Plan, RepairError> {
    let Loaded { segments, rest, .. } = Segments::load_sound(storage)?;
    let cut = find_cut(storage, &segments, keep)?;
    let later = segments.used.iter().filter(|segment| segment.header.number > cut.segment.header.number);
    let mut aside: Vec<_> = later.map(|segment| segment.name.clone()).collect();
    aside.extend(segments.blank.iter().map(|(_, name)| name.clone()));
    aside.extend(rest);
    let mut last_seen = keep;
    for name in aside.iter().chain([&cut.segment.name]) {
        let file = storage.open(Folder::Log, name).map_err(ReadError::io(name))?;
        last_seen = last_seen.max(last_lsn_in(file).map_err(ReadError::io(name))?);
    }
    let snapshots = snapshot::list(storage).map_err(ReadError::io(Folder::Snapshots.name()))?;
    let snapshots = snapshots.into_iter().filter(|info| info.last_lsn > keep).map(|info| info.name).collect();
    Ok(Plan {
        keep,
        last_seen,
        cut_segment: cut.segment.name.clone(),
        cut_offset: cut.place.offset,
        segments_set_aside: aside,
        snapshots_set_aside: snapshots,
        cut,
    })
}

fn find_cut<S: Storage>(storage: &S, segments: &Segments, keep: Lsn) -> Result<Cut, RepairError> {
    let first = segments.used.first().ok_or(RepairError::Empty)?;
    let header = first.header;
    if header.continues_from() > keep {
        return Err(ReadError::Gap { begins_after: header.continues_from(), wanted_after: keep }.into());
    }
    let epoch = segments.used.iter().map(|segment| segment.header.epoch).max().unwrap_or(0).saturating_add(1);
    let place = Place { offset: u64::from(header.frames_start), next_lsn: header.first_lsn, chain: header.chain };
    let mut cut = Cut { segment: first.clone(), place, kept: Records::new(), epoch };
    let walked = segments.walk(storage, header.continues_from(), &mut |segment, frame| {
        if cut.segment.name != segment.name {
            let header = &segment.header;
            cut.segment = segment.clone();
            cut.place =
                Place { offset: u64::from(header.frames_start), next_lsn: header.first_lsn, chain: header.chain };
        }
        if frame.header.last_lsn() > keep {
            let kept = width::in_memory(keep.0 + 1 - frame.header.first_lsn.0);
            frame.records.clone().take(kept).for_each(|record| cut.kept.push(|bytes| bytes.extend_from_slice(record)));
            return ControlFlow::Break(());
        }
        cut.place = Place {
            offset: frame.offset + u64::from(frame.header.frame_bytes),
            next_lsn: frame.header.next_lsn(),
            chain: frame.chain,
        };
        ControlFlow::Continue(())
    });
    match walked {
        Ok(_) | Err(ReadError::Damaged(_)) => {}
        Err(other) => return Err(other.into()),
    }
    let readable = Lsn(cut.place.last_lsn().0 + u64::from(cut.kept.count()));
    if readable < keep { Err(RepairError::Unreadable { readable, keep }) } else { Ok(cut) }
}

/// Does what was planned, under the directory's lock. After a crash in the middle, the same repair can be made again.
///
/// # Errors
/// If the log has changed since, or the operating system refuses.
pub fn apply<S: Storage>(storage: &S, planned: &Plan, mut entropy: impl FnMut(&mut [u8])) -> Result<(), RepairError> {
    let _lock = storage.lock().map_err(|source| {
        if source.kind() == io::ErrorKind::WouldBlock {
            RepairError::Locked { directory: storage.place() }
        } else {
            RepairError::Write { file: storage.place(), source }
        }
    })?;
    if plan(storage, planned.keep)? != *planned {
        return Err(RepairError::Changed);
    }
    let cut = &planned.cut;
    let aside = |name: &str| format!("{name}.dropped-{epoch}", epoch = cut.epoch);
    for name in &planned.snapshots_set_aside {
        storage.rename(Folder::Snapshots, name, &aside(name)).map_err(write(name))?;
    }
    storage.sync_folder(Folder::Snapshots).map_err(write(Folder::Snapshots.name()))?;
    copy(storage, &cut.segment.name, &aside(&cut.segment.name)).map_err(write(&cut.segment.name))?;
    // The newest first: what a crash leaves is a shorter log, not one with a hole.
    for name in planned.segments_set_aside.iter().rev() {
        storage.rename(Folder::Log, name, &aside(name)).map_err(write(name))?;
        storage.sync_folder(Folder::Log).map_err(write(name))?;
    }
    let mut salts = [0; 8];
    entropy(&mut salts);
    put_next(storage, cut, planned.keep, Salts(u64::from_le_bytes(salts)))?;
    let file = storage.open(Folder::Log, &cut.segment.name).map_err(write(&cut.segment.name))?;
    end_at(&file, &cut.segment.header, cut.place).map_err(write(&cut.segment.name))
}

/// Puts a segment in place that continues from the cut.
fn put_next<S: Storage>(storage: &S, cut: &Cut, keep: Lsn, salts: Salts) -> Result<(), RepairError> {
    let number = cut.segment.header.number + 1;
    let header = SegmentHeader {
        origin: Origin::Start,
        number,
        predecessor: number - 1,
        salt: salts.of(number),
        first_lsn: cut.place.next_lsn,
        born_durable: keep,
        chain: cut.place.chain,
        epoch: cut.epoch,
        ..cut.segment.header
    };
    let name = temporary_name(number);
    let file = storage.create(Folder::Log, &name).map_err(write(&name))?;
    file.write_at(&header.encode(), 0).map_err(write(&name))?;
    let start = Place { offset: u64::from(header.frames_start), ..cut.place };
    file.set_len(start.offset).map_err(write(&name))?;
    if !cut.kept.is_empty() {
        write_frame(&file, &header, start, cut.kept.count(), cut.kept.as_bytes()).map_err(write(&name))?;
    }
    file.sync().map_err(write(&name))?;
    storage.rename(Folder::Log, &name, &file_name(number)).map_err(write(&name))?;
    storage.sync_folder(Folder::Log).map_err(write(&name))
}

fn copy<S: Storage>(storage: &S, from: &str, to: &str) -> io::Result<()> {
    assert!(number_of(to).is_none(), "a copy is not taken for a segment");
    let (source, target) = (storage.open(Folder::Log, from)?, storage.create(Folder::Log, to)?);
    let mut bytes = vec![0; COPY_BYTES];
    let mut offset = 0;
    loop {
        let read = read_full(&source, &mut bytes, offset)?;
        if read == 0 {
            return target.sync();
        }
        target.write_at(&bytes[..read], offset)?;
        offset += width::in_file(read);
    }
}

fn write(file: &str) -> impl FnOnce(io::Error) -> RepairError + '_ {
    move |source| RepairError::Write { file: file.to_owned(), source }
}
