//! The scenarios of the repository, each a small part of itself against the real server.

use std::path::{Path, PathBuf};

use crate::landrush::server;
use crate::{harness, text};

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/scenarios")
}

#[track_caller]
fn check(name: &str, scale: &str, expected: &[&str]) {
    let file = scenarios().join(name).with_extension("toml");
    let file = file.to_str().expect("a path in UTF-8");
    let run = harness(&["run", file, "--scale", scale, "--server-binary", server()]);
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

#[test]
fn a_file_that_is_not_as_it_should_be_is_refused_by_name() {
    let missing = scenarios().join("nowhere.toml");
    let run = harness(&["run", missing.to_str().expect("a path in UTF-8")]);
    assert_eq!(run.status.code(), Some(1));
    assert!(text(&run.stderr).contains("nowhere.toml"), "{}", text(&run.stderr));
}
