//! What is to be gone when a run is interrupted (Ctrl-C, `kill`, nobody who reads on): the processes that it has started, the control
//! group that holds one of them, and its directories. In a run that comes to its end each of them ends with its owner; a signal does
//! not ask the owners.

use std::fs;
use std::future;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::process::CommandExt as _;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tempfile::TempDir;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// How long processes may take to end in order, before they are killed, and what they have left to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(5);
/// How often that is tried.
const TRIED_EVERY: Duration = Duration::from_millis(10);

static LEFT: Mutex<Left> = Mutex::new(Left { processes: Vec::new(), groups: Vec::new(), directories: Vec::new() });

/// What there may be. Groups and directories that are gone already stay here: their names do not come again.
struct Left {
    processes: Vec<Pid>,
    groups: Vec<PathBuf>,
    directories: Vec<PathBuf>,
}

/// Starts a process, which its owner hands to [`end`] at last. Ctrl-C does not reach it: it would end while it is still loaded.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    let mut left = left();
    let child = command.process_group(0).spawn()?;
    left.processes.extend(pid(&child));
    Ok(child)
}

/// Kills a process, if it has not been waited for, and forgets it: its id may be somebody else's from now on.
pub(crate) fn end(child: &mut Child) {
    let mut left = left();
    // A child that has been waited for is left alone: both calls then do nothing.
    let _ = child.kill();
    let _ = child.wait();
    if let Some(gone) = pid(child) {
        left.processes.retain(|known| *known != gone);
    }
}

/// Makes a temporary directory in `scratch`, or where such directories usually are.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn directory(prefix: &str, scratch: Option<&Path>) -> io::Result<TempDir> {
    let mut left = left();
    let made = match scratch {
        Some(scratch) => TempDir::with_prefix_in(prefix, scratch)?,
        None => TempDir::with_prefix(prefix)?,
    };
    left.directories.push(made.path().to_owned());
    Ok(made)
}

/// Makes a control group.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn group(path: &Path) -> io::Result<()> {
    let mut left = left();
    fs::create_dir(path)?;
    left.groups.push(path.to_owned());
    Ok(())
}

/// From here on a run ends as by a signal, and quietly, when whoever read what it prints has gone (`| head`): printing panics then,
/// which would leave behind what was started, under a backtrace.
pub(crate) fn end_when_nobody_reads() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if info.payload_as_str().is_some_and(says_that_nobody_reads) {
            LEFT.lock().unwrap_or_else(PoisonError::into_inner).end();
            process::exit(128 + Signal::PIPE.as_raw());
        }
        before(info);
    }));
}

/// Whether `panic` is what the standard library's printing says of a closed pipe.
fn says_that_nobody_reads(panic: &str) -> bool {
    panic.starts_with("failed printing to std")
        && panic.ends_with(&format!("(os error {})", Errno::PIPE.raw_os_error()))
}

fn pid(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()).ok()?)
}

/// From the first look on, signals are waited for.
fn left() -> MutexGuard<'static, Left> {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        // Where signals cannot be waited for, they leave things behind; no reason not to measure.
        let _ = thread::Builder::new().name("signals".into()).spawn(watch);
    });
    LEFT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a signal that ends this process, and does what is to be done before.
fn watch() -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let ignored = ignored(&fs::read_to_string("/proc/self/status")?);
    let number = runtime.block_on(async {
        let [hangup, interrupt, terminate] =
            [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::terminate()].map(|kind| come(kind, ignored));
        tokio::select! { number = hangup => number, number = interrupt => number, number = terminate => number }
    })?;
    // Held to the end: until then nobody starts anything, and nobody whose server is gone says so.
    let left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    let words = "landrush-loadtest: interrupted; what was started is ended, and nothing more is written";
    // Whoever would read it may have gone.
    let _ = writeln!(io::stderr(), "{words}");
    left.end();
    process::exit(128 + number)
}

/// Waits for a signal, for ever if it is among those that are ignored, as by `nohup`; says its number.
async fn come(kind: SignalKind, ignored: u64) -> io::Result<i32> {
    let number = kind.as_raw_value();
    if ignored >> (number - 1) & 1 == 1 {
        return future::pending().await;
    }
    signal(kind)?.recv().await;
    Ok(number)
}

/// The signals that are ignored, in the lines of `/proc/self/status`: the first is the lowest bit.
fn ignored(status: &str) -> u64 {
    let bits = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    bits.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or_default()
}

impl Left {
    /// Ends the processes, in order if they do so soon, and then removes what they have used.
    fn end(&self) {
        // By this one PostgreSQL ends without waiting for whoever is connected.
        let told = |pid: &Pid| kill_process(*pid, Signal::INT).is_ok();
        let mut alive: Vec<_> = self.processes.iter().copied().filter(told).collect();
        within(|| {
            alive.retain(|pid| matches!(waitpid(Some(*pid), WaitOptions::NOHANG), Ok(None)));
            alive.is_empty()
        });
        for pid in alive {
            let _ = kill_process(pid, Signal::KILL);
            let _ = waitpid(Some(pid), WaitOptions::empty());
        }
        for group in &self.groups {
            within(|| is_gone(fs::remove_dir(group)));
        }
        for directory in &self.directories {
            within(|| is_gone(fs::remove_dir_all(directory)));
        }
    }
}

/// Tries until it is `done`, or too late.
fn within(mut done: impl FnMut() -> bool) {
    let end = Instant::now() + GONE_WITHIN;
    while !done() && Instant::now() < end {
        thread::sleep(TRIED_EVERY);
    }
}

fn is_gone(removed: io::Result<()>) -> bool {
    removed.map_or_else(|error| error.kind() == ErrorKind::NotFound, |()| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_that_are_ignored_are_known() {
        assert_eq!(ignored("Name:\tx\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000000003\n"), 3);
        assert_eq!(ignored(""), 0);
    }
}
