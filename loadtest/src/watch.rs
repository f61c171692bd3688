//! Many who watch one campaign while others claim from it: how soon changes reach them, what each costs the server, and
//! whether all end up with what is true.
//!
//! The delay of an event is counted from the `server_time` in it, the moment at which the server looked, to the moment at
//! which the last byte was read here: both are of one machine's clock, in whole milliseconds at the server's end. A change
//! waits for that look for up to a quarter of a second, which is not in the figure.

pub(crate) mod crowd;
mod event;
mod stream;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use jiff::Timestamp;

use self::crowd::Crowd;
use crate::api::Api;
use crate::claims::Bare;
use crate::cli::Watch;
use crate::client::drive;
use crate::departures::Pace;
use crate::descriptors;
use crate::load::{Own, progress};
use crate::recorder::Latencies;
use crate::report::number_table;
use crate::scenario::Scenario;
use crate::schedule::{Arrivals, Schedule};
use crate::server::ADMIN_KEY;

/// How long the last state may take to reach everybody.
const SETTLED_WITHIN: Duration = Duration::from_secs(5);
/// How often the server is asked what is true meanwhile.
const ASKED_EVERY: Duration = Duration::from_millis(500);

/// Watches, claims, and prints what came of it; says whether everybody ended up with the truth in time.
///
/// # Errors
/// When no server can be started or reached, or it refuses the campaign or a watcher.
pub(crate) fn run(options: &Watch) -> Result<bool> {
    descriptors::allow(u64::from(options.watchers) + u64::from(options.connections))?;
    let own = options.url.is_none().then(|| Own::start(&options.server)).transpose()?;
    let (target, admin_key) = match (&own, options.url) {
        (Some(own), _) => (own.address, ADMIN_KEY),
        (None, url) => (url.context("no server")?, options.admin_key.as_deref().unwrap_or_default()),
    };
    let campaign = Scenario::fresh_id("watch");
    let scenario =
        Scenario { campaign: campaign.clone(), coupon_types: 1, total_quota: 100_000_000, daily_quota: None, limit: 1 };
    let mut api = Api::new(target, admin_key);
    api.create_campaign(&scenario.body(Timestamp::now()))?;

    let resident = || own.as_ref().map(|own| own.server.resident_bytes()).transpose();
    let before = resident()?;
    let mut crowd = Crowd::open(target, &format!("/v1/campaigns/{campaign}/events"), usize::from(options.watchers))?;
    let opened = resident()?;
    println!("{} watch", options.watchers);
    if let Some((before, opened)) = before.zip(opened) {
        let each = opened.saturating_sub(before) / u64::from(options.watchers);
        println!("resident: {} KiB before, {} KiB with all of them: {each} bytes each", before >> 10, opened >> 10);
    }

    let mut claims = Bare::new(&target.to_string(), &campaign, 201);
    let schedule = Schedule::new(options.claims_rate, Arrivals::Constant, options.duration, 1);
    let bar = progress(u64::MAX, "claims");
    let cpu = || own.as_ref().map(|own| own.server.cpu()).transpose();
    let before = cpu()?;
    let is_done = AtomicBool::new(false);
    let driven = thread::scope(|scope| {
        let watching = scope.spawn(|| crowd.watch(&is_done));
        let driven = drive(target, options.connections, Pace::Open(Box::new(schedule)), &mut claims, &bar);
        is_done.store(true, Ordering::Relaxed);
        watching.join().expect("the crowd does not panic")?;
        anyhow::Ok(driven?)
    })?;
    let server_cpu = cpu()?.zip(before).map(|(after, before)| after.saturating_sub(before));
    bar.finish_and_clear();

    let wrong = settle(&mut crowd, &mut api, &campaign)?;
    println!("claims: {:.0} answers/s, {} of {} not won", driven.rate(), claims.wrong, driven.sent);
    if let Some(cpu) = server_cpu {
        println!("server processor time: {:.2} of one processor", cpu.as_secs_f64() / driven.elapsed.as_secs_f64());
    }
    let events = crowd.delays().count();
    println!("events: {events}, {:.2} a second and watcher", rate(events, options, driven.elapsed));
    print_delays(crowd.delays(), claims.recorder().all());
    println!("broken streams: {}, last state not the true one: {wrong}", crowd.broken());
    let p99 = crowd.delays().percentile(99.0);
    let is_late = options.within.is_some_and(|within| p99 > within);
    Ok(wrong == 0 && crowd.broken() == 0 && claims.wrong == 0 && !is_late)
}

/// How many were not told the truth at last. What that is may still change: claims that nobody waits for any more take effect
/// too.
fn settle(crowd: &mut Crowd, api: &mut Api, campaign: &str) -> Result<usize> {
    let end = Instant::now() + SETTLED_WITHIN;
    loop {
        let truth = api.availability(campaign)?;
        let wrong = crowd.settle(&truth, ASKED_EVERY)?;
        if wrong == 0 || Instant::now() >= end {
            return Ok(wrong);
        }
    }
}

fn rate(events: u64, options: &Watch, elapsed: Duration) -> f64 {
    events as f64 / f64::from(options.watchers) / elapsed.as_secs_f64().max(f64::EPSILON)
}

fn print_delays(events: &Latencies, claims: &Latencies) {
    let mut table = number_table(["ms", "count", "p50", "p99", "p99.9", "max"]);
    for (name, latencies) in [("event delay", events), ("claim latency", claims)] {
        let spans =
            [50.0, 99.0, 99.9].map(|percent| latencies.percentile(percent)).into_iter().chain([latencies.max()]);
        let figures = spans.map(|span| format!("{:.2}", span.as_secs_f64() * 1e3));
        table.add_row([name.to_owned(), latencies.count().to_string()].into_iter().chain(figures));
    }
    println!("{table}");
}
