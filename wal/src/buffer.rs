//! Owns the memory that a write leaves from: aligned for direct I/O, reused, never moved while a write is in flight.

use std::ops::Range;

use crate::frame::FRAME_HEADER_BYTES;
use crate::options::BLOCK_BYTES_MAX;
use crate::width;

const ALIGNMENT: usize = BLOCK_BYTES_MAX as usize;

/// Room for one frame, and before it for a segment's header block.
pub struct Buffer {
    bytes: Box<[u8]>,
    /// Where the frame begins: aligned, and at least one block in.
    frame_start: usize,
    /// Bytes of the frame in use, header included.
    used: usize,
    frame_bytes_max: usize,
}

impl Buffer {
    pub(crate) fn new(frame_bytes_max: usize) -> Self {
        let bytes = vec![0; frame_bytes_max + 2 * ALIGNMENT].into_boxed_slice();
        let frame_start = ALIGNMENT + bytes.as_ptr().align_offset(ALIGNMENT);
        assert!(frame_start + frame_bytes_max <= bytes.len(), "an aligned frame fits");
        Self { bytes, frame_start, used: FRAME_HEADER_BYTES, frame_bytes_max }
    }

    /// Bytes of payload that still fit.
    pub(crate) fn payload_room(&self) -> usize {
        self.frame_bytes_max - self.used
    }

    pub(crate) fn payload_bytes(&self) -> usize {
        self.used - FRAME_HEADER_BYTES
    }

    pub(crate) fn push(&mut self, payload: &[u8]) {
        let start = self.frame_start + self.used;
        self.bytes[start..start + payload.len()].copy_from_slice(payload);
        self.used += payload.len();
    }

    /// Bytes of the frame once it is padded to whole blocks.
    pub(crate) fn padded_bytes(&self, block_bytes: usize) -> usize {
        self.used.next_multiple_of(block_bytes)
    }

    /// The frame, padded with zeros to whole blocks.
    pub(crate) fn padded_frame(&mut self, block_bytes: usize) -> &mut [u8] {
        let end = self.padded_bytes(block_bytes);
        let frame = &mut self.bytes[self.frame_start..self.frame_start + end];
        frame[self.used..].fill(0);
        frame
    }

    /// Where the padded frame lies in [`Buffer::bytes`].
    pub(crate) fn frame_range(&self, block_bytes: usize) -> Range<usize> {
        self.frame_start..self.frame_start + self.padded_bytes(block_bytes)
    }

    /// Puts `header` in the block before the frame, and gives where block and frame lie together.
    pub(crate) fn prepend(&mut self, header: &[u8], block_bytes: usize) -> Range<usize> {
        assert!(header.len() <= block_bytes && block_bytes <= ALIGNMENT, "a segment header fits in a block");
        let start = self.frame_start - block_bytes;
        self.bytes[start..self.frame_start].fill(0);
        self.bytes[start..start + header.len()].copy_from_slice(header);
        start..self.frame_range(block_bytes).end
    }

    /// All of the memory, at an address that stays as long as the buffer lives.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn clear(&mut self) {
        self.used = FRAME_HEADER_BYTES;
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Buffer").field("used", &self.used).finish_non_exhaustive()
    }
}

/// A pool of buffers, so that a busy log allocates none.
#[derive(Debug)]
pub(crate) struct Pool {
    free: Vec<Buffer>,
    frame_bytes_max: u32,
}

impl Pool {
    /// More are only needed while the disk is slow, and are given back afterwards.
    const KEPT: usize = 4;

    pub(crate) fn new(frame_bytes_max: u32) -> Self {
        Self { free: Vec::new(), frame_bytes_max }
    }

    pub(crate) fn take(&mut self) -> Buffer {
        self.free.pop().unwrap_or_else(|| Buffer::new(width::in_memory(u64::from(self.frame_bytes_max))))
    }

    pub(crate) fn give_back(&mut self, mut buffer: Buffer) {
        if self.free.len() < Self::KEPT {
            buffer.clear();
            self.free.push(buffer);
        }
    }
}
