//! A load run from start to verdict: server, campaign, claims, asking again, counting.

use std::fs;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use tempfile::TempDir;

use crate::answer::Code;
use crate::api::Api;
use crate::cli::{Load, Rate, ServerOptions};
use crate::compare::weaker;
use crate::confirm::confirm;
use crate::descriptors;
use crate::hlog::{self, Interval};
use crate::interrupted;
use crate::oracle::{ClaimKey, Ledger, Rules};
use crate::plan::{Part, Plan};
use crate::processes::Generators;
use crate::report::{Report, claimant_bytes, claimant_line, ensure_writable, verdict, verdict_json, write_json};
use crate::request::user_id;
use crate::scenario::Scenario;
use crate::schedule::{Arrivals, Stream, below, seeded};
use crate::server::{ADMIN_KEY, Launch, Server};
use crate::used::Used;

/// Users whose claims are also looked up through `claims/by-user`; all winners are asked for by repeating the claim.
const LOOKED_UP_MAX: usize = 1_000;
/// How long the published counts may lag behind the answers.
const COUNTS_WITHIN: Duration = Duration::from_secs(2);

/// Runs the load and prints its report; says whether the server kept its promises.
///
/// # Errors
/// When no server can be started or reached, or it refuses the campaign.
pub(crate) fn run(options: &Load) -> Result<bool> {
    descriptors::allow(options.connections)?;
    ensure_writable(&[options.json.as_deref(), options.hlog.as_deref()])?;
    let own = options.url.is_none().then(|| Own::start(&options.server)).transpose()?;
    if own.is_some() {
        weaker(&options.server)?.iter().for_each(|words| println!("{words}"));
    }
    let found = load(options, own.as_ref());
    match &own {
        Some(own) => own.server.blame(found),
        None => found,
    }
}

/// Loads `own`, or the server at the URL, and lets it be judged.
fn load(options: &Load, own: Option<&Own>) -> Result<bool> {
    let (target, admin_key) = match (own, options.url) {
        (Some(own), _) => (own.address, ADMIN_KEY),
        (None, url) => (url.context("no server")?, options.admin_key.as_deref().unwrap_or_default()),
    };
    let scenario = Scenario {
        campaign: Scenario::fresh_id("loadtest"),
        coupon_types: options.coupon_types,
        total_quota: options.quota,
        daily_quota: None,
        limit: 1,
    };
    let mut api = Api::new(target, admin_key);
    api.create_campaign(&scenario.body(Timestamp::now()))?;

    let plan = plan(options, target, scenario.rules());
    let mut claims = plan.claims();
    let connections = usize::from(options.connections);
    let progress = progress(expected_requests(options), "claims");
    let used = || own.map(Own::used).transpose();
    let before = used()?;
    let began = SystemTime::now();
    let driven = Generators::new(options.processes).drive(&plan, true, &mut claims, &progress)?;
    let used = used()?.zip(before).map(|(after, before)| after.since(before));
    progress.finish_and_clear();

    let mut ledger = Ledger::default();
    let campaign = ledger.add(scenario.rules());
    claims.tell(&mut ledger, campaign);
    let users = claims.users();
    let report = Report {
        workload: describe(options),
        offered: options.rate.per_second(),
        driven,
        recorder: claims.recorder().clone(),
        users,
        used,
        sold_out_after: claims.sold_out_after(),
        returned: claims.returned(),
    };
    let claimant_bytes = claimant_bytes(used, users);
    // Before the judgement: should the server be gone, this much is known all the same.
    print!("{}{}", report.text(), claimant_line(claimant_bytes, users));
    judge(target, connections, &mut api, &mut ledger, options.seed)?;
    println!("{users} users, {} wins, each asked for again", ledger.wins());
    print!("{}", verdict(ledger.violations()));
    if let Some(file) = &options.json {
        let mut document = report.json();
        document["memory_bytes_per_claimant"] = claimant_bytes.into();
        document["oracle"] = verdict_json(&ledger);
        write_json(file, &document)?;
    }
    if let Some(file) = &options.hlog {
        let load =
            Interval { name: "load", start: Duration::ZERO, length: report.driven.elapsed, recorder: &report.recorder };
        hlog::write(file, began, &[load])?;
    }
    Ok(ledger.violations().is_empty())
}

/// A server that the harness started, with its data directory.
pub(crate) struct Own {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
    pub(crate) data: TempDir,
}

impl Own {
    /// Starts a server over an empty directory and waits until it is ready.
    ///
    /// # Errors
    /// When there is no executable, or it does not become ready; the end of its output says why.
    pub(crate) fn start(options: &ServerOptions) -> Result<Self> {
        let launch = Launch::find(options.server_binary.clone(), options.server_config.clone())?;
        let data = interrupted::directory("landrush-loadtest-", options.scratch.as_deref())?;
        let log = data.path().join("server.log");
        let mut server = Server::spawn(launch.serve(&data.path().join("data")), &log)?;
        let address = server.ready().with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
        Ok(Self { server, address, data })
    }

