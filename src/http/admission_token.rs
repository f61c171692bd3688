//! Owns the calls by which other servers learn who was let in from a waiting room. What a token says belongs to
//! [`crate::gate::admission_token`].

use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use landrush_engine::outcome::Refusal;

use super::admission::{self, Visitor};
use super::answer::Answer;
use super::caller::Caller;
use super::claim_body::ClaimBody;
use super::json_text::JsonText;
use super::lane::Lane;
use super::problem::Problem;
use super::query::Query;
use super::waiting_room::{self, Shown};
use super::{body, challenge, claims, eligibility};
use crate::app::Opened;
use crate::gate::address::ClientAddress;

/// `POST /v1/campaigns/{id}/waiting-room/token`. Asks for all that a claim is asked for: the other server has no gate but this one,
/// and a place is given without a pass.
pub(crate) async fn issue(
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
    let bytes = body::json(&parts.headers, body, body::USER_BYTES_MAX, patience).await?;
    let user = ClaimBody::parse_user(&bytes, caller.user()).map_err(Problem::invalid)?;
    caller.may_act_for(&user)?;
    let stored = admission::stored_phone(lane, opened, &user, None).await?;
    let visitor =
        Visitor { origin: Some((address, &parts.headers)), user: &user, phone: None, stored: stored.as_ref() };
    visitor.is_not_denied(lane)?;
    let campaign = claims::living(opened, id)?;
    let definition = campaign.definition();
    let room = campaign.room().ok_or_else(|| Problem::refused(Refusal::NoWaitingRoom))?;
    let now = lane.now();
    visitor.is_in_time(lane, opened, campaign.number(), &definition.protection.rate_limits, now)?;
    let shown = Shown::of(&campaign, &room, now);
    let ticket = waiting_room::ticket(opened, campaign.number(), &parts.headers).filter(|ticket| ticket.is_of(&user));
    let admitted = ticket.and_then(|ticket| Some((ticket.place, shown.admitted_until(ticket.place, now)?)));
    let (place, until) = admitted.ok_or_else(|| Problem::refused(Refusal::TicketRequired))?;
    if !challenge::is_met(opened, campaign.number(), &definition, &user, &parts.headers, now) {
        return Err(Problem::refused(Refusal::ChallengeRequired));
    }
    if !eligibility::is_listed(lane, opened, campaign.number(), &definition, &user, &parts.headers) {
        return Err(Problem::refused(Refusal::NotEligible));
    }
    eligibility::is_registered(lane, opened, &campaign, &definition, &user).await?;
    // Last, so that whoever is turned away uses up no device's places.
    if !eligibility::is_among_few(opened, &campaign, &definition, &visitor, &parts.headers, true)? {
        return Err(Problem::refused(Refusal::NotEligible));
    }
    let issued = opened.admission_tokens.issue(&definition, &user, place, until);
    let body = lane.body(|out| {
        let mut json = JsonText::object(out);
        json.text("token", &issued.token);
        json.time("expires_at", issued.expires_at);
        json.end();
    });
    Ok(Answer::json(StatusCode::CREATED, body).with("cache-control", "private, no-store"))
}

/// `GET /.well-known/landrush-keys.json`.
pub(crate) fn keys(opened: &Opened) -> Answer {
    let body = opened.admission_tokens.public_keys().to_owned();
    Answer::json(StatusCode::OK, body.into()).with("cache-control", "public, max-age=3600")
}
