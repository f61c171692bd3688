//! Owns what a campaign is worth at one moment: its settings, its counts, and what follows from both. Leaves what may be
//! done about it to [`super::decide`] and [`super::apply`].

use std::sync::Arc;

use super::claims::{Claims, Grant, Person};
use super::record::{Record, Void};
use crate::campaign::calendar::Calendar;
use crate::campaign::{CampaignDefinition, CampaignPatch, CampaignView, Cancellation, Period, TypeCounts};
use crate::id::{CampaignNumber, Serial, TypeIndex};
use crate::outcome::{ClaimView, CouponState, Refusal};
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
    /// A coupon type each. Those of today are of `day`.
    pub(crate) counts: Vec<TypeCounts>,
    /// The day of the last claim: the floor under today, whatever the clock says.
    pub(crate) day: Day,
    /// A coupon type each.
    pub(super) issues: Vec<Issues>,
    /// Every change of a daily quota, so that an audit can judge past days by the quota of their time.
    pub(crate) daily_quotas: Vec<DailyQuota>,
    pub(crate) last_event_at: Timestamp,
    pub(super) claims: Claims,
    pub(super) calendar: Calendar,
}

/// What was ever issued of a coupon type, given back or not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Issues {
    pub(super) count: u32,
    pub(super) last_at: Option<Timestamp>,
}

/// What is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) accept_claims: bool,
    pub(crate) accept_redemptions: bool,
}

/// A daily quota that was changed: from this claim on it is this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DailyQuota {
    pub(crate) from: Serial,
    pub(crate) coupon_type: TypeIndex,
    pub(crate) quota: Option<u32>,
}

/// Whether a coupon type has units left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stock {
    Left,
    GoneToday,
    Gone,
}

impl Campaign {
    /// A campaign without claims; `None` if its zone is unknown.
    pub(super) fn new(
        number: CampaignNumber,
        definition: CampaignDefinition,
        created_at: Timestamp,
        person_key: &[u8; 16],
    ) -> Option<Self> {
        let calendar = Calendar::new(&definition.time_zone)?;
        let total: u64 = definition.coupon_types.iter().map(|each| u64::from(each.total_quota)).sum();
        let expected = u32::try_from(total).unwrap_or(u32::MAX).min(definition.expected_claimants);
        let definition = Arc::new(definition);
        Some(Self {
            number,
            created: Arc::clone(&definition),
            created_at,
            flags: Flags { accept_claims: true, accept_redemptions: true },
            cancelled: None,
            counts: vec![TypeCounts::default(); definition.coupon_types.len()],
            day: Day(0),
            issues: vec![Issues::default(); definition.coupon_types.len()],
            daily_quotas: Vec::new(),
            last_event_at: created_at,
            claims: Claims::new(person_key, expected),
            calendar,
            definition,
        })
    }

    /// The day that a claim at `now` counts for. Never before that of an earlier claim: a clock set back hands out no
    /// second daily quota.
    pub(super) fn today(&self, now: Timestamp) -> Day {
        self.calendar.day(now).max(self.day)
    }

    /// When the quota of [`Campaign::today`] is followed by the next.
    pub(super) fn resets_at(&self, now: Timestamp) -> Timestamp {
        if self.calendar.day(now) < self.day {
            self.calendar.day_after_at(self.day)
        } else {
            self.calendar.next_day_at(now)
        }
    }

    /// Whether the coupon type has units left on `day`, today or later.
    pub(super) fn stock(&self, coupon_type: TypeIndex, day: Day) -> Stock {
        let definition = &self.definition.coupon_types[coupon_type.as_index()];
        let counts = &self.counts[coupon_type.as_index()];
        let issued_today = if day == self.day { counts.issued_today } else { 0 };
        if counts.issued >= definition.total_quota || self.claims.count() == u32::MAX {
            Stock::Gone
        } else if definition.daily_quota.is_some_and(|daily| issued_today >= daily) {
            Stock::GoneToday
        } else {
            Stock::Left
        }
    }

