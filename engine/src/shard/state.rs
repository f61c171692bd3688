//! Owns the campaigns of one shard. Two doors: [`State::decide`] says what a command leads to and [`State::due`] what time
//! does, and both change nothing; [`State::apply`] takes what happened and asks no questions of time. Whoever decides applies the event at once; recovery,
//! snapshots, replay and the audit apply the same events from the log. No clock, no disk, no thread is known here.
//!
//! Counts are plain integers: the shard's thread alone reads and writes them. What other threads read is published by
//! the runtime once it is durable.

mod apply;
mod arena;
mod arrivals;
mod breach;
mod campaign;
mod chunks;
mod claims;
mod coupon;
mod decide;
mod due;
mod index;
mod issues;
mod lottery;
mod manage;
mod period_text;
mod phones;
mod record;
mod redeem;
mod redemptions;
mod registrations;
mod restore;
mod room;
mod slots;
mod snapshot;

use std::collections::{BTreeMap, BTreeSet};

pub use breach::{Breach, Inconsistent};
pub(crate) use campaign::{Campaign, DailyQuota, Fate};
pub(crate) use claims::{DayStart, Grant, WindowStart};
pub use decide::Decision;
pub use due::Due;
pub(crate) use period_text::period_text;
pub(crate) use record::{Life, Restocked, Void};
pub use redemptions::HOLD_MAX;
pub(crate) use redemptions::Redemption;
pub use restore::{CampaignDecoder, SnapshotError};
pub(crate) use room::{LaterRoomHead, PastHead, RoomHead, ShuffledHead, Step};
pub use snapshot::BLOCK_BYTES_MAX;

use crate::campaign::{CampaignView, Mode, TypeCounts};
use crate::command::CodeFile;
use crate::event::CodeKeyId;
use crate::fairness::LotteryKey;
use crate::id::{CampaignId, CampaignNumber, Serial, TypeIndex};
use crate::keys::Keys;
use crate::registered::{RegisteredHash, RegisteredKey};
use crate::room::RoomView;
use crate::time::{Day, Timestamp};

/// The campaigns of one shard, and the rules over them.
#[derive(Debug, Clone)]
pub struct State {
    person_key: PersonKey,
    /// `None`: that of the first campaign that comes.
    code_key: Option<CodeKeyId>,
    campaigns: BTreeMap<CampaignNumber, Slot>,
    numbers: BTreeMap<CampaignId, CampaignNumber>,
    last_event_at: Timestamp,
    /// When something comes due next of each campaign of which something does.
    agenda: BTreeSet<(Timestamp, CampaignNumber)>,
}

/// A campaign, or what is left of it.
#[derive(Debug, Clone)]
pub(crate) enum Slot {
    Live(Box<Campaign>),
    Archived(Archived),
}

impl Slot {
    fn id(&self) -> &CampaignId {
        match self {
            Slot::Live(campaign) => &campaign.definition.id,
            Slot::Archived(archived) => &archived.id,
        }
    }
}

/// What is left of a campaign that was archived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Archived {
    pub(crate) id: CampaignId,
    pub(crate) at: Timestamp,
    pub(crate) last_event_at: Timestamp,
}

/// Kept out of what `Debug` prints.
#[derive(Clone)]
struct PersonKey([u8; 16]);

impl std::fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("secret")
    }
}

impl State {
    /// No campaigns yet.
    pub fn new(keys: &Keys) -> Self {
        Self {
            person_key: PersonKey(keys.person),
            code_key: Some(keys.code_key_id()),
            campaigns: BTreeMap::new(),
            numbers: BTreeMap::new(),
            last_event_at: Timestamp::from_milliseconds(0),
            agenda: BTreeSet::new(),
        }
    }

    /// No campaigns yet, for reading a log without its keys: the first campaign that comes names the code key, and the
    /// others have to name the same.
    ///
    /// It applies events; it cannot decide, since it knows no key to make codes with.
    pub fn without_keys() -> Self {
        Self { code_key: None, ..Self::new(&Keys::from_bytes([0; 16], [0; 32])) }
    }

    /// The campaign of this id, archived or not.
    pub fn find(&self, id: &CampaignId) -> Option<CampaignNumber> {
        self.numbers.get(id).copied()
    }

