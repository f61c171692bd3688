//! Owns what an integrator is told of the rate of its management key: the headers `RateLimit-Policy` and `RateLimit`
//! (<https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/>). The public is told nothing of the kind: it would only
//! learn how fast it may be.

use std::time::Duration;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use landrush_engine::campaign::RateLimit;

use super::lane::Lane;
use super::problem::Problem;
use crate::gate::rate_limit::Left;
use crate::gate::reason::Reason;

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What the bearer of a management key has left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    limit: RateLimit,
    left: Left,
    refused: Option<Duration>,
}

impl Allowance {
    /// Counts a request of whoever bears a management key that has a rate; `None`: nobody does.
    pub(crate) fn take(lane: &Lane, headers: &HeaderMap) -> Option<Self> {
        let keys = lane.app().management_keys();
        let key = keys.borne_by(headers.get(hyper::header::AUTHORIZATION))?;
        let limit = key.rate?;
        let (asked, left) = lane.app().limiter().ask_key(&key.name, limit, lane.now());
        Some(Self { limit, left, refused: asked.err() })
    }

    /// Whether the request may be answered.
    ///
    /// # Errors
    /// 429, with how long to wait.
    pub(crate) fn is_in_time(&self) -> Result<(), Problem> {
        self.refused.map_or(Ok(()), |wait| Err(Problem::rate_limited(Reason::RateLimitedKey, wait)))
    }

    /// Says it in the head of an answer.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let RateLimit { requests, per } = self.limit;
        let policy = format!("\"key\";q={requests};w={}", whole_seconds(per).max(1));
        let left = format!("\"key\";r={};t={}", self.left.requests, whole_seconds(self.left.within));
        for (name, value) in [(RATELIMIT_POLICY, policy), (RATELIMIT, left)] {
            headers.insert(name, HeaderValue::try_from(value).expect("plain ASCII"));
        }
    }
}

/// Rounded up: who comes then is not early.
fn whole_seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}
