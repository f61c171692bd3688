//! Owns what a campaign is worth at one moment: its settings, its counts, and what follows from both. Leaves what may be
//! done about it to [`super::decide`] and [`super::apply`], and single coupons to [`super::coupon`].

use std::sync::Arc;

use super::claims::{Claims, Grant, Person};
use super::issues::Issues;
use super::lottery::Ranking;
use super::period_text::PeriodText;
use super::record::{Life, Record, Restocked, Void};
use super::redemptions::{Redemption, Redemptions};
use super::registrations::Registrations;
use super::room::Room;
use crate::campaign::calendar::Calendar;
use crate::campaign::{
    CampaignDefinition, CampaignPatch, CampaignView, Cancellation, CodeSource, Fairness, LimitBy, Mode, Period, Phase,
    Schedule, TypeCounts,
};
use crate::fairness::{EntriesHash, Odds, Seed};
use crate::filter::PersonHash;
use crate::id::{CampaignNumber, PhoneId, Serial, TypeIndex};
use crate::outcome::Refusal;
use crate::time::{Day, Timestamp};

/// A campaign that is not archived.
#[derive(Debug, Clone)]
pub(crate) struct Campaign {
    pub(super) number: CampaignNumber,
    /// As described: what a repeated creation is compared with.
    pub(crate) created: Arc<CampaignDefinition>,
    /// As changed since.
    pub(crate) definition: Arc<CampaignDefinition>,
    pub(crate) created_at: Timestamp,
    pub(crate) flags: Flags,
    pub(crate) cancelled: Option<Cancellation>,
    /// It came to its end, and stays over whatever the clock says.
    pub(super) ended: bool,
    /// A coupon type each. Those of today are of `day`.
    pub(crate) counts: Vec<TypeCounts>,
    /// The day of the last claim: the floor under today, whatever the clock says.
    pub(crate) day: Day,
    /// A coupon type each.
    pub(super) issues: Vec<Issues>,
    /// Every change of a daily quota, so that an audit can judge past days by the quota of their time.
    pub(crate) daily_quotas: Vec<DailyQuota>,
    pub(crate) last_event_at: Timestamp,
    /// The moment of the event that came last: before `last_event_at` after the clock was set back.
    pub(crate) latest_at: Timestamp,
    pub(super) claims: Claims,
    pub(super) redemptions: Redemptions,
    pub(super) calendar: Calendar,
    pub(super) schedule: Schedule,
    /// Of a draw or a lottery, or where there is a waiting room.
    pub(crate) seed: Option<Seed>,
    /// Of a draw.
    pub(crate) odds: Option<Odds>,
    pub(super) period_text: PeriodText,
    /// Over the entries of a lottery so far.
    pub(super) entries_hash: EntriesHash,
    /// Of a lottery that is drawn.
    pub(crate) ranking: Option<Ranking>,
    /// Of the last window that anybody came for, or that opened; at first of the first one.
    pub(super) room: Option<Box<Room>>,
    /// Of a campaign that hears only who has registered.
    pub(super) registrations: Option<Box<Registrations>>,
    /// When it is next in the agenda.
    pub(super) due_at: Option<Timestamp>,
    /// How far room has been made ahead of its opening.
    pub(super) warmed: Warmth,
}

/// What is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) accept_claims: bool,
    pub(crate) accept_redemptions: bool,
}

/// How far room has been made ahead of a campaign's opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Warmth {
    /// So many tables are ready.
    Tables(usize),
    Ready,
}

/// A daily quota that was changed: from this claim on it is this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DailyQuota {
    pub(crate) from: Serial,
    pub(crate) coupon_type: TypeIndex,
    pub(crate) quota: Option<u32>,
}

/// A claim, and what became of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fate<'s> {
    pub(crate) serial: Serial,
    pub(crate) grant: Grant<'s>,
    /// The type of the coupon.
    pub(crate) won: Option<TypeIndex>,
    pub(crate) void: Option<Void>,
    pub(crate) life: Life,
    pub(crate) restocked: Restocked,
}

/// Whether a coupon type has units left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stock {
    Left,
    GoneToday,
    Gone,
}

/// When a claim counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) day: Day,
    /// Where the limit is per window: the one that is open or, between two, the last one that anybody claimed in.
    pub(super) window: Option<Timestamp>,
    /// The first claim of the period that the limit counts in.
    pub(super) since: Serial,
}

