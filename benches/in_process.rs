//! How many durable claims a second does one shard take in process? A new campaign of a million claims by distinct users each
//! time, `sync` durability, closed loop with 8,192 claims under way, on the disk that holds the temporary directory.

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use landrush_engine::campaign::CampaignDefinition;
use landrush_engine::command::{Claim, Command, Gate};
use landrush_engine::fairness::Seed;
use landrush_engine::id::{CampaignNumber, UserId};
use landrush_engine::outcome::Outcome;
use landrush_engine::port::BlockingPort;
use landrush_engine::router::Route;
use landrush_engine::{Engine, EngineOptions};

const CLAIMS: u64 = 1_000_000;
const UNDER_WAY_MAX: u64 = 8_192;

struct Rush {
    engine: Engine,
    port: BlockingPort,
    campaigns: u32,
}

impl Rush {
    fn open(data_dir: &std::path::Path) -> Self {
        let options = EngineOptions { shards: 1, ..EngineOptions::default() };
        let mut entropy = |buffer: &mut [u8]| getrandom::fill(buffer).expect("the system has random bytes");
        let (engine, _) = Engine::open(data_dir, options, &mut entropy).expect("a fresh directory opens");
        let port = engine.blocking_port();
        Self { engine, port, campaigns: 0 }
    }

    fn new_campaign(&mut self) -> (Route, CampaignNumber) {
        self.campaigns += 1;
        let id = format!("rush-{}", self.campaigns);
        let definition = CampaignDefinition::builder(&id).coupon_type("cash-5", 1_000_000_000).build().expect("valid");
        let route = self.engine.route(&definition.id);
        let campaign = self.engine.next_campaign_number();
        let create = Command::Create { campaign, definition: Box::new(definition), seed: Seed::from_bytes([1; 32]) };
        let created = self.port.call(route, create);
        assert!(matches!(created, Ok(Outcome::Created(_))));
        (route, campaign)
    }

    /// Makes `CLAIMS` claims by new people in a new campaign and gives the time until the last answer.
    fn claim_all(&mut self) -> Duration {
        let (route, campaign) = self.new_campaign();
        let commands: Vec<Command> = (0..CLAIMS)
            .map(|i| {
                let user = UserId::new(&format!("user-{i:010}")).expect("valid");
                let stamped_at = self.engine.clock().now();
                Command::Claim(Claim {
                    campaign,
                    user,
                    coupon_type: None,
                    key: None,
                    phone: None,
                    gate: Gate::default(),
                    stamped_at,
                })
            })
            .collect();
        let begun = Instant::now();
        let (mut sent, mut answered) = (0, 0);
        let mut commands = commands.into_iter();
        let mut replies = Vec::new();
        while answered < CLAIMS {
            while sent - answered < UNDER_WAY_MAX
                && let Some(command) = commands.next()
            {
                self.port.submit(route, sent, command).expect("the mailbox holds what is under way");
                sent += 1;
            }
            self.port.wait(&mut replies).expect("the engine is open");
            for reply in replies.drain(..) {
                assert!(matches!(reply.outcome, Outcome::Won(_)), "everybody is new and the quota is large");
                answered += 1;
            }
        }
        begun.elapsed()
    }
}

fn in_process(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("in_process");
    group.throughput(Throughput::Elements(CLAIMS)).sample_size(10);
    group.bench_function("durable_claims", |bencher| {
        let data = tempfile::tempdir().expect("a temporary directory");
        let mut rush = Rush::open(data.path());
        bencher.iter_custom(|iterations| (0..iterations).map(|_| rush.claim_all()).sum());
        rush.engine.close().expect("the log is whole");
    });
    group.finish();
}

criterion_group!(benches, in_process);
criterion_main!(benches);
