//! Owns the calls of a challenge: ask for one, and turn the answer into a pass. What a challenge is belongs to
//! [`crate::gate::challenge`]; what a page needs to show somebody else's to [`super::widget`].

use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::http::request::Parts;
use landrush_engine::campaign::{CampaignDefinition, Challenge, ChallengeProvider, WhenUnavailable};
use landrush_engine::id::{CampaignNumber, UserId};
use landrush_engine::time::Timestamp;

use super::admission::{self, Visitor};
use super::answer::Answer;
use super::caller::Caller;
use super::claim_body::ClaimBody;
use super::fields::{At, Faults, FieldError};
use super::json::Json;
use super::json_text::JsonText;
use super::lane::Lane;
use super::problem::{Code, Problem};
use super::query::Query;
use super::{body, claims, widget, words};
use crate::app::Opened;
use crate::config::Site;
use crate::fraud;
use crate::gate::address::ClientAddress;
use crate::gate::challenge::altcha::{Fault, PAYLOAD_BYTES_MAX};
use crate::gate::challenge::siteverify::{Provider, Verdict};
use crate::gate::reason::Reason;

/// The header that a pass comes in.
const HEADER: &str = "x-landrush-pass";

/// The longest body of an answer, in bytes.
const BODY_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 1_024;

/// The answer to a challenge.
#[derive(Debug)]
struct AnswerBody {
    user: UserId,
    provider: ChallengeProvider,
    payload: String,
}

impl AnswerBody {
    fn parse(body: &[u8], caller: Option<&UserId>) -> Result<Self, Vec<FieldError>> {
        Faults::read(body, |object| {
            let user = ClaimBody::user(object, caller);
            let provider = object.required("provider", |json, at| at.choice(json, words::PROVIDERS));
            let payload = object.required("payload", |json, at| payload(json, at));
            Some(Self { user: user?, provider: provider?, payload: payload? })
        })
    }
}

fn payload(json: &Json, at: &At<'_>) -> Option<String> {
    match at.text(json) {
        Some(text) if text.len() > PAYLOAD_BYTES_MAX => at.wrong(format!("must be at most {PAYLOAD_BYTES_MAX} bytes")),
        text => text.map(str::to_owned),
    }
}

/// Whether a request bears a pass of `user`, or needs none.
pub(crate) fn is_met(
    opened: &Opened,
    campaign: CampaignNumber,
    definition: &CampaignDefinition,
    user: &UserId,
    headers: &HeaderMap,
    now: Timestamp,
) -> bool {
    definition.protection.challenge.is_none()
        || admission::once(headers, HEADER)
            .is_some_and(|pass| opened.passes.holds(pass.as_bytes(), campaign, user, now))
}

/// `GET /v1/campaigns/{id}/challenge`.
pub(crate) fn issue(lane: &Lane, opened: &Opened, id: &str, parts: &Parts) -> Result<Answer, Problem> {
    let caller = Caller::of(lane, &parts.headers)?;
    let query = Query::parse(parts.uri.query(), &["user_id"])?;
    let user = query.user(caller.user())?;
    caller.may_act_for(&user)?;
    let campaign = claims::living(opened, id)?;
    let definition = campaign.definition();
    let body = match widget::provider(asked(&definition)?.provider) {
        None => opened.altcha.challenge(&definition.id, &user, lane.now()).into(),
        Some(provider) => {
            let site = widget::site(lane.app().config(), provider);
            let Site { site_key, .. } = site.ok_or_else(|| {
                Problem::new(
                    Code::NotFound,
                    "the campaign's challenge is set by others, whose key this server does not have",
                )
            })?;
            lane.body(|out| {
                let mut json = JsonText::object(out);
                json.text("provider", provider.name());
                json.text("site_key", site_key);
                json.end();
            })
        }
    };
    Ok(Answer::json(StatusCode::OK, body).with("cache-control", "private, no-store"))
}

