//! Owns what the server asks of others over HTTPS: rare, bounded calls, away from the I/O threads. Who is asked, and what an answer
//! means, is its callers' affair: [`crate::gate::user_token::jwks`].

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode, Uri, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use thiserror::Error;

/// How long a call may take, from the name's resolution to the last byte.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// A client for calls to others. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Outbound {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// Why a call came to nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OutboundError {
    /// It took longer than [`PATIENCE`].
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Timeout,
    /// There is no connection.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// The answer is no success. Redirects are not followed.
    #[error("it answers {0}")]
    Status(StatusCode),
    /// The answer broke off, or is too long.
    #[error("its answer cannot be read: {0}")]
    Body(String),
}

impl Outbound {
    /// A client that trusts whom this machine trusts.
    ///
    /// # Errors
    /// The machine's certificates cannot be read.
    pub fn new() -> std::io::Result<Self> {
        let connector = HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().build();
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector) })
    }

    /// The body at `url`, of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// [`OutboundError`]
    pub async fn get(&self, url: &Uri, bytes_max: usize) -> Result<Bytes, OutboundError> {
        let request = Request::get(url.clone()).header(header::ACCEPT, "application/json").body(Full::default());
        self.send(request.expect("the address was checked"), bytes_max).await
    }

    async fn send(&self, request: Request<Full<Bytes>>, bytes_max: usize) -> Result<Bytes, OutboundError> {
        let call = async {
            let answer =
                self.client.request(request).await.map_err(|error| OutboundError::Unreachable(chain(&error)))?;
            if answer.status() != StatusCode::OK {
                return Err(OutboundError::Status(answer.status()));
            }
            let body = Limited::new(answer.into_body(), bytes_max).collect().await;
            Ok(body.map_err(|error| OutboundError::Body(error.to_string()))?.to_bytes())
        };
        tokio::time::timeout(PATIENCE, call).await.unwrap_or(Err(OutboundError::Timeout))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_this_machine_may_be_asked() {
        for (url, allowed) in [
            ("https://login.example.org/keys", true),
            ("http://127.0.0.1:8081/keys", true),
            ("http://[::1]/keys", true),
            ("http://login.example.org/keys", false),
            ("http://127.0.0.1.example.org/keys", false),
            ("/keys", false),
        ] {
            assert_eq!(is_allowed(&url.parse().expect("an address")), allowed, "{url}");
        }
    }
}
