//! Owns reading a log that a running server may be changing: segments are begun and trimmed between two looks. What looks like
//! damage is looked at again, from the last frame on that could be read; each frame is visited once.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use landrush_wal::damage::ReadError;
use landrush_wal::frame::FrameKind;
use landrush_wal::lsn::Lsn;
use landrush_wal::reader::{End, Reader};
use landrush_wal::records::Visit;
use landrush_wal::scan::Frame;
use landrush_wal::snapshot::SnapshotInfo;
use landrush_wal::storage::Folder;
use landrush_wal::storage::file::FileStorage;
use landrush_wal::walk::SegmentFile;

use super::{Failure, progress_bar};

/// How often a look that fails is taken again, while no look comes further than the one before.
const LOOKS: u32 = 4;

/// A log, and the snapshots there were just before its segments were listed.
pub(super) struct Log {
    storage: FileStorage,
    pub(super) reader: Reader<FileStorage>,
    /// Newest first.
    pub(super) snapshots: Vec<SnapshotInfo>,
}

/// Sees a frame and its segment, and says whether to go on.
pub(super) type FrameVisitor<'v, E> = dyn FnMut(&SegmentFile, &Frame<'_>) -> Result<ControlFlow<()>, E> + 'v;

/// Takes `look` again while what it meets may be a running server's doing.
pub(super) fn steadily<T>(mut look: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    for _ in 1..LOOKS {
        match look() {
            Err(failure) if failure.may_pass() => {}
            settled => return settled,
        }
    }
    look()
}

impl Log {
    /// Lists what there is.
    pub(super) fn open(dir: &Path) -> Result<Self, Failure> {
        let storage = FileStorage::new(dir);
        let open = || Reader::open(storage.clone()).map_err(Failure::Log);
        // The snapshots first: of what is listed then, nothing is covered by what comes later.
        let snapshots = open()?.snapshots().map_err(|source| listing(Folder::Snapshots, source))?;
        Ok(Self { reader: open()?, snapshots, storage })
    }

    /// The segments' bytes, free space included.
    pub(super) fn bytes(&self) -> u64 {
        self.reader.segments().iter().map(|segment| segment.bytes).sum()
    }

    /// Visits, in order and each once, the frames that may hold records after `after`; says how the log ends, if it was read
    /// so far.
    pub(super) fn frames<E: From<Failure>>(
        &self,
        after: Lsn,
        doing: &'static str,
        visit: &mut FrameVisitor<'_, E>,
    ) -> Result<Option<End>, E> {
        let bar = progress_bar(self.bytes(), doing);
        let mut seen = Seen { last_lsn: after, place: (0, 0) };
        let mut fresh: Option<Reader<FileStorage>> = None;
        let (mut looks, mut looked_at) = (0, seen);
        let ended = loop {
            let reader = fresh.as_ref().unwrap_or(&self.reader);
            let flow = reader.frames(seen.last_lsn, &mut |segment, frame| {
                if !seen.take(segment, frame) {
                    return ControlFlow::Continue(());
                }
                bar.inc(u64::from(frame.header.frame_bytes));
                match visit(segment, frame) {
                    Ok(ControlFlow::Continue(())) => ControlFlow::Continue(()),
                    Ok(ControlFlow::Break(())) => ControlFlow::Break(Ok(())),
                    Err(error) => ControlFlow::Break(Err(error)),
                }
            });
            looks = if seen == looked_at { looks + 1 } else { 1 };
            looked_at = seen;
            match flow {
                Ok(ControlFlow::Continue(end)) => break Ok(Some(end)),
                Ok(ControlFlow::Break(stopped)) => break stopped.map(|()| None),
                Err(ReadError::Damaged(_)) if looks < LOOKS => {}
                Err(error) => break Err(Failure::Log(error).into()),
            }
            fresh = Some(Reader::open(self.storage.clone()).map_err(Failure::Log)?);
        };
        bar.finish_and_clear();
        ended
    }

    /// Visits every record after `after` and not after `upto`, in order; says how the log ends, if it was read so far.
    pub(super) fn records<E: From<Failure>>(
        &self,
        after: Lsn,
        upto: Lsn,
        doing: &'static str,
        visit: &mut Visit<'_, E>,
    ) -> Result<Option<End>, E> {
        self.frames(after, doing, &mut |_, frame| {
            for (lsn, record) in numbered(frame) {
                if lsn > after && lsn <= upto {
                    visit(lsn, record)?;
                }
            }
            Ok(if frame.header.last_lsn() < upto { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })
    }

    /// Visits the blocks of a snapshot.
    pub(super) fn blocks<E: From<Failure>>(
        &self,
        snapshot: &SnapshotInfo,
        mut visit: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut blocks = self.reader.open_snapshot(snapshot).map_err(Failure::Snapshot)?;
        let mut block = Vec::new();
        while blocks.next_block(&mut block).map_err(Failure::Snapshot)? {
            visit(&block)?;
        }
        Ok(())
    }
}

/// A frame's records, with their positions.
pub(super) fn numbered<'f>(frame: &Frame<'f>) -> impl Iterator<Item = (Lsn, &'f [u8])> + use<'f> {
    (frame.header.first_lsn.0..).map(Lsn).zip(frame.records.clone())
}

/// How far the visits have come.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seen {
    last_lsn: Lsn,
    /// Number of the segment, offset in it.
    place: (u64, u64),
}

impl Seen {
    /// Whether the frame is a new one: batches by their records, since a start of the server may write the last of them again
    /// in a new segment; the others by their place.
    fn take(&mut self, segment: &SegmentFile, frame: &Frame<'_>) -> bool {
        let place = (segment.header.number, frame.offset);
        let is_new = match frame.header.kind {
            FrameKind::Batch => frame.header.last_lsn() > self.last_lsn,
            FrameKind::Seal | FrameKind::End => place > self.place,
        };
        if is_new {
            *self = Self { last_lsn: self.last_lsn.max(frame.header.last_lsn()), place: self.place.max(place) };
        }
        is_new
    }
}

fn listing(folder: Folder, source: io::Error) -> Failure {
    Failure::Log(ReadError::Io { file: folder.name().to_owned(), source })
}
