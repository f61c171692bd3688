//! Owns a batch of records on its way into the log: opaque bytes, each behind its length.

use crate::lsn::Lsn;

/// Sees a record and its position; an error ends the reading.
pub type Visit<'a, E> = dyn FnMut(Lsn, &[u8]) -> Result<(), E> + 'a;

/// A batch of records. Reuse one: [`Records::clear`] keeps its memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    bytes: Vec<u8>,
    count: u32,
}

impl Records {
    /// Bytes before each record: its length, little-endian.
    pub const PREFIX_BYTES: usize = 4;

    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the record that `write` appends to the buffer it is given.
    ///
    /// # Panics
    /// If `write` shortens the buffer, or the record is longer than 4 GiB.
    pub fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; Self::PREFIX_BYTES]);
        write(&mut self.bytes);
        let body = self.bytes.len().checked_sub(start + Self::PREFIX_BYTES).expect("a record writer only appends");
        let length = u32::try_from(body).expect("a record is shorter than 4 GiB");
        self.bytes[start..start + Self::PREFIX_BYTES].copy_from_slice(&length.to_le_bytes());
        self.count += 1;
    }

    /// How many records there are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The records as a frame carries them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets the records and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }
}
