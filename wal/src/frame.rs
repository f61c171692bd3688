//! Owns a frame's bytes: encoding, decoding, and every check that one frame allows by itself. Whether a frame belongs where it
//! was found (salt, position, chain) is the scan's to say.

use thiserror::Error;

use crate::lsn::Lsn;
use crate::records::Records;
use crate::width;

/// What is written whole or not at all, and the step of every look-ahead, in bytes.
pub const SECTOR_BYTES: usize = 512;
/// A frame's header in bytes.
pub const FRAME_HEADER_BYTES: usize = 64;
/// The longest frame that is ever believed, in bytes.
pub const FRAME_BYTES_LIMIT: u32 = 16 << 20;
/// The format that this build writes.
pub const FRAME_VERSION: u8 = 1;

const MAGIC: [u8; 4] = *b"LRfr";

// Each field begins where the one before it ends.
const AT_MAGIC: usize = 0;
const AT_VERSION: usize = AT_MAGIC + 4;
const AT_KIND: usize = AT_VERSION + 1;
const AT_RESERVED: usize = AT_KIND + 1;
const AT_PAYLOAD_BYTES: usize = AT_RESERVED + 2;
const AT_RECORDS: usize = AT_PAYLOAD_BYTES + 4;
const AT_FIRST_LSN: usize = AT_RECORDS + 4;
const AT_SALT: usize = AT_FIRST_LSN + 8;
const AT_KNOWN_DURABLE: usize = AT_SALT + 8;
const AT_EPOCH: usize = AT_KNOWN_DURABLE + 8;
const AT_CHAIN: usize = AT_EPOCH + 4;
const AT_FRAME_BYTES: usize = AT_CHAIN + 4;
const AT_RESERVED_2: usize = AT_FRAME_BYTES + 4;
const AT_HEADER_CRC: usize = AT_RESERVED_2 + 4;
const AT_BODY_CRC: usize = AT_HEADER_CRC + 4;
const _: () = assert!(AT_FIRST_LSN.is_multiple_of(8) && AT_BODY_CRC + 4 == FRAME_HEADER_BYTES);

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// Carries records.
    Batch,
    /// Proves that everything before it is durable; carries none.
    Seal,
    /// Ends its segment: another one follows; carries none.
    End,
}

/// The CRC of a frame, which the next frame repeats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Chain(pub u32);

/// A segment's random number, repeated in each of its frames, so that older bytes in the same place are never taken for one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Salt(pub u64);

/// A frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// What it is for.
    pub kind: FrameKind,
    /// Bytes of records, their length prefixes included.
    pub payload_bytes: u32,
    /// Records in it.
    pub records: u32,
    /// The first record's position; in a frame without records, the next one's.
    pub first_lsn: Lsn,
    /// Its segment's.
    pub salt: Salt,
    /// Everything up to this was durable when the frame was written.
    pub known_durable: Lsn,
    /// Counts starts of the log.
    pub epoch: u32,
    /// The CRC of the frame before.
    pub chain: Chain,
    /// The whole frame in bytes, padding included: a multiple of [`SECTOR_BYTES`].
    pub frame_bytes: u32,
}

impl FrameHeader {
    /// The position after the frame's last record.
    pub fn next_lsn(&self) -> Lsn {
        self.first_lsn.plus(u64::from(self.records))
    }

    /// The last position up to the end of the frame.
    pub fn last_lsn(&self) -> Lsn {
        Lsn(self.next_lsn().0 - 1)
    }

    /// Writes the header at the front of `frame`, whose payload is in place and whose padding is zero, and gives its CRC.
    ///
    /// # Panics
    /// If the lengths disagree.
    pub fn seal(&self, frame: &mut [u8]) -> Chain {
        let frame_bytes = width::in_frame(frame.len());
        assert!(frame_bytes == self.frame_bytes && frame.len().is_multiple_of(SECTOR_BYTES), "a frame fills sectors");
        assert!(payload_end(self.payload_bytes) <= u64::from(frame_bytes), "a payload fits in its frame");
        let head = &mut frame[..FRAME_HEADER_BYTES];
        head.fill(0);
        put(head, AT_MAGIC, MAGIC);
        put(head, AT_VERSION, [FRAME_VERSION]);
        put(head, AT_KIND, [code_of(self.kind)]);
        put(head, AT_PAYLOAD_BYTES, self.payload_bytes.to_le_bytes());
        put(head, AT_RECORDS, self.records.to_le_bytes());
        put(head, AT_FIRST_LSN, self.first_lsn.0.to_le_bytes());
        put(head, AT_SALT, self.salt.0.to_le_bytes());
        put(head, AT_KNOWN_DURABLE, self.known_durable.0.to_le_bytes());
        put(head, AT_EPOCH, self.epoch.to_le_bytes());
        put(head, AT_CHAIN, self.chain.0.to_le_bytes());
        put(head, AT_FRAME_BYTES, self.frame_bytes.to_le_bytes());
        put(head, AT_HEADER_CRC, crc32c::crc32c(&head[..AT_HEADER_CRC]).to_le_bytes());
        let chain = body_crc(frame);
        put(frame, AT_BODY_CRC, chain.0.to_le_bytes());
        chain
    }

