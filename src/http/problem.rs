//! Owns every way of saying no: the one table from code to status, and the problem document (RFC 9457) that carries it.

use std::borrow::Cow;
use std::time::Duration;

use hyper::StatusCode;
use landrush_engine::outcome::Refusal;
use landrush_engine::time::Timestamp;

use super::fields::FieldError;
use super::json_text::JsonText;
use super::retry::Retry;
use crate::gate::reason::Reason;

/// Why a request was refused. The code is stable: clients may match on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// No such path, campaign, coupon type, claim or coupon.
    NotFound,
    /// The path knows no such method.
    MethodNotAllowed,
    /// No key, or a wrong one.
    Unauthorized,
    /// The key is not for this, or the user is another.
    Forbidden,
    /// The body is not JSON by its media type.
    UnsupportedMediaType,
    /// The body is longer than this call takes.
    TooLarge,
    /// The body did not come in time.
    RequestTimeout,
    /// Not JSON, or a field is missing, wrong, unknown or repeated.
    InvalidRequest,
    /// The campaign hands out several coupons a person, and the claim has no key.
    IdempotencyKeyRequired,
    /// The key belongs to a request with another body.
    IdempotencyKeyReused,
    /// The campaign's memory has been freed.
    Archived,
    /// The campaign takes another kind of request.
    WrongMode,
    /// Another campaign has that id.
    Conflict,
    /// A total quota below what has been issued.
    QuotaBelowIssued,
    /// A code is there already.
    DuplicateCode,
    /// The coupon has been redeemed.
    AlreadyRedeemed,
    /// The coupon is held for another order.
    Reserved,
    /// The coupon's time has run out.
    Expired,
    /// The coupon was voided.
    Void,
    /// The coupon is another user's.
    WrongUser,
    /// Redemptions are paused.
    RedemptionsPaused,
    /// The redemption was confirmed.
    AlreadyConfirmed,
    /// The hold was released.
    AlreadyReleased,
    /// The redemption was reversed.
    AlreadyReversed,
    /// The redemption was never confirmed.
    NotConfirmed,
    /// The hold ran out.
    HoldExpired,
    /// Some of the campaign's coupons still live.
    StillLive,
    /// The campaign was cancelled.
    Cancelled,
    /// The campaign is over.
    Ended,
    /// The campaign is over, and a change cannot reopen it.
    CannotReopen,
    /// Claims are paused.
    Paused,
    /// Too many requests of a user, address, device or phone.
    RateLimited,
    /// The campaign has not opened.
    NotOpen,
    /// The person has had all that the limit allows.
    LimitReached,
    /// No challenge was met, or the proof does not hold.
    ChallengeRequired,
    /// The person is not let in from the waiting room, or has not proved to be.
    TicketRequired,
    /// The person is none of those whom the campaign is for.
    NotEligible,
    /// Registration is over.
    RegistrationClosed,
    /// The total quota is gone.
    SoldOut,
    /// Today's quota is gone.
    DailySoldOut,
    /// The server has as much to do as it can hold.
    Overloaded,
    /// The server is reading its log back.
    Starting,
    /// The server is going down.
    ShuttingDown,
    /// The log cannot be written.
    LogUnavailable,
    /// A fault of the server.
    Internal,
}

impl Code {
    /// All there are.
    pub const ALL: [Code; 45] = [
        Code::NotFound,
        Code::MethodNotAllowed,
        Code::Unauthorized,
        Code::Forbidden,
        Code::UnsupportedMediaType,
        Code::TooLarge,
        Code::RequestTimeout,
        Code::InvalidRequest,
        Code::IdempotencyKeyRequired,
        Code::IdempotencyKeyReused,
        Code::Archived,
        Code::WrongMode,
        Code::Conflict,
        Code::QuotaBelowIssued,
        Code::DuplicateCode,
        Code::AlreadyRedeemed,
        Code::Reserved,
        Code::Expired,
        Code::Void,
        Code::WrongUser,
        Code::RedemptionsPaused,
        Code::AlreadyConfirmed,
        Code::AlreadyReleased,
        Code::AlreadyReversed,
        Code::NotConfirmed,
        Code::HoldExpired,
        Code::StillLive,
        Code::Cancelled,
        Code::Ended,
        Code::CannotReopen,
        Code::Paused,
        Code::RateLimited,
        Code::NotOpen,
        Code::LimitReached,
        Code::ChallengeRequired,
        Code::TicketRequired,
        Code::NotEligible,
        Code::RegistrationClosed,
        Code::SoldOut,
        Code::DailySoldOut,
        Code::Overloaded,
        Code::Starting,
        Code::ShuttingDown,
        Code::LogUnavailable,
        Code::Internal,
    ];

