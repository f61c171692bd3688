//! Owns how events are written.

use std::time::Duration;

use bincode::de::BorrowDecoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};

use super::wire::{Invalid, Short, Wire, fields, flag, flags, tags};
use crate::campaign::CampaignDefinition;
use crate::command::{CodeFile, Settlement};
use crate::event::{Change, CodeKeyId, Event, Granted};
use crate::fairness::Seed;
use crate::id::{CampaignNumber, CodeFileId, PhoneId, RedemptionNumber, Serial, TypeIndex};
use crate::time::{Day, Timestamp};

const CREATED: u8 = 1;
const PATCHED: u8 = 2;
const CANCELLED: u8 = 3;
const ARCHIVED: u8 = 4;
const CLAIMED: u8 = 5;
const VOIDED: u8 = 6;
const DREW: u8 = 7;
const ENTERED: u8 = 8;
const ENDED: u8 = 9;
const RANKED: u8 = 10;
const CODES_IMPORTED: u8 = 11;
const REDEEMED: u8 = 12;
const SETTLED: u8 = 13;
const HOLD_EXPIRED: u8 = 14;
const EXPIRED: u8 = 15;
const ARRIVED: u8 = 16;
const SHUFFLED: u8 = 17;
const ADMITTED: u8 = 18;
const REGISTERED: u8 = 19;
const RESUMED: u8 = 20;

// Flags of a claim, a draw or an entry.
const NAMED: u8 = 1;
const KEYED: u8 = 2;
const WINDOW: u8 = 4;
const PHONE: u8 = 8;
const LOST: u8 = 16;

// Flags of a void.
const RESTOCK: u8 = 1;
const RESTOCK_TODAY: u8 = 2;
const ALLOW_AGAIN: u8 = 4;

// Flags of a redemption.
const NAMED_USER: u8 = 1;
const HOLD: u8 = 2;

tags!(Settlement, "the settlement is unknown", 1u8 = Confirm, 2u8 = Release, 3u8 = Reverse);

fields!(CodeFile { id, count, hash });

impl<'a> Wire<'a> for Event<'a> {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        tag(&self.change).write(to)?;
        self.campaign.0.write(to)?;
        self.at.write(to)?;
        match &self.change {
            Change::Created { definition, code_key, seed } => {
                definition.as_ref().write(to)?;
                code_key.0.write(to)?;
                // The definition says whether there is one.
                seed.as_ref().map_or(Ok(()), |seed| seed.as_bytes().write(to))
            }
            Change::Patched { patch } => patch.as_ref().write(to),
            Change::Resumed { patch, longer_by } => {
                patch.as_ref().write(to)?;
                longer_by.write(to)
            }
            Change::Cancelled { revoke } => revoke.write(to),
            Change::Archived | Change::Ended => Ok(()),
            Change::Claimed { grant, coupon_type, requested } => {
                assert!(requested.is_none_or(|requested| requested == *coupon_type), "who names a type gets that one");
                write_grant(grant, Some(*coupon_type), flag(requested.is_some(), NAMED), to)
            }
            Change::Drew { grant, sampled, won } => write_grant(grant, *sampled, flag(!won, LOST), to),
            Change::Entered { grant } => write_grant(grant, None, 0, to),
            Change::Ranked { count, entries_hash, ranks: _ } => {
                count.write(to)?;
                entries_hash.write(to)
            }
            Change::CodesImported { coupon_type, file } => {
                coupon_type.write(to)?;
                file.write(to)
            }
            Change::Voided { claim, restock, restock_today, allow_again } => {
                claim.0.write(to)?;
                let flags =
                    flag(*restock, RESTOCK) | flag(*restock_today, RESTOCK_TODAY) | flag(*allow_again, ALLOW_AGAIN);
                flags.write(to)
            }
            Change::Redeemed { claim, order, named_user, hold } => {
                claim.0.write(to)?;
                (flag(*named_user, NAMED_USER) | flag(hold.is_some(), HOLD)).write(to)?;
                hold.map_or(Ok(()), |hold| hold.write(to))?;
                Short(order).write(to)
            }
            Change::Settled { redemption, settlement, day } => {
                redemption.0.write(to)?;
                settlement.write(to)?;
                day.0.write(to)
            }
            Change::HoldExpired { redemption, day } => {
                redemption.0.write(to)?;
                day.0.write(to)
            }
            Change::Arrived { window, user } => {
                window.write(to)?;
                Short(user).write(to)
            }
            Change::Registered { user } => Short(user).write(to),
            Change::Shuffled { window, count, hash } => {
                window.write(to)?;
                count.write(to)?;
                hash.write(to)
            }
            Change::Admitted { up_to } => up_to.write(to),
            Change::Expired { coupon_type, count, day } => {
                coupon_type.write(to)?;
                count.write(to)?;
                day.0.write(to)
            }
        }
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        let tag = u8::read(from)?;
        let campaign = CampaignNumber(u32::read(from)?);
        let at = Timestamp::read(from)?;
        Ok(Event { campaign, at, change: read_change(tag, from)? })
    }
}

