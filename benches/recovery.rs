//! How many records a second does recovery take? A log of claims by distinct users, many a frame, read from the page cache into
//! one shard, until state and published facts stand; no snapshot. The time to make the next segment is not in it.

use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use landrush_engine::campaign::CampaignDefinition;
use landrush_engine::command::{Claim, Command, Gate};
use landrush_engine::fairness::Seed;
use landrush_engine::id::UserId;
use landrush_engine::{Engine, EngineOptions};

const CLAIMS: u64 = 1_000_000;
const UNDER_WAY_MAX: u64 = 8_192;

fn open(data_dir: &Path) -> (Engine, landrush_engine::RecoveryReport) {
    let options = EngineOptions { shards: 1, snapshot_every_bytes: u64::MAX, ..EngineOptions::default() };
    let mut entropy = |buffer: &mut [u8]| getrandom::fill(buffer).expect("the system has random bytes");
    Engine::open(data_dir, options, &mut entropy).expect("the directory opens")
}

fn write_log(data_dir: &Path) {
    let (engine, _) = open(data_dir);
    let definition = CampaignDefinition::builder("rush").coupon_type("cash-5", 1_000_000_000).build().expect("valid");
    let route = engine.route(&definition.id);
    let campaign = engine.next_campaign_number();
    let mut port = engine.blocking_port();
    let create = Command::Create { campaign, definition: Box::new(definition), seed: Seed::from_bytes([1; 32]) };
    port.call(route, create).expect("the engine is open");
    let (mut sent, mut answered) = (0, 0);
    let mut replies = Vec::new();
    while answered < CLAIMS {
        while sent < CLAIMS && sent - answered < UNDER_WAY_MAX {
            let user = UserId::new(&format!("user-{sent:010}")).expect("valid");
            let stamped_at = engine.clock().now();
            let claim =
                Claim { campaign, user, coupon_type: None, key: None, phone: None, gate: Gate::default(), stamped_at };
            port.submit(route, sent, Command::Claim(claim)).expect("the mailbox holds what is under way");
            sent += 1;
        }
        port.wait(&mut replies).expect("the engine is open");
        answered += replies.drain(..).len() as u64;
    }
    engine.close().expect("the log is whole");
}

fn recovery(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("recovery");
    group.throughput(Throughput::Elements(CLAIMS)).sample_size(10);
    group.bench_function("records", |bencher| {
        let data = tempfile::tempdir().expect("a temporary directory");
        write_log(data.path());
        bencher.iter_custom(|iterations| {
            let mut took = Duration::ZERO;
            for _ in 0..iterations {
                let (engine, report) = open(data.path());
                assert_eq!(report.records, CLAIMS + 1, "every claim comes back, and the campaign");
                took += report.rebuilt_in;
                engine.close().expect("the log is whole");
            }
            took
        });
    });
    group.finish();
}

criterion_group!(benches, recovery);
criterion_main!(benches);
