//! Owns how often one caller may ask: by user, address, device and phone, each within one campaign, under limits that the
//! campaign sets.
//!
//! `governor` has no cap on the keys that it tracks but a sweep over all of them, whose time and size an attacker with ten million
//! addresses would set; so the cells stand in a table of our own, of a fixed size, that forgets by a rule. What a check
//! costs is in `benches/rate_limit.rs`.

pub mod cell;
mod table;

use std::hash::Hasher;
use std::sync::OnceLock;
use std::time::Duration;

use landrush_engine::campaign::RateLimit;
use landrush_engine::id::{CampaignNumber, UserId};
use landrush_engine::people::PhoneHash;
use landrush_engine::time::Timestamp;
use siphasher::sip128::{Hasher128, SipHasher13};

use self::table::Table;
use super::address::ClientAddress;

/// By what a caller is told from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark<'a> {
    /// Where the request comes from.
    Address(ClientAddress),
    /// The device that the request names.
    Device(&'a [u8]),
    /// Whose coupon it would be.
    User(&'a UserId),
    /// The phone number that came with the request, or that is known of the user.
    Phone(PhoneHash),
}

/// What a caller has left of a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Requests that may be made at once.
    pub requests: u32,
    /// When it will be as if none had been made; where none is left, when one may be made again.
    pub within: Duration,
}

/// Callers and what they have left, for all campaigns and all threads.
pub struct Limiter {
    /// Hides from callers which of them share a place in the table.
    key: [u8; 16],
    keys_max: usize,
    /// Made when a campaign comes that has limits, or a limit is checked: most servers never need it.
    table: OnceLock<Table>,
}

impl Limiter {
    /// A limiter that knows at most about `keys_max` callers, at 41 bytes each, told apart under the random `key`.
    pub fn new(keys_max: usize, key: [u8; 16]) -> Self {
        Self { key, keys_max, table: OnceLock::new() }
    }

    /// Asks for one request of whoever bears `mark`.
    ///
    /// # Errors
    /// How long to wait.
    pub fn ask(
        &self,
        campaign: CampaignNumber,
        mark: Mark<'_>,
        limit: RateLimit,
        now: Timestamp,
    ) -> Result<(), Duration> {
        let now = micros(now);
        self.table().cell(self.hash(campaign, mark), now).ask(limit, now).map_err(Duration::from_micros)
    }

    /// Asks for one request of the bearer of the management key called `name`, and tells what is left.
    ///
    /// # Errors
    /// How long to wait.
    pub fn ask_key(&self, name: &str, limit: RateLimit, now: Timestamp) -> (Result<(), Duration>, Left) {
        let now = micros(now);
        let mut cell = self.table().cell(self.hash_of(4, None, name.as_bytes()), now);
        let asked = cell.ask(limit, now).map_err(Duration::from_micros);
        let (requests, full_in) = cell.left(limit, now);
        (asked, Left { requests, within: asked.err().unwrap_or(Duration::from_micros(full_in)) })
    }

    /// Makes the table, so that no request waits for it: 30 ms a million callers.
    pub fn prepare(&self) {
        self.table();
    }

    fn table(&self) -> &Table {
        self.table.get_or_init(|| Table::new(self.keys_max))
    }

    /// How many callers are known, those included of whom nothing need be known any more.
    pub fn keys(&self) -> usize {
        self.table.get().map_or(0, Table::len)
    }

    fn hash(&self, campaign: CampaignNumber, mark: Mark<'_>) -> [u64; 2] {
        match mark {
            Mark::Address(address) => self.hash_of(0, Some(campaign), &address.key().to_ne_bytes()),
            Mark::Device(device) => self.hash_of(1, Some(campaign), device),
            Mark::User(user) => self.hash_of(2, Some(campaign), user.as_str().as_bytes()),
            Mark::Phone(PhoneHash(phone)) => self.hash_of(3, Some(campaign), &phone.to_ne_bytes()),
        }
    }

    fn hash_of(&self, kind: u8, campaign: Option<CampaignNumber>, name: &[u8]) -> [u64; 2] {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write_u32(campaign.map_or(0, |campaign| campaign.0));
        hasher.write_u8(kind);
        hasher.write(name);
        let hash = hasher.finish128();
        [hash.h1, hash.h2]
    }
}

fn micros(moment: Timestamp) -> u64 {
    moment.as_milliseconds().saturating_mul(1_000)
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter").field("keys_max", &self.keys_max).field("keys", &self.keys()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
