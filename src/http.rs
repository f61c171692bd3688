//! The HTTP contract: a request in, an answer out. Owns the order in which a request is judged; each resource has its file.
//!
//! Path and method first, then the admin key, then the body's media type and size, then its content, then what it speaks
//! of, and only then the engine. Whatever says no is a [`problem::Problem`].

mod admission;
mod admission_token;
mod allowance;
mod answer;
mod archive;
mod availability;
mod body;
mod caller;
pub mod campaign_body;
pub(crate) mod campaign_json;
mod campaign_preview;
mod campaigns;
mod challenge;
mod claim_batch;
pub mod claim_body;
mod claim_export;
mod claim_json;
pub mod claim_request;
mod claims;
pub mod code_lines;
mod code_upload;
mod docs;
mod eligibility;
mod eligible_upload;
mod events;
pub mod fields;
mod fraud_report;
pub mod json;
pub mod json_text;
mod lane;
mod ops;
mod page;
mod phone;
mod pressure;
pub mod problem;
pub mod query;
mod redemptions;
mod registrations;
mod reply_body;
mod request_ids;
pub mod retry;
pub mod route;
mod upload;
mod users;
mod waiting_room;
mod web_files;
mod widget;
pub(crate) mod words;

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::http::request::Parts;
use hyper::{Request, Response};
use landrush_engine::port::Rejected;

use self::allowance::Allowance;
pub(crate) use self::answer::Answer;
pub(crate) use self::availability::Shown;
pub(crate) use self::claims::{Begun, ClaimAnswer, Waiting, begin as begin_claim};
pub use self::lane::Lane;
pub(crate) use self::pressure::{LOOK_EVERY as PRESSURE_LOOK_EVERY, Shed};
use self::problem::{Code, Problem};
pub use self::reply_body::ReplyBody;
pub(crate) use self::request_ids::RequestIds;
use self::route::{NoRoute, Route};
pub(crate) use self::waiting_room::Shown as ShownRoom;
use crate::app::{Opened, Phase};

/// Which listener a request came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The main one.
    Main,
    /// The one for metrics.
    Metrics,
}

/// Answers one request that came from `peer`; `finish` makes of the body what the connection sends.
///
/// The future is moved into its connection with every request, and waits there for the shard: each of its bytes is copied, and read
/// twice from a cache that forgot it.
pub fn handle<B>(
    lane: Rc<Lane>,
    door: Door,
    peer: IpAddr,
    request: Request<Incoming>,
    finish: impl FnOnce(ReplyBody) -> B,
) -> impl Future<Output = Result<Response<B>, Infallible>> {
    let (parts, body) = request.into_parts();
    async move {
        let mut allowance = None;
        let answer = answer(&lane, door, peer, &parts, body, &mut allowance).await;
        let mut response = lane.respond(answer, parts.headers);
        if let Some(allowance) = allowance {
            allowance.tell(response.headers_mut());
        }
        Ok(response.map(finish))
    }
}

async fn answer(
    lane: &Rc<Lane>,
    door: Door,
    peer: IpAddr,
    parts: &Parts,
    body: Incoming,
    allowance: &mut Option<Allowance>,
) -> Result<Answer, Problem> {
    let began = Instant::now();
    match Route::find(&parts.method, parts.uri.path()) {
        Ok(Route::Claim(campaign, mode)) if door == Door::Main => {
            counted(lane, claims::claim(lane, campaign, mode, peer, parts, body).await, began)
        }
        // Boxed, so that a connection that only claims does not hold room for the largest of all futures.
        Ok(route) => {
            let answer = Box::pin(other(lane, door, peer, route, parts, body, allowance)).await;
            tracing::debug!(
                method = %parts.method,
                path = parts.uri.path(),
                status = answer.as_ref().map_or_else(|problem| problem.code.status(), |answer| answer.status).as_u16(),
                traceparent = parts.headers.get("traceparent").and_then(|value| value.to_str().ok()),
                micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
                "request"
            );
            answer
        }
        Err(NoRoute::Path) => Err(Problem::new(Code::NotFound, "no such path")),
        Err(NoRoute::Method { allow }) => Err(Problem {
            allow: Some(allow),
            ..Problem::new(Code::MethodNotAllowed, format!("this path knows {allow}"))
        }),
    }
}

/// The response to a claim whose head, of which `headers` are what may be asked for, was read at `began`.
pub(crate) fn claim_response(
    lane: &Lane,
    answer: ClaimAnswer,
    headers: HeaderMap,
    began: Instant,
) -> Response<ReplyBody> {
    lane.respond(counted(lane, answer, began), headers)
}

/// Counts a claim.
fn counted(lane: &Lane, answer: ClaimAnswer, began: Instant) -> Result<Answer, Problem> {
    lane.counts().claim(answer.as_ref().map(|(granted, _)| *granted).map_err(|problem| problem.code), began.elapsed());
    answer.map(|(_, answer)| answer)
}

