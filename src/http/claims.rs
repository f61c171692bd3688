//! Owns the calls about claims: asking for a coupon, reading what was granted, voiding.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use landrush_engine::command::{Claim, Command};
use landrush_engine::id::{IdempotencyKey, UserId};
use landrush_engine::outcome::{ClaimItem, ClaimView, Outcome, Refusal};
use landrush_engine::published::{Listed, Published};

use super::answer::Answer;
use super::claim_body::ClaimBody;
use super::json_text::JsonText;
use super::lane::Lane;
use super::problem::{Code, Problem};
use super::query::{self, Query};
use super::{body, claim_json, route};
use crate::app::Opened;

/// `POST /v1/campaigns/{id}/claims`: the hot path.
pub(crate) async fn claim(lane: &Lane, id: &str, parts: &Parts, body: Incoming) -> Result<Answer, Problem> {
    let opened = super::opened(lane)?;
    let patience = lane.app().config().http.body_timeout;
    let bytes = body::json(&parts.headers, body, body::USER_BYTES_MAX, patience).await?;
    // The last byte has been read: this is the moment that opening and closing are judged by.
    let stamped_at = opened.engine.clock().now();
    let ClaimBody { user, coupon_type } = ClaimBody::parse(&bytes).map_err(Problem::invalid)?;
    let campaign = living(opened, id)?;
    let definition = campaign.definition();
    let coupon_type = match coupon_type {
        Some(name) => {
            Some(definition.coupon_type(name.as_str()).ok_or_else(|| Problem::refused(Refusal::NoSuchCouponType))?)
        }
        None => None,
    };
    // With one coupon a person, the person is the key, and whatever the header says is nothing to us.
    let key = if definition.limit.max > 1 { Some(idempotency_key(parts)?) } else { None };
    if let Some(refusal) = campaign.refuse_early(&user, coupon_type, stamped_at, stamped_at) {
        return Err(Problem::refused(refusal));
    }
    let command =
        Command::Claim(Claim { campaign: campaign.number(), user: user.clone(), coupon_type, key, stamped_at });
    let (status, claim, repeated) = match lane.ask(&opened.engine, campaign.route(), command).await? {
        Outcome::Won(claim) => (StatusCode::CREATED, claim, false),
        Outcome::Repeated(claim) => (StatusCode::OK, claim, true),
        other @ (Outcome::Refused(_)
        | Outcome::Created(_)
        | Outcome::Campaign(_)
        | Outcome::Voided
        | Outcome::Archived
        | Outcome::Claims { .. }) => return Err(unexpected(&other)),
    };
    let body = lane.body(|out| {
        let mut json = JsonText::object(out);
        claim_json::write(&claim, user.as_str(), repeated, &definition, opened.engine.codes(), &mut json);
        json.end();
    });
    Ok(Answer::json(status, body))
}

/// `GET /v1/campaigns/{id}/claims`.
pub(crate) async fn list(lane: &Lane, opened: &Opened, id: &str, parts: &Parts) -> Result<Answer, Problem> {
    let query = Query::parse(parts.uri.query(), &["limit", "cursor"])?;
    let limit = query.page_items()?;
    let after = query.cursor(query::parse_claim_cursor)?;
    let campaign = living(opened, id)?;
    let command = Command::Claims { campaign: campaign.number(), after, limit };
    let (items, more) = page(lane, opened, &campaign, command).await?;
    let definition = campaign.definition();
    let body = lane.body(|out| {
        let mut json = JsonText::object(out);
        json.array("items", items.iter(), |item, json| {
            claim_json::write(&item.claim, item.user.as_str(), true, &definition, opened.engine.codes(), json);
        });
        let next = items.last().filter(|_| more).map(|last| query::claim_cursor(last.claim.serial));
        json.optional_text("next_cursor", next.as_deref());
        json.end();
    });
    Ok(Answer::json(StatusCode::OK, body))
}

