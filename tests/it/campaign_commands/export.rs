//! What was issued, as files.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::program::{Said, bare, claims, command, said};
use crate::server::Server;

/// Names that spreadsheets, quotes and line-wise readers stumble over.
const ODD_USERS: [&str; 4] = ["=1+1", "a,b", "say \"hi\"", "J\u{f8}rgen \u{1f600}"];

fn rows(text: &str) -> Vec<csv::StringRecord> {
    csv::Reader::from_reader(text.as_bytes()).records().map(|row| row.expect("a row")).collect()
}

fn claim(server: &Server, user: &str) -> Value {
    let reply = server.client().claim("sale", user);
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()
}

#[test]
fn csv_holds_exactly_what_was_issued_oldest_first() {
    let server = Server::start("");
    server.client().campaign("sale", &json!({}));
    let granted: Vec<Value> = ODD_USERS.iter().map(|user| claim(&server, user)).collect();
    let void = granted[1]["claim_id"].as_str().expect("an id");
    assert_eq!(server.client().admin("DELETE", &format!("/v1/campaigns/sale/claims/{void}"), None).status, 204);

    let exported = said(command(&server, &["export", "sale"])).expect(0);
    assert_eq!(exported.err, "");
    let head = exported.out.lines().next();
    assert_eq!(head, Some("claim_id,user_id,coupon_type,code,state,decided_at,expires_at"));
    let rows = rows(&exported.out);
    assert_eq!(rows.len(), granted.len());
    for (place, (row, granted)) in rows.iter().zip(&granted).enumerate() {
        let coupon = &granted["coupon"];
        let state = if place == 1 { &json!("void") } else { &coupon["state"] };
        let expected = [
            &granted["claim_id"],
            &granted["user_id"],
            &coupon["coupon_type"],
            &coupon["code"],
            state,
            &granted["decided_at"],
            &coupon["expires_at"],
        ];
        let expected: Vec<&str> = expected.iter().map(|value| value.as_str().expect("text")).collect();
        assert_eq!(row.iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn more_than_a_page_is_exported_in_either_format() {
    let server = Server::start("");
    let type_for_ever = json!([{"id": "cash-5", "name": "cash", "total_quota": 5000}]);
    server.client().campaign("sale", &json!({"coupon_types": type_for_ever}));
    let batch = 1_205;
    let mut connection = server.client().connect();
    for user in 0..batch {
        let body = json!({"user_id": format!("u-{user}")}).to_string();
        let reply = connection.call("POST", "/v1/campaigns/sale/claims", &[crate::client::JSON], body.as_bytes());
        assert_eq!(reply.status, 201, "{}", reply.text());
    }
    let users: Vec<String> = (0..batch).map(|user| format!("u-{user}")).collect();

    let lines = said(command(&server, &["export", "sale", "--format", "ndjson"])).expect(0).json_lines();
    assert_eq!(lines.iter().map(|line| line["user_id"].as_str().expect("a user")).collect::<Vec<_>>(), users);
    let of_first = server.client().get("/v1/campaigns/sale/claims/by-user/u-0").json();
    assert_eq!(lines[0], of_first["items"][0], "as the server has it");

    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("issued.csv");
    let name = file.to_str().expect("UTF-8");
    let exported = said(command(&server, &["export", "sale", "--output", name])).expect(0);
    assert_eq!(exported.err_has("1205 claims written to").out, "");
    let rows = rows(&std::fs::read_to_string(&file).expect("readable"));
    assert_eq!(rows.iter().map(|row| &row[1]).collect::<Vec<_>>(), users);
    assert!(rows.iter().all(|row| row[6].is_empty()), "what never expires has no such moment");
    assert_eq!(std::fs::read_dir(directory.path()).expect("readable").count(), 1, "nothing is left beside it");

    // More than any buffer on the way holds: the end of a pipe shows in the midst.
    for format in ["csv", "ndjson"] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut piped = command(&server, &["export", "sale", "--format", format]);
        piped.stdout(writer).stderr(Stdio::piped());
        said(piped).expect(0).expect_nothing_said();
    }
}

#[test]
fn a_campaign_without_claims_is_a_head() {
    let server = Server::start("");
    server.client().campaign("sale", &json!({}));
    let csv = said(command(&server, &["export", "sale"])).expect(0);
    assert_eq!(csv.out, "claim_id,user_id,coupon_type,code,state,decided_at,expires_at\n");
    said(command(&server, &["export", "sale", "--format", "ndjson"])).expect(0).expect_nothing_said();
}

#[test]
fn an_export_that_fails_leaves_the_older_one() {
    let server = Server::start("");
    server.client().campaign("sale", &json!({}));
    claims(server.client(), "sale", 1);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("issued.csv");
    std::fs::write(&file, "older").expect("written");
    let name = file.to_str().expect("UTF-8");
    let check = |ended: Said, code, told: &str| {
        ended.expect(code).err_has(told);
        assert_eq!(std::fs::read_to_string(&file).expect("readable"), "older");
        assert_eq!(std::fs::read_dir(directory.path()).expect("readable").count(), 1);
    };
    // The campaign can be read by anybody, its claims only with the key.
    let mut without_key = command(&server, &["export", "sale", "--output", name]);
    without_key.env_remove("LANDRUSH_ADMIN_KEY").arg("--data-dir").arg(directory.path());
    check(said(without_key), 1, "(401 unauthorized)");
    check(said(command(&server, &["export", "other", "--output", name])), 1, "(404 not_found)");
    let place = directory.path().to_str().expect("UTF-8");
    check(said(command(&server, &["export", "sale", "--output", place])), 2, "no file");
}

/// A campaign as far as an export reads it.
const CAMPAIGN: &str = r#"{"id": "sale", "name": "Sale", "state": "open", "time_zone": "UTC", "mode": "first_come",
    "schedule": {"starts_at": "", "ends_at": ""}, "limit": {"max": 1, "per": "day", "by": "user"}, "coupon_types": []}"#;

/// One page, and a cursor to the next.
const PAGE: &str = r#"{"items": [{"claim_id": "c-1", "user_id": "u-1"}], "next_cursor": "a b"}"#;

/// Takes a connection, reads a request and answers it; gives the request's first line.
fn answer(listener: &TcpListener, status: &str, body: &str) -> String {
    let (mut stream, _) = listener.accept().expect("a connection");
    let mut request = [0; 1024];
    let read = stream.read(&mut request).expect("a request");
    write!(stream, "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .expect("sent");
    let request = String::from_utf8_lossy(&request[..read]);
    request.lines().next().expect("a first line").to_owned()
}

fn export_from(address: SocketAddr, file: &str) -> Command {
    let mut command = bare(&["export", "sale", "--output", file]);
    command.arg("--server").arg(format!("http://{address}"));
    command
}

#[test]
fn a_busy_server_is_asked_again_and_an_endless_list_is_not_followed() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("issued.csv");
    std::thread::scope(|scope| {
        let exported = scope.spawn(|| said(export_from(address, file.to_str().expect("UTF-8"))));
        answer(&listener, "200 OK", CAMPAIGN);
        let busy = r#"{"title": "Busy", "status": 503, "code": "overloaded", "retry_after_ms": 1}"#;
        let first = "GET /v1/campaigns/sale/claims?limit=1000 HTTP/1.1";
        assert_eq!(answer(&listener, "503 Service Unavailable", busy), first);
        assert_eq!(answer(&listener, "200 OK", PAGE), first);
        let second = "GET /v1/campaigns/sale/claims?limit=1000&cursor=a%20b HTTP/1.1";
        assert_eq!(answer(&listener, "200 OK", PAGE), second);
        exported.join().expect("no panic").expect(3).err_has("leads back to itself");
    });
    assert_eq!(std::fs::read_dir(directory.path()).expect("readable").count(), 0);
}

#[test]
fn ctrl_c_leaves_no_half_a_file() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("issued.csv");
    let mut command = export_from(listener.local_addr().expect("bound"), file.to_str().expect("UTF-8"));
    let mut child = command.stderr(Stdio::null()).spawn().expect("runs");
    answer(&listener, "200 OK", CAMPAIGN);
    answer(&listener, "200 OK", PAGE);
    // Now it waits for the second page.
    let unanswered = listener.accept().expect("a connection");
    assert_eq!(std::fs::read_dir(directory.path()).expect("readable").count(), 1, "a file that has no name yet");
    kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
    assert_eq!(child.wait().expect("ours").code(), Some(130));
    assert_eq!(std::fs::read_dir(directory.path()).expect("readable").count(), 0);
    drop(unanswered);
}
