//! Owns the socket as hyper sees it: the bytes that were looked at to tell the protocol come first, and the pulse hears of
//! all that come.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::pulse::Pulse;

/// What an HTTP/2 connection begins with when both sides know that it is one.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How a connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/1.
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
}

/// A socket whose first bytes have been read.
pub(super) struct Socket {
    stream: TokioIo<TcpStream>,
    /// What has been read off it and is still to be seen.
    first: Bytes,
    pulse: Rc<Pulse>,
}

/// Waits for the first bytes of a connection, which say by themselves what protocol it speaks. `None`: the peer has gone without a
/// word.
pub(super) async fn begin(stream: &TcpStream) -> io::Result<Option<(Bytes, Protocol)>> {
    let mut first = [0; PREFACE.len()];
    let mut length = 0;
    let protocol = loop {
        stream.readable().await?;
        match stream.try_read(&mut first[length..]) {
            Ok(0) => return Ok(None),
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        if first[..length] != PREFACE[..length] {
            break Protocol::Http1;
        }
        if length == PREFACE.len() {
            break Protocol::Http2;
        }
    };
    Ok(Some((Bytes::copy_from_slice(&first[..length]), protocol)))
}

impl Socket {
    /// `stream`, off which `first` has been read.
    pub(super) fn new(stream: TcpStream, first: Bytes, pulse: Rc<Pulse>) -> Self {
        Self { stream: TokioIo::new(stream), first, pulse }
    }

    /// The socket by itself, and what has been read off it that nobody has seen.
    pub(super) fn into_parts(self) -> (TcpStream, Bytes) {
        (self.stream.into_inner(), self.first)
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.first.is_empty() {
            let taken = self.first.len().min(buffer.remaining());
            buffer.put_slice(&self.first.split_to(taken));
            return Poll::Ready(Ok(()));
        }
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        // Also at the end of the stream, where it does no harm: the connection is over.
        if let Poll::Ready(Ok(())) = polled {
            self.pulse.bytes_came();
        }
        polled
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.pulse.wrote(written.is_pending());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.pulse.wrote(written.is_pending());
        written
    }
}
