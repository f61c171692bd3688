//! Owns how the files of [`web`](crate::web) are sent: whole, or "not modified", and under a policy that lets a page load
//! nothing from anywhere else.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::http::request::Parts;

use super::answer::Answer;
use super::availability::not_modified;
use super::problem::{Code, Problem};
use super::reply_body::ReplyBody;
use crate::web;

/// Nothing from another origin, nothing inline, no frame around it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The file at `path` below `src/web/`.
pub(crate) fn send(path: &str, parts: &Parts) -> Result<Answer, Problem> {
    Ok(guarded(unguarded(path, parts)?))
}

/// The same without the headers of a page of ours, for [`guarded_by`] another policy.
pub(crate) fn unguarded(path: &str, parts: &Parts) -> Result<Answer, Problem> {
    let file = web::file(path).ok_or_else(|| Problem::new(Code::NotFound, "no such path"))?;
    let answer = if not_modified(parts, &file.entity_tag) {
        Answer::empty(StatusCode::NOT_MODIFIED)
    } else {
        let body = match file.bytes {
            std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
        };
        Answer {
            status: StatusCode::OK,
            media_type: Some(file.media_type),
            body: ReplyBody::whole(body),
            headers: Vec::new(),
        }
    };
    Ok(answer.with("etag", file.entity_tag).with("cache-control", "no-cache"))
}

/// The headers of everything that a browser shows as a page of ours.
pub(crate) fn guarded(answer: Answer) -> Answer {
    guarded_by(answer, CONTENT_SECURITY_POLICY)
}

/// The same headers with another policy.
pub(crate) fn guarded_by(answer: Answer, policy: &str) -> Answer {
    answer
        .with("content-security-policy", policy)
        .with("x-content-type-options", "nosniff")
        .with("referrer-policy", "no-referrer")
        .with("cross-origin-opener-policy", "same-origin")
}
