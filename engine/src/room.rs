//! Owns what follows from a place in a waiting room and from what everybody may know of that room: where the place stands,
//! and whether its holder is let in. Pure; the room's shard and the threads that ask nobody come to the same answer.
//!
//! Each window of a campaign has a room of its own. Who comes gets a number, from 1 in the order of arrival. At the opening
//! those who came before it are shuffled: the position of number `n` among `count` is [`crate::fairness::rank`] under the key
//! `SHA(seed || hash)`. Who comes later stands behind all of them, in the order of arrival, so that there the position is the
//! number. With `SHA` and the notation of [`crate::fairness`]:
//!
//! ```text
//! seed   = SHA("landrush waiting room" || 0x00 || seed of the campaign || opening, milliseconds since 1970 as 8 bytes)
//! hash_0 = 32 zero bytes
//! hash_n = SHA(hash_(n - 1) || length of user n || user n)
//! ```
//!
//! The commitment to the seed is shown from the first moment of the room, the seed itself once the room is shuffled. It tells
//! nothing of the campaign's seed, and so nothing of its draws or of other rooms. The hash is a chain and not one long hash, so
//! that it can be kept in a snapshot without the people.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::fairness::{Commitment, LotteryKey, Seed, rank};
use crate::time::Timestamp;

/// A place in a waiting room. Who bears it is not told: a ticket binds it to its holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The opening that the room is for.
    pub window: Timestamp,
    /// The number of arrival, from 1.
    pub number: u32,
}

/// Where a place stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not let in yet.
    Waiting {
        /// From 1; `None`: the opening has not shuffled those who came before it.
        position: Option<u32>,
    },
    /// Let in.
    Admitted {
        /// From 1.
        position: u32,
        /// The first moment at which the place is gone.
        until: Timestamp,
    },
    /// Let in, and the time to claim has passed. Whoever comes again stands at the back.
    Lapsed {
        /// From 1.
        position: u32,
    },
    /// It is of a room that is no more, or was never dealt.
    Gone,
}

/// How those were shuffled who came before the opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shuffle {
    /// How many they were.
    pub count: u32,
    /// The chained hash over them, in the order of arrival.
    pub hash: [u8; 32],
    key: LotteryKey,
}

impl Shuffle {
    pub(crate) fn new(seed: &Seed, count: u32, hash: [u8; 32]) -> Self {
        Self { count, hash, key: LotteryKey::new(seed, &hash) }
    }

    /// The position of a number of arrival. Takes 180 hashes for one of those who came before the opening.
    pub fn position(&self, number: u32) -> u32 {
        if number <= self.count { rank(&self.key, number, self.count) } else { number }
    }
}

/// People who were let in together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// The last position among them.
    pub up_to: u32,
    /// When the last of them was let in.
    pub at: Timestamp,
}

/// What everybody may know of a waiting room; cloning it is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomView {
    /// The opening that it is for.
    pub opens_at: Timestamp,
    /// How many numbers were dealt.
    pub arrivals: u32,
    /// The last position that was let in; 0: nobody was.
    pub now_serving: u32,
    /// Of those who came before the opening, once it has come.
    pub shuffle: Option<Shuffle>,
    /// The last ones let in, those of them at least whose time to claim has not passed; the earliest first.
    pub admissions: Arc<[Admission]>,
    /// How long somebody who was let in may claim.
    pub admitted_for: Duration,
    seed: Seed,
}

impl RoomView {
    /// A room that nobody has come to.
    pub(crate) fn new(campaign_seed: &Seed, opens_at: Timestamp, admitted_for: Duration) -> Self {
        let digest = Sha256::new()
            .chain_update(b"landrush waiting room\0")
            .chain_update(campaign_seed.as_bytes())
            .chain_update(opens_at.as_milliseconds().to_le_bytes())
            .finalize();
        Self {
            opens_at,
            arrivals: 0,
            now_serving: 0,
            shuffle: None,
            admissions: Arc::default(),
            admitted_for,
            seed: Seed::from_bytes(digest.into()),
        }
    }

    /// Fixes the seed, and does not tell it.
    pub fn commitment(&self) -> Commitment {
        self.seed.commitment()
    }

    /// The seed, once nothing hangs on it any more.
    pub fn published_seed(&self) -> Option<&Seed> {
        self.shuffle.as_ref().map(|_| &self.seed)
    }

    /// How many wait to be let in.
    pub fn waiting(&self) -> u32 {
        self.arrivals - self.now_serving
    }

    /// Where `place` stands at `now`.
    pub fn standing(&self, place: Place, now: Timestamp) -> Standing {
        if place.window != self.opens_at || place.number == 0 || place.number > self.arrivals {
            return Standing::Gone;
        }
        let Some(position) = self.shuffle.as_ref().map(|shuffle| shuffle.position(place.number)) else {
            return Standing::Waiting { position: None };
        };
        if position > self.now_serving {
            return Standing::Waiting { position: Some(position) };
        }
        let admission = self.admissions.partition_point(|admission| admission.up_to < position);
        // What came before those that are kept has lapsed, but it cannot be told from the first kept: so one more is kept.
        match self.admissions.get(admission).map(|admission| admission.at.saturating_add(self.admitted_for)) {
            Some(until) if now < until => Standing::Admitted { position, until },
            Some(_) | None => Standing::Lapsed { position },
        }
    }

    /// Whether `place` is let in at `now`.
    pub fn admits(&self, place: Option<Place>, now: Timestamp) -> bool {
        place.is_some_and(|place| matches!(self.standing(place, now), Standing::Admitted { .. }))
    }

    pub(crate) fn shuffle_now(&mut self, hash: [u8; 32]) {
        self.shuffle = Some(Shuffle::new(&self.seed, self.arrivals, hash));
    }
}

/// The link of the chain after `hash`, for the next one who comes.
pub fn chained(hash: &[u8; 32], user: &str) -> [u8; 32] {
    let length = u32::try_from(user.len()).expect("an id is short");
    Sha256::new().chain_update(hash).chain_update(length.to_le_bytes()).chain_update(user).finalize().into()
}
