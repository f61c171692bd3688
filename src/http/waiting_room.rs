//! Owns the calls of a waiting room: come, see how far it is, see where one stands, see how it was shuffled. The places are the shard's, who may claim
//! is decided there too; where a place stands follows from its ticket and from what is public, without a look at the shard.

use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::http::request::Parts;
use landrush_engine::campaign::Phase;
use landrush_engine::command::{Arrive, Command, GateRefusal};
use landrush_engine::fairness::hex::Hex;
use landrush_engine::fairness::{Commitment, Seed};
use landrush_engine::id::CampaignNumber;
use landrush_engine::outcome::{Outcome, Refusal};
use landrush_engine::published::Published;
use landrush_engine::room::{Place, RoomView, Shelf, Standing};
use landrush_engine::time::Timestamp;

use super::admission::{self, Visitor};
use super::answer::Answer;
use super::availability::{entity_tag, not_modified};
use super::caller::Caller;
use super::claim_body::ClaimBody;
use super::json_text::JsonText;
use super::lane::Lane;
use super::pressure::Shed;
use super::problem::Problem;
use super::query::Query;
use super::{body, claims, eligibility};
use crate::app::Opened;
use crate::gate::address::ClientAddress;
use crate::gate::ticket::Ticket;
use crate::text::Spelt;

/// The header that a ticket comes in.
const HEADER: &str = "x-landrush-ticket";

/// Whether somebody asks for a place of their own.
fn bears_ticket(headers: &HeaderMap) -> bool {
    headers.contains_key(HEADER)
}

/// Whether they do by a ticket that was given here.
pub(crate) fn bears_sound_ticket(opened: &Opened, headers: &HeaderMap) -> bool {
    admission::once(headers, HEADER).is_some_and(|ticket| opened.tickets.read(ticket.as_bytes()).is_some())
}

/// The ticket that a request bears, if it is one of the campaign's.
pub(crate) fn ticket(opened: &Opened, campaign: CampaignNumber, headers: &HeaderMap) -> Option<Ticket> {
    let ticket = opened.tickets.read(admission::once(headers, HEADER)?.as_bytes())?;
    (ticket.campaign == campaign).then_some(ticket)
}

/// `POST /v1/campaigns/{id}/waiting-room`.
pub(crate) async fn join(
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
    let user = ClaimBody::parse_user(&bytes, caller.user()).map_err(Problem::invalid)?;
    caller.may_act_for(&user)?;
    let stored = admission::stored_phone(lane, opened, &user, None).await?;
    let visitor =
        Visitor { origin: Some((address, &parts.headers)), user: &user, phone: None, stored: stored.as_ref() };
    visitor.is_not_denied(lane)?;
    let campaign = claims::living(opened, id)?;
    let definition = campaign.definition();
    let has_come = campaign.room().ok_or_else(|| Problem::refused(Refusal::NoWaitingRoom))?.may_have_come(&user);
    visitor.is_in_time(lane, opened, campaign.number(), &definition.protection.rate_limits, stamped_at)?;
    // Whoever is let in holds a coupon back from the others: no place for those who could not claim it. A challenge can still be met
    // by whoever waits, and whoever still may register can do that.
    let is_eligible = eligibility::is_listed(lane, opened, campaign.number(), &definition, &user, &parts.headers)
        && (campaign.may_be_heard(&user) || campaign.takes_registrations(stamped_at));
    let refusal = match campaign.refuse_arrival_early(&user, stamped_at, lane.now()) {
        // As of a claim: that it is over is said to everybody, that all is gone only to those who could have had some.
        None | Some(Refusal::SoldOut | Refusal::DailySoldOut { .. }) if !is_eligible => Some(Refusal::NotEligible),
        refusal => refusal,
    };
    if let Some(refusal) = refusal {
        return Err(Problem::refused(refusal));
    }
    // Whoever has a place is told it however many come and by whatever device, as a winner is.
    let has_room = has_come || lane.has_room(opened, &campaign, &user);
    let is_among_few = |may_take_place| {
        eligibility::is_among_few(opened, &campaign, &definition, &visitor, &parts.headers, may_take_place)
    };
    let refusal = match (is_among_few(false)?, has_room) {
        (true, true) => None,
        (true, false) => return Err(lane.shed(Shed::Newcomer)),
        // Only the shard knows whether they have a place still.
        (false, _) if has_come => Some(GateRefusal::NotEligible),
        (false, _) => return Err(Problem::refused(Refusal::NotEligible)),
    };
    let arrive = Arrive { campaign: campaign.number(), user: user.clone(), stamped_at, refusal };
    let outcome = lane.ask(&opened.engine, campaign.route(), Command::Arrive(arrive)).await?;
    let Outcome::Arrived { place, repeated } = outcome else { return Err(claims::unexpected(&outcome)) };
    if !repeated {
        // Whoever was given a place, and nobody else, takes the one among the device's users that the claim will need. Where two of a
        // device came in the same moment the second finds it taken when claiming.
        is_among_few(true)?;
    }
    let room = campaign.room().ok_or_else(|| Problem::refused(Refusal::NoWaitingRoom))?;
    let ticket = opened.tickets.issue(campaign.number(), place, &user);
    let now = lane.now();
    let shown = Shown::of(&campaign, &room, now);
    let status = if repeated { StatusCode::OK } else { StatusCode::CREATED };
    let body = lane.body(|out| {
        let mut json = JsonText::object(out);
        json.text("ticket", &ticket);
        shown.write_place(place, now, &mut json);
        shown.write_resets_at(&mut json);
        json.end();
    });
    Ok(Answer::json(status, body).with("cache-control", "private, no-store"))
}

