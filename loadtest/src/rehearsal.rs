//! Scenarios: whole loads described in files, so that a run can be repeated. This is the run of one, from campaign to verdict; what
//! a file may say is `file`'s matter.

mod checkout;
mod drift;
mod file;
mod found;
mod room;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use jiff::{SignedDuration, Timestamp};

use self::checkout::Checkout;
use self::file::{Ask, File, Phase};
use self::found::Found;
use crate::api::Api;
use crate::claims::{Claims, Returned};
use crate::cli::Rehearse;
use crate::client::drive;
use crate::compare::weaker;
use crate::descriptors;
use crate::load::{self, Own, progress};
use crate::oracle::{Ledger, Rules};
use crate::plan::{Part, Plan};
use crate::processes::Generators;
use crate::report::{Report, ensure_writable, number_table, verdict, write_json};
use crate::request::Kind;
use crate::scenario::Scenario;
use crate::server::ADMIN_KEY;
use crate::watch::crowd::Crowd;

/// How long the last state may take to reach every watcher.
const SETTLED_WITHIN: Duration = Duration::from_secs(5);
/// How often the server is asked what is true meanwhile.
const ASKED_EVERY: Duration = Duration::from_millis(250);

/// Runs the scenario in a file and prints what came of it; says whether the server kept its promises.
///
/// # Errors
/// When the file is not as it should be, or no server can be started, or it refuses the campaign.
pub(crate) fn run(options: &Rehearse) -> Result<bool> {
    let file = File::read(&options.file)?.scaled(options.scale);
    descriptors::allow(u64::from(file.connections) + u64::from(file.watchers))?;
    ensure_writable(&[options.json.as_deref(), options.hlog.as_deref()])?;
    println!("{}: {}", file.name, file.about);
    weaker(&options.server)?.iter().for_each(|words| println!("{words}"));
    if let Some(room) = file.waiting_room {
        return room::run(options, &file, room);
    }
    let own = Own::start(&options.server)?;
    own.server.blame(rehearse(&own, options, &file))
}

