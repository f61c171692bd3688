//! The commands over the log, run as an operator runs them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use landrush_engine::campaign::{CampaignDefinition, CampaignPatch};
use landrush_engine::command::{Claim, Command as Asked};
use landrush_engine::id::{CampaignNumber, Serial, UserId};
use landrush_engine::outcome::Outcome;
use landrush_engine::{Engine, EngineOptions};

fn entropy(buffer: &mut [u8]) {
    getrandom::fill(buffer).expect("the system has random bytes");
}

fn open(dir: &Path) -> Engine {
    let (engine, _) = Engine::open(dir, EngineOptions::default(), &mut entropy).expect("opens");
    engine
}

/// Makes a campaign of 100 coupons, and `claims` claims; then a bit of everything else. Gives the engine, still running.
fn sale(dir: &Path, claims: u32) -> Engine {
    let engine = open(dir);
    let definition = CampaignDefinition::builder("sale").coupon_type("cash-5", 100).build().expect("valid");
    let route = engine.route(&definition.id);
    let campaign = engine.next_campaign_number();
    let mut port = engine.blocking_port();
    let mut ask = |command| port.call(route, command).expect("answered");
    ask(Asked::Create { campaign, definition: Box::new(definition) });
    for i in 0..claims {
        let user = UserId::new(&format!("user-{i}")).expect("valid");
        let stamped_at = engine.clock().now();
        let claim = Claim { campaign, user, coupon_type: None, key: None, stamped_at };
        assert!(matches!(ask(Asked::Claim(claim)), Outcome::Won(_)));
    }
    let patch = CampaignPatch { name: Some(String::from("Sale!")), ..CampaignPatch::default() };
    ask(Asked::Patch { campaign, patch: Box::new(patch), dry_run: false });
    ask(Asked::Void { campaign, claim: Serial(0), restock: None, allow_again: false });
    ask(Asked::Cancel { campaign, revoke: true, dry_run: false });
    drop(port);
    engine
}

fn wal(arguments: &[&str], dir: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_landrush"));
    command.arg("wal").args(arguments).arg(dir).output().expect("runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn segment(dir: &Path) -> PathBuf {
    dir.join("wal/00000000000000000001.log")
}

/// Where the frame begins that the last claim is in: the third frame from the end has the patch, the void, the cancellation.
fn overwrite(path: &Path, offset: usize, change: impl FnOnce(&mut [u8])) {
    let mut bytes = std::fs::read(path).expect("readable");
    change(&mut bytes[offset..]);
    std::fs::write(path, bytes).expect("writable");
}

#[test]
fn a_sound_log_is_called_sound_beside_a_live_server_and_after_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = sale(dir.path(), 10);
    for _ in 0..2 {
        let output = wal(&["verify"], dir.path());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(stdout(&output).contains("sound: records 1 to 14 "), "{}", stdout(&output));
        engine.close().expect("closes");
    }
}

#[test]
fn a_flipped_bit_is_named_with_its_place() {
    let dir = tempfile::tempdir().expect("a directory");
    sale(dir.path(), 10).close().expect("closes");
    // The second frame: the first claim or claims.
    overwrite(&segment(dir.path()), 1024, |bytes| bytes[70] ^= 1);
    let output = wal(&["verify"], dir.path());
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("00000000000000000001.log at offset 1024"), "{said}");
    assert!(said.contains("wal repair"), "{said}");
    // The server says the same, and does not start.
    let refused = Engine::open(dir.path(), EngineOptions::default(), &mut entropy).err().expect("refused");
    assert!(refused.to_string().contains("00000000000000000001.log at offset 1024"), "{refused}");
}

#[test]
fn a_torn_tail_is_sound_and_said() {
    let dir = tempfile::tempdir().expect("a directory");
    sale(dir.path(), 10).close().expect("closes");
    let frames = stdout(&wal(&["verify"], dir.path()));
    let count: usize = frames
        .split(" in ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .expect("a count")
        .parse()
        .expect("a number");
    // Half of a frame behind the last one, as a crash leaves it: a header that announces more than there is.
    let end = 512 + count * 512;
    overwrite(&segment(dir.path()), end, |bytes| {
        let (before, after) = (bytes.len(), 64);
        assert!(before > after);
        bytes[..after].fill(0xa5);
    });
    let output = wal(&["verify"], dir.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("torn tail"), "{}", stdout(&output));
}

#[test]
fn a_dump_is_one_json_object_a_line_and_tells_no_codes() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = sale(dir.path(), 3);
    let code = engine.codes().code(CampaignNumber(0), Serial(1)).to_string();
    engine.close().expect("closes");
    let output = wal(&["dump"], dir.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    let events: Vec<String> = text
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")["event"].as_str().expect("named").to_owned()
        })
        .collect();
    assert_eq!(events, ["created", "claimed", "claimed", "claimed", "patched", "voided", "cancelled"]);
    assert!(!text.contains(&code), "a code was printed");
    let one = stdout(&wal(&["dump", "--from", "3", "--to", "3", "--campaign", "sale"], dir.path()));
    assert_eq!(one.lines().count(), 1, "{one}");
    assert!(one.contains("\"user_id\":\"user-1\""), "{one}");
}

