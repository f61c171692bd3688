//! A server process of our own: started on a free loopback port, found by the socket it listens on, measured through
//! `/proc`, and ended by its process id when it goes out of scope.

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::api::Api;
use crate::interrupted;

/// The management key of the servers that the harness starts for itself.
pub(crate) const ADMIN_KEY: &str = "loadtest-admin-key-0123456789abcdef0123456789abcdef";
/// How long a server may take to become ready, or to end when told to.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often `/proc` is asked for the listening socket of a server that is starting.
const POLL_EVERY: Duration = Duration::from_micros(500);
/// How long after a failure the end of a server may be seen.
const FATE_WITHIN: Duration = Duration::from_millis(500);
/// Lines of a server's output that are shown when it has ended.
const LINES_SHOWN: usize = 10;
/// Clock ticks a second in `/proc`: fixed for programs, whatever the kernel's own tick is.
const TICKS_PER_SECOND: u64 = 100;

/// How to start a landrush server.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// The `landrush` executable.
    pub(crate) binary: PathBuf,
    /// A configuration file for it.
    pub(crate) config: Option<PathBuf>,
}

impl Launch {
    /// Uses the executable given, or the one beside the running program.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn find(binary: Option<PathBuf>, config: Option<PathBuf>) -> Result<Self> {
        let binary = match binary {
            Some(binary) => binary,
            None => std::env::current_exe()?.with_file_name("landrush"),
        };
        if !binary.is_file() {
            bail!("no server at {}: build the whole workspace, or name one by --server-binary", binary.display());
        }
        Ok(Self { binary, config })
    }

    /// The command that serves `data_dir` on a free port.
    pub(crate) fn serve(&self, data_dir: &Path) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("serve").args(["--listen", "127.0.0.1:0"]).arg("--data-dir").arg(data_dir);
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        command.env("LANDRUSH_ADMIN_KEY", ADMIN_KEY);
        command
    }
}

/// A running server process.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pid: Pid,
    /// What it says.
    log: PathBuf,
}

impl Server {
    /// Starts `command`, with its output in the file `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn spawn(mut command: Command, log: &Path) -> Result<Self> {
        let output = fs::OpenOptions::new().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = interrupted::spawn(&mut command)
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a process id that is none")?;
        Ok(Self { child, pid, log: log.to_owned() })
    }

    /// Waits until the server listens.
    ///
    /// # Errors
    /// When it ends first, or takes more than a minute.
    pub(crate) fn listening(&mut self) -> Result<SocketAddr> {
        self.wait_for(|server| server.listeners().ok()?.first().copied())
    }

    /// Waits until the server says that it is ready, and returns where.
    ///
    /// # Errors
    /// When it ends first, or takes more than a minute.
    pub(crate) fn ready(&mut self) -> Result<SocketAddr> {
        self.wait_for(|server| {
            let listeners = server.listeners().ok()?;
            listeners.into_iter().find(|listener| Api::new(*listener, ADMIN_KEY).ready())
        })
    }

    /// Makes sure that the process has not ended.
    ///
    /// # Errors
    /// When it has.
    pub(crate) fn still_runs(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("the server ended before it was ready: {status}"),
            None => Ok(()),
        }
    }

    /// What came of a load on this server. Where that failed because the server has ended, the error says so, and how the server's
    /// output ends, which goes with its directory.
    ///
    /// # Errors
    /// As `result`.
    pub(crate) fn blame<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| match self.fate() {
            Some(fate) => {
                let said = fs::read_to_string(&self.log).unwrap_or_default();
                anyhow!("{error:#}; the server has ended, by {fate}{}", last_words(&said))
            }
            None => error,
        })
    }

    /// By what the process has ended, if it has. It may be seen a moment later than its connections break.
    fn fate(&self) -> Option<String> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let end = Instant::now() + FATE_WITHIN;
        loop {
            if let Some(status) = waitid(WaitId::Pid(self.pid), options).ok()? {
                let signal = status.terminating_signal().map(|signal| format!("signal {signal}"));
                return signal.or_else(|| Some(format!("itself with {}", status.exit_status()?)));
            }
            if Instant::now() >= end {
                return None;
            }
            thread::sleep(POLL_EVERY);
        }
    }

    fn wait_for(&mut self, found: impl Fn(&Self) -> Option<SocketAddr>) -> Result<SocketAddr> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(address) = found(self) {
                return Ok(address);
            }
            self.still_runs()?;
            if Instant::now() >= end {
                bail!("the server was not ready after {} s", PATIENCE.as_secs());
            }
            thread::sleep(POLL_EVERY);
        }
    }

    /// The loopback sockets that the process listens on: those of its descriptors that the kernel's table lists so.
    fn listeners(&self) -> std::io::Result<Vec<SocketAddr>> {
        let own = PathBuf::from(format!("/proc/{}", self.child.id()));
        let mut inodes = Vec::new();
        for descriptor in fs::read_dir(own.join("fd"))? {
            match fs::read_link(descriptor?.path()) {
                Ok(link) => inodes.extend(socket_inode(&link.to_string_lossy())),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let table = fs::read_to_string(own.join("net/tcp"))?;
        let listening = table.lines().skip(1).filter_map(listening_port);
        Ok(listening
            .filter(|(_, inode)| inodes.contains(inode))
            .map(|(port, _)| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            .collect())
    }

    /// The process id.
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Processor time that the server has used, user and system together, to 10 ms.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        cpu_of(&format!("/proc/{}/stat", self.child.id()))
    }

    /// Processor time of the server and the processes that it has started, to 10 ms each.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn family_cpu(&self) -> Result<Duration> {
        let own = self.child.id();
        // Children that have ended are counted with the parent that waited for them.
        let ticks = |stat: &str| cpu_ticks(stat).unwrap_or_default() + ended_children_ticks(stat).unwrap_or_default();
        let mut total = ticks(&fs::read_to_string(format!("/proc/{own}/stat"))?);
        for entry in fs::read_dir("/proc")? {
            // Whoever has ended since the directory was read is no longer counted.
            let Ok(stat) = fs::read_to_string(entry?.path().join("stat")) else { continue };
            if parent(&stat) == Some(own) {
                total += ticks(&stat);
            }
        }
        Ok(Duration::from_millis(total * 1_000 / TICKS_PER_SECOND))
    }

    /// Memory of the server that is in use, in bytes.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes << 10)
    }

    /// System calls by which the process has written so far, to files and to sockets alike, where the kernel says it.
    pub(crate) fn write_calls(&self) -> Option<u64> {
        let io = fs::read_to_string(format!("/proc/{}/io", self.child.id())).ok()?;
        io.lines().find_map(|line| line.strip_prefix("syscw:"))?.trim().parse().ok()
    }

    /// Asks the server to drain and end, and waits for it.
    ///
    /// # Errors
    /// When it does not end within a minute.
    pub(crate) fn stop(mut self) -> Result<ExitStatus> {
        kill_process(self.pid, Signal::TERM)?;
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= end {
                bail!("the server did not end within {} s of SIGTERM", PATIENCE.as_secs());
            }
            thread::sleep(POLL_EVERY);
        }
    }

    /// Waits for a server that was killed to be gone.
    ///
    /// # Errors
    /// When waiting fails.
    pub(crate) fn gone(mut self) -> Result<ExitStatus> {
        Ok(self.child.wait()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        interrupted::end(&mut self.child);
    }
}

