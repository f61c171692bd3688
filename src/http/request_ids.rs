//! Owns what answers are called by in `x-request-id` where the request has no name of its own.

use std::cell::Cell;

/// Deals request ids: unlike each other within a process by the count, and between processes and threads by the prefix.
#[derive(Debug)]
pub(crate) struct RequestIds {
    prefix: u64,
    next: Cell<u64>,
}

impl RequestIds {
    /// Ids that follow from `seed`, which is random.
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        let (prefix, _) = seed.split_first_chunk().expect("it has 32 bytes");
        Self { prefix: u64::from_le_bytes(*prefix), next: Cell::new(0) }
    }

    /// The next id: 16 hexadecimal digits.
    pub(crate) fn next(&self) -> [u8; 16] {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        // An odd factor only permutes: no two counts give one id.
        let mut bits = self.prefix.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut text = [0; 16];
        for place in text.iter_mut().rev() {
            *place = b"0123456789abcdef"[usize::try_from(bits & 15).expect("four bits")];
            bits >>= 4;
        }
        text
    }
}
