//! Owns what time alone leads to: campaigns end, holds and coupons run out, room is made ahead of an opening. Each is an
//! event like any other, decided when the shard's clock says so, also for what came due while nobody was there.

use std::time::Duration;

use super::campaign::{Campaign, Warmth};
use super::index::ClaimIndex;
use super::{Slot, State};
use crate::command::{Command, Redeem};
use crate::event::{Change, Event};
use crate::id::{CampaignNumber, RedemptionNumber, Serial, TypeIndex};
use crate::outcome::RedemptionState;
use crate::time::Timestamp;

/// The end is made known so long after it: requests that were stamped before it have been decided by then.
const END_GRACE: Duration = Duration::from_secs(1);
/// Room is made so long before a campaign opens.
const WARM_AHEAD: Duration = Duration::from_secs(60);
/// The most coupons that one event lets run out: bounds how long a claim waits behind it.
const RUN_OUT_MAX: u32 = 4_096;
/// Tables that room is made in at a time.
const WARM_TABLES: usize = 16;

/// What is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Something happened: to be applied and logged like the event of a decision.
    Event(Box<Event<'static>>),
    /// A campaign opens soon: call [`State::warm`].
    Warm(CampaignNumber),
    /// Nobody can be let in at present: call [`State::look_later`].
    Look(CampaignNumber),
}

impl State {
    /// What has come due by `now`, one thing at a time. Apply it and ask again. Changes nothing.
    pub fn due(&self, now: Timestamp) -> Option<Due> {
        let (at, number) = self.agenda.first()?;
        if *at > now {
            return None;
        }
        Some(self.live(*number).expect("only what lives is in the agenda").due(now))
    }

    /// When something comes due next.
    pub fn next_due_at(&self) -> Option<Timestamp> {
        self.agenda.first().map(|(at, _)| *at)
    }

    /// What must have happened before `command` is decided at `now`: a hold that stands in its way has run out, say, and
    /// there was so much due that its turn had not come. Changes nothing.
    pub fn overdue(&self, command: &Command, now: Timestamp) -> Option<Event<'static>> {
        let (campaign, claim) = match command {
            Command::Redeem(Redeem { campaign, coupon, .. }) => {
                let campaign = self.live(*campaign)?;
                (campaign, campaign.claim_at(*coupon)?)
            }
            Command::Settle { campaign, redemption, .. } => {
                let campaign = self.live(*campaign)?;
                (campaign, campaign.redemptions.redemption(*redemption)?.claim)
            }
            Command::Void { campaign, claim, .. } => (self.live(*campaign)?, *claim),
            Command::Claim(_)
            | Command::Draw(_)
            | Command::Enter(_)
            | Command::Arrive(_)
            | Command::Register(_)
            | Command::Create { .. }
            | Command::Patch { .. }
            | Command::AcceptClaims { .. }
            | Command::Cancel { .. }
            | Command::Archive { .. }
            | Command::Rank { .. }
            | Command::ImportCodes { .. }
            | Command::Registration { .. }
            | Command::ClaimsByUser { .. }
            | Command::Claims { .. }
            | Command::Coupon { .. } => return None,
        };
        let number = campaign.redemptions.latest(claim)?;
        let redemption = campaign.redemptions.redemption(number)?;
        let is_over = redemption.state == RedemptionState::Reserved
            && redemption.expires_at().is_some_and(|expires_at| now >= expires_at);
        is_over.then(|| campaign.hold_expired(number, now))
    }

    /// Makes some of the room that the campaign needs when it opens, so that nobody waits for it then. Says nothing and
    /// changes nothing that can be seen.
    ///
    /// That is the index of claims by person and nothing else, once in a campaign's life, before its first opening. Claims,
    /// texts and the filter of who may have been decided take memory a few kilobytes at a time as people come, which nobody
    /// notices; the indexes of keys and of phone numbers grow table by table; a waiting room is filled before it opens.
    pub fn warm(&mut self, campaign: CampaignNumber) {
        let Some(Slot::Live(live)) = self.campaigns.get_mut(&campaign) else { return };
        if let Warmth::Tables(ready) = live.warmed {
            let next = (ready + WARM_TABLES).min(ClaimIndex::TABLES);
            (ready..next).for_each(|table| live.claims.reserve(table));
            live.warmed = if next == ClaimIndex::TABLES { Warmth::Ready } else { Warmth::Tables(next) };
        }
        self.reschedule(campaign);
    }

    /// Looks again a while after `now` whether somebody can be let in from the waiting room. Says nothing and changes nothing
    /// that can be seen.
    pub fn look_later(&mut self, campaign: CampaignNumber, now: Timestamp) {
        let Some(Slot::Live(live)) = self.campaigns.get_mut(&campaign) else { return };
        if let Some(room) = &mut live.room {
            room.look_later(now);
        }
        self.reschedule(campaign);
    }

    /// Puts the campaign where it belongs in the agenda.
    pub(super) fn reschedule(&mut self, number: CampaignNumber) {
        let Some(Slot::Live(live)) = self.campaigns.get_mut(&number) else { return };
        let next = live.next_due_at();
        if next == live.due_at {
            return;
        }
        if let Some(before) = std::mem::replace(&mut live.due_at, next) {
            self.agenda.remove(&(before, number));
        }
        if let Some(next) = next {
            self.agenda.insert((next, number));
        }
    }
}

