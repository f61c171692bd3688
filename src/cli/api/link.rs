//! Owns the connection to a server: plain HTTP/1.1, made when it is needed and used again, and how long an answer may take.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ETAG, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::arguments::Address;
use super::failure::Silence;

/// How long connecting may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// How long an answer may take, to its last byte. Revoking or listing much takes a server seconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// The longest answer: a page of a hundred campaigns of the largest size fits.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// At most one connection to a server.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// The connection of the last call, if it may serve another.
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// An answer, whole.
#[derive(Debug)]
pub(in crate::cli) struct Reply {
    pub(in crate::cli) status: StatusCode,
    /// The entity tag, to ask later whether anything is new.
    pub(in crate::cli) tag: Option<HeaderValue>,
    pub(in crate::cli) body: Bytes,
}

/// Why there is no whole answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// It did not come.
    Silent(Silence),
    /// It is longer than any of landrush.
    TooLong,
}

impl Link {
    /// Asks `server` and gives its whole answer.
    ///
    /// # Errors
    /// [`Broken`]: there is none. The connection is gone then.
    pub(super) async fn exchange(&mut self, server: &Address, request: Request<Full<Bytes>>) -> Result<Reply, Broken> {
        let answered = match timeout(ANSWER_WITHIN, self.ask(server, request)).await {
            Ok(answered) => answered,
            Err(_) => Err(Broken::Silent(Silence::Timeout(ANSWER_WITHIN))),
        };
        if answered.is_err() {
            self.connection = None;
        }
        answered
    }

    async fn ask(&mut self, server: &Address, request: Request<Full<Bytes>>) -> Result<Reply, Broken> {
        let response = self.send(server, request).await?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| {
            match error.downcast::<hyper::Error>() {
                Ok(error) => Broken::Silent(Silence::Http(*error)),
                Err(error) => {
                    debug_assert!(error.is::<LengthLimitError>());
                    Broken::TooLong
                }
            }
        })?;
        Ok(Reply { status: parts.status, tag: parts.headers.get(ETAG).cloned(), body: body.to_bytes() })
    }

    async fn send(&mut self, server: &Address, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Broken> {
        // What only reads can be asked again, if the server has closed the old connection since.
        if let Some(mut connection) = self.connection.take().filter(|_| request.method() == Method::GET)
            && connection.ready().await.is_ok()
            && let Ok(response) = connection.send_request(request.clone()).await
        {
            self.connection = Some(connection);
            return Ok(response);
        }
        let mut connection = connect(server).await.map_err(Broken::Silent)?;
        let response = connection.send_request(request).await.map_err(|error| Broken::Silent(Silence::Http(error)))?;
        self.connection = Some(connection);
        Ok(response)
    }
}

async fn connect(server: &Address) -> Result<SendRequest<Full<Bytes>>, Silence> {
    let dialling = TcpStream::connect((server.host.as_str(), server.port));
    let stream = match timeout(CONNECT_WITHIN, dialling).await {
        Ok(stream) => stream.map_err(Silence::Connect)?,
        Err(_) => return Err(Silence::Connect(io::ErrorKind::TimedOut.into())),
    };
    stream.set_nodelay(true).map_err(Silence::Connect)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(Silence::Http)?;
    // Ends with the sender; its errors reach the call that is under way.
    tokio::spawn(connection);
    Ok(sender)
}
