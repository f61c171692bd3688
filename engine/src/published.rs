//! Owns what anybody may read of a campaign without asking its shard: durable counts in atomics, the definition, and who may
//! have been decided. The shard's thread writes, after the sync; all others read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::campaign::calendar::Calendar;
use crate::campaign::{
    CampaignDefinition, CampaignView, Cancellation, CodeSource, Fairness, LimitBy, Mode, Phase, Schedule, TypeCounts,
    Who,
};
use crate::command::Gate;
use crate::filter::{DecidedFilter, PersonHash, PersonHasher};
use crate::id::{CampaignId, CampaignNumber, TypeIndex, UserId};
use crate::outcome::Refusal;
use crate::registered::{RegisteredHash, RegisteredKey};
use crate::room::{RoomView, Shelf, window_to_come_for};
use crate::router::Route;
use crate::time::{Day, Timestamp};

/// One campaign, as far as it is public and durable.
#[derive(Debug)]
pub struct Published {
    number: CampaignNumber,
    route: Route,
    /// Held for as long as it takes to compare the moment with a cached day.
    calendar: Mutex<Calendar>,
    facts: ArcSwap<Facts>,
    counts: Box<[PublishedCounts]>,
    /// Of a lottery.
    entries: AtomicU32,
    /// Of a campaign with a waiting room.
    room: ArcSwapOption<RoomView>,
    decided: DecidedFilter,
    /// Of a campaign that hears only who has registered: who may have.
    registered: Option<(RegisteredKey, DecidedFilter)>,
    hasher: PersonHasher,
}

/// What changes rarely, and as a whole.
#[derive(Debug)]
pub(crate) struct Facts {
    definition: Arc<CampaignDefinition>,
    created_at: Timestamp,
    accept_claims: bool,
    accept_redemptions: bool,
    cancelled: Option<Cancellation>,
    ended: bool,
    fairness: Option<Fairness>,
    /// Openings and closings, published ahead. Held for as long as it takes to compare the moment with a cached phase.
    schedule: Mutex<Schedule>,
}

impl Facts {
    pub(crate) fn new(view: &CampaignView) -> Self {
        Self {
            definition: Arc::clone(&view.definition),
            created_at: view.created_at,
            accept_claims: view.accept_claims,
            accept_redemptions: view.accept_redemptions,
            cancelled: view.cancelled,
            ended: view.ended,
            fairness: view.fairness.clone(),
            schedule: Mutex::new(view.definition.schedule().expect("a campaign's schedule was checked")),
        }
    }

    fn phase(&self, at: Timestamp) -> Phase {
        if self.ended { Phase::Over } else { self.schedule.lock().phase(at) }
    }
}

/// The counts of one coupon type. Each word is whole in itself; two words may be of two neighbouring batches.
#[derive(Debug, Default)]
struct PublishedCounts {
    /// `issued` below, `voided` above.
    life: AtomicU64,
    /// `issued_today` below, the day it is of above: so that no reader takes yesterday's count for today's.
    today: AtomicU64,
    /// `redeemed` below, `expired` above.
    settled: AtomicU64,
    /// `handed_out` below, `imported` above.
    codes: AtomicU64,
}

