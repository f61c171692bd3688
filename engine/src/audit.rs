//! Owns the proof that a state keeps its promises: no coupon type over its quota, nobody over the limit, no code twice, no
//! coupon redeemed twice, no hold beyond its end, every draw and every rank as the seed has it. It counts the claims
//! themselves, and believes none of the counters and tables that decisions were made by.

mod draws;
mod redemptions;

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use siphasher::sip::SipHasher13;
use thiserror::Error;

use crate::campaign::{CampaignDefinition, LimitBy, Period, TypeCounts};
use crate::coupon::Codes;
use crate::id::{CampaignId, CampaignNumber, CouponTypeId, PhoneId, Serial, TypeIndex};
use crate::shard::{Campaign, DailyQuota, Fate, Grant, Life, State};
use crate::time::{Day, Timestamp};

/// What was found in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Every campaign, by number.
    pub campaigns: Vec<CampaignAudit>,
}

/// What was found in a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignAudit {
    /// Its number in the log.
    pub number: CampaignNumber,
    /// Its name in requests.
    pub id: CampaignId,
    /// Whether it is archived: then nothing else is known.
    pub archived: bool,
    /// How many claims were ever granted, draws made or entries taken.
    pub claims: u32,
    /// How many draws, or ranks of a lottery, were computed again from the seed.
    pub recomputed: u32,
    /// How many redemptions there were, whatever became of them.
    pub redemptions: u32,
    /// Its coupon types, in listed order.
    pub coupon_types: Vec<TypeAudit>,
    /// The days with claims, in order.
    pub days: Vec<DayAudit>,
    /// The first promises found broken, at most [`CampaignAudit::VIOLATIONS_MAX`].
    pub violations: Vec<Violation>,
    /// How many were found broken.
    pub violation_count: u64,
}

/// What was counted of a coupon type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeAudit {
    /// Its name in requests.
    pub id: CouponTypeId,
    /// How many may be issued.
    pub total_quota: u32,
    /// How many are issued and not given back.
    pub issued: u32,
    /// How many may yet be issued.
    pub remaining: u32,
    /// How many were voided one by one.
    pub voided: u32,
    /// How many are redeemed.
    pub redeemed: u32,
    /// How many ran out.
    pub expired: u32,
}

/// What was counted of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayAudit {
    /// The day, in the campaign's zone.
    pub day: Day,
    /// How many were issued on it and not given back since, a coupon type at a time: over all days, these are
    /// [`TypeAudit::issued`].
    pub issued: Vec<u32>,
}

/// A promise that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Violation {
    /// More of a coupon type are issued than its total quota.
    #[error("coupon type {}: {issued} are issued, the total quota is {quota}", coupon_type.0)]
    TotalQuota {
        /// Which one.
        coupon_type: TypeIndex,
        /// How many.
        issued: u32,
        /// The quota.
        quota: u32,
    },
    /// More of a coupon type were issued on a day than the daily quota in force when the last of them was.
    #[error("coupon type {}: {issued} were issued on day {}, the daily quota was {quota}", coupon_type.0, day.0)]
    DailyQuota {
        /// Which one.
        coupon_type: TypeIndex,
        /// On which day.
        day: Day,
        /// How many.
        issued: u32,
        /// The quota.
        quota: u32,
    },
    /// Somebody has more claims in a period than the limit allows.
    #[error("claim {} is one more than its person may have", .0.0)]
    Limit(Serial),
    /// A phone number has more claims in a period than the limit allows.
    #[error("claim {} is one more than its phone number may have", .0.0)]
    PhoneLimit(Serial),
    /// What a draw sampled does not follow from the seed.
    #[error("draw {} does not follow from the seed", .0.0)]
    Draw(Serial),
    /// The lottery was not drawn from its entries, or an entry's rank does not follow from the seed.
    #[error("the rank of entry {} does not follow from the seed and the entries", .0.0)]
    Rank(Serial),
    /// A coupon is redeemed, or held, by more than one redemption, or by none.
    #[error("the coupon of claim {} is redeemed or held {times} times", claim.0)]
    Redeemed {
        /// Whose coupon.
        claim: Serial,
        /// How often.
        times: u32,
    },
    /// Two claims of one person bear one key.
    #[error("claim {} bears a key for the second time", .0.0)]
    KeyTwice(Serial),
    /// A claim's code or id leads to another claim or none, so that another claim may bear it.
    #[error("the code or the id of claim {} leads elsewhere", .0.0)]
    Code(Serial),
    /// The counts that decisions are made by are not those of the claims.
    #[error("coupon type {}: the state counts {counted:?}, the claims are {found:?}", coupon_type.0)]
    Counts {
        /// Which one.
        coupon_type: TypeIndex,
        /// By the state.
        counted: TypeCounts,
        /// By the claims.
        found: TypeCounts,
    },
}