fn tag(change: &Change<'_>) -> u8 {
    match change {
        Change::Created { .. } => CREATED,
        Change::Patched { .. } => PATCHED,
        Change::Resumed { .. } => RESUMED,
        Change::Cancelled { .. } => CANCELLED,
        Change::Archived => ARCHIVED,
        Change::Claimed { .. } => CLAIMED,
        Change::Voided { .. } => VOIDED,
        Change::Drew { .. } => DREW,
        Change::Entered { .. } => ENTERED,
        Change::Ended => ENDED,
        Change::Ranked { .. } => RANKED,
        Change::CodesImported { .. } => CODES_IMPORTED,
        Change::Redeemed { .. } => REDEEMED,
        Change::Settled { .. } => SETTLED,
        Change::HoldExpired { .. } => HOLD_EXPIRED,
        Change::Expired { .. } => EXPIRED,
        Change::Arrived { .. } => ARRIVED,
        Change::Shuffled { .. } => SHUFFLED,
        Change::Admitted { .. } => ADMITTED,
        Change::Registered { .. } => REGISTERED,
    }
}

fn read_change<'a, D: BorrowDecoder<'a>>(tag: u8, from: &mut D) -> Result<Change<'a>, DecodeError> {
    Ok(match tag {
        CREATED => {
            let definition = CampaignDefinition::read(from)?;
            let code_key = CodeKeyId(u64::read(from)?);
            let seed = if definition.needs_seed() { Some(Seed::from_bytes(Wire::read(from)?)) } else { None };
            Change::Created { definition: Box::new(definition), code_key, seed }
        }
        PATCHED => Change::Patched { patch: Box::new(Wire::read(from)?) },
        RESUMED => Change::Resumed { patch: Box::new(Wire::read(from)?), longer_by: Duration::read(from)? },
        CANCELLED => Change::Cancelled { revoke: bool::read(from)? },
        ARCHIVED => Change::Archived,
        CLAIMED => {
            let (grant, coupon_type, flags) = read_grant(from, true, NAMED)?;
            let coupon_type = coupon_type.ok_or(Invalid("a claim has no coupon type"))?;
            // Who asks for a type by name gets that one or none.
            let requested = (flags & NAMED != 0).then_some(coupon_type);
            Change::Claimed { grant, coupon_type, requested }
        }
        DREW => {
            let (grant, sampled, flags) = read_grant(from, true, LOST)?;
            Change::Drew { grant, sampled, won: flags & LOST == 0 }
        }
        ENTERED => Change::Entered { grant: read_grant(from, false, 0)?.0 },
        ENDED => Change::Ended,
        RANKED => Change::Ranked { count: u32::read(from)?, entries_hash: Wire::read(from)?, ranks: None },
        CODES_IMPORTED => Change::CodesImported { coupon_type: TypeIndex::read(from)?, file: CodeFile::read(from)? },
        VOIDED => {
            let claim = Serial(u32::read(from)?);
            let flags = flags(from, RESTOCK | RESTOCK_TODAY | ALLOW_AGAIN)?;
            Change::Voided {
                claim,
                restock: flags & RESTOCK != 0,
                restock_today: flags & RESTOCK_TODAY != 0,
                allow_again: flags & ALLOW_AGAIN != 0,
            }
        }
        REDEEMED => {
            let claim = Serial(u32::read(from)?);
            let flags = flags(from, NAMED_USER | HOLD)?;
            let hold = if flags & HOLD != 0 { Some(Duration::read(from)?) } else { None };
            Change::Redeemed { claim, order: Short::read(from)?.0, named_user: flags & NAMED_USER != 0, hold }
        }
        SETTLED => Change::Settled {
            redemption: RedemptionNumber(u32::read(from)?),
            settlement: Wire::read(from)?,
            day: Day(u32::read(from)?),
        },
        HOLD_EXPIRED => {
            Change::HoldExpired { redemption: RedemptionNumber(u32::read(from)?), day: Day(u32::read(from)?) }
        }
        EXPIRED => {
            Change::Expired { coupon_type: TypeIndex::read(from)?, count: u32::read(from)?, day: Day(u32::read(from)?) }
        }
        ARRIVED => Change::Arrived { window: Timestamp::read(from)?, user: Short::read(from)?.0 },
        SHUFFLED => {
            Change::Shuffled { window: Timestamp::read(from)?, count: u32::read(from)?, hash: Wire::read(from)? }
        }
        ADMITTED => Change::Admitted { up_to: u32::read(from)? },
        REGISTERED => Change::Registered { user: Short::read(from)?.0 },
        _ => return Err(Invalid("the event's tag is unknown").into()),
    })
}

