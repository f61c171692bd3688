//! Owns how a stream of bytes becomes a campaign again: the way back of [`super::snapshot`]. What the bytes say of
//! themselves is checked; whether quotas and limits were kept is the audit's to say.

use std::collections::VecDeque;
use std::sync::Arc;

use thiserror::Error;

use super::campaign::{Campaign, DailyQuota, Flags};
use super::claims::{DayStart, Grant, WindowStart};
use super::lottery::Ranking;
use super::record::{Life, Restocked, Void};
use super::redemptions::{HOLD_MAX, Redemption};
use super::room::{Room, RoomHead};
use super::{Archived, Breach, Inconsistent, PersonKey, Slot, State};
use crate::campaign::{InvalidDefinition, Mode, TypeCounts};
use crate::codec::{self, ArchivedHead, ClaimItem, CodecError, HashedPerson, Head, HeadKind, LaterHead, RankedHead};
use crate::event::CodeKeyId;
use crate::fairness::{Ranks, Seed};
use crate::id::{CampaignId, CampaignNumber, OrderId, RedemptionNumber, Serial, TypeIndex};
use crate::outcome::RedemptionState;
use crate::registered::RegisteredHash;
use crate::time::Timestamp;

/// Why blocks are no campaign.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The bytes are in no known format.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The bytes contradict themselves.
    #[error(transparent)]
    Inconsistent(#[from] Inconsistent),
    /// The definition was changed in what never changes.
    #[error("campaign {} changed what never changes", .0.0)]
    Definition(CampaignNumber),
    /// The days do not divide the claims.
    #[error("the days of campaign {} do not divide its claims", .0.0)]
    Days(CampaignNumber),
    /// What became of a coupon is not what its redemptions say.
    #[error("redemption {} of campaign {} is not what its coupon says", redemption.0, campaign.0)]
    Redemption {
        /// Of which campaign.
        campaign: CampaignNumber,
        /// Which one.
        redemption: RedemptionNumber,
    },
    /// A lottery was not drawn from the entries that it has.
    #[error("the lottery of campaign {} was not drawn from its entries", .0.0)]
    Lottery(CampaignNumber),
    /// The counts are not those of the claims.
    #[error("the counts of campaign {} are not those of its claims", .0.0)]
    Counts(CampaignNumber),
}

/// Takes a campaign's blocks in, in order, and then makes the campaign of them.
#[derive(Debug)]
pub struct CampaignDecoder {
    person_key: PersonKey,
    code_key: Option<CodeKeyId>,
    /// Bytes of an item that has not come whole.
    pending: Vec<u8>,
    number: CampaignNumber,
    slot: Option<Slot>,
    quotas_left: u32,
    days_left: u32,
    windows_left: u32,
    claims_left: u32,
    redemptions_left: u32,
    /// Days whose first claim has not come.
    days: VecDeque<DayStart>,
    /// Windows whose first claim has not come.
    windows: VecDeque<WindowStart>,
    /// How the lottery was drawn, until all entries have come and its ranks can be computed again: then it is known how many
    /// there really are.
    ranked: Option<RankedHead>,
    /// What became of the coupons of a lottery's winners, until it is known what they won.
    aftermaths: Vec<(Serial, Aftermath)>,
    /// The waiting room, until all who came to it have come again, and those of them who have.
    room: Option<RoomHead>,
    room_people: Vec<[u8; 16]>,
    /// Who has registered and has not come.
    registered_left: u32,
    /// Coupons that are held or redeemed, and whose redemption has not come.
    unexplained: u32,
    expected_counts: Vec<TypeCounts>,
}

impl CampaignDecoder {
    /// Nothing taken in yet, for a campaign of `state`.
    pub fn new(state: &State) -> Self {
        Self {
            person_key: state.person_key.clone(),
            code_key: state.code_key,
            pending: Vec::new(),
            number: CampaignNumber(0),
            slot: None,
            quotas_left: 0,
            days_left: 0,
            windows_left: 0,
            claims_left: 0,
            redemptions_left: 0,
            days: VecDeque::new(),
            windows: VecDeque::new(),
            ranked: None,
            aftermaths: Vec::new(),
            room: None,
            room_people: Vec::new(),
            registered_left: 0,
            unexplained: 0,
            expected_counts: Vec::new(),
        }
    }

