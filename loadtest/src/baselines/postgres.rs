//! PostgreSQL as people use it for such campaigns: the classic schema, one transaction a claim, `synchronous_commit` on. The cluster is
//! made anew in a directory of its own and listens on a Unix socket there alone.

mod claims;
mod cluster;

use std::fs;
use std::path::{self, Path};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, Config, NoTls};

use crate::answer::Code;
use crate::client::Driven;
use crate::compare::transcript::Transcript;
use crate::departures::Pace;
use crate::server::Server;

const SCHEMA: &str = include_str!("postgres/schema.sql");
/// How long a cluster that was just made may take to start.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long sessions may take to end.
const ENDED_WITHIN: Duration = Duration::from_secs(10);
/// Its socket's name, in its directory.
const SOCKET: &str = ".s.PGSQL.5432";
/// Bytes that a socket's path may have.
const SOCKET_BYTES_MAX: usize = 107;
/// How often a cluster that starts is tried, and sessions that end are counted.
const TRIED_EVERY: Duration = Duration::from_millis(20);

/// Makes sure that a cluster can be reached by the socket in a directory of its own in `scratch`, whose name begins with `prefix`.
///
/// # Errors
/// When the socket's path is too long.
pub(crate) fn ensure_reachable(scratch: &Path, prefix: &str) -> Result<()> {
    // Six letters at random follow.
    let socket = path::absolute(scratch)?.join(format!("{prefix}XXXXXX")).join(SOCKET);
    let bytes = socket.as_os_str().len();
    ensure!(
        bytes <= SOCKET_BYTES_MAX,
        "its socket in {} would have a path of {bytes} bytes, {SOCKET_BYTES_MAX} at most are possible: name a shorter --scratch",
        scratch.display()
    );
    Ok(())
}

/// A cluster of our own that runs.
pub(crate) struct Postgres {
    pub(crate) server: Server,
    runtime: Runtime,
    client: Client,
    config: Config,
    campaigns: Vec<String>,
    // Last, so that nothing is deleted under a server that runs.
    _data: TempDir,
}

impl Postgres {
    /// Makes a cluster in `data`, starts it, and creates `campaigns`, each an id with its quota.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or does not start; the end of its output says why.
    pub(crate) fn start(data: TempDir, campaigns: &[(&str, u64)]) -> Result<Self> {
        let log = data.path().join("postgres.log");
        let mut server = Server::spawn(cluster::make(data.path())?, &log)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let mut config = Config::new();
        config.host_path(data.path()).user("postgres").dbname("postgres");
        let client =
            wait_for(&mut server, &runtime, &config).with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
        runtime.block_on(async {
            client.batch_execute(SCHEMA).await?;
            for (place, (name, quota)) in (1_i64..).zip(campaigns) {
                let quota = i64::try_from(*quota)?;
                let insert = "INSERT INTO campaign_coupon_types VALUES ($1, $1, $2, $3, $3, $3, current_date)";
                client.execute(insert, &[&place, name, &quota]).await?;
            }
            anyhow::Ok(())
        })?;
        let campaigns = campaigns.iter().map(|(name, _)| (*name).to_owned()).collect();
        Ok(Self { server, runtime, client, config, campaigns, _data: data })
    }

    /// Loads `campaign` at `pace` over `connections` connections.
    ///
    /// # Errors
    /// When a connection cannot be made.
    pub(crate) fn drive(
        &self,
        campaign: &str,
        connections: usize,
        pace: Pace,
        transcript: &mut Transcript,
    ) -> Result<Driven> {
        let campaign = self.number(campaign)?;
        self.runtime.block_on(async {
            let driven = claims::drive(&self.config, campaign, connections, pace, transcript).await?;
            self.sessions_end().await?;
            Ok(driven)
        })
    }

    /// Waits until no session but our own is left. A session hands in what it has counted, syncs among it, once a second at most and
    /// when it ends: until then that would be missing here, and show in what is measured next.
    async fn sessions_end(&self) -> Result<()> {
        let others =
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        let end = Instant::now() + ENDED_WITHIN;
        while self.client.query_one(others, &[]).await?.get::<_, i64>(0) > 0 {
            ensure!(Instant::now() < end, "sessions go on after their connections have ended");
            tokio::time::sleep(TRIED_EVERY).await;
        }
        Ok(())
    }

