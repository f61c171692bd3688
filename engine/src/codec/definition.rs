//! Owns how definitions and patches are written. Which tag stands for what never changes; new ones are added at the end.

use std::time::Duration;

use bincode::de::BorrowDecoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};

use super::wire::{Invalid, Short, Wire, fields, flag, tags};
use crate::campaign::{
    AvailabilityDisplay, CampaignDefinition, CampaignPatch, CodeSource, CouponTypeDefinition, CouponTypePatch, Limit,
    LimitBy, Mode, Period, Protection, Return, Returns, TimeOfDay, Weekdays, Windows,
};
use crate::fairness::Probability;
use crate::id::{CampaignId, CouponTypeId, TypeIndex};

tags!(Period, "the limit's period is unknown", 1u8 = Campaign, 2u8 = Day, 3u8 = Window);
tags!(LimitBy, "whom the limit counts for is unknown", 1u8 = User, 2u8 = Phone);
tags!(CodeSource, "where codes come from is unknown", 1u8 = Generated, 2u8 = Imported);
tags!(AvailabilityDisplay, "the display is unknown", 1u8 = Exact, 2u8 = Bucketed);
tags!(Return, "the return is unknown", 1u8 = Restock, 2u8 = Burn);

const FIRST_COME: u8 = 1;
const DRAW: u8 = 2;
const LOTTERY: u8 = 3;
/// Added to the mode: what came later follows the coupon types.
const LATER: u8 = 128;
/// Added to the mode: what guards the campaign follows at the end.
const PROTECTED: u8 = 64;

/// What campaigns had from the beginning is written as it was then; what came later follows, where there is any of it.
impl<'a> Wire<'a> for CampaignDefinition {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        let mode = match self.mode {
            Mode::FirstCome => FIRST_COME,
            Mode::Draw => DRAW,
            Mode::Lottery => LOTTERY,
        };
        let later = Later::of(self);
        let has_later = later != Later::none(self.coupon_types.len());
        self.id.write(to)?;
        self.name.write(to)?;
        self.time_zone.write(to)?;
        let is_protected = !self.protection.is_none();
        (mode | flag(has_later, LATER) | flag(is_protected, PROTECTED)).write(to)?;
        self.starts_at.write(to)?;
        self.ends_at.write(to)?;
        self.limit.max.write(to)?;
        self.limit.per.write(to)?;
        self.availability_display.write(to)?;
        self.expected_claimants.write(to)?;
        self.returns.voided.write(to)?;
        self.coupon_types.write(to)?;
        if has_later {
            later.write(to)?;
        }
        if is_protected { self.protection.write(to) } else { Ok(()) }
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        let (id, name, time_zone) = (Wire::read(from)?, Wire::read(from)?, Wire::read(from)?);
        let mode_byte = u8::read(from)?;
        let mode = match mode_byte & !(LATER | PROTECTED) {
            FIRST_COME => Mode::FirstCome,
            DRAW => Mode::Draw,
            LOTTERY => Mode::Lottery,
            _ => return Err(Invalid("the mode is unknown").into()),
        };
        let (starts_at, ends_at) = (Wire::read(from)?, Wire::read(from)?);
        let (max, per) = (u16::read(from)?, Period::read(from)?);
        let (availability_display, expected_claimants) = (Wire::read(from)?, Wire::read(from)?);
        let voided = Return::read(from)?;
        let mut coupon_types: Vec<CouponTypeDefinition> = Wire::read(from)?;
        let none = Later::none(coupon_types.len());
        let later = if mode_byte & LATER == 0 { none.clone() } else { Later::read(from)? };
        if later.types.len() != coupon_types.len() || (mode_byte & LATER != 0 && later == none) {
            return Err(Invalid("what came later does not fit the definition").into());
        }
        let protection = if mode_byte & PROTECTED == 0 { Protection::default() } else { Protection::read(from)? };
        if mode_byte & PROTECTED != 0 && protection.is_none() {
            return Err(Invalid("a protection asks for nothing").into());
        }
        for (coupon_type, later) in coupon_types.iter_mut().zip(later.types) {
            (coupon_type.probability, coupon_type.codes) = (later.probability, later.codes);
        }
        Ok(Self {
            id,
            name,
            time_zone,
            mode,
            starts_at,
            ends_at,
            windows: later.windows,
            limit: Limit { max, per, by: later.limit_by },
            phone_required: later.phone_required,
            availability_display,
            expected_claimants,
            returns: Returns { voided, expired: later.expired },
            protection: Box::new(protection),
            coupon_types,
        })
    }
}

