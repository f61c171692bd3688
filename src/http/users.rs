//! Owns the calls about people: their phone numbers and names, which are kept apart from everything else and can be erased.

use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use landrush_engine::id::{PhoneId, UserId};
use landrush_engine::people::{Failed, Known, People, Person, PhoneNumber, PutError, Ticket};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::answer::Answer;
use super::caller::Caller;
use super::fields::{Faults, FieldError};
use super::json_text::JsonText;
use super::lane::Lane;
use super::problem::{Code, Problem};
use super::query::Query;
use super::{body, claims, phone};
use crate::app::Opened;

/// Numbers that claims and their like have read at once, all threads together: of a crowd, each would start a thread of its own.
static READS_AT_ONCE: Semaphore = Semaphore::const_new(8);

/// The body that makes a user.
#[derive(Debug)]
struct UserBody {
    user: Option<UserId>,
    phone: PhoneNumber,
    name: Option<String>,
}

impl UserBody {
    fn parse(body: &[u8]) -> Result<Self, Vec<FieldError>> {
        Faults::read(body, |object| {
            let user = object.optional("user_id", |json, at| at.parsed(json, UserId::new));
            let phone = object.required("phone", |json, at| at.parsed(json, phone::parse));
            let name = object.optional("name", |json, at| at.parsed(json, name));
            Some(Self { user, phone: phone?, name })
        })
    }
}

/// An id for somebody of whom the shop has none: 128 random bits.
fn new_user_id() -> UserId {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).expect("the system has random bytes");
    UserId::new(&format!("u-{:032x}", u128::from_le_bytes(bits))).expect("plain ASCII")
}

fn name(name: &str) -> Result<String, String> {
    if name.is_empty() || name.len() > People::NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(format!("must be 1 to {} bytes without control characters", People::NAME_BYTES_MAX));
    }
    Ok(name.to_owned())
}

/// `POST /v1/users`, and `POST /user`.
pub(crate) async fn create(
    lane: &Lane,
    opened: &Opened,
    parts: &Parts,
    body: Incoming,
    is_admin: bool,
) -> Result<Answer, Problem> {
    Query::parse(parts.uri.query(), &[])?;
    let caller = if is_admin { Caller::Trusted } else { Caller::of(lane, &parts.headers)? };
    let patience = lane.app().config().http.body_timeout;
    let bytes = body::json(&parts.headers, body, body::USER_BYTES_MAX, patience).await?;
    let UserBody { user, phone, name } = UserBody::parse(&bytes).map_err(Problem::invalid)?;
    let user = match (user, caller) {
        (Some(user), caller @ Caller::User(_)) => caller.may_act_for(&user).map(|()| user)?,
        (None, Caller::User(caller)) => caller,
        // Whoever may name a user could take another's number away.
        (Some(_), Caller::Trusted) if !is_admin => {
            return Err(Problem::new(Code::Unauthorized, "a user_id is taken with the admin key only: leave it out"));
        }
        (Some(user), Caller::Trusted) => user,
        (None, Caller::Trusted) => new_user_id(),
    };
    if !is_admin && lane.app().lists().denies_person(&user, Some(phone.as_str())) {
        return Err(Problem::denied());
    }
    let stored = opened.people.put(&user, Some(&phone), name.as_deref(), Known::Conflict).map_err(not_stored)?;
    durable(opened, stored.ticket).await?;
    let status = if stored.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let person = Person { user, phone: Some(phone), name };
    let location = format!("/v1/users/{}", super::route::percent_encoded(person.user.as_str()));
    Ok(document(lane, status, &person, Some(!stored.is_new)).with("location", location))
}

/// `GET /v1/users/{user_id}`.
pub(crate) async fn read(lane: &Lane, opened: &Opened, user: &str, parts: &Parts) -> Result<Answer, Problem> {
    Query::parse(parts.uri.query(), &[])?;
    match person(opened, claims::user_in_path(user)?, None).await? {
        Some(person) => Ok(document(lane, StatusCode::OK, &person, None).with("cache-control", "no-store")),
        None => Err(Problem::new(Code::NotFound, "no such user")),
    }
}

