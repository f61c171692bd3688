//! Owns how the parts of a campaign are written into a snapshot. Their order is [`crate::shard::State::encode_campaign`]'s.

use bincode::de::BorrowDecoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};

use std::time::Duration;

use super::wire::{Invalid, Short, Wire, fields, flag, flags, tags};
use crate::campaign::{CampaignDefinition, Cancellation, TypeCounts};
use crate::command::CodeFile;
use crate::id::{CampaignId, PhoneId, Serial, TypeIndex};
use crate::outcome::RedemptionState;
use crate::shard::{
    DailyQuota, DayStart, Grant, LaterRoomHead, Life, PastHead, Redemption, Restocked, RoomHead, ShuffledHead, Step,
    Void, WindowStart,
};
use crate::time::{Day, Timestamp};

/// The version of what follows it. The first one had no [`LaterHead`].
const VERSION: u8 = 2;
const VERSION_BEFORE: u8 = 1;
/// As [`VERSION`], with a [`RoomHead`] behind all else but for its [`LaterRoomHead`]: so was a campaign with a waiting room written.
const VERSION_WITH_ROOM: u8 = 3;
/// As [`VERSION`], with such a [`RoomHead`] or none and the number of those who registered behind all else. So is a campaign
/// written that hears only them and has no waiting room; those that have one were written so too.
const VERSION_WITH_REGISTERED: u8 = 4;
/// As [`VERSION`], with a [`RoomHead`], the number of those who registered or none, and a [`LaterRoomHead`] behind all else: so is
/// a campaign with a waiting room written, and no other.
const VERSION_WITH_LATER_ROOM: u8 = 5;
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

/// Of a campaign that lives. Its daily quotas, days, windows, claims and redemptions follow, so many of each.
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
    pub(crate) later: LaterHead,
    /// Its people follow all else, 16 bytes each.
    pub(crate) room: Option<RoomHead>,
    /// Of a campaign that hears only who has registered: how many have. They follow the people of the room, 16 bytes each.
    pub(crate) registered: Option<u32>,
}

/// What the second version of the format added.
pub(crate) struct LaterHead {
    pub(crate) latest_at: Timestamp,
    pub(crate) ended: bool,
    pub(crate) seed: Option<[u8; 32]>,
    pub(crate) ranked: Option<RankedHead>,
    /// A coupon type each.
    pub(crate) types: Vec<LaterType>,
    pub(crate) windows: u32,
    pub(crate) redemptions: u32,
}

/// Of a lottery that is drawn.
#[derive(Debug)]
pub(crate) struct RankedHead {
    pub(crate) at: Timestamp,
    pub(crate) entries_hash: [u8; 32],
    pub(crate) fills: Vec<u32>,
}

/// Somebody in a waiting room, or who has registered, under the room's or the campaign's own key.
pub(crate) struct HashedPerson {
    pub(crate) hash: [u8; 16],
}

/// Of a coupon type, what the second version of the format added.
#[derive(Clone)]
pub(crate) struct LaterType {
    pub(crate) redeemed: u32,
    pub(crate) expired: u32,
    /// How many of its coupons, from the first, have come to the end of their time.
    pub(crate) run_out: u32,
    pub(crate) files: Vec<CodeFile>,
}

/// Of a campaign that is archived: all there is.
pub(crate) struct ArchivedHead {
    pub(crate) id: CampaignId,
    pub(crate) at: Timestamp,
    pub(crate) last_event_at: Timestamp,
}

/// A claim, but for its day and its window.
pub(crate) struct ClaimItem<'a> {
    pub(crate) grant: Grant<'a>,
    pub(crate) void: Option<Void>,
    pub(crate) life: Life,
    /// Of one that has run out and is not void; what went back with a void is the void's.
    pub(crate) restocked: Restocked,
}

fields!(Cancellation { at, revoke });
fields!(RankedHead { at, entries_hash, fills });
fields!(LaterType { redeemed, expired, run_out, files });
fields!(LaterHead { latest_at, ended, seed, ranked, types, windows, redemptions });
fields!(WindowStart { opened_at, first });
fields!(Step { first_at, at, up_to, undecided });
fields!(LaterRoomHead { past, paused_at });
fields!(PastHead { opens_at, shuffled });
fields!(ShuffledHead { count, hash });
fields!(HashedPerson { hash });
fields!(ArchivedHead { id, at, last_event_at });
fields!(DailyQuota { from, coupon_type, quota });
fields!(DayStart { day, first });
tags!(Life, "what became of a coupon is unknown", 0u8 = Issued, 1u8 = Reserved, 2u8 = Redeemed, 3u8 = Expired);
tags!(
    RedemptionState,
    "what became of a redemption is unknown",
    1u8 = Reserved,
    2u8 = Confirmed,
    3u8 = Released,
    4u8 = Expired,
    5u8 = Reversed
);

