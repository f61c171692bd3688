//! Owns what a handler gives back when it does not refuse: a status, a body, and the few headers that differ.

use std::io;

use bytes::Bytes;
use hyper::StatusCode;
use tokio::sync::mpsc::Receiver;

use super::reply_body::ReplyBody;
use crate::live::Watcher;

/// An answer that is no refusal.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    /// The media type of the body; `None`: there is no body.
    pub(crate) media_type: Option<&'static str>,
    /// The body.
    pub(crate) body: ReplyBody,
    /// `Location`, `ETag`, `Cache-Control`.
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// JSON.
pub(crate) const JSON: &str = "application/json";

impl Answer {
    /// A JSON document.
    pub(crate) fn json(status: StatusCode, body: Bytes) -> Self {
        Self { status, media_type: Some(JSON), body: ReplyBody::whole(body), headers: Vec::new() }
    }

    /// A status without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, media_type: None, body: ReplyBody::Whole(None), headers: Vec::new() }
    }

    /// A body that is written as the client takes it.
    pub(crate) fn stream(status: StatusCode, media_type: &'static str, pieces: Receiver<io::Result<Bytes>>) -> Self {
        Self { status, media_type: Some(media_type), body: ReplyBody::Stream(pieces), headers: Vec::new() }
    }

    /// What a watcher sees, for as long as it watches.
    pub(crate) fn events(status: StatusCode, watcher: Watcher) -> Self {
        let body = ReplyBody::Events(Box::new(watcher));
        Self { status, media_type: Some("text/event-stream"), body, headers: Vec::new() }
    }

    /// The same with a header more.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
