//! Crashes: the server is killed at random moments, under load and while it starts, again and again over one data
//! directory, and after each restart it is held to what it had told its users.
//!
//! After every restart all claims in doubt and all wins since the restart before are asked for again, with a sample of
//! the older ones; every so many rounds, and at the end, all of them are. That misses nothing: a win that is gone stays
//! gone, or comes back as another coupon. Nothing is in doubt then, so the server's counts must equal the clients'.

mod campaigns;
mod traffic;

use std::fs;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use indicatif::ProgressBar;
use jiff::Timestamp;
use rand_chacha::ChaCha8Rng;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::api::Api;
use crate::cli::Crash;
use crate::client::drive;
use crate::confirm::confirm;
use crate::crash::campaigns::openings;
use crate::crash::traffic::{Crowd, Traffic};
use crate::departures::Pace;
use crate::load::{compare, progress};
use crate::oracle::{ClaimKey, Ledger};
use crate::report::verdict;
use crate::schedule::{Stream, below, seeded, unit};
use crate::server::{ADMIN_KEY, Launch, Server};

/// Rounds that claim from the same campaigns.
const GENERATION_ROUNDS: u32 = 25;
/// Share of the kills that hit the server while it starts.
const START_KILLS: f64 = 0.15;
/// The server is killed at most this long after it was started, where it is hit while starting.
const START_KILL_WITHIN: Duration = Duration::from_millis(60);
/// The server is killed at most this long after the load began.
const LOAD_KILL_WITHIN: Duration = Duration::from_millis(80);
/// Older wins that are asked for again after each restart.
const SAMPLE: u64 = 500;
/// Load that outlives its server by this has hung.
const LOAD_MAX: Duration = Duration::from_secs(30);

/// Runs the rounds and prints what they found; says whether the server kept its promises.
///
/// # Errors
/// When the server cannot be started over its own data, or its log is damaged: with the round, and where the data is.
pub(crate) fn run(options: &Crash) -> Result<bool> {
    let launch = Launch::find(options.server.server_binary.clone(), options.server.server_config.clone())?;
    let scratch = match &options.server.scratch {
        Some(scratch) => TempDir::with_prefix_in("landrush-crash-", scratch)?,
        None => TempDir::with_prefix("landrush-crash-")?,
    };
    let data = options.data_dir.clone().unwrap_or_else(|| scratch.path().join("data"));
    if data.is_dir() && fs::read_dir(&data)?.next().is_some() {
        bail!("{} is not empty", data.display());
    }
    let mut rounds = Rounds {
        options,
        launch,
        log: scratch.path().join("server.log"),
        data,
        rng: seeded(options.seed, Stream::Kill),
        ledger: Ledger::default(),
        crowd: Crowd::new(Vec::new()),
        uncreated: Vec::new(),
        asked_again: 0,
        killed_starting: 0,
    };
    let started = Instant::now();
    let bar = progress(options.rounds.into(), "kills");
    let result = rounds.all(&bar);
    bar.finish_and_clear();
    let sound = result.is_ok() && rounds.ledger.violations().is_empty();
    println!(
        "{} kills with seed {}, {} of them while starting, in {:.0} s; {} wins told",
        options.rounds,
        options.seed,
        rounds.killed_starting,
        started.elapsed().as_secs_f64(),
        rounds.ledger.wins(),
    );
    print!("{}", verdict(rounds.ledger.violations()));
    if !sound {
        println!("the server's data and output are kept in {}", scratch.keep().display());
    }
    result.map(|()| sound)
}

struct Rounds<'a> {
    options: &'a Crash,
    launch: Launch,
    data: PathBuf,
    log: PathBuf,
    rng: ChaCha8Rng,
    ledger: Ledger,
    crowd: Crowd,
    /// Campaigns that the server may not know yet; their bodies are fixed so that creating them can be repeated.
    uncreated: Vec<Value>,
    /// How many of the ledger's winners have been asked for again.
    asked_again: usize,
    killed_starting: u32,
}

