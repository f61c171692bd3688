//! A server's life: how it starts, how it refuses to, and how it ends.

use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};

use serde_json::json;

use crate::client::{Client, JSON, request};
use crate::server::{Server, command};

/// Runs the program with settings that it must refuse.
fn refused(settings: &str, arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("landrush.toml");
    std::fs::write(&file, settings).expect("the settings are written");
    let mut command = command(&directory.path().join("data"), &file);
    command.args(arguments).stdin(Stdio::null()).output().expect("the program runs")
}

fn check(settings: &str, code: i32, words: &[&str]) {
    let output = refused(settings, &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "{said} does not say {word}");
    }
}

#[test]
fn settings_that_make_no_sense_end_the_start_with_a_reason() {
    check("lisen = \"127.0.0.1:0\"", 2, &["landrush.toml", "lisen"]);
    check("[auth]\nusers = \"jwt\"", 2, &["auth.keys", "jwt"]);
    check("[logging]\nfilter = \"a=b=c\"", 2, &["logging.filter"]);
}

#[test]
fn one_directory_has_one_server() {
    let server = Server::start("");
    let file = server.data_dir().with_file_name("landrush.toml");
    let second = command(&server.data_dir(), &file).output().expect("the program runs");
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains("data"), "{said} does not name the directory");
    assert_eq!(server.client().get("/readyz").status, 200);
}

#[test]
fn an_admin_key_is_made_on_the_first_start() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let data = directory.path().join("data");
    let file = directory.path().join("landrush.toml");
    std::fs::write(&file, "").expect("written");
    let mut child = command(&data, &file)
        .env_remove("LANDRUSH_ADMIN_KEY")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut out = std::io::BufReader::new(child.stdout.take().expect("piped"));
    let mut said = String::new();
    while !said.contains("\nready") {
        assert!(std::io::BufRead::read_line(&mut out, &mut said).expect("read") > 0, "ended early: {said}");
    }
    let address = said.lines().next().expect("a line").rsplit('/').next().expect("an address");
    let client = Client::new(address.parse().expect("an address"));
    let path = data.join("keys/admin.key");
    let key = std::fs::read_to_string(&path).expect("a key");
    let mode = std::fs::metadata(&path).expect("there").permissions().mode();
    let bearer = format!("Bearer {}", key.trim());
    let answered = client.call("GET", "/v1/campaigns/none/claims", &[("authorization", &bearer)], b"");
    let without = client.get("/v1/campaigns/none/claims");
    child.kill().expect("ours");
    child.wait().expect("ours");
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(answered.problem(), (404, "not_found".into()));
    assert_eq!(without.problem(), (401, "unauthorized".into()));
}

#[test]
fn told_to_stop_it_answers_what_is_in_flight_and_ends_well() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    let mut idle = client.connect();
    assert_eq!(idle.call("GET", "/v1/time", &[], b"").status, 200);
    // In flight: the head and half of the body have been read when the server is told to stop.
    let body = br#"{"user_id":"last"}"#;
    let whole = request("POST", "/v1/campaigns/sale/claims", &[JSON, ("expect", "100-continue")], body);
    let (head, body) = whole.split_at(whole.len() - body.len());
    let mut flying = client.connect();
    flying.send(head).expect("sent");
    assert_eq!(flying.receive(false).expect("the server asks for the body").status, 100);
    flying.send(&body[..5]).expect("sent");
    server.terminate();
    assert!(idle.is_closed_by_server(), "idle connections end with the drain");
    flying.send(&body[5..]).expect("sent");
    let answer = flying.receive(false).expect("an answer");
    let (status, directory) = server.wait();
    assert!(status.success(), "{status}");
    assert_eq!(answer.status, 201, "{}", answer.text());
    let server = Server::start_in(directory, "");
    assert_eq!(server.client().claim("sale", "last").status, 200);
}

#[test]
fn what_was_granted_outlives_a_kill() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    let won: Vec<_> = (0..20).map(|user| client.claim("sale", &format!("u-{user}")).json()).collect();
    let server = Server::start_in(server.kill(), "");
    for won in &won {
        let again = server.client().claim("sale", won["user_id"].as_str().expect("a user"));
        assert_eq!((again.status, &again.json()["coupon"]), (200, &won["coupon"]));
    }
}