impl Campaign {
    /// Looks a person up, whose `hash` may be known.
    pub(super) fn person(&self, user: &str, hash: Option<PersonHash>) -> Person {
        match hash {
            Some(hash) => self.claims.person_hashed(user, hash),
            None => self.claims.person(user),
        }
    }

    /// Reads what deciding for these people will read first.
    pub(crate) fn glance(&self, people: impl Iterator<Item = PersonHash>) -> u64 {
        self.claims.glance(people)
    }

    /// A campaign without claims; `None` if its zone is unknown or its windows cannot be.
    pub(super) fn new(
        number: CampaignNumber,
        definition: CampaignDefinition,
        created_at: Timestamp,
        person_key: &[u8; 16],
        seed: Option<Seed>,
    ) -> Option<Self> {
        let calendar = Calendar::new(&definition.time_zone)?;
        let schedule = definition.schedule().ok()?;
        let total: u64 = definition.coupon_types.iter().map(|each| u64::from(each.total_quota)).sum();
        let granted = match definition.mode {
            Mode::FirstCome => u32::try_from(total).unwrap_or(u32::MAX),
            // Who loses counts too.
            Mode::Draw | Mode::Lottery => u32::MAX,
        };
        let expected = granted.min(definition.expected_claimants);
        let definition = Arc::new(definition);
        let types = definition.coupon_types.len();
        let first_window = schedule.upcoming(created_at).next().map_or(definition.starts_at, |window| window.opened_at);
        let room = definition.protection.waiting_room.zip(seed.as_ref());
        let room =
            room.map(|(rules, seed)| Box::new(Room::new(rules, definition.limit.max, seed, first_window, Serial(0))));
        let who = definition.protection.eligibility.as_ref().map(|eligibility| eligibility.who);
        let registrations = Self::new_registrations(who, seed.as_ref());
        let is_all = types == 1 && definition.mode == Mode::FirstCome;
        Some(Self {
            number,
            created: Arc::clone(&definition),
            created_at,
            flags: Flags { accept_claims: true, accept_redemptions: true },
            cancelled: None,
            ended: false,
            counts: vec![TypeCounts::default(); types],
            day: Day(0),
            issues: vec![Issues::new(is_all); types],
            daily_quotas: Vec::new(),
            last_event_at: created_at,
            latest_at: created_at,
            claims: Claims::new(person_key, expected, definition.limit.by == LimitBy::Phone),
            redemptions: Redemptions::new(person_key),
            calendar,
            schedule,
            seed,
            odds: definition.odds(),
            period_text: PeriodText::default(),
            entries_hash: EntriesHash::new(),
            ranking: None,
            room,
            registrations,
            due_at: None,
            warmed: Warmth::Tables(0),
            definition,
        })
    }

    /// The day that a claim at `now` counts for. Never before that of an earlier claim: a clock set back hands out no
    /// second daily quota.
    pub(super) fn today(&self, now: Timestamp) -> Day {
        self.calendar.day(now).max(self.day)
    }

    /// When a claim counts that was asked for at `stamped_at` and is decided at `now`.
    pub(super) fn moment(&self, stamped_at: Timestamp, now: Timestamp) -> Moment {
        let day = self.today(now);
        match self.definition.limit.per {
            Period::Campaign => Moment { day, window: None, since: Serial(0) },
            Period::Day => Moment { day, window: None, since: self.claims.first_on(day) },
            Period::Window => {
                let last = self.claims.windows().last().map(|start| start.opened_at);
                let open = match self.schedule.phase(stamped_at) {
                    Phase::Open { opened_at, .. } => Some(opened_at),
                    Phase::Before { .. } | Phase::Between { .. } | Phase::Over => None,
                };
                let window = last.max(open);
                let since = window.map_or(Serial(self.claims.count()), |opened_at| self.claims.first_in(opened_at));
                Moment { day, window, since }
            }
        }
    }

    /// Where the period begins that a claim of this day and window counts in.
    pub(super) fn since(&self, day: Day, window: Option<Timestamp>) -> Serial {
        match self.definition.limit.per {
            Period::Campaign => Serial(0),
            Period::Day => self.claims.first_on(day),
            Period::Window => window.map_or(Serial(self.claims.count()), |opened_at| self.claims.first_in(opened_at)),
        }
    }