    /// Takes the next block in. Blocks may be cut anywhere.
    ///
    /// # Errors
    /// [`SnapshotError`] says what is wrong; the decoder is of no more use then.
    pub fn push(&mut self, block: &[u8]) -> Result<(), SnapshotError> {
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(block);
        let mut read = 0;
        loop {
            match self.item(&pending[read..]) {
                Ok(Some(bytes)) => read += bytes,
                // All has come: what is left is too much.
                Ok(None) if read < pending.len() => {
                    return Err(CodecError::Trailing { bytes: pending.len() - read }.into());
                }
                Ok(None) | Err(SnapshotError::Codec(CodecError::Truncated)) => break,
                Err(error) => return Err(error),
            }
        }
        pending.drain(..read);
        self.pending = pending;
        Ok(())
    }

    /// The campaign's id, once its first block has been taken in.
    pub fn id(&self) -> Option<&CampaignId> {
        self.slot.as_ref().map(Slot::id)
    }

    /// Puts the campaign into `state`, once its last block has been taken in.
    ///
    /// # Errors
    /// [`SnapshotError`] if blocks are missing, the counts are wrong, or the number or id is taken.
    pub fn finish(mut self, state: &mut State) -> Result<CampaignNumber, SnapshotError> {
        let left = [self.quotas_left, self.days_left, self.windows_left, self.claims_left, self.redemptions_left];
        let is_whole = self.pending.is_empty() && left.iter().all(|left| *left == 0);
        let is_whole = is_whole && self.room_people_left() == 0 && self.registered_left == 0;
        let mut slot = self.slot.take().filter(|_| is_whole).ok_or(CodecError::Truncated)?;
        if let Slot::Live(live) = &mut slot {
            self.restore_room(live)?;
        }
        let last_event_at = match &slot {
            Slot::Archived(archived) => archived.last_event_at,
            Slot::Live(live) => self.finished(live)?,
        };
        state.adopt(self.number, slot).map_err(|breach| self.inconsistent(breach))?;
        state.last_event_at = state.last_event_at.max(last_event_at);
        state.code_key = state.code_key.or(self.code_key);
        state.reschedule(self.number);
        Ok(self.number)
    }

    /// How many people of the waiting room have not come.
    fn room_people_left(&self) -> usize {
        self.room.as_ref().map_or(0, |room| room.arrivals as usize - self.room_people.len())
    }

    /// Puts the waiting room back.
    fn restore_room(&mut self, live: &mut Campaign) -> Result<(), SnapshotError> {
        let Some(head) = self.room.take() else { return Ok(()) };
        let rules = live.definition.protection.waiting_room.zip(live.seed.as_ref());
        let limit = live.definition.limit.max;
        let room = rules.and_then(|(rules, seed)| Room::restored(rules, limit, seed, head, &self.room_people));
        live.room = Some(Box::new(room.ok_or_else(|| self.inconsistent(Breach::Room))?));
        Ok(())
    }

    /// Holds what has come against what was announced, and gives the moment of the last event.
    fn finished(&self, live: &Campaign) -> Result<Timestamp, SnapshotError> {
        if !self.days.is_empty() || !self.windows.is_empty() {
            return Err(SnapshotError::Days(self.number));
        }
        let has_run_out = |(issues, counts): (&super::issues::Issues, &TypeCounts)| issues.run_out > counts.handed_out;
        let is_counted = live.counts.len() == self.expected_counts.len();
        let is_counted = is_counted
            && live.counts.iter().zip(&self.expected_counts).all(|(counted, expected)| {
                // Handed out and imported are not told twice.
                *counted == TypeCounts { handed_out: counted.handed_out, imported: counted.imported, ..*expected }
            });
        if !is_counted || self.unexplained > 0 || live.issues.iter().zip(&live.counts).any(has_run_out) {
            return Err(SnapshotError::Counts(self.number));
        }
        Ok(live.last_event_at)
    }

