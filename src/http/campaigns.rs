//! Owns the calls that make, read and change campaigns.

use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use landrush_engine::campaign::{CampaignView, Protection, RateLimits};
use landrush_engine::command::Command;
use landrush_engine::fairness::Seed;
use landrush_engine::outcome::Outcome;
use landrush_engine::published::Published;

use super::answer::Answer;
use super::campaign_body::{self, PatchBody, PatchError};
use super::json_text::JsonText;
use super::lane::Lane;
use super::problem::{Code, Problem};
use super::query::{self, Query};
use super::route::Action;
use super::{archive, body, campaign_json, campaign_preview, claims, widget};
use crate::app::Opened;

/// `POST /v1/campaigns`; with `?dry_run=true` it says what would be made, and makes nothing.
pub(crate) async fn create(lane: &Lane, opened: &Opened, parts: &Parts, body: Incoming) -> Result<Answer, Problem> {
    let dry_run = Query::parse(parts.uri.query(), &["dry_run"])?.flag("dry_run")?.unwrap_or(false);
    let patience = lane.app().config().http.body_timeout;
    let bytes = body::json(&parts.headers, body, body::MANAGEMENT_BYTES_MAX, patience).await?;
    let definition = campaign_body::parse_definition(&bytes).map_err(Problem::invalid)?;
    is_enforceable(lane, &definition.protection)?;
    let id = definition.id.clone();
    // Of an id that is taken the shard says what it would say, since it makes nothing: ids are never free again.
    if dry_run && opened.engine.directory().find(id.as_str()).is_none() {
        return Ok(campaign_preview::document(lane, &campaign_preview::fresh(definition, lane.now())));
    }
    let route = opened.engine.route(&id);
    let campaign = opened.engine.next_campaign_number();
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).expect("the system has random bytes");
    let command = Command::Create { campaign, definition: Box::new(definition), seed: Seed::from_bytes(seed) };
    let outcome = lane.ask(&opened.engine, route, command).await?;
    let status = if matches!(outcome, Outcome::Created(_)) { StatusCode::CREATED } else { StatusCode::OK };
    let (Outcome::Created(view) | Outcome::Campaign(view)) = outcome else {
        return Err(claims::unexpected(&outcome));
    };
    if dry_run {
        return Ok(campaign_preview::document(lane, &view));
    }
    if status == StatusCode::CREATED {
        tracing::info!(campaign = %id, "campaign created");
        if view.definition.protection.rate_limits != RateLimits::default() {
            lane.prepare_limiter();
        }
    }
    Ok(document(lane, status, &view, true).with("location", format!("/v1/campaigns/{id}")))
}

/// Whether this server, as it is set up, can hold callers to `protection`. What nothing enforces is refused by name rather than believed
/// to guard.
fn is_enforceable(lane: &Lane, protection: &Protection) -> Result<(), Problem> {
    let says_nothing = lane.app().verifier().is_none();
    if says_nothing && protection.eligibility.as_ref().is_some_and(|who| !who.token_claims.is_empty()) {
        let detail = "needs users' tokens: this server runs with auth.users = \"trusted\"";
        return Err(Problem::invalid_field("/protection/eligibility/token_claims", detail));
    }
    let provider = protection.challenge.and_then(|challenge| widget::provider(challenge.provider));
    if let Some(provider) = provider.filter(|provider| widget::site(lane.app().config(), *provider).is_none()) {
        let detail = format!("needs the setting challenge.{}_secret of this server", provider.name());
        return Err(Problem::invalid_field("/protection/challenge/provider", detail));
    }
    Ok(())
}

/// `GET /v1/campaigns`.
pub(crate) fn list(lane: &Lane, opened: &Opened, parts: &Parts, is_admin: bool) -> Result<Answer, Problem> {
    let query = Query::parse(parts.uri.query(), &["limit", "cursor"])?;
    let limit = usize::from(query.page_items()?);
    let after = query.cursor(query::parse_campaign_cursor)?;
    let now = lane.now();
    // One more than asked for tells whether there is a next page.
    let page = opened.engine.directory().page(after.as_ref(), limit + 1);
    let mut views: Vec<_> = page.iter().map(|campaign| campaign.view(now)).collect();
    let more = views.len() > limit;
    views.truncate(limit);
    let body = lane.body(|out| {
        let mut json = JsonText::object(out);
        json.array("items", views.iter(), |view, json| {
            campaign_json::write(view, campaign_json::phase(view, now), is_admin, json);
        });
        let next = views.last().filter(|_| more).map(|last| query::campaign_cursor(&last.definition.id));
        json.optional_text("next_cursor", next.as_deref());
        json.end();
    });
    Ok(Answer::json(StatusCode::OK, body))
}

