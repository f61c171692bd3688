//! Owns the calls about claims: asking for a coupon, reading what was granted, voiding.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::http::request::Parts;
use landrush_engine::campaign::{CampaignDefinition, Mode};
use landrush_engine::command::{Claim, Command, Gate, GateRefusal};
use landrush_engine::id::{CouponTypeId, IdempotencyKey, PhoneId, TypeIndex, UserId};
use landrush_engine::outcome::{ClaimItem, ClaimView, Outcome, Refusal};
use landrush_engine::people::PhoneNumber;
use landrush_engine::published::{Listed, Published};
use landrush_engine::time::Timestamp;

use super::admission::{self, Visitor};
use super::answer::Answer;
use super::caller::Caller;
use super::claim_body::ClaimBody;
use super::json_text::JsonText;
use super::lane::Lane;
use super::pressure::Shed;
use super::problem::{Code, Problem};
use super::query::{self, Query};
use super::{body, challenge, claim_json, eligibility, route, users, waiting_room};
use crate::app::Opened;
use crate::desk;
use crate::fraud::Verdict;
use crate::gate::address::ClientAddress;
use crate::metrics::Granted;

/// What a claim, a draw or an entry came to, to be counted, and what is answered.
pub(crate) type ClaimAnswer = Result<(Granted, Answer), Problem>;

/// `POST /v1/campaigns/{id}/claims`, `/draws`, `/entries`: the hot path. `mode` says which.
pub(crate) async fn claim(
    lane: &Lane,
    id: &str,
    mode: Mode,
    peer: IpAddr,
    parts: &Parts,
    body: Incoming,
) -> ClaimAnswer {
    let who = Who::of(lane, peer, &parts.headers)?;
    let patience = lane.app().config().http.body_timeout;
    let bytes = body::json(&parts.headers, body, body::USER_BYTES_MAX, patience).await?;
    who.asks(mode, &bytes)?.answer(id).await
}

/// `POST /draw`: a draw whose body names the campaign.
pub(crate) async fn draw(
    lane: &Lane,
    opened: &Opened,
    address: ClientAddress,
    parts: &Parts,
    body: Incoming,
) -> Result<Answer, Problem> {
    let began = Instant::now();
    super::counted(lane, named_draw(lane, opened, address, parts, body).await, began)
}

async fn named_draw(
    lane: &Lane,
    opened: &Opened,
    address: ClientAddress,
    parts: &Parts,
    body: Incoming,
) -> ClaimAnswer {
    let caller = Caller::of(lane, &parts.headers)?;
    let patience = lane.app().config().http.body_timeout;
    let bytes = body::json(&parts.headers, body, body::USER_BYTES_MAX, patience).await?;
    let stamped_at = opened.engine.clock().now();
    let (campaign, body) =
        ClaimBody::parse_with_campaign(&bytes, Mode::Draw, caller.user()).map_err(Problem::invalid)?;
    caller.may_act_for(&body.user)?;
    let at = At { lane, opened, headers: &parts.headers };
    Asking { at, mode: Mode::Draw, address, body, stored: None, stamped_at }.answer(campaign.as_str()).await
}

/// What became of a claim that was all there.
pub(crate) enum Begun {
    /// It needs no shard.
    Answered(ClaimAnswer),
    /// The shard has it.
    Waiting(Waiting),
    /// It has to wait for something else before that. Nothing has happened: [`claim`] does it.
    Slow,
}

/// [`claim`] for a request that is all there, without a future: as far as it goes without waiting.
pub(crate) fn begin(lane: &Lane, id: &str, mode: Mode, peer: IpAddr, headers: &HeaderMap, body: &[u8]) -> Begun {
    match Who::of(lane, peer, headers).and_then(|who| who.asks(mode, body)) {
        Ok(asking) => asking.begin(id),
        Err(problem) => Begun::Answered(Err(problem)),
    }
}

/// What a request for a coupon is judged by, beside what it says.
#[derive(Clone, Copy)]
struct At<'a> {
    lane: &'a Lane,
    opened: &'a Opened,
    headers: &'a HeaderMap,
}

/// Who asks for a coupon, as far as the head tells.
struct Who<'a> {
    at: At<'a>,
    address: ClientAddress,
    caller: Caller,
}

impl<'a> Who<'a> {
    fn of(lane: &'a Lane, peer: IpAddr, headers: &'a HeaderMap) -> Result<Self, Problem> {
        let opened = super::opened(lane)?;
        let address = admission::address(lane, peer, headers)?;
        let caller = Caller::of(lane, headers)?;
        Ok(Self { at: At { lane, opened, headers }, address, caller })
    }

