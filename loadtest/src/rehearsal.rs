//! Scenarios: whole loads described in files, so that a run can be repeated. This is the run of one, from campaign to verdict; what
//! a file may say is `file`'s matter.

mod checkout;
mod file;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jiff::{SignedDuration, Timestamp};

use self::checkout::Checkout;
use self::file::{Ask, File, Phase};
use crate::api::Api;
use crate::claims::Claims;
use crate::cli::Rehearse;
use crate::client::{Driven, drive};
use crate::departures::Pace;
use crate::load::{self, Own, progress};
use crate::oracle::{Ledger, Rules};
use crate::report::{Report, number_table, verdict};
use crate::request::Kind;
use crate::scenario::Scenario;
use crate::schedule::Schedule;
use crate::server::ADMIN_KEY;
use crate::watch::crowd::Crowd;
use crate::workload::Workload;

/// How long the last state may take to reach every watcher.
const SETTLED_WITHIN: Duration = Duration::from_secs(5);
/// How often the server is asked what is true meanwhile.
const ASKED_EVERY: Duration = Duration::from_millis(250);
/// Claims for 100,000 of which processor time is given.
const CPU_PER: f64 = 1e5;

/// Runs the scenario in a file and prints what came of it; says whether the server kept its promises.
///
/// # Errors
/// When the file is not as it should be, or no server can be started, or it refuses the campaign.
pub(crate) fn run(options: &Rehearse) -> Result<bool> {
    let file = File::read(&options.file)?.scaled(options.scale);
    println!("{}: {}", file.name, file.about);
    let own = Own::start(&options.server)?;
    let mut api = Api::new(own.address, ADMIN_KEY);
    let scenario = Scenario {
        campaign: file.name.clone(),
        coupon_types: file.coupon_types,
        total_quota: file.quota,
        daily_quota: None,
        limit: 1,
    };
    let opens = Timestamp::now() + SignedDuration::from_millis(file.opens_in_ms.into());
    api.create_campaign(&body(&scenario, &file, opens))?;
    let mut crowd = (file.watchers > 0)
        .then(|| Crowd::open(own.address, &format!("/v1/campaigns/{}/events", file.name), file.watchers.into()))
        .transpose()?;
    let resident_before = own.server.resident_bytes()?;
    if let Ok(left) = Duration::try_from(opens.duration_since(Timestamp::now())) {
        thread::sleep(left);
    }

    let rules = Rules { kind: file.kind(), ..scenario.rules() };
    let mut ledger = Ledger::default();
    let campaign = ledger.add(rules.clone());
    let workload = Workload::new(0.0, file.seed);
    let mut claims = Claims::new(&own.address.to_string(), rules, workload, u64::MAX);
    let is_done = AtomicBool::new(false);
    let mut wrong_at_checkout = 0;
    thread::scope(|scope| {
        let watching = crowd.as_mut().map(|crowd| scope.spawn(|| crowd.watch(&is_done)));
        let played = file.phases.iter().zip(1..).try_for_each(|(phase, number)| {
            println!("\n{number}: {}", phase.describe());
            match phase.ask {
                Ask::Coupons => play(&own, &file, phase, number, &mut claims),
                Ask::Redemptions => {
                    claims.tell(&mut ledger, campaign);
                    let (seed, count) = (file.seed.wrapping_add(number), phase.requests());
                    let mut checkout = Checkout::new(own.address, &ledger, phase.repeat_share, seed, count);
                    let driven = load(&own, &file, phase, number, &mut checkout)?;
                    wrong_at_checkout += checkout.wrong();
                    println!("{:.0} redemptions/s, {} wrong", driven.0.rate(), checkout.wrong());
                    Ok(())
                }
            }
        });
        is_done.store(true, Ordering::Relaxed);
        let watched = watching.map(|watching| watching.join().expect("the crowd does not panic")).transpose();
        played.and(watched.map(|_| ()))
    })?;
    claims.tell(&mut ledger, campaign);
    let grown = own.server.resident_bytes()?.saturating_sub(resident_before);
    println!("memory of the server: {} bytes a user, for {} users", grown / claims.users().max(1), claims.users());
    let log = (api.metric("landrush_log_bytes_total")?, api.metric("landrush_log_sync_seconds_count")?);
    println!("log: {} bytes, {} syncs", log.0, log.1);
    load::judge(own.address, file.connections.into(), &mut api, &mut ledger, file.seed)?;
    print!("{} wins, each asked for again\n{}", ledger.wins(), verdict(ledger.violations()));
    let misled = crowd.map(|mut crowd| settle(&mut crowd, &mut api, &file)).transpose()?.unwrap_or_default();
    Ok(ledger.violations().is_empty() && wrong_at_checkout == 0 && misled == 0)
}

