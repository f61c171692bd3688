//! Owns who is asking on a user's call: whoever the configuration believes, or the user of a token.

use hyper::header::{self, HeaderMap, HeaderValue};
use landrush_engine::id::UserId;

use super::lane::Lane;
use super::problem::{Code, Problem};

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The shop's own gateway, which knows who its users are.
    Trusted,
    /// This user, by a token.
    User(UserId),
}

impl Caller {
    /// Who bears `headers`.
    ///
    /// # Errors
    /// 401, where a token is asked for and none that holds is there.
    pub(crate) fn of(lane: &Lane, headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(verifier) = lane.app().verifier() else { return Ok(Caller::Trusted) };
        let Some(token) = bearer_of(headers) else {
            return Err(Problem::new(Code::Unauthorized, "send the header Authorization: Bearer <the user's token>"));
        };
        match lane.tokens().verify(verifier, token, lane.now()) {
            Ok(verified) => Ok(Caller::User(verified.user)),
            Err(fault) => Err(Problem::new(Code::Unauthorized, format!("the token {fault}"))),
        }
    }

    /// Whose calls these are, where the token says it.
    pub(crate) fn user(&self) -> Option<&UserId> {
        match self {
            Caller::Trusted => None,
            Caller::User(user) => Some(user),
        }
    }

    /// Lets nobody act for another.
    ///
    /// # Errors
    /// 403, if the caller is another than `user`.
    pub(crate) fn may_act_for(&self, user: &UserId) -> Result<(), Problem> {
        match self {
            Caller::User(caller) if caller != user => {
                Err(Problem::new(Code::Forbidden, "the token is another user's than the one that is named"))
            }
            Caller::User(_) | Caller::Trusted => Ok(()),
        }
    }
}

/// The token of whoever bears `headers`.
pub(crate) fn bearer_of(headers: &HeaderMap) -> Option<&[u8]> {
    bearer(headers.get(header::AUTHORIZATION))
}

/// The token in the header `Authorization`.
fn bearer(authorization: Option<&HeaderValue>) -> Option<&[u8]> {
    let (scheme, token) = authorization?.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}