    /// What it has used so far.
    ///
    /// # Errors
    /// When it is gone or does not say.
    pub(crate) fn used(&self) -> Result<Used> {
        let mut api = Api::new(self.address, ADMIN_KEY);
        Ok(Used {
            cpu: self.server.cpu()?,
            disk_bytes: Some(api.metric("landrush_log_bytes_total")?),
            syncs: Some(api.metric("landrush_log_sync_seconds_count")?),
            resident_bytes: Some(self.server.resident_bytes()?),
        })
    }
}

/// Asks for every win and every doubtful claim again, and holds the server's counts against what users were told.
///
/// # Errors
/// When the server cannot be reached or does not tell its counts.
pub(crate) fn judge(
    target: SocketAddr,
    connections: usize,
    api: &mut Api,
    ledger: &mut Ledger,
    seed: u64,
) -> Result<()> {
    let keys = [ledger.decisions(), &ledger.doubtful()].concat();
    let progress = progress(u64::try_from(keys.len())?, "asked again");
    confirm(target, connections, ledger, keys.clone(), &progress)?;
    progress.finish_and_clear();

    let mut rng = seeded(seed, Stream::Sample);
    for _ in 0..keys.len().min(LOOKED_UP_MAX) {
        let key = keys[usize::try_from(below(&mut rng, u64::try_from(keys.len())?))?];
        look_up(api, ledger, key)?;
    }
    compare(api, ledger)
}

/// Holds what `claims/by-user` shows for one user against what the user was told.
fn look_up(api: &mut Api, ledger: &mut Ledger, key: ClaimKey) -> Result<()> {
    let Some(code) = ledger.coupon(key).map(|coupon| coupon.code) else { return Ok(()) };
    let shown = api.codes_of(&ledger.rules(key.campaign).campaign, &user_id(key.user))?;
    if !shown.iter().any(|shown| Code::parse(shown) == Some(code)) {
        ledger.not_shown(key);
    }
    Ok(())
}

/// Compares the server's counts of every campaign, once they have caught up with the answers.
///
/// # Errors
/// When the server does not tell its counts.
pub(crate) fn compare(api: &mut Api, ledger: &mut Ledger) -> Result<()> {
    let end = Instant::now() + COUNTS_WITHIN;
    for campaign in 0..u16::try_from(ledger.all_rules().count())? {
        loop {
            let rules = ledger.rules(campaign);
            let remaining = api.remaining(&rules.campaign, &rules.coupon_types)?;
            if ledger.adds_up(campaign, &remaining) || Instant::now() >= end {
                ledger.compare(campaign, &remaining);
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

fn plan(options: &Load, target: SocketAddr, rules: Rules) -> Plan {
    Plan {
        target,
        rules,
        connections: options.connections,
        pipeline: options.depth.pipeline,
        rate: options.rate.per_second(),
        arrivals: options.arrivals,
        length: options.duration,
        seed: options.seed,
        requests_max: options.requests,
        repeat_share: options.repeat_share,
        tries_max: 1,
        users: 0,
        part: Part::WHOLE,
    }
}

fn expected_requests(options: &Load) -> u64 {
    match options.rate {
        Rate::Max => options.requests,
        Rate::PerSecond(rate) => {
            let planned = Duration::from_secs_f64(rate * options.duration.as_secs_f64()).as_secs();
            planned.min(options.requests)
        }
    }
}

fn describe(options: &Load) -> String {
    let seconds = options.duration.as_secs_f64();
    let pace = match options.rate {
        Rate::Max => "closed loop".to_owned(),
        Rate::PerSecond(rate) => {
            let arrivals = match options.arrivals {
                Arrivals::Constant => "constant",
                Arrivals::Poisson => "Poisson",
            };
            format!("open loop, {rate:.0} a second, {arrivals} arrivals")
        }
    };
    let (connections, processes) = (options.connections, options.processes);
    let by = if processes > 1 { format!(" by {processes} processes") } else { String::new() };
    let deep = pipelined(options.depth.pipeline);
    format!("{pace}, {seconds} s, {connections} connections{deep}{by}, seed {}", options.seed)
}

/// How many requests a connection carries, in words that follow "connections", where that is more than one.
pub(crate) fn pipelined(depth: u16) -> String {
    if depth > 1 { format!(" with up to {depth} requests each on their way") } else { String::new() }
}

/// A progress bar on a terminal, and nothing in a pipe.
pub(crate) fn progress(expected: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {human_pos} {msg} {per_sec} {elapsed}");
    let bar = if expected == u64::MAX { ProgressBar::no_length() } else { ProgressBar::new(expected) };
    bar.with_style(style.expect("the template is well formed")).with_message(what)
}
