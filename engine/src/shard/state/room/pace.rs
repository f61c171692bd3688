//! Owns how fast people are let in, and what becomes of those who are: decided or lapsed.
//!
//! The rate is of people who are let in, plus as many as lapsed without claiming; and never are more let in than find a coupon
//! each, were all of those who are let in to take as many as they may. A claim is counted for those who were let in first
//! among them. That may let somebody lapse a little later than they did, so that a no-show is made up for late, and never
//! lets in too many.

use std::time::Duration;

use super::Room;
use crate::room::Admission;
use crate::time::Timestamp;

/// People are let in at most so often.
pub(in crate::shard::state) const STEP: Duration = Duration::from_millis(250);
/// After a pause nobody is let in for more than so long at once.
const BUDGET_MS_MAX: u64 = 1_000;
/// Those let in within this part of the time to claim lapse together.
const GRAINS: u32 = 256;
/// When those are said to have been let in who have lapsed.
pub(super) fn long_ago() -> Timestamp {
    Timestamp::from_milliseconds(0)
}

/// As many coupons as no crowd can take.
pub(in crate::shard::state) const PLENTY: u32 = u32::MAX;

/// People who were let in together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) first_at: Timestamp,
    /// Later by the pauses since.
    pub(crate) at: Timestamp,
    pub(crate) up_to: u32,
    pub(crate) undecided: u32,
}

impl Step {
    fn has_lapsed(&self, now: Timestamp, admitted_for: Duration) -> bool {
        now >= later(self.at, admitted_for)
    }
}

/// People who were let in together, and what they may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct LetIn {
    pub(super) step: Step,
    /// How many coupons they may take yet, all of them together. In no snapshot: after one it is what they may take at most.
    pub(super) takes: u64,
}

impl Room {
    /// Somebody who was let in has claimed, and is decided if it is for the first time here.
    pub(in crate::shard::state) fn count_claim(&mut self, is_first: bool, at: Timestamp) {
        if is_first {
            self.lapse(at);
            if let Some(LetIn { step, .. }) = self.steps.iter_mut().find(|let_in| let_in.step.undecided > 0) {
                step.undecided -= 1;
                self.undecided -= 1;
            }
        }
        let admitted_for = self.rules.admitted_for;
        let may_take = |let_in: &&mut LetIn| let_in.takes > 0 && !let_in.step.has_lapsed(at, admitted_for);
        if let Some(let_in) = self.steps.iter_mut().find(may_take) {
            let_in.takes -= 1;
        }
    }

    /// When to see next whether somebody can be let in: nobody can, where nobody waits.
    pub(in crate::shard::state) fn next_look(&self) -> Option<Timestamp> {
        (self.is_shuffled() && self.view.waiting() > 0).then(|| self.look_at.max(later(self.last_at, STEP)))
    }

    /// Looks again a step after `now`.
    pub(in crate::shard::state) fn look_later(&mut self, now: Timestamp) {
        (self.looked_at, self.look_at) = (now, later(now, STEP));
    }

    /// How many are to be let in at `now`, where so many coupons are left; [`PLENTY`]: however many come.
    ///
    /// Of what is left, those who are let in keep what they may take yet. Of what is free then, one more person may find only
    /// one: so the last coupon is offered too.
    pub(in crate::shard::state) fn admissible(&self, now: Timestamp, left: u32) -> u32 {
        let most = self.admissible_at_most(now, left);
        if left == PLENTY {
            return most;
        }
        let live = self.steps.iter().filter(|let_in| !let_in.step.has_lapsed(now, self.rules.admitted_for));
        let kept: u64 = live.map(|let_in| let_in.takes).sum();
        let free = u64::from(left).saturating_sub(kept).div_ceil(u64::from(self.limit));
        most.min(u32::try_from(free).expect("at most what is left"))
    }

    /// How many a log may let in at `now`: one coupon each for those who are undecided is the least that is kept, and follows
    /// from what snapshots keep.
    pub(in crate::shard::state) fn admissible_at_most(&self, now: Timestamp, left: u32) -> u32 {
        let lapsing = self.lapsing(now);
        let free = left.saturating_sub(self.undecided - lapsing);
        let by_rate = u32::try_from(self.budget(now) / 1_000).unwrap_or(u32::MAX);
        by_rate.saturating_add(self.lapsed).saturating_add(lapsing).min(free).min(self.view.waiting())
    }

