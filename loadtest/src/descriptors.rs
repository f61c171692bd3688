//! Owns how many descriptors this process may have: each connection takes one.

use anyhow::{Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for all that is no connection: of this process, and of the servers that it starts, which inherit its limit.
const BESIDE_CONNECTIONS: u64 = 256;

/// Lets this process, and those that it starts from now on, have `connections` open at once.
///
/// # Errors
/// When the system does not allow so many.
pub(crate) fn allow(connections: impl Into<u64>) -> Result<()> {
    let wanted = connections.into() + BESIDE_CONNECTIONS;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    ensure!(
        limit.maximum.is_none_or(|maximum| maximum >= wanted),
        "so many connections need {wanted} descriptors, and the system allows {}",
        limit.maximum.unwrap_or_default()
    );
    Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum })?)
}
