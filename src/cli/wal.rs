//! The commands over a log on disk: their names, and what their exit codes mean. All but `repair` only read, also beside a
//! live server; none of them makes anything in the directory.

mod campaigns;
mod dump;
mod event_json;
mod failure;
mod history;
mod reading;
mod repair;
mod replay;
mod stats;
mod verify;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use landrush_wal::storage::Folder;

use failure::Failure;

/// A command over a log on disk.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say whether the log and its snapshots are sound. Exit 0: sound (a torn tail is); 1: damaged; 2: cannot be said.
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
    /// Drop the end of a damaged log, after listing what is lost with it.
    Repair(repair::Arguments),
}

impl Command {
    fn dir(&self) -> &Path {
        match self {
            Command::Verify { dir } | Command::Stats { dir } => dir,
            Command::Dump(arguments) => &arguments.dir,
            Command::Replay(arguments) => &arguments.dir,
            Command::Repair(arguments) => &arguments.dir,
        }
    }

    fn run(&self) -> Result<(), Failure> {
        check_directory(self.dir())?;
        match self {
            Command::Verify { dir } => verify::run(dir),
            Command::Stats { dir } => stats::run(dir),
            Command::Dump(arguments) => dump::run(arguments),
            Command::Replay(arguments) => replay::run(arguments),
            Command::Repair(arguments) => repair::run(arguments),
        }
    }
}

/// Runs `command`; gives its exit code: 0, 1 for damage or a broken promise, 2 for what cannot be done as it was asked.
pub(super) fn run(command: &Command) -> ExitCode {
    exit_code(command.run(), command.dir())
}

/// Computes every draw of the log in `dir` again; gives the exit code, as [`run`] does.
pub(super) fn verify_draws(dir: &Path) -> ExitCode {
    exit_code(check_directory(dir).and_then(|()| replay::verify_draws(dir)), dir)
}

fn exit_code(ended: Result<(), Failure>, dir: &Path) -> ExitCode {
    let Err(failure) = ended else { return ExitCode::SUCCESS };
    let Some((code, message)) = failure.report(dir) else { return ExitCode::SUCCESS };
    // Nothing can be done for somebody who does not listen.
    drop(writeln!(std::io::stderr(), "landrush: {message}"));
    ExitCode::from(code)
}

fn check_directory(dir: &Path) -> Result<(), Failure> {
    let log = dir.join(Folder::Log.name());
    match std::fs::read_dir(&log) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Err(Failure::Usage(format!("cannot read {}: {error}; run this as the server's user", log.display())))
        }
        Err(_) => {
            let what = if dir.is_dir() { "has no folder `wal`, so it is no data directory" } else { "is no directory" };
            Err(Failure::Usage(format!(
                "{} {what}. Give the directory that the server was started with: --data-dir, or data_dir in its \
                 configuration",
                dir.display()
            )))
        }
    }
}

/// A bar for work over `bytes` of log: drawn on a terminal only.
fn progress_bar(bytes: u64, doing: &'static str) -> ProgressBar {
    let target =
        if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{msg} {bar:40} {bytes}/{total_bytes} {eta}").expect("well formed");
    ProgressBar::with_draw_target(Some(bytes), target).with_style(style).with_message(doing)
}

/// `1 claim`, `2 claims`: a count of things.
fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
