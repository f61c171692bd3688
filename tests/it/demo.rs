//! `serve --demo`: what somebody sees who has just typed it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Client;
use crate::server::{ADMIN_KEY, Server};

/// A ready demo, and the folder that it makes its temporary directory in.
fn start(arguments: &[&str]) -> (Server, TempDir) {
    let temporary = TempDir::new().expect("a temporary directory");
    let server = Server::start_adjusted(TempDir::new().expect("a temporary directory"), "", |command| {
        *command = demo(&temporary, arguments);
    });
    (server, temporary)
}

fn demo(temporary: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_landrush"));
    command.args(["serve", "--demo", "--listen", "127.0.0.1:0"]).args(arguments);
    command.env("LANDRUSH_ADMIN_KEY", ADMIN_KEY).env("LANDRUSH_LOGGING_FILTER", "warn");
    command.env("TMPDIR", temporary.path()).stdout(Stdio::piped());
    command
}

fn entries(folder: &TempDir) -> usize {
    std::fs::read_dir(folder.path()).expect("the folder is there").count()
}

/// How long a demo's window is open.
const OPEN_FOR: Duration = Duration::from_secs(50);

/// What `look` sees of the campaign with windows, once that is something.
fn once<T>(client: &Client, look: impl Fn(&Value) -> Option<T>) -> T {
    let deadline = Instant::now() + OPEN_FOR;
    loop {
        let availability = client.get("/v1/campaigns/demo-flash/availability").json();
        if let Some(seen) = look(&availability) {
            return seen;
        }
        assert!(Instant::now() < deadline, "not within a window: {availability}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn left(availability: &Value) -> u64 {
    let types = availability["coupon_types"].as_array().into_iter().flatten();
    types.map(|coupon_type| coupon_type["remaining"].as_u64().expect("a count")).sum()
}

#[test]
fn the_window_opens_and_the_crowd_takes_the_stock_and_nothing_is_left_behind() {
    let (mut server, temporary) = start(&["--demo-crowd", "200", "--demo-opens-in", "2s"]);
    assert_eq!(entries(&temporary), 1);
    assert!(server.wait_for("  open ").ends_with("/c/demo-flash"));
    let client = server.client();
    let (state, stock) = once(&client, |availability| {
        Some((availability["state"].as_str().expect("a state").to_owned(), left(availability)))
    });
    assert_eq!((state.as_str(), stock), ("scheduled", 132));
    once(&client, |availability| (availability["state"] == "open").then_some(()));
    once(&client, |availability| (availability["state"] == "sold_out").then_some(()));
    let claims = client.admin("GET", "/v1/campaigns/demo-flash/claims?limit=1000", None).json();
    let claims = claims["items"].as_array().expect("claims");
    let users: std::collections::BTreeSet<&str> = claims.iter().filter_map(|claim| claim["user_id"].as_str()).collect();
    assert_eq!((claims.len(), users.len()), (132, 132));

    server.terminate();
    let (status, _) = server.wait();
    assert!(status.success(), "{status}");
    assert_eq!(entries(&temporary), 0);
}

/// The last ones of a small crowd come long after the server has hung up on connections that said nothing.
#[test]
fn everybody_of_a_small_crowd_is_served() {
    let temporary = TempDir::new().expect("a temporary directory");
    let server = Server::start_adjusted(TempDir::new().expect("a temporary directory"), "", |command| {
        *command = demo(&temporary, &["--demo-crowd", "12", "--demo-opens-in", "0s"]);
        command.env("LANDRUSH_HTTP_HEAD_TIMEOUT", "1s");
    });
    once(&server.client(), |availability| {
        (availability["state"].is_string() && left(availability) == 60 - 12).then_some(())
    });
}

#[test]
fn who_is_alone_finds_a_coupon_and_a_draw() {
    let (mut server, _temporary) = start(&["--demo-opens-in", "0s"]);
    server.wait_for("  open ");
    let client = server.client();
    once(&client, |availability| (availability["state"] == "open").then_some(()));
    assert_eq!(client.claim("demo-flash", "ann").status, 201);
    let draw = client.post("/v1/campaigns/demo-draws/draws", &json!({"user_id": "ann"}));
    assert_eq!(draw.status, 201, "{}", draw.text());
    let page = client.get("/");
    assert!(page.text().contains("Flash sale, every two minutes"), "{}", page.text());
}

#[test]
fn a_demo_never_mixes_with_data_that_are_there() {
    let data = TempDir::new().expect("a temporary directory");
    let refused = Command::new(env!("CARGO_BIN_EXE_landrush"))
        .args(["serve", "--demo", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data.path())
        .output()
        .expect("the program runs");
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--data-dir"), "{refused:?}");
    assert_eq!(entries(&data), 0);
}
