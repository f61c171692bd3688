//! Owns the upload of the list of those whom a campaign is for: streamed in, whole or not at all, in the place of the one before.

use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use landrush_engine::campaign::Who;
use landrush_engine::id::UserId;

use super::answer::Answer;
use super::body::Pieces;
use super::claims;
use super::fields::Faults;
use super::json_text::JsonText;
use super::lane::Lane;
use super::problem::{Code, Problem};
use super::query::Query;
use super::upload::{self, Arriving};
use crate::app::Opened;
use crate::gate::eligible::{NewList, USERS_MAX};

/// The longest line, in bytes, without its end.
const LINE_BYTES_MAX: usize = 1 << 10;

/// `PUT /v1/campaigns/{id}/eligible`.
pub(crate) async fn upload(
    lane: &Lane,
    opened: &Opened,
    id: &str,
    parts: &Parts,
    body: Incoming,
) -> Result<Answer, Problem> {
    Query::parse(parts.uri.query(), &[])?;
    let mut pieces = Pieces::new(body, lane.app().config().http.body_timeout);
    let begun = begin(opened, id, parts).map_err(|problem| Problem { close: !pieces.is_end(), ..problem })?;
    let list = opened.eligible.begin();
    let list = upload::off_thread(&mut pieces, move |arriving| read(list, arriving)).await?;
    let lists = std::sync::Arc::clone(&opened.eligible);
    let replaced = tokio::task::spawn_blocking(move || lists.replace(begun, list)).await;
    let count = match replaced {
        Ok(Ok(count)) => count,
        Ok(Err(error)) => {
            tracing::error!(%error, "a list cannot be stored");
            return Err(Problem::new(Code::LogUnavailable, "the list cannot be stored; the one before holds"));
        }
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    tracing::info!(campaign = id, users = count, "list of who is eligible replaced");
    let body = lane.body(|out| {
        let mut json = JsonText::object(out);
        json.number("eligible", u64::try_from(count).unwrap_or(u64::MAX));
        json.end();
    });
    Ok(Answer::json(StatusCode::OK, body))
}

/// Checks all that can be known before the users come.
fn begin(opened: &Opened, id: &str, parts: &Parts) -> Result<landrush_engine::id::CampaignNumber, Problem> {
    let essence = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = essence.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !["application/x-ndjson", "application/ndjson", "application/jsonl"].contains(&essence.as_str()) {
        return Err(Problem::new(Code::UnsupportedMediaType, "send Content-Type: application/x-ndjson"));
    }
    let campaign = claims::living(opened, id)?;
    let who = campaign.definition().protection.eligibility.as_ref().map(|eligibility| eligibility.who);
    match who {
        Some(Who::Listed) => Ok(campaign.number()),
        Some(Who::Anyone | Who::Registered) | None => Err(Problem::new(
            Code::Conflict,
            "the campaign is not for those on a list: see its protection.eligibility.who",
        )),
    }
}

/// Reads a user a line: `{"user_id": "u-1"}`, or the id alone as a JSON string. The last line may end without a line break; empty ones
/// are passed over.
fn read(mut list: NewList, mut arriving: Arriving) -> Result<NewList, Problem> {
    let mut unfinished = Vec::new();
    let mut number = 0u64;
    while let Some(piece) = arriving.next()? {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            unfinished.extend_from_slice(part);
            if part.ends_with(b"\n") {
                number += 1;
                take(&unfinished, number, &mut list)?;
                unfinished.clear();
            } else if unfinished.len() > LINE_BYTES_MAX {
                return Err(too_long(number + 1));
            }
        }
    }
    take(&unfinished, number + 1, &mut list)?;
    Ok(list)
}

fn take(line: &[u8], number: u64, list: &mut NewList) -> Result<(), Problem> {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Ok(());
    }
    if line.len() > LINE_BYTES_MAX {
        return Err(too_long(number));
    }
    let user = user(line, number)?;
    list.push(user.as_str())
        .map_err(|_| Problem::new(Code::TooLarge, format!("a list takes at most {USERS_MAX} users")))
}

fn user(line: &[u8], number: u64) -> Result<UserId, Problem> {
    if line.starts_with(b"\"") {
        let text: String = serde_json::from_slice(line)
            .map_err(|error| Problem::invalid_field("", format!("line {number}: is no JSON string: {error}")))?;
        return UserId::new(&text)
            .map_err(|error| Problem::invalid_field("/user_id", format!("line {number}: {error}")));
    }
    let read = Faults::read(line, |object| object.required("user_id", |json, at| at.parsed(json, UserId::new)));
    read.map_err(|mut faults| {
        for fault in &mut faults {
            fault.detail = format!("line {number}: {}", fault.detail);
        }
        Problem::invalid(faults)
    })
}

fn too_long(number: u64) -> Problem {
    Problem::new(Code::TooLarge, format!("line {number} is longer than 1 KiB"))
}
