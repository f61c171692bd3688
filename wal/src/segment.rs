//! Owns a segment's name and its header sector. What follows the header are frames.

use thiserror::Error;

use crate::frame::{Chain, SECTOR_BYTES, Salt, put, take};
use crate::lsn::Lsn;
use crate::options::BLOCK_BYTES_MAX;
use crate::width;

/// The format that this build writes and reads.
pub const FORMAT_VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"LRUSHWAL";

// Magic, version and CRC stay where they are in every format to come, so that a newer one is told from damage.
const AT_MAGIC: usize = 0;
const AT_VERSION: usize = AT_MAGIC + 8;
const AT_ORIGIN: usize = AT_VERSION + 4;
const AT_RESERVED: usize = AT_ORIGIN + 1;
const AT_INSTANCE: usize = AT_RESERVED + 3;
const AT_NUMBER: usize = AT_INSTANCE + 16;
const AT_PREDECESSOR: usize = AT_NUMBER + 8;
const AT_SALT: usize = AT_PREDECESSOR + 8;
const AT_FIRST_LSN: usize = AT_SALT + 8;
const AT_BORN_DURABLE: usize = AT_FIRST_LSN + 8;
const AT_CHAIN: usize = AT_BORN_DURABLE + 8;
const AT_EPOCH: usize = AT_CHAIN + 4;
const AT_FRAMES_START: usize = AT_EPOCH + 4;
const AT_ZERO: usize = AT_FRAMES_START + 4;
const AT_CRC: usize = SECTOR_BYTES - 4;
const _: () = assert!(AT_NUMBER.is_multiple_of(8) && AT_ZERO == 84 && AT_ZERO < AT_CRC);

/// Tells one log from all others: drawn at its first start, repeated in each of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceId(pub [u8; 16]);

/// How a segment came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The first of a new log. Put in place whole.
    First,
    /// Follows a full one, which an end frame closes. Its header was written with its first frame.
    Rotation,
    /// Made at a start (or a repair), with the accepted tail of the one before: what that one holds past
    /// [`SegmentHeader::first_lsn`] is dead. Put in place whole.
    Start,
}

/// A segment's header sector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// How it came to be.
    pub origin: Origin,
    /// Its log's.
    pub instance: InstanceId,
    /// Counts segments from 1; in the file's name too.
    pub number: u64,
    /// The number of the segment it continues; 0 for none.
    pub predecessor: u64,
    /// Repeated in each frame.
    pub salt: Salt,
    /// The first record's position; the log before it ends just below.
    pub first_lsn: Lsn,
    /// Records up to this were durable in the segment before anyone could see it.
    pub born_durable: Lsn,
    /// The CRC of the frame that it continues from.
    pub chain: Chain,
    /// Counts starts of the log.
    pub epoch: u32,
    /// Where the first frame begins, in bytes.
    pub frames_start: u32,
}

impl SegmentHeader {
    /// The last position before the segment.
    pub fn continues_from(&self) -> Lsn {
        Lsn(self.first_lsn.0 - 1)
    }

    /// The header as it is written.
    pub fn encode(&self) -> [u8; SECTOR_BYTES] {
        let mut sector = [0; SECTOR_BYTES];
        put(&mut sector, AT_MAGIC, MAGIC);
        put(&mut sector, AT_VERSION, FORMAT_VERSION.to_le_bytes());
        put(&mut sector, AT_ORIGIN, [code_of(self.origin)]);
        put(&mut sector, AT_INSTANCE, self.instance.0);
        put(&mut sector, AT_NUMBER, self.number.to_le_bytes());
        put(&mut sector, AT_PREDECESSOR, self.predecessor.to_le_bytes());
        put(&mut sector, AT_SALT, self.salt.0.to_le_bytes());
        put(&mut sector, AT_FIRST_LSN, self.first_lsn.0.to_le_bytes());
        put(&mut sector, AT_BORN_DURABLE, self.born_durable.0.to_le_bytes());
        put(&mut sector, AT_CHAIN, self.chain.0.to_le_bytes());
        put(&mut sector, AT_EPOCH, self.epoch.to_le_bytes());
        put(&mut sector, AT_FRAMES_START, self.frames_start.to_le_bytes());
        let crc = crc32c::crc32c(&sector[..AT_CRC]);
        put(&mut sector, AT_CRC, crc.to_le_bytes());
        sector
    }

