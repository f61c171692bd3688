//! Owns the check that draws and lotteries follow from their seeds.

use std::collections::HashMap;

use super::{CampaignAudit, Violation};
use crate::campaign::{Mode, Period};
use crate::fairness::{DrawPlace, EntriesHash, LotteryKey, rank};
use crate::id::Serial;
use crate::shard::{Campaign, period_text};
use crate::time::Timestamp;

/// Ranks are computed one by one here, in another way than when the lottery was drawn: of so many entries, spread over all.
const RANKS_MAX: u32 = 10_000;

pub(super) fn check(campaign: &Campaign, report: &mut CampaignAudit) {
    match campaign.definition.mode {
        Mode::FirstCome => {}
        Mode::Draw => check_draws(campaign, report),
        Mode::Lottery => check_ranks(campaign, report),
    }
}

fn check_draws(campaign: &Campaign, report: &mut CampaignAudit) {
    let (seed, odds) = campaign.seed.as_ref().zip(campaign.odds.as_ref()).expect("a campaign of draws has both");
    let definition = &campaign.definition;
    let per = definition.limit.per;
    let mut numbers: HashMap<(&str, u64), u32, _> = HashMap::with_hasher(campaign.hasher());
    for fate in campaign.grants() {
        let grant = fate.grant;
        let period = match per {
            Period::Campaign => 0,
            Period::Day => u64::from(grant.day.0),
            Period::Window => grant.window.map_or(0, Timestamp::as_milliseconds),
        };
        let number = numbers.entry((grant.user, period)).or_insert(0);
        *number += 1;
        let text = period_text(per, grant.day, grant.window);
        let place = DrawPlace { campaign: definition.id.as_str(), user: grant.user, period: &text, number: *number };
        report.recomputed += 1;
        if odds.sample(seed, &place) != grant.coupon_type {
            report.report(Violation::Draw(fate.serial));
        }
    }
}

fn check_ranks(campaign: &Campaign, report: &mut CampaignAudit) {
    let Some((seed, ranking)) = campaign.seed.as_ref().zip(campaign.ranking.as_ref()) else { return };
    let mut entries = EntriesHash::new();
    let mut count: u32 = 0;
    for fate in campaign.grants() {
        entries.update(fate.grant.user);
        count += 1;
    }
    if entries.value() != ranking.entries_hash {
        report.report(Violation::Rank(Serial(0)));
        return;
    }
    let key = LotteryKey::new(seed, &ranking.entries_hash);
    let step = usize::try_from(count.div_ceil(RANKS_MAX)).expect("fewer than RANKS_MAX apart").max(1);
    for entry in (0..count).step_by(step) {
        report.recomputed += 1;
        if rank(&key, entry + 1, count) != ranking.rank(Serial(entry)) {
            report.report(Violation::Rank(Serial(entry)));
        }
    }
}