impl Rounds<'_> {
    fn all(&mut self, bar: &ProgressBar) -> Result<()> {
        for round in 0..self.options.rounds {
            if round % GENERATION_ROUNDS == 0 {
                self.next_generation(round / GENERATION_ROUNDS);
            }
            let thorough = (round + 1) % self.options.thorough_every == 0;
            self.round(thorough).with_context(|| format!("round {round}"))?;
            bar.inc(1);
            if !self.ledger.violations().is_empty() {
                bail!("round {round} found the first violation");
            }
        }
        self.last().context("after the last round")
    }

    fn next_generation(&mut self, generation: u32) {
        let mut campaigns = Vec::new();
        for opening in openings(generation, Timestamp::now()) {
            self.uncreated.push(opening.body);
            campaigns.push(self.ledger.add(opening.rules));
        }
        self.crowd = Crowd::new(campaigns);
    }

    /// One life of the server, ended by a kill, and a look at what it left.
    fn round(&mut self, thorough: bool) -> Result<()> {
        let mut server = Server::spawn(self.launch.serve(&self.data), &self.log)?;
        if unit(&mut self.rng) < START_KILLS {
            self.killed_starting += 1;
            kill_after(self.moment(START_KILL_WITHIN), server.pid())?;
        } else {
            let address = server.ready().with_context(|| self.last_words())?;
            self.hold_to_account(address, thorough)?;
            self.load_until_killed(address, server.pid())?;
        }
        let ended = server.gone()?;
        ensure!(
            ended.signal() == Some(Signal::KILL.as_raw()),
            "the server ended by itself: {ended}\n{}",
            self.last_words()
        );
        // A server that was killed before it made its directory has left nothing to look at.
        if self.data.join("wal").is_dir() {
            self.inspect("verify")?;
            if thorough {
                self.inspect("replay")?;
            }
        }
        Ok(())
    }

    /// Asks for what the server ought to remember, and compares its counts.
    fn hold_to_account(&mut self, address: SocketAddr, thorough: bool) -> Result<()> {
        let mut api = Api::new(address, ADMIN_KEY);
        for body in self.uncreated.drain(..) {
            api.create_campaign(&body)?;
        }
        let keys = if thorough { self.ledger.decisions().to_vec() } else { self.recent_and_sampled() };
        let keys = [keys, self.ledger.doubtful()].concat();
        let connections = usize::from(self.options.connections);
        confirm(address, connections, &mut self.ledger, keys, &ProgressBar::hidden())?;
        self.asked_again = self.ledger.decisions().len();
        compare(&mut api, &mut self.ledger)
    }

    fn recent_and_sampled(&mut self) -> Vec<ClaimKey> {
        let (older, recent) = self.ledger.decisions().split_at(self.asked_again);
        let mut keys = recent.to_vec();
        if let Some(bound) = u64::try_from(older.len()).ok().filter(|bound| *bound > 0) {
            let sample = (0..SAMPLE.min(bound)).map(|_| below(&mut self.rng, bound));
            keys.extend(sample.map(|place| older[usize::try_from(place).expect("a place in memory")]));
        }
        keys
    }

    fn load_until_killed(&mut self, address: SocketAddr, pid: Pid) -> Result<()> {
        let delay = self.moment(LOAD_KILL_WITHIN);
        let mut traffic = Traffic::new(&address.to_string(), &mut self.crowd, &mut self.ledger, &mut self.rng);
        let connections = usize::from(self.options.connections);
        let killer = thread::spawn(move || kill_after(delay, pid));
        let began = Instant::now();
        let driven = drive(address, connections, Pace::Closed(LOAD_MAX), &mut traffic, &ProgressBar::hidden());
        killer.join().map_err(|_| io::Error::other("the thread that kills has panicked"))??;
        match driven {
            Ok(_) => ensure!(began.elapsed() < LOAD_MAX, "the load did not notice that its server is gone"),
            // Killed before every connection was made.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// The whole account once more, an orderly end, and both looks at the log.
    fn last(&mut self) -> Result<()> {
        let mut server = Server::spawn(self.launch.serve(&self.data), &self.log)?;
        let address = server.ready().with_context(|| self.last_words())?;
        self.hold_to_account(address, true)?;
        let ended = server.stop()?;
        ensure!(ended.success(), "the server ended with {ended} after SIGTERM");
        self.inspect("verify")?;
        self.inspect("replay")
    }

    /// Runs `landrush wal <what>` over the data directory, which must find it sound.
    fn inspect(&self, what: &str) -> Result<()> {
        let mut command = Command::new(&self.launch.binary);
        command.args(["wal", what]).arg(&self.data).stdin(Stdio::null());
        let output = command.output().with_context(|| format!("cannot run wal {what}"))?;
        if !output.status.success() {
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            bail!("wal {what} ended with {}:\n{out}{err}", output.status);
        }
        Ok(())
    }

    fn moment(&mut self, within: Duration) -> Duration {
        within.mul_f64(unit(&mut self.rng))
    }

    /// The end of the server's output, to say why it did not start.
    fn last_words(&self) -> String {
        tail(&self.log)
    }
}

fn kill_after(delay: Duration, pid: Pid) -> io::Result<()> {
    thread::sleep(delay);
    Ok(kill_process(pid, Signal::KILL)?)
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}
