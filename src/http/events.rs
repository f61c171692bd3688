//! Owns the request for a campaign's event stream: who may have one, and from where it goes on. What comes by it is
//! [`live`](crate::live)'s.

use std::rc::Rc;

use hyper::StatusCode;
use hyper::http::request::Parts;

use super::answer::Answer;
use super::claims;
use super::lane::Lane;
use super::problem::{Code, Problem};
use crate::app::Opened;
use crate::live::Tag;

/// `GET /v1/campaigns/{id}/events`.
pub(crate) fn watch(lane: &Rc<Lane>, opened: &Opened, id: &str, parts: &Parts) -> Result<Answer, Problem> {
    let campaign = claims::living(opened, id)?;
    let last = parts.headers.get("last-event-id").and_then(|value| Tag::parse(value.to_str().ok()?));
    let watcher = lane.watch(&opened.engine, &campaign, last);
    let watcher =
        watcher.ok_or_else(|| Problem::new(Code::Overloaded, "too many watch; ask for availability instead"))?;
    // Proxies are asked not to collect what should be seen at once.
    Ok(Answer::events(StatusCode::OK, watcher).with("cache-control", "no-store").with("x-accel-buffering", "no"))
}
