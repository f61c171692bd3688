//! The requests of a checkout: what is asked of a coupon, and its bytes.

use std::fmt::{self, Write as _};

use crate::answer::Code;
use crate::server::ADMIN_KEY;

/// What is asked of a coupon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Redeem it for an order: at once, or held for so many seconds first.
    Redeem { order: u64, hold_s: Option<u16> },
    /// Bring a redemption to an end.
    Settle { id: String, how: Settlement },
    /// Look at it.
    Look,
}

/// How a redemption ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settlement {
    Confirm,
    Release,
    Reverse,
}

impl Settlement {
    fn path(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Release => "release",
            Self::Reverse => "reverse",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redeem { order, hold_s: None } => write!(f, "redeem for {}", order_id(*order)),
            Self::Redeem { order, hold_s: Some(seconds) } => write!(f, "hold {seconds} s for {}", order_id(*order)),
            Self::Settle { id, how } => write!(f, "{} redemption {id}", how.path()),
            Self::Look => f.write_str("show the coupon"),
        }
    }
}

/// The order id of the order numbered so.
pub(crate) fn order_id(order: u64) -> String {
    format!("o-{order}")
}

/// The number of an order id that `order_id` made.
pub(crate) fn order_of(id: &str) -> Option<u64> {
    let order = id.strip_prefix("o-")?.parse().ok()?;
    (order_id(order) == id).then_some(order)
}

/// Appends the request for `step` of the coupon `code` to the server at `host`.
pub(crate) fn write(host: &str, code: Code, step: &Step, bytes: &mut Vec<u8>) {
    let (method, path, body) = match step {
        Step::Redeem { order, hold_s } => {
            let mut body = format!("{{\"order_id\":\"{}\"", order_id(*order));
            if let Some(seconds) = hold_s {
                write!(body, ",\"hold\":\"{seconds}s\"").expect("writing to a string cannot fail");
            }
            body.push('}');
            ("POST", format!("coupons/{code}/redemptions"), body)
        }
        Step::Settle { id, how } => ("POST", format!("redemptions/{id}/{}", how.path()), "{}".to_owned()),
        Step::Look => ("GET", format!("coupons/{code}"), String::new()),
    };
    let head = format!(
        "{method} /v1/{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {ADMIN_KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    bytes.extend_from_slice(head.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(step: &Step) -> String {
        let mut bytes = Vec::new();
        write("h", Code::parse("7K3M-0000-ZZZZ-0001").expect("a code"), step, &mut bytes);
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn every_step_is_a_complete_request() {
        let redeem = written(&Step::Redeem { order: 7, hold_s: Some(2) });
        assert!(redeem.starts_with("POST /v1/coupons/7K3M-0000-ZZZZ-0001/redemptions HTTP/1.1\r\n"), "{redeem}");
        assert!(redeem.ends_with("\r\nContent-Length: 30\r\n\r\n{\"order_id\":\"o-7\",\"hold\":\"2s\"}"), "{redeem}");
        let confirm = written(&Step::Settle { id: "abc".into(), how: Settlement::Confirm });
        assert!(confirm.starts_with("POST /v1/redemptions/abc/confirm HTTP/1.1\r\n"), "{confirm}");
        let look = written(&Step::Look);
        assert!(look.starts_with("GET /v1/coupons/7K3M-0000-ZZZZ-0001 HTTP/1.1\r\n"), "{look}");
        assert!(look.ends_with("\r\nContent-Length: 0\r\n\r\n"), "{look}");
    }

    #[test]
    fn an_order_id_leads_back_to_its_number_and_a_strange_one_to_none() {
        assert_eq!(order_of(&order_id(42)), Some(42));
        for strange in ["42", "o-", "o-042", "o-x"] {
            assert_eq!(order_of(strange), None, "{strange}");
        }
    }
}
