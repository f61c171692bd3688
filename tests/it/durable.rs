//! Nobody is told of a coupon that is not on disk, as the kernel sees it: the server runs under strace, whose record shows in which
//! order writes to the log, syncs and answers began and ended.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::json;
use tempfile::TempDir;

use crate::client::{Client, JSON, PATIENCE, request};
use crate::server::Server;

const PATH: &str = "/v1/campaigns/sale/claims";
/// What is written down: how the log is opened, written and synced, and every way in which an answer can leave.
const TRACED: &str = "trace=io_uring_setup,openat,pwrite64,pwritev,fdatasync,sendto,sendmsg,write,writev";
/// Calls by which an answer can leave.
const SENDS: [&str; 4] = ["sendto", "sendmsg", "write", "writev"];

/// A system call that has come back.
#[derive(Debug)]
struct Call {
    name: String,
    /// Arguments and result, as strace prints them.
    text: String,
    /// The lines of the record in which it began and ended.
    began: usize,
    ended: usize,
}

impl Call {
    /// What it came back with; negative, or nothing at all: it has failed.
    fn result(&self) -> i64 {
        let result = self.text.rsplit_once(" = ").and_then(|(_, result)| result.split([' ', '<']).next());
        result.and_then(|result| result.parse().ok()).unwrap_or(-1)
    }

    /// The descriptor that it was called with, and the file behind it.
    fn file(&self) -> &str {
        self.text.split_once('>').map_or("", |(file, _)| file)
    }

    fn is_of_log(&self) -> bool {
        self.file().contains("/data/wal/")
    }
}

#[test]
fn every_acknowledged_claim_was_synced_first() {
    // Without io_uring, a thread writes and syncs: what it does is seen call by call.
    let (device, users, calls) = traced(&["-e", "inject=io_uring_setup:error=EPERM"]);
    assert_eq!(device, "thread, write + fdatasync");
    assert_each_was_synced(&users, &calls);
}

#[test]
fn the_log_is_opened_so_that_every_write_is_synced_or_syncs_are_seen() {
    let (device, users, calls) = traced(&[]);
    if !device.starts_with("io_uring") {
        return assert_each_was_synced(&users, &calls);
    }
    // What io_uring does is not seen. The descriptor that it writes to is, and that nothing else writes to the log.
    let opened = |call: &&Call| call.name == "openat" && call.text.contains("/data/wal/00000000000000000001.log\"");
    let opened: Vec<_> = calls.iter().filter(opened).filter(|call| call.result() >= 0).collect();
    let is_synced = |call: &&Call| call.text.contains("O_DSYNC");
    assert!(opened.iter().any(is_synced), "{device}, but {opened:#?}");
    assert_eq!(
        opened.iter().any(|call| call.text.contains("O_DIRECT")),
        device.contains("O_DIRECT"),
        "{device}, but {opened:#?}"
    );
    for user in users {
        let written = calls.iter().find(|call| call.is_of_log() && call.text.contains(&user));
        assert!(written.is_none(), "{device}, but {written:?}");
    }
}