/// `GET /v1/campaigns/{id}`.
pub(crate) fn read(lane: &Lane, opened: &Opened, id: &str, parts: &Parts, is_admin: bool) -> Result<Answer, Problem> {
    Query::parse(parts.uri.query(), &[])?;
    let campaign = claims::living(opened, id)?;
    Ok(document(lane, StatusCode::OK, &campaign.view(lane.now()), is_admin))
}

/// `PATCH /v1/campaigns/{id}`.
pub(crate) async fn patch(
    lane: &Lane,
    opened: &Opened,
    id: &str,
    parts: &Parts,
    body: Incoming,
) -> Result<Answer, Problem> {
    let patience = lane.app().config().http.body_timeout;
    let bytes = body::json(&parts.headers, body, body::MANAGEMENT_BYTES_MAX, patience).await?;
    let dry_run = Query::parse(parts.uri.query(), &["dry_run"])?.flag("dry_run")?.unwrap_or(false);
    let patch = PatchBody::parse(&bytes).map_err(Problem::invalid)?;
    let campaign = claims::living(opened, id)?;
    let patch = patch.against(&campaign.definition()).map_err(|error| match error {
        PatchError::Invalid(errors) => Problem::invalid(errors),
        PatchError::NoSuchCouponType(name) => {
            Problem::new(Code::NotFound, format!("no coupon type {name} in this campaign"))
        }
    })?;
    let command = Command::Patch { campaign: campaign.number(), patch: Box::new(patch), dry_run };
    change(lane, opened, &campaign, command, (!dry_run).then_some("campaign changed")).await
}

/// `POST /v1/campaigns/{id}/pause`, `/resume`, `/cancel`, `/archive`.
pub(crate) async fn act(
    lane: &Lane,
    opened: &Opened,
    id: &str,
    action: Action,
    parts: &Parts,
    body: Incoming,
) -> Result<Answer, Problem> {
    body::none(&parts.headers, body, lane.app().config().http.body_timeout).await?;
    let known: &[&str] = match action {
        Action::Pause | Action::Resume => &[],
        Action::Cancel => &["revoke", "dry_run"],
        Action::Archive => &["dry_run"],
    };
    let query = Query::parse(parts.uri.query(), known)?;
    let dry_run = query.flag("dry_run")?.unwrap_or(false);
    let revoke = query.flag("revoke")?.unwrap_or(false);
    let published = claims::living(opened, id)?;
    let campaign = published.number();
    let (command, done) = match action {
        Action::Pause => (Command::AcceptClaims { campaign, accept: false }, Some("campaign paused")),
        Action::Resume => (Command::AcceptClaims { campaign, accept: true }, Some("campaign resumed")),
        Action::Cancel => (Command::Cancel { campaign, revoke, dry_run }, (!dry_run).then_some("campaign cancelled")),
        Action::Archive => {
            archive::archive(lane, opened, &published, dry_run).await?;
            return Ok(document(lane, StatusCode::OK, &published.view(lane.now()), true));
        }
    };
    change(lane, opened, &published, command, done).await
}

/// Asks for a change that is answered by the campaign as it then is. `done` is said to the log if something changed.
async fn change(
    lane: &Lane,
    opened: &Opened,
    campaign: &Published,
    command: Command,
    done: Option<&str>,
) -> Result<Answer, Problem> {
    let asked = lane.ask(&opened.engine, campaign.route(), command).await;
    // For a claim, what is over is gone; for a change it is a conflict.
    let conflict =
        |problem: Problem| if problem.code == Code::Ended { Problem::new(Code::CannotReopen, "") } else { problem };
    let outcome = asked.map_err(conflict)?;
    let Outcome::Campaign(view) = &outcome else { return Err(claims::unexpected(&outcome)) };
    if let Some(done) = done {
        tracing::info!(campaign = %view.definition.id, "{done}");
    }
    Ok(document(lane, StatusCode::OK, view, true))
}

fn document(lane: &Lane, status: StatusCode, view: &CampaignView, is_admin: bool) -> Answer {
    let now = lane.now();
    let body = lane.body(|out| {
        let mut json = JsonText::object(out);
        campaign_json::write(view, campaign_json::phase(view, now), is_admin, &mut json);
        json.end();
    });
    Answer::json(status, body)
}
