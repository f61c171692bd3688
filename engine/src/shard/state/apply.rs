//! Owns how an event changes the state: the one way, for what was just decided and for what is read from a log. Every
//! event is checked before anything changes, so that a log that contradicts itself is refused and not believed. What
//! happens to coupons after their issue is in [`settle`].

mod settle;

use std::sync::Arc;
use std::time::Duration;

use super::breach::{Breach, Inconsistent};
use super::campaign::{Campaign, DailyQuota, Stock};
use super::claims::{Grant, Person};
use super::lottery::Ranking;
use super::record::Void;
use super::{Archived, Slot, State};
use crate::campaign::{
    CampaignDefinition, CampaignPatch, Cancellation, CodeSource, InvalidDefinition, LimitBy, Mode, Period,
};
use crate::command::CodeFile;
use crate::event::{Change, CodeKeyId, Event, Granted};
use crate::fairness::{Ranks, Seed};
use crate::filter::PersonHash;
use crate::id::{CampaignNumber, IdempotencyKey, Serial, TypeIndex, UserId};
use crate::time::Timestamp;

impl State {
    /// Takes what happened. Either all of it, or nothing and an error.
    ///
    /// # Errors
    /// [`Inconsistent`] if it contradicts what happened before. What [`State::decide`] has just decided never does.
    pub fn apply(&mut self, event: &Event<'_>) -> Result<(), Inconsistent> {
        self.apply_hashed(event, None)
    }

    /// As [`State::apply`], where the hash of whoever is granted something may be known.
    pub(crate) fn apply_hashed(&mut self, event: &Event<'_>, person: Option<PersonHash>) -> Result<(), Inconsistent> {
        let moves_agenda =
            self.apply_change(event, person).map_err(|breach| Inconsistent { campaign: event.campaign, breach })?;
        self.last_event_at = self.last_event_at.max(event.at);
        if moves_agenda {
            self.reschedule(event.campaign);
        }
        Ok(())
    }

    /// Says whether what comes due next may have changed.
    fn apply_change(&mut self, event: &Event<'_>, person: Option<PersonHash>) -> Result<bool, Breach> {
        if let Change::Created { definition, code_key, seed } = &event.change {
            self.apply_created(event, definition, *code_key, seed.as_ref())?;
            return Ok(true);
        }
        let slot = self.campaigns.get_mut(&event.campaign).ok_or(Breach::NoSuchCampaign)?;
        let Slot::Live(campaign) = slot else { return Err(Breach::Archived) };
        let mut moves_agenda = true;
        match &event.change {
            Change::Created { .. } => unreachable!("creations have been applied above"),
            Change::Patched { patch } => campaign.apply_patch(patch, event.at, Duration::ZERO)?,
            Change::Resumed { patch, longer_by } => campaign.apply_resumed(patch, event.at, *longer_by)?,
            Change::Cancelled { revoke } => campaign.apply_cancel(*revoke, event.at)?,
            Change::Archived => {
                let is_over = campaign.cancelled.is_some() || campaign.is_over(event.at);
                if !is_over {
                    return Err(Breach::ArchivedOpen);
                }
                let last_event_at = campaign.last_event_at.max(event.at);
                if let Some(due_at) = campaign.due_at {
                    self.agenda.remove(&(due_at, event.campaign));
                }
                *slot = Slot::Archived(Archived { id: campaign.definition.id.clone(), at: event.at, last_event_at });
                return Ok(false);
            }
            Change::Claimed { grant, coupon_type, requested } => {
                let serial = Serial(campaign.claims.count());
                if requested.is_some_and(|requested| requested != *coupon_type) {
                    return Err(Breach::CouponType(serial));
                }
                let grant = Grant::of(grant, event.at, Some(*coupon_type), false, requested.is_some());
                campaign.apply_claim(&grant, campaign.person(grant.user, person), Mode::FirstCome)?;
                moves_agenda = campaign.is_first_to_run_out(serial);
            }
            Change::Drew { grant, sampled, won } => {
                let serial = Serial(campaign.claims.count());
                let grant = Grant::of(grant, event.at, *sampled, !won, false);
                campaign.apply_draw(&grant, campaign.person(grant.user, person))?;
                moves_agenda = campaign.is_first_to_run_out(serial);
            }
            Change::Entered { grant } => {
                let grant = Grant::of(grant, event.at, None, false, false);
                campaign.apply_claim(&grant, campaign.person(grant.user, person), Mode::Lottery)?;
                moves_agenda = false;
            }
            Change::Ended => {
                if std::mem::replace(&mut campaign.ended, true) {
                    return Err(Breach::EndedTwice);
                }
            }
            Change::Ranked { count, entries_hash, ranks } => {
                campaign.apply_ranked(event.at, *count, entries_hash, ranks.as_ref())?;
            }
            Change::CodesImported { coupon_type, file } => campaign.apply_import(*coupon_type, *file)?,
            Change::Voided { claim, restock, restock_today, allow_again } => {
                let void = Void { restocked: *restock, restocked_today: *restock_today, allowed_again: *allow_again };
                campaign.apply_void(*claim, void)?;
            }
            Change::Redeemed { claim, order, named_user, hold } => {
                campaign.apply_redeemed(event.at, *claim, order, *named_user, *hold)?;
            }
            Change::Settled { redemption, settlement, day } => {
                campaign.apply_settled(*redemption, *settlement, event.at, *day)?;
            }
            Change::HoldExpired { redemption, day } => campaign.apply_hold_expired(*redemption, event.at, *day)?,
            Change::Arrived { window, user } => {
                campaign.apply_arrived(*window, user, event.at)?;
                moves_agenda = campaign.is_first_to_wait();
            }
            Change::Shuffled { window, count, hash } => campaign.apply_shuffled(*window, *count, hash, event.at)?,
            Change::Registered { user } => campaign.apply_registered(user)?,
            Change::Admitted { up_to } => campaign.apply_admitted(*up_to, event.at)?,
            Change::Expired { coupon_type, count, day } => campaign.apply_expired(*coupon_type, *count, *day)?,
        }
        campaign.last_event_at = campaign.last_event_at.max(event.at);
        campaign.latest_at = event.at;
        Ok(moves_agenda)
    }

