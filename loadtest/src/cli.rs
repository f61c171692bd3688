//! The command line of the harness. Usage errors end with exit code 2, broken promises of the server with 1.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::attack::Attack;
use crate::compare::{Contender, Required};
use crate::schedule::Arrivals;

/// Requests that a connection may have on their way at most.
const PIPELINE_MAX: i64 = 256;
/// Generator processes of one run at most.
const PROCESSES_MAX: i64 = 64;

/// Loads a landrush server, measures it, and checks what it told its users.
#[derive(Debug, Parser)]
#[command(name = "landrush-loadtest", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) load: Load,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a constant answer: the floor that landrush is measured against.
    Floor(Floor),
    /// Measure landrush as a share of the floor, round by round in turn.
    Share(Share),
    /// Measure landrush beside Redis, PostgreSQL and the floor, round by round in turn.
    Compare(Compare),
    /// Run a scenario from a file, such as those in `config/scenarios`.
    Run(Rehearse),
    /// Kill the server at random moments under load, over one data directory, and check what it remembers.
    Crash(Crash),
    /// Play an attack of bots in virtual time, and say what honest people get under each defence. Loads no server.
    Attack(Attack),
    /// Offer the server three times of what it can carry, and check that it goes on with what it can.
    Overload(Overload),
    /// Watch a campaign many times over while others claim, and check what everybody is shown.
    Watch(Watch),
    /// Measure what an open connection costs in memory, the server's and the kernel's (root, for the kernel's).
    Memory(Memory),
    /// One of the generators of a run with `--processes`: what to do and when comes on standard input.
    #[command(hide = true)]
    Generate,
}

/// A load of claims on one campaign (without a subcommand).
#[derive(Args, Debug)]
pub(crate) struct Load {
    /// Requests a second, planned ahead (open loop), or `max`: as many as the connections carry (closed loop).
    #[arg(long, default_value = "30000", value_parser = rate)]
    pub(crate) rate: Rate,
    /// How long requests are sent, such as `20s`, `500ms` or `2m`.
    #[arg(long, default_value = "20s", value_parser = duration)]
    pub(crate) duration: Duration,
    /// Stop after this many requests, if the duration is not over first.
    #[arg(long, default_value_t = u64::MAX, hide_default_value = true)]
    pub(crate) requests: u64,
    /// Keep-alive connections.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) connections: u16,
    #[command(flatten)]
    pub(crate) depth: Depth,
    /// Generator processes, among which connections, requests and users are divided; what they were told is judged together.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=PROCESSES_MAX))]
    pub(crate) processes: u16,
    /// How the gaps between requests are spread.
    #[arg(long, value_enum, default_value = "constant")]
    pub(crate) arrivals: Arrivals,
    /// Share of the requests (0 to 1) that come from somebody who has asked before.
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    pub(crate) repeat_share: f64,
    /// Coupons of each type.
    #[arg(long, default_value_t = 100_000_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) quota: u64,
    /// Coupon types of the campaign; users take the first that has any left.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) coupon_types: u16,
    /// Fixes who asks and when.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Write the result as JSON to this file too.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write the latencies of each outcome as an interval log of HdrHistogram to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) hlog: Option<PathBuf>,
    /// A running server, such as `http://127.0.0.1:8080`; without it one is started on a free port.
    #[arg(long, value_parser = url, requires = "admin_key")]
    pub(crate) url: Option<SocketAddr>,
    /// The management key of the server at `--url`.
    #[arg(long, env = "LANDRUSH_ADMIN_KEY", hide_env_values = true)]
    pub(crate) admin_key: Option<String>,
    #[command(flatten)]
    pub(crate) server: ServerOptions,
}

/// How much a connection carries.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Depth {
    /// Requests that each connection has on their way at most: they leave without waiting for each other's answers, which come in
    /// their order. The server decides up to 64 claims of a connection together; more wait in the socket.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=PIPELINE_MAX))]
    pub(crate) pipeline: u16,
}

/// The server that the harness starts.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServerOptions {
    /// The `landrush` executable; without it the one beside this program.
    #[arg(long, value_name = "PATH")]
    pub(crate) server_binary: Option<PathBuf>,
    /// A configuration file for the server.
    #[arg(long, value_name = "FILE")]
    pub(crate) server_config: Option<PathBuf>,
    /// Where the server's temporary data directory is made (the disk that is measured).
    #[arg(long, value_name = "DIR")]
    pub(crate) scratch: Option<PathBuf>,
}

/// The floor.
#[derive(Args, Debug)]
pub(crate) struct Floor {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Write the answers to requests that came together with one write, as hyper can be told to.
    #[arg(long)]
    pub(crate) pipelined: bool,
}