    fn inconsistent(&self, breach: Breach) -> SnapshotError {
        Inconsistent { campaign: self.number, breach }.into()
    }

    /// Takes the item at the front of `bytes`, and says how long it was; `None` if nothing more is to come.
    fn item(&mut self, bytes: &[u8]) -> Result<Option<usize>, SnapshotError> {
        let room_people_left = self.room_people_left();
        let read = match &mut self.slot {
            None => {
                let (head, read) = codec::take(bytes)?;
                self.head(head)?;
                read
            }
            Some(Slot::Live(live)) if self.quotas_left > 0 => {
                let (quota, read): (DailyQuota, _) = codec::take(bytes)?;
                self.quotas_left -= 1;
                live.daily_quotas.push(quota);
                read
            }
            Some(Slot::Live(_)) if self.days_left > 0 => {
                let (day, read) = codec::take(bytes)?;
                self.days_left -= 1;
                self.days.push_back(day);
                read
            }
            Some(Slot::Live(_)) if self.windows_left > 0 => {
                let (window, read) = codec::take(bytes)?;
                self.windows_left -= 1;
                self.windows.push_back(window);
                read
            }
            Some(Slot::Live(_)) if self.claims_left > 0 => {
                let (claim, read) = codec::take(bytes)?;
                self.claims_left -= 1;
                self.claim(claim)?;
                self.rank_if_whole()?;
                read
            }
            Some(Slot::Live(_)) if self.redemptions_left > 0 => {
                let (redemption, read) = codec::take(bytes)?;
                self.redemptions_left -= 1;
                self.redemption(&redemption)?;
                read
            }
            Some(Slot::Live(_)) if room_people_left > 0 => {
                let (HashedPerson { hash }, read) = codec::take(bytes)?;
                self.room_people.push(hash);
                read
            }
            Some(Slot::Live(live)) if self.registered_left > 0 => {
                let (HashedPerson { hash }, read) = codec::take(bytes)?;
                self.registered_left -= 1;
                let is_new = live.registrations.as_mut().is_some_and(|people| people.push(RegisteredHash(hash)));
                if !is_new {
                    return Err(self.inconsistent(Breach::Registration));
                }
                read
            }
            Some(Slot::Live(_) | Slot::Archived(_)) => return Ok(None),
        };
        Ok(Some(read))
    }

    fn head(&mut self, head: Head) -> Result<(), SnapshotError> {
        self.number = CampaignNumber(head.campaign);
        let head = match head.kind {
            HeadKind::Archived(ArchivedHead { id, at, last_event_at }) => {
                self.slot = Some(Slot::Archived(Archived { id, at, last_event_at }));
                return Ok(());
            }
            HeadKind::Live(head) => *head,
        };
        let found = CodeKeyId(head.code_key);
        let present = *self.code_key.get_or_insert(found);
        if found != present {
            return Err(self.inconsistent(Breach::CodeKey { found, present }));
        }
        head.created.check().map_err(|invalid| self.inconsistent(invalid.into()))?;
        let LaterHead { latest_at, ended, seed, ranked, types, windows, redemptions } = head.later;
        if seed.is_some() != head.created.needs_seed()
            || head.room.is_some() != head.created.protection.waiting_room.is_some()
            || head.registered.is_some() != head.created.hears_only_registered()
        {
            return Err(self.inconsistent(Breach::Mode(Serial(0))));
        }
        let seed = seed.map(Seed::from_bytes);
        let live = Campaign::new(self.number, head.created, head.created_at, &self.person_key.0, seed);
        let mut live = live.ok_or_else(|| self.inconsistent(InvalidDefinition::TimeZone.into()))?;
        if let Some(definition) = head.definition {
            definition.check().map_err(|invalid| self.inconsistent(invalid.into()))?;
            if !live.created.is_changed_to(&definition) {
                return Err(SnapshotError::Definition(self.number));
            }
            live.schedule =
                definition.schedule().map_err(|invalid| self.inconsistent(Breach::Definition(invalid.into())))?;
            live.definition = definition.into();
        }
        live.flags = Flags { accept_claims: head.accept_claims, accept_redemptions: head.accept_redemptions };
        live.cancelled = head.cancelled;
        live.last_event_at = head.last_event_at;
        live.latest_at = latest_at;
        live.ended = ended;
        let mut expected_counts = head.counts;
        for ((coupon_type, later), expected) in live.types().zip(types).zip(&mut expected_counts) {
            (expected.redeemed, expected.expired) = (later.redeemed, later.expired);
            live.issues[coupon_type.as_index()].run_out = later.run_out;
            for file in later.files {
                live.apply_import(coupon_type, file).map_err(|breach| self.inconsistent(breach))?;
            }
        }
        self.expected_counts = expected_counts;
        self.slot = Some(Slot::Live(Box::new(live)));
        (self.quotas_left, self.days_left, self.claims_left) = (head.daily_quotas, head.days, head.claims);
        (self.windows_left, self.redemptions_left) = (windows, redemptions);
        self.ranked = ranked;
        self.room = head.room;
        self.registered_left = head.registered.unwrap_or(0);
        self.rank_if_whole()
    }

