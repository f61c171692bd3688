//! What an open connection costs in memory: the server's own, and the kernel's for the server's end of it.
//!
//! Both ends are on this machine, and alike to the kernel: the server's end is half of what was added. Each kind of connection is opened
//! against a server of its own, and all of them wait while they are counted.

mod kernel;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use indicatif::ProgressBar;
use jiff::Timestamp;
use rustix::event::epoll;

use self::kernel::{CACHES, Kernel, OneEnd};
use crate::api::Api;
use crate::claims::Bare;
use crate::cli::Memory;
use crate::client::drive;
use crate::compare::median;
use crate::departures::Pace;
use crate::descriptors;
use crate::load::{Own, progress};
use crate::report::number_table;
use crate::scenario::Scenario;
use crate::schedule::{Arrivals, Schedule};
use crate::server::ADMIN_KEY;
use crate::watch::crowd::Crowd;

/// How long everything rests before it is looked at: the kernel gives back what nobody holds any more a little later.
const REST: Duration = Duration::from_secs(2);
/// Watchers are told so many changes a second, for so long, before they rest.
const CHANGES_PER_SECOND: f64 = 4.0;
const CHANGES_FOR: Duration = Duration::from_secs(2);

/// What is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opened {
    /// Connections that have asked once, and are kept.
    KeptAlive,
    /// Event streams that have told a few changes.
    Watching,
}

/// What one connection was found to cost, in bytes.
#[derive(Debug)]
struct Cost {
    server: f64,
    kernel: OneEnd,
}

/// Opens and counts, and prints the medians.
///
/// # Errors
/// When a server cannot be started or refuses a connection, or the kernel does not say what it holds.
pub(crate) fn run(options: &Memory) -> Result<bool> {
    descriptors::allow(options.connections)?;
    let kinds = [Opened::KeptAlive, Opened::Watching];
    let mut costs = kinds.map(|_| Vec::new());
    let bar = progress(2 * u64::from(options.rounds), "servers");
    for _ in 0..options.rounds {
        for (kind, costs) in kinds.into_iter().zip(&mut costs) {
            costs.push(cost(kind, options)?);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    println!("{} connections, medians of {} rounds, bytes each", options.connections, options.rounds);
    println!("{}", table(&costs).trim_fmt());
    Ok(true)
}

fn table(costs: &[Vec<Cost>; 2]) -> comfy_table::Table {
    let mut table = number_table(["", "kept alive", "watching"]);
    let mut row = |name: &str, part: &dyn Fn(&Cost) -> f64| {
        let figures = costs.each_ref().map(|costs| format!("{:.0}", median(costs.iter().map(part).collect())));
        table.add_row([name.to_owned()].into_iter().chain(figures));
    };
    row("the server", &|cost| cost.server);
    row("the kernel", &|cost| cost.kernel.bytes());
    for (place, cache) in CACHES.into_iter().enumerate() {
        row(&format!("  {cache}"), &|cost| cost.kernel.objects[place]);
    }
    row("  buffers", &|cost| cost.kernel.buffers);
    row("half of all caches", &|cost| cost.kernel.slab);
    table
}

fn cost(kind: Opened, options: &Memory) -> Result<Cost> {
    let own = Own::start(&options.server)?;
    let campaign = Scenario::fresh_id("memory");
    let scenario =
        Scenario { campaign: campaign.clone(), coupon_types: 1, total_quota: 1_000_000, daily_quota: None, limit: 1 };
    Api::new(own.address, ADMIN_KEY).create_campaign(&scenario.body(Timestamp::now()))?;
    let look = || {
        thread::sleep(REST);
        anyhow::Ok((own.server.resident_bytes()?, Kernel::look()?))
    };
    let before = look()?;
    let after = match kind {
        Opened::KeptAlive => {
            let _kept = Kept::open(own.address, &campaign, options.connections)?;
            look()?
        }
        Opened::Watching => {
            let path = format!("/v1/campaigns/{campaign}/events");
            let mut crowd = Crowd::open(own.address, &path, usize::from(options.connections))?;
            let after = after_changes(&mut crowd, own.address, &campaign, look)?;
            ensure!(crowd.broken() == 0, "{} streams have ended", crowd.broken());
            after
        }
    };
    let connections = u32::from(options.connections);
    let server = after.0.saturating_sub(before.0) as f64 / f64::from(connections);
    Ok(Cost { server, kernel: after.1.since(&before.1, connections) })
}

/// Looks after a few coupons were claimed, while the crowd takes what it is told: what it left unread would be counted.
fn after_changes<T>(
    crowd: &mut Crowd,
    target: SocketAddr,
    campaign: &str,
    look: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let mut claims = Bare::new(&target.to_string(), campaign, 201);
    let schedule = Schedule::new(CHANGES_PER_SECOND, Arrivals::Constant, CHANGES_FOR, 1);
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watching = scope.spawn(|| crowd.watch(&is_done));
        let driven = drive(target, 1_u16, Pace::Open(Box::new(schedule)), &mut claims, &ProgressBar::hidden());
        let looked = look();
        is_done.store(true, Ordering::Relaxed);
        watching.join().expect("the crowd does not panic")?;
        driven?;
        ensure!(claims.wrong == 0, "{} claims were not won", claims.wrong);
        looked
    })
}

/// Connections that were used once, and wait in an epoll as the server's end does.
#[derive(Debug)]
struct Kept {
    _streams: Vec<TcpStream>,
    _epoll: OwnedFd,
}

impl Kept {
    fn open(target: SocketAddr, campaign: &str, count: u16) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let request = format!("GET /v1/campaigns/{campaign}/availability HTTP/1.1\r\nHost: {target}\r\n\r\n");
        let mut streams = Vec::with_capacity(count.into());
        for place in 0..count {
            let mut stream = TcpStream::connect(target)?;
            stream.write_all(request.as_bytes())?;
            let mut answer = [0; 4_096];
            let count = stream.read(&mut answer)?;
            ensure!(answer[..count].starts_with(b"HTTP/1.1 200 "), "connection {place} was not answered 200");
            epoll::add(&epoll, &stream, epoll::EventData::new_u64(place.into()), epoll::EventFlags::IN)?;
            streams.push(stream);
        }
        Ok(Self { _streams: streams, _epoll: epoll })
    }
}
