//! A waiting room as a list of those who came: numbered by arrival, shuffled at the opening, let in from the front. For a campaign
//! of one window and one coupon a person, whose rate lets in at once whoever may come in.

use std::time::Duration;

use landrush_engine::campaign::{Limit, Period};
use landrush_engine::command::{Arrive, Claim};
use landrush_engine::fairness::{LotteryKey, Seed, rank};
use landrush_engine::id::UserId;
use landrush_engine::outcome::{Outcome, Refusal};
use landrush_engine::room::{Place, chained};
use landrush_engine::time::Timestamp;
use sha2::{Digest, Sha256};

use super::{ModelCampaign, refuse};
use crate::shop::{at, seed};

/// How often somebody can be let in.
const STEP: Duration = Duration::from_millis(250);

#[derive(Debug, Default)]
pub(super) struct ModelRoom {
    /// By number.
    people: Vec<UserId>,
    /// By number, of those who came before the opening, once it has come.
    shuffled: Option<Vec<usize>>,
    steps: Vec<ModelStep>,
    /// When somebody was let in last, or the opening.
    last_at: Option<Timestamp>,
    /// When claims were paused, while they are.
    paused_at: Option<Timestamp>,
    /// When to look again; a restart forgets it.
    look_at: Option<Timestamp>,
}

/// People who were let in together.
#[derive(Debug)]
struct ModelStep {
    at: Timestamp,
    /// Their last position, from 1.
    up_to: usize,
    undecided: usize,
}

impl ModelRoom {
    pub(super) fn restart(&mut self) {
        self.look_at = None;
    }

    fn now_serving(&self) -> usize {
        self.steps.last().map_or(0, |step| step.up_to)
    }

    /// Who holds the place with this number has this position, from 1.
    fn position(&self, number: usize) -> Option<usize> {
        let shuffled = self.shuffled.as_ref()?;
        Some(shuffled.get(number - 1).copied().unwrap_or(number))
    }

    /// When the holder of the number was let in.
    fn let_in_at(&self, number: usize) -> Option<Timestamp> {
        let position = self.position(number)?;
        self.steps.iter().find(|step| position <= step.up_to).map(|step| step.at)
    }

    /// The latest number of somebody who came.
    fn number(&self, user: &UserId) -> Option<usize> {
        self.people.iter().rposition(|person| person == user).map(|index| index + 1)
    }

    fn shuffle(&mut self, opens_at: Timestamp) {
        let opening = opens_at.as_milliseconds().to_le_bytes();
        let digest = Sha256::new().chain_update(b"landrush waiting room\0").chain_update(seed().as_bytes());
        let room_seed = Seed::from_bytes(digest.chain_update(opening).finalize().into());
        let hash = self.people.iter().fold([0; 32], |hash, user| chained(&hash, user.as_str()));
        let key = LotteryKey::new(&room_seed, &hash);
        let count = u32::try_from(self.people.len()).expect("few people");
        self.shuffled = Some((1..=count).map(|number| rank(&key, number, count) as usize).collect());
        self.last_at = Some(opens_at);
    }

    /// Those who were let in long enough ago can no longer be decided, and do not come in again if the clock is set back.
    fn lapse(&mut self, now: Timestamp, admitted_for: Duration) {
        for step in self.steps.iter_mut().take_while(|step| now >= step.at.saturating_add(admitted_for)) {
            (step.at, step.undecided) = (at(0), 0);
        }
    }
}

impl ModelCampaign {
    /// Time stands still for those who are let in, and goes on after the pause with what was left of it.
    pub(super) fn pause_or_resume_room(&mut self, now: Timestamp) {
        let Some(rules) = self.definition.protection.waiting_room else { return };
        let room = &mut self.room;
        let Some(paused_at) = room.paused_at.take() else {
            room.paused_at = Some(now);
            return;
        };
        let is_in = |step: &ModelStep| paused_at < step.at.saturating_add(rules.admitted_for);
        let span = now.saturating_since(paused_at);
        if !span.is_zero() && room.steps.iter().any(is_in) {
            room.lapse(paused_at, rules.admitted_for);
            let live = room.steps.iter_mut().filter(|step| is_in(step));
            live.for_each(|step| step.at = step.at.saturating_add(span));
        }
    }

    fn admitted_for(&self) -> Duration {
        self.definition.protection.waiting_room.expect("it has one").admitted_for
    }