    fn apply_created(
        &mut self,
        event: &Event<'_>,
        definition: &CampaignDefinition,
        code_key: CodeKeyId,
        seed: Option<&Seed>,
    ) -> Result<(), Breach> {
        if let Some(present) = self.code_key.filter(|present| *present != code_key) {
            return Err(Breach::CodeKey { found: code_key, present });
        }
        definition.check()?;
        if seed.is_some() != definition.needs_seed() {
            return Err(Breach::Mode(Serial(0)));
        }
        let person_key = &self.person_key.0;
        let campaign = Campaign::new(event.campaign, definition.clone(), event.at, person_key, seed.cloned());
        self.adopt(event.campaign, Slot::Live(Box::new(campaign.ok_or(InvalidDefinition::TimeZone)?)))?;
        self.code_key = Some(code_key);
        Ok(())
    }

    /// Takes a campaign in under a number and an id that are free.
    pub(super) fn adopt(&mut self, number: CampaignNumber, slot: Slot) -> Result<(), Breach> {
        let id = match &slot {
            Slot::Live(campaign) => &campaign.definition.id,
            Slot::Archived(archived) => &archived.id,
        };
        // The last number is never dealt, so that there always is a next one.
        if number.0 == u32::MAX || self.campaigns.contains_key(&number) || self.numbers.contains_key(id) {
            return Err(Breach::CampaignTaken);
        }
        self.numbers.insert(id.clone(), number);
        self.campaigns.insert(number, slot);
        Ok(())
    }
}

impl<'a> Grant<'a> {
    fn of(grant: &Granted<'a>, at: Timestamp, coupon_type: Option<TypeIndex>, lost: bool, named: bool) -> Self {
        let Granted { day, window, user, key, phone } = *grant;
        Self { at, day, window, coupon_type, lost, user, key, named, phone }
    }

    fn granted(&self) -> Granted<'a> {
        Granted { day: self.day, window: self.window, user: self.user, key: self.key, phone: self.phone }
    }
}

impl Campaign {
    fn apply_resumed(&mut self, patch: &CampaignPatch, at: Timestamp, longer_by: Duration) -> Result<(), Breach> {
        let span = self.room.as_ref().and_then(|room| room.stood_still(at));
        if patch.accept_claims != Some(true) || longer_by.is_zero() || span.is_none_or(|span| longer_by > span) {
            return Err(Breach::Room);
        }
        self.apply_patch(patch, at, longer_by)
    }

