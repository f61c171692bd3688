//! What the harness knows about who holds which coupon, and the judgement over it: no type over its quota, nobody with
//! more than the limit, no code twice, no win that changed or is gone, and the server's counts equal to the client's.
//!
//! It knows only what clients were told. What a request without an answer did is unknown until the claim is repeated;
//! from then on it counts like any other.

mod rules;

use std::collections::{HashMap, HashSet};

use crate::answer::{Code, Coupon, Decision, Strange};
pub(crate) use crate::oracle::rules::Rules;
use crate::request::Kind;
use crate::violation::Violation;

/// A claim or a draw that stays the same when it is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ClaimKey {
    /// The campaign, by its place among the rules.
    pub(crate) campaign: u16,
    /// The user's number.
    pub(crate) user: u64,
    /// The number of the idempotency key; 0 where none is sent.
    pub(crate) key: u16,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    decision: Decision,
    /// The one answer that may call itself new has come, or can no longer come.
    settled: bool,
}

/// Everything that users were told, judged as it comes in.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    rules: Vec<Rules>,
    held: HashMap<ClaimKey, Held>,
    /// The claims of `held`, the first told first.
    order: Vec<ClaimKey>,
    codes: HashMap<Code, ClaimKey>,
    issued: Vec<Vec<u64>>,
    issued_by_day: HashMap<(u16, u16, u32), u64>,
    by_user: HashMap<(u16, u64), u32>,
    sold_out: HashSet<u16>,
    /// Coupon types that a draw's odds chose without a coupon for it.
    without_stock: HashSet<(u16, u16)>,
    limit_reached: HashSet<(u16, u64)>,
    doubtful: HashSet<ClaimKey>,
    violations: Vec<Violation>,
}

impl Ledger {
    /// Adds a campaign and says which place it has.
    pub(crate) fn add(&mut self, rules: Rules) -> u16 {
        let place = u16::try_from(self.rules.len()).expect("a run has few campaigns");
        self.issued.push(vec![0; rules.coupon_types.len()]);
        self.rules.push(rules);
        place
    }

    /// The rules of a campaign.
    pub(crate) fn rules(&self, campaign: u16) -> &Rules {
        &self.rules[usize::from(campaign)]
    }

    /// The rules of every campaign, in order.
    pub(crate) fn all_rules(&self) -> impl Iterator<Item = &Rules> {
        self.rules.iter()
    }

    /// The coupon that a claim was told to have, if any.
    pub(crate) fn coupon(&self, key: ClaimKey) -> Option<Coupon> {
        self.held.get(&key)?.decision.coupon
    }

    /// Every claim and draw that was decided, the first told first.
    pub(crate) fn decisions(&self) -> &[ClaimKey] {
        &self.order
    }

    /// How many coupons were told.
    pub(crate) fn wins(&self) -> usize {
        self.codes.len()
    }

    /// Every claim whose effect is unknown, in order.
    pub(crate) fn doubtful(&self) -> Vec<ClaimKey> {
        let mut keys: Vec<_> = self.doubtful.iter().copied().collect();
        keys.sort_unstable();
        keys
    }

    /// What was found wrong so far.
    pub(crate) fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Takes what `key` was told that its claim or draw came to.
    pub(crate) fn decided(&mut self, key: ClaimKey, decision: Decision) {
        if let Some(held) = self.held.get_mut(&key) {
            let changed = changed(key, &held.decision, &decision);
            let again =
                (!decision.repeated && held.settled).then(|| Violation::NewTwice { key, code: decision.code() });
            self.violations.extend(changed.or(again));
            held.settled |= !decision.repeated;
            return;
        }
        self.held.insert(key, Held { decision, settled: !decision.repeated });
        self.order.push(key);
        let Some(coupon) = decision.coupon else {
            if let Some(sampled) = decision.sampled {
                self.without_stock.insert((key.campaign, sampled));
            }
            return;
        };
        if let Some(first) = self.codes.insert(coupon.code, key) {
            self.violations.push(Violation::SameCode { code: coupon.code, first, second: key });
        }
        self.count(key, coupon, decision.day);
    }

    fn count(&mut self, key: ClaimKey, coupon: Coupon, day: u32) {
        let rules = &self.rules[usize::from(key.campaign)];
        let place = usize::from(coupon.coupon_type);
        let total = &mut self.issued[usize::from(key.campaign)][place];
        *total += 1;
        if *total > rules.total_quota[place] {
            let coupon_type = rules.coupon_types[place].clone();
            self.violations.push(Violation::OverQuota { coupon_type, wins: *total, quota: rules.total_quota[place] });
        }
        if let Some(quota) = rules.daily_quota {
            let today = self.issued_by_day.entry((key.campaign, coupon.coupon_type, day)).or_default();
            *today += 1;
            if *today > quota {
                let coupon_type = rules.coupon_types[place].clone();
                self.violations.push(Violation::OverDailyQuota { coupon_type, day, wins: *today, quota });
            }
        }
        // With a limit of one, a user's second coupon is a second answer to the same claim and was judged as that.
        if rules.limit > 1 {
            let wins = self.by_user.entry((key.campaign, key.user)).or_default();
            *wins += 1;
            if *wins > rules.limit {
                self.violations.push(Violation::OverLimit { key, wins: *wins, limit: rules.limit });
            }
        }
    }

