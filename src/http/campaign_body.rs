//! Owns the bodies that make and change campaigns: from JSON to the engine's definition, defaults filled in.

use std::collections::HashSet;
use std::time::Duration;

use landrush_engine::campaign::{
    AvailabilityDisplay, CampaignDefinition, CampaignPatch, CouponTypeDefinition, CouponTypePatch, Limit, Mode, Period,
    Return, Returns,
};
use landrush_engine::id::{CampaignId, CouponTypeId};
use landrush_engine::time::Timestamp;

use super::fields::{At, Faults, FieldError, NOT_IN_THIS_VERSION, Object};
use super::json::Json;
use crate::text;

/// What is expected of a campaign that does not say: see [`CampaignDefinition::expected_claimants`].
pub const EXPECTED_CLAIMANTS_DEFAULT: u32 = 1_000_000;

/// The longest name for people, in characters.
const NAME_CHARS_MAX: usize = 200;

/// The most claimants that can be expected: serials are 32 bits.
const EXPECTED_CLAIMANTS_MAX: u32 = 1_000_000_000;

const DISPLAYS: [(&str, AvailabilityDisplay); 2] =
    [("exact", AvailabilityDisplay::Exact), ("bucketed", AvailabilityDisplay::Bucketed)];

/// Reads the body that makes a campaign.
///
/// # Errors
/// Every fault of the body, by pointer.
pub fn parse_definition(body: &[u8]) -> Result<CampaignDefinition, Vec<FieldError>> {
    Faults::read(body, definition)
}

fn definition(object: &mut Object<'_>) -> Option<CampaignDefinition> {
    let id = object.required("id", |json, at| at.parsed(json, CampaignId::new));
    let name = object.required("name", display_name);
    let time_zone = object.required("time_zone", zone_name);
    let mode = object.required("mode", mode);
    let schedule = object.required("schedule", |json, at| at.object(json, schedule));
    let limit = object.optional("limit", |json, at| at.object(json, limit));
    object.absent_here("phone_required", |json| *json == Json::Bool(false));
    let display = object.optional("availability_display", |json, at| at.choice(json, &DISPLAYS));
    let expected = object.optional("expected_claimants", |json, at| at.whole(json, 1, EXPECTED_CLAIMANTS_MAX));
    let returns = object.optional("returns", |json, at| at.object(json, returns));
    object.absent_here("protection", |json| matches!(json, Json::Object(members) if members.is_empty()));
    let coupon_types = object.required("coupon_types", coupon_types);
    let (starts_at, ends_at) = schedule?;
    Some(CampaignDefinition {
        id: id?,
        name: name?,
        time_zone: time_zone?,
        mode: mode?,
        starts_at,
        ends_at,
        limit: limit.unwrap_or(Limit { max: 1, per: Period::Campaign }),
        availability_display: display.unwrap_or(AvailabilityDisplay::Exact),
        expected_claimants: expected.unwrap_or(EXPECTED_CLAIMANTS_DEFAULT),
        returns: returns.unwrap_or(Returns { voided: Return::Restock }),
        coupon_types: coupon_types?,
    })
}

fn display_name(json: &Json, at: &At<'_>) -> Option<String> {
    at.parsed(json, |name| {
        let length = name.chars().count();
        if length == 0 || length > NAME_CHARS_MAX {
            return Err("must be 1 to 200 characters long");
        }
        if name.chars().any(char::is_control) {
            return Err("must not hold control characters");
        }
        Ok(name.to_owned())
    })
}

fn zone_name(json: &Json, at: &At<'_>) -> Option<String> {
    at.parsed(json, |name| {
        // Only names of the database: jiff also reads offsets and POSIX rules, which are no IANA names.
        let zone = jiff::tz::TimeZone::get(name).map_err(|_| "must be an IANA time zone, as Asia/Singapore")?;
        zone.iana_name().map(str::to_owned).ok_or("must be an IANA time zone, as Asia/Singapore")
    })
}

