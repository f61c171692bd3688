//! Owns who comes to a campaign's waiting rooms and who is let in: what is decided, what time leads to, and what is applied.

use super::breach::Breach;
use super::campaign::{Campaign, Stock};
use super::claims::Person;
use super::decide::Decision;
use super::due::Due;
use super::room::{PLENTY, Room};
use crate::campaign::{Mode, Phase, Window};
use crate::command::Arrive;
use crate::event::Change;
use crate::id::{Serial, UserId};
use crate::outcome::{Outcome, Refusal};
use crate::room::{RoomView, Shelf, window_to_come_for};
use crate::time::Timestamp;

impl Campaign {
    /// Decides where somebody who comes stands.
    pub(super) fn arrive<'c>(&self, arrive: &'c Arrive, now: Timestamp) -> Decision<'c> {
        let Some(room) = &self.room else { return Decision::refuse(Refusal::NoWaitingRoom) };
        let user = arrive.user.as_str();
        match self.closed(arrive.stamped_at) {
            None | Some(Refusal::Paused | Refusal::NotOpen { .. }) => {}
            Some(refusal) => return Decision::refuse(refusal),
        }
        let phase = self.schedule.phase(arrive.stamped_at);
        let window = match window_to_come_for(phase, room.rules(), arrive.stamped_at) {
            Ok(window) => window.max(room.opens_at()),
            Err(refusal) => return Decision::refuse(refusal),
        };
        let is_same = window == room.opens_at();
        if let Some(place) = room.live_place(user, now).filter(|_| is_same) {
            return Decision::answer(Outcome::Arrived { place, repeated: true });
        }
        if let Some(refusal) = arrive.refusal {
            return Decision::refuse(refusal.into());
        }
        if room.is_full() {
            return Decision::refuse(Refusal::SoldOut);
        }
        // A place would hold a coupon back for somebody who can have none.
        let since = self.since(self.today(now.max(window)), Some(window));
        if self.is_limit_reached(self.claims.person(user), None, since) {
            return Decision::refuse(Refusal::LimitReached);
        }
        if let Shelf::Empty(refusal) = self.shelf(window, now) {
            return Decision::refuse(refusal);
        }
        let place = if is_same { room.next_place() } else { crate::room::Place { window, number: 1 } };
        Decision {
            outcome: Outcome::Arrived { place, repeated: false },
            event: Some(self.event(now, Change::Arrived { window, user })),
        }
    }

    /// What those find who wait at `now` for `window`. The coupons of a lottery are there until it is drawn.
    fn shelf(&self, window: Timestamp, now: Timestamp) -> Shelf {
        if self.definition.mode == Mode::Lottery {
            return Shelf::Stocked;
        }
        Shelf::of(self.choose(None, self.today(now), now).err(), &self.schedule, window)
    }

    /// Whether no coupon is left, today or later.
    fn is_all_gone(&self) -> bool {
        self.types().all(|coupon_type| self.stock(coupon_type, self.day) == Stock::Gone)
    }

    /// How many people can win something yet at `now`, as far as a log is held to it.
    fn left_for_people(&self, now: Timestamp) -> u32 {
        let day = self.today(now);
        match self.definition.mode {
            Mode::Lottery => PLENTY,
            // Most who draw win nothing.
            Mode::Draw if self.is_all_gone() => 0,
            Mode::Draw => PLENTY,
            Mode::FirstCome => self.types().fold(0, |sum: u32, coupon_type| {
                if self.stock(coupon_type, day) != Stock::Left {
                    return sum;
                }
                let definition = &self.definition.coupon_types[coupon_type.as_index()];
                let counts = &self.counts[coupon_type.as_index()];
                let issued_today = if day == self.day { counts.issued_today } else { 0 };
                let today = definition.daily_quota.map_or(u32::MAX, |daily| daily.saturating_sub(issued_today));
                let codes = match definition.codes {
                    crate::campaign::CodeSource::Generated => u32::MAX,
                    crate::campaign::CodeSource::Imported => counts.imported.saturating_sub(counts.handed_out),
                };
                sum.saturating_add(definition.total_quota.saturating_sub(counts.issued).min(today).min(codes))
            }),
        }
    }

    /// When something may be due in its waiting room.
    pub(super) fn room_due_at(&self) -> Option<Timestamp> {
        let room = self.room.as_ref()?;
        if self.ended || self.cancelled.is_some() {
            return None;
        }
        if !room.is_shuffled() {
            return Some(room.opens_at());
        }
        let is_own = |window: &Window| window.opened_at == room.opens_at();
        let closes_at = self.schedule.upcoming(room.opens_at()).next().filter(is_own)?.closes_at;
        let look = room.next_look().filter(|at| *at < closes_at && self.flags.accept_claims);
        // Windows that have closed by the last look were passed over.
        let mut windows = self.schedule.upcoming(room.looked_at());
        look.or_else(|| windows.find(|window| !is_own(window)).map(|window| window.opened_at))
    }

    /// What is due in its waiting room at `now`, at which something may be.
    pub(super) fn room_due(&self, now: Timestamp) -> Option<Due> {
        let room = self.room.as_ref().filter(|_| self.room_due_at().is_some_and(|at| at <= now))?;
        let open = match self.schedule.phase(now) {
            Phase::Open { opened_at, .. } => Some(opened_at),
            Phase::Before { .. } | Phase::Between { .. } | Phase::Over => None,
        };
        // After a long downtime, windows that nobody came to are passed over.
        let window = open.unwrap_or(room.opens_at()).max(room.opens_at());
        let change = if window > room.opens_at() || !room.is_shuffled() {
            let (count, hash) = if window > room.opens_at() { (0, [0; 32]) } else { room.arrivals() };
            Change::Shuffled { window, count, hash }
        } else {
            let left = match self.shelf(window, now) {
                Shelf::Stocked => self.left_for_people(now),
                Shelf::Refilled { .. } | Shelf::Empty(_) => 0,
            };
            match room.admissible(now, left) {
                _ if open != Some(room.opens_at()) => return Some(Due::Look(self.number)),
                0 => return Some(Due::Look(self.number)),
                count => Change::Admitted { up_to: room.view.now_serving + count },
            }
        };
        Some(Due::Event(Box::new(self.event(now, change))))
    }

    /// The room of `window`, which is the present one or a later one.
    fn room_of(&mut self, window: Timestamp) -> Result<&mut Room, Breach> {
        let first_claim = Serial(self.claims.count());
        let room = self.room.as_mut().ok_or(Breach::Room)?;
        if window < room.opens_at() {
            return Err(Breach::Room);
        }
        if window > room.opens_at() {
            let seed = self.seed.as_ref().ok_or(Breach::Room)?;
            **room = room.next(seed, window, first_claim);
        }
        Ok(room)
    }

    pub(super) fn apply_arrived(&mut self, window: Timestamp, user: &str, at: Timestamp) -> Result<(), Breach> {
        let room = self.room.as_ref().ok_or(Breach::Room)?;
        let is_here = window == room.opens_at() && (room.is_bound(user, at) || room.is_full());
        if UserId::check(user).is_err() || is_here || self.ended || self.cancelled.is_some() {
            return Err(Breach::Room);
        }
        self.room_of(window)?.push(user);
        Ok(())
    }

    pub(super) fn apply_shuffled(
        &mut self,
        window: Timestamp,
        count: u32,
        hash: &[u8; 32],
        at: Timestamp,
    ) -> Result<(), Breach> {
        let room = self.room.as_ref().ok_or(Breach::Room)?;
        let arrivals = if window == room.opens_at() { room.arrivals() } else { (0, [0; 32]) };
        let is_again = window == room.opens_at() && room.is_shuffled();
        if is_again || at < window || arrivals != (count, *hash) {
            return Err(Breach::Room);
        }
        let first_claim = Serial(self.claims.count());
        self.room_of(window)?.shuffle(first_claim);
        Ok(())
    }

    pub(super) fn apply_admitted(&mut self, up_to: u32, at: Timestamp) -> Result<(), Breach> {
        let left = self.left_for_people(at);
        let room = self.room.as_mut().filter(|room| room.is_shuffled()).ok_or(Breach::Room)?;
        let count = up_to.checked_sub(room.view.now_serving).ok_or(Breach::Room)?;
        if count == 0 || count > room.admissible_at_most(at, left) {
            return Err(Breach::Room);
        }
        room.admit(up_to, at);
        Ok(())
    }

    /// Counts a claim that is about to be added for its person's having been let in.
    pub(super) fn count_in_room(&mut self, person: Person, at: Timestamp) {
        let Some(room) = &mut self.room else { return };
        let latest = self.claims.of_person(person).next();
        if room.is_shuffled() {
            room.count_claim(latest.is_none_or(|latest| latest < room.first_claim()), at);
        }
    }

    /// Whether one alone waits to be let in, so that the agenda has to know of it.
    pub(super) fn is_first_to_wait(&self) -> bool {
        self.room.as_ref().is_some_and(|room| room.view.waiting() == 1)
    }

    /// What everybody may know of its waiting room.
    pub(super) fn room_view(&self) -> Option<RoomView> {
        self.room.as_ref().map(|room| room.view.clone())
    }
}
