//! Landrush side by side with what people use today and with the bare HTTP server, on the same work: everybody is measured in turn,
//! round by round, by the same generator with the same oracle, so that what the machine does at the moment weighs on all.

mod contender;
mod html;
mod json;
mod line;
mod measure;
mod plot;
mod table;
pub(crate) mod transcript;

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

pub(crate) use self::contender::Contender;
use self::contender::{Running, Stock};
use self::line::Line;
use self::measure::{Measurement, measure};
use crate::baselines::package;
use crate::cli::Compare;
use crate::departures::Pace;
use crate::hlog::{self, Interval};
use crate::load::progress;

/// Numbers of connections that PostgreSQL is tried with.
const POSTGRES_CONNECTIONS: [u16; 5] = [4, 8, 16, 32, 64];
/// How long each of them is tried.
const TRIED_FOR: Duration = Duration::from_secs(1);

/// Measures everybody who is installed, prints and writes what came of it; says whether the oracle found nothing wrong.
///
/// # Errors
/// When nobody can be measured, or somebody who is installed cannot be started.
pub(crate) fn run(options: &Compare) -> Result<bool> {
    let contenders = installed(&options.only);
    ensure!(!contenders.is_empty(), "nobody to compare is installed");
    let postgres = contenders.contains(&Contender::Postgres).then(|| best_for_postgres(options)).transpose()?;
    let steps = usize::from(options.rounds) * options.connections.len() * contenders.len();
    let bar = progress(u64::try_from(steps)?, "measurements");
    let mut lines = Vec::new();
    for group in &options.connections {
        let mut of_group: Vec<_> = contenders
            .iter()
            .map(|contender| {
                let own = postgres.filter(|_| *contender == Contender::Postgres);
                Line::new(*contender, *group, own.unwrap_or(*group))
            })
            .collect();
        for round in 1..=options.rounds {
            for line in &mut of_group {
                let measurement = Measurement {
                    connections: line.connections.into(),
                    length: Duration::from_secs(options.seconds.into()),
                    seed: options.seed.wrapping_add(round.into()),
                    server: &options.server,
                };
                let sample = measure(line.contender, measurement);
                line.add(sample.with_context(|| format!("measuring {}", line.contender.name()))?);
                bar.inc(1);
            }
        }
        lines.extend(of_group);
    }
    bar.finish_and_clear();
    let about = about(options);
    println!("{about}");
    print!("{}", table::text(&lines));
    if let Some(folder) = &options.out {
        write(&lines, options, &about, folder).with_context(|| format!("writing to {}", folder.display()))?;
    }
    Ok(lines.iter().all(Line::is_sound))
}

/// What was measured, in words.
fn about(options: &Compare) -> String {
    let Compare { rounds, seconds, seed, .. } = options;
    format!("{rounds} rounds in turn, {seconds} s a load, a new user a request, one hot campaign, seed {seed}")
}

fn write(lines: &[Line], options: &Compare, about: &str, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let document = json::document(lines, options.seconds, options.seed);
    fs::write(folder.join("compare.json"), serde_json::to_string_pretty(&document)? + "\n")?;
    fs::write(folder.join("compare.html"), html::page(lines, about))?;
    let length = Duration::from_secs(options.seconds.into());
    lines.iter().try_for_each(|line| {
        let file = folder.join(format!("{}-{}.hlog", line.contender.name(), line.group));
        let whole = length * u32::try_from(line.rounds.len())?;
        let load = |name, start, recorder| Interval { name, start, length: whole, recorder };
        hlog::write(&file, &[load("top", Duration::ZERO, &line.top), load("half", whole, &line.half)])
    })
}

/// Those of `wanted` (everybody, if empty) who are installed, in the order of measurement; says who is not, and how to get them.
fn installed(wanted: &[Contender]) -> Vec<Contender> {
    let mut contenders = Contender::ALL.to_vec();
    contenders.retain(|contender| wanted.is_empty() || wanted.contains(contender));
    contenders.retain(|contender| {
        let missing = match contender {
            Contender::Floor | Contender::Landrush => None,
            Contender::RedisAlways | Contender::RedisEverysec => package::on_path("redis-server", "redis-server").err(),
            Contender::Postgres => package::postgres_programs().err(),
        };
        if let Some(missing) = missing {
            println!("not measured: {}: {missing}", contender.name());
        }
        missing.is_none()
    });
    contenders
}

/// The number of connections at which PostgreSQL is fastest: beyond it, transactions only wait for one row's lock.
fn best_for_postgres(options: &Compare) -> Result<u16> {
    let mut best = (0.0, POSTGRES_CONNECTIONS[0]);
    for connections in POSTGRES_CONNECTIONS {
        let running = Running::start(Contender::Postgres, &options.server)?;
        let mut transcript = running.transcript(Stock::Plenty);
        let driven = running.drive(Stock::Plenty, connections.into(), Pace::Closed(TRIED_FOR), &mut transcript)?;
        running.stop()?;
        if driven.rate() > best.0 {
            best = (driven.rate(), connections);
        }
    }
    println!("postgres is fastest with {} connections", best.1);
    Ok(best.1)
}