    /// What is asked. The last byte has been read: this is the moment that opening and closing are judged by.
    fn asks(self, mode: Mode, body: &[u8]) -> Result<Asking<'a>, Problem> {
        let Self { at, address, caller } = self;
        let stamped_at = at.opened.engine.clock().now();
        let body = ClaimBody::parse(body, mode, caller.user()).map_err(Problem::invalid)?;
        caller.may_act_for(&body.user)?;
        Ok(Asking { at, mode, address, body, stored: None, stamped_at })
    }
}

/// A request for a coupon whose body has been read.
struct Asking<'a> {
    at: At<'a>,
    mode: Mode,
    address: ClientAddress,
    body: ClaimBody,
    /// The number that the server has of the user, where it counts though the body leaves it out.
    stored: Option<PhoneNumber>,
    stamped_at: Timestamp,
}

/// What a claim says that this thread has nothing against, beside who asks.
struct Admitted {
    coupon_type: Option<TypeIndex>,
    key: Option<IdempotencyKey>,
    gate: Gate,
}

impl Asking<'_> {
    /// Asks the shard of the campaign `id`, and notes what came of it.
    async fn answer(mut self, id: &str) -> ClaimAnswer {
        let (At { lane, opened, .. }, ClaimBody { user, phone, .. }) = (self.at, &self.body);
        self.stored = admission::stored_phone(lane, opened, user, phone.as_ref()).await?;
        let campaign = self.campaign(id)?;
        let definition = campaign.definition();
        let answer = match self.admit(&campaign, &definition) {
            Ok(admitted) => self.claim(&campaign, &definition, admitted).await,
            Err(problem) => Err(problem),
        };
        note(self.at, &campaign, self.address, self.body.phone.as_ref(), self.stamped_at, &answer);
        answer
    }

    /// The same as far as it goes without waiting.
    fn begin(self, id: &str) -> Begun {
        let (At { lane, opened, .. }, ClaimBody { user, phone, .. }) = (self.at, &self.body);
        if admission::needs_stored_phone(&lane.app().lists(), opened, user, phone.as_ref()) {
            return Begun::Slow;
        }
        let campaign = match self.campaign(id) {
            Ok(campaign) => campaign,
            Err(problem) => return Begun::Answered(Err(problem)),
        };
        let definition = campaign.definition();
        if self.needs_phone(&definition) {
            return Begun::Slow;
        }
        let admitted = self.admit(&campaign, &definition);
        match admitted.and_then(|admitted| self.submit(&campaign, &definition, admitted, None)) {
            Ok(answer) => {
                let Self { address, body: ClaimBody { user, .. }, stamped_at, .. } = self;
                Begun::Waiting(Waiting { campaign, definition, address, user, stamped_at, answer })
            }
            Err(problem) => {
                let answer = Err(problem);
                note(self.at, &campaign, self.address, None, self.stamped_at, &answer);
                Begun::Answered(answer)
            }
        }
    }

    fn visitor(&self) -> Visitor<'_> {
        let origin = Some((self.address, self.at.headers));
        Visitor { origin, user: &self.body.user, phone: self.body.phone.as_ref(), stored: self.stored.as_ref() }
    }

    /// The campaign `id`, unless there is none. Somebody who is denied is told that, also of one that there is not.
    fn campaign(&self, id: &str) -> Result<Arc<Published>, Problem> {
        let denied = |problem| self.visitor().is_not_denied(self.at.lane).err().unwrap_or(problem);
        living(self.at.opened, id).map_err(denied)
    }

    /// Whether the claim is about a phone number too, which may have to be stored first.
    fn needs_phone(&self, definition: &CampaignDefinition) -> bool {
        self.body.phone.is_some() || definition.needs_phone()
    }

    /// Holds the request against all that can be known without the shard.
    fn admit(&self, campaign: &Published, definition: &CampaignDefinition) -> Result<Admitted, Problem> {
        let (At { lane, opened, headers }, stamped_at) = (self.at, self.stamped_at);
        let (user, visitor) = (&self.body.user, self.visitor());
        visitor.is_not_denied(lane)?;
        let coupon_type = named_type(definition, self.body.coupon_type.as_ref())?;
        if definition.mode != self.mode {
            return Err(wrong_mode(definition.mode));
        }
        // With one coupon a person, the person is the key, and whatever the header says is nothing to us.
        let key = if definition.limit.max > 1 { Some(idempotency_key(headers)?) } else { None };
        visitor.is_in_time(lane, opened, campaign.number(), &definition.protection.rate_limits, stamped_at)?;
        let place = waiting_room::ticket(opened, campaign.number(), headers).filter(|ticket| ticket.is_of(user));
        let is_met = challenge::is_met(opened, campaign.number(), definition, user, headers, stamped_at);
        let is_listed = eligibility::is_listed(lane, opened, campaign.number(), definition, user, headers);
        let refusal = match (is_met, is_listed) {
            (true, true) => None,
            (false, _) => Some(GateRefusal::ChallengeRequired),
            (true, false) => Some(GateRefusal::NotEligible),
        };
        let mut gate = Gate { place: place.map(|ticket| ticket.place), refusal };
        if let Some(refusal) = campaign.refuse_early(user, coupon_type, gate, stamped_at, stamped_at) {
            return Err(Problem::refused(refusal));
        }
        let has_room = lane.has_room(opened, campaign, user);
        // Only now, so that what is asked before the opening uses up no device's places; nor does whoever finds no room.
        match (eligibility::is_among_few(opened, campaign, definition, &visitor, headers, has_room)?, has_room) {
            (true, true) => {}
            (true, false) => return Err(lane.shed(Shed::Newcomer)),
            (false, true) => gate.refusal = gate.refusal.or(Some(GateRefusal::NotEligible)),
            // They hold nothing that the shard could tell them of, and would come again in vain.
            (false, false) => return Err(Problem::refused(Refusal::NotEligible)),
        }
        Ok(Admitted { coupon_type, key, gate })
    }

    /// Has the shard decide, and says what it came to.
    async fn claim(&self, campaign: &Published, definition: &CampaignDefinition, admitted: Admitted) -> ClaimAnswer {
        let At { lane, opened, .. } = self.at;
        let ClaimBody { user, phone, .. } = &self.body;
        let phone = if self.needs_phone(definition) {
            // Boxed, so that a claim without one holds no room for it.
            Box::pin(users::phone_id(opened, user, phone.as_ref())).await?
        } else {
            None
        };
        // Asked at once: the future holds no command, which is large.
        let answer = self.submit(campaign, definition, admitted, phone)?;
        granted(self.at, definition, user, lane.heard(answer.await)?)
    }

    /// Hands the claim to its shard.
    fn submit(
        &self,
        campaign: &Published,
        definition: &CampaignDefinition,
        admitted: Admitted,
        phone: Option<PhoneId>,
    ) -> Result<desk::Answer, Problem> {
        let (At { lane, opened, .. }, stamped_at) = (self.at, self.stamped_at);
        let Admitted { coupon_type, key, gate } = admitted;
        let (number, user) = (campaign.number(), self.body.user.clone());
        let claim = Claim { campaign: number, user, coupon_type, key, phone, gate, stamped_at };
        let command = match definition.mode {
            Mode::FirstCome => Command::Claim(claim),
            Mode::Draw => Command::Draw(claim),
            Mode::Lottery => Command::Enter(claim),
        };
        lane.submit(&opened.engine, campaign.route(), command)
    }
}

