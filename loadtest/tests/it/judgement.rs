//! The whole harness against a server that breaks one promise at a time: it ends with 1 and says what it saw.

use crate::pretender::{Fault, pretend};
use crate::{harness, text};

/// 400 requests on a quota of 200 coupons, an open loop, some of them repeats.
#[track_caller]
fn check(fault: Fault, expected: Result<(), &str>) {
    check_with(fault, &["--rate", "2000"], expected);
}

/// The same as fast as it goes, with eight requests of a connection on their way at once.
#[track_caller]
fn check_pipelined(fault: Fault, expected: Result<(), &str>) {
    check_with(fault, &["--rate", "max", "--requests", "400", "--pipeline", "8"], expected);
}

#[track_caller]
fn check_with(fault: Fault, pace: &[&str], expected: Result<(), &str>) {
    let url = format!("http://{}", pretend(fault));
    let run = harness(
        &[
            &[
                "--url",
                &url,
                "--admin-key",
                "any",
                "--duration",
                "200ms",
                "--arrivals",
                "poisson",
                "--connections",
                "4",
                "--repeat-share",
                "0.2",
                "--quota",
                "200",
            ],
            pace,
        ]
        .concat(),
    );
    let (out, err) = (text(&run.stdout), text(&run.stderr));
    match expected {
        Ok(()) => {
            assert_eq!(run.status.code(), Some(0), "{out}{err}");
            assert!(out.contains("oracle: sound"), "{out}");
        }
        Err(words) => {
            assert_eq!(run.status.code(), Some(1), "{out}{err}");
            assert!(out.contains(words), "{out}{err}");
        }
    }
}

#[test]
fn an_honest_server_is_sound() {
    check(Fault::None, Ok(()));
}

#[test]
fn a_busy_server_is_asked_again_and_sound() {
    check(Fault::Busy, Ok(()));
}

#[test]
fn a_second_coupon_for_one_user_is_noticed() {
    check(Fault::WinTwice, Err("u-000000000002 in campaign 0 has two coupons"));
}

#[test]
fn a_lost_win_is_noticed() {
    check(Fault::LoseWin, Err("lost win: u-000000000002"));
}

#[test]
fn overselling_is_noticed() {
    check(Fault::Oversell, Err("over-allocated: 201 wins of coupon-1, which has 200"));
}

#[test]
fn one_code_for_two_users_is_noticed() {
    check(Fault::SameCode, Err("was given to"));
}

#[test]
fn counts_that_differ_are_noticed() {
    check(Fault::Miscount, Err("do not make up the quota"));
}

#[test]
fn sold_out_with_stock_left_is_noticed() {
    check(Fault::SoldOutEarly, Err("called sold out with 199 of 200 given out"));
}

#[test]
fn an_honest_server_that_is_asked_without_waiting_is_sound() {
    check_pipelined(Fault::None, Ok(()));
}

#[test]
fn pipelined_answers_in_another_order_are_noticed() {
    check_pipelined(Fault::Swapped, Err("an answer for another campaign or user"));
}

#[test]
fn a_pipelined_answer_that_is_left_out_is_noticed() {
    check_pipelined(Fault::Swallowed, Err("an answer for another campaign or user"));
}
