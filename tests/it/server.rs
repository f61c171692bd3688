//! Starts and ends the program under test.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use tempfile::TempDir;

use crate::client::Client;

/// The admin key of every server under test.
pub(crate) const ADMIN_KEY: &str = "an-admin-key-for-tests-0123456789";

/// A running server; killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// What it has said on it.
    said: Vec<String>,
    address: SocketAddr,
    directory: TempDir,
}

impl Server {
    /// A ready server with these settings over a new data directory.
    pub(crate) fn start(settings: &str) -> Self {
        Self::start_in(TempDir::new().expect("a temporary directory"), settings)
    }

    /// A ready server with these settings over a directory that another one has left.
    pub(crate) fn start_in(directory: TempDir, settings: &str) -> Self {
        Self::start_adjusted(directory, settings, |_| {})
    }

    /// The same, with its command adjusted before it runs.
    pub(crate) fn start_adjusted(directory: TempDir, settings: &str, adjust: impl FnOnce(&mut Command)) -> Self {
        let mut server = Self::spawn(directory, settings, adjust);
        server.wait_for("ready");
        server
    }

    fn spawn(directory: TempDir, settings: &str, adjust: impl FnOnce(&mut Command)) -> Self {
        let file = directory.path().join("landrush.toml");
        std::fs::write(&file, settings).expect("the settings are written");
        let mut command = command(&directory.path().join("data"), &file);
        command
            .env("LANDRUSH_ADMIN_KEY", ADMIN_KEY)
            // What the tests print should be about the tests.
            .env("LANDRUSH_LOGGING_FILTER", "warn")
            .stdout(Stdio::piped());
        adjust(&mut command);
        let mut child = command.spawn().expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut server = Self { child, stdout, said: Vec::new(), address: ([127, 0, 0, 1], 0).into(), directory };
        let line = server.wait_for("listening on http://");
        server.address = line.rsplit('/').next().expect("an address").parse().expect("an address");
        server
    }

    /// The line of standard output that begins with `start`, once it is there.
    pub(crate) fn wait_for(&mut self, start: &str) -> String {
        loop {
            if let Some(line) = self.said.iter().find(|line| line.starts_with(start)) {
                return line.clone();
            }
            let mut line = String::new();
            let read = self.stdout.read_line(&mut line).expect("standard output is read");
            assert!(read > 0, "the server ended before it said {start:?}");
            self.said.push(line.trim_end().to_owned());
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client of it.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Its data directory.
    pub(crate) fn data_dir(&self) -> std::path::PathBuf {
        self.directory.path().join("data")
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("the process is there");
    }

    /// Has it read its settings again, and waits until it has: `outcome` is `done` or `failed`, for the `time`th time.
    pub(crate) fn reload(&self, outcome: &str, time: u32) {
        self.hang_up();
        let line = format!("landrush_gate_reloads_total{{outcome=\"{outcome}\"}} {time}\n");
        let began = std::time::Instant::now();
        while !self.client().get("/metrics").text().contains(&line) {
            assert!(began.elapsed() < crate::client::PATIENCE, "it was never {outcome} for the {time}th time");
        }
    }

    fn hang_up(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).expect("the process is there");
    }

    /// Its settings, which may be written anew.
    pub(crate) fn settings(&self) -> std::path::PathBuf {
        self.directory.path().join("landrush.toml")
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> (ExitStatus, TempDir) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("standard output is read");
        let status = self.child.wait().expect("the process is ours");
        (status, std::mem::replace(&mut self.directory, TempDir::new().expect("a temporary directory")))
    }

    /// Kills it without a warning, and leaves its directory.
    pub(crate) fn kill(mut self) -> TempDir {
        self.child.kill().expect("the process is ours");
        self.wait().1
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The program's `serve` over `data_dir` with the settings in `file`, on a port that is free.
pub(crate) fn command(data_dir: &Path, file: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_landrush"));
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    command.arg("--data-dir").arg(data_dir).arg("--config").arg(file);
    command
}
