//! Landrush side by side with what people use today and with the bare HTTP server, on the same work: everybody is measured in turn,
//! round by round, by the same generator with the same oracle, so that what the machine does at the moment weighs on all.

mod contender;
mod html;
mod json;
mod line;
mod measure;
mod order;
mod plot;
mod required;
mod setting;
mod table;
pub(crate) mod transcript;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;

pub(crate) use self::contender::Contender;
use self::contender::{DIRECTORY, Running, Stock};
use self::line::Line;
pub(crate) use self::line::median;
use self::measure::{Measurement, measure};
use self::order::order;
pub(crate) use self::required::Required;
use self::required::Side;
pub(crate) use self::setting::weaker;
use self::setting::{Failed, Setting};
use crate::baselines::package;
use crate::baselines::postgres::ensure_reachable;
use crate::cli::{Compare, each_once};
use crate::departures::Pace;
use crate::descriptors;
use crate::hlog::{self, Interval};
use crate::load::progress;
use crate::report::ensure_writable;

/// What is written, beside the latencies.
const JSON: &str = "compare.json";
const PAGE: &str = "compare.html";
/// Why those are not measured whom `--only` leaves out.
const NOT_ASKED_FOR: &str = "not asked for";
/// Numbers of connections that PostgreSQL is tried with.
const POSTGRES_CONNECTIONS: [u16; 5] = [4, 8, 16, 32, 64];
/// How long each of them is tried each time.
const TRIED_FOR: Duration = Duration::from_secs(1);
/// Load before the first trial, which would otherwise be that of a cluster with cold caches.
const WARM_UP: Duration = Duration::from_secs(1);

/// Measures everybody who is installed, prints and writes what came of it; says whether nobody failed, the oracle found nothing wrong
/// and landrush reached what was asked for.
///
/// # Errors
/// When nobody can be measured, landrush does not start, or the result cannot be written.
pub(crate) fn run(options: &Compare) -> Result<bool> {
    let (mut contenders, not_measured) = installed(options);
    ensure!(!contenders.is_empty(), "nobody can be measured: {}", reasons(&not_measured));
    let groups = each_once(&options.connections);
    descriptors::allow(groups.iter().copied().max().unwrap_or_default())?;
    if let Some(folder) = &options.out {
        fs::create_dir_all(folder).with_context(|| format!("cannot write to {}", folder.display()))?;
        ensure_writable(&[Some(&folder.join(JSON)), Some(&folder.join(PAGE))])?;
    }
    let mut setting = Setting::find(&contenders, not_measured, &options.server)?;
    setting.lines().iter().for_each(|line| println!("{line}"));
    let steps = usize::from(options.rounds) * groups.len() * contenders.len();
    let shortest = u32::try_from(steps)? * 3 * Duration::from_secs(options.seconds.into());
    println!("{steps} measurements, which take {:.1} minutes at least", shortest.as_secs_f64() / 60.0);
    let mut postgres = None;
    if contenders.contains(&Contender::Postgres) {
        match best_for_postgres(options) {
            Ok(best) => postgres = Some(best),
            Err(error) => {
                contenders.retain(|contender| *contender != Contender::Postgres);
                setting.failed.push(Failed::anywhere(Contender::Postgres, &error));
            }
        }
    }
    let bar = progress(u64::try_from(steps)?, "measurements");
    let about = about(options);
    let mut lines = Vec::new();
    for group in &groups {
        let of_group = contenders.iter().map(|contender| {
            let own = postgres.filter(|_| *contender == Contender::Postgres);
            Line::new(*contender, *group, own.unwrap_or(*group), contender.pipeline(options.depth.pipeline))
        });
        let (measured, failed) = measure_group(of_group.collect(), options, &bar);
        lines.extend(measured);
        setting.failed.extend(failed);
        // Group by group: what was found so far stays, whatever becomes of the rest.
        if let Some(folder) = &options.out {
            write(&lines, options, (&about, &setting), folder)
                .with_context(|| format!("writing to {}", folder.display()))?;
        }
    }
    bar.finish_and_clear();
    println!("{about}");
    print!("{}", table::text(&lines));
    setting.failed.iter().for_each(|failed| println!("{failed}"));
    let at_least = options.at_least.iter().map(|required| (Side::AtLeast, *required));
    let at_most = options.at_most.iter().map(|required| (Side::AtMost, *required));
    let missed = required::missed(&lines, at_least.chain(at_most));
    missed.iter().for_each(|words| println!("MISSED: {words}"));
    Ok(missed.is_empty() && setting.failed.is_empty() && lines.iter().all(Line::is_sound))
}

