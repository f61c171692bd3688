//! Owns a campaign's redemptions: for which order, and what became of them. Leaves the rules to [`super::redeem`].

use std::collections::BTreeSet;
use std::hash::Hasher;
use std::time::Duration;

use siphasher::sip::SipHasher13;

use super::arena::{Arena, TextPosition};
use super::chunks::Chunks;
use super::index::ClaimIndex;
use crate::id::{RedemptionNumber, Serial};
use crate::outcome::RedemptionState;
use crate::time::Timestamp;

/// The redemptions of one campaign, by number, by coupon and by order.
#[derive(Clone)]
pub(super) struct Redemptions {
    records: Chunks<Record>,
    orders: Arena,
    latest: ClaimIndex,
    by_order: ClaimIndex,
    /// When each hold that lasts runs out.
    holds: BTreeSet<(Timestamp, RedemptionNumber)>,
    /// Keyed, since orders may be named by strangers.
    hasher: SipHasher13,
}

/// A redemption as it is stored.
#[derive(Debug, Clone, Copy)]
struct Record {
    at: Timestamp,
    claim: Serial,
    /// Milliseconds; zero: redeemed at once.
    hold_ms: u32,
    order: TextPosition,
    order_bytes: u8,
    named_user: bool,
    state: RedemptionState,
}

/// What a redemption is asked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Redemption<'a> {
    pub(crate) at: Timestamp,
    pub(crate) claim: Serial,
    /// A valid order id.
    pub(crate) order: &'a str,
    pub(crate) named_user: bool,
    /// Whole milliseconds, at most [`HOLD_MAX`].
    pub(crate) hold: Option<Duration>,
    pub(crate) state: RedemptionState,
}

/// The longest hold.
pub const HOLD_MAX: Duration = Duration::from_secs(24 * 3600);

impl Redemption<'_> {
    /// When its hold runs out, or ran out.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        self.hold.map(|hold| self.at.saturating_add(hold))
    }
}

impl Redemptions {
    pub(super) fn new(person_key: &[u8; 16]) -> Self {
        Self {
            records: Chunks::default(),
            orders: Arena::default(),
            latest: ClaimIndex::new(0),
            by_order: ClaimIndex::new(0),
            holds: BTreeSet::new(),
            hasher: SipHasher13::new_with_key(person_key),
        }
    }

    /// How many there are: the number of the next.
    pub(super) fn count(&self) -> u32 {
        self.records.count()
    }

    /// The redemption of this number.
    pub(super) fn redemption(&self, number: RedemptionNumber) -> Option<Redemption<'_>> {
        self.records.at(number.0).map(|record| Redemption {
            at: record.at,
            claim: record.claim,
            order: self.order(record),
            named_user: record.named_user,
            hold: (record.hold_ms > 0).then(|| Duration::from_millis(u64::from(record.hold_ms))),
            state: record.state,
        })
    }

    /// The latest redemption of a coupon.
    pub(super) fn latest(&self, claim: Serial) -> Option<RedemptionNumber> {
        let is_of = |number: Serial| self.record(number).claim == claim;
        self.latest.find(self.claim_hash(claim), is_of).map(|number| RedemptionNumber(number.0))
    }

    /// The latest redemption of a coupon for an order.
    pub(super) fn of_order(&self, claim: Serial, order: &str) -> Option<RedemptionNumber> {
        let is_of = |number: Serial| {
            let record = self.record(number);
            record.claim == claim && self.order(record) == order
        };
        self.by_order.find(self.order_hash(claim, order), is_of).map(|number| RedemptionNumber(number.0))
    }

    /// The hold that runs out first.
    pub(super) fn first_hold(&self) -> Option<(Timestamp, RedemptionNumber)> {
        self.holds.first().copied()
    }

    /// When the last hold runs out.
    pub(super) fn last_hold_at(&self) -> Option<Timestamp> {
        self.holds.last().map(|(expires_at, _)| *expires_at)
    }

    /// Every hold that lasts.
    pub(super) fn holds(&self) -> impl Iterator<Item = RedemptionNumber> {
        self.holds.iter().map(|(_, number)| *number)
    }

    /// Adds a redemption.
    pub(super) fn push(&mut self, redemption: &Redemption<'_>) -> RedemptionNumber {
        let number = RedemptionNumber(self.count());
        let handle = Serial(number.0);
        let (claim, order) = (redemption.claim, redemption.order);
        let former = |number: Option<RedemptionNumber>| number.map(|number| Serial(number.0));
        let (latest, same_order) = (former(self.latest(claim)), former(self.of_order(claim, order)));
        let (claim_hash, order_hash) = (self.claim_hash(claim), self.order_hash(claim, order));
        self.latest.put(claim_hash, handle, latest);
        self.by_order.put(order_hash, handle, same_order);
        let position = match same_order {
            Some(former) => self.record(former).order,
            None => self.orders.push([order.as_bytes(), &[]]),
        };
        if let (RedemptionState::Reserved, Some(expires_at)) = (redemption.state, redemption.expires_at()) {
            self.holds.insert((expires_at, number));
        }
        self.records.push(Record {
            at: redemption.at,
            claim,
            hold_ms: redemption.hold.map_or(0, |hold| u32::try_from(hold.as_millis()).expect("at most HOLD_MAX")),
            order: position,
            order_bytes: u8::try_from(order.len()).expect("order ids have at most 128 bytes"),
            named_user: redemption.named_user,
            state: redemption.state,
        });
        number
    }

    /// Says what has become of a redemption. A hold that was waited for is waited for no more.
    pub(super) fn set_state(&mut self, number: RedemptionNumber, state: RedemptionState) {
        let before = self.redemption(number).expect("a redemption that exists");
        if let (RedemptionState::Reserved, Some(expires_at)) = (before.state, before.expires_at()) {
            self.holds.remove(&(expires_at, number));
        }
        self.records.at_mut(number.0).expect("a redemption that exists").state = state;
    }

    /// All of them, by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = Redemption<'_>> {
        (0..self.count()).map(|number| self.redemption(RedemptionNumber(number)).expect("numbers have no gaps"))
    }

    /// What they hold of the heap, in bytes; holds are not counted.
    pub(super) fn heap_bytes(&self) -> usize {
        self.records.heap_bytes() + self.orders.heap_bytes() + self.latest.heap_bytes() + self.by_order.heap_bytes()
    }

    fn record(&self, handle: Serial) -> &Record {
        self.records.at(handle.0).expect("only redemptions that exist are in the tables")
    }

    fn order(&self, record: &Record) -> &str {
        let bytes = self.orders.bytes(record.order, 0, usize::from(record.order_bytes));
        std::str::from_utf8(bytes).expect("only whole texts are stored")
    }

    fn claim_hash(&self, claim: Serial) -> u64 {
        self.hasher.hash(&claim.0.to_le_bytes())
    }

    fn order_hash(&self, claim: Serial, order: &str) -> u64 {
        let mut hasher = self.hasher;
        hasher.write(&claim.0.to_le_bytes());
        hasher.write(order.as_bytes());
        hasher.finish()
    }
}

impl std::fmt::Debug for Redemptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redemptions({})", self.count())
    }
}
