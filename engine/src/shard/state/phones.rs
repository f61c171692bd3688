//! Owns how often each phone number was granted something, where the limit is by phone. Numbers themselves are not known
//! here: ids stand for them.

use hashbrown::HashMap;

use super::chunks::Chunks;
use crate::id::{PhoneId, Serial};

/// How many tables share the entries, so that none stalls its shard while it grows.
const TABLES: usize = 256;

/// The phones of one campaign.
#[derive(Debug, Clone, Default)]
pub(super) struct Phones {
    /// A claim each.
    by_claim: Chunks<PhoneId>,
    ids_below: u64,
    /// Empty until the first claim.
    uses: Vec<HashMap<PhoneId, Uses>>,
}

/// What a phone had in the last period that it was used in.
#[derive(Debug, Clone, Copy)]
struct Uses {
    /// The first claim of that period.
    since: Serial,
    count: u16,
}

impl Phones {
    /// Every id of a claim is below this.
    pub(super) fn ids_below(&self) -> u64 {
        self.ids_below
    }

    /// The phone that a claim counts for.
    pub(super) fn of(&self, claim: Serial) -> Option<PhoneId> {
        self.by_claim.at(claim.0).copied()
    }

    /// How many claims count for `phone` in the period whose first claim is `since`.
    pub(super) fn count(&self, phone: PhoneId, since: Serial) -> u16 {
        let uses = self.uses.get(table(phone)).and_then(|table| table.get(&phone));
        uses.filter(|uses| uses.since == since).map_or(0, |uses| uses.count)
    }

    /// Counts the next claim for `phone`.
    pub(super) fn push(&mut self, phone: PhoneId, since: Serial) {
        if self.uses.is_empty() {
            self.uses.resize_with(TABLES, HashMap::new);
        }
        let uses = self.uses[table(phone)].entry(phone).or_insert(Uses { since, count: 0 });
        if uses.since != since {
            *uses = Uses { since, count: 0 };
        }
        uses.count += 1;
        self.by_claim.push(phone);
        self.ids_below = self.ids_below.max(phone.0.saturating_add(1));
    }

    /// Stops counting a claim. One of an earlier period counts no more in any case.
    pub(super) fn give_back(&mut self, claim: Serial) {
        let Some(phone) = self.of(claim) else { return };
        let uses = self.uses[table(phone)].get_mut(&phone).expect("a phone that was counted");
        if claim >= uses.since {
            uses.count -= 1;
        }
    }

    /// What it holds of the heap, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.by_claim.heap_bytes()
            + self.uses.capacity() * size_of::<HashMap<PhoneId, Uses>>()
            + self.uses.iter().map(HashMap::allocation_size).sum::<usize>()
    }
}

/// Ids are dealt in order, so that their low bits spread them evenly.
fn table(phone: PhoneId) -> usize {
    usize::from(phone.0.to_le_bytes()[0])
}