/// Landrush beside the floor.
#[derive(Args, Debug)]
pub(crate) struct Share {
    /// Connections, each number measured by itself.
    #[arg(long, value_delimiter = ',', default_value = "256,64", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) connections: Vec<u16>,
    #[command(flatten)]
    pub(crate) depth: Depth,
    /// Seconds that each server is loaded in each round.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) seconds: u16,
    /// How often the two are measured in turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rounds: u16,
    /// Fail when the median share at any number of connections is below this.
    #[arg(long, value_parser = share)]
    pub(crate) at_least: Option<f64>,
    /// Measure the floor alone: how fast the machine and the generator are.
    #[arg(long, conflicts_with = "at_least")]
    pub(crate) floor_only: bool,
    #[command(flatten)]
    pub(crate) server: ServerOptions,
}

/// Landrush beside everybody.
#[derive(Args, Debug)]
pub(crate) struct Compare {
    /// Connections, each number measured by itself; PostgreSQL is measured at its own best number, one transaction at a time on each.
    #[arg(long, value_delimiter = ',', default_value = "64,256,1024", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) connections: Vec<u16>,
    #[command(flatten)]
    pub(crate) depth: Depth,
    /// How often everybody is measured, in another order each time; twice as many rounds as there are contenders, or a multiple of
    /// that, have everybody follow everybody else equally often.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rounds: u16,
    /// Seconds of each of the three loads of a measurement. What users are told is kept in memory until it is judged: about
    /// 20 MB for each of them at 60,000 a second.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=60))]
    pub(crate) seconds: u16,
    /// Who is measured; without it everybody who is installed.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHO")]
    pub(crate) only: Vec<Contender>,
    /// Fail when landrush's claims a second are, at any number of connections, less than so many times those of somebody, such as
    /// `floor=0.5,redis-always=2`; with `.refusals` its refusals a second once sold out, with `.cpu` the processor time of a claim, such
    /// as `floor.refusals=1`.
    #[arg(long, value_delimiter = ',', value_name = "WHO[.FIGURE]=RATIO")]
    pub(crate) at_least: Vec<Required>,
    /// Fail when they are more than so many times those of somebody, such as `floor.cpu=1.2`.
    #[arg(long, value_delimiter = ',', value_name = "WHO[.FIGURE]=RATIO")]
    pub(crate) at_most: Vec<Required>,
    /// Fixes when the requests of an open loop leave.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Write `compare.json`, `compare.html` and an interval log (`.hlog`) of everybody's latencies into this directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) server: ServerOptions,
}

/// A scenario.
#[derive(Args, Debug)]
pub(crate) struct Rehearse {
    /// The scenario's file.
    pub(crate) file: PathBuf,
    /// Make it smaller: so many times the users, coupons and watchers (0.0001 to 1).
    #[arg(long, default_value_t = 1.0, value_parser = scale)]
    pub(crate) scale: f64,
    /// Generator processes, among which connections, requests and users are divided; what they were told is judged together.
    /// Redemptions are sent by one.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=PROCESSES_MAX))]
    pub(crate) processes: u16,
    /// Write the result as JSON to this file too: every phase, and the judgement over all.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write the latencies of each phase and outcome as an interval log of HdrHistogram to this file, tagged `phase-1-won` and so on.
    #[arg(long, value_name = "FILE")]
    pub(crate) hlog: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) server: ServerOptions,
}

/// Crashes.
#[derive(Args, Debug)]
pub(crate) struct Crash {
    /// How often the server is killed.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// An empty or absent directory for the server's data, kept afterwards; without it one is made, and kept only on
    /// failure.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Fixes who asks for what, and after how long the server is killed.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Keep-alive connections, each with one request on its way.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) connections: u16,
    /// After every so many kills, replay the log too, and ask for every win since the first round again.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) thorough_every: u32,
    #[command(flatten)]
    pub(crate) server: ServerOptions,
}

/// Too much of everything.
#[derive(Args, Debug)]
pub(crate) struct Overload {
    /// For how long too much is offered.
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub(crate) duration: Duration,
    /// How much of a processor the server gets, in hundredths.
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u8).range(5..=100))]
    pub(crate) cpu_percent: u8,
    /// How many times of what it carries it is offered.
    #[arg(long, default_value_t = 3.0, value_parser = per_second)]
    pub(crate) times: f64,
    /// Connections between the crowd and the server, as a proxy keeps them.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) connections: u16,
    /// Fixes who asks for what, and when.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Write the result as JSON to this file too.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) server: ServerOptions,
}

