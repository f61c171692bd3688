//! Owns the calls of a checkout: look a coupon up, redeem it at once or with a hold, confirm, release, reverse.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use landrush_engine::command::{Command, CouponPlace, Redeem, Settlement};
use landrush_engine::id::{CampaignNumber, OrderId, UserId};
use landrush_engine::outcome::{
    ClaimView, CouponItem, Outcome, RedemptionItem, RedemptionState, RedemptionView, Refusal,
};
use landrush_engine::published::Published;
use landrush_engine::shard::HOLD_MAX;

use super::answer::Answer;
use super::fields::{At, Faults, FieldError, Object};
use super::json::Json;
use super::json_text::JsonText;
use super::lane::Lane;
use super::problem::Problem;
use super::query::Query;
use super::{body, claim_json, claims, route};
use crate::app::Opened;
use crate::text::{self, Spelt};

/// The shortest hold.
const HOLD_MIN: Duration = Duration::from_secs(1);

/// What a checkout asks of a coupon.
#[derive(Debug)]
struct RedeemBody {
    order: OrderId,
    user: Option<UserId>,
    hold: Option<Duration>,
}

impl RedeemBody {
    fn members(object: &mut Object<'_>) -> Option<Self> {
        let order = object.required("order_id", |json, at| at.parsed(json, OrderId::new));
        let user = object.optional("user_id", |json, at| at.parsed(json, UserId::new));
        let hold = object.optional("hold", hold);
        Some(Self { order: order?, user, hold })
    }

    fn parse(body: &[u8]) -> Result<Self, Vec<FieldError>> {
        Faults::read(body, Self::members)
    }

    fn parse_with_code(body: &[u8]) -> Result<(String, Self), Vec<FieldError>> {
        Faults::read(body, |object| {
            let code = object.required("code", |json, at| at.text(json));
            let redeem = Self::members(object);
            code.map(str::to_owned).zip(redeem)
        })
    }
}

fn hold(json: &Json, at: &At<'_>) -> Option<Duration> {
    let hold = at.parsed(json, text::parse_duration)?;
    if (HOLD_MIN..=HOLD_MAX).contains(&hold) { Some(hold) } else { at.wrong("must be \"1s\" to \"24h\"") }
}

/// `GET /v1/coupons/{code}`.
pub(crate) async fn coupon(lane: &Lane, opened: &Opened, code: &str, parts: &Parts) -> Result<Answer, Problem> {
    Query::parse(parts.uri.query(), &[])?;
    let (campaign, coupon) = find(opened, &code_in_path(code)?)?;
    let command = Command::Coupon { campaign: campaign.number(), coupon };
    let outcome = lane.ask(&opened.engine, campaign.route(), command).await?;
    let Outcome::Coupon(item) = outcome else { return Err(claims::unexpected(&outcome)) };
    let body = lane.body(|out| {
        let mut json = JsonText::object(out);
        write_coupon(&item, &campaign, opened, &mut json);
        json.end();
    });
    Ok(Answer::json(StatusCode::OK, body).with("cache-control", "no-store"))
}

/// `POST /v1/coupons/{code}/redemptions`.
pub(crate) async fn redeem(
    lane: &Lane,
    opened: &Opened,
    code: &str,
    parts: &Parts,
    body: Incoming,
) -> Result<Answer, Problem> {
    Query::parse(parts.uri.query(), &[])?;
    let code = code_in_path(code)?;
    let patience = lane.app().config().http.body_timeout;
    let bytes = body::json(&parts.headers, body, body::MANAGEMENT_BYTES_MAX, patience).await?;
    let body = RedeemBody::parse(&bytes).map_err(Problem::invalid)?;
    ask(lane, opened, &code, body).await
}

/// `POST /redeem`: a redemption whose body names the code.
pub(crate) async fn redeem_by_body(
    lane: &Lane,
    opened: &Opened,
    parts: &Parts,
    body: Incoming,
) -> Result<Answer, Problem> {
    Query::parse(parts.uri.query(), &[])?;
    let patience = lane.app().config().http.body_timeout;
    let bytes = body::json(&parts.headers, body, body::MANAGEMENT_BYTES_MAX, patience).await?;
    let (code, body) = RedeemBody::parse_with_code(&bytes).map_err(Problem::invalid)?;
    ask(lane, opened, &code, body).await
}

async fn ask(lane: &Lane, opened: &Opened, code: &str, body: RedeemBody) -> Result<Answer, Problem> {
    let (campaign, coupon) = find(opened, code)?;
    let RedeemBody { order, user, hold } = body;
    let redeem = Redeem { campaign: campaign.number(), coupon, order, user, hold };
    let outcome = lane.ask(&opened.engine, campaign.route(), Command::Redeem(redeem)).await?;
    let repeated = matches!(outcome, Outcome::Redemption(_));
    let status = if repeated { StatusCode::OK } else { StatusCode::CREATED };
    let (Outcome::Redeemed(item) | Outcome::Redemption(item)) = outcome else {
        return Err(claims::unexpected(&outcome));
    };
    Ok(document(lane, status, &item, Some(repeated), &campaign, opened))
}