/// Measures everybody of one group in turn, round by round. Whoever fails is left out of the rest of it, and keeps the rounds before.
fn measure_group(mut lines: Vec<Line>, options: &Compare, bar: &ProgressBar) -> (Vec<Line>, Vec<Failed>) {
    let mut failed: Vec<Failed> = Vec::new();
    for round in 1..=options.rounds {
        for place in order(lines.len(), usize::from(round) - 1) {
            let line = &mut lines[place];
            bar.inc(1);
            if failed.iter().any(|failed| failed.is(line.contender)) {
                continue;
            }
            let measurement = Measurement {
                connections: line.connections,
                pipeline: line.pipeline,
                length: Duration::from_secs(options.seconds.into()),
                seed: options.seed.wrapping_add(round.into()),
                server: &options.server,
            };
            match measure(line.contender, measurement) {
                Ok(sample) => line.add(sample),
                Err(error) => failed.push(Failed::at(line.contender, line.group, round, &error)),
            }
        }
    }
    lines.retain(|line| !line.rounds.is_empty());
    (lines, failed)
}

/// What was measured, in words.
fn about(options: &Compare) -> String {
    let Compare { rounds, seconds, seed, depth, .. } = options;
    let deep = match depth.pipeline {
        1 => "one request a connection at a time".to_owned(),
        depth => format!("up to {depth} requests a connection pipelined"),
    };
    format!(
        "{rounds} rounds in changing order, {seconds} s a load, a new user a request, {deep}, one hot campaign, seed {seed}"
    )
}

fn write(lines: &[Line], options: &Compare, (about, setting): (&str, &Setting), folder: &Path) -> Result<()> {
    let document = json::document(lines, setting, options.seconds, options.seed);
    fs::write(folder.join(JSON), serde_json::to_string_pretty(&document)? + "\n")?;
    fs::write(folder.join(PAGE), html::page(lines, setting, about))?;
    let length = Duration::from_secs(options.seconds.into());
    lines.iter().try_for_each(|line| {
        let file = folder.join(format!("{}-{}.hlog", line.contender.name(), line.group));
        let whole = length * u32::try_from(line.rounds.len())?;
        let load = |name, start, recorder| Interval { name, start, length: whole, recorder };
        hlog::write(
            &file,
            setting.measured_at.into(),
            &[load("top", Duration::ZERO, &line.top), load("half", whole, &line.half)],
        )
    })
}

/// Why nobody is measured, but for those who were not asked for.
fn reasons(not_measured: &BTreeMap<&'static str, String>) -> String {
    let reasons = not_measured.iter().filter(|(_, reason)| *reason != NOT_ASKED_FOR);
    reasons.map(|(who, reason)| format!("{who}: {reason}")).collect::<Vec<_>>().join("; ")
}

/// Those who are asked for (everybody, if nobody is named), installed, and can be reached; and who is not measured and why.
fn installed(options: &Compare) -> (Vec<Contender>, BTreeMap<&'static str, String>) {
    let (wanted, scratch) = (&options.only, options.server.scratch.clone().unwrap_or_else(std::env::temp_dir));
    let mut contenders = Contender::ALL.to_vec();
    let mut not_measured = BTreeMap::new();
    contenders.retain(|contender| {
        let missing = match contender {
            Contender::Floor | Contender::Landrush => None,
            Contender::RedisAlways | Contender::RedisEverysec => {
                package::on_path("redis-server", "redis-server").err().map(|missing| missing.to_string())
            }
            Contender::Postgres => match package::postgres_programs() {
                Err(missing) => Some(missing.to_string()),
                Ok(_) => ensure_reachable(&scratch, DIRECTORY).err().map(|error| error.to_string()),
            },
        };
        let asked_for = wanted.is_empty() || wanted.contains(contender);
        let reason = if asked_for { missing } else { Some(NOT_ASKED_FOR.into()) };
        let is_measured = reason.is_none();
        not_measured.extend(reason.map(|reason| (contender.name(), reason)));
        is_measured
    });
    (contenders, not_measured)
}

/// The number of connections at which PostgreSQL is fastest: beyond it, transactions only wait for one row's lock. Each is tried
/// twice, in both orders, on a cluster that is warm: what the first trial of all pays, and a table that grows, favour none of them.
fn best_for_postgres(options: &Compare) -> Result<u16> {
    let running = Running::start(Contender::Postgres, &options.server, 1)?;
    let mut transcript = running.transcript(Stock::Plenty);
    running.drive(Stock::Plenty, POSTGRES_CONNECTIONS[0].into(), Pace::Closed(WARM_UP), &mut transcript)?;
    let mut best = (0.0, POSTGRES_CONNECTIONS[0]);
    for connections in POSTGRES_CONNECTIONS.into_iter().chain(POSTGRES_CONNECTIONS.into_iter().rev()) {
        let driven = running.drive(Stock::Plenty, connections.into(), Pace::Closed(TRIED_FOR), &mut transcript)?;
        if driven.rate() > best.0 {
            best = (driven.rate(), connections);
        }
    }
    running.stop()?;
    println!("postgres is fastest with {} connections", best.1);
    Ok(best.1)
}