/// What the first version of the format knew of them: the rest is in [`LaterType`], or follows from the claims.
impl<'a> Wire<'a> for TypeCounts {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        self.issued.write(to)?;
        self.issued_today.write(to)?;
        self.voided.write(to)
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        let (issued, issued_today, voided) = (u32::read(from)?, u32::read(from)?, u32::read(from)?);
        Ok(Self { issued, issued_today, voided, ..Self::default() })
    }
}

impl LiveHead {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        self.code_key.write(to)?;
        self.created_at.write(to)?;
        self.last_event_at.write(to)?;
        self.accept_claims.write(to)?;
        self.accept_redemptions.write(to)?;
        self.cancelled.write(to)?;
        self.created.write(to)?;
        self.definition.write(to)?;
        self.counts.write(to)?;
        self.daily_quotas.write(to)?;
        self.days.write(to)?;
        self.claims.write(to)?;
        self.later.write(to)?;
        match (&self.room, self.registered) {
            (Some(room), registered) => {
                room.write(to)?;
                registered.write(to)?;
                room.later.write(to)
            }
            (None, Some(registered)) => {
                // No room.
                false.write(to)?;
                registered.write(to)
            }
            (None, None) => Ok(()),
        }
    }

    fn read<'a, D: BorrowDecoder<'a>>(version: u8, from: &mut D) -> Result<Self, DecodeError> {
        let (code_key, created_at, last_event_at) = (Wire::read(from)?, Wire::read(from)?, Wire::read(from)?);
        let mut head = Self {
            code_key,
            created_at,
            last_event_at,
            accept_claims: Wire::read(from)?,
            accept_redemptions: Wire::read(from)?,
            cancelled: Wire::read(from)?,
            created: Wire::read(from)?,
            definition: Wire::read(from)?,
            counts: Wire::read(from)?,
            daily_quotas: Wire::read(from)?,
            days: Wire::read(from)?,
            claims: Wire::read(from)?,
            later: if version == VERSION_BEFORE { LaterHead::before(last_event_at) } else { Wire::read(from)? },
            room: None,
            registered: None,
        };
        let has_room = match version {
            VERSION_WITH_ROOM | VERSION_WITH_LATER_ROOM => true,
            VERSION_WITH_REGISTERED => bool::read(from)?,
            _ => false,
        };
        head.room = if has_room { Some(RoomHead::read(from)?) } else { None };
        head.registered = match version {
            VERSION_WITH_REGISTERED => Some(Wire::read(from)?),
            VERSION_WITH_LATER_ROOM => Wire::read(from)?,
            _ => None,
        };
        if let Some(room) = head.room.as_mut().filter(|_| version == VERSION_WITH_LATER_ROOM) {
            room.later = Wire::read(from)?;
        }
        Ok(head)
    }
}

/// All of it but its [`LaterRoomHead`], which does not follow at once.
impl RoomHead {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        self.opens_at.write(to)?;
        self.arrivals.write(to)?;
        self.hash.write(to)?;
        self.shuffled.write(to)?;
        self.now_serving.write(to)?;
        self.first_claim.write(to)?;
        self.steps.write(to)?;
        self.lapsed.write(to)?;
        self.last_at.write(to)?;
        self.carry.write(to)
    }

    fn read<'a, D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        Ok(Self {
            opens_at: Wire::read(from)?,
            arrivals: Wire::read(from)?,
            hash: Wire::read(from)?,
            shuffled: Wire::read(from)?,
            now_serving: Wire::read(from)?,
            first_claim: Wire::read(from)?,
            steps: Wire::read(from)?,
            lapsed: Wire::read(from)?,
            last_at: Wire::read(from)?,
            carry: Wire::read(from)?,
            later: LaterRoomHead::default(),
        })
    }
}

/// Whether a campaign, whose part of a snapshot begins with `bytes`, was written by a version that did not keep all of a waiting
/// room that is kept today.
pub(crate) fn is_before_later_room(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(&(VERSION_WITH_ROOM | VERSION_WITH_REGISTERED)))
}

impl LaterHead {
    /// Of a campaign that knew nothing of it.
    fn before(latest_at: Timestamp) -> Self {
        Self { latest_at, ended: false, seed: None, ranked: None, types: Vec::new(), windows: 0, redemptions: 0 }
    }
}

