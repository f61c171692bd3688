//! Owns how the parts of a campaign are written into a snapshot. Their order is [`crate::shard::State::encode_campaign`]'s.

use bincode::de::BorrowDecoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};

use super::wire::{Invalid, Short, Wire, fields, flag, flags};
use crate::campaign::{CampaignDefinition, Cancellation, TypeCounts};
use crate::id::{CampaignId, Serial, TypeIndex};
use crate::shard::{DailyQuota, DayStart, Grant, Void};
use crate::time::{Day, Timestamp};

/// The version of what follows it.
const VERSION: u8 = 1;
const LIVE: u8 = 1;
const ARCHIVED: u8 = 2;

/// What a campaign's part of a snapshot begins with.
pub(crate) struct Head {
    pub(crate) campaign: u32,
    pub(crate) kind: HeadKind,
}

/// What is known before the claims.
pub(crate) enum HeadKind {
    Live(Box<LiveHead>),
    Archived(ArchivedHead),
}

/// Of a campaign that lives. Its daily quotas, days and claims follow, so many of each.
pub(crate) struct LiveHead {
    pub(crate) code_key: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) last_event_at: Timestamp,
    pub(crate) accept_claims: bool,
    pub(crate) accept_redemptions: bool,
    pub(crate) cancelled: Option<Cancellation>,
    pub(crate) created: CampaignDefinition,
    /// `None`: as created.
    pub(crate) definition: Option<CampaignDefinition>,
    /// Can be counted from the claims: so that what was counted while they came is checked.
    pub(crate) counts: Vec<TypeCounts>,
    pub(crate) daily_quotas: u32,
    pub(crate) days: u32,
    pub(crate) claims: u32,
}

/// Of a campaign that is archived: all there is.
pub(crate) struct ArchivedHead {
    pub(crate) id: CampaignId,
    pub(crate) at: Timestamp,
    pub(crate) last_event_at: Timestamp,
}

/// A claim, but for its day.
pub(crate) struct ClaimItem<'a> {
    pub(crate) grant: Grant<'a>,
    pub(crate) void: Option<Void>,
}

fields!(Cancellation { at, revoke });
fields!(TypeCounts { issued, issued_today, voided });
fields!(ArchivedHead { id, at, last_event_at });
fields!(DailyQuota { from, coupon_type, quota });
fields!(DayStart { day, first });
fields!(LiveHead {
    code_key,
    created_at,
    last_event_at,
    accept_claims,
    accept_redemptions,
    cancelled,
    created,
    definition,
    counts,
    daily_quotas,
    days,
    claims
});

impl<'a> Wire<'a> for Head {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        VERSION.write(to)?;
        self.campaign.write(to)?;
        match &self.kind {
            HeadKind::Live(head) => {
                LIVE.write(to)?;
                head.write(to)
            }
            HeadKind::Archived(head) => {
                ARCHIVED.write(to)?;
                head.write(to)
            }
        }
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        if u8::read(from)? != VERSION {
            return Err(Invalid("the version of the campaign's state is unknown").into());
        }
        let campaign = u32::read(from)?;
        let kind = match u8::read(from)? {
            LIVE => HeadKind::Live(Box::new(LiveHead::read(from)?)),
            ARCHIVED => HeadKind::Archived(ArchivedHead::read(from)?),
            _ => return Err(Invalid("a campaign neither lives nor is archived").into()),
        };
        Ok(Self { campaign, kind })
    }
}

// Flags of a claim.
const NAMED: u8 = 1;
const KEYED: u8 = 2;
const VOIDED: u8 = 4;
const RESTOCKED: u8 = 8;
const RESTOCKED_TODAY: u8 = 16;
const ALLOWED_AGAIN: u8 = 32;
const KNOWN: u8 = NAMED | KEYED | VOIDED | RESTOCKED | RESTOCKED_TODAY | ALLOWED_AGAIN;

impl<'a> Wire<'a> for ClaimItem<'a> {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        let Grant { at, day: _, coupon_type, user, key, named } = &self.grant;
        let void = self.void.map_or(0, |void| {
            VOIDED
                | flag(void.restocked, RESTOCKED)
                | flag(void.restocked_today, RESTOCKED_TODAY)
                | flag(void.allowed_again, ALLOWED_AGAIN)
        });
        at.write(to)?;
        coupon_type.write(to)?;
        (void | flag(*named, NAMED) | flag(key.is_some(), KEYED)).write(to)?;
        Short(user).write(to)?;
        key.map_or(Ok(()), |key| Short(key).write(to))
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        let at = Timestamp::read(from)?;
        let coupon_type = TypeIndex::read(from)?;
        let flags = flags(from, KNOWN)?;
        let has = |flag| flags & flag != 0;
        let user = Short::read(from)?.0;
        let key = if has(KEYED) { Some(Short::read(from)?.0) } else { None };
        let void = has(VOIDED).then(|| Void {
            restocked: has(RESTOCKED),
            restocked_today: has(RESTOCKED_TODAY),
            allowed_again: has(ALLOWED_AGAIN),
        });
        if void.is_none() && (has(RESTOCKED) || has(RESTOCKED_TODAY) || has(ALLOWED_AGAIN)) {
            return Err(Invalid("a claim that is not void was given back").into());
        }
        Ok(Self { grant: Grant { at, day: Day(0), coupon_type, user, key, named: has(NAMED) }, void })
    }
}

impl<'a> Wire<'a> for Day {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        self.0.write(to)
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        u32::read(from).map(Day)
    }
}

impl<'a> Wire<'a> for Serial {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        self.0.write(to)
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        u32::read(from).map(Serial)
    }
}