    /// The place in [`Code::ALL`].
    pub const fn place(self) -> usize {
        self as usize
    }

    /// Status, stable name, title.
    const fn entry(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Code::NotFound => (S::NOT_FOUND, "not_found", "Not found"),
            Code::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed"),
            Code::Unauthorized => (S::UNAUTHORIZED, "unauthorized", "The key or token is missing or wrong"),
            Code::Forbidden => (S::FORBIDDEN, "forbidden", "Not allowed"),
            Code::UnsupportedMediaType => {
                (S::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "The body is of another media type")
            }
            Code::TooLarge => (S::PAYLOAD_TOO_LARGE, "too_large", "The body is too large"),
            Code::RequestTimeout => (S::REQUEST_TIMEOUT, "request_timeout", "The body did not come in time"),
            Code::InvalidRequest => (S::BAD_REQUEST, "invalid_request", "The request is invalid"),
            Code::IdempotencyKeyRequired => {
                (S::BAD_REQUEST, "idempotency_key_required", "The claim needs an Idempotency-Key")
            }
            Code::IdempotencyKeyReused => {
                (S::UNPROCESSABLE_ENTITY, "idempotency_key_reused", "The key belongs to another request")
            }
            Code::Archived => (S::GONE, "archived", "The campaign is archived"),
            Code::WrongMode => (S::CONFLICT, "wrong_mode", "The campaign takes another kind of request"),
            Code::Conflict => (S::CONFLICT, "conflict", "It exists, and is another"),
            Code::QuotaBelowIssued => (S::CONFLICT, "quota_below_issued", "More has been issued than the new quota"),
            Code::AlreadyRedeemed => (S::CONFLICT, "already_redeemed", "The coupon has been redeemed"),
            Code::DuplicateCode => (S::CONFLICT, "duplicate_code", "A code is there already"),
            Code::Reserved => (S::CONFLICT, "reserved", "The coupon is held for another order"),
            Code::Expired => (S::GONE, "expired", "The coupon has expired"),
            Code::Void => (S::GONE, "void", "The coupon is void"),
            Code::WrongUser => (S::FORBIDDEN, "wrong_user", "The coupon is another user's"),
            Code::RedemptionsPaused => (S::CONFLICT, "redemptions_paused", "Redemptions are paused"),
            Code::AlreadyConfirmed => (S::CONFLICT, "already_confirmed", "The redemption was confirmed"),
            Code::AlreadyReleased => (S::CONFLICT, "already_released", "The hold was released"),
            Code::AlreadyReversed => (S::CONFLICT, "already_reversed", "The redemption was reversed"),
            Code::NotConfirmed => (S::CONFLICT, "not_confirmed", "The redemption was never confirmed"),
            Code::HoldExpired => (S::GONE, "hold_expired", "The hold has run out"),
            Code::StillLive => (S::CONFLICT, "still_live", "The campaign still lives"),
            Code::Cancelled => (S::CONFLICT, "cancelled", "The campaign was cancelled"),
            Code::Ended => (S::GONE, "ended", "The campaign is over"),
            Code::CannotReopen => (S::CONFLICT, "ended", "A campaign that is over cannot be reopened"),
            Code::Paused => (S::CONFLICT, "paused", "Claims are paused"),
            Code::RateLimited => (S::TOO_MANY_REQUESTS, "rate_limited", "Too many requests"),
            Code::NotOpen => (S::CONFLICT, "not_open", "The campaign has not opened"),
            Code::ChallengeRequired => {
                (S::FORBIDDEN, "challenge_required", "The challenge was not met, or its pass does not hold")
            }
            Code::TicketRequired => {
                (S::FORBIDDEN, "ticket_required", "The waiting room's ticket is missing or does not hold")
            }
            Code::NotEligible => (S::FORBIDDEN, "not_eligible", "The campaign is not for this person"),
            Code::RegistrationClosed => (S::CONFLICT, "registration_closed", "Registration is over"),
            Code::LimitReached => (S::CONFLICT, "limit_reached", "The limit for this person is used up"),
            Code::SoldOut => (S::CONFLICT, "sold_out", "Sold out"),
            Code::DailySoldOut => (S::CONFLICT, "daily_sold_out", "Sold out for today"),
            Code::Overloaded => (S::SERVICE_UNAVAILABLE, "overloaded", "Too busy; nothing happened"),
            Code::Starting => (S::SERVICE_UNAVAILABLE, "starting", "Starting; nothing happened"),
            Code::ShuttingDown => (S::SERVICE_UNAVAILABLE, "shutting_down", "Going down; nothing happened"),
            Code::LogUnavailable => (S::SERVICE_UNAVAILABLE, "log_unavailable", "The log cannot be written"),
            Code::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "The server failed"),
        }
    }

    /// The HTTP status.
    pub const fn status(self) -> StatusCode {
        self.entry().0
    }

    /// What it means, for people.
    pub const fn title(self) -> &'static str {
        self.entry().2
    }

    /// The stable name in `code`.
    pub const fn name(self) -> &'static str {
        self.entry().1
    }
}