/// A draw that sampled none has [`TypeIndex::NONE`] in the place of the type; an entry has no such place.
fn write_grant<E: Encoder>(
    grant: &Granted<'_>,
    coupon_type: Option<TypeIndex>,
    more: u8,
    to: &mut E,
) -> Result<(), EncodeError> {
    let Granted { day, window, user, key, phone } = grant;
    day.0.write(to)?;
    let is_entry = coupon_type.is_none() && more & LOST == 0;
    if !is_entry {
        coupon_type.unwrap_or(TypeIndex::NONE).write(to)?;
    }
    let flags = more | flag(key.is_some(), KEYED) | flag(window.is_some(), WINDOW) | flag(phone.is_some(), PHONE);
    flags.write(to)?;
    window.map_or(Ok(()), |window| window.write(to))?;
    phone.map_or(Ok(()), |phone| phone.0.write(to))?;
    Short(user).write(to)?;
    key.map_or(Ok(()), |key| Short(key).write(to))
}

fn read_grant<'a, D: BorrowDecoder<'a>>(
    from: &mut D,
    has_type: bool,
    known: u8,
) -> Result<(Granted<'a>, Option<TypeIndex>, u8), DecodeError> {
    let day = Day(u32::read(from)?);
    let coupon_type = if has_type { Some(TypeIndex::read(from)?) } else { None };
    let flags = flags(from, known | KEYED | WINDOW | PHONE)?;
    let window = if flags & WINDOW != 0 { Some(Timestamp::read(from)?) } else { None };
    let phone = if flags & PHONE != 0 { Some(PhoneId(u64::read(from)?)) } else { None };
    let user = Short::read(from)?.0;
    let key = if flags & KEYED != 0 { Some(Short::read(from)?.0) } else { None };
    let coupon_type = coupon_type.filter(|coupon_type| *coupon_type != TypeIndex::NONE);
    if has_type && coupon_type.is_none() && flags & LOST == 0 {
        return Err(Invalid("nothing was sampled, and it won").into());
    }
    Ok((Granted { day, window, user, key, phone }, coupon_type, flags))
}

impl<'a> Wire<'a> for CodeFileId {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        self.0.write(to)
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        u64::read(from).map(CodeFileId)
    }
}