/// Each of `users` was written to the log, that file was synced after it, and then the answer left.
fn assert_each_was_synced(users: &[String], calls: &[Call]) {
    for user in users {
        let written =
            calls.iter().find(|call| call.name.starts_with("pwrite") && call.is_of_log() && call.text.contains(user));
        let written = written.unwrap_or_else(|| panic!("{user} was never written to the log"));
        assert!(written.result() > 0, "{written:?}");
        let told = format!(r#"\"user_id\":\"{user}\""#);
        let answer = calls.iter().find(|call| SENDS.contains(&call.name.as_str()) && call.text.contains(&told));
        let answer = answer.unwrap_or_else(|| panic!("{user} was never answered"));
        let synced = calls.iter().any(|call| {
            let of_it = call.name == "fdatasync" && call.file() == written.file() && call.result() == 0;
            of_it && written.ended < call.began && call.ended < answer.began
        });
        assert!(synced, "{user} was told before a sync: written {written:?}, answered {answer:?}");
    }
}

/// Lets users claim in every way at a server under strace with these `options`; what writes its log, who has won, and what was seen.
fn traced(options: &[&str]) -> (String, Vec<String>, Vec<Call>) {
    let records = TempDir::new().expect("a temporary directory");
    let (trace, log) = (records.path().join("trace"), records.path().join("log"));
    let directory = TempDir::new().expect("a temporary directory");
    let server = Server::start_adjusted(directory, "", |command| {
        *command = under_strace(command, options, &trace);
        command.env("LANDRUSH_LOGGING_FILTER", "info").stdout(std::process::Stdio::piped());
        command.stderr(File::create(&log).expect("a file"));
    });
    let device = fs::read_to_string(&log).expect("a log");
    let device = device.split_once("log=\"").and_then(|(_, rest)| rest.split_once('"')).expect("what writes the log").0;
    let users = claim_in_every_way(&server.client());
    server.terminate();
    assert!(server.wait().0.success());
    (device.to_owned(), users, calls(&complete(&trace)))
}

/// The same command under strace, which stands aside so that the server stays this process's child.
fn under_strace(command: &Command, options: &[&str], trace: &Path) -> Command {
    assert!(Command::new("strace").arg("-V").output().is_ok(), "strace is missing: apt-get install strace");
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-y", "-s", "16384", "-e", TRACED]).args(options).arg("-o").arg(trace);
    strace.arg("--").arg(command.get_program()).args(command.get_args());
    strace.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    strace
}

/// One by one, many at once on one connection, on one that has asked for something else before, and in a batch.
fn claim_in_every_way(client: &Client) -> Vec<String> {
    client.campaign("sale", &json!({}));
    let mut winners = Vec::new();
    let mut names = |way: &str, count: usize| {
        let names: Vec<_> = (0..count).map(|number| format!("{way}-{number}-of-{count}")).collect();
        winners.extend(names.clone());
        names
    };
    let claim = |user: &String| request("POST", PATH, &[JSON], json!({"user_id": user}).to_string().as_bytes());
    for user in names("single", 5) {
        assert_eq!(client.claim("sale", &user).status, 201);
    }
    let pipelined = names("pipelined", 16);
    let mut connection = client.connect();
    connection.send(&pipelined.iter().flat_map(claim).collect::<Vec<_>>()).expect("sent");
    for user in &pipelined {
        let reply = connection.receive(false).expect("an answer");
        assert_eq!((reply.status, &reply.json()["user_id"]), (201, &json!(user)));
    }
    let mut connection = client.connect();
    assert_eq!(connection.call("GET", "/v1/time", &[], b"").status, 200);
    for user in names("later", 5) {
        connection.send(&claim(&user)).expect("sent");
        assert_eq!(connection.receive(false).expect("an answer").status, 201);
    }
    let batch: Vec<_> = names("batch", 10).iter().map(|user| json!({"user_id": user})).collect();
    let reply = client.admin("POST", "/v1/campaigns/sale/claims:batch", Some(&json!({"claims": batch})));
    let results = reply.json();
    let results = results["results"].as_array().expect("results");
    assert!(results.len() == 10 && results.iter().all(|one| one["status"] == 201), "{results:?}");
    winners
}

/// The record of a server that has ended, once strace has written its last line.
fn complete(trace: &PathBuf) -> String {
    let began = Instant::now();
    loop {
        let record = fs::read_to_string(trace).expect("a record");
        let first = record.split(' ').next().expect("a process id");
        if record.lines().any(|line| line.starts_with(first) && line.ends_with("+++ exited with 0 +++")) {
            return record;
        }
        assert!(began.elapsed() < PATIENCE, "strace has not come to the end");
    }
}

/// The calls in a record. One that another thread's line cuts in two is put together again.
fn calls(record: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut unfinished: Vec<(&str, Call)> = Vec::new();
    for (number, line) in record.lines().enumerate() {
        let Some((thread, line)) = line.split_once(' ').map(|(thread, line)| (thread, line.trim_start())) else {
            continue;
        };
        if let Some(rest) = line.strip_prefix("<... ").and_then(|line| line.split_once(" resumed>")) {
            let place = unfinished.iter().position(|(of, _)| *of == thread).expect("what is resumed was begun");
            let mut call = unfinished.swap_remove(place).1;
            call.text += rest.1;
            call.ended = number;
            calls.push(call);
        } else if let Some((name, text)) = line.split_once('(') {
            let call = |text: &str| Call { name: name.into(), text: text.into(), began: number, ended: number };
            match text.strip_suffix(" <unfinished ...>") {
                Some(text) => unfinished.push((thread, call(text))),
                None => calls.push(call(text)),
            }
        }
    }
    calls
}