/// What a problem document says beside its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// When the campaign opens.
    OpensAt(Timestamp),
    /// When the daily quota begins anew.
    ResetsAt(Timestamp),
    /// How long the limit asks to wait.
    WaitFor(Duration),
}

/// A refusal on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Why.
    pub code: Code,
    /// Why, for people; empty: the code's title says it all.
    pub detail: Cow<'static, str>,
    /// What is wrong with the request, field by field.
    pub errors: Vec<FieldError>,
    /// A moment that the client will want to know.
    pub fact: Option<Fact>,
    /// The methods that the path knows, for a 405.
    pub allow: Option<&'static str>,
    /// Whether the connection must end, since its body was not read to the end.
    pub close: bool,
    /// The part of the gate that refuses. Operators are told, others only as far as the code says it.
    pub refused_by: Option<Reason>,
}

impl Problem {
    /// A refusal by `code`, with a detail for people.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let by_code = [
            (Code::Unauthorized, Reason::Unauthorized),
            (Code::Forbidden, Reason::Forbidden),
            (Code::ChallengeRequired, Reason::ChallengeRequired),
            (Code::TicketRequired, Reason::TicketRequired),
            (Code::NotEligible, Reason::NotEligible),
        ];
        let refused_by = by_code.into_iter().find(|(known, _)| *known == code).map(|(_, reason)| reason);
        Self { code, detail: detail.into(), errors: Vec::new(), fact: None, allow: None, close: false, refused_by }
    }

    /// A request with these faults.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(Code::InvalidRequest, "see errors") }
    }

    /// A request with one fault.
    pub fn invalid_field(pointer: &str, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError::new(pointer, detail)])
    }

    /// A caller who is on the list of those who are denied. Which list and by what is not theirs to know.
    pub fn denied() -> Self {
        Self { refused_by: Some(Reason::Denied), ..Self::new(Code::Forbidden, "") }
    }

    /// A caller who must wait so long, by the limit that `reason` names.
    pub fn rate_limited(reason: Reason, wait: Duration) -> Self {
        Self {
            fact: Some(Fact::WaitFor(wait)),
            refused_by: Some(reason),
            ..Self::new(Code::RateLimited, "wait as long as Retry-After says; asking again before changes nothing")
        }
    }

    /// The refusal of a claim, or of another call, by the engine.
    pub fn refused(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoSuchCampaign => Self::new(Code::NotFound, "no such campaign"),
            Refusal::NoSuchCouponType => Self::new(Code::NotFound, "no such coupon type in this campaign"),
            Refusal::Invalid(invalid) => Self::invalid_field("", invalid.to_string()),
            Refusal::NoSuchClaim => Self::new(Code::NotFound, "no such claim in this campaign"),
            Refusal::NoSuchCoupon => Self::new(Code::NotFound, "no such coupon"),
            Refusal::NoSuchRedemption => Self::new(Code::NotFound, "no such redemption"),
            Refusal::Archived => Self::new(Code::Archived, ""),
            Refusal::WrongMode => Self::new(Code::WrongMode, ""),
            Refusal::PhoneRequired => {
                Self::invalid_field("/phone", "is needed in this campaign, and none is stored for the user")
            }
            Refusal::CodesGenerated => Self::new(Code::Conflict, "the coupon type makes its codes itself"),
            Refusal::KeyRequired => Self::new(
                Code::IdempotencyKeyRequired,
                "the campaign allows several coupons a person: send a header Idempotency-Key that names this one",
            ),
            Refusal::KeyReused => Self::new(Code::IdempotencyKeyReused, ""),
            Refusal::Cancelled => Self::new(Code::Cancelled, ""),
            Refusal::Ended => Self::new(Code::Ended, ""),
            Refusal::Paused => Self::new(Code::Paused, ""),
            Refusal::NotOpen { opens_at } => {
                Self { fact: Some(Fact::OpensAt(opens_at)), ..Self::new(Code::NotOpen, "") }
            }
            Refusal::NoWaitingRoom => Self::new(Code::NotFound, "the campaign has no waiting room"),
            Refusal::TicketRequired => Self::new(
                Code::TicketRequired,
                "come to the waiting room, and when you are let in send its ticket in the header X-Landrush-Ticket",
            ),
            Refusal::ChallengeRequired => Self::new(
                Code::ChallengeRequired,
                "meet the campaign's challenge, and send the pass that it gives in the header X-Landrush-Pass",
            ),
            Refusal::NoRegistration => Self::new(Code::NotFound, "the campaign takes no registrations"),
            Refusal::RegistrationClosed => Self::new(Code::RegistrationClosed, ""),
            Refusal::NotEligible => Self::new(Code::NotEligible, ""),
            Refusal::LimitReached => Self::new(Code::LimitReached, ""),
            Refusal::SoldOut => Self::new(Code::SoldOut, ""),
            Refusal::DailySoldOut { resets_at } => {
                Self { fact: Some(Fact::ResetsAt(resets_at)), ..Self::new(Code::DailySoldOut, "") }
            }
            Refusal::Conflict => Self::new(Code::Conflict, "a campaign with another definition has this id"),
            Refusal::QuotaBelowIssued { coupon_type, issued } => Self::new(
                Code::QuotaBelowIssued,
                format!("{issued} of the coupon type at index {} have been issued", coupon_type.0),
            ),
            Refusal::AlreadyRedeemed => Self::new(Code::AlreadyRedeemed, ""),
            Refusal::Reserved => Self::new(Code::Reserved, ""),
            Refusal::Expired => Self::new(Code::Expired, ""),
            Refusal::Void => Self::new(Code::Void, ""),
            Refusal::WrongUser => Self::new(Code::WrongUser, ""),
            Refusal::RedemptionsPaused => Self::new(Code::RedemptionsPaused, ""),
            Refusal::AlreadyConfirmed => Self::new(Code::AlreadyConfirmed, ""),
            Refusal::AlreadyReleased => Self::new(Code::AlreadyReleased, ""),
            Refusal::AlreadyReversed => Self::new(Code::AlreadyReversed, ""),
            Refusal::NotConfirmed => Self::new(Code::NotConfirmed, ""),
            Refusal::HoldExpired => Self::new(Code::HoldExpired, ""),
            Refusal::StillLive { until: Some(until) } => {
                Self::new(Code::StillLive, format!("its last coupon expires at {}", crate::text::rfc3339_string(until)))
            }
            Refusal::StillLive { until: None } => {
                Self::new(Code::StillLive, "claims may still come, or some of its coupons never expire")
            }
            Refusal::LogUnavailable => Self::new(Code::LogUnavailable, ""),
        }
    }

    /// Writes the document.
    pub fn write(&self, retry: Option<Retry>, out: &mut Vec<u8>) {
        let mut json = JsonText::object(out);
        self.write_members(retry, &mut json);
        json.end();
    }

    /// Writes the members of the document.
    pub(crate) fn write_members(&self, retry: Option<Retry>, json: &mut JsonText<'_>) {
        let (status, name, title) = self.code.entry();
        json.text_of("type", &["urn:landrush:problem:", name]);
        json.text("title", title);
        json.number("status", u64::from(status.as_u16()));
        json.text("detail", if self.detail.is_empty() { title } else { &self.detail });
        json.text("code", name);
        match self.fact {
            Some(Fact::OpensAt(moment)) => json.time("opens_at", moment),
            Some(Fact::ResetsAt(moment)) => json.time("resets_at", moment),
            // It is in the retry.
            Some(Fact::WaitFor(_)) | None => {}
        }
        if let Some(retry) = retry {
            json.number("retry_after_ms", retry.milliseconds());
        }
        if !self.errors.is_empty() {
            json.array("errors", self.errors.iter(), |error, json| {
                json.text("pointer", &error.pointer);
                json.text("detail", &error.detail);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(problem: &Problem, retry: Option<Retry>) -> serde_json::Value {
        let mut out = Vec::new();
        problem.write(retry, &mut out);
        serde_json::from_slice(&out).expect("a problem document is JSON")
    }

    #[test]
    fn the_document_has_what_clients_match_on() {
        let document = written(&Problem::invalid_field("/user_id", "is \"odd\""), None);
        assert_eq!(document["type"], "urn:landrush:problem:invalid_request");
        assert_eq!(document["status"], 400);
        assert_eq!(document["code"], "invalid_request");
        assert_eq!(document["errors"][0]["pointer"], "/user_id");
        assert_eq!(document["errors"][0]["detail"], "is \"odd\"");
        assert!(document.get("retry_after_ms").is_none());
    }

    #[test]
    fn moments_are_told() {
        let opens_at = Timestamp::from_milliseconds(1_000);
        let document = written(&Problem::refused(Refusal::NotOpen { opens_at }), Some(Retry::from_milliseconds(1_234)));
        assert_eq!(document["opens_at"], "1970-01-01T00:00:01.000Z");
        assert_eq!(document["retry_after_ms"], 1_234);
    }

    #[test]
    fn every_code_is_a_refusal_with_a_name_and_a_status_of_its_kind() {
        for (place, code) in Code::ALL.into_iter().enumerate() {
            assert_eq!(code.place(), place);
            assert!(code.status().is_client_error() || code.status().is_server_error());
            assert!(code.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{}", code.name());
            let document = written(&Problem::new(code, ""), None);
            assert_eq!(document["code"], code.name());
            assert_ne!(document["detail"], "");
        }
    }

    #[test]
    fn the_contracts_codes_have_the_contracts_statuses() {
        let contract: [(&[&str], u16); 10] = [
            (&["invalid_request", "idempotency_key_required"], 400),
            (&["unauthorized"], 401),
            (&["forbidden", "wrong_user", "ticket_required"], 403),
            (&["not_found"], 404),
            (&["method_not_allowed"], 405),
            (
                &[
                    "wrong_mode",
                    "cancelled",
                    "paused",
                    "not_open",
                    "limit_reached",
                    "sold_out",
                    "daily_sold_out",
                    "conflict",
                    "quota_below_issued",
                    "duplicate_code",
                    "already_redeemed",
                    "reserved",
                    "redemptions_paused",
                    "already_confirmed",
                    "already_released",
                    "already_reversed",
                    "not_confirmed",
                ],
                409,
            ),
            (&["archived", "expired", "void", "hold_expired"], 410),
            (&["idempotency_key_reused"], 422),
            (&["rate_limited"], 429),
            (&["overloaded", "shutting_down", "log_unavailable"], 503),
        ];
        for (names, status) in contract {
            for name in names {
                let of_that_name = Code::ALL.into_iter().filter(|code| code.name() == *name);
                let statuses: Vec<u16> = of_that_name.map(|code| code.status().as_u16()).collect();
                assert_eq!(statuses, [status], "{name}");
            }
        }
        assert_eq!((Code::TooLarge.name(), Code::TooLarge.status().as_u16()), ("too_large", 413));
        assert_eq!(Code::UnsupportedMediaType.status().as_u16(), 415);
    }

    #[test]
    fn a_campaign_that_is_over_is_gone_for_claims_and_a_conflict_for_changes() {
        assert_eq!((Code::Ended.status().as_u16(), Code::Ended.name()), (410, "ended"));
        assert_eq!((Code::CannotReopen.status().as_u16(), Code::CannotReopen.name()), (409, "ended"));
    }
}
