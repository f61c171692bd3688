//! Redis as people use it for such campaigns: a Lua script that checks and writes at once, an append-only file, synced after every
//! turn of its loop (`always`) or once a second (`everysec`: a crash then loses up to a second of wins that were told).

mod protocol;

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

pub(crate) use self::protocol::parse;
use self::protocol::{Client, Value, command};
use crate::answer::Code;
use crate::baselines::package::on_path;
use crate::request::{self, ClaimTemplate};
use crate::server::Server;

/// The claim.
const SCRIPT: &str = include_str!("redis/claim.lua");
/// Entries of the record read at once.
const PAGE: &str = "10000";
/// How long a server may load its empty file.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// When Redis syncs its append-only file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fsync {
    /// Before any answer of a turn of its loop leaves.
    Always,
    /// Once a second.
    Everysec,
}

/// A Redis server of our own, over a directory of its own.
pub(crate) struct Redis {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
    client: Client,
    script: String,
    fsync: Fsync,
    data: TempDir,
}

impl Redis {
    /// Starts a server that syncs as `fsync` says and waits until it answers.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub(crate) fn start(fsync: Fsync, data: TempDir) -> Result<Self> {
        let mut command = Command::new(on_path("redis-server", "redis-server")?);
        let config = data.path().join("redis.conf");
        fs::write(&config, config_text(fsync, free_port()?, data.path()))?;
        command.arg(&config).current_dir(data.path());
        let log = data.path().join("redis.log");
        let mut server = Server::spawn(command, &log)?;
        let address = server.listening().with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
        let mut client = Client::open(address)?;
        let end = Instant::now() + READY_WITHIN;
        while client.text(&["PING"]).is_err() {
            ensure!(Instant::now() < end, "Redis did not become ready");
        }
        let script = client.text(&["SCRIPT", "LOAD", SCRIPT])?;
        Ok(Self { server, address, client, script, fsync, data })
    }

    /// Sets the quota of `campaign`.
    ///
    /// # Errors
    /// When Redis refuses.
    pub(crate) fn create(&mut self, campaign: &str, quota: u64) -> Result<()> {
        self.client.text(&["SET", &format!("{{{campaign}}}:left"), &quota.to_string()]).map(|_| ())
    }

    /// Claims on `campaign`.
    pub(crate) fn template(&self, campaign: &str) -> ClaimTemplate {
        let keys = ["users", "left", "record"].map(|key| format!("{{{campaign}}}:{key}"));
        let [users, left, record] = keys.each_ref().map(String::as_str);
        let whole = command(&["EVALSHA", &self.script, "3", users, left, record, &request::user_id(0)]);
        let (before, after) = whole.split_once(&request::user_id(0)).expect("the user is in the command");
        ClaimTemplate::around(before, after)
    }

    /// How many are left of `campaign`.
    ///
    /// # Errors
    /// When Redis does not say.
    pub(crate) fn remaining(&mut self, campaign: &str) -> Result<u64> {
        self.client.number(&["GET", &format!("{{{campaign}}}:left")])
    }

    /// Every claim on record, which must be those of the users, once each.
    ///
    /// # Errors
    /// When the record cannot be read, or is not as the script writes it.
    pub(crate) fn claims(&mut self, campaign: &str) -> Result<Vec<(u64, Code)>> {
        let record = format!("{{{campaign}}}:record");
        let mut claims = Vec::new();
        let mut from = "-".to_owned();
        loop {
            let Value::List(page) = self.client.call(&["XRANGE", &record, &from, "+", "COUNT", PAGE])? else {
                bail!("the record is no list");
            };
            let Some(last) = page.last() else { break };
            from = format!("({}", entry(last)?.0);
            for item in &page {
                claims.push(entry(item)?.1);
            }
        }
        let users = self.client.number(&["HLEN", &format!("{{{campaign}}}:users")])?;
        ensure!(users == u64::try_from(claims.len())?, "{users} users have won, and {} are on record", claims.len());
        Ok(claims)
    }

    /// Syncs so far, where they can be known: with `always` each write to the append-only file is synced, and the process has
    /// written nothing else but answers, which Redis counts. With `everysec` another thread syncs, and nobody counts that.
    pub(crate) fn syncs(&mut self) -> Option<u64> {
        if self.fsync != Fsync::Always {
            return None;
        }
        let answers = info(&self.client.text(&["INFO", "stats"]).ok()?, "total_writes_processed")?;
        self.server.write_calls()?.checked_sub(answers)
    }

    /// Bytes of the append-only file.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub(crate) fn disk_bytes(&self) -> Result<u64> {
        let mut bytes = 0;
        for file in fs::read_dir(self.data.path().join("appendonlydir"))? {
            bytes += file?.metadata()?.len();
        }
        Ok(bytes)
    }
}

/// The number `name` in what `INFO` says.
fn info(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok())
}

/// An entry of the record: its id, and whose claim with which code.
fn entry(value: &Value) -> Result<(&str, (u64, Code))> {
    let Value::List(parts) = value else { bail!("{value:?} is no entry of the record") };
    let [Value::Text(id), Value::List(fields)] = parts.as_slice() else { bail!("{parts:?} is no entry of the record") };
    let [_, Value::Text(user), _, Value::Text(code)] = fields.as_slice() else { bail!("{fields:?} is no claim") };
    let user = request::user_of(user).with_context(|| format!("user {user}"))?;
    Ok((id, (user, Code::parse(code).with_context(|| format!("code {code}"))?)))
}

fn config_text(fsync: Fsync, port: u16, data: &Path) -> String {
    let fsync = match fsync {
        Fsync::Always => "always",
        Fsync::Everysec => "everysec",
    };
    let mut text = format!("bind 127.0.0.1\nport {port}\ndir {}\n", data.display());
    // No snapshots and no rewriting of the file in the middle of a measurement: both favour Redis.
    let _ = write!(text, "daemonize no\nsave \"\"\nappendonly yes\nappendfsync {fsync}\n");
    text + "auto-aof-rewrite-percentage 0\ntcp-backlog 4096\nmaxclients 10000\n"
}

/// A port that is free now. Another program may take it before the server does, which then ends and is reported.
fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_their_whole_name() {
        let text = "# Stats\r\ntotal_writes_processed_more:7\r\ntotal_writes_processed:42\r\nother:x\r\n";
        assert_eq!(info(text, "total_writes_processed"), Some(42));
        assert_eq!((info(text, "other"), info(text, "absent")), (None, None));
    }

    #[test]
    fn each_claim_on_its_own_is_one_sync_with_always_and_everysec_does_not_tell() {
        let Ok(_) = on_path("redis-server", "redis-server") else { return };
        for (fsync, expected) in [(Fsync::Always, Some(20)), (Fsync::Everysec, None)] {
            let mut redis = Redis::start(fsync, TempDir::new().expect("a directory")).expect("Redis starts");
            let before = redis.syncs();
            (0..20).for_each(|quota| redis.create("campaign", quota).expect("set"));
            let after = redis.syncs();
            assert_eq!(after.zip(before).map(|(after, before)| after - before), expected, "{fsync:?}");
        }
    }
}
