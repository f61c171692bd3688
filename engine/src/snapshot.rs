//! Owns how a snapshot is made: a background thread lays the log's sealed segments over the last snapshot, by the same `apply`
//! as everything else, a few campaigns at a time, so that the shards never stop and the second copy in memory stays small.
//!
//! A snapshot's content is a stream of blocks, campaigns in the order of their numbers. A block is the campaign's number (4
//! bytes, little-endian), 1 if it is the campaign's last and 0 if not, and a piece of [`State::encode_campaign`]'s stream.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::codec;
use crate::event::Event;
use crate::id::{CampaignId, CampaignNumber};
use crate::shard::{CampaignDecoder, State};
use crate::unsound::Unsound;
use landrush_wal::lsn::Lsn;
use sha2::{Digest, Sha256};

/// Campaigns are rebuilt together as long as their snapshot and their part of the log are no larger than this, in bytes. A
/// larger one is rebuilt alone: it bounds the second copy in memory.
const TOGETHER_BYTES_MAX: u64 = 64 << 20;

const PREFIX_BYTES: usize = 5;

/// A block of a snapshot.
struct Block<'b> {
    campaign: CampaignNumber,
    is_last: bool,
    bytes: &'b [u8],
}

impl<'b> Block<'b> {
    fn parse(block: &'b [u8]) -> Result<Self, Unsound> {
        let (prefix, bytes) = block.split_first_chunk::<PREFIX_BYTES>().ok_or(Unsound::Block)?;
        let [a, b, c, d, last] = *prefix;
        let is_last = match last {
            0 => false,
            1 => true,
            _ => return Err(Unsound::Block),
        };
        Ok(Self { campaign: CampaignNumber(u32::from_le_bytes([a, b, c, d])), is_last, bytes })
    }
}

/// Takes the records of a log, one after the other.
pub type RecordVisitor<'v> = dyn FnMut(Lsn, &[u8]) -> Result<(), Unsound> + 'v;

/// A snapshot and the records behind it. Each may be visited several times, and gives the same each time.
pub trait History {
    /// Why it cannot be read, or makes no sense.
    type Error: From<Unsound>;

    /// Visits the blocks of the snapshot; none if the history begins without one.
    ///
    /// # Errors
    /// Those of reading, and those of `visit`.
    fn blocks(&self, visit: &mut dyn FnMut(&[u8]) -> Result<(), Unsound>) -> Result<(), Self::Error>;

    /// Visits the records behind the snapshot.
    ///
    /// # Errors
    /// Those of reading, and those of `visit`.
    fn records(&self, visit: &mut RecordVisitor<'_>) -> Result<(), Self::Error>;
}

/// Lays the records of `history` over its snapshot, and gives the blocks of the snapshot that results to `sink`. `empty` is a
/// state without campaigns, of the history's keys.
///
/// # Errors
/// Those of `history` and of `sink`.
pub fn rebuild<H: History>(
    history: &H,
    empty: &State,
    sink: impl FnMut(&[u8]) -> Result<(), H::Error>,
) -> Result<(), H::Error> {
    rebuild_reduced(history, empty, &Earlier::default(), sink)
}

/// Campaigns of a snapshot that an earlier version wrote, which did not keep all that is kept today.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Earlier(BTreeSet<CampaignNumber>);

impl Earlier {
    /// Those of the snapshot that `history` begins with.
    ///
    /// # Errors
    /// Those of `history`.
    pub fn of<H: History>(history: &H) -> Result<Self, H::Error> {
        let (mut earlier, mut begins) = (BTreeSet::new(), true);
        history.blocks(&mut |block| {
            let Block { campaign, is_last, bytes } = Block::parse(block)?;
            if begins && codec::is_before_later_room(bytes) {
                earlier.insert(campaign);
            }
            begins = is_last;
            Ok(())
        })?;
        Ok(Self(earlier))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// As [`rebuild`], without what the versions that wrote the campaigns in `earlier` did not keep of them: two histories that lead to
/// the same give the same blocks then, whichever version wrote their snapshots.
///
/// # Errors
/// Those of `history` and of `sink`.
pub fn rebuild_reduced<H: History>(
    history: &H,
    empty: &State,
    earlier: &Earlier,
    mut sink: impl FnMut(&[u8]) -> Result<(), H::Error>,
) -> Result<(), H::Error> {
    let sizes = Sizes::of(history)?;
    for range in sizes.ranges() {
        let mut state = empty.clone();
        let mut loader = Loader::default();
        history.blocks(&mut |block| {
            if range.contains(&Block::parse(block)?.campaign)
                && let Some(loaded) = loader.push(block, &state)?
            {
                loaded.put(&mut state)?;
            }
            Ok(())
        })?;
        loader.finish()?;
        if sizes.has_records(&range) {
            history.records(&mut |lsn, record| {
                let event = decode(lsn, record)?;
                if range.contains(&event.campaign) { apply(&mut state, lsn, &event) } else { Ok(()) }
            })?;
        }
        earlier.0.range(range).for_each(|campaign| state.reduce_room(*campaign));
        write_state(&state, &mut sink)?;
    }
    Ok(())
}

/// The whole state that `history` leads to, in memory at once, put into `state`, which has no campaigns yet.
///
/// # Errors
/// Those of `history`.
pub fn rebuild_state<H: History>(history: &H, mut state: State) -> Result<State, H::Error> {
    let mut loader = Loader::default();
    history.blocks(&mut |block| {
        if let Some(loaded) = loader.push(block, &state)? {
            loaded.put(&mut state)?;
        }
        Ok(())
    })?;
    loader.finish()?;
    history.records(&mut |lsn, record| apply(&mut state, lsn, &decode(lsn, record)?))?;
    Ok(state)
}

/// The hash that a snapshot's footer bears: SHA-256 over the blocks that `give` gives to its sink.
///
/// # Errors
/// Those of `give`.
pub fn content_hash<E>(give: impl FnOnce(&mut dyn FnMut(&[u8])) -> Result<(), E>) -> Result<[u8; 32], E> {
    let mut hasher = Sha256::new();
    give(&mut |block| hasher.update(block))?;
    Ok(hasher.finalize().into())
}

pub(crate) fn decode(lsn: Lsn, record: &[u8]) -> Result<Event<'_>, Unsound> {
    codec::decode_event(record).map_err(|cause| Unsound::Undecodable { lsn, cause })
}

pub(crate) fn apply(state: &mut State, lsn: Lsn, event: &Event<'_>) -> Result<(), Unsound> {
    state.apply(event).map_err(|cause| Unsound::Inconsistent { lsn, cause })
}

/// By campaign, how many bytes the snapshot and the log hold of it.
struct Sizes(BTreeMap<CampaignNumber, Size>);

#[derive(Default)]
struct Size {
    snapshot: u64,
    log: u64,
}

impl Sizes {
    fn of<H: History>(history: &H) -> Result<Self, H::Error> {
        let mut sizes: BTreeMap<CampaignNumber, Size> = BTreeMap::new();
        history.blocks(&mut |block| {
            sizes.entry(Block::parse(block)?.campaign).or_default().snapshot += block.len() as u64;
            Ok(())
        })?;
        history.records(&mut |lsn, record| {
            sizes.entry(decode(lsn, record)?.campaign).or_default().log += record.len() as u64;
            Ok(())
        })?;
        Ok(Self(sizes))
    }

