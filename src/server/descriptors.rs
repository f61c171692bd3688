//! Owns the number of files and sockets that the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for all that is no connection: log, snapshots, event queues, standard streams.
const BESIDE_CONNECTIONS: u64 = 256;

/// Raises the limit to what this many connections need, as far as the process may, and says so if it may not.
pub(super) fn raise(connections_max: usize) {
    let wanted = u64::try_from(connections_max).unwrap_or(u64::MAX).saturating_add(BESIDE_CONNECTIONS);
    let limit = getrlimit(Resource::Nofile);
    // No limit is the highest of all.
    let Some(current) = limit.current else { return };
    if current >= wanted {
        return;
    }
    let allowed = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), maximum: limit.maximum });
    if allowed < wanted || raised.is_err() {
        tracing::warn!(
            allowed,
            wanted,
            "the process may open fewer descriptors than http.connections_max needs; at that limit no connection is \
             accepted until one ends"
        );
    }
}