    /// Computes the ranks of a lottery that was drawn, once its last entry has come, and says what became of what was won.
    fn rank_if_whole(&mut self) -> Result<(), SnapshotError> {
        let number = self.number;
        let Some(ranked) = self.ranked.take_if(|_| self.claims_left == 0) else { return Ok(()) };
        let Some(Slot::Live(live)) = &mut self.slot else { unreachable!("only a live campaign was drawn") };
        let RankedHead { at, entries_hash, fills } = ranked;
        let count = live.claims.count();
        let is_filled = fills.len() == live.counts.len()
            && fills.iter().try_fold(0u32, |sum, fill| sum.checked_add(*fill)).is_some_and(|sum| sum <= count);
        let is_of_its_entries = is_filled && live.ended && entries_hash == live.entries_hash.value();
        let Some(key) = live.lottery_key().filter(|_| is_of_its_entries && live.definition.mode == Mode::Lottery)
        else {
            return Err(SnapshotError::Lottery(number));
        };
        live.set_ranking(Ranking { at, entries_hash, fills, ranks: Arc::new(Ranks::compute(&key, count)) });
        for (claim, aftermath) in std::mem::take(&mut self.aftermaths) {
            let unexplained = live.restore_aftermath(claim, aftermath);
            self.unexplained += unexplained.map_err(|breach| Inconsistent { campaign: number, breach })?;
        }
        Ok(())
    }

    fn claim(&mut self, item: ClaimItem<'_>) -> Result<(), SnapshotError> {
        let number = self.number;
        let Some(Slot::Live(live)) = &mut self.slot else { unreachable!("claims follow the head of a live campaign") };
        let serial = Serial(live.claims.count());
        let next = self.days.pop_front_if(|day| day.first == serial);
        let day = match (next, live.claims.days().last()) {
            (Some(next), last) if last.is_none_or(|last| last.day < next.day) => next.day,
            (None, Some(last)) => last.day,
            (Some(_) | None, _) => return Err(SnapshotError::Days(number)),
        };
        let next = self.windows.pop_front_if(|window| window.first == serial);
        let window = match (next, live.claims.windows().last()) {
            (Some(next), last) if last.is_none_or(|last| last.opened_at < next.opened_at) => Some(next.opened_at),
            (None, last) => last.map(|last| last.opened_at),
            (Some(_), _) => return Err(SnapshotError::Days(number)),
        };
        let grant = Grant { day, window, ..item.grant };
        let inconsistent = |breach| Inconsistent { campaign: number, breach };
        live.check_grant(&grant).map_err(inconsistent)?;
        live.push(&grant, live.claims.person(grant.user), live.since(day, window));
        let aftermath = Aftermath { void: item.void, life: item.life, restocked: item.restocked };
        if self.ranked.is_none() {
            self.unexplained += live.restore_aftermath(serial, aftermath).map_err(inconsistent)?;
        } else if aftermath != Aftermath::NONE {
            self.aftermaths.push((serial, aftermath));
        }
        Ok(())
    }