impl<'a> Wire<'a> for Head {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        let version = match &self.kind {
            HeadKind::Live(head) if head.room.is_some() => VERSION_WITH_LATER_ROOM,
            HeadKind::Live(head) if head.registered.is_some() => VERSION_WITH_REGISTERED,
            HeadKind::Live(_) | HeadKind::Archived(_) => VERSION,
        };
        version.write(to)?;
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
        let version = u8::read(from)?;
        let known = [VERSION, VERSION_BEFORE, VERSION_WITH_ROOM, VERSION_WITH_REGISTERED, VERSION_WITH_LATER_ROOM];
        if !known.contains(&version) {
            return Err(Invalid("the version of the campaign's state is unknown").into());
        }
        let campaign = u32::read(from)?;
        let kind = match u8::read(from)? {
            LIVE => HeadKind::Live(Box::new(LiveHead::read(version, from)?)),
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
/// A second byte of flags follows.
const MORE: u8 = 64;
const KNOWN: u8 = NAMED | KEYED | VOIDED | RESTOCKED | RESTOCKED_TODAY | ALLOWED_AGAIN | MORE;

// The second byte of flags of a claim, above two bits of what has become of its coupon.
const LIFE: u8 = 3;
const LOST: u8 = 4;
const PHONE: u8 = 8;
const KNOWN_MORE: u8 = LIFE | LOST | PHONE;

/// [`TypeIndex::NONE`] stands for no type.
impl<'a> Wire<'a> for ClaimItem<'a> {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        let Grant { at, day: _, window: _, coupon_type, lost, user, key, named, phone } = &self.grant;
        let void = self.void.map_or(0, |void| flag(true, VOIDED) | flag(void.allowed_again, ALLOWED_AGAIN));
        let restocked = match self.void {
            Some(void) => Restocked { total: void.restocked, today: void.restocked_today },
            None => self.restocked,
        };
        let returned = flag(restocked.total, RESTOCKED) | flag(restocked.today, RESTOCKED_TODAY);
        let more = self.life as u8 | flag(*lost, LOST) | flag(phone.is_some(), PHONE);
        at.write(to)?;
        coupon_type.unwrap_or(TypeIndex::NONE).write(to)?;
        (void | returned | flag(*named, NAMED) | flag(key.is_some(), KEYED) | flag(more != 0, MORE)).write(to)?;
        if more != 0 {
            more.write(to)?;
        }
        phone.map_or(Ok(()), |phone| phone.0.write(to))?;
        Short(user).write(to)?;
        key.map_or(Ok(()), |key| Short(key).write(to))
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        let at = Timestamp::read(from)?;
        let coupon_type = Some(TypeIndex::read(from)?).filter(|coupon_type| *coupon_type != TypeIndex::NONE);
        let first = flags(from, KNOWN)?;
        let has = |flag| first & flag != 0;
        let more = if has(MORE) { flags(from, KNOWN_MORE)? } else { 0 };
        let phone = if more & PHONE != 0 { Some(PhoneId(u64::read(from)?)) } else { None };
        let user = Short::read(from)?.0;
        let key = if has(KEYED) { Some(Short::read(from)?.0) } else { None };
        let life = match more & LIFE {
            0 => Life::Issued,
            1 => Life::Reserved,
            2 => Life::Redeemed,
            _ => Life::Expired,
        };
        let restocked = Restocked { total: has(RESTOCKED), today: has(RESTOCKED_TODAY) };
        let void = has(VOIDED).then(|| Void {
            restocked: restocked.total,
            restocked_today: restocked.today,
            allowed_again: has(ALLOWED_AGAIN),
        });
        let went_back = restocked.total || restocked.today;
        if void.is_none() && (has(ALLOWED_AGAIN) || (went_back && life != Life::Expired)) {
            return Err(Invalid("a claim that is not void was given back").into());
        }
        if has(MORE) && more == 0 {
            return Err(Invalid("a byte of flags says nothing").into());
        }
        let grant = Grant {
            at,
            day: Day(0),
            window: None,
            coupon_type,
            lost: more & LOST != 0,
            user,
            key,
            named: has(NAMED),
            phone,
        };
        Ok(Self { grant, void, life, restocked })
    }
}

impl<'a> Wire<'a> for Redemption<'a> {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        self.at.write(to)?;
        self.claim.write(to)?;
        self.named_user.write(to)?;
        self.hold.write(to)?;
        self.state.write(to)?;
        Short(self.order).write(to)
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        Ok(Self {
            at: Wire::read(from)?,
            claim: Wire::read(from)?,
            named_user: Wire::read(from)?,
            hold: Option::<Duration>::read(from)?,
            state: Wire::read(from)?,
            order: Short::read(from)?.0,
        })
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