    /// Whether the person may have no more claims on `day`, today or later.
    pub(super) fn is_limit_reached(&self, person: Person, day: Day) -> bool {
        let max = usize::from(self.definition.limit.max);
        self.counting(person, day).take(max).count() == max
    }

    /// The person's claims that count against the limit on `day`, the latest first.
    pub(super) fn counting(&self, person: Person, day: Day) -> impl Iterator<Item = Serial> {
        let first = match self.definition.limit.per {
            Period::Campaign => Serial(0),
            Period::Day => self.claims.first_on(day),
        };
        let in_period = self.claims.of_person(person).take_while(move |serial| *serial >= first);
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

    /// A claim that exists, as it stands at `now`.
    pub(super) fn claim_view(&self, serial: Serial, now: Timestamp) -> ClaimView {
        let record = self.record(serial);
        let is_void = record.void().is_some() || self.is_revoked();
        let mut view = self.won_view(serial, record.coupon_type(), record.at());
        if is_void {
            view.state = CouponState::Void;
        } else if view.expires_at.is_some_and(|expires_at| now >= expires_at) {
            view.state = CouponState::Expired;
        }
        view
    }

    /// A claim that is granted at `at`.
    pub(super) fn won_view(&self, serial: Serial, coupon_type: TypeIndex, at: Timestamp) -> ClaimView {
        let valid_for = self.definition.coupon_types[coupon_type.as_index()].valid_for;
        ClaimView {
            campaign: self.number,
            serial,
            coupon_type,
            decided_at: at,
            expires_at: valid_for.map(|span| at.saturating_add(span)),
            state: CouponState::Issued,
        }
    }

    /// Hashes people as hostile as these.
    pub(crate) fn hasher(&self) -> crate::audit::Keyed {
        crate::audit::Keyed(self.claims.hasher())
    }

    /// Every claim as it was granted and, if so, voided, by serial.
    pub(crate) fn grants(&self) -> impl Iterator<Item = (Serial, Grant<'_>, Option<Void>)> {
        (0..self.claims.count()).map(|serial| {
            let serial = Serial(serial);
            let grant = self.claims.grant(serial).expect("serials have no gaps");
            (serial, grant, self.record(serial).void())
        })
    }

    /// Whether every coupon was voided when it was cancelled.
    pub(super) fn is_revoked(&self) -> bool {
        self.cancelled.is_some_and(|cancellation| cancellation.revoke)
    }

    /// Why it may not be archived at `now`, if it may not.
    ///
    /// Answered from the last issue of each coupon type, not from its claims, of which there may be ten million: where the
    /// last ones of a type were voided, archiving waits until they would have expired.
    pub(super) fn still_live(&self, now: Timestamp) -> Option<Refusal> {
        if self.cancelled.is_none() && now < self.definition.ends_at {
            return Some(Refusal::StillLive { until: None });
        }
        if self.is_revoked() {
            return None;
        }
        let mut last_until = None;
        for ((definition, issues), counts) in self.definition.coupon_types.iter().zip(&self.issues).zip(&self.counts) {
            let Some(last_at) = issues.last_at.filter(|_| issues.count > counts.voided) else { continue };
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
            today: self.day,
            counts: self.counts.clone(),
        }
    }

    /// As a reader would see it after `patch`.
    pub(super) fn view_after(&self, patch: &CampaignPatch) -> CampaignView {
        let mut view = self.view();
        view.definition = Arc::new(patch.applied_to(&self.definition));
        view.accept_claims = patch.accept_claims.unwrap_or(view.accept_claims);
        view.accept_redemptions = patch.accept_redemptions.unwrap_or(view.accept_redemptions);
        view
    }
}

/// Whether the check of the limit overlooks this claim: never, but in builds that prove that the tests would notice.
fn lets_a_duplicate_through(serial: Serial) -> bool {
    cfg!(sabotage = "duplicate") && serial.0 % 8 == 5
}
