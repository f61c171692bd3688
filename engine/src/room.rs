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
//!
//! Of the rooms that opened before, the seed, the count and the hash stay: of [`PAST_ROOMS_MAX`] of them. Of a room whose window
//! came and went while the server was down there is nothing to tell: nobody was shuffled.

mod came;
mod shelf;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::fairness::{Commitment, LotteryKey, Ranks, Seed, rank};
use crate::id::UserId;
use crate::time::Timestamp;

pub(crate) use self::came::Came;
pub use self::shelf::Shelf;
pub(crate) use self::shelf::window_to_come_for;

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

/// How those were shuffled who came before the opening; cloning it is cheap.
#[derive(Clone)]
pub struct Shuffle {
    /// How many they were.
    pub count: u32,
    /// The chained hash over them, in the order of arrival.
    pub hash: [u8; 32],
    key: LotteryKey,
    /// The position of each number, once they have been computed: of one room for the shard and for all who read it.
    positions: Arc<OnceLock<Box<[u32]>>>,
}

impl Shuffle {
    pub(crate) fn new(seed: &Seed, count: u32, hash: [u8; 32]) -> Self {
        Self { count, hash, key: LotteryKey::new(seed, &hash), positions: Arc::default() }
    }

    /// The position of a number of arrival. For one of those who came before the opening it takes 180 hashes, until
    /// [`Shuffle::compute`] has been called on this or on a clone; from then on it is looked up.
    ///
    /// # Panics
    /// If the number is 0: they begin at 1.
    pub fn position(&self, number: u32) -> u32 {
        if number > self.count {
            return number;
        }
        match self.positions.get() {
            Some(positions) => positions[number.checked_sub(1).expect("numbers begin at 1") as usize],
            None => rank(&self.key, number, self.count),
        }
    }

    /// Computes all positions at once, for all clones: 4 bytes a person, and as many again meanwhile. Takes about 0.15 seconds
    /// a million: too long for a thread that others wait for, and nobody has to wait for it.
    pub fn compute(&self) {
        self.positions.get_or_init(|| Ranks::compute(&self.key, self.count).into_ranks());
    }

    /// Whether all positions have been computed, or there are none.
    pub fn is_computed(&self) -> bool {
        self.count == 0 || self.positions.get().is_some()
    }

    /// What it holds of the heap, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.positions.get().map_or(0, |positions| size_of_val(&**positions))
    }
}

/// The positions follow from the rest, computed or not.
impl PartialEq for Shuffle {
    fn eq(&self, other: &Self) -> bool {
        let Self { count, hash, key, positions: _ } = self;
        (count, hash, key) == (&other.count, &other.hash, &other.key)
    }
}

impl Eq for Shuffle {}

impl fmt::Debug for Shuffle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shuffle").field("count", &self.count).field("hash", &self.hash).finish_non_exhaustive()
    }
}

/// People who were let in together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// The last position among them.
    pub up_to: u32,
    /// When the last of them was let in; later by the pauses since.
    pub at: Timestamp,
}

/// How many rooms of earlier windows are told of: of two days or more, where a campaign opens every hour.
pub const PAST_ROOMS_MAX: usize = 64;

/// What lets anybody check how those were shuffled who came before an opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditedRoom {
    /// The opening.
    pub opens_at: Timestamp,
    /// The room's seed; the commitment to it was shown before.
    pub seed: Seed,
    /// How many came before the opening.
    pub count: u32,
    /// The chained hash over them, in the order of arrival.
    pub hash: [u8; 32],
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
    /// When claims were paused, as long as they are: the time of those who are let in stands still.
    pub paused_at: Option<Timestamp>,
    /// The rooms of earlier windows that opened: the latest first, at most [`PAST_ROOMS_MAX`].
    pub past: Arc<[AuditedRoom]>,
    pub(crate) came: Came,
    seed: Seed,
}

impl RoomView {
    /// A room that nobody has come to.
    pub(crate) fn new(campaign_seed: &Seed, opens_at: Timestamp, admitted_for: Duration) -> Self {
        Self {
            opens_at,
            arrivals: 0,
            now_serving: 0,
            shuffle: None,
            admissions: Arc::default(),
            admitted_for,
            paused_at: None,
            past: Arc::default(),
            came: Came::new(campaign_seed),
            seed: room_seed(campaign_seed, opens_at),
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

    /// What it tells of itself, once it is shuffled, and of the rooms before it: the latest first.
    pub fn audited(&self) -> impl Iterator<Item = AuditedRoom> {
        let own = self.shuffle.as_ref().map(|shuffle| AuditedRoom {
            opens_at: self.opens_at,
            seed: self.seed.clone(),
            count: shuffle.count,
            hash: shuffle.hash,
        });
        own.into_iter().chain(self.past.iter().cloned())
    }

    /// Whether `user` may have come, also if nobody was told so yet; `false` is certain.
    pub fn may_have_come(&self, user: &UserId) -> bool {
        self.came.may_contain(user.as_str())
    }

    /// How many wait to be let in.
    pub fn waiting(&self) -> u32 {
        self.arrivals - self.now_serving
    }

    /// Where `place` stands at `now`. The time of a pause does not count.
    pub fn standing(&self, place: Place, now: Timestamp) -> Standing {
        let moment = self.paused_at.map_or(now, |paused_at| now.min(paused_at));
        match self.standing_at(place, moment) {
            Standing::Admitted { position, until } => {
                Standing::Admitted { position, until: until.saturating_add(now.saturating_since(moment)) }
            }
            other @ (Standing::Waiting { .. } | Standing::Lapsed { .. } | Standing::Gone) => other,
        }
    }

    /// Where `place` stands at `now`, were there no pause.
    pub(crate) fn standing_at(&self, place: Place, now: Timestamp) -> Standing {
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

    /// Whether `place` is let in at `now`. The rush of the opening itself costs nothing: nobody has been let in then.
    pub fn admits(&self, place: Option<Place>, now: Timestamp) -> bool {
        let place = place.filter(|_| self.now_serving > 0);
        place.is_some_and(|place| matches!(self.standing(place, now), Standing::Admitted { .. }))
    }

    /// Tells of the room `before`, and of those that it tells of; a pause goes on.
    pub(crate) fn follow(&mut self, before: &RoomView) {
        self.past = before.audited().take(PAST_ROOMS_MAX).collect();
        self.paused_at = before.paused_at;
    }

    pub(crate) fn shuffle_now(&mut self, hash: [u8; 32]) {
        self.shuffle = Some(Shuffle::new(&self.seed, self.arrivals, hash));
    }
}

/// The seed of the room for the window that opens then.
pub(crate) fn room_seed(campaign_seed: &Seed, opens_at: Timestamp) -> Seed {
    let digest = Sha256::new()
        .chain_update(b"landrush waiting room\0")
        .chain_update(campaign_seed.as_bytes())
        .chain_update(opens_at.as_milliseconds().to_le_bytes())
        .finalize();
    Seed::from_bytes(digest.into())
}

/// The link of the chain after `hash`, for the next one who comes.
pub fn chained(hash: &[u8; 32], user: &str) -> [u8; 32] {
    let length = u32::try_from(user.len()).expect("an id is short");
    Sha256::new().chain_update(hash).chain_update(length.to_le_bytes()).chain_update(user).finalize().into()
}
