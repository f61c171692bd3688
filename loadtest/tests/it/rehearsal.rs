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
    check("stampede", "0.01", &["sold_out", "told to come again: ", "100 wins, each asked for again"]);
}

#[test]
fn a_campaign_that_is_sold_out_only_refuses() {
    check("sold-out", "0.05", &["sold_out", "50 wins, each asked for again"]);
}

/// 400 people, 100 coupons: 50 are let in each second, and a fiftieth of all try it before.
#[test]
fn a_crowd_waits_to_be_let_in_and_the_rest_is_told_without_asking() {
    let folder = tempfile::tempdir().expect("a folder");
    let json = folder.path().join("found.json");
    let own = "name = \"room\"\nabout = \"A test.\"\nseed = 1\nconnections = 8\nquota = 100\nopens_in_ms = 1_500\n[waiting_room]\n\
        people = 400\njoin_rate = 800.0\nadmit_per_second = 50\n";
    let (said, sound) = run_own(own, &json);
    assert!(sound && said.contains("100 wins, each asked for again") && said.contains("oracle: sound"), "{said}");
    let found = found(&json);
    let room = &found["waiting_room"];
    let came = room["came"].as_u64().expect("a count");
    assert_eq!((&found["connections"], &found["processes"], &found["claimants"]), (&json!(8), &json!(1), &json!(came)));
    assert!(found["memory_bytes_per_claimant"].is_u64(), "{found}");
    // As many as a Poisson process brings within the half second.
    assert!((300..=400).contains(&came), "{said}");
    assert_eq!(
        (&room["won"], &room["won_early"], &room["left_waiting"]),
        (&json!(100), &json!(0), &json!(0)),
        "{said}"
    );
    assert_eq!(
        room["told_without_asking"].as_u64().zip(room["told_by_claim"].as_u64()).map(|(a, b)| a + b),
        Some(came - 100)
    );
    assert!(
        room["told_without_asking"].as_u64() > Some(came / 2) && room["refused_early"].as_u64() > Some(3),
        "{said}"
    );
    // At 50 a second a hundred take two seconds at the least, whoever waits.
    assert!(found["sold_out_after_s"].as_f64().is_some_and(|after| (1.0..20.0).contains(&after)), "{said}");
}

#[test]
fn the_waiting_room_of_the_repository_is_sound() {
    check("waiting-room", "0.02", &["100 wins, each asked for again", "left waiting: 0"]);
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
    check("soak", "0.0002", &["offered 5000/s", "too short to hold the end against the beginning"]);
}

/// Runs a scenario of a test's own; its text and whether it was sound.
fn run_own(scenario: &str, json: &Path) -> (String, bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("own.toml");
    fs::write(&file, scenario).expect("written");
    let path = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
    let run = harness(&["run", &path(&file), "--json", &path(json), "--server-binary", server()]);
    (text(&run.stdout) + &text(&run.stderr), run.status.code() == Some(0))
}

fn found(json: &Path) -> Value {
    serde_json::from_slice(&fs::read(json).expect("written")).expect("JSON")
}

/// All of 200 people come in the second before the opening: each is told when it opens, waits, and asks once more, whoever it is.
#[test]
fn who_comes_too_early_is_told_when_to_come_again_and_does() {
    const OWN: &str = "name = \"early\"\nabout = \"A test.\"\nseed = 1\nconnections = 8\nquota = 50\nopens_in_ms = 1_500\n\
        early_ms = 1_000\n[[phases]]\nseconds = 0.2\nrate = 1_000.0\ntries_max = 3\n";
    let folder = tempfile::tempdir().expect("a folder");
    let json = folder.path().join("found.json");
    let (said, sound) = run_own(OWN, &json);
    assert!(sound && said.contains("oracle: sound"), "{said}");
    let phase = &found(&json)["phases"][0];
    assert_eq!(phase["came_again"], json!({"people": 200, "times": 200, "times_most": 1, "gave_up": 0}), "{said}");
    assert_eq!((&phase["errors"]["not_open"], &phase["errors"]["sold_out"]), (&json!(200), &json!(150)), "{said}");
    assert!(said.contains("told to come again: 200 people came 200 times more"), "{said}");

    // Who asks once only is told, and stays away: nobody wins.
    let (said, sound) = run_own(&OWN.replace("tries_max = 3", "tries_max = 1"), &json);
    assert!(!sound && said.contains("not_open"), "{said}");
    assert_eq!(found(&json)["oracle"]["wins"], 0, "{said}");
}

#[test]
fn a_load_whose_end_is_worse_than_its_bounds_fails() {
    let own = |memory: &str| {
        format!(
            "name = \"drift\"\nabout = \"A test.\"\nseed = 1\nconnections = 8\nquota = 100_000\n[[phases]]\nseconds = 5\n\
             rate = 2_000.0\n[phases.drift]\nrate_least = 0.2\np50_times = 100.0\np99_times = 1000.0\n\
             latency_slack_ms = 1000.0\ncpu_times = 100.0\nmemory_bytes_per_answer = {memory}\n"
        )
    };
    let folder = tempfile::tempdir().expect("a folder");
    let json = folder.path().join("found.json");
    let (said, sound) = run_own(&own("100000.0"), &json);
    assert!(sound && said.contains("drift: none") && said.contains("last tenth"), "{said}");
    let drift = &found(&json)["drift"][0];
    assert!(drift["first_tenth"]["answers_per_second"].as_f64().is_some_and(|rate| rate > 1_000.0), "{drift}");
    // Winners are kept, which takes memory: none at all is more than can be asked.
    let (said, sound) = run_own(&own("0.0"), &json);
    assert!(!sound && said.contains("DRIFT: memory grew by"), "{said}");
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
