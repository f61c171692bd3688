//! Owns how events are written.

use std::borrow::Cow;

use bincode::de::BorrowDecoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};

use super::wire::{Invalid, Short, Wire, flag, flags};
use crate::event::{Change, CodeKeyId, Event};
use crate::id::{CampaignNumber, Serial, TypeIndex};
use crate::time::{Day, Timestamp};

const CREATED: u8 = 1;
const PATCHED: u8 = 2;
const CANCELLED: u8 = 3;
const ARCHIVED: u8 = 4;
const CLAIMED: u8 = 5;
const VOIDED: u8 = 6;

// Flags of a claim.
const NAMED: u8 = 1;
const KEYED: u8 = 2;

// Flags of a void.
const RESTOCK: u8 = 1;
const RESTOCK_TODAY: u8 = 2;
const ALLOW_AGAIN: u8 = 4;

impl<'a> Wire<'a> for Event<'a> {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        let tag = match &self.change {
            Change::Created { .. } => CREATED,
            Change::Patched { .. } => PATCHED,
            Change::Cancelled { .. } => CANCELLED,
            Change::Archived => ARCHIVED,
            Change::Claimed { .. } => CLAIMED,
            Change::Voided { .. } => VOIDED,
        };
        tag.write(to)?;
        self.campaign.0.write(to)?;
        self.at.write(to)?;
        match &self.change {
            Change::Created { definition, code_key } => {
                definition.as_ref().write(to)?;
                code_key.0.write(to)
            }
            Change::Patched { patch } => patch.as_ref().write(to),
            Change::Cancelled { revoke } => revoke.write(to),
            Change::Archived => Ok(()),
            Change::Claimed { day, coupon_type, user, key, requested } => {
                assert!(requested.is_none_or(|requested| requested == *coupon_type), "who names a type gets that one");
                day.0.write(to)?;
                coupon_type.write(to)?;
                (flag(requested.is_some(), NAMED) | flag(key.is_some(), KEYED)).write(to)?;
                Short(user).write(to)?;
                key.map_or(Ok(()), |key| Short(key).write(to))
            }
            Change::Voided { claim, restock, restock_today, allow_again } => {
                claim.0.write(to)?;
                let flags =
                    flag(*restock, RESTOCK) | flag(*restock_today, RESTOCK_TODAY) | flag(*allow_again, ALLOW_AGAIN);
                flags.write(to)
            }
        }
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        let tag = u8::read(from)?;
        let campaign = CampaignNumber(u32::read(from)?);
        let at = Timestamp::read(from)?;
        let change = match tag {
            CREATED => {
                let definition = Cow::Owned(Wire::read(from)?);
                Change::Created { definition, code_key: CodeKeyId(u64::read(from)?) }
            }
            PATCHED => Change::Patched { patch: Cow::Owned(Wire::read(from)?) },
            CANCELLED => Change::Cancelled { revoke: bool::read(from)? },
            ARCHIVED => Change::Archived,
            CLAIMED => claimed(from)?,
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
            _ => return Err(Invalid("the event's tag is unknown").into()),
        };
        Ok(Event { campaign, at, change })
    }
}

fn claimed<'a, D: BorrowDecoder<'a>>(from: &mut D) -> Result<Change<'a>, DecodeError> {
    let day = Day(u32::read(from)?);
    let coupon_type = TypeIndex::read(from)?;
    let flags = flags(from, NAMED | KEYED)?;
    let user = Short::read(from)?.0;
    let key = if flags & KEYED != 0 { Some(Short::read(from)?.0) } else { None };
    // Who asks for a type by name gets that one or none.
    let requested = (flags & NAMED != 0).then_some(coupon_type);
    Ok(Change::Claimed { day, coupon_type, user, key, requested })
}
