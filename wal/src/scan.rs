//! Owns reading one segment, frame by frame, and the look-ahead past a bad frame. Believes nothing that a checksum, the
//! segment's salt and the frame before do not vouch for. What a bad frame means is the walk's to say.

use std::io;

use crate::frame::{Chain, FRAME_HEADER_BYTES, FrameFault, FrameHeader, RecordIter, SECTOR_BYTES, open_frame};
use crate::lsn::Lsn;
use crate::segment::SegmentHeader;
use crate::storage::{StorageFile, read_full};
use crate::width;

/// Bytes read at once.
const WINDOW_BYTES: usize = 1 << 20;

/// A frame where it belongs.
#[derive(Debug, Clone)]
pub struct Frame<'a> {
    /// Where it begins in its segment, in bytes.
    pub offset: u64,
    /// Its header.
    pub header: FrameHeader,
    /// Its CRC.
    pub chain: Chain,
    /// Its records.
    pub records: RecordIter<'a>,
}

/// A cursor over the frames of one segment.
pub(crate) struct Scan<F> {
    window: Window<F>,
    header: SegmentHeader,
    at: Place,
}

/// Where a scan is: what the next frame has to continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    pub(crate) next_lsn: Lsn,
    pub(crate) chain: Chain,
}

impl Place {
    pub(crate) fn last_lsn(&self) -> Lsn {
        Lsn(self.next_lsn.0 - 1)
    }
}

/// What lies past a bad frame.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Beyond {
    /// A frame that was written when the bad one was durable.
    pub(crate) proof: Option<u64>,
    /// Where the last byte that is not zero lies, and one more.
    pub(crate) written_end: u64,
    /// The last position of any frame found.
    pub(crate) last_lsn: Lsn,
}

impl<F: StorageFile> Scan<F> {
    pub(crate) fn new(file: F, header: SegmentHeader) -> io::Result<Self> {
        let at = Place { offset: u64::from(header.frames_start), next_lsn: header.first_lsn, chain: header.chain };
        Ok(Self { window: Window::new(file)?, header, at })
    }

    /// Goes to a place that an earlier scan of the same segment was at.
    pub(crate) fn seek(&mut self, place: Place) {
        self.at = place;
    }

    pub(crate) fn place(&self) -> Place {
        self.at
    }

    /// The next frame, or why there is none; then the place stays.
    pub(crate) fn next(&mut self) -> io::Result<Result<Frame<'_>, FrameFault>> {
        let offset = self.at.offset;
        let header = match self.window.header(offset)? {
            Ok(header) => header,
            Err(fault) => return Ok(Err(fault)),
        };
        if let Err(fault) = self.belongs(&header) {
            return Ok(Err(fault));
        }
        let Some(bytes) = self.window.bytes(offset, width::in_memory(u64::from(header.frame_bytes)))? else {
            return Ok(Err(FrameFault::Short));
        };
        Ok(open_frame(&header, bytes).map(|(chain, records)| {
            self.at = Place { offset: offset + u64::from(header.frame_bytes), next_lsn: header.next_lsn(), chain };
            Frame { offset, header, chain, records }
        }))
    }

    fn belongs(&self, header: &FrameHeader) -> Result<(), FrameFault> {
        if header.salt != self.header.salt {
            Err(FrameFault::Salt)
        } else if header.epoch != self.header.epoch {
            Err(FrameFault::Epoch)
        } else if header.first_lsn != self.at.next_lsn || header.chain != self.at.chain {
            Err(FrameFault::Order)
        } else {
            Ok(())
        }
    }

    /// Looks through all that lies past the place, sector by sector.
    pub(crate) fn look_ahead(&mut self) -> io::Result<Beyond> {
        let (place, salt, epoch) = (self.at, self.header.salt, self.header.epoch);
        self.window.look_ahead(place.offset, |frame| {
            frame.salt == salt && frame.epoch == epoch && proves(frame, place.next_lsn)
        })
    }
}