    /// When the quota of [`Campaign::today`] is followed by the next.
    pub(super) fn resets_at(&self, now: Timestamp) -> Timestamp {
        if self.calendar.day(now) < self.day {
            self.calendar.day_after_at(self.day)
        } else {
            self.calendar.next_day_at(now)
        }
    }

    /// Whether it is over at `moment`, or came to its end before.
    pub(super) fn is_over(&self, moment: Timestamp) -> bool {
        self.ended || matches!(self.schedule.phase(moment), Phase::Over)
    }

    /// Why nobody may claim at `moment`, if so.
    pub(super) fn closed(&self, moment: Timestamp) -> Option<Refusal> {
        if self.cancelled.is_some() {
            return Some(Refusal::Cancelled);
        }
        let phase = self.schedule.phase(moment);
        if self.ended || matches!(phase, Phase::Over) {
            return Some(Refusal::Ended);
        }
        if !self.flags.accept_claims {
            return Some(Refusal::Paused);
        }
        match phase {
            Phase::Open { .. } => None,
            Phase::Before { opens_at } | Phase::Between { opens_at } => Some(Refusal::NotOpen { opens_at }),
            Phase::Over => Some(Refusal::Ended),
        }
    }

    /// Whether the coupon type has units left on `day`, today or later.
    pub(super) fn stock(&self, coupon_type: TypeIndex, day: Day) -> Stock {
        let definition = &self.definition.coupon_types[coupon_type.as_index()];
        let counts = &self.counts[coupon_type.as_index()];
        let issued_today = if day == self.day { counts.issued_today } else { 0 };
        let has_code = definition.codes == CodeSource::Generated || counts.handed_out < counts.imported;
        if counts.issued >= definition.total_quota || !has_code || self.is_full() {
            Stock::Gone
        } else if definition.daily_quota.is_some_and(|daily| issued_today >= daily) {
            Stock::GoneToday
        } else {
            Stock::Left
        }
    }

    /// Whether there is no serial left for one more.
    pub(super) fn is_full(&self) -> bool {
        self.claims.count() == u32::MAX
    }

    /// Whether the person, or the phone number, may have no more claims in the period that begins with `since`.
    pub(super) fn is_limit_reached(&self, person: Person, phone: Option<PhoneId>, since: Serial) -> bool {
        let max = self.definition.limit.max;
        let by_phone = phone.filter(|_| self.definition.limit.by == LimitBy::Phone);
        self.counting(person, since).take(usize::from(max)).count() == usize::from(max)
            || by_phone.is_some_and(|phone| self.claims.phone_count(phone, since) >= max)
    }

    /// The person's claims that count against the limit in the period that begins with `since`, the latest first.
    pub(super) fn counting(&self, person: Person, since: Serial) -> impl Iterator<Item = Serial> {
        let in_period = self.claims.of_person(person).take_while(move |serial| *serial >= since);
        in_period.filter(|serial| self.record(*serial).counts() && !lets_a_duplicate_through(*serial))
    }

    /// Whether the person's claim under `key` still counts, and which it is.
    pub(super) fn under_key(&self, user: &str, key: &str) -> Option<Serial> {
        self.claims.under_key(user, key).filter(|serial| self.record(*serial).counts())
    }

    /// A claim that exists.
    pub(super) fn record(&self, serial: Serial) -> &Record {
        self.claims.record(serial).expect("a claim that exists")
    }

    /// Hashes people as hostile as these.
    pub(crate) fn hasher(&self) -> crate::audit::Keyed {
        crate::audit::Keyed(self.claims.hasher())
    }

