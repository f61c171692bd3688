//! The server under more than it can carry: held to a part of a processor, so that one generator can offer too much. What it carries
//! at best is found first; then several times of that comes, for a while; then half of it; and then what it carries at best is measured
//! once more, because machines change their pace within minutes. It is to go on with what it can carry, as fast as ever for those whom it
//! serves, to lose nothing, and to be well again when the crowd has left.

mod crowd;
mod held;

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use jiff::Timestamp;
use serde_json::json;

use self::crowd::{Crowd, Kind, Second};
use self::held::Held;
use crate::answer::Code;
use crate::api::Api;
use crate::claims::Claims;
use crate::cli::Overload;
use crate::client::drive;
use crate::departures::Pace;
use crate::descriptors;
use crate::load::{self, Own};
use crate::oracle::Ledger;
use crate::plan::Part;
use crate::report::{ensure_writable, number_table, verdict};
use crate::scenario::Scenario;
use crate::schedule::{Arrivals, Schedule};
use crate::server::ADMIN_KEY;
use crate::workload::Workload;

/// Connections among which the best number is looked for.
const CONNECTIONS: [usize; 3] = [16, 64, 256];
/// How long each of them is tried.
const TRIED_FOR: Duration = Duration::from_secs(3);
/// How long the best of them is measured, before the crowd and after it. Apart from looking for it: the highest of several noisy figures
/// is higher than what it stands for.
const MEASURED_FOR: Duration = Duration::from_secs(10);
/// How long half of the load is offered afterwards.
const AFTERWARDS: Duration = Duration::from_secs(10);
/// How long somebody waits for a free connection.
const DOOR_PATIENCE: Duration = Duration::from_millis(50);
/// Redeemed coupons that are looked up afterwards.
const LOOKED_UP_MAX: usize = 5_000;

/// What is to hold: goodput as a share of the best, latency at the 99th percentile, and seconds until the server is well again.
const GOODPUT_MIN: f64 = 0.8;
const P99_MAX: Duration = Duration::from_millis(200);
const RECOVERED_WITHIN: f64 = 2.0;

/// Runs it and prints what came of it; says whether all that is to hold did.
///
/// # Errors
/// When no server can be started, or it cannot be held to a part of a processor.
pub(crate) fn run(options: &Overload) -> Result<bool> {
    descriptors::allow(options.connections)?;
    ensure_writable(&[options.json.as_deref()])?;
    let own = Own::start(&options.server)?;
    let held = Held::hold(own.server.pid(), options.cpu_percent)?;
    let mut api = Api::new(own.address, ADMIN_KEY);
    let scenario = Scenario {
        campaign: Scenario::fresh_id("overload"),
        coupon_types: 1,
        total_quota: 100_000_000,
        daily_quota: None,
        limit: 1,
    };
    api.create_campaign(&scenario.body(Timestamp::now()))?;
    let mut stage = Stage {
        own: &own,
        campaign: scenario.campaign.clone(),
        claims: Claims::new(
            &own.address.to_string(),
            scenario.rules(),
            Workload::new(0.0, options.seed, Part::WHOLE),
            u64::MAX,
        ),
        winners: Vec::new(),
        redeemed: 0,
        confirmed: Vec::new(),
        seed: options.seed,
    };

    let most = stage.best_connections()?;
    let before = stage.best(most)?;
    let best = before.per_second;
    ensure!(best > 0.0, "nothing was answered");
    let connections = usize::from(options.connections);
    let door = |rate, length| {
        Pace::Door(Box::new(Schedule::new(rate, Arrivals::Poisson, length, options.seed)), DOOR_PATIENCE)
    };
    println!("\n{:.0} a second are offered for {} s", best * options.times, options.duration.as_secs_f64());
    let over = stage.play(door(best * options.times, options.duration), connections)?;
    print!("{}", over.table);
    println!("\n{:.0} a second are offered for {} s", best / 2.0, AFTERWARDS.as_secs_f64());
    let after = stage.play(door(best / 2.0, AFTERWARDS), connections)?;
    print!("{}", after.table);
    println!();
    let again = stage.best(most)?;

    let Stage { mut claims, confirmed, .. } = stage;
    let mut ledger = Ledger::default();
    let campaign = ledger.add(scenario.rules());
    claims.tell(&mut ledger, campaign);
    // Nobody is held back for the questions afterwards.
    drop(held);
    load::judge(own.address, 64, &mut api, &mut ledger, options.seed)?;
    let forgotten = forgotten(&mut api, &confirmed)?;
    print!("{} wins, each asked for again\n{}", ledger.wins(), verdict(ledger.violations()));

    let best_goodput = f64::midpoint(before.goodput, again.goodput);
    let goodput = over.goodput / best_goodput;
    // What had come before the crowd left was answered in the time after it.
    let tail = over.elapsed.saturating_sub(options.duration);
    let recovered = after.seconds.iter().position(is_well).map(|second| tail.as_secs_f64() + second as f64);
    println!(
        "goodput (redemptions, repeats and claims) {:.0} % of the best (at least {:.0}), p99 of what is accepted {:.1} ms (at most {}), well again after {} s (at most {RECOVERED_WITHIN})",
        goodput * 100.0,
        GOODPUT_MIN * 100.0,
        over.p99.as_secs_f64() * 1e3,
        P99_MAX.as_millis(),
        recovered.map_or_else(|| String::from("no number of"), |seconds| format!("{seconds:.1}")),
    );
    let is_sound = ledger.violations().is_empty() && forgotten == 0 && over.wrong == 0 && after.wrong == 0;
    let holds =
        goodput >= GOODPUT_MIN && over.p99 <= P99_MAX && recovered.is_some_and(|seconds| seconds <= RECOVERED_WITHIN);
    if let Some(file) = &options.json {
        let result = json!({
            "best_per_second": best,
            "best_goodput_per_second": [before.goodput, again.goodput],
            "offered_per_second": best * options.times,
            "goodput_share": goodput,
            "accepted_p99_ms": over.p99.as_secs_f64() * 1e3,
            "recovered_after_seconds": recovered,
            "shares_answered": over.shares,
            "violations": ledger.violations().len(),
            "forgotten_redemptions": forgotten,
        });
        fs::write(file, serde_json::to_string_pretty(&result)? + "\n")
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(is_sound && holds)
}

/// What goes from one phase to the next.
struct Stage<'a> {
    own: &'a Own,
    campaign: String,
    claims: Claims,
    winners: Vec<(u64, Code)>,
    redeemed: usize,
    confirmed: Vec<Code>,
    seed: u64,
}

