//! Runs one file of Node tests, alone and for a bounded time.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::installed;

/// How long one file may take.
const FILE_TIME_MAX: Duration = Duration::from_secs(90);
/// How long Node has to close its browser once it is told to end.
const GRACE: Duration = Duration::from_secs(5);

/// Runs `<name>.test.mjs`, and passes on what it says.
pub(super) fn node_test(name: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    // One at a time, in however many processes the tests are run: they install into one folder, and they measure moments to
    // some ten milliseconds, which two browsers on a small machine would take from each other.
    let lock = File::create(folder.join("lock")).expect("the target folder can be written");
    lock.lock().expect("the file system has locks");
    let installed = installed::ensure(&folder);

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser").join(format!("{name}.test.mjs"));
    // What an ended Node cannot clear away is cleared away with this.
    let temporary = tempfile::TempDir::new().expect("a temporary directory");
    let mut node = Command::new("node")
        .args(["--test-reporter=spec", "--test-reporter-destination=stdout"])
        .arg(&file)
        .env("LANDRUSH_BINARY", env!("CARGO_BIN_EXE_landrush"))
        .env("LANDRUSH_BROWSER_PACKAGES", &installed.packages)
        .env("LANDRUSH_SCREENSHOTS", folder.join("screenshots"))
        .env("CHROMIUM", &installed.chromium)
        .env("TMPDIR", temporary.path())
        .process_group(0)
        .spawn()
        .expect("Node starts");
    let status = wait(&mut node);
    drop(lock);
    match status {
        Some(status) => assert!(status.success(), "{name}.test.mjs: {status}; what failed is said above"),
        None => panic!("{name}.test.mjs took longer than {FILE_TIME_MAX:?}"),
    }
}

/// How `node` ended; `None` if it had to be ended.
fn wait(node: &mut Child) -> Option<ExitStatus> {
    let group = Pid::from_child(node);
    let mut status = wait_until(node, Instant::now() + FILE_TIME_MAX);
    let in_time = status.is_some();
    if !in_time {
        // The browser is in a group of its own; Node ends it on this signal.
        let _ = rustix::process::kill_process(group, Signal::TERM);
        status = wait_until(node, Instant::now() + GRACE);
    }
    // Whatever it has left behind: servers, and itself if it would not end. There may be nothing, which is no error.
    let _ = rustix::process::kill_process_group(group, Signal::KILL);
    if status.is_none() {
        drop(node.wait());
    }
    status.filter(|_| in_time)
}

fn wait_until(node: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        let status = node.try_wait().expect("the process is ours");
        if status.is_some() || Instant::now() >= deadline {
            return status;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
