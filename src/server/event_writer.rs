//! Owns a connection that has become an event stream. Once the head is out, hyper has nothing to do for it but to hold two
//! buffers of 8 KiB; so the socket is taken over, and all that is kept is the piece that is on its way.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

use super::pulse::{End, InHand};
use crate::live::Watcher;

/// What the kernel is asked to hold for a watcher who does not read, in bytes; it takes twice that. More would only be
/// states that are long past.
const SEND_BUFFER_BYTES: usize = 16 << 10;

/// What a watcher may say after its request, which nobody listens to, in bytes.
const UNHEARD_BYTES_MAX: usize = 16 << 10;

/// What ends a body in chunks.
const LAST_CHUNK: Bytes = Bytes::from_static(b"0\r\n\r\n");

/// How the body is cut into pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// In chunks: HTTP/1.1.
    Chunked,
    /// It ends with the connection: HTTP/1.0.
    Close,
}

/// An event stream that is about to begin.
#[derive(Debug)]
pub(super) struct Watching {
    /// Who watches.
    pub(super) watcher: Box<Watcher>,
    /// How the head says that the body is cut.
    pub(super) framing: Framing,
    /// How long the watcher may take nothing of what is sent.
    pub(super) stall_timeout: Duration,
    /// The request, which is answered when the stream is over.
    pub(super) in_hand: InHand,
}

/// Writes an event stream until either side has had enough.
pub(super) struct EventWriter {
    stream: TcpStream,
    watching: Watching,
    /// What of the present piece has not left.
    out: Bytes,
    stalled_since: Option<Instant>,
    unheard: usize,
    is_over: bool,
}

impl EventWriter {
    /// Goes on with `stream`, on which nothing but the head has been sent.
    pub(super) fn new(stream: TcpStream, watching: Watching) -> Self {
        let socket = socket2::SockRef::from(&stream);
        // Neither is vital: with the kernel's own ideas a watcher who stalls costs more, and one whose network has gone is
        // noticed after a quarter of an hour, since heartbeats alone fill no buffer.
        drop(socket.set_send_buffer_size(SEND_BUFFER_BYTES));
        drop(socket.set_tcp_user_timeout(Some(watching.stall_timeout)));
        Self { stream, watching, out: Bytes::new(), stalled_since: None, unheard: 0, is_over: false }
    }

    /// Hears whether the watcher has gone: ready when it has.
    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 512];
        loop {
            ready!(self.stream.poll_read_ready(context))?;
            match self.stream.try_read(&mut bytes) {
                Ok(0) => return Poll::Ready(Ok(())),
                Ok(read) => self.unheard += read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
            if self.unheard > UNHEARD_BYTES_MAX {
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
        }
    }

    /// Sends what there is. An error of kind `TimedOut`: the watcher takes nothing.
    fn poll_sent(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            match Pin::new(&mut self.stream).poll_write(context, &self.out)? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(written) => {
                    self.out.advance(written);
                    self.stalled_since = None;
                }
                Poll::Pending => {
                    // Whoever wakes the watcher, for news or a heartbeat, comes by here too.
                    let since = *self.stalled_since.get_or_insert_with(Instant::now);
                    let is_ending = self.watching.in_hand.end() != End::No;
                    if is_ending || since.elapsed() >= self.watching.stall_timeout {
                        return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                    }
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Future for EventWriter {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Poll::Ready(gone) = this.poll_gone(context) {
            return Poll::Ready(gone);
        }
        loop {
            ready!(this.poll_sent(context))?;
            if this.is_over {
                return Pin::new(&mut this.stream).poll_shutdown(context);
            }
            let piece = ready!(this.watching.watcher.poll_next(context));
            this.out = match (piece, this.watching.framing) {
                (Some(piece), Framing::Chunked) => piece.into_chunk(),
                (Some(piece), Framing::Close) => piece.text(),
                (None, framing) => {
                    this.is_over = true;
                    if framing == Framing::Chunked { LAST_CHUNK } else { Bytes::new() }
                }
            };
        }
    }
}
