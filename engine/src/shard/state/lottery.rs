//! Owns a drawn lottery: who won what follows from the rank of each entry, and is stored for nobody.

use std::sync::Arc;

use super::campaign::Campaign;
use super::coupon::Win;
use crate::campaign::{CodeSource, TypeCounts};
use crate::fairness::{LotteryKey, Ranks};
use crate::id::{Serial, TypeIndex};
use crate::time::Timestamp;

/// The ranks of a lottery's entries, and what they win: ranks fill the coupon types in listed order.
#[derive(Debug, Clone)]
pub(crate) struct Ranking {
    pub(crate) at: Timestamp,
    pub(crate) entries_hash: [u8; 32],
    /// How many coupons of each type were won.
    pub(crate) fills: Vec<u32>,
    pub(super) ranks: Arc<Ranks>,
}

impl Ranking {
    /// The entry's rank, from 1.
    pub(crate) fn rank(&self, entry: Serial) -> u32 {
        self.ranks.rank_of(entry.0 + 1)
    }

    /// What the entry won, if anything.
    pub(super) fn win(&self, entry: Serial) -> Option<Win> {
        if entry.0 >= self.ranks.count() {
            return None;
        }
        let mut position = self.rank(entry) - 1;
        for (coupon_type, fill) in (0u16..).map(TypeIndex).zip(&self.fills) {
            if position < *fill {
                return Some(Win { coupon_type, at: self.at, position });
            }
            position -= fill;
        }
        None
    }

    /// The entry that won the coupon at this place of its type.
    pub(super) fn issued(&self, coupon_type: TypeIndex, position: u32) -> Option<Serial> {
        let fill = self.fills.get(coupon_type.as_index())?;
        let before: u32 = self.fills[..coupon_type.as_index()].iter().sum();
        (position < *fill).then(|| Serial(self.ranks.number_at(before + position + 1) - 1))
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.ranks.heap_bytes()
    }
}

impl Campaign {
    /// What the ranks follow from, now that nobody enters any more.
    pub(super) fn lottery_key(&self) -> Option<LotteryKey> {
        self.seed.as_ref().map(|seed| LotteryKey::new(seed, &self.entries_hash.value()))
    }

    /// How many coupons of each type so many entries win.
    pub(super) fn fills(&self, entries: u32) -> Vec<u32> {
        let mut left = entries;
        let fill = |(definition, counts): (&crate::campaign::CouponTypeDefinition, &TypeCounts)| {
            let codes = match definition.codes {
                CodeSource::Generated => u32::MAX,
                CodeSource::Imported => counts.imported,
            };
            let fill = definition.total_quota.min(codes).min(left);
            left -= fill;
            fill
        };
        self.definition.coupon_types.iter().zip(&self.counts).map(fill).collect()
    }

    /// Takes the ranks in, and counts what they win.
    pub(super) fn set_ranking(&mut self, ranking: Ranking) {
        for ((issues, counts), fill) in self.issues.iter_mut().zip(&mut self.counts).zip(&ranking.fills) {
            counts.issued += fill;
            counts.handed_out += fill;
            if *fill > 0 {
                issues.last_at = Some(ranking.at);
            }
        }
        self.ranking = Some(ranking);
    }
}
