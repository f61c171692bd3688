//! Owns how definitions and patches are written. Which tag stands for what never changes; new ones are added at the end.

use std::time::Duration;

use bincode::de::BorrowDecoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};

use super::wire::{Invalid, Short, Wire, fields};
use crate::campaign::{
    AvailabilityDisplay, CampaignDefinition, CampaignPatch, CouponTypeDefinition, CouponTypePatch, Limit, Mode, Period,
    Return, Returns,
};
use crate::id::{CampaignId, CouponTypeId, TypeIndex};

/// Enums whose variants bear nothing: a byte each.
macro_rules! tags {
    ($type:ident, $error:literal, $($tag:literal = $variant:ident),+) => {
        impl<'a> Wire<'a> for $type {
            fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
                match self { $($type::$variant => $tag,)+ }.write(to)
            }

            fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
                match u8::read(from)? {
                    $($tag => Ok($type::$variant),)+
                    _ => Err(Invalid($error).into()),
                }
            }
        }
    };
}

tags!(Mode, "the mode is unknown", 1u8 = FirstCome);
tags!(Period, "the limit's period is unknown", 1u8 = Campaign, 2u8 = Day);
tags!(AvailabilityDisplay, "the display is unknown", 1u8 = Exact, 2u8 = Bucketed);
tags!(Return, "the return is unknown", 1u8 = Restock, 2u8 = Burn);

fields!(Limit { max, per });
fields!(Returns { voided });
fields!(CouponTypeDefinition { id, name, total_quota, daily_quota, valid_for, metadata });
fields!(CampaignDefinition {
    id,
    name,
    time_zone,
    mode,
    starts_at,
    ends_at,
    limit,
    availability_display,
    expected_claimants,
    returns,
    coupon_types
});
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
