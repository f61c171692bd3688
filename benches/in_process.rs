//! How many durable claims a second does one shard take in process? Distinct users, one hot campaign, `sync` durability, closed
//! loop with 8,192 claims under way, everything on the disk that holds the temporary directory.

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use landrush_engine::campaign::CampaignDefinition;
use landrush_engine::command::{Claim, Command};
use landrush_engine::id::{CampaignNumber, UserId};
use landrush_engine::outcome::Outcome;
use landrush_engine::port::BlockingPort;
use landrush_engine::router::Route;
use landrush_engine::{Engine, EngineOptions};

const CLAIMS: u64 = 500_000;
const UNDER_WAY_MAX: u64 = 8_192;

struct Rush {
    engine: Engine,
    port: BlockingPort,
    route: Route,
    campaign: CampaignNumber,
    users: u64,
}

impl Rush {
    fn open(data_dir: &std::path::Path) -> Self {
        let options = EngineOptions { shards: 1, ..EngineOptions::default() };
        let mut entropy = |buffer: &mut [u8]| getrandom::fill(buffer).expect("the system has random bytes");
        let (engine, _) = Engine::open(data_dir, options, &mut entropy).expect("a fresh directory opens");
        let definition =
            CampaignDefinition::builder("rush").coupon_type("cash-5", 1_000_000_000).build().expect("valid");
        let route = engine.route(&definition.id);
        let campaign = engine.next_campaign_number();
        let mut port = engine.blocking_port();
        let created = port.call(route, Command::Create { campaign, definition: Box::new(definition) });
        assert!(matches!(created, Ok(Outcome::Created(_))));
        Self { engine, port, route, campaign, users: 0 }
    }

    /// Makes `CLAIMS` claims by new people and gives the time until the last answer.
    fn claim_all(&mut self) -> Duration {
        let first = self.users;
        self.users += CLAIMS;
        let commands: Vec<Command> = (first..self.users)
            .map(|i| {
                let user = UserId::new(&format!("user-{i:010}")).expect("valid");
                let stamped_at = self.engine.clock().now();
                Command::Claim(Claim { campaign: self.campaign, user, coupon_type: None, key: None, stamped_at })
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
                self.port.submit(self.route, sent, command).expect("the mailbox holds what is under way");
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
