//! The bytes of a claim, a draw or an entry: made once, with only the digits of user and idempotency key patched for each request,
//! since a generator that formats text would take the processor from the server it measures.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// Digits of a user number or of a key in a request.
const DIGITS: usize = 12;

/// What is asked of a campaign, by its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// A claim, in mode `first_come`.
    Claim,
    /// A draw, in mode `draw`.
    Draw,
    /// An entry, in mode `lottery`.
    Entry,
}

impl Kind {
    /// The last part of the path.
    fn path(self) -> &'static str {
        match self {
            Self::Claim => "claims",
            Self::Draw => "draws",
            Self::Entry => "entries",
        }
    }
}

/// A prepared `POST …/claims`, `…/draws`, `…/entries` or `…/registrations` of one campaign.
#[derive(Clone, Debug)]
pub(crate) struct ClaimTemplate {
    bytes: Vec<u8>,
    user_at: usize,
    key_at: Option<usize>,
}

impl ClaimTemplate {
    /// Prepares requests of `kind` to `campaign` at `host`; with `keyed`, each carries an `Idempotency-Key`.
    pub(crate) fn new(host: &str, campaign: &str, kind: Kind, keyed: bool) -> Self {
        Self::to_path(host, campaign, kind.path(), keyed)
    }

    /// Prepares registrations with `campaign` at `host`.
    pub(crate) fn registration(host: &str, campaign: &str) -> Self {
        Self::to_path(host, campaign, "registrations", false)
    }

    /// Prepares joining the waiting room of `campaign` at `host`.
    pub(crate) fn waiting_room(host: &str, campaign: &str) -> Self {
        Self::to_path(host, campaign, "waiting-room", false)
    }

    fn to_path(host: &str, campaign: &str, path: &str, keyed: bool) -> Self {
        let zeros = "0".repeat(DIGITS);
        let body = format!("{{\"user_id\":\"u-{zeros}\"}}");
        let mut text = format!(
            "POST /v1/campaigns/{campaign}/{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        );
        let mut key_at = None;
        if keyed {
            text.push_str("Idempotency-Key: k-");
            key_at = Some(text.len());
            text.push_str(&zeros);
            text.push_str("\r\n");
        }
        write!(text, "Content-Length: {}\r\n\r\n{body}", body.len()).expect("writing to a string cannot fail");
        // The body ends with the digits, a quote and a brace.
        let user_at = text.len() - 2 - DIGITS;
        Self { bytes: text.into_bytes(), user_at, key_at }
    }

    /// Prepares what is no HTTP: `before`, the user id, `after`.
    pub(crate) fn around(before: &str, after: &str) -> Self {
        let text = format!("{before}u-{}", "0".repeat(DIGITS));
        let user_at = text.len() - DIGITS;
        Self { bytes: (text + after).into_bytes(), user_at, key_at: None }
    }

    /// Appends the claim of `user`, under the idempotency key numbered `key` where the campaign needs one.
    pub(crate) fn write(&self, user: u64, key: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        put_digits(user, &mut out[start + self.user_at..][..DIGITS]);
        if let Some(at) = self.key_at {
            put_digits(key, &mut out[start + at..][..DIGITS]);
        }
    }
}

/// The user id that a claim of `user` carries.
pub(crate) fn user_id(user: u64) -> String {
    format!("u-{user:0DIGITS$}")
}

/// The number in a user id that `user_id` made, or nothing where it is another's.
pub(crate) fn user_of(id: &str) -> Option<u64> {
    let digits = id.strip_prefix("u-").filter(|digits| digits.len() == DIGITS)?;
    digits
        .bytes()
        .try_fold(0_u64, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0')))
}

fn put_digits(mut number: u64, place: &mut [u8]) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).expect("a digit");
        number /= 10;
    }
    assert_eq!(number, 0, "a number with more digits than a request has room for");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_a_complete_request_with_the_user_in_its_body() {
        let mut out = b"before".to_vec();
        ClaimTemplate::new("127.0.0.1:8080", "spring", Kind::Claim, false).write(42, 0, &mut out);
        let text = String::from_utf8(out).expect("text");
        assert_eq!(
            text,
            "beforePOST /v1/campaigns/spring/claims HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\
             Content-Type: application/json\r\nContent-Length: 28\r\n\r\n{\"user_id\":\"u-000000000042\"}"
        );
    }

    #[test]
    fn a_keyed_claim_carries_its_own_key() {
        let mut out = Vec::new();
        ClaimTemplate::new("h", "c", Kind::Draw, true).write(987_654_321_012, 3, &mut out);
        let text = String::from_utf8(out).expect("text");
        assert!(text.starts_with("POST /v1/campaigns/c/draws HTTP/1.1\r\n"), "{text}");
        assert!(text.contains("\r\nIdempotency-Key: k-000000000003\r\n"), "{text}");
        assert!(text.ends_with("{\"user_id\":\"u-987654321012\"}"), "{text}");
    }

    #[test]
    fn a_user_id_leads_back_to_its_number_and_a_strange_one_to_none() {
        assert_eq!(user_of(&user_id(7)), Some(7));
        assert_eq!(user_of("u-00000000000x"), None);
        assert_eq!(user_of("u-7"), None);
        assert_eq!(user_of("someone"), None);
    }
}
