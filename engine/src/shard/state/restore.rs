//! Owns how a stream of bytes becomes a campaign again: the way back of [`super::snapshot`]. What the bytes say of
//! themselves is checked; whether quotas and limits were kept is the audit's to say.

use std::collections::VecDeque;

use thiserror::Error;

use super::campaign::{Campaign, DailyQuota, Flags};
use super::claims::DayStart;
use super::{Archived, Breach, Inconsistent, PersonKey, Slot, State};
use crate::campaign::{InvalidDefinition, TypeCounts};
use crate::codec::{self, ArchivedHead, ClaimItem, CodecError, Head, HeadKind};
use crate::event::CodeKeyId;
use crate::id::{CampaignId, CampaignNumber, Serial};

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
    claims_left: u32,
    /// Days whose first claim has not come.
    days: VecDeque<DayStart>,
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
            claims_left: 0,
            days: VecDeque::new(),
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
        let is_whole = self.pending.is_empty() && [self.quotas_left, self.days_left, self.claims_left] == [0; 3];
        let slot = self.slot.take().filter(|_| is_whole).ok_or(CodecError::Truncated)?;
        let last_event_at = match &slot {
            Slot::Archived(archived) => archived.last_event_at,
            Slot::Live(_) if !self.days.is_empty() => return Err(SnapshotError::Days(self.number)),
            Slot::Live(live) if live.counts != self.expected_counts => {
                return Err(SnapshotError::Counts(self.number));
            }
            Slot::Live(live) => live.last_event_at,
        };
        state.adopt(self.number, slot).map_err(|breach| self.inconsistent(breach))?;
        state.last_event_at = state.last_event_at.max(last_event_at);
        state.code_key = state.code_key.or(self.code_key);
        Ok(self.number)
    }

    fn inconsistent(&self, breach: Breach) -> SnapshotError {
        Inconsistent { campaign: self.number, breach }.into()
    }

    /// Takes the item at the front of `bytes`, and says how long it was; `None` if nothing more is to come.
    fn item(&mut self, bytes: &[u8]) -> Result<Option<usize>, SnapshotError> {
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
            Some(Slot::Live(_)) if self.claims_left > 0 => {
                let (claim, read) = codec::take(bytes)?;
                self.claims_left -= 1;
                self.claim(claim)?;
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
        let live = Campaign::new(self.number, head.created, head.created_at, &self.person_key.0);
        let mut live = live.ok_or_else(|| self.inconsistent(InvalidDefinition::TimeZone.into()))?;
        if let Some(definition) = head.definition {
            definition.check().map_err(|invalid| self.inconsistent(invalid.into()))?;
            if !live.created.is_changed_to(&definition) {
                return Err(SnapshotError::Definition(self.number));
            }
            live.definition = definition.into();
        }
        live.flags = Flags { accept_claims: head.accept_claims, accept_redemptions: head.accept_redemptions };
        live.cancelled = head.cancelled;
        live.last_event_at = head.last_event_at;
        self.slot = Some(Slot::Live(Box::new(live)));
        self.expected_counts = head.counts;
        (self.quotas_left, self.days_left, self.claims_left) = (head.daily_quotas, head.days, head.claims);
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
        let mut grant = item.grant;
        grant.day = day;
        let inconsistent = |breach| Inconsistent { campaign: number, breach };
        live.check_grant(&grant).map_err(inconsistent)?;
        live.push(&grant, live.claims.person(grant.user));
        if let Some(void) = item.void {
            if void.restocked_today && !void.restocked {
                return Err(inconsistent(Breach::RestockedDay(serial)).into());
            }
            live.void(serial, void);
        }
        Ok(())
    }
}