    /// Reads a header; `None` if the sector is all zero: the segment was prepared and not begun.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn decode(sector: &[u8; SECTOR_BYTES]) -> Result<Option<SegmentHeader>, HeaderFault> {
        if sector.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        if take(sector, AT_MAGIC) != MAGIC {
            return Err(HeaderFault::Magic);
        }
        if crc32c::crc32c(&sector[..AT_CRC]) != u32::from_le_bytes(take(sector, AT_CRC)) {
            return Err(HeaderFault::Crc);
        }
        let version = u32::from_le_bytes(take(sector, AT_VERSION));
        if version != FORMAT_VERSION {
            return Err(HeaderFault::Version { found: version });
        }
        let [origin] = take(sector, AT_ORIGIN);
        let header = SegmentHeader {
            origin: origin_of(origin).ok_or(HeaderFault::Fields)?,
            instance: InstanceId(take(sector, AT_INSTANCE)),
            number: u64::from_le_bytes(take(sector, AT_NUMBER)),
            predecessor: u64::from_le_bytes(take(sector, AT_PREDECESSOR)),
            salt: Salt(u64::from_le_bytes(take(sector, AT_SALT))),
            first_lsn: Lsn(u64::from_le_bytes(take(sector, AT_FIRST_LSN))),
            born_durable: Lsn(u64::from_le_bytes(take(sector, AT_BORN_DURABLE))),
            chain: Chain(u32::from_le_bytes(take(sector, AT_CHAIN))),
            epoch: u32::from_le_bytes(take(sector, AT_EPOCH)),
            frames_start: u32::from_le_bytes(take(sector, AT_FRAMES_START)),
        };
        if header.is_coherent() { Ok(Some(header)) } else { Err(HeaderFault::Fields) }
    }

    fn is_coherent(&self) -> bool {
        let predecessor_fits = match self.origin {
            Origin::First => self.predecessor == 0 && self.first_lsn == Lsn(1),
            Origin::Rotation | Origin::Start => self.number.checked_sub(1) == Some(self.predecessor),
        };
        predecessor_fits
            && (1..u64::MAX).contains(&self.number)
            && self.first_lsn > Lsn::ZERO
            && self.born_durable >= self.continues_from()
            && self.born_durable < Lsn(u64::MAX)
            && [width::in_frame(SECTOR_BYTES), BLOCK_BYTES_MAX].contains(&self.frames_start)
    }
}

/// Why a sector is no segment header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeaderFault {
    /// Something else is in its place.
    #[error("the segment's header is not one")]
    Magic,
    /// It does not match its CRC.
    #[error("the segment's header does not match its checksum")]
    Crc,
    /// A format of another version.
    #[error("the segment has format version {found}, this build reads {FORMAT_VERSION}")]
    Version {
        /// The version in the header.
        found: u32,
    },
    /// Its fields contradict each other.
    #[error("the segment header's fields contradict each other")]
    Fields,
}

/// The file name of segment `number`.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:020}.log")
}

/// The name under which segment `number` is made.
pub(crate) fn temporary_name(number: u64) -> String {
    format!("{number:020}.log.new")
}

/// The number in a segment's file name, if it is one.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log").filter(|digits| digits.len() == 20)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn code_of(origin: Origin) -> u8 {
    match origin {
        Origin::First => 1,
        Origin::Rotation => 2,
        Origin::Start => 3,
    }
}

fn origin_of(code: u8) -> Option<Origin> {
    [Origin::First, Origin::Rotation, Origin::Start].into_iter().find(|&origin| code_of(origin) == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> SegmentHeader {
        SegmentHeader {
            origin: Origin::Rotation,
            instance: InstanceId([9; 16]),
            number: 2,
            predecessor: 1,
            salt: Salt(77),
            first_lsn: Lsn(100),
            born_durable: Lsn(99),
            chain: Chain(5),
            epoch: 4,
            frames_start: 512,
        }
    }

    #[test]
    fn a_header_is_read_back_and_no_flipped_bit_passes() {
        let sector = sample().encode();
        assert_eq!(SegmentHeader::decode(&sector), Ok(Some(sample())));
        for bit in 0..sector.len() * 8 {
            let mut rotten = sector;
            rotten[bit / 8] ^= 1 << (bit % 8);
            assert!(SegmentHeader::decode(&rotten).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn another_format_version_is_named() {
        let mut sector = sample().encode();
        put(&mut sector, AT_VERSION, 2u32.to_le_bytes());
        let crc = crc32c::crc32c(&sector[..AT_CRC]);
        put(&mut sector, AT_CRC, crc.to_le_bytes());
        assert_eq!(SegmentHeader::decode(&sector), Err(HeaderFault::Version { found: 2 }));
    }

    #[test]
    fn only_segment_names_have_a_number() {
        assert_eq!(number_of(&file_name(12)), Some(12));
        for other in ["12.log", &temporary_name(12), "+0000000000000000012.log", "lock"] {
            assert_eq!(number_of(other), None, "{other}");
        }
    }
}
