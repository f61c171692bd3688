//! Owns how a campaign becomes a stream of bytes. The stream is canonical: equal states give equal bytes,
//! whichever way they came about, so that hashing it compares them. Leaves the way back to [`super::restore`],
//! files and checksums to the runtime.
//!
//! The order: a head, its daily quotas, its days, its windows, its claims by serial, its redemptions by number, who came to its
//! waiting room. Blocks cut
//! the stream anywhere.

use sha2::{Digest, Sha256};

use super::campaign::Campaign;
use super::{Archived, Slot, State};
use crate::codec::{
    self, ArchivedHead, ClaimItem, HashedPerson, Head, HeadKind, LaterHead, LaterType, LiveHead, RankedHead,
};
use crate::event::CodeKeyId;
use crate::id::{CampaignNumber, Serial};

/// The longest block of a campaign's stream, in bytes.
pub const BLOCK_BYTES_MAX: usize = 64 << 10;

impl State {
    /// Gives the campaign to `sink`, block by block, each at most [`BLOCK_BYTES_MAX`] long and only the last one shorter.
    ///
    /// # Errors
    /// Those of `sink`.
    ///
    /// # Panics
    /// If there is no such campaign.
    pub fn encode_campaign<E>(
        &self,
        campaign: CampaignNumber,
        sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut blocks = Blocks { buffer: Vec::with_capacity(BLOCK_BYTES_MAX), sink };
        match self.slot(campaign).expect("the campaign exists") {
            Slot::Archived(Archived { id, at, last_event_at }) => {
                let head = ArchivedHead { id: id.clone(), at: *at, last_event_at: *last_event_at };
                blocks.push(&Head { campaign: campaign.0, kind: HeadKind::Archived(head) })?;
            }
            Slot::Live(live) => {
                let code_key = self.code_key.expect("a campaign that lives has named it");
                let head = HeadKind::Live(Box::new(live.head(code_key)));
                blocks.push(&Head { campaign: campaign.0, kind: head })?;
                live.daily_quotas.iter().try_for_each(|quota| blocks.push(quota))?;
                live.claims.days().iter().try_for_each(|day| blocks.push(day))?;
                live.claims.windows().iter().try_for_each(|window| blocks.push(window))?;
                for serial in (0..live.claims.count()).map(Serial) {
                    let grant = live.claims.grant(serial).expect("serials have no gaps");
                    let record = live.record(serial);
                    let (void, life, restocked) = (record.void(), record.life(), record.restocked());
                    blocks.push(&ClaimItem { grant, void, life, restocked })?;
                }
                live.redemptions.iter().try_for_each(|redemption| blocks.push(&redemption))?;
                let people = live.room.iter().flat_map(|room| room.people());
                people.copied().try_for_each(|hash| blocks.push(&HashedPerson { hash }))?;
                let registered = live.registrations.iter().flat_map(|registrations| registrations.people());
                registered.copied().try_for_each(|hash| blocks.push(&HashedPerson { hash }))?;
            }
        }
        blocks.finish()
    }

    /// Forgets of a campaign's waiting room what earlier versions did not keep in snapshots, so that what they wrote can be held
    /// against what a log leads to today.
    pub(crate) fn reduce_room(&mut self, campaign: CampaignNumber) {
        let Some(Slot::Live(live)) = self.campaigns.get_mut(&campaign) else { return };
        if let Some(room) = &mut live.room {
            room.reduce();
        }
    }

    /// A hash of all that there is of the campaign: equal for equal states.
    ///
    /// # Panics
    /// If there is no such campaign.
    pub fn campaign_hash(&self, campaign: CampaignNumber) -> [u8; 32] {
        let mut hasher = Sha256::new();
        let hashed: Result<(), std::convert::Infallible> = self.encode_campaign(campaign, |block| {
            hasher.update(block);
            Ok(())
        });
        match hashed {
            Ok(()) => hasher.finalize().into(),
        }
    }
}

impl Campaign {
    fn head(&self, code_key: CodeKeyId) -> LiveHead {
        let count = |length: usize| u32::try_from(length).expect("days and changes are fewer than 2^32");
        LiveHead {
            code_key: code_key.0,
            created_at: self.created_at,
            last_event_at: self.last_event_at,
            accept_claims: self.flags.accept_claims,
            accept_redemptions: self.flags.accept_redemptions,
            cancelled: self.cancelled,
            created: (*self.created).clone(),
            definition: (self.definition != self.created).then(|| (*self.definition).clone()),
            counts: self.counts.clone(),
            daily_quotas: count(self.daily_quotas.len()),
            days: count(self.claims.days().len()),
            claims: self.claims.count(),
            later: LaterHead {
                latest_at: self.latest_at,
                ended: self.ended,
                seed: self.seed.as_ref().map(|seed| *seed.as_bytes()),
                ranked: self.ranking.as_ref().map(|ranking| RankedHead {
                    at: ranking.at,
                    entries_hash: ranking.entries_hash,
                    fills: ranking.fills.clone(),
                }),
                types: self.later_types(),
                windows: count(self.claims.windows().len()),
                redemptions: self.redemptions.count(),
            },
            room: self.room.as_ref().map(|room| room.head()),
            registered: self.registrations.as_ref().map(|registrations| registrations.count()),
        }
    }

    fn later_types(&self) -> Vec<LaterType> {
        let types = self.counts.iter().zip(&self.issues).map(|(counts, issues)| LaterType {
            redeemed: counts.redeemed,
            expired: counts.expired,
            run_out: issues.run_out,
            files: issues.files.clone(),
        });
        types.collect()
    }
}

/// Cuts a stream into blocks.
struct Blocks<S> {
    buffer: Vec<u8>,
    sink: S,
}

impl<S> Blocks<S> {
    fn push<'a, E>(&mut self, item: &impl codec::Wire<'a>) -> Result<(), E>
    where
        S: FnMut(&[u8]) -> Result<(), E>,
    {
        codec::append(item, &mut self.buffer);
        while self.buffer.len() >= BLOCK_BYTES_MAX {
            (self.sink)(&self.buffer[..BLOCK_BYTES_MAX])?;
            self.buffer.drain(..BLOCK_BYTES_MAX);
        }
        Ok(())
    }

    fn finish<E>(mut self) -> Result<(), E>
    where
        S: FnMut(&[u8]) -> Result<(), E>,
    {
        if self.buffer.is_empty() { Ok(()) } else { (self.sink)(&self.buffer) }
    }
}