/// Plays the phases of `file` on a server that runs, and lets it be judged.
fn rehearse(own: &Own, options: &Rehearse, file: &File) -> Result<bool> {
    let mut api = Api::new(own.address, ADMIN_KEY);
    let scenario = file.scenario();
    let opens = Timestamp::now() + SignedDuration::from_millis(file.opens_in_ms.into());
    api.create_campaign(&body(&scenario, file, opens))?;
    let mut crowd = (file.watchers > 0)
        .then(|| Crowd::open(own.address, &format!("/v1/campaigns/{}/events", file.name), file.watchers.into()))
        .transpose()?;
    let before = own.used()?;
    let opens_at = Instant::now() + Duration::try_from(opens.duration_since(Timestamp::now())).unwrap_or_default();
    let begins = opens_at.checked_sub(Duration::from_millis(file.early_ms.into())).unwrap_or(opens_at);
    if file.phases[0].drift.is_some() {
        // Its tenths are counted from here.
        thread::sleep(begins.saturating_duration_since(Instant::now()));
    }

    let began = SystemTime::now() + begins.saturating_duration_since(Instant::now());
    let rules = Rules { kind: file.kind(), ..scenario.rules() };
    let mut ledger = Ledger::default();
    let campaign = ledger.add(rules.clone());
    let mut claims = plan(own, file, &file.phases[0], 0, &rules).claims();
    claims.opens_at(opens_at);
    let mut generators = Generators::new(options.processes).beginning_at(begins);
    let is_done = AtomicBool::new(false);
    let mut wrong_at_checkout = 0;
    let mut reports = Vec::new();
    let mut drifts = Vec::new();
    thread::scope(|scope| {
        let watching = crowd.as_mut().map(|crowd| scope.spawn(|| crowd.watch(&is_done)));
        let played = file.phases.iter().zip(1..).try_for_each(|(phase, number)| {
            print!("\n{number}: ");
            let report = match phase.ask {
                Ask::Coupons => {
                    let plan = plan(own, file, phase, number, &rules);
                    let (report, drifted) = drift::watched(own, phase, options.processes, &mut claims, |claims| {
                        play(own, phase, &plan, &mut generators, claims)
                    })?;
                    drifts.extend(drifted.map(|drifted| (number, drifted)));
                    report
                }
                Ask::Redemptions => {
                    claims.tell(&mut ledger, campaign);
                    let (report, wrong) = redeem(own, file, phase, number, &ledger)?;
                    wrong_at_checkout += wrong;
                    report
                }
            };
            print!("{}", report.text());
            reports.push(report);
            Ok(())
        });
        is_done.store(true, Ordering::Relaxed);
        let watched = watching.map(|watching| watching.join().expect("the crowd does not panic")).transpose();
        played.and(watched.map(|_| ()))
    })?;
    claims.tell(&mut ledger, campaign);
    let found = Found {
        file,
        scale: options.scale,
        processes: options.processes,
        began,
        reports,
        drifts,
        used: own.used()?.since(before),
        users: claims.users(),
    };
    println!("\n{}", found.text());
    load::judge(own.address, file.connections.into(), &mut api, &mut ledger, file.seed)?;
    print!("{} wins, each asked for again\n{}", ledger.wins(), verdict(ledger.violations()));
    let misled = crowd.map(|mut crowd| settle(&mut crowd, &mut api, file)).transpose()?.unwrap_or_default();
    if let Some(path) = &options.json {
        write_json(path, &found.json(&ledger, wrong_at_checkout, misled))?;
    }
    if let Some(path) = &options.hlog {
        found.write_hlog(path)?;
    }
    let steady = found.drifts.iter().all(|(_, drifted)| drifted.worse.is_empty());
    Ok(ledger.violations().is_empty() && wrong_at_checkout == 0 && misled == 0 && steady)
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

/// A load of claims or draws, as a plan.
fn plan(own: &Own, file: &File, phase: &Phase, number: u64, rules: &Rules) -> Plan {
    Plan {
        target: own.address,
        rules: rules.clone(),
        connections: file.connections,
        pipeline: 1,
        rate: phase.rate,
        arrivals: phase.arrivals,
        length: phase.length(),
        seed: file.seed.wrapping_add(number),
        requests_max: u64::MAX,
        repeat_share: phase.repeat_share,
        tries_max: phase.tries_max,
        users: 0,
        part: Part::WHOLE,
    }
}

/// A load of claims or draws.
fn play(own: &Own, phase: &Phase, plan: &Plan, generators: &mut Generators, claims: &mut Claims) -> Result<Report> {
    let bar = progress(phase.requests(), "requests");
    let before = own.used()?;
    let driven = generators.drive(plan, phase.newcomers, claims, &bar)?;
    bar.finish_and_clear();
    ensure!(driven.answered > 0, "no answers");
    Ok(Report {
        workload: phase.describe(),
        offered: phase.rate,
        driven,
        recorder: claims.recorder().clone(),
        users: claims.users(),
        used: Some(own.used()?.since(before)),
        sold_out_after: claims.sold_out_after(),
        returned: claims.returned(),
    })
}

/// A load of redemptions of the coupons that `ledger` knows, and how many of its answers were wrong.
fn redeem(own: &Own, file: &File, phase: &Phase, number: u64, ledger: &Ledger) -> Result<(Report, u64)> {
    let (seed, count) = (file.seed.wrapping_add(number), phase.requests());
    let mut checkout = Checkout::new(own.address, ledger, phase.repeat_share, seed, count);
    let pace = plan(own, file, phase, number, ledger.rules(0)).pace();
    let bar = progress(phase.requests(), "requests");
    let before = own.used()?;
    let driven = drive(own.address, file.connections, pace, &mut checkout, &bar)?;
    let used = own.used()?.since(before);
    bar.finish_and_clear();
    ensure!(driven.answered > 0, "no answers");
    println!("{:.0} redemptions/s, {} wrong", driven.rate(), checkout.wrong());
    let report = Report {
        workload: phase.describe(),
        offered: phase.rate,
        driven,
        recorder: checkout.recorder().clone(),
        users: checkout.asked(),
        used: Some(used),
        sold_out_after: None,
        returned: Returned::default(),
    };
    Ok((report, checkout.wrong()))
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
