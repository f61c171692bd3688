//! Data directories made with the engine as a library, and the program run over them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use landrush_engine::campaign::{CampaignDefinition, CampaignPatch};
use landrush_engine::command::{Claim, Command as Asked, Gate};
use landrush_engine::id::{CampaignNumber, Serial, UserId};
use landrush_engine::outcome::Outcome;
use landrush_engine::port::BlockingPort;
use landrush_engine::{Engine, EngineOptions};
use landrush_wal::options::LogOptions;

pub(crate) fn entropy(buffer: &mut [u8]) {
    getrandom::fill(buffer).expect("the system has random bytes");
}

pub(crate) fn open(dir: &Path) -> Engine {
    open_with(dir, EngineOptions::default())
}

pub(crate) fn open_with(dir: &Path, options: EngineOptions) -> Engine {
    let (engine, _) = Engine::open(dir, options, &mut entropy).expect("opens");
    engine
}

/// Segments that fill quickly, and a snapshot of each.
pub(crate) fn busy() -> EngineOptions {
    let log = LogOptions { segment_bytes: 1 << 20, frame_bytes_max: 64 << 10, ..Default::default() };
    EngineOptions { log, snapshot_every_bytes: 1, ..EngineOptions::default() }
}

/// One campaign of an engine, asked from one thread.
pub(crate) struct Shop<'e> {
    engine: &'e Engine,
    port: BlockingPort,
    campaign: CampaignNumber,
    definition: CampaignDefinition,
}

impl<'e> Shop<'e> {
    pub(crate) fn make(engine: &'e Engine, id: &str, quota: u32) -> Self {
        let definition = CampaignDefinition::builder(id).coupon_type("cash-5", quota).build().expect("valid");
        let campaign = engine.next_campaign_number();
        let mut shop = Self { engine, port: engine.blocking_port(), campaign, definition: definition.clone() };
        let made = shop.ask(Asked::Create {
            campaign,
            definition: Box::new(definition),
            seed: landrush_engine::fairness::Seed::from_bytes([3; 32]),
        });
        assert!(matches!(made, Outcome::Created(_)), "{made:?}");
        shop
    }

    pub(crate) fn ask(&mut self, command: Asked) -> Outcome {
        self.port.call(self.engine.route(&self.definition.id), command).expect("answered")
    }

    pub(crate) fn claim(&mut self, user: &str) {
        let user = UserId::new(user).expect("valid");
        let stamped_at = self.engine.clock().now();
        let claim = Claim {
            campaign: self.campaign,
            user,
            coupon_type: None,
            key: None,
            phone: None,
            gate: Gate::default(),
            stamped_at,
        };
        let won = self.ask(Asked::Claim(claim));
        assert!(matches!(won, Outcome::Won(_)), "{won:?}");
    }

    /// Everything but claims and archiving.
    pub(crate) fn manage(&mut self) {
        let campaign = self.campaign;
        let patch = CampaignPatch { name: Some(String::from("Sale!")), ..CampaignPatch::default() };
        self.ask(Asked::Patch { campaign, patch: Box::new(patch), dry_run: false });
        self.ask(Asked::Void { campaign, claim: Serial(0), restock: None, allow_again: false });
        self.ask(Asked::Cancel { campaign, revoke: true, dry_run: false });
    }

    pub(crate) fn archive(&mut self) {
        let campaign = self.campaign;
        let archived = self.ask(Asked::Archive { campaign, dry_run: false });
        assert!(matches!(archived, Outcome::Archived), "{archived:?}");
    }
}

/// A campaign of 100 coupons, `claims` claims, then a change, a void and a cancellation: records 1 to `claims` + 4. Gives the
/// engine, still running.
pub(crate) fn sale(dir: &Path, claims: u32) -> Engine {
    let engine = open(dir);
    let mut shop = Shop::make(&engine, "sale", 100);
    (0..claims).for_each(|i| shop.claim(&format!("user-{i}")));
    shop.manage();
    drop(shop);
    engine
}

/// Claims, each in a frame of its own, until `snapshots` have been made; gives how many. Bounded by the quota.
pub(crate) fn claims_until_snapshots(engine: &Engine, snapshots: u64) -> u32 {
    let mut shop = Shop::make(engine, "sale", 1_000_000);
    let mut claims = 0;
    while engine.status().snapshots.made() < snapshots {
        shop.claim(&format!("user-{claims}"));
        claims += 1;
    }
    claims
}

/// What the program said and how it ended.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "out: {}\nerr: {}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn out_has(self, text: &str) -> Self {
        assert!(self.out.contains(text), "{text:?} is not in {}", self.out);
        self
    }

    #[track_caller]
    pub(crate) fn err_has(self, text: &str) -> Self {
        assert!(self.err.contains(text), "{text:?} is not in {}", self.err);
        self
    }
}

/// Runs `landrush wal`, the directory last.
pub(crate) fn wal(arguments: &[&str], dir: &Path) -> Said {
    run(Command::new(env!("CARGO_BIN_EXE_landrush")).arg("wal").args(arguments).arg(dir))
}

/// Runs the program to its end.
pub(crate) fn run(command: &mut Command) -> Said {
    let Output { status, stdout, stderr } = command.output().expect("runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { code: status.code(), out: text(stdout), err: text(stderr) }
}

/// The objects of JSON lines.
pub(crate) fn json_lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// The first segment of a log.
pub(crate) fn segment(dir: &Path) -> PathBuf {
    dir.join("wal/00000000000000000001.log")
}

pub(crate) fn overwrite(path: &Path, offset: usize, change: impl FnOnce(&mut [u8])) {
    let mut bytes = std::fs::read(path).expect("readable");
    change(&mut bytes[offset..]);
    std::fs::write(path, bytes).expect("writable");
}