fn mode(json: &Json, at: &At<'_>) -> Option<Mode> {
    match at.text(json)? {
        "first_come" => Some(Mode::FirstCome),
        "draw" | "lottery" => at.wrong(NOT_IN_THIS_VERSION),
        _ => at.wrong("must be \"first_come\" or \"draw\" or \"lottery\""),
    }
}

fn moment(json: &Json, at: &At<'_>) -> Option<Timestamp> {
    at.parsed(json, text::parse_rfc3339)
}

fn schedule(object: &mut Object<'_>) -> Option<(Timestamp, Timestamp)> {
    let starts_at = object.required("starts_at", moment);
    let ends_at = object.required("ends_at", moment);
    object.absent_here("windows", |_| false);
    let (starts_at, ends_at) = (starts_at?, ends_at?);
    if ends_at <= starts_at {
        return object.at().inner("ends_at").wrong("must be after starts_at");
    }
    Some((starts_at, ends_at))
}

fn limit(object: &mut Object<'_>) -> Option<Limit> {
    let max = object.optional("max", |json, at| at.whole(json, 1, u32::from(Limit::MAX)));
    let per = object.optional("per", |json, at| match at.text(json)? {
        "campaign" => Some(Period::Campaign),
        "day" => Some(Period::Day),
        "window" => at.wrong(NOT_IN_THIS_VERSION),
        _ => at.wrong("must be \"campaign\" or \"day\" or \"window\""),
    });
    object.optional("by", |json, at| match at.text(json)? {
        "user" => Some(()),
        "phone" => at.wrong(NOT_IN_THIS_VERSION),
        _ => at.wrong("must be \"user\" or \"phone\""),
    });
    let max = u16::try_from(max.unwrap_or(1)).expect("whole() keeps it within Limit::MAX");
    Some(Limit { max, per: per.unwrap_or(Period::Campaign) })
}

fn returns(object: &mut Object<'_>) -> Option<Returns> {
    let choices = [("restock", Return::Restock), ("burn", Return::Burn)];
    let voided = object.optional("voided", |json, at| at.choice(json, &choices));
    object.optional("expired", |json, at| match at.choice(json, &choices)? {
        Return::Burn => Some(()),
        Return::Restock => at.wrong(NOT_IN_THIS_VERSION),
    });
    Some(Returns { voided: voided.unwrap_or(Return::Restock) })
}

fn coupon_types(json: &Json, at: &At<'_>) -> Option<Vec<CouponTypeDefinition>> {
    let types = at.array(json, CampaignDefinition::COUPON_TYPES_MAX, |json, at| at.object(json, coupon_type))?;
    if types.is_empty() {
        return at.wrong("must hold at least one coupon type");
    }
    let mut seen = HashSet::new();
    let mut distinct = true;
    for (index, coupon_type) in types.iter().enumerate() {
        if !seen.insert(&coupon_type.id) {
            let _: Option<()> = at.inner(index.to_string()).inner("id").wrong("stands there for another coupon type");
            distinct = false;
        }
    }
    distinct.then_some(types)
}

fn coupon_type(object: &mut Object<'_>) -> Option<CouponTypeDefinition> {
    let id = object.required("id", |json, at| at.parsed(json, CouponTypeId::new));
    let name = object.required("name", display_name);
    let total_quota = object.required("total_quota", total_quota);
    let daily_quota = object.optional("daily_quota", daily_quota);
    object.absent_here("probability", |_| false);
    let valid_for = object.optional("valid_for", |json, at| match at.parsed(json, text::parse_duration)? {
        Duration::ZERO => at.wrong("must be longer than nothing"),
        duration => Some(duration),
    });
    object.optional("codes", |json, at| match at.text(json)? {
        "generated" => Some(()),
        "imported" => at.wrong(NOT_IN_THIS_VERSION),
        _ => at.wrong("must be \"generated\" or \"imported\""),
    });
    let metadata = object.optional("metadata", |json, at| {
        at.object(json, |members| {
            members.take_all();
            Some(())
        })?;
        Some(serde_json::to_string(json).expect("JSON that was read can be written"))
    });
    Some(CouponTypeDefinition { id: id?, name: name?, total_quota: total_quota?, daily_quota, valid_for, metadata })
}