    /// Changes the campaign. If that ends a pause, those who were let in may claim for so much longer.
    fn apply_patch(&mut self, patch: &CampaignPatch, at: Timestamp, longer_by: Duration) -> Result<(), Breach> {
        patch.check(&self.definition)?;
        for change in &patch.coupon_types {
            let issued = self.counts[change.coupon_type.as_index()].issued;
            if change.total_quota.is_some_and(|total| total < issued) {
                return Err(Breach::QuotaBelowIssued(change.coupon_type));
            }
        }
        let definition = patch.applied_to(&self.definition);
        if patch.ends_at.is_some() {
            self.schedule = definition.schedule().map_err(InvalidDefinition::from)?;
        }
        let from = Serial(self.claims.count());
        for change in &patch.coupon_types {
            if let Some(quota) = change.daily_quota {
                self.daily_quotas.push(DailyQuota { from, coupon_type: change.coupon_type, quota });
            }
        }
        self.definition = Arc::new(definition);
        self.flags.accept_claims = patch.accept_claims.unwrap_or(self.flags.accept_claims);
        self.flags.accept_redemptions = patch.accept_redemptions.unwrap_or(self.flags.accept_redemptions);
        if let (Some(room), Some(accept)) = (&mut self.room, patch.accept_claims) {
            if accept { room.resume(longer_by) } else { room.pause(at) }
        }
        Ok(())
    }

    fn apply_cancel(&mut self, revoke: bool, at: Timestamp) -> Result<(), Breach> {
        self.cancelled = Some(match self.cancelled {
            None => Cancellation { at, revoke },
            Some(before) if revoke && !before.revoke => Cancellation { revoke, ..before },
            Some(_) => return Err(Breach::CancelledTwice),
        });
        if revoke {
            self.end_all_holds();
        }
        Ok(())
    }

    fn apply_draw(&mut self, grant: &Grant<'_>, person: Person) -> Result<(), Breach> {
        let draw = Serial(self.claims.count());
        if self.definition.mode != Mode::Draw {
            return Err(Breach::Mode(draw));
        }
        let number = self.draw_number(person, self.since(grant.day, grant.window));
        let is_left = grant.coupon_type.is_some_and(|sampled| {
            sampled.as_index() < self.counts.len() && self.stock(sampled, grant.day) == Stock::Left
        });
        if self.sample(&grant.granted(), number) != grant.coupon_type || grant.lost == is_left {
            return Err(Breach::Sampled(draw));
        }
        self.apply_claim(grant, person, Mode::Draw)
    }

    fn apply_claim(&mut self, grant: &Grant<'_>, person: Person, mode: Mode) -> Result<(), Breach> {
        let claim = Serial(self.claims.count());
        if self.definition.mode != mode {
            return Err(Breach::Mode(claim));
        }
        if self.cancelled.is_some() || self.ended || !self.flags.accept_claims {
            return Err(Breach::ClaimsStopped(claim));
        }
        self.check_grant(grant)?;
        if let Some(coupon_type) = grant.won() {
            match self.stock(coupon_type, grant.day) {
                Stock::Left => {}
                Stock::GoneToday => return Err(Breach::DailyQuota { claim, coupon_type }),
                Stock::Gone => return Err(Breach::TotalQuota { claim, coupon_type }),
            }
        }
        if !self.hears(grant.user) {
            return Err(Breach::Registration);
        }
        let since = self.since(grant.day, grant.window);
        if self.is_limit_reached(person, grant.phone, since) {
            return Err(Breach::Limit(claim));
        }
        if let Some(other) = grant.key.and_then(|key| self.under_key(grant.user, key)) {
            return Err(Breach::KeyTwice { claim, other });
        }
        self.count_in_room(person, grant.at);
        self.push(grant, person, since);
        Ok(())
    }