/// The end of what a server said, to go on a sentence with.
fn last_words(said: &str) -> String {
    let lines: Vec<_> = said.lines().collect();
    let last = lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n");
    if last.is_empty() { String::new() } else { format!("; it said at last:\n{last}") }
}

/// Processor time that this program itself has used, to 10 ms.
///
/// # Errors
/// When `/proc` is not there.
pub(crate) fn own_cpu() -> Result<Duration> {
    cpu_of("/proc/self/stat")
}

fn cpu_of(stat: &str) -> Result<Duration> {
    let ticks = cpu_ticks(&fs::read_to_string(stat)?).with_context(|| format!("{stat} is not as expected"))?;
    Ok(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

/// `socket:[4711]` as `4711`.
fn socket_inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// Port and inode of a line of `/proc/net/tcp`, where it is a listening socket.
fn listening_port(line: &str) -> Option<(u16, u64)> {
    let fields: Vec<_> = line.split_ascii_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let port = u16::from_str_radix(local.split_once(':')?.1, 16).ok()?;
    (*state == "0A").then_some((port, inode.parse().ok()?))
}

/// User and system time of `/proc/<pid>/stat`, whose second field may hold spaces and parentheses.
fn cpu_ticks(stat: &str) -> Option<u64> {
    two_from(stat, 11)
}

/// The same of the children that have ended.
fn ended_children_ticks(stat: &str) -> Option<u64> {
    two_from(stat, 13)
}

/// The sum of two neighbouring fields, counted from the one after the name.
fn two_from(stat: &str, place: usize) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(place);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// The parent's process id in `/proc/<pid>/stat`.
fn parent(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_has_ended_is_to_blame_and_one_that_runs_is_not() {
        let folder = tempfile::TempDir::new().expect("a directory");
        let failed = |server: &Server| {
            let failed: Result<()> = server.blame(Err(anyhow!("refused")));
            format!("{:#}", failed.expect_err("it stays an error"))
        };
        let start = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            Server::spawn(command, &folder.path().join("log")).expect("started")
        };
        assert_eq!(failed(&start("exec sleep 60")), "refused");
        let ended = |script: &str| {
            let server = start(script);
            assert!((0..20).any(|_| server.fate().is_some()), "{script} goes on");
            failed(&server)
        };
        let said = ended("echo out of memory; exit 3");
        assert!(
            said.contains("refused; the server has ended, by itself with 3; it said at last:\nout of memory"),
            "{said}"
        );
        assert!(ended("kill -9 $$").contains("by signal 9"));
    }

    #[test]
    fn the_kernels_tables_are_read() {
        assert_eq!(socket_inode("socket:[4711]"), Some(4711));
        assert_eq!(socket_inode("/dev/null"), None);
        let line =
            "   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0";
        assert_eq!(listening_port(line), Some((8080, 4711)));
        assert_eq!(listening_port(&line.replace(" 0A ", " 01 ")), None);
        let stat = "12 (a b) c) S 1 12 12 0 -1 4194304 9 0 0 0 70 30 5 6 20 0 3 0 1 2 3";
        assert_eq!(cpu_ticks(stat), Some(100));
        assert_eq!(ended_children_ticks(stat), Some(11));
        assert_eq!(parent(stat), Some(1));
    }
}
