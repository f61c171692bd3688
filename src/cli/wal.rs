//! The commands over a log on disk: their names, and what their exit codes mean. All but `repair` only read, also beside a
//! live server; none of them makes anything in the directory.

mod dump;
mod history;
mod repair;
mod replay;
mod stats;
mod verify;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use landrush_wal::damage::ReadError;
use landrush_wal::reader::Reader;
use landrush_wal::storage::file::FileStorage;

/// A command over a log on disk.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say whether the log and its snapshots are sound. Exit 0: sound (a torn tail is); 1: damaged.
    Verify {
        /// The data directory.
        dir: PathBuf,
    },
    /// Count what is in the log.
    Stats {
        /// The data directory.
        dir: PathBuf,
    },
    /// Print the log's records, one JSON object a line.
    Dump(dump::Arguments),
    /// Rebuild the state from the log, print what was issued, and check every promise. Exit 1: one is broken.
    Replay(replay::Arguments),
    /// Drop the end of a damaged log.
    Repair(repair::Arguments),
}

/// Why a command ended early.
#[derive(Debug)]
enum Failure {
    /// The log or its content is not sound: what, and what to do.
    Damaged(String),
    /// The command cannot be carried out as it was given.
    Usage(String),
    /// Whoever read the output has gone.
    Closed,
}

impl Failure {
    fn damaged(error: impl std::fmt::Display) -> Self {
        Failure::Damaged(error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    /// An error of writing to standard output.
    fn from(_: std::io::Error) -> Self {
        Failure::Closed
    }
}

/// Runs `command`; gives its exit code: 0, 1 for damage or a broken promise, 2 for usage.
pub(super) fn run(command: &Command) -> ExitCode {
    let (dir, done) = match command {
        Command::Verify { dir } => (dir, check_directory(dir).and_then(|()| verify::run(dir))),
        Command::Stats { dir } => (dir, check_directory(dir).and_then(|()| stats::run(dir))),
        Command::Dump(arguments) => {
            (&arguments.dir, check_directory(&arguments.dir).and_then(|()| dump::run(arguments)))
        }
        Command::Replay(arguments) => {
            (&arguments.dir, check_directory(&arguments.dir).and_then(|()| replay::run(arguments)))
        }
        Command::Repair(arguments) => {
            (&arguments.dir, check_directory(&arguments.dir).and_then(|()| repair::run(arguments)))
        }
    };
    let (message, code) = match done {
        Ok(()) | Err(Failure::Closed) => return ExitCode::SUCCESS,
        Err(Failure::Damaged(what)) => (format!("{}: {what}", dir.display()), 1),
        Err(Failure::Usage(what)) => (what, 2),
    };
    // Nothing can be done for somebody who does not listen.
    drop(writeln!(std::io::stderr(), "landrush: {message}"));
    ExitCode::from(code)
}

fn check_directory(dir: &Path) -> Result<(), Failure> {
    if dir.join("wal").is_dir() {
        return Ok(());
    }
    let what =
        if dir.is_dir() { "is no data directory of landrush: it has no folder `wal`" } else { "is no directory" };
    Err(Failure::Usage(format!("{} {what}", dir.display())))
}

fn open(dir: &Path) -> Result<Reader<FileStorage>, Failure> {
    Reader::open(FileStorage::new(dir)).map_err(|error| unreadable(&error))
}

/// What to say of a log that cannot be read.
fn unreadable(error: &ReadError) -> Failure {
    if let ReadError::Damaged(damage) = error {
        Failure::Damaged(format!("{damage}\n{}", advice()))
    } else {
        Failure::damaged(error)
    }
}

fn advice() -> String {
    String::from(
        "Records that were acknowledged are behind this place: the server does not start over them. Restore a backup, \
         or see with `landrush wal repair --drop-after LSN DIR` what is lost if the log ends before it; \
         `landrush wal stats DIR` says which record is the last one that can be read",
    )
}

/// A bar for work over `bytes` of log: drawn on a terminal only.
fn progress_bar(bytes: u64, doing: &'static str) -> ProgressBar {
    let target =
        if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{msg} {bar:40} {bytes}/{total_bytes} {eta}").expect("well formed");
    ProgressBar::with_draw_target(Some(bytes), target).with_style(style).with_message(doing)
}
