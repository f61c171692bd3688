//! Owns one connection: which protocol it speaks, its limits, and its end.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::CONNECTION;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Version};
use hyper_util::rt::TokioTimer;
use tokio::net::TcpStream;

use super::event_writer::{EventWriter, Framing, Watching};
use super::express::{Buffers, Express, Left};
use super::proxy_header;
use super::pulse::{End, InHand, Pulse};
use super::socket::{self, Protocol, Socket};
use crate::http::{self, Door, Lane, ReplyBody};

/// The most bytes of a request that are buffered, which bounds its head too.
const BUFFER_BYTES_MAX: usize = 16 << 10;

/// The most requests under way on one HTTP/2 connection.
const STREAMS_MAX: u32 = 128;

/// A connection, and what it is served with.
pub(super) struct Accepted {
    pub(super) lane: Rc<Lane>,
    pub(super) buffers: Rc<Buffers>,
    pub(super) door: Door,
    pub(super) peer: IpAddr,
    pub(super) stream: TcpStream,
    pub(super) pulse: Rc<Pulse>,
}

/// Serves a connection until either side has had enough. What goes wrong on the wire is the client's affair, and is told to
/// the debug log alone.
pub(super) async fn serve(accepted: Accepted) {
    let events = match begin(accepted).await {
        Ok(Some(events)) => events,
        Ok(None) => return,
        Err(error) => {
            tracing::debug!(%error, "connection ended");
            return;
        }
    };
    if let Err(error) = events.await {
        tracing::debug!(%error, "event stream ended");
    }
}

/// Serves a connection until its end, or until it becomes an event stream. All that was needed until then is let go of.
fn begin(accepted: Accepted) -> Pin<Box<impl Future<Output = io::Result<Option<EventWriter>>>>> {
    let Accepted { lane, buffers, door, peer, stream, pulse } = accepted;
    Box::pin(async move {
        let proxies = &lane.app().config().gate.proxies;
        let peer = if door == Door::Main && proxies.proxy_protocol && proxies.trusts(peer) {
            proxy_header::read(&stream).await?.unwrap_or(peer)
        } else {
            peer
        };
        let (mut stream, mut unread) = match socket::begin(&stream).await? {
            None => return Ok(None),
            Some((first, Protocol::Http2)) => {
                let socket = Socket::new(stream, first, Rc::clone(&pulse));
                Box::pin(serve_http2(lane, door, peer, socket, pulse)).await.map_err(io::Error::other)?;
                return Ok(None);
            }
            Some((first, Protocol::Http1)) => (stream, first.to_vec()),
        };
        loop {
            if door == Door::Main {
                let express =
                    Express::new(Rc::clone(&lane), Rc::clone(&buffers), peer, stream, unread, Rc::clone(&pulse));
                match express.await? {
                    Left::Over => return Ok(None),
                    Left::Else(left, rest) => (stream, unread) = (left, rest),
                }
            }
            let socket = Socket::new(stream, unread.into(), Rc::clone(&pulse));
            // Boxed, so that a connection that only claims, or idles, holds no room for it.
            let served = Box::pin(serve_http1(Rc::clone(&lane), door, peer, socket, Rc::clone(&pulse)));
            match served.await.map_err(io::Error::other)? {
                Served::ToTheEnd => return Ok(None),
                Served::Events(events) => return Ok(Some(events)),
                Served::Idle(idle, rest) => (stream, unread) = (idle, rest),
            }
        }
    })
}

/// How far hyper has served a connection.
enum Served {
    /// Until its end.
    ToTheEnd,
    /// Until it became an event stream.
    Events(EventWriter),
    /// Until it waited for its next request, of which these bytes have been read. What comes may be claims again; and while nothing
    /// comes, hyper would keep twenty kilobytes for it.
    Idle(TcpStream, Vec<u8>),
}

