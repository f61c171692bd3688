//! The commands that check draws and lotteries, run as a customer would. The expected results were computed outside of this
//! project's code.

use std::process::Command;

use serde_json::{Value, json};

use crate::wal_commands::shop::{Said, json_lines, run};

const SEED: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const COMMITMENT: &str = "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd";
/// Of ann, bob and cyd.
const ENTRIES: &str = "f2223de25997796bcce7ef118c417176c4ba51a37b1c00bf451e4d4d934403f6";

fn check(arguments: &[&str]) -> Said {
    run(Command::new(env!("CARGO_BIN_EXE_landrush")).args(["draw", "check"]).args(arguments))
}

/// `landrush draw check` of the first draw of `u-1` on a day, with `arguments` behind.
fn draw(period: &str, arguments: &[&str]) -> Said {
    let facts = ["--seed", SEED, "--campaign", "rush", "--user", "u-1", "--period", period, "--n", "1"];
    check(&[&facts[..], arguments].concat())
}

fn entry(number: &str, count: &str, arguments: &[&str]) -> Said {
    let facts = ["--seed", SEED, "--entries-hash", ENTRIES, "--count", count, "--number", number];
    check(&[&facts[..], arguments].concat())
}

#[test]
fn a_draw_is_computed_from_public_facts() {
    let said = draw("2026-12-01", &["--odds", "0.1,0.25"]).expect(0);
    assert_eq!(
        said.out,
        format!("commitment  {COMMITMENT}\npoint       161462067 of 1000000000\nsampled     type 2 of 2\n")
    );
    assert_eq!(said.err, "");
    let named = draw("2026-12-01", &["--odds", "0.1,0.25", "--types", "cash-5,cash-9"]).expect(0);
    named.out_has("sampled     type 2 of 2: cash-9\n");
    draw("campaign", &["--odds", "0.1,0.25", "--types", "cash-5,cash-9"]).expect(0).out_has("sampled     none\n");
    draw("2026-12-01T02:00:00.000Z", &["--odds", "1"]).expect(0).out_has("point       383757631 of 1000000000\n");
}

#[test]
fn a_rank_is_computed_from_public_facts() {
    let said = entry("1", "1000000", &[]).expect(0);
    assert_eq!(said.out, format!("commitment  {COMMITMENT}\nrank        273835 of 1000000\n"));
    entry("3", "3", &[]).expect(0).out_has("rank        1 of 3\n");
    entry("4294967294", "4294967294", &[]).expect(0).out_has("rank        550930628 of 4294967294\n");
}

fn check_json(said: Said, expected: Value) {
    assert_eq!(json_lines(&said.expect(0).out), [expected]);
}

#[test]
fn programs_get_one_object() {
    let types = ["--odds", "0.1,0.25", "--types", "cash-5,cash-9", "--json"];
    check_json(
        draw("2026-12-01", &types),
        json!({"commitment": COMMITMENT, "point": 161_462_067, "place": 2, "sampled": "cash-9"}),
    );
    check_json(
        draw("campaign", &types),
        json!({"commitment": COMMITMENT, "point": 772_324_923, "place": null, "sampled": null}),
    );
    check_json(
        draw("2026-12-01", &["--odds", "0.1,0.25", "--json"]),
        json!({"commitment": COMMITMENT, "point": 161_462_067, "place": 2}),
    );
    check_json(entry("2", "10", &["--json"]), json!({"commitment": COMMITMENT, "rank": 1}));
}

fn refused(said: Said, why: &str) {
    assert_eq!(said.expect(2).err_has(why).out, "");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let today = |arguments: &[&str]| draw("2026-12-01", arguments);
    refused(today(&["--odds", "0.6,0.5"]), "the probabilities of --odds must sum to at most 1");
    refused(today(&["--odds", "0.1234567891"]), "must have at most 9 decimal places");
    refused(today(&["--odds", "1e-1"]), "must be a decimal, as 0.25");
    refused(today(&["--odds", "0.1,"]), "'--odds <DECIMALS>'");
    refused(today(&[]), "--odds <DECIMALS>");
    refused(
        today(&["--odds", "0.1,0.25", "--types", "cash-5"]),
        "as many coupon types as --odds has probabilities: 2, not 1",
    );
    refused(today(&["--odds", "0.1", "--types", "Cash"]), "must start with a lower-case letter or digit");
    refused(draw("2026-12-1", &["--odds", "1"]), "must be `campaign`, a day as 2026-12-01, or a moment as");
    refused(check(&["--seed", SEED, "--n", "0"]), "0 is not in 1..");
    refused(entry("0", "3", &[]), "0 is not in 1..");
    refused(entry("4", "3", &[]), "there is no entry 4 among 3");
    refused(entry("1", "0", &[]), "0 is not in 1..");
    refused(entry("1", "4294967295", &[]), "4294967295 is not in 1..");
}

#[test]
fn half_a_question_or_two_at_once_are_refused() {
    refused(check(&["--seed", SEED]), "say which result to check");
    refused(check(&["--seed", SEED, "--campaign", "rush"]), "--user <ID>");
    refused(check(&["--seed", SEED, "--entries-hash", ENTRIES]), "--count <N>");
    refused(check(&["--campaign", "rush"]), "--seed <HEX>");
    refused(check(&["--seed", "abc"]), "must be 64 hexadecimal digits, and has 3 characters");
    refused(check(&["--seed", &"x".repeat(64)]), "must be 64 hexadecimal digits, and 'x' is none");
    refused(entry("1", "3", &["--campaign", "rush"]), "cannot be used with");
}