    /// Reads the header at the front of `bytes`, and believes it only if its own CRC holds and its lengths agree.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn decode(bytes: &[u8]) -> Result<FrameHeader, FrameFault> {
        let head = bytes.get(..FRAME_HEADER_BYTES).ok_or(FrameFault::Short)?;
        if head[..4] != MAGIC {
            return Err(if head.iter().all(|&byte| byte == 0) { FrameFault::Unwritten } else { FrameFault::Magic });
        }
        if crc32c::crc32c(&head[..AT_HEADER_CRC]) != u32::from_le_bytes(take(head, AT_HEADER_CRC)) {
            return Err(FrameFault::HeaderCrc);
        }
        let [version] = take(head, AT_VERSION);
        if version != FRAME_VERSION {
            return Err(FrameFault::Version { found: version });
        }
        let [kind] = take(head, AT_KIND);
        let header = FrameHeader {
            kind: kind_of(kind).ok_or(FrameFault::Kind { found: kind })?,
            payload_bytes: u32::from_le_bytes(take(head, AT_PAYLOAD_BYTES)),
            records: u32::from_le_bytes(take(head, AT_RECORDS)),
            first_lsn: Lsn(u64::from_le_bytes(take(head, AT_FIRST_LSN))),
            salt: Salt(u64::from_le_bytes(take(head, AT_SALT))),
            known_durable: Lsn(u64::from_le_bytes(take(head, AT_KNOWN_DURABLE))),
            epoch: u32::from_le_bytes(take(head, AT_EPOCH)),
            chain: Chain(u32::from_le_bytes(take(head, AT_CHAIN))),
            frame_bytes: u32::from_le_bytes(take(head, AT_FRAME_BYTES)),
        };
        if header.is_coherent() { Ok(header) } else { Err(FrameFault::Lengths) }
    }

    fn is_coherent(&self) -> bool {
        let records_fit = match self.kind {
            FrameKind::Batch => {
                let least = u64::from(self.records) * width::in_file(Records::PREFIX_BYTES);
                self.records > 0 && u64::from(self.payload_bytes) >= least
            }
            FrameKind::Seal | FrameKind::End => self.records == 0 && self.payload_bytes == 0,
        };
        records_fit
            && self.frame_bytes <= FRAME_BYTES_LIMIT
            && u64::from(self.frame_bytes).is_multiple_of(width::in_file(SECTOR_BYTES))
            && payload_end(self.payload_bytes) <= u64::from(self.frame_bytes)
            && self.known_durable < self.first_lsn
            && self.first_lsn.0.checked_add(u64::from(self.records)).is_some()
    }
}

/// Checks the CRC and the records of a whole frame under its decoded `header`, and gives its CRC and its payload.
///
/// # Errors
/// The first check that failed.
pub fn open_frame<'a>(header: &FrameHeader, frame: &'a [u8]) -> Result<(Chain, RecordIter<'a>), FrameFault> {
    if frame.len() != width::in_memory(u64::from(header.frame_bytes)) {
        return Err(FrameFault::Short);
    }
    let stored = Chain(u32::from_le_bytes(take(frame, AT_BODY_CRC)));
    let sound = stored == body_crc(frame);
    if !sound && !cfg!(sabotage = "crc") {
        return Err(FrameFault::BodyCrc);
    }
    let payload = &frame[FRAME_HEADER_BYTES..width::in_memory(payload_end(header.payload_bytes))];
    let records = RecordIter { payload };
    let mut walk = records.clone();
    let counted = walk.by_ref().take(FRAME_BYTES_LIMIT as usize).count();
    if !walk.payload.is_empty() || counted != width::in_memory(u64::from(header.records)) {
        return Err(FrameFault::Records);
    }
    Ok((stored, records))
}

/// The records of a frame that was checked whole.
#[derive(Debug, Clone)]
pub struct RecordIter<'a> {
    payload: &'a [u8],
}

