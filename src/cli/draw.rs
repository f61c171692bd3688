//! The commands that check the results of draws and lotteries: their names, and what their exit codes mean.

mod check;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

/// A check of results.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Compute one result from public facts: what a draw samples, or the rank of a lottery's entry.
    Check(check::Arguments),
    /// Compute every draw of a log, and every lottery, again from their seeds. Only reads, also beside a live server.
    Verify {
        /// The data directory.
        dir: PathBuf,
    },
}

/// Why a command ended early.
#[derive(Debug)]
enum Failure {
    /// The command cannot be carried out as it was given.
    Usage(String),
    /// Standard output cannot be written.
    Output(io::Error),
}

impl From<io::Error> for Failure {
    /// An error of writing to standard output.
    fn from(error: io::Error) -> Self {
        Failure::Output(error)
    }
}

/// Runs `command`; gives its exit code: 0, 1 if the output cannot be written or a result is wrong, 2 for what cannot be done as it was asked.
pub(super) fn run(command: &Command) -> ExitCode {
    let ended = match command {
        Command::Check(arguments) => check::run(arguments),
        Command::Verify { dir } => return super::wal::verify_draws(dir),
    };
    let (code, message) = match ended {
        Ok(()) => return ExitCode::SUCCESS,
        // Whoever read the output has gone, and has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
        Err(Failure::Output(error)) => (1, format!("cannot write the output: {error}")),
        Err(Failure::Usage(what)) => (2, what),
    };
    // Nothing can be done for somebody who does not listen.
    drop(writeln!(io::stderr(), "landrush: {message}"));
    ExitCode::from(code)
}
