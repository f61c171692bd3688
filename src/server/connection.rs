//! Owns one connection: which protocol it speaks, its limits, and its end.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::Request;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use tokio::net::TcpStream;

use super::pulse::{End, InHand, Pulse};
use super::socket::{Protocol, Socket};
use crate::http::{self, Door, Lane, ReplyBody};

/// The most bytes of a request that are buffered, which bounds its head too.
const BUFFER_BYTES_MAX: usize = 16 << 10;

/// The most requests under way on one HTTP/2 connection.
const STREAMS_MAX: u32 = 128;

/// Serves `stream` until either side has had enough. What goes wrong on the wire is the client's affair, and is told to
/// the debug log alone.
pub(super) async fn serve(lane: Rc<Lane>, door: Door, stream: TcpStream, pulse: Rc<Pulse>) {
    let served = match Socket::begin(stream, Rc::clone(&pulse)).await {
        Ok(Some((socket, Protocol::Http1))) => Box::pin(serve_http1(lane, door, socket, pulse)).await,
        Ok(Some((socket, Protocol::Http2))) => Box::pin(serve_http2(lane, door, socket, pulse)).await,
        Ok(None) => Ok(()),
        Err(error) => {
            tracing::debug!(%error, "connection failed");
            Ok(())
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}

async fn serve_http1(lane: Rc<Lane>, door: Door, socket: Socket, pulse: Rc<Pulse>) -> hyper::Result<()> {
    let service = service_fn(|request: Request<Incoming>| {
        let in_hand = pulse.request();
        let answered = http::handle(Rc::clone(&lane), door, request);
        async move { Ok::<_, Infallible>(answered.await.map(|body| Held::new(body, in_hand))) }
    });
    // No timer of hyper's: its header timeout is one for idling and heads alike, and set anew with every request. The
    // pulse has both, by one sweep for all connections.
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(socket, service);
    let mut connection = pin!(connection);
    let mut told = false;
    poll_fn(|context| {
        if pulse.end() == End::Gracefully && !std::mem::replace(&mut told, true) {
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(context)
    })
    .await
}

async fn serve_http2(lane: Rc<Lane>, door: Door, socket: Socket, pulse: Rc<Pulse>) -> hyper::Result<()> {
    pulse.idle();
    let served = Rc::clone(&pulse);
    let service = service_fn(move |request: Request<Incoming>| {
        let in_hand = served.request();
        let answered = http::handle(Rc::clone(&lane), door, request);
        async move { Ok::<_, Infallible>(answered.await.map(|body| Held::new(body, in_hand))) }
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

/// The body of an answer. While it is a stream that is being written, its request stays in hand.
struct Held {
    body: ReplyBody,
    _in_hand: Option<InHand>,
}

impl Held {
    fn new(body: ReplyBody, in_hand: InHand) -> Self {
        let in_hand = body.is_stream().then_some(in_hand);
        Self { body, _in_hand: in_hand }
    }
}

impl Body for Held {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
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