    /// How many are left of `campaign`.
    ///
    /// # Errors
    /// When the server does not say.
    pub(crate) fn remaining(&self, campaign: &str) -> Result<u64> {
        let query = "SELECT current_quota FROM campaign_coupon_types WHERE campaign_id = $1";
        let campaign = self.number(campaign)?;
        let row = self.runtime.block_on(self.client.query_one(query, &[&campaign]))?;
        Ok(u64::try_from(row.get::<_, i64>(0))?)
    }

    /// Every coupon on record: whose, and its code. Draws and coupons must be as many.
    ///
    /// # Errors
    /// When they cannot be read, or are not as the claims write them.
    pub(crate) fn claims(&self, campaign: &str) -> Result<Vec<(u64, Code)>> {
        let campaign = self.number(campaign)?;
        let coupons = "SELECT user_id, code FROM coupons WHERE campaign_id = $1 ORDER BY drawn_at";
        let rows = self.runtime.block_on(self.client.query(coupons, &[&campaign]))?;
        let draws = "SELECT count(*) FROM draws WHERE campaign_id = $1";
        let draws: i64 = self.runtime.block_on(self.client.query_one(draws, &[&campaign]))?.get(0);
        ensure!(usize::try_from(draws)? == rows.len(), "{draws} draws, and {} coupons", rows.len());
        let claim = |row: &tokio_postgres::Row| {
            let code: &str = row.get(1);
            Ok((u64::try_from(row.get::<_, i64>(0))?, Code::parse(code).with_context(|| format!("code {code}"))?))
        };
        rows.iter().map(claim).collect()
    }

    /// Bytes and syncs of the write-ahead log since the cluster was made; nothing for the syncs where the server does not count them.
    ///
    /// # Errors
    /// When the server does not say.
    pub(crate) fn written(&self) -> Result<(u64, Option<u64>)> {
        let position = "SELECT (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint";
        let bytes: i64 = self.runtime.block_on(self.client.query_one(position, &[]))?.get(0);
        let syncs = "SELECT wal_sync FROM pg_stat_wal";
        let syncs = self.runtime.block_on(self.client.query_one(syncs, &[])).ok().map(|row| row.get::<_, i64>(0));
        // A log that is opened to be written through is never synced by a call of its own, and none is counted.
        Ok((u64::try_from(bytes)?, syncs.and_then(|syncs| u64::try_from(syncs).ok()).filter(|syncs| *syncs > 0)))
    }

    /// Ends the server in order.
    ///
    /// # Errors
    /// When it does not end.
    pub(crate) fn stop(self) -> Result<ExitStatus> {
        // A smart shutdown waits for whoever is connected, and with the runtime our own connection ends.
        drop((self.client, self.runtime));
        self.server.stop()
    }

    fn number(&self, campaign: &str) -> Result<i64> {
        let place = self.campaigns.iter().position(|known| known == campaign).context("no such campaign")?;
        Ok(i64::try_from(place)? + 1)
    }
}

/// Connects as soon as the server lets it.
fn wait_for(server: &mut Server, runtime: &Runtime, config: &Config) -> Result<Client> {
    let end = Instant::now() + READY_WITHIN;
    loop {
        match runtime.block_on(connect(config)) {
            Ok(client) => return Ok(client),
            Err(error) if Instant::now() >= end => return Err(error),
            Err(_) => server.still_runs()?,
        }
        std::thread::sleep(TRIED_EVERY);
    }
}

/// One connection, which a task of the runtime serves.
async fn connect(config: &Config) -> Result<Client> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(async move {
        // What ends a connection is told to whoever waits for an answer on it.
        let _ = connection.await;
    });
    Ok(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_whose_socket_nobody_could_reach_is_refused() {
        // A slash, the prefix with its six letters, a slash and the socket's name take 27 bytes.
        let scratch = |bytes: usize| format!("/{}", "a".repeat(bytes - 1));
        let reachable = |bytes| ensure_reachable(Path::new(&scratch(bytes)), "prefix");
        assert!(reachable(SOCKET_BYTES_MAX - 27).is_ok());
        let refused = reachable(SOCKET_BYTES_MAX - 26).expect_err("too long");
        assert!(refused.to_string().contains("108 bytes"), "{refused}");
    }
}
