//! Owns the codes of one upload in memory: appended once, never moved, found by their place. Leaves equality to
//! [`super::index`] and the file to [`super::format`].

use super::CODE_BYTES_MAX;

/// Bytes of a chunk. Growing means one more chunk, never a copy of those before.
const CHUNK_BYTES: usize = 64 << 10;
/// Codes of a block. Only where a block begins is written down; within it one walks from length to length, which costs a
/// few loads from the same cache lines and saves four bytes a code.
const BLOCK_CODES: u32 = 16;
/// Of a block of the longest codes. A block never goes over the end of its chunk.
const BLOCK_BYTES_MAX: usize = BLOCK_CODES as usize * (1 + CODE_BYTES_MAX);

/// An append-only list of codes.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// Each code as in its file: a byte for its length, then its bytes.
    chunks: Vec<Vec<u8>>,
    /// Where each block begins, as if the chunks lay one behind the other.
    blocks: Vec<u32>,
    count: u32,
}

impl Texts {
    /// How many codes there are.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Appends a valid code and gives its place.
    pub(super) fn push(&mut self, code: &str) -> u32 {
        assert!((1..=CODE_BYTES_MAX).contains(&code.len()), "codes are checked before they are stored");
        if self.count.is_multiple_of(BLOCK_CODES) {
            self.begin_block();
        }
        let chunk = self.chunks.last_mut().expect("a block has a chunk");
        chunk.push(u8::try_from(code.len()).expect("checked above"));
        chunk.extend_from_slice(code.as_bytes());
        self.count += 1;
        self.count - 1
    }

    /// The bytes of the code at `place`, which must be below the count.
    pub(super) fn bytes(&self, place: u32) -> &[u8] {
        assert!(place < self.count, "only places that were given out are asked for");
        let start = self.blocks[(place / BLOCK_CODES) as usize] as usize;
        let chunk = &self.chunks[start / CHUNK_BYTES];
        let mut at = start % CHUNK_BYTES;
        for _ in 0..place % BLOCK_CODES {
            at += 1 + usize::from(chunk[at]);
        }
        &chunk[at + 1..][..usize::from(chunk[at])]
    }

    /// The code at `place`, which must be below the count.
    pub(super) fn code(&self, place: u32) -> &str {
        std::str::from_utf8(self.bytes(place)).expect("only text was stored")
    }

    /// Gives back what growth has left over.
    pub(super) fn shrink(&mut self) {
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.shrink_to_fit();
        }
        self.chunks.shrink_to_fit();
        self.blocks.shrink_to_fit();
    }

    /// What it holds of the heap, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.chunks.iter().map(Vec::capacity).sum::<usize>()
            + self.chunks.capacity() * size_of::<Vec<u8>>()
            + self.blocks.capacity() * size_of::<u32>()
    }

    fn begin_block(&mut self) {
        if self.chunks.last().is_none_or(|chunk| chunk.len() + BLOCK_BYTES_MAX > CHUNK_BYTES) {
            // The first chunk grows as it fills, so that a short list stays small.
            let capacity = if self.chunks.is_empty() { 0 } else { CHUNK_BYTES };
            self.chunks.push(Vec::with_capacity(capacity));
        }
        let index = self.chunks.len() - 1;
        let start = index * CHUNK_BYTES + self.chunks[index].len();
        self.blocks.push(u32::try_from(start).expect("a million codes are at most 133 MB"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stay_where_they_were_put() {
        let mut texts = Texts::default();
        let codes: Vec<String> = (0..9_000).map(|n| format!("{n:04}{}", "é".repeat(n % 63))).collect();
        for (place, code) in codes.iter().enumerate() {
            assert_eq!(texts.push(code) as usize, place);
        }
        texts.shrink();
        assert!(texts.chunks.len() > 5);
        for (place, code) in (0..).zip(&codes) {
            assert_eq!(texts.code(place), code);
        }
    }

    #[test]
    fn blocks_of_the_longest_codes_fit_their_chunks() {
        let mut texts = Texts::default();
        let code = "x".repeat(CODE_BYTES_MAX);
        (0..2_000).for_each(|_| assert!(texts.push(&code) < 2_000));
        assert!(texts.chunks.iter().all(|chunk| chunk.len() <= CHUNK_BYTES));
        assert_eq!(texts.code(1_999), code);
    }

    #[test]
    fn a_short_list_is_small() {
        let mut texts = Texts::default();
        texts.push("SPRING-1");
        texts.shrink();
        assert!(texts.heap_bytes() < 64, "{} bytes", texts.heap_bytes());
    }
}
