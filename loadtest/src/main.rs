//! The load-test harness of landrush: sends claims on a schedule, measures from the moment each should have left, and
//! checks from the client's side that nothing was handed out twice, too often, or lost. It speaks HTTP alone and knows
//! nothing of the engine or its log; but for [`attack`], which loads nothing and plays the parts that judge in virtual time.

#![forbid(unsafe_code)]

mod answer;
mod api;
mod ask;
mod attack;
mod baselines;
mod checkout;
mod claims;
mod cli;
mod client;
mod compare;
mod confirm;
mod connection;
mod crash;
mod departures;
mod descriptors;
mod fairness;
mod hlog;
mod interrupted;
mod load;
mod lottery;
mod memory;
mod oracle;
mod overload;
mod plan;
mod pool;
mod processes;
mod recorder;
mod rehearsal;
mod report;
mod request;
mod response;
mod scenario;
mod schedule;
mod server;
mod share;
#[cfg(test)]
mod stub;
mod used;
mod violation;
mod watch;
mod workload;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    interrupted::end_when_nobody_reads();
    match run(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("landrush-loadtest: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Does what the command line says; `false` when the server broke a promise or missed a figure.
fn run(cli: &Cli) -> Result<bool> {
    match &cli.command {
        None => load::run(&cli.load),
        Some(Command::Floor(floor)) => Ok(baselines::floor::serve(floor.listen, floor.pipelined).map(|()| true)?),
        Some(Command::Share(share)) => share::run(share),
        Some(Command::Compare(compare)) => compare::run(compare),
        Some(Command::Run(rehearse)) => rehearsal::run(rehearse),
        Some(Command::Crash(crash)) => crash::run(crash),
        Some(Command::Attack(attack)) => attack::run(attack),
        Some(Command::Overload(overload)) => overload::run(overload),
        Some(Command::Watch(watch)) => watch::run(watch),
        Some(Command::Memory(memory)) => memory::run(memory),
        Some(Command::Generate) => processes::generate().map(|()| true),
    }
}