async fn other(
    lane: &Rc<Lane>,
    door: Door,
    peer: IpAddr,
    route: Route<'_>,
    parts: &Parts,
    body: Incoming,
    allowance: &mut Option<Allowance>,
) -> Result<Answer, Problem> {
    match (door, route) {
        (_, Route::Livez) => return Ok(ops::livez(lane)),
        (_, Route::Readyz) => return ops::readyz(lane),
        (Door::Main, Route::Metrics) if lane.app().config().metrics_listen.is_some() => {
            return Err(Problem::new(Code::NotFound, "metrics have a listener of their own"));
        }
        (_, Route::Metrics) => return Ok(ops::metrics(lane)),
        (Door::Metrics, _) => return Err(Problem::new(Code::NotFound, "this listener is for metrics")),
        (Door::Main, _) => {}
    }
    if route == Route::Time {
        return Ok(ops::time(lane));
    }
    // Also while the log is still read back: the page says so, and waits.
    if let Route::WebFile(path) = route {
        return web_files::send(path, parts);
    }
    if let Some(answer) = docs::answer(route, parts) {
        return answer;
    }
    if route == Route::ListPage {
        return page::list(lane, opened(lane));
    }
    if let Route::CampaignPage(id) = route {
        return page::campaign(lane, opened(lane), id);
    }
    let opened = opened(lane)?;
    let address = admission::address(lane, peer, &parts.headers)?;
    *allowance = Allowance::take(lane, &parts.headers);
    allowance.as_ref().map_or(Ok(()), Allowance::is_in_time)?;
    let is_admin = admission::operator(lane, opened, route, &parts.headers)?;
    if !is_admin && lane.is_strained() && route.is_poll(waiting_room::bears_sound_ticket(opened, &parts.headers)) {
        return Err(lane.shed(Shed::Poll));
    }
    match route {
        Route::ManagementMetrics => Ok(ops::metrics(lane)),
        Route::CampaignCreate => campaigns::create(lane, opened, parts, body).await,
        Route::CampaignList => campaigns::list(lane, opened, parts, is_admin),
        Route::CampaignRead(id) => campaigns::read(lane, opened, id, parts, is_admin),
        Route::CampaignPatch(id) => campaigns::patch(lane, opened, id, parts, body).await,
        Route::CampaignAction(id, action) => campaigns::act(lane, opened, id, action, parts, body).await,
        Route::Availability(id) => availability::read(lane, opened, id, parts),
        Route::FraudReport(id) => fraud_report::read(lane, opened, id, parts),
        Route::Events(id) => events::watch(lane, opened, id, parts),
        Route::WaitingRoomRead(id) => waiting_room::read(lane, opened, id, parts),
        Route::WaitingRoomAudit(id) => waiting_room::audit(lane, opened, id, parts),
        Route::WaitingRoomJoin(id) => waiting_room::join(lane, opened, id, address, parts, body).await,
        Route::Register(id) => registrations::register(lane, opened, id, address, parts, body).await,
        Route::EligibleUpload(id) => eligible_upload::upload(lane, opened, id, parts, body).await,
        Route::ChallengeRead(id) => challenge::issue(lane, opened, id, parts),
        Route::ChallengeMeet(id) => challenge::meet(lane, opened, id, address, parts, body).await,
        Route::WaitingRoomToken(id) => admission_token::issue(lane, opened, id, address, parts, body).await,
        Route::PublicKeys => Ok(admission_token::keys(opened)),
        Route::ClaimList(id) => match claim_export::Format::asked(parts) {
            Some(format) => claim_export::stream(lane, opened, id, format, parts),
            None => claims::list(lane, opened, id, parts).await,
        },
        Route::ClaimBatch(id) => claim_batch::claim(lane, opened, id, parts, body).await,
        Route::ClaimsByUser(id, user) => claims::by_user(lane, opened, id, user, parts, is_admin).await,
        Route::ClaimVoid(id, claim) => claims::void(lane, opened, id, claim, parts).await,
        Route::CodeUpload(id, coupon_type) => code_upload::upload(lane, opened, id, coupon_type, parts, body).await,
        Route::CouponRead(code) => redemptions::coupon(lane, opened, code, parts).await,
        Route::Redeem(code) => redemptions::redeem(lane, opened, code, parts, body).await,
        Route::RedeemByBody => redemptions::redeem_by_body(lane, opened, parts, body).await,
        Route::Settle(id, settlement) => redemptions::settle(lane, opened, id, settlement, parts, body).await,
        Route::Draw => claims::draw(lane, opened, address, parts, body).await,
        Route::UserCreate => users::create(lane, opened, parts, body, is_admin).await,
        Route::UserRead(user) => users::read(lane, opened, user, parts).await,
        Route::UserErase(user) => users::erase(opened, user, parts).await,
        Route::EntryByUser(id, user) => claims::entry_by_user(lane, opened, id, user, parts, is_admin).await,
        Route::Livez
        | Route::Readyz
        | Route::Metrics
        | Route::Time
        | Route::ListPage
        | Route::CampaignPage(_)
        | Route::WebFile(_)
        | Route::OpenApi
        | Route::DocsPage(_)
        | Route::DocsFile(_)
        | Route::Claim(..) => unreachable!("answered before"),
    }
}

/// The engine, if the server serves.
fn opened(lane: &Lane) -> Result<&Opened, Problem> {
    match (lane.app().phase(), lane.app().opened()) {
        (Phase::Serving, Some(opened)) => Ok(opened),
        (Phase::Starting, _) | (Phase::Serving, None) => Err(Problem::new(Code::Starting, "")),
        (Phase::Draining, _) => Err(Problem::new(Code::ShuttingDown, "")),
        (Phase::Failed, _) => Err(Problem::new(Code::LogUnavailable, "")),
    }
}

/// Why a shard did not take a command.
fn rejected(rejected: Rejected) -> Problem {
    let code = match rejected {
        Rejected::Full => Code::Overloaded,
        Rejected::Closing => Code::ShuttingDown,
        // What an engine may one day be unable to do is at least no promise that nothing happened.
        Rejected::LogFailed | _ => Code::LogUnavailable,
    };
    Problem::new(code, "")
}
