//! The harness and the real server together: loads that must be sound.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::{harness, text};

/// The server, built into the directory that these tests run from, so that it is never an old one.
pub(crate) fn server() -> &'static str {
    static SERVER: OnceLock<PathBuf> = OnceLock::new();
    let path = SERVER.get_or_init(|| {
        let beside = Path::new(env!("CARGO_BIN_EXE_landrush-loadtest"));
        let (folder, target) =
            (beside.parent().expect("a folder"), beside.ancestors().nth(2).expect("a target folder"));
        let profile = if folder.ends_with("release") { "release" } else { "test" };
        let mut cargo = Command::new(env!("CARGO"));
        // As a test of the whole workspace builds it: of the server's package alone, every library would be built anew, since some
        // would have other features.
        cargo.args(["test", "--quiet", "--workspace", "--no-run", "--test", "it", "--profile", profile]);
        let built = cargo.arg("--target-dir").arg(target).output().expect("cargo runs");
        assert!(built.status.success(), "{}", text(&built.stderr));
        folder.join("landrush")
    });
    path.to_str().expect("a path in UTF-8")
}

#[track_caller]
fn check(arguments: &[&str], expected: &str) {
    let run = harness(&[arguments, &["--server-binary", server()]].concat());
    let (out, err) = (text(&run.stdout), text(&run.stderr));
    assert_eq!(run.status.code(), Some(0), "{out}{err}");
    assert!(out.contains("oracle: sound") && out.contains(expected), "{out}{err}");
}

#[test]
fn a_load_with_impatient_users_is_sound() {
    check(&["--rate", "2000", "--duration", "1s", "--repeat-share", "0.2"], "repeated");
}

#[test]
fn a_campaign_that_sells_out_is_sound() {
    let arguments = ["--rate", "max", "--duration", "500ms", "--quota", "300", "--coupon-types", "3"];
    check(&arguments, "900 wins, each asked for again");
}

#[test]
fn a_campaign_that_sells_out_under_pipelined_claims_is_sound() {
    let arguments =
        ["--rate", "max", "--duration", "500ms", "--quota", "300", "--coupon-types", "3", "--pipeline", "8"];
    check(&arguments, "900 wins, each asked for again");
}

#[test]
fn the_floor_and_the_server_are_measured_with_pipelined_requests() {
    let arguments = ["share", "--connections", "4", "--pipeline", "4", "--seconds", "1", "--rounds", "1"];
    let run = harness(&[&arguments, &["--server-binary", server()][..]].concat());
    let (out, err) = (text(&run.stdout), text(&run.stderr));
    assert_eq!(run.status.code(), Some(0), "{out}{err}");
    for name in ["floor", "landrush"] {
        let row = out.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_default();
        let cells: Vec<_> = row.split_whitespace().collect();
        assert_eq!(cells.get(1..3), Some(&["4", "4"][..]), "{out}");
    }
    assert!(out.contains("at 4 connections, 4 requests a connection pipelined: "), "{out}");
}

#[test]
fn everybody_who_watches_ends_up_with_the_truth() {
    let arguments = ["watch", "--watchers", "60", "--claims-rate", "500", "--duration", "1s"];
    let run = harness(&[&arguments, &["--server-binary", server()][..]].concat());
    let (out, err) = (text(&run.stdout), text(&run.stderr));
    assert_eq!(run.status.code(), Some(0), "{out}{err}");
    assert!(out.contains("60 watch") && out.contains("0 of 500 not won"), "{out}{err}");
    assert!(out.contains("broken streams: 0, last state not the true one: 0"), "{out}{err}");
}

#[test]
fn kills_are_survived() {
    check(&["crash", "--rounds", "6", "--thorough-every", "3"], "answers at the checkout of");
}