    fn redemption(&mut self, redemption: &Redemption<'_>) -> Result<(), SnapshotError> {
        let Some(Slot::Live(live)) = &mut self.slot else { unreachable!("they follow the head of a live campaign") };
        let number = RedemptionNumber(live.redemptions.count());
        let wrong = SnapshotError::Redemption { campaign: self.number, redemption: number };
        let is_valid = OrderId::check(redemption.order).is_ok()
            && redemption.hold.is_none_or(|hold| !hold.is_zero() && hold <= HOLD_MAX)
            && live.won_type(redemption.claim).is_some();
        let life = live.claims.record(redemption.claim).filter(|_| is_valid).map(|record| record.life());
        // One redemption of a coupon at most is open, and the coupon says which kind it is.
        self.unexplained -= match (redemption.state, life) {
            (RedemptionState::Reserved, Some(Life::Reserved)) | (RedemptionState::Confirmed, Some(Life::Redeemed))
                if self.unexplained > 0 =>
            {
                1
            }
            (RedemptionState::Released | RedemptionState::Expired | RedemptionState::Reversed, Some(_)) => 0,
            (RedemptionState::Reserved | RedemptionState::Confirmed, Some(_)) | (_, None) => return Err(wrong),
        };
        live.redemptions.push(redemption);
        Ok(())
    }
}

/// What has become of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Aftermath {
    void: Option<Void>,
    life: Life,
    restocked: Restocked,
}

impl Aftermath {
    /// Nothing yet.
    const NONE: Aftermath =
        Aftermath { void: None, life: Life::Issued, restocked: Restocked { total: false, today: false } };
}

impl Campaign {
    /// Says what has become of a claim: of the last one or, where winners are drawn and count for no day, of any. Gives 1 if a
    /// redemption has to explain it.
    fn restore_aftermath(&mut self, claim: Serial, aftermath: Aftermath) -> Result<u32, Breach> {
        let coupon_type = self.won_type(claim);
        let is_without_unit =
            |void: Void| (void.restocked_today && !void.restocked) || (void.restocked && coupon_type.is_none());
        if aftermath.void.is_some_and(is_without_unit) {
            return Err(Breach::RestockedDay(claim));
        }
        let went_back_today = aftermath.void.map_or(aftermath.restocked.today, |void| void.restocked_today);
        let is_counted = |coupon_type: TypeIndex| self.counts[coupon_type.as_index()].issued_today > 0;
        if went_back_today && !coupon_type.is_some_and(is_counted) {
            return Err(Breach::RestockedDay(claim));
        }
        if let Some(void) = aftermath.void {
            self.void(claim, void);
        }
        let Some(coupon_type) = coupon_type else {
            return if aftermath.life == Life::Issued { Ok(0) } else { Err(Breach::Redeemed(claim)) };
        };
        match (aftermath.life, aftermath.void) {
            (Life::Issued, _) => Ok(0),
            (Life::Reserved, None) => {
                self.claims.set_life(claim, Life::Reserved);
                Ok(1)
            }
            (Life::Redeemed, None) => {
                self.counts[coupon_type.as_index()].redeemed += 1;
                self.claims.set_life(claim, Life::Redeemed);
                Ok(1)
            }
            (Life::Expired, None) => {
                self.claims.set_life(claim, Life::Expired);
                self.count_run_out(claim, coupon_type, aftermath.restocked);
                Ok(0)
            }
            (Life::Expired, Some(_)) => {
                self.claims.set_life(claim, Life::Expired);
                Ok(0)
            }
            (Life::Reserved | Life::Redeemed, Some(_)) => Err(Breach::Redeemed(claim)),
        }
    }
}
