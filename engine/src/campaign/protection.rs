//! Owns what a shop asks of people before their claims are heard: rates, a challenge, eligibility, a waiting room. It is kept
//! with the definition, in the log; all but what must outlive a restart is enforced by the front end, before a shard is asked.

use std::time::Duration;

use thiserror::Error;

use crate::time::Timestamp;

/// What guards a campaign. Nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Protection {
    /// How often one caller may ask.
    pub rate_limits: RateLimits,
    /// What a caller must have solved.
    pub challenge: Option<Challenge>,
    /// Who may ask at all.
    pub eligibility: Option<Eligibility>,
    /// In what order people are let in.
    pub waiting_room: Option<WaitingRoom>,
}

/// How often one caller may ask, by each of the marks a caller has; `None`: as often as they like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// By user id.
    pub user: Option<RateLimit>,
    /// By address: an IPv4 address, or the /64 of an IPv6 one.
    pub address: Option<RateLimit>,
    /// By the device that the request names.
    pub device: Option<RateLimit>,
    /// By phone number.
    pub phone: Option<RateLimit>,
}

/// So many requests at once, given back evenly over a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// How many, 1 to [`RateLimit::REQUESTS_MAX`].
    pub requests: u32,
    /// In which span: whole milliseconds, [`RateLimit::SPAN_MIN`] to [`RateLimit::SPAN_MAX`].
    pub per: Duration,
}

impl RateLimit {
    /// The most requests in a span.
    pub const REQUESTS_MAX: u32 = 1_000_000;
    /// The shortest span.
    pub const SPAN_MIN: Duration = Duration::from_secs(1);
    /// The longest span.
    pub const SPAN_MAX: Duration = Duration::from_hours(24);
}

/// Who sets a challenge, and checks what comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChallengeProvider {
    /// Proof of work by the ALTCHA protocol: set and checked here.
    Altcha,
    /// Cloudflare Turnstile.
    Turnstile,
    /// hCaptcha.
    HCaptcha,
}

/// What becomes of people while the provider of challenges cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenUnavailable {
    /// Nobody passes.
    Closed,
    /// Everybody passes.
    Open,
}

/// What a caller must have solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge {
    /// Who sets it.
    pub provider: ChallengeProvider,
    /// What holds while that provider is away.
    pub when_unavailable: WhenUnavailable,
}

/// Of whom claims are heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Of everybody.
    Anyone,
    /// Of those who registered in time.
    Registered,
    /// Of those on the shop's list.
    Listed,
}

/// Who may ask at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eligibility {
    /// Of whom claims are heard.
    pub who: Who,
    /// The first moment at which nobody can register any more; `None`: the campaign's end.
    pub registration_closes_at: Option<Timestamp>,
    /// From how many devices one user may ask, 1 to [`Eligibility::SHARED_MAX`].
    pub devices_per_user: Option<u32>,
    /// How many users may ask from one device, or with one phone number, 1 to [`Eligibility::SHARED_MAX`].
    pub users_per_device: Option<u32>,
    /// What the user's token must say, by name and in the order of the names: at most [`Eligibility::TOKEN_CLAIMS_MAX`].
    pub token_claims: Vec<TokenClaim>,
}

impl Eligibility {
    /// The most devices of a user, and users of a device, that can be asked for.
    pub const SHARED_MAX: u32 = 100;
    /// The most claims of a token that can be asked for.
    pub const TOKEN_CLAIMS_MAX: usize = 16;
    /// The longest name or value of a token's claim, in bytes.
    pub const TOKEN_CLAIM_BYTES_MAX: usize = 256;
}

/// One claim of a user's token, and what it must be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenClaim {
    /// Its name.
    pub name: String,
    /// Its value, as JSON text: a string, a number, `true` or `false`.
    pub value: String,
}

/// In what order, and how fast, people are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingRoom {
    /// How many are let in a second, 1 to [`WaitingRoom::ADMIT_PER_SECOND_MAX`].
    pub admit_per_second: u32,
    /// How long before an opening people may come, in whole milliseconds up to [`WaitingRoom::SPAN_MAX`].
    pub opens_before: Duration,
    /// How long somebody who was let in may claim, in whole milliseconds, a second to [`WaitingRoom::SPAN_MAX`].
    pub admitted_for: Duration,
}

impl WaitingRoom {
    /// The fastest that people can be let in.
    pub const ADMIT_PER_SECOND_MAX: u32 = 1_000_000;
    /// The longest of its spans.
    pub const SPAN_MAX: Duration = Duration::from_hours(24);
}

/// Which rule a protection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidProtection {
    /// A rate's count or span is out of bounds.
    #[error("a rate limit must be of 1 to {} requests in 1s to 24h", RateLimit::REQUESTS_MAX)]
    RateLimit,
    /// A number of devices or users is out of bounds.
    #[error("devices and users must be 1 to {}", Eligibility::SHARED_MAX)]
    Shared,
    /// A token's claims are too many, too long, out of order, named twice, or no JSON scalar.
    #[error(
        "a token's claims must be at most {} of at most {} bytes, each named once",
        Eligibility::TOKEN_CLAIMS_MAX,
        Eligibility::TOKEN_CLAIM_BYTES_MAX
    )]
    TokenClaims,
    /// A waiting room's rate or one of its spans is out of bounds.
    #[error("a waiting room must admit 1 to {} a second, in spans of at most 24h", WaitingRoom::ADMIT_PER_SECOND_MAX)]
    WaitingRoom,
}