    /// Takes a refusal that `key` was told; `confirming` says that what is known of the claim was known before it was sent.
    pub(crate) fn refused(&mut self, key: ClaimKey, code: &str, confirming: bool) {
        if let Some(held) = self.held.get(&key).filter(|_| confirming) {
            self.violations.push(Violation::Lost { key, code: held.decision.code(), told: code.to_owned() });
            return;
        }
        match code {
            "sold_out" if self.rules(key.campaign).kind == Kind::Claim => {
                self.sold_out.insert(key.campaign);
            }
            "limit_reached" => {
                self.limit_reached.insert((key.campaign, key.user));
            }
            "daily_sold_out" | "overloaded" | "rate_limited" | "shutting_down" | "log_unavailable" => {}
            code => self.violations.push(Violation::UnexpectedRefusal { key, code: code.to_owned() }),
        }
    }

    /// Takes note that the list of a user's claims does not show the win of `key`.
    pub(crate) fn not_shown(&mut self, key: ClaimKey) {
        self.violations.push(Violation::NotShown { key });
    }

    /// Takes note that what `key` asked for may or may not have happened.
    pub(crate) fn unknown(&mut self, key: ClaimKey) {
        self.doubtful.insert(key);
    }

    /// Takes note that `key` has been asked again and answered: nothing about it is in doubt any more.
    pub(crate) fn settle(&mut self, key: ClaimKey) {
        let doubted = self.doubtful.remove(&key);
        if let Some(held) = self.held.get_mut(&key) {
            if !held.settled && !doubted {
                self.violations.push(Violation::NeverNew { key, code: held.decision.code() });
            }
            held.settled = true;
        }
    }

    /// Takes an answer that the contract does not have.
    pub(crate) fn strange(&mut self, key: ClaimKey, what: Strange) {
        self.violations.push(Violation::Strange { key, what });
    }

    /// Takes note that `key` was asked again and never answered. Whether it has won is only known if that was told.
    pub(crate) fn not_confirmed(&mut self, key: ClaimKey) {
        self.violations.push(match self.held.get(&key) {
            Some(held) => Violation::NotConfirmed { key, code: held.decision.code() },
            None => Violation::NotSettled { key },
        });
    }

    /// Whether what is left of each type of `campaign` and what users were told make up the quota.
    pub(crate) fn adds_up(&self, campaign: u16, remaining: &[u64]) -> bool {
        let (told, quota) = (&self.issued[usize::from(campaign)], &self.rules(campaign).total_quota);
        assert_eq!(remaining.len(), quota.len(), "one count a coupon type");
        told.iter().zip(remaining).zip(quota).all(|((told, left), quota)| told.checked_add(*left) == Some(*quota))
    }

    /// Holds what the server says is left of each type of `campaign` against what users were told. Only meaningful
    /// when nothing is in doubt.
    pub(crate) fn compare(&mut self, campaign: u16, remaining: &[u64]) {
        let rules = &self.rules[usize::from(campaign)];
        let told = &self.issued[usize::from(campaign)];
        if !self.adds_up(campaign, remaining) {
            self.violations.push(Violation::CountsDiffer {
                campaign: rules.campaign.clone(),
                told: told.clone(),
                remaining: remaining.to_vec(),
                quota: rules.total_quota.clone(),
            });
        }
        let (wins, quota): (u64, u64) = (told.iter().sum(), rules.total_quota.iter().sum());
        if self.sold_out.contains(&campaign) && wins < quota {
            self.violations.push(Violation::RefusedWithStock { campaign: rules.campaign.clone(), wins, quota });
        }
        for (place, (wins, quota)) in told.iter().copied().zip(rules.total_quota.iter().copied()).enumerate() {
            let sampled = (campaign, u16::try_from(place).expect("a handful of types"));
            if wins < quota && self.without_stock.contains(&sampled) {
                let coupon_type = rules.coupon_types[place].clone();
                self.violations.push(Violation::WithheldWithStock { coupon_type, wins, quota });
            }
        }
        // Coupons do not go away here, so that it is enough to look once.
        for (campaign, user) in self.limit_reached.extract_if(|(refused, _)| *refused == campaign) {
            let wins = self.by_user.get(&(campaign, user)).copied().unwrap_or_default();
            if wins < rules.limit {
                let (key, limit) = (ClaimKey { campaign, user, key: 0 }, rules.limit);
                self.violations.push(Violation::RefusedBelowLimit { key, wins, limit });
            }
        }
    }
}

/// What is wrong with telling `key` one thing first and another then, if anything is.
fn changed(key: ClaimKey, first: &Decision, then: &Decision) -> Option<Violation> {
    match (first.code(), then.code()) {
        (Some(first), Some(second)) if first != second => Some(Violation::WonTwice { key, first, second }),
        (code @ Some(_), None) => Some(Violation::Lost { key, code, told: "no_coupon".into() }),
        (None, Some(code)) => Some(Violation::WonLater { key, code }),
        (code, _) => (first.fingerprint != then.fingerprint).then_some(Violation::AnswerChanged { key, code }),
    }
}

#[cfg(test)]
mod tests;
