//! Owns what a command leads to: an answer and at most one event. Changes nothing. Claims are here, in the order of the
//! contract's refusals; commands of operators are in [`super::manage`].

use super::campaign::{Campaign, Stock};
use super::claims::Person;
use super::{Slot, State};
use crate::command::{CLAIMS_PAGE_MAX, Claim, Command};
use crate::event::{Change, Event};
use crate::id::{Serial, TypeIndex, UserId};
use crate::outcome::{ClaimItem, Outcome, Refusal};
use crate::time::{Day, Timestamp};

/// What a command leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<'c> {
    /// The answer, once `event` is durable.
    pub outcome: Outcome,
    /// What happened: to be applied and logged before anything else is decided. `None`: nothing.
    pub event: Option<Event<'c>>,
}

impl Decision<'_> {
    /// An answer; nothing happened.
    pub(super) fn answer(outcome: Outcome) -> Self {
        Self { outcome, event: None }
    }

    pub(super) fn refuse(refusal: Refusal) -> Self {
        Self::answer(Outcome::Refused(refusal))
    }
}

impl State {
    /// Decides `command` at `now`, the shard's clock. Changes nothing: give the event to [`State::apply`] before the next
    /// command is decided. `now` may go back; days do not.
    pub fn decide<'c>(&self, command: &'c Command, now: Timestamp) -> Decision<'c> {
        if let Command::Create { campaign, definition } = command {
            return self.create(*campaign, definition, now);
        }
        let campaign = match self.slot(command.campaign()) {
            None => return Decision::refuse(Refusal::NoSuchCampaign),
            Some(Slot::Live(campaign)) => campaign,
            // Somebody whose first answer was lost asks again.
            Some(Slot::Archived(_)) if matches!(command, Command::Archive { .. }) => {
                return Decision::answer(Outcome::Archived);
            }
            Some(Slot::Archived(_)) => return Decision::refuse(Refusal::Archived),
        };
        match command {
            Command::Claim(claim) => campaign.claim(claim, now),
            Command::Create { .. } => unreachable!("creations have been decided above"),
            Command::Patch { patch, dry_run, .. } => campaign.patch(patch, *dry_run, now),
            Command::AcceptClaims { accept, .. } => campaign.accept_claims(*accept, now),
            Command::Cancel { revoke, dry_run, .. } => campaign.cancel(*revoke, *dry_run, now),
            Command::Archive { dry_run, .. } => campaign.archive(*dry_run, now),
            Command::Void { claim, restock, allow_again, .. } => {
                campaign.void_claim(*claim, *restock, *allow_again, now)
            }
            Command::ClaimsByUser { user, .. } => Decision::answer(campaign.claims_by_user(user, now)),
            Command::Claims { after, limit, .. } => Decision::answer(campaign.claims_page(*after, *limit, now)),
        }
    }
}

/// How a claim stands to the person's earlier ones.
enum Repeat<'c> {
    /// It is a new claim, under this key where keys matter.
    New(Option<&'c str>),
    /// It is this claim once more.
    Of(Serial),
    /// It cannot be judged, or contradicts the one before.
    Refused(Refusal),
}