/// `GET /v1/campaigns/{id}/waiting-room`. What all share is everybody's; a place is told to its user alone, where a token says who that is.
pub(crate) fn read(lane: &Lane, opened: &Opened, id: &str, parts: &Parts) -> Result<Answer, Problem> {
    Query::parse(parts.uri.query(), &[])?;
    let bearer = bears_ticket(&parts.headers).then(|| Caller::of(lane, &parts.headers)).transpose()?;
    let campaign = claims::living(opened, id)?;
    let room = campaign.room().ok_or_else(|| Problem::refused(Refusal::NoWaitingRoom))?;
    let now = lane.now();
    let shown = Shown::of(&campaign, &room, now);
    if let Some(bearer) = bearer {
        let ticket = ticket(opened, campaign.number(), &parts.headers)
            .filter(|ticket| bearer.user().is_none_or(|user| ticket.is_of(user)));
        let ticket = ticket.ok_or_else(|| Problem::refused(Refusal::TicketRequired))?;
        let body = lane.body(|out| {
            let mut json = JsonText::object(out);
            shown.write_place(ticket.place, now, &mut json);
            shown.write_room(&mut json);
            json.end();
        });
        return Ok(Answer::json(StatusCode::OK, body).with("cache-control", "private, no-store"));
    }
    let body = lane.body(|out| shown.write(out));
    let tag = entity_tag(&body);
    let answer = if not_modified(parts, &tag) {
        Answer::empty(StatusCode::NOT_MODIFIED)
    } else {
        Answer::json(StatusCode::OK, body)
    };
    Ok(answer.with("etag", tag).with("cache-control", "public, max-age=1").with("vary", "X-Landrush-Ticket"))
}

/// `GET /v1/campaigns/{id}/waiting-room/audit`.
pub(crate) fn audit(lane: &Lane, opened: &Opened, id: &str, parts: &Parts) -> Result<Answer, Problem> {
    Query::parse(parts.uri.query(), &[])?;
    let campaign = claims::living(opened, id)?;
    let room = campaign.room().ok_or_else(|| Problem::refused(Refusal::NoWaitingRoom))?;
    let body = lane.body(|out| {
        let mut json = JsonText::object(out);
        json.array("rooms", room.audited(), |room, json| {
            json.time("opens_at", room.opens_at);
            write_fairness(&room.seed.commitment(), Some(&room.seed), room.count, Some(&room.hash), json);
        });
        json.end();
    });
    let tag = entity_tag(&body);
    let answer = if not_modified(parts, &tag) {
        Answer::empty(StatusCode::NOT_MODIFIED)
    } else {
        Answer::json(StatusCode::OK, body)
    };
    Ok(answer.with("etag", tag).with("cache-control", "public, max-age=10"))
}

/// What anybody is shown of a waiting room at one moment.
#[derive(Debug)]
pub(crate) struct Shown<'r> {
    room: &'r RoomView,
    admit_per_second: u32,
    /// Why nobody is let in any more, or today, if so.
    over: Option<&'static str>,
    /// When people are let in again, where today's coupons are gone.
    resets_at: Option<Timestamp>,
}