async fn serve_http1(
    lane: Rc<Lane>,
    door: Door,
    peer: IpAddr,
    socket: Socket,
    pulse: Rc<Pulse>,
) -> hyper::Result<Served> {
    let takeover = Takeover::default();
    // Whether the last request leaves nothing behind but its answer. With a body it may: hyper still has to see it to its end, which
    // cannot be seen from here.
    let is_plain = Cell::new(false);
    let stall_timeout = lane.app().config().events.stall_timeout;
    let service = service_fn(|request: Request<Incoming>| {
        let in_hand = pulse.request();
        let is_kept = request
            .headers()
            .get_all(CONNECTION)
            .iter()
            .all(|value| value.as_bytes().eq_ignore_ascii_case(b"keep-alive"));
        is_plain.set(request.version() == Version::HTTP_11 && is_kept && request.body().is_end_stream());
        let framing = if request.version() < Version::HTTP_11 { Framing::Close } else { Framing::Chunked };
        let takeover = Rc::clone(&takeover);
        let taken = move |body| match body {
            ReplyBody::Events(watcher) => {
                let watching = Watching { watcher, framing, stall_timeout, in_hand };
                Held::TakenOver(Some(Box::new(watching)), takeover)
            }
            ReplyBody::Whole(_) | ReplyBody::Stream(_) => Held::new(body, in_hand),
        };
        http::handle(Rc::clone(&lane), door, peer, request, taken)
    });
    // No timer of hyper's: its header timeout is one for idling and heads alike, and set anew with every request. The
    // pulse has both, by one sweep for all connections.
    let mut connection = http1::Builder::new()
        .header_read_timeout(None)
        // An answer is short: copied behind its head it leaves by the cheaper of the two system calls.
        .writev(false)
        // Otherwise hyper listens for the client's end while a request is in hand, and takes a buffer for what it may hear: a second
        // one, since the request still holds the first. Who has gone is found out by the write.
        .half_close(true)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(socket, service);
    let mut told = false;
    let after = poll_fn(|context| {
        if pulse.end() == End::Gracefully && !std::mem::replace(&mut told, true) {
            Pin::new(&mut connection).graceful_shutdown();
        }
        if let Poll::Ready(served) = Pin::new(&mut connection).poll(context) {
            return Poll::Ready(served.map(|()| After::TheEnd));
        }
        // Hyper flushes whenever it is polled: unless the socket is full, all that it had to say is said.
        if pulse.is_blocked() {
            return Poll::Pending;
        }
        if let Some(watching) = takeover.take() {
            return Poll::Ready(Ok(After::Watching(watching)));
        }
        let is_idle = is_plain.get() && !pulse.has_requests() && pulse.end() == End::No;
        if is_idle && door == Door::Main { Poll::Ready(Ok(After::Idle)) } else { Poll::Pending }
    })
    .await?;
    let parts = connection.into_parts();
    Ok(match after {
        After::TheEnd => Served::ToTheEnd,
        After::Watching(watching) => Served::Events(EventWriter::new(parts.io.into_parts().0, *watching)),
        After::Idle => {
            let (stream, rest) = parts.io.into_parts();
            // Copied, so that nobody holds hyper's buffer for it.
            Served::Idle(stream, [parts.read_buf, rest].concat())
        }
    })
}

async fn serve_http2(lane: Rc<Lane>, door: Door, peer: IpAddr, socket: Socket, pulse: Rc<Pulse>) -> hyper::Result<()> {
    pulse.idle();
    let served = Rc::clone(&pulse);
    let service = service_fn(move |request: Request<Incoming>| {
        let in_hand = served.request();
        http::handle(Rc::clone(&lane), door, peer, request, move |body| Held::new(body, in_hand))
    });
    let connection = http2::Builder::new(LocalExecutor)
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(BUFFER_BYTES_MAX).expect("16 KiB"))
        .max_send_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(socket, service);
    let mut connection = pin!(connection);
    let mut told = false;
    poll_fn(|context: &mut Context<'_>| -> Poll<hyper::Result<()>> {
        if pulse.end() == End::Gracefully && !std::mem::replace(&mut told, true) {
            connection.as_mut().graceful_shutdown();
        }
        Pin::as_mut(&mut connection).poll(context)
    })
    .await
}

/// Why hyper is polled no more.
enum After {
    TheEnd,
    Watching(Box<Watching>),
    Idle,
}

/// Where an event stream lies from the moment that its head is written until the connection is taken over for it.
type Takeover = Rc<Cell<Option<Box<Watching>>>>;

/// The body of an answer, as hyper sees it.
enum Held {
    /// One that hyper writes. While it is a stream that is being written, its request stays in hand.
    Body { body: ReplyBody, _in_hand: Option<InHand> },
    /// One that the connection is taken over for when hyper first asks for it. An answer to HEAD is never asked.
    TakenOver(Option<Box<Watching>>, Takeover),
}

impl Held {
    fn new(body: ReplyBody, in_hand: InHand) -> Self {
        let in_hand = body.is_stream().then_some(in_hand);
        Self::Body { body, _in_hand: in_hand }
    }
}

impl Body for Held {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Body { body, .. } => Pin::new(body).poll_frame(context),
            Self::TakenOver(watching, takeover) => {
                if let Some(watching) = watching.take() {
                    takeover.set(Some(watching));
                }
                // Nobody need wake it: the connection looks when hyper has been polled.
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Body { body, .. } => body.is_end_stream(),
            Self::TakenOver(..) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Body { body, .. } => body.size_hint(),
            Self::TakenOver(..) => SizeHint::default(),
        }
    }
}

/// Runs what belongs to a connection on its own thread.
#[derive(Debug, Clone, Copy)]
struct LocalExecutor;

impl<F: Future + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        // Nobody waits for a stream's task but the connection, which hears of its end by other ways.
        drop(tokio::task::spawn_local(async move { drop(future.await) }));
    }
}