impl Campaign {
    fn claim<'c>(&self, claim: &'c Claim, now: Timestamp) -> Decision<'c> {
        if claim.coupon_type.is_some_and(|named| named.as_index() >= self.counts.len()) {
            return Decision::refuse(Refusal::NoSuchCouponType);
        }
        let today = self.today(now);
        let person = self.claims.person(claim.user.as_str());
        let key = match self.repeat(claim, person, today) {
            Repeat::New(key) => key,
            Repeat::Of(serial) => return Decision::answer(Outcome::Repeated(self.claim_view(serial, now))),
            Repeat::Refused(refusal) => return Decision::refuse(refusal),
        };
        match self.closed(claim.stamped_at).map_or_else(|| self.choose(claim, person, today, now), Err) {
            Ok(coupon_type) => self.grant(claim, key, coupon_type, today, now),
            Err(refusal) => Decision::refuse(refusal),
        }
    }

    fn repeat<'c>(&self, claim: &'c Claim, person: Person, today: Day) -> Repeat<'c> {
        if self.definition.limit.max == 1 {
            // The person is the key. A repeat that names another type gets the first coupon.
            return self.counting(person, today).next().map_or(Repeat::New(None), Repeat::Of);
        }
        let Some(key) = &claim.key else { return Repeat::Refused(Refusal::KeyRequired) };
        match self.under_key(claim.user.as_str(), key.as_str()) {
            None => Repeat::New(Some(key.as_str())),
            Some(serial) if self.requested(serial) == claim.coupon_type => Repeat::Of(serial),
            Some(_) => Repeat::Refused(Refusal::KeyReused),
        }
    }

    /// The type that a claim asked for by name.
    pub(super) fn requested(&self, serial: Serial) -> Option<TypeIndex> {
        let record = self.record(serial);
        record.is_named().then(|| record.coupon_type())
    }

    /// Why nobody may claim at `moment`, if so.
    fn closed(&self, moment: Timestamp) -> Option<Refusal> {
        if self.cancelled.is_some() {
            Some(Refusal::Cancelled)
        } else if moment >= self.definition.ends_at {
            Some(Refusal::Ended)
        } else if !self.flags.accept_claims {
            Some(Refusal::Paused)
        } else if moment < self.definition.starts_at {
            Some(Refusal::NotOpen { opens_at: self.definition.starts_at })
        } else {
            None
        }
    }

    /// The coupon type that this person gets.
    fn choose(&self, claim: &Claim, person: Person, today: Day, now: Timestamp) -> Result<TypeIndex, Refusal> {
        if self.is_limit_reached(person, today) {
            return Err(Refusal::LimitReached);
        }
        let mut is_gone = true;
        let listed = (0..self.counts.len()).map(|index| TypeIndex(u16::try_from(index).expect("at most 1,000 types")));
        for coupon_type in listed.filter(|listed| claim.coupon_type.is_none_or(|named| named == *listed)) {
            match self.stock(coupon_type, today) {
                Stock::Left => return Ok(coupon_type),
                Stock::GoneToday => is_gone = false,
                Stock::Gone => {}
            }
        }
        Err(if is_gone { Refusal::SoldOut } else { Refusal::DailySoldOut { resets_at: self.resets_at(now) } })
    }

    fn grant<'c>(
        &self,
        claim: &'c Claim,
        key: Option<&'c str>,
        coupon_type: TypeIndex,
        day: Day,
        now: Timestamp,
    ) -> Decision<'c> {
        // Only a key can be used again for something else.
        let requested = claim.coupon_type.filter(|_| key.is_some());
        let change = Change::Claimed { day, coupon_type, user: claim.user.as_str(), key, requested };
        Decision {
            outcome: Outcome::Won(self.won_view(Serial(self.claims.count()), coupon_type, now)),
            event: Some(self.event(now, change)),
        }
    }

    pub(super) fn event<'c>(&self, at: Timestamp, change: Change<'c>) -> Event<'c> {
        Event { campaign: self.number, at, change }
    }

    /// Somebody's claims, voided ones too; the latest [`CLAIMS_PAGE_MAX`] of them.
    fn claims_by_user(&self, user: &UserId, now: Timestamp) -> Outcome {
        let bound = usize::from(CLAIMS_PAGE_MAX);
        let mut serials: Vec<Serial> =
            self.claims.of_person(self.claims.person(user.as_str())).take(bound + 1).collect();
        let more = serials.len() > bound;
        serials.truncate(bound);
        serials.reverse();
        let item = |serial| ClaimItem { user: user.clone(), claim: self.claim_view(serial, now) };
        Outcome::Claims { items: serials.into_iter().map(item).collect(), more }
    }

    fn claims_page(&self, after: Option<Serial>, limit: u16, now: Timestamp) -> Outcome {
        let first = after.map_or(0, |after| after.0.saturating_add(1)).min(self.claims.count());
        let end = first.saturating_add(u32::from(limit.min(CLAIMS_PAGE_MAX))).min(self.claims.count());
        let item = |serial| {
            let user = self.claims.user(self.record(serial));
            ClaimItem {
                user: UserId::new(user).expect("only valid ids are granted anything"),
                claim: self.claim_view(serial, now),
            }
        };
        Outcome::Claims { items: (first..end).map(Serial).map(item).collect(), more: end < self.claims.count() }
    }
}