impl Protection {
    /// Whether it asks for nothing.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// How many bytes its texts have.
    pub(crate) fn text_bytes(&self) -> usize {
        let claims = self.eligibility.iter().flat_map(|eligibility| &eligibility.token_claims);
        claims.map(|claim| claim.name.len() + claim.value.len()).sum()
    }

    pub(crate) fn check(&self) -> Result<(), InvalidProtection> {
        let RateLimits { user, address, device, phone } = self.rate_limits;
        if ![user, address, device, phone].into_iter().flatten().all(RateLimit::is_in_bounds) {
            return Err(InvalidProtection::RateLimit);
        }
        self.eligibility.as_ref().map_or(Ok(()), Eligibility::check)?;
        if !self.waiting_room.is_none_or(WaitingRoom::is_in_bounds) {
            return Err(InvalidProtection::WaitingRoom);
        }
        Ok(())
    }
}

impl RateLimit {
    fn is_in_bounds(self) -> bool {
        (1..=Self::REQUESTS_MAX).contains(&self.requests)
            && (Self::SPAN_MIN..=Self::SPAN_MAX).contains(&self.per)
            && is_whole_milliseconds(self.per)
    }
}

impl Eligibility {
    fn check(&self) -> Result<(), InvalidProtection> {
        let shared = [self.devices_per_user, self.users_per_device];
        if !shared.into_iter().flatten().all(|count| (1..=Self::SHARED_MAX).contains(&count)) {
            return Err(InvalidProtection::Shared);
        }
        let fits = |text: &String| text.len() <= Self::TOKEN_CLAIM_BYTES_MAX;
        let claims = &self.token_claims;
        let all_fit = claims.iter().all(|claim| fits(&claim.name) && fits(&claim.value));
        let in_order = claims.is_sorted_by(|before, after| before.name < after.name);
        if claims.len() > Self::TOKEN_CLAIMS_MAX || !all_fit || !in_order {
            return Err(InvalidProtection::TokenClaims);
        }
        Ok(())
    }
}

impl WaitingRoom {
    fn is_in_bounds(self) -> bool {
        (1..=Self::ADMIT_PER_SECOND_MAX).contains(&self.admit_per_second)
            && self.opens_before <= Self::SPAN_MAX
            && (Duration::from_secs(1)..=Self::SPAN_MAX).contains(&self.admitted_for)
            && is_whole_milliseconds(self.opens_before)
            && is_whole_milliseconds(self.admitted_for)
    }
}

fn is_whole_milliseconds(span: Duration) -> bool {
    span.subsec_nanos().is_multiple_of(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(protection: &Protection, expected: Result<(), InvalidProtection>) {
        assert_eq!(protection.check(), expected, "{protection:?}");
    }

    #[test]
    fn each_bound_is_kept() {
        check(&Protection::default(), Ok(()));
        let rate = |requests, per| {
            let limits = RateLimits { phone: Some(RateLimit { requests, per }), ..RateLimits::default() };
            Protection { rate_limits: limits, ..Protection::default() }
        };
        check(&rate(5, Duration::from_secs(10)), Ok(()));
        check(&rate(0, Duration::from_secs(10)), Err(InvalidProtection::RateLimit));
        check(&rate(1_000_001, Duration::from_secs(10)), Err(InvalidProtection::RateLimit));
        check(&rate(5, Duration::from_millis(999)), Err(InvalidProtection::RateLimit));
        check(&rate(5, Duration::from_nanos(1_000_000_001)), Err(InvalidProtection::RateLimit));
        check(&rate(5, Duration::from_hours(25)), Err(InvalidProtection::RateLimit));
        let room = |admit_per_second, opens_before, admitted_for| {
            let room = WaitingRoom { admit_per_second, opens_before, admitted_for };
            Protection { waiting_room: Some(room), ..Protection::default() }
        };
        let minute = Duration::from_mins(1);
        check(&room(500, Duration::ZERO, minute), Ok(()));
        check(&room(0, minute, minute), Err(InvalidProtection::WaitingRoom));
        check(&room(1_000_001, minute, minute), Err(InvalidProtection::WaitingRoom));
        check(&room(500, Duration::from_hours(25), minute), Err(InvalidProtection::WaitingRoom));
        check(&room(500, minute, Duration::ZERO), Err(InvalidProtection::WaitingRoom));
        check(&room(500, minute, Duration::from_nanos(1_000_000_001)), Err(InvalidProtection::WaitingRoom));
    }

    #[test]
    fn eligibility_is_bounded() {
        let eligible = |devices_per_user, claims: &[(&str, &str)]| {
            let claims = claims.iter().map(|(name, value)| TokenClaim { name: (*name).into(), value: (*value).into() });
            let eligibility = Eligibility {
                who: Who::Anyone,
                registration_closes_at: None,
                devices_per_user,
                users_per_device: None,
                token_claims: claims.collect(),
            };
            Protection { eligibility: Some(eligibility), ..Protection::default() }
        };
        check(&eligible(Some(2), &[("a", "1"), ("b", "\"vip\"")]), Ok(()));
        check(&eligible(Some(0), &[]), Err(InvalidProtection::Shared));
        check(&eligible(Some(101), &[]), Err(InvalidProtection::Shared));
        check(&eligible(None, &[("b", "1"), ("a", "1")]), Err(InvalidProtection::TokenClaims));
        check(&eligible(None, &[("a", "1"), ("a", "2")]), Err(InvalidProtection::TokenClaims));
        check(&eligible(None, &[(&"n".repeat(257), "1")]), Err(InvalidProtection::TokenClaims));
        check(&eligible(None, &[("n", &"1".repeat(257))]), Err(InvalidProtection::TokenClaims));
    }
}