/// Watchers.
#[derive(Args, Debug)]
pub(crate) struct Watch {
    /// Event streams that are open at once.
    #[arg(long, default_value_t = 15_000, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) watchers: u16,
    /// Claims a second, planned ahead.
    #[arg(long, default_value = "20000", value_parser = per_second)]
    pub(crate) claims_rate: f64,
    /// How long claims are sent.
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub(crate) duration: Duration,
    /// Keep-alive connections for claims, each with one request on its way.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) connections: u16,
    /// Fail when one event in a hundred takes longer than this, such as `500ms`.
    #[arg(long, value_parser = duration)]
    pub(crate) within: Option<Duration>,
    /// A running server, such as `http://127.0.0.1:8080`; without it one is started, whose memory is measured.
    #[arg(long, value_parser = url, requires = "admin_key")]
    pub(crate) url: Option<SocketAddr>,
    /// The management key of the server at `--url`.
    #[arg(long, env = "LANDRUSH_ADMIN_KEY", hide_env_values = true)]
    pub(crate) admin_key: Option<String>,
    #[command(flatten)]
    pub(crate) server: ServerOptions,
}

/// Memory of connections.
#[derive(Args, Debug)]
pub(crate) struct Memory {
    /// Connections of each kind that are open at once.
    #[arg(long, default_value_t = 8_000, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) connections: u16,
    /// How often each kind is measured, with a server of its own each time.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rounds: u16,
    #[command(flatten)]
    pub(crate) server: ServerOptions,
}

/// How fast requests leave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rate {
    /// As fast as connections become free.
    Max,
    /// So many a second, whatever the server does.
    PerSecond(f64),
}

impl Rate {
    /// Requests a second, where they are planned.
    pub(crate) fn per_second(self) -> Option<f64> {
        match self {
            Self::Max => None,
            Self::PerSecond(rate) => Some(rate),
        }
    }
}

fn rate(text: &str) -> Result<Rate, String> {
    if text == "max" {
        return Ok(Rate::Max);
    }
    match per_second(text) {
        Ok(rate) => Ok(Rate::PerSecond(rate)),
        Err(wrong) => Err(format!("{wrong}, or `max`")),
    }
}

fn per_second(text: &str) -> Result<f64, String> {
    match text.replace('_', "").parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 && rate <= 1e7 => Ok(rate),
        Ok(_) | Err(_) => Err("a number of requests a second (up to 10 million)".into()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a duration such as `20s`, `500ms` or `2m`, at most a day".to_owned();
    let digits = text.trim_end_matches(|symbol: char| symbol.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let milliseconds = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    let milliseconds = number.checked_mul(milliseconds).filter(|total| (1..=86_400_000).contains(total));
    Ok(Duration::from_millis(milliseconds.ok_or_else(wrong)?))
}

/// The numbers of `connections`, each where it comes first: measured twice, one would be two rows of the same name.
pub(crate) fn each_once(connections: &[u16]) -> Vec<u16> {
    let is_first = |(place, number): &(usize, &u16)| !connections[..*place].contains(number);
    connections.iter().enumerate().filter(is_first).map(|(_, number)| *number).collect()
}

fn scale(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(scale) if (0.0001..=1.0).contains(&scale) => Ok(scale),
        Ok(_) | Err(_) => Err("a scale from 0.0001 to 1".into()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        Ok(_) | Err(_) => Err("a share from 0 to 1".into()),
    }
}

/// Only this machine: a load aimed elsewhere by mistake would be an attack.
fn url(text: &str) -> Result<SocketAddr, String> {
    let rest = text.strip_prefix("http://").ok_or("an address such as `http://127.0.0.1:8080`")?;
    let mut found = rest.trim_end_matches('/').to_socket_addrs().map_err(|error| error.to_string())?;
    found.find(|address| address.ip().is_loopback()).ok_or_else(|| "a loopback address".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn a_number_of_connections_that_is_named_twice_is_measured_once() {
        assert_eq!(each_once(&[64, 256, 64, 64]), [64, 256]);
    }

    #[test]
    fn durations_rates_and_addresses_are_read_or_refused() {
        assert_eq!(duration("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(duration("1500ms"), Ok(Duration::from_millis(1_500)));
        for bad in ["", "s", "20", "0s", "2d", "99999999999999999999s", "-1s"] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
        assert_eq!(rate("max"), Ok(Rate::Max));
        assert_eq!(rate("30_000"), Ok(Rate::PerSecond(30_000.0)));
        for bad in ["0", "-5", "inf", "fast", "NaN"] {
            assert!(rate(bad).is_err(), "{bad:?}");
        }
        assert_eq!(url("http://127.0.0.1:8080/"), Ok("127.0.0.1:8080".parse().expect("an address")));
        for bad in ["127.0.0.1:8080", "https://127.0.0.1:1", "http://192.0.2.1:80"] {
            assert!(url(bad).is_err(), "{bad:?}");
        }
    }
}