/// The campaign's body: as the scenario says, open from `opens` on, and drawn by the file's odds where it has any.
fn body(scenario: &Scenario, file: &File, opens: Timestamp) -> serde_json::Value {
    let mut body = scenario.body(opens);
    body["schedule"]["starts_at"] = format!("{opens:.3}").into();
    if let Some(probability) = file.probability {
        body["mode"] = "draw".into();
        for coupon_type in body["coupon_types"].as_array_mut().into_iter().flatten() {
            coupon_type["probability"] = probability.into();
        }
    }
    body
}

/// One load, and the processor time that the server took for it.
fn load(
    own: &Own,
    file: &File,
    phase: &Phase,
    number: u64,
    exchange: &mut impl crate::client::Exchange,
) -> Result<(Driven, Duration)> {
    let seed = file.seed.wrapping_add(number);
    let pace = match phase.rate {
        Some(rate) => Pace::Open(Box::new(Schedule::new(rate, phase.arrivals, phase.length(), seed))),
        None => Pace::Closed(phase.length()),
    };
    let bar = progress(phase.requests(), "requests");
    let before = own.server.cpu()?;
    let driven = drive(own.address, file.connections.into(), pace, exchange, &bar)?;
    bar.finish_and_clear();
    ensure!(driven.answered > 0, "no answers");
    Ok((driven, own.server.cpu()?.saturating_sub(before)))
}

fn play(own: &Own, file: &File, phase: &Phase, number: u64, claims: &mut Claims) -> Result<()> {
    claims.begin(Workload::new(phase.repeat_share, file.seed.wrapping_add(number)), phase.newcomers, phase.retries);
    let (driven, cpu) = load(own, file, phase, number, claims)?;
    let workload =
        format!("offered {}/s", phase.rate.map_or_else(|| "as many as go".into(), |rate| format!("{rate:.0}")));
    let (recorder, users) = (claims.recorder(), claims.users());
    print!("{}", Report { workload: &workload, driven, recorder, users, server_cpu: Some(cpu) }.text());
    println!("server processor seconds for 100,000: {:.2}", cpu.as_secs_f64() * CPU_PER / driven.answered as f64);
    if let Some(after) = claims.last_win() {
        println!("the last new win came after {:.3} s", after.as_secs_f64());
    }
    Ok(())
}

/// How many watchers were not told the truth at last.
fn settle(crowd: &mut Crowd, api: &mut Api, file: &File) -> Result<usize> {
    let end = Instant::now() + SETTLED_WITHIN;
    let wrong = loop {
        let truth = api.availability(&file.name)?;
        let wrong = crowd.settle(&truth, ASKED_EVERY)?;
        if wrong == 0 || Instant::now() >= end {
            break wrong;
        }
    };
    let mut table = number_table(["watchers", "events", "p50 ms", "p99 ms", "broken", "misled"]);
    let ms = |percent| format!("{:.1}", crowd.delays().percentile(percent).as_secs_f64() * 1e3);
    let events = crowd.delays().count().to_string();
    table.add_row([
        file.watchers.to_string(),
        events,
        ms(50.0),
        ms(99.0),
        crowd.broken().to_string(),
        wrong.to_string(),
    ]);
    println!("{table}");
    Ok(wrong + usize::try_from(crowd.broken()).context("so many streams")?)
}

impl File {
    /// What its campaign is asked for.
    fn kind(&self) -> Kind {
        if self.probability.is_some() { Kind::Draw } else { Kind::Claim }
    }
}