fn total_quota(json: &Json, at: &At<'_>) -> Option<u32> {
    at.whole(json, 1, CouponTypeDefinition::TOTAL_QUOTA_MAX)
}

fn daily_quota(json: &Json, at: &At<'_>) -> Option<u32> {
    at.whole(json, 1, CouponTypeDefinition::TOTAL_QUOTA_MAX)
}

/// Why a change cannot be made out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatchError {
    /// The body has faults.
    Invalid(Vec<FieldError>),
    /// The campaign has no coupon type of that name.
    NoSuchCouponType(CouponTypeId),
}

/// A change that names coupon types by id, as the body does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchBody {
    patch: CampaignPatch,
    types: Vec<TypePatch>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct TypePatch {
    id: CouponTypeId,
    total_quota: Option<u32>,
    daily_quota: Option<Option<u32>>,
}

impl PatchBody {
    /// Reads the body that changes a campaign.
    ///
    /// # Errors
    /// Every fault of the body, by pointer.
    pub fn parse(body: &[u8]) -> Result<Self, Vec<FieldError>> {
        Faults::read(body, patch)
    }

    /// The change to the campaign that `definition` describes.
    ///
    /// # Errors
    /// [`PatchError`] if it does not fit that campaign.
    pub fn against(self, definition: &CampaignDefinition) -> Result<CampaignPatch, PatchError> {
        if self.patch.ends_at.is_some_and(|ends_at| ends_at <= definition.starts_at) {
            let error = FieldError::new("/schedule/ends_at", "must be after starts_at");
            return Err(PatchError::Invalid(vec![error]));
        }
        let mut patch = self.patch;
        for TypePatch { id, total_quota, daily_quota } in self.types {
            let Some(coupon_type) = definition.coupon_type(id.as_str()) else {
                return Err(PatchError::NoSuchCouponType(id));
            };
            patch.coupon_types.push(CouponTypePatch { coupon_type, total_quota, daily_quota });
        }
        Ok(patch)
    }
}

fn patch(object: &mut Object<'_>) -> Option<PatchBody> {
    for name in ["id", "time_zone", "mode", "limit", "phone_required", "expected_claimants", "returns", "protection"] {
        object.fixed(name);
    }
    let name = object.optional("name", display_name);
    let ends_at = object.optional("schedule", |json, at| {
        at.object(json, |schedule| {
            schedule.fixed("starts_at");
            schedule.fixed("windows");
            Some(schedule.optional("ends_at", moment))
        })
    });
    let availability_display = object.optional("availability_display", |json, at| at.choice(json, &DISPLAYS));
    let accept_claims = object.optional("accept_claims", |json, at| at.bool(json));
    let accept_redemptions = object.optional("accept_redemptions", |json, at| at.bool(json));
    let types = object.optional("coupon_types", |json, at| {
        let types = at.array(json, CampaignDefinition::COUPON_TYPES_MAX, |json, at| at.object(json, type_patch))?;
        let mut seen = HashSet::new();
        match types.iter().position(|patch| !seen.insert(&patch.id)) {
            Some(index) => at.inner(index.to_string()).inner("id").wrong("stands there for another coupon type"),
            None => Some(types),
        }
    });
    Some(PatchBody {
        patch: CampaignPatch {
            name,
            ends_at: ends_at.flatten(),
            availability_display,
            accept_claims,
            accept_redemptions,
            coupon_types: Vec::new(),
        },
        types: types.unwrap_or_default(),
    })
}

fn type_patch(object: &mut Object<'_>) -> Option<TypePatch> {
    for name in ["name", "probability", "valid_for", "codes", "metadata"] {
        object.fixed(name);
    }
    let id = object.required("id", |json, at| at.parsed(json, CouponTypeId::new));
    let total_quota = object.optional("total_quota", total_quota);
    let daily_quota = object.nullable("daily_quota", daily_quota);
    Some(TypePatch { id: id?, total_quota, daily_quota })
}

#[cfg(test)]
mod tests;
