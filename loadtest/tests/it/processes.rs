//! Several generator processes at once: together they ask what one would, and one oracle judges what all of them were told.

use std::fs;

use serde_json::Value;

use crate::landrush::server;
use crate::pretender::{Fault, pretend};
use crate::{harness, text};

/// Runs a load with `processes`, `arguments` and `target`; its text, its exit code and its JSON.
fn run(processes: &str, arguments: &[&str], target: &[&str]) -> (String, Option<i32>, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("found.json");
    let json = ["--processes", processes, "--json", file.to_str().expect("a path in UTF-8")];
    let run = harness(&[arguments, target, &json].concat());
    let found = fs::read(&file).map(|bytes| serde_json::from_slice(&bytes).expect("JSON")).unwrap_or_default();
    (text(&run.stdout) + &text(&run.stderr), run.status.code(), found)
}

#[test]
fn two_processes_ask_for_exactly_what_one_would() {
    let arguments = ["--rate", "2000", "--duration", "1s", "--connections", "8"];
    for processes in ["1", "2", "3"] {
        let (out, code, found) = run(processes, &arguments, &["--server-binary", server()]);
        assert_eq!(code, Some(0), "{out}");
        assert!(out.contains("oracle: sound"), "{out}");
        for figure in ["sent", "answered", "users"] {
            assert_eq!(found[figure], 2_000, "{figure} of {processes}: {found}");
        }
        assert_eq!((&found["outcomes"]["won"]["count"], &found["oracle"]["wins"]), (&2_000.into(), &2_000.into()));
    }
}

#[test]
fn as_many_requests_as_asked_for_leave_in_all_and_sell_out_once() {
    let arguments =
        ["--rate", "max", "--duration", "60s", "--requests", "1001", "--quota", "300", "--connections", "4"];
    let (out, code, found) = run("2", &arguments, &["--server-binary", server()]);
    assert_eq!(code, Some(0), "{out}");
    assert_eq!((&found["answered"], &found["oracle"]["wins"]), (&1_001.into(), &300.into()), "{found}");
    assert_eq!(found["errors"]["sold_out"], 701, "{found}");
    assert!(found["sold_out_after_s"].is_f64(), "{found}");
}

/// The first two users ask in two processes: neither of those could notice.
#[test]
fn one_code_told_to_users_of_two_processes_is_noticed() {
    let url = format!("http://{}", pretend(Fault::SharedCode));
    let arguments = ["--rate", "1000", "--duration", "200ms", "--connections", "4"];
    let (out, code, found) = run("2", &arguments, &["--url", &url, "--admin-key", "any"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("was given to"), "{out}");
    let violations = found["oracle"]["violations"].as_array().expect("violations");
    let users =
        |words: &Value| ["u-000000000000", "u-000000000001"].iter().all(|user| words.to_string().contains(user));
    assert!(violations.iter().any(users), "{found}");
}

#[test]
fn an_honest_server_is_sound_also_with_impatient_users_of_two_processes() {
    let url = format!("http://{}", pretend(Fault::Busy));
    let arguments = ["--rate", "2000", "--duration", "200ms", "--connections", "4", "--repeat-share", "0.2"];
    let (out, code, _) = run("2", &arguments, &["--url", &url, "--admin-key", "any"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("repeated") && out.contains("oracle: sound"), "{out}");
}

#[test]
fn a_process_without_a_connection_is_refused() {
    let url = format!("http://{}", pretend(Fault::None));
    let (out, code, _) = run("3", &["--connections", "2"], &["--url", &url, "--admin-key", "any"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("2 connections for 3 processes"), "{out}");
}
