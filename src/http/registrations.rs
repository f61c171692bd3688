//! Owns the call by which people register with a campaign that hears only those who have.

use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use landrush_engine::campaign::Mode;
use landrush_engine::command::{Command, Register};
use landrush_engine::outcome::{Outcome, Refusal};

use super::admission::{self, Visitor};
use super::answer::Answer;
use super::caller::Caller;
use super::claim_body::ClaimBody;
use super::json_text::JsonText;
use super::lane::Lane;
use super::problem::Problem;
use super::query::Query;
use super::{body, claims, users};
use crate::app::Opened;
use crate::gate::address::ClientAddress;

/// `POST /v1/campaigns/{id}/registrations`.
pub(crate) async fn register(
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
    let stamped_at = lane.now();
    // As an entry of a lottery: a user and, it may be, a phone number.
    let body = ClaimBody::parse(&bytes, Mode::Lottery, caller.user()).map_err(Problem::invalid)?;
    let ClaimBody { user, phone, coupon_type: _ } = body;
    caller.may_act_for(&user)?;
    let stored = admission::stored_phone(lane, opened, &user, phone.as_ref()).await?;
    let origin = Some((address, &parts.headers));
    let visitor = Visitor { origin, user: &user, phone: phone.as_ref(), stored: stored.as_ref() };
    visitor.is_not_denied(lane)?;
    let campaign = claims::living(opened, id)?;
    let definition = campaign.definition();
    visitor.is_in_time(lane, opened, campaign.number(), &definition.protection.rate_limits, stamped_at)?;
    if let Some(refusal) = campaign.refuse_registration_early(&user, stamped_at) {
        return Err(Problem::refused(refusal));
    }
    lane.has_room_for(opened, &campaign, &user)?;
    let needs_phone = definition.needs_phone();
    // What the shard is going to refuse leaves no number behind, and whoever repeats has left theirs.
    if campaign.takes_registrations(stamped_at) && (phone.is_some() || needs_phone) {
        let stored = users::phone_id(opened, &user, phone.as_ref()).await?;
        if needs_phone && stored.is_none() {
            return Err(Problem::refused(Refusal::PhoneRequired));
        }
    }
    let command = Command::Register(Register { campaign: campaign.number(), user, stamped_at });
    let outcome = lane.ask(&opened.engine, campaign.route(), command).await?;
    let Outcome::Registered { repeated } = outcome else { return Err(claims::unexpected(&outcome)) };
    let body = lane.body(|out| {
        let mut json = JsonText::object(out);
        json.text("state", "registered");
        json.end();
    });
    let status = if repeated { StatusCode::OK } else { StatusCode::CREATED };
    Ok(Answer::json(status, body).with("cache-control", "private, no-store"))
}
