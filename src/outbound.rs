//! Owns what the server asks of others over HTTPS: rare, bounded calls, away from the I/O threads. Who is asked, and what an answer
//! means, is its callers' affair: [`crate::gate::user_token::jwks`] and [`crate::gate::challenge::siteverify`].

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode, Uri, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use thiserror::Error;

/// How long a call may take, from the name's resolution to the last byte.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Connections to one host that are kept for the next call.
const IDLE_MAX: usize = 8;

/// How long one is kept. Shorter than what hosts are known to keep theirs, so that few calls meet a closed one.
const IDLE_FOR: Duration = Duration::from_secs(50);

/// A client for calls to others. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Outbound {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    patience: Duration,
}

/// Why a call came to nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OutboundError {
    /// It took too long.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// There is no connection: nothing was asked.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// The connection ended before there was an answer: it may have been asked.
    #[error("it ended the connection: {0}")]
    Ended(String),
    /// The answer is no success. Redirects are not followed.
    #[error("it answers {0}")]
    Status(StatusCode),
    /// The answer broke off, or is too long.
    #[error("its answer cannot be read: {0}")]
    Body(String),
}

/// What somebody has answered, whatever it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its status. Redirects are not followed.
    pub status: StatusCode,
    /// Its body. What its head says of the body's type is not looked at.
    pub body: Bytes,
}

impl Outbound {
    /// A client that trusts whom this machine trusts.
    ///
    /// # Errors
    /// The machine's certificates cannot be read.
    pub fn new() -> std::io::Result<Self> {
        // Whether a URL may be asked without TLS is for `is_allowed` to say, when it is read.
        let connector = HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_FOR)
            .pool_max_idle_per_host(IDLE_MAX)
            .build(connector);
        Ok(Self { client, patience: PATIENCE })
    }

    /// The same client, with a patience of its own.
    #[must_use]
    pub fn with_patience(&self, patience: Duration) -> Self {
        Self { client: self.client.clone(), patience }
    }

    /// The body at `url`, of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// [`OutboundError`]
    pub async fn get(&self, url: &Uri, bytes_max: usize) -> Result<Bytes, OutboundError> {
        let request = Request::get(url.clone()).header(header::ACCEPT, "application/json").body(Full::default());
        let Reply { status, body } = self.send(request.expect("the address was checked"), bytes_max).await?;
        if status == StatusCode::OK { Ok(body) } else { Err(OutboundError::Status(status)) }
    }

    /// What `url` answers to a form with these fields, in at most `bytes_max` bytes.
    ///
    /// # Errors
    /// [`OutboundError`], but for [`OutboundError::Status`]: a refusal is an answer.
    pub async fn post_form(
        &self,
        url: &Uri,
        fields: &[(&str, &str)],
        bytes_max: usize,
    ) -> Result<Reply, OutboundError> {
        let request = Request::post(url.clone())
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::from(form(fields)));
        self.send(request.expect("the address was checked"), bytes_max).await
    }

    async fn send(&self, request: Request<Full<Bytes>>, bytes_max: usize) -> Result<Reply, OutboundError> {
        let call = async {
            let answer = self.client.request(request).await.map_err(|error| match error.is_connect() {
                true => OutboundError::Unreachable(chain(&error)),
                false => OutboundError::Ended(chain(&error)),
            })?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), bytes_max).collect().await;
            Ok(Reply { status, body: body.map_err(|error| OutboundError::Body(error.to_string()))?.to_bytes() })
        };
        tokio::time::timeout(self.patience, call).await.unwrap_or(Err(OutboundError::Timeout(self.patience)))
    }
}

/// Whether `url` is one that may be asked: over HTTPS, or on this very machine.
pub fn is_allowed(url: &Uri) -> bool {
    let is_here = url.host().is_some_and(|host| ["127.0.0.1", "[::1]", "localhost"].contains(&host));
    match url.scheme_str() {
        Some("https") => url.host().is_some(),
        Some("http") => is_here,
        _ => false,
    }
}

/// An error and what caused it, which the client tells only when asked.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Fields as a form sends them. What could be taken for anything else is percent-encoded, spaces too.
fn form(fields: &[(&str, &str)]) -> String {
    let encoded = crate::http::route::percent_encoded;
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    pairs.join("&")
}

#[cfg(test)]
pub(crate) mod loopback;
#[cfg(test)]
mod tests;
