//! Claims and draws, and lists of them.

use landrush_engine::campaign::{LimitBy, Mode, Period};
use landrush_engine::command::Claim;
use landrush_engine::fairness::{DrawPlace, Odds};
use landrush_engine::id::{Serial, TypeIndex, UserId};
use landrush_engine::outcome::{Outcome, Refusal};
use landrush_engine::time::{Day, Timestamp};

use super::{ModelCampaign, ModelClaim, ZONE_MS, refuse};
use crate::shop::{DAY_MS, at, seed};

/// When a claim counts.
#[derive(Clone, Copy)]
struct Moment {
    day: Day,
    window: Option<Timestamp>,
}

impl ModelCampaign {
    pub(super) fn claim(&mut self, claim: &Claim, mode: Mode, now: Timestamp) -> Outcome {
        if claim.coupon_type.is_some_and(|named| named.as_index() >= self.definition.coupon_types.len()) {
            return refuse(Refusal::NoSuchCouponType);
        }
        if self.definition.mode != mode {
            return refuse(Refusal::WrongMode);
        }
        let limit = self.definition.limit;
        if limit.max > 1 && claim.key.is_none() {
            return refuse(Refusal::KeyRequired);
        }
        let moment = self.moment(claim, now);
        if let Some(repeat) = self.repeat(claim, moment, now) {
            return repeat;
        }
        if let Some(refusal) = self.turned_away(claim, moment) {
            return refuse(refusal);
        }
        let (sampled, won) = match mode {
            Mode::FirstCome => match self.choose(claim.coupon_type, moment.day) {
                Ok(coupon_type) => (None, Some(coupon_type)),
                Err(refusal) => return refuse(refusal),
            },
            Mode::Draw => {
                let sampled = self.sample(&claim.user, moment);
                (sampled, sampled.filter(|sampled| self.choose(Some(*sampled), moment.day).is_ok()))
            }
            Mode::Lottery => unreachable!("no campaign of the model"),
        };
        self.count_in_room(&claim.user, now);
        self.claims.push(ModelClaim {
            user: claim.user.clone(),
            key: claim.key.clone().filter(|_| limit.max > 1),
            phone: claim.phone.filter(|_| limit.by == LimitBy::Phone),
            requested: claim.coupon_type,
            sampled,
            won,
            at: now,
            day: moment.day,
            window: moment.window,
            is_void: false,
            is_allowed_again: false,
            has_run_out: false,
            is_expired: false,
            is_restocked: false,
            is_restocked_today: false,
        });
        Outcome::Won(self.claim_view(self.claims.len() - 1, now))
    }

    fn moment(&self, claim: &Claim, now: Timestamp) -> Moment {
        let last_window = self.claims.iter().filter_map(|claim| claim.window).max();
        let window = match self.definition.limit.per {
            Period::Campaign | Period::Day => None,
            Period::Window => last_window.max(self.open_window(claim.stamped_at)),
        };
        Moment { day: self.today(now), window }
    }

    /// The claims that fall into the same period of the limit.
    fn in_period(&self, moment: Moment) -> impl Iterator<Item = (usize, &ModelClaim)> {
        let per = self.definition.limit.per;
        self.claims.iter().enumerate().filter(move |(_, claim)| match per {
            Period::Campaign => true,
            Period::Day => claim.day == moment.day,
            Period::Window => moment.window.is_some() && claim.window == moment.window,
        })
    }

    fn repeat(&self, claim: &Claim, moment: Moment, now: Timestamp) -> Option<Outcome> {
        let is_mine = |other: &ModelClaim| other.user == claim.user && !other.is_allowed_again;
        if self.definition.limit.max == 1 {
            let (index, _) = self.in_period(moment).find(|(_, other)| is_mine(other))?;
            return Some(Outcome::Repeated(self.claim_view(index, now)));
        }
        let mut all = self.claims.iter().enumerate();
        let (index, first) = all.find(|(_, other)| is_mine(other) && other.key == claim.key)?;
        Some(if first.requested == claim.coupon_type {
            Outcome::Repeated(self.claim_view(index, now))
        } else {
            refuse(Refusal::KeyReused)
        })
    }

    fn turned_away(&self, claim: &Claim, moment: Moment) -> Option<Refusal> {
        if self.cancelled.is_some() {
            return Some(Refusal::Cancelled);
        }
        if self.is_over(claim.stamped_at) {
            return Some(Refusal::Ended);
        }
        if !self.accept_claims {
            return Some(Refusal::Paused);
        }
        if let Some(refusal) = self.not_open(claim.stamped_at) {
            return Some(refusal);
        }
        if !self.admits(claim) {
            return Some(Refusal::TicketRequired);
        }
        if !self.hears(&claim.user) {
            return Some(Refusal::NotEligible);
        }
        let limit = self.definition.limit;
        if limit.by == LimitBy::Phone && claim.phone.is_none() {
            return Some(Refusal::PhoneRequired);
        }
        let counting = || self.in_period(moment).filter(|(_, other)| !other.is_allowed_again);
        let mine = counting().filter(|(_, other)| other.user == claim.user).count();
        let phones = counting().filter(|(_, other)| other.phone.is_some() && other.phone == claim.phone).count();
        (mine.max(phones) >= usize::from(limit.max)).then_some(Refusal::LimitReached)
    }

    /// The first type that has quota left, or the one that was asked for.
    pub(super) fn choose(&self, named: Option<TypeIndex>, today: Day) -> Result<TypeIndex, Refusal> {
        let mut any_total = false;
        for (coupon_type, counts) in self.types().zip(self.counts()) {
            let definition = &self.definition.coupon_types[coupon_type.as_index()];
            if named.is_some_and(|named| named != coupon_type) || counts.issued >= definition.total_quota {
                continue;
            }
            any_total = true;
            let issued_today = if today == self.last_day() { counts.issued_today } else { 0 };
            if definition.daily_quota.is_none_or(|daily| issued_today < daily) {
                return Ok(coupon_type);
            }
        }
        let resets_at = at((u64::from(today.0) + 1) * DAY_MS - ZONE_MS);
        Err(if any_total { Refusal::DailySoldOut { resets_at } } else { Refusal::SoldOut })
    }

    /// What anybody can compute: the campaigns of draws count by the day.
    fn sample(&self, user: &UserId, moment: Moment) -> Option<TypeIndex> {
        let drawn = self.in_period(moment).filter(|(_, other)| other.user == *user).count();
        let number = u32::try_from(drawn).expect("few claims") + 1;
        let period = (jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(moment.day.0)).to_string();
        let odds = self.definition.coupon_types.iter().map(|each| each.probability.expect("a campaign of draws"));
        let place = DrawPlace { campaign: self.definition.id.as_str(), user: user.as_str(), period: &period, number };
        Odds::new(odds).expect("valid").sample(&seed(), &place)
    }

    pub(super) fn claims_by_user(&self, user: &UserId, now: Timestamp) -> Outcome {
        let mine = (0..self.claims.len()).filter(|index| self.claims[*index].user == *user);
        Outcome::Claims { items: mine.map(|index| self.item(index, now)).collect(), more: false }
    }

    /// What was issued: draws that won nothing are passed over.
    pub(super) fn claims_page(&self, after: Option<Serial>, limit: u16, now: Timestamp) -> Outcome {
        let mut next = after.map_or(0, |after| after.as_index() + 1);
        let mut items = Vec::new();
        while next < self.claims.len() && items.len() < usize::from(limit) {
            if self.claims[next].won.is_some() {
                items.push(self.item(next, now));
            }
            next += 1;
        }
        Outcome::Claims { items, more: next < self.claims.len() }
    }
}