/// Whether `frame`, found later, was written when everything before `expected` and a frame there were durable.
///
/// With two writes in flight a frame may reach the disk without the one before it. It proves nothing then: it says itself
/// that it did not know the one before to be durable. Frames without records are never in flight beside another, so one
/// that was written when all records before it were durable proves those too.
fn proves(frame: &FrameHeader, expected: Lsn) -> bool {
    let all_before_durable = frame.known_durable.plus(1) == frame.first_lsn && frame.first_lsn >= expected;
    frame.known_durable >= expected || all_before_durable
}

/// Looks through a segment whose header is blank: its salt is unknown, so a frame has to fit by epoch and position.
pub(crate) fn look_into_blank<F: StorageFile>(file: F, expected: Lsn, epoch: u32) -> io::Result<Beyond> {
    // The first frame is written together with the header, and knows all before it durable without having been so itself.
    Window::new(file)?.look_ahead(0, |frame| frame.epoch == epoch && frame.known_durable >= expected)
}

/// The last position of any whole frame in a file, wherever it belongs; for a count of what is lost.
pub(crate) fn last_lsn_in<F: StorageFile>(file: F) -> io::Result<Lsn> {
    Ok(Window::new(file)?.look_ahead(0, |_| false)?.last_lsn)
}

/// Whether all bytes are zero. Looks at every byte, since a loop with a way out is not vectorised.
fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |seen, byte| seen | byte) == 0
}

/// A file read through a window that only moves on, never larger than one frame needs.
struct Window<F> {
    file: F,
    file_bytes: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<F: StorageFile> Window<F> {
    fn new(file: F) -> io::Result<Self> {
        let file_bytes = file.len()?;
        Ok(Self { file, file_bytes, start: 0, bytes: Vec::new() })
    }

    /// `length` bytes at `offset`, if the file has them.
    fn bytes(&mut self, offset: u64, length: usize) -> io::Result<Option<&[u8]>> {
        let end = offset + width::in_file(length);
        if end > self.file_bytes {
            return Ok(None);
        }
        if offset < self.start || end > self.start + width::in_file(self.bytes.len()) {
            let ahead = width::in_file(length.max(WINDOW_BYTES)).min(self.file_bytes - offset);
            self.bytes.resize(width::in_memory(ahead), 0);
            self.start = offset;
            // A file that was cut meanwhile is as long as what could be read.
            let read = read_full(&self.file, &mut self.bytes, offset)?;
            self.bytes.truncate(read);
        }
        let from = width::in_memory(offset - self.start);
        Ok(self.bytes.get(from..from + length))
    }

    fn header(&mut self, offset: u64) -> io::Result<Result<FrameHeader, FrameFault>> {
        let bytes = self.bytes(offset, FRAME_HEADER_BYTES)?;
        Ok(bytes.map_or(Err(FrameFault::Short), FrameHeader::decode))
    }

    fn look_ahead(&mut self, from: u64, proves: impl Fn(&FrameHeader) -> bool) -> io::Result<Beyond> {
        let mut beyond = Beyond::default();
        let step = width::in_file(SECTOR_BYTES);
        let mut offset = from;
        while offset < self.file_bytes {
            let length = step.min(self.file_bytes - offset);
            let Some(sector) = self.bytes(offset, width::in_memory(length))? else { break };
            if !is_blank(sector)
                && let Some(last) = sector.iter().rposition(|&byte| byte != 0)
            {
                beyond.written_end = offset + width::in_file(last) + 1;
                if let Ok(header) = FrameHeader::decode(sector)
                    && self.is_whole(offset, &header)?
                {
                    beyond.last_lsn = beyond.last_lsn.max(header.last_lsn());
                    if beyond.proof.is_none() && proves(&header) {
                        beyond.proof = Some(offset);
                    }
                }
            }
            offset += step;
        }
        Ok(beyond)
    }

    fn is_whole(&mut self, offset: u64, header: &FrameHeader) -> io::Result<bool> {
        let bytes = self.bytes(offset, width::in_memory(u64::from(header.frame_bytes)))?;
        Ok(bytes.is_some_and(|bytes| open_frame(header, bytes).is_ok()))
    }
}