impl Campaign {
    fn next_due_at(&self) -> Option<Timestamp> {
        let hold = self.redemptions.first_hold().map(|(expires_at, _)| expires_at);
        let run_out = self.next_run_out().map(|(expires_at, _)| expires_at);
        [self.ends_known_at(), self.warms_at(), self.room_due_at(), hold, run_out].into_iter().flatten().min()
    }

    /// When its end is made known, if it was not.
    fn ends_known_at(&self) -> Option<Timestamp> {
        let is_open = !self.ended && self.cancelled.is_none();
        is_open.then(|| self.schedule.ends_at().saturating_add(END_GRACE))
    }

    fn warms_at(&self) -> Option<Timestamp> {
        if self.warmed == Warmth::Ready || self.ended || self.cancelled.is_some() {
            return None;
        }
        let opens_at = self.schedule.upcoming(self.created_at).next()?.opened_at;
        let ahead = u64::try_from(WARM_AHEAD.as_millis()).expect("a minute");
        Some(Timestamp::from_milliseconds(opens_at.as_milliseconds().saturating_sub(ahead)))
    }

    /// The type whose next coupon runs out first, and when.
    fn next_run_out(&self) -> Option<(Timestamp, TypeIndex)> {
        if self.is_revoked() {
            return None;
        }
        let next = |coupon_type| self.run_out_at(coupon_type, 0).map(|expires_at| (expires_at, coupon_type));
        self.types().filter_map(next).min()
    }

    /// When the coupon runs out that is `ahead` behind the type's first one that has not.
    fn run_out_at(&self, coupon_type: TypeIndex, ahead: u32) -> Option<Timestamp> {
        // Checked first: most types of most campaigns have no end.
        self.definition.coupon_types[coupon_type.as_index()].valid_for?;
        let position = self.issues[coupon_type.as_index()].run_out.checked_add(ahead)?;
        let claim = self.issued(coupon_type, position)?;
        let at = match &self.ranking {
            Some(ranking) => ranking.at,
            None => self.record(claim).at(),
        };
        self.expires_at(coupon_type, at)
    }

    /// What is due at `now`, at which something is.
    fn due(&self, now: Timestamp) -> Due {
        if self.ends_known_at().is_some_and(|at| at <= now) {
            return Due::Event(Box::new(self.event(now, Change::Ended)));
        }
        if let Some((expires_at, number)) = self.redemptions.first_hold()
            && expires_at <= now
        {
            return Due::Event(Box::new(self.hold_expired(number, now)));
        }
        if let Some((expires_at, coupon_type)) = self.next_run_out()
            && expires_at <= now
        {
            let is_over = |ahead: &u32| self.run_out_at(coupon_type, *ahead).is_some_and(|at| at <= now);
            let more = (1..RUN_OUT_MAX).take_while(is_over).count();
            let count = 1 + u32::try_from(more).expect("at most RUN_OUT_MAX");
            let change = Change::Expired { coupon_type, count, day: self.today(now) };
            return Due::Event(Box::new(self.event(now, change)));
        }
        if let Some(due) = self.room_due(now) {
            return due;
        }
        Due::Warm(self.number)
    }

    fn hold_expired(&self, redemption: RedemptionNumber, now: Timestamp) -> Event<'static> {
        self.event(now, Change::HoldExpired { redemption, day: self.today(now) })
    }

    /// Whether the next claim would be the one whose coupon runs out first, so that the agenda has to know of it.
    pub(super) fn is_first_to_run_out(&self, claim: Serial) -> bool {
        // Asked first: most types of most campaigns have no end, and then no claim need be looked at.
        if self.definition.coupon_types.iter().all(|coupon_type| coupon_type.valid_for.is_none()) {
            return false;
        }
        let Some(coupon_type) = self.won_type(claim) else { return false };
        let counts = &self.counts[coupon_type.as_index()];
        self.definition.coupon_types[coupon_type.as_index()].valid_for.is_some()
            && self.issues[coupon_type.as_index()].run_out + 1 == counts.handed_out
    }
}
