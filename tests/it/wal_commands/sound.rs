//! What the commands say of logs with which nothing is wrong.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use landrush_engine::id::{CampaignNumber, Serial};

use super::shop::{Shop, busy, claims_until_snapshots, json_lines, open, open_with, sale, wal};

#[test]
fn a_sound_log_is_called_sound_beside_a_live_server_and_after_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = sale(dir.path(), 10);
    for _ in 0..2 {
        wal(&["verify"], dir.path()).expect(0).out_has("sound: records 1 to 14 ").out_has("every record makes sense");
        engine.close().expect("closes");
    }
}

#[test]
fn an_engine_that_never_served_leaves_a_sound_log() {
    let dir = tempfile::tempdir().expect("a directory");
    open(dir.path()).close().expect("closes");
    wal(&["verify"], dir.path()).expect(0).out_has("no records");
    wal(&["stats"], dir.path()).expect(0).out_has("none after 0");
    assert_eq!(wal(&["dump"], dir.path()).expect(0).out, "");
    wal(&["replay"], dir.path()).expect(0).out_has("every promise is kept");
}

#[test]
fn stats_count_records_by_kind() {
    let dir = tempfile::tempdir().expect("a directory");
    sale(dir.path(), 10).close().expect("closes");
    let said = wal(&["stats"], dir.path()).expect(0).out_has("14, from 1 to 14").out_has("1 to 1: one a start");
    for (kind, count) in [("created", 1), ("claimed", 10), ("patched", 1), ("voided", 1), ("cancelled", 1)] {
        assert!(said.out.contains(&format!("  {kind:<13} {count}\n")), "{kind}: {}", said.out);
    }
}

#[test]
fn a_dump_is_one_json_object_a_line_of_every_kind_and_tells_codes_only_when_asked() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = open(dir.path());
    let mut shop = Shop::make(&engine, "sale", 100);
    (0..3).for_each(|i| shop.claim(&format!("user-{i}")));
    shop.manage();
    shop.archive();
    let code = engine.codes().code(CampaignNumber(0), Serial(1)).to_string();
    let claim_id = engine.codes().claim_id(CampaignNumber(0), Serial(1)).to_string();
    drop(shop);
    engine.close().expect("closes");

    let said = wal(&["dump"], dir.path()).expect(0);
    let lines = json_lines(&said.out);
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().expect("named")).collect();
    assert_eq!(events, ["created", "claimed", "claimed", "claimed", "patched", "voided", "cancelled", "archived"]);
    for (line, lsn) in lines.iter().zip(1..) {
        assert_eq!((&line["lsn"], &line["campaign_id"]), (&lsn.into(), &"sale".into()));
        assert_eq!(
            (&line["segment"], line["offset"].as_u64() >= Some(512)),
            (&"00000000000000000001.log".into(), true)
        );
    }
    assert_eq!((&lines[2]["user_id"], &lines[2]["coupon_type"]), (&"user-1".into(), &"cash-5".into()));
    assert_eq!(lines[2]["claim_id"], claim_id.as_str());
    assert!(!said.out.contains(&code), "a code was printed");

    let one = wal(&["dump", "--from", "3", "--to", "3", "--campaign", "sale", "--codes"], dir.path()).expect(0);
    let [one] = json_lines(&one.out).try_into().expect("one record");
    assert_eq!(one["code"], code.as_str());
    wal(&["dump", "--campaign", "sail"], dir.path()).expect(2).err_has("knows no campaign sail");
}