#[test]
fn replay_counts_and_finds_every_promise_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    sale(dir.path(), 10).close().expect("closes");
    let output = wal(&["replay", "--json"], dir.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let audit: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(audit["claims"], 10);
    // One was voided, and its unit given back.
    assert_eq!(audit["coupon_types"][0]["issued"], 9);
    assert_eq!(audit["violation_count"], 0);
    assert!(stdout(&wal(&["replay"], dir.path())).contains("every promise is kept"));
}

#[test]
fn a_repair_says_what_is_lost_and_waits_for_a_yes() {
    let dir = tempfile::tempdir().expect("a directory");
    sale(dir.path(), 10).close().expect("closes");
    let before = std::fs::read(segment(dir.path())).expect("readable");
    let asked = wal(&["repair", "--drop-after", "6"], dir.path());
    assert_eq!(asked.status.code(), Some(2), "{}", stderr(&asked));
    assert!(stdout(&asked).contains("claimed 5"), "{}", stdout(&asked));
    assert_eq!(std::fs::read(segment(dir.path())).expect("readable"), before, "nothing was to be changed");
    let done = wal(&["repair", "--drop-after", "6", "--yes"], dir.path());
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let verified = wal(&["verify"], dir.path());
    assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
    let engine = open(dir.path());
    let view = engine.directory().page(None, 1)[0].view(engine.clock().now());
    assert_eq!(view.counts[0].issued, 5);
    assert!(view.cancelled.is_none(), "what came after is gone");
    engine.close().expect("closes");
}

#[test]
fn two_snapshots_are_compared_through_the_log_between_them() {
    let dir = tempfile::tempdir().expect("a directory");
    let log =
        landrush_wal::options::LogOptions { segment_bytes: 1 << 20, frame_bytes_max: 64 << 10, ..Default::default() };
    let options = EngineOptions { log, snapshot_every_bytes: 1, ..EngineOptions::default() };
    let (engine, _) = Engine::open(dir.path(), options, &mut entropy).expect("opens");
    let definition = CampaignDefinition::builder("sale").coupon_type("cash-5", 1_000_000).build().expect("valid");
    let route = engine.route(&definition.id);
    let campaign = engine.next_campaign_number();
    let mut port = engine.blocking_port();
    port.call(route, Asked::Create { campaign, definition: Box::new(definition) }).expect("answered");
    // One claim a frame fills segments quickly. Bounded by the quota.
    let mut claims = 0;
    while engine.status().snapshots.made() < 3 {
        let user = UserId::new(&format!("user-{claims}")).expect("valid");
        let stamped_at = engine.clock().now();
        let won = port.call(route, Asked::Claim(Claim { campaign, user, coupon_type: None, key: None, stamped_at }));
        assert!(matches!(won, Ok(Outcome::Won(_))), "{won:?}");
        claims += 1;
    }
    drop(port);
    engine.close().expect("closes");
    let output = wal(&["verify"], dir.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("compared"), "{}", stdout(&output));
    let replayed = stdout(&wal(&["replay", "--json"], dir.path()));
    let audit: serde_json::Value = serde_json::from_str(&replayed).expect("JSON");
    assert_eq!(audit["claims"], claims);
    assert_eq!(audit["violation_count"], 0);
}

#[test]
fn a_place_that_is_none_is_a_usage_error_and_stays_as_it_was() {
    let dir = tempfile::tempdir().expect("a directory");
    let missing = dir.path().join("none");
    for command in ["verify", "stats", "dump", "replay"] {
        assert_eq!(wal(&[command], &missing).status.code(), Some(2), "{command}");
        assert_eq!(wal(&[command], dir.path()).status.code(), Some(2), "{command}");
    }
    assert_eq!(wal(&["no-such-command"], dir.path()).status.code(), Some(2));
    assert!(!missing.exists() && std::fs::read_dir(dir.path()).expect("readable").next().is_none());
}