impl Violation {
    /// Whether a draw or a lottery does not follow from its seed.
    pub fn is_of_a_draw(&self) -> bool {
        matches!(self, Violation::Draw(_) | Violation::Rank(_))
    }
}

impl Audit {
    /// Checks every campaign of `state`, whose codes are made by `codes`.
    pub fn of(state: &State, codes: &Codes) -> Self {
        Self::with(state, Some(codes))
    }

    /// Checks every campaign of `state`, but for its codes: for a log without its keys.
    pub fn without_codes(state: &State) -> Self {
        Self::with(state, None)
    }

    fn with(state: &State, codes: Option<&Codes>) -> Self {
        let audit = |number| {
            let id = state.id(number).expect("a campaign of the state").clone();
            match state.live(number) {
                Some(campaign) => Recount::new(number, id, campaign).run(campaign, codes),
                None => CampaignAudit::archived(number, id),
            }
        };
        Self { campaigns: state.campaigns().map(audit).collect() }
    }

    /// Whether every promise is kept.
    pub fn is_sound(&self) -> bool {
        self.campaigns.iter().all(|campaign| campaign.violation_count == 0)
    }
}

impl CampaignAudit {
    /// The most violations that are listed: what follows is counted.
    pub const VIOLATIONS_MAX: usize = 100;

    fn archived(number: CampaignNumber, id: CampaignId) -> Self {
        Self {
            number,
            id,
            archived: true,
            claims: 0,
            recomputed: 0,
            redemptions: 0,
            coupon_types: Vec::new(),
            days: Vec::new(),
            violations: Vec::new(),
            violation_count: 0,
        }
    }

    fn report(&mut self, violation: Violation) {
        self.violation_count += 1;
        if self.violations.len() < Self::VIOLATIONS_MAX {
            self.violations.push(violation);
        }
    }
}

/// A campaign on its way through its claims.
struct Recount<'s> {
    report: CampaignAudit,
    definition: &'s CampaignDefinition,
    counts: Vec<TypeCounts>,
    /// The daily quotas in force at the present claim, and those that come later.
    daily: Vec<Option<u32>>,
    changes: &'s [DailyQuota],
    /// The daily quota in force when the day's last unit of a type was issued: every earlier one of that day counted
    /// towards the same sum, and voids since have only made it smaller.
    daily_at_last: Vec<Option<u32>>,
    people: HashMap<(&'s str, u64), u16, Keyed>,
    phones: HashMap<(PhoneId, u64), u16, Keyed>,
    keys: HashSet<(&'s str, &'s str), Keyed>,
}

impl<'s> Recount<'s> {
    fn new(number: CampaignNumber, id: CampaignId, campaign: &'s Campaign) -> Self {
        let types = campaign.definition.coupon_types.len();
        Self {
            report: CampaignAudit { archived: false, ..CampaignAudit::archived(number, id) },
            definition: &campaign.definition,
            counts: vec![TypeCounts::default(); types],
            daily: campaign.created.coupon_types.iter().map(|coupon_type| coupon_type.daily_quota).collect(),
            changes: &campaign.daily_quotas,
            daily_at_last: vec![None; types],
            people: HashMap::with_hasher(campaign.hasher()),
            phones: HashMap::with_hasher(campaign.hasher()),
            keys: HashSet::with_hasher(campaign.hasher()),
        }
    }

    fn run(mut self, campaign: &'s Campaign, codes: Option<&Codes>) -> CampaignAudit {
        for fate in campaign.grants() {
            let serial = fate.serial;
            self.start_day(fate.grant.day);
            self.claim(&fate);
            if codes.is_some_and(|codes| !leads_back(codes, self.report.number, serial)) {
                self.report.report(Violation::Code(serial));
            }
        }
        self.end_day();
        draws::check(campaign, &mut self.report);
        redemptions::check(campaign, &mut self.report);
        for ((coupon_type, _), counts) in self.definition.indexed_coupon_types().zip(&mut self.counts) {
            counts.imported = campaign.imported_codes(coupon_type);
        }
        self.finish(&campaign.counts)
    }