/// `POST /v1/redemptions/{redemption_id}/confirm`, `/release`, `/reverse`.
pub(crate) async fn settle(
    lane: &Lane,
    opened: &Opened,
    redemption_id: &str,
    settlement: Settlement,
    parts: &Parts,
    body: Incoming,
) -> Result<Answer, Problem> {
    Query::parse(parts.uri.query(), &[])?;
    body::none(&parts.headers, body, lane.app().config().http.body_timeout).await?;
    let none = || Problem::refused(Refusal::NoSuchRedemption);
    let (campaign, redemption) = opened.engine.codes().find_redemption(redemption_id).ok_or_else(none)?;
    let campaign = live(opened, campaign).ok_or_else(none)?;
    let command = Command::Settle { campaign: campaign.number(), redemption, settlement };
    let outcome = lane.ask(&opened.engine, campaign.route(), command).await?;
    let Outcome::Redemption(item) = outcome else { return Err(claims::unexpected(&outcome)) };
    Ok(document(lane, StatusCode::OK, &item, None, &campaign, opened))
}

/// The code in a path, percent-encoded.
fn code_in_path(code: &str) -> Result<String, Problem> {
    // What is not well formed was never issued.
    route::percent_decoded(code)
        .map(std::borrow::Cow::into_owned)
        .ok_or_else(|| Problem::refused(Refusal::NoSuchCoupon))
}

/// The coupon that bears this code, if there ever was one: generated codes by arithmetic, the shops' own by a table.
fn find(opened: &Opened, code: &str) -> Result<(Arc<Published>, CouponPlace), Problem> {
    let engine = &opened.engine;
    // First the shops' own: they are compared exactly, and may look like ours.
    let imported = engine
        .imported_codes()
        .find(code)
        .map(|(campaign, coupon_type, position)| (campaign, CouponPlace::Imported { coupon_type, position }));
    let generated = || engine.codes().find(code).map(|(campaign, serial)| (campaign, CouponPlace::Claim(serial)));
    let none = || Problem::refused(Refusal::NoSuchCoupon);
    let (campaign, place) = imported.or_else(generated).ok_or_else(none)?;
    Ok((live(opened, campaign).ok_or_else(none)?, place))
}

/// The campaign of this number, unless it is archived or was never made.
fn live(opened: &Opened, campaign: CampaignNumber) -> Option<Arc<Published>> {
    opened.engine.directory().find_number(campaign)
}

fn document(
    lane: &Lane,
    status: StatusCode,
    item: &RedemptionItem,
    repeated: Option<bool>,
    campaign: &Published,
    opened: &Opened,
) -> Answer {
    let body = lane.body(|out| {
        let mut json = JsonText::object(out);
        write_redemption(&item.redemption, &item.claim, opened, &mut json);
        write_place(&item.claim, campaign, opened, &mut json);
        if let Some(repeated) = repeated {
            json.bool("repeated", repeated);
        }
        json.end();
    });
    Answer::json(status, body)
}

fn write_redemption(redemption: &RedemptionView, claim: &ClaimView, opened: &Opened, json: &mut JsonText<'_>) {
    let id = opened.engine.codes().redemption_id(claim.campaign, redemption.number);
    json.text("redemption_id", id.as_str());
    json.text("order_id", redemption.order.as_str());
    json.text("state", state(redemption.state));
    json.time("created_at", redemption.at);
    if let Some(hold) = redemption.hold {
        json.text("hold", &Spelt(hold).to_string());
    }
    if let Some(expires_at) = redemption.expires_at {
        json.time("expires_at", expires_at);
    }
}

/// Which coupon it is.
fn write_place(claim: &ClaimView, campaign: &Published, opened: &Opened, json: &mut JsonText<'_>) {
    let definition = campaign.definition();
    let coupon = claim.coupon.as_ref().expect("what is redeemed has a coupon");
    claim_json::write_code(claim, coupon, opened, json);
    json.text("coupon_state", claim_json::state(coupon.state));
    json.text("campaign_id", definition.id.as_str());
    json.text("coupon_type", claim_json::type_id(&definition, coupon.coupon_type));
}

fn write_coupon(item: &CouponItem, campaign: &Published, opened: &Opened, json: &mut JsonText<'_>) {
    let definition = campaign.definition();
    let CouponItem { user, claim, redemption } = item;
    let coupon = claim.coupon.as_ref().expect("it was looked up by its code");
    claim_json::write_code(claim, coupon, opened, json);
    json.text("state", claim_json::state(coupon.state));
    json.text("campaign_id", definition.id.as_str());
    json.text("coupon_type", claim_json::type_id(&definition, coupon.coupon_type));
    json.text("user_id", user.as_str());
    json.text("claim_id", opened.engine.codes().claim_id(claim.campaign, claim.serial).as_str());
    json.time("decided_at", claim.decided_at);
    json.optional_time("expires_at", coupon.expires_at);
    if let Some(metadata) = definition.coupon_types[coupon.coupon_type.as_index()].metadata.as_deref() {
        json.raw("metadata", metadata.as_bytes());
    }
    match redemption {
        Some(redemption) => {
            json.nested("redemption", |json| write_redemption(redemption, claim, opened, json));
        }
        None => json.raw("redemption", b"null"),
    }
}

fn state(state: RedemptionState) -> &'static str {
    match state {
        RedemptionState::Reserved => "reserved",
        RedemptionState::Confirmed => "confirmed",
        RedemptionState::Released => "released",
        RedemptionState::Expired => "expired",
        RedemptionState::Reversed => "reversed",
    }
}
