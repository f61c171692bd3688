//! Owns what a handler gives back when it does not refuse: a status, a body, and the few headers that differ.

use bytes::Bytes;
use hyper::StatusCode;

/// An answer that is no refusal.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    /// The media type of the body; `None`: there is no body.
    pub(crate) media_type: Option<&'static str>,
    /// The body.
    pub(crate) body: Bytes,
    /// `Location`, `ETag`, `Cache-Control`.
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// JSON.
pub(crate) const JSON: &str = "application/json";

impl Answer {
    /// A JSON document.
    pub(crate) fn json(status: StatusCode, body: Bytes) -> Self {
        Self { status, media_type: Some(JSON), body, headers: Vec::new() }
    }

    /// A status without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, media_type: None, body: Bytes::new(), headers: Vec::new() }
    }

    /// The same with a header more.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
