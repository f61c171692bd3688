//! Owns the one assumption on the width of a pointer, so that lengths convert between file and memory without a cast.

const _: () = assert!(size_of::<usize>() == size_of::<u64>(), "the log is for 64-bit machines");

/// A length in a file as a length in memory.
pub(crate) fn in_memory(bytes: u64) -> usize {
    usize::try_from(bytes).expect("a pointer has 64 bits")
}

/// A length in memory as a length in a file.
pub(crate) fn in_file(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("a pointer has 64 bits")
}

/// A length that a frame's header can hold.
///
/// # Panics
/// If it cannot: callers have checked it against [`crate::frame::FRAME_BYTES_LIMIT`].
pub(crate) fn in_frame(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a frame is shorter than 4 GiB")
}