    /// Neighbours that are rebuilt together.
    fn ranges(&self) -> Vec<RangeInclusive<CampaignNumber>> {
        let mut ranges: Vec<RangeInclusive<CampaignNumber>> = Vec::new();
        let mut together = 0;
        for (campaign, size) in &self.0 {
            let bytes = size.snapshot + size.log;
            together += bytes;
            match ranges.last_mut() {
                Some(range) if together <= TOGETHER_BYTES_MAX => *range = *range.start()..=*campaign,
                _ => {
                    ranges.push(*campaign..=*campaign);
                    together = bytes;
                }
            }
        }
        ranges
    }

    fn has_records(&self, range: &RangeInclusive<CampaignNumber>) -> bool {
        self.0.range(range.clone()).any(|(_, size)| size.log > 0)
    }
}

/// Puts the blocks of a snapshot together again, campaign by campaign.
#[derive(Default)]
pub(crate) struct Loader {
    coming: Option<Loaded>,
    last: Option<CampaignNumber>,
}

/// A campaign out of a snapshot.
pub(crate) struct Loaded {
    campaign: CampaignNumber,
    decoder: CampaignDecoder,
}

impl Loader {
    /// Takes a block in, and gives the campaign whose last one it was. `like` is any state of the same keys.
    pub(crate) fn push(&mut self, block: &[u8], like: &State) -> Result<Option<Loaded>, Unsound> {
        let Block { campaign, is_last, bytes } = Block::parse(block)?;
        let is_next = match &self.coming {
            Some(coming) => coming.campaign == campaign,
            None => self.last < Some(campaign),
        };
        if !is_next {
            return Err(Unsound::Block);
        }
        let coming = self.coming.get_or_insert_with(|| Loaded { campaign, decoder: CampaignDecoder::new(like) });
        coming.decoder.push(bytes)?;
        if !is_last {
            return Ok(None);
        }
        self.last = Some(campaign);
        Ok(self.coming.take())
    }

    /// Says that no block follows.
    pub(crate) fn finish(self) -> Result<(), Unsound> {
        if self.coming.is_some() { Err(Unsound::Block) } else { Ok(()) }
    }
}

impl Loaded {
    /// The campaign's id, if its first block was sound.
    pub(crate) fn id(&self) -> Option<&CampaignId> {
        self.decoder.id()
    }

    /// Puts the campaign into `state`.
    pub(crate) fn put(self, state: &mut State) -> Result<CampaignNumber, Unsound> {
        if self.decoder.finish(state)? == self.campaign { Ok(self.campaign) } else { Err(Unsound::Block) }
    }
}

/// Gives the campaigns of `state` to `sink` as blocks.
pub(crate) fn write_state<E>(state: &State, mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    let mut block = Vec::new();
    for campaign in state.campaigns() {
        // One block behind: only when the next one comes is it known that this was not the last.
        block.clear();
        state.encode_campaign(campaign, |bytes| {
            if !block.is_empty() {
                sink(&block)?;
            }
            block.clear();
            block.extend_from_slice(&campaign.0.to_le_bytes());
            block.push(0);
            block.extend_from_slice(bytes);
            Ok(())
        })?;
        assert!(block.len() > PREFIX_BYTES, "a campaign has at least a head");
        block[PREFIX_BYTES - 1] = 1;
        sink(&block)?;
    }
    Ok(())
}
