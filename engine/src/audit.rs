//! Owns the proof that a state keeps its promises: no coupon type over its quota, nobody over the limit, no code twice. It
//! counts the claims themselves, and believes none of the counters and tables that decisions were made by.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use siphasher::sip::SipHasher13;
use thiserror::Error;

use crate::campaign::{CampaignDefinition, Period, TypeCounts};
use crate::coupon::Codes;
use crate::id::{CampaignId, CampaignNumber, CouponTypeId, Serial, TypeIndex};
use crate::shard::{Campaign, DailyQuota, Grant, State, Void};
use crate::time::Day;

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
    /// How many claims were ever granted.
    pub claims: u32,
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
    people: HashMap<(&'s str, Day), u16, Keyed>,
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
            keys: HashSet::with_hasher(campaign.hasher()),
        }
    }

    fn run(mut self, campaign: &'s Campaign, codes: Option<&Codes>) -> CampaignAudit {
        for (serial, grant, void) in campaign.grants() {
            self.start_day(grant.day);
            self.claim(serial, &grant, void);
            if codes.is_some_and(|codes| !leads_back(codes, self.report.number, serial)) {
                self.report.report(Violation::Code(serial));
            }
        }
        self.end_day();
        self.finish(&campaign.counts)
    }

    fn claim(&mut self, serial: Serial, grant: &Grant<'s>, void: Option<Void>) {
        while let Some((change, later)) = self.changes.split_first().filter(|(change, _)| change.from <= serial) {
            self.changes = later;
            if let Some(daily) = self.daily.get_mut(change.coupon_type.as_index()) {
                *daily = change.quota;
            }
        }
        let index = grant.coupon_type.as_index();
        self.daily_at_last[index] = self.daily[index];
        let counts = &mut self.counts[index];
        let is = |is: Option<bool>| u32::from(is == Some(true));
        let is_issued = 1 - is(void.map(|void| void.restocked));
        counts.issued += is_issued;
        counts.issued_today += 1 - is(void.map(|void| void.restocked_today));
        counts.voided += u32::from(void.is_some());
        if let Some(today) = self.report.days.last_mut() {
            today.issued[index] += is_issued;
        }
        self.report.claims += 1;
        if !void.is_some_and(|void| void.allowed_again) {
            self.person(serial, grant);
        }
    }

    fn person(&mut self, serial: Serial, grant: &Grant<'s>) {
        let period = match self.definition.limit.per {
            Period::Campaign => Day(0),
            Period::Day => grant.day,
        };
        let claims = self.people.entry((grant.user, period)).or_default();
        *claims = claims.saturating_add(1);
        if *claims > self.definition.limit.max {
            self.report.report(Violation::Limit(serial));
        }
        if grant.key.is_some_and(|key| !self.keys.insert((grant.user, key))) {
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