    fn claim(&mut self, fate: &Fate<'s>) {
        let serial = fate.serial;
        while let Some((change, later)) = self.changes.split_first().filter(|(change, _)| change.from <= serial) {
            self.changes = later;
            if let Some(daily) = self.daily.get_mut(change.coupon_type.as_index()) {
                *daily = change.quota;
            }
        }
        if let Some(won) = fate.won {
            self.coupon(won, fate);
        }
        self.report.claims += 1;
        if !fate.void.is_some_and(|void| void.allowed_again) {
            self.person(serial, &fate.grant);
        }
    }

    fn coupon(&mut self, won: TypeIndex, fate: &Fate<'s>) {
        let index = won.as_index();
        self.daily_at_last[index] = self.daily[index];
        let counts = &mut self.counts[index];
        let is_issued = 1 - u32::from(fate.restocked.total);
        counts.handed_out += 1;
        counts.issued += is_issued;
        // The winners of a lottery are drawn at once, and count for no day.
        counts.issued_today += u32::from(fate.grant.won().is_some()) - u32::from(fate.restocked.today);
        counts.voided += u32::from(fate.void.is_some());
        counts.redeemed += u32::from(fate.life == Life::Redeemed);
        counts.expired += u32::from(fate.life == Life::Expired && fate.void.is_none());
        if let Some(today) = self.report.days.last_mut() {
            today.issued[index] += is_issued;
        }
    }

    fn person(&mut self, serial: Serial, grant: &Grant<'s>) {
        let limit = &self.definition.limit;
        let period = match limit.per {
            Period::Campaign => 0,
            Period::Day => u64::from(grant.day.0),
            Period::Window => grant.window.map_or(0, Timestamp::as_milliseconds),
        };
        let had = self.people.entry((grant.user, period)).or_insert(0);
        *had += 1;
        if *had > limit.max {
            self.report.report(Violation::Limit(serial));
        }
        if let Some(phone) = grant.phone.filter(|_| limit.by == LimitBy::Phone) {
            let had = self.phones.entry((phone, period)).or_insert(0);
            *had += 1;
            if *had > limit.max {
                self.report.report(Violation::PhoneLimit(serial));
            }
        }
        if let Some(key) = grant.key
            && !self.keys.insert((grant.user, key))
        {
            self.report.report(Violation::KeyTwice(serial));
        }
    }

    fn start_day(&mut self, day: Day) {
        if self.report.days.last().is_none_or(|last| last.day != day) {
            self.end_day();
            self.counts.iter_mut().for_each(|counts| counts.issued_today = 0);
            self.report.days.push(DayAudit { day, issued: vec![0; self.counts.len()] });
        }
    }

    fn end_day(&mut self) {
        let Some(day) = self.report.days.last().map(|last| last.day) else { return };
        for ((coupon_type, _), (counts, quota)) in
            self.definition.indexed_coupon_types().zip(self.counts.iter().zip(&mut self.daily_at_last))
        {
            let issued = counts.issued_today;
            if let Some(quota) = quota.take().filter(|quota| issued > *quota) {
                self.report.report(Violation::DailyQuota { coupon_type, day, issued, quota });
            }
        }
    }

    fn finish(mut self, counted: &[TypeCounts]) -> CampaignAudit {
        for ((coupon_type, definition), (found, counted)) in
            self.definition.indexed_coupon_types().zip(self.counts.iter().zip(counted))
        {
            let (issued, quota) = (found.issued, definition.total_quota);
            if issued > quota {
                self.report.report(Violation::TotalQuota { coupon_type, issued, quota });
            }
            if found != counted {
                self.report.report(Violation::Counts { coupon_type, counted: *counted, found: *found });
            }
            self.report.coupon_types.push(TypeAudit {
                id: definition.id.clone(),
                total_quota: quota,
                issued,
                remaining: quota.saturating_sub(issued),
                voided: found.voided,
                redeemed: found.redeemed,
                expired: found.expired,
            });
        }
        self.report
    }
}

/// Whether the claim's code and id lead to it again: then no other claim has them.
fn leads_back(codes: &Codes, campaign: CampaignNumber, serial: Serial) -> bool {
    let place = Some((campaign, serial));
    codes.find(codes.code(campaign, serial).as_str()) == place
        && codes.find_claim(codes.claim_id(campaign, serial).as_str()) == place
}

/// Hashes under the person key: the ids are as hostile here as they are to a shard.
#[derive(Debug, Clone)]
pub(crate) struct Keyed(pub(crate) SipHasher13);

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        self.0
    }
}