    pub(super) fn arrive(&mut self, arrive: &Arrive, now: Timestamp) -> Outcome {
        let Some(rules) = self.definition.protection.waiting_room else { return refuse(Refusal::NoWaitingRoom) };
        if self.cancelled.is_some() {
            return refuse(Refusal::Cancelled);
        }
        if self.is_over(arrive.stamped_at) {
            return refuse(Refusal::Ended);
        }
        let window = self.definition.starts_at;
        let ahead = u64::try_from(rules.opens_before.as_millis()).expect("minutes");
        let opens_at = at(window.as_milliseconds() - ahead);
        if arrive.stamped_at < opens_at {
            return refuse(Refusal::NotOpen { opens_at });
        }
        let place = |number| Place { window, number: u32::try_from(number).expect("few people") };
        let is_live = |number: &usize| {
            let moment = self.room.paused_at.map_or(now, |paused_at| now.min(paused_at));
            self.room.let_in_at(*number).is_none_or(|let_in_at| moment < let_in_at.saturating_add(rules.admitted_for))
        };
        if let Some(number) = self.room.number(&arrive.user).filter(is_live) {
            return Outcome::Arrived { place: place(number), repeated: true };
        }
        let Limit { max, per, .. } = self.definition.limit;
        assert_eq!(per, Period::Campaign, "the only limit that a room is tried with here");
        let counting = self.claims.iter().filter(|claim| claim.user == arrive.user && !claim.is_allowed_again);
        if counting.count() >= usize::from(max) {
            return refuse(Refusal::LimitReached);
        }
        match self.choose(None, self.today(now)) {
            Err(Refusal::DailySoldOut { resets_at }) if resets_at < self.definition.ends_at => {}
            Err(refusal) => return refuse(refusal),
            Ok(_) => {}
        }
        self.room.people.push(arrive.user.clone());
        Outcome::Arrived { place: place(self.room.people.len()), repeated: false }
    }

    /// Whether a claim shows the place of its own user, who was let in and has not lapsed.
    pub(super) fn admits(&self, claim: &Claim) -> bool {
        if self.definition.protection.waiting_room.is_none() {
            return true;
        }
        let Some(place) = claim.gate.place else { return false };
        let number = place.number as usize;
        let let_in_at = self.room.let_in_at(number);
        self.room.number(&claim.user) == Some(number)
            && let_in_at.is_some_and(|at| claim.stamped_at < at.saturating_add(self.admitted_for()))
    }

    /// Counts a claim that is about to be added for those who were let in first.
    pub(super) fn count_in_room(&mut self, user: &UserId, now: Timestamp) {
        let is_first = !self.claims.iter().any(|claim| claim.user == *user);
        if self.definition.protection.waiting_room.is_none() || !is_first {
            return;
        }
        let admitted_for = self.admitted_for();
        self.room.lapse(now, admitted_for);
        if let Some(step) = self.room.steps.iter_mut().find(|step| step.undecided > 0) {
            step.undecided -= 1;
        }
    }

    /// Opens the room, and lets people in.
    pub(super) fn do_what_is_due_in_room(&mut self, now: Timestamp) {
        let opens_at = self.definition.starts_at;
        let has_room = self.definition.protection.waiting_room.is_some();
        if !has_room || self.ended || self.cancelled.is_some() || now < opens_at {
            return;
        }
        if self.room.shuffled.is_none() {
            self.room.shuffle(opens_at);
        }
        let last_at = self.room.last_at.expect("it is open");
        let look_at = last_at.saturating_add(STEP).max(self.room.look_at.unwrap_or(last_at));
        let waiting = self.room.people.len() - self.room.now_serving();
        if waiting == 0 || !self.accept_claims || look_at > now || look_at >= self.ends_at() {
            return;
        }
        let admitted_for = self.admitted_for();
        let has_lapsed = |step: &&ModelStep| now >= step.at.saturating_add(admitted_for);
        let live = self.room.steps.iter().skip_while(has_lapsed);
        let undecided: usize = live.map(|step| step.undecided).sum();
        let count = self.left(now).saturating_sub(undecided).min(waiting);
        if count == 0 || now >= self.ends_at() {
            self.room.look_at = Some(now.saturating_add(STEP));
            return;
        }
        self.room.lapse(now, admitted_for);
        let up_to = self.room.now_serving() + count;
        self.room.steps.push(ModelStep { at: now, up_to, undecided: count });
        self.room.last_at = Some(now);
    }

    /// How many coupons can be claimed at `now`.
    fn left(&self, now: Timestamp) -> usize {
        let is_today = self.today(now) == self.last_day();
        let left = self.counts().into_iter().zip(&self.definition.coupon_types).map(|(counts, definition)| {
            let issued_today = if is_today { counts.issued_today } else { 0 };
            let today = definition.daily_quota.map_or(u32::MAX, |daily| daily.saturating_sub(issued_today));
            definition.total_quota.saturating_sub(counts.issued).min(today) as usize
        });
        left.sum()
    }
}
