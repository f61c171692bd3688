//! Landrush as a share of the floor: both measured in turn, each in a fresh process, by the same generator with the
//! same requests, so that what the machine does at the moment weighs on both.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use indicatif::ProgressBar;
use jiff::Timestamp;

use crate::api::Api;
use crate::baselines::floor;
use crate::claims::Bare;
use crate::cli::{ServerOptions, Share, each_once};
use crate::client::{Width, drive};
use crate::compare::weaker;
use crate::departures::Pace;
use crate::descriptors;
use crate::interrupted;
use crate::load::{Own, progress};
use crate::report::number_table;
use crate::scenario::Scenario;
use crate::server::{ADMIN_KEY, Server, own_cpu};

/// Load before the measurement, so that neither connections nor caches are cold.
const WARM_UP: Duration = Duration::from_millis(500);
/// The unit in which the log is padded.
const SECTOR_BYTES: usize = 512;

/// One server under load once.
#[derive(Clone, Copy, Debug)]
struct Sample {
    rate: f64,
    cpu_us: f64,
    generator_us: f64,
    p99_ms: f64,
    disk_bytes: f64,
}

/// Measures and prints; says whether every median share reaches what was asked for.
///
/// # Errors
/// When a server cannot be started, or answers with anything but what it should.
pub(crate) fn run(options: &Share) -> Result<bool> {
    let groups = each_once(&options.connections);
    descriptors::allow(groups.iter().copied().max().unwrap_or_default())?;
    let measured = Duration::from_secs(options.seconds.into());
    let mut table = number_table([
        "server",
        "connections",
        "pipelined",
        "median/s",
        "min..max",
        "p99 ms, closed loop",
        "cpu us",
        "generator us",
        "disk bytes",
    ]);
    let pipeline = options.depth.pipeline;
    let mut shares = Vec::new();
    let bar = progress(u64::from(options.rounds) * u64::try_from(groups.len())?, "rounds");
    for connections in &groups {
        let (mut floor, mut landrush) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            floor.push(measure_floor(&options.server, *connections, pipeline, measured)?);
            if !options.floor_only {
                landrush.push(measure_landrush(&options.server, *connections, pipeline, measured)?);
            }
            bar.inc(1);
        }
        table.add_row(row("floor", *connections, pipeline, &floor));
        if !landrush.is_empty() {
            table.add_row(row("landrush", *connections, pipeline, &landrush));
            let by_round = landrush.iter().zip(&floor).map(|(own, floor)| own.rate / floor.rate).collect::<Vec<_>>();
            shares.push((*connections, by_round));
        }
    }
    bar.finish_and_clear();
    let about = "closed loop, a new user a request, one campaign";
    println!("{about}{}, {} rounds of {} s", in_words(pipeline), options.rounds, options.seconds);
    println!("{table}");
    weaker(&options.server)?.iter().for_each(|words| println!("{words}"));
    println!("cpu, generator: processor time of server and generator a request; disk bytes: in the log a claim");
    for (connections, by_round) in &shares {
        let rounds = by_round.iter().map(|share| format!("{share:.2}")).collect::<Vec<_>>().join(" ");
        println!(
            "share of the floor at {connections} connections{}: {:.2} (by round: {rounds})",
            in_words(pipeline),
            median(by_round)
        );
    }
    Ok(shares.iter().all(|(_, by_round)| options.at_least.is_none_or(|least| median(by_round) >= least)))
}

/// The depth in words, where it is more than one.
fn in_words(pipeline: u16) -> String {
    if pipeline > 1 { format!(", {pipeline} requests a connection pipelined") } else { String::new() }
}

fn row(server: &str, connections: u16, pipeline: u16, samples: &[Sample]) -> [String; 9] {
    let of = |part: fn(&Sample) -> f64| samples.iter().map(part).collect::<Vec<_>>();
    let rates = of(|sample| sample.rate);
    let (least, most) =
        (rates.iter().copied().fold(f64::INFINITY, f64::min), rates.iter().copied().fold(0.0, f64::max));
    [
        server.to_owned(),
        connections.to_string(),
        pipeline.to_string(),
        format!("{:.0}", median(&rates)),
        format!("{least:.0}..{most:.0}"),
        format!("{:.2}", median(&of(|sample| sample.p99_ms))),
        format!("{:.1}", median(&of(|sample| sample.cpu_us))),
        format!("{:.1}", median(&of(|sample| sample.generator_us))),
        format!("{:.0}", median(&of(|sample| sample.disk_bytes))),
    ]
}

