//! What a room publishes of its shuffle, and what follows from it: who came before the opening, and where each number stands.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::fairness::{Hash, chained_hash, hash_of, is_bound, lottery_key, rank};
use crate::request::user_id;

/// What can be wrong with what a room publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// People have positions, and nothing is published.
    Missing,
    /// It is another one than before.
    Changed,
    /// The seed is not the one that the room was bound to.
    Unbound,
    /// The hash is not that of those who came first.
    Entries { count: u32 },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("has told positions and does not publish how it was shuffled"),
            Self::Changed => f.write_str("publishes another shuffle than it did"),
            Self::Unbound => f.write_str("was shuffled by another seed than it was bound to"),
            Self::Entries { count } => write!(f, "publishes a hash that is not of the {count} who came first"),
        }
    }
}

/// What a room published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Audit {
    published: Published,
    entries: Hash,
    key: Hash,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
struct Published {
    commitment: String,
    seed: String,
    entries: Entries,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
struct Entries {
    count: u32,
    hash: String,
}

impl Audit {
    /// Reads the audit of a campaign with one window; `None` before its room is shuffled.
    ///
    /// # Errors
    /// When it is not as agreed.
    pub(super) fn read(mut document: Value) -> Result<Option<Self>> {
        let mut rooms: Vec<Published> =
            serde_json::from_value(document["rooms"].take()).context("an audit of rooms")?;
        ensure!(rooms.len() <= 1, "a campaign with one window has had {} rooms", rooms.len());
        let Some(published) = rooms.pop() else { return Ok(None) };
        let seed = hash_of(&published.seed).context("the seed of a room")?;
        let entries = hash_of(&published.entries.hash).context("the hash of a room's entries")?;
        Ok(Some(Self { published, entries, key: lottery_key(&seed, &entries) }))
    }

    /// What is wrong with it, if the room was bound by `commitment` and people have these numbers of arrival.
    pub(super) fn fault(&self, commitment: &str, people: &BTreeMap<u32, u64>) -> Option<Fault> {
        let Published { commitment: published, seed, entries: Entries { count, hash: _ } } = &self.published;
        if published != commitment || !is_bound(seed, commitment) {
            return Some(Fault::Unbound);
        }
        let first: Option<Vec<String>> = (1..=*count).map(|number| people.get(&number).copied().map(user_id)).collect();
        let is_theirs = first.is_some_and(|users| chained_hash(users.iter().map(String::as_str)) == self.entries);
        (!is_theirs).then_some(Fault::Entries { count: *count })
    }

    /// How many came before the opening, and were shuffled.
    pub(super) fn shuffled(&self) -> u32 {
        self.published.entries.count
    }

    /// Where a number of arrival stands.
    pub(super) fn position(&self, number: u32) -> u32 {
        let count = self.shuffled();
        if number > count { number } else { rank(&self.key, number, count) }
    }
}
