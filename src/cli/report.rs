//! `landrush report`: reports on a campaign of a running server, over HTTP. Owns what is asked.

mod fraud;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Subcommand;

use super::api::{self, Api, Failure, ServerArguments};
use super::campaign;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    server: ServerArguments,
    /// Print the server's JSON as it came.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// By address block, device and phone prefix, how soon after the opening, and what the gate refused: since the server's start.
    Fraud {
        /// The campaign's id.
        id: String,
    },
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    api::run(ask(arguments))
}

async fn ask(Arguments { server, json, command: Command::Fraud { id } }: &Arguments) -> Result<(), Failure> {
    let mut api = Api::new(server)?;
    let reply = api.get(&campaign::path(id, "/report/fraud")).await?;
    let mut out = io::stdout().lock();
    if *json {
        out.write_all(&reply.body)?;
        out.write_all(b"\n")?;
    } else {
        fraud::write(&api.read(&reply)?, &mut out)?;
    }
    Ok(out.flush()?)
}
