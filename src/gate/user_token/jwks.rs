//! Owns how sets of keys that are behind a URL come to this machine: fetched again and again into a file of the data directory, which is
//! read as any other set is. So a source that is away leaves the keys as they were, also over a restart.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::outbound::Outbound;

/// The least time between two fetches, however many tokens name a key that is not known, or however often one fails.
pub const FETCH_EVERY_MIN: Duration = Duration::from_secs(30);

/// The longest set, in bytes.
const SET_BYTES_MAX: usize = 1 << 20;

/// A set of keys behind a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwksUrl(Uri);

/// How often a set is fetched. Every span is lengthened by at most a quarter, so that servers that started together do not ask together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// The time from one fetch to the next.
    pub(crate) every: Duration,
    /// The same for one that is wanted sooner, or follows one that failed.
    pub(crate) every_min: Duration,
}

/// A set that is to be fetched, and what tells that it is wanted at once: a token has named a key that is not known.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) set: JwksUrl,
    pub(crate) at_once: Arc<Notify>,
}

/// Takes what was fetched, or why nothing was. It may wait for the disk, and says why it did not take it.
pub(crate) type Take = dyn Fn(&JwksUrl, Result<&[u8], String>) -> Result<(), String> + Send + Sync;

impl JwksUrl {
    /// The set at `url`; `None` if it is not one that may be asked.
    pub fn new(url: &str) -> Option<Self> {
        url.parse().ok().filter(crate::outbound::is_allowed).map(Self)
    }

    /// Where the set is kept, below `directory`.
    pub fn kept_in(&self, directory: &Path) -> PathBuf {
        let digest = Sha256::digest(self.0.to_string());
        let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        directory.join(format!("{name}.json"))
    }
}

impl std::fmt::Display for JwksUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Fetches a set for as long as the server runs, and hands it to `take` on a thread that may wait.
pub(crate) async fn follow(outbound: Outbound, wanted: Wanted, pace: Pace, take: Arc<Take>) {
    let Wanted { set, at_once } = wanted;
    loop {
        let begun = Instant::now();
        let fetched = outbound.get(&set.0, SET_BYTES_MAX).await.map_err(|error| error.to_string());
        let (of, take) = (set.clone(), Arc::clone(&take));
        let taken = tokio::task::spawn_blocking(move || match fetched {
            Ok(bytes) => take(&of, Ok(&bytes)),
            Err(error) => take(&of, Err(error)),
        });
        let taken = taken.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        let soonest = begun + spread(pace.every_min);
        match taken {
            Ok(()) => tokio::select! {
                () = sleep_until(begun + spread(pace.every)) => {}
                () = at_once.notified() => sleep_until(soonest).await,
            },
            Err(error) => {
                tracing::warn!(url = %set, error, "a set of keys could not be fetched; those that are known stay");
                sleep_until(soonest).await;
            }
        }
    }
}

fn spread(span: Duration) -> Duration {
    let mut random = [0; 4];
    getrandom::fill(&mut random).expect("the system has random bytes");
    span + span / 4 * (u32::from_le_bytes(random) % 1_024) / 1_024
}

/// The keys of a set, as far as they can be read, and why others cannot: a set may hold keys of kinds that are not known here.
///
/// # Errors
/// It is no set.
pub(super) fn keys(set: &[u8]) -> serde_json::Result<(Vec<Jwk>, Vec<String>)> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    let Set { keys } = serde_json::from_slice(set)?;
    let (mut read, mut left_out) = (Vec::new(), Vec::new());
    for (place, key) in keys.into_iter().enumerate() {
        let id = key.get("kid").map_or_else(|| String::from("no kid"), serde_json::Value::to_string);
        match serde_json::from_value(key) {
            Ok(key) => read.push(key),
            Err(error) => left_out.push(format!("number {place}, {id}: {error}")),
        }
    }
    Ok((read, left_out))
}

/// Puts a set in the place of the one before, if it is another.
///
/// # Errors
/// It cannot be written; the one before stays.
pub(super) fn keep(file: &Path, set: &[u8]) -> io::Result<()> {
    if std::fs::read(file).is_ok_and(|before| before == set) {
        return Ok(());
    }
    std::fs::create_dir_all(file.parent().unwrap_or(Path::new(".")))?;
    let temporary = file.with_extension("new");
    let mut new = std::fs::File::create(&temporary)?;
    new.write_all(set)?;
    new.sync_all()?;
    std::fs::rename(&temporary, file)
}

#[cfg(test)]
mod tests;
