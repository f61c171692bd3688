//! A run that is interrupted ends what it has started and leaves nothing on the disk.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::landrush::server;
use crate::text;

/// How long a server may take to be there.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn an_interrupted_run_ends_its_server_and_removes_its_directory() {
    let scratch = TempDir::new().expect("a directory");
    let folder = scratch.path().to_str().expect("a path in UTF-8");
    let mut run = Command::new(env!("CARGO_BIN_EXE_landrush-loadtest"));
    run.args(["--rate", "100", "--duration", "5m", "--connections", "2", "--server-binary", server()]);
    let run = run.args(["--scratch", folder]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let began = Instant::now();
    while servers(scratch.path()) == 0 {
        assert!(began.elapsed() < PATIENCE, "no server");
        thread::sleep(Duration::from_millis(10));
    }
    let pid = Pid::from_raw(i32::try_from(run.id()).expect("a process id")).expect("not zero");
    kill_process(pid, Signal::TERM).expect("it runs");
    let ended = run.wait_with_output().expect("it ends");
    let err = text(&ended.stderr);
    assert_eq!(ended.status.code(), Some(128 + Signal::TERM.as_raw()), "{err}");
    assert!(err.contains("interrupted"), "{err}");
    assert_eq!(servers(scratch.path()), 0, "a server goes on: {err}");
    assert_eq!(fs::read_dir(scratch.path()).expect("read").count(), 0, "something is left: {err}");
}

/// As by `| head`: what is read on is not, and what was started ends all the same.
#[test]
fn a_run_whose_reader_has_gone_ends_quietly_and_leaves_nothing() {
    let scratch = TempDir::new().expect("a directory");
    let folder = scratch.path().to_str().expect("a path in UTF-8");
    let mut run = Command::new(env!("CARGO_BIN_EXE_landrush-loadtest"));
    run.args(["--rate", "100", "--duration", "200ms", "--connections", "2", "--server-binary", server()]);
    let run = run.args(["--scratch", folder]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut run = run.spawn().expect("it starts");
    drop(run.stdout.take());
    let ended = run.wait_with_output().expect("it ends");
    assert_eq!((text(&ended.stderr).as_str(), ended.status.code()), ("", Some(128 + Signal::PIPE.as_raw())));
    assert_eq!(servers(scratch.path()), 0, "a server goes on");
    assert_eq!(fs::read_dir(scratch.path()).expect("read").count(), 0, "something is left");
}

/// How many servers keep their data in `scratch`.
fn servers(scratch: &Path) -> usize {
    let data = format!("{}/landrush-loadtest-", scratch.display());
    let processes = fs::read_dir("/proc").expect("processes").filter_map(|entry| Some(entry.ok()?.path()));
    // Whoever has ended since the directory was read is none.
    let words = processes.filter_map(|process| fs::read(process.join("cmdline")).ok());
    words.filter(|words| text(words).contains(&data)).count()
}