    /// What holds of every claim, whatever else has happened since: a snapshot's claims are held against it too.
    pub(super) fn check_grant(&self, grant: &Grant<'_>) -> Result<(), Breach> {
        let claim = Serial(self.claims.count());
        let is_type = |coupon_type: TypeIndex| coupon_type.as_index() < self.counts.len();
        let has_right_type = match (self.definition.mode, grant.coupon_type) {
            (Mode::FirstCome, coupon_type) => coupon_type.is_some_and(is_type) && !grant.lost,
            (Mode::Draw, Some(sampled)) => is_type(sampled),
            (Mode::Draw, None) => grant.lost,
            (Mode::Lottery, coupon_type) => coupon_type.is_none() && !grant.lost,
        };
        if self.is_full() || !has_right_type {
            return Err(Breach::CouponType(claim));
        }
        let limit = &self.definition.limit;
        let keyed = limit.max > 1;
        let is_valid_key = grant.key.map_or(!keyed, |key| keyed && IdempotencyKey::check(key).is_ok());
        if UserId::check(grant.user).is_err() || !is_valid_key {
            return Err(Breach::Person(claim));
        }
        let last_window = self.claims.windows().last().map(|start| start.opened_at);
        let is_right_window = match limit.per {
            Period::Window => grant.window.is_some() && grant.window >= last_window,
            Period::Campaign | Period::Day => grant.window.is_none(),
        };
        if !is_right_window || grant.phone.is_some() != (limit.by == LimitBy::Phone) {
            return Err(Breach::Period(claim));
        }
        if grant.day < self.day {
            return Err(Breach::DayBack { claim, from: self.day, to: grant.day });
        }
        Ok(())
    }

    /// Adds a claim that has been checked, and counts it.
    pub(super) fn push(&mut self, grant: &Grant<'_>, person: Person, since: Serial) {
        if grant.day > self.day {
            self.day = grant.day;
            self.counts.iter_mut().for_each(|counts| counts.issued_today = 0);
        }
        if let Some(coupon_type) = grant.won() {
            let index = coupon_type.as_index();
            self.counts[index].issued += 1;
            self.counts[index].issued_today += 1;
            self.counts[index].handed_out += 1;
            self.issues[index].push(Serial(self.claims.count()), grant.at);
        }
        if self.definition.mode == Mode::Lottery {
            self.entries_hash.update(grant.user);
        }
        self.claims.push(grant, person, since);
    }

    fn apply_ranked(
        &mut self,
        at: Timestamp,
        count: u32,
        entries_hash: &[u8; 32],
        ranks: Option<&Arc<Ranks>>,
    ) -> Result<(), Breach> {
        let is_ready = self.definition.mode == Mode::Lottery && self.ended && self.ranking.is_none();
        if !is_ready || count != self.claims.count() || *entries_hash != self.entries_hash.value() {
            return Err(Breach::Ranked);
        }
        let ranks = match ranks {
            Some(ranks) => Arc::clone(ranks),
            None => Arc::new(Ranks::compute(&self.lottery_key().ok_or(Breach::Ranked)?, count)),
        };
        self.set_ranking(Ranking { at, entries_hash: *entries_hash, fills: self.fills(count), ranks });
        Ok(())
    }

    /// Adds a file of codes.
    pub(super) fn apply_import(&mut self, coupon_type: TypeIndex, file: CodeFile) -> Result<(), Breach> {
        let breach = Breach::Imported(coupon_type);
        let index = coupon_type.as_index();
        let definition = self.definition.coupon_types.get(index).ok_or(breach.clone())?;
        let is_known = self.issues[index].files.iter().any(|before| before.id == file.id);
        let imported = self.counts[index].imported.checked_add(file.count);
        match imported.filter(|_| definition.codes == CodeSource::Imported && !is_known && self.ranking.is_none()) {
            Some(imported) => self.counts[index].imported = imported,
            None => return Err(breach),
        }
        self.issues[index].files.push(file);
        Ok(())
    }

    fn apply_void(&mut self, claim: Serial, void: Void) -> Result<(), Breach> {
        let record = *self.claims.record(claim).ok_or(Breach::NoSuchClaim(claim))?;
        if record.void().is_some() {
            return Err(Breach::VoidedTwice(claim));
        }
        self.check_void(claim, void)?;
        let is_today = record.counts_for_its_day() && self.claims.day(claim) == self.day;
        if void.restocked_today && (!void.restocked || !is_today) {
            return Err(Breach::RestockedDay(claim));
        }
        self.void(claim, void);
        Ok(())
    }
}
