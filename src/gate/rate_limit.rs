//! Owns how often one caller may ask: by user, address, device and phone, each within one campaign, under limits that the
//! campaign sets.
//!
//! `governor` has no cap on the keys that it tracks but a sweep over all of them, whose time and size an attacker with ten million
//! addresses would set; so the cells stand in a table of our own, of a fixed size, that forgets by a rule.

pub mod cell;
mod table;

use std::hash::Hasher;
use std::sync::OnceLock;
use std::time::Duration;

use landrush_engine::campaign::RateLimit;
use landrush_engine::id::{CampaignNumber, UserId};
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
    /// The phone number in the request.
    Phone(&'a str),
}

/// Callers and what they have left, for all campaigns and all threads.
pub struct Limiter {
    /// Hides from callers which of them share a place in the table.
    key: [u8; 16],
    keys_max: usize,
    /// Made when the first limit is checked: most servers never need it.
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
        let now = now.as_milliseconds().saturating_mul(1_000);
        let table = self.table.get_or_init(|| Table::new(self.keys_max));
        let mut cell = table.cell(self.hash(campaign, mark), now);
        cell.ask(limit, now).map_err(Duration::from_micros)
    }

    /// How many callers are known, those included of whom nothing need be known any more.
    pub fn keys(&self) -> usize {
        self.table.get().map_or(0, Table::len)
    }

    fn hash(&self, campaign: CampaignNumber, mark: Mark<'_>) -> [u64; 2] {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write_u32(campaign.0);
        match mark {
            Mark::Address(address) => {
                hasher.write_u8(0);
                hasher.write_u128(address.key());
            }
            Mark::Device(device) => {
                hasher.write_u8(1);
                hasher.write(device);
            }
            Mark::User(user) => {
                hasher.write_u8(2);
                hasher.write(user.as_str().as_bytes());
            }
            Mark::Phone(phone) => {
                hasher.write_u8(3);
                hasher.write(phone.as_bytes());
            }
        }
        let hash = hasher.finish128();
        [hash.h1, hash.h2]
    }
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter").field("keys_max", &self.keys_max).field("keys", &self.keys()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