#[test]
fn a_dump_ends_quietly_when_nobody_reads_on() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = open(dir.path());
    let mut shop = Shop::make(&engine, "sale", 2_000);
    (0..1_000).for_each(|i| shop.claim(&format!("user-{i}")));
    drop(shop);
    engine.close().expect("closes");
    let mut command = Command::new(env!("CARGO_BIN_EXE_landrush"));
    command.args(["wal", "dump"]).arg(dir.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("runs");
    let mut first = String::new();
    // Far more is to come than a pipe holds.
    BufReader::with_capacity(64, child.stdout.take().expect("piped")).read_line(&mut first).expect("a line");
    let ended = child.wait_with_output().expect("ends");
    assert!(first.starts_with("{\"lsn\":1,"), "{first}");
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn an_output_that_cannot_be_written_is_no_success() {
    let dir = tempfile::tempdir().expect("a directory");
    sale(dir.path(), 3).close().expect("closes");
    for command in ["dump", "verify", "stats", "replay"] {
        let full = std::fs::File::create("/dev/full").expect("there");
        let mut program = Command::new(env!("CARGO_BIN_EXE_landrush"));
        let ended = program.args(["wal", command]).arg(dir.path()).stdout(full).output().expect("runs");
        assert_eq!(ended.status.code(), Some(1), "{command}");
        assert!(String::from_utf8_lossy(&ended.stderr).contains("cannot write the output"), "{command}");
    }
}

#[test]
fn replay_counts_and_finds_every_promise_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    sale(dir.path(), 10).close().expect("closes");
    let said = wal(&["replay", "--json"], dir.path()).expect(0);
    let [audit] = json_lines(&said.out).try_into().expect("one campaign");
    // One was voided, and its unit given back.
    assert_eq!((&audit["claims"], &audit["violation_count"]), (&10.into(), &0.into()));
    let coupon_type = &audit["coupon_types"][0];
    assert_eq!(
        (&coupon_type["issued"], &coupon_type["remaining"], &coupon_type["voided"]),
        (&9.into(), &91.into(), &1.into())
    );
    assert_eq!(audit["days"][0]["issued"]["cash-5"], 9);
    let table = wal(&["replay"], dir.path()).expect(0).out_has("every promise is kept");
    let row: Vec<_> =
        table.out.lines().find(|line| line.contains("cash-5 ")).expect("a row").split_whitespace().collect();
    assert_eq!(row, ["cash-5", "100", "9", "91", "1", "0", "0"], "{}", table.out);
}

#[test]
fn without_the_keys_all_is_checked_but_the_codes() {
    let dir = tempfile::tempdir().expect("a directory");
    sale(dir.path(), 10).close().expect("closes");
    std::fs::remove_dir_all(dir.path().join("keys")).expect("removed");
    wal(&["verify"], dir.path()).expect(0).out_has("without them no coupon code works");
    wal(&["replay"], dir.path()).expect(0).out_has("codes not checked");
    let lines = json_lines(&wal(&["dump"], dir.path()).expect(0).out);
    assert_eq!((&lines[1]["claim"], lines[1].get("claim_id")), (&0.into(), None));
    wal(&["dump", "--codes"], dir.path()).expect(2).err_has("restore them from a backup");
    assert!(!dir.path().join("keys").exists(), "keys were made");
}

#[test]
fn a_log_without_its_beginning_is_read_through_its_snapshots() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = open_with(dir.path(), busy());
    let claims = claims_until_snapshots(&engine, 3);
    let last_id = engine.codes().claim_id(CampaignNumber(0), Serial(claims - 1)).to_string();
    engine.close().expect("closes");
    assert!(!dir.path().join("wal/00000000000000000001.log").exists(), "the first segment was to be trimmed");
    wal(&["verify"], dir.path()).expect(0).out_has(".snap is what follows from ");
    wal(&["stats"], dir.path()).expect(0).out_has("snapshot ");
    let said = wal(&["replay", "--json"], dir.path()).expect(0);
    let [audit] = json_lines(&said.out).try_into().expect("one campaign");
    assert_eq!((&audit["claims"], &audit["violation_count"]), (&claims.into(), &0.into()));
    // The campaign was made before the log begins, and is known all the same.
    let lines = json_lines(&wal(&["dump", "--campaign", "sale"], dir.path()).expect(0).out);
    let last = lines.last().expect("records");
    assert_eq!((&last["claim"], &last["claim_id"]), (&(claims - 1).into(), &last_id.as_str().into()));
    assert_eq!(last["user_id"], format!("user-{}", claims - 1));
    assert!(lines[0]["lsn"].as_u64() > Some(1), "{}", lines[0]);
    assert_eq!(lines[0]["user_id"], format!("user-{}", lines[0]["claim"]));
}

#[test]
fn a_place_that_is_none_is_a_usage_error_and_stays_as_it_was() {
    let dir = tempfile::tempdir().expect("a directory");
    let missing = dir.path().join("none");
    for command in [&["verify"][..], &["stats"], &["dump"], &["replay"], &["repair", "--drop-after", "0", "--yes"]] {
        wal(command, &missing).expect(2).err_has("is no directory");
        wal(command, dir.path()).expect(2).err_has("no data directory");
    }
    wal(&["no-such-command"], dir.path()).expect(2);
    assert!(!missing.exists() && std::fs::read_dir(dir.path()).expect("readable").next().is_none());
}
