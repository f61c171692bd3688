//! The program under test, away from whatever the environment and the directory of the tests hold.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::client::Client;
use crate::server::{ADMIN_KEY, Server};

/// What the program said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "out: {}\nerr: {}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn out_has(self, text: &str) -> Self {
        assert!(self.out.contains(text), "{text:?} is not in {}", self.out);
        self
    }

    #[track_caller]
    pub(crate) fn err_has(self, text: &str) -> Self {
        assert!(self.err.contains(text), "{text:?} is not in {}", self.err);
        self
    }

    #[track_caller]
    pub(crate) fn expect_nothing_said(self) {
        assert_eq!((self.out.as_str(), self.err.as_str()), ("", ""));
    }

    /// Standard output as JSON lines.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

/// The program with these arguments, that knows no server and no key.
pub(crate) fn bare(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_landrush"));
    for variable in ["LANDRUSH_SERVER", "LANDRUSH_ADMIN_KEY", "LANDRUSH_DATA_DIR"] {
        command.env_remove(variable);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// The program with these arguments, that knows `server` and its key by the environment.
pub(crate) fn command(server: &Server, arguments: &[&str]) -> Command {
    let mut command = bare(arguments);
    command.env("LANDRUSH_SERVER", format!("http://{}", server.address()));
    command.env("LANDRUSH_ADMIN_KEY", ADMIN_KEY);
    command
}

/// Runs it to its end.
pub(crate) fn said(mut command: Command) -> Said {
    ended(command.output().expect("runs"))
}

/// Runs it to its end, with `input` on standard input.
pub(crate) fn said_to(mut command: Command, input: &str) -> Said {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("runs");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("read");
    ended(child.wait_with_output().expect("ends"))
}

fn ended(Output { status, stdout, stderr }: Output) -> Said {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { code: status.code(), out: text(stdout), err: text(stderr) }
}

/// Lets so many users claim a coupon, `u-0` first.
pub(crate) fn claims(client: Client, campaign: &str, users: u32) {
    for user in 0..users {
        let reply = client.claim(campaign, &format!("u-{user}"));
        assert_eq!(reply.status, 201, "{}", reply.text());
    }
}
