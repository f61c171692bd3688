//! Owns the bodies that make and change campaigns: from JSON to the engine's definition, defaults filled in.

pub(super) mod protection;

use std::collections::HashSet;
use std::time::Duration;

use landrush_engine::campaign::{
    AvailabilityDisplay, CampaignDefinition, CampaignPatch, CodeSource, CouponTypeDefinition, CouponTypePatch,
    InvalidDefinition, InvalidProtection, InvalidSchedule, Limit, LimitBy, Mode, Period, Return, Returns, TimeOfDay,
    Weekday, Weekdays, Windows,
};
use landrush_engine::fairness::Probability;
use landrush_engine::id::{CampaignId, CouponTypeId};
use landrush_engine::time::Timestamp;

use super::fields::{At, Faults, FieldError, Object};
use super::json::Json;
use super::words;
use crate::text;

/// What is expected of a campaign that does not say: see [`CampaignDefinition::expected_claimants`].
pub const EXPECTED_CLAIMANTS_DEFAULT: u32 = 1_000_000;

/// The longest name for people, in characters.
const NAME_CHARS_MAX: usize = 200;

/// The most claimants that can be expected: serials are 32 bits.
const EXPECTED_CLAIMANTS_MAX: u32 = 1_000_000_000;

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
    let mode = object.required("mode", |json, at| at.choice(json, words::MODES));
    let schedule = object.required("schedule", |json, at| at.object(json, schedule));
    let limit = object.optional("limit", |json, at| at.object(json, limit));
    let phone_required = object.optional("phone_required", |json, at| at.bool(json));
    let display = object.optional("availability_display", |json, at| at.choice(json, words::DISPLAYS));
    let expected = object.optional("expected_claimants", |json, at| at.whole(json, 1, EXPECTED_CLAIMANTS_MAX));
    let returns = object.optional("returns", |json, at| at.object(json, returns));
    let protection = object.optional("protection", |json, at| at.object(json, protection::read));
    let coupon_types = object.required("coupon_types", coupon_types);
    let (mode, (starts_at, ends_at, windows)) = (mode?, schedule?);
    let definition = CampaignDefinition {
        id: id?,
        name: name?,
        time_zone: time_zone?,
        mode,
        starts_at,
        ends_at,
        windows,
        limit: limit.unwrap_or_default().with_defaults_of(mode),
        phone_required: phone_required.unwrap_or(false),
        availability_display: display.unwrap_or(AvailabilityDisplay::Exact),
        expected_claimants: expected.unwrap_or(EXPECTED_CLAIMANTS_DEFAULT),
        returns: returns.unwrap_or(Returns { voided: Return::Restock, expired: Return::Burn }),
        protection: Box::new(protection.unwrap_or_default()),
        coupon_types: coupon_types?,
    };
    match definition.check() {
        Ok(()) => Some(definition),
        Err(invalid) => place_of(&invalid, object).wrong(invalid.to_string()),
    }
}

/// Where the fault lies that no single field shows.
fn place_of<'j>(invalid: &InvalidDefinition, object: &Object<'j>) -> At<'j> {
    let field = |name: &str| object.at().inner(name);
    let type_field = |index: landrush_engine::id::TypeIndex, name: &str| {
        object.at().inner("coupon_types").inner(index.0.to_string()).inner(name)
    };
    match invalid {
        InvalidDefinition::TotalQuota(index) => type_field(*index, "total_quota"),
        InvalidDefinition::ValidFor(index) => type_field(*index, "valid_for"),
        InvalidDefinition::Probability(index) => type_field(*index, "probability"),
        InvalidDefinition::LotteryDailyQuota(index) => type_field(*index, "daily_quota"),
        InvalidDefinition::CouponTypeTwice(index) | InvalidDefinition::NoSuchCouponType(index) => {
            type_field(*index, "id")
        }
        InvalidDefinition::CouponTypes | InvalidDefinition::Odds(_) => field("coupon_types"),
        InvalidDefinition::Limit | InvalidDefinition::LotteryLimit => field("limit"),
        InvalidDefinition::TimeZone | InvalidDefinition::Schedule(InvalidSchedule::TimeZone) => field("time_zone"),
        InvalidDefinition::Span | InvalidDefinition::Schedule(InvalidSchedule::Span) => {
            field("schedule").inner("ends_at")
        }
        InvalidDefinition::LotteryWindows
        | InvalidDefinition::Schedule(InvalidSchedule::Overlap { .. } | InvalidSchedule::NeverOpens) => {
            field("schedule").inner("windows")
        }
        InvalidDefinition::Protection(InvalidProtection::RateLimit) => field("protection").inner("rate_limit"),
        InvalidDefinition::Protection(InvalidProtection::Shared | InvalidProtection::TokenClaims) => {
            field("protection").inner("eligibility")
        }
        InvalidDefinition::Protection(InvalidProtection::WaitingRoom) => field("protection").inner("waiting_room"),
        // What a later version may find wrong, and what is no single field's fault.
        InvalidDefinition::Text | _ => field(""),
    }
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

