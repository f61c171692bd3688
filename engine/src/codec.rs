//! Owns how events become bytes and bytes become events: the one place that knows of bincode. Integers are little-endian
//! and of fixed width; tags and lengths are small integers written here by hand, so that the bytes depend on no derive and
//! no version of a library. `tests/golden/` pins them, and a second library decodes them in the tests.
//!
//! An event:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | tag: 1 created, 2 patched, 3 cancelled, 4 archived, 5 claimed, 6 voided, 7 drew, 8 entered, 9 ended, 10 ranked, 11 codes imported, 12 redeemed, 13 settled, 14 hold expired, 15 expired, 16 arrived, 17 shuffled, 18 admitted, 19 registered, 20 resumed |
//! | 4 | campaign |
//! | 8 | at, milliseconds since 1970 |
//! | | by tag, in the order of the fields in [`crate::event::Change`] |
//!
//! A claim is 4 bytes of day, 2 of coupon type, 1 of flags (1: asked for by name, 2: with a key, 4: for a window, 8: for a
//! phone number, 16: a draw that won nothing), 8 of the window's opening and 8 of phone id if the flags say so, the user id
//! and the key, each behind a byte of length: 31 bytes for a user id of ten. A draw is the same, with 65535 for no type; an
//! entry is the same without a type. Ids and keys have one byte of length, other texts four; lists have two bytes of count;
//! an option has a byte, 0 or 1, before it.
//!
//! A definition is written as it was before there were draws, windows and phones wherever it has none of them. Where it has,
//! 128 is added to the byte of its mode, and what came later follows its coupon types.

mod definition;
mod event;
mod protection;
mod snapshot;
mod wire;

use thiserror::Error;

use crate::event::Event;
pub(crate) use snapshot::{
    ArchivedHead, ClaimItem, HashedPerson, Head, HeadKind, LaterHead, LaterType, LiveHead, RankedHead,
    is_before_later_room,
};
pub(crate) use wire::Wire;

/// The longest event, in bytes: a definition with all its texts, and room.
pub const EVENT_BYTES_MAX: usize = 2 << 20;

/// Why bytes are no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The bytes end too early.
    #[error("the bytes end too early")]
    Truncated,
    /// Bytes are left over.
    #[error("{bytes} bytes are left over")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// It is longer than [`EVENT_BYTES_MAX`].
    #[error("it is longer than {EVENT_BYTES_MAX} bytes")]
    TooLong,
    /// A value cannot be.
    #[error("{what}")]
    Invalid {
        /// Which, and why.
        what: &'static str,
    },
}

/// Appends `event` to `buffer`.
pub fn encode_event(event: &Event<'_>, buffer: &mut Vec<u8>) {
    wire::append(event, buffer);
}

/// Reads the event that `bytes` are, no more and no less. Texts of claims are borrowed from them.
///
/// # Errors
/// [`CodecError`] says what is wrong with the bytes.
pub fn decode_event(bytes: &[u8]) -> Result<Event<'_>, CodecError> {
    let (event, read) = wire::take(bytes)?;
    if read < bytes.len() {
        return Err(CodecError::Trailing { bytes: bytes.len() - read });
    }
    Ok(event)
}

/// Appends a value of the snapshot.
pub(crate) fn append<'a>(value: &impl Wire<'a>, buffer: &mut Vec<u8>) {
    wire::append(value, buffer);
}

/// Reads a value of the snapshot from the front of `bytes`, and says how many it took.
pub(crate) fn take<'a, T: Wire<'a>>(bytes: &'a [u8]) -> Result<(T, usize), CodecError> {
    wire::take(bytes)
}