    /// Lets people in, up to this position.
    pub(in crate::shard::state) fn admit(&mut self, up_to: u32, at: Timestamp) {
        self.lapse(at);
        let count = up_to - self.view.now_serving;
        let budget = self.budget(at);
        let by_rate = u64::from(count) * 1_000;
        // First the rate, then those who are made up for.
        if by_rate <= budget {
            self.carry = (budget - by_rate).min(999);
        } else {
            self.carry = budget % 1_000;
            let made_up = u64::from(count) - budget / 1_000;
            self.lapsed = self.lapsed.saturating_sub(u32::try_from(made_up).unwrap_or(u32::MAX));
        }
        self.last_at = self.last_at.max(at);
        self.view.now_serving = up_to;
        self.undecided += count;
        let grain = self.rules.admitted_for / GRAINS;
        let takes = u64::from(count) * u64::from(self.limit);
        match self.steps.back_mut() {
            Some(last) if at < later(last.step.first_at, grain) => {
                last.step.up_to = up_to;
                last.step.at = last.step.at.max(at);
                last.step.undecided += count;
                last.takes += takes;
            }
            Some(_) | None => {
                self.steps.push_back(LetIn { step: Step { first_at: at, at, up_to, undecided: count }, takes });
            }
        }
        self.publish();
    }

    /// Stops the time of those who are let in: nobody can claim from now on.
    pub(in crate::shard::state) fn pause(&mut self, at: Timestamp) {
        self.view.paused_at.get_or_insert(at);
    }

    /// How much longer those may claim, if the pause ends at `now`, who had not lapsed when it began; `None`: nobody is there
    /// whom that concerns.
    pub(in crate::shard::state) fn stood_still(&self, now: Timestamp) -> Option<Duration> {
        let paused_at = self.view.paused_at?;
        let is_live = |let_in: &LetIn| !let_in.step.has_lapsed(paused_at, self.rules.admitted_for);
        let span = now.saturating_since(paused_at);
        (!span.is_zero() && self.steps.iter().any(is_live)).then_some(span)
    }

    /// Ends a pause: those who had not lapsed when it began may claim for so much longer.
    pub(in crate::shard::state) fn resume(&mut self, longer_by: Duration) {
        let Some(paused_at) = self.view.paused_at.take() else { return };
        if longer_by.is_zero() {
            return;
        }
        self.lapse(paused_at);
        let admitted_for = self.rules.admitted_for;
        for LetIn { step, .. } in &mut self.steps {
            if !step.has_lapsed(paused_at, admitted_for) {
                step.at = later(step.at, longer_by);
            }
        }
        self.publish();
    }

    pub(super) fn publish(&mut self) {
        let admissions = self.steps.iter().map(|LetIn { step, .. }| Admission { up_to: step.up_to, at: step.at });
        self.view.admissions = admissions.collect::<Vec<_>>().into();
    }

    /// Thousandths of people who may be let in at `now`.
    fn budget(&self, now: Timestamp) -> u64 {
        let since = now.as_milliseconds().saturating_sub(self.last_at.as_milliseconds()).min(BUDGET_MS_MAX);
        self.carry + since * u64::from(self.rules.admit_per_second)
    }

    /// How many will lapse by `now`, and are not counted so yet.
    fn lapsing(&self, now: Timestamp) -> u32 {
        self.steps.iter().take_while(|let_in| self.is_past(let_in, now)).map(|let_in| let_in.step.undecided).sum()
    }

    fn is_past(&self, let_in: &LetIn, now: Timestamp) -> bool {
        let_in.step.has_lapsed(now, self.rules.admitted_for)
    }

    fn lapse(&mut self, now: Timestamp) {
        let lapsing = self.lapsing(now);
        self.undecided -= lapsing;
        self.lapsed = self.lapsed.saturating_add(lapsing);
        let admitted_for = self.rules.admitted_for;
        let mut is_news = false;
        for LetIn { step, takes } in &mut self.steps {
            if !step.has_lapsed(now, admitted_for) {
                break;
            }
            is_news |= step.at > long_ago();
            // For good: they have been made up for, and a clock that is set back would let them in a second time.
            (step.first_at, step.at) = (long_ago(), long_ago());
            (step.undecided, *takes) = (0, 0);
        }
        // The last of those that are past stays: the ones before it are told from the next by it.
        while self.steps.get(1).is_some_and(|second| self.is_past(second, now)) {
            self.steps.pop_front();
        }
        if is_news {
            self.publish();
        }
    }
}

fn later(moment: Timestamp, span: Duration) -> Timestamp {
    moment.saturating_add(span)
}
