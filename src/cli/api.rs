//! A small client of the HTTP API, for commands: one call at a time. Owns what is asked and what a refusal is; leaves what
//! other answers say to the commands.

mod arguments;
mod failure;
mod link;

use std::fmt;
use std::future::Future;
use std::io::{self, Write};
use std::process::ExitCode;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, IF_NONE_MATCH};
use hyper::{Method, Request, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;

pub(super) use arguments::ServerArguments;
use arguments::{Address, Credential, KeyOrigin};
pub(super) use failure::Failure;
use failure::{Foreign, Problem, Silence};
pub(super) use link::Reply;
use link::{Broken, Link};

/// A client of one server.
pub(super) struct Api {
    server: Address,
    authorization: Option<HeaderValue>,
    key: KeyOrigin,
    link: Link,
}

/// One page of a list, its items as they came.
#[derive(Debug, Deserialize)]
pub(super) struct Page<'r> {
    #[serde(borrow)]
    pub(super) items: Vec<&'r RawValue>,
    next_cursor: Option<String>,
}

/// Runs a command over HTTP to its end, and says why it failed: exit code 1 for a refusal, 2 for wrong usage, 3 if no server
/// can be reached.
pub(super) fn run(command: impl Future<Output = Result<(), Failure>>) -> ExitCode {
    let ended = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(command),
        Err(error) => Err(Failure::Usage(format!("the system gives no event queue: {error}"))),
    };
    let Err(failure) = ended else { return ExitCode::SUCCESS };
    let Some((code, message)) = failure.report() else { return ExitCode::SUCCESS };
    // Nothing can be done for somebody who does not listen.
    drop(writeln!(io::stderr(), "landrush: {message}"));
    ExitCode::from(code)
}

impl Api {
    /// A client of the server that `arguments` name; connects with the first call.
    ///
    /// # Errors
    /// The admin key is none.
    pub(super) fn new(arguments: &ServerArguments) -> Result<Self, Failure> {
        let Credential { authorization, origin } = arguments.credential()?;
        Ok(Self { server: arguments.server.clone(), authorization, key: origin, link: Link::default() })
    }

    /// Reads `path`.
    ///
    /// # Errors
    /// The server refuses or cannot be reached.
    pub(super) async fn get(&mut self, path: &str) -> Result<Reply, Failure> {
        self.get_unless(path, None).await
    }

    /// Reads `path`, unless it is still what `tag` names: then the status is 304.
    ///
    /// # Errors
    /// The server refuses or cannot be reached.
    pub(super) async fn get_unless(&mut self, path: &str, tag: Option<&HeaderValue>) -> Result<Reply, Failure> {
        let mut request = self.request(Method::GET, path, Bytes::new());
        if let Some(tag) = tag {
            request.headers_mut().insert(IF_NONE_MATCH, tag.clone());
        }
        self.call(request).await
    }

    /// Reads one page of the list at `path`, of at most `limit` items.
    ///
    /// # Errors
    /// The server refuses or cannot be reached.
    pub(super) async fn get_page(&mut self, path: &str, limit: u16, cursor: Option<&str>) -> Result<Reply, Failure> {
        let path = match cursor {
            Some(cursor) => format!("{path}?limit={limit}&cursor={}", Encoded(cursor)),
            None => format!("{path}?limit={limit}"),
        };
        self.get(&path).await
    }

    /// Asks for something to be done at `path`, with a JSON body or none.
    ///
    /// # Errors
    /// The server refuses or cannot be reached.
    pub(super) async fn post(&mut self, path: &str, body: Bytes) -> Result<Reply, Failure> {
        let request = self.request(Method::POST, path, body);
        self.call(request).await
    }

    /// What `reply` says.
    ///
    /// # Errors
    /// It is not what this version's server says.
    pub(super) fn read<'r, T: Deserialize<'r>>(&self, reply: &'r Reply) -> Result<T, Failure> {
        serde_json::from_slice(&reply.body).map_err(|error| self.foreign(Foreign::Json(error)))
    }

    /// What `item` of a page says.
    ///
    /// # Errors
    /// It is not what this version's server says.
    pub(super) fn read_item<'r, T: Deserialize<'r>>(&self, item: &'r RawValue) -> Result<T, Failure> {
        serde_json::from_str(item.get()).map_err(|error| self.foreign(Foreign::Json(error)))
    }

    /// The cursor of the page after `page`, which was asked for with `cursor`; `None`: it was the last.
    ///
    /// # Errors
    /// It is the same again: going on would not end.
    pub(super) fn next_cursor(&self, page: Page<'_>, cursor: Option<&str>) -> Result<Option<String>, Failure> {
        match page.next_cursor {
            Some(next) if cursor == Some(next.as_str()) => Err(self.foreign(Foreign::Cursor)),
            next => Ok(next),
        }
    }

    fn request(&self, method: Method, path: &str, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, self.server.authority.as_str());
        request = request.header(ACCEPT, "application/json, application/problem+json");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request.body(Full::new(body)).expect("paths are encoded")
    }

    async fn call(&mut self, request: Request<Full<Bytes>>) -> Result<Reply, Failure> {
        let may_have_effect = request.method() != Method::GET;
        let reply = self.link.exchange(&self.server, request).await.map_err(|broken| match broken {
            Broken::Silent(cause) => Failure::Unreachable {
                server: self.server.clone(),
                // Where nobody was reached nothing was done.
                may_have_effect: may_have_effect && !matches!(cause, Silence::Connect(_)),
                cause,
            },
            Broken::TooLong => self.foreign(Foreign::TooLong),
        })?;
        if reply.status.is_success() || reply.status == StatusCode::NOT_MODIFIED {
            return Ok(reply);
        }
        match serde_json::from_slice::<Problem>(&reply.body) {
            Ok(problem) => Err(Failure::refused(problem, &self.key)),
            Err(_) => Err(self.foreign(Foreign::Status(reply.status))),
        }
    }

    fn foreign(&self, answer: Foreign) -> Failure {
        Failure::Foreign { server: self.server.clone(), answer }
    }
}

/// Text as it stands in a path or a query: all but RFC 3986's unreserved characters percent-encoded.
pub(super) struct Encoded<'t>(pub(super) &'t str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.bytes().try_for_each(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                write!(f, "{}", char::from(byte))
            } else {
                write!(f, "%{byte:02X}")
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_encoded_for_paths_and_queries() {
        for (text, expected) in
            [("spring-sale", "spring-sale"), ("a/../b?c#d", "a%2F..%2Fb%3Fc%23d"), ("5 % \u{e4}", "5%20%25%20%C3%A4")]
        {
            assert_eq!(Encoded(text).to_string(), expected);
        }
    }
}