impl<'a> RecordIter<'a> {
    /// All records, each behind its length.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

impl<'a> Iterator for RecordIter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (prefix, rest) = self.payload.split_first_chunk::<{ Records::PREFIX_BYTES }>()?;
        let length = width::in_memory(u64::from(u32::from_le_bytes(*prefix)));
        let (record, rest) = rest.split_at_checked(length)?;
        self.payload = rest;
        Some(record)
    }
}

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameFault {
    /// Zeros: nothing was written here.
    #[error("nothing was written here")]
    Unwritten,
    /// The file ends first.
    #[error("the file ends inside the frame")]
    Short,
    /// No frame begins here.
    #[error("no frame begins here")]
    Magic,
    /// The header does not match its CRC.
    #[error("the frame's header does not match its checksum")]
    HeaderCrc,
    /// A frame of another format.
    #[error("the frame has format version {found}, this build reads {FRAME_VERSION}")]
    Version {
        /// The version in the frame.
        found: u8,
    },
    /// A kind that does not exist.
    #[error("the frame has the unknown kind {found}")]
    Kind {
        /// The kind in the frame.
        found: u8,
    },
    /// Lengths or positions contradict each other.
    #[error("the frame's lengths and positions contradict each other")]
    Lengths,
    /// Header, payload and padding do not match their CRC.
    #[error("the frame does not match its checksum")]
    BodyCrc,
    /// The records do not fill the payload.
    #[error("the frame's records do not fill it")]
    Records,
    /// A frame of another segment: stale bytes.
    #[error("the frame belongs to another segment")]
    Salt,
    /// A frame of another start of the log.
    #[error("the frame belongs to another start of the log")]
    Epoch,
    /// A frame that does not follow the one before it.
    #[error("the frame does not follow the one before it")]
    Order,
}

fn payload_end(payload_bytes: u32) -> u64 {
    width::in_file(FRAME_HEADER_BYTES) + u64::from(payload_bytes)
}

fn body_crc(frame: &[u8]) -> Chain {
    let head = crc32c::crc32c(&frame[..AT_BODY_CRC]);
    Chain(crc32c::crc32c_append(head, &frame[FRAME_HEADER_BYTES..]))
}

fn code_of(kind: FrameKind) -> u8 {
    match kind {
        FrameKind::Batch => 1,
        FrameKind::Seal => 2,
        FrameKind::End => 3,
    }
}

fn kind_of(code: u8) -> Option<FrameKind> {
    [FrameKind::Batch, FrameKind::Seal, FrameKind::End].into_iter().find(|&kind| code_of(kind) == code)
}

pub(crate) fn put<const N: usize>(bytes: &mut [u8], at: usize, field: [u8; N]) {
    bytes[at..at + N].copy_from_slice(&field);
}

pub(crate) fn take<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..].first_chunk().expect("the caller has checked the length")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (FrameHeader, Vec<u8>) {
        let mut records = Records::new();
        records.push(|bytes| bytes.extend_from_slice(b"one"));
        records.push(|bytes| bytes.extend_from_slice(b""));
        let mut frame = vec![0; SECTOR_BYTES];
        frame[FRAME_HEADER_BYTES..][..records.as_bytes().len()].copy_from_slice(records.as_bytes());
        let header = FrameHeader {
            kind: FrameKind::Batch,
            payload_bytes: width::in_frame(records.as_bytes().len()),
            records: records.count(),
            first_lsn: Lsn(7),
            salt: Salt(0x0123_4567_89ab_cdef),
            known_durable: Lsn(5),
            epoch: 3,
            chain: Chain(0xfeed),
            frame_bytes: width::in_frame(SECTOR_BYTES),
        };
        header.seal(&mut frame);
        (header, frame)
    }

    #[test]
    fn what_was_sealed_is_read_back() {
        let (header, frame) = sample();
        assert_eq!(FrameHeader::decode(&frame), Ok(header));
        let (_, records) = open_frame(&header, &frame).expect("a sealed frame opens");
        assert_eq!(records.collect::<Vec<_>>(), [&b"one"[..], b""]);
        assert_eq!((header.last_lsn(), header.next_lsn()), (Lsn(8), Lsn(9)));
    }

    #[test]
    fn no_flipped_bit_passes() {
        let (header, frame) = sample();
        for bit in 0..frame.len() * 8 {
            let mut rotten = frame.clone();
            rotten[bit / 8] ^= 1 << (bit % 8);
            let read = FrameHeader::decode(&rotten).and_then(|header| open_frame(&header, &rotten).map(|_| header));
            assert_ne!(read, Ok(header), "bit {bit}");
        }
    }

    #[test]
    fn lengths_are_not_believed_beyond_the_frame() {
        let (header, mut frame) = sample();
        let lying = FrameHeader { records: 3, ..header };
        lying.seal(&mut frame);
        assert_eq!(open_frame(&lying, &frame).err(), Some(FrameFault::Records));
        assert_eq!(open_frame(&header, &frame[..100]).err(), Some(FrameFault::Short));
    }
}