/// Reads what is known of a user; `turn` is held for as long as that takes, whether anybody waits for it still or not.
async fn person(
    opened: &Opened,
    user: UserId,
    turn: Option<SemaphorePermit<'static>>,
) -> Result<Option<Person>, Problem> {
    let people = opened.people.clone();
    let read = move || {
        let _turn = turn;
        people.person(&user)
    };
    // It is in a file, which may have to be fetched from the disk.
    match tokio::task::spawn_blocking(read).await {
        Ok(read) => read.map_err(|error| {
            tracing::error!(%error, "personal data cannot be read");
            Problem::new(Code::Internal, "")
        }),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Reads the number that is stored of a user, once it is durable; `None`: there is none.
pub(crate) async fn read_phone(opened: &Opened, user: &UserId) -> Result<Option<PhoneNumber>, Problem> {
    let Some((_, ticket)) = opened.people.phone(user) else { return Ok(None) };
    // Waited for here, where it takes none of the few turns.
    durable(opened, ticket).await?;
    let turn = READS_AT_ONCE.acquire().await.expect("it is never closed");
    Ok(person(opened, user.clone(), Some(turn)).await?.and_then(|person| person.phone))
}

/// `DELETE /v1/users/{user_id}`.
pub(crate) async fn erase(opened: &Opened, user: &str, parts: &Parts) -> Result<Answer, Problem> {
    Query::parse(parts.uri.query(), &[])?;
    let user = claims::user_in_path(user)?;
    match opened.people.erase(&user).map_err(|failed| not_stored(failed.into()))? {
        Some(ticket) => durable(opened, ticket).await?,
        None => return Err(Problem::new(Code::NotFound, "no such user")),
    }
    tracing::info!("a user was erased");
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// Stores the number that came with a claim, or looks up the one that is stored; waits until it is durable.
pub(crate) async fn phone_id(
    opened: &Opened,
    user: &UserId,
    phone: Option<&PhoneNumber>,
) -> Result<Option<PhoneId>, Problem> {
    match store_phone(opened, user, phone)? {
        Some(phone) => durable_phone(opened, phone).await.map(Some),
        None => Ok(None),
    }
}

/// A number that is stored, and durable once its ticket is.
pub(crate) struct Phone {
    id: PhoneId,
    ticket: Ticket,
}

/// Begins to store the number that came with a claim, or looks up the one that is stored.
pub(crate) fn store_phone(
    opened: &Opened,
    user: &UserId,
    phone: Option<&PhoneNumber>,
) -> Result<Option<Phone>, Problem> {
    match phone {
        Some(phone) => {
            let stored = opened.people.put(user, Some(phone), None, Known::Update).map_err(not_stored)?;
            Ok(stored.phone.map(|id| Phone { id, ticket: stored.ticket }))
        }
        None => Ok(opened.people.phone(user).map(|(id, ticket)| Phone { id, ticket })),
    }
}

/// What stands for a number, once it is durable.
pub(crate) async fn durable_phone(opened: &Opened, phone: Phone) -> Result<PhoneId, Problem> {
    durable(opened, phone.ticket).await?;
    Ok(phone.id)
}

async fn durable(opened: &Opened, ticket: Ticket) -> Result<(), Problem> {
    opened.people.durable(ticket).await.map_err(|Failed| Problem::new(Code::LogUnavailable, "personal data"))
}

fn not_stored(error: PutError) -> Problem {
    match error {
        PutError::Conflict => Problem::new(Code::Conflict, "the user exists with other data"),
        PutError::Name => Problem::invalid_field("/name", error.to_string()),
        PutError::Busy => Problem::new(Code::Overloaded, ""),
        // What a later engine may be unable to do is at least no promise that nothing happened.
        PutError::Full | PutError::Failed(Failed) | _ => Problem::new(Code::LogUnavailable, error.to_string()),
    }
}

fn document(lane: &Lane, status: StatusCode, person: &Person, repeated: Option<bool>) -> Answer {
    let body = lane.body(|out| {
        let mut json = JsonText::object(out);
        json.text("user_id", person.user.as_str());
        json.optional_text("phone", person.phone.as_ref().map(PhoneNumber::as_str));
        json.optional_text("name", person.name.as_deref());
        if let Some(repeated) = repeated {
            json.bool("repeated", repeated);
        }
        json.end();
    });
    Answer::json(status, body)
}