fn moment(json: &Json, at: &At<'_>) -> Option<Timestamp> {
    at.parsed(json, text::parse_rfc3339)
}

fn schedule(object: &mut Object<'_>) -> Option<(Timestamp, Timestamp, Option<Windows>)> {
    let starts_at = object.required("starts_at", moment);
    let ends_at = object.required("ends_at", moment);
    let windows = object.optional("windows", |json, at| at.object(json, windows));
    let (starts_at, ends_at) = (starts_at?, ends_at?);
    if ends_at <= starts_at {
        return object.at().inner("ends_at").wrong("must be after starts_at");
    }
    Some((starts_at, ends_at, windows))
}

fn windows(object: &mut Object<'_>) -> Option<Windows> {
    let at = object.required("at", |json, at| {
        at.array(json, Windows::A_DAY_MAX, |json, at| at.parsed(json, str::parse::<TimeOfDay>))
    });
    let days = object.optional("days", |json, at| {
        let days = at.array(json, 7, |json, at| at.parsed(json, str::parse::<Weekday>))?;
        if (1..days.len()).any(|later| days[..later].contains(&days[later])) {
            return at.wrong("must not name a day twice");
        }
        Weekdays::new(days).map_or_else(|error| at.wrong(error.to_string()), Some)
    });
    let duration = object.required("duration", |json, at| at.parsed(json, text::parse_duration));
    let windows = Windows::new(at?, days.unwrap_or_else(Weekdays::all), duration?);
    windows.map_or_else(|error| object.at().wrong(error.to_string()), Some)
}

/// What a body says of the limit; what it does not say depends on the mode.
#[derive(Debug, Default)]
struct LimitBody {
    max: Option<u16>,
    per: Option<Period>,
    by: Option<LimitBy>,
}

impl LimitBody {
    fn with_defaults_of(self, mode: Mode) -> Limit {
        let per = match mode {
            Mode::FirstCome | Mode::Lottery => Period::Campaign,
            Mode::Draw => Period::Day,
        };
        Limit { max: self.max.unwrap_or(1), per: self.per.unwrap_or(per), by: self.by.unwrap_or(LimitBy::User) }
    }
}

fn limit(object: &mut Object<'_>) -> Option<LimitBody> {
    let max = object.optional("max", |json, at| at.whole(json, 1, u32::from(Limit::MAX)));
    let per = object.optional("per", |json, at| at.choice(json, words::PERIODS));
    let by = object.optional("by", |json, at| at.choice(json, words::LIMIT_BYS));
    let max = max.map(|max| u16::try_from(max).expect("whole() keeps it within Limit::MAX"));
    Some(LimitBody { max, per, by })
}

fn returns(object: &mut Object<'_>) -> Option<Returns> {
    let voided = object.optional("voided", |json, at| at.choice(json, words::RETURNS));
    let expired = object.optional("expired", |json, at| at.choice(json, words::RETURNS));
    Some(Returns { voided: voided.unwrap_or(Return::Restock), expired: expired.unwrap_or(Return::Burn) })
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
    let probability = object.optional("probability", probability);
    let valid_for = object.optional("valid_for", |json, at| match at.parsed(json, text::parse_duration)? {
        Duration::ZERO => at.wrong("must be longer than nothing"),
        duration => Some(duration),
    });
    let codes = object.optional("codes", |json, at| at.choice(json, words::CODE_SOURCES));
    let metadata = object.optional("metadata", |json, at| {
        at.object(json, |members| {
            members.take_all();
            Some(())
        })?;
        Some(serde_json::to_string(json).expect("JSON that was read can be written"))
    });
    Some(CouponTypeDefinition {
        id: id?,
        name: name?,
        total_quota: total_quota?,
        daily_quota,
        probability,
        codes: codes.unwrap_or(CodeSource::Generated),
        valid_for,
        metadata,
    })
}

fn probability(json: &Json, at: &At<'_>) -> Option<Probability> {
    let decimal = match json {
        // As the shortest decimal that reads as the same number, without an exponent.
        Json::Number(number) => number.as_f64().map(|number| number.to_string()),
        Json::Null | Json::Bool(_) | Json::Text(_) | Json::Array(_) | Json::Object(_) => None,
    };
    match decimal.map(|decimal| decimal.parse::<Probability>()) {
        Some(Ok(probability)) => Some(probability),
        Some(Err(error)) => at.wrong(error.to_string()),
        None => at.wrong(format!("must be a number from 0 to 1, not {}", json.kind())),
    }
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
        if let Err(invalid) = self.patch.check(definition) {
            let error = FieldError::new("/schedule/ends_at", invalid.to_string());
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
    let availability_display = object.optional("availability_display", |json, at| at.choice(json, words::DISPLAYS));
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
