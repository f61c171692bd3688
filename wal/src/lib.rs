//! A write-ahead log: records are appended by one thread, written and synced in groups, and read back after a crash. It knows
//! bytes and positions, and nothing of what the records mean.
//!
//! # The way of a record
//! [`acquire`](recovery::acquire) takes a directory, [`Tenure::replay`](recovery::Tenure::replay) reads it,
//! [`Tenure::start`](recovery::Tenure::start) makes what was read durable once more and gives a running
//! [`SegmentLog`](writer::SegmentLog). Its thread calls [`append`](log::Log::append), [`pump`](log::Log::pump) and
//! [`wait`](log::Log::wait): one buffer fills while at most two writes are in flight, and a position is acknowledged once it
//! and all before it are durable.
//!
//! ```
//! use landrush_wal::{log::Log, lsn::Lsn, options::LogOptions, records::Records};
//! use landrush_wal::{recovery::acquire, storage::memory::MemoryStorage};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // `FileStorage::new(directory)` in earnest, and bytes from the operating system's generator.
//! let mut tenure = acquire(MemoryStorage::new(), LogOptions::default(), |bytes| bytes.fill(1))?;
//! tenure.replay(Lsn::ZERO, &mut |_lsn, _record| Ok::<_, std::io::Error>(()), &mut |_progress| {})?;
//! let mut log = tenure.start()?.log;
//! let mut records = Records::new();
//! records.push(|bytes| bytes.extend_from_slice(b"somebody won"));
//! let position = log.append(&records);
//! while log.pump()? < position {
//!     log.wait(None);
//! }
//! log.close()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Files
//! `wal/00000000000000000001.log` and on: segments, each prepared ahead (zeros, synced, renamed into place). `snapshots/`:
//! see [`snapshot`]. `lock`: held by the one process that writes. All integers are little-endian, all CRCs are CRC-32C.
//!
//! A segment begins with one sector, its header; the rest of the device's block is zero.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 8 | `LRUSHWAL` |
//! | 8 | 4 | format version, 1 |
//! | 12 | 1 | origin: 1 first, 2 rotation, 3 start; then 3 zeros |
//! | 16 | 16 | instance: drawn at the log's first start |
//! | 32 | 8 | number, as in the file's name |
//! | 40 | 8 | number of the segment that it continues |
//! | 48 | 8 | salt, repeated in each frame |
//! | 56 | 8 | first LSN: the log before it ends just below |
//! | 64 | 8 | born durable: the last LSN that the segment was put in place with |
//! | 72 | 4 | CRC of the frame that it continues from |
//! | 76 | 4 | epoch: counts starts |
//! | 80 | 4 | where the first frame begins: 512, or 4,096 where direct writes want it |
//! | 84 | 424 | zero |
//! | 508 | 4 | CRC of all before |
//!
//! A frame follows the one before it, and is padded with zeros to whole sectors (or blocks of 4,096).
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | `LRfr` |
//! | 4 | 1 | format version, 1 |
//! | 5 | 1 | kind: 1 batch, 2 seal, 3 end; then 2 zeros |
//! | 8 | 4 | bytes of payload |
//! | 12 | 4 | records |
//! | 16 | 8 | first LSN; without records, the next one |
//! | 24 | 8 | salt |
//! | 32 | 8 | known durable: everything up to this was durable when the frame was written |
//! | 40 | 4 | epoch |
//! | 44 | 4 | CRC of the frame before (of the header's field for the first) |
//! | 48 | 4 | bytes of the frame, padding included; then 4 zeros |
//! | 56 | 4 | CRC of the 56 bytes before: lengths are believed after this |
//! | 60 | 4 | CRC of the 60 bytes before and of payload and padding |
//! | 64 | | payload: each record behind its length (4 bytes) |
//!
//! # What recovery concludes
//! - Segments are read in order; a frame counts only if both CRCs hold and salt, epoch, LSN and chain continue the one before.
//! - At the first frame that does not, everything after it is looked through in steps of a sector. It is **damage**, and the
//!   log is refused with segment and offset, if something proves that the frame was durable: a later frame whose known-durable
//!   LSN has reached it, a later segment, or the segment's own header (born durable). Otherwise it is a **torn tail** and cut
//!   off: with two writes in flight the second may be on disk without the first, and proves nothing.
//! - A bad segment header is always damage; a blank one is a segment made ahead, and damage if frames in it prove otherwise. This
//!   rests on a disk that writes a sector whole or not at all.
//! - An end frame closes a segment only when its successor is in place, so that a missing last segment shows too.
//! - The last frame, with nothing after it, proves itself to nobody: a **seal**, a frame without records, follows 10 ms after the
//!   log has gone idle. Seals, end frames and a segment's first frame are never in flight beside another write.
//! - A start writes what is past the last proof (the **accepted tail**) into a new segment and syncs it before anything is
//!   served. The new header says where the older segment ends; what that one holds past it is dead.
//!
//! # Invariants
//! Nothing is acknowledged before it is durable (or, at intervals, written). Only a prefix is. After a failed write or sync
//! nothing is ever again: the log is [`Poisoned`](log::Poisoned). What waits is bounded by who appends:
//! [`LogStatus::accepts`](status::LogStatus::accepts) says no while there is room for eight more frames.
#![deny(unsafe_code)]

mod buffer;
pub mod damage;
pub mod doorbell;
pub mod frame;
mod group_commit;
pub mod log;
pub mod lsn;
pub mod options;
pub mod prepare;
pub mod reader;
pub mod records;
pub mod recovery;
pub mod repair;
pub mod scan;
pub mod segment;
pub mod slice;
pub mod snapshot;
pub mod start;
pub mod status;
pub mod storage;
pub mod store;
mod sync;
pub mod walk;
mod width;
pub mod writer;

pub use buffer::Buffer;
