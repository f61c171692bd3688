//! Owns what can be wrong with content that is whole on disk: its checksums hold, and it makes no sense.

use landrush_wal::lsn::Lsn;
use thiserror::Error;

use crate::codec::CodecError;
use crate::shard::{Inconsistent, SnapshotError};

/// Content that is whole on disk and makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unsound {
    /// A record is no event.
    #[error("record {lsn} cannot be decoded: {cause}")]
    Undecodable {
        /// Which.
        lsn: Lsn,
        /// Why.
        cause: CodecError,
    },
    /// A record contradicts those before it.
    #[error("record {lsn} contradicts the records before it: {cause}")]
    Inconsistent {
        /// Which.
        lsn: Lsn,
        /// Why.
        cause: Inconsistent,
    },
    /// A block of a snapshot is not of the known form, or out of order.
    #[error("a block of the snapshot is not of the known form, or out of order")]
    Block,
    /// A campaign in a snapshot makes no sense.
    #[error("a campaign in the snapshot is not sound: {0}")]
    Campaign(#[from] SnapshotError),
}
