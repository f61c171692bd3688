//! Owns the bytes of user ids and keys: appended once, never moved, freed all at once.

/// Bytes of a chunk. Growing means one more chunk, never a copy of those before.
const CHUNK_BYTES: usize = 64 << 10;
/// Texts begin at multiples of this, so that a position needs fewer bits.
const UNIT_BYTES: usize = 4;
const CHUNK_UNITS: u64 = (CHUNK_BYTES / UNIT_BYTES) as u64;

/// Where a text begins, in units of four bytes: 40 bits reach 4 TiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TextPosition {
    low: u32,
    high: u8,
}

/// An append-only store of short texts.
#[derive(Debug, Clone, Default)]
pub(super) struct Arena {
    chunks: Vec<Vec<u8>>,
}

impl Arena {
    /// Appends `parts` as one text, together at most a chunk.
    pub(super) fn push(&mut self, parts: [&[u8]; 2]) -> TextPosition {
        let bytes = parts[0].len() + parts[1].len();
        assert!(bytes <= CHUNK_BYTES, "a text is never longer than a chunk");
        if self.chunks.last().is_none_or(|chunk| chunk.len() + bytes > CHUNK_BYTES) {
            // The first chunk grows as it fills, so that a small campaign stays small.
            let capacity = if self.chunks.is_empty() { 0 } else { CHUNK_BYTES };
            self.chunks.push(Vec::with_capacity(capacity));
        }
        let index = self.chunks.len() - 1;
        let chunk = &mut self.chunks[index];
        let position = TextPosition::new(index as u64 * CHUNK_UNITS + (chunk.len() / UNIT_BYTES) as u64);
        chunk.extend_from_slice(parts[0]);
        chunk.extend_from_slice(parts[1]);
        chunk.resize(chunk.len().next_multiple_of(UNIT_BYTES), 0);
        position
    }

    /// The `bytes` bytes that begin `skip` bytes after `position`.
    pub(super) fn bytes(&self, position: TextPosition, skip: usize, bytes: usize) -> &[u8] {
        let units = position.units();
        let chunk = &self.chunks[usize::try_from(units / CHUNK_UNITS).expect("a chunk that exists")];
        let start = usize::try_from(units % CHUNK_UNITS).expect("within a chunk") * UNIT_BYTES + skip;
        &chunk[start..start + bytes]
    }

    /// What it holds of the heap, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.chunks.capacity() * size_of::<Vec<u8>>() + self.chunks.iter().map(Vec::capacity).sum::<usize>()
    }
}

impl TextPosition {
    #[expect(clippy::cast_possible_truncation, reason = "the low half is cut off on purpose, the high one is checked")]
    fn new(units: u64) -> Self {
        // 2^32 claims of 256 bytes are a quarter of what 40 bits reach.
        let high = u8::try_from(units >> 32).expect("at most 2^32 claims of at most 256 bytes");
        Self { low: units as u32, high }
    }

    fn units(self) -> u64 {
        u64::from(self.high) << 32 | u64::from(self.low)
    }

    /// As its two parts, for a record to hold without padding.
    pub(super) fn into_parts(self) -> (u32, u8) {
        (self.low, self.high)
    }

    /// From its two parts.
    pub(super) fn from_parts(low: u32, high: u8) -> Self {
        Self { low, high }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_where_they_were_put() {
        let mut arena = Arena::default();
        let texts: Vec<String> = (0..5_000).map(|n| format!("{n}{}", "x".repeat(n % 250))).collect();
        let positions: Vec<_> = texts.iter().map(|text| arena.push([text.as_bytes(), b"!"])).collect();
        for (text, position) in texts.iter().zip(positions) {
            assert_eq!(arena.bytes(position, 0, text.len()), text.as_bytes());
            assert_eq!(arena.bytes(position, text.len(), 1), b"!");
            assert_eq!(TextPosition::new(position.units()), position);
        }
        assert!(arena.chunks.len() > 5);
    }

    #[test]
    fn positions_reach_past_32_bits() {
        let position = TextPosition::new(0x12_3456_789a);
        assert_eq!(position.into_parts(), (0x3456_789a, 0x12));
        assert_eq!(TextPosition::from_parts(0x3456_789a, 0x12).units(), 0x12_3456_789a);
    }
}