/// A claim that its shard has. Whoever holds it holds the request's head too.
pub(crate) struct Waiting {
    campaign: Arc<Published>,
    definition: Arc<CampaignDefinition>,
    address: ClientAddress,
    user: UserId,
    stamped_at: Timestamp,
    answer: desk::Answer,
}

impl Waiting {
    /// What the shard says to the claim, which came with `headers`.
    pub(crate) fn poll(&mut self, lane: &Lane, headers: &HeaderMap, context: &mut Context<'_>) -> Poll<ClaimAnswer> {
        let heard = ready!(Pin::new(&mut self.answer).poll(context));
        let opened = lane.app().opened().expect("an engine that was asked is open");
        let at = At { lane, opened, headers };
        let answer = lane.heard(heard).and_then(|outcome| granted(at, &self.definition, &self.user, outcome));
        note(at, &self.campaign, self.address, None, self.stamped_at, &answer);
        Poll::Ready(answer)
    }
}

/// What is answered to a claim of `user` that the shard has granted.
fn granted(at: At<'_>, definition: &CampaignDefinition, user: &UserId, outcome: Outcome) -> ClaimAnswer {
    let repeated = matches!(outcome, Outcome::Repeated(_));
    let status = if repeated { StatusCode::OK } else { StatusCode::CREATED };
    let (Outcome::Won(claim) | Outcome::Repeated(claim)) = outcome else { return Err(unexpected(&outcome)) };
    let granted = if repeated { Granted::Repeated } else { Granted::now(&claim) };
    let body = at.lane.body(|out| {
        let mut json = JsonText::object(out);
        claim_json::write(&claim, user.as_str(), repeated, definition, at.opened, &mut json);
        json.end();
    });
    Ok((granted, Answer::json(status, body)))
}

/// Notes for the report on fraud what somebody was answered.
fn note(
    at: At<'_>,
    campaign: &Published,
    address: ClientAddress,
    phone: Option<&PhoneNumber>,
    stamped_at: Timestamp,
    answer: &ClaimAnswer,
) {
    let verdict = match answer {
        Ok((granted, _)) => granted.verdict(),
        Err(problem) => Verdict::Refused(problem.refused_by),
    };
    at.lane.note(campaign, &admission::asked(address, phone, at.headers), stamped_at, verdict);
}

