//! Owns what a command leads to: an answer and at most one event. Changes nothing. Claims, draws and entries are here, in
//! the order of the contract's refusals; commands of operators are in [`super::manage`], those of a checkout in
//! [`super::redeem`], what time alone leads to in [`super::due`].

use super::campaign::{Campaign, Moment, Stock};
use super::claims::Person;
use super::{Slot, State};
use crate::campaign::Mode;
use crate::command::{CLAIMS_PAGE_MAX, Claim, Command};
use crate::event::{Change, Event, Granted};
use crate::fairness::DrawPlace;
use crate::filter::PersonHash;
use crate::id::{Serial, TypeIndex, UserId};
use crate::outcome::{ClaimItem, ClaimKind, ClaimView, Outcome, Refusal};
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
    ///
    /// First give what [`State::due`] and [`State::overdue`] find at `now` to [`State::apply`].
    pub fn decide<'c>(&self, command: &'c Command, now: Timestamp) -> Decision<'c> {
        self.decide_hashed(command, None, now)
    }

    /// As [`State::decide`], where the hash of whoever claims may be known.
    pub(crate) fn decide_hashed<'c>(
        &self,
        command: &'c Command,
        person: Option<PersonHash>,
        now: Timestamp,
    ) -> Decision<'c> {
        if let Command::Create { campaign, definition, seed } = command {
            return self.create(*campaign, definition, seed, now);
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
            Command::Claim(claim) => campaign.claim(claim, person, Mode::FirstCome, now),
            Command::Draw(claim) => campaign.claim(claim, person, Mode::Draw, now),
            Command::Enter(claim) => campaign.claim(claim, person, Mode::Lottery, now),
            Command::Arrive(arrive) => campaign.arrive(arrive, now),
            Command::Register(register) => campaign.register(register, now),
            Command::Create { .. } => unreachable!("creations have been decided above"),
            Command::Patch { patch, dry_run, .. } => campaign.patch(patch, *dry_run, now),
            Command::AcceptClaims { accept, .. } => campaign.accept_claims(*accept, now),
            Command::Cancel { revoke, dry_run, .. } => campaign.cancel(*revoke, *dry_run, now),
            Command::Archive { dry_run, .. } => campaign.archive(*dry_run, now),
            Command::Rank { ranks, .. } => campaign.rank(ranks, now),
            Command::ImportCodes { coupon_type, file, first, .. } => {
                campaign.import_codes(*coupon_type, *file, *first, now)
            }
            Command::Void { claim, restock, allow_again, .. } => {
                campaign.void_claim(*claim, *restock, *allow_again, now)
            }
            Command::Registration { user, .. } => campaign.registration(user),
            Command::ClaimsByUser { user, .. } => Decision::answer(campaign.claims_by_user(user, now)),
            Command::Claims { after, limit, .. } => Decision::answer(campaign.claims_page(*after, *limit, now)),
            Command::Coupon { coupon, .. } => Decision::answer(campaign.coupon(*coupon, now)),
            Command::Redeem(redeem) => campaign.redeem(redeem, now),
            Command::Settle { redemption, settlement, .. } => campaign.settle(*redemption, *settlement, now),
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
    /// Decides a claim, a draw or an entry: `mode` says which.
    fn claim<'c>(&self, claim: &'c Claim, person: Option<PersonHash>, mode: Mode, now: Timestamp) -> Decision<'c> {
        if claim.coupon_type.is_some_and(|named| named.as_index() >= self.counts.len()) {
            return Decision::refuse(Refusal::NoSuchCouponType);
        }
        if self.definition.mode != mode {
            return Decision::refuse(Refusal::WrongMode);
        }
        let moment = self.moment(claim.stamped_at, now);
        let person = self.person(claim.user.as_str(), person);
        let key = match self.repeat(claim, person, moment.since) {
            Repeat::New(key) => key,
            Repeat::Of(serial) => return Decision::answer(Outcome::Repeated(self.claim_view(serial, now))),
            Repeat::Refused(refusal) => return Decision::refuse(refusal),
        };
        if let Some(refusal) = self.turned_away(claim, person, moment) {
            return Decision::refuse(refusal);
        }
        let grant = Granted {
            day: moment.day,
            window: moment.window,
            user: claim.user.as_str(),
            key,
            phone: claim.phone.filter(|_| self.definition.limit.by == crate::campaign::LimitBy::Phone),
        };
        match mode {
            Mode::FirstCome => self.first_come(claim, grant, now),
            Mode::Draw => self.draw(person, moment, grant, now),
            Mode::Lottery => self.enter(grant, now),
        }
    }

    fn repeat<'c>(&self, claim: &'c Claim, person: Person, since: Serial) -> Repeat<'c> {
        if self.definition.limit.max == 1 {
            // The person is the key. A repeat that names another type gets the first coupon.
            return self.counting(person, since).next().map_or(Repeat::New(None), Repeat::Of);
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
        record.coupon_type().filter(|_| record.is_named())
    }

    /// Why this person may not claim, whatever is left.
    fn turned_away(&self, claim: &Claim, person: Person, moment: Moment) -> Option<Refusal> {
        if let Some(refusal) = self.closed(claim.stamped_at) {
            return Some(refusal);
        }
        if let Some(room) = &self.room
            && !room.admits(claim.user.as_str(), claim.gate.place, claim.stamped_at)
        {
            return Some(Refusal::TicketRequired);
        }
        if let Some(refusal) = claim.gate.refusal {
            return Some(refusal.into());
        }
        if !self.hears(claim.user.as_str()) {
            return Some(Refusal::NotEligible);
        }
        if self.definition.needs_phone() && claim.phone.is_none() {
            return Some(Refusal::PhoneRequired);
        }
        self.is_limit_reached(person, claim.phone, moment.since).then_some(Refusal::LimitReached)
    }

    fn first_come<'c>(&self, claim: &Claim, grant: Granted<'c>, now: Timestamp) -> Decision<'c> {
        let coupon_type = match self.choose(claim.coupon_type, grant.day, now) {
            Ok(coupon_type) => coupon_type,
            Err(refusal) => return Decision::refuse(refusal),
        };
        // Only a key can be used again for something else.
        let requested = claim.coupon_type.filter(|_| grant.key.is_some());
        let coupon = Some(self.new_coupon(coupon_type, now));
        Decision {
            outcome: Outcome::Won(ClaimView { coupon, ..self.new_view(ClaimKind::Claim, now) }),
            event: Some(self.event(now, Change::Claimed { grant, coupon_type, requested })),
        }
    }

    /// The coupon type that somebody gets on `day` who names one, or takes what is there.
    pub(super) fn choose(&self, named: Option<TypeIndex>, day: Day, now: Timestamp) -> Result<TypeIndex, Refusal> {
        let mut is_gone = true;
        for coupon_type in self.types().filter(|listed| named.is_none_or(|named| named == *listed)) {
            match self.stock(coupon_type, day) {
                Stock::Left => return Ok(coupon_type),
                Stock::GoneToday => is_gone = false,
                Stock::Gone => {}
            }
        }
        Err(if is_gone { Refusal::SoldOut } else { Refusal::DailySoldOut { resets_at: self.resets_at(now) } })
    }

    fn draw<'c>(&self, person: Person, moment: Moment, grant: Granted<'c>, now: Timestamp) -> Decision<'c> {
        if self.is_full() {
            return Decision::refuse(Refusal::SoldOut);
        }
        let number = self.draw_number(person, moment.since);
        let sampled = self.sample(&grant, number);
        let won = sampled.is_some_and(|sampled| self.stock(sampled, moment.day) == Stock::Left);
        let coupon = sampled.filter(|_| won).map(|sampled| self.new_coupon(sampled, now));
        Decision {
            outcome: Outcome::Won(ClaimView { coupon, ..self.new_view(ClaimKind::Draw { sampled }, now) }),
            event: Some(self.event(now, Change::Drew { grant, sampled, won })),
        }
    }

    /// Which of the person's draws in the period the next one is, from 1. One that was voided counts: nothing is drawn twice.
    pub(super) fn draw_number(&self, person: Person, since: Serial) -> u32 {
        let before = self.claims.of_person(person).take_while(|serial| *serial >= since).count();
        u32::try_from(before).expect("serials have 32 bits") + 1
    }

    /// What the odds choose for a draw: this follows from public facts, once the seed is out.
    pub(super) fn sample(&self, grant: &Granted<'_>, number: u32) -> Option<TypeIndex> {
        let (seed, odds) = self.seed.as_ref().zip(self.odds.as_ref()).expect("a campaign of draws has both");
        self.period_text.with(self.definition.limit.per, grant.day, grant.window, |period| {
            let place = DrawPlace { campaign: self.definition.id.as_str(), user: grant.user, period, number };
            odds.sample(seed, &place)
        })
    }

    fn enter<'c>(&self, grant: Granted<'c>, now: Timestamp) -> Decision<'c> {
        if self.is_full() {
            return Decision::refuse(Refusal::SoldOut);
        }
        Decision {
            outcome: Outcome::Won(self.new_view(ClaimKind::Entry { rank: None }, now)),
            event: Some(self.event(now, Change::Entered { grant })),
        }
    }

    /// The next claim, without its coupon.
    fn new_view(&self, kind: ClaimKind, now: Timestamp) -> ClaimView {
        let serial = Serial(self.claims.count());
        ClaimView { campaign: self.number, serial, decided_at: now, kind, coupon: None }
    }

    pub(super) fn types(&self) -> impl Iterator<Item = TypeIndex> + use<> {
        let types = u16::try_from(self.counts.len()).expect("at most 1,000 types");
        (0..types).map(TypeIndex)
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

    /// What was issued: claims that won nothing are passed over, a bounded number of them a page.
    fn claims_page(&self, after: Option<Serial>, limit: u16, now: Timestamp) -> Outcome {
        let end = self.claims.count();
        let mut next = after.map_or(0, |after| after.0.saturating_add(1)).min(end);
        let mut items = Vec::new();
        let mut looks = 0;
        while next < end && items.len() < usize::from(limit.min(CLAIMS_PAGE_MAX)) && looks < LOOKS_MAX {
            let serial = Serial(next);
            let claim = self.claim_view(serial, now);
            looks += 1;
            next += 1;
            // The last one looked at ends the page, so that the next page begins behind it.
            if claim.coupon.is_some() || (looks == LOOKS_MAX && next < end) {
                let user = self.claims.user(self.record(serial));
                items.push(ClaimItem { user: UserId::new(user).expect("only valid ids are granted anything"), claim });
            }
        }
        Outcome::Claims { items, more: next < end }
    }
}

/// The most claims that are looked at for one page.
const LOOKS_MAX: u32 = 20_000;
