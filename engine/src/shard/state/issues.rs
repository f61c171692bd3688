//! Owns the order in which a coupon type's units were issued: it leads from a place in that order to the claim and back, for
//! imported codes, which are handed out in it, and for coupons that run out, which do so in it.

use super::chunks::Chunks;
use crate::command::CodeFile;
use crate::id::Serial;
use crate::time::Timestamp;

/// What was ever issued of a coupon type, given back or not.
#[derive(Debug, Clone, Default)]
pub(super) struct Issues {
    pub(super) last_at: Option<Timestamp>,
    /// How many of them, from the first, have come to the end of their time.
    pub(super) run_out: u32,
    /// The files of codes that were imported, in order.
    pub(super) files: Vec<CodeFile>,
    order: Order,
}

/// Which claim is at which place.
#[derive(Debug, Clone, Default)]
enum Order {
    /// Every claim of the campaign is of this type, and won.
    #[default]
    All,
    /// These are.
    Some(Chunks<Serial>),
}

impl Issues {
    /// None yet. `is_all`: every claim of the campaign will be of this type.
    pub(super) fn new(is_all: bool) -> Self {
        let order = if is_all { Order::All } else { Order::Some(Chunks::default()) };
        Self { order, ..Self::default() }
    }

    /// Takes the next one in.
    pub(super) fn push(&mut self, claim: Serial, at: Timestamp) {
        self.last_at = self.last_at.max(Some(at));
        if let Order::Some(serials) = &mut self.order {
            serials.push(claim);
        }
    }

    /// The claim at `position`, which there is.
    pub(super) fn claim(&self, position: u32) -> Option<Serial> {
        match &self.order {
            Order::All => Some(Serial(position)),
            Order::Some(serials) => serials.at(position).copied(),
        }
    }

    /// The place of a claim of this type.
    pub(super) fn position(&self, claim: Serial) -> Option<u32> {
        match &self.order {
            Order::All => Some(claim.0),
            Order::Some(serials) => serials.find(&claim),
        }
    }

    /// What it holds of the heap, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        match &self.order {
            Order::All => 0,
            Order::Some(serials) => serials.heap_bytes(),
        }
    }
}