    /// Every claim as it was granted, and what became of it, by serial.
    pub(crate) fn grants(&self) -> impl Iterator<Item = Fate<'_>> {
        (0..self.claims.count()).map(Serial).map(|serial| {
            let record = self.record(serial);
            Fate {
                serial,
                grant: self.claims.grant(serial).expect("serials have no gaps"),
                won: self.won_type(serial),
                void: record.void(),
                life: record.life(),
                restocked: record.restocked(),
            }
        })
    }

    /// Every redemption, by number.
    pub(crate) fn redemptions(&self) -> impl Iterator<Item = Redemption<'_>> {
        self.redemptions.iter()
    }

    /// How many codes the campaign's log names for the type.
    pub(crate) fn imported_codes(&self, coupon_type: TypeIndex) -> u32 {
        self.issues[coupon_type.as_index()].files.iter().map(|file| file.count).sum()
    }

    /// Whether every coupon was voided when it was cancelled.
    pub(crate) fn is_revoked(&self) -> bool {
        self.cancelled.is_some_and(|cancellation| cancellation.revoke)
    }

    /// Why it may not be archived at `now`, if it may not.
    ///
    /// Answered from the last issue of each coupon type, not from its claims, of which there may be ten million: where the
    /// last ones of a type were voided, archiving waits until they would have expired.
    pub(super) fn still_live(&self, now: Timestamp) -> Option<Refusal> {
        let is_drawn = self.definition.mode != Mode::Lottery || self.ranking.is_some() || self.claims.count() == 0;
        if self.cancelled.is_none() && !(self.is_over(now) && is_drawn) {
            return Some(Refusal::StillLive { until: None });
        }
        if self.is_revoked() {
            return None;
        }
        let mut last_until = self.redemptions.last_hold_at().filter(|until| now < *until);
        for ((definition, issues), counts) in self.definition.coupon_types.iter().zip(&self.issues).zip(&self.counts) {
            let is_settled = counts.handed_out == counts.voided + counts.redeemed + counts.expired;
            let Some(last_at) = issues.last_at.filter(|_| !is_settled) else { continue };
            let Some(valid_for) = definition.valid_for else { return Some(Refusal::StillLive { until: None }) };
            let until = last_at.saturating_add(valid_for);
            if now < until {
                last_until = last_until.max(Some(until));
            }
        }
        last_until.map(|until| Refusal::StillLive { until: Some(until) })
    }

    /// As a reader sees it.
    pub(super) fn view(&self) -> CampaignView {
        CampaignView {
            number: self.number,
            definition: Arc::clone(&self.definition),
            created_at: self.created_at,
            accept_claims: self.flags.accept_claims,
            accept_redemptions: self.flags.accept_redemptions,
            cancelled: self.cancelled,
            ended: self.ended,
            fairness: self.fairness(self.cancelled.is_some()),
            today: self.day,
            counts: self.counts.clone(),
        }
    }

    /// What is public of its draws. The seed of draws comes out when no draw can follow, that of a lottery when it is drawn.
    pub(super) fn fairness(&self, is_cancelled: bool) -> Option<Fairness> {
        let seed = self.seed.as_ref().filter(|_| self.definition.mode != Mode::FirstCome)?;
        let is_out = match self.definition.mode {
            Mode::FirstCome => false,
            Mode::Draw => self.ended || is_cancelled,
            Mode::Lottery => self.ranking.is_some(),
        };
        let is_lottery = self.definition.mode == Mode::Lottery;
        Some(Fairness {
            commitment: seed.commitment(),
            seed: is_out.then(|| seed.clone()),
            entries: if is_lottery { self.claims.count() } else { 0 },
            entries_hash: self.ranking.as_ref().map(|ranking| ranking.entries_hash),
        })
    }

    /// As a reader would see it after `patch`.
    pub(super) fn view_after(&self, patch: &CampaignPatch) -> CampaignView {
        let mut view = self.view();
        view.definition = Arc::new(patch.applied_to(&self.definition));
        view.accept_claims = patch.accept_claims.unwrap_or(view.accept_claims);
        view.accept_redemptions = patch.accept_redemptions.unwrap_or(view.accept_redemptions);
        view
    }

    /// What it holds of the heap, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.claims.heap_bytes()
            + self.redemptions.heap_bytes()
            + self.issues.iter().map(Issues::heap_bytes).sum::<usize>()
            + self.ranking.as_ref().map_or(0, Ranking::heap_bytes)
            + self.room.as_ref().map_or(0, |room| room.heap_bytes())
            + self.registrations.as_ref().map_or(0, |registrations| registrations.heap_bytes())
    }
}

/// Whether the check of the limit overlooks this claim: never, but in builds that prove that the tests would notice.
fn lets_a_duplicate_through(serial: Serial) -> bool {
    cfg!(sabotage = "duplicate") && serial.0 % 8 == 5
}
