//! The command line: one file a subcommand. Owns their names and exit codes.

mod api;
mod campaign;
mod draw;
mod export;
mod key;
mod report;
mod serve;
mod top;
mod wal;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Hands out a limited number of coupons to a crowd that comes all at once: never one too many, never two to the same
/// person, never one lost.
#[derive(Debug, Parser)]
#[command(name = "landrush", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::ServeArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (what `landrush` alone does too).
    Serve(serve::ServeArguments),
    /// Compute draws and lottery ranks again, from what is public once a campaign is over.
    #[command(subcommand)]
    Draw(draw::Command),
    /// Look into the log of a data directory.
    #[command(subcommand)]
    Wal(wal::Command),
    /// Make, read and change campaigns of a running server. Exit 1: it refuses; 2: wrong usage; 3: it cannot be reached.
    Campaign(campaign::Arguments),
    /// Make management keys.
    #[command(subcommand)]
    Key(key::Command),
    /// Write what a campaign has issued as CSV or as one JSON object a line. Exit codes as of `campaign`.
    Export(export::Arguments),
    /// Say where a campaign's coupons went. Exit codes as of `campaign`.
    Report(report::Arguments),
    /// Watch a running server live: rates, latencies, campaigns and what is left of them. Exit codes as of `campaign`.
    Top(top::Arguments),
}

/// Runs what the process's arguments ask for.
pub fn main() -> ExitCode {
    let Arguments { command, serve } = Arguments::parse();
    match command.unwrap_or(Command::Serve(serve)) {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Draw(command) => draw::run(&command),
        Command::Wal(command) => wal::run(&command),
        Command::Campaign(arguments) => campaign::run(&arguments),
        Command::Key(command) => key::run(&command),
        Command::Export(arguments) => export::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Top(arguments) => top::run(&arguments),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn serve_is_the_default() {
        for line in [&["landrush", "--listen", "127.0.0.1:0"][..], &["landrush", "serve", "--listen", "127.0.0.1:0"]] {
            let arguments = Arguments::try_parse_from(line).expect("valid");
            let Command::Serve(serve) = arguments.command.unwrap_or(Command::Serve(arguments.serve)) else {
                panic!("{line:?} is not about the log");
            };
            assert_eq!(serve.listen.as_deref(), Some("127.0.0.1:0"));
        }
    }
}
