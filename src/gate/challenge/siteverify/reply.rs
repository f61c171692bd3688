//! Owns what a provider's answer means. Pure.
//!
//! Whoever solves a challenge also chooses the text that is sent to the provider. So nothing that follows from that text alone may
//! look like a provider that is away: where a campaign is open while it is away, the text would be the key.

use hyper::StatusCode;
use serde::Deserialize;

/// What a provider says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The response holds.
    Passed,
    /// It does not.
    Failed,
    /// It was taken before; perhaps by the call that this one repeats.
    TakenBefore,
    /// The provider is in trouble. It may be asked again.
    Trouble,
    /// The provider has had more questions from us than it takes for now.
    Busy,
    /// The provider takes no questions from us: the secret or the address is wrong.
    Unwelcome,
}

#[derive(Deserialize)]
struct Reply {
    success: bool,
    hostname: Option<String>,
    #[serde(default, rename = "error-codes")]
    error_codes: Vec<String>,
}

/// What is meant by an answer with `status` and `body`. `hostname`: on which site the widget must have been.
pub(super) fn meaning(status: StatusCode, body: &[u8], hostname: Option<&str>) -> Meaning {
    if status.is_server_error() {
        return Meaning::Trouble;
    }
    // Whoever asks much brings this about: were it a provider that is away, a crowd of garbage would be the key.
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Meaning::Busy;
    }
    // A malformed response may be answered 400, with the same document.
    if status != StatusCode::OK && status != StatusCode::BAD_REQUEST {
        return Meaning::Unwelcome;
    }
    let Ok(reply) = serde_json::from_slice::<Reply>(body) else {
        return if status == StatusCode::OK { Meaning::Trouble } else { Meaning::Unwelcome };
    };
    if reply.success {
        let is_here = hostname.is_none_or(|expected| {
            reply.hostname.as_deref().is_some_and(|hostname| hostname.eq_ignore_ascii_case(expected))
        });
        return if is_here { Meaning::Passed } else { Meaning::Failed };
    }
    let says = |codes: &[&str]| reply.error_codes.iter().any(|code| codes.contains(&code.as_str()));
    if says(&["missing-input-secret", "invalid-input-secret", "sitekey-secret-mismatch", "not-using-dummy-passcode"]) {
        Meaning::Unwelcome
    } else if says(&["internal-error"]) {
        Meaning::Trouble
    } else if says(&["timeout-or-duplicate", "already-seen-response", "invalid-or-already-seen-response"]) {
        Meaning::TakenBefore
    } else {
        Meaning::Failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_what_the_providers_say_they_do() {
        for (status, body, expected) in [
            (200, r#"{"success":true,"hostname":"Shop.example.org","error-codes":[]}"#, Meaning::Passed),
            (200, r#"{"success":true,"hostname":"elsewhere.example.org"}"#, Meaning::Failed),
            (200, r#"{"success":true}"#, Meaning::Failed),
            (200, r#"{"success":false,"error-codes":["invalid-input-response"]}"#, Meaning::Failed),
            (200, r#"{"success":false}"#, Meaning::Failed),
            (400, r#"{"success":false,"error-codes":["bad-request"]}"#, Meaning::Failed),
            (200, r#"{"success":false,"error-codes":["timeout-or-duplicate"]}"#, Meaning::TakenBefore),
            (200, r#"{"success":false,"error-codes":["already-seen-response"]}"#, Meaning::TakenBefore),
            (200, r#"{"success":false,"error-codes":["internal-error"]}"#, Meaning::Trouble),
            (200, r#"{"success":false,"error-codes":["invalid-input-secret"]}"#, Meaning::Unwelcome),
            (200, "<html>", Meaning::Trouble),
            (200, r#"{"success":"true"}"#, Meaning::Trouble),
            (400, "<html>", Meaning::Unwelcome),
            (302, "", Meaning::Unwelcome),
            (404, r#"{"success":true}"#, Meaning::Unwelcome),
            (429, "", Meaning::Busy),
            (429, r#"{"success":true,"hostname":"shop.example.org"}"#, Meaning::Busy),
            (500, r#"{"success":true}"#, Meaning::Trouble),
            (503, "", Meaning::Trouble),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(meaning(status, body.as_bytes(), Some("shop.example.org")), expected, "{status} {body}");
        }
        assert_eq!(meaning(StatusCode::OK, br#"{"success":true}"#, None), Meaning::Passed);
    }
}