/// The coupon type that a claim names.
pub(crate) fn named_type(
    definition: &CampaignDefinition,
    name: Option<&CouponTypeId>,
) -> Result<Option<TypeIndex>, Problem> {
    let find = |name: &CouponTypeId| {
        definition.coupon_type(name.as_str()).ok_or_else(|| Problem::refused(Refusal::NoSuchCouponType))
    };
    name.map(find).transpose()
}

/// A request of another kind than the campaign takes.
pub(crate) fn wrong_mode(mode: Mode) -> Problem {
    let detail = match mode {
        Mode::FirstCome => "the campaign is first come, first served: ask for a claim",
        Mode::Draw => "in this campaign coupons are drawn: ask for a draw",
        Mode::Lottery => "the campaign is a lottery: ask for an entry",
    };
    Problem::new(Code::WrongMode, detail)
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
        json.array("items", issued(&items), |item, json| {
            claim_json::write(&item.claim, item.user.as_str(), true, &definition, opened, json);
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
    is_admin: bool,
) -> Result<Answer, Problem> {
    let user = own_user(lane, user, parts, is_admin)?;
    Query::parse(parts.uri.query(), &[])?;
    let campaign = living(opened, id)?;
    let items = all_by_user(lane, opened, &campaign, user).await?;
    let definition = campaign.definition();
    let body = lane.body(|out| {
        let mut json = JsonText::object(out);
        json.array("items", items.iter(), |item, json| {
            claim_json::write(&item.claim, item.user.as_str(), true, &definition, opened, json);
        });
        json.end();
    });
    Ok(Answer::json(StatusCode::OK, body).with("cache-control", "private, no-store"))
}

/// `GET /v1/campaigns/{id}/entries/by-user/{user_id}`.
pub(crate) async fn entry_by_user(
    lane: &Lane,
    opened: &Opened,
    id: &str,
    user: &str,
    parts: &Parts,
    is_admin: bool,
) -> Result<Answer, Problem> {
    let user = own_user(lane, user, parts, is_admin)?;
    Query::parse(parts.uri.query(), &[])?;
    let campaign = living(opened, id)?;
    let definition = campaign.definition();
    if definition.mode != Mode::Lottery {
        return Err(wrong_mode(definition.mode));
    }
    let items = all_by_user(lane, opened, &campaign, user).await?;
    let Some(item) = items.last() else { return Err(Problem::new(Code::NotFound, "the user has not entered")) };
    let body = lane.body(|out| {
        let mut json = JsonText::object(out);
        claim_json::write(&item.claim, item.user.as_str(), true, &definition, opened, &mut json);
        json.end();
    });
    Ok(Answer::json(StatusCode::OK, body).with("cache-control", "private, no-store"))
}

async fn all_by_user(
    lane: &Lane,
    opened: &Opened,
    campaign: &Published,
    user: UserId,
) -> Result<Vec<ClaimItem>, Problem> {
    let command = Command::ClaimsByUser { campaign: campaign.number(), user };
    Ok(page(lane, opened, campaign, command).await?.0)
}

/// The user in a path, of whom only that user and operators may ask.
fn own_user(lane: &Lane, user: &str, parts: &Parts, is_admin: bool) -> Result<UserId, Problem> {
    let caller = if is_admin { Caller::Trusted } else { Caller::of(lane, &parts.headers)? };
    let user = user_in_path(user)?;
    caller.may_act_for(&user)?;
    Ok(user)
}

/// The user id in a path, percent-encoded.
pub(crate) fn user_in_path(user: &str) -> Result<UserId, Problem> {
    let decoded = route::percent_decoded(user)
        .ok_or_else(|| Problem::invalid_field("/user_id", "in the path: is not percent-encoded UTF-8"))?;
    UserId::new(&decoded).map_err(|error| Problem::invalid_field("/user_id", format!("in the path: {error}")))
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

/// Pages of claims, for answers and exports.
pub(crate) async fn page(
    lane: &Lane,
    opened: &Opened,
    campaign: &Published,
    command: Command,
) -> Result<(Vec<ClaimItem>, bool), Problem> {
    let outcome = lane.ask(&opened.engine, campaign.route(), command).await?;
    let Outcome::Claims { items, more } = outcome else { return Err(unexpected(&outcome)) };
    Ok((items, more))
}

/// What was issued of a page: it may end with a claim that won nothing, so that the next page begins behind it.
pub(crate) fn issued(items: &[ClaimItem]) -> impl Iterator<Item = &ClaimItem> {
    items.iter().filter(|item| item.claim.coupon.is_some())
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
fn idempotency_key(headers: &HeaderMap) -> Result<IdempotencyKey, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
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
    claim_json::write(claim, user, true, &campaign.definition(), opened, &mut json);
    json.end();
    out.push(b'\n');
}