/// What came of one phase.
struct Outcome {
    /// What was accepted, a second.
    per_second: f64,
    /// The same without looks at what is left, which are refused for the sake of the rest.
    goodput: f64,
    latencies: String,
    p99: Duration,
    /// From the first request to the last answer.
    elapsed: Duration,
    wrong: u64,
    table: String,
    seconds: Vec<Second>,
    /// Of each kind the share of what was answered that was accepted.
    shares: serde_json::Value,
}

impl Stage<'_> {
    /// The number of connections that carries most.
    fn best_connections(&mut self) -> Result<usize> {
        let mut best = (0.0, CONNECTIONS[0]);
        for connections in CONNECTIONS {
            let told = self.play(Pace::Closed(TRIED_FOR), connections)?;
            println!("{connections} connections carry {:.0} a second, {}", told.per_second, told.latencies);
            if told.per_second > best.0 {
                best = (told.per_second, connections);
            }
        }
        Ok(best.1)
    }

    /// What is carried at best, over that many connections.
    fn best(&mut self, connections: usize) -> Result<Outcome> {
        let told = self.play(Pace::Closed(MEASURED_FOR), connections)?;
        println!(
            "at best, over {connections} connections: {:.0} a second, {:.0} of them goodput, {}",
            told.per_second, told.goodput, told.latencies
        );
        Ok(told)
    }

    fn play(&mut self, pace: Pace, connections: usize) -> Result<Outcome> {
        self.seed += 1;
        let address = self.own.address;
        let mut crowd = Crowd::new(
            address.to_string(),
            self.campaign.clone(),
            &mut self.claims,
            &mut self.winners,
            &mut self.redeemed,
            self.seed,
        );
        let driven = drive(address, connections, pace, &mut crowd, &ProgressBar::hidden())?;
        let accepted = crowd.accepted();
        let ms = |latency: Duration| format!("{:.1}", latency.as_secs_f64() * 1e3);
        let mut table = number_table(["", "accepted", "told to come again", "share", "p50 ms", "p99 ms", "wrong"]);
        let mut shares = serde_json::Map::new();
        for kind in Kind::ALL {
            let fate = crowd.fate(kind);
            let count = fate.accepted.count();
            let share = count as f64 / (count + fate.refused).max(1) as f64;
            shares.insert(kind.name().to_owned(), json!(share));
            table.add_row([
                kind.name().to_owned(),
                count.to_string(),
                fate.refused.to_string(),
                format!("{share:.3}"),
                ms(fate.accepted.percentile(50.0)),
                ms(fate.accepted.percentile(99.0)),
                fate.wrong.to_string(),
            ]);
        }
        let table = format!("{table}\nfound no connection: {}\n", crowd.turned_away());
        let per_second = |count: u64| count as f64 / driven.elapsed.as_secs_f64().max(f64::EPSILON);
        let outcome = Outcome {
            per_second: per_second(accepted.count()),
            goodput: per_second(accepted.count() - crowd.fate(Kind::Poll).accepted.count()),
            latencies: format!("p50 {} ms, p99 {} ms", ms(accepted.percentile(50.0)), ms(accepted.percentile(99.0))),
            p99: accepted.percentile(99.0),
            elapsed: driven.elapsed,
            wrong: Kind::ALL.iter().map(|kind| crowd.fate(*kind).wrong).sum(),
            table,
            seconds: crowd.seconds().to_vec(),
            shares: shares.into(),
        };
        let confirmed = crowd.confirmed().to_vec();
        self.confirmed.extend(confirmed);
        Ok(outcome)
    }
}

/// Whether in that second everybody was served, and fast.
fn is_well(second: &Second) -> bool {
    second.refused == 0 && second.accepted.count() > 0 && second.accepted.percentile(99.0) <= P99_MAX
}

/// How many of the coupons that were said to be redeemed are not, of as many as are looked up.
fn forgotten(api: &mut Api, confirmed: &[Code]) -> Result<usize> {
    let step = confirmed.len().div_ceil(LOOKED_UP_MAX).max(1);
    let mut forgotten = 0;
    for code in confirmed.iter().step_by(step) {
        forgotten += usize::from(api.coupon_state(*code)? != "redeemed");
    }
    println!("{} coupons redeemed, one in {step} looked up, {forgotten} forgotten", confirmed.len());
    Ok(forgotten)
}