fn measure_floor(options: &ServerOptions, connections: u16, pipeline: u16, measured: Duration) -> Result<Sample> {
    let scratch = interrupted::directory("landrush-floor-", options.scratch.as_deref())?;
    let mut server = Server::spawn(floor::command(pipeline)?, &scratch.path().join("floor.log"))?;
    let address = server.listening()?;
    let width = Width { connections: connections.into(), pipeline: pipeline.into() };
    measure(&server, address, &mut Bare::new(&address.to_string(), "floor", 200), width, measured)
}

fn measure_landrush(options: &ServerOptions, connections: u16, pipeline: u16, measured: Duration) -> Result<Sample> {
    let Own { server, address, data } = Own::start(options)?;
    let scenario =
        Scenario { campaign: "share".into(), coupon_types: 1, total_quota: 1_000_000_000, daily_quota: None, limit: 1 };
    Api::new(address, ADMIN_KEY).create_campaign(&scenario.body(Timestamp::now()))?;
    let mut load = Bare::new(&address.to_string(), &scenario.campaign, 201).naming_the_user();
    let width = Width { connections: connections.into(), pipeline: pipeline.into() };
    let mut sample = measure(&server, address, &mut load, width, measured)?;
    let ended = server.stop()?;
    ensure!(ended.success(), "the server ended with {ended}");
    sample.disk_bytes = used_bytes(&data.path().join("data/wal"))? as f64 / load.users() as f64;
    Ok(sample)
}

fn measure(server: &Server, address: SocketAddr, load: &mut Bare, width: Width, measured: Duration) -> Result<Sample> {
    let hidden = ProgressBar::hidden();
    drive(address, width, Pace::Closed(WARM_UP), load, &hidden)?;
    load.forget_latencies();
    let (before, own_before) = (server.cpu()?, own_cpu()?);
    let driven = drive(address, width, Pace::Closed(measured), load, &hidden)?;
    let (cpu, own) = (server.cpu()?.saturating_sub(before), own_cpu()?.saturating_sub(own_before));
    let Width { connections, pipeline } = width;
    ensure!(
        load.wrong == 0,
        "{} of {} answers were not as expected: refused, missing or somebody else's (a full queue refuses: {} requests are on their \
         way at most, and [shards] mailbox_commands may wait at a shard)",
        load.wrong,
        driven.sent,
        connections * pipeline
    );
    ensure!(driven.answered > 0, "no answers");
    Ok(Sample {
        rate: driven.rate(),
        cpu_us: cpu.as_secs_f64() * 1e6 / driven.answered as f64,
        generator_us: own.as_secs_f64() * 1e6 / driven.answered as f64,
        p99_ms: load.recorder().all().percentile(99.0).as_secs_f64() * 1e3,
        disk_bytes: 0.0,
    })
}

/// Bytes of the log that hold anything: segments are made ahead and full of zeros, so their size says nothing.
fn used_bytes(log: &Path) -> Result<usize> {
    let mut sectors = 0;
    for segment in fs::read_dir(log)? {
        let path = segment?.path();
        if path.is_file() {
            sectors +=
                fs::read(path)?.chunks(SECTOR_BYTES).filter(|sector| sector.iter().any(|byte| *byte != 0)).count();
        }
    }
    Ok(sectors * SECTOR_BYTES)
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middles() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
    }

    #[test]
    fn only_sectors_with_content_are_counted() {
        let log = tempfile::TempDir::new().expect("a directory");
        let mut segment = vec![0; 10 * SECTOR_BYTES];
        segment[0] = 1;
        segment[3 * SECTOR_BYTES + 7] = 1;
        fs::write(log.path().join("1"), &segment).expect("written");
        assert_eq!(used_bytes(log.path()).expect("read"), 2 * SECTOR_BYTES);
    }
}
