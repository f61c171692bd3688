//! The scenarios of the repository, each a small part of itself against the real server.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::landrush::server;
use crate::{harness, text};

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/scenarios")
}

#[track_caller]
fn check(name: &str, scale: &str, expected: &[&str]) {
    check_with(name, &["--scale", scale], expected);
}

#[track_caller]
fn check_with(name: &str, arguments: &[&str], expected: &[&str]) {
    let file = scenarios().join(name).with_extension("toml");
    let file = file.to_str().expect("a path in UTF-8");
    let run = harness(&[&["run", file, "--server-binary", server()], arguments].concat());
    let (out, err) = (text(&run.stdout), text(&run.stderr));
    assert_eq!(run.status.code(), Some(0), "{out}{err}");
    assert!(out.contains("oracle: sound"), "{out}{err}");
    for words in expected {
        assert!(out.contains(words), "no `{words}`: {out}{err}");
    }
}

#[test]
fn a_steady_load_is_sound() {
    check("steady", "0.005", &["offered 30000/s", "repeated"]);
}

#[test]
fn a_stampede_hands_out_all_there_is_and_no_more() {
    check("stampede", "0.01", &["sold_out", "100 wins, each asked for again"]);
}

#[test]
fn a_campaign_that_is_sold_out_only_refuses() {
    check("sold-out", "0.05", &["sold_out", "50 wins, each asked for again"]);
}

#[test]
fn draws_with_odds_are_sound() {
    check("draws", "0.005", &["no_coupon", "won"]);
}

#[test]
fn what_was_won_is_redeemed_once() {
    check("redemption", "0.01", &["redemptions/s, 0 wrong"]);
}

#[test]
fn those_who_watch_a_mix_end_up_with_the_truth() {
    check("mix", "0.005", &["redemptions/s, 0 wrong", " 25 "]);
}

#[test]
fn a_soak_can_be_tried() {
    check("soak", "0.0002", &["offered 5000/s"]);
}

/// Phase after phase by two processes, the last with those who have asked before.
#[test]
fn a_mix_by_two_processes_is_sound() {
    check_with("mix", &["--scale", "0.005", "--processes", "2"], &["redemptions/s, 0 wrong", " 25 ", "repeated"]);
}

#[test]
fn what_a_scenario_found_is_written_for_programs() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("a path in UTF-8").to_owned();
    let (file, json, hlog) = (scenarios().join("sold-out.toml"), path("found.json"), path("found.hlog"));
    let file = file.to_str().expect("a path in UTF-8");
    let run = harness(&["run", file, "--scale", "0.05", "--json", &json, "--hlog", &hlog, "--server-binary", server()]);
    assert_eq!(run.status.code(), Some(0), "{}{}", text(&run.stdout), text(&run.stderr));

    let found: Value = serde_json::from_slice(&fs::read(&json).expect("written")).expect("JSON");
    assert_eq!((&found["scenario"], &found["oracle"]["is_sound"]), (&json!("sold-out"), &json!(true)), "{found}");
    assert_eq!(found["oracle"]["wins"], 50);
    for figure in ["claimants", "memory_bytes_per_claimant", "log_bytes", "log_syncs"] {
        assert!(found[figure].is_u64(), "{figure}: {found}");
    }
    let phases = found["phases"].as_array().expect("phases");
    let refused = phases.iter().filter_map(|phase| phase["errors"]["sold_out"].as_u64()).sum::<u64>();
    assert!(refused > 0 && phases.iter().any(|phase| phase["sold_out_after_s"].is_f64()), "{found}");
    for phase in phases {
        for figure in ["p50_ms", "p90_ms", "p99_ms", "p99.9_ms", "max_ms"] {
            assert!(phase["all"][figure].is_f64(), "{figure}: {phase}");
        }
        assert!(phase["server_cpu_s_per_100k"].is_f64() && phase["log_bytes"].is_u64(), "{phase}");
    }
    let log = fs::read_to_string(&hlog).expect("written");
    assert!(log.contains("Tag=phase-1-won,") && log.contains("sold_out,"), "{log}");
}

#[test]
fn a_file_that_is_not_as_it_should_be_is_refused_by_name() {
    let missing = scenarios().join("nowhere.toml");
    let run = harness(&["run", missing.to_str().expect("a path in UTF-8")]);
    assert_eq!(run.status.code(), Some(1));
    assert!(text(&run.stderr).contains("nowhere.toml"), "{}", text(&run.stderr));
}