/// What came to definitions later.
#[derive(Clone, PartialEq)]
struct Later {
    windows: Option<Windows>,
    limit_by: LimitBy,
    phone_required: bool,
    expired: Return,
    types: Vec<LaterType>,
}

#[derive(Clone, PartialEq)]
struct LaterType {
    probability: Option<Probability>,
    codes: CodeSource,
}

fields!(Later { windows, limit_by, phone_required, expired, types });
fields!(LaterType { probability, codes });

impl Later {
    fn of(definition: &CampaignDefinition) -> Self {
        let types = definition.coupon_types.iter();
        Self {
            windows: definition.windows.clone(),
            limit_by: definition.limit.by,
            phone_required: definition.phone_required,
            expired: definition.returns.expired,
            types: types.map(|each| LaterType { probability: each.probability, codes: each.codes }).collect(),
        }
    }

    /// As in definitions from before.
    fn none(types: usize) -> Self {
        Self {
            windows: None,
            limit_by: LimitBy::User,
            phone_required: false,
            expired: Return::Burn,
            types: vec![LaterType { probability: None, codes: CodeSource::Generated }; types],
        }
    }
}

impl<'a> Wire<'a> for CouponTypeDefinition {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        self.id.write(to)?;
        self.name.write(to)?;
        self.total_quota.write(to)?;
        self.daily_quota.write(to)?;
        self.valid_for.write(to)?;
        self.metadata.write(to)
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        Ok(Self {
            id: Wire::read(from)?,
            name: Wire::read(from)?,
            total_quota: Wire::read(from)?,
            daily_quota: Wire::read(from)?,
            probability: None,
            codes: CodeSource::Generated,
            valid_for: Wire::read(from)?,
            metadata: Wire::read(from)?,
        })
    }
}

/// Times of day in seconds, days as bits from Monday on.
impl<'a> Wire<'a> for Windows {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        let at: Vec<u32> = self.at().iter().map(|at| at.as_seconds()).collect();
        at.write(to)?;
        self.days().bits().write(to)?;
        self.duration().write(to)
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        let at: Vec<u32> = Wire::read(from)?;
        let at: Result<Vec<TimeOfDay>, _> = at.into_iter().map(TimeOfDay::from_seconds).collect();
        let at = at.map_err(|_| Invalid("a window opens at no time of day"))?;
        if !at.is_sorted() {
            return Err(Invalid("windows are not in order").into());
        }
        let days = Weekdays::from_bits(u8::read(from)?).map_err(|_| Invalid("windows open on no day"))?;
        let duration = Duration::read(from)?;
        Windows::new(at, days, duration).map_err(|_| Invalid("windows are invalid").into())
    }
}

impl<'a> Wire<'a> for Probability {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        self.billionths().write(to)
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        Probability::from_billionths(u32::read(from)?).map_err(|_| Invalid("a probability is above one").into())
    }
}

fields!(CouponTypePatch { coupon_type, total_quota, daily_quota });
fields!(CampaignPatch { name, ends_at, availability_display, accept_claims, accept_redemptions, coupon_types });

macro_rules! short_id {
    ($type:ident, $error:literal) => {
        impl<'a> Wire<'a> for $type {
            fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
                Short(self.as_str()).write(to)
            }

            fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
                $type::new(Short::read(from)?.0).map_err(|_| Invalid($error).into())
            }
        }
    };
}

short_id!(CampaignId, "a campaign id is invalid");
short_id!(CouponTypeId, "a coupon type id is invalid");

impl<'a> Wire<'a> for TypeIndex {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        self.0.write(to)
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        u16::read(from).map(TypeIndex)
    }
}

/// In milliseconds.
impl<'a> Wire<'a> for Duration {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        u64::try_from(self.as_millis()).expect("a definition's spans have been checked").write(to)
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        u64::read(from).map(Duration::from_millis)
    }
}
