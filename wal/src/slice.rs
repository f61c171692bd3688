//! Owns how soon the thread that drives the log gets a processor once it is woken. Leaves who drives it to the caller.
//!
//! A write that has landed is worth nothing until this thread runs again. Where every processor is taken, Linux lets whoever runs use
//! up its slice first (about 3 ms), unless the one that is woken asked for shorter slices itself. This thread works for a fraction of
//! a millisecond at a time and can ask for that: it gets no more of the processor, only sooner.
//!
//! Of a kernel's interfaces this one has no safe wrapper that is kept up; the call is the second place in the crate with unsafe code.
#![allow(unsafe_code)]

use std::io;
use std::time::Duration;

/// The shortest slice that Linux grants.
const SLICE: Duration = Duration::from_micros(100);

/// `SCHED_OTHER` and `SCHED_BATCH`: with others the same field means something else.
const POLICIES: [u32; 2] = [0, 3];

/// The kernel's `struct sched_attr` in its first version (`SCHED_ATTR_SIZE_VER0`).
#[repr(C)]
#[derive(Debug, Default)]
struct SchedulingAttributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime_ns: u64,
    deadline_ns: u64,
    period_ns: u64,
}

const ATTRIBUTES_BYTES: u32 = 48;
const _: () = assert!(size_of::<SchedulingAttributes>() == ATTRIBUTES_BYTES as usize);

/// Asks for short slices of a processor for the calling thread, and for the threads that it starts from now on. Its share of the
/// processor, its niceness and its policy stay as they are. Linux 6.12 and later heed it, earlier ones take it and do not.
///
/// # Errors
/// What the kernel says; `Unsupported` for a thread of a real-time policy, which needs no such thing. Nothing has changed then.
pub fn shorten() -> io::Result<()> {
    let mut attributes = SchedulingAttributes { size: ATTRIBUTES_BYTES, ..SchedulingAttributes::default() };
    // SAFETY: the kernel writes at most the size it is given into a struct of that size, of this thread (0).
    let got = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, ATTRIBUTES_BYTES, 0) };
    if got != 0 {
        return Err(io::Error::last_os_error());
    }
    if !POLICIES.contains(&attributes.policy) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    attributes.runtime_ns = u64::try_from(SLICE.as_nanos()).expect("a fraction of a second");
    // SAFETY: the kernel reads a struct of the size that stands in it.
    let set = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn niceness_and_slice() -> (i32, u64) {
        let mut attributes = SchedulingAttributes { size: ATTRIBUTES_BYTES, ..SchedulingAttributes::default() };
        // SAFETY: as above.
        let got = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, ATTRIBUTES_BYTES, 0) };
        assert_eq!(got, 0, "{}", io::Error::last_os_error());
        (attributes.nice, attributes.runtime_ns)
    }

    #[test]
    fn slices_become_short_and_niceness_stays() {
        std::thread::spawn(|| {
            let (niceness, slice_ns) = niceness_and_slice();
            shorten().expect("an ordinary thread may ask");
            let (later, later_ns) = niceness_and_slice();
            assert_eq!(later, niceness);
            // A kernel that knows no slices of one's own tells none.
            assert!(later_ns == 100_000 || later_ns == slice_ns, "{later_ns} ns, after {slice_ns} ns");
        })
        .join()
        .expect("the thread ends well");
    }
}
