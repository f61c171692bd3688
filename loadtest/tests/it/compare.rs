//! The comparison, as short as it can be: everybody who is installed is measured, and sound; who is not is named with the line that
//! installs them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::landrush::server;
use crate::{harness, text};

#[test]
fn everybody_who_is_installed_is_measured_and_sound() {
    let folder = TempDir::new().expect("a directory");
    let out = folder.path().join("report");
    let arguments = ["compare", "--connections", "8", "--rounds", "1", "--seconds", "1", "--server-binary", server()];
    let run = harness(&[&arguments, &["--out", out.to_str().expect("a path in UTF-8")][..]].concat());
    let (said, err) = (text(&run.stdout), text(&run.stderr));
    assert_eq!(run.status.code(), Some(0), "{said}{err}");

    let document = fs::read(out.join("compare.json")).expect("written");
    let document: Value = serde_json::from_slice(&document).expect("JSON");
    let measured = document["measured"].as_array().expect("a list");
    let began = document["setting"]["measured_at"].as_str().expect("a time");
    assert!(began.len() == 20 && began.ends_with('Z') && said.contains(began), "{began}");
    for name in ["floor", "landrush", "redis-always", "redis-everysec", "postgres"] {
        let Some(found) = measured.iter().find(|line| line["contender"] == name) else {
            assert!(said.contains(&format!("not measured: {name}: ")) && said.contains("apt-get install"), "{said}");
            continue;
        };
        assert!(found["top_per_s"]["median"].as_f64().is_some_and(|rate| rate > 0.0), "{found}");
        assert!(found["p99_ms"]["max"].is_f64() && found["cpu_s_per_100k"]["min"].is_f64(), "{found}");
        assert!(found["throughput"]["per_s"].as_array().is_some_and(|slices| !slices.is_empty()), "{found}");
        if name == "floor" {
            assert!(found["oracle"].is_null(), "the floor remembers nothing: {found}");
        } else {
            assert_eq!(found["oracle"]["violations"], 0, "{found}");
            assert!(found["oracle"]["wins"].as_u64().is_some_and(|wins| wins > 0), "{found}");
        }
        assert!(out.join(format!("{name}-8.hlog")).is_file(), "latencies of {name}");
    }
    assert!(measured.iter().any(|line| line["contender"] == "landrush"), "{said}");
    // Who tells how often it syncs, and who does not; what remembers nothing has nothing to tell.
    let row = |name: &str| said.lines().filter(|line| line.trim_start().starts_with(name)).nth(1).unwrap_or_default();
    for (name, is_told) in [("landrush", true), ("redis-always", true), ("redis-everysec", false)] {
        if let Some(line) = measured.iter().find(|line| line["contender"] == name) {
            assert_eq!(line["rounds"][0]["claims_per_sync"].is_f64(), is_told, "{line}");
            assert_eq!(row(name).contains("not told"), !is_told, "{said}");
        }
    }
    let page = fs::read_to_string(out.join("compare.html")).expect("written");
    assert!(page.contains("<polyline class=\"landrush\"") && page.contains(began), "{page}");
}

#[test]
fn pipelined_claims_are_sound_and_whoever_cannot_take_them_is_named() {
    let folder = TempDir::new().expect("a directory");
    let out = folder.path().to_str().expect("a path in UTF-8");
    let arguments =
        ["compare", "--connections", "4", "--pipeline", "4", "--rounds", "1", "--seconds", "1", "--out", out];
    let run = harness(&[&arguments, &["--server-binary", server()][..]].concat());
    let (said, err) = (text(&run.stdout), text(&run.stderr));
    assert_eq!(run.status.code(), Some(0), "{said}{err}");
    let document = fs::read(folder.path().join("compare.json")).expect("written");
    let document: Value = serde_json::from_slice(&document).expect("JSON");
    for line in document["measured"].as_array().expect("a list") {
        assert_eq!(line["pipeline"], if line["contender"] == "postgres" { 1 } else { 4 }, "{line}");
        assert!(line["top_per_s"]["median"].as_f64().is_some_and(|rate| rate > 0.0), "{line}");
        assert!(line["oracle"].is_null() || line["oracle"]["violations"] == 0, "{line}");
    }
    assert!(said.contains("up to 4 requests a connection pipelined") && said.contains("pipelined  claims/s"), "{said}");
    let page = fs::read_to_string(folder.path().join("compare.html")).expect("written");
    assert!(page.contains("<th>pipelined</th>"), "{page}");
}

#[test]
fn durability_that_the_environment_weakens_is_said() {
    let folder = TempDir::new().expect("a directory");
    let config = folder.path().join("landrush.toml");
    fs::write(&config, "[log]\ndurability = \"interval\"\n").expect("written");
    let measured: [&[&str]; 2] = [
        &["compare", "--only", "landrush", "--connections", "2", "--rounds", "1", "--seconds", "1"],
        &["--rate", "100", "--duration", "100ms", "--connections", "2"],
    ];
    for arguments in measured {
        let mut harness = Command::new(env!("CARGO_BIN_EXE_landrush-loadtest"));
        harness.args(arguments).args(["--server-binary", server()]).env("LANDRUSH_CONFIG", &config);
        let run = harness.output().expect("the harness runs");
        let (said, err) = (text(&run.stdout), text(&run.stderr));
        assert!(said.contains("durability interval: answers leave before they are synced"), "{said}{err}");
        assert!(!said.contains("every answer synced first"), "{said}{err}");
    }
}

/// A Redis that does not start costs its own row, and no other.
#[test]
fn whoever_fails_is_named_with_the_cause_and_the_others_are_measured() {
    let folder = TempDir::new().expect("a directory");
    let redis = folder.path().join("redis-server");
    fs::write(&redis, "#!/bin/sh\necho no memory is left\nexit 3\n").expect("written");
    fs::set_permissions(&redis, fs::Permissions::from_mode(0o755)).expect("made executable");
    let out = folder.path().join("report");
    let mut harness = Command::new(env!("CARGO_BIN_EXE_landrush-loadtest"));
    harness.args([
        "compare",
        "--only",
        "redis-always,floor",
        "--connections",
        "2,3",
        "--rounds",
        "1",
        "--seconds",
        "1",
    ]);
    let run = harness.arg("--out").arg(&out).env("PATH", folder.path()).output().expect("the harness runs");
    let (said, err) = (text(&run.stdout), text(&run.stderr));
    assert_eq!(run.status.code(), Some(1), "{said}{err}");
    assert!(said.contains("not measured: redis-always at 2 connections, from round 1 on: FAILED: "), "{said}{err}");
    assert!(said.contains("no memory is left") && said.contains("at 3 connections, from round 1 on"), "{said}{err}");

    let document = fs::read(out.join("compare.json")).expect("written");
    let document: Value = serde_json::from_slice(&document).expect("JSON");
    let measured = document["measured"].as_array().expect("a list");
    assert!(measured.len() == 2 && measured.iter().all(|line| line["contender"] == "floor"), "{document}");
    let failed = &document["setting"]["failed"];
    assert_eq!((&failed[0]["contender"], &failed[0]["group"]), (&"redis-always".into(), &2.into()), "{document}");
    assert!(failed[1]["cause"].as_str().is_some_and(|cause| cause.contains("no memory is left")), "{document}");
    let page = fs::read_to_string(out.join("compare.html")).expect("written");
    assert!(
        page.contains("not measured: redis-always at 2 connections") && page.contains("no memory is left"),
        "{page}"
    );
}
