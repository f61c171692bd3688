//! Crashes: the server is killed at random moments, under load and while it starts, again and again over one data
//! directory, and after each restart it is held to what it had told its users.
//!
//! After every restart all claims in doubt and all wins since the restart before are asked for again, with a sample of
//! the older ones; every so many rounds, and at the end, all of them are. That misses nothing: a win that is gone stays
//! gone, or comes back as another coupon. Nothing is in doubt then, so the server's counts must equal the clients'.

mod accounts;
mod campaigns;
mod checkout;
mod lotteries;
mod registrations;
pub(crate) mod rooms;
mod traffic;

use std::fs;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use indicatif::ProgressBar;
use rand_chacha::ChaCha8Rng;
use rustix::process::{Pid, Signal, kill_process};

use crate::cli::Crash;
use crate::client::drive;
use crate::crash::accounts::Accounts;
use crate::crash::traffic::Traffic;
use crate::departures::Pace;
use crate::descriptors;
use crate::interrupted;
use crate::load::progress;
use crate::report::verdict;
use crate::schedule::{Stream, seeded, unit};
use crate::server::{Launch, Server};

/// Rounds that claim from the same campaigns.
const GENERATION_ROUNDS: u32 = 25;
/// Share of the kills that hit the server while it starts.
const START_KILLS: f64 = 0.15;
/// The server is killed at most this long after it was started, where it is hit while starting.
const START_KILL_WITHIN: Duration = Duration::from_millis(60);
/// The server is killed at most this long after the load began.
const LOAD_KILL_WITHIN: Duration = Duration::from_millis(80);
/// A lottery that ends within this time of the load's beginning is waited for.
const LOTTERY_WAIT_MAX: Duration = Duration::from_millis(250);
/// How long a round is taken to be before there was one.
const FIRST_ROUND: Duration = Duration::from_millis(500);
/// The server is killed at most this long after the end of a lottery, where the drawing may be, in rounds that wait for it.
const LOTTERY_KILL_WITHIN: Duration = Duration::from_millis(20);
/// Load that outlives its server by this has hung.
const LOAD_MAX: Duration = Duration::from_secs(30);

/// Runs the rounds and prints what they found; says whether the server kept its promises.
///
/// # Errors
/// When the server cannot be started over its own data, or its log is damaged: with the round, and where the data is.
pub(crate) fn run(options: &Crash) -> Result<bool> {
    descriptors::allow(options.connections)?;
    let launch = Launch::find(options.server.server_binary.clone(), options.server.server_config.clone())?;
    let scratch = interrupted::directory("landrush-crash-", options.server.scratch.as_deref())?;
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
        accounts: Accounts::default(),
        killed_starting: 0,
        killed_drawing: 0,
        round_took: FIRST_ROUND,
    };
    let started = Instant::now();
    let bar = progress(options.rounds.into(), "kills");
    let result = rounds.all(&bar);
    bar.finish_and_clear();
    let violations = rounds.accounts.violations();
    let sound = result.is_ok() && violations.is_empty();
    println!(
        "{} kills with seed {} in {:.0} s, {} of them while starting, {} as a lottery ended",
        options.rounds,
        options.seed,
        started.elapsed().as_secs_f64(),
        rounds.killed_starting,
        rounds.killed_drawing,
    );
    println!("{}", rounds.accounts.summary());
    print!("{}", verdict(&violations));
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
    accounts: Accounts,
    killed_starting: u32,
    killed_drawing: u32,
    /// How long the last round took.
    round_took: Duration,
}

impl Rounds<'_> {
    fn all(&mut self, bar: &ProgressBar) -> Result<()> {
        for round in 0..self.options.rounds {
            if round % GENERATION_ROUNDS == 0 {
                self.accounts.next_generation(round / GENERATION_ROUNDS);
            }
            let thorough = (round + 1) % self.options.thorough_every == 0;
            self.round(thorough).with_context(|| format!("round {round}"))?;
            bar.inc(1);
            if !self.accounts.violations().is_empty() {
                bail!("round {round} found the first violation");
            }
        }
        self.last().context("after the last round")
    }

    /// One life of the server, ended by a kill, and a look at what it left.
    fn round(&mut self, thorough: bool) -> Result<()> {
        let began = Instant::now();
        let mut server = Server::spawn(self.launch.serve(&self.data), &self.log)?;
        if unit(&mut self.rng) < START_KILLS {
            self.killed_starting += 1;
            kill_after(self.moment(START_KILL_WITHIN), server.pid())?;
        } else {
            let address = server.ready().with_context(|| self.last_words())?;
            self.hold_to_account(address, thorough)?;
            self.accounts.open_lottery(address, self.round_took, &mut self.rng)?;
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
        self.round_took = began.elapsed();
        Ok(())
    }

    fn hold_to_account(&mut self, address: SocketAddr, thorough: bool) -> Result<()> {
        self.accounts.settle(address, self.options.connections.into(), thorough, &mut self.rng)
    }

    fn load_until_killed(&mut self, address: SocketAddr, pid: Pid) -> Result<()> {
        let until_end = self.accounts.lotteries.until_end();
        let delay = match until_end.filter(|left| *left < LOTTERY_WAIT_MAX) {
            Some(left) => {
                self.killed_drawing += 1;
                left + self.moment(LOTTERY_KILL_WITHIN)
            }
            None => self.moment(LOAD_KILL_WITHIN),
        };
        let mut traffic = Traffic::new(&address.to_string(), &mut self.accounts, &mut self.rng);
        let connections = usize::from(self.options.connections);
        let killer = thread::spawn(move || kill_after(delay, pid));
        let began = Instant::now();
        let driven = drive(address, connections, Pace::Closed(LOAD_MAX), &mut traffic, &ProgressBar::hidden());
        self.accounts.checkout.interrupt();
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
        // Ended by Ctrl-C it would look as if the log were damaged.
        command.process_group(0);
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