/// `POST /v1/campaigns/{id}/challenge`.
pub(crate) async fn meet(
    lane: &Lane,
    opened: &Opened,
    id: &str,
    address: ClientAddress,
    parts: &Parts,
    body: Incoming,
) -> Result<Answer, Problem> {
    Query::parse(parts.uri.query(), &[])?;
    let caller = Caller::of(lane, &parts.headers)?;
    let patience = lane.app().config().http.body_timeout;
    let bytes = body::json(&parts.headers, body, BODY_BYTES_MAX, patience).await?;
    let AnswerBody { user, provider, payload } = AnswerBody::parse(&bytes, caller.user()).map_err(Problem::invalid)?;
    caller.may_act_for(&user)?;
    let stored = admission::stored_phone(lane, opened, &user, None).await?;
    let visitor =
        Visitor { origin: Some((address, &parts.headers)), user: &user, phone: None, stored: stored.as_ref() };
    visitor.is_not_denied(lane)?;
    let campaign = claims::living(opened, id)?;
    let definition = campaign.definition();
    visitor.is_in_time(lane, opened, campaign.number(), &definition.protection.rate_limits, lane.now())?;
    let Challenge { provider: expected, when_unavailable } = asked(&definition)?;
    if expected != provider {
        return Err(Problem::invalid_field("/provider", "is not the one that this campaign asks"));
    }
    let checked = match widget::provider(provider) {
        None => opened.altcha.check(&payload, &definition.id, &user, lane.now()).await.map_err(failed),
        Some(provider) => {
            let verdict = match &opened.site_verifier {
                Some(verifier) => verifier.verify(provider, &payload, Some(address.ip())).await,
                None => Verdict::Unavailable,
            };
            judged(provider, verdict, when_unavailable)
        }
    };
    if let Err(problem) = checked {
        if problem.refused_by.is_some() {
            let asked = admission::asked(address, None, &parts.headers);
            lane.note(&campaign, &asked, lane.now(), fraud::Verdict::Refused(problem.refused_by));
        }
        return Err(problem);
    }
    let (pass, expires_at) = opened.passes.issue(campaign.number(), &user, lane.now());
    let body = lane.body(|out| {
        let mut json = JsonText::object(out);
        json.text("pass", &pass);
        json.time("expires_at", expires_at);
        json.end();
    });
    Ok(Answer::json(StatusCode::CREATED, body).with("cache-control", "private, no-store"))
}

/// The challenge that a campaign asks for.
fn asked(definition: &CampaignDefinition) -> Result<Challenge, Problem> {
    definition.protection.challenge.ok_or_else(|| Problem::new(Code::NotFound, "the campaign asks for no challenge"))
}

/// What a provider's verdict is worth to a campaign.
fn judged(provider: Provider, verdict: Verdict, when_unavailable: WhenUnavailable) -> Result<(), Problem> {
    match (verdict, when_unavailable) {
        (Verdict::Passed, _) | (Verdict::Unavailable, WhenUnavailable::Open) => Ok(()),
        // Nothing was judged, so nothing is given, also where a provider that is away lets everybody pass.
        (Verdict::Busy, _) => Err(Problem::new(Code::Overloaded, "")),
        (Verdict::Failed, _) => Err(Problem {
            refused_by: Some(Reason::ChallengeFailed),
            ..Problem::new(Code::ChallengeRequired, format!("{} does not confirm the response", provider.name()))
        }),
        (Verdict::Unavailable, WhenUnavailable::Closed) => {
            Err(Problem::new(Code::Overloaded, format!("{} cannot be asked at present", provider.name())))
        }
    }
}

fn failed(fault: Fault) -> Problem {
    match fault {
        Fault::Malformed => Problem::invalid_field("/payload", fault.to_string()),
        Fault::Busy => Problem::new(Code::Overloaded, ""),
        Fault::Foreign | Fault::Expired | Fault::Spent | Fault::Wrong => Problem {
            refused_by: Some(Reason::ChallengeFailed),
            ..Problem::new(Code::ChallengeRequired, fault.to_string())
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_provider_that_is_away_opens_the_door_and_only_where_the_campaign_says_so() {
        for (verdict, closed, open) in [
            (Verdict::Passed, None, None),
            (Verdict::Failed, Some(Code::ChallengeRequired), Some(Code::ChallengeRequired)),
            (Verdict::Unavailable, Some(Code::Overloaded), None),
            (Verdict::Busy, Some(Code::Overloaded), Some(Code::Overloaded)),
        ] {
            for (choice, expected) in [(WhenUnavailable::Closed, closed), (WhenUnavailable::Open, open)] {
                let refused = judged(Provider::Turnstile, verdict, choice).err().map(|problem| problem.code);
                assert_eq!(refused, expected, "{verdict:?} {choice:?}");
            }
        }
    }
}
