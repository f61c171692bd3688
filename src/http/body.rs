//! Owns the reading of bodies: their media type, their size, and how long they may stall.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{self, HeaderMap};

use super::problem::{Code, Problem};

/// The longest body of a user's call, in bytes.
pub(crate) const USER_BYTES_MAX: usize = 16 << 10;

/// The longest body of a management call, in bytes.
pub(crate) const MANAGEMENT_BYTES_MAX: usize = 256 << 10;

/// So much of a body that is too long is read and thrown away before the refusal, so that a client that sends first and
/// listens afterwards hears it.
const DISCARDED_BYTES_MAX: usize = 64 << 10;

/// A trickling body may take so many times the patience with a stalled one.
const WHOLE_BODY_PATIENCE: u32 = 6;

/// Reads a JSON body of at most `bytes_max`.
pub(crate) async fn json(
    headers: &HeaderMap,
    body: Incoming,
    bytes_max: usize,
    patience: Duration,
) -> Result<Bytes, Problem> {
    if !is_said_to_be_json(headers) {
        return Err(Problem {
            close: !body.is_end_stream(),
            ..Problem::new(Code::UnsupportedMediaType, "send Content-Type: application/json")
        });
    }
    read(body, bytes_max, patience).await
}

/// Reads the body of a call that takes none: absent, or `{}`.
pub(crate) async fn none(headers: &HeaderMap, body: Incoming, patience: Duration) -> Result<(), Problem> {
    if body.is_end_stream() {
        return Ok(());
    }
    let is_json = is_said_to_be_json(headers);
    let bytes = read(body, MANAGEMENT_BYTES_MAX, patience).await?;
    if bytes.is_empty() {
        return Ok(());
    }
    if !is_json {
        return Err(Problem::new(Code::UnsupportedMediaType, "send Content-Type: application/json, or no body"));
    }
    super::fields::Faults::read(&bytes, |_| Some(())).map_err(Problem::invalid)
}

fn is_said_to_be_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| is_json(value.as_bytes()))
}

/// Whether a media type is that of JSON.
pub(crate) fn is_json(media_type: &[u8]) -> bool {
    let essence = media_type.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

async fn read(body: Incoming, bytes_max: usize, patience: Duration) -> Result<Bytes, Problem> {
    let declared = body.size_hint().lower();
    let mut reader = Reader { body, patience, deadline: None, is_stream: false };
    if usize::try_from(declared).map_or(true, |declared| declared > bytes_max) {
        return Err(Box::pin(reader.too_large(bytes_max, 0)).await);
    }
    // Nearly every body comes in one frame, which is then the body.
    let first = reader.next().await?.unwrap_or_default();
    if first.len() > bytes_max {
        return Err(Box::pin(reader.too_large(bytes_max, first.len())).await);
    }
    if reader.body.is_end_stream() {
        return Ok(first);
    }
    let mut whole = BytesMut::from(first);
    while let Some(data) = reader.next().await? {
        if whole.len() + data.len() > bytes_max {
            return Err(Box::pin(reader.too_large(bytes_max, whole.len() + data.len())).await);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// A body of any length, piece by piece.
pub(crate) struct Pieces(Reader);

impl Pieces {
    /// `patience`: how long it may stall.
    pub(crate) fn new(body: Incoming, patience: Duration) -> Self {
        Self(Reader { body, patience, deadline: None, is_stream: true })
    }

    /// The next piece of data; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        self.0.next().await
    }

    /// Whether nothing follows.
    pub(crate) fn is_end(&self) -> bool {
        self.0.body.is_end_stream()
    }
}

struct Reader {
    body: Incoming,
    patience: Duration,
    /// When a body that trickles has taken too long. Set when it first makes its reader wait.
    deadline: Option<tokio::time::Instant>,
    /// Whether it may take as long as it likes, as long as it goes on.
    is_stream: bool,
}

impl Reader {
    /// The next piece of data; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            // Looked at once without a timer: the data is nearly always there, and a timer is not free.
            let ready = poll_fn(|context| Poll::Ready(Pin::new(&mut self.body).poll_frame(context))).await;
            let frame = match ready {
                Poll::Ready(frame) => frame,
                // Boxed, so that no request holds room for what few need.
                Poll::Pending => Box::pin(self.wait()).await?,
            };
            match frame {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    // Trailers are read past.
                    if let Ok(data) = Frame::into_data(frame) {
                        return Ok(Some(data));
                    }
                }
                Some(Err(error)) => {
                    // Most often the client is gone and nobody hears this.
                    let detail = format!("the body broke off: {error}");
                    return Err(Problem { close: true, ..Problem::new(Code::InvalidRequest, detail) });
                }
            }
        }
    }

    async fn wait(&mut self) -> Result<Option<Result<Frame<Bytes>, hyper::Error>>, Problem> {
        let now = tokio::time::Instant::now();
        let deadline = *self.deadline.get_or_insert(now + self.patience * WHOLE_BODY_PATIENCE);
        let next = poll_fn(|context| Pin::new(&mut self.body).poll_frame(context));
        let stalled_at = now + self.patience;
        tokio::time::timeout_at(if self.is_stream { stalled_at } else { deadline.min(stalled_at) }, next)
            .await
            .map_err(|_elapsed| Problem { close: true, ..Problem::new(Code::RequestTimeout, "") })
    }

    async fn too_large(&mut self, bytes_max: usize, mut read: usize) -> Problem {
        while read <= bytes_max + DISCARDED_BYTES_MAX {
            match self.next().await {
                Ok(Some(data)) => read += data.len(),
                Ok(None) | Err(_) => break,
            }
        }
        Problem {
            close: !self.body.is_end_stream(),
            ..Problem::new(Code::TooLarge, format!("this call takes at most {bytes_max} bytes"))
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn json_is_told_by_its_media_type() {
        let check = |value: &'static str, expected| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
            assert_eq!(is_said_to_be_json(&headers), expected, "{value}");
        };
        check("application/json", true);
        check("Application/JSON; charset=utf-8", true);
        check("application/json;", true);
        check("application/jsonp", false);
        check("text/plain", false);
        check("", false);
        assert!(!is_said_to_be_json(&HeaderMap::new()));
    }
}