fn pack(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

fn unpack(word: u64) -> (u32, u32) {
    (u32::try_from(word & u64::from(u32::MAX)).expect("32 bits"), u32::try_from(word >> 32).expect("32 bits"))
}

impl PublishedCounts {
    fn store(&self, counts: TypeCounts, today: Day) {
        // Release pairs with the Acquire in `load`: who sees a count sees what was published before it.
        self.life.store(pack(counts.issued, counts.voided), Ordering::Release);
        self.today.store(pack(counts.issued_today, today.0), Ordering::Release);
        self.settled.store(pack(counts.redeemed, counts.expired), Ordering::Release);
        self.codes.store(pack(counts.handed_out, counts.imported), Ordering::Release);
    }

    /// The counts, the daily one as of `today`.
    fn load(&self, today: Day) -> TypeCounts {
        let (issued, voided) = unpack(self.life.load(Ordering::Acquire));
        let (issued_today, day) = unpack(self.today.load(Ordering::Acquire));
        let (redeemed, expired) = unpack(self.settled.load(Ordering::Acquire));
        let (handed_out, imported) = unpack(self.codes.load(Ordering::Acquire));
        let issued_today = if day == today.0 { issued_today } else { 0 };
        TypeCounts { issued, issued_today, voided, redeemed, expired, imported, handed_out }
    }

    fn has_codes(&self) -> bool {
        let (handed_out, imported) = unpack(self.codes.load(Ordering::Acquire));
        handed_out < imported
    }

    fn day(&self) -> Day {
        Day(unpack(self.today.load(Ordering::Acquire)).1)
    }
}

impl Published {
    pub(crate) fn new(
        view: &CampaignView,
        room: Option<RoomView>,
        registered: Option<RegisteredKey>,
        route: Route,
        hasher: PersonHasher,
    ) -> Self {
        let definition = &view.definition;
        let calendar = Calendar::new(&definition.time_zone).expect("a campaign's zone was checked when it was made");
        let quota: u64 = definition.coupon_types.iter().map(|coupon_type| u64::from(coupon_type.total_quota)).sum();
        let granted = match definition.mode {
            Mode::FirstCome => u32::try_from(quota).unwrap_or(u32::MAX),
            // Who loses is decided too.
            Mode::Draw | Mode::Lottery => u32::MAX,
        };
        let people = granted.min(definition.expected_claimants);
        let published = Self {
            number: view.number,
            route,
            calendar: Mutex::new(calendar),
            facts: ArcSwap::from_pointee(Facts::new(view)),
            counts: definition.coupon_types.iter().map(|_| PublishedCounts::default()).collect(),
            entries: AtomicU32::new(0),
            room: ArcSwapOption::empty(),
            decided: DecidedFilter::new(people),
            registered: registered.map(|key| (key, DecidedFilter::new(definition.expected_claimants))),
            hasher,
        };
        published.refresh(view, room);
        published
    }

    /// The campaign's number in the log.
    pub fn number(&self) -> CampaignNumber {
        self.number
    }

    /// The shard it lives on.
    pub fn route(&self) -> Route {
        self.route
    }

    /// What the shop says of it today.
    pub fn definition(&self) -> Arc<CampaignDefinition> {
        Arc::clone(&self.facts.load().definition)
    }

    /// The campaign with its durable counts; the daily ones are of the day of `now`.
    pub fn view(&self, now: Timestamp) -> CampaignView {
        let facts = self.facts.load();
        let today = self.today(now);
        CampaignView {
            number: self.number,
            definition: Arc::clone(&facts.definition),
            created_at: facts.created_at,
            accept_claims: facts.accept_claims,
            accept_redemptions: facts.accept_redemptions,
            cancelled: facts.cancelled,
            ended: facts.ended,
            fairness: facts.fairness.clone().map(|fairness| Fairness {
                entries: fairness.entries.max(self.entries.load(Ordering::Acquire)),
                ..fairness
            }),
            today,
            counts: self.counts.iter().map(|counts| counts.load(today)).collect(),
        }
    }

    /// Whether it is open at `now`, and when that changes: by its schedule, whether or not it is paused or cancelled.
    pub fn phase(&self, now: Timestamp) -> Phase {
        self.facts.load().phase(now)
    }

    /// Whether claims were stopped for good.
    pub fn is_cancelled(&self) -> bool {
        self.facts.load().cancelled.is_some()
    }

    /// Its waiting room, if it has one.
    pub fn room(&self) -> Option<Arc<RoomView>> {
        self.room.load_full()
    }

    /// The first moment after `now` at which daily quotas are whole again.
    pub fn resets_at(&self, now: Timestamp) -> Timestamp {
        self.calendar.lock().next_day_at(now)
    }

    /// The refusal of a claim that needs no shard: `Some` only where the person certainly holds nothing here, and what is
    /// durable and public already says no.
    pub fn refuse_early(
        &self,
        user: &UserId,
        coupon_type: Option<TypeIndex>,
        gate: Gate,
        stamped_at: Timestamp,
        now: Timestamp,
    ) -> Option<Refusal> {
        let refusal = self.refusal(user, coupon_type, gate, stamped_at, now)?;
        (!self.may_have_decided(user)).then_some(refusal)
    }

    /// Whether somebody may register who has not yet, as far as is published. The shard has the last word.
    pub fn takes_registrations(&self, stamped_at: Timestamp) -> bool {
        self.registration_refusal(stamped_at).is_none()
    }

    /// The refusal of a registration that needs no shard: `Some` only where `user` certainly has not registered.
    pub fn refuse_registration_early(&self, user: &UserId, stamped_at: Timestamp) -> Option<Refusal> {
        self.registration_refusal(stamped_at).filter(|_| !self.may_be_heard(user))
    }

    fn registration_refusal(&self, stamped_at: Timestamp) -> Option<Refusal> {
        let facts = self.facts.load();
        let eligibility = facts.definition.protection.eligibility.as_ref();
        let Some(eligibility) = eligibility.filter(|eligibility| eligibility.who == Who::Registered) else {
            return Some(Refusal::NoRegistration);
        };
        if facts.cancelled.is_some() {
            return Some(Refusal::Cancelled);
        }
        if matches!(facts.phase(stamped_at), Phase::Over) {
            return Some(Refusal::Ended);
        }
        let closes_at = eligibility.registration_closes_at.unwrap_or(facts.definition.ends_at);
        (stamped_at >= closes_at).then_some(Refusal::RegistrationClosed)
    }

    /// The refusal of somebody who comes to its waiting room, where that needs no shard: `Some` only where `user` certainly has no
    /// place, and what is durable and public already says no.
    pub fn refuse_arrival_early(&self, user: &UserId, stamped_at: Timestamp, now: Timestamp) -> Option<Refusal> {
        let room = self.room()?;
        let facts = self.facts.load();
        if room.may_have_come(user) {
            return None;
        }
        if facts.cancelled.is_some() {
            return Some(Refusal::Cancelled);
        }
        let rules = facts.definition.protection.waiting_room?;
        let window = match window_to_come_for(facts.phase(stamped_at), rules, stamped_at) {
            Ok(window) => window.max(room.opens_at),
            Err(refusal) => return Some(refusal),
        };
        match self.shelf(window, now) {
            Shelf::Empty(refusal) => Some(refusal),
            Shelf::Stocked | Shelf::Refilled { .. } => None,
        }
    }

    /// Whether `user` may have registered, or nobody has to; `false` is certain.
    pub fn may_be_heard(&self, user: &UserId) -> bool {
        self.registered.as_ref().is_none_or(|(key, registered)| {
            registered.may_contain(PersonHash::from_bits(key.hash(user.as_str()).bits()))
        })
    }

    /// Whether something may have been decided for `user` already; `false` is certain.
    pub fn may_have_decided(&self, user: &UserId) -> bool {
        self.decided.may_contain(self.hasher.hash(user.as_str()))
    }

    fn refusal(
        &self,
        user: &UserId,
        coupon_type: Option<TypeIndex>,
        gate: Gate,
        stamped_at: Timestamp,
        now: Timestamp,
    ) -> Option<Refusal> {
        let facts = self.facts.load();
        let definition = &facts.definition;
        if facts.cancelled.is_some() {
            return Some(Refusal::Cancelled);
        }
        let phase = facts.phase(stamped_at);
        if matches!(phase, Phase::Over) {
            return Some(Refusal::Ended);
        }
        if !facts.accept_claims {
            return Some(Refusal::Paused);
        }
        if let Phase::Before { opens_at } | Phase::Between { opens_at } = phase {
            return Some(Refusal::NotOpen { opens_at });
        }
        if self.room.load().as_ref().is_some_and(|room| !room.admits(gate.place, stamped_at)) {
            return Some(Refusal::TicketRequired);
        }
        if let Some(refusal) = gate.refusal {
            return Some(refusal.into());
        }
        if !self.may_be_heard(user) {
            return Some(Refusal::NotEligible);
        }
        match definition.mode {
            // A number that has had its coupon is told so, also when nothing is left: the shard knows.
            Mode::FirstCome if definition.limit.by == LimitBy::Phone => None,
            Mode::FirstCome => self.sold_out(definition, coupon_type, now),
            // Where everything is gone people still draw, and win nothing; entries are not coupons.
            Mode::Draw | Mode::Lottery => None,
        }
    }

    /// What those find who wait at `now` in its room of `window`, as far as is published.
    pub fn shelf(&self, window: Timestamp, now: Timestamp) -> Shelf {
        let facts = self.facts.load();
        // The coupons of a lottery are there until it is drawn.
        let is_lottery = facts.definition.mode == Mode::Lottery;
        let gone = if is_lottery { None } else { self.sold_out(&facts.definition, None, now) };
        Shelf::of(gone, &facts.schedule.lock(), window)
    }

    fn sold_out(&self, definition: &CampaignDefinition, asked: Option<TypeIndex>, now: Timestamp) -> Option<Refusal> {
        let types = match asked {
            Some(index) => index.as_index()..index.as_index() + 1,
            None => 0..self.counts.len(),
        };
        let mut some_total_left = false;
        let mut daily = None;
        for index in types {
            let coupon_type = &definition.coupon_types[index];
            let counts = &self.counts[index];
            let (issued, _) = unpack(counts.life.load(Ordering::Acquire));
            let has_codes = coupon_type.codes == CodeSource::Generated || counts.has_codes();
            if issued >= coupon_type.total_quota || !has_codes {
                continue;
            }
            some_total_left = true;
            // Without a daily quota some of it is left today.
            let daily_quota = coupon_type.daily_quota?;
            let today = *daily.get_or_insert_with(|| self.today(now));
            if counts.load(today).issued_today < daily_quota {
                return None;
            }
        }
        Some(match daily {
            Some(_) if some_total_left => Refusal::DailySoldOut { resets_at: self.resets_at(now) },
            Some(_) | None => Refusal::SoldOut,
        })
    }

    /// The day of `now`, or the shard's if that is later: days never go back, even if the clock does.
    fn today(&self, now: Timestamp) -> Day {
        let day = self.calendar.lock().day(now);
        self.counts.iter().map(PublishedCounts::day).fold(day, Day::max)
    }

    /// Reads what [`Published::mark_decided`] will write. For the shard's thread.
    pub(crate) fn glance(&self, people: impl Iterator<Item = PersonHash>) -> u64 {
        people.fold(0, |all, person| all ^ self.decided.glance(person))
    }

    /// Remembers that a person has been decided. For the shard's thread.
    pub(crate) fn mark_decided(&self, person: PersonHash) {
        self.decided.insert(person);
    }

    /// Remembers that somebody has registered. For the shard's thread, before the answer.
    pub(crate) fn mark_registered(&self, user: &str) {
        if let Some((key, _)) = &self.registered {
            self.mark_registered_hash(key.hash(user));
        }
    }

    /// As [`Published::mark_registered`], for somebody whose hash is known.
    pub(crate) fn mark_registered_hash(&self, person: RegisteredHash) {
        if let Some((_, registered)) = &self.registered {
            registered.insert(PersonHash::from_bits(person.bits()));
        }
    }

    /// Brings all of it up to date. For the shard's thread, before anybody can see it.
    pub(crate) fn refresh(&self, view: &CampaignView, room: Option<RoomView>) {
        self.room.store(room.map(Arc::new));
        self.facts.store(Arc::new(Facts::new(view)));
        self.publish_counts(&view.counts, view.today);
        self.entries.store(view.fairness.as_ref().map_or(0, |fairness| fairness.entries), Ordering::Release);
    }

    fn publish_counts(&self, counts: &[TypeCounts], today: Day) {
        assert_eq!(counts.len(), self.counts.len(), "a campaign keeps its coupon types");
        for (published, counts) in self.counts.iter().zip(counts) {
            published.store(*counts, today);
        }
    }
}

/// What becomes public of one campaign when a batch is durable.
#[derive(Debug)]
pub(crate) enum Publication {
    /// It was made.
    Made(Arc<Published>),
    /// Something about it changed.
    Changed {
        campaign: Arc<Published>,
        counts: Vec<TypeCounts>,
        today: Day,
        /// How many claims, draws or entries there are.
        entries: u32,
        /// `Some` if they changed.
        facts: Option<Box<Facts>>,
        /// Of a campaign with a waiting room.
        room: Option<Arc<RoomView>>,
    },
    /// It was archived.
    Archived(CampaignId),
}

impl Publication {
    /// Makes it public. For the shard's thread, when the batch is durable.
    pub(crate) fn publish(self, directory: &Directory) {
        match self {
            Publication::Made(campaign) => directory.list([Listed::Live(campaign)]),
            Publication::Changed { campaign, counts, today, entries, facts, room } => {
                if room.is_some() {
                    campaign.room.store(room);
                }
                campaign.publish_counts(&counts, today);
                if campaign.facts.load().definition.mode == Mode::Lottery {
                    campaign.entries.store(entries, Ordering::Release);
                }
                if let Some(facts) = facts {
                    campaign.facts.store(Arc::from(facts));
                }
            }
            Publication::Archived(id) => directory.list([Listed::Archived(id)]),
        }
    }
}

/// A campaign in the [`Directory`].
#[derive(Debug, Clone)]
pub enum Listed {
    /// One that lives, or is over and still kept.
    Live(Arc<Published>),
    /// One whose memory has been freed; its id stays taken.
    Archived(CampaignId),
}

/// All campaigns. Reading takes no lock.
#[derive(Debug, Default)]
pub struct Directory {
    listing: ArcSwap<Listing>,
    /// Held by whoever lists: campaigns come a few a minute, so that the listing may be copied each time.
    listing_now: Mutex<()>,
}

#[derive(Debug, Default, Clone)]
struct Listing {
    by_id: HashMap<CampaignId, Listed>,
    by_number: HashMap<CampaignNumber, Arc<Published>>,
    live_in_order: Vec<Arc<Published>>,
}

impl Directory {
    /// The campaign called `id`.
    pub fn find(&self, id: &str) -> Option<Listed> {
        self.listing.load().by_id.get(id).cloned()
    }

    /// The campaign of this number, unless it is archived.
    pub fn find_number(&self, number: CampaignNumber) -> Option<Arc<Published>> {
        self.listing.load().by_number.get(&number).cloned()
    }

    /// Up to `limit` campaigns that are not archived, in the order of their ids, from the first after `after`.
    pub fn page(&self, after: Option<&CampaignId>, limit: usize) -> Vec<Arc<Published>> {
        let listing = self.listing.load();
        let start =
            after.map_or(0, |after| listing.live_in_order.partition_point(|live| live.definition().id <= *after));
        listing.live_in_order.iter().skip(start).take(limit).cloned().collect()
    }

    /// Adds campaigns, or replaces those of the same ids.
    pub(crate) fn list(&self, all: impl IntoIterator<Item = Listed>) {
        let _listing_now = self.listing_now.lock();
        let mut by_id = self.listing.load().by_id.clone();
        for listed in all {
            let id = match &listed {
                Listed::Live(published) => published.definition().id.clone(),
                Listed::Archived(id) => id.clone(),
            };
            by_id.insert(id, listed);
        }
        let live = by_id.values().filter_map(|listed| match listed {
            Listed::Live(published) => Some(Arc::clone(published)),
            Listed::Archived(_) => None,
        });
        let mut live_in_order: Vec<_> = live.collect();
        live_in_order.sort_by_cached_key(|published| published.definition().id.clone());
        let by_number = live_in_order.iter().map(|published| (published.number(), Arc::clone(published))).collect();
        self.listing.store(Arc::new(Listing { by_id, by_number, live_in_order }));
    }
}
