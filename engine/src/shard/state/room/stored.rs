//! Owns what a snapshot keeps of a waiting room, and the way back.

use std::sync::Arc;

use super::Room;
use super::pace::{LetIn, Step, long_ago};
use crate::campaign::WaitingRoom;
use crate::fairness::Seed;
use crate::id::Serial;
use crate::room::{AuditedRoom, PAST_ROOMS_MAX, room_seed};
use crate::time::Timestamp;

/// How those were shuffled who came before the opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShuffledHead {
    pub(crate) count: u32,
    pub(crate) hash: [u8; 32],
}

/// All of a room but its people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoomHead {
    pub(crate) opens_at: Timestamp,
    pub(crate) arrivals: u32,
    pub(crate) hash: [u8; 32],
    pub(crate) shuffled: Option<ShuffledHead>,
    pub(crate) now_serving: u32,
    pub(crate) first_claim: Serial,
    pub(crate) steps: Vec<Step>,
    pub(crate) lapsed: u32,
    pub(crate) last_at: Timestamp,
    pub(crate) carry: u32,
    pub(crate) later: LaterRoomHead,
}

/// What the fifth version of the format added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LaterRoomHead {
    /// The latest first.
    pub(crate) past: Vec<PastHead>,
    pub(crate) paused_at: Option<Timestamp>,
}

/// Of a room before: its seed follows from the campaign's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PastHead {
    pub(crate) opens_at: Timestamp,
    pub(crate) shuffled: ShuffledHead,
}

impl Room {
    /// All of it but the people.
    pub(in crate::shard::state) fn head(&self) -> RoomHead {
        RoomHead {
            opens_at: self.view.opens_at,
            arrivals: self.view.arrivals,
            hash: self.hash,
            shuffled: self
                .view
                .shuffle
                .as_ref()
                .map(|shuffle| ShuffledHead { count: shuffle.count, hash: shuffle.hash }),
            now_serving: self.view.now_serving,
            first_claim: self.first_claim,
            steps: self.steps.iter().map(|let_in| let_in.step).collect(),
            lapsed: self.lapsed,
            last_at: self.last_at,
            carry: u32::try_from(self.carry).expect("less than a person"),
            later: LaterRoomHead {
                past: self.view.past.iter().map(PastHead::of).collect(),
                paused_at: self.view.paused_at,
            },
        }
    }

    /// The room that `head` and `people` are of; `None` if they contradict each other.
    pub(in crate::shard::state) fn restored(
        rules: WaitingRoom,
        limit: u16,
        seed: &Seed,
        head: RoomHead,
        people: &[[u8; 16]],
    ) -> Option<Self> {
        let mut room = Self::new(rules, limit, seed, head.opens_at, head.first_claim);
        people.iter().for_each(|person| room.push_person(*person));
        room.hash = head.hash;
        if let Some(ShuffledHead { count, hash }) = head.shuffled {
            if count > room.view.arrivals || (count == room.view.arrivals && hash != head.hash) {
                return None;
            }
            let arrivals = std::mem::replace(&mut room.view.arrivals, count);
            room.view.shuffle_now(hash);
            room.view.arrivals = arrivals;
        }
        let LaterRoomHead { past, paused_at } = head.later;
        let is_past_sound = past.len() <= PAST_ROOMS_MAX
            && past.iter().all(|past| past.opens_at < head.opens_at)
            && past.is_sorted_by(|later, earlier| later.opens_at > earlier.opens_at);
        room.view.paused_at = paused_at;
        room.view.past = past.iter().map(|past| past.told(seed)).collect();
        let in_order = head.steps.is_sorted_by(|one, next| one.up_to < next.up_to)
            && head.steps.last().map_or(0, |step| step.up_to) == head.now_serving;
        let undecided = head.steps.iter().try_fold(0u32, |sum, step| sum.checked_add(step.undecided))?;
        let is_sound = in_order
            && is_past_sound
            && room.view.arrivals == head.arrivals
            && head.now_serving <= head.arrivals
            && undecided <= head.now_serving
            && (head.now_serving == 0 || head.shuffled.is_some())
            && head.carry < 1_000;
        room.view.now_serving = head.now_serving;
        let mut before = 0;
        for step in head.steps {
            // Who has claimed took one at least.
            let people = u64::from(step.up_to.saturating_sub(before));
            let decided = people.saturating_sub(u64::from(step.undecided));
            room.steps.push_back(LetIn { step, takes: people * u64::from(limit) - decided });
            before = step.up_to;
        }
        (room.undecided, room.lapsed, room.last_at) = (undecided, head.lapsed, head.last_at);
        room.carry = u64::from(head.carry);
        room.publish();
        is_sound.then_some(room)
    }

    /// Forgets what the versions before the fifth did not keep, and when those lapsed whom earlier servers let lapse for as long
    /// as the clock said so.
    pub(in crate::shard::state) fn reduce(&mut self) {
        self.view.past = Arc::default();
        self.view.paused_at = None;
        // No more than one that has lapsed is kept, and nobody of it is undecided.
        if let Some(LetIn { step, .. }) = self.steps.front_mut().filter(|let_in| let_in.step.undecided == 0) {
            (step.first_at, step.at) = (long_ago(), long_ago());
        }
        self.publish();
    }
}

impl PastHead {
    fn of(room: &AuditedRoom) -> Self {
        Self { opens_at: room.opens_at, shuffled: ShuffledHead { count: room.count, hash: room.hash } }
    }

    fn told(&self, seed: &Seed) -> AuditedRoom {
        let Self { opens_at, shuffled: ShuffledHead { count, hash } } = *self;
        AuditedRoom { opens_at, seed: room_seed(seed, opens_at), count, hash }
    }
}