impl<'r> Shown<'r> {
    /// What is shown of `room`, which is the campaign's, at `now`.
    pub(crate) fn of(campaign: &Published, room: &'r RoomView, now: Timestamp) -> Self {
        let phase = campaign.phase(now);
        let is_past = match phase {
            Phase::Open { opened_at, .. } => opened_at > room.opens_at,
            Phase::Before { opens_at } | Phase::Between { opens_at } => opens_at > room.opens_at,
            Phase::Over => true,
        };
        let (over, resets_at) = if is_past || campaign.is_cancelled() {
            (Some("over"), None)
        } else {
            match campaign.shelf(room.opens_at, now) {
                Shelf::Stocked => (None, None),
                Shelf::Refilled { at } => (Some("sold_out"), Some(at)),
                Shelf::Empty(_) => (Some("sold_out"), None),
            }
        };
        let rules = campaign.definition().protection.waiting_room;
        Self { room, admit_per_second: rules.map_or(1, |rules| rules.admit_per_second), over, resets_at }
    }

    /// Appends it as JSON.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut json = JsonText::object(out);
        json.text("state", self.over.unwrap_or("waiting"));
        self.write_room(&mut json);
        json.end();
    }

    /// Until when `place` is let in, if it is at `now` and people are let in at all.
    pub(crate) fn admitted_until(&self, place: Place, now: Timestamp) -> Option<Timestamp> {
        match self.room.standing(place, now) {
            Standing::Admitted { position: _, until } if self.over != Some("over") => Some(until),
            Standing::Admitted { .. } | Standing::Waiting { .. } | Standing::Lapsed { .. } | Standing::Gone => None,
        }
    }

    /// Writes the members that all share, but for the state.
    fn write_room(&self, json: &mut JsonText<'_>) {
        let room = self.room;
        self.write_resets_at(json);
        json.time("opens_at", room.opens_at);
        json.number("now_serving", u64::from(room.now_serving));
        json.number("waiting", u64::from(room.waiting()));
        json.number("admit_per_second", u64::from(self.admit_per_second));
        let shuffle = room.shuffle.as_ref();
        let count = shuffle.map_or(room.arrivals, |shuffle| shuffle.count);
        let hash = shuffle.map(|shuffle| &shuffle.hash);
        json.nested("fairness", |json| {
            write_fairness(&room.commitment(), room.published_seed(), count, hash, json);
        });
    }

    fn write_resets_at(&self, json: &mut JsonText<'_>) {
        json.optional_time("resets_at", self.resets_at);
    }

    /// Writes where `place` stands at `now`.
    fn write_place(&self, place: Place, now: Timestamp, json: &mut JsonText<'_>) {
        let (state, position, until) = match self.room.standing(place, now) {
            Standing::Waiting { position } => ("waiting", position, None),
            Standing::Admitted { position, until } => ("admitted", Some(position), Some(until)),
            Standing::Lapsed { position } => ("over", Some(position), None),
            Standing::Gone => ("over", None, None),
        };
        json.text("state", if state == "over" { state } else { self.over.unwrap_or(state) });
        let ahead = position.map(|position| position.saturating_sub(self.room.now_serving.saturating_add(1)));
        json.number("number", u64::from(place.number));
        optional_number("position", position, json);
        optional_number("ahead", ahead, json);
        let wait = ahead.filter(|_| state == "waiting").and_then(|ahead| self.estimated_wait(ahead, now));
        json.optional_text("estimated_wait", wait.map(|wait| Spelt(wait).to_string()).as_deref());
        json.optional_time("admitted_until", until);
    }

    /// How long it takes from `now` until so many and one more are let in, if everybody claims: to whole seconds, upwards. `None`:
    /// nobody is let in any more.
    fn estimated_wait(&self, ahead: u32, now: Timestamp) -> Option<Duration> {
        let until_next = match (self.over, self.resets_at) {
            (None, _) => Duration::ZERO,
            (Some(_), resets_at) => resets_at?.saturating_since(now),
        };
        let in_line = Duration::from_secs((u64::from(ahead) + 1).div_ceil(u64::from(self.admit_per_second)));
        Some(Duration::from_secs(until_next.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX)) + in_line)
    }
}

/// Writes what lets anybody check a shuffle.
fn write_fairness(
    commitment: &Commitment,
    seed: Option<&Seed>,
    count: u32,
    hash: Option<&[u8; 32]>,
    json: &mut JsonText<'_>,
) {
    json.text("commitment", &commitment.to_string());
    json.optional_text("seed", seed.map(Seed::to_hex).as_deref());
    json.nested("entries", |json| {
        json.number("count", u64::from(count));
        json.optional_text("hash", hash.map(|hash| Hex(hash).to_string()).as_deref());
    });
}

fn optional_number(name: &str, value: Option<u32>, json: &mut JsonText<'_>) {
    match value {
        Some(value) => json.number(name, u64::from(value)),
        None => json.raw(name, b"null"),
    }
}
