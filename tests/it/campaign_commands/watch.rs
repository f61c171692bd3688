//! Following what is left.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::program::{claims, command};
use super::relay::Relay;
use crate::server::Server;

/// A running `watch`; killed when it is dropped.
struct Watch {
    child: Child,
    out: BufReader<ChildStdout>,
    err: BufReader<ChildStderr>,
}

impl Watch {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let err = BufReader::new(child.stderr.take().expect("piped"));
        Self { child, out, err }
    }

    /// The next change.
    fn line(&mut self) -> String {
        read_line(&mut self.out)
    }

    /// The next word about the server.
    fn note(&mut self) -> String {
        read_line(&mut self.err)
    }

    /// Waits for its end; gives the exit code and what it said until then.
    fn end(&mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("UTF-8");
        self.err.read_to_string(&mut rest).expect("UTF-8");
        (self.child.wait().expect("ours").code(), rest)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn read_line(from: &mut impl BufRead) -> String {
    let mut line = String::new();
    assert!(from.read_line(&mut line).expect("UTF-8") > 0, "it ended");
    line.trim_end().to_owned()
}

#[test]
fn a_line_a_change_until_the_campaign_is_over() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    let mut watch = Watch::start(command(&server, &["campaign", "watch", "sale"]));
    assert!(watch.line().ends_with("Z open  cash-5 100 (100 today)"));
    claims(client, "sale", 1);
    // Nothing is printed while nothing changes: the next line is the change.
    assert!(watch.line().ends_with("Z open  cash-5 99 (99 today)"));
    assert_eq!(client.admin("POST", "/v1/campaigns/sale/pause", None).status, 200);
    assert!(watch.line().ends_with("Z paused  cash-5 99 (99 today)"));
    assert_eq!(client.admin("POST", "/v1/campaigns/sale/cancel", None).status, 200);
    assert!(watch.line().ends_with("Z cancelled  cash-5 99 (99 today)"));
    assert_eq!(watch.end(), (Some(0), String::new()));
}

#[test]
fn the_document_is_printed_as_it_came() {
    let server = Server::start("");
    let client = server.client();
    client.campaign(
        "sale",
        &json!({"schedule": {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2020-02-01T00:00:00Z"}}),
    );
    let mut watch = Watch::start(command(&server, &["campaign", "watch", "sale", "--json"]));
    let printed: Value = serde_json::from_str(&watch.line()).expect("JSON");
    let mut asked = client.get("/v1/campaigns/sale/availability").json();
    asked["server_time"] = printed["server_time"].clone();
    assert_eq!((&printed, &printed["state"]), (&asked, &json!("ended")));
    assert_eq!(watch.end(), (Some(0), String::new()));
}

#[test]
fn ctrl_c_ends_it_well() {
    let server = Server::start("");
    server.client().campaign("sale", &json!({}));
    let mut watch = Watch::start(command(&server, &["campaign", "watch", "sale"]));
    watch.line();
    kill_process(Pid::from_child(&watch.child), Signal::INT).expect("it runs");
    assert_eq!(watch.end(), (Some(0), String::new()));
}

#[test]
fn a_restart_of_the_server_is_waited_out() {
    let server = Server::start("");
    server.client().campaign("sale", &json!({}));
    let relay = Relay::to(server.address());
    let mut watched = command(&server, &["campaign", "watch", "sale"]);
    watched.env("LANDRUSH_SERVER", format!("http://{}", relay.address()));
    let mut watch = Watch::start(watched);
    assert!(watch.line().contains("cash-5 100"));

    relay.turn_to(None);
    let directory = server.kill();
    let note = watch.note();
    assert!(note.contains(&relay.address().to_string()) && note.contains("trying again"), "{note}");
    let server = Server::start_in(directory, "");
    claims(server.client(), "sale", 1);
    relay.turn_to(Some(server.address()));
    assert!(watch.line().contains("cash-5 99"));
    assert_eq!(watch.note(), "landrush: the server answers again");
    assert_eq!(server.client().admin("POST", "/v1/campaigns/sale/cancel", None).status, 200);
    assert!(watch.line().contains("cancelled"));
    assert_eq!(watch.end(), (Some(0), String::new()));
}
