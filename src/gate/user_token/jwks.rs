//! Owns how sets of keys that are behind a URL come to this machine: fetched again and again into a file of the data directory, which is
//! read as any other set is. So a source that is away leaves the keys as they were, also over a restart.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::outbound::Outbound;

/// The time from one fetch to the next: so much and at most a quarter more, so that servers that started together do not ask together.
const FETCH_EVERY: Duration = Duration::from_mins(5);

/// The least time between two fetches, however many tokens name a key that is not known, or however often one fails.
const FETCH_EVERY_MIN: Duration = Duration::from_secs(30);

/// The longest set, in bytes.
const SET_BYTES_MAX: usize = 1 << 20;

/// A set of keys behind a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwksUrl(Uri);

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

/// Fetches `set` into its file below `directory` for as long as the server runs. `wanted`: a token has named a key that is not known.
/// `refresh` reads what was fetched; it may wait for the disk.
pub(crate) async fn follow(
    outbound: Outbound,
    set: JwksUrl,
    directory: PathBuf,
    wanted: Arc<Notify>,
    refresh: Arc<dyn Fn() + Send + Sync>,
) {
    let file = set.kept_in(&directory);
    loop {
        let begun = Instant::now();
        let fetched = outbound.get(&set.0, SET_BYTES_MAX).await.map_err(|error| error.to_string());
        let kept = match fetched {
            Ok(bytes) => {
                let (file, refresh) = (file.clone(), Arc::clone(&refresh));
                let keep = move || {
                    keep(&file, &bytes).map_err(|error| error.to_string())?;
                    refresh();
                    Ok(())
                };
                tokio::task::spawn_blocking(keep)
                    .await
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
            }
            Err(error) => Err(error),
        };
        let soonest = begun + FETCH_EVERY_MIN;
        match kept {
            Ok(()) => {
                let mut random = [0; 4];
                getrandom::fill(&mut random).expect("the system has random bytes");
                let more = FETCH_EVERY / 4 * (u32::from_le_bytes(random) % 1_024) / 1_024;
                tokio::select! {
                    () = sleep_until(begun + FETCH_EVERY + more) => {}
                    () = wanted.notified() => sleep_until(soonest).await,
                }
            }
            Err(error) => {
                tracing::warn!(url = %set.0, error, "a set of keys could not be fetched; those that are known stay");
                sleep_until(soonest).await;
            }
        }
    }
}

/// Puts the set in the place of the one before, if it is another.
fn keep(file: &Path, bytes: &[u8]) -> io::Result<()> {
    // What is no set of keys never takes the place of one that is.
    serde_json::from_slice::<jsonwebtoken::jwk::JwkSet>(bytes)?;
    if std::fs::read(file).is_ok_and(|before| before == bytes) {
        return Ok(());
    }
    std::fs::create_dir_all(file.parent().unwrap_or(Path::new(".")))?;
    let temporary = file.with_extension("new");
    let mut new = std::fs::File::create(&temporary)?;
    new.write_all(bytes)?;
    new.sync_all()?;
    std::fs::rename(&temporary, file)
}
