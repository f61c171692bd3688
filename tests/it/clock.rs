//! The program under a clock that is set between two of its runs: back over midnight, forward past an end, back before it again.
//!
//! A clock of one's own cannot be given to a process without a shim: a few lines of C, compiled here, stand before the C
//! library's `clock_gettime` and move the wall clock alone. The server reads that once at its start.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use serde_json::json;
use tempfile::TempDir;

use crate::challenge;
use crate::client::{Client, PATIENCE};
use crate::server::{self, Server};

const SHIM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*beneath)(clockid_t, struct timespec *);
    if (!beneath) beneath = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = beneath(clock, now);
    const char *ahead = getenv("SHIM_SECONDS_AHEAD");
    if (!failed && clock == CLOCK_REALTIME && ahead) now->tv_sec += atoll(ahead);
    return failed;
}
"#;

/// The shim, compiled into `directory`.
pub(crate) fn shim(directory: &Path) -> PathBuf {
    let source = directory.join("shim.c");
    let library = directory.join("shim.so");
    std::fs::write(&source, SHIM).expect("written");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl").status();
    assert!(compiled.expect("the C compiler that Rust links with").success());
    library
}

/// Makes a server's wall clock stand at `at` when it starts.
pub(crate) fn set(command: &mut Command, library: &Path, at: &str) {
    let at: Timestamp = at.parse().expect("a moment");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let ahead = at.as_second() - i64::try_from(now).expect("this century");
    command.env("LD_PRELOAD", library).env("SHIM_SECONDS_AHEAD", ahead.to_string());
}

/// A time zone in which it is about noon, so that no midnight comes into a test.
pub(crate) fn noon_zone() -> String {
    let hour = Timestamp::now().as_second() / 3_600 % 24;
    // Of these zones the sign is the other way round.
    let ahead = 12 - hour;
    if ahead == 0 { String::from("UTC") } else { format!("Etc/GMT{:+}", -ahead) }
}

fn claim(client: &Client, user: &str, expected: u16, word: &str) {
    let reply = client.claim("c", user);
    let said = reply.json();
    let told = said["code"].as_str().or(said["outcome"].as_str()).expect("a code or an outcome");
    assert_eq!((reply.status, told), (expected, word), "{user}: {said}");
}

#[test]
fn a_clock_that_is_set_opens_no_second_day_and_no_campaign_that_is_over() {
    let tools = TempDir::new().expect("a temporary directory");
    let library = shim(tools.path());
    let start =
        |directory, moment: &str| Server::start_adjusted(directory, "", |command| set(command, &library, moment));

    let server = start(TempDir::new().expect("a temporary directory"), "2030-06-18T00:10:00Z");
    let client = server.client();
    client.campaign(
        "c",
        &json!({
            "schedule": {"starts_at": "2030-06-01T00:00:00Z", "ends_at": "2030-06-20T00:00:00Z"},
            "coupon_types": [{"id": "a", "name": "a", "total_quota": 100, "daily_quota": 2, "valid_for": "365d"}]
        }),
    );
    claim(&client, "ann", 201, "won");
    claim(&client, "bob", 201, "won");
    claim(&client, "cyd", 409, "daily_sold_out");

    let server = start(server.kill(), "2030-06-17T23:50:00Z");
    let client = server.client();
    claim(&client, "cyd", 409, "daily_sold_out");
    claim(&client, "ann", 200, "won");

    let server = start(server.kill(), "2030-06-19T12:00:00Z");
    let client = server.client();
    claim(&client, "cyd", 201, "won");
    claim(&client, "dan", 201, "won");
    claim(&client, "eve", 409, "daily_sold_out");

    let server = start(server.kill(), "2030-06-20T00:10:00Z");
    let client = server.client();
    claim(&client, "eve", 410, "ended");
    // That it is over is a record, which follows the end by a moment.
    let deadline = Instant::now() + PATIENCE;
    while client.get("/v1/campaigns/c/availability").json()["state"] != "ended" {
        assert!(Instant::now() < deadline, "the end was never made known");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Read back, so that it is known to be on disk; then the clock is set back before the end.
    let (ended, directory) = {
        server.terminate();
        server.wait()
    };
    assert!(ended.success());
    let server = start(directory, "2030-06-19T23:50:00Z");
    let client = server.client();
    claim(&client, "eve", 410, "ended");
    claim(&client, "dan", 200, "won");

    // More than a day back is somebody's mistake, and is said before anything is written.
    let directory = server.kill();
    let file = directory.path().join("landrush.toml");
    let mut command = server::command(&directory.path().join("data"), &file);
    set(&mut command, &library, "2030-06-18T12:00:00Z");
    let refused = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("--accept-clock"), "{said}");
    let server = Server::start_adjusted(directory, "", |command| {
        set(command, &library, "2030-06-18T12:00:00Z");
        command.arg("--accept-clock");
    });
    claim(&server.client(), "eve", 410, "ended");
}

#[test]
fn a_pass_is_over_in_time_and_not_by_a_restart() {
    let tools = TempDir::new().expect("a temporary directory");
    let library = shim(tools.path());
    let start =
        |directory, moment: &str| Server::start_adjusted(directory, "", |command| set(command, &library, moment));

    let server = start(TempDir::new().expect("a temporary directory"), "2030-06-18T12:00:00Z");
    let client = server.client();
    challenge::sale(&client, "c");
    let (ann, bob) = (challenge::pass(&client, "c", "ann"), challenge::pass(&client, "c", "bob"));

    let server = start(server.kill(), "2030-06-18T12:29:00Z");
    let client = server.client();
    assert_eq!(challenge::claim(&client, "c", "ann", &ann).status, 201, "within half an hour");

    let server = start(server.kill(), "2030-06-18T12:31:00Z");
    let client = server.client();
    assert_eq!(challenge::claim(&client, "c", "bob", &bob).problem(), (403, "challenge_required".into()));
    // Who has won is told so whatever they bear.
    assert_eq!(challenge::claim(&client, "c", "ann", &ann).status, 200);
}