/// `GET /v1/campaigns/{id}/claims/by-user/{user_id}`.
pub(crate) async fn by_user(
    lane: &Lane,
    opened: &Opened,
    id: &str,
    user: &str,
    parts: &Parts,
) -> Result<Answer, Problem> {
    Query::parse(parts.uri.query(), &[])?;
    let decoded = route::percent_decoded(user)
        .ok_or_else(|| Problem::invalid_field("/user_id", "in the path: is not percent-encoded UTF-8"))?;
    let user =
        UserId::new(&decoded).map_err(|error| Problem::invalid_field("/user_id", format!("in the path: {error}")))?;
    let campaign = living(opened, id)?;
    let command = Command::ClaimsByUser { campaign: campaign.number(), user };
    let (items, _) = page(lane, opened, &campaign, command).await?;
    let definition = campaign.definition();
    let body = lane.body(|out| {
        let mut json = JsonText::object(out);
        json.array("items", items.iter(), |item, json| {
            claim_json::write(&item.claim, item.user.as_str(), true, &definition, opened.engine.codes(), json);
        });
        json.end();
    });
    Ok(Answer::json(StatusCode::OK, body).with("cache-control", "private, no-store"))
}

/// `DELETE /v1/campaigns/{id}/claims/{claim_id}`.
pub(crate) async fn void(
    lane: &Lane,
    opened: &Opened,
    id: &str,
    claim_id: &str,
    parts: &Parts,
) -> Result<Answer, Problem> {
    let query = Query::parse(parts.uri.query(), &["restock", "allow_again"])?;
    let restock = query.flag("restock")?;
    let allow_again = query.flag("allow_again")?.unwrap_or(false);
    let campaign = living(opened, id)?;
    let number = campaign.number();
    let claim = match opened.engine.codes().find_claim(claim_id) {
        Some((campaign, claim)) if campaign == number => claim,
        Some(_) | None => return Err(Problem::refused(Refusal::NoSuchClaim)),
    };
    let command = Command::Void { campaign: number, claim, restock, allow_again };
    let outcome = lane.ask(&opened.engine, campaign.route(), command).await?;
    let Outcome::Voided = outcome else { return Err(unexpected(&outcome)) };
    tracing::info!(campaign = id, claim = claim_id, ?restock, allow_again, "claim voided");
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// `POST …/draws` and `…/entries`: no campaign here takes them.
pub(crate) fn wrong_mode(opened: &Opened, id: &str) -> Result<Answer, Problem> {
    living(opened, id)?;
    Err(Problem::new(Code::WrongMode, "the campaign is first come, first served: ask for a claim"))
}

/// Pages of claims, for answers and exports.
pub(crate) async fn page(
    lane: &Lane,
    opened: &Opened,
    campaign: &Published,
    command: Command,
) -> Result<(Vec<ClaimItem>, bool), Problem> {
    match lane.ask(&opened.engine, campaign.route(), command).await? {
        Outcome::Claims { items, more } => Ok((items, more)),
        other @ (Outcome::Refused(_)
        | Outcome::Won(_)
        | Outcome::Repeated(_)
        | Outcome::Created(_)
        | Outcome::Campaign(_)
        | Outcome::Voided
        | Outcome::Archived) => Err(unexpected(&other)),
    }
}

/// The campaign called `id`, unless it is archived.
pub(crate) fn living(opened: &Opened, id: &str) -> Result<Arc<Published>, Problem> {
    match opened.engine.directory().find(id) {
        Some(Listed::Live(campaign)) => Ok(campaign),
        Some(Listed::Archived(_)) => Err(Problem::refused(Refusal::Archived)),
        None => Err(Problem::refused(Refusal::NoSuchCampaign)),
    }
}

/// The header `Idempotency-Key`, bare or quoted.
fn idempotency_key(parts: &Parts) -> Result<IdempotencyKey, Problem> {
    let Some(value) = parts.headers.get("idempotency-key") else {
        return Err(Problem::refused(Refusal::KeyRequired));
    };
    let wrong = |detail: String| Problem::invalid_field("", format!("in the header Idempotency-Key: {detail}"));
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| wrong(String::from("is not UTF-8")))?.trim();
    let bare = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    IdempotencyKey::new(bare).map_err(|error| wrong(error.to_string()))
}

/// An outcome that no such command has: a fault of ours, told to the log and not to the client.
pub(crate) fn unexpected(outcome: &Outcome) -> Problem {
    tracing::error!(?outcome, "a shard gave an outcome that this command does not have");
    Problem::new(Code::Internal, "")
}

/// Writes one claim as a line of an export.
pub(crate) fn write_line(claim: &ClaimView, user: &str, campaign: &Published, opened: &Opened, out: &mut Vec<u8>) {
    let mut json = JsonText::object(out);
    claim_json::write(claim, user, true, &campaign.definition(), opened.engine.codes(), &mut json);
    json.end();
    out.push(b'\n');
}
