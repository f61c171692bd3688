//! Owns the field `protection` of a campaign's body, read and written.

use std::time::Duration;

use landrush_engine::campaign::{
    Challenge, Eligibility, Protection, RateLimit, RateLimits, TokenClaim, WaitingRoom, WhenUnavailable, Who,
};

use crate::http::fields::{At, Object};
use crate::http::json::Json;
use crate::http::json_text::JsonText;
use crate::http::words;
use crate::text::{self, Spelt};

/// How long before an opening people may come to a waiting room that does not say.
const OPENS_BEFORE_DEFAULT: Duration = Duration::from_mins(10);

/// How long somebody who was let in may claim, where the waiting room does not say.
const ADMITTED_FOR_DEFAULT: Duration = Duration::from_mins(2);

/// Reads what guards a campaign.
pub(super) fn read(object: &mut Object<'_>) -> Option<Protection> {
    let rate_limits = object.optional("rate_limit", |json, at| at.object(json, rate_limits));
    let challenge = object.optional("challenge", |json, at| at.object(json, challenge));
    let eligibility = object.optional("eligibility", |json, at| at.object(json, eligibility));
    let waiting_room = object.optional("waiting_room", |json, at| at.object(json, waiting_room));
    Some(Protection { rate_limits: rate_limits.unwrap_or_default(), challenge, eligibility, waiting_room })
}

fn rate_limits(object: &mut Object<'_>) -> Option<RateLimits> {
    let user = object.optional("user", rate_limit);
    let address = object.optional("address", rate_limit);
    let device = object.optional("device", rate_limit);
    let phone = object.optional("phone", rate_limit);
    Some(RateLimits { user, address, device, phone })
}

/// A rate as `5/10s`.
fn rate_limit(json: &Json, at: &At<'_>) -> Option<RateLimit> {
    at.parsed(json, text::parse_rate)
}

fn challenge(object: &mut Object<'_>) -> Option<Challenge> {
    let provider = object.required("provider", |json, at| at.choice(json, words::PROVIDERS));
    let when_unavailable = object.optional("when_unavailable", |json, at| at.choice(json, words::WHEN_UNAVAILABLES));
    Some(Challenge { provider: provider?, when_unavailable: when_unavailable.unwrap_or(WhenUnavailable::Closed) })
}

/// `None` too where anyone is eligible and nothing else is asked.
fn eligibility(object: &mut Object<'_>) -> Option<Eligibility> {
    let who = object.optional("who", |json, at| at.choice(json, words::WHOS));
    let registration_closes_at = object.optional("registration_closes_at", super::moment);
    let shared = |json: &Json, at: &At<'_>| at.whole(json, 1, Eligibility::SHARED_MAX);
    let devices_per_user = object.optional("devices_per_user", shared);
    let users_per_device = object.optional("users_per_device", shared);
    let token_claims = object.optional("token_claims", token_claims);
    let anyone = Eligibility {
        who: Who::Anyone,
        registration_closes_at: None,
        devices_per_user: None,
        users_per_device: None,
        token_claims: Vec::new(),
    };
    let asked = Eligibility {
        who: who.unwrap_or(Who::Anyone),
        registration_closes_at,
        devices_per_user,
        users_per_device,
        token_claims: token_claims.unwrap_or_default(),
    };
    (asked != anyone).then_some(asked)
}

/// Claims by name, in the order of the names.
fn token_claims(json: &Json, at: &At<'_>) -> Option<Vec<TokenClaim>> {
    at.object(json, |members| {
        members.take_all();
        Some(())
    })?;
    let Json::Object(members) = json else { unreachable!("object() has seen that it is one") };
    let mut claims = Vec::with_capacity(members.len());
    for (name, value) in members {
        match value {
            Json::Text(_) | Json::Number(_) | Json::Bool(_) => {}
            Json::Null | Json::Array(_) | Json::Object(_) => {
                return at
                    .inner(name)
                    .wrong(format!("must be a string, a number, true or false, not {}", value.kind()));
            }
        }
        let value = serde_json::to_string(value).expect("JSON that was read can be written");
        claims.push(TokenClaim { name: name.to_string(), value });
    }
    claims.sort();
    Some(claims)
}

fn waiting_room(object: &mut Object<'_>) -> Option<WaitingRoom> {
    let per_second = |json: &Json, at: &At<'_>| at.whole(json, 1, WaitingRoom::ADMIT_PER_SECOND_MAX);
    let admit_per_second = object.required("admit_per_second", per_second);
    let span = |json: &Json, at: &At<'_>| at.parsed(json, text::parse_duration);
    let opens_before = object.optional("opens_before", span);
    let admitted_for = object.optional("admitted_for", span);
    Some(WaitingRoom {
        admit_per_second: admit_per_second?,
        opens_before: opens_before.unwrap_or(OPENS_BEFORE_DEFAULT),
        admitted_for: admitted_for.unwrap_or(ADMITTED_FOR_DEFAULT),
    })
}

/// Writes what guards a campaign, if anything does.
pub(in crate::http) fn write(protection: &Protection, json: &mut JsonText<'_>) {
    let Protection { rate_limits, challenge, eligibility, waiting_room } = protection;
    if *rate_limits != RateLimits::default() {
        json.nested("rate_limit", |json| write_rate_limits(rate_limits, json));
    }
    if let Some(Challenge { provider, when_unavailable }) = challenge {
        json.nested("challenge", |json| {
            json.text("provider", words::provider(*provider));
            json.text("when_unavailable", words::when_unavailable(*when_unavailable));
        });
    }
    if let Some(eligibility) = eligibility {
        json.nested("eligibility", |json| write_eligibility(eligibility, json));
    }
    if let Some(WaitingRoom { admit_per_second, opens_before, admitted_for }) = waiting_room {
        json.nested("waiting_room", |json| {
            json.number("admit_per_second", u64::from(*admit_per_second));
            json.text("opens_before", &Spelt(*opens_before).to_string());
            json.text("admitted_for", &Spelt(*admitted_for).to_string());
        });
    }
}

fn write_rate_limits(rate_limits: &RateLimits, json: &mut JsonText<'_>) {
    let RateLimits { user, address, device, phone } = rate_limits;
    for (name, limit) in [("user", user), ("address", address), ("device", device), ("phone", phone)] {
        if let Some(RateLimit { requests, per }) = limit {
            json.text(name, &format!("{requests}/{}", Spelt(*per)));
        }
    }
}

fn write_eligibility(eligibility: &Eligibility, json: &mut JsonText<'_>) {
    json.text("who", words::who(eligibility.who));
    if let Some(moment) = eligibility.registration_closes_at {
        json.time("registration_closes_at", moment);
    }
    let shared =
        [("devices_per_user", eligibility.devices_per_user), ("users_per_device", eligibility.users_per_device)];
    for (name, count) in shared {
        if let Some(count) = count {
            json.number(name, u64::from(count));
        }
    }
    if !eligibility.token_claims.is_empty() {
        let claims = eligibility.token_claims.iter();
        let claims: serde_json::Map<_, _> = claims.map(|claim| (claim.name.clone(), value_of(claim))).collect();
        json.raw("token_claims", serde_json::Value::Object(claims).to_string().as_bytes());
    }
}

fn value_of(claim: &TokenClaim) -> serde_json::Value {
    serde_json::from_str(&claim.value).expect("the value is JSON, as it was read")
}
