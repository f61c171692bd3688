//! The harness as a program: its verdicts, the floor, and wrong usage.

mod compare;
mod interrupted;
mod judgement;
mod landrush;
mod pretender;
mod processes;
mod rehearsal;

use std::process::{Command, Output};

fn harness(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_landrush-loadtest")).args(arguments).output().expect("the harness runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_floor_is_started_measured_and_ended() {
    let run = harness(&["share", "--floor-only", "--connections", "4,2,4", "--seconds", "1", "--rounds", "1"]);
    let (out, err) = (text(&run.stdout), text(&run.stderr));
    assert!(run.status.success(), "{out}{err}");
    assert_eq!(out.lines().filter(|line| line.trim_start().starts_with("floor")).count(), 2, "{out}");
    assert!(!out.contains('\u{1b}') && err.is_empty(), "no progress bar in a pipe: {out}{err}");
}

#[test]
fn the_floor_too_is_kept_where_it_is_told() {
    let run = harness(&["share", "--floor-only", "--seconds", "1", "--rounds", "1", "--scratch", "/dev/null"]);
    assert_eq!(run.status.code(), Some(1), "{}", text(&run.stdout));
    assert!(text(&run.stderr).contains("/dev/null"), "{}", text(&run.stderr));
}

#[test]
fn wrong_usage_ends_with_2() {
    for arguments in [
        &["--rate", "fast"][..],
        &["--unknown"],
        &["share", "--seconds", "0"],
        &["share", "--connections", "0"],
        &["compare", "--at-most", "floor.speed=1"],
        &["--url", "http://192.0.2.1"],
    ] {
        assert_eq!(harness(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_missing_server_is_named() {
    let run = harness(&["--server-binary", "/nowhere/landrush"]);
    assert_eq!(run.status.code(), Some(1));
    assert!(text(&run.stderr).contains("/nowhere/landrush"), "{}", text(&run.stderr));
}

#[test]
fn what_cannot_be_written_is_named_before_anything_is_measured() {
    let nobody = ["--server-binary", "/nowhere/landrush"];
    for (arguments, file) in [
        (&["--json", "/nowhere/found.json"][..], "/nowhere/found.json"),
        (&["--hlog", "/nowhere/found.hlog"], "/nowhere/found.hlog"),
        (&["compare", "--out", "/dev/null/report"], "/dev/null/report"),
    ] {
        let run = harness(&[arguments, &nobody].concat());
        assert_eq!(run.status.code(), Some(1), "{file}");
        assert!(text(&run.stderr).contains(file), "{}", text(&run.stderr));
    }
}