    /// Every campaign, archived or not, by number.
    pub fn campaigns(&self) -> impl Iterator<Item = CampaignNumber> + '_ {
        self.campaigns.keys().copied()
    }

    /// The first number that no campaign here has had.
    pub fn next_campaign_number(&self) -> CampaignNumber {
        let last = self.campaigns.last_key_value();
        CampaignNumber(last.map_or(0, |(last, _)| last.0 + 1))
    }

    /// Whether the campaign is archived. What was never made is not.
    pub fn is_archived(&self, campaign: CampaignNumber) -> bool {
        matches!(self.campaigns.get(&campaign), Some(Slot::Archived(_)))
    }

    /// The id of a campaign, archived or not.
    pub fn id(&self, campaign: CampaignNumber) -> Option<&CampaignId> {
        self.campaigns.get(&campaign).map(Slot::id)
    }

    /// The campaign as it stands; `None` if there is none, or it is archived.
    pub fn view(&self, campaign: CampaignNumber) -> Option<CampaignView> {
        self.live(campaign).map(Campaign::view)
    }

    /// What everybody may know of the campaign's waiting room, if it has one.
    pub fn room(&self, campaign: CampaignNumber) -> Option<RoomView> {
        self.live(campaign).and_then(Campaign::room_view)
    }

    /// What stands for those who register with the campaign, if it hears only them.
    pub(crate) fn registered_key(&self, campaign: CampaignNumber) -> Option<RegisteredKey> {
        self.live(campaign)?.registrations.as_ref().map(|registrations| registrations.key())
    }

    /// Everybody who has registered with the campaign.
    pub(crate) fn registered(&self, campaign: CampaignNumber) -> impl Iterator<Item = RegisteredHash> {
        let registrations = self.live(campaign).and_then(|campaign| campaign.registrations.as_ref());
        registrations.into_iter().flat_map(|registrations| registrations.people()).copied().map(RegisteredHash)
    }

    /// What has been issued, a coupon type at a time; those of today are of [`State::day`]. Empty if there is no such campaign.
    pub fn counts(&self, campaign: CampaignNumber) -> &[TypeCounts] {
        self.live(campaign).map_or(&[], |campaign| &campaign.counts)
    }

    /// The day of the campaign's last claim: what its daily counts are of.
    pub fn day(&self, campaign: CampaignNumber) -> Option<Day> {
        self.live(campaign).map(|campaign| campaign.day)
    }

    /// Calls `each` with everybody who was ever granted a claim in the campaign, once a claim, in the order of claims: the
    /// order in which they lie in memory.
    pub fn for_each_person(&self, campaign: CampaignNumber, mut each: impl FnMut(&str)) {
        let Some(campaign) = self.live(campaign) else { return };
        for serial in (0..campaign.claims.count()).map(Serial) {
            let record = campaign.claims.record(serial).expect("serials have no gaps");
            each(campaign.claims.user(record));
        }
    }

    /// How many claims were ever granted in the campaign.
    pub fn claim_count(&self, campaign: CampaignNumber) -> u32 {
        self.live(campaign).map_or(0, |campaign| campaign.claims.count())
    }

    /// Every phone id that a live campaign counts by is below this: a store of numbers that was lost must not give one of
    /// them to another number.
    pub fn phone_ids_below(&self) -> u64 {
        let live = self.campaigns.keys().filter_map(|number| self.live(*number));
        live.map(|campaign| campaign.claims.phone_ids_below()).max().unwrap_or(0)
    }

    /// The latest moment that any event bears. A clock far behind it is wrong, or was.
    pub fn last_event_at(&self) -> Timestamp {
        self.last_event_at
    }

    /// What the ranks of a lottery that is over and not drawn are to be computed from, and for how many entries. One that
    /// was cancelled is not drawn any more.
    pub fn to_be_ranked(&self, campaign: CampaignNumber) -> Option<(LotteryKey, u32)> {
        let campaign = self.live(campaign)?;
        let is_waiting = campaign.definition.mode == Mode::Lottery
            && campaign.ended
            && campaign.cancelled.is_none()
            && campaign.ranking.is_none();
        campaign.lottery_key().filter(|_| is_waiting).map(|key| (key, campaign.claims.count()))
    }

    /// The files of codes that the campaign's log names, a coupon type at a time, in the order of their import.
    pub fn code_files(&self, campaign: CampaignNumber) -> Vec<(TypeIndex, CodeFile)> {
        let Some(campaign) = self.live(campaign) else { return Vec::new() };
        let files = campaign.types().zip(&campaign.issues);
        files.flat_map(|(coupon_type, issues)| issues.files.iter().map(move |file| (coupon_type, *file))).collect()
    }

    /// What the campaign's claims hold of the heap, in bytes.
    pub fn memory_bytes(&self, campaign: CampaignNumber) -> usize {
        self.live(campaign).map_or(0, Campaign::heap_bytes)
    }

    pub(crate) fn slot(&self, campaign: CampaignNumber) -> Option<&Slot> {
        self.campaigns.get(&campaign)
    }

    pub(crate) fn live(&self, campaign: CampaignNumber) -> Option<&Campaign> {
        match self.campaigns.get(&campaign)? {
            Slot::Live(campaign) => Some(campaign),
            Slot::Archived(_) => None,
        }
    }
}
